//! Clusters that come, go, and change their identity: the policies, and all files that have to follow them, as one change
//! that is made as a whole or not at all.

mod add;
mod draft;
mod identity;
mod remove;
mod rotation;
mod secret;

pub use add::{Added, NewCluster, add, find_left_out};
pub use draft::Drafts;
pub use identity::{ClusterIdentity, Keeping, find_identity, prepare_identity};
pub use remove::{Removal, WithoutRecipients, remove};
pub use rotation::{Rotating, begin, emergency, finish};
pub use secret::{DecryptionSecrets, make_secrets};

use std::path::{Path, PathBuf};

use super::{
    cluster::Overview,
    drift::{DriftKind, Member},
    error::OpError,
    format::FormatError,
    in_place::NewText,
    rotate::{RotateWishes, UnknownRecipients, rotate},
    session::{Applied, Session},
    survey::SopsEntry,
    sync::{Comparison, SyncWishes, compare, render_plan, sync},
    target::{Origin, Target, Targets},
};
use crate::{
    base::{
        files::{FileError, FileProblem},
        secret::Plaintext,
    },
    sops::{key_group::MasterKey, terms::Terms},
};

/// Policies, and the files that have to follow them.
#[derive(Debug)]
pub struct Change {
    drafts: Drafts,
    /// Recipients that open no file afterwards.
    removed: Vec<String>,
    /// The files, compared with their rules in the new policies.
    comparison: Comparison,
    /// Files without a rule that are for somebody who is removed, with those.
    unruled: Vec<(PathBuf, Vec<MasterKey>)>,
}

/// Who comes and goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turnover<'a> {
    /// Recipients that open the files whose rules name them.
    pub added: &'a [String],
    /// Recipients that open no file.
    pub removed: &'a [String],
}

impl Change {
    /// Finds the files that `drafts` are of concern for: their rule says something else than before, or they are for
    /// somebody who is removed, or not for somebody who is added. From here on the session takes the drafts for the
    /// policies. `done` is called after each file, from any thread.
    pub fn plan(
        session: &Session,
        overview: &Overview,
        drafts: Drafts,
        turnover: Turnover<'_>,
        done: impl Fn() + Sync,
    ) -> Self {
        drafts.assume(session);
        let (mut concerned, mut unchecked) = (Vec::new(), unread(overview));
        let mut unruled = Vec::new();
        for file in &overview.survey.files {
            let path = shown(session, &overview.survey.root.join(overview.survey.path(file)));
            match session.rule_for(&path) {
                Err(error) => unchecked.push((path, error)),
                Ok(applied) if is_concerned(file, &applied, turnover) => {
                    let removed = keys_of(file, turnover.removed);
                    if applied.rule().is_none() {
                        unruled.push((path, removed));
                    } else {
                        concerned.push(Target { path, origin: Origin::Named });
                    }
                }
                Ok(_) => {}
            }
        }
        let mut comparison = compare(session, Targets { files: concerned, faults: Vec::new() }, done);
        comparison.unchecked.extend(unchecked);
        let faults = std::mem::take(&mut comparison.unchecked).into_iter();
        comparison.unchecked = faults.map(|(path, error)| (path, of_format(error))).collect();
        for drift in comparison.drifted.iter_mut().flat_map(|drifted| &mut drifted.drifts.all) {
            name_removed(&drafts, &mut drift.kind, turnover.removed);
        }
        Self { drafts, removed: turnover.removed.to_vec(), comparison, unruled }
    }

    /// What differs in the policies, as `diff -u` shows it.
    #[must_use]
    pub fn render_policies(&self) -> String {
        self.drafts.render_diff()
    }

    /// What is done to each file, as a diff of names.
    #[must_use]
    pub fn render_files(&self) -> String {
        let mut out = render_plan(&self.comparison, &SyncWishes::default());
        for (path, keys) in &self.unruled {
            out.push_str(&format!("{}: a new data key, and every value encrypted anew\n", path.display()));
            for key in keys {
                out.push_str(&format!("  - {}\n", self.drafts.named_before(key)));
            }
        }
        out
    }

    /// The files that are to be replaced, without the policies.
    #[must_use]
    pub fn files(&self) -> Vec<Target> {
        let unruled = self.unruled.iter().map(|(path, _)| Target { path: path.clone(), origin: Origin::Named });
        self.comparison.targets(&SyncWishes::default()).into_iter().chain(unruled).collect()
    }

    /// The policies that are to be replaced.
    pub fn policies(&self) -> impl Iterator<Item = &Path> {
        self.drafts.changed()
    }

    /// All that is to be replaced, the policies first.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        let policies = self.policies().map(|path| Target { path: path.to_owned(), origin: Origin::Named });
        policies.chain(self.files()).collect()
    }

    /// The comparison of the files with the new policies.
    #[must_use]
    pub const fn comparison(&self) -> &Comparison {
        &self.comparison
    }

    /// Takes out what cannot be dealt with.
    pub fn take_faults(&mut self) -> Vec<(PathBuf, OpError)> {
        std::mem::take(&mut self.comparison.unchecked)
    }

    /// The new content of the file at `path`, which holds `text`.
    ///
    /// # Errors
    /// [`OpError`].
    pub fn make(&self, session: &Session, path: &Path, text: &Plaintext) -> Result<NewText, OpError> {
        let text = text.expose();
        if let Some((old, new)) = self.drafts.find(path) {
            let changed = || FileError { path: path.to_owned(), problem: FileProblem::Changed };
            return if old == text { Ok(NewText::Sealed(new.to_owned())) } else { Err(changed().into()) };
        }
        let new = match self.unruled.iter().find(|(unruled, _)| unruled == path) {
            Some((_, keys)) => {
                let remove = keys.iter().map(|key| key.id().to_owned()).collect();
                let wishes = RotateWishes { remove, unknown: UnknownRecipients::Keep, ..RotateWishes::default() };
                rotate(session, path, text, &wishes)?
            }
            None => sync(session, path, text, SyncWishes::default())?,
        };
        let terms = Terms::of_yaml(&new)?;
        if terms.keys().any(|key| self.removed.iter().any(|removed| removed == key.id())) {
            return Err(OpError::StillDrifted);
        }
        Ok(NewText::Sealed(new))
    }
}

/// Who is removed is in no policy any more, and known by the name that he had.
fn name_removed(drafts: &Drafts, kind: &mut DriftKind, removed: &[String]) {
    if let DriftKind::Unknown(member) = kind
        && removed.iter().any(|id| id == member.key.id())
    {
        let named = drafts.named_before(&member.key);
        *kind = DriftKind::Extra(Member { key: member.key.clone(), named });
    }
}

/// A file of another type stops the change: it would go on being for those who are removed.
fn of_format(error: OpError) -> OpError {
    match error {
        OpError::Format(error @ FormatError::Unsupported(_)) => OpError::OtherFormat(error),
        error => error,
    }
}

fn is_concerned(file: &SopsEntry, applied: &Applied, turnover: Turnover<'_>) -> bool {
    let holds = |id: &String| file.terms.keys().any(|key| key.id() == id);
    let Some(rule) = applied.rule() else { return turnover.removed.iter().any(holds) };
    let is_ruled_alike = file.applied.rule().is_some_and(|before| before.encrypts_like(rule));
    let names = |id: &String| rule.key_groups.iter().flat_map(|group| &group.0).any(|key| key.id() == id);
    !is_ruled_alike || turnover.removed.iter().any(holds) || turnover.added.iter().any(|id| names(id) && !holds(id))
}

/// The keys of a file that are among `ids`.
fn keys_of(file: &SopsEntry, ids: &[String]) -> Vec<MasterKey> {
    file.terms.keys().filter(|key| ids.iter().any(|id| id == key.id())).cloned().collect()
}

/// What of the repository could not be read. SOPS' files are not as large as what is too large to be read.
fn unread(overview: &Overview) -> Vec<(PathBuf, OpError)> {
    let is_large =
        |error: &OpError| matches!(error, OpError::File(FileError { problem: FileProblem::TooLarge { .. }, .. }));
    let unread = overview.survey.unread.iter().filter(|(_, error)| !is_large(error));
    unread.map(|(path, error)| (path.clone(), OpError::Unread(error.reason()))).collect()
}

/// `path` as it is seen from where the run was started.
fn shown(session: &Session, path: &Path) -> PathBuf {
    path.strip_prefix(session.directory()).unwrap_or(path).to_owned()
}
