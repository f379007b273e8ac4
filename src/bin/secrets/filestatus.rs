//! `secrets filestatus`

use std::path::PathBuf;

use clap::Args;
use gitops_secrets::ops::filestatus::is_encrypted;

use crate::{app::App, args::TypeArgs, exit::Exit, failure::Failure, files::read_input};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    types: TypeArgs,
}

/// Prints JSON, as `sops` does.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let format = arguments.types.format(None)?;
    let input = read_input(app, Some(&arguments.file), None, format)?;
    let encrypted = app.at(&input.place, is_encrypted(input.text.expose()))?;
    app.ui.print(&format!("{{\"encrypted\":{encrypted}}}\n"))?;
    Ok(Exit::Done)
}
