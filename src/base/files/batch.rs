//! Many files replaced at once, with one barrier to the disk for all of them.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{
    FileError, FileProblem,
    durable::{sync_contents, sync_names},
    stage::{Access, Before, Staged, directory_of},
};

/// How many replaced files are held open at a time: a process may have 256 on some systems, 1,024 on most.
const HELD_FILES: usize = 128;

/// What became of each path.
pub type Committed = Vec<(PathBuf, Result<(), FileError>)>;

/// Files that are replaced together. Each is replaced whole or not at all; a batch is not atomic as a whole,
/// which no file system offers. Dropped without [`Batch::commit`], it changes nothing.
#[derive(Default)]
pub struct Batch {
    staged: Mutex<Vec<Staged>>,
    /// What the names of the new files are made of; `None` for one by itself each.
    token: Option<u64>,
}

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
        self.add(Staged::named(path, (Before::Held(expected), Access::Kept), content, self.token)?);
        Ok(())
    }

    /// An empty batch whose new files have names that are known to who knows `token`.
    pub(super) fn with_token(token: u64) -> Self {
        Self { token: Some(token), ..Self::default() }
    }

    pub(super) fn add(&self, staged: Staged) {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner).push(staged);
    }

    /// Those that are not what they were when they were staged.
    pub(super) fn find_changed(&self) -> Vec<FileError> {
        let staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
        staged.iter().filter_map(|staged| staged.check().err()).collect()
    }

    /// From here on, a signal leaves the new files where they are.
    pub(super) fn let_go(&self) {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Staged::let_go);
    }

    /// Brings all content to the disk, then puts every file in place, then brings the names to the disk.
    ///
    /// Returns what became of each path, in the order of staging. When the content cannot be brought to the disk,
    /// no file is replaced.
    #[must_use]
    pub fn commit(self) -> Committed {
        match self.sync(&[]) {
            Ok(()) => self.put_in_place(),
            Err(cause) => {
                let unsynced = |path: PathBuf| {
                    let error = FileError::new(&path, FileProblem::Sync(again(&cause)));
                    (path, Err(error))
                };
                self.into_staged().into_iter().map(|staged| unsynced(staged.asked.clone())).collect()
            }
        }
    }

    /// Brings all content to the disk, and that of `others`.
    pub(super) fn sync(&self, others: &[&Path]) -> io::Result<()> {
        let staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
        let files: Vec<&Path> = staged.iter().map(Staged::temporary_path).chain(others.iter().copied()).collect();
        let directories = files.iter().map(|file| directory_of(file).to_owned()).collect();
        sync_contents(files.into_iter(), &directories)
    }

    /// Puts every file in place, then brings the names to the disk. Returns as [`Batch::commit`] does.
    pub(super) fn put_in_place(self) -> Committed {
        let staged = self.into_staged();
        let directories: BTreeSet<PathBuf> = staged.iter().map(|staged| staged.directory().to_owned()).collect();
        let mut outcomes = put_all_in_place(staged);
        if let Err(cause) = sync_names(&directories) {
            for (path, outcome) in outcomes.iter_mut().filter(|(_, outcome)| outcome.is_ok()) {
                *outcome = Err(FileError::new(path, FileProblem::Unsynced(again(&cause))));
            }
        }
        outcomes
    }

    fn into_staged(self) -> Vec<Staged> {
        self.staged.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Staged> for Batch {
    fn from(staged: Staged) -> Self {
        Self { staged: Mutex::new(vec![staged]), token: None }
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Batch(..)")
    }
}

/// Puts files in place, on two threads where they are many: with the last handle of an old file the file system frees what it
/// took, which costs ten times as much as the change of the name.
fn put_all_in_place(mut staged: Vec<Staged>) -> Committed {
    if staged.len() < HELD_FILES / 4 {
        return put_some_in_place(staged);
    }
    let others = staged.split_off(staged.len() / 2);
    std::thread::scope(|scope| {
        let others = scope.spawn(|| put_some_in_place(others));
        let mut outcomes = put_some_in_place(staged);
        outcomes.extend(others.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        outcomes
    })
}

/// Puts files in place. The old ones are held until a number of them is let go, so that no change of a name waits for that.
fn put_some_in_place(staged: Vec<Staged>) -> Committed {
    let mut outcomes = Vec::with_capacity(staged.len());
    let mut staged = staged.into_iter();
    while staged.len() > 0 {
        let some: Vec<Staged> = staged.by_ref().take(HELD_FILES / 2).collect();
        let _held: Vec<File> = some.iter().filter_map(|staged| File::open(&staged.target).ok()).collect();
        outcomes.extend(some.into_iter().map(|staged| (staged.asked.clone(), staged.put_in_place())));
    }
    outcomes
}

/// The same error once more, for another file that it concerns.
fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}
