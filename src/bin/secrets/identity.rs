//! `secrets identity`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use gitops_secrets::{
    base::clock,
    keys::{generate_key_file, generate_key_text},
    ops::in_place::NewText,
};

use crate::{app::App, exit::Exit, failure::Failure, files::is_stdin};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: IdentityCommand,
}

#[derive(Debug, Subcommand)]
enum IdentityCommand {
    /// Make a new X25519 identity, as age-keygen does
    New(NewArguments),
}

#[derive(Debug, Args)]
struct NewArguments {
    /// Write to FILE, which must not exist, for its owner alone to read; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// Does what the inner command says.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        IdentityCommand::New(arguments) => make(app, &arguments.output),
    }
}

fn make(app: &App, output: &Path) -> Result<Exit, Failure> {
    let recipient = if is_stdin(output) {
        let (recipient, text) = generate_key_text(clock::unix_seconds());
        app.ui.result(&NewText::Clear(text))?;
        recipient
    } else {
        app.watch_signals()?;
        generate_key_file(output)?
    };
    app.ui.tell(&format!("Public key: {recipient}"));
    Ok(Exit::Done)
}
