//! The `git` program, held to reading one repository: nothing of the repository's configuration starts another program,
//! nothing is fetched, nothing is written.

use std::{
    io::{self, BufRead as _, Read as _},
    path::{Path, PathBuf},
};

use super::{GitError, Repository};
use crate::base::{
    env::Env,
    process::{Located, ProgramInput, ProgramOutput, Running, Tool, ToolError, locate},
};

/// Settings that go before those of the repository, which anybody may have written: no hook, no monitor, no commit graph
/// that tells of other parents than the commits do, no replacements.
const SETTINGS: &[&str] =
    &["core.fsmonitor=false", "core.hooksPath=/dev/null", "core.commitGraph=false", "core.useReplaceRefs=false"];

/// Variables that git gets besides: no lock, nothing asked, nothing fetched, and errors that can be told apart.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    // Keeps versions of git that do not know the one before from fetching.
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_DISCOVERY_ACROSS_FILESYSTEM", "1"),
    ("LC_ALL", "C"),
];

/// Variables that would lead git elsewhere than to the repository that was found, or change what it reads of it.
const LEFT_OUT: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_CEILING_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_EXTERNAL_DIFF",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
];

/// Variables with which git tells its hooks what to look at: of this repository, or of another one.
const OF_HOOKS: &[&str] =
    &["GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"];

/// The longest path, or line, that is read, in bytes.
const TOKEN_LIMIT_BYTES: u64 = 1 << 20;

/// A repository, to be read through the `git` program as its user's own git would: whatever its hash, its storage of
/// references, its alternates, its work trees.
#[derive(Debug, Clone)]
pub struct Git {
    tool: Tool,
    directory: PathBuf,
}

impl Git {
    /// `repository`, read by the `git` on the `PATH` of `env`. In a hook, it is what the hook is about: an index of its own,
    /// objects that are not yet accepted.
    ///
    /// # Errors
    /// [`GitError::NoProgram`].
    pub fn new(repository: &Repository, env: &Env) -> Result<Self, GitError> {
        let program = match locate("git", env) {
            Located::At(program) => program,
            Located::Nowhere => return Err(GitError::NoProgram { relative: None }),
            Located::Relative(directory) => return Err(GitError::NoProgram { relative: Some(directory) }),
        };
        let directory = repository.work_tree.as_ref().unwrap_or(&repository.git_directory).clone();
        let mut tool = Tool::new(program).arg("-C").arg(&directory).args(["--no-pager", "--no-replace-objects"]);
        for setting in SETTINGS {
            tool = tool.args(["-c", setting]);
        }
        for (name, value) in ENVIRONMENT {
            tool = tool.env(name, value);
        }
        tool = LEFT_OUT.iter().fold(tool, |tool, name| tool.without_env(name));
        if !is_of_hook(repository, env) {
            tool = OF_HOOKS.iter().fold(tool, |tool, name| tool.without_env(name));
        }
        Ok(Self { tool, directory })
    }

    /// The root of the work tree, or a bare repository's own directory; for messages.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether history ends where somebody cut it off: what is before is not here.
    ///
    /// # Errors
    /// [`GitError::Run`].
    pub fn is_shallow(&self) -> Result<bool, GitError> {
        Ok(self.line(&["rev-parse", "--is-shallow-repository"])? == "true")
    }

    /// Starts git with these arguments.
    pub(super) fn start(&self, arguments: &[&str]) -> Result<(Running, ProgramInput, ProgramOutput), GitError> {
        self.tool.clone().args(arguments).start().map_err(|cause| self.failed(cause))
    }

    /// The one line that git prints.
    pub(super) fn line(&self, arguments: &[&str]) -> Result<String, GitError> {
        let lines = self.tokens(arguments, b'\n')?;
        Ok(lines.first().map(|line| String::from_utf8_lossy(line).into_owned()).unwrap_or_default())
    }

    /// All that git prints, cut at each `end`.
    pub(super) fn tokens(&self, arguments: &[&str], end: u8) -> Result<Vec<Vec<u8>>, GitError> {
        let (running, input, mut output) = self.start(arguments)?;
        drop(input);
        let mut tokens = Vec::new();
        while let Some(token) = self.token(&running, &mut output, end)? {
            tokens.push(token);
        }
        running.finish().map_err(|cause| self.failed(cause))?;
        Ok(tokens)
    }

    /// The next of what git prints, up to `end`; `None` at the end of all.
    pub(super) fn token(
        &self,
        running: &Running,
        output: &mut ProgramOutput,
        end: u8,
    ) -> Result<Option<Vec<u8>>, GitError> {
        let mut token = Vec::new();
        let read = output.take(TOKEN_LIMIT_BYTES).read_until(end, &mut token);
        let read = read.map_err(|cause| self.failed(running.unheard(cause)))?;
        match token.pop() {
            None => Ok(None),
            Some(last) if last == end => Ok(Some(token)),
            // Cut off: what is behind it is not known either.
            Some(_) if (read as u64) < TOKEN_LIMIT_BYTES => {
                Err(self.failed(running.unheard(io::ErrorKind::UnexpectedEof.into())))
            }
            Some(_) => Err(self.odd("a line that is too long")),
        }
    }

    /// That git failed.
    pub(super) fn failed(&self, cause: ToolError) -> GitError {
        GitError::Run { repository: self.directory.clone(), cause }
    }

    /// That git printed something else than expected.
    pub(super) fn odd(&self, what: &str) -> GitError {
        GitError::Output { repository: self.directory.clone(), what: what.to_owned() }
    }
}

/// Whether what a hook was told, if there is one, is about `repository`.
fn is_of_hook(repository: &Repository, env: &Env) -> bool {
    let Some(directory) = env.path("GIT_DIR") else { return true };
    let real = |path: &Path| path.canonicalize().ok();
    real(&directory).is_some_and(|directory| Some(directory) == real(&repository.git_directory))
}
