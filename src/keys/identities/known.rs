//! What has been found so far. It only grows.

use std::sync::Arc;

use crate::keys::{
    content::{Content, Locked},
    found::FoundIdentity,
    identity::Identity,
    no_identity::{Problem, SearchOutcome},
    source::{Source, SourceProblem},
    survey::{ClosedReason, ClosedSource},
};

/// An identity, and where it is from.
pub(super) struct Held {
    pub(super) identity: Identity,
    pub(super) source: Source,
}

/// What the sources that were read hold.
#[derive(Default)]
pub(super) struct Known {
    /// What can be used at once.
    plain: Vec<Held>,
    /// What a program has to be started for.
    plugins: Vec<Arc<Held>>,
    /// What a passphrase is needed for, and whether it was asked for.
    locked: Vec<(Arc<Locked>, bool)>,
    /// The sources that exist.
    present: Vec<Source>,
    problems: Vec<Problem>,
}

impl Known {
    /// Adds what was found in `source`.
    pub(super) fn add(&mut self, source: &Source, content: Content) {
        if !self.present.contains(source) {
            self.present.push(source.clone());
        }
        for identity in content.identities {
            if self.all().any(|known| known.is_same(&identity)) {
                continue;
            }
            let held = Held { identity, source: source.clone() };
            if held.identity.plugin().is_some() {
                self.plugins.push(Arc::new(held));
            } else {
                self.plain.push(held);
            }
        }
        for locked in content.locked {
            if !self.locked.iter().any(|(known, _)| known.is_same(&locked)) {
                self.locked.push((Arc::new(locked), false));
            }
        }
        for problem in content.problems {
            self.tell(source, problem);
        }
    }

    /// Notes what is wrong with `source`, once: a command fails for each recipient in the same way as a rule.
    pub(super) fn tell(&mut self, source: &Source, problem: SourceProblem) {
        let problem = Problem::of(source, problem);
        if !self.problems.iter().any(|known| known.to_string() == problem.to_string()) {
            self.problems.push(problem);
        }
    }

    /// What can be used at once.
    pub(super) fn plain(&self) -> &[Held] {
        &self.plain
    }

    /// What a program has to be started for.
    pub(super) fn plugins(&self) -> impl Iterator<Item = &Identity> {
        self.plugins.iter().map(|held| &held.identity)
    }

    /// The same past the first `count`, to be used while the list may grow.
    pub(super) fn plugins_after(&self, count: usize) -> Vec<Arc<Held>> {
        self.plugins.iter().skip(count).cloned().collect()
    }

    /// What was not asked for yet and is `wanted`: SSH keys first, of which it is known what they open.
    pub(super) fn next_locked(&self, wanted: impl Fn(&Locked) -> bool) -> Option<Arc<Locked>> {
        let mut waiting: Vec<&Arc<Locked>> = self
            .locked
            .iter()
            .filter(|(locked, is_asked)| !is_asked && wanted(locked))
            .map(|(locked, _)| locked)
            .collect();
        waiting.sort_by_key(|locked| locked.recipient().is_none());
        waiting.first().map(|locked| Arc::clone(locked))
    }

    /// Notes that the passphrase of `locked` was asked for, whatever came of it.
    pub(super) fn set_asked(&mut self, locked: &Arc<Locked>) {
        for (known, is_asked) in &mut self.locked {
            *is_asked |= Arc::ptr_eq(known, locked);
        }
    }

    /// What was found, as people are told of it.
    pub(super) fn found(&self) -> Vec<FoundIdentity> {
        let held = self.plain.iter().chain(self.plugins.iter().map(AsRef::as_ref));
        held.map(|Held { identity, source }| FoundIdentity {
            recipient: identity.name(),
            names: Vec::new(),
            source: source.clone(),
            // A variable mostly has one line, and what a command prints nobody sees.
            line: identity.line().filter(|_| source.path().is_some()),
        })
        .collect()
    }

    /// What a passphrase is needed for that was not asked for.
    pub(super) fn closed(&self) -> impl Iterator<Item = ClosedSource> {
        let closed = self.locked.iter().filter(|(_, is_asked)| !is_asked);
        closed.map(|(locked, _)| ClosedSource {
            source: locked.source.clone(),
            reason: ClosedReason::Passphrase,
            recipient: locked.recipient().map(str::to_owned),
        })
    }

    /// What is wrong with the sources.
    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What was found in `source`.
    pub(super) fn outcome(&self, source: &Source) -> SearchOutcome {
        if !self.present.contains(source) {
            return SearchOutcome::Absent;
        }
        let held = self.plain.iter().chain(self.plugins.iter().map(AsRef::as_ref));
        match held.filter(|held| held.source == *source).count() {
            0 if self.locked.iter().any(|(locked, _)| locked.source == *source) => SearchOutcome::Locked,
            count => SearchOutcome::Identities(count),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Identity> {
        self.plain.iter().map(|held| &held.identity).chain(self.plugins())
    }
}
