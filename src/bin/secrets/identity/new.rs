//! `secrets identity new`

use std::path::PathBuf;

use clap::Args;
use gitops_secrets::{
    base::clock,
    keys::{NewIdentity, generate_key_file, generate_key_text},
    ops::in_place::NewText,
};

use crate::{app::App, exit::Exit, failure::Failure, files::is_stdin};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Write to FILE, which must not exist, for its owner alone to read; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Keep it in the keyring of the operating system, and write it nowhere else
    #[arg(long, conflicts_with = "output")]
    keyring: bool,
    /// Make a post-quantum identity (ML-KEM-768 with X25519), as age-keygen -pq does
    #[arg(long)]
    post_quantum: bool,
}

/// Makes it, and says its recipient.
pub(crate) fn run(app: &App, arguments: &Arguments) -> Result<Exit, Failure> {
    let kind = if arguments.post_quantum { NewIdentity::PostQuantum } else { NewIdentity::X25519 };
    let recipient = if arguments.keyring {
        let (recipient, text) = generate_key_text(kind, clock::unix_seconds());
        let kept = app.session.keyring().keep_identity(&recipient, text.expose().as_bytes());
        kept.map_err(Failure::of_keyring)?;
        recipient
    } else if is_stdin(&arguments.output) {
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
