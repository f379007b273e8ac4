//! `sync`: files made what the policy says: for whom they are, in which groups, and, if asked for, which of their values are
//! encrypted.

mod render;
mod work;

pub use render::{render_json, render_plan, render_text};
pub use work::{SyncWishes, sync};

use std::path::PathBuf;

use super::{
    drift::{Drifts, KeyWork},
    error::{Naming, OpError},
    format::{Format, FormatError},
    session::{Applied, Session},
    survey::{Reading, Sealed, read_all},
    target::{Origin, Target, Targets},
};

/// Files against their rules, by path.
#[derive(Debug, Default)]
pub struct Comparison {
    /// How many SOPS files were compared with their rules.
    pub files: usize,
    /// Those that differ, and from which rule.
    pub drifted: Vec<Drifted>,
    /// Those that no rule applies to, though there is a policy, or that there is no policy for.
    pub unruled: Vec<PathBuf>,
    /// What could not be compared, and why.
    pub unchecked: Vec<(PathBuf, OpError)>,
}

/// A file that differs from its rule.
#[derive(Debug)]
pub struct Drifted {
    /// The file.
    pub path: PathBuf,
    /// Its type.
    pub format: Format,
    /// The rule.
    pub applied: Applied,
    /// How it differs.
    pub drifts: Drifts,
}

impl Comparison {
    /// The files that have work to be done on them.
    #[must_use]
    pub fn targets(&self, wishes: &SyncWishes) -> Vec<Target> {
        let has_work = |drifted: &&Drifted| drifted.has_work(wishes);
        let target = |drifted: &Drifted| Target { path: drifted.path.clone(), origin: Origin::Named };
        self.drifted.iter().filter(has_work).map(target).collect()
    }

    /// Those that differ, and are of a type that cannot be changed.
    #[must_use]
    pub fn skipped(&self) -> Vec<PathBuf> {
        let skipped = self.drifted.iter().filter(|drifted| drifted.format.supported().is_err());
        skipped.map(|drifted| drifted.path.clone()).collect()
    }

    fn take(&mut self, Target { path, origin }: Target, sealed: Sealed) {
        let Sealed { format, applied, drifts, .. } = sealed;
        if let (Err(error), Origin::Named) = (format.supported(), origin) {
            return self.unchecked.push((path, FormatError::into(error)));
        }
        self.files += 1;
        match applied.rule() {
            None => self.unruled.push(path),
            Some(rule) if rule.key_groups.iter().all(|group| group.0.is_empty()) => {
                let policy = applied.policy().map(|policy| policy.path().to_owned()).unwrap_or_default();
                let error = OpError::NoRecipient(Naming::Rule { number: rule.index + 1, policy });
                self.unchecked.push((path, error));
            }
            Some(_) if drifts.all.is_empty() => {}
            Some(_) => self.drifted.push(Drifted { path, format, applied, drifts }),
        }
    }
}

impl Drifted {
    /// Whether `wishes` change the file.
    #[must_use]
    pub fn has_work(&self, wishes: &SyncWishes) -> bool {
        let is_wished = self.drifts.keys != KeyWork::None || wishes.selectors && self.drifts.has_settings();
        is_wished && self.format.supported().is_ok()
    }
}

/// Compares `targets` with their rules, without a key. `done` is called after each file, from any thread.
pub fn compare(session: &Session, targets: Targets, done: impl Fn() + Sync) -> Comparison {
    let Targets { files, faults } = targets;
    let read = read_all(session, &files, |_target, _text| (), done);
    let mut comparison = Comparison::default();
    comparison.unchecked.extend(faults.into_iter().map(|fault| (fault.path.clone(), fault.into())));
    for (target, Reading { sealed, error, .. }) in files.into_iter().zip(read) {
        match (sealed, error) {
            (_, Some(error)) => comparison.unchecked.push((target.path, error)),
            (Some(sealed), None) => comparison.take(target, sealed),
            (None, None) => {}
        }
    }
    comparison.unchecked.sort_by(|(left, _), (right, _)| left.cmp(right));
    comparison
}
