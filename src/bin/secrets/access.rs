//! `secrets access`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gitops_secrets::{
    base::go_regex::GoRegex,
    ops::{
        access::{Filter, access, render_access_csv, render_access_json, render_access_text},
        cluster::Overview,
        error::OpError,
    },
};

use crate::{app::App, cluster::look, exit::Exit, failure::Failure};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Files, and directories for the files below them; none for the whole repository
    paths: Vec<PathBuf>,
    /// Only files that this recipient can read: its name in the policy, or itself; may be given again
    #[arg(long, value_name = "NAME")]
    recipient: Vec<String>,
    /// Only files that are for this cluster, or that it can read; may be given again
    #[arg(long, value_name = "NAME")]
    cluster: Vec<String>,
    /// Only files whose path, from the repository's root, matches
    #[arg(long, value_name = "REGEX")]
    path: Option<String>,
    /// Tell each file, also where all files of a directory are alike
    #[arg(long)]
    files: bool,
    /// How the answer is given
    #[arg(long, value_enum, default_value_t)]
    format: AccessFormat,
}

/// How the answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum AccessFormat {
    /// For people.
    #[default]
    Text,
    /// For programs; with a version in it.
    Json,
    /// For spreadsheets: a line for each file and reader.
    Csv,
}

/// Prints who can read what.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let overview = look(app)?;
    let filter = filter(app, &overview, &arguments)?;
    let found = access(&overview, &filter).map_err(|error| Failure::of(&error))?;
    let text = match arguments.format {
        AccessFormat::Text => render_access_text(&found, arguments.files),
        AccessFormat::Json => render_access_json(&found).map_err(|error| Failure::plain(&error))?,
        AccessFormat::Csv => render_access_csv(&found),
    };
    app.ui.print(&text)?;
    if found.files.is_empty() {
        app.ui.warn("no SOPS file was found");
    }
    Ok(if overview.survey.unread.is_empty() { Exit::Done } else { Exit::Failed })
}

fn filter(app: &App, overview: &Overview, arguments: &Arguments) -> Result<Filter, Failure> {
    let locate = |path: &PathBuf| app.at(path, overview.locate(app.session.directory(), path));
    let number = |name: &String| overview.find_cluster(name).map_err(|error| Failure::of(&error));
    let pattern = |pattern: &str| GoRegex::parse(pattern).map_err(|cause| usage(&OpError::Regex(cause), pattern));
    Ok(Filter {
        paths: arguments.paths.iter().map(locate).collect::<Result<_, _>>()?,
        pattern: arguments.path.as_deref().map(pattern).transpose()?,
        recipients: arguments.recipient.clone(),
        clusters: arguments.cluster.iter().map(number).collect::<Result<_, _>>()?,
    })
}

fn usage(error: &OpError, text: &str) -> Failure {
    Failure { place: Some(format!("--path {text}")), exit: Exit::Usage, ..Failure::of(error) }
}
