//! `secrets unset`

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Args;
use gitops_secrets::{
    base::value_path::ValuePath,
    document::yaml::change::Address,
    ops::{
        in_place::NewText,
        unset::{Absent, unset},
    },
    sops::file::MacPolicy,
};

use crate::{
    app::App,
    args::TypeArgs,
    exit::Exit,
    failure::Failure,
    files::{refuse_directory, replace_in_place},
};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Encrypted file, replaced in place
    file: PathBuf,
    /// Which value: stringData.password, users[0], data."tls.crt"
    path: String,
    /// In which document of the file, from 1
    #[arg(long, value_name = "NUMBER", default_value = "1", hide_default_value = true)]
    document: NonZeroUsize,
    /// Let it pass that there is no such value
    #[arg(long)]
    idempotent: bool,
    /// Do not check that nobody changed the values
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    types: TypeArgs,
}

/// Takes a value out.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let format = arguments.types.format(None)?;
    let path = ValuePath::parse(&arguments.path).map_err(|error| Failure::of_path(&arguments.path, error))?;
    refuse_directory(&arguments.file, "name one file")?;
    let address = Address { document: arguments.document.get() - 1, path: &path };
    let policy = if arguments.ignore_mac { MacPolicy::Ignore } else { MacPolicy::Require };
    let absent = if arguments.idempotent { Absent::Allow } else { Absent::Refuse };
    replace_in_place(app, std::slice::from_ref(&arguments.file), format, None, |name, text| {
        unset(&app.session, (name, text.expose()), address, policy, absent).map(NewText::Sealed)
    })
}
