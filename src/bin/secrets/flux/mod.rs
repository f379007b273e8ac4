//! `secrets flux`

mod secret;

use clap::{Args, Subcommand};

use crate::{app::App, exit::Exit, failure::Failure};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: FluxCommand,
}

#[derive(Debug, Subcommand)]
enum FluxCommand {
    /// Make or check the Secret that Flux decrypts with
    Secret(secret::Arguments),
}

/// Does what the inner command says.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        FluxCommand::Secret(arguments) => secret::run(app, &arguments),
    }
}
