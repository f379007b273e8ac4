//! What a run has to tell although it went well; each thing once.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use crate::{base::span::LineColumn, policy::PolicyWarning};

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Note {
    /// A mistake in the policy that stops nothing.
    #[error("{0}")]
    Policy(PolicyWarning),
    /// The policy of the files is not the one that `sops` would use.
    #[error("{} applies; sops, started in this directory, would {}", policy.display(), sops_would(sops.as_ref()))]
    OtherPolicy {
        /// The policy that was used.
        policy: PathBuf,
        /// The one that `sops` would find.
        sops: Option<PathBuf>,
    },
    /// The policy cannot be used, and was not needed.
    #[error("{0}; it was not needed")]
    UnusedPolicy(String),
    /// There is no rule for a file, so that its own list of recipients was used.
    #[error("{}: no creation rule applies, so the recipients that the file itself names are kept", path.display())]
    OwnRecipients {
        /// The file.
        path: PathBuf,
    },
    /// Foreign keys that a rotation drops.
    #[error("{}: the creation rule does not name {keys}, which cannot open the file any more", path.display())]
    ForeignDropped {
        /// The file.
        path: PathBuf,
        /// The keys.
        keys: String,
    },
    /// The file is another one than when the kept text was taken from it.
    #[error("{}: the file has changed since this text was typed: what is new in it goes unless you add it", path.display())]
    KeptFromOther {
        /// The file.
        path: PathBuf,
    },
    /// There is no memory-backed space for a plaintext.
    #[error("the text in clear is on a disk, in {}: there is no XDG_RUNTIME_DIR or /dev/shm in memory", path.display())]
    ScratchOnDisk {
        /// The directory.
        path: PathBuf,
    },
    /// A value was set that the selector does not pick.
    #[error("{}: `{at}` is in clear: the file's selector does not pick it", path.display())]
    ValueInClear {
        /// The file.
        path: PathBuf,
        /// The value.
        at: String,
    },
    /// A comment that looks encrypted and cannot be decrypted.
    #[error("{}: the comment at {place} looks encrypted but does not decrypt; it stays as it is", path.display())]
    OddComment {
        /// The file.
        path: PathBuf,
        /// Where.
        place: LineColumn,
    },
}

fn sops_would(policy: Option<&PathBuf>) -> String {
    policy.map_or_else(|| "find no policy".to_owned(), |policy| format!("use {}", policy.display()))
}

/// The notes of a run, in the order in which they came up.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<Note>>);

impl Notes {
    /// Adds `note`, unless it is known.
    pub fn add(&self, note: Note) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// Takes all notes out.
    #[must_use]
    pub fn take(&self) -> Vec<Note> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
