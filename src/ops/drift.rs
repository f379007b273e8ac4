//! A file against the rule for it, told without a key: what differs, and how much has to change for it.

use serde::Serialize;

use super::{named::Named, rotate::pair_groups, session::Applied};
use crate::{
    base::span::LineColumn,
    crypto::mac::Coverage,
    policy::{CreationRule, Policy},
    sops::{
        key_group::{KeyGroup, MasterKey},
        terms::{TermPlaces, Terms},
    },
};

/// One difference between a file and its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What differs.
    pub kind: DriftKind,
    /// Where in the file; `None` for what is not YAML.
    pub place: Option<LineColumn>,
    /// Where in the policy.
    pub rule_place: LineColumn,
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriftKind {
    /// The rule names a key that the file is not for.
    Missing(Member),
    /// The file is for a key that the rule does not name.
    Extra(Member),
    /// The file is for a key that the policy names nowhere: nobody who decides knows it.
    Unknown(Member),
    /// Other key groups.
    Groups {
        /// How many the file has.
        file: usize,
        /// How many the rule has.
        rule: usize,
    },
    /// Another number of groups is needed.
    Threshold {
        /// As the file says.
        file: usize,
        /// As the rule says.
        rule: usize,
    },
    /// Other values are encrypted.
    Selector {
        /// As the file says.
        file: String,
        /// As the rule says.
        rule: String,
    },
    /// The MAC covers other values.
    Coverage {
        /// As the rule says; the file says the opposite.
        only_encrypted: bool,
    },
}

/// A key in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The key.
    pub key: MasterKey,
    /// The key with its names.
    pub named: Named,
}

/// What has to be done about the keys of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyWork {
    /// Nothing.
    None,
    /// The data key is wrapped for those who come.
    Wrap,
    /// The data key is split anew for all.
    Share,
    /// A new data key for all, and new ciphertext of every value.
    Renew,
}

/// How a file differs from its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drifts {
    /// The differences.
    pub all: Vec<Drift>,
    /// What has to be done about its keys.
    pub keys: KeyWork,
}

impl Drifts {
    /// None.
    #[must_use]
    pub const fn none() -> Self {
        Self { all: Vec::new(), keys: KeyWork::None }
    }

    /// Whether other values are encrypted, or covered by the MAC, than the rule says.
    #[must_use]
    pub fn has_settings(&self) -> bool {
        self.all.iter().any(|drift| drift.kind.is_setting())
    }
}

impl DriftKind {
    /// Its name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing-recipient",
            Self::Extra(_) => "extra-recipient",
            Self::Unknown(_) => "unknown-recipient",
            Self::Groups { .. } => "key-groups",
            Self::Threshold { .. } => "threshold",
            Self::Selector { .. } => "selector",
            Self::Coverage { .. } => "mac-coverage",
        }
    }

    /// Whether it is about values and not about keys.
    #[must_use]
    pub const fn is_setting(&self) -> bool {
        matches!(self, Self::Selector { .. } | Self::Coverage { .. })
    }

    /// The key that it is about.
    #[must_use]
    pub const fn member(&self) -> Option<&Member> {
        match self {
            Self::Missing(member) | Self::Extra(member) | Self::Unknown(member) => Some(member),
            _ => None,
        }
    }

    /// The difference in words, with keys as `shown` has them.
    pub fn describe(&self, shown: impl Fn(&Named) -> String) -> String {
        match self {
            Self::Missing(member) => format!("the file is not for {}, whom the rule names", shown(&member.named)),
            Self::Extra(member) => format!("the file is for {}, whom the rule does not name", shown(&member.named)),
            Self::Unknown(member) => {
                let member = shown(&member.named);
                format!("the file is for {member}, whom the policy names nowhere: who put it there?")
            }
            Self::Groups { file, rule } => {
                format!("the file has {file} and the rule {rule} key group{}", plural(*rule))
            }
            Self::Threshold { file, rule } => {
                format!("{file} key group{} open the file, and {rule} by the rule", plural(*file))
            }
            Self::Selector { file, rule } => format!("the file has `{file}`, and the rule `{rule}`"),
            Self::Coverage { only_encrypted: true } => {
                "the MAC covers all values, and by the rule encrypted ones only".to_owned()
            }
            Self::Coverage { only_encrypted: false } => {
                "the MAC covers encrypted values only, and by the rule all".to_owned()
            }
        }
    }
}

impl std::fmt::Display for DriftKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.describe(Named::to_string))
    }
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// What differs between `terms`, out of `text`, and the rule that applies; nothing without one.
#[must_use]
pub fn find_drifts(text: &str, terms: &Terms, applied: &Applied) -> Drifts {
    match (applied.policy(), applied.rule()) {
        (Some(policy), Some(rule)) => Comparison { text, terms, policy, rule, all: Vec::new() }.compare(),
        _ => Drifts::none(),
    }
}

struct Comparison<'a> {
    text: &'a str,
    terms: &'a Terms,
    policy: &'a Policy,
    rule: &'a CreationRule,
    all: Vec<Drift>,
}

impl Comparison<'_> {
    fn compare(mut self) -> Drifts {
        let is_spelt_alike = self.terms.groups == self.rule.key_groups && self.terms.threshold == self.rule.threshold();
        let keys = if is_spelt_alike { KeyWork::None } else { self.compare_keys() };
        self.push_settings();
        Drifts { all: self.all, keys }
    }

    fn compare_keys(&mut self) -> KeyWork {
        let threshold = self.terms.threshold;
        let own: Vec<KeyGroup> = self.terms.groups.iter().map(KeyGroup::plain).collect();
        let ruled: Vec<KeyGroup> = self.rule.key_groups.iter().map(KeyGroup::plain).collect();
        if own.len() != ruled.len() {
            let kind = DriftKind::Groups { file: own.len(), rule: ruled.len() };
            self.push(kind, |places| Some(places.block), self.rule.place);
        }
        let pairs = (own.len() <= ruled.len()).then(|| pair_groups(&own, &ruled));
        let is_extra = self.push_extra((&own, &ruled), pairs.as_deref());
        let is_missing = self.push_missing((&own, &ruled), pairs.as_deref());
        let by_rule = self.rule.threshold();
        if threshold != by_rule {
            let kind = DriftKind::Threshold { file: threshold, rule: by_rule };
            self.push(kind, |places| Some(places.threshold), self.rule.place);
        }
        // Who could open the file before and cannot by the rule knows its data key.
        let is_narrower = is_extra || by_rule > threshold || (own.len() > ruled.len() && ruled.len() > 1);
        match () {
            () if is_narrower => KeyWork::Renew,
            () if own.len() != ruled.len() || by_rule != threshold => KeyWork::Share,
            () if is_missing && own.len() > 1 => KeyWork::Share,
            () if is_missing => KeyWork::Wrap,
            () => KeyWork::None,
        }
    }

    /// Those of the file who are not in the group of the rule that theirs is.
    fn push_extra(&mut self, (own, ruled): (&[KeyGroup], &[KeyGroup]), pairs: Option<&[usize]>) -> bool {
        let before = self.all.len();
        for (index, (group, ids)) in self.terms.groups.iter().zip(own).enumerate() {
            let pair = pairs.and_then(|pairs| pairs.get(index)).and_then(|pair| ruled.get(*pair));
            for (position, (key, id)) in group.0.iter().zip(&ids.0).enumerate() {
                let is_ruled = match pair {
                    Some(pair) => pair.0.contains(id),
                    None => ruled.iter().any(|group| group.0.contains(id)),
                };
                if !is_ruled {
                    let member = self.member(key, index, self.terms.groups.len());
                    let kind = if self.is_known(id) { DriftKind::Extra(member) } else { DriftKind::Unknown(member) };
                    let place = |places: &TermPlaces| places.entries.get(index)?.get(position).copied();
                    self.push(kind, place, self.rule.place);
                }
            }
        }
        self.all.len() > before
    }

    /// Those of the rule who are not in the group of the file that theirs is.
    fn push_missing(&mut self, (own, ruled): (&[KeyGroup], &[KeyGroup]), pairs: Option<&[usize]>) -> bool {
        let before = self.all.len();
        for (index, group) in self.rule.key_groups.iter().enumerate() {
            for (key, id) in group.0.iter().zip(ruled.get(index).map(|group| &group.0).into_iter().flatten()) {
                let is_there = match pairs {
                    Some(pairs) => {
                        let pair = pairs.iter().position(|pair| *pair == index).and_then(|at| own.get(at));
                        pair.is_some_and(|pair| pair.0.contains(id))
                    }
                    None => own.iter().any(|group| group.0.contains(id)),
                };
                if !is_there {
                    let member = self.member(key, index, self.rule.key_groups.len());
                    let place = self.rule.place_of(key.id()).unwrap_or(self.rule.place);
                    self.push(DriftKind::Missing(member), |places| Some(places.block), place);
                }
            }
        }
        self.all.len() > before
    }

    fn push_settings(&mut self) {
        let (kind, pattern) = self.rule.selector_or_default();
        let place = self.rule.selector.as_ref().map_or(self.rule.place, |selector| selector.place);
        let (own_kind, own_pattern) = &self.terms.selector;
        if (*own_kind, own_pattern.as_str()) != (kind, pattern) {
            let kind =
                DriftKind::Selector { file: format!("{own_kind}: {own_pattern}"), rule: format!("{kind}: {pattern}") };
            self.push(kind, |places| Some(places.selector), place);
        }
        let only_encrypted = self.rule.mac_only_encrypted;
        if (self.terms.coverage == Coverage::OnlyEncrypted) != only_encrypted {
            self.push(DriftKind::Coverage { only_encrypted }, |places| Some(places.coverage), self.rule.place);
        }
    }

    fn member(&self, key: &MasterKey, index: usize, groups: usize) -> Member {
        let named = Named::new(key, Some(self.policy));
        Member { key: key.clone(), named: if groups > 1 { named.in_group(index + 1) } else { named } }
    }

    /// Whether the policy names `id`, which is plain, anywhere.
    fn is_known(&self, id: &MasterKey) -> bool {
        !self.policy.names_of(id.id()).is_empty()
            || self
                .policy
                .rules()
                .iter()
                .flat_map(|rule| &rule.key_groups)
                .any(|group| group.0.iter().any(|key| key.is_same(id)))
    }

    fn push(&mut self, kind: DriftKind, place: impl Fn(&TermPlaces) -> Option<usize>, rule_place: LineColumn) {
        let offset = self.terms.places.as_ref().and_then(place);
        let place = offset.map(|offset| LineColumn::of(self.text, offset));
        self.all.push(Drift { kind, place, rule_place });
    }
}
