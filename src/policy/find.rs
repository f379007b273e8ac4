//! Where the policy of a file is: the nearest `.sops.yaml` upward.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use super::warning::{PolicyWarning, PolicyWarningKind};

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

impl Found {
    /// The warning about the file that nobody reads, if there is one.
    #[must_use]
    pub fn warning(&self) -> Option<PolicyWarning> {
        let path = self.ignored.clone()?;
        Some(PolicyWarning { path, place: None, kind: PolicyWarningKind::IgnoredFile })
    }
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
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
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

#[cfg(test)]
mod tests {
    use assert_fs::{TempDir, prelude::*};

    use super::*;

    #[test]
    fn the_nearest_policy_upward_is_found_and_the_misnamed_one_noted() {
        let root = TempDir::new().unwrap();
        root.child(".sops.yaml").touch().unwrap();
        root.child("a/.sops.yml").touch().unwrap();
        root.child("a/b/file").touch().unwrap();
        let at = |path: &str| Some(root.child(path).to_path_buf());
        let from = |path: &str| find(&root.child(path)).unwrap();
        assert_eq!(from("a/b"), Found { policy: at(".sops.yaml"), ignored: at("a/.sops.yml") });
        assert_eq!(from("a/missing/x/.."), Found { policy: at(".sops.yaml"), ignored: at("a/.sops.yml") });
        assert_eq!(from("a/b/file/x"), Found { policy: at(".sops.yaml"), ignored: at("a/.sops.yml") });
        assert_eq!(from(""), Found { policy: at(".sops.yaml"), ignored: None });
        assert!(
            from("a")
                .warning()
                .unwrap()
                .to_string()
                .ends_with("a/.sops.yml: this file is not read: the policy's name is `.sops.yaml`")
        );
        assert_eq!(from("").warning(), None);
    }

    #[test]
    fn a_search_ends_after_a_hundred_directories() {
        let root = TempDir::new().unwrap();
        root.child(".sops.yaml").touch().unwrap();
        let below = |levels: usize| find(&root.child("x/".repeat(levels))).unwrap().policy;
        assert!(below(99).is_some());
        assert!(below(100).is_none());
    }

    #[test]
    fn a_path_is_made_absolute_by_name_alone() {
        let check = |path: &str, expected: &str| {
            assert_eq!(absolute(Path::new("/work/repo"), Path::new(path)), Path::new(expected));
        };
        check("a/./b", "/work/repo/a/b");
        check("../x", "/work/x");
        check("../../../..", "/");
        check("/etc//x/..", "/etc");
        check("", "/work/repo");
    }
}
