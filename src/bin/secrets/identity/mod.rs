//! `secrets identity`

mod import;
mod list;
mod new;
mod remember;
mod remove;
mod test;

use std::path::Path;

use clap::{Args, Subcommand};
use gitops_secrets::{
    keys::{IdentityProblem, SourceProblem},
    ops::identity::IdentityError,
};

use crate::{app::App, exit::Exit, failure::Failure};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: IdentityCommand,
}

#[derive(Debug, Subcommand)]
enum IdentityCommand {
    /// Make a new identity, as age-keygen does
    New(new::Arguments),
    /// List the identities at hand by their recipients, and where each is from
    List(list::Arguments),
    /// Keep the identities of a file in the keyring
    Import(import::Arguments),
    /// Take an identity out of the keyring
    Remove(remove::Arguments),
    /// Tell who can open a file, which of them you are, and whether it opens
    Test(test::Arguments),
    /// Keep the passphrase of an identity file in the keyring, or forget it
    Remember(remember::Arguments),
}

/// Does what the inner command says.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        IdentityCommand::New(arguments) => new::run(app, &arguments),
        IdentityCommand::List(arguments) => list::run(app, &arguments),
        IdentityCommand::Import(arguments) => import::run(app, &arguments),
        IdentityCommand::Remove(arguments) => remove::run(app, &arguments),
        IdentityCommand::Test(arguments) => test::run(app, &arguments),
        IdentityCommand::Remember(arguments) => remember::run(app, &arguments),
    }
}

/// What to do about what is not taken out of a file.
const fn hint_for(problem: &SourceProblem) -> Option<&'static str> {
    match problem {
        SourceProblem::Line { problem: IdentityProblem::LockedSsh, .. } => Some(
            "`secrets identity remember FILE` keeps its passphrase in the keyring; the key is found as \
             SOPS_AGE_SSH_PRIVATE_KEY_FILE, ~/.ssh/id_ed25519 or ~/.ssh/id_rsa",
        ),
        SourceProblem::Line { problem: IdentityProblem::Nameless, .. } => {
            Some("write `# public key: RECIPIENT` in the line before it")
        }
        SourceProblem::NoTerminal => Some("run it on a terminal"),
        _ => None,
    }
}

fn failure_at(place: &Path, error: IdentityError) -> Failure {
    let hint = match error {
        IdentityError::File(error) => return error.into(),
        IdentityError::Keyring(problem) => return Failure::of_keyring(problem),
        IdentityError::Source(ref problem) => hint_for(problem),
        IdentityError::Nothing => Some("an identity begins with AGE-SECRET-KEY-, AGE-PLUGIN- or -----BEGIN"),
        IdentityError::NotLocked => Some("`secrets identity import FILE --keyring` keeps the identities themselves"),
    };
    Failure {
        place: Some(place.display().to_string()),
        what: error.to_string(),
        hint: hint.map(str::to_owned),
        exit: Exit::Failed,
    }
}
