//! What a collection holds, comments left out.

use crate::document::yaml::tree::{Collection, Item, Kind, NodeId, Tree};

/// The entries of a mapping without the comments between them.
pub(crate) fn entries(mapping: &Collection) -> impl Iterator<Item = (NodeId, NodeId)> {
    mapping.items.iter().filter_map(|item| match *item {
        Item::Entry(key, value) => Some((key, value)),
        _ => None,
    })
}

/// The items of a list without the comments between them.
pub(crate) fn elements(list: &Collection) -> impl Iterator<Item = NodeId> {
    list.items.iter().filter_map(|item| match *item {
        Item::Element(value) => Some(value),
        _ => None,
    })
}

/// The text of a key; empty for a key that is no scalar, which SOPS refuses.
pub(crate) fn key_text<'a>(tree: &'a Tree<'_>, key: NodeId) -> &'a str {
    match &tree.resolve(key).kind {
        Kind::Scalar { text, .. } => text.as_str(),
        _ => "",
    }
}
