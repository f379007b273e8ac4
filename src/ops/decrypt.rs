//! `decrypt`: a SOPS file in clear.

use std::path::Path;

use super::{error::OpError, note::Note, session::Session};
use crate::sops::file::{Decrypted, MacPolicy, SopsFile};

/// Decrypts `text`, the file called `name`. Notes comments that look encrypted and are not.
///
/// # Errors
/// [`OpError`]; nothing of the plaintext is given out unless the MAC holds, or `policy` lets it pass.
pub fn decrypt(session: &Session, name: &Path, text: &str, policy: MacPolicy) -> Result<Decrypted, OpError> {
    let file = SopsFile::read(text)?;
    let key = session.open(name, &file)?;
    let decrypted = file.decrypt(&key, policy)?;
    for place in &decrypted.odd_comments {
        session.notes().add(Note::OddComment { path: name.to_owned(), place: *place });
    }
    Ok(decrypted)
}
