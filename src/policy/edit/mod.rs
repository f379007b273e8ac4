//! A policy changed in place: names, recipients and rules, and no byte of the file more than that.
//!
//! Every change is made as edits over the text, in the style of what stands beside. Then the new text is read again, and
//! unless it says exactly what was meant, nothing is changed.

mod error;
mod list;
mod meaning;
mod name;
mod new_rule;
mod rule;
mod site;
mod step;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::Policy;
use crate::{document::yaml::tree::Tree, keys::RecipientKind, sops::key_group::MasterKey};
use meaning::Meaning;
use site::sites;
use step::Called;

pub use error::{EmptiedGroup, PolicyEditError};
pub use list::{ListedRecipient, RECIPIENT_LIST_VERSION, RecipientList};
pub use name::NewName;
pub use new_rule::{Like, NewRule};

/// The text of a policy on its way to another one. A change that fails leaves it as it was.
#[derive(Debug, Clone)]
pub struct PolicyDraft {
    text: String,
    policy: Policy,
}

/// What a removed recipient had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The recipient.
    pub recipient: String,
    /// Its names, all of which are gone.
    pub names: Vec<String>,
    /// The rules that named it, from 0.
    pub rules: Vec<usize>,
}

impl PolicyDraft {
    /// Takes the `text` of the policy at `path`, which is absolute.
    ///
    /// # Errors
    /// [`PolicyEditError::Policy`] or [`PolicyEditError::Document`], when the text is no policy.
    pub fn new(text: String, path: &Path) -> Result<Self, PolicyEditError> {
        let policy = Policy::parse(&text, path)?;
        Tree::parse(&text)?;
        Ok(Self { text, policy })
    }

    /// The text, with the changes that were made.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the text says.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The recipients of the policy with their names, and the rules that name them.
    #[must_use]
    pub fn recipients(&self) -> RecipientList {
        list::list(&self.text, &self.policy)
    }

    /// Names a recipient: an anchor in the list of names that holds recipients like it, which is made if there is none.
    ///
    /// # Errors
    /// The name is taken, or the recipient has one.
    pub fn add_name(&mut self, new: &NewName<'_>) -> Result<(), PolicyEditError> {
        self.add_name_at(new, None)
    }

    /// Names a recipient right behind the one that is named `beside`.
    ///
    /// # Errors
    /// The name is taken, the recipient has one, or nobody is named `beside`.
    pub fn add_name_beside(&mut self, beside: &str, new: &NewName<'_>) -> Result<(), PolicyEditError> {
        self.recipient_named(beside)?;
        self.add_name_at(new, Some(beside))
    }

    fn add_name_at(&mut self, new: &NewName<'_>, beside: Option<&str>) -> Result<(), PolicyEditError> {
        check_name(new.name)?;
        let tree = Tree::parse(&self.text)?;
        if let Some(place) = name::place_of_anchor(&tree, new.name) {
            return Err(PolicyEditError::NameTaken { name: new.name.to_owned(), place: Some(place) });
        }
        let known = self.policy.names_of(new.recipient);
        if !known.is_empty() {
            return Err(PolicyEditError::RecipientNamed(known.to_vec()));
        }
        let text = name::add(&self.text, new, beside)?;
        let mut expected = Meaning::of(&self.policy);
        let parts = new.recipient.split(',').map(|part| part.trim().to_owned());
        expected.names.insert(new.name.to_owned(), parts.collect());
        self.confirm(text, &expected)
    }

    /// Gives the name to another recipient, which takes the old one's place wherever it stands, by name or as text.
    ///
    /// # Errors
    /// Nobody has the name, or the new recipient is in the policy.
    pub fn replace_recipient(&mut self, name: &str, recipient: &str) -> Result<(), PolicyEditError> {
        let old = self.recipient_named(name)?;
        let tree = Tree::parse(&self.text)?;
        let known = self.policy.names_of(recipient);
        if !known.is_empty() || !sites(&tree, recipient).is_empty() {
            return Err(PolicyEditError::RecipientNamed(known.to_vec()));
        }
        let places = sites(&tree, &old).into_iter().filter(|site| site.kind != site::SiteKind::Alias);
        let edits: Option<Vec<_>> = places.map(|site| step::swap_text(&tree, &site, recipient)).collect();
        let text = step::apply(&tree, edits.ok_or(PolicyEditError::Layout)?)?;
        let mut expected = Meaning::of(&self.policy);
        expected.replace(&old, recipient);
        self.confirm(text, &expected)
    }

    /// Takes a recipient, given by name or as text, out of names, rules and key groups, and every other name of the same
    /// recipient with it.
    ///
    /// # Errors
    /// [`PolicyEditError::Emptied`] with all groups that would have no key left.
    pub fn remove_recipient(&mut self, who: &str) -> Result<Removed, PolicyEditError> {
        let recipient = self.called(who)?.recipient;
        let before = Meaning::of(&self.policy);
        let mut expected = before.clone();
        expected.remove(&recipient);
        let emptied = expected.emptied_since(&before);
        if !emptied.is_empty() {
            return Err(PolicyEditError::Emptied(emptied));
        }
        let rules = before.rules.iter().enumerate().filter(|(_, rule)| rule.names(&recipient));
        let rules = rules.map(|(number, _)| number).collect();
        let names = self.policy.names_of(&recipient).to_vec();
        let text = step::remove_sites(&self.text, &recipient, |_, _| true)?;
        self.confirm(text, &expected)?;
        Ok(Removed { recipient, names, rules })
    }

    /// Adds a recipient, given by name or as text, to rule `rule`, counted from 0; of a rule with several key groups, to
    /// group `group`.
    ///
    /// # Errors
    /// The rule names it already, or takes its recipients from a place that it may share.
    pub fn add_to_rule(&mut self, rule: usize, group: Option<usize>, who: &str) -> Result<(), PolicyEditError> {
        let called = self.age_recipient(who)?;
        let mut expected = Meaning::of(&self.policy);
        let count = expected.rules.len();
        let meaning = expected.rules.get_mut(rule).ok_or(PolicyEditError::NoRule { rule, count })?;
        if meaning.names(&called.recipient) {
            return Err(PolicyEditError::InRule { rule });
        }
        let groups = meaning.groups.len();
        let group = match group {
            None if groups > 1 => return Err(PolicyEditError::SeveralGroups { rule, groups }),
            given => given.unwrap_or_default(),
        };
        let keys = meaning.groups.get_mut(group).ok_or(PolicyEditError::SeveralGroups { rule, groups })?;
        keys.insert(MasterKey::Age(called.recipient.clone()));
        let text = step::add_to_rule(&self.text, rule, group, &called)?;
        self.confirm(text, &expected)
    }

    /// Adds a recipient, given by name or as text, beside another one wherever a rule names that one.
    ///
    /// # Errors
    /// The new one is in one of those places already, or one cannot be written to.
    pub fn add_beside(&mut self, beside: &str, who: &str) -> Result<(), PolicyEditError> {
        let old = self.called(beside)?.recipient;
        let called = self.age_recipient(who)?;
        let mut expected = Meaning::of(&self.policy);
        for (rule, meaning) in expected.rules.iter_mut().enumerate().filter(|(_, rule)| rule.names(&old)) {
            if meaning.names(&called.recipient) {
                return Err(PolicyEditError::InRule { rule });
            }
            for group in meaning.groups.iter_mut().filter(|group| group.iter().any(|key| key.id() == old)) {
                group.insert(MasterKey::Age(called.recipient.clone()));
            }
        }
        let tree = Tree::parse(&self.text)?;
        let places = sites(&tree, &old).into_iter().filter(|site| site.is_for_rules(&tree));
        let edits: Option<Vec<_>> = places.map(|site| step::add_beside(&tree, &site, &called)).collect();
        let edits = edits.ok_or(PolicyEditError::Layout)?.into_iter().flatten().collect();
        let text = step::apply(&tree, edits)?;
        self.confirm(text, &expected)
    }

    /// Takes a recipient, given by name or as text, out of rule `rule`, counted from 0. Its name stays.
    ///
    /// # Errors
    /// The rule does not name it, nobody would be left, or the rule takes its recipients from elsewhere.
    pub fn remove_from_rule(&mut self, rule: usize, who: &str) -> Result<(), PolicyEditError> {
        let recipient = self.called(who)?.recipient;
        let before = Meaning::of(&self.policy);
        let mut expected = before.clone();
        let count = before.rules.len();
        let meaning = expected.rules.get_mut(rule).ok_or(PolicyEditError::NoRule { rule, count })?;
        if !meaning.names(&recipient) {
            return Err(PolicyEditError::NotInRule { rule });
        }
        meaning.groups.iter_mut().for_each(|group| group.retain(|key| key.id() != recipient));
        let emptied = expected.emptied_since(&before);
        if !emptied.is_empty() {
            return Err(PolicyEditError::Emptied(emptied));
        }
        let text = step::remove_sites(&self.text, &recipient, |tree, site| {
            let item = site::rules(tree).get(rule).and_then(|trail| Some(trail.last()?.item));
            item.is_some() && site.rule_item(tree) == item
        })?;
        self.confirm(text, &expected)
    }

    /// Takes rule `rule`, counted from 0, out with the comments right above it.
    ///
    /// # Errors
    /// There is no such rule, or others use an anchor in it.
    pub fn remove_rule(&mut self, rule: usize) -> Result<(), PolicyEditError> {
        let mut expected = Meaning::of(&self.policy);
        let count = expected.rules.len();
        if rule >= count {
            return Err(PolicyEditError::NoRule { rule, count });
        }
        expected.rules.remove(rule);
        for name in rule::names_in(&Tree::parse(&self.text)?, rule) {
            expected.names.remove(&name);
        }
        let text = rule::remove(&self.text, rule)?;
        self.confirm(text, &expected)
    }

    /// The recipient that has the name.
    fn recipient_named(&self, name: &str) -> Result<String, PolicyEditError> {
        let named = self.policy.names().find(|(_, names)| names.iter().any(|one| one == name));
        named.map(|(recipient, _)| recipient.to_owned()).ok_or_else(|| {
            let known = self.recipients().recipients.into_iter().flat_map(|listed| listed.names).collect();
            PolicyEditError::UnknownName { name: name.to_owned(), known }
        })
    }

    /// The recipient that is called `who`, by name or as its text stands in the policy.
    fn called(&self, who: &str) -> Result<Called, PolicyEditError> {
        let is_known = self.policy.rules().iter().flat_map(|rule| &rule.key_groups).flat_map(|group| &group.0);
        let is_text = !self.policy.names_of(who).is_empty() || is_known.into_iter().any(|key| key.id() == who);
        if is_text {
            return Ok(self.called_or_new(who));
        }
        Ok(Called { recipient: self.recipient_named(who)?, name: Some(who.to_owned()) })
    }

    /// The same, and a text that is not in the policy for itself.
    fn called_or_new(&self, who: &str) -> Called {
        match self.recipient_named(who) {
            Ok(recipient) => Called { recipient, name: Some(who.to_owned()) },
            Err(_unknown) => Called { recipient: who.to_owned(), name: self.policy.names_of(who).first().cloned() },
        }
    }

    /// Who is to be added to a list of age recipients.
    fn age_recipient(&self, who: &str) -> Result<Called, PolicyEditError> {
        let called = self.called_or_new(who);
        match RecipientKind::find(&called.recipient) {
            Some(_) => Ok(called),
            None => Err(PolicyEditError::NotAge(who.to_owned())),
        }
    }

    /// Takes `text` if it says what is `expected`.
    fn confirm(&mut self, text: String, expected: &Meaning) -> Result<(), PolicyEditError> {
        let policy = Policy::parse(&text, self.policy.path()).map_err(|_cause| PolicyEditError::Layout)?;
        if Meaning::of(&policy) != *expected {
            return Err(PolicyEditError::Layout);
        }
        *self = Self { text, policy };
        Ok(())
    }
}

/// What go-yaml takes for the name of an anchor.
fn check_name(name: &str) -> Result<(), PolicyEditError> {
    let is_good = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_good { Ok(()) } else { Err(PolicyEditError::BadName(name.to_owned())) }
}
