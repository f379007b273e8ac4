//! `secrets rotate`

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use gitops_secrets::ops::{
    in_place::NewText,
    recipients::parse_recipients,
    rotate::{RotateWishes, UnknownRecipients, rotate},
};

use crate::{
    app::App,
    args::TypeArgs,
    exit::Exit,
    failure::Failure,
    batch::{open_journal, top_directory},
    files::{read_input, replace_in_place, write_output},
};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Encrypted files and directories; several, or a directory, are rotated in place
    #[arg(value_name = "PATH")]
    files: Vec<PathBuf>,
    /// All files of the repository
    #[arg(long, conflicts_with_all = ["files", "output", "filename_override"])]
    all: bool,
    /// Replace the file
    #[arg(short, long, conflicts_with = "output")]
    in_place: bool,
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What the input is called, for the policy and the type
    #[arg(long, value_name = "NAME")]
    filename_override: Option<PathBuf>,
    /// Recipients that the file gets too, with commas between them; of several key groups, the first gets them
    #[arg(long, value_name = "RECIPIENTS", action = ArgAction::Append)]
    add_age: Vec<String>,
    /// Recipients that the file loses, with commas between them
    #[arg(long, value_name = "RECIPIENTS", action = ArgAction::Append)]
    rm_age: Vec<String>,
    /// Go on encrypting for recipients that the file names and the creation rule does not
    #[arg(long)]
    keep_recipients: bool,
    #[command(flatten)]
    types: TypeArgs,
}

/// Rotates.
pub(crate) fn run(app: &App, mut arguments: Arguments) -> Result<Exit, Failure> {
    if arguments.all {
        arguments.files = vec![top_directory(app)];
    }
    let wishes = arguments.wishes(app)?;
    let name = arguments.filename_override.as_deref();
    let format = arguments.types.format(name)?;
    let work = |name: &Path, text: &str| Ok(NewText::Sealed(rotate(&app.session, name, text, &wishes)?));
    let is_many = arguments.files.len() > 1 || arguments.files.iter().any(|file| file.is_dir());
    if is_many && (name.is_some() || arguments.output.is_some()) {
        let what = "--output and --filename-override are for one file";
        return Err(Failure::usage(what, "rotate the files one by one"));
    }
    if arguments.in_place || is_many {
        let journal = if is_many { Some(open_journal(app, &arguments.files)?) } else { None };
        return replace_in_place(app, &arguments.files, format, journal.as_ref(), |path, text| {
            work(name.unwrap_or(path), text.expose())
        });
    }
    let input = read_input(app, arguments.files.first().map(PathBuf::as_path), name, format)?;
    let sealed = app.at(&input.place, work(&input.name, input.text.expose()))?;
    write_output(app, arguments.output.as_deref(), &sealed)?;
    Ok(Exit::Done)
}

impl Arguments {
    fn wishes(&self, app: &App) -> Result<RotateWishes, Failure> {
        let add = app.at(Path::new("--add-age"), parse_recipients(self.add_age.iter().map(String::as_str)))?;
        let remove = self.rm_age.iter().flat_map(|list| list.split(',')).map(|id| id.trim().to_owned()).collect();
        let unknown = if self.keep_recipients { UnknownRecipients::Keep } else { UnknownRecipients::Refuse };
        Ok(RotateWishes { add, remove, unknown })
    }
}
