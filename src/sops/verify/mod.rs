//! What can be told of a SOPS file without any key, and what more with one: a text in, findings out.
//!
//! Knows nothing of files; never holds or tells a value.

mod block;
mod conflict;
mod finding;
mod owner;
mod rule;
#[cfg(test)]
mod tests;
mod values;

pub use finding::Finding;
pub use rule::{Rule, Severity};

use self::{
    block::{block_offset, check_block_in_each, check_metadata, read_metadata},
    conflict::find_conflicts,
    finding::Findings,
    owner::check_owners,
    values::{Seen, check_values, is_sound},
};
use super::{
    error::SopsError,
    file::SopsFile,
    metadata::{Metadata, find_block},
    shape::check_shape,
    walk::key_text,
};
use crate::{
    base::secret::DataKey,
    crypto::cipher::ValueCipher,
    document::{
        error::{DocumentError, Fault},
        yaml::tree::{Item, Kind, NodeId, Tree},
    },
    keys::Identities,
};

/// What a text is by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// It has SOPS metadata, or encrypted values.
    Encrypted,
    /// Nothing in it says SOPS.
    Clear,
}

/// What was found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What the text is by its content. Findings about a clear one matter only if it should be encrypted.
    pub content: Content,
    /// In the order of the text.
    pub findings: Vec<Finding>,
}

impl Verified {
    /// Whether there is a finding that is more than a note.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.rule.severity() == Severity::Error)
    }
}

/// Checks a YAML text without any key, in time linear to its length.
///
/// # Source
/// `docs/verify.md`.
#[must_use]
pub fn verify(text: &str) -> Verified {
    inspect(text, None)
}

/// Checks a YAML text with its data key too: that each value opens in its place, that the MAC holds, and that the entries
/// of those recipients whose identities are at hand are what they claim to be.
#[must_use]
pub fn verify_with(text: &str, key: &DataKey, identities: &Identities) -> Verified {
    inspect(text, Some(Opening { key, identities }))
}

#[derive(Clone, Copy)]
struct Opening<'a> {
    key: &'a DataKey,
    identities: &'a Identities,
}

fn inspect(text: &str, opening: Option<Opening<'_>>) -> Verified {
    let mut findings = Findings::default();
    find_conflicts(text, &mut findings);
    if !has_marks(text) {
        findings.push(Rule::NotEncrypted, 0, "no `sops` block: nothing in the file is encrypted");
        return Verified { content: Content::Clear, findings: findings.finish(text, None) };
    }
    let tree = match Tree::parse(text) {
        Ok(tree) => tree,
        Err(error) => {
            // A conflict explains why the text does not parse.
            if findings.len() == 0 {
                push_document_error(text, &error, &mut findings);
            }
            return Verified { content: content_of_text(text), findings: findings.finish(text, None) };
        }
    };
    let content = content_of(&tree);
    if content == Content::Clear {
        findings.push(Rule::NotEncrypted, 0, "no SOPS metadata: nothing in the file is encrypted");
    } else {
        check_tree(&tree, opening, &mut findings);
    }
    Verified { content, findings: findings.finish(text, Some(&tree)) }
}

fn check_tree(tree: &Tree<'_>, opening: Option<Opening<'_>>, findings: &mut Findings) {
    let before = findings.len();
    if let Err(error) = check_shape(tree) {
        push_document_error(tree.text(), &error, findings);
    }
    let Some(metadata) = read_metadata(tree, findings) else { return };
    check_metadata(tree, &metadata, findings);
    let cipher = opening.map(|opening| ValueCipher::new(opening.key));
    match check_values(tree, &metadata, cipher.as_ref(), findings) {
        Ok(seen) => report_seen(tree, &metadata, &seen, findings),
        Err(error) => push_document_error(tree.text(), &error, findings),
    }
    if let Some(opening) = opening {
        check_mac(tree.text(), &metadata, opening.key, before, findings);
        check_owners(tree, &metadata, opening, findings);
    }
}

fn report_seen(tree: &Tree<'_>, metadata: &Metadata, seen: &Seen, findings: &mut Findings) {
    check_block_in_each(tree, &seen.encrypted_in, findings);
    if seen.has_clear && !seen.has_selected {
        let selector = metadata.selector.kind();
        let message = format!("the file's `{selector}` picks no value: everything in the file is in clear");
        findings.push(Rule::NothingEncrypted, block_offset(tree), message);
    }
}

/// The MAC says nothing new about a file whose values do not open.
fn check_mac(text: &str, metadata: &Metadata, key: &DataKey, before: usize, findings: &mut Findings) {
    let Ok(file) = SopsFile::read(text) else { return };
    let mac = file.tree.node(metadata.places.mac).span.start;
    match file.check(key) {
        Err(SopsError::MacMismatch) => {
            let message = "the MAC over the values is not the stored one: one was changed, added, removed or moved";
            findings.push(Rule::MacMismatch, mac, message);
        }
        Err(SopsError::MacUnreadable) => {
            findings.push(
                Rule::MacUnreadable,
                mac,
                "the stored MAC does not open with the data key and `lastmodified`",
            );
        }
        Err(error) if findings.len() == before => {
            findings.push(Rule::RefusedDocument, mac, error.to_string());
        }
        Err(_) | Ok(()) => {}
    }
}

fn push_document_error(text: &str, error: &DocumentError, findings: &mut Findings) {
    let rule = match error.fault {
        Fault::Syntax(_) => Rule::NotYaml,
        Fault::DuplicateKey { .. } => Rule::DuplicateKey,
        _ => Rule::RefusedDocument,
    };
    findings.push(rule, block::offset_of(text, error.place), error.fault.to_string());
}

/// Without these there is no need to read a text.
fn has_marks(text: &str) -> bool {
    text.contains("sops") || text.contains("ENC[AES256_GCM,")
}

/// For a text that does not parse.
fn content_of_text(text: &str) -> Content {
    let has_block = || text.lines().any(|line| line.starts_with("sops:")) && text.contains("lastmodified");
    if text.contains("ENC[AES256_GCM,") || has_block() { Content::Encrypted } else { Content::Clear }
}

/// Others use a top-level key `sops` too: metadata has a MAC, or a time and somebody who could open the file.
fn content_of(tree: &Tree<'_>) -> Content {
    let blocks = tree.documents().iter().filter_map(|document| find_block(tree, document));
    if blocks.into_iter().any(|(_, block)| is_metadata(tree, block)) {
        return Content::Encrypted;
    }
    let is_value = |kind: &Kind<'_>| matches!(kind, Kind::Scalar { text, .. } if is_sound(text.as_str()));
    let is_comment = |start: usize, end: usize| tree.text().get(start + 1..end).is_some_and(is_sound);
    let has_values = tree.nodes().any(|node| is_value(&node.kind))
        || tree.comments().iter().any(|comment| is_comment(comment.span.start, comment.span.end));
    if has_values { Content::Encrypted } else { Content::Clear }
}

fn is_metadata(tree: &Tree<'_>, block: NodeId) -> bool {
    let Kind::Mapping(collection) = &tree.resolve(block).kind else { return false };
    let has = |name: &str| {
        let is_named = |item: &Item| matches!(*item, Item::Entry(key, _) if key_text(tree, key) == name);
        collection.items.iter().any(is_named)
    };
    let has_keys = || ["age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "key_groups"].into_iter().any(has);
    has("mac") || has("lastmodified") && has_keys()
}
