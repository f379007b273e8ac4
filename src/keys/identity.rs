//! Private halves: one line of an identity file, what it opens, and a new one.

use std::{io::BufReader, path::Path, str::FromStr as _, sync::OnceLock};

use age::secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::{
    armor::find_armor, ask::Asker, header::read_file, hybrid::HybridIdentity, plugin::PluginIdentity, ssh::SshPublic,
};
use crate::base::{
    clock,
    files::{FileError, create_new_private, read_wiped},
    secret::{DATA_KEY_BYTES, Plaintext},
};

/// A data key has 32 bytes, a share of one 33. What is longer was not wrapped by SOPS.
pub(super) const SECRET_LIMIT_BYTES: usize = 1024;

/// An identity that can be used, with its recipient.
pub(super) struct Identity {
    key: Key,
    /// Computed when it is first asked for: that is a tenth of what opening a small file costs.
    recipient: OnceLock<Option<String>>,
    /// Where it stands in its file, from 1.
    line: Option<usize>,
}

/// The private half, by its kind.
enum Key {
    X25519(age::x25519::Identity),
    Ssh(Box<age::ssh::Identity>, SshPublic),
    Hybrid(HybridIdentity),
    Plugin(PluginIdentity),
}

/// The kinds of identity that are one word, told apart by how it begins.
#[derive(Clone, Copy)]
enum IdentityKind {
    X25519,
    PostQuantum,
    Plugin,
}

/// The kinds of identity that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewIdentity {
    /// `AGE-SECRET-KEY-1…`
    X25519,
    /// `AGE-SECRET-KEY-PQ-1…`: ML-KEM-768 with X25519.
    PostQuantum,
}

/// Why a word of an identity source is not used. Never holds the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityProblem {
    /// It begins as no identity does.
    #[error("not an age identity")]
    Unknown,
    /// An identity with blanks around it, which `sops` does not read either.
    #[error("an age identity with a blank before or after it")]
    Blank,
    /// It begins as an identity does, but its checksum, length or alphabet is wrong, or its plugin has no proper name.
    #[error("a damaged age identity")]
    Damaged,
    /// A plugin's, whose recipient only the plugin knows.
    #[error("a plugin identity without a comment before it that names its recipient")]
    Nameless,
    /// An SSH key that has a passphrase.
    #[error("an SSH key with a passphrase, which stays as it is in its file")]
    LockedSsh,
    /// It is not UTF-8.
    #[error("not text")]
    NotText,
}

/// Why a wrapped data key was not opened by an identity.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnwrapError {
    #[error("it is not an age file in ASCII armor")]
    NotArmored,
    #[error("{0}")]
    Age(#[from] age::DecryptError),
    #[error("it is damaged: {0}")]
    Payload(#[from] std::io::Error),
    #[error("it holds more than a data key")]
    TooLong,
}

impl Identity {
    /// Takes one word of an identity file. `asker` is whom a plugin asks.
    pub(super) fn parse(word: &str, asker: &Asker) -> Result<Self, IdentityProblem> {
        let trimmed = word.trim();
        let kind = IdentityKind::find(trimmed).ok_or(IdentityProblem::Unknown)?;
        if trimmed != word {
            return Err(IdentityProblem::Blank);
        }
        let key = match kind {
            IdentityKind::X25519 => age::x25519::Identity::from_str(word).ok().map(Key::X25519),
            IdentityKind::PostQuantum => HybridIdentity::parse(word).map(Key::Hybrid),
            IdentityKind::Plugin => PluginIdentity::parse(word, asker).map(Key::Plugin),
        };
        Ok(Self { key: key.ok_or(IdentityProblem::Damaged)?, recipient: OnceLock::new(), line: None })
    }

    /// Takes an SSH key that is not encrypted.
    pub(super) fn of_ssh(key: age::ssh::Identity, public: SshPublic) -> Self {
        Self { key: Key::Ssh(Box::new(key), public), recipient: OnceLock::new(), line: None }
    }

    /// The same, found in this line of a file.
    pub(super) const fn at_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// Where it stands in its file, from 1.
    pub(super) const fn line(&self) -> Option<usize> {
        self.line
    }

    /// Its public half, as a file names it; `None` where only a plugin knows.
    pub(super) fn recipient(&self) -> Option<&str> {
        let find = || match &self.key {
            Key::X25519(key) => Some(key.to_public().to_string()),
            Key::Ssh(_, public) => Some(public.text.clone()),
            Key::Hybrid(key) => key.recipient(),
            Key::Plugin(_) => None,
        };
        self.recipient.get_or_init(find).as_deref()
    }

    /// The program `age-plugin-NAME` that does the work, if any: that can be slow, and can ask a person.
    pub(super) fn plugin(&self) -> Option<&str> {
        match &self.key {
            Key::X25519(_) | Key::Hybrid(_) | Key::Ssh(..) => None,
            Key::Plugin(key) => Some(key.plugin()),
        }
    }

    /// How people are told of it: by its recipient, if that is known.
    pub(super) fn name(&self) -> String {
        let plugin = || format!("an identity of age-plugin-{}", self.plugin().unwrap_or_default());
        self.recipient().map_or_else(plugin, str::to_owned)
    }

    /// Whether `recipient` names it.
    pub(super) fn is_named(&self, recipient: &str) -> bool {
        match &self.key {
            Key::Ssh(_, public) => public.is_named(recipient),
            Key::X25519(_) | Key::Hybrid(_) | Key::Plugin(_) => {
                self.recipient().is_some_and(|own| own == recipient.trim())
            }
        }
    }

    /// Whether it is the same as `other`, as far as can be told without using it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (&self.key, &other.key) {
            (Key::Plugin(own), Key::Plugin(other)) => own.is_same(other),
            _ => self.recipient().is_some() && self.recipient() == other.recipient(),
        }
    }

    fn as_age(&self) -> &dyn age::Identity {
        match &self.key {
            Key::X25519(key) => key,
            Key::Ssh(key, _) => key.as_ref(),
            Key::Hybrid(key) => key,
            Key::Plugin(key) => key,
        }
    }
}

impl IdentityKind {
    fn find(text: &str) -> Option<Self> {
        let prefixes = [
            ("AGE-PLUGIN-", Self::Plugin),
            ("AGE-SECRET-KEY-PQ-1", Self::PostQuantum),
            ("AGE-SECRET-KEY-1", Self::X25519),
        ];
        prefixes.iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, kind)| *kind)
    }
}

/// Opens an armored age file with the first of `identities` that it is for; `None` when there is none such.
pub(super) fn unwrap<'a>(
    enc: &str,
    limit_bytes: usize,
    identities: impl Iterator<Item = &'a Identity>,
) -> Result<Option<Zeroizing<Vec<u8>>>, UnwrapError> {
    let armor = find_armor(enc).ok_or(UnwrapError::NotArmored)?;
    let decryptor = read_file(BufReader::new(age::armor::ArmoredReader::new(armor.as_bytes())))?;
    let identities = identities.map(Identity::as_age);
    let mut payload = match decryptor.decrypt(identities) {
        Err(age::DecryptError::NoMatchingKeys) => return Ok(None),
        opened => opened?,
    };
    read_wiped(&mut payload, DATA_KEY_BYTES, limit_bytes)?.ok_or(UnwrapError::TooLong).map(Some)
}

/// Makes a new identity, and the text of its file as `age-keygen` writes it.
///
/// `unix_seconds` goes into the first comment. Returns the recipient and the file's text.
#[must_use]
pub fn generate_key_text(kind: NewIdentity, unix_seconds: u64) -> (String, Plaintext) {
    let (recipient, secret) = match kind {
        NewIdentity::X25519 => {
            let identity = age::x25519::Identity::generate();
            let secret = identity.to_string();
            (identity.to_public().to_string(), Zeroizing::new(secret.expose_secret().to_owned()))
        }
        NewIdentity::PostQuantum => {
            let identity = HybridIdentity::generate();
            (identity.recipient().unwrap_or_default(), identity.render())
        }
    };
    let created = clock::render_rfc3339(unix_seconds);
    let parts = ["# created: ", &created, "\n# public key: ", &recipient, "\n", &secret, "\n"];
    let mut text = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        text.push_str(part);
    }
    (recipient, Plaintext::new(text))
}

/// Makes a new identity in a new file of mode 0600, and returns its recipient.
///
/// # Errors
/// [`FileError`]; a file that exists already is left alone.
pub fn generate_key_file(kind: NewIdentity, path: &Path) -> Result<String, FileError> {
    let (recipient, text) = generate_key_text(kind, clock::unix_seconds());
    create_new_private(path, text.expose().as_bytes())?;
    Ok(recipient)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_new_key_file_is_what_age_keygen_writes() {
        for (kind, length) in [(NewIdentity::X25519, 75), (NewIdentity::PostQuantum, 78)] {
            let (recipient, text) = generate_key_text(kind, 1_795_233_536);
            let (comments, secret) = text.expose().split_at(text.expose().len() - length);
            let expected = format!("# created: 2026-11-21T03:58:56Z\n# public key: {recipient}\n");
            assert_eq!(comments, expected);
            let identity = Identity::parse(secret.strip_suffix('\n').unwrap(), &Asker::default()).unwrap();
            assert_eq!(identity.recipient(), Some(recipient.as_str()));
        }
    }

    #[test]
    fn a_new_key_file_is_private_and_replaces_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.txt");
        let recipient = generate_key_file(NewIdentity::X25519, &path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(&recipient));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert!(generate_key_file(NewIdentity::X25519, &path).unwrap_err().to_string().ends_with("exists already"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}
