//! `secrets identity remember`

use std::path::PathBuf;

use clap::Args;
use gitops_secrets::ops::identity::remember::{forget, remember};

use super::failure_at;
use crate::{app::App, exit::Exit, failure::Failure};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File of identities, or SSH key, that is encrypted with a passphrase
    file: PathBuf,
    /// Take the passphrase out of the keyring again; FILE may be gone
    #[arg(long)]
    forget: bool,
}

/// Asks for the passphrase once, and never again until it is forgotten.
pub(crate) fn run(app: &App, arguments: &Arguments) -> Result<Exit, Failure> {
    let file = &arguments.file;
    let at = |error| failure_at(file, error);
    if !arguments.forget {
        remember(&app.session, file).map_err(at)?;
        app.ui.tell(&format!("Kept in the keyring: the passphrase of {}", file.display()));
        return Ok(Exit::Done);
    }
    if forget(&app.session, file).map_err(at)? {
        app.ui.tell(&format!("Forgotten: the passphrase of {}", file.display()));
        return Ok(Exit::Done);
    }
    Err(Failure {
        place: Some("the keyring".to_owned()),
        what: format!("no passphrase of {}", file.display()),
        hint: Some("name the file by the path that it had when its passphrase was remembered".to_owned()),
        exit: Exit::Failed,
    })
}
