//! A SOPS file as a whole: text in, text out, and nothing is given out that does not read back.

use super::{
    block::{
        BlockChange, BlockText, KeyChange, NewBlock, NewSeal, Settings, WrappedGroups, cut_off, insertion, removal,
        root_layout,
    },
    error::SopsError,
    metadata::Metadata,
    open::{Opened, Purpose, TextLayout, open},
    reencrypt::reencrypt,
    reuse::Reuse,
    seal::{Sealed, seal},
    selector::Selector,
    shape::{check_is_plain, check_shape},
    walk::METADATA_KEY,
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    base::{
        secret::{DataKey, Plaintext},
        span::{LineColumn, Span},
    },
    crypto::{
        cipher::{CipherError, Ciphertext, ValueCipher},
        mac::Coverage,
    },
    document::{
        edit::{Edit, splice},
        yaml::tree::{Layout, Tree},
    },
};

/// The indentation of one level where nothing else is said.
pub const DEFAULT_STEP: usize = 4;

/// An encrypted text, read.
#[derive(Debug)]
pub struct SopsFile<'t> {
    /// The document.
    pub tree: Tree<'t>,
    /// Its `sops` block.
    pub metadata: Metadata,
}

/// Whether a file whose MAC does not hold is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MacPolicy {
    /// It is.
    #[default]
    Require,
    /// It is not: `--ignore-mac`.
    Ignore,
}

/// A decrypted text.
#[derive(Debug)]
pub struct Decrypted {
    /// The text without its `sops` blocks.
    pub text: Plaintext,
    /// Comments that look encrypted but could not be decrypted; they stay as they are.
    pub odd_comments: Vec<LineColumn>,
    /// How many values were encrypted.
    pub encrypted_values: usize,
}

/// How a new file is encrypted.
#[derive(Debug)]
pub struct NewFile<'a> {
    /// Recipients, and the data key, or a share of it, wrapped for each as an armored age file.
    pub wrapped: &'a WrappedGroups,
    /// Which values are encrypted.
    pub selector: &'a Selector,
    /// Which values the MAC covers.
    pub coverage: Coverage,
    /// The indentation of the `sops` block; `None` for that of the text.
    pub step: Option<usize>,
    /// RFC 3339, to the second.
    pub now: &'a str,
}

/// An encrypted text.
#[derive(Debug)]
pub struct Encrypted {
    /// The text with its `sops` blocks.
    pub text: String,
    /// How many values are encrypted.
    pub encrypted_values: usize,
    /// How many values are in clear, null and empty ones not counted.
    pub clear_values: usize,
}

/// Encrypts a plaintext document.
///
/// # Errors
/// [`SopsError`] where SOPS refuses the document, or where it has metadata already.
///
/// # Source
/// The format of SOPS 3.13.2; `docs/format.md`.
pub fn encrypt(text: &str, key: &DataKey, new: &NewFile<'_>) -> Result<Encrypted, SopsError> {
    let tree = Tree::parse(text)?;
    check_shape(&tree)?;
    check_is_plain(&tree)?;
    let step = new.step.or_else(|| tree.step(None)).unwrap_or(DEFAULT_STEP);
    let sealed = seal(&tree, new.selector, new.coverage, (ValueCipher::new(key), None), step)?;
    let mac = encrypt_mac(key, &sealed.mac, new.now)?;
    let block = NewBlock {
        wrapped: new.wrapped,
        selector: new.selector,
        coverage: new.coverage,
        last_modified: new.now,
        mac: &mac,
    };
    finish(&tree, sealed, key, |layout| Ok(block.render(layout, step, tree.newline())))
}

/// Applies the edits, puts a block into each document, and reads the result back.
fn finish(
    tree: &Tree<'_>,
    sealed: Sealed,
    key: &DataKey,
    block: impl Fn(Layout) -> Result<BlockText, SopsError>,
) -> Result<Encrypted, SopsError> {
    let Sealed { mut edits, mac, encrypted_values, clear_values } = sealed;
    for document in tree.documents() {
        edits.extend(insertion(tree, document, &block(root_layout(tree, document))?));
    }
    let text = splice(tree.text(), &mut edits).map_err(|_cause| SopsError::ReadBack)?;
    drop(edits);
    read_back(&text, key, &mac)?;
    Ok(Encrypted { text, encrypted_values, clear_values })
}

/// Our own output has to open, with the MAC that we computed before.
fn read_back(text: &str, key: &DataKey, mac: &str) -> Result<(), SopsError> {
    let opened = SopsFile::read(text).and_then(|file| file.open(key, MacPolicy::Require, Purpose::Check, None));
    match opened {
        Ok(opened) if opened.mac == mac => Ok(()),
        _ => Err(SopsError::ReadBack),
    }
}

fn encrypt_mac(key: &DataKey, mac: &str, now: &str) -> Result<String, SopsError> {
    let mut out = String::new();
    let outcome = ValueCipher::new(key).push_encrypted(&mut out, mac.as_bytes(), now, "str");
    outcome.map_err(|_cause| SopsError::NoRandomness)?;
    Ok(out)
}

impl<'t> SopsFile<'t> {
    /// Reads an encrypted document; no key is needed.
    ///
    /// # Errors
    /// [`SopsError`] for what is no document that SOPS takes, is not encrypted, or has unusable metadata.
    pub fn read(text: &'t str) -> Result<Self, SopsError> {
        let tree = Tree::parse(text)?;
        check_shape(&tree)?;
        let metadata = Metadata::read(&tree)?;
        Ok(Self { tree, metadata })
    }

    fn step(&self) -> usize {
        self.tree.step(Some(METADATA_KEY)).or_else(|| self.metadata.step(&self.tree)).unwrap_or(DEFAULT_STEP)
    }

    fn open(
        &self,
        key: &DataKey,
        policy: MacPolicy,
        purpose: Purpose,
        reuse: Option<Reuse>,
    ) -> Result<Opened, SopsError> {
        let cipher = ValueCipher::new(key);
        let opened = open(&self.tree, &self.metadata.selector, self.metadata.coverage, &cipher, (purpose, reuse))?;
        if policy == MacPolicy::Require {
            self.check_mac(&cipher, &opened.mac)?;
        }
        Ok(opened)
    }

    /// Whether `key` is the file's, as far as the stored MAC tells: that opens with no other.
    #[must_use]
    pub fn fits(&self, key: &DataKey) -> bool {
        self.stored_mac(&ValueCipher::new(key)).is_ok()
    }

    fn stored_mac(&self, cipher: &ValueCipher) -> Result<Zeroizing<Vec<u8>>, SopsError> {
        Ciphertext::parse(&self.metadata.mac)
            .and_then(|mac| if mac.kind == "str" { Ok(mac) } else { Err(CipherError::Malformed) })
            .and_then(|mac| cipher.decrypt(&mac, &self.metadata.last_modified))
            .map_err(|_cause| SopsError::MacUnreadable)
    }

    fn check_mac(&self, cipher: &ValueCipher, computed: &str) -> Result<(), SopsError> {
        let stored = self.stored_mac(cipher)?;
        if stored.as_slice() == computed.as_bytes() { Ok(()) } else { Err(SopsError::MacMismatch) }
    }

    /// Opens every value and checks the MAC, and gives nothing of it out.
    ///
    /// # Errors
    /// [`SopsError`] for the first value that does not open, or for the MAC.
    pub fn check(&self, key: &DataKey) -> Result<(), SopsError> {
        self.open(key, MacPolicy::Require, Purpose::Check, None).map(drop)
    }

    /// The document in clear.
    ///
    /// # Errors
    /// As for [`Self::check`]; the MAC only by `policy`.
    pub fn decrypt(&self, key: &DataKey, policy: MacPolicy) -> Result<Decrypted, SopsError> {
        self.decrypt_into(key, policy, None).map(|(decrypted, _)| decrypted)
    }

    /// The document in clear, to be changed and given to [`Self::reseal`] with the ciphertexts that it had.
    ///
    /// # Errors
    /// As for [`Self::decrypt`].
    pub fn decrypt_to_change(&self, key: &DataKey, policy: MacPolicy) -> Result<(Decrypted, Reuse), SopsError> {
        self.decrypt_into(key, policy, Some(Reuse::default()))
            .map(|(decrypted, reuse)| (decrypted, reuse.unwrap_or_default()))
    }

    fn decrypt_into(
        &self,
        key: &DataKey,
        policy: MacPolicy,
        reuse: Option<Reuse>,
    ) -> Result<(Decrypted, Option<Reuse>), SopsError> {
        let layout = TextLayout { step: self.step(), cut_off: cut_off(&self.tree) };
        let purpose = Purpose::Decrypt { layout };
        let Opened { mut edits, reuse, odd_comments, encrypted_values, .. } = self.open(key, policy, purpose, reuse)?;
        for document in self.tree.documents() {
            for mut gone in removal(&self.tree, document) {
                // A comment beside the `sops` key is one of the document, and takes the block's place.
                for mut kept in take_within(&mut edits, gone.span) {
                    gone.text.push_str(&kept.text);
                    gone.text.push_str(self.tree.newline());
                    kept.text.zeroize();
                }
                edits.push(gone);
            }
        }
        let text = splice(self.tree.text(), &mut edits);
        wipe(edits);
        let text = Plaintext::new(text.map_err(|_cause| SopsError::ReadBack)?);
        Ok((Decrypted { text, odd_comments, encrypted_values }, reuse))
    }

    /// Encrypts `plaintext`, a changed version of what [`Self::decrypt_to_change`] gave, with the same data key and for the same
    /// recipients; values in `reuse` keep their ciphertext.
    ///
    /// # Errors
    /// As for [`encrypt`].
    pub fn reseal(&self, key: &DataKey, plaintext: &str, reuse: Reuse, now: &str) -> Result<Encrypted, SopsError> {
        self.reseal_as(key, plaintext, (reuse, None), now)
    }

    /// The document with the values that `settings` pick encrypted, and no others; those that were and are keep their
    /// ciphertext.
    ///
    /// # Errors
    /// As for [`Self::check`] and [`encrypt`].
    pub fn reselect(&self, key: &DataKey, settings: Settings<'_>, now: &str) -> Result<Encrypted, SopsError> {
        let (decrypted, reuse) = self.decrypt_to_change(key, MacPolicy::Require)?;
        self.reseal_as(key, decrypted.text.expose(), (reuse, Some(settings)), now)
    }

    fn reseal_as(
        &self,
        key: &DataKey,
        plaintext: &str,
        (reuse, settings): (Reuse, Option<Settings<'_>>),
        now: &str,
    ) -> Result<Encrypted, SopsError> {
        let tree = Tree::parse(plaintext)?;
        check_shape(&tree)?;
        check_is_plain(&tree)?;
        let Metadata { selector, coverage, .. } = &self.metadata;
        let settings = settings.unwrap_or(Settings { selector, coverage: *coverage });
        let cipher = (ValueCipher::new(key), Some(reuse));
        let sealed = seal(&tree, settings.selector, settings.coverage, cipher, self.step())?;
        let mac = encrypt_mac(key, &sealed.mac, now)?;
        let seal = Some(NewSeal { last_modified: now, mac: &mac });
        let is_changed = settings.selector != selector || settings.coverage != *coverage;
        let change = BlockChange { seal, keys: KeyChange::Stay, settings: is_changed.then_some(settings) };
        finish(&tree, sealed, key, |layout| self.metadata.block_for(&self.tree, &change, layout))
    }

    /// The document for others, with the data key that it has. Every byte stays that does not tell of them.
    ///
    /// # Errors
    /// As for [`Self::check`].
    pub fn change_keys(&self, key: &DataKey, keys: KeyChange<'_>) -> Result<String, SopsError> {
        let mac = self.open(key, MacPolicy::Require, Purpose::Check, None)?.mac;
        let change = BlockChange { keys, ..BlockChange::default() };
        let mut edits = self.metadata.block_edits(&self.tree, &change)?;
        let text = splice(self.tree.text(), &mut edits).map_err(|_cause| SopsError::ReadBack)?;
        read_back(&text, key, &mac)?;
        Ok(text)
    }

    /// The document with every value encrypted anew under `new_key`, for `wrapped`. Every other byte stays.
    ///
    /// # Errors
    /// As for [`Self::check`].
    pub fn rotate(
        &self,
        old_key: &DataKey,
        new_key: &DataKey,
        wrapped: &WrappedGroups,
        now: &str,
    ) -> Result<String, SopsError> {
        let Metadata { selector, coverage, .. } = &self.metadata;
        let old = ValueCipher::new(old_key);
        let (mut edits, computed) = reencrypt(&self.tree, selector, *coverage, &old, ValueCipher::new(new_key))?;
        self.check_mac(&old, &computed)?;
        let mac = encrypt_mac(new_key, &computed, now)?;
        let seal = Some(NewSeal { last_modified: now, mac: &mac });
        let change = BlockChange { seal, keys: KeyChange::Replace(wrapped), settings: None };
        for mut block in self.metadata.block_edits(&self.tree, &change)? {
            for inside in take_within(&mut edits, block.span) {
                block.text = block.text.replacen(inside.span.of(self.tree.text()), &inside.text, 1);
            }
            edits.push(block);
        }
        let text = splice(self.tree.text(), &mut edits).map_err(|_cause| SopsError::ReadBack)?;
        drop(edits);
        read_back(&text, new_key, &computed)?;
        Ok(text)
    }
}

/// Takes the edits out that lie within `span`.
fn take_within(edits: &mut Vec<Edit>, span: Span) -> Vec<Edit> {
    edits
        .extract_if(.., |edit| edit.span.start >= span.start && edit.span.end <= span.end && !span.is_empty())
        .collect()
}

/// Edits of a decryption hold plaintext.
fn wipe(edits: Vec<Edit>) {
    for mut edit in edits {
        edit.text.zeroize();
    }
}
