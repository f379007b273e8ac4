//! A cluster that goes.

use super::draft::{Drafts, names};
use crate::{
    gitops::recipient::Known,
    ops::{cluster::Overview, error::OpError, session::Session, survey::SopsEntry},
    policy::{
        Policy,
        edit::{EmptiedGroup, PolicyDraft, PolicyEditError},
    },
};

/// A cluster that goes.
#[derive(Debug)]
pub struct Removal {
    /// The policies without it.
    pub drafts: Drafts,
    /// Its recipients.
    pub recipients: Vec<String>,
    /// The files that it could open, by their paths below the root.
    pub readable: Vec<String>,
    /// Rules that were dropped, as their expressions.
    pub dropped: Vec<String>,
    /// Whether the repository has such a cluster; otherwise the name is one in a policy.
    pub is_cluster: bool,
    /// Whether `.secrets.toml` speaks of it.
    pub is_configured: bool,
}

/// What happens to rules that would be left without recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WithoutRecipients {
    /// They stop the removal.
    #[default]
    Refuse,
    /// They go too: `--drop-rules`.
    Drop,
}

/// Takes the cluster called `name`, or the recipient that a policy gives that name, out of all policies.
///
/// # Errors
/// [`OpError::NoCluster`], [`OpError::NoClusterRecipient`], [`OpError::UnnamedRecipient`] where it is a guess, and [`OpError::PolicyChange`] for rules that would be left
/// without recipients.
pub fn remove(
    session: &Session,
    overview: &Overview,
    name: &str,
    emptied: WithoutRecipients,
) -> Result<Removal, OpError> {
    let mut drafts = Drafts::of_repository(session, overview)?;
    let number = overview.find_cluster(name);
    let known = number.as_ref().ok().and_then(|number| overview.recipients.get(*number));
    if let Some(known) = known.map(|known| known.known).filter(|known| *known == Known::Inferred) {
        return Err(OpError::UnnamedRecipient { cluster: name.to_owned(), known });
    }
    let recipients = match &number {
        Ok(_) => known.map(|known| known.ids.clone()).unwrap_or_default(),
        Err(_unknown) => named_so(&drafts, name),
    };
    match &number {
        _ if !recipients.is_empty() => {}
        Ok(_) => return Err(OpError::NoClusterRecipient(name.to_owned())),
        Err(_) => return Err(OpError::NoCluster { name: name.to_owned(), known_names: overview.cluster_names() }),
    }
    let mut dropped = Vec::new();
    for recipient in &recipients {
        let rules = drafts.change(|draft| without(draft, recipient, emptied))?;
        dropped.extend(rules.into_iter().flatten());
    }
    let is_held = |file: &&SopsEntry| file.terms.is_opened_by(|key| recipients.iter().any(|id| id == key.id()));
    let readable = overview.survey.files.iter().filter(is_held);
    Ok(Removal {
        readable: readable.map(|file| overview.survey.path(file).to_owned()).collect(),
        is_cluster: number.is_ok(),
        is_configured: overview.survey.config.clusters.contains_key(name),
        drafts,
        recipients,
        dropped,
    })
}

/// Who has the name in a policy.
fn named_so(drafts: &Drafts, name: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for (id, _) in drafts.policies().flat_map(Policy::names).filter(|(_, names)| names.iter().any(|one| one == name)) {
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
    ids
}

/// Takes `recipient` out, and, if wanted, the rules that were for nobody else; those come back as their expressions.
fn without(
    draft: &mut PolicyDraft,
    recipient: &str,
    emptied: WithoutRecipients,
) -> Result<Vec<String>, PolicyEditError> {
    if !names(draft.policy(), recipient) {
        return Ok(Vec::new());
    }
    let groups = match draft.remove_recipient(recipient) {
        Ok(_) => return Ok(Vec::new()),
        Err(PolicyEditError::Emptied(groups)) if emptied == WithoutRecipients::Drop => groups,
        Err(error) => return Err(error),
    };
    let is_for_nobody =
        |emptied: &EmptiedGroup| groups.iter().filter(|other| other.rule == emptied.rule).count() == emptied.groups;
    let (gone, kept): (Vec<EmptiedGroup>, Vec<EmptiedGroup>) = groups.iter().copied().partition(is_for_nobody);
    if !kept.is_empty() {
        return Err(PolicyEditError::Emptied(kept));
    }
    let mut rules: Vec<usize> = gone.iter().map(|group| group.rule).collect();
    rules.dedup();
    let expression = |rule: &usize| {
        let rule = draft.policy().rules().get(*rule);
        rule.and_then(|rule| rule.path_regex.as_ref()).map_or_else(String::new, |regex| regex.as_str().to_owned())
    };
    let dropped = rules.iter().map(expression).collect();
    // From the last one, so that the others keep their numbers.
    rules.iter().rev().try_for_each(|rule| draft.remove_rule(*rule))?;
    if names(draft.policy(), recipient) {
        draft.remove_recipient(recipient)?;
    }
    Ok(dropped)
}
