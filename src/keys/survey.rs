//! Which identities are at hand, told by their recipients, with where each is from.

use std::fmt;

use super::{found::FoundIdentity, no_identity::Problem, short::shorten_recipient, source::Source};

/// Everything at hand that can be told without running a program or asking a person.
#[derive(Debug, Default)]
pub struct Survey {
    /// The identities.
    pub found: Vec<FoundIdentity>,
    /// What was not looked into.
    pub closed: Vec<ClosedSource>,
    /// What is wrong with the sources.
    pub problems: Vec<Problem>,
}

/// A source that may hold identities, and was not looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedSource {
    /// The source.
    pub source: Source,
    /// Why.
    pub reason: ClosedReason,
    /// What it holds, where that is known: of an SSH key it is.
    pub recipient: Option<String>,
}

/// Why a source was not looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedReason {
    /// It is a command, which only runs for a file that needs it.
    Command,
    /// A passphrase is needed.
    Passphrase,
}

impl ClosedReason {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Passphrase => "passphrase",
        }
    }
}

impl fmt::Display for ClosedReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Command => "runs only for a file that nothing else opens",
            Self::Passphrase => "is behind a passphrase",
        })
    }
}

impl fmt::Display for ClosedSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recipient = self.recipient.as_deref().map(shorten_recipient);
        let recipient = recipient.map(|recipient| format!(" ({recipient})")).unwrap_or_default();
        write!(formatter, "{}{recipient} {}", self.source, self.reason)
    }
}
