//! `secrets cluster`

mod add;
mod change;
mod identity;
mod remove;
mod rotate;

use std::{collections::BTreeSet, time::Instant};

use clap::{Args, Subcommand};
use gitops_secrets::ops::{
    cluster::{Overview, Status, render_list, render_list_json, render_status, render_status_json, status_of},
    error::OpError,
    survey::walk,
};

use crate::{app::App, exit::Exit, explain::ReportFormat, failure::Failure};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: ClusterCommand,
}

#[derive(Debug, Subcommand)]
enum ClusterCommand {
    /// Tell the clusters of the repository, and their recipients
    List(ListArguments),
    /// Find what clusters cannot read, what others can read, and what drifted from the policy
    Status(StatusArguments),
    /// Name a new cluster's recipient, give it rules, and put its files right
    Add(add::Arguments),
    /// Take a cluster out, and give every file that it could open a new data key
    Remove(remove::Arguments),
    /// Give a cluster a new identity, in two steps: begin, and when Flux has deployed that, --finish
    Rotate(rotate::Arguments),
}

#[derive(Debug, Args)]
struct ListArguments {
    /// How the answer is given
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
}

#[derive(Debug, Args)]
struct StatusArguments {
    /// The cluster; none for all
    name: Option<String>,
    /// How the answer is given
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
}

/// Does what the inner command says.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        ClusterCommand::List(arguments) => list(app, &arguments),
        ClusterCommand::Status(arguments) => status(app, &arguments),
        ClusterCommand::Add(arguments) => add::run(app, &arguments),
        ClusterCommand::Remove(arguments) => remove::run(app, &arguments),
        ClusterCommand::Rotate(arguments) => rotate::run(app, &arguments),
    }
}

/// Reads the repository and finds its clusters; says what was noticed and what could not be read.
pub(crate) fn look(app: &App) -> Result<Overview, Failure> {
    let start = Instant::now();
    let overview = app.at(app.session.directory(), find(app))?;
    for note in &overview.discovery.notes {
        app.ui.warn(&note.to_string());
    }
    for (path, error) in &overview.survey.unread {
        app.ui.failure(&Failure::at(path, error));
    }
    let (files, unread) = (overview.survey.files.len(), overview.survey.unread.len());
    app.ui.summary(&format!("{files} SOPS files read, {unread} not read"), start);
    Ok(overview)
}

fn find(app: &App) -> Result<Overview, OpError> {
    let walk = walk(&app.session)?;
    let progress = app.ui.progress(walk.len());
    let survey = walk.read(&app.session, || progress.step())?;
    Overview::new(&app.session, survey)
}

fn list(app: &App, arguments: &ListArguments) -> Result<Exit, Failure> {
    let overview = look(app)?;
    match arguments.format {
        ReportFormat::Text if overview.clusters().is_empty() => {}
        ReportFormat::Text => app.ui.print(&render_list(&overview))?,
        ReportFormat::Json => {
            app.ui.print(&render_list_json(&overview).map_err(|error| Failure::plain(&error))?)?;
        }
    }
    tell_none(app, &overview);
    Ok(if overview.survey.unread.is_empty() { Exit::Done } else { Exit::Failed })
}

fn status(app: &App, arguments: &StatusArguments) -> Result<Exit, Failure> {
    let overview = look(app)?;
    let numbers: BTreeSet<usize> = match &arguments.name {
        Some(name) => BTreeSet::from([overview.find_cluster(name).map_err(|error| unchecked(&error))?]),
        None => (0..overview.clusters().len()).collect(),
    };
    let statuses = status_of(&overview, &numbers);
    match arguments.format {
        ReportFormat::Text if statuses.is_empty() => {}
        ReportFormat::Text => app.ui.print(&render_status(&overview, &statuses, arguments.name.is_some()))?,
        ReportFormat::Json => {
            app.ui.print(&render_status_json(&overview, &statuses).map_err(|error| Failure::plain(&error))?)?;
        }
    }
    tell_none(app, &overview);
    for status in statuses.iter().filter(|status| status.recipients.ids.is_empty() && !status.reads.is_empty()) {
        let name = &status.cluster.name;
        app.ui.warn(&format!("{name}: its recipient is not known, so that it is not checked what it can read"));
        app.ui.hint(&format!("name it in the policy (`keys: [&{name} age1…]`), or in .secrets.toml"));
    }
    Ok(match () {
        () if !overview.survey.unread.is_empty() || statuses.iter().any(Status::is_incomplete) => Exit::Unchecked,
        () if statuses.iter().any(Status::has_findings) => Exit::Found,
        () => Exit::Done,
    })
}

/// A name that is none is no finding: nothing was checked.
fn unchecked(error: &OpError) -> Failure {
    Failure { exit: Exit::Unchecked, ..Failure::of(error) }
}

fn tell_none(app: &App, overview: &Overview) {
    if overview.clusters().is_empty() {
        app.ui.warn("no cluster was found");
        app.ui.hint("see docs/clusters.md for the layouts that are known, or name the directories in .secrets.toml");
    }
}
