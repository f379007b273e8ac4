//! `secrets set`

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Args;
use gitops_secrets::{
    base::{
        files::{read_stdin, read_text},
        secret::Plaintext,
        value_path::ValuePath,
    },
    keys::Ask as _,
    document::yaml::{change::Address, emit::Value, parse::TEXT_LIMIT_BYTES, scalar::Scalar},
    ops::{
        error::OpError,
        in_place::{NewText, read_named},
        set::set,
        value::parse_value,
    },
    sops::file::MacPolicy,
};
use zeroize::Zeroizing;

use crate::{
    app::App,
    args::TypeArgs,
    exit::Exit,
    failure::Failure,
    files::{refuse_directory, replace_in_place},
};

/// What is typed.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Arguments {
    /// Encrypted file, replaced in place
    file: PathBuf,
    /// Which value: stringData.password, users[0].token, data."tls.crt"; [+] appends to a list
    path: String,
    /// The value as JSON, for all who can see the list of processes; left out, it is asked for
    #[arg(allow_hyphen_values = true)]
    value: Option<String>,
    /// VALUE is the name of a file that holds the value
    #[arg(long, requires = "value", conflicts_with = "value_stdin")]
    value_file: bool,
    /// Read the value from standard input
    #[arg(long, conflicts_with = "value")]
    value_stdin: bool,
    /// The value is a text as it stands, not JSON
    #[arg(long)]
    string: bool,
    /// In which document of the file, from 1
    #[arg(long, value_name = "NUMBER", default_value = "1", hide_default_value = true)]
    document: NonZeroUsize,
    /// Do not touch the file when the value is there already; this is so with or without the flag
    #[arg(long)]
    idempotent: bool,
    /// Do not check that nobody changed the values
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    types: TypeArgs,
}

/// Sets a value.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let format = arguments.types.format(None)?;
    let path = ValuePath::parse(&arguments.path).map_err(|error| Failure::of_path(&arguments.path, error))?;
    refuse_directory(&arguments.file, "name one file")?;
    if arguments.value.is_none() && !arguments.value_stdin {
        // Nobody should type a secret for a file that is not there.
        app.at(&arguments.file, read_named(&arguments.file, format))?;
    }
    let value = arguments.value(app)?;
    let address = Address { document: arguments.document.get() - 1, path: &path };
    let policy = if arguments.ignore_mac { MacPolicy::Ignore } else { MacPolicy::Require };
    replace_in_place(app, std::slice::from_ref(&arguments.file), format, None, |name, text| {
        set(&app.session, (name, text.expose()), address, &value, policy).map(NewText::Sealed)
    })
}

impl Arguments {
    fn value(&self, app: &App) -> Result<Zeroizing<Value>, Failure> {
        let text = match &self.value {
            Some(file) if self.value_file => read_text(file.as_ref(), TEXT_LIMIT_BYTES)?,
            Some(value) => Plaintext::new(value.clone()),
            None if self.value_stdin => read_stdin(TEXT_LIMIT_BYTES)?,
            None => return self.ask(app),
        };
        if self.string {
            return Ok(string(&text));
        }
        let value = parse_value(text.expose());
        value.map(Zeroizing::new).map_err(|error| Failure::at(&self.file, &OpError::Value(error)))
    }

    /// What is typed is a text, so that nobody has to put a password into quotes.
    fn ask(&self, app: &App) -> Result<Zeroizing<Value>, Failure> {
        let question = format!("Value of {} (a text; not shown): ", self.path);
        let typed = app.terminal.secret(&question);
        let typed = typed.map_err(|_no_answer| {
            Failure::usage("no value is given", "give it with --value-stdin or --value-file, or on a terminal")
        })?;
        Ok(string(&typed))
    }
}

fn string(text: &Plaintext) -> Zeroizing<Value> {
    Zeroizing::new(Value::Scalar(Scalar::Str(text.expose().to_owned())))
}
