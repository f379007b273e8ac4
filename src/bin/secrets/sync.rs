//! `secrets sync`

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use gitops_secrets::{
    base::{
        files::journal::{Journal, Unfinished},
        secret::Plaintext,
    },
    ops::{
        drift::DriftKind,
        error::OpError,
        in_place::{NewText, OnFault, Outcome, Outcomes, Writing, replace_all},
        journal::{JournalPlace, find_uncommitted},
        sync::{self, Comparison, SyncWishes, render_json, render_plan, render_text, sync},
        target::Target,
        verify::find_verifiable,
    },
};

use crate::{
    app::App,
    batch::{of_journal, open_journal, tell_settled, top_directory},
    exit::Exit,
    explain::ReportFormat,
    failure::Failure,
    files::report,
};

/// How many files are named where there may be thousands.
const NAMED_FILES: usize = 10;

/// What is typed.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Arguments {
    /// Files, and directories for the SOPS files below them; none for the whole repository
    paths: Vec<PathBuf>,
    /// Only tell what differs, without any key
    #[arg(long)]
    check: bool,
    /// Only tell what would be done, without any key
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// Also encrypt the values that the creation rule picks, and no others
    #[arg(long)]
    selectors: bool,
    /// Unsafe: leave those who are removed a data key that they know
    #[arg(long)]
    keep_data_key: bool,
    /// Write the other files where some cannot be opened
    #[arg(long)]
    keep_going: bool,
    /// Only finish what an earlier run began
    #[arg(long, conflicts_with_all = ["check", "dry_run", "revert"])]
    resume: bool,
    /// Give the files of the last run back what they held before it
    #[arg(long, conflicts_with_all = ["check", "dry_run"])]
    revert: bool,
    /// With --check, how differences are given
    #[arg(long, value_enum, default_value_t, requires = "check")]
    format: ReportFormat,
}

/// Makes files what the policy says.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let start = Instant::now();
    let paths = arguments.paths(app);
    if arguments.check || arguments.dry_run {
        return look(app, &arguments, &paths);
    }
    app.watch_signals()?;
    if arguments.revert {
        return revert(app, &paths);
    }
    let journal = open_journal(app, &paths)?;
    if arguments.resume {
        return Ok(Exit::Done);
    }
    let comparison = compare(app, &paths);
    let unchanged = comparison.files - comparison.targets(&arguments.wishes()).len() - comparison.skipped().len();
    let outcomes = apply(app, &arguments, &journal, comparison)?;
    let changed = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Ok(Outcome::Replaced))).count();
    let failed = outcomes.iter().filter(|(_, outcome)| outcome.is_err()).count();
    let exit = report(app, outcomes.into_iter());
    if failed > 0 && changed == 0 {
        app.ui.note("no file was written; --keep-going writes those that can be opened");
    }
    let seconds = start.elapsed().as_secs_f64();
    app.ui.tell(&format!("{changed} changed, {unchanged} unchanged, {failed} failed, in {seconds:.1} s"));
    Ok(exit)
}

/// Does what is to be done, or nothing if some file cannot be dealt with.
fn apply(app: &App, arguments: &Arguments, journal: &Journal, comparison: Comparison) -> Result<Outcomes, Failure> {
    let wishes = arguments.wishes();
    tell_left(app, &comparison, wishes);
    warn_of_removed(app, &comparison, wishes);
    let targets = comparison.targets(&wishes);
    let unchecked: Outcomes = comparison.unchecked.into_iter().map(|(path, error)| (path, Err(error))).collect();
    if targets.is_empty() || !unchecked.is_empty() && !arguments.keep_going {
        return Ok(unchecked);
    }
    tell_uncommitted(app, &arguments.paths(app), &targets)?;
    let progress = app.ui.progress(targets.len());
    let on_fault = if arguments.keep_going { OnFault::KeepGoing } else { OnFault::Stop };
    let run = of_journal(journal.begin().map_err(OpError::from))?;
    let make = |path: &Path, text: &Plaintext| {
        Ok(NewText::Sealed(sync(&app.session, path, text.expose(), wishes)?))
    };
    let outcomes = replace_all(&targets, None, (Writing::Journaled(run), on_fault), make, || progress.step());
    drop(progress);
    Ok(unchecked.into_iter().chain(of_journal(outcomes)?).collect())
}

/// Tells what differs, or what would be done.
fn look(app: &App, arguments: &Arguments, paths: &[PathBuf]) -> Result<Exit, Failure> {
    let comparison = compare(app, paths);
    let wishes = arguments.wishes();
    match (arguments.dry_run, arguments.format) {
        (true, _) => app.ui.print(&render_plan(&comparison, &wishes))?,
        (false, ReportFormat::Text) => app.ui.print(&render_text(&comparison, app.session.directory()))?,
        (false, ReportFormat::Json) => {
            app.ui.print(&render_json(&comparison).map_err(|error| Failure::plain(&error))?)?;
        }
    }
    tell_left(app, &comparison, wishes);
    if let Ok(Some(_)) = JournalPlace::of(&app.session, paths).map(|place| place.unfinished()) {
        app.ui.warn("an earlier run is not finished; `secrets sync --resume` finishes it, `--revert` takes it back");
    }
    let (has_drifts, has_faults) = (!comparison.drifted.is_empty(), !comparison.unchecked.is_empty());
    if arguments.check && has_drifts {
        app.ui.hint("`secrets sync --dry-run` shows what is to be done, `secrets sync` does it");
    }
    report(app, comparison.unchecked.into_iter().map(|(path, error)| (path, Err(error))));
    Ok(match () {
        () if has_faults => Exit::Unchecked,
        () if has_drifts && arguments.check => Exit::Found,
        () => Exit::Done,
    })
}

fn compare(app: &App, paths: &[PathBuf]) -> Comparison {
    let mut targets = find_verifiable(paths);
    for target in &mut targets.files {
        if let Ok(path) = target.path.strip_prefix(app.session.directory()) {
            target.path = path.to_owned();
        }
    }
    let progress = app.ui.progress(targets.files.len());
    sync::compare(&app.session, targets, || progress.step())
}

fn revert(app: &App, paths: &[PathBuf]) -> Result<Exit, Failure> {
    let journal = of_journal(JournalPlace::of(&app.session, paths).and_then(|place| place.open()))?;
    match of_journal(journal.revert().map_err(OpError::from))? {
        Some(settled) => Ok(tell_settled(app, Unfinished::Reverting, settled)),
        None => Err(Failure::usage("there is no run to be taken back", "see `git log` and `git checkout`")),
    }
}

/// Says what was not compared, or is not put right.
fn tell_left(app: &App, comparison: &Comparison, wishes: SyncWishes) {
    tell_many(app, "no creation rule applies, so nothing is compared", &comparison.unruled);
    tell_many(app, "not as its rule says, and only YAML files are changed so far", &comparison.skipped());
    if !wishes.selectors {
        warn_of_settings(app, comparison);
    }
}

/// Says which files have another selector than their rule.
pub(crate) fn warn_of_settings(app: &App, comparison: &Comparison) {
    let has_settings = comparison.drifted.iter().filter(|drifted| drifted.drifts.has_settings());
    let left: Vec<PathBuf> = has_settings.map(|drifted| drifted.path.clone()).collect();
    let what = "the selector, or what the MAC covers, is not the rule's; `secrets sync --selectors` puts that right";
    tell_many(app, what, &left);
}

fn tell_many(app: &App, what: &str, files: &[PathBuf]) {
    match files {
        [] => {}
        [file] => app.ui.warn(&format!("{}: {what}", file.display())),
        _ => app.ui.warn(&format!("{} files: {what}: {}", files.len(), shown(files))),
    }
}

/// The first of many files.
pub(crate) fn shown(files: &[PathBuf]) -> String {
    let mut names: Vec<String> = files.iter().take(NAMED_FILES).map(|file| file.display().to_string()).collect();
    if let Some(more) = files.len().checked_sub(NAMED_FILES).filter(|more| *more > 0) {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

/// Who can write to a repository can put a recipient of his own into a file.
pub(crate) fn warn_of_strangers(app: &App, comparison: &Comparison) {
    let mut strangers: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for drifted in &comparison.drifted {
        for drift in &drifted.drifts.all {
            if let DriftKind::Unknown(member) = &drift.kind {
                strangers.entry(member.named.to_string()).or_default().push(drifted.path.clone());
            }
        }
    }
    for (stranger, files) in strangers {
        tell_many(app, &format!("{stranger} can open this, and the policy names that recipient nowhere"), &files);
    }
}

fn warn_of_removed(app: &App, comparison: &Comparison, wishes: SyncWishes) {
    warn_of_strangers(app, comparison);
    let removes = |kind: &DriftKind| matches!(kind, DriftKind::Extra(_) | DriftKind::Unknown(_));
    let has_removed = comparison.drifted.iter().flat_map(|drifted| &drifted.drifts.all).any(|drift| removes(&drift.kind));
    if wishes.keep_data_key && has_removed {
        let what = "--keep-data-key is unsafe: those who are removed know the data key, and can open later versions too";
        app.ui.warn(what);
    }
}

/// Says which files have changes that are not committed.
pub(crate) fn tell_uncommitted(app: &App, paths: &[PathBuf], targets: &[Target]) -> Result<(), Failure> {
    let files: Vec<PathBuf> = targets.iter().map(|target| target.path.clone()).collect();
    let place = of_journal(JournalPlace::of(&app.session, paths))?;
    let dirty = find_uncommitted(&app.session, &place, &files);
    if !dirty.is_empty() {
        app.ui.note(&format!("{} with changes that are not committed, which stay: {}", dirty.len(), shown(&dirty)));
    }
    Ok(())
}

impl Arguments {
    fn paths(&self, app: &App) -> Vec<PathBuf> {
        if self.paths.is_empty() { vec![top_directory(app)] } else { self.paths.clone() }
    }

    const fn wishes(&self) -> SyncWishes {
        SyncWishes { selectors: self.selectors, keep_data_key: self.keep_data_key }
    }
}
