//! One version of a file: whether it is for the recipient, and its encrypted values.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Depth, ValueName, Wanted, is_recipient};
use crate::{
    base::{files::into_text, secret::DataKey},
    crypto::cipher::{Ciphertext, ValueCipher},
    document::yaml::tree::Tree,
    ops::{error::OpError, format::Format, session::Session},
    sops::{
        ciphertexts::{EncryptedValue, find_in_dotenv, find_in_ini, find_in_json, find_in_yaml},
        error::SopsError,
        file::SopsFile,
        open::find_comment,
        terms::{Terms, TermsError},
    },
};

/// How every encrypted value begins.
const CIPHERTEXT_MARK: &[u8] = b"ENC[AES256_GCM,";

/// Stands for a ciphertext, or for a value that is not kept.
pub(super) type Digest = [u8; 16];

/// Reads versions of files.
#[derive(Debug)]
pub(super) struct Reader<'s> {
    session: &'s Session,
    wanted: &'s Wanted,
    depth: Depth,
    /// Makes the digests of values worthless outside of this run.
    salt: DataKey,
}

/// A version of a file that SOPS wrote.
#[derive(Debug)]
pub(super) struct Version {
    /// How many other key groups are needed besides the recipient's; `None` where it has no key.
    pub(super) other_groups: Option<usize>,
    /// The values; none where they were not asked for.
    pub(super) values: Vec<Seen>,
}

/// An encrypted value.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) name: ValueName,
    /// Of its ciphertext.
    pub(super) ciphertext: Digest,
    /// Of its value and what it is bound to, if it was opened.
    pub(super) value: Option<Digest>,
}

/// Which values of a version are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// All.
    Always,
    /// Those that the recipient can read.
    OfRecipient,
}

impl<'s> Reader<'s> {
    pub(super) fn new(session: &'s Session, wanted: &'s Wanted, depth: Depth) -> Result<Self, OpError> {
        let salt = DataKey::generate().map_err(|_cause| OpError::NoRandomness)?;
        Ok(Self { session, wanted, depth, salt })
    }

    /// The version of the file called `name` that `content` is; `None` for what SOPS did not write. A ciphertext that
    /// `is_known` need not be opened.
    ///
    /// The type of file is told by the content: in another commit it may have another name.
    ///
    /// # Errors
    /// [`OpError`] for what looks like a file of SOPS, and cannot be read.
    pub(super) fn read(
        &self,
        name: &str,
        content: Zeroizing<Vec<u8>>,
        values: Values,
        is_known: impl Fn(&Digest) -> bool,
    ) -> Result<Option<Version>, OpError> {
        let is_utf16 = content.starts_with(&[0xFF, 0xFE]) || content.starts_with(&[0xFE, 0xFF]);
        if !is_utf16 && !holds(&content, CIPHERTEXT_MARK) {
            return Ok(None);
        }
        // What is no text was not written by SOPS.
        let Ok(text) = into_text(Path::new(name), content) else { return Ok(None) };
        let text = text.expose();
        match self.read_text(name, text, values, is_known) {
            // The words are in it, and mean something else.
            Err(_) if Format::find_encrypted(Path::new(name), text.as_bytes()).is_none() => Ok(None),
            outcome => outcome,
        }
    }

    fn read_text(
        &self,
        name: &str,
        text: &str,
        values: Values,
        is_known: impl Fn(&Digest) -> bool,
    ) -> Result<Option<Version>, OpError> {
        let Some(format) = find_format(text) else { return Ok(None) };
        let terms = match format {
            Format::Json | Format::Binary => Terms::of_json(text),
            Format::Dotenv => Terms::of_dotenv(text),
            Format::Ini => Terms::of_ini(text),
            Format::Yaml => Terms::of_yaml(text).map_err(TermsError::from),
        };
        let terms = match terms {
            Err(TermsError::Sops(SopsError::NotEncrypted)) => return Ok(None),
            terms => terms?,
        };
        let is_held = |key: &_| self.wanted.ids.iter().any(|id| is_recipient(key, id));
        let held = terms.count_groups(is_held);
        let other_groups = (held > 0).then(|| terms.threshold.saturating_sub(held));
        if other_groups.is_none() && values == Values::OfRecipient {
            return Ok(Some(Version { other_groups, values: Vec::new() }));
        }
        let values = match format {
            Format::Json | Format::Binary => self.seen(&find_json(text)?, None, is_known),
            Format::Dotenv => self.seen(&find_in_dotenv(text), None, is_known),
            Format::Ini => self.seen(&find_in_ini(text), None, is_known),
            Format::Yaml => self.yaml(name, text, is_known)?,
        };
        Ok(Some(Version { other_groups, values }))
    }

    fn yaml(&self, name: &str, text: &str, is_known: impl Fn(&Digest) -> bool) -> Result<Vec<Seen>, OpError> {
        let tree = Tree::parse(text).map_err(SopsError::from)?;
        let found = find_in_yaml(&tree);
        let is_new = |value: &EncryptedValue| !is_known(&digest(value.ciphertext.as_bytes()));
        let is_to_open = self.depth == Depth::Decrypt && found.iter().any(is_new);
        // What cannot be opened is not compared, which is told of each value.
        let key = || self.session.open(Path::new(name), &SopsFile::read(text).ok()?).ok();
        let cipher = if is_to_open { key().map(|key| ValueCipher::new(&key)) } else { None };
        Ok(self.seen(&found, cipher.as_ref(), is_known))
    }

    fn seen(
        &self,
        found: &[EncryptedValue],
        cipher: Option<&ValueCipher>,
        is_known: impl Fn(&Digest) -> bool,
    ) -> Vec<Seen> {
        let seen = found.iter().map(|found| {
            let ciphertext = digest(found.ciphertext.as_bytes());
            let cipher = cipher.filter(|_| !is_known(&ciphertext));
            let name = ValueName { path: found.path.clone(), is_comment: found.is_comment };
            Seen { name, ciphertext, value: cipher.and_then(|cipher| self.open(found, cipher)) }
        });
        seen.collect()
    }

    /// The digest of a value with its type and what it is bound to.
    fn open(&self, found: &EncryptedValue, cipher: &ValueCipher) -> Option<Digest> {
        let ciphertext = Ciphertext::parse(&found.ciphertext).ok()?;
        let plaintext = if found.is_comment {
            find_comment(cipher, &ciphertext, &found.binding, "")?.1
        } else {
            cipher.decrypt(&ciphertext, &found.binding).ok()?
        };
        let mut hash = Sha256::new_with_prefix(self.salt.expose());
        for part in [found.binding.as_bytes(), ciphertext.kind.as_bytes(), &plaintext] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        Some(shortened(&hash.finalize()))
    }
}

fn digest(bytes: &[u8]) -> Digest {
    shortened(&Sha256::digest(bytes))
}

fn shortened(hash: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
    digest
}

fn find_json(text: &str) -> Result<Vec<EncryptedValue>, OpError> {
    let found = find_in_json(text);
    Ok(found.map_err(|error| TermsError::Json { line: error.line(), column: error.column() })?)
}

/// What type of file SOPS would have written so; `None` if none.
fn find_format(text: &str) -> Option<Format> {
    let begins = |mark: &str| text.lines().any(|line| line.starts_with(mark));
    match () {
        // What begins so and is no JSON is YAML, in which mappings can be written so too.
        () if text.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
            Some(Format::Json)
        }
        () if begins("sops_mac=") => Some(Format::Dotenv),
        () if begins("[sops]") => Some(Format::Ini),
        () if text.contains("sops") && text.contains("mac") => Some(Format::Yaml),
        () => None,
    }
}

fn holds(content: &[u8], mark: &[u8]) -> bool {
    // Of all bytes of the mark, the bracket is the rarest in texts.
    let Some(ahead) = mark.iter().position(|byte| *byte == b'[') else { return false };
    let mut from = ahead;
    while let Some(found) = content.get(from..).and_then(|rest| rest.iter().position(|byte| *byte == b'[')) {
        if content.get(from + found - ahead..).is_some_and(|rest| rest.starts_with(mark)) {
            return true;
        }
        from += found + 1;
    }
    false
}
