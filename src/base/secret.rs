//! What must not leak: wiped on drop, no `Clone`, no `Display`, a `Debug` that tells nothing, one `expose`.

use secrecy::{ExposeSecret as _, SecretBox};
use zeroize::{Zeroize as _, Zeroizing};

/// The length of a data key in bytes.
pub const DATA_KEY_BYTES: usize = 32;

/// How deep the stack is wiped, in words: further than the cipher and age go, and a matter of microseconds.
const WIPED_STACK_WORDS: usize = 32 * 1024 / size_of::<u64>();

/// Wipes what is left on the stack below the caller: values that were moved or returned leave copies that no drop sees,
/// such as the key schedule of a cipher.
#[inline(never)]
pub fn wipe_stack() {
    let mut space = [0_u64; WIPED_STACK_WORDS];
    space.zeroize();
    std::hint::black_box(&space);
}

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

/// The key is in its box, which wipes itself; its copies in ciphers are gone by now, but for what their moves left.
impl Drop for DataKey {
    fn drop(&mut self) {
        wipe_stack();
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
