//! Many files replaced all or not at all, as far as that can be had: what was begun is finished by the next run, after
//! `kill -9` too, and can be taken back. For ciphertext only: the journal keeps what the files held before.
//!
//! A private directory, which is locked, holds the record of the last run and the old contents. In order: the name of each new file
//! is put on the list of the run before the file is made; when all are made they are brought to the disk, with the old
//! contents; then the record is written, which is the point of no return; then the files take their names. Whatever ends the
//! process before the record is there has changed nothing, and whatever ends it afterwards leaves all that is needed to go on.

mod record;
mod run;
#[cfg(test)]
#[cfg(unix)]
mod tests;

pub use run::{OnChanged, Run};

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind},
    path::{Component, Path, PathBuf},
};

use self::record::{Entry, Hash, Record, Stage, unescape};
use super::{
    Batch, FileError, FileProblem, attributes, create_private, create_private_directory,
    durable::sync_names,
    read_bytes, remove,
    stage::{directory_of, is_leftover_name, temporary_path},
};

/// The record of the last run that came so far.
const RECORD: &str = "journal";
/// How the names of the list of a run, and of what its files held before, begin.
const LIST: &str = "list-";
const OLD: &str = "old-";
/// More than the record of a million files has, in bytes.
const RECORD_LIMIT_BYTES: usize = 512 << 20;
/// More than a file that is replaced can have, or all of a run, in bytes.
const CONTENT_LIMIT_BYTES: usize = usize::MAX / 2;

/// The journal of the files below one directory, held by this run alone.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    /// The files are below it.
    root: PathBuf,
    _lock: File,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another run is at work.
    #[error("{}: another run is at work on these files", .0.display())]
    Busy(PathBuf),
    /// Others can write to it.
    #[error("{}: belongs to another user, or others can write to it", .0.display())]
    NotPrivate(PathBuf),
    /// It cannot be locked.
    #[error("{}: cannot be locked", .0.display())]
    Lock(PathBuf, #[source] io::Error),
    /// It is none of ours, or damaged.
    #[error("{}: is no journal of this program", .0.display())]
    Unreadable(PathBuf),
    /// A file is not below the root.
    #[error("{}: is not below {}", file.display(), root.display())]
    Outside {
        /// The file.
        file: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// A file of the journal, or of the run.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What became of the files of an earlier run.
#[derive(Debug, Default)]
pub struct Settled {
    /// Those that now hold what they should.
    pub done: Vec<PathBuf>,
    /// Those that did so already.
    pub already: Vec<PathBuf>,
    /// Those that were changed by somebody else since, and were left.
    pub foreign: Vec<PathBuf>,
    /// Those that could not be replaced.
    pub failed: Vec<FileError>,
}

/// What an earlier run left to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// Its new files take their names.
    Replacing,
    /// Its files get back what they held.
    Reverting,
}

impl Journal {
    /// The journal in `directory`, which is made, of the files below `root`. Both are absolute; `root` is without links.
    ///
    /// # Errors
    /// [`JournalError::Busy`] while another run has it, and what else there is.
    pub fn open(directory: &Path, root: &Path) -> Result<Self, JournalError> {
        create_private_directory(directory)?;
        if !attributes::is_own_directory(directory) {
            return Err(JournalError::NotPrivate(directory.to_owned()));
        }
        let locked = |cause| JournalError::Lock(directory.to_owned(), cause);
        let lock = attributes::open_lock(directory).map_err(locked)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { directory: directory.to_owned(), root: root.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(JournalError::Busy(directory.to_owned())),
            Err(TryLockError::Error(cause)) => Err(locked(cause)),
        }
    }

    /// What the run that `directory` tells of has left to be done, without waiting for anybody.
    #[must_use]
    pub fn peek(directory: &Path) -> Option<Unfinished> {
        let text = read_bytes(&directory.join(RECORD), RECORD_LIMIT_BYTES).ok()?;
        unfinished(&Record::parse(&text)?)
    }

    /// Removes the new files of runs that ended before their record was written, and finishes the run whose record is
    /// there; `None` if there is nothing to finish.
    ///
    /// # Errors
    /// [`JournalError`]; then nothing is lost, and it can be tried again.
    pub fn settle(&self) -> Result<Option<(Unfinished, Settled)>, JournalError> {
        self.clear_lists()?;
        let Some(record) = self.record()? else { return Ok(None) };
        match unfinished(&record) {
            None => Ok(None),
            Some(Unfinished::Replacing) => Ok(Some((Unfinished::Replacing, self.replace(record)?))),
            Some(Unfinished::Reverting) => Ok(Some((Unfinished::Reverting, self.restore(record)?))),
        }
    }

    /// Gives the files of the last run back what they held before it, be it finished or not; `None` if there is no such
    /// run. Files that were changed since stay as they are.
    ///
    /// # Errors
    /// [`JournalError`]; then nothing is lost, and it can be tried again.
    pub fn revert(&self) -> Result<Option<Settled>, JournalError> {
        self.clear_lists()?;
        let Some(mut record) = self.record()?.filter(|record| record.stage != Stage::Reverted) else {
            return Ok(None);
        };
        record.stage = Stage::Reverting;
        self.write(&record)?;
        self.restore(record).map(Some)
    }

    /// Begins a run.
    ///
    /// # Errors
    /// [`JournalError`]; then nothing is left of it.
    pub fn begin(&self) -> Result<Run<'_>, JournalError> {
        Run::new(self)
    }

    fn record(&self) -> Result<Option<Record>, JournalError> {
        let path = self.directory.join(RECORD);
        match read_bytes(&path, RECORD_LIMIT_BYTES) {
            Ok(text) => Record::parse(&text).map(Some).ok_or(JournalError::Unreadable(path)),
            Err(FileError { problem: FileProblem::Read(cause), .. }) if cause.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&self, record: &Record) -> Result<(), JournalError> {
        match create_private(&self.directory.join(RECORD), record.render().as_bytes()) {
            // It is there, and lost only with the power.
            Ok(()) | Err(FileError { problem: FileProblem::Unsynced(_), .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A file of the journal that belongs to the run with this token.
    fn path_of(&self, kind: &str, token: u64) -> PathBuf {
        self.directory.join(format!("{kind}{token:016x}"))
    }

    /// Removes what runs left behind that never came to their record, a half-written record among it: whoever holds the
    /// lock is the only one to write here.
    fn clear_lists(&self) -> Result<(), JournalError> {
        let current = self.record()?.map(|record| record.token);
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let token = |kind| u64::from_str_radix(name.to_str()?.strip_prefix(kind)?, 16).ok();
            if let Some(token) = token(LIST) {
                if current != Some(token) {
                    self.clear_list(&entry.path(), token)?;
                }
                remove(&entry.path())?;
            } else if token(OLD).is_some_and(|token| current != Some(token)) || is_leftover_name(&name) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn clear_list(&self, list: &Path, token: u64) -> Result<(), JournalError> {
        let text = read_bytes(list, RECORD_LIMIT_BYTES)?;
        // The last line may be half written: nothing was made for it.
        let whole = text.iter().rposition(|byte| *byte == b'\n').and_then(|end| text.get(..end)).unwrap_or_default();
        for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let file = unescape(line).and_then(|path| self.inside(&path));
            let file = file.ok_or_else(|| JournalError::Unreadable(list.to_owned()))?;
            if let Ok(temporary) = temporary_path(&file, token) {
                remove(&temporary)?;
            }
        }
        Ok(())
    }

    /// The place of a path of the record, which never leads out of the root.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        path.components().all(|part| matches!(part, Component::Normal(_))).then(|| self.root.join(path))
    }

    /// Puts the new files of `record` in place that are not yet, and says that it is done.
    fn replace(&self, mut record: Record) -> Result<Settled, JournalError> {
        let mut settled = Settled::default();
        for entry in &record.entries {
            let (path, temporary) = self.places_of(entry, record.token)?;
            let now = hash_of(&path);
            if now == Some(entry.old) && hash_of(&temporary) == Some(entry.new) {
                let mode = fs::metadata(&path).and_then(|old| attributes::open_up(&temporary, &old.permissions()));
                match mode.and_then(|()| fs::rename(&temporary, &path)) {
                    Ok(()) => settled.done.push(path),
                    Err(cause) => settled.failed.push(FileError::new(&path, FileProblem::Replace(cause))),
                }
                continue;
            }
            remove(&temporary)?;
            if now == Some(entry.new) { &mut settled.already } else { &mut settled.foreign }.push(path);
        }
        if settled.failed.is_empty() {
            let directories = settled.done.iter().map(|file| directory_of(file).to_owned()).collect();
            let unsynced = |cause| FileError::new(&self.root, FileProblem::Unsynced(cause));
            sync_names(&directories).map_err(unsynced)?;
            record.stage = Stage::Done;
            self.write(&record)?;
        }
        Ok(settled)
    }

    /// Gives the files of `record` back what they held, and says that it is done.
    fn restore(&self, mut record: Record) -> Result<Settled, JournalError> {
        let old = read_bytes(&self.path_of(OLD, record.token), CONTENT_LIMIT_BYTES)?;
        let mut settled = Settled::default();
        let batch = Batch::with_token(record.token);
        for entry in &record.entries {
            let (path, temporary) = self.places_of(entry, record.token)?;
            remove(&temporary)?;
            let now = read_bytes(&path, CONTENT_LIMIT_BYTES).ok();
            let hash = now.as_ref().map(|now| record::hash(now));
            let content = old.get(entry.start..entry.start.saturating_add(entry.length));
            match (now, content) {
                _ if hash == Some(entry.old) => settled.already.push(path),
                (Some(now), Some(content)) if hash == Some(entry.new) && record::hash(content) == entry.old => {
                    settled.failed.extend(batch.stage(&path, &now, content).err());
                }
                _ => settled.foreign.push(path),
            }
        }
        for (path, outcome) in batch.commit() {
            match outcome {
                Ok(()) => settled.done.push(path),
                Err(error) => settled.failed.push(error),
            }
        }
        if settled.failed.is_empty() {
            record.stage = Stage::Reverted;
            self.write(&record)?;
            remove(&self.path_of(OLD, record.token))?;
        }
        Ok(settled)
    }

    /// Where a file of the record is, and where its new content was made.
    fn places_of(&self, entry: &Entry, token: u64) -> Result<(PathBuf, PathBuf), JournalError> {
        let path = self.inside(&entry.path);
        let places = path.and_then(|path| Some((temporary_path(&path, token).ok()?, path)));
        let (temporary, path) = places.ok_or_else(|| JournalError::Unreadable(self.directory.join(RECORD)))?;
        Ok((path, temporary))
    }
}

const fn unfinished(record: &Record) -> Option<Unfinished> {
    match record.stage {
        Stage::Replacing => Some(Unfinished::Replacing),
        Stage::Reverting => Some(Unfinished::Reverting),
        Stage::Done | Stage::Reverted => None,
    }
}

fn hash_of(path: &Path) -> Option<Hash> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    let content = if is_file { read_bytes(path, CONTENT_LIMIT_BYTES).ok() } else { None }?;
    Some(record::hash(&content))
}
