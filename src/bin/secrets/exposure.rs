//! `secrets exposure`

use std::time::Instant;

use clap::Args;
use gitops_secrets::ops::{
    error::OpError,
    exposure::{
        Depth, Exposure, History, State, Wanted, find_wanted, render_exposure_json, render_exposure_text,
    },
};

use crate::{app::App, cluster::look, exit::Exit, explain::ReportFormat, failure::Failure};

/// How many versions are named where there may be thousands.
const NAMED_VERSIONS: usize = 10;

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The recipient: itself, or its name in the policy, of now or of once
    #[arg(required_unless_present = "cluster", conflicts_with = "cluster")]
    recipient: Option<String>,
    /// The recipient of this cluster
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Also open files, to tell which values are the same under a new ciphertext
    #[arg(long)]
    decrypt: bool,
    /// How the answer is given
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
}

/// Prints what somebody could read.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let start = Instant::now();
    let depth = if arguments.decrypt { Depth::Decrypt } else { Depth::Keyless };
    let history = of(History::open(&app.session))?;
    let wanted = find(app, &arguments, &history)?;
    let progress = app.ui.progress_of(history.len(), "commits");
    let exposure = of(history.expose(&app.session, &wanted, depth, || progress.step()))?;
    drop(progress);
    match arguments.format {
        ReportFormat::Text => app.ui.print(&render_exposure_text(&exposure))?,
        ReportFormat::Json => app
            .ui
            .print(&render_exposure_json(&exposure, &wanted, depth).map_err(|error| Failure::plain(&error))?)?,
    }
    tell(app, &exposure, &wanted, depth);
    let seconds = start.elapsed().as_secs_f64();
    let [values, files] = [exposure.files.values().map(|file| file.values.len()).sum(), exposure.files.len()];
    let (commits, blobs) = (exposure.commits, exposure.blobs);
    let scope = format!("{blobs} versions in {commits} commits read, in {seconds:.1} s");
    app.ui.tell(&format!("{values} values in {files} files could be read; {scope}"));
    Ok(if exposure.unread.is_empty() { Exit::Done } else { Exit::Failed })
}

fn find(app: &App, arguments: &Arguments, history: &History) -> Result<Wanted, Failure> {
    let wanted = match (&arguments.cluster, &arguments.recipient) {
        (Some(cluster), _) => {
            let overview = look(app)?;
            let number = overview.find_cluster(cluster);
            let ids = number.as_ref().ok().and_then(|number| overview.recipients.get(*number));
            let ids = ids.map(|recipients| recipients.ids.clone()).unwrap_or_default();
            let wanted = of(Wanted::of_cluster(history, cluster, &ids))?;
            // One that was removed can still be in the policies of old.
            match number {
                Err(error) if !wanted.is_named => return Err(Failure::of(&error)),
                _ => wanted,
            }
        }
        (None, Some(recipient)) => of(find_wanted(history, &app.session, recipient))?,
        (None, None) => return Err(Failure::usage("no recipient is given", "see `secrets access`")),
    };
    if wanted.is_named {
        let ids: Vec<&str> = wanted.ids.iter().map(String::as_str).collect();
        app.ui.note(&format!("{} is {}", wanted.text, ids.join(", ")));
    }
    for id in &wanted.before {
        app.ui.note(&format!("{} was {id} once; `secrets exposure {id}` tells what that could read", wanted.text));
    }
    Ok(wanted)
}

/// Says what to do, and what is not known.
fn tell(app: &App, exposure: &Exposure, wanted: &Wanted, depth: Depth) {
    if exposure.is_shallow {
        app.ui.warn("history is cut off: what was before is not told; `git fetch --unshallow` gets it");
    }
    for line in &exposure.warnings {
        app.ui.warn(&format!("git: {line}"));
    }
    for unread in exposure.unread.iter().take(NAMED_VERSIONS) {
        app.ui.failure(&Failure {
            place: None,
            what: unread.to_string(),
            hint: None,
            exit: Exit::Failed,
        });
    }
    if let Some(more) = exposure.unread.len().checked_sub(NAMED_VERSIONS).filter(|more| *more > 0) {
        app.ui.warn(&format!("{more} more versions could not be read; --format json names all"));
    }
    if let Some(first) = exposure.too_large.first() {
        let count = exposure.too_large.len();
        app.ui.warn(&format!("{count} contents are too large for files of SOPS and were not read: {first}"));
    }
    if exposure.files.is_empty() {
        app.ui.note(&format!("no commit has a value that {} could read", wanted.text));
    }
    let unknown = exposure.count(&[State::Unknown]);
    if unknown > 0 && depth == Depth::Keyless {
        let what = format!("whether {unknown} values with a new ciphertext are the same cannot be told without a key");
        app.ui.note(&what);
        app.ui.hint("--decrypt tells, with an identity that opens both versions");
    } else if unknown > 0 {
        app.ui.note(&format!("{unknown} values could not be compared: no identity opens both versions"));
    }
    if exposure.files.values().any(|file| file.has_known_data_key && !file.is_readable_now) {
        app.ui.hint("`secrets rotate` gives a file another data key; `sops updatekeys` leaves it the one that it has");
    }
    if exposure.files.values().any(|file| file.is_readable_now) {
        app.ui.warn("some files are still for that recipient: take it out first, and change their values then");
        app.ui.hint("`secrets recipient remove` takes it out of the policy, `secrets sync` out of the files");
    }
}

fn of<T>(outcome: Result<T, OpError>) -> Result<T, Failure> {
    outcome.map_err(|error| Failure::of(&error))
}
