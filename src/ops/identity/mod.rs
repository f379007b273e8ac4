//! The identities at hand: told by their recipients, kept in the keyring, tried on a file.

pub mod import;
pub mod list;
pub mod remember;
mod render;
pub mod test;

pub use render::{render_listing_json, render_listing_text, render_test_json, render_test_text};

use crate::{
    base::files::FileError,
    keys::{KeyringProblem, SourceProblem},
};

/// Why nothing was kept in, or taken out of, the keyring.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The keyring cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringProblem),
    /// The file cannot be used.
    #[error("{0}")]
    Source(SourceProblem),
    /// There is no identity in it.
    #[error("holds no identity")]
    Nothing,
    /// There is no passphrase to remember.
    #[error("has no passphrase")]
    NotLocked,
}
