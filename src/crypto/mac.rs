//! The message authentication code over the values of a file.

use sha2::{Digest as _, Sha512};

/// What `mac_only_encrypted` hashes first, so that its codes differ from those over all values: SHA-256 of `sops`.
const ONLY_ENCRYPTED_PREFIX: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b,
    0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Which values the code covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Coverage {
    /// All values, encrypted or not.
    #[default]
    AllValues,
    /// Only those that the selector picks (`mac_only_encrypted`).
    OnlyEncrypted,
}

/// SHA-512 over the texts of the values in document order, without separators.
///
/// # Source
/// `sops.go` of SOPS 3.13.2.
#[derive(Clone)]
pub struct Mac {
    hash: Sha512,
    coverage: Coverage,
}

impl Mac {
    /// The code over no value so far.
    #[must_use]
    pub fn new(coverage: Coverage) -> Self {
        let mut hash = Sha512::new();
        if coverage == Coverage::OnlyEncrypted {
            hash.update(ONLY_ENCRYPTED_PREFIX);
        }
        Self { hash, coverage }
    }

    /// Takes a value that the selector picks.
    pub fn update_selected(&mut self, text: &[u8]) {
        self.hash.update(text);
    }

    /// Takes a value that stays in clear.
    pub fn update_clear(&mut self, text: &[u8]) {
        if self.coverage == Coverage::AllValues {
            self.hash.update(text);
        }
    }

    /// The code: 128 upper-case hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
        let nibbles = self.hash.finalize().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
        nibbles.filter_map(|nibble| DIGITS.get(usize::from(nibble))).collect()
    }
}

impl std::fmt::Debug for Mac {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Mac(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_the_hash_of_the_word_sops() {
        assert_eq!(sha2::Sha256::digest(b"sops").as_slice(), ONLY_ENCRYPTED_PREFIX);
    }

    #[test]
    fn clear_values_count_only_where_all_do() {
        let code = |coverage, clear: &str| {
            let mut mac = Mac::new(coverage);
            mac.update_selected(b"a");
            mac.update_clear(clear.as_bytes());
            mac.finish()
        };
        assert_ne!(code(Coverage::AllValues, "b"), code(Coverage::AllValues, "c"));
        assert_eq!(code(Coverage::OnlyEncrypted, "b"), code(Coverage::OnlyEncrypted, "c"));
        // SHA-512 of "ab", as `printf ab | sha512sum` prints it.
        assert!(code(Coverage::AllValues, "b").starts_with("2D408A0717EC188158278A796C689044361DC6FDDE28D6F0"));
    }
}
