//! What a node stands for, to compare values whatever their spelling.

use std::borrow::Cow;

use super::members::{elements, entries, key_text};
use crate::document::yaml::{
    emit::Value,
    scalar::{Scalar, resolve},
    tree::{Kind, Node, NodeId, Tree},
};

/// Whether a scalar is null.
pub(crate) fn is_null(tree: &Tree<'_>, node: &Node<'_>) -> bool {
    scalar(tree, node).is_some_and(|scalar| *scalar == Scalar::Null)
}

/// Whether the node, aliases followed, is exactly `value`; keys in the same order.
pub(super) fn means(tree: &Tree<'_>, id: NodeId, value: &Value) -> bool {
    let node = tree.resolve(id);
    match (&node.kind, value) {
        (Kind::Mapping(mapping), Value::Map(wanted)) => {
            entries(mapping).count() == wanted.len()
                && entries(mapping)
                    .zip(wanted)
                    .all(|((key, node), (name, value))| key_text(tree, key) == name && means(tree, node, value))
        }
        (Kind::Sequence(list), Value::List(wanted)) => {
            elements(list).count() == wanted.len()
                && elements(list).zip(wanted).all(|(node, value)| means(tree, node, value))
        }
        (Kind::Scalar { .. }, Value::Scalar(wanted)) => {
            scalar(tree, node).is_some_and(|found| is_equal(&found, wanted))
        }
        _ => false,
    }
}

/// What a scalar resolves to, wiped when it goes; `None` if it does not fit its tag.
fn scalar(tree: &Tree<'_>, node: &Node<'_>) -> Option<zeroize::Zeroizing<Scalar>> {
    let Kind::Scalar { text, style } = &node.kind else { return None };
    let tag = node.properties.as_deref().and_then(|properties| properties.tag);
    let tag = tag.map(|tag| match node.core_tag() {
        Some(core) => Cow::Owned(format!("!!{core}")),
        None => Cow::Borrowed(tag.of(tree.text())),
    });
    resolve(text.as_str(), *style, tag.as_deref()).ok().map(zeroize::Zeroizing::new)
}

/// SOPS spells a float without a fraction as an integer.
fn is_equal(left: &Scalar, right: &Scalar) -> bool {
    match (left, right) {
        (Scalar::Float(left), Scalar::Float(right)) => left == right || left.is_nan() && right.is_nan(),
        (Scalar::Int(int), Scalar::Float(float)) | (Scalar::Float(float), Scalar::Int(int)) => {
            float.to_string() == int.to_string() || float.to_string() == format!("-{int}") && *int == 0
        }
        _ => left == right,
    }
}
