//! What must not leak: wiped on drop, no `Clone`, no `Display`, a `Debug` that tells nothing, one `expose`.

use secrecy::{ExposeSecret as _, SecretBox};
use zeroize::Zeroizing;

/// The length of a data key in bytes.
pub const DATA_KEY_BYTES: usize = 32;

/// The 256-bit key that encrypts every value of one SOPS file. Wiped on drop.
pub struct DataKey(SecretBox<[u8; DATA_KEY_BYTES]>);

impl DataKey {
    /// Takes the key out of `bytes`, which are wiped. `None` unless there are exactly [`DATA_KEY_BYTES`].
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        if bytes.len() != DATA_KEY_BYTES {
            return None;
        }
        Some(Self(SecretBox::init_with_mut(|key: &mut [u8; DATA_KEY_BYTES]| {
            key.copy_from_slice(&bytes);
        })))
    }

    /// A new key from the operating system's random source.
    ///
    /// # Errors
    /// The operating system's, when it has no randomness to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut outcome = Ok(());
        let key = SecretBox::init_with_mut(|key: &mut [u8; DATA_KEY_BYTES]| {
            outcome = getrandom::fill(key);
        });
        outcome.map(|()| Self(key))
    }

    /// The key itself.
    #[must_use]
    pub fn expose(&self) -> &[u8; DATA_KEY_BYTES] {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DataKey(..)")
    }
}

/// Text that must not leak: a decrypted document or value. Wiped on drop.
#[derive(Default)]
pub struct Plaintext(Zeroizing<String>);

impl Plaintext {
    /// Takes `text` over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Plaintext {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Plaintext(..)")
    }
}
