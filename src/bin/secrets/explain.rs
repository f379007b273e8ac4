//! `secrets explain`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gitops_secrets::policy::{
    explain::{Question, explain},
    render_explanation,
};

use crate::{app::App, exit::Exit, failure::Failure};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The file, which need not exist
    path: PathBuf,
    /// How the answer is given
    #[arg(long, value_enum, default_value_t, hide_possible_values = false)]
    format: ReportFormat,
}

/// How a report is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    #[default]
    Text,
    /// For programs; with a version in it.
    Json,
}

/// Prints which rule applies and what follows.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let explanation = explain(&Question {
        file: &arguments.path,
        current_directory: app.session.directory(),
        given_policy: app.session.given_policy(),
    });
    let text = match arguments.format {
        ReportFormat::Text => render_explanation(&explanation),
        ReportFormat::Json => {
            let json = serde_json::to_string_pretty(&explanation).map_err(|error| Failure::plain(&error))?;
            format!("{json}\n")
        }
    };
    app.ui.print(&text)?;
    Ok(Exit::Done)
}
