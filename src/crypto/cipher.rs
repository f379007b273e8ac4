//! The cipher of single values: AES-256-GCM with 32-byte nonces, in the spelling `ENC[AES256_GCM,…]`.

use aes_gcm::{
    AeadInOut as _, AesGcm, KeyInit as _, Nonce, Tag,
    aead::consts::{U12, U16, U32},
    aes::Aes256,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use zeroize::Zeroizing;

use crate::base::secret::{DataKey, wipe_stack};

/// The length of the nonces that we write, in bytes.
pub const NONCE_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
/// How many nonces are taken from the operating system at once: a few at first, which is all that a small file needs.
const FIRST_NONCES: usize = 8;
const MORE_NONCES: usize = 128;

const PREFIX: &str = "ENC[AES256_GCM,data:";

/// An encrypted value taken apart. Borrows its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ciphertext<'t> {
    data: &'t str,
    nonce: &'t str,
    tag: &'t str,
    /// What the value is, as SOPS names it: `str`, `int`, `float`, `bool`, `bytes`, `time`, `comment`.
    pub kind: &'t str,
    /// The whole, from `ENC[` to `]`, without what follows the bracket.
    pub text: &'t str,
}

/// Why an encrypted value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// Not of the form `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.
    #[error("malformed encrypted value")]
    Malformed,
    /// Well formed, but it was not encrypted with this data key for this place.
    #[error("encrypted value does not belong here: changed, moved, or encrypted with another data key")]
    Unauthentic,
    /// The operating system has no randomness to give.
    #[error("no randomness from the operating system")]
    NoRandomness,
}

impl<'t> Ciphertext<'t> {
    /// Whether `text` begins as an encrypted value does.
    #[must_use]
    pub fn is_likely(text: &str) -> bool {
        text.starts_with("ENC[AES256_GCM,")
    }

    /// Takes `text` apart. Anything may follow the bracket, on the same line or below, as for SOPS.
    ///
    /// # Errors
    /// [`CipherError::Malformed`].
    ///
    /// # Source
    /// `aes/cipher.go` of SOPS 3.13.2; `docs/format.md`.
    pub fn parse(text: &'t str) -> Result<Self, CipherError> {
        Self::find_parts(text).ok_or(CipherError::Malformed)
    }

    fn find_parts(text: &'t str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let line = rest.split('\n').next()?;
        let (data, rest) = split_at_comma(line, ",iv:")?;
        let (nonce, rest) = split_at_comma(rest, ",tag:")?;
        let (tag, rest) = split_at_comma(rest, ",type:")?;
        let (kind, _) = rest.rsplit_once(']')?;
        if [data, nonce, tag, kind].iter().any(|part| part.is_empty()) {
            return None;
        }
        let length = PREFIX.len() + data.len() + ",iv:".len() + nonce.len() + ",tag:".len() + tag.len();
        let text = text.get(..length + ",type:".len() + kind.len() + 1)?;
        Some(Self { data, nonce, tag, kind, text })
    }

    /// Whether all parts are base64 of the right lengths: what can be told without the data key.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let nonce = BASE64.decode(self.nonce).is_ok_and(|nonce| matches!(nonce.len(), 12 | 16 | NONCE_BYTES));
        let tag = BASE64.decode(self.tag).is_ok_and(|tag| tag.len() == TAG_BYTES);
        nonce && tag && BASE64.decode(self.data).is_ok()
    }
}

/// What [`str::split_once`] gives at `mark`, which begins with a comma, several times as fast: commas are rare.
fn split_at_comma<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    text.match_indices(',').find_map(|(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        Some((before, rest.strip_prefix(mark)?))
    })
}

/// Encrypts and decrypts the values of one file. Wiped on drop.
pub struct ValueCipher {
    cipher: AesGcm<Aes256, U32>,
    key: Zeroizing<[u8; 32]>,
    nonces: Vec<u8>,
}

/// Its fields wipe themselves; their moves have left the key schedule on the stack.
impl Drop for ValueCipher {
    fn drop(&mut self) {
        wipe_stack();
    }
}

impl std::fmt::Debug for ValueCipher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ValueCipher(..)")
    }
}

impl ValueCipher {
    /// The cipher under `key`.
    #[must_use]
    pub fn new(key: &DataKey) -> Self {
        let key = Zeroizing::new(*key.expose());
        Self { cipher: AesGcm::new((&*key).into()), key, nonces: Vec::new() }
    }

    /// Appends the encrypted spelling of `plaintext` to `out`, under a fresh nonce.
    ///
    /// `additional_data` is the path of the value as SOPS binds it: the keys, each followed by `:`.
    ///
    /// # Errors
    /// [`CipherError::NoRandomness`].
    pub fn push_encrypted(
        &mut self,
        out: &mut String,
        plaintext: &[u8],
        additional_data: &str,
        kind: &str,
    ) -> Result<(), CipherError> {
        let nonce = self.next_nonce()?;
        let mut data = Zeroizing::new(plaintext.to_vec());
        let tag = self
            .cipher
            .encrypt_inout_detached(&Nonce::from(nonce), additional_data.as_bytes(), data.as_mut_slice().into())
            .map_err(|_error| CipherError::Malformed)?;
        out.push_str(PREFIX);
        BASE64.encode_string(data.as_slice(), out);
        out.push_str(",iv:");
        BASE64.encode_string(nonce, out);
        out.push_str(",tag:");
        BASE64.encode_string(tag, out);
        out.push_str(",type:");
        out.push_str(kind);
        out.push(']');
        Ok(())
    }

    /// Decrypts a value that was encrypted for the place `additional_data`.
    ///
    /// # Errors
    /// [`CipherError`] for what is malformed, was changed or moved.
    pub fn decrypt(&self, value: &Ciphertext<'_>, additional_data: &str) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        let decode = |part| BASE64.decode(part).map_err(|_error| CipherError::Malformed);
        let mut data = Zeroizing::new(decode(value.data)?);
        let nonce = decode(value.nonce)?;
        let tag: [u8; TAG_BYTES] = decode(value.tag)?.try_into().map_err(|_tag| CipherError::Malformed)?;
        let tag = Tag::from(tag);
        let associated = additional_data.as_bytes();
        let buffer = data.as_mut_slice().into();
        let outcome = if let Ok(nonce) = <[u8; NONCE_BYTES]>::try_from(nonce.as_slice()) {
            self.cipher.decrypt_inout_detached(&Nonce::from(nonce), associated, buffer, &tag)
        } else if let Ok(nonce) = <[u8; 12]>::try_from(nonce.as_slice()) {
            // Other writers of the format use shorter nonces, and SOPS reads them.
            let cipher: AesGcm<Aes256, U12> = AesGcm::new((&*self.key).into());
            cipher.decrypt_inout_detached(&Nonce::from(nonce), associated, buffer, &tag)
        } else if let Ok(nonce) = <[u8; 16]>::try_from(nonce.as_slice()) {
            let cipher: AesGcm<Aes256, U16> = AesGcm::new((&*self.key).into());
            cipher.decrypt_inout_detached(&Nonce::from(nonce), associated, buffer, &tag)
        } else {
            return Err(CipherError::Malformed);
        };
        outcome.map_err(|_error| CipherError::Unauthentic)?;
        Ok(data)
    }

    fn next_nonce(&mut self) -> Result<[u8; NONCE_BYTES], CipherError> {
        if self.nonces.is_empty() {
            let count = if self.nonces.capacity() == 0 { FIRST_NONCES } else { MORE_NONCES };
            self.nonces.resize(NONCE_BYTES * count, 0);
            getrandom::fill(&mut self.nonces).map_err(|_error| CipherError::NoRandomness)?;
        }
        let rest = self.nonces.len().saturating_sub(NONCE_BYTES);
        let nonce = self.nonces.split_off(rest);
        nonce.try_into().map_err(|_nonce| CipherError::NoRandomness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> DataKey {
        DataKey::from_bytes(Zeroizing::new(vec![byte; 32])).unwrap()
    }

    fn sealed(plaintext: &str, place: &str) -> String {
        let mut out = String::new();
        ValueCipher::new(&key(7)).push_encrypted(&mut out, plaintext.as_bytes(), place, "str").unwrap();
        out
    }

    #[track_caller]
    fn check(text: &str, place: &str, expected: Result<&str, CipherError>) {
        let opened = Ciphertext::parse(text).and_then(|value| ValueCipher::new(&key(7)).decrypt(&value, place));
        assert_eq!(opened.as_ref().map(|bytes| bytes.as_slice()), expected.as_ref().map(|text| text.as_bytes()));
    }

    #[test]
    fn a_value_opens_in_its_place_only() {
        let text = sealed("secret", "data:password:");
        check(&text, "data:password:", Ok("secret"));
        check(&format!("{text} and more\nlines"), "data:password:", Ok("secret"));
        check(&text, "data:token:", Err(CipherError::Unauthentic));
    }

    #[test]
    fn nonces_do_not_repeat() {
        let mut cipher = ValueCipher::new(&key(1));
        let mut nonces: Vec<_> = (0..3 * MORE_NONCES).map(|_| cipher.next_nonce().unwrap()).collect();
        nonces.sort_unstable();
        nonces.dedup();
        assert_eq!(nonces.len(), 3 * MORE_NONCES);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let text = sealed("secret", "a:");
        for broken in [
            "",
            "ENC[",
            "secret",
            "ENC[AES256_GCM,data:,iv:,tag:,type:]",
            &text.replace("AES256_GCM", "AES128_GCM"),
            &text.replace(",iv:", ", iv:"),
            &text.replace(']', ""),
            &text.replace("=,tag", ",tag"),
            &format!(" {text}"),
            &text.replace(",tag:", ",tag:AAAA"),
        ] {
            check(broken, "a:", Err(CipherError::Malformed));
        }
    }
}
