//! A cluster that comes.

use std::path::PathBuf;

use super::draft::{Drafts, rules_naming};
use crate::{
    gitops::{
        path,
        recipient::{ClusterRecipients, Known, NEXT_SUFFIX, RotationPhase},
    },
    keys::Recipient,
    ops::{cluster::Overview, error::OpError, session::Session},
    policy::{
        Policy,
        edit::{Like, NewName, NewRule, PolicyDraft, PolicyEditError},
    },
    sops::key_group::MasterKey,
};

/// A cluster that comes.
#[derive(Debug, Clone, Copy)]
pub struct NewCluster<'a> {
    /// Its name, and that of its recipient in the policy.
    pub name: &'a str,
    /// Its recipient.
    pub recipient: &'a str,
    /// Its directory below the root of the repository, if it is not to be found out.
    pub directory: Option<&'a str>,
    /// The cluster whose rules it gets.
    pub like: Option<&'a str>,
    /// Who else reads its files, by name or as text; nobody for those whom the other clusters have in common.
    pub readers: &'a [String],
}

/// What a new cluster has.
#[derive(Debug)]
pub struct Added {
    /// The policy with it.
    pub drafts: Drafts,
    /// Its recipient.
    pub recipient: String,
    /// Its directory below the root.
    pub directory: String,
    /// The rules that are new, from 1.
    pub rules: Vec<usize>,
    /// The rules that it joins, from 1.
    pub joined: Vec<usize>,
    /// Rules that encrypt for the cluster alone, from 1.
    pub alone: Vec<usize>,
}

/// What the policy gets.
struct Plan<'a> {
    new: NewCluster<'a>,
    recipient: &'a str,
    /// The directory below that of the policy.
    directory: &'a str,
    /// The directory and the recipient of the other cluster.
    like: Option<(String, &'a str)>,
    /// The recipients of all clusters.
    clusters: &'a [&'a str],
    /// SOPS' files below the policy's directory.
    files: &'a [&'a str],
}

/// Names the cluster's recipient, and gives the cluster its rules.
///
/// # Errors
/// [`OpError`] for a name or a recipient that is taken, and for a directory that is not known or cannot have a rule.
pub fn add(session: &Session, overview: &Overview, new: &NewCluster<'_>) -> Result<Added, OpError> {
    let recipient = Recipient::parse(new.recipient)?.as_str().to_owned();
    check_free(overview, new.name, &recipient)?;
    let like = new.like.map(|like| other(overview, like)).transpose()?;
    let directory = directory_of(overview, new)?;
    let root = &overview.survey.root;
    let mut drafts = Drafts::of_directory(session, &root.join(&directory))?;
    let above = drafts.policies().next().and_then(|policy| policy.path().parent()).map(PathBuf::from);
    let below = |path: &str| {
        let below = root.join(path).strip_prefix(above.as_ref()?).ok()?.to_str()?.to_owned();
        Some(below)
    };
    let bad = || PolicyEditError::BadDirectory(directory.clone());
    let in_policy = below(&directory).filter(|below| !below.is_empty()).ok_or_else(bad).map_err(OpError::PolicyEdit)?;
    let like = like.map(|(other, id)| (below(other).unwrap_or_default(), id));
    let files: Vec<String> =
        overview.survey.files.iter().filter_map(|file| below(overview.survey.path(file))).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let known = overview.recipients.iter().filter(|known| matches!(known.known, Known::Config | Known::Policy));
    let clusters: Vec<&str> = known.flat_map(|known| &known.ids).map(String::as_str).collect();
    let plan =
        Plan { new: *new, recipient: &recipient, directory: &in_policy, like, clusters: &clusters, files: &files };
    let placed = drafts.change(|draft| plan.write(draft))?.pop().unwrap_or_default();
    let policy = drafts.policies().next();
    let is_alone = |rule: &&usize| {
        let rule = policy.and_then(|policy| policy.rules().get(**rule));
        rule.is_some_and(|rule| rule.key_groups.iter().flat_map(|group| &group.0).all(|key| key.id() == recipient))
    };
    let alone = placed.added.iter().chain(&placed.shared).filter(is_alone).map(|rule| rule + 1).collect();
    let from_one = |rules: &[usize]| rules.iter().map(|rule| rule + 1).collect();
    Ok(Added { directory, rules: from_one(&placed.added), joined: from_one(&placed.shared), alone, drafts, recipient })
}

/// Files that the cluster has to read, as far as it is in the repository, and that their rules do not encrypt for it, by
/// their paths below the root. For after the policies have changed.
#[must_use]
pub fn find_left_out(session: &Session, overview: &Overview, name: &str, recipient: &str) -> Vec<String> {
    let Ok(number) = overview.find_cluster(name) else { return Vec::new() };
    let read = overview.files().filter(|(_, owners)| owners.readers.contains(&number));
    let paths = read.map(|(file, _)| overview.survey.path(file));
    let is_left_out = |path: &&str| {
        let applied = session.rule_for(&overview.survey.root.join(path));
        let groups = applied.ok().and_then(|applied| Some(applied.rule()?.key_groups.clone()));
        !groups.is_some_and(|groups| groups.iter().flat_map(|group| &group.0).any(|key| key.id() == recipient))
    };
    paths.filter(is_left_out).map(str::to_owned).collect()
}

fn check_free(overview: &Overview, name: &str, recipient: &str) -> Result<(), OpError> {
    if name.ends_with(NEXT_SUFFIX) {
        return Err(OpError::NextName(name.to_owned()));
    }
    let own = overview.find_cluster(name).ok();
    let known = own.and_then(|number| overview.recipients.get(number));
    // What is only inferred may as well be a person's.
    if known.is_some_and(|known| matches!(known.known, Known::Config | Known::Policy)) {
        return Err(OpError::ClusterHasRecipient(name.to_owned()));
    }
    let by_recipient = overview.clusters_by_recipient();
    let others = by_recipient.get(recipient).into_iter().flatten().copied().filter(|number| Some(*number) != own);
    match overview.names(others).first() {
        Some(other) => Err(OpError::RecipientOfCluster((*other).to_owned())),
        None => Ok(()),
    }
}

/// The directory and the recipient of the cluster called `name`.
fn other<'o>(overview: &'o Overview, name: &str) -> Result<(&'o str, &'o str), OpError> {
    let number = overview.find_cluster(name)?;
    let known = overview.clusters().get(number).zip(overview.recipients.get(number));
    match known {
        Some((_, recipients)) if RotationPhase::of(recipients) == RotationPhase::Begun => {
            Err(OpError::Begun(name.to_owned()))
        }
        Some((_, ClusterRecipients { known: known @ Known::Inferred, .. })) => {
            Err(OpError::UnnamedRecipient { cluster: name.to_owned(), known: *known })
        }
        Some((cluster, recipients)) => match recipients.ids.as_slice() {
            [id] => Ok((&cluster.entry.path, id)),
            [] => Err(OpError::NoClusterRecipient(name.to_owned())),
            _ => Err(OpError::SeveralRecipients(name.to_owned())),
        },
        None => Err(OpError::NoClusterRecipient(name.to_owned())),
    }
}

/// The directory that is given, or that the cluster is found in, or that is beside those of the others.
fn directory_of(overview: &Overview, new: &NewCluster<'_>) -> Result<String, OpError> {
    if let Some(directory) = new.directory {
        return Ok(directory.to_owned());
    }
    let entry = |name: &str| {
        let number = overview.find_cluster(name).ok()?;
        overview.clusters().get(number).map(|cluster| cluster.entry.path.clone())
    };
    if let Some(found) = entry(new.name).filter(|path| !path.is_empty()) {
        return Ok(found);
    }
    let parents: Vec<String> = match new.like.and_then(entry) {
        Some(other) => vec![path::parent(&other).to_owned()],
        None => overview.clusters().iter().map(|cluster| path::parent(&cluster.entry.path).to_owned()).collect(),
    };
    match parents.split_first() {
        Some((first, others)) if !first.is_empty() && others.iter().all(|other| other == first) => {
            Ok(format!("{first}/{}", new.name))
        }
        _ => Err(OpError::NoClusterDirectory(new.name.to_owned())),
    }
}

impl Plan<'_> {
    fn write(&self, draft: &mut PolicyDraft) -> Result<Like, PolicyEditError> {
        self.name(draft)?;
        match &self.like {
            Some((directory, id)) => self.copy(draft, directory, id),
            None => self.own_rule(draft),
        }
    }

    /// The recipient gets its name behind those of the other clusters, with the comment that they have.
    fn name(&self, draft: &mut PolicyDraft) -> Result<(), PolicyEditError> {
        let NewCluster { name, .. } = self.new;
        if draft.policy().names_of(self.recipient).iter().any(|known| known == name) {
            return Ok(());
        }
        let listed = draft.recipients().recipients;
        let mut clusters =
            listed.iter().filter(|one| self.clusters.contains(&one.id.as_str()) && !one.names.is_empty());
        let lines: Vec<&str> = draft.text().lines().collect();
        let comment_of =
            |line: Option<usize>| lines.get(line?.checked_sub(1)?)?.split_once(" # ").map(|(_, text)| text);
        let comments: Vec<Option<&str>> = clusters.clone().map(|one| comment_of(one.line)).collect();
        let comment = comments.split_first().filter(|(first, others)| others.iter().all(|other| other == *first));
        let comment = comment.and_then(|(first, _)| first.map(|text| text.trim().to_owned()));
        let beside = clusters.next_back().and_then(|one| one.names.first().cloned());
        // What is said of one cluster alone is not said of another.
        let comment = comment.filter(|_| comments.len() > 1);
        let new = NewName { name, recipient: self.recipient, comment: comment.as_deref() };
        match beside {
            Some(beside) => draft.add_name_beside(&beside, &new),
            None => draft.add_name(&new),
        }
    }

    /// A rule of its own; one that is there for its directory is joined.
    fn own_rule(&self, draft: &mut PolicyDraft) -> Result<Like, PolicyEditError> {
        let there = draft.rules_of(self.directory);
        if !there.is_empty() {
            return self.join(draft, there, None).map(|shared| Like { shared, ..Like::default() });
        }
        let common = self.common(draft.policy());
        let readers = if self.new.readers.is_empty() { &common } else { self.new.readers };
        let others = readers.iter().map(String::as_str);
        let recipients: Vec<&str> = std::iter::once(self.new.name).chain(others).collect();
        let rule =
            NewRule { directory: self.directory, recipients: &recipients, files: self.files, ..NewRule::default() };
        Ok(Like { added: vec![draft.add_rule(&rule)?], shared: Vec::new() })
    }

    /// The rules of the other cluster for the new one, which also joins those that the other one shares.
    fn copy(&self, draft: &mut PolicyDraft, directory: &str, id: &str) -> Result<Like, PolicyEditError> {
        let (from, to) = ((directory, id), (self.directory, self.new.name));
        let like = match draft.add_rules_like(from, to, self.files) {
            Err(PolicyEditError::NoRuleOf(directory)) => {
                let shared = rules_naming(draft.policy(), id);
                if shared.is_empty() {
                    return Err(PolicyEditError::NoRuleOf(directory));
                }
                Like { shared, ..Like::default() }
            }
            like => like?,
        };
        Ok(Like { shared: self.join(draft, like.shared, Some(id))?, ..like })
    }

    /// Adds the cluster to rules, in the key group that `beside` is in.
    fn join(
        &self,
        draft: &mut PolicyDraft,
        rules: Vec<usize>,
        beside: Option<&str>,
    ) -> Result<Vec<usize>, PolicyEditError> {
        let mut joined = Vec::new();
        for number in rules {
            let rule = draft.policy().rules().get(number);
            let groups = rule.map(|rule| rule.key_groups.clone()).unwrap_or_default();
            let has = |id: &str| groups.iter().position(|group| group.0.iter().any(|key| key.id() == id));
            if has(self.recipient).is_none() {
                draft.add_to_rule(number, beside.and_then(has), self.new.name)?;
                joined.push(number);
            }
        }
        Ok(joined)
    }

    /// Those who are in all rules for clusters, or in all rules if there are none, by name, and are no clusters.
    fn common(&self, policy: &Policy) -> Vec<String> {
        let of_clusters: Vec<usize> = self.clusters.iter().flat_map(|id| rules_naming(policy, id)).collect();
        let rules = policy.rules().iter().filter(|rule| of_clusters.is_empty() || of_clusters.contains(&rule.index));
        let mut all = rules.map(|rule| rule.key_groups.iter().flat_map(|group| &group.0).collect::<Vec<&MasterKey>>());
        let mut common: Vec<&MasterKey> = all.next().unwrap_or_default();
        all.for_each(|keys| common.retain(|key| keys.contains(key)));
        common.retain(|key| matches!(key, MasterKey::Age(id) if !self.clusters.contains(&id.as_str())));
        let name = |key: &MasterKey| policy.names_of(key.id()).first().cloned().unwrap_or_else(|| key.id().to_owned());
        common.into_iter().map(name).collect()
    }
}
