//! Whether a change did what it should, and nothing else: both texts read, value by value.

use super::{
    Change,
    meaning::means,
    members::{elements, entries, key_text},
};
use crate::{
    base::value_path::Step,
    document::yaml::{
        emit::Value,
        scalar::ScalarStyle,
        tree::{Kind, Node, NodeId, Tree},
    },
};

/// Two readings of one file.
pub(super) struct Pair<'a, 't> {
    pub(super) old: &'a Tree<'t>,
    pub(super) new: &'a Tree<'a>,
}

impl Pair<'_, '_> {
    /// Whether the documents are the same but for `change` at the `path` into number `document`.
    pub(super) fn is_only(&self, change: Change<'_>, document: usize, path: &[Step]) -> bool {
        let (old, new) = (self.old.documents(), self.new.documents());
        old.len() == new.len()
            && old.iter().zip(new).enumerate().all(|(number, (old, new))| {
                if number == document {
                    self.is_changed(old.root, new.root, path, change)
                } else {
                    self.is_same(old.root, new.root)
                }
            })
    }

    fn is_changed(&self, old: NodeId, new: NodeId, path: &[Step], change: Change<'_>) -> bool {
        let Some((step, rest)) = path.split_first() else {
            return matches!(change, Change::Set(value) if means(self.new, new, value));
        };
        let (was, is) = (self.members(self.old, old), self.members(self.new, new));
        let place = match step {
            Step::Key(key) => was.iter().position(|(name, _)| name.is_some_and(|name| key_text(self.old, name) == key)),
            Step::Index(index) => Some(*index).filter(|index| *index < was.len()),
            Step::Append => None,
        };
        let same_key = |was: &Item, is: &Item| match (was.0, is.0) {
            (Some(was), Some(is)) => self.is_same(was, is),
            (was, is) => was == is,
        };
        let same = |(was, is): (&Item, &Item)| same_key(was, is) && self.is_same(was.1, is.1);
        match (place, change) {
            (Some(place), Change::Unset) if rest.is_empty() => {
                let left = was.iter().enumerate().filter(|(number, _)| *number != place).map(|(_, member)| member);
                was.len() == is.len() + 1 && left.zip(&is).all(same) && self.is_collection(old, new)
            }
            (Some(place), _) => {
                was.len() == is.len()
                    && was.iter().zip(&is).enumerate().all(|(number, (was, is))| {
                        let is_kept = number != place;
                        same_key(was, is)
                            && if is_kept { same((was, is)) } else { self.is_changed(was.1, is.1, rest, change) }
                    })
            }
            (None, Change::Set(value)) => {
                let last = is.last();
                was.len() + 1 == is.len()
                    && was.iter().zip(&is).all(same)
                    && last.is_some_and(|last| means_wrapped(self.new, last.1, rest, value) && self.names(last, step))
            }
            (None, Change::Unset) => false,
        }
    }

    fn is_collection(&self, old: NodeId, new: NodeId) -> bool {
        let (old, new) = (&self.old.node(old).kind, &self.new.node(new).kind);
        matches!((old, new), (Kind::Mapping(_), Kind::Mapping(_)) | (Kind::Sequence(_), Kind::Sequence(_)))
    }

    fn names(&self, member: &Item, step: &Step) -> bool {
        match (member.0, step) {
            (Some(key), Step::Key(wanted)) => key_text(self.new, key) == wanted,
            (None, Step::Append) => true,
            _ => false,
        }
    }

    fn members(&self, tree: &Tree<'_>, id: NodeId) -> Vec<Item> {
        match &tree.node(id).kind {
            Kind::Mapping(mapping) => entries(mapping).map(|(key, value)| (Some(key), value)).collect(),
            Kind::Sequence(list) => elements(list).map(|value| (None, value)).collect(),
            Kind::Scalar { .. } | Kind::Alias(_) => Vec::new(),
        }
    }

    fn is_same(&self, old: NodeId, new: NodeId) -> bool {
        let (was, is) = (self.old.node(old), self.new.node(new));
        if tag(self.old, was) != tag(self.new, is) {
            return false;
        }
        match (&was.kind, &is.kind) {
            (Kind::Scalar { text: was, style: was_style }, Kind::Scalar { text: is, style: is_style }) => {
                was.as_str() == is.as_str() && (*was_style == ScalarStyle::Plain) == (*is_style == ScalarStyle::Plain)
            }
            (Kind::Alias(_), Kind::Alias(_)) => was.span.of(self.old.text()) == is.span.of(self.new.text()),
            (Kind::Mapping(was), Kind::Mapping(is)) => {
                entries(was).count() == entries(is).count()
                    && entries(was)
                        .zip(entries(is))
                        .all(|(was, is)| self.is_same(was.0, is.0) && self.is_same(was.1, is.1))
            }
            (Kind::Sequence(was), Kind::Sequence(is)) => {
                elements(was).count() == elements(is).count()
                    && elements(was).zip(elements(is)).all(|(was, is)| self.is_same(was, is))
            }
            _ => false,
        }
    }
}

type Item = (Option<NodeId>, NodeId);

fn tag<'t>(tree: &Tree<'t>, node: &Node<'_>) -> Option<&'t str> {
    node.properties.as_deref()?.tag.map(|tag| tag.of(tree.text()))
}

/// Whether the node is `value` below new collections for the steps of `path`.
fn means_wrapped(tree: &Tree<'_>, id: NodeId, path: &[Step], value: &Value) -> bool {
    let Some((step, rest)) = path.split_first() else { return means(tree, id, value) };
    match (&tree.node(id).kind, step) {
        (Kind::Mapping(mapping), Step::Key(wanted)) => {
            let mut entries = entries(mapping);
            entries
                .next()
                .is_some_and(|(key, node)| key_text(tree, key) == wanted && means_wrapped(tree, node, rest, value))
                && entries.next().is_none()
        }
        (Kind::Sequence(list), Step::Append) => {
            let mut elements = elements(list);
            elements.next().is_some_and(|node| means_wrapped(tree, node, rest, value)) && elements.next().is_none()
        }
        _ => false,
    }
}
