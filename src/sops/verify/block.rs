//! The `sops` blocks of a file: what can be told of them without any identity.

use std::collections::{HashMap, HashSet};

use super::{
    finding::Findings,
    rule::Rule,
    values::{is_sound, plaintext_bytes},
};
use crate::{
    base::span::LineColumn,
    crypto::{cipher::Ciphertext, shamir::THRESHOLD_MIN},
    document::yaml::tree::{Item, Kind, NodeId, Tree},
    keys::{Recipient, RecipientError, check_wrapped},
    sops::{
        error::{MetadataFault, SopsError},
        key_group::MasterKey,
        metadata::{KeyEntry, Metadata, find_block},
        walk::key_text,
    },
};

/// The length of what the stored MAC encrypts: SHA-512 in hexadecimal.
const MAC_CHARACTERS: usize = 128;

/// Reads the metadata, or reports why it cannot be read.
pub(super) fn read_metadata(tree: &Tree<'_>, findings: &mut Findings) -> Option<Metadata> {
    match Metadata::read(tree) {
        Ok(metadata) => Some(metadata),
        Err(SopsError::Metadata { fault, place }) => {
            let offset = offset_of(tree.text(), place);
            let block = tree.documents().first().and_then(|first| find_block(tree, first));
            // What is missing from the block is told where the block begins: at its key.
            let key = block.filter(|(_, block)| tree.node(*block).span.start == offset).map(|(key, _)| key);
            let offset = key.map_or(offset, |key| tree.node(key).span.start);
            findings.push(rule_of(&fault), offset, format!("the `sops` block {fault}"));
            None
        }
        Err(_) => {
            report_absence(tree, findings);
            None
        }
    }
}

fn rule_of(fault: &MetadataFault) -> Rule {
    match fault {
        MetadataFault::NotAMapping => Rule::MetadataNotMapping,
        MetadataFault::Missing(_) => Rule::MetadataIncomplete,
        MetadataFault::Unusable(_) => Rule::MetadataUnusable,
        MetadataFault::NoRecipients => Rule::NoRecipients,
        MetadataFault::TwoSelectors(..) => Rule::TwoSelectors,
        MetadataFault::Selector(_) => Rule::SelectorInvalid,
    }
}

/// Where the `sops` key of the first document stands.
pub(super) fn block_offset(tree: &Tree<'_>) -> usize {
    let block = tree.documents().first().and_then(|first| find_block(tree, first));
    block.map_or(0, |(key, _)| tree.node(key).span.start)
}

/// The first document has no block: is there one at all?
fn report_absence(tree: &Tree<'_>, findings: &mut Findings) {
    match tree.documents().iter().find_map(|document| find_block(tree, document)) {
        Some((key, _)) => {
            let message = "a `sops` block in a later document, and none in the first";
            findings.push(Rule::MetadataMisplaced, tree.node(key).span.start, message);
        }
        None => findings.push(Rule::MetadataMissing, 0, "encrypted values, but no `sops` block"),
    }
}

/// Checks the MAC's form, the recipients and what is wrapped for them, and the blocks of later documents.
pub(super) fn check_metadata(tree: &Tree<'_>, metadata: &Metadata, findings: &mut Findings) {
    let is_mac = Ciphertext::parse(&metadata.mac)
        .is_ok_and(|mac| is_sound(&metadata.mac) && mac.kind == "str" && plaintext_bytes(&mac) == MAC_CHARACTERS);
    if !is_mac {
        let offset = tree.node(metadata.places.mac).span.start;
        findings.push(Rule::MacMalformed, offset, "the stored `mac` is not an encrypted MAC");
    }
    check_threshold(tree, metadata, findings);
    let mut wrapped = HashMap::new();
    for group in &metadata.groups {
        let mut known = HashSet::new();
        for entry in group {
            check_entry(tree, entry, findings);
            check_repeated(tree, entry, &mut known, &mut wrapped, findings);
        }
    }
    check_later_blocks(tree, metadata, findings);
}

fn check_threshold(tree: &Tree<'_>, metadata: &Metadata, findings: &mut Findings) {
    let (groups, threshold) = (metadata.groups.len(), metadata.threshold);
    if groups < 2 || (THRESHOLD_MIN..=groups).contains(&threshold) {
        return;
    }
    let rule = if threshold > groups { Rule::ThresholdTooHigh } else { Rule::ThresholdTooLow };
    let message = match threshold {
        0 => format!("no `shamir_threshold`, and {groups} key groups"),
        _ => format!("`shamir_threshold` asks for {threshold} key groups, and there are {groups}"),
    };
    findings.push(rule, block_offset(tree), message);
}

fn check_entry(tree: &Tree<'_>, entry: &KeyEntry, findings: &mut Findings) {
    let MasterKey::Age(recipient) = &entry.key else { return };
    let offset = recipient_offset(tree, entry);
    match Recipient::parse(recipient) {
        Ok(_) => {}
        Err(RecipientError::PrivateKey) => {
            findings.push(Rule::RecipientIsPrivate, offset, "a private key stands where a recipient belongs");
        }
        Err(RecipientError::Invalid { reason, .. }) => {
            findings.push(Rule::RecipientInvalid, offset, format!("no age recipient: {reason}"));
        }
        Err(RecipientError::Ssh { fault, .. }) => {
            findings.push(Rule::RecipientInvalid, offset, format!("no age recipient: {fault}"));
        }
        Err(RecipientError::Unknown { .. }) => {
            findings.push(Rule::RecipientInvalid, offset, "no age recipient");
        }
    }
    if let Err(fault) = check_wrapped(recipient, &entry.enc) {
        let offset = tree.node(entry.enc_node).span.start;
        findings.push(Rule::WrappedKeyBroken, offset, format!("the wrapped data key {fault}"));
    }
}

fn check_repeated<'m>(
    tree: &Tree<'_>,
    entry: &'m KeyEntry,
    known: &mut HashSet<&'m MasterKey>,
    wrapped: &mut HashMap<&'m str, &'m MasterKey>,
    findings: &mut Findings,
) {
    if !known.insert(&entry.key) {
        let offset = recipient_offset(tree, entry);
        findings.push(Rule::RecipientDuplicate, offset, "a recipient that is named before in the same group");
    }
    if wrapped.insert(&entry.enc, &entry.key).is_some_and(|other| *other != entry.key) && !entry.enc.is_empty() {
        let offset = tree.node(entry.enc_node).span.start;
        findings.push(Rule::WrappedKeyRepeated, offset, "the same wrapped data key as of another recipient");
    }
}

/// Where the recipient of an entry stands.
pub(super) fn recipient_offset(tree: &Tree<'_>, entry: &KeyEntry) -> usize {
    let Kind::Mapping(collection) = &tree.resolve(entry.node).kind else { return tree.node(entry.node).span.start };
    let field = collection.items.iter().find_map(|item| match *item {
        Item::Entry(key, value) if key_text(tree, key) == "recipient" => Some(value),
        _ => None,
    });
    tree.node(field.unwrap_or(entry.node)).span.start
}

fn check_later_blocks(tree: &Tree<'_>, metadata: &Metadata, findings: &mut Findings) {
    for document in tree.documents().iter().skip(1) {
        if let Some((key, block)) = find_block(tree, document)
            && !is_equal(tree, metadata.places.block, block)
        {
            let message = "a `sops` block that is not that of the first document";
            findings.push(Rule::MetadataDiffers, tree.node(key).span.start, message);
        }
    }
}

/// Reports documents whose values are encrypted and that have no block of their own.
pub(super) fn check_block_in_each(tree: &Tree<'_>, encrypted_in: &[Option<usize>], findings: &mut Findings) {
    for (document, encrypted) in tree.documents().iter().zip(encrypted_in) {
        if let Some(offset) = encrypted
            && find_block(tree, document).is_none()
        {
            findings.push(Rule::MetadataNotRepeated, *offset, "encrypted values in a document without a `sops` block");
        }
    }
}

/// Whether two nodes hold the same, however written; the order of keys is no matter. Aliases, which no metadata has,
/// count as different: following them has no bound.
fn is_equal(tree: &Tree<'_>, left: NodeId, right: NodeId) -> bool {
    match (&tree.node(left).kind, &tree.node(right).kind) {
        (Kind::Scalar { text: left, .. }, Kind::Scalar { text: right, .. }) => left.as_str() == right.as_str(),
        (Kind::Mapping(left), Kind::Mapping(right)) => {
            let fields = |items: &[Item]| -> HashMap<String, NodeId> {
                let entry = |item: &Item| match *item {
                    Item::Entry(key, value) => Some((key_text(tree, key).to_owned(), value)),
                    _ => None,
                };
                items.iter().filter_map(entry).collect()
            };
            let (left, right) = (fields(&left.items), fields(&right.items));
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| is_equal(tree, *value, *other)))
        }
        (Kind::Sequence(left), Kind::Sequence(right)) => {
            let elements = |items: &[Item]| -> Vec<NodeId> {
                let element = |item: &Item| if let Item::Element(node) = *item { Some(node) } else { None };
                items.iter().filter_map(element).collect()
            };
            let (left, right) = (elements(&left.items), elements(&right.items));
            left.len() == right.len() && left.iter().zip(&right).all(|(one, other)| is_equal(tree, *one, *other))
        }
        _ => false,
    }
}

/// The byte at a place of `text`.
pub(super) fn offset_of(text: &str, place: LineColumn) -> usize {
    let line_start = match place.line {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line - 2).map_or(text.len(), |(at, _)| at + 1),
    };
    let rest = text.get(line_start..).unwrap_or_default();
    rest.char_indices().nth(place.column.saturating_sub(1)).map_or(text.len(), |(at, _)| line_start + at)
}
