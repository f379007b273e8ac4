//! Whether the entries of a file belong to whom they name, as far as the identities at hand can tell.
//!
//! SOPS authenticates nothing of the list of recipients: it tries every entry with every identity.

use super::{
    Opening,
    block::{block_offset, recipient_offset},
    finding::Findings,
    rule::Rule,
};
use crate::{
    crypto::shamir::{Share, THRESHOLD_MIN, combine},
    document::yaml::tree::Tree,
    keys::{AgeEntry, Owned},
    sops::{key_group::MasterKey, metadata::Metadata},
};

const OTHER_KEY: &str = "an entry that holds another data key than the file's";
const OTHER_SHARE: &str = "an entry that holds another share than one before it in its key group";

/// Reports entries that their own recipient's identity does not open to the file's data key, or to the share that the
/// others of its group hold; shares that do not belong together; and a file that opens although it names none of the
/// recipients whose identities are at hand.
pub(super) fn check_owners(tree: &Tree<'_>, metadata: &Metadata, opening: Opening<'_>, findings: &mut Findings) {
    if opening.identities.recipients().is_empty() {
        return;
    }
    let is_split = metadata.groups.len() > 1;
    let mut names_us = false;
    let mut shares: Vec<Share> = Vec::new();
    for group in &metadata.groups {
        let mut held = (!is_split).then(|| Share::new(opening.key.expose().to_vec()));
        for entry in group {
            let MasterKey::Age(recipient) = &entry.key else { continue };
            let fault = match opening.identities.open_own(AgeEntry { recipient, enc: &entry.enc }) {
                Owned::Absent => continue,
                Owned::Unasked => None,
                Owned::Opened(secret) => {
                    let is_same = held.get_or_insert_with(|| secret.clone()) == &secret;
                    (!is_same).then_some(if is_split { OTHER_SHARE } else { OTHER_KEY })
                }
                Owned::Refused => Some("an entry that its own recipient's identity does not open"),
            };
            names_us = true;
            if let Some(fault) = fault {
                findings.push(Rule::RecipientMismatch, recipient_offset(tree, entry), fault);
            }
        }
        shares.extend(held);
    }
    if is_split && !belong_together(&shares, metadata, opening) {
        let message = "the shares of the key groups at hand do not all belong to the file's data key";
        findings.push(Rule::RecipientMismatch, block_offset(tree), message);
    }
    if !names_us {
        let message = "the file opens, although it names none of the recipients of the identities at hand";
        findings.push(Rule::RecipientMismatch, block_offset(tree), message);
    }
}

/// Whether `shares` make the data key, as any do that are enough.
fn belong_together(shares: &[Share], metadata: &Metadata, opening: Opening<'_>) -> bool {
    let is_enough = shares.len() >= metadata.threshold.max(THRESHOLD_MIN);
    !is_enough || combine(shares).is_ok_and(|key| key.as_slice() == opening.key.expose())
}
