//! What the files hold now: those of the work tree, or of `HEAD` in a bare repository.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use zeroize::Zeroizing;

use super::{
    BLOB_LIMIT_BYTES, ByDigest, Unread, ValueName,
    version::{Digest, Reader, Values, Version},
};
use crate::{
    base::files::{FileError, FileProblem, read_bytes},
    git::{BlobOutcome, Change, Git, Repository},
    ops::{error::OpError, pool, survey::below, target::find_targets},
};

/// Why a version that is not in the repository was not read.
pub(super) const MISSING: &str = "its content is not in the repository";

/// Mode of a symbolic link.
pub(super) const LINK_MODE: u32 = 0o120_000;

/// What the files hold now.
#[derive(Debug, Default)]
pub(super) struct Current {
    /// The files of SOPS.
    pub(super) files: BTreeMap<String, CurrentFile>,
    /// Where each ciphertext stands.
    pub(super) ciphertexts: ByDigest<Vec<(String, ValueName)>>,
    /// Whether a file is for the recipient.
    pub(super) is_recipient_known: bool,
    /// What could not be read.
    pub(super) unread: Vec<Unread>,
}

/// What a file holds now.
#[derive(Debug, Default)]
pub(super) struct CurrentFile {
    /// Whether it is for the recipient.
    pub(super) is_readable: bool,
    /// The values, and whether each was opened.
    pub(super) values: HashMap<ValueName, bool>,
    /// What was opened.
    pub(super) opened: BTreeSet<Digest>,
}

impl Current {
    pub(super) fn read(git: &Git, repository: &Repository, reader: &Reader<'_>) -> Result<Self, OpError> {
        let current = Mutex::new(Self::default());
        let add = |path: String, content: Zeroizing<Vec<u8>>| {
            let read = reader.read(&path, content, Values::Always, |_| false);
            current.lock().unwrap_or_else(PoisonError::into_inner).add(path, read);
        };
        let mut blobs: Vec<Change> = Vec::new();
        if let Some(root) = &repository.work_tree {
            let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
            for entry in git.index()? {
                if !entry.is_checked_out {
                    blobs.push(entry.file);
                } else if entry.file.mode != LINK_MODE {
                    paths.insert(root.join(to_path(&entry.file.path)));
                }
            }
            // What is not yet known to git may be a file that was renamed.
            paths.extend(find_targets(std::slice::from_ref(root)).files.into_iter().map(|target| target.path));
            let paths: Vec<PathBuf> = paths.into_iter().collect();
            let faults = pool::map(&paths, |path| match read_file(path) {
                Ok(content) => {
                    content.into_iter().for_each(|content| add(below(root, path), content));
                    None
                }
                Err(error) => Some(Unread { path: below(root, path), commit: None, reason: error.reason() }),
            });
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            current.unread.extend(faults.into_iter().flatten());
        } else {
            blobs = git.head_files()?;
        }
        blobs.retain(|file| file.mode != LINK_MODE);
        let ids: Vec<_> = blobs.iter().map(|file| file.blob).collect();
        let name = |index: usize| blobs.get(index).map(|file| to_text(&file.path)).unwrap_or_default();
        let outcomes = git.map_blobs(&ids, BLOB_LIMIT_BYTES, |index, content| add(name(index), content))?;
        let mut current = current.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (index, outcome) in outcomes.iter().enumerate() {
            if *outcome == BlobOutcome::Missing {
                current.unread.push(Unread { path: name(index), commit: None, reason: MISSING.to_owned() });
            }
        }
        Ok(current)
    }

    fn add(&mut self, path: String, read: Result<Option<Version>, OpError>) {
        let version = match read {
            Ok(None) => return,
            Ok(Some(version)) => version,
            Err(error) => {
                self.unread.push(Unread { path, commit: None, reason: error.reason() });
                return;
            }
        };
        self.is_recipient_known |= version.other_groups.is_some();
        let mut file = CurrentFile { is_readable: version.other_groups.is_some(), ..CurrentFile::default() };
        for seen in version.values {
            self.ciphertexts.entry(seen.ciphertext).or_default().push((path.clone(), seen.name.clone()));
            let is_opened = file.values.entry(seen.name).or_insert(true);
            *is_opened &= seen.value.is_some();
            file.opened.extend(seen.value);
        }
        self.files.insert(path, file);
    }

    /// Whether a value is one of those of `path` now; of those of any file, if that one is gone.
    pub(super) fn holds(&self, path: &str, value: &Digest) -> bool {
        match self.files.get(path) {
            Some(file) => file.opened.contains(value),
            None => self.files.values().any(|file| file.opened.contains(value)),
        }
    }
}

/// The content of a file; `None` for one that is not there, or is no file of SOPS for its size.
fn read_file(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, OpError> {
    if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    match read_bytes(path, usize::try_from(BLOB_LIMIT_BYTES).unwrap_or(usize::MAX)) {
        Ok(content) => Ok(Some(content)),
        Err(FileError { problem: FileProblem::TooLarge { .. }, .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// For messages; what is not UTF-8 is not told apart.
pub(super) fn to_text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

#[cfg(unix)]
fn to_path(path: &[u8]) -> PathBuf {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    PathBuf::from(OsStr::from_bytes(path))
}

#[cfg(not(unix))]
fn to_path(path: &[u8]) -> PathBuf {
    PathBuf::from(to_text(path))
}
