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
fn names_keys(field: &str, value: &Value) -> bool {
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

/// What becomes of those who can open a file.
#[derive(Debug, Clone, Copy, Default)]
pub enum KeyChange<'a> {
    /// They stay, with what is wrapped for them.
    #[default]
    Stay,
    /// Others come, or the same with other things wrapped for them.
    Replace(&'a WrappedGroups),
    /// Of one group, some go and some come; the entries of all others stay to the byte.
    Amend(&'a Amendment),
}

/// A change to a file with one key group whose data key stays.
#[derive(Debug, Clone, Default)]
pub struct Amendment {
    /// Who goes.
    pub removed: Vec<MasterKey>,
    /// Who comes, with the data key wrapped for them.
    pub added: WrappedKeys,
}

impl Amendment {
    /// The same change to the fields of the block that tell of the group, whose entries are `group`.
    fn apply(&self, fields: &mut Vec<(String, Value)>, group: &[KeyEntry]) {
        let nested = fields.iter_mut().find_map(|(name, value)| match (name.as_str(), value) {
            ("key_groups", Value::List(groups)) => Some(groups),
            _ => None,
        });
        if let Some([Value::Map(only)]) = nested.map(Vec::as_mut_slice) {
            return self.apply_flat(only, group);
        }
        self.apply_flat(fields, group);
    }

    fn apply_flat(&self, fields: &mut Vec<(String, Value)>, group: &[KeyEntry]) {
        for (name, value) in fields.iter_mut() {
            let mut entries = group.iter().filter(|entry| entry.key.kind_name() == name);
            if let Value::List(items) = value {
                items.retain(|_| entries.next().is_none_or(|entry| !self.removed.contains(&entry.key)));
            }
        }
        let added = self.added.iter().map(age_entry);
        match fields.iter_mut().find(|(name, _)| name == "age") {
            Some((_, Value::List(items))) => items.extend(added),
            Some((_, value)) => *value = Value::List(added.collect()),
            None => fields.push(("age".to_owned(), Value::List(added.collect()))),
        }
    }
}

impl KeyChange<'_> {
    /// Makes the change to the fields of a block that is spelt anew.
    pub(super) fn apply(self, fields: &mut Vec<(String, Value)>, metadata: &Metadata) {
        match self {
            Self::Stay => {}
            Self::Replace(wrapped) => {
                fields.retain(|(key, value)| !names_keys(key, value));
                fields.extend(wrapped.fields());
            }
            Self::Amend(amendment) => {
                if let [group] = metadata.groups.as_slice() {
                    amendment.apply(fields, group);
                }
            }
        }
    }
}

/// What becomes of one entry.
enum Fate<'a> {
    Stays,
    Goes,
    /// Another file is wrapped for it.
    Rewrapped(&'a str),
}

impl Metadata {
    /// The edits that make `change`; `None` where the block has to be spelt anew: the number of groups changes, the last
    /// entry of a list goes, or the lists are not laid out line by line.
    pub(super) fn key_edits(&self, tree: &Tree<'_>, change: KeyChange<'_>) -> Option<Vec<Edit>> {
        match (change, self.groups.as_slice()) {
            (KeyChange::Stay, _) => Some(Vec::new()),
            (KeyChange::Replace(wrapped), _) => self.replacements(tree, wrapped),
            (KeyChange::Amend(Amendment { removed, added }), [group]) => {
                let fate = |entry: &KeyEntry| if removed.contains(&entry.key) { Fate::Goes } else { Fate::Stays };
                self.group_edits(tree, group, fate, added.iter())
            }
            (KeyChange::Amend(_), _) => None,
        }
    }

    fn replacements(&self, tree: &Tree<'_>, wrapped: &WrappedGroups) -> Option<Vec<Edit>> {
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
            let mut kept = HashSet::new();
            let fate = |entry: &KeyEntry| match wrapped.iter().find(|(recipient, _)| recipient == entry.key.id()) {
                Some((recipient, enc)) if matches!(entry.key, MasterKey::Age(_)) && kept.insert(recipient.as_str()) => {
                    Fate::Rewrapped(enc)
                }
                _ => Fate::Goes,
            };
            let is_known = |recipient: &str| {
                group.iter().any(|entry| matches!(&entry.key, MasterKey::Age(known) if known == recipient))
            };
            let added = wrapped.iter().filter(|(recipient, _)| !is_known(recipient));
            edits.extend(self.group_edits(tree, group, fate, added)?);
        }
        Some(edits)
    }

    fn group_edits<'w>(
        &self,
        tree: &Tree<'_>,
        group: &[KeyEntry],
        mut fate: impl FnMut(&KeyEntry) -> Fate<'w>,
        added: impl Iterator<Item = &'w (String, String)>,
    ) -> Option<Vec<Edit>> {
        let last = group.iter().rfind(|entry| matches!(entry.key, MasterKey::Age(_)))?;
        let mut edits = Vec::new();
        // Of each list, whether an entry stays: one without any would be no list any more.
        let mut lists: Vec<(&str, bool)> = Vec::new();
        for entry in group {
            let column = tree.node(entry.node).collection().filter(|found| found.layout == Layout::Block)?.column;
            let fate = fate(entry);
            let stays = !matches!(fate, Fate::Goes);
            match lists.iter_mut().find(|(name, _)| *name == entry.key.kind_name()) {
                Some((_, any)) => *any |= stays,
                None => lists.push((entry.key.kind_name(), stays)),
            }
            match fate {
                Fate::Stays => {}
                Fate::Goes => edits.push(Edit::remove(element_lines(tree, entry.node)?)),
                Fate::Rewrapped(enc) => edits.push(respell(tree, entry.enc_node, enc, column)),
            }
        }
        let lines = element_lines(tree, last.node)?;
        let head = lines.of(tree.text());
        let dash = head.len() - head.trim_start_matches(' ').len();
        let step = self.step(tree).unwrap_or(4);
        let ends_line = head.ends_with(['\n', '\r']);
        for new in added {
            let place = Place { step, newline: tree.newline(), ..Place::new(Position::ListItem, dash) };
            let mut text = format!("{:dash$}", "");
            push_item(&mut text, &age_entry(new), &place);
            let text = if ends_line { text + tree.newline() } else { format!("{}{text}", tree.newline()) };
            edits.push(Edit::insert(lines.end, text));
            lists.push(("age", true));
        }
        let stays = |name: &str| lists.iter().any(|(list, stays)| *list == name && *stays);
        lists.iter().all(|(name, _)| stays(name)).then_some(edits)
    }
}
