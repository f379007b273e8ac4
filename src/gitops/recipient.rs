//! Whose recipient is which cluster's, and how far a change of it has come.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::Cluster;
use crate::policy::Policy;

/// What the name of a cluster's next recipient in the policy ends in: `&lab-next` beside `&lab`, while the cluster's
/// identity is being changed. A name with `_` in the place of `-` is taken too.
pub const NEXT_SUFFIX: &str = "-next";

/// The recipients of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterRecipients {
    /// Recipients, fingerprints or whatever else a policy names a key by, with the next one.
    pub ids: Vec<String>,
    /// The one that comes in the place of the other, while the cluster's identity is being changed.
    pub next: Option<String>,
    /// How they are known.
    pub known: Known,
}

/// How the recipient of a cluster is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Known {
    /// `.secrets.toml` tells it.
    Config,
    /// The policy has an anchor of the cluster's name.
    Policy,
    /// It is the only one that all files of this cluster are for, and no file of another one.
    Inferred,
    /// It is not.
    #[default]
    Unknown,
}

impl Known {
    /// For people and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Policy => "policy",
            Self::Inferred => "inferred",
            Self::Unknown => "unknown",
        }
    }
}

/// How far a change of a cluster's identity has come, as the policy tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationPhase {
    /// No change is under way.
    None,
    /// The next recipient stands beside the other.
    Begun,
    /// The recipient is not known.
    Unknown,
}

impl RotationPhase {
    /// Of a cluster with these recipients.
    #[must_use]
    pub const fn of(recipients: &ClusterRecipients) -> Self {
        match (recipients.ids.is_empty(), recipients.next.is_some()) {
            (true, _) => Self::Unknown,
            (false, false) => Self::None,
            (false, true) => Self::Begun,
        }
    }

    /// For people and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Begun => "begun",
            Self::Unknown => "unknown",
        }
    }
}

/// The recipients that `.secrets.toml` gives the cluster; `None` if it gives none.
///
/// # Errors
/// The text that is neither a recipient nor a name in one of `policies`.
pub fn given<'c>(cluster: &'c Cluster, policies: &[&Policy]) -> Result<Option<ClusterRecipients>, &'c str> {
    let (mut ids, mut next): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for text in &cluster.given_recipients {
        let named = named(policies, |name| name == text);
        next.extend(self::named(policies, |name| plain(name) == next_name(&plain(text))));
        let is_recipient = text.starts_with("age1") || text.starts_with("ssh-") || is_fingerprint(text);
        match (named.is_empty(), is_recipient) {
            (false, _) => ids.extend(named),
            (true, true) => ids.push(text.clone()),
            (true, false) => return Err(text),
        }
    }
    Ok(ClusterRecipients::found(ids, next, Known::Config))
}

fn is_fingerprint(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) || text.starts_with("arn:")
}

/// The recipients that `policies` name after the cluster; `None` if there is no such name.
#[must_use]
pub fn of_policy(cluster: &Cluster, policies: &[&Policy]) -> Option<ClusterRecipients> {
    let own = plain(&cluster.name);
    let next = next_name(&own);
    let ids = named(policies, |name| plain(name) == own);
    ClusterRecipients::found(ids, named(policies, |name| plain(name) == next), Known::Policy)
}

/// What the recipient is called that comes in the place of `name`.
#[must_use]
pub fn next_name(name: &str) -> String {
    format!("{name}{NEXT_SUFFIX}")
}

/// Whether `name` is the one of the cluster's recipient in a policy.
#[must_use]
pub fn is_name_of(name: &str, cluster: &str) -> bool {
    plain(name) == plain(cluster)
}

/// A name of a cluster and that of an anchor can differ in these.
fn plain(name: &str) -> String {
    name.replace(['_', '/'], "-")
}

impl ClusterRecipients {
    /// Those that were found; `None` if that is nobody.
    fn found(mut ids: Vec<String>, next: Vec<String>, known: Known) -> Option<Self> {
        let next: Vec<String> = next.into_iter().filter(|id| !ids.contains(id)).collect();
        let first_next = if ids.is_empty() { None } else { next.first().cloned() };
        ids.extend(next);
        (!ids.is_empty()).then_some(Self { ids, next: first_next, known })
    }
}

/// What stands behind the anchors that `is_wanted` picks, each once.
fn named(policies: &[&Policy], is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let all = policies.iter().flat_map(|policy| policy.names());
    let wanted = all.filter(|(_, names)| names.iter().any(|name| is_wanted(name)));
    let mut ids: Vec<String> = Vec::new();
    for (id, _) in wanted {
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
    ids
}

/// Whom the policy encrypts one file for, and the clusters that it is for, by their numbers.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The age recipients of the rule.
    pub recipients: BTreeSet<&'a str>,
    /// The clusters that have to read the file.
    pub clusters: &'a BTreeSet<usize>,
}

/// For each of `count` clusters the one recipient that all of its files are for, and no file that is not its own;
/// `None` where there is none or more than one. `known` are those that are already somebody else's.
#[must_use]
pub fn infer(count: usize, files: &[Evidence<'_>], known: &BTreeSet<&str>) -> Vec<Option<ClusterRecipients>> {
    // How many files each recipient is in, in all and by cluster.
    let mut all: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_cluster: Vec<BTreeMap<&str, usize>> = vec![BTreeMap::new(); count];
    let mut totals = vec![0_usize; count];
    for file in files {
        file.recipients.iter().for_each(|recipient| *all.entry(recipient).or_default() += 1);
        for cluster in file.clusters {
            if let (Some(counts), Some(total)) = (by_cluster.get_mut(*cluster), totals.get_mut(*cluster)) {
                *total += 1;
                file.recipients.iter().for_each(|recipient| *counts.entry(recipient).or_default() += 1);
            }
        }
    }
    let infer_one = |(counts, total): (&BTreeMap<&str, usize>, &usize)| {
        let is_own = |recipient: &str, count: usize| count == *total && all.get(recipient) == Some(&count);
        let mut own =
            counts.iter().filter(|(recipient, count)| is_own(recipient, **count) && !known.contains(*recipient));
        match (own.next(), own.next()) {
            (Some((recipient, _)), None) => {
                Some(ClusterRecipients { ids: vec![(*recipient).to_owned()], next: None, known: Known::Inferred })
            }
            _ => None,
        }
    };
    by_cluster.iter().zip(&totals).map(infer_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_inferred_only_where_it_is_the_only_one() {
        let (first, second, both) = (BTreeSet::from([0]), BTreeSet::from([1]), BTreeSet::from([0, 1]));
        let file = |recipients: &[&'static str], clusters| Evidence {
            recipients: recipients.iter().copied().collect(),
            clusters,
        };
        let check = |files: &[Evidence<'_>], known: &[&str], expected: [Option<&str>; 2]| {
            let inferred = infer(2, files, &known.iter().copied().collect());
            let ids: Vec<Option<String>> =
                inferred.into_iter().map(|found| found.map(|found| found.ids.concat())).collect();
            assert_eq!(ids, expected.map(|id| id.map(str::to_owned)));
        };
        let own = [file(&["a", "x"], &first), file(&["b", "x"], &second)];
        check(&own, &[], [Some("a"), Some("b")]);
        check(&own, &["a"], [None, Some("b")]);
        check(&[file(&["a", "p"], &first), file(&["b"], &second)], &[], [None, Some("b")]);
        check(&[file(&["a"], &first), file(&["a", "c"], &first), file(&["c"], &second)], &[], [Some("a"), None]);
        check(&[file(&["a", "b"], &both)], &[], [None, None]);
        check(&[], &[], [None, None]);
    }
}
