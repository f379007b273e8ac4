//! What is typed: the flags of all commands, those that several share, and how a mistake in them is told.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, Parser, error::ErrorKind};
use gitops_secrets::{
    base::env::Env,
    keys::is_private,
    ops::{error::OpError, format::Format},
    sops::selector::{Selector, SelectorKind},
};

use crate::{
    Command,
    exit::Exit,
    failure::Failure,
    ui::{Color, Ui, Verbosity},
};

/// The version of this program, and of the format that it writes.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (SOPS format 3.13.2)");

/// Encrypted files for GitOps: SOPS and age, with no byte more changed than asked for
#[derive(Debug, Parser)]
#[command(name = "secrets", version = VERSION, disable_help_subcommand = true, disable_help_flag = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Work as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Use this policy for all files instead of their nearest .sops.yaml [env: `SOPS_CONFIG`]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Use colors
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true)]
    pub(crate) color: Color,
    /// Tell errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell what is done
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Print this help
    #[arg(short, long, global = true, action = ArgAction::HelpShort)]
    help: Option<bool>,
}

impl Globals {
    pub(crate) const fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        }
    }
}

/// The types of input and output.
#[derive(Debug, Args)]
pub(crate) struct TypeArgs {
    /// Type of the input, instead of what its name says: yaml
    #[arg(long, value_name = "TYPE", value_parser = parse_format)]
    input_type: Option<Format>,
    /// Type of the output: yaml
    #[arg(long, value_name = "TYPE", value_parser = parse_format)]
    output_type: Option<Format>,
}

impl TypeArgs {
    /// The type of the input if it is given, or else that of the `name` that is given; of neither, the file tells it.
    pub(crate) fn format(&self, name: Option<&Path>) -> Result<Option<Format>, Failure> {
        for format in self.output_type.into_iter().chain(self.input_type) {
            format
                .supported()
                .map_err(|error| Failure::usage(error.to_string(), "leave the type out, or give yaml"))?;
        }
        Ok(self.input_type.or_else(|| name.map(Format::of_name)))
    }
}

fn parse_format(name: &str) -> Result<Format, String> {
    let known = Format::ALL.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, format)| format).ok_or_else(|| "types are yaml, json, dotenv, ini and binary".to_owned())
}

/// The selector, at most one.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Selector, at most one; it goes before that of the creation rule")]
pub(crate) struct SelectorArgs {
    /// Leave values in clear below keys that end like this
    #[arg(long, value_name = "SUFFIX")]
    unencrypted_suffix: Option<String>,
    /// Encrypt only values below keys that end like this
    #[arg(long, value_name = "SUFFIX")]
    encrypted_suffix: Option<String>,
    /// Leave values in clear below keys that match
    #[arg(long, value_name = "REGEX")]
    unencrypted_regex: Option<String>,
    /// Encrypt only values below keys that match
    #[arg(long, value_name = "REGEX")]
    encrypted_regex: Option<String>,
    /// Leave values in clear after a comment that matches
    #[arg(long, value_name = "REGEX")]
    unencrypted_comment_regex: Option<String>,
    /// Encrypt only values after a comment that matches
    #[arg(long, value_name = "REGEX")]
    encrypted_comment_regex: Option<String>,
}

impl SelectorArgs {
    /// The selector that is given.
    pub(crate) fn selector(&self) -> Result<Option<Selector>, OpError> {
        let given = [
            (SelectorKind::UnencryptedSuffix, &self.unencrypted_suffix),
            (SelectorKind::EncryptedSuffix, &self.encrypted_suffix),
            (SelectorKind::UnencryptedRegex, &self.unencrypted_regex),
            (SelectorKind::EncryptedRegex, &self.encrypted_regex),
            (SelectorKind::UnencryptedCommentRegex, &self.unencrypted_comment_regex),
            (SelectorKind::EncryptedCommentRegex, &self.encrypted_comment_regex),
        ];
        let given = given.into_iter().find_map(|(kind, pattern)| Some((kind, pattern.as_deref()?)));
        given.map(|(kind, pattern)| Selector::new(kind, pattern)).transpose().map_err(OpError::Selector)
    }
}

/// Says what is wrong with the command line, or the help that was asked for.
pub(crate) fn refuse(error: &clap::Error, env: &Env) -> Exit {
    let ui = Ui::new(Color::Auto, Verbosity::Normal, env);
    let text = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            match ui.print(&format!("{}\n", text.to_string().trim_end())) {
                Ok(()) => Exit::Done,
                Err(failure) => failure.exit,
            }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            ui.failure(&Failure::usage("a command is missing", see_help(&text.to_string())));
            Exit::Usage
        }
        _ => {
            ui.failure(&usage_failure(&text.to_string()));
            Exit::Usage
        }
    }
}

/// What clap tells in paragraphs, in two lines. It tells words as they were typed.
fn usage_failure(text: &str) -> Failure {
    if is_private(text) {
        let hint = "a key on the command line is seen by other programs and kept by the shell: replace it";
        return Failure::usage("a private key stands on the command line, where none belongs", hint);
    }
    let mut paragraphs = text.split("\n\n").map(|lines| lines.split_whitespace().collect::<Vec<_>>().join(" "));
    let what = paragraphs.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(&what).to_owned();
    let rest: Vec<String> = paragraphs.collect();
    let see = see_help(text);
    let tip = rest.iter().find_map(|line| line.strip_prefix("tip: "));
    Failure::usage(what, tip.map_or_else(|| see.clone(), |tip| format!("{tip}; {see}")))
}

/// Where the help is for the command whose usage is in `text`.
fn see_help(text: &str) -> String {
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or("secrets");
    let command: Vec<&str> = usage.split(' ').take_while(|word| !word.starts_with(['[', '<', '-'])).collect();
    format!("see `{} --help`", command.join(" "))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use gitops_secrets::sops::block::FORMAT_VERSION;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_version_tells_the_format() {
        assert!(VERSION.ends_with(&format!("(SOPS format {FORMAT_VERSION})")));
    }
}
