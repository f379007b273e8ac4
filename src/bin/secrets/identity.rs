//! `secrets identity`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use gitops_secrets::{
    base::clock,
    keys::{NewIdentity, generate_key_file, generate_key_text},
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
    /// Make a new identity, as age-keygen does
    New(NewArguments),
}

#[derive(Debug, Args)]
struct NewArguments {
    /// Write to FILE, which must not exist, for its owner alone to read; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Make a post-quantum identity (ML-KEM-768 with X25519), as age-keygen -pq does
    #[arg(long)]
    post_quantum: bool,
}

/// Does what the inner command says.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        IdentityCommand::New(arguments) => make(app, &arguments),
    }
}

fn make(app: &App, arguments: &NewArguments) -> Result<Exit, Failure> {
    let kind = if arguments.post_quantum { NewIdentity::PostQuantum } else { NewIdentity::X25519 };
    let recipient = if is_stdin(&arguments.output) {
        let (recipient, text) = generate_key_text(kind, clock::unix_seconds());
        app.ui.result(&NewText::Clear(text))?;
        recipient
    } else {
        app.watch_signals()?;
        generate_key_file(kind, &arguments.output)?
    };
    app.ui.tell(&format!("Public key: {recipient}"));
    Ok(Exit::Done)
}
