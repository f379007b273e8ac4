//! Every effect on disk: files read into wiped memory, files replaced whole or not at all.
//!
//! A replacement is written next to its target under another name, `.NAME.XXXXXXXX.secrets-tmp`, and takes its name
//! only when all of it is on the disk. `kill -9` can leave such a file behind, never a half-written target.

mod attributes;
mod batch;
mod durable;
pub mod journal;
mod read;
mod stage;
#[cfg(test)]
#[cfg(unix)]
mod tests;
mod write;

pub use batch::{Batch, Committed};
pub(crate) use read::read_wiped;
pub use read::{into_text, read_bytes, read_stdin, read_stdin_bytes, read_text};
pub use stage::is_leftover_name;
pub use write::{create, create_new_private, create_private, create_private_directory, remove, replace, write};

use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
};

/// Why a file could not be read or replaced. But for [`FileProblem::Unsynced`], the file on disk is as it was.
#[derive(Debug)]
pub struct FileError {
    /// The file as it was asked for.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: FileProblem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// It cannot be opened or read.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// It is larger than the bound.
    #[error("is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit_bytes: usize,
    },
    /// It is not UTF-8.
    #[error("is not UTF-8 text at byte {offset}")]
    NotText {
        /// The first byte that is not part of a character.
        offset: usize,
    },
    /// It exists already, and is not replaced.
    #[error("exists already")]
    Exists,
    /// It is a directory or device, where a regular file can be replaced.
    #[error("is not a regular file")]
    NotRegular,
    /// Its mode, or the file system, forbids to write to it.
    #[error("is not writable")]
    NotWritable(#[source] io::Error),
    /// It is not what it was when it was read.
    #[error("has been changed by somebody else since it was read")]
    Changed,
    /// The new content cannot be written next to it.
    #[error("cannot be written")]
    Write(#[source] io::Error),
    /// The new file cannot get the mode, owner or access list of the old one.
    #[error("cannot be replaced by a file of the same owner, mode and access list")]
    Attributes(#[source] io::Error),
    /// The new content cannot be brought to the disk.
    #[error("cannot be brought to the disk")]
    Sync(#[source] io::Error),
    /// The new file cannot take the place of the old one.
    #[error("cannot be replaced")]
    Replace(#[source] io::Error),
    /// It is replaced, but the system does not confirm that the new name is on the disk.
    #[error("is replaced, but may be the old file again after a loss of power")]
    Unsynced(#[source] io::Error),
}

impl FileError {
    fn new(path: &Path, problem: FileProblem) -> Self {
        Self { path: path.to_owned(), problem }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path.display(), self.problem)
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}
