//! A run: new files made, then all put in place.

use std::{
    collections::HashMap,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    Journal, JournalError, LIST, OLD,
    record::{Entry, Record, Stage, escape, hash},
};
use crate::base::files::{
    Batch, Committed, FileError, FileProblem, attributes,
    attributes::Readers,
    remove,
    stage::{Staged, directory_of, resolve},
};

/// What a file that was changed since it was staged means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChanged {
    /// None is replaced.
    Stop,
    /// They are replaced.
    KeepGoing,
}

/// Files that are replaced together. Dropped without [`Run::commit`], it changes nothing.
#[derive(Debug)]
pub struct Run<'j> {
    journal: &'j Journal,
    pub(super) token: u64,
    batch: Batch,
    notes: Mutex<Notes>,
}

/// What is noted on the way.
#[derive(Debug)]
pub(super) struct Notes {
    /// The names of all files for which a new one may have been made.
    list: File,
    /// What all files held, one behind the other.
    old: File,
    /// How much that is, in bytes.
    end: usize,
    pub(super) entries: Vec<Entry>,
    /// The directories of the files, with what they are without links.
    directories: HashMap<PathBuf, PathBuf>,
}

impl<'j> Run<'j> {
    pub(super) fn new(journal: &'j Journal) -> Result<Self, JournalError> {
        let broken = |cause| FileError::new(&journal.directory, FileProblem::Write(cause));
        let token = getrandom::u64().map_err(|error| broken(std::io::Error::other(error.to_string())))?;
        let create = |kind| {
            let path = journal.path_of(kind, token);
            attributes::create(&path, Readers::Owner).map_err(|cause| FileError::new(&path, FileProblem::Write(cause)))
        };
        let notes =
            Notes { list: create(LIST)?, old: create(OLD)?, end: 0, entries: Vec::new(), directories: HashMap::new() };
        Ok(Self { journal, token, batch: Batch::with_token(token), notes: Mutex::new(notes) })
    }

    /// Writes `content` next to the regular file at `path`, which has to hold the text `expected`. Owner, mode and access
    /// list are kept; a symlink is followed, and stays. Any number of threads may call this.
    ///
    /// # Errors
    /// [`JournalError::Outside`], and those of [`Batch::stage`]; then `path` is not part of the run.
    pub fn stage(&self, path: &Path, expected: &str, content: &str) -> Result<(), JournalError> {
        let unread = |cause| FileError::new(path, FileProblem::Read(cause));
        let target = resolve(path).map_err(unread)?;
        let directory = self.real_directory(directory_of(&target)).map_err(unread)?;
        let real = directory.join(target.file_name().unwrap_or_default());
        let outside = || JournalError::Outside { file: path.to_owned(), root: self.journal.root.clone() };
        let below = real.strip_prefix(&self.journal.root).map_err(|_elsewhere| outside())?;
        self.note(path, |notes| notes.list.write_all(format!("{}\n", escape(below)).as_bytes()))?;
        let (staged, held) = Staged::of_text((path, target), expected, content.as_bytes(), self.token)?;
        let entry = Entry {
            path: below.to_owned(),
            old: hash(&held),
            new: hash(content.as_bytes()),
            start: 0,
            length: held.len(),
        };
        self.note(path, |notes| {
            notes.old.write_all(&held)?;
            notes.entries.push(Entry { start: notes.end, ..entry });
            notes.end += held.len();
            Ok(())
        })?;
        self.batch.add(staged);
        Ok(())
    }

    /// Brings all to the disk, writes the record, and puts every file in place.
    ///
    /// Returns what became of each path, in the order of staging. Where a file was changed since it was staged, and that
    /// stops the run, only those that were changed are returned.
    ///
    /// # Errors
    /// [`JournalError`]; then no file is replaced.
    pub fn commit(mut self, on_changed: OnChanged) -> Result<Committed, JournalError> {
        let batch = std::mem::take(&mut self.batch);
        let entries = std::mem::take(&mut self.notes().entries);
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let changed = batch.find_changed();
        if on_changed == OnChanged::Stop && !changed.is_empty() {
            return Ok(changed.into_iter().map(|error| (error.path.clone(), Err(error))).collect());
        }
        let old = self.journal.path_of(OLD, self.token);
        let unsynced = |cause| FileError::new(&self.journal.directory, FileProblem::Sync(cause));
        batch.sync(&[&old]).map_err(unsynced)?;
        let mut record = Record { stage: Stage::Replacing, token: self.token, entries };
        let previous = self.journal.record().ok().flatten();
        self.journal.write(&record)?;
        batch.let_go();
        let outcomes = batch.put_in_place();
        record.stage = Stage::Done;
        self.journal.write(&record)?;
        if let Some(previous) = previous.filter(|previous| previous.token != self.token) {
            remove(&self.journal.path_of(OLD, previous.token))?;
        }
        Ok(outcomes)
    }

    /// `directory` without links, which is asked for once.
    fn real_directory(&self, directory: &Path) -> std::io::Result<PathBuf> {
        if let Some(real) = self.notes().directories.get(directory) {
            return Ok(real.clone());
        }
        let real = directory.canonicalize()?;
        self.notes().directories.insert(directory.to_owned(), real.clone());
        Ok(real)
    }

    /// Notes something about the file at `path`, without which it is not replaced.
    fn note(&self, path: &Path, write: impl FnOnce(&mut Notes) -> std::io::Result<()>) -> Result<(), FileError> {
        write(&mut self.notes()).map_err(|cause| FileError::new(path, FileProblem::Write(cause)))
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The new files remove themselves when the batch goes; what is kept for the record stays with it.
impl Drop for Run<'_> {
    fn drop(&mut self) {
        drop(std::mem::take(&mut self.batch));
        let is_recorded = self.journal.record().is_ok_and(|record| record.is_some_and(|one| one.token == self.token));
        drop(remove(&self.journal.path_of(LIST, self.token)));
        if !is_recorded {
            drop(remove(&self.journal.path_of(OLD, self.token)));
        }
    }
}
