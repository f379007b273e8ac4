//! Many files replaced at once, with one barrier to the disk for all of them.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{
    FileError, FileProblem,
    durable::{sync_contents, sync_names},
    stage::{Access, Before, Staged},
};

/// Files that are replaced together. Each is replaced whole or not at all; a batch is not atomic as a whole,
/// which no file system offers. Dropped without [`Batch::commit`], it changes nothing.
#[derive(Default)]
pub struct Batch(Mutex<Vec<Staged>>);

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `content` next to the regular file at `path`, whose content has to be `expected`. Owner, mode and
    /// access list are those of the old file; a symlink is followed, and stays. Any number of threads may call this.
    ///
    /// # Errors
    /// [`FileError`]; then `path` is not part of the batch, and nothing is left next to it.
    pub fn stage(&self, path: &Path, expected: &[u8], content: &[u8]) -> Result<(), FileError> {
        let staged = Staged::new(path, Before::Held(expected), Access::Kept, content)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(staged);
        Ok(())
    }

    /// Brings all content to the disk, then puts every file in place, then brings the names to the disk.
    ///
    /// Returns what became of each path, in the order of staging. When the content cannot be brought to the disk,
    /// no file is replaced.
    #[must_use]
    pub fn commit(self) -> Vec<(PathBuf, Result<(), FileError>)> {
        let staged = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let directories: BTreeSet<PathBuf> = staged.iter().map(|staged| staged.directory().to_owned()).collect();
        let contents = sync_contents(staged.iter().map(Staged::temporary_path), &directories);
        let mut outcomes: Vec<_> = staged
            .into_iter()
            .map(|staged| {
                let path = staged.asked.clone();
                let outcome = match &contents {
                    Ok(()) => staged.put_in_place(),
                    Err(cause) => Err(FileError::new(&path, FileProblem::Sync(again(cause)))),
                };
                (path, outcome)
            })
            .collect();
        if contents.is_ok()
            && let Err(cause) = sync_names(&directories)
        {
            for (path, outcome) in outcomes.iter_mut().filter(|(_, outcome)| outcome.is_ok()) {
                *outcome = Err(FileError::new(path, FileProblem::Unsynced(again(&cause))));
            }
        }
        outcomes
    }
}

impl From<Staged> for Batch {
    fn from(staged: Staged) -> Self {
        Self(Mutex::new(vec![staged]))
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Batch(..)")
    }
}

/// The same error once more, for another file that it concerns.
fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}
