//! The keys of a creation rule: the flat fields, and `key_groups` with their merges.

use std::collections::HashSet;

use super::{
    error::{PolicyError, PolicyErrorKind},
    node::{Key, Node, Value},
    reader::Reader,
    warning::PolicyWarningKind,
};
use crate::sops::key_group::{ForeignKind, KeyGroup, MasterKey};

const KMS_FIELDS: &[&str] = &["arn", "role", "context", "aws_profile"];
const AZURE_FIELDS: &[&str] = &["vaultUrl", "key", "version"];
const GROUP_FIELDS: &[&str] = &["merge", "age", "pgp", "kms", "gcp_kms", "hckms", "azure_keyvault", "hc_vault"];

/// A key as the policy names it.
pub(super) struct PlacedKey {
    key: MasterKey,
    /// The byte where it stands.
    at: usize,
    /// Whether it comes out of a `merge`, where the same key again is no mistake.
    merged: bool,
}

impl PlacedKey {
    const fn new(key: MasterKey, at: usize) -> Self {
        Self { key, at, merged: false }
    }

    /// How it is written, and the byte where it stands.
    pub(super) fn written(&self) -> (&str, usize) {
        (self.key.id(), self.at)
    }

    const fn foreign(kind: ForeignKind, id: String, at: usize) -> Self {
        Self::new(MasterKey::Foreign { kind, id }, at)
    }
}

/// The flat fields of a rule, in the order in which SOPS reads them.
#[derive(Default)]
pub(super) struct FlatFields<'n> {
    pub(super) age: Option<&'n Node>,
    pub(super) pgp: Option<&'n Node>,
    pub(super) kms: Option<&'n Node>,
    pub(super) aws_profile: String,
    pub(super) gcp_kms: Option<&'n Node>,
    pub(super) hckms: Vec<PlacedKey>,
    pub(super) azure_keyvault: Option<&'n Node>,
    pub(super) hc_vault_transit_uri: Option<&'n Node>,
}

impl FlatFields<'_> {
    /// The one group that the flat fields make.
    ///
    /// SOPS looks at their types when the rule is used and not before, so that an error is the rule's alone.
    pub(super) fn group(self, reader: &Reader<'_>) -> Result<Vec<PlacedKey>, PolicyError> {
        let foreign =
            |kind, ids: Vec<(String, usize)>| ids.into_iter().map(move |(id, at)| PlacedKey::foreign(kind, id, at));
        let mut keys = Vec::new();
        for (recipient, at) in comma_list(reader, self.age, "age")? {
            keys.push(PlacedKey::new(recipient_of(reader, &recipient, at)?, at));
        }
        let pgp = comma_list(reader, self.pgp, "pgp")?;
        keys.extend(foreign(ForeignKind::Pgp, each(pgp, |id| id.replace(' ', ""))));
        let kms = comma_list(reader, self.kms, "kms")?;
        let profile = &self.aws_profile;
        keys.extend(foreign(ForeignKind::Kms, each(kms, |arn| render_kms(&arn.replace(' ', ""), "", profile))));
        let gcp = comma_list(reader, self.gcp_kms, "gcp_kms")?;
        keys.extend(foreign(ForeignKind::GcpKms, each(gcp, |id| id.replace(' ', ""))));
        keys.extend(self.hckms);
        let azure = comma_list(reader, self.azure_keyvault, "azure_keyvault")?;
        keys.extend(foreign(ForeignKind::AzureKv, each(azure, |url| url.trim().to_owned())));
        let mut vault = comma_list(reader, self.hc_vault_transit_uri, "hc_vault_transit_uri")?;
        vault.retain(|(uri, _)| !uri.is_empty());
        keys.extend(foreign(ForeignKind::HcVault, vault));
        Ok(keys)
    }
}

/// The Huawei keys of a rule's flat field, the only one that is a list and nothing else.
pub(super) fn flat_hckms(reader: &Reader<'_>, node: &Node) -> Result<Vec<PlacedKey>, PolicyError> {
    let mut keys = Vec::new();
    for item in reader.list(node, "hckms")? {
        let ids = reader.text(item, "hckms")?;
        for id in ids.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            keys.push(PlacedKey::foreign(ForeignKind::Hckms, id.to_owned(), item.used_at));
        }
    }
    Ok(keys)
}

fn each(ids: Vec<(String, usize)>, change: impl Fn(String) -> String) -> Vec<(String, usize)> {
    ids.into_iter().map(|(id, at)| (change(id), at)).collect()
}

/// A text with commas, or a list of texts that may hold commas themselves.
///
/// Of a text the empty parts are dropped; a list keeps them, unless nothing at all is in it: SOPS joins and splits it.
fn comma_list(
    reader: &Reader<'_>,
    node: Option<&Node>,
    field: &'static str,
) -> Result<Vec<(String, usize)>, PolicyError> {
    let Some(node) = node else {
        return Ok(Vec::new());
    };
    match &node.value {
        Value::Null => Ok(Vec::new()),
        Value::Text(text) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Ok(parts.map(|part| (part.to_owned(), node.used_at)).collect())
        }
        Value::List(items) => {
            let mut parts = Vec::new();
            for item in items {
                let Value::Text(text) = &item.value else {
                    return Err(reader.wrong_type(item, field, "text in a list"));
                };
                parts.extend(text.split(',').map(|part| (part.to_owned(), item.used_at)));
            }
            if parts.len() == 1 {
                parts.retain(|(part, _)| !part.is_empty());
            }
            Ok(parts)
        }
        _ => Err(reader.wrong_type(node, field, "text, or a list of texts")),
    }
}

fn recipient_of(reader: &Reader<'_>, text: &str, at: usize) -> Result<MasterKey, PolicyError> {
    match text.trim() {
        "" => Err(reader.error(at, PolicyErrorKind::EmptyRecipient)),
        recipient => Ok(MasterKey::Age(recipient.to_owned())),
    }
}

/// The keys of one entry of `key_groups`: what it merges first, then its own, by kind.
///
/// An empty recipient is the rule's error alone, and kept in `empty`.
pub(super) fn group_keys(
    reader: &mut Reader<'_>,
    node: &Node,
    empty: &mut Option<PolicyError>,
) -> Result<Vec<PlacedKey>, PolicyError> {
    let entries = reader.map(node, "key_groups")?;
    for (key, _) in entries.iter().filter(|(key, _)| !GROUP_FIELDS.contains(&key.name.as_str())) {
        reader.warn_unknown(key, GROUP_FIELDS);
    }
    let mut keys = Vec::new();
    if let Some(merged) = entry(entries, "merge") {
        for group in reader.list(merged, "merge")? {
            let merged = group_keys(reader, group, empty)?;
            keys.extend(merged.into_iter().map(|key| PlacedKey { merged: true, ..key }));
        }
    }
    if let Some(node) = entry(entries, "age") {
        for item in reader.list(node, "age")? {
            let text = reader.text(item, "age")?;
            // An empty item is none; an empty part of an item is a mistake.
            for part in text.split(',').filter(|_| !text.is_empty()) {
                match recipient_of(reader, part, item.used_at) {
                    Ok(recipient) => keys.push(PlacedKey::new(recipient, item.used_at)),
                    Err(error) => *empty = empty.take().or(Some(error)),
                }
            }
        }
    }
    foreign_keys(reader, entries, &mut keys)?;
    Ok(keys)
}

fn foreign_keys(
    reader: &mut Reader<'_>,
    entries: &[(Key, Node)],
    keys: &mut Vec<PlacedKey>,
) -> Result<(), PolicyError> {
    let mut push = |kind, id, at| keys.push(PlacedKey::foreign(kind, id, at));
    if let Some(node) = entry(entries, "pgp") {
        for item in reader.list(node, "pgp")? {
            push(ForeignKind::Pgp, reader.text(item, "pgp")?.replace(' ', ""), item.used_at);
        }
    }
    if let Some(node) = entry(entries, "kms") {
        for item in reader.list(node, "kms")? {
            push(ForeignKind::Kms, kms(reader, item)?, item.used_at);
        }
    }
    if let Some(node) = entry(entries, "gcp_kms") {
        for item in reader.list(node, "gcp_kms")? {
            let id = one_field(reader, item, "gcp_kms", "resource_id", &["resource_id"])?;
            push(ForeignKind::GcpKms, id.replace(' ', ""), item.used_at);
        }
    }
    if let Some(node) = entry(entries, "hckms") {
        for item in reader.list(node, "hckms")? {
            let id = one_field(reader, item, "hckms", "key_id", &["key_id"])?;
            push(ForeignKind::Hckms, id, item.used_at);
        }
    }
    if let Some(node) = entry(entries, "azure_keyvault") {
        for item in reader.list(node, "azure_keyvault")? {
            let [url, key, version] = ["vaultUrl", "key", "version"]
                .map(|field| one_field(reader, item, "azure_keyvault", field, AZURE_FIELDS));
            let id = format!("{}/keys/{}/{}", url?, key?, version?);
            push(ForeignKind::AzureKv, id, item.used_at);
        }
    }
    if let Some(node) = entry(entries, "hc_vault") {
        for item in reader.list(node, "hc_vault")? {
            push(ForeignKind::HcVault, reader.text(item, "hc_vault")?, item.used_at);
        }
    }
    Ok(())
}

fn kms(reader: &mut Reader<'_>, item: &Node) -> Result<String, PolicyError> {
    let [arn, role, profile] =
        ["arn", "role", "aws_profile"].map(|field| one_field(reader, item, "kms", field, KMS_FIELDS));
    let entries = reader.map(item, "kms")?;
    let mut context = Vec::new();
    if let Some(node) = entry(entries, "context") {
        for (key, value) in reader.map(node, "context")? {
            context.push(format!("{}:{}", key.name, reader.text(value, "context")?));
        }
    }
    context.sort();
    let mut arn = arn?;
    match role?.as_str() {
        "" => {}
        role => arn = format!("{arn}+{role}"),
    }
    Ok(render_kms(&arn, &context.join(","), &profile?))
}

/// A KMS key as SOPS tells it apart from others: ARN, encryption context and profile.
fn render_kms(arn: &str, context: &str, profile: &str) -> String {
    match (context, profile) {
        ("", "") => arn.to_owned(),
        (context, "") => format!("{arn}|{context}"),
        (context, profile) => format!("{arn}|{context}|{profile}"),
    }
}

/// The text of one field of a key that is a map of the `known` fields; empty if it is missing.
fn one_field(
    reader: &mut Reader<'_>,
    item: &Node,
    list: &'static str,
    field: &'static str,
    known: &[&'static str],
) -> Result<String, PolicyError> {
    let entries = reader.map(item, list)?;
    // The fields of an item are read one by one; the first of them looks for unknown ones.
    if known.first() == Some(&field) {
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
            reader.warn_unknown(key, known);
        }
    }
    entry(entries, field).map_or(Ok(String::new()), |node| reader.text(node, field))
}

pub(super) fn entry<'n>(entries: &'n [(Key, Node)], name: &str) -> Option<&'n Node> {
    entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
}

/// The groups that `listed` make, each key once, with a warning for each that is named more than once.
pub(super) fn deduplicate(reader: &mut Reader<'_>, rule: usize, listed: Vec<Vec<PlacedKey>>) -> Vec<KeyGroup> {
    let mut groups: Vec<KeyGroup> = Vec::with_capacity(listed.len());
    let mut in_other_groups = HashSet::new();
    for keys in listed {
        let mut here = HashSet::new();
        let mut own = HashSet::new();
        for PlacedKey { key, at, merged } in &keys {
            let again_here = !merged && !own.insert(key);
            let across_groups = here.insert(key) && in_other_groups.contains(key);
            if again_here || across_groups {
                let id = key.id().to_owned();
                reader.warn(*at, PolicyWarningKind::DuplicateKey { rule, id, across_groups });
            }
        }
        let group = KeyGroup::of(keys.iter().map(|placed| placed.key.clone()));
        in_other_groups.extend(group.0.iter().cloned());
        groups.push(group);
    }
    groups
}
