//! `secrets decrypt`

use std::path::{Path, PathBuf};

use clap::Args;
use gitops_secrets::{
    base::value_path::ValuePath,
    ops::{decrypt::decrypt, get::get, in_place::NewText},
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
    #[arg(value_name = "FILE")]
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
    /// Print this value only: stringData.password, or ["stringData"]["password"]
    #[arg(long, value_name = "PATH", conflicts_with = "in_place")]
    extract: Option<String>,
    /// Do not check that nobody changed the values
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    types: TypeArgs,
}

/// Decrypts.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let policy = if arguments.ignore_mac { MacPolicy::Ignore } else { MacPolicy::Require };
    let name = arguments.filename_override.as_deref();
    let format = arguments.types.format(name)?;
    let path = arguments.extract.as_deref();
    let path = path.map(|text| ValuePath::parse(text).map_err(|error| Failure::of_path(text, error))).transpose()?;
    let work = |name: &Path, text: &str| {
        let clear = decrypt(&app.session, name, text, policy)?.text;
        Ok(NewText::Clear(match &path {
            Some(path) => get(clear.expose(), 0, path)?,
            None => clear,
        }))
    };
    if arguments.in_place {
        return replace_in_place(app, &arguments.files, format, None, |path, text| work(path, text.expose()));
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
