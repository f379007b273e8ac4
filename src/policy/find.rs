//! Where the policy of a file is: the nearest `.sops.yaml` upward.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

/// The only name that a policy has.
pub const POLICY_FILE_NAME: &str = ".sops.yaml";

/// A name that many expect to work.
const IGNORED_FILE_NAME: &str = ".sops.yml";

/// How many directories are looked into.
const MAX_LEVELS: usize = 100;

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The policy.
    pub policy: Option<PathBuf>,
    /// The nearest `.sops.yml` on the way, the policy's own directory included, which nobody reads.
    pub ignored: Option<PathBuf>,
}

/// Searches `start`, an absolute directory that need not exist, and the directories above it.
///
/// # Errors
/// The operating system's, when it does not tell whether a file is there: a policy that cannot be seen is not passed
/// over in favour of another one further up.
pub fn find(start: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    for directory in normalize(start).ancestors().take(MAX_LEVELS) {
        let ignored = directory.join(IGNORED_FILE_NAME);
        if found.ignored.is_none() && exists(&ignored)? {
            found.ignored = Some(ignored);
        }
        let policy = directory.join(POLICY_FILE_NAME);
        if exists(&policy)? {
            found.policy = Some(policy);
            break;
        }
    }
    Ok(found)
}

/// Whether there is something at `path`; a part of the path that is a file or missing means no.
fn exists(path: &Path) -> io::Result<bool> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// `path` as seen from `directory`, which is absolute: without `.` and `..`, by name alone.
#[must_use]
pub fn absolute(directory: &Path, path: &Path) -> PathBuf {
    normalize(&directory.join(path))
}

/// `path` without `.`, `..` and doubled separators. Nothing is above the root.
pub(super) fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
    }
    normal
}
