//! Who can read what: each file with its readers, and whose it is. No key is needed.

mod render;

use std::collections::{BTreeMap, BTreeSet};

pub use render::{render_access_csv, render_access_json, render_access_text};

use super::{cluster::Overview, error::OpError, survey::SopsEntry};
use crate::{base::go_regex::GoRegex, gitops::path::is_within, sops::key_group::MasterKey};

/// Which files are wanted: those that fit all that is given.
#[derive(Debug, Default)]
pub struct Filter {
    /// Files and directories below the root of the repository; none for all.
    pub paths: Vec<String>,
    /// What the path below the root has to match.
    pub pattern: Option<GoRegex>,
    /// Recipients, or their names in a policy, one of whom has to be among the readers.
    pub recipients: Vec<String>,
    /// Numbers of clusters, one of which the file is for, or can read it.
    pub clusters: BTreeSet<usize>,
}

/// Who can read what.
#[derive(Debug)]
pub struct Access<'o> {
    pub(super) overview: &'o Overview,
    /// The files by path.
    pub files: Vec<FileAccess<'o>>,
}

/// Who can read one file.
#[derive(Debug)]
pub struct FileAccess<'o> {
    /// The path below the root of the repository.
    pub path: &'o str,
    /// The names of the clusters that it is for.
    pub clusters: Vec<&'o str>,
    /// How many of the groups are needed.
    pub threshold: usize,
    /// The readers, in groups.
    pub groups: Vec<Vec<Reader<'o>>>,
}

/// One who can read a file, or holds a key of one group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reader<'o> {
    /// `age`, or the service that holds the key.
    pub kind: &'static str,
    /// The recipient, fingerprint, ARN or URL.
    pub id: &'o str,
    /// The names in the policy, or else those of the clusters whose recipient it is.
    pub names: Vec<&'o str>,
    /// The clusters whose recipient it is.
    pub clusters: Vec<&'o str>,
    /// What the policy has to say about it.
    pub standing: Standing,
}

/// What the policy has to say about a reader of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The rule for the file names it.
    InRule,
    /// It has a name, and there is no rule for the file.
    NoRule,
    /// The policy has a name for it, and the rule does not name it.
    NotInRule,
    /// No policy knows it, and nobody says who it is. Anyone who can write to the repository can have put it there.
    Unknown,
}

impl Standing {
    /// For reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InRule => "in-rule",
            Self::NoRule => "no-rule",
            Self::NotInRule => "not-in-rule",
            Self::Unknown => "unknown",
        }
    }
}

/// The files that `filter` picks, with their readers.
///
/// # Errors
/// [`OpError::NoSuchRecipient`] for one that neither a policy nor a file knows.
pub fn access<'o>(overview: &'o Overview, filter: &Filter) -> Result<Access<'o>, OpError> {
    let known = Known::of(overview);
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut files = Vec::new();
    for (file, owners) in overview.files() {
        let path = overview.survey.path(file);
        let groups = known.readers(file);
        let is_reader = |wanted: &str| groups.iter().flatten().any(|reader| reader.is_called(wanted));
        let called: BTreeSet<&str> =
            filter.recipients.iter().map(String::as_str).filter(|one| is_reader(one)).collect();
        let is_below = filter.paths.is_empty() || filter.paths.iter().any(|wanted| is_within(path, wanted));
        let is_read = filter.recipients.is_empty() || !called.is_empty();
        let is_of = |number: &usize| {
            owners.clusters().contains(number) || file.terms.is_opened_by(|key| overview.is_of_cluster(*number, key))
        };
        let is_of_cluster = filter.clusters.is_empty() || filter.clusters.iter().any(is_of);
        let is_matched = filter.pattern.as_ref().is_none_or(|pattern| pattern.is_match(path));
        seen.extend(called);
        if is_below && is_read && is_of_cluster && is_matched {
            let clusters = overview.names(owners.clusters());
            files.push(FileAccess { path, clusters, threshold: file.terms.threshold, groups });
        }
    }
    match filter.recipients.iter().find(|wanted| !seen.contains(wanted.as_str()) && !known.knows(wanted)) {
        Some(unknown) => Err(OpError::NoSuchRecipient(unknown.clone())),
        None => Ok(Access { overview, files }),
    }
}

/// Who is known: by the policies of all files, and as a recipient of a cluster.
struct Known<'o> {
    overview: &'o Overview,
    clusters: BTreeMap<&'o str, BTreeSet<usize>>,
    names: BTreeMap<&'o str, Vec<&'o str>>,
}

impl<'o> Known<'o> {
    fn of(overview: &'o Overview) -> Self {
        let mut policies: BTreeMap<_, _> = BTreeMap::new();
        for (file, _) in overview.files() {
            policies.extend(file.applied.policy().map(|policy| (policy.path(), policy)));
        }
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, names) in policies.values().flat_map(|policy| policy.names()) {
            let known = all.entry(id).or_default();
            for name in names {
                if !known.contains(&name.as_str()) {
                    known.push(name);
                }
            }
        }
        Self { overview, clusters: overview.clusters_by_recipient(), names: all }
    }

    /// Whether there is somebody of that name or with that recipient.
    fn knows(&self, wanted: &str) -> bool {
        let is_named = self.names.iter().any(|(id, names)| *id == wanted || names.contains(&wanted));
        is_named || self.clusters.contains_key(wanted)
    }

    fn readers(&self, file: &'o SopsEntry) -> Vec<Vec<Reader<'o>>> {
        file.terms.groups.iter().map(|group| group.0.iter().map(|key| self.reader(file, key)).collect()).collect()
    }

    fn reader(&self, file: &'o SopsEntry, key: &'o MasterKey) -> Reader<'o> {
        let clusters = self.overview.names(self.clusters.get(key.id()).into_iter().flatten().copied());
        // The file's own policy goes before others, which may have given the same recipient another name.
        let own = file.applied.policy().map(|policy| policy.names_of(key.id())).unwrap_or_default();
        let mut names: Vec<&str> = own.iter().map(String::as_str).collect();
        if names.is_empty() {
            names = self.names.get(key.id()).unwrap_or(&clusters).clone();
        }
        let rule = file.applied.rule();
        let in_rule =
            || rule.is_some_and(|rule| rule.key_groups.iter().flat_map(|group| &group.0).any(|one| one.is_same(key)));
        let standing = match () {
            () if in_rule() => Standing::InRule,
            () if names.is_empty() => Standing::Unknown,
            () if rule.is_none() => Standing::NoRule,
            () => Standing::NotInRule,
        };
        Reader { kind: key.kind_name(), id: key.id(), names, clusters, standing }
    }
}

impl Reader<'_> {
    fn is_called(&self, wanted: &str) -> bool {
        self.id == wanted || self.names.contains(&wanted)
    }
}
