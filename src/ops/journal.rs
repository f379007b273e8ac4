//! Where the journal of a run over many files is: in the git directory of their repository, which no commit reaches; outside
//! of git in the user's own state directory. Never beside the files: what somebody else put there would be believed.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{error::OpError, session::Session};
use crate::{
    base::{
        files::journal::{Journal, Unfinished},
        process::{Located, Tool, locate},
    },
    git::find_repository,
    policy::absolute,
};

/// More than git says of a million files, in bytes.
const STATUS_LIMIT_BYTES: usize = 256 << 20;

/// A journal to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalPlace {
    /// Where it is.
    pub directory: PathBuf,
    /// The directory of the files.
    pub root: PathBuf,
    /// Whether the files are in a git repository.
    pub is_in_git: bool,
}

impl JournalPlace {
    /// The one for the files that `paths` stand for.
    ///
    /// # Errors
    /// [`OpError::Git`], [`OpError::NoJournalPlace`].
    pub fn of(session: &Session, paths: &[PathBuf]) -> Result<Self, OpError> {
        let mut common: Option<PathBuf> = None;
        for path in paths {
            let path = absolute(session.directory(), path);
            // One that is not there is told where it is read.
            let Ok(mut directory) = path.canonicalize() else { continue };
            if !directory.is_dir() {
                directory.pop();
            }
            common = Some(common.map_or_else(|| directory.clone(), |common| shared(&common, &directory)));
        }
        let common = common.unwrap_or_else(|| session.directory().to_owned());
        if let Some(repository) = find_repository(&common)?
            && let Some(work_tree) = repository.work_tree
        {
            let root = work_tree.canonicalize().unwrap_or(work_tree);
            return Ok(Self { directory: repository.git_directory.join("secrets"), root, is_in_git: true });
        }
        let env = session.env();
        let state = env.path("XDG_STATE_HOME").or_else(|| Some(env.path("HOME")?.join(".local/state")));
        let state = state.or_else(|| env.path("XDG_RUNTIME_DIR")).filter(|state| state.is_absolute());
        let hash = Sha256::digest(common.as_os_str().as_encoded_bytes());
        let name: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let directory = state.ok_or(OpError::NoJournalPlace)?.join("secrets").join("journal").join(name);
        Ok(Self { directory, root: common, is_in_git: false })
    }

    /// Opens it, for this run alone.
    ///
    /// # Errors
    /// [`OpError::Journal`].
    pub fn open(&self) -> Result<Journal, OpError> {
        Ok(Journal::open(&self.directory, &self.root)?)
    }

    /// What an earlier run has left to be done.
    #[must_use]
    pub fn unfinished(&self) -> Option<Unfinished> {
        Journal::peek(&self.directory)
    }
}

/// Which of `files` have changes that are not committed; none where git does not tell.
#[must_use]
pub fn find_uncommitted(session: &Session, place: &JournalPlace, files: &[PathBuf]) -> Vec<PathBuf> {
    let Located::At(git) = locate("git", session.env()) else { return Vec::new() };
    if !place.is_in_git {
        return Vec::new();
    }
    // The configuration of a repository can name programs; none is needed here.
    let settings = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
    let tool = Tool::new(git).arg("-C").arg(&place.root).args(settings).env("GIT_OPTIONAL_LOCKS", "0");
    let status = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"];
    let Ok(printed) = tool.args(status).capture(STATUS_LIMIT_BYTES) else { return Vec::new() };
    let lines = printed.split(|byte| *byte == 0).filter_map(|line| std::str::from_utf8(line.get(3..)?).ok());
    let dirty: HashSet<PathBuf> = lines.map(|path| place.root.join(path)).collect();
    if dirty.is_empty() {
        return Vec::new();
    }
    let is_dirty = |file: &&PathBuf| file.canonicalize().is_ok_and(|path| dirty.contains(&path));
    files.iter().filter(is_dirty).cloned().collect()
}

/// The deepest directory that is above both, or one of them.
fn shared(one: &Path, other: &Path) -> PathBuf {
    let pairs = one.components().zip(other.components());
    pairs.take_while(|(one, other)| one == other).map(|(part, _)| part).collect()
}
