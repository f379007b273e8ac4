//! Who is in a policy: recipients with their names, and the rules that name them.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::site::{anchor_of, sites, values};
use crate::{
    base::span::LineColumn,
    document::yaml::{
        change::key_text,
        tree::{Kind, NodeId, Tree},
    },
    keys::RecipientKind,
    policy::{PathRegex, Policy},
    sops::key_group::MasterKey,
};

/// The version of what a [`RecipientList`] is serialised to. It grows with every change that a reader could trip over.
pub const RECIPIENT_LIST_VERSION: u32 = 1;

/// Who is in a policy, in the order in which they are named first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecipientList {
    /// [`RECIPIENT_LIST_VERSION`].
    pub version: u32,
    /// Age recipients and keys of services.
    pub recipients: Vec<ListedRecipient>,
}

/// A recipient, or a key of a service, in a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedRecipient {
    /// Its anchors; none if it stands in rules as text alone.
    pub names: Vec<String>,
    /// `age`, or the service that holds the key; of what no rule uses, `age` or `unknown`.
    pub kind: &'static str,
    /// The recipient, fingerprint, ARN or URL.
    pub id: String,
    /// The line where it is first written, from 1; `None` for a key whose parts stand apart.
    pub line: Option<usize>,
    /// The rules that encrypt for it, from 1.
    pub rules: Vec<usize>,
}

/// Lists them.
pub(super) fn list(text: &str, policy: &Policy) -> RecipientList {
    let mut recipients = Vec::new();
    if let Ok(tree) = Tree::parse(text) {
        recipients = named_ones(&tree, policy);
        recipients.extend(nameless_ones(&tree, policy));
    }
    recipients.sort_by_key(|listed| listed.line.unwrap_or(usize::MAX));
    RecipientList { version: RECIPIENT_LIST_VERSION, recipients }
}

fn named_ones(tree: &Tree<'_>, policy: &Policy) -> Vec<ListedRecipient> {
    // Where each name is, and whether that is under `keys`.
    let mut places = HashMap::new();
    for trail in values(tree) {
        let Some(last) = trail.last() else { continue };
        let section = trail.get(1).and_then(|section| section.key);
        let is_in_keys = section.is_some_and(|key| key_text(tree, key) == "keys");
        if let Some(name) = anchor_of(tree, tree.node(last.node)) {
            places.entry(name).or_insert((line_of(tree, last.node), is_in_keys));
        }
    }
    let paths: HashSet<&str> =
        policy.rules().iter().filter_map(|rule| rule.path_regex.as_ref().map(PathRegex::as_str)).collect();
    let used = policy.names().filter_map(|(id, names)| {
        let rules = rules_of(policy, id);
        let kind = kind_of(policy, id);
        let (line, is_in_keys) = places.get(names.first()?.as_str()).copied().unwrap_or_default();
        // An anchor can be on other things than recipients.
        let is_listed = !paths.contains(id) && (!rules.is_empty() || kind != "unknown" || is_in_keys);
        is_listed.then(|| ListedRecipient { names: names.to_vec(), kind, id: id.to_owned(), line, rules })
    });
    used.collect()
}

fn nameless_ones(tree: &Tree<'_>, policy: &Policy) -> Vec<ListedRecipient> {
    let mut found: Vec<ListedRecipient> = Vec::new();
    for key in policy.rules().iter().flat_map(|rule| &rule.key_groups).flat_map(|group| &group.0) {
        let id = key.id();
        if policy.names_of(id).is_empty() && !found.iter().any(|listed| listed.id == id) {
            let line = sites(tree, id).first().and_then(|site| line_of(tree, site.member()?.node));
            let rules = rules_of(policy, id);
            found.push(ListedRecipient { names: Vec::new(), kind: key.kind_name(), id: id.to_owned(), line, rules });
        }
    }
    found
}

fn line_of(tree: &Tree<'_>, node: NodeId) -> Option<usize> {
    let node = tree.node(node);
    (!matches!(node.kind, Kind::Alias(_))).then(|| LineColumn::of(tree.text(), node.full_span().start).line)
}

fn rules_of(policy: &Policy, id: &str) -> Vec<usize> {
    let names = |keys: &[MasterKey]| keys.iter().any(|key| key.id() == id);
    let rules = policy.rules().iter().filter(|rule| rule.key_groups.iter().any(|group| names(&group.0)));
    rules.map(|rule| rule.index + 1).collect()
}

fn kind_of(policy: &Policy, id: &str) -> &'static str {
    let mut keys = policy.rules().iter().flat_map(|rule| &rule.key_groups).flat_map(|group| &group.0);
    let used = keys.find(|key| key.id() == id).map(MasterKey::kind_name);
    used.unwrap_or_else(|| if RecipientKind::find(id).is_some() { "age" } else { "unknown" })
}
