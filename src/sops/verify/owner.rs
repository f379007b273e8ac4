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
    document::yaml::tree::Tree,
    keys::{AgeEntry, Owned},
    sops::{key_group::MasterKey, metadata::Metadata},
};

/// Reports entries that their own recipient's identity does not open to the file's data key, and a file that opens
/// although it names none of the recipients whose identities are at hand.
pub(super) fn check_owners(tree: &Tree<'_>, metadata: &Metadata, opening: Opening<'_>, findings: &mut Findings) {
    if metadata.groups.len() > 1 || opening.identities.recipients().is_empty() {
        return;
    }
    let mut names_us = false;
    for entry in metadata.entries() {
        let MasterKey::Age(recipient) = &entry.key else { continue };
        let fault = match opening.identities.open_own(AgeEntry { recipient, enc: &entry.enc }) {
            Owned::Absent => continue,
            Owned::Unasked => None,
            Owned::Opened(key) if key.expose() == opening.key.expose() => None,
            Owned::Opened(_) => Some("an entry that holds another data key than the file's"),
            Owned::Refused => Some("an entry that its own recipient's identity does not open"),
        };
        names_us = true;
        if let Some(fault) = fault {
            findings.push(Rule::RecipientMismatch, recipient_offset(tree, entry), fault);
        }
    }
    if !names_us {
        let message = "the file opens, although it names none of the recipients of the identities at hand";
        findings.push(Rule::RecipientMismatch, block_offset(tree), message);
    }
}
