//! Whom a data key is wrapped for: out of a rule, out of a file, and with the names that people know them by.

use super::{
    error::{Naming, OpError},
    policies::Applied,
};
use crate::{
    base::{secret::DataKey, span::LineColumn},
    keys::{Asker, Recipient},
    sops::{
        block::WrappedKeys,
        key_group::MasterKey,
        metadata::{KeyEntry, Metadata},
    },
};

/// The entries of a file that has one key group.
pub(super) fn one_group(metadata: &Metadata) -> Result<&[KeyEntry], OpError> {
    match metadata.groups.as_slice() {
        [] => Err(OpError::NoRecipient(Naming::File)),
        [group] => Ok(group),
        groups => Err(OpError::SeveralGroups { naming: Naming::File, groups: groups.len() }),
    }
}

/// The recipients of the rule that applies.
///
/// # Errors
/// [`OpError`] for no rule, for several groups, for foreign keys, for what is no recipient.
pub(super) fn recipients_of_rule(applied: &Applied) -> Result<Vec<Recipient>, OpError> {
    let (Some(policy), Some(rule)) = (applied.policy(), applied.rule()) else { return Err(applied.missing()) };
    let naming = || Naming::Rule { number: rule.index + 1, policy: policy.path().to_owned() };
    match rule.key_groups.as_slice() {
        [group] => parse_all(&group.0, naming, |id| rule.place_of(id)),
        [] => Err(OpError::NoRecipient(naming())),
        groups => Err(OpError::SeveralGroups { naming: naming(), groups: groups.len() }),
    }
}

/// Takes a list with commas, as `--age` and `SOPS_AGE_RECIPIENTS` have it; each recipient counts once.
///
/// # Errors
/// [`OpError::Recipient`] for what is none, be it nothing at all.
pub fn parse_recipients<'t>(lists: impl IntoIterator<Item = &'t str>) -> Result<Vec<Recipient>, OpError> {
    let mut recipients: Vec<Recipient> = Vec::new();
    for text in lists.into_iter().flat_map(|list| list.split(',')) {
        let recipient = Recipient::parse(text)?;
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    Ok(recipients)
}

/// The data key wrapped for each of `recipients`.
///
/// # Errors
/// [`OpError::Wrap`].
pub(super) fn wrap_all(recipients: &[Recipient], key: &DataKey, asker: &Asker) -> Result<WrappedKeys, OpError> {
    let wrap = |recipient: &Recipient| Ok((recipient.as_str().to_owned(), recipient.wrap(key, asker)?));
    recipients.iter().map(wrap).collect()
}

/// A new data key.
///
/// # Errors
/// [`OpError::NoRandomness`].
pub(super) fn generate_data_key() -> Result<DataKey, OpError> {
    DataKey::generate().map_err(|_cause| OpError::NoRandomness)
}

/// Refuses keys that are not age's.
///
/// # Errors
/// [`OpError::ForeignKey`] for the first.
pub(super) fn refuse_foreign<'k>(
    keys: impl IntoIterator<Item = &'k MasterKey>,
    naming: impl Fn() -> Naming,
) -> Result<(), OpError> {
    keys.into_iter().try_for_each(|key| match key {
        MasterKey::Age(_) => Ok(()),
        MasterKey::Foreign { kind, id } => Err(OpError::ForeignKey { naming: naming(), kind: *kind, id: id.clone() }),
    })
}

fn parse_all<'k>(
    keys: impl IntoIterator<Item = &'k MasterKey>,
    naming: impl Fn() -> Naming,
    place: impl Fn(&str) -> Option<LineColumn>,
) -> Result<Vec<Recipient>, OpError> {
    let parse = |key: &MasterKey| match key {
        MasterKey::Age(text) => Recipient::parse(text).map_err(|fault| OpError::NamedRecipient {
            naming: naming(),
            place: place(text),
            fault,
        }),
        MasterKey::Foreign { kind, id } => Err(OpError::ForeignKey { naming: naming(), kind: *kind, id: id.clone() }),
    };
    let mut recipients: Vec<Recipient> = Vec::new();
    for recipient in keys.into_iter().map(parse) {
        let recipient = recipient?;
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    if recipients.is_empty() { Err(OpError::NoRecipient(naming())) } else { Ok(recipients) }
}
