//! One creation rule: which files it is for, whom they are encrypted for, and which of their values.

use std::{path::Path, sync::OnceLock};

use super::{
    error::{PolicyError, PolicyErrorKind},
    keys::{self, FlatFields, PlacedKey},
    node::Node,
    reader::Reader,
    warning::{PolicyWarning, PolicyWarningKind},
};
use crate::{
    base::{
        go_regex::{GoRegex, GoRegexError},
        span::LineColumn,
    },
    sops::{
        key_group::KeyGroup,
        selector::{DEFAULT_UNENCRYPTED_SUFFIX, Selector, SelectorError, SelectorKind},
    },
};

const FIELDS: &[&str] = &[
    "path_regex",
    "age",
    "pgp",
    "kms",
    "aws_profile",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault_transit_uri",
    "key_groups",
    "shamir_threshold",
    "mac_only_encrypted",
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];

/// An expression of the policy, compiled when it is first asked for.
#[derive(Debug, Clone)]
pub struct PathRegex {
    /// Where it stands.
    pub place: LineColumn,
    pattern: String,
    compiled: OnceLock<Result<GoRegex, GoRegexError>>,
}

impl PathRegex {
    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// The expression, compiled.
    ///
    /// # Errors
    /// Go's dialect refuses it.
    pub fn compiled(&self) -> Result<&GoRegex, &GoRegexError> {
        self.compiled.get_or_init(|| GoRegex::parse(&self.pattern)).as_ref()
    }
}

/// The selector that a rule names, compiled when it is first asked for.
#[derive(Debug, Clone)]
pub struct RuleSelector {
    /// Where its text stands.
    pub place: LineColumn,
    /// Its kind.
    pub kind: SelectorKind,
    pattern: String,
    compiled: OnceLock<Result<Selector, SelectorError>>,
}

impl RuleSelector {
    /// The suffix or expression as it was written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The selector, compiled.
    ///
    /// # Errors
    /// Its expression is refused by Go's dialect.
    pub fn compiled(&self) -> Result<&Selector, &SelectorError> {
        self.compiled.get_or_init(|| Selector::new(self.kind, &self.pattern)).as_ref()
    }
}

/// A creation rule.
#[derive(Debug, Clone)]
pub struct CreationRule {
    /// Its position among the rules, from 0.
    pub index: usize,
    /// Where it begins.
    pub place: LineColumn,
    /// Which paths it is for; `None` for all.
    pub path_regex: Option<PathRegex>,
    /// Whom its files are encrypted for: one group, or several that each hold a share of the data key.
    pub key_groups: Vec<KeyGroup>,
    /// Where each key stands.
    key_places: Vec<(String, LineColumn)>,
    /// How many groups are needed to decrypt, if it says so; of one group always one.
    pub shamir_threshold: Option<usize>,
    /// Which values are encrypted; `None` for the default, [`Selector::default_unencrypted_suffix`].
    pub selector: Option<RuleSelector>,
    /// Whether the MAC covers encrypted values only.
    pub mac_only_encrypted: bool,
    /// What stops every file that the rule applies to.
    pub(super) problem: Option<PolicyError>,
}

impl CreationRule {
    /// Where the rule names the key `id` first.
    #[must_use]
    pub fn place_of(&self, id: &str) -> Option<LineColumn> {
        self.key_places.iter().find(|(known, _)| known == id).map(|(_, place)| *place)
    }

    /// The kind and text of its selector, or of the one that SOPS uses where there is none.
    #[must_use]
    pub fn selector_or_default(&self) -> (SelectorKind, &str) {
        self.selector
            .as_ref()
            .map_or((SelectorKind::UnencryptedSuffix, DEFAULT_UNENCRYPTED_SUFFIX), |own| (own.kind, own.pattern()))
    }

    /// How many groups are needed to decrypt.
    #[must_use]
    pub fn threshold(&self) -> usize {
        match self.key_groups.len() {
            groups @ (0 | 1) => groups,
            groups => self.shamir_threshold.unwrap_or(groups),
        }
    }

    /// Whether the rule and `other` encrypt alike: for the same keys, with the same selector and settings.
    #[must_use]
    pub fn encrypts_like(&self, other: &Self) -> bool {
        let selector = |rule: &Self| rule.selector.as_ref().map(|one| (one.kind, one.pattern.clone()));
        self.key_groups == other.key_groups
            && self.threshold() == other.threshold()
            && self.mac_only_encrypted == other.mac_only_encrypted
            && selector(self) == selector(other)
    }

    pub(super) fn path_error(&self, path: &Path, cause: &GoRegexError) -> PolicyError {
        let place = self.path_regex.as_ref().map(|regex| regex.place);
        PolicyError { path: path.to_owned(), place, kind: PolicyErrorKind::PathRegex(cause.clone()) }
    }

    pub(super) fn selector_error(&self, path: &Path, cause: &SelectorError) -> PolicyError {
        let place = self.selector.as_ref().map(|selector| selector.place);
        PolicyError { path: path.to_owned(), place, kind: PolicyErrorKind::Selector(cause.clone()) }
    }

    /// What stops files, found by compiling what was not yet needed.
    pub(super) fn broken(&self, path: &Path) -> Vec<PolicyWarning> {
        let path_error = self.path_regex.as_ref().and_then(|regex| regex.compiled().err());
        let selector_error = self.selector.as_ref().and_then(|selector| selector.compiled().err());
        let errors = [
            self.problem.clone(),
            path_error.map(|cause| self.path_error(path, cause)),
            selector_error.map(|cause| self.selector_error(path, cause)),
        ];
        let warning = |PolicyError { path, place, kind }| {
            let kind = PolicyWarningKind::BrokenRule { rule: self.index, error: kind };
            PolicyWarning { path, place, kind }
        };
        errors.into_iter().flatten().map(warning).collect()
    }
}

/// Reads the rule at position `index`.
pub(super) fn parse(reader: &mut Reader<'_>, node: &Node, index: usize) -> Result<CreationRule, PolicyError> {
    let mut rule = CreationRule {
        index,
        place: reader.place(node.used_at),
        path_regex: None,
        key_groups: Vec::new(),
        key_places: Vec::new(),
        shamir_threshold: None,
        selector: None,
        mac_only_encrypted: false,
        problem: None,
    };
    let mut flat = FlatFields::default();
    let mut groups = Vec::new();
    let mut threshold = None;
    for (key, value) in reader.map(node, "creation_rules")? {
        match key.name.as_str() {
            "path_regex" => rule.path_regex = path_regex(reader, value)?,
            "age" => flat.age = Some(value),
            "pgp" => flat.pgp = Some(value),
            "kms" => flat.kms = Some(value),
            "aws_profile" => flat.aws_profile = reader.text(value, "aws_profile")?,
            "gcp_kms" => flat.gcp_kms = Some(value),
            "hckms" => flat.hckms = keys::flat_hckms(reader, value)?,
            "azure_keyvault" => flat.azure_keyvault = Some(value),
            "hc_vault_transit_uri" => flat.hc_vault_transit_uri = Some(value),
            "key_groups" => groups = reader.list(value, "key_groups")?,
            "shamir_threshold" => {
                threshold = reader.integer(value, "shamir_threshold")?.map(|number| (number, value));
            }
            "mac_only_encrypted" => {
                rule.mac_only_encrypted = reader.truth(value, "mac_only_encrypted")?;
            }
            name => match SelectorKind::ALL.into_iter().find(|kind| kind.field() == name) {
                Some(kind) => add_selector(reader, &mut rule, kind, value)?,
                None => reader.warn_unknown(key, FIELDS),
            },
        }
    }
    add_keys(reader, &mut rule, flat, &groups)?;
    if let Some((number, value)) = threshold {
        add_threshold(reader, &mut rule, number, value);
    }
    note_doubts(reader, &rule, node);
    Ok(rule)
}

fn path_regex(reader: &Reader<'_>, node: &Node) -> Result<Option<PathRegex>, PolicyError> {
    let pattern = reader.text(node, "path_regex")?;
    if pattern.is_empty() {
        return Ok(None);
    }
    let place = reader.place(node.used_at);
    Ok(Some(PathRegex { place, pattern, compiled: OnceLock::new() }))
}

fn add_selector(
    reader: &Reader<'_>,
    rule: &mut CreationRule,
    kind: SelectorKind,
    node: &Node,
) -> Result<(), PolicyError> {
    let pattern = reader.text(node, kind.field())?;
    if pattern.is_empty() {
        return Ok(());
    }
    if let Some(first) = &rule.selector {
        let several = PolicyErrorKind::SeveralSelectors(first.kind, kind);
        rule.problem.get_or_insert(reader.error(node.used_at, several));
        return Ok(());
    }
    let place = reader.place(node.used_at);
    rule.selector = Some(RuleSelector { place, kind, pattern, compiled: OnceLock::new() });
    Ok(())
}

fn add_keys(
    reader: &mut Reader<'_>,
    rule: &mut CreationRule,
    flat: FlatFields<'_>,
    groups: &[&Node],
) -> Result<(), PolicyError> {
    let mut problem = None;
    let mut listed = Vec::new();
    for group in groups {
        listed.push(keys::group_keys(reader, group, &mut problem)?);
    }
    // Groups win over the flat fields, whatever is in them.
    if groups.is_empty() {
        match flat.group(reader) {
            Ok(keys) => listed.push(keys),
            Err(error) => problem = Some(error),
        }
    }
    let placed = listed.iter().flatten().map(PlacedKey::written);
    rule.key_places = placed.map(|(id, at)| (id.to_owned(), reader.place(at))).collect();
    rule.key_groups = keys::deduplicate(reader, rule.index, listed);
    rule.problem = rule.problem.take().or(problem);
    Ok(())
}

/// Zero is the same as none; with one group the threshold means nothing.
fn add_threshold(reader: &Reader<'_>, rule: &mut CreationRule, number: i64, node: &Node) {
    let groups = rule.key_groups.len();
    match usize::try_from(number) {
        Ok(0) => {}
        Ok(threshold) if groups <= 1 || (2..=groups).contains(&threshold) => {
            rule.shamir_threshold = Some(threshold);
        }
        _ if groups <= 1 => {}
        _ => {
            let kind = PolicyErrorKind::Threshold { threshold: number, groups };
            rule.problem.get_or_insert(reader.error(node.used_at, kind));
        }
    }
}

/// Notes what is allowed and likely not meant.
fn note_doubts(reader: &mut Reader<'_>, rule: &CreationRule, node: &Node) {
    let (index, groups) = (rule.index, rule.key_groups.len());
    if rule.problem.is_some() {
        return;
    }
    if groups > 1 && rule.shamir_threshold.is_none() {
        let kind = PolicyWarningKind::ShamirWithoutThreshold { rule: index, groups };
        reader.warn(node.used_at, kind);
    }
    if rule.key_groups.iter().any(|group| group.0.is_empty()) {
        reader.warn(node.used_at, PolicyWarningKind::EmptyGroup { rule: index });
    }
}
