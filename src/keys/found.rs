//! An identity that was found, as people and programs are told of it: by its recipient and its place.

use std::{fmt, path::Path};

use super::{short::shorten_recipient, source::Source};

/// An identity that was found, told without its private half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundIdentity {
    /// Its recipient, or which plugin knows that.
    pub recipient: String,
    /// The names of its recipient, where somebody who knows them has added them.
    pub names: Vec<String>,
    /// Where it is from.
    pub source: Source,
    /// The line of it there, from 1, where that says something.
    pub line: Option<usize>,
}

impl FoundIdentity {
    /// `recipient`, kept in the keyring.
    #[must_use]
    pub(super) const fn in_keyring(recipient: String) -> Self {
        Self { recipient, names: Vec::new(), source: Source::Keyring, line: None }
    }

    /// Whether it is the identity of `recipient`, whatever the comments of SSH keys.
    #[must_use]
    pub fn is_of(&self, recipient: &str) -> bool {
        let words = |text: &str| text.split_ascii_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
        words(&self.recipient) == words(recipient)
    }

    /// Where it is from, with the line.
    #[must_use]
    pub fn place(&self) -> String {
        let line = self.line.map(|line| format!(", line {line}")).unwrap_or_default();
        format!("{}{line}", self.source)
    }
}

impl fmt::Display for FoundIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (recipient, place) = (shorten_recipient(&self.recipient), self.place());
        match self.names.as_slice() {
            [] => write!(formatter, "{recipient} ({place})"),
            names => write!(formatter, "{} ({recipient}; {place})", names.join(", ")),
        }
    }
}

impl Source {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::KeyText => "SOPS_AGE_KEY",
            Self::KeyFile(_) => "SOPS_AGE_KEY_FILE",
            Self::KeyCommand => "SOPS_AGE_KEY_CMD",
            Self::DefaultFile(_) => "default-key-file",
            Self::SshKeyFile(_) => "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
            Self::SshKeyCommand => "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
            Self::DefaultSshKey(_) => "default-ssh-key",
            Self::Keyring => "keyring",
            Self::Named(_) => "file",
        }
    }

    /// The file that it is, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::KeyFile(path) | Self::DefaultFile(path) | Self::SshKeyFile(path) => path.as_deref(),
            Self::DefaultSshKey(path) | Self::Named(path) => Some(path),
            Self::KeyText | Self::KeyCommand | Self::SshKeyCommand | Self::Keyring => None,
        }
    }
}
