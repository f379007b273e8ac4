//! `rotate`: a new data key for a file, every value encrypted anew, for those whom the policy names.

use std::{cmp::Reverse, collections::HashMap, path::Path};

use super::{
    audience::Audience,
    encrypt::now,
    error::{Naming, OpError},
    named::Named,
    note::Note,
    recipients::{generate_data_key, refuse_foreign},
    session::Session,
};
use crate::{
    keys::Recipient,
    sops::{
        file::SopsFile,
        key_group::{KeyGroup, MasterKey},
        metadata::Metadata,
    },
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
    let audience = Plan { session, name, own: file.metadata.key_groups(), wishes }.audience(&file.metadata)?;
    let old_key = session.open(name, &file)?;
    let new_key = generate_data_key()?;
    let wrapped = audience.wrap(&new_key, session.asker())?;
    Ok(file.rotate(&old_key, &new_key, &wrapped, &now())?)
}

/// Whom the new data key is for: those of the rule, those that are kept, those that are added. In the file, those that
/// were there keep their places.
struct Plan<'a> {
    session: &'a Session,
    name: &'a Path,
    /// The key groups of the file.
    own: Vec<KeyGroup>,
    wishes: &'a RotateWishes,
}

impl Plan<'_> {
    fn audience(&self, metadata: &Metadata) -> Result<Audience, OpError> {
        self.check_wishes()?;
        let applied = self.session.rule_for(self.name)?;
        let mut audience = if applied.rule().is_some() {
            let mut audience = Audience::of_rule(&applied)?;
            self.keep_unknown(&mut audience)?;
            audience
        } else {
            let audience = Audience::of_file(metadata)?;
            self.session.notes().add(Note::OwnRecipients { path: self.name.to_owned() });
            audience
        };
        for group in &mut audience.groups {
            group.retain(|recipient| !self.is_removed(recipient.as_str()));
        }
        // As in SOPS, who is added is added to the first group.
        if let Some(first) = audience.groups.first_mut() {
            let new: Vec<_> = self.wishes.add.iter().filter(|one| !first.contains(one)).cloned().collect();
            first.extend(new);
        }
        if audience.groups.iter().all(Vec::is_empty) {
            return Err(OpError::NobodyLeft);
        }
        match audience.groups.iter().position(Vec::is_empty) {
            Some(index) => Err(OpError::GroupEmptied(index + 1)),
            None => Ok(audience),
        }
    }

    fn check_wishes(&self) -> Result<(), OpError> {
        let is_own = |id: &str| self.own.iter().flat_map(|group| &group.0).any(|key| key.id() == id);
        let shown = |id: &str| {
            let named = self.session.named(self.name, &[MasterKey::Age(id.to_owned())]);
            named.iter().map(ToString::to_string).collect()
        };
        if let Some(id) = self.wishes.add.iter().map(Recipient::as_str).find(|id| is_own(id)) {
            return Err(OpError::RecipientPresent(shown(id)));
        }
        if let Some(id) = self.wishes.remove.iter().map(String::as_str).find(|id| !is_own(id)) {
            return Err(OpError::RecipientAbsent(shown(id)));
        }
        Ok(())
    }

    fn is_removed(&self, id: &str) -> bool {
        self.wishes.remove.iter().any(|removed| removed == id)
    }

    /// Refuses, or adds to `audience`, recipients that the file names and the rule does not. Group by group: who is in
    /// another group of the file than of the rule is as unknown as a stranger. Foreign keys go, which is noted.
    fn keep_unknown(&self, audience: &mut Audience) -> Result<(), OpError> {
        let ruled: Vec<KeyGroup> = audience.key_groups().collect();
        let pairs = (ruled.len() == self.own.len()).then(|| pair_groups(&self.own, &ruled));
        let is_ruled = |index: usize, key: &MasterKey| match pairs.as_ref().and_then(|pairs| pairs.get(index)) {
            Some(pair) => ruled.get(*pair).is_some_and(|group| group.0.contains(key)),
            // The rule has groups of another shape, which says of nobody in which of them he was.
            None => ruled.iter().any(|group| group.0.contains(key)),
        };
        let members =
            self.own.iter().enumerate().flat_map(|(index, group)| group.0.iter().map(move |key| (index, key)));
        let unknown = members.filter(|(index, key)| !is_ruled(*index, key) && !self.is_removed(key.id()));
        let (unknown, foreign): (Vec<_>, Vec<_>) = unknown.partition(|(_, key)| matches!(key, MasterKey::Age(_)));
        if !unknown.is_empty() && self.wishes.unknown == UnknownRecipients::Refuse {
            return Err(OpError::UnknownRecipients(self.named(&unknown)));
        }
        if self.wishes.unknown == UnknownRecipients::Keep {
            refuse_foreign(foreign.iter().map(|(_, key)| *key), || Naming::File)?;
        }
        if !foreign.is_empty() {
            let keys = self.named(&foreign).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            self.session.notes().add(Note::ForeignDropped { path: self.name.to_owned(), keys });
        }
        for (index, key) in &unknown {
            let pair = pairs.as_ref().and_then(|pairs| pairs.get(*index));
            let Some(group) = pair.and_then(|pair| audience.groups.get_mut(*pair)) else {
                let (file, rule) = (self.own.len(), ruled.len());
                return Err(OpError::KeepWhere { file, rule, unknown: self.named(&unknown) });
            };
            let of_file = |fault| OpError::NamedRecipient { naming: Naming::File, place: None, fault };
            let recipient = Recipient::parse(key.id()).map_err(of_file)?;
            if !group.contains(&recipient) {
                group.push(recipient);
            }
        }
        Ok(())
    }

    fn named(&self, members: &[(usize, &MasterKey)]) -> Vec<Named> {
        let named = self.session.named(self.name, members.iter().map(|(_, key)| *key));
        let with_group = |(named, (index, _)): (Named, &(usize, &MasterKey))| match self.own.len() {
            0 | 1 => named,
            _ => named.in_group(index + 1),
        };
        named.into_iter().zip(members).map(with_group).collect()
    }
}

/// For each of `own` groups, which of as many `ruled` ones it is: that with which it has most in common, as their order may
/// have changed; of equals the one in the same place.
pub(super) fn pair_groups(own: &[KeyGroup], ruled: &[KeyGroup]) -> Vec<usize> {
    let mut places: HashMap<&MasterKey, Vec<usize>> = HashMap::new();
    for (place, group) in ruled.iter().enumerate() {
        group.0.iter().for_each(|key| places.entry(key).or_default().push(place));
    }
    let mut candidates = Vec::new();
    for (index, group) in own.iter().enumerate() {
        let mut common = vec![0_usize; ruled.len()];
        for place in group.0.iter().filter_map(|key| places.get(key)).flatten() {
            common.iter_mut().skip(*place).take(1).for_each(|count| *count += 1);
        }
        let by_place = common.into_iter().enumerate();
        candidates.extend(by_place.map(|(place, count)| (Reverse(count), index != place, index, place)));
    }
    candidates.sort_unstable();
    let mut pairs: Vec<Option<usize>> = vec![None; own.len()];
    let mut is_taken = vec![false; ruled.len()];
    for (_, _, index, place) in candidates {
        if let (Some(pair @ None), Some(taken @ false)) = (pairs.get_mut(index), is_taken.get_mut(place)) {
            *pair = Some(place);
            *taken = true;
        }
    }
    pairs.into_iter().enumerate().map(|(index, pair)| pair.unwrap_or(index)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(own: &[&str], ruled: &[&str], expected: &[usize]) {
        let key = |name: char| MasterKey::Age(name.to_string());
        let groups = |names: &[&str]| -> Vec<KeyGroup> {
            names.iter().map(|members| KeyGroup::of(members.chars().map(key))).collect()
        };
        assert_eq!(pair_groups(&groups(own), &groups(ruled)), expected);
    }

    #[test]
    fn groups_are_paired_by_what_they_have_in_common() {
        check(&["ab", "cd"], &["ab", "cd"], &[0, 1]);
        check(&["ab", "cd"], &["cd", "ab"], &[1, 0]);
        check(&["abx", "cd"], &["cd", "ab"], &[1, 0]);
        check(&["abc", "c"], &["ab", "c"], &[0, 1]);
        check(&["x", "y", "a"], &["a", "b", "c"], &[2, 1, 0]);
        check(&["x", "y"], &["a", "b"], &[0, 1]);
        check(&[], &[], &[]);
    }
}
