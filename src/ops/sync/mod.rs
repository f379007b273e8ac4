//! `sync`: files made what the policy says: for whom they are, in which groups, and, if asked for, which of their values are
//! encrypted.

mod drift;
mod render;
mod work;

pub use drift::{Drift, DriftKind, Drifts, KeyWork, Member, find_drifts};
pub use render::{render_json, render_plan, render_text};
pub use work::{SyncWishes, sync};

use std::path::{Path, PathBuf};

use super::{
    error::{Naming, OpError},
    format::{Format, FormatError},
    pool,
    session::{Applied, Session},
    target::{Origin, Target, Targets},
};
use crate::{
    base::files::{FileError, FileProblem, into_text, read_bytes},
    document::yaml::parse::TEXT_LIMIT_BYTES,
    sops::{error::SopsError, terms::Terms},
};

/// What was found, by path.
#[derive(Debug, Default)]
pub struct Survey {
    /// How many SOPS files were compared with their rules.
    pub files: usize,
    /// Those that differ, and from which rule.
    pub drifted: Vec<Drifted>,
    /// Those that no rule applies to, though there is a policy, or that there is no policy for.
    pub unruled: Vec<PathBuf>,
    /// What could not be compared, and why.
    pub unchecked: Vec<(PathBuf, OpError)>,
    /// SOPS files in formats that are not supported.
    pub skipped: Vec<PathBuf>,
}

/// A file that differs from its rule.
#[derive(Debug)]
pub struct Drifted {
    /// The file.
    pub path: PathBuf,
    /// The rule.
    pub applied: Applied,
    /// How it differs.
    pub drifts: Drifts,
}

impl Survey {
    /// The files that have work to be done on them.
    #[must_use]
    pub fn targets(&self, wishes: &SyncWishes) -> Vec<Target> {
        let has_work = |drifted: &&Drifted| drifted.has_work(wishes);
        let target = |drifted: &Drifted| Target { path: drifted.path.clone(), origin: Origin::Named };
        self.drifted.iter().filter(has_work).map(target).collect()
    }

    fn take(&mut self, path: &Path, state: State) {
        match state {
            State::None => return,
            State::OtherFormat => return self.skipped.push(path.to_owned()),
            State::Unchecked(error) => return self.unchecked.push((path.to_owned(), error)),
            State::Same => {}
            State::Unruled => self.unruled.push(path.to_owned()),
            State::Drifted(applied, drifts) => {
                self.drifted.push(Drifted { path: path.to_owned(), applied, drifts });
            }
        }
        self.files += 1;
    }
}

impl Drifted {
    /// Whether `wishes` change the file.
    #[must_use]
    pub fn has_work(&self, wishes: &SyncWishes) -> bool {
        self.drifts.keys != KeyWork::None || wishes.selectors && self.drifts.has_settings()
    }
}

impl Drifts {
    /// Whether other values are encrypted, or covered by the MAC, than the rule says.
    #[must_use]
    pub fn has_settings(&self) -> bool {
        self.all.iter().any(|drift| drift.kind.is_setting())
    }
}

enum State {
    /// It is none of SOPS'.
    None,
    OtherFormat,
    Unruled,
    Same,
    Drifted(Applied, Drifts),
    Unchecked(OpError),
}

/// Compares `targets` with their rules, without a key. `done` is called after each file, from any thread.
pub fn survey(session: &Session, targets: Targets, done: impl Fn() + Sync) -> Survey {
    let Targets { files, faults } = targets;
    let states = pool::map(&files, |target| {
        let state = examine(session, target).unwrap_or_else(State::Unchecked);
        done();
        state
    });
    let mut survey = Survey::default();
    survey.unchecked.extend(faults.into_iter().map(|fault| (fault.path.clone(), fault.into())));
    for (target, state) in files.iter().zip(states) {
        survey.take(&target.path, state);
    }
    survey.unchecked.sort_by(|(left, _), (right, _)| left.cmp(right));
    survey
}

fn examine(session: &Session, Target { path, origin }: &Target) -> Result<State, OpError> {
    let bytes = match read_bytes(path, TEXT_LIMIT_BYTES) {
        Err(FileError { problem: FileProblem::TooLarge { .. }, .. }) if *origin == Origin::Below => {
            return Ok(State::None);
        }
        outcome => outcome?,
    };
    let format = match (Format::find_encrypted(path, &bytes), origin) {
        (Some(format), _) => format,
        (None, Origin::Below) => return Ok(State::None),
        (None, Origin::Named) => Format::of_name(path),
    };
    match (format.supported(), origin) {
        (Ok(Format::Yaml), _) => {}
        (Ok(other), _) => return Err(FormatError::Unsupported(other).into()),
        (Err(_), Origin::Below) => return Ok(State::OtherFormat),
        (Err(error), Origin::Named) => return Err(error.into()),
    }
    let text = into_text(path, bytes)?;
    let terms = match Terms::read(text.expose()) {
        Err(SopsError::NotEncrypted) if *origin == Origin::Below => return Ok(State::None),
        terms => terms?,
    };
    let applied = session.rule_for(path)?;
    let Some(rule) = applied.rule() else { return Ok(State::Unruled) };
    if rule.key_groups.iter().all(|group| group.0.is_empty()) {
        let policy = applied.policy().map(|policy| policy.path().to_owned()).unwrap_or_default();
        return Err(OpError::NoRecipient(Naming::Rule { number: rule.index + 1, policy }));
    }
    let drifts = find_drifts(text.expose(), &terms, &applied);
    Ok(if drifts.all.is_empty() { State::Same } else { State::Drifted(applied, drifts) })
}
