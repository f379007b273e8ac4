//! Which documents SOPS takes: mappings with string keys, each key once.

use std::collections::HashMap;

use super::{error::SopsError, metadata::find_block, scalar::scalar, walk::key_text};
use crate::{
    base::span::LineColumn,
    document::{
        error::{DocumentError, Fault},
        yaml::{
            scalar::{Scalar, ScalarStyle},
            tree::{Collection, Item, Kind, Node, NodeId, Tree},
        },
    },
};

/// Refuses what SOPS refuses in any file, encrypted or not.
///
/// # Errors
/// [`DocumentError`] with the place.
///
/// # Source
/// `stores/yaml/store.go` of SOPS 3.13.2. It checks duplicate keys in the first document only; we check all.
pub fn check_shape(tree: &Tree<'_>) -> Result<(), DocumentError> {
    let text = tree.text();
    if let Some(offset) = tree.foreign_version() {
        return Err(DocumentError::at(text, offset, Fault::YamlVersion));
    }
    if let Some(offset) = tree.bare_document() {
        let reason = "a document behind `...` needs a `---`".to_owned();
        return Err(DocumentError::at(text, offset, Fault::Syntax(reason)));
    }
    if tree.documents().is_empty() {
        let fault = if tree.comments().is_empty() { Fault::Empty } else { Fault::OnlyComments };
        return Err(DocumentError::at(text, 0, fault));
    }
    for document in tree.documents() {
        let root = tree.resolve(document.root);
        let fault = match &root.kind {
            Kind::Mapping(_) => continue,
            Kind::Sequence(_) => Fault::TopLevelList,
            _ if scalar(tree, root)?.is_null() => continue,
            _ => Fault::TopLevelScalar,
        };
        return Err(DocumentError::at(text, root.span.start, fault));
    }
    tree.nodes().try_for_each(|node| match &node.kind {
        Kind::Mapping(collection) => check_keys(tree, collection),
        Kind::Scalar { style, .. } => check_spelling(tree, node, *style),
        _ => Ok(()),
    })
}

/// Refuses spellings that YAML 1.2 has and go-yaml does not read.
fn check_spelling(tree: &Tree<'_>, node: &Node<'_>, style: ScalarStyle) -> Result<(), DocumentError> {
    let source = node.span.of(tree.text());
    let fault = match style {
        ScalarStyle::DoubleQuoted if has_slash_escape(source) => Fault::SlashEscape,
        ScalarStyle::Literal | ScalarStyle::Folded if begins_with_tab(source) => Fault::LeadingTab,
        _ => return Ok(()),
    };
    Err(DocumentError::at(tree.text(), node.span.start, fault))
}

fn has_slash_escape(quoted: &str) -> bool {
    let mut rest = quoted;
    while let Some(at) = rest.find('\\') {
        if rest.get(at + 1..).is_some_and(|escaped| escaped.starts_with('/')) {
            return true;
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

/// Whether go-yaml, looking for the column of the text, meets a tab.
fn begins_with_tab(block: &str) -> bool {
    let mut lines = block.lines();
    let header = lines.next().unwrap_or_default();
    let has_indicator = header.chars().take(3).any(|character| character.is_ascii_digit());
    let mut leading = lines.map(|line| line.trim_start_matches(' '));
    !has_indicator && leading.find(|line| !line.is_empty()).is_some_and(|line| line.starts_with('\t'))
}

/// Refuses plaintext that holds metadata already.
///
/// # Errors
/// [`SopsError::AlreadyEncrypted`] with the place of the `sops` key, in whichever document it is.
pub fn check_is_plain(tree: &Tree<'_>) -> Result<(), SopsError> {
    match tree.documents().iter().find_map(|document| find_block(tree, document)) {
        Some((key, _)) => Err(SopsError::AlreadyEncrypted(LineColumn::of(tree.text(), tree.node(key).span.start))),
        None => Ok(()),
    }
}

fn check_keys(tree: &Tree<'_>, collection: &Collection) -> Result<(), DocumentError> {
    let mut seen: HashMap<&str, NodeId> = HashMap::with_capacity(collection.items.len());
    for item in &collection.items {
        let Item::Entry(key, value) = *item else { continue };
        let node = tree.resolve(key);
        if let Some(kind) = foreign_key_kind(tree, node)? {
            return Err(DocumentError::at(tree.text(), tree.node(key).span.start, Fault::NonStringKey(kind)));
        }
        let name = key_text(tree, key);
        if name == "<<" && is_plain(node) && !is_mergeable(tree, value) {
            return Err(DocumentError::at(tree.text(), tree.node(key).span.start, Fault::BadMerge));
        }
        if let Some(first) = seen.insert(name, key) {
            let first_line = LineColumn::of(tree.text(), tree.node(first).span.start).line;
            let fault = Fault::DuplicateKey { key: name.to_owned(), first_line };
            return Err(DocumentError::at(tree.text(), tree.node(key).span.start, fault));
        }
    }
    Ok(())
}

fn is_plain(node: &Node<'_>) -> bool {
    matches!(node.kind, Kind::Scalar { style: ScalarStyle::Plain, .. })
}

/// Whether go-yaml can merge the value into the mapping around it.
fn is_mergeable(tree: &Tree<'_>, value: NodeId) -> bool {
    match &tree.resolve(value).kind {
        Kind::Mapping(_) => true,
        Kind::Sequence(collection) => collection.items.iter().all(|item| match *item {
            Item::Element(element) => matches!(tree.resolve(element).kind, Kind::Mapping(_)),
            _ => true,
        }),
        _ => false,
    }
}

/// What a key is that is not a string.
fn foreign_key_kind(tree: &Tree<'_>, key: &Node<'_>) -> Result<Option<&'static str>, DocumentError> {
    match key.kind {
        Kind::Mapping(_) => return Ok(Some("a mapping")),
        Kind::Sequence(_) => return Ok(Some("a list")),
        Kind::Scalar { .. } | Kind::Alias(_) => {}
    }
    let meaning = scalar(tree, key)?;
    if meaning.as_text().is_some() {
        return Ok(None);
    }
    Ok(Some(match meaning.into_scalar() {
        Scalar::Null => "null",
        Scalar::Bool(_) => "a boolean",
        Scalar::Int(_) | Scalar::Uint(_) | Scalar::Float(_) => "a number",
        Scalar::Time(_) => "a timestamp",
        Scalar::Str(_) | Scalar::Bytes(_) => "binary",
    }))
}
