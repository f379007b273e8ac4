//! `secrets identity import`

use std::path::{Path, PathBuf};

use clap::Args;
use gitops_secrets::{
    base::files::{read_bytes, read_stdin_bytes},
    keys::{Source, shorten_recipient},
    ops::identity::import::import,
};

use super::{failure_at, hint_for};
use crate::{app::App, exit::Exit, failure::Failure, files::is_stdin};

/// As much as is read of any file of identities.
const FILE_LIMIT_BYTES: usize = 16 << 20;

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File of identities, which is left as it is; `-` is standard input
    file: PathBuf,
    /// Keep them in the keyring of the operating system: there is no other place so far
    #[arg(long, required = true)]
    keyring: bool,
}

/// Keeps what the file holds, and says what of it was kept.
pub(crate) fn run(app: &App, arguments: &Arguments) -> Result<Exit, Failure> {
    let is_stdin = is_stdin(&arguments.file);
    let place = if is_stdin { Path::new("standard input") } else { &arguments.file };
    let read = if is_stdin { read_stdin_bytes(FILE_LIMIT_BYTES) } else { read_bytes(place, FILE_LIMIT_BYTES) };
    let imported = import(&app.session, &read?, &Source::Named(place.to_owned()));
    let imported = imported.map_err(|error| failure_at(place, error))?;
    for recipient in &imported.recipients {
        app.ui.tell(&format!("Kept in the keyring: {}", shorten_recipient(recipient)));
    }
    for problem in &imported.problems {
        app.ui.failure(&Failure {
            place: Some(place.display().to_string()),
            what: format!("{problem}; this was not imported"),
            hint: hint_for(problem).map(str::to_owned),
            exit: Exit::Failed,
        });
    }
    if !imported.problems.is_empty() {
        return Ok(Exit::Failed);
    }
    if !is_stdin {
        let shown = place.display();
        app.ui.hint(&format!("{shown} is still there: once a backup is safe, remove it with `shred -u` or `rm`"));
    }
    Ok(Exit::Done)
}
