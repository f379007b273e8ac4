//! A data key put together from what the key groups of a file hold.

use super::{
    error::OpError,
    group::{GroupOutcome, GroupState, TooFewGroups},
    named::Named,
};
use crate::{
    base::secret::DataKey,
    crypto::shamir::{SHARES_LIMIT, Share, ShareError, THRESHOLD_MIN, combine},
    keys::{AgeEntry, Identities, NoIdentity, OpenedGroups},
    sops::{file::SopsFile, key_group::MasterKey, metadata::KeyEntry},
};

/// The age entries of a group.
pub(super) fn age_entries(group: &[KeyEntry]) -> Vec<AgeEntry<'_>> {
    let entries = group.iter().filter_map(|entry| match &entry.key {
        MasterKey::Age(recipient) => Some(AgeEntry { recipient, enc: &entry.enc }),
        MasterKey::Foreign { .. } => None,
    });
    entries.collect()
}

/// Puts the data key of `file`, which has several key groups, together. `named` tells whom a group is for, `tell` who is among
/// what was tried.
///
/// The threshold is not authenticated: where as many shares as it says give a key that does not fit, those that the
/// identities at hand open besides are put to them, as SOPS does with all that it opens.
///
/// # Errors
/// [`OpError::TooFewGroups`], [`OpError::Shares`].
pub(super) fn open_groups(
    identities: &Identities,
    file: &SopsFile<'_>,
    named: impl Fn(&[KeyEntry]) -> Vec<Named>,
    tell: impl FnOnce(NoIdentity) -> NoIdentity,
) -> Result<DataKey, OpError> {
    let groups = &file.metadata.groups;
    if groups.len() > SHARES_LIMIT {
        return Err(OpError::Shares(ShareError::Count(groups.len())));
    }
    let entries: Vec<Vec<AgeEntry<'_>>> = groups.iter().map(|group| age_entries(group)).collect();
    let entries: Vec<&[AgeEntry<'_>]> = entries.iter().map(Vec::as_slice).collect();
    let openable = entries.iter().filter(|group| !group.is_empty()).count();
    let needed = file.metadata.threshold.max(THRESHOLD_MIN);
    let opened = if openable < needed {
        // Nobody is asked for a passphrase in vain.
        OpenedGroups { secrets: identities.open_at_hand(&entries), missing: None }
    } else {
        // Without a threshold any share may be one of those that are needed.
        identities.open_groups(&entries, if file.metadata.threshold == 0 { openable } else { needed })
    };
    let is_open = |share: &&Option<Share>| share.is_some();
    if opened.secrets.iter().filter(is_open).count() < needed {
        let outcomes = groups.iter().zip(&opened.secrets);
        let groups = outcomes.map(|(group, share)| outcome(group, share.as_ref(), named(group))).collect();
        let tried = opened.missing.map(tell);
        return Err(OpError::TooFewGroups(Box::new(TooFewGroups { needed, groups, tried })));
    }
    let key = put_together(opened.secrets.into_iter().flatten().collect())?;
    if file.fits(&key) {
        return Ok(key);
    }
    let all = put_together(identities.open_at_hand(&entries).into_iter().flatten().collect());
    Ok(all.ok().filter(|all| file.fits(all)).unwrap_or(key))
}

fn put_together(shares: Vec<Share>) -> Result<DataKey, OpError> {
    let key = combine(&shares).map_err(OpError::Shares)?;
    DataKey::from_bytes(key).ok_or(OpError::Shares(ShareError::Length))
}

fn outcome(group: &[KeyEntry], share: Option<&Share>, recipients: Vec<Named>) -> GroupOutcome {
    let state = match share {
        Some(_) => GroupState::Opened,
        None if group.is_empty() => GroupState::Empty,
        None if age_entries(group).is_empty() => GroupState::Foreign,
        None => GroupState::Closed,
    };
    GroupOutcome { recipients, state }
}
