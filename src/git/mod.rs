//! A git repository: where it is, which is told from files alone, and what it holds, which the `git` program tells. A
//! library of our own would have to know each hash, pack, reference format and extension that the user's git knows.

mod blob;
mod history;
mod index;
mod object_id;
mod program;
#[cfg(test)]
mod tests;

mod ignored;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub use blob::BlobOutcome;
pub use history::{Change, Commit, Commits, Revisions};
pub use index::IndexEntry;
pub use object_id::ObjectId;
pub use program::Git;

use crate::base::{
    files::{FileError, read_text},
    process::{ToolError, ToolProblem},
};

pub use ignored::is_ignored;

/// How a `.git` file names the directory that it stands for.
const GIT_FILE_PREFIX: &str = "gitdir:";

/// Far more than the one path that a `.git` file or a `commondir` holds, in bytes.
const POINTER_LIMIT_BYTES: usize = 64 << 10;

/// How many directories are looked into.
const MAX_LEVELS: usize = 100;

/// A git repository, found from a directory in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The root of the work tree; `None` of a bare repository.
    pub work_tree: Option<PathBuf>,
    /// The directory with `HEAD` and the index: of a linked work tree its own one.
    pub git_directory: PathBuf,
    /// The directory with objects and branches, which linked work trees share.
    pub common_directory: PathBuf,
}

/// Why a repository cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The operating system does not tell what is there.
    #[error("{}: cannot be looked at", path.display())]
    Look {
        /// What was looked for.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A `.git` file or a `commondir` cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// A `.git` file names no directory.
    #[error("{}: names no git directory", path.display())]
    Pointer {
        /// The file.
        path: PathBuf,
    },
    /// There is no `git` to read the repository.
    #[error("git is not on PATH{}", relative.as_ref().map(|path| behind(path)).unwrap_or_default())]
    NoProgram {
        /// The directory that has one, which `PATH` names relative to the current one.
        relative: Option<PathBuf>,
    },
    /// `git` failed.
    #[error("{}: git does not read it: {}", repository.display(), reason(cause))]
    Run {
        /// The root of the work tree, or a bare repository's own directory.
        repository: PathBuf,
        /// Why.
        cause: ToolError,
    },
    /// `git` printed something else than it does.
    #[error("{}: git told {what}", repository.display())]
    Output {
        /// The root of the work tree, or a bare repository's own directory.
        repository: PathBuf,
        /// What.
        what: String,
    },
}

impl GitError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoProgram { relative: None } => Some("install git".to_owned()),
            Self::NoProgram { relative: Some(_) } => Some("name directories by their whole path in PATH".to_owned()),
            Self::Run { repository, cause: ToolError { problem: ToolProblem::Refused { said, .. }, .. } } => {
                let shown = repository.display();
                if said.contains("dubious ownership") {
                    let command = format!("git config --global --add safe.directory '{shown}'");
                    return Some(format!("it belongs to somebody else; if you trust its configuration: {command}"));
                }
                if said.contains("bad revision") || said.contains("unknown revision") {
                    return Some("see `git log --all` for what there is".to_owned());
                }
                Some(format!("see what `git -C '{shown}' fsck` tells, or clone it anew, without --filter"))
            }
            _ => None,
        }
    }
}

fn behind(directory: &Path) -> String {
    format!(" but for {}, which it names relative to the current directory", directory.display())
}

/// The line in which git says why.
fn reason(cause: &ToolError) -> String {
    let ToolProblem::Refused { said, .. } = &cause.problem else {
        return cause.to_string();
    };
    let why = said.lines().find_map(|line| line.strip_prefix("fatal: "));
    why.or_else(|| said.lines().next()).unwrap_or_default().to_owned()
}

/// The repository that `start`, an absolute directory, is in; `None` if it is in none.
///
/// # Errors
/// [`GitError`] where something called `.git` is found and is no repository, or cannot be looked at.
///
/// # Source
/// `gitrepository-layout(5)`, git 2.47.
pub fn find_repository(start: &Path) -> Result<Option<Repository>, GitError> {
    for directory in start.ancestors().take(MAX_LEVELS) {
        let dot_git = directory.join(".git");
        if let Some(metadata) = look(&dot_git)? {
            if metadata.is_file() {
                let git_directory = read_pointer(&dot_git, GIT_FILE_PREFIX)?;
                return Ok(Some(with_work_tree(directory, git_directory)?));
            }
            // An empty directory of that name is none, for git too.
            if is_git_directory(&dot_git)? {
                return Ok(Some(with_work_tree(directory, dot_git)?));
            }
        }
        if is_git_directory(directory)? {
            let common_directory = common_directory(directory)?;
            return Ok(Some(Repository { work_tree: None, git_directory: directory.to_owned(), common_directory }));
        }
    }
    Ok(None)
}

fn with_work_tree(work_tree: &Path, git_directory: PathBuf) -> Result<Repository, GitError> {
    let common_directory = common_directory(&git_directory)?;
    Ok(Repository { work_tree: Some(work_tree.to_owned()), git_directory, common_directory })
}

/// Whether `directory` holds what git asks for: `HEAD`, and objects of its own or of another one.
fn is_git_directory(directory: &Path) -> Result<bool, GitError> {
    let has = |name: &str| look(&directory.join(name)).map(|found| found.is_some());
    Ok(has("HEAD")? && (has("commondir")? || (has("objects")? && has("refs")?)))
}

fn common_directory(git_directory: &Path) -> Result<PathBuf, GitError> {
    let pointer = git_directory.join("commondir");
    if look(&pointer)?.is_none() {
        return Ok(git_directory.to_owned());
    }
    read_pointer(&pointer, "")
}

/// The directory that the file at `path` names behind `prefix`, as seen from the file.
fn read_pointer(path: &Path, prefix: &str) -> Result<PathBuf, GitError> {
    let text = read_text(path, POINTER_LIMIT_BYTES)?;
    let named = text.expose().trim_end_matches(['\n', '\r']).strip_prefix(prefix).map(str::trim_start);
    let named = named.filter(|named| !named.is_empty() && !named.contains('\n'));
    let named = named.ok_or_else(|| GitError::Pointer { path: path.to_owned() })?;
    Ok(path.parent().unwrap_or(path).join(named))
}

fn look(path: &Path) -> Result<Option<fs::Metadata>, GitError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(cause) => Err(GitError::Look { path: path.to_owned(), cause }),
    }
}

#[cfg(test)]
mod place_tests {
    use assert_fs::{TempDir, prelude::*};

    use super::*;

    fn bare(root: &TempDir, path: &str) {
        root.child(path).child("HEAD").write_str("ref: refs/heads/main\n").unwrap();
        root.child(path).child("objects/x").touch().unwrap();
        root.child(path).child("refs/x").touch().unwrap();
    }

    #[track_caller]
    fn check(root: &TempDir, from: &str, expected: Option<(Option<&str>, &str, &str)>) {
        let at = |path: &str| root.child(path).to_path_buf();
        let expected = expected.map(|(work_tree, git_directory, common_directory)| Repository {
            work_tree: work_tree.map(|path| if path.is_empty() { root.path().to_owned() } else { at(path) }),
            git_directory: at(git_directory),
            common_directory: at(common_directory),
        });
        assert_eq!(find_repository(&at(from)).unwrap(), expected, "{from}");
    }

    #[test]
    fn a_repository_is_found_from_any_directory_in_it() {
        let root = TempDir::new().unwrap();
        bare(&root, "r/.git");
        root.child("r/a/b/file").touch().unwrap();
        check(&root, "r/a/b", Some((Some("r"), "r/.git", "r/.git")));
        check(&root, "r", Some((Some("r"), "r/.git", "r/.git")));
        root.child("r/a/.git/empty").touch().unwrap();
        check(&root, "r/a/b", Some((Some("r"), "r/.git", "r/.git")));
    }

    #[test]
    fn a_linked_work_tree_and_a_bare_repository_are_found() {
        let root = TempDir::new().unwrap();
        bare(&root, "bare.git");
        check(&root, "bare.git/refs", Some((None, "bare.git", "bare.git")));
        let linked = root.child("bare.git/worktrees/w");
        linked.child("HEAD").write_str("ref: refs/heads/w\n").unwrap();
        linked.child("commondir").write_str("../..\n").unwrap();
        root.child("w/.git").write_str("gitdir: ../bare.git/worktrees/w\n").unwrap();
        check(&root, "w", Some((Some("w"), "w/../bare.git/worktrees/w", "w/../bare.git/worktrees/w/../..")));
    }

    #[test]
    fn a_git_file_that_names_nothing_is_an_error_with_its_path() {
        let root = TempDir::new().unwrap();
        for text in ["", "gitdir:\n", "elsewhere\n", "gitdir: a\nb\n"] {
            root.child(".git").write_str(text).unwrap();
            let error = find_repository(root.path()).unwrap_err().to_string();
            assert_eq!(error, format!("{}: names no git directory", root.child(".git").display()));
        }
    }
}
