//! `rotate`: a new data key for a file, every value encrypted anew, for those whom the policy names.

use std::path::Path;

use super::{
    encrypt::now,
    error::{Naming, OpError},
    note::Note,
    recipients::{generate_data_key, one_group, recipients_of_rule, refuse_foreign, wrap_all},
    session::Session,
};
use crate::{
    keys::Recipient,
    sops::{file::SopsFile, key_group::MasterKey, metadata::Metadata},
};

/// What is asked for beyond what the policy says.
#[derive(Debug, Default)]
pub struct RotateWishes {
    /// Recipients that the file gets: `--add-age`.
    pub add: Vec<Recipient>,
    /// Recipients that the file loses, as they are written in it: `--rm-age`.
    pub remove: Vec<String>,
    /// What happens to recipients that only the file names.
    pub unknown: UnknownRecipients,
}

/// What happens to recipients that the file names and its rule does not. SOPS does not authenticate the list of a file:
/// who can write to it can put a recipient of his own there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownRecipients {
    /// They stop the rotation.
    #[default]
    Refuse,
    /// The new data key is wrapped for them too: `--keep-recipients`.
    Keep,
}

/// Gives `text`, the file called `name`, a new data key. Every byte stays that is neither a ciphertext nor metadata.
///
/// Without a rule for the file its own recipients stay, which is noted.
///
/// # Errors
/// [`OpError`].
pub fn rotate(session: &Session, name: &Path, text: &str, wishes: &RotateWishes) -> Result<String, OpError> {
    let file = SopsFile::read(text)?;
    let recipients = plan_recipients(session, name, &file.metadata, wishes)?;
    let old_key = session.open(name, &file)?;
    let new_key = generate_data_key()?;
    let wrapped = wrap_all(&recipients, &new_key, session.asker())?;
    Ok(file.rotate(&old_key, &new_key, &wrapped, &now())?)
}

/// Whom the new data key is for: those of the rule, those that are kept, those that are added. In the file, those that
/// were there keep their places.
fn plan_recipients(
    session: &Session,
    name: &Path,
    metadata: &Metadata,
    wishes: &RotateWishes,
) -> Result<Vec<Recipient>, OpError> {
    let group = one_group(metadata)?;
    refuse_foreign(group.iter().map(|entry| &entry.key), || Naming::File)?;
    let own: Vec<&str> = group.iter().map(|entry| entry.key.id()).collect();
    let named = |ids: &[&str]| {
        let keys: Vec<MasterKey> = ids.iter().map(|id| MasterKey::Age((*id).to_owned())).collect();
        session.named(name, &keys)
    };
    let shown = |id: &str| named(&[id]).iter().map(ToString::to_string).collect();
    if let Some(id) = wishes.add.iter().map(Recipient::as_str).find(|id| own.contains(id)) {
        return Err(OpError::RecipientPresent(shown(id)));
    }
    if let Some(id) = wishes.remove.iter().map(String::as_str).find(|id| !own.contains(id)) {
        return Err(OpError::RecipientAbsent(shown(id)));
    }
    let is_removed = |id: &str| wishes.remove.iter().any(|removed| removed == id);
    let applied = session.rule_for(name)?;
    let mut planned: Vec<Recipient> = Vec::new();
    if applied.rule().is_some() {
        planned = recipients_of_rule(&applied)?;
    } else {
        session.notes().add(Note::OwnRecipients { path: name.to_owned() });
    }
    let is_planned = |id: &str| planned.iter().any(|recipient| recipient.as_str() == id);
    let unknown: Vec<&str> = own.iter().copied().filter(|id| !is_planned(id) && !is_removed(id)).collect();
    if applied.rule().is_some() && wishes.unknown == UnknownRecipients::Refuse && !unknown.is_empty() {
        return Err(OpError::UnknownRecipients(named(&unknown)));
    }
    planned.retain(|recipient| !is_removed(recipient.as_str()));
    let of_file = |fault| OpError::NamedRecipient { naming: Naming::File, place: None, fault };
    let kept = unknown.into_iter().map(Recipient::parse).collect::<Result<Vec<_>, _>>().map_err(of_file)?;
    for recipient in kept.into_iter().chain(wishes.add.iter().cloned()) {
        if !planned.contains(&recipient) {
            planned.push(recipient);
        }
    }
    if planned.is_empty() { Err(OpError::NobodyLeft) } else { Ok(planned) }
}
