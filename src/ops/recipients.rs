//! Whom a data key is wrapped for: out of a rule, out of a file, and with the names that people know them by.

use super::error::{Naming, OpError};
use crate::{
    base::{secret::DataKey, span::LineColumn},
    keys::Recipient,
    sops::key_group::MasterKey,
};

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

/// The recipients of a key group, each once. `place` tells where one stands, if `naming` is not enough.
///
/// # Errors
/// [`OpError`] for foreign keys, for what is no recipient.
pub(super) fn parse_group(
    keys: &[MasterKey],
    naming: impl Fn() -> Naming,
    place: impl Fn(&str) -> Option<LineColumn>,
) -> Result<Vec<Recipient>, OpError> {
    refuse_foreign(keys, &naming)?;
    let mut recipients: Vec<Recipient> = Vec::new();
    for id in keys.iter().map(MasterKey::id) {
        let recipient = Recipient::parse(id);
        let recipient =
            recipient.map_err(|fault| OpError::NamedRecipient { naming: naming(), place: place(id), fault })?;
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    Ok(recipients)
}
