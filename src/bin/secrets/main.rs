//! `secrets`: arguments in, one library call, one report.

mod app;
mod args;
mod exit;
mod failure;
mod files;
mod terminal;
mod ui;

use std::process::ExitCode;

use clap::Parser as _;
use gitops_secrets::base::env::Env;

use crate::{
    app::App,
    args::{Cli, refuse},
    exit::Exit,
    failure::Failure,
    ui::{Color, Ui, Verbosity},
};

/// Makes of each line a module, a subcommand with the module's `Arguments`, and a call of the module's `run`.
macro_rules! commands {
    ($($(#[$attribute:meta])* $name:ident($module:ident),)*) => {
        $(mod $module;)*

        /// What is to be done.
        #[derive(Debug, clap::Subcommand)]
        pub(crate) enum Command {
            $($(#[$attribute])* $name($module::Arguments),)*
        }

        impl Command {
            /// Does it.
            pub(crate) fn run(self, app: &App) -> Result<Exit, Failure> {
                match self {
                    $(Self::$name(arguments) => $module::run(app, arguments),)*
                }
            }
        }
    };
}

commands! {
    /// Encrypt files as the policy says, or for --age
    Encrypt(encrypt),
    /// Decrypt files
    Decrypt(decrypt),
    /// Print one value, or all below a key
    Get(get),
    /// Change a file in an editor, or make a new one
    Edit(edit),
    /// Set one value
    Set(set),
    /// Take one value out
    Unset(unset),
    /// Give files a new data key, for the recipients of the policy
    Rotate(rotate),
    /// Find what is wrong with encrypted files, without any key
    Verify(verify),
    /// Tell whether a file is encrypted, as JSON
    Filestatus(filestatus),
    /// Tell which creation rule applies to a path, and why
    Explain(explain),
    /// Make identities
    Identity(identity),
}

fn main() -> ExitCode {
    let env = Env::of_process();
    if let Err(failure) = app::close_to_others() {
        Ui::new(Color::Never, Verbosity::Normal, &env).failure(&failure);
        return failure.exit.into();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &env).into(),
    };
    let ui = Ui::new(cli.globals.color, cli.globals.verbosity(), &env);
    run(cli, ui, env).into()
}

fn run(cli: Cli, ui: Ui, env: Env) -> Exit {
    let app = match App::new(cli.globals, ui, env) {
        Ok(app) => app,
        Err((ui, failure)) => {
            ui.failure(&failure);
            return failure.exit;
        }
    };
    let outcome = cli.command.run(&app);
    app.tell_notes();
    outcome.unwrap_or_else(|failure: Failure| {
        app.ui.failure(&failure);
        failure.exit
    })
}
