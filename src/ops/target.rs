//! Which files a command works on: those that are named, and below a directory those that SOPS wrote.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};

use ignore::WalkBuilder;

use crate::base::files::{FileError, FileProblem, is_leftover_name};

/// A file to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is worked on.
    pub origin: Origin,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Targets {
    /// The files.
    pub files: Vec<Target>,
    /// What could not be looked into.
    pub faults: Vec<FileError>,
}

/// Why a file is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was named: whatever stands in the way is an error.
    Named,
    /// It is below a directory that was named: it counts only if SOPS wrote it.
    Below,
}

/// The files that `paths` stand for, in order and each once: a file for itself, a directory for the files below it that git does not
/// ignore. Symbolic links below a directory are not followed. Contents are not looked at.
#[must_use]
pub fn find_targets(paths: &[PathBuf]) -> Targets {
    let mut targets = Targets::default();
    for path in paths {
        if path.is_dir() {
            find_below(path, &mut targets);
        } else {
            targets.files.push(Target { path: path.clone(), origin: Origin::Named });
        }
    }
    if paths.len() > 1 {
        // Named twice, or named and below a directory that is named too.
        let mut seen = HashSet::new();
        targets.files.retain(|target| seen.insert(target.path.canonicalize().unwrap_or_else(|_| target.path.clone())));
    }
    targets
}

fn find_below(directory: &Path, targets: &mut Targets) {
    let walk = WalkBuilder::new(directory)
        .hidden(false)
        .ignore(false)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    for entry in walk {
        match entry {
            Ok(entry) => {
                let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
                if is_file && !is_leftover_name(entry.file_name()) {
                    targets.files.push(Target { path: entry.into_path(), origin: Origin::Below });
                }
            }
            Err(error) => targets.faults.push(fault(directory, error)),
        }
    }
}

/// What `error` of a walk through `directory` is about.
fn fault(directory: &Path, error: ignore::Error) -> FileError {
    let mut path = directory;
    let mut inner = &error;
    loop {
        match inner {
            ignore::Error::WithPath { path: at, err } => {
                path = at;
                inner = err;
            }
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => inner = err,
            _ => break,
        }
    }
    let path = path.to_owned();
    let cause = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
    FileError { path, problem: FileProblem::Read(cause) }
}

#[cfg(test)]
mod tests {
    use assert_fs::{TempDir, prelude::*};

    use super::*;

    #[test]
    fn a_directory_stands_for_what_git_does_not_ignore() {
        let root = TempDir::new().unwrap();
        for path in [".git/config", ".github/a.yaml", "b/a.yaml", "b/ignored.yaml", "c.yaml", ".d.yaml.0.secrets-tmp"] {
            root.child(path).touch().unwrap();
        }
        root.child(".gitignore").write_str("ignored.yaml\n").unwrap();
        let paths = ["c.yaml", "b/../c.yaml", ""].map(|path| root.child(path).to_path_buf());
        let found = find_targets(&paths);
        assert!(found.faults.is_empty());
        let shown: Vec<_> = found
            .files
            .iter()
            .map(|target| (target.path.strip_prefix(&root).unwrap().to_str().unwrap(), target.origin))
            .collect();
        let below = |path| (path, Origin::Below);
        let expected = [("c.yaml", Origin::Named), below(".github/a.yaml"), below(".gitignore"), below("b/a.yaml")];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_cannot_be_listed_is_named_by_its_own_path() {
        let denied = ignore::Error::Io(io::ErrorKind::PermissionDenied.into());
        let at = ignore::Error::WithPath { path: PathBuf::from("a/closed"), err: Box::new(denied) };
        let fault = fault(Path::new("a"), ignore::Error::WithDepth { depth: 1, err: Box::new(at) });
        assert_eq!(fault.to_string(), "a/closed: cannot be read");
        assert!(matches!(fault.problem, FileProblem::Read(cause) if cause.kind() == io::ErrorKind::PermissionDenied));
    }
}
