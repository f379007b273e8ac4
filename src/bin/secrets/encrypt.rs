//! `secrets encrypt`

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, value_parser};
use gitops_secrets::{
    base::files::read_text,
    crypto::mac::Coverage,
    document::yaml::parse::TEXT_LIMIT_BYTES,
    ops::{
        encrypt::{ClearText, Onto, Wishes, encrypt, encrypt_onto},
            in_place::NewText,
        recipients::parse_recipients,
    },
};

use crate::{
    app::App,
    args::{SelectorArgs, TypeArgs},
    exit::Exit,
    failure::Failure,
    files::{is_stdin, read_input, replace_in_place, write_output},
};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Files in clear; `-` or none for standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Replace the files; several need this
    #[arg(short, long, conflicts_with = "output")]
    in_place: bool,
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What the input is called, for the policy and the type
    #[arg(long, value_name = "NAME")]
    filename_override: Option<PathBuf>,
    /// Recipients, with commas between them, instead of those of the policy [env: `SOPS_AGE_RECIPIENTS`]
    #[arg(short, long, value_name = "RECIPIENTS", action = ArgAction::Append)]
    age: Vec<String>,
    /// Keep the ciphertext of every value that is the same in OLD, and OLD's data key
    #[arg(long, value_name = "OLD")]
    onto: Option<PathBuf>,
    /// Let it pass that no value is encrypted
    #[arg(long)]
    allow_unencrypted: bool,
    /// Let the MAC cover encrypted values only
    #[arg(long)]
    mac_only_encrypted: bool,
    /// Spaces of one level of the `sops` block, 2 to 9
    #[arg(long, value_name = "SPACES", value_parser = value_parser!(u8).range(2..=9))]
    indent: Option<u8>,
    /// How many of the policy's key groups are needed to decrypt, if not as many as it says
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
    shamir_secret_sharing_threshold: usize,
    #[command(flatten)]
    types: TypeArgs,
    #[command(flatten)]
    selector: SelectorArgs,
}

/// Encrypts.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let wishes = arguments.wishes(app)?;
    let onto = arguments.onto.as_deref().map(read_onto).transpose()?;
    let work = |name: &Path, text: &_| {
        let sealed = match &onto {
            Some(onto) => encrypt_onto(&app.session, name, text, onto, &wishes)?,
            None => encrypt(&app.session, name, text, &wishes)?,
        };
        Ok(NewText::Sealed(sealed))
    };
    let name = arguments.name();
    let format = arguments.types.format(name)?;
    if arguments.in_place {
        arguments.check_files()?;
        return replace_in_place(app, &arguments.files, format, None, |path, text| work(name.unwrap_or(path), text));
    }
    let input = read_input(app, arguments.single_file()?, name, format)?;
    let sealed = app.at(&input.place, work(&input.name, &input.text))?;
    write_output(app, arguments.output.as_deref(), &sealed)?;
    Ok(Exit::Done)
}

fn read_onto(path: &Path) -> Result<Onto, Failure> {
    let text = read_text(path, TEXT_LIMIT_BYTES)?;
    Ok(Onto { path: path.to_owned(), text: text.expose().to_owned() })
}

impl Arguments {
    fn wishes(&self, app: &App) -> Result<Wishes, Failure> {
        let of_environment = app.session.env().text("SOPS_AGE_RECIPIENTS");
        let lists = self.age.iter().map(String::as_str).chain(of_environment.filter(|_| self.age.is_empty()));
        let lists: Vec<&str> = lists.collect();
        let place = Path::new(if self.age.is_empty() { "SOPS_AGE_RECIPIENTS" } else { "--age" });
        let recipients = app.at(place, parse_recipients(lists.iter().copied()))?;
        Ok(Wishes {
            recipients: (!lists.is_empty()).then_some(recipients),
            threshold: (self.shamir_secret_sharing_threshold > 0).then_some(self.shamir_secret_sharing_threshold),
            selector: self.selector.selector().map_err(|error| Failure::at(Path::new("the command line"), &error))?,
            coverage: self.mac_only_encrypted.then_some(Coverage::OnlyEncrypted),
            step: self.indent.map(usize::from),
            clear: if self.allow_unencrypted { ClearText::Allow } else { ClearText::Refuse },
        })
    }

    /// What the input is called instead. Without a name of its own, it is a new version of OLD.
    fn name(&self) -> Option<&Path> {
        let is_nameless = self.files.iter().all(|file| is_stdin(file));
        self.filename_override.as_deref().or_else(|| self.onto.as_deref().filter(|_| is_nameless))
    }

    fn single_file(&self) -> Result<Option<&Path>, Failure> {
        match self.files.as_slice() {
            [] => Ok(None),
            [file] => Ok(Some(file)),
            _ => Err(Failure::usage("several files are given", "several files are encrypted in place, with -i")),
        }
    }

    /// In place, what stands for several files at once makes no sense for some flags, and a directory for none.
    fn check_files(&self) -> Result<(), Failure> {
        if let Some(directory) = self.files.iter().find(|file| file.is_dir()) {
            let what = format!("{} is a directory", directory.display());
            return Err(Failure::usage(what, "name the files: only encrypted ones are found by themselves"));
        }
        let is_for_one = self.filename_override.is_some() || self.onto.is_some();
        if is_for_one && self.files.len() > 1 {
            let what = "--filename-override and --onto are for one file";
            return Err(Failure::usage(what, "encrypt the files one by one"));
        }
        Ok(())
    }
}
