//! Where text comes from and goes to: files, standard input and output.

use std::{
    collections::HashSet,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    time::Instant,
};

use gitops_secrets::{
    base::{
        files::{Batch, create_private, journal::Journal, read_stdin, read_text, write},
        secret::Plaintext,
    },
    document::yaml::parse::TEXT_LIMIT_BYTES,
    ops::{
        error::OpError,
        format::{Format, FormatError},
        in_place::{NewText, OnFault, Outcome, Outcomes, Writing, read_named, replace_all},
        target::{Targets, find_targets},
    },
};

use crate::{app::App, exit::Exit, failure::Failure};

/// How standard input is called in messages.
const STDIN: &str = "standard input";

/// A text that was read.
#[derive(Debug)]
pub(crate) struct Input {
    /// Whence, for messages.
    pub(crate) place: PathBuf,
    /// What it is called, for the policy.
    pub(crate) name: PathBuf,
    /// What it holds.
    pub(crate) text: Plaintext,
}

/// Whether `file` stands for standard input.
pub(crate) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// Reads `file`, or standard input. `name` says what it is called instead.
pub(crate) fn read_input(
    app: &App,
    file: Option<&Path>,
    name: Option<&Path>,
    format: Option<Format>,
) -> Result<Input, Failure> {
    match file.filter(|file| !is_stdin(file)) {
        Some(file) => {
            refuse_directory(file, "name a file; `decrypt -i` and `rotate` take directories")?;
            let text = app.at(file, read_named(file, format))?;
            Ok(Input { place: file.to_owned(), name: name.unwrap_or(file).to_owned(), text })
        }
        None => {
            let place = PathBuf::from(STDIN);
            if file.is_none() && io::stdin().is_terminal() {
                return Err(Failure::usage("no file is given", "name a file, or give the text on standard input"));
            }
            let format = format.ok_or(FormatError::Unknown).and_then(Format::supported);
            app.at(&place, format.map_err(OpError::Format))?;
            let text = app.at(&place, read_stdin(TEXT_LIMIT_BYTES).map_err(OpError::File))?;
            Ok(Input { name: name.map_or_else(|| place.clone(), Path::to_owned), place, text })
        }
    }
}

pub(crate) fn refuse_directory(file: &Path, hint: &str) -> Result<(), Failure> {
    if file.is_dir() {
        return Err(Failure::usage(format!("{} is a directory", file.display()), hint));
    }
    Ok(())
}

/// Writes to `output`, or to standard output. Plaintext goes to a file of mode 0600.
pub(crate) fn write_output(app: &App, output: Option<&Path>, text: &NewText) -> Result<(), Failure> {
    let Some(output) = output.filter(|output| !is_stdin(output)) else { return app.ui.result(text) };
    app.watch_signals()?;
    match text {
        NewText::Clear(text) => create_private(output, text.expose().as_bytes())?,
        // A file that holds just this is not touched.
        NewText::Sealed(text) if holds(output, text) => {}
        NewText::Sealed(text) => write(output, text.as_bytes())?,
    }
    Ok(())
}

fn holds(path: &Path, text: &str) -> bool {
    path.is_file() && read_text(path, TEXT_LIMIT_BYTES).is_ok_and(|old| old.expose() == text)
}

/// Replaces all files that `paths` stand for by what `make` makes of them, and says what failed.
pub(crate) fn replace_in_place(
    app: &App,
    paths: &[PathBuf],
    format: Option<Format>,
    journal: Option<&Journal>,
    make: impl Fn(&Path, &Plaintext) -> Result<NewText, OpError> + Sync,
) -> Result<Exit, Failure> {
    if paths.is_empty() || paths.iter().any(|path| is_stdin(path)) {
        return Err(Failure::usage("no file is given", "in place, name files or directories"));
    }
    app.watch_signals()?;
    let start = Instant::now();
    let Targets { files, faults } = find_targets(paths);
    let progress = app.ui.progress(files.len());
    let writing = match journal {
        Some(journal) => Writing::Journaled(journal.begin().map_err(|error| Failure::plain(&error))?),
        None => Writing::Plain(Batch::new()),
    };
    let outcomes = replace_all(&files, format, (writing, OnFault::KeepGoing), make, || progress.step());
    drop(progress);
    let outcomes = outcomes.map_err(|error| Failure::plain(&error))?;
    if faults.is_empty() && outcomes.iter().all(|(_, outcome)| matches!(outcome, Ok(Outcome::Skipped))) {
        let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        app.ui.warn(&format!("{}: no SOPS file among {} files", shown.join(", "), files.len()));
    }
    let faults = faults.into_iter().map(|fault| (fault.path.clone(), Err(fault.into())));
    let outcomes: Outcomes = faults.chain(outcomes).collect();
    let summary = (files.len() > 1).then(|| summary(&outcomes));
    let exit = report(app, outcomes.into_iter());
    if let Some(summary) = summary {
        app.ui.summary(&summary, start);
    }
    Ok(exit)
}

/// What became of files, in one line.
fn summary(outcomes: &Outcomes) -> String {
    let count = |is_so: fn(&Result<Outcome, OpError>) -> bool| outcomes.iter().filter(|(_, one)| is_so(one)).count();
    let changed = count(|one| matches!(one, Ok(Outcome::Replaced)));
    let unchanged = count(|one| matches!(one, Ok(Outcome::Unchanged | Outcome::Withheld)));
    let failed = count(Result::is_err);
    format!("{changed} changed, {unchanged} unchanged, {failed} failed")
}

/// Says what became of files, and how the run ends.
pub(crate) fn report(app: &App, outcomes: impl Iterator<Item = (PathBuf, Result<Outcome, OpError>)>) -> Exit {
    let mut exits = Vec::new();
    let mut hints = HashSet::new();
    for (path, outcome) in outcomes {
        match outcome {
            Ok(Outcome::Replaced) => app.ui.detail(&format!("{}: replaced", path.display())),
            Ok(Outcome::Unchanged) => app.ui.detail(&format!("{}: unchanged", path.display())),
            Ok(Outcome::Withheld) => app.ui.detail(&format!("{}: not replaced, as others failed", path.display())),
            Ok(Outcome::Skipped) => {}
            Err(error) => {
                let mut failure = Failure::at(&path, &error);
                exits.push(failure.exit);
                // What to do is the same for many files as a rule.
                failure.hint = failure.hint.filter(|hint| hints.insert(hint.clone()));
                app.ui.failure(&failure);
            }
        }
    }
    Exit::of_all(exits)
}
