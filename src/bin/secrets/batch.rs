//! Runs over many files: their journal, and what earlier runs left.

use std::path::PathBuf;

use gitops_secrets::{
    base::files::journal::{Journal, Settled, Unfinished},
    git::find_repository,
    ops::{error::OpError, journal::JournalPlace},
};

use crate::{app::App, exit::Exit, failure::Failure};

/// The root of the repository that the run was started in, or else the current directory.
pub(crate) fn top_directory(app: &App) -> PathBuf {
    let directory = app.session.directory();
    let found = find_repository(directory).ok().flatten().and_then(|repository| repository.work_tree);
    found.filter(|root| root != directory).unwrap_or_else(|| PathBuf::from("."))
}

/// The journal of the files that `paths` stand for, after what an earlier run left has been finished, which is told.
pub(crate) fn open_journal(app: &App, paths: &[PathBuf]) -> Result<Journal, Failure> {
    let journal = of_journal(JournalPlace::of(&app.session, paths).and_then(|place| place.open()))?;
    if let Some((what, settled)) = of_journal(journal.settle().map_err(OpError::from))? {
        app.ui.warn(match what {
            Unfinished::Replacing => "the run before this one was ended before all its files were in place",
            Unfinished::Reverting => "the run before this one was ended while it took its changes back",
        });
        if tell_settled(app, what, settled) != Exit::Done {
            let what = "the run before this one cannot be finished";
            return Err(Failure { place: None, what: what.to_owned(), hint: None, exit: Exit::Failed });
        }
    }
    Ok(journal)
}

/// `outcome` of what is done with a journal.
pub(crate) fn of_journal<T>(outcome: Result<T, OpError>) -> Result<T, Failure> {
    outcome.map_err(|error| Failure::of(&error))
}

/// Says what became of the files of a run that was finished, or taken back.
pub(crate) fn tell_settled(app: &App, what: Unfinished, settled: Settled) -> Exit {
    let Settled { done, already, foreign, failed } = settled;
    for path in &foreign {
        let as_what = match what {
            Unfinished::Replacing => "is neither what it was nor what it was to be",
            Unfinished::Reverting => "has been changed since",
        };
        app.ui.warn(&format!("{}: {as_what}, and stays as it is", path.display()));
    }
    let verb = match what {
        Unfinished::Replacing => "finished",
        Unfinished::Reverting => "taken back",
    };
    let [now, before, left, failures] = [done.len(), already.len(), foreign.len(), failed.len()];
    app.ui.note(&format!("{verb}: {now} files now, {before} before, {left} left, {failures} failed"));
    failed.into_iter().for_each(|error| app.ui.failure(&error.into()));
    if failures == 0 { Exit::Done } else { Exit::Failed }
}
