//! Every place that `sops` takes identities from, and what can be wrong with one.
//!
//! # Source
//! `sops` 3.13, observed; see `docs/migrating-from-sops.md` for the one difference, that a bad line costs only itself.

use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{identity::IdentityProblem, keyring::KeyringProblem, ssh::SshFault};
use crate::base::{
    env::Env,
    files::FileError,
    process::{ToolError, WordsError},
};

/// A place where identities are looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Source {
    /// The text of identities.
    #[error("SOPS_AGE_KEY")]
    KeyText,
    /// A file, if the variable names one.
    #[error("SOPS_AGE_KEY_FILE{}", in_parentheses(.0.as_deref()))]
    KeyFile(Option<PathBuf>),
    /// What a command prints.
    #[error("SOPS_AGE_KEY_CMD")]
    KeyCommand,
    /// `sops/age/keys.txt` in the user's configuration, if the environment says where that is.
    #[error("the default key file{}", in_parentheses(.0.as_deref()))]
    DefaultFile(Option<PathBuf>),
    /// An SSH private key, if the variable names one.
    #[error("SOPS_AGE_SSH_PRIVATE_KEY_FILE{}", in_parentheses(.0.as_deref()))]
    SshKeyFile(Option<PathBuf>),
    /// A command that prints an SSH private key.
    #[error("SOPS_AGE_SSH_PRIVATE_KEY_CMD")]
    SshKeyCommand,
    /// `id_ed25519` or `id_rsa` in `~/.ssh`.
    #[error("the default SSH key{}", in_parentheses(Some(.0)))]
    DefaultSshKey(PathBuf),
    /// The keyring of the operating system.
    #[error("the keyring")]
    Keyring,
    /// A file of identities that a command was given.
    #[error("{}", .0.display())]
    Named(PathBuf),
}

/// Why a source gave nothing, or not all that it holds.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceProblem {
    /// The variable is set to nothing, or to what is not UTF-8.
    #[error("is set, but holds no text")]
    Empty,
    /// The file cannot be read.
    #[error("{}", with_cause(&.0.problem))]
    File(Arc<FileError>),
    /// The command cannot be cut into words.
    #[error("{0}")]
    Words(WordsError),
    /// The command gave nothing.
    #[error("{}", with_cause(.0.as_ref()))]
    Command(Arc<ToolError>),
    /// The command was run for as many recipients as we run it for.
    #[error("was run for {limit} recipients, and is run for no more")]
    CommandLimit {
        /// The bound.
        limit: usize,
    },
    /// The keyring gave nothing.
    #[error("{0}")]
    Keyring(KeyringProblem),
    /// The keyring was asked for as many recipients as we ask it for.
    #[error("was asked for {limit} recipients, and is asked for no more")]
    KeyringLimit {
        /// The bound.
        limit: usize,
    },
    /// One line is not used.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: IdentityProblem,
    },
    /// More lines are not used than are told.
    #[error("{count} more bad lines")]
    MoreLines {
        /// How many.
        count: usize,
    },
    /// It needs a passphrase, and nobody can be asked.
    #[error("is encrypted with a passphrase, and there is no terminal to ask for it on")]
    NoTerminal,
    /// It needs a passphrase, and whoever was asked gave none.
    #[error("is encrypted with a passphrase, which was not given")]
    NoPassphrase,
    /// It was asked for so often, and not once answered right.
    #[error("is encrypted with a passphrase, which was wrong {tries} times")]
    WrongPassphrase {
        /// How often it was asked for.
        tries: usize,
    },
    /// Trying one passphrase would take too long, or too much memory.
    #[error("is encrypted with a scrypt work factor of {found}, and {limit} is the most that is tried")]
    WorkFactor {
        /// As the file says.
        found: u64,
        /// The bound.
        limit: u8,
    },
    /// It is an age file for recipients.
    #[error("is an age file, but not one that is encrypted with a passphrase")]
    NotForPassphrase,
    /// It begins as an age file.
    #[error("is an encrypted file that cannot be read: {0}")]
    EncryptedDamaged(String),
    /// An encrypted file holds an encrypted file.
    #[error("is encrypted, and what is inside is encrypted again")]
    EncryptedTwice,
    /// An SSH key cannot be used.
    #[error("{0}")]
    Ssh(SshFault),
}

/// The file that `sops` reads without being told: `sops/age/keys.txt` in the user's configuration directory.
///
/// `None` when the environment does not say where that is.
#[must_use]
pub fn default_key_file(env: &Env) -> Option<PathBuf> {
    let directory = if cfg!(windows) {
        env.path("AppData")
    } else {
        // `sops` does not fall back from one to the other, neither does it take a relative directory.
        env.path("XDG_CONFIG_HOME").or_else(|| Some(env.path("HOME")?.join(CONFIG_IN_HOME)))
    };
    let directory = directory.filter(|directory| directory.is_absolute())?;
    Some(directory.join("sops").join("age").join("keys.txt"))
}

const CONFIG_IN_HOME: &str = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };

impl Source {
    /// Every place, in the order in which they are told.
    pub(super) fn all(env: &Env) -> Vec<Self> {
        let mut sources = vec![
            Self::KeyText,
            Self::KeyFile(env.path("SOPS_AGE_KEY_FILE")),
            Self::KeyCommand,
            Self::DefaultFile(default_key_file(env)),
            Self::SshKeyFile(env.path("SOPS_AGE_SSH_PRIVATE_KEY_FILE")),
            Self::SshKeyCommand,
        ];
        let home = env.path("HOME").into_iter();
        sources.extend(
            home.flat_map(|home| {
                ["id_ed25519", "id_rsa"].map(|name| Self::DefaultSshKey(home.join(".ssh").join(name)))
            }),
        );
        sources.push(Self::Keyring);
        sources
    }

    /// Whether it is a command that is set.
    pub(super) fn is_set_command(&self, env: &Env) -> bool {
        match self {
            Self::KeyCommand => env.is_set("SOPS_AGE_KEY_CMD"),
            Self::SshKeyCommand => env.is_set("SOPS_AGE_SSH_PRIVATE_KEY_CMD"),
            _ => false,
        }
    }

    /// Whether it holds an SSH key and nothing else.
    #[must_use]
    pub const fn is_ssh(&self) -> bool {
        matches!(self, Self::SshKeyFile(_) | Self::SshKeyCommand | Self::DefaultSshKey(_))
    }

    /// Whether this is a key that most people have for other ends.
    pub(super) const fn is_default_ssh_key(&self) -> bool {
        matches!(self, Self::DefaultSshKey(_))
    }
}

/// One of several problems stands in a list, where nobody walks the chain of its causes.
fn with_cause(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

fn in_parentheses(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!(" ({})", path.display()))
}

#[cfg(test)]
mod tests {
    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn the_default_file_is_where_sops_has_it() {
        let file = |pairs: &[(&str, &str)]| {
            super::default_key_file(&pairs.iter().copied().collect()).map(|path| path.display().to_string())
        };
        let home = ("HOME", "/home/a");
        assert_eq!(file(&[home]).unwrap(), "/home/a/.config/sops/age/keys.txt");
        assert_eq!(file(&[home, ("XDG_CONFIG_HOME", "/c")]).unwrap(), "/c/sops/age/keys.txt");
        assert_eq!(file(&[home, ("XDG_CONFIG_HOME", "")]).unwrap(), "/home/a/.config/sops/age/keys.txt");
        assert_eq!(file(&[home, ("XDG_CONFIG_HOME", "relative")]), None);
        assert_eq!(file(&[]), None);
    }
}
