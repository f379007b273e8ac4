//! `identity remember`: the passphrase of an identity file, kept in the keyring until it is forgotten.

use std::{
    fs::canonicalize,
    path::{Path, PathBuf},
};

use super::IdentityError;
use crate::{
    base::files::{FileError, FileProblem},
    keys::ask_passphrase,
    ops::session::Session,
};

/// Asks for the passphrase of the identity file at `path`, opens the file with it, and keeps it in the keyring.
///
/// # Errors
/// [`IdentityError`]; then nothing is kept.
pub fn remember(session: &Session, path: &Path) -> Result<(), IdentityError> {
    let absolute = absolute(path)?;
    session.keyring().check()?;
    let passphrase = ask_passphrase(path, session.asker()).map_err(|problem| match problem {
        Some(problem) => IdentityError::Source(problem),
        None => IdentityError::NotLocked,
    })?;
    Ok(session.keyring().keep_passphrase(&absolute, passphrase.expose().as_bytes())?)
}

/// Forgets the passphrase of the identity file at `path`; `false` when it was not kept.
///
/// # Errors
/// [`IdentityError::Keyring`].
pub fn forget(session: &Session, path: &Path) -> Result<bool, IdentityError> {
    // The file may be gone.
    let absolute = absolute(path).or_else(|_gone| {
        std::path::absolute(path)
            .map_err(|cause| FileError { path: path.to_owned(), problem: FileProblem::Read(cause) })
    })?;
    Ok(session.keyring().remove_passphrase(&absolute)?)
}

fn absolute(path: &Path) -> Result<PathBuf, FileError> {
    canonicalize(path).map_err(|cause| FileError { path: path.to_owned(), problem: FileProblem::Read(cause) })
}
