//! What is done to one file: its values by the selector of the rule, then its keys.

use std::path::Path;

use crate::{
    base::secret::DataKey,
    crypto::mac::Coverage,
    keys::Recipient,
    ops::{
        audience::Audience,
        drift::{Drift, DriftKind, Drifts, KeyWork, find_drifts},
        encrypt::now,
        error::{Naming, OpError},
        recipients::{generate_data_key, parse_group},
        session::{Applied, Session},
    },
    sops::{
        block::{Amendment, KeyChange, Settings},
        file::SopsFile,
        key_group::MasterKey,
        selector::Selector,
        terms::Terms,
    },
};

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct SyncWishes {
    /// Values are encrypted as the rule says too: `--selectors`.
    pub selectors: bool,
    /// Who is removed does not bring a new data key: `--keep-data-key`.
    pub keep_data_key: bool,
}

/// Makes of `text`, the file called `name`, what its rule says. Gives it back as it is where there is nothing to be done.
///
/// # Errors
/// [`OpError`].
pub fn sync(session: &Session, name: &Path, text: &str, wishes: SyncWishes) -> Result<String, OpError> {
    let applied = session.rule_for(name)?;
    let work = Work { session, applied: &applied, wishes };
    let drifts = work.drifts(text)?;
    let has_settings = wishes.selectors && drifts.has_settings();
    if drifts.keys == KeyWork::None && !has_settings {
        return Ok(text.to_owned());
    }
    let file = SopsFile::read(text)?;
    let key = session.open(name, &file)?;
    let new = if has_settings {
        let reselected = work.reselect(&file, &key)?;
        work.change_keys(&SopsFile::read(&reselected)?, &key, &drifts)?
    } else {
        work.change_keys(&file, &key, &drifts)?
    };
    let left = work.drifts(&new)?;
    if left.keys != KeyWork::None || wishes.selectors && left.has_settings() {
        return Err(OpError::StillDrifted);
    }
    Ok(new)
}

struct Work<'a> {
    session: &'a Session,
    applied: &'a Applied,
    wishes: SyncWishes,
}

impl Work<'_> {
    fn drifts(&self, text: &str) -> Result<Drifts, OpError> {
        Ok(find_drifts(text, &Terms::of_yaml(text)?, self.applied))
    }

    fn reselect(&self, file: &SopsFile<'_>, key: &DataKey) -> Result<String, OpError> {
        let selector = self.applied.selector().cloned().unwrap_or_else(Selector::default_unencrypted_suffix);
        let only_encrypted = self.applied.rule().is_some_and(|rule| rule.mac_only_encrypted);
        let coverage = if only_encrypted { Coverage::OnlyEncrypted } else { Coverage::AllValues };
        let new = file.reselect(key, Settings { selector: &selector, coverage }, &now())?;
        if new.encrypted_values == 0 && new.clear_values > 0 {
            let (kind, pattern) = (selector.kind(), selector.pattern().to_owned());
            return Err(OpError::NothingEncrypted { kind, pattern, clear_values: new.clear_values });
        }
        Ok(new.text)
    }

    fn change_keys(&self, file: &SopsFile<'_>, key: &DataKey, drifts: &Drifts) -> Result<String, OpError> {
        let has_one_group = file.metadata.groups.len() == 1 && self.ruled_groups() == 1;
        match drifts.keys {
            KeyWork::None => Ok(file.tree.text().to_owned()),
            KeyWork::Renew if !self.wishes.keep_data_key => {
                let audience = Audience::of_rule(self.applied)?;
                let new_key = generate_data_key()?;
                let wrapped = audience.wrap(&new_key, self.session.asker())?;
                Ok(file.rotate(key, &new_key, &wrapped, &now())?)
            }
            KeyWork::Wrap | KeyWork::Renew if has_one_group => {
                let amendment = self.amendment(key, drifts)?;
                Ok(file.change_keys(key, KeyChange::Amend(&amendment))?)
            }
            KeyWork::Wrap | KeyWork::Share | KeyWork::Renew => {
                let wrapped = Audience::of_rule(self.applied)?.wrap(key, self.session.asker())?;
                Ok(file.change_keys(key, KeyChange::Replace(&wrapped))?)
            }
        }
    }

    fn ruled_groups(&self) -> usize {
        self.applied.rule().map_or(0, |rule| rule.key_groups.len())
    }

    /// Who comes and who goes, of one group.
    fn amendment(&self, key: &DataKey, drifts: &Drifts) -> Result<Amendment, OpError> {
        let members = |is_missing: bool| {
            let is_such = move |drift: &&Drift| matches!(drift.kind, DriftKind::Missing(_)) == is_missing;
            drifts.all.iter().filter(is_such).filter_map(|drift| drift.kind.member()).map(|member| member.key.clone())
        };
        let (Some(policy), Some(rule)) = (self.applied.policy(), self.applied.rule()) else {
            return Err(self.applied.missing());
        };
        let naming = || Naming::Rule { number: rule.index + 1, policy: policy.path().to_owned() };
        let new: Vec<MasterKey> = members(true).collect();
        let recipients: Vec<Recipient> = parse_group(&new, naming, |id| rule.place_of(id))?;
        let wrap = |one: &Recipient| Ok((one.as_str().to_owned(), one.wrap(key, self.session.asker())?));
        let added = recipients.iter().map(wrap).collect::<Result<_, OpError>>()?;
        Ok(Amendment { removed: members(false).collect(), added })
    }
}
