//! The exit codes: the one table of them.

use std::process::ExitCode;

use gitops_secrets::{
    ops::{error::OpError, format::FormatError},
    sops::error::SopsError,
};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; of a command that checks: clean.
    Done,
    /// Failed.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// Of a command that checks: something was found.
    Found,
    /// Of a command that checks: something could not be checked.
    Unchecked,
    /// The MAC does not hold, as with `sops`.
    MacMismatch,
    /// No identity opens the file, as with `sops`.
    NoIdentity,
    /// `edit` changed nothing, as with `sops`.
    Unchanged,
    /// There is no editor, or it failed, as with `sops`.
    Editor,
    /// There is metadata already, as with `sops`.
    AlreadyEncrypted,
}

impl Exit {
    /// What the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed | Self::Found => 1,
            Self::Usage | Self::Unchecked => 2,
            Self::MacMismatch => 51,
            Self::NoIdentity => 128,
            Self::Unchanged => 200,
            Self::Editor => 201,
            Self::AlreadyEncrypted => 203,
        }
    }

    /// How a run ends that fails so.
    pub(crate) fn of(error: &OpError) -> Self {
        match error {
            OpError::Sops(SopsError::MacMismatch | SopsError::MacUnreadable) => Self::MacMismatch,
            OpError::Sops(SopsError::AlreadyEncrypted(_)) => Self::AlreadyEncrypted,
            OpError::NoIdentity { .. } | OpError::TooFewGroups(_) | OpError::Shares(_) => Self::NoIdentity,
            OpError::Onto { fault, .. } | OpError::EditStopped { fault, .. } | OpError::EditLost { fault, .. } => {
                Self::of(fault)
            }
            OpError::NoEditor | OpError::EditorWords { .. } | OpError::Editor(_) | OpError::EditorFailed { .. } => {
                Self::Editor
            }
            OpError::TwoSelectors { .. }
            | OpError::Format(FormatError::Unknown)
            | OpError::Path(_)
            | OpError::Value(_) => Self::Usage,
            _ => Self::Failed,
        }
    }

    /// How a run over several files ends: as those that failed, if they agree.
    pub(crate) fn of_all(failures: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Done;
        for exit in failures {
            all = if all == Self::Done || all == exit { exit } else { Self::Failed };
        }
        all
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
