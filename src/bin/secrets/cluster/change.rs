//! What `cluster add`, `remove` and `rotate` have in common: a change of policies and files, shown or made.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use gitops_secrets::{
    base::{files::journal::Journal, secret::Plaintext},
    ops::{
        cluster::Overview,
        error::OpError,
        in_place::{OnFault, Outcome, Outcomes, Writing, prepare_all},
        journal::JournalPlace,
        membership::{Change, Drafts, Turnover},
        format::Format,
    },
};

use crate::{
    app::App,
    batch::{of_journal, open_journal, top_directory},
    exit::Exit,
    failure::Failure,
    files::report,
    sync::{tell_uncommitted, warn_of_settings, warn_of_strangers},
};

/// How a change is made.
#[derive(Debug, Args)]
pub(super) struct ChangeArguments {
    /// Only show what would differ in the policies, and for whom files would be
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Write the other files where some cannot be opened
    #[arg(long)]
    keep_going: bool,
}

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// The policies are as they are to be; the code says whether all files are.
    Written(Exit),
    /// Nothing is written.
    Not(Exit),
}

/// The repository with its clusters, and the journal for changes of it; of a change that is only shown, none.
pub(super) struct Ground {
    pub(super) overview: Overview,
    journal: Option<Journal>,
    /// Whether an earlier run has just been finished.
    pub(super) is_resumed: bool,
}

impl Ground {
    /// Finishes what an earlier run left, then looks at the repository.
    pub(super) fn enter(app: &App, arguments: &ChangeArguments) -> Result<Self, Failure> {
        let paths = [top_directory(app)];
        let place = of_journal(JournalPlace::of(&app.session, &paths))?;
        let is_unfinished = place.unfinished().is_some();
        let mut journal = None;
        if arguments.dry_run {
            if is_unfinished {
                app.ui.warn("an earlier run is not finished; `secrets sync --resume` finishes it, `--revert` takes it back");
            }
        } else {
            app.watch_signals()?;
            journal = Some(open_journal(app, &paths)?);
        }
        // What could not be read stops the change, which tells of it.
        let overview = super::find(app).map_err(|error| Failure::of(&error))?;
        for note in &overview.discovery.notes {
            app.ui.warn(&note.to_string());
        }
        Ok(Self { overview, is_resumed: is_unfinished && journal.is_some(), journal })
    }

    /// Shows the change that the drafts are, or makes it. `keep` keeps the new identity when all is prepared, before any
    /// file names it.
    pub(super) fn change(
        &self,
        app: &App,
        (drafts, turnover): (Drafts, Turnover<'_>),
        arguments: &ChangeArguments,
        keep: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Made, Failure> {
        let start = Instant::now();
        let change = Change::plan(&app.session, &self.overview, drafts, turnover, || ());
        warn_of_strangers(app, change.comparison());
        warn_of_settings(app, change.comparison());
        let Some(journal) = &self.journal else { return show(app, change) };
        let (made, outcomes) = make(app, change, journal, arguments, keep)?;
        let is_new = |outcome: &Result<Outcome, OpError>| matches!(outcome, Ok(Outcome::Replaced));
        let changed = outcomes.iter().filter(|(_, outcome)| is_new(outcome)).count();
        let failed = outcomes.iter().filter(|(_, outcome)| outcome.is_err()).count();
        let exit = report(app, outcomes.into_iter());
        if made == Written::No && failed > 0 {
            app.ui.note("nothing was written; --keep-going writes all but the files that cannot be opened");
            return Ok(Made::Not(exit));
        }
        let seconds = start.elapsed().as_secs_f64();
        app.ui.tell(&format!("{changed} changed, {failed} failed, in {seconds:.1} s"));
        Ok(Made::Written(exit))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Yes,
    No,
}

fn show(app: &App, mut change: Change) -> Result<Made, Failure> {
    app.ui.print(&change.render_policies())?;
    app.ui.print(&change.render_files())?;
    let exit = report(app, faults(&mut change).into_iter());
    Ok(Made::Not(exit))
}

fn faults(change: &mut Change) -> Outcomes {
    change.take_faults().into_iter().map(|(path, error)| (path, Err(error))).collect()
}

fn make(
    app: &App,
    mut change: Change,
    journal: &Journal,
    arguments: &ChangeArguments,
    keep: impl FnOnce() -> Result<(), Failure>,
) -> Result<(Written, Outcomes), Failure> {
    let faults = faults(&mut change);
    if !faults.is_empty() && !arguments.keep_going {
        return Ok((Written::No, faults));
    }
    let targets = change.targets();
    tell_uncommitted(app, &[top_directory(app)], &targets)?;
    let progress = app.ui.progress(targets.len());
    let run = of_journal(journal.begin().map_err(OpError::from))?;
    let work = |path: &Path, text: &Plaintext| change.make(&app.session, path, text);
    let prepared = prepare_all(&targets, Some(Format::Yaml), Writing::Journaled(run), work, || progress.step());
    drop(progress);
    let has_policies = !change.policies().any(|policy| prepared.has_fault_at(policy));
    let is_going_on = has_policies && (arguments.keep_going || !prepared.has_faults());
    if is_going_on {
        keep()?;
    }
    let on_fault = if is_going_on && arguments.keep_going { OnFault::KeepGoing } else { OnFault::Stop };
    let outcomes = of_journal(prepared.commit(on_fault))?;
    let is_withheld = |outcome: &Result<Outcome, OpError>| matches!(outcome, Ok(Outcome::Withheld));
    let is_written = is_going_on && !outcomes.iter().any(|(_, outcome)| is_withheld(outcome));
    let written = if is_written { Written::Yes } else { Written::No };
    Ok((written, faults.into_iter().chain(outcomes).collect()))
}

/// Paths as a list that a person can read.
pub(super) fn listed(paths: &[String]) -> String {
    crate::sync::shown(&paths.iter().map(PathBuf::from).collect::<Vec<_>>())
}
