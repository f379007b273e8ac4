//! `unset`: one value of a SOPS file taken out; every other ciphertext stays.

use std::path::Path;

use super::{error::OpError, session::Session, set::change};
use crate::{
    document::yaml::change::{self, Address, ChangeError},
    sops::file::MacPolicy,
};

/// What happens when there is nothing to take out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Absent {
    /// It is an error.
    #[default]
    Refuse,
    /// It is as it should be: `--idempotent`.
    Allow,
}

/// Takes the value at `address` out of the encrypted `text`, the file called `name`.
///
/// # Errors
/// [`OpError::Change`] where there is no such value, or it cannot be taken out, and those of decrypting and encrypting.
pub fn unset(
    session: &Session,
    (name, text): (&Path, &str),
    address: Address<'_>,
    policy: MacPolicy,
    absent: Absent,
) -> Result<String, OpError> {
    let outcome = change(session, (name, text), address, policy, |tree| change::unset(tree, address));
    match outcome {
        Err(OpError::Change(ChangeError::NoKey { .. } | ChangeError::NoItem { .. })) if absent == Absent::Allow => {
            Ok(text.to_owned())
        }
        outcome => outcome,
    }
}
