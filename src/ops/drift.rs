//! What the policy says of a file, against what the file says: told without a key.

use std::collections::BTreeSet;

use super::session::Applied;
use crate::{
    policy::CreationRule,
    sops::{
        holders::Holders,
        key_group::{KeyGroup, MasterKey},
        selector::SelectorKind,
    },
};

/// One difference between a file and the rule for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// There is a policy, and no rule in it matches the file.
    NoRule,
    /// The rule names a key that the file is not for.
    Missing(MasterKey),
    /// The file is for a key that the rule does not name.
    Extra(MasterKey),
    /// The same keys, in other groups.
    Groups,
    /// Another number of groups is needed.
    Threshold {
        /// As the file says.
        file: usize,
        /// As the rule says.
        rule: usize,
    },
    /// Other values are encrypted.
    Selector {
        /// As the file says.
        file: (SelectorKind, String),
        /// As the rule says.
        rule: (SelectorKind, String),
    },
    /// The MAC covers other values.
    MacOnlyEncrypted {
        /// As the file says; the rule says the opposite.
        file: bool,
    },
}

/// The differences between a file and the rule that applies to it; none where there is no policy.
#[must_use]
pub fn drift(holders: &Holders, applied: &Applied) -> Vec<Drift> {
    match (applied.policy(), applied.rule()) {
        (_, Some(rule)) => compare(holders, rule),
        (Some(_), None) => vec![Drift::NoRule],
        (None, None) => Vec::new(),
    }
}

fn compare(holders: &Holders, rule: &CreationRule) -> Vec<Drift> {
    let all = |groups: &[KeyGroup]| -> BTreeSet<MasterKey> {
        groups.iter().flat_map(|group| &group.0).map(MasterKey::plain).collect()
    };
    let (in_file, in_rule) = (all(&holders.groups), all(&rule.key_groups));
    let mut found: Vec<Drift> = in_rule.difference(&in_file).cloned().map(Drift::Missing).collect();
    found.extend(in_file.difference(&in_rule).cloned().map(Drift::Extra));
    if found.is_empty() && sets(&holders.groups) != sets(&rule.key_groups) {
        found.push(Drift::Groups);
    }
    if holders.threshold != rule.threshold() {
        found.push(Drift::Threshold { file: holders.threshold, rule: rule.threshold() });
    }
    let (kind, pattern) = rule.selector_or_default();
    let selector = (kind, pattern.to_owned());
    if holders.selector != selector {
        found.push(Drift::Selector { file: holders.selector.clone(), rule: selector });
    }
    if holders.mac_only_encrypted != rule.mac_only_encrypted {
        found.push(Drift::MacOnlyEncrypted { file: holders.mac_only_encrypted });
    }
    found
}

/// Groups as sets: neither the order of keys nor that of groups matters.
fn sets(groups: &[KeyGroup]) -> BTreeSet<BTreeSet<MasterKey>> {
    groups.iter().map(|group| group.0.iter().map(MasterKey::plain).collect()).collect()
}

/// Whether a file and a policy mean the same key.
pub(super) fn is_same(one: &MasterKey, other: &MasterKey) -> bool {
    one == other || (!matches!(one, MasterKey::Age(_)) && one.plain() == other.plain())
}
