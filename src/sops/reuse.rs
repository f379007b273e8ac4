//! Ciphertexts that stay: a value that did not change keeps the one that it had.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest as _, Sha256};

/// The encrypted values of a file, found again by path, type and plaintext.
#[derive(Default)]
pub struct Reuse {
    /// By a hash, so that no plaintext is kept; equal values at one path in the order of the file.
    values: HashMap<[u8; 32], VecDeque<String>>,
}

impl Reuse {
    /// Remembers that `plaintext` of type `kind` at `path` is encrypted as `ciphertext`.
    pub(super) fn put(&mut self, path: &str, kind: &str, plaintext: &[u8], ciphertext: &str) {
        self.values.entry(fingerprint(path, kind, plaintext)).or_default().push_back(ciphertext.to_owned());
    }

    /// The ciphertext of such a value, each one once.
    pub(super) fn take(&mut self, path: &str, kind: &str, plaintext: &[u8]) -> Option<String> {
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
