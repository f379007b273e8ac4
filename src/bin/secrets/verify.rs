//! `secrets verify`

use std::{collections::BTreeSet, path::PathBuf, time::Instant};

use clap::Args;
use gitops_secrets::ops::verify::{Depth, Report, find_verifiable, render_json, render_text, verify_files};

use crate::{
    app::App,
    args::TypeArgs,
    exit::Exit,
    explain::ReportFormat,
    failure::Failure,
};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Files, and directories for the SOPS files below them; none for the current directory
    paths: Vec<PathBuf>,
    /// Also open each file, and check every value and the MAC
    #[arg(long)]
    decrypt: bool,
    /// How findings are given
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    #[command(flatten)]
    types: TypeArgs,
}

/// Prints what was found.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let start = Instant::now();
    let depth = if arguments.decrypt { Depth::Decrypt } else { Depth::Keyless };
    let format = arguments.types.format(None)?;
    let paths = if arguments.paths.is_empty() { vec![PathBuf::from(".")] } else { arguments.paths };
    let targets = find_verifiable(&paths);
    let progress = app.ui.progress(targets.files.len());
    let report = verify_files(&app.session, targets, format, depth, || progress.step());
    drop(progress);
    match arguments.format {
        ReportFormat::Text => app.ui.print(&render_text(&report))?,
        ReportFormat::Json => app.ui.print(&render_json(&report).map_err(|error| Failure::plain(&error))?)?,
    }
    tell(app, &report, arguments.format);
    let (files, findings, unchecked) = (report.files, report.findings.len(), report.unchecked.len());
    app.ui.summary(&format!("{files} files checked, {findings} findings, {unchecked} not checked"), start);
    Ok(match () {
        () if !report.unchecked.is_empty() => Exit::Unchecked,
        () if report.has_errors() => Exit::Found,
        () => Exit::Done,
    })
}

/// Says what could not be checked, and once for each rule what to do. The JSON holds both.
fn tell(app: &App, report: &Report, format: ReportFormat) {
    let mut hints = BTreeSet::new();
    for (path, error) in &report.unchecked {
        let mut failure = Failure::at(path, error);
        // What to do is the same for many files as a rule.
        failure.hint = failure.hint.filter(|hint| hints.insert(hint.clone()));
        app.ui.failure(&failure);
    }
    if report.files == 0 && report.unchecked.is_empty() {
        app.ui.warn("no SOPS file was found");
    }
    for path in &report.skipped {
        app.ui.detail(&format!("{}: only YAML files are checked so far", path.display()));
    }
    if format == ReportFormat::Text {
        let rules: BTreeSet<_> = report.findings.iter().map(|(_, finding)| finding.rule).collect();
        for rule in rules {
            app.ui.hint(&format!("{rule}: {}", rule.hint()));
        }
    }
}
