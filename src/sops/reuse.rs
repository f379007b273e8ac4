//! Ciphertexts that stay: a value that did not change keeps the one that it had.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest as _, Sha256};

/// The encrypted values of a file, found again by path, type and plaintext.
#[derive(Default)]
pub struct Reuse {
    /// By a hash, so that no plaintext is kept; equal values at one path in the order of the file.
    values: HashMap<[u8; 32], VecDeque<Kept>>,
}

/// A ciphertext, and how it stood.
pub(super) struct Kept {
    pub(super) ciphertext: String,
    /// Whether it stood without quotes, as SOPS writes it; in clear, the value may need quotes or lines of its own.
    pub(super) was_plain: bool,
}

impl Reuse {
    /// Remembers how `plaintext` of type `kind` at `path` is encrypted.
    pub(super) fn put(&mut self, path: &str, kind: &str, plaintext: &[u8], kept: Kept) {
        self.values.entry(fingerprint(path, kind, plaintext)).or_default().push_back(kept);
    }

    /// The ciphertext of such a value, each one once.
    pub(super) fn take(&mut self, path: &str, kind: &str, plaintext: &[u8]) -> Option<Kept> {
        self.values.get_mut(&fingerprint(path, kind, plaintext))?.pop_front()
    }
}

impl std::fmt::Debug for Reuse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Reuse({} values)", self.values.len())
    }
}

fn fingerprint(path: &str, kind: &str, plaintext: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [path.as_bytes(), kind.as_bytes()] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.update(plaintext);
    hash.finalize().into()
}
