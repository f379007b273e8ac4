//! `secrets`: arguments in, one library call, one report.

mod app;
mod args;
mod batch;
mod exit;
mod failure;
mod files;
mod terminal;
mod ui;

#[cfg(not(target_env = "musl"))]
use std::alloc::System as Heap;
use std::process::ExitCode;

use clap::{Args as _, Parser as _};
/// What musl brings asks the system for every few pages and gives them back at once, which is a third of a short run.
#[cfg(target_env = "musl")]
use dlmalloc::GlobalDlmalloc as Heap;
use gitops_secrets::base::env::Env;
use zeroizing_alloc::ZeroAlloc;

use crate::{
    app::App,
    args::{Cli, refuse},
    exit::Exit,
    failure::Failure,
    ui::{Color, Ui, Verbosity},
};

/// Wipes all that is freed: crates below free private keys and plaintexts where no wiping type of ours reaches.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<Heap> = ZeroAlloc(Heap);

/// Makes of each line a module, a subcommand with the module's `Arguments`, and a call of the module's `run`.
///
/// The arguments of a subcommand are described to clap only when it is that subcommand that was typed: to describe all
/// of them takes longer than to decrypt a file, and clap's `derive` cannot put it off.
macro_rules! commands {
    ($(#[doc = $about:literal] $name:ident($module:ident),)*) => {
        $(mod $module;)*

        /// What is to be done.
        #[derive(Debug)]
        pub(crate) enum Command {
            $(#[doc = $about] $name($module::Arguments),)*
        }

        impl Command {
            /// Does it.
            pub(crate) fn run(self, app: &App) -> Result<Exit, Failure> {
                match self {
                    $(Self::$name(arguments) => $module::run(app, arguments),)*
                }
            }
        }

        impl clap::Subcommand for Command {
            fn augment_subcommands(command: clap::Command) -> clap::Command {
                command$(.subcommand(
                    clap::Command::default()
                        .name(stringify!($module))
                        .about($about.trim_ascii())
                        .defer(|command| {
                            $module::Arguments::augment_args(command).about($about.trim_ascii()).long_about(None)
                        }),
                ))*.subcommand_required(true).arg_required_else_help(true)
            }

            fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
                Self::augment_subcommands(command)
            }

            fn has_subcommand(name: &str) -> bool {
                [$(stringify!($module)),*].contains(&name)
            }
        }

        impl clap::FromArgMatches for Command {
            fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
                match matches.subcommand() {
                    $(Some((stringify!($module), matches)) => {
                        $module::Arguments::from_arg_matches(matches).map(Self::$name)
                    })*
                    _ => Err(clap::Error::new(clap::error::ErrorKind::MissingSubcommand)),
                }
            }

            fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
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
    /// Make recipients, key groups and, if asked, selectors of files what the policy says
    Sync(sync),
    /// Find what is wrong with encrypted files, without any key
    Verify(verify),
    /// Tell whether a file is encrypted, as JSON
    Filestatus(filestatus),
    /// Tell which creation rule applies to a path, and why
    Explain(explain),
    /// Tell the clusters of the repository, and how it stands with them
    Cluster(cluster),
    /// Tell who can read what: recipients, clusters, files
    Access(access),
    /// Tell what a recipient could read in git's history, and what of it to change
    Exposure(exposure),
    /// Make what Flux decrypts with
    Flux(flux),
    /// Make, list, keep and try identities
    Identity(identity),
    /// Say who can read what: names and rules of the policy
    Recipient(recipient),
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
