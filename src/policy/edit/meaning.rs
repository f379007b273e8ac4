//! What a policy says, whatever its spelling: what an edit has to change, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::error::EmptiedGroup;
use crate::{
    policy::{CreationRule, PathRegex, Policy, PolicyErrorKind, Stores},
    sops::{key_group::MasterKey, selector::SelectorKind},
};

/// What a policy says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meaning {
    pub(super) rules: Vec<RuleMeaning>,
    /// Each anchor on a text, with the parts of the text between commas.
    pub(super) names: BTreeMap<String, Vec<String>>,
    stores: Stores,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RuleMeaning {
    pub(super) path_regex: Option<String>,
    pub(super) groups: Vec<BTreeSet<MasterKey>>,
    pub(super) threshold: usize,
    pub(super) selector: Option<(SelectorKind, String)>,
    pub(super) mac_only_encrypted: bool,
    pub(super) problem: Option<PolicyErrorKind>,
}

impl Meaning {
    pub(super) fn of(policy: &Policy) -> Self {
        let mut names = BTreeMap::new();
        for (text, anchors) in policy.names() {
            let parts: Vec<String> = text.split(',').map(|part| part.trim().to_owned()).collect();
            names.extend(anchors.iter().map(|anchor| (anchor.clone(), parts.clone())));
        }
        Self { rules: policy.rules().iter().map(RuleMeaning::of).collect(), names, stores: *policy.stores() }
    }

    /// Takes a recipient out everywhere.
    pub(super) fn remove(&mut self, recipient: &str) {
        for rule in &mut self.rules {
            rule.groups.iter_mut().for_each(|group| group.retain(|key| key.id() != recipient));
        }
        self.names.values_mut().for_each(|parts| parts.retain(|part| part != recipient));
        self.names.retain(|_, parts| !parts.is_empty());
    }

    /// Puts another recipient in the place of one, everywhere.
    pub(super) fn replace(&mut self, old: &str, new: &str) {
        for group in self.rules.iter_mut().flat_map(|rule| &mut rule.groups) {
            swap(group, old, new);
        }
        for part in self.names.values_mut().flatten().filter(|part| *part == old) {
            new.clone_into(part);
        }
    }

    /// The groups that have no key here and had one in `before`.
    pub(super) fn emptied_since(&self, before: &Self) -> Vec<EmptiedGroup> {
        let mut emptied = Vec::new();
        for (number, (now, then)) in self.rules.iter().zip(&before.rules).enumerate() {
            for (group, (now_group, then_group)) in now.groups.iter().zip(&then.groups).enumerate() {
                if now_group.is_empty() && !then_group.is_empty() {
                    let (groups, threshold) = (then.groups.len(), then.threshold);
                    emptied.push(EmptiedGroup { rule: number, group, groups, threshold });
                }
            }
        }
        emptied
    }
}

impl RuleMeaning {
    pub(super) fn of(rule: &CreationRule) -> Self {
        Self {
            path_regex: rule.path_regex.as_ref().map(|regex: &PathRegex| regex.as_str().to_owned()),
            groups: rule.key_groups.iter().map(|group| group.0.iter().cloned().collect()).collect(),
            threshold: rule.threshold(),
            selector: rule.selector.as_ref().map(|selector| (selector.kind, selector.pattern().to_owned())),
            mac_only_encrypted: rule.mac_only_encrypted,
            problem: rule.problem.as_ref().map(|problem| problem.kind.clone()),
        }
    }

    pub(super) fn names(&self, recipient: &str) -> bool {
        self.groups.iter().flatten().any(|key| key.id() == recipient)
    }
}

/// Puts `new` in the place of the age recipient `old` of a group.
pub(super) fn swap(group: &mut BTreeSet<MasterKey>, old: &str, new: &str) {
    if group.remove(&MasterKey::Age(old.to_owned())) {
        group.insert(MasterKey::Age(new.to_owned()));
    }
}
