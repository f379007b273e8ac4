//! Whom a new data key is for, in key groups: out of a rule, out of a file, out of the command line.

use super::{
    error::{Naming, OpError},
    policies::Applied,
    recipients::parse_group,
};
use crate::{
    base::{secret::DataKey, span::LineColumn},
    crypto::shamir::{SHARES_LIMIT, ShareError, THRESHOLD_MIN, split},
    keys::{Asker, Recipient},
    sops::{
        block::{WrappedGroups, WrappedKeys},
        key_group::{KeyGroup, MasterKey},
        metadata::Metadata,
    },
};

/// Whom a new data key is for.
#[derive(Debug)]
pub(super) struct Audience {
    /// In groups: each of several gets a share.
    pub(super) groups: Vec<Vec<Recipient>>,
    /// How many of several groups are needed.
    pub(super) threshold: usize,
}

impl Audience {
    /// Those who are asked for, or else those of the rule, with the threshold that is asked for, or else theirs.
    ///
    /// # Errors
    /// [`OpError`] for no rule, for foreign keys, for what is no recipient, and for a threshold that cannot be met.
    pub(super) fn new(
        applied: &Applied,
        recipients: Option<&[Recipient]>,
        threshold: Option<usize>,
    ) -> Result<Self, OpError> {
        let mut audience = match recipients {
            Some(recipients) => Self { groups: vec![recipients.to_vec()], threshold: 1 },
            None => Self::of_rule(applied)?,
        };
        audience.threshold = threshold.unwrap_or(audience.threshold);
        audience.checked()
    }

    /// Those of the rule.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub(super) fn of_rule(applied: &Applied) -> Result<Self, OpError> {
        let (Some(policy), Some(rule)) = (applied.policy(), applied.rule()) else { return Err(applied.missing()) };
        let naming = || Naming::Rule { number: rule.index + 1, policy: policy.path().to_owned() };
        Self::of_groups(&rule.key_groups, rule.threshold(), naming, |id| rule.place_of(id))?.checked()
    }

    /// Those whom the file itself names. As SOPS has it, all groups are needed where the file does not say how many.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub(super) fn of_file(metadata: &Metadata) -> Result<Self, OpError> {
        let groups = metadata.key_groups();
        let threshold = if metadata.threshold == 0 { groups.len() } else { metadata.threshold };
        Self::of_groups(&groups, threshold, || Naming::File, |_id| None)?.checked()
    }

    fn of_groups(
        groups: &[KeyGroup],
        threshold: usize,
        naming: impl Fn() -> Naming,
        place: impl Fn(&str) -> Option<LineColumn>,
    ) -> Result<Self, OpError> {
        if groups.iter().all(|group| group.0.is_empty()) {
            return Err(OpError::NoRecipient(naming()));
        }
        let parse = |(index, group): (usize, &KeyGroup)| match group.0.as_slice() {
            [] => Err(OpError::EmptyGroup { naming: naming(), number: index + 1 }),
            keys => parse_group(keys, &naming, &place),
        };
        Ok(Self { groups: groups.iter().enumerate().map(parse).collect::<Result<_, _>>()?, threshold })
    }

    fn checked(self) -> Result<Self, OpError> {
        let Self { groups, threshold } = &self;
        let fits = match groups.len() {
            1 => *threshold <= 1,
            groups => (THRESHOLD_MIN..=groups.min(SHARES_LIMIT)).contains(threshold) && groups <= SHARES_LIMIT,
        };
        if fits { Ok(self) } else { Err(OpError::Threshold { threshold: *threshold, groups: groups.len() }) }
    }

    /// The groups as a file names them.
    pub(super) fn key_groups(&self) -> impl Iterator<Item = KeyGroup> {
        let key = |recipient: &Recipient| MasterKey::Age(recipient.as_str().to_owned());
        self.groups.iter().map(move |group| KeyGroup(group.iter().map(key).collect()))
    }

    /// `key` wrapped for each recipient of one group, or a share of it for those of each of several.
    ///
    /// # Errors
    /// [`OpError::Wrap`], [`OpError::Threshold`], [`OpError::NoRandomness`].
    pub(super) fn wrap(&self, key: &DataKey, asker: &Asker) -> Result<WrappedGroups, OpError> {
        let wrap_all = |(recipients, secret): (&Vec<Recipient>, &[u8])| -> Result<WrappedKeys, OpError> {
            let wrap = |one: &Recipient| Ok((one.as_str().to_owned(), one.wrap_bytes(secret, asker)?));
            recipients.iter().map(wrap).collect()
        };
        if let [recipients] = self.groups.as_slice() {
            return Ok(wrap_all((recipients, key.expose()))?.into());
        }
        let (groups, threshold) = (self.groups.len(), self.threshold);
        let shares = split(key.expose(), groups, threshold).map_err(|error| match error {
            ShareError::NoRandomness => OpError::NoRandomness,
            _ => OpError::Threshold { threshold, groups },
        })?;
        let shares = shares.iter().map(|share| share.as_slice());
        let groups = self.groups.iter().zip(shares).map(wrap_all).collect::<Result<_, _>>()?;
        Ok(WrappedGroups { groups, threshold })
    }
}
