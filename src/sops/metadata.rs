//! The `sops` block: who can open the file, what is encrypted in it, and the MAC.

use super::{
    error::{MetadataFault, SopsError},
    key_group::{ForeignKind, KeyGroup, MasterKey},
    scalar::scalar,
    selector::{Selector, SelectorKind},
    walk::{METADATA_KEY, key_text},
};
use crate::{
    crypto::mac::Coverage,
    document::yaml::tree::{Document, Item, Kind, NodeId, Tree},
};

/// What the `sops` block of a file says.
#[derive(Debug)]
pub struct Metadata {
    /// Who can open the file, in groups; of several, [`Self::threshold`] are needed.
    pub groups: Vec<Vec<KeyEntry>>,
    /// `shamir_threshold`, or `shamir_quorum` as SOPS before 3.1 called it; 0 where there is none.
    pub threshold: usize,
    /// Which values are encrypted.
    pub selector: Selector,
    /// Which values the MAC covers.
    pub coverage: Coverage,
    /// `lastmodified` as SOPS renders what it reads: the additional data of the MAC.
    pub last_modified: String,
    /// The encrypted MAC.
    pub mac: String,
    /// `version`.
    pub version: String,
    /// Where the parts stand that change when the file does.
    pub(super) places: Places,
}

/// One who can open the file.
#[derive(Debug)]
pub struct KeyEntry {
    /// Who.
    pub key: MasterKey,
    /// The data key, or this group's share of it, wrapped for them.
    pub enc: String,
    /// The entry's mapping.
    pub(super) node: NodeId,
    /// The scalar with the wrapped data key.
    pub(super) enc_node: NodeId,
}

/// The nodes that change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub(super) block: NodeId,
    pub(super) last_modified: NodeId,
    pub(super) mac: NodeId,
    pub(super) version: NodeId,
    /// `shamir_threshold`, if it is called so.
    pub(super) threshold: Option<NodeId>,
}

impl Metadata {
    /// Reads the metadata out of the first document; SOPS ignores those of the others.
    ///
    /// # Errors
    /// [`SopsError::NotEncrypted`] without a `sops` key; [`SopsError::Metadata`] with the place.
    ///
    /// # Source
    /// `stores/stores.go` of SOPS 3.13.2.
    pub fn read(tree: &Tree<'_>) -> Result<Self, SopsError> {
        let reader = Reader::new(tree)?;
        let (last_modified_node, last_modified) = reader.required("lastmodified")?;
        let last_modified = normalize_rfc3339(&last_modified)
            .ok_or_else(|| reader.fault(last_modified_node, MetadataFault::Unusable("lastmodified")))?;
        let (mac_node, mac) = reader.required("mac")?;
        let (version_node, version) = reader.version()?;
        if !is_version(&version) {
            return Err(reader.fault(version_node, MetadataFault::Unusable("version")));
        }
        let (threshold_node, threshold) = reader.threshold()?;
        Ok(Self {
            groups: reader.groups()?,
            threshold,
            selector: reader.selector()?,
            coverage: reader.coverage()?,
            last_modified,
            mac,
            version,
            places: Places {
                block: reader.block,
                last_modified: last_modified_node,
                mac: mac_node,
                version: version_node,
                threshold: threshold_node,
            },
        })
    }

    /// Whether `tree` is encrypted: whether its first document has a `sops` key at the top level.
    #[must_use]
    pub fn is_present(tree: &Tree<'_>) -> bool {
        tree.documents().first().is_some_and(|first| find_block(tree, first).is_some())
    }

    /// The groups without what is wrapped.
    #[must_use]
    pub fn key_groups(&self) -> Vec<KeyGroup> {
        self.groups.iter().map(|group| KeyGroup(group.iter().map(|entry| entry.key.clone()).collect())).collect()
    }

    /// All entries of all groups.
    pub fn entries(&self) -> impl Iterator<Item = &KeyEntry> {
        self.groups.iter().flatten()
    }
}

/// The `sops` key of a document and its value.
pub(super) fn find_block(tree: &Tree<'_>, document: &Document) -> Option<(NodeId, NodeId)> {
    let Kind::Mapping(collection) = &tree.resolve(document.root).kind else { return None };
    collection.items.iter().find_map(|item| match *item {
        Item::Entry(key, value) if key_text(tree, key) == METADATA_KEY => Some((key, value)),
        _ => None,
    })
}

pub(super) struct Reader<'a, 't> {
    tree: &'a Tree<'t>,
    pub(super) block: NodeId,
}

impl<'a, 't> Reader<'a, 't> {
    fn fault(&self, node: NodeId, fault: MetadataFault) -> SopsError {
        SopsError::metadata(self.tree.text(), self.tree.node(node).span.start, fault)
    }

    /// The reader of the block of the first document.
    ///
    /// # Errors
    /// As for [`Metadata::read`].
    pub(super) fn new(tree: &'a Tree<'t>) -> Result<Self, SopsError> {
        let first = tree.documents().first().ok_or(SopsError::NotEncrypted)?;
        let (_, block) = find_block(tree, first).ok_or(SopsError::NotEncrypted)?;
        let reader = Self { tree, block };
        reader.check_is_mapping()?;
        Ok(reader)
    }

    fn check_is_mapping(&self) -> Result<(), SopsError> {
        match self.tree.resolve(self.block).kind {
            Kind::Mapping(_) => Ok(()),
            _ => Err(self.fault(self.block, MetadataFault::NotAMapping)),
        }
    }

    pub(super) fn field(&self, of: NodeId, name: &str) -> Option<NodeId> {
        let Kind::Mapping(collection) = &self.tree.resolve(of).kind else { return None };
        collection.items.iter().find_map(|item| match *item {
            Item::Entry(key, value) if key_text(self.tree, key) == name => Some(value),
            _ => None,
        })
    }

    /// The text of a scalar; `None` for null, and for what is no string.
    fn text(&self, node: NodeId) -> Option<String> {
        let meaning = scalar(self.tree, self.tree.resolve(node)).ok()?;
        meaning.as_text().map(str::to_owned)
    }

    fn required(&self, name: &'static str) -> Result<(NodeId, String), SopsError> {
        let node = self.field(self.block, name);
        let node = node.ok_or_else(|| self.fault(self.block, MetadataFault::Missing(name)))?;
        match self.text(node) {
            Some(text) if !text.is_empty() => Ok((node, text)),
            Some(_) => Err(self.fault(node, MetadataFault::Missing(name))),
            None => Err(self.fault(node, MetadataFault::Unusable(name))),
        }
    }

    /// A version without quotes can read as a number; its text counts.
    fn version(&self) -> Result<(NodeId, String), SopsError> {
        const NAME: &str = "version";
        let node = self.field(self.block, NAME);
        let node = node.ok_or_else(|| self.fault(self.block, MetadataFault::Missing(NAME)))?;
        match &self.tree.resolve(node).kind {
            Kind::Scalar { text, .. } if !text.as_str().is_empty() => Ok((node, text.as_str().to_owned())),
            _ => Err(self.fault(node, MetadataFault::Missing(NAME))),
        }
    }

    pub(super) fn threshold(&self) -> Result<(Option<NodeId>, usize), SopsError> {
        let node = self.field(self.block, "shamir_threshold");
        let number = match node {
            Some(node) => self.number(node, "shamir_threshold")?,
            None => self.field(self.block, "shamir_quorum").map_or(Ok(0), |node| self.number(node, "shamir_quorum"))?,
        };
        Ok((node, number))
    }

    fn number(&self, node: NodeId, name: &'static str) -> Result<usize, SopsError> {
        let Kind::Scalar { text, .. } = &self.tree.resolve(node).kind else {
            return Err(self.fault(node, MetadataFault::Unusable(name)));
        };
        text.as_str().parse().map_err(|_number| self.fault(node, MetadataFault::Unusable(name)))
    }

    pub(super) fn coverage(&self) -> Result<Coverage, SopsError> {
        const NAME: &str = "mac_only_encrypted";
        let Some(node) = self.field(self.block, NAME) else { return Ok(Coverage::AllValues) };
        let Kind::Scalar { text, .. } = &self.tree.resolve(node).kind else {
            return Err(self.fault(node, MetadataFault::Unusable(NAME)));
        };
        match text.as_str() {
            "true" | "True" | "TRUE" => Ok(Coverage::OnlyEncrypted),
            "false" | "False" | "FALSE" | "" | "null" | "~" => Ok(Coverage::AllValues),
            _ => Err(self.fault(node, MetadataFault::Unusable(NAME))),
        }
    }

    fn selector(&self) -> Result<Selector, SopsError> {
        let Some((kind, pattern, node)) = self.selector_text()? else {
            return Ok(Selector::default_unencrypted_suffix());
        };
        Selector::new(kind, &pattern).map_err(|_cause| self.fault(node, MetadataFault::Selector(kind.field())))
    }

    pub(super) fn selector_text(&self) -> Result<Option<(SelectorKind, String, NodeId)>, SopsError> {
        let mut found: Option<(SelectorKind, String, NodeId)> = None;
        for kind in SelectorKind::ALL {
            let Some(node) = self.field(self.block, kind.field()) else { continue };
            let Some(pattern) = self.text(node).filter(|pattern| !pattern.is_empty()) else { continue };
            if let Some((other, ..)) = found {
                return Err(self.fault(node, MetadataFault::TwoSelectors(other.field(), kind.field())));
            }
            found = Some((kind, pattern, node));
        }
        Ok(found)
    }

    pub(super) fn groups(&self) -> Result<Vec<Vec<KeyEntry>>, SopsError> {
        let flat = self.group(self.block)?;
        let groups = if flat.is_empty() {
            let list = self.field(self.block, "key_groups");
            let nodes = list.map(|list| self.elements(list)).unwrap_or_default();
            nodes.into_iter().map(|node| self.group(node)).collect::<Result<Vec<_>, _>>()?
        } else {
            vec![flat]
        };
        if groups.iter().all(Vec::is_empty) {
            return Err(self.fault(self.block, MetadataFault::NoRecipients));
        }
        Ok(groups)
    }

    fn elements(&self, list: NodeId) -> Vec<NodeId> {
        let Kind::Sequence(collection) = &self.tree.resolve(list).kind else { return Vec::new() };
        let elements = collection.items.iter().filter_map(|item| match *item {
            Item::Element(node) => Some(node),
            _ => None,
        });
        elements.collect()
    }

    /// The entries of one group, in the order in which SOPS reads them.
    fn group(&self, group: NodeId) -> Result<Vec<KeyEntry>, SopsError> {
        let mut entries = Vec::new();
        for kind in ForeignKind::ALL {
            for node in self.list(group, kind.name()) {
                let id = self.foreign_id(kind, node);
                entries.push(self.entry(node, MasterKey::Foreign { kind, id })?);
            }
        }
        for node in self.list(group, "age") {
            let recipient = self.field(node, "recipient").and_then(|recipient| self.text(recipient));
            let recipient = recipient.ok_or_else(|| self.fault(node, MetadataFault::Missing("recipient")))?;
            entries.push(self.entry(node, MasterKey::Age(recipient))?);
        }
        Ok(entries)
    }

    fn list(&self, group: NodeId, name: &str) -> Vec<NodeId> {
        self.field(group, name).map(|list| self.elements(list)).unwrap_or_default()
    }

    fn entry(&self, node: NodeId, key: MasterKey) -> Result<KeyEntry, SopsError> {
        let enc_node = self.field(node, "enc").ok_or_else(|| self.fault(node, MetadataFault::Missing("enc")))?;
        let enc = self.text(enc_node).unwrap_or_default();
        Ok(KeyEntry { key, enc, node, enc_node })
    }

    /// What SOPS tells such keys apart by.
    fn foreign_id(&self, kind: ForeignKind, node: NodeId) -> String {
        let field = |name: &str| self.field(node, name).and_then(|node| self.text(node)).unwrap_or_default();
        kind.id_of(field)
    }
}

/// Versions of the Python SOPS begin with `1.`; all others are semantic versions: three numbers without leading zeros,
/// perhaps a pre-release and build behind `-` and `+`.
fn is_version(version: &str) -> bool {
    if version.starts_with("1.") {
        return true;
    }
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    let is_label = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '+' | '.');
    let suffix = version.get(core.len()..).unwrap_or_default();
    core.split('.').count() == 3 && core.split('.').all(is_number) && suffix.len() != 1 && suffix.chars().all(is_label)
}

/// An RFC 3339 time without its fraction, and with `Z` for an offset of nothing: as Go renders what it has read.
fn normalize_rfc3339(text: &str) -> Option<String> {
    let seconds = text.get(..19)?;
    let shape: String =
        seconds.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    if shape != "0000-00-00T00:00:00" {
        return None;
    }
    let number = |from: usize, to: usize| seconds.get(from..to).and_then(|digits| digits.parse::<u32>().ok());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let is_date = (1..=12).contains(&month) && (1..=days_of(month, year)).contains(&day);
    if !is_date || number(11, 13)? > 23 || number(14, 16)? > 59 || number(17, 19)? > 59 {
        return None;
    }
    let rest = text.get(19..)?;
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|character: char| character.is_ascii_digit());
            if offset.len() == fraction.len() {
                return None;
            }
            offset
        }
        None => rest,
    };
    let is_offset = |offset: &str| {
        let shape: String =
            offset.chars().skip(1).map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
        offset.starts_with(['+', '-']) && shape == "00:00"
    };
    match offset {
        "Z" | "+00:00" | "-00:00" => Some(format!("{seconds}Z")),
        _ if is_offset(offset) => Some(format!("{seconds}{offset}")),
        _ => None,
    }
}

const fn days_of(month: u32, year: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_time(text: &str, expected: Option<&str>) {
        assert_eq!(normalize_rfc3339(text).as_deref(), expected);
    }

    #[test]
    fn a_time_is_rendered_as_go_renders_it() {
        check_time("2024-02-29T01:02:03Z", Some("2024-02-29T01:02:03Z"));
        check_time("2024-02-29T01:02:03.123456Z", Some("2024-02-29T01:02:03Z"));
        check_time("2024-02-29T01:02:03+02:00", Some("2024-02-29T01:02:03+02:00"));
        check_time("2024-02-29T01:02:03+00:00", Some("2024-02-29T01:02:03Z"));
        check_time("2023-02-29T01:02:03Z", None);
        check_time("2024-02-29 01:02:03Z", None);
        check_time("2024-02-29T24:02:03Z", None);
        check_time("2024-02-29T01:02:03", None);
        check_time("2024-02-29T01:02:03.Z", None);
        check_time("yesterday", None);
    }
}
