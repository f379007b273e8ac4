//! `identity import`: the identities of a file, kept in the keyring.

use super::IdentityError;
use crate::{
    keys::{Source, SourceProblem, split_identities},
    ops::session::Session,
};

/// What was imported.
#[derive(Debug, Default)]
pub struct Imported {
    /// The recipients of what is kept now.
    pub recipients: Vec<String>,
    /// What of the file was not.
    pub problems: Vec<SourceProblem>,
}

/// Keeps every identity of the identity file `content`, which is from `source`. Asks for its passphrase, if it has one.
///
/// # Errors
/// [`IdentityError`]; what was kept before the keyring failed stays there.
pub fn import(session: &Session, content: &[u8], source: &Source) -> Result<Imported, IdentityError> {
    session.keyring().check()?;
    let singles = split_identities(content, source, session.asker());
    let mut imported = Imported { problems: singles.problems, ..Imported::default() };
    for single in singles.identities {
        session.keyring().keep_identity(&single.recipient, single.expose())?;
        imported.recipients.push(single.recipient);
    }
    match imported.problems.pop() {
        Some(problem) if imported.recipients.is_empty() => Err(IdentityError::Source(problem)),
        None if imported.recipients.is_empty() => Err(IdentityError::Nothing),
        problem => {
            imported.problems.extend(problem);
            Ok(imported)
        }
    }
}
