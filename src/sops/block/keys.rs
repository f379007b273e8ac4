//! Who can open a file, as text: `age` for one key group, `key_groups` for several.

use std::collections::HashSet;

use super::{element_lines, respell};
use crate::{
    document::{
        edit::Edit,
        yaml::{
            emit::{Place, Position, Value, push_item},
            scalar::Scalar,
            tree::{Layout, Tree},
        },
    },
    sops::{
        key_group::{ForeignKind, MasterKey},
        metadata::{KeyEntry, Metadata},
    },
};

/// Whom one group is, with what is wrapped for them: pairs of recipient and armored age file.
pub type WrappedKeys = Vec<(String, String)>;

/// Whom a file is for, with what is wrapped for them: the data key for one group, or a share of it for each of several.
#[derive(Debug, Clone)]
pub struct WrappedGroups {
    /// The groups.
    pub groups: Vec<WrappedKeys>,
    /// How many of several groups are needed; with one group it means nothing.
    pub threshold: usize,
}

impl From<WrappedKeys> for WrappedGroups {
    fn from(group: WrappedKeys) -> Self {
        Self { groups: vec![group], threshold: 0 }
    }
}

impl WrappedGroups {
    /// The fields of the block that tell of the groups. SOPS writes `hc_vault` in each of several, empty as it is.
    pub(super) fn fields(&self) -> Vec<(String, Value)> {
        let age = |group: &WrappedKeys| ("age".to_owned(), Value::List(group.iter().map(age_entry).collect()));
        if let [group] = self.groups.as_slice() {
            return vec![age(group)];
        }
        let no_vault = || ("hc_vault".to_owned(), Value::List(Vec::new()));
        let groups = self.groups.iter().map(|group| Value::Map(vec![age(group), no_vault()])).collect();
        let threshold = Value::Scalar(Scalar::Int(self.threshold.try_into().unwrap_or(i64::MAX)));
        vec![("key_groups".to_owned(), Value::List(groups)), ("shamir_threshold".to_owned(), threshold)]
    }
}

/// Whether a field of the block says who can open the file. Lists of foreign keys that are empty may stay.
pub(super) fn names_keys(field: &str, value: &Value) -> bool {
    let is_foreign = || ForeignKind::ALL.iter().any(|kind| kind.name() == field);
    match field {
        "age" | "key_groups" | "shamir_threshold" | "shamir_quorum" => true,
        _ => is_foreign() && !matches!(value, Value::List(items) if items.is_empty()),
    }
}

fn age_entry((recipient, enc): &(String, String)) -> Value {
    let text = |text: &str| Value::Scalar(Scalar::Str(text.to_owned()));
    Value::Map(vec![("enc".to_owned(), text(enc)), ("recipient".to_owned(), text(recipient))])
}

impl Metadata {
    /// The edits that put `wrapped` in the place of what is there; `None` where the block has to be spelt anew: the
    /// number of groups changes, a foreign key goes, or the lists are not laid out line by line.
    pub(super) fn key_edits(&self, tree: &Tree<'_>, wrapped: &WrappedGroups) -> Option<Vec<Edit>> {
        if self.groups.len() != wrapped.groups.len() {
            return None;
        }
        let mut edits = Vec::new();
        if wrapped.groups.len() > 1 {
            let node = tree.node(self.places.threshold?);
            if self.threshold != wrapped.threshold {
                edits.push(Edit::new(node.text_span(tree.text()), wrapped.threshold.to_string()));
            }
        }
        for (group, wrapped) in self.groups.iter().zip(&wrapped.groups) {
            edits.extend(self.group_edits(tree, group, wrapped)?);
        }
        Some(edits)
    }

    fn group_edits(&self, tree: &Tree<'_>, group: &[KeyEntry], wrapped: &WrappedKeys) -> Option<Vec<Edit>> {
        if group.iter().any(|entry| !matches!(entry.key, MasterKey::Age(_))) {
            return None;
        }
        let last = group.last()?;
        let mut edits = Vec::new();
        let mut kept = HashSet::new();
        for entry in group {
            let column = tree.node(entry.node).collection().filter(|found| found.layout == Layout::Block)?.column;
            match wrapped.iter().find(|(recipient, _)| recipient == entry.key.id()) {
                Some((recipient, enc)) if kept.insert(recipient.as_str()) => {
                    edits.push(respell(tree, entry.enc_node, enc, column));
                }
                _ => edits.push(Edit::remove(element_lines(tree, entry.node)?)),
            }
        }
        let lines = element_lines(tree, last.node)?;
        let head = lines.of(tree.text());
        let dash = head.len() - head.trim_start_matches(' ').len();
        let step = self.step(tree).unwrap_or(4);
        let ends_line = head.ends_with(['\n', '\r']);
        for new in wrapped.iter().filter(|(recipient, _)| !kept.contains(recipient.as_str())) {
            let place = Place { step, newline: tree.newline(), ..Place::new(Position::ListItem, dash) };
            let mut text = format!("{:dash$}", "");
            push_item(&mut text, &age_entry(new), &place);
            let text = if ends_line { text + tree.newline() } else { format!("{}{text}", tree.newline()) };
            edits.push(Edit::insert(lines.end, text));
        }
        Some(edits)
    }
}
