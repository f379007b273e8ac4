//! `recipient`: who is named in the policy, and which rules encrypt for them. Changes the policy and no file.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{error::OpError, policies::POLICY_LIMIT_BYTES, session::Session};
use crate::{
    base::{
        files::{read_text, replace},
        line_diff::render_diff,
    },
    keys::Recipient,
    policy::{
        absolute,
        edit::{NewName, PolicyDraft, PolicyEditError, RecipientList},
    },
};

/// The version of what a [`PolicyChange`] is serialised to. It grows with every change that a reader could trip over.
pub const POLICY_CHANGE_VERSION: u32 = 1;

/// A recipient that is to be in the policy.
#[derive(Debug, Clone, Copy)]
pub struct NewRecipient<'a> {
    /// Its name and text, and the comment beside it.
    pub name: NewName<'a>,
    /// Files, which need not exist: the rule of each gets the recipient.
    pub files: &'a [PathBuf],
    /// In which key group, from 0, of rules that have several.
    pub group: Option<usize>,
}

/// What is changed in a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyChange {
    /// [`POLICY_CHANGE_VERSION`].
    pub version: u32,
    /// The policy.
    pub policy: PathBuf,
    /// The recipient.
    pub recipient: String,
    /// Its names: those that it has now, or those that are gone.
    pub names: Vec<String>,
    /// The rules that encrypt for other recipients now, from 1, as they are counted after the change.
    pub rules: Vec<usize>,
    /// What differs, as `diff -u` shows it; empty where all was as it should be.
    pub diff: String,
    #[serde(skip)]
    old: String,
    #[serde(skip)]
    new: String,
}

impl PolicyChange {
    fn new(session: &Session, draft: &PolicyDraft, old: String, recipient: String) -> Self {
        let policy = draft.policy().path().to_owned();
        let shown = policy.strip_prefix(session.directory()).unwrap_or(&policy);
        let diff = render_diff(&shown.display().to_string(), &old, draft.text());
        let new = draft.text().to_owned();
        let names = draft.policy().names_of(&recipient).to_vec();
        Self { version: POLICY_CHANGE_VERSION, policy, recipient, names, rules: Vec::new(), diff, old, new }
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`OpError::File`], when the policy cannot be replaced, or is not any more what was read.
    pub fn write(&self) -> Result<(), OpError> {
        if self.old != self.new {
            replace(&self.policy, self.old.as_bytes(), self.new.as_bytes())?;
        }
        Ok(())
    }
}

/// Who is in the policy.
///
/// # Errors
/// There is no policy, or it cannot be read.
pub fn list(session: &Session) -> Result<RecipientList, OpError> {
    read(session).map(|draft| draft.recipients())
}

/// Names a recipient, and adds it to the rules of `files`. What is so already stays.
///
/// # Errors
/// [`OpError::Recipient`], [`OpError::NoRule`], and [`OpError::PolicyEdit`] for a name or recipient that is taken.
pub fn add(session: &Session, new: &NewRecipient<'_>) -> Result<PolicyChange, OpError> {
    let recipient = Recipient::parse(new.name.recipient)?.as_str().to_owned();
    let mut draft = read(session)?;
    let old = draft.text().to_owned();
    let names = draft.policy().names_of(&recipient);
    if !names.iter().any(|name| name == new.name.name) {
        draft.add_name(&NewName { recipient: &recipient, ..new.name })?;
    }
    let mut rules = Vec::new();
    for file in new.files {
        let rule = rule_for(session, &draft, file)?;
        let has_it = draft
            .policy()
            .rules()
            .get(rule)
            .is_some_and(|rule| rule.key_groups.iter().flat_map(|group| &group.0).any(|key| key.id() == recipient));
        if !has_it {
            draft.add_to_rule(rule, new.group, new.name.name)?;
            rules.push(rule + 1);
        }
    }
    Ok(PolicyChange { rules, ..PolicyChange::new(session, &draft, old, recipient) })
}

/// Takes a recipient, given by name or as text, out of the policy.
///
/// # Errors
/// [`OpError::PolicyEdit`], when it is not there, or nobody would be left in a key group.
pub fn remove(session: &Session, who: &str) -> Result<PolicyChange, OpError> {
    let mut draft = read(session)?;
    let old = draft.text().to_owned();
    let removed = draft.remove_recipient(who)?;
    let rules = removed.rules.iter().map(|rule| rule + 1).collect();
    let change = PolicyChange::new(session, &draft, old, removed.recipient);
    Ok(PolicyChange { names: removed.names, rules, ..change })
}

fn read(session: &Session) -> Result<PolicyDraft, OpError> {
    let path = session.policy_path()?;
    let text = read_text(&path, POLICY_LIMIT_BYTES)?;
    PolicyDraft::new(text.expose().to_owned(), &path).map_err(|error| match error {
        PolicyEditError::Policy(error) => OpError::Policy(error),
        error => OpError::PolicyEdit(error),
    })
}

fn rule_for(session: &Session, draft: &PolicyDraft, file: &Path) -> Result<usize, OpError> {
    let matched = draft.policy().rule_for(&absolute(session.directory(), file))?;
    let none = || OpError::NoRule { policy: draft.policy().path().to_owned() };
    matched.map(|matched| matched.rule.index).ok_or_else(none)
}
