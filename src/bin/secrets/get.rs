//! `secrets get`

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Args;
use gitops_secrets::{
    base::value_path::ValuePath,
    ops::{decrypt::decrypt, error::OpError, get::get, in_place::NewText},
    sops::file::MacPolicy,
};

use crate::{app::App, args::TypeArgs, exit::Exit, failure::Failure, files::read_input};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Encrypted file; `-` for standard input
    file: PathBuf,
    /// Which value: stringData.password, users[0].token, data."tls.crt"
    path: String,
    /// In which document of the file, from 1
    #[arg(long, value_name = "NUMBER", default_value = "1", hide_default_value = true)]
    document: NonZeroUsize,
    #[command(flatten)]
    types: TypeArgs,
}

/// Prints a string as it is, anything else as YAML.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let format = arguments.types.format(None)?;
    let path = ValuePath::parse(&arguments.path).map_err(|error| Failure::of_path(&arguments.path, error))?;
    let input = read_input(app, Some(&arguments.file), None, format)?;
    let work = || -> Result<_, OpError> {
        let clear = decrypt(&app.session, &input.place, input.text.expose(), MacPolicy::Require)?;
        get(clear.text.expose(), arguments.document.get() - 1, &path)
    };
    app.ui.result(&NewText::Clear(app.at(&input.place, work())?))?;
    Ok(Exit::Done)
}
