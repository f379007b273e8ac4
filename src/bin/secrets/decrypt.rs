//! `secrets decrypt`

use std::path::{Path, PathBuf};

use clap::Args;
use gitops_secrets::{
    ops::{decrypt::decrypt, format::Format, in_place::NewText},
    sops::file::MacPolicy,
};

use crate::{
    app::App,
    args::TypeArgs,
    exit::Exit,
    failure::Failure,
    files::{read_input, replace_in_place, write_output},
};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Encrypted files; with -i also directories; `-` or none for standard input
    files: Vec<PathBuf>,
    /// Replace the files; several need this
    #[arg(short, long, conflicts_with = "output")]
    in_place: bool,
    /// Write to FILE, for its owner alone to read, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What the input is called, for its type
    #[arg(long, value_name = "NAME")]
    filename_override: Option<PathBuf>,
    /// Do not check that nobody changed the values
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    types: TypeArgs,
}

/// Decrypts.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let format = arguments.types.format()?;
    let policy = if arguments.ignore_mac { MacPolicy::Ignore } else { MacPolicy::Require };
    let name = arguments.filename_override.as_deref();
    let work = |name: &Path, text: &str| Ok(NewText::Clear(decrypt(&app.session, name, text, policy)?.text));
    if arguments.in_place {
        let format = format.or_else(|| name.map(Format::of_name));
        return replace_in_place(app, &arguments.files, format, |path, text| work(path, text.expose()));
    }
    let file = match arguments.files.as_slice() {
        [] => None,
        [file] => Some(file.as_path()),
        _ => return Err(Failure::usage("several files are given", "several files are decrypted in place, with -i")),
    };
    let input = read_input(app, file, name, format)?;
    let clear = app.at(&input.place, work(&input.place, input.text.expose()))?;
    write_output(app, arguments.output.as_deref(), &clear)?;
    Ok(Exit::Done)
}
