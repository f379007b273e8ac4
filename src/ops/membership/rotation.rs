//! A cluster's new identity, in two steps: its recipient comes beside the old one, and then takes its place. How far it is
//! stands in the policy alone.

use super::draft::{Drafts, name_for, names, rules_naming};
use crate::{
    gitops::recipient::{ClusterRecipients, Known, next_name},
    keys::Recipient,
    ops::{cluster::Overview, error::OpError, session::Session},
    policy::edit::{NewName, PolicyDraft, PolicyEditError},
};

/// A cluster whose identity is being changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotating {
    /// Its name.
    pub cluster: String,
    /// Its number in the overview.
    pub number: usize,
    /// Its recipient.
    pub own: String,
    /// The one that comes in its place, once that has begun.
    pub next: Option<String>,
    /// What it follows, if what is in the work tree reaches it with a release only.
    pub released_with: Option<String>,
}

impl Rotating {
    /// How it stands with the cluster called `name`.
    ///
    /// # Errors
    /// [`OpError::NoCluster`]; [`OpError::NoClusterRecipient`], [`OpError::SeveralRecipients`] and
    /// [`OpError::UnnamedRecipient`] where its recipient cannot be told, or not be changed, in the policy.
    pub fn of(overview: &Overview, name: &str) -> Result<Self, OpError> {
        let number = overview.find_cluster(name)?;
        let cluster = overview.clusters().get(number);
        let recipients = overview.recipients.get(number).cloned().unwrap_or_default();
        let ClusterRecipients { ids, next, known } = recipients;
        let mut own = ids.into_iter().filter(|id| next.as_ref() != Some(id));
        let own = match (own.next(), own.next()) {
            (Some(own), None) => own,
            (None, _) => return Err(OpError::NoClusterRecipient(name.to_owned())),
            (Some(_), Some(_)) => return Err(OpError::SeveralRecipients(name.to_owned())),
        };
        let is_text = cluster.is_some_and(|cluster| cluster.given_recipients.contains(&own));
        if known == Known::Inferred || is_text {
            return Err(OpError::UnnamedRecipient { cluster: name.to_owned(), known });
        }
        let source = cluster.and_then(|cluster| cluster.entry.source.as_ref());
        let released = source.filter(|source| source.revision.is_released()).map(|source| source.revision.to_string());
        Ok(Self { cluster: name.to_owned(), number, own, next, released_with: released })
    }

    /// The next recipient.
    ///
    /// # Errors
    /// [`OpError::NotBegun`].
    pub fn begun(&self) -> Result<&str, OpError> {
        self.next.as_deref().ok_or_else(|| OpError::NotBegun(self.cluster.clone()))
    }
}

/// Puts `next` beside the cluster's recipient wherever a policy names that. Where it is so already, nothing changes.
///
/// # Errors
/// [`OpError::Recipient`], [`OpError::PolicyChange`].
pub fn begin(session: &Session, overview: &Overview, rotating: &Rotating, next: &str) -> Result<Drafts, OpError> {
    let mut drafts = Drafts::of_repository(session, overview)?;
    if rotating.next.is_some() {
        return Ok(drafts);
    }
    let next = parse(overview, rotating, next)?;
    drafts.change(|draft| {
        if !names(draft.policy(), &rotating.own) {
            return Ok(());
        }
        match name_for(draft.policy(), &rotating.own, &rotating.cluster).map(str::to_owned) {
            Some(name) => {
                let next_name = next_name(&name);
                let new = NewName { name: &next_name, recipient: &next, comment: None };
                draft.add_name_beside(&name, &new)?;
                add_beside(draft, &rotating.own, &next_name)
            }
            None => add_beside(draft, &rotating.own, &next),
        }
    })?;
    Ok(drafts)
}

/// Puts the next recipient in the place of the cluster's own one.
///
/// # Errors
/// [`OpError::NotBegun`]; [`OpError::PolicyChange`], also for a rule that names the next recipient only.
pub fn finish(session: &Session, overview: &Overview, rotating: &Rotating) -> Result<Drafts, OpError> {
    let mut drafts = Drafts::of_repository(session, overview)?;
    let next = rotating.begun()?;
    drafts.change(|draft| put_in_place(draft, rotating, next))?;
    Ok(drafts)
}

/// Does both steps at once. `next` is not looked at if the first one is done.
///
/// # Errors
/// As for [`begin`] and [`finish`].
pub fn emergency(session: &Session, overview: &Overview, rotating: &Rotating, next: &str) -> Result<Drafts, OpError> {
    if rotating.next.is_some() {
        return finish(session, overview, rotating);
    }
    let mut drafts = Drafts::of_repository(session, overview)?;
    let next = parse(overview, rotating, next)?;
    drafts.change(|draft| put_in_place(draft, rotating, &next))?;
    Ok(drafts)
}

/// The text of a recipient that is no cluster's.
fn parse(overview: &Overview, rotating: &Rotating, next: &str) -> Result<String, OpError> {
    let next = Recipient::parse(next)?.as_str().to_owned();
    let by_recipient = overview.clusters_by_recipient();
    let others = by_recipient.get(next.as_str()).into_iter().flatten().copied();
    match overview.names(others).first() {
        Some(name) if *name == rotating.cluster => Err(OpError::SameRecipient(rotating.cluster.clone())),
        Some(name) => Err(OpError::RecipientOfCluster((*name).to_owned())),
        None => Ok(next),
    }
}

/// A name alone is in no rule.
fn add_beside(draft: &mut PolicyDraft, own: &str, who: &str) -> Result<(), PolicyEditError> {
    if rules_naming(draft.policy(), own).is_empty() { Ok(()) } else { draft.add_beside(own, who) }
}

fn put_in_place(draft: &mut PolicyDraft, rotating: &Rotating, next: &str) -> Result<(), PolicyEditError> {
    let own = rotating.own.as_str();
    let (with_own, with_next) = (rules_naming(draft.policy(), own), rules_naming(draft.policy(), next));
    if let Some(rule) = with_next.iter().find(|rule| !with_own.contains(rule)) {
        return Err(PolicyEditError::OneSided { rule: *rule });
    }
    if let Some(name) = name_for(draft.policy(), own, &rotating.cluster).map(str::to_owned) {
        if names(draft.policy(), next) {
            draft.remove_recipient(next)?;
        }
        return draft.replace_recipient(&name, next);
    }
    if let Some(rule) = with_own.iter().find(|rule| !with_next.is_empty() && !with_next.contains(rule)) {
        return Err(PolicyEditError::OneSided { rule: *rule });
    }
    if with_next.is_empty() {
        add_beside(draft, own, next)?;
    }
    if names(draft.policy(), own) { draft.remove_recipient(own).map(|_removed| ()) } else { Ok(()) }
}
