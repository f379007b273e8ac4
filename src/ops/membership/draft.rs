//! The policies of a repository, on their way to other ones.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{
    base::{files::read_text, line_diff::render_diff},
    gitops::recipient::is_name_of,
    ops::{cluster::Overview, error::OpError, named::Named, policies::POLICY_LIMIT_BYTES, session::Session},
    policy::{
        Policy,
        edit::{PolicyDraft, PolicyEditError},
    },
    sops::key_group::{KeyGroup, MasterKey},
};

/// Policies on their way to other ones.
#[derive(Debug)]
pub struct Drafts(Vec<Drafted>);

#[derive(Debug)]
struct Drafted {
    /// As it is seen from where the run was started.
    shown: PathBuf,
    old: String,
    before: Policy,
    draft: PolicyDraft,
}

impl Drafts {
    /// The policies that files and clusters of the repository have.
    ///
    /// # Errors
    /// [`OpError::NoPolicyUpward`] where there is none; what one of them cannot be read for.
    pub(super) fn of_repository(session: &Session, overview: &Overview) -> Result<Self, OpError> {
        let root = &overview.survey.root;
        let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
        let of_files = overview.survey.files.iter().filter_map(|file| file.applied.policy());
        paths.extend(of_files.map(|policy| policy.path().to_owned()));
        for cluster in overview.clusters() {
            paths.extend(session.find_policy_path(&root.join(&cluster.entry.path).join("new.sops.yaml"))?);
        }
        paths.extend(session.find_policy_path(&root.join("new.sops.yaml"))?);
        if paths.is_empty() {
            return Err(OpError::NoPolicyUpward(session.directory().to_owned()));
        }
        paths.iter().map(|path| Drafted::read(session, path)).collect::<Result<_, _>>().map(Self)
    }

    /// The policy for what is in `directory`, which is absolute and need not exist.
    ///
    /// # Errors
    /// As for [`Self::of_repository`].
    pub(super) fn of_directory(session: &Session, directory: &Path) -> Result<Self, OpError> {
        let path = session.find_policy_path(&directory.join("new.sops.yaml"))?;
        let path = path.ok_or_else(|| OpError::NoPolicyUpward(directory.to_owned()))?;
        Ok(Self(vec![Drafted::read(session, &path)?]))
    }

    /// Does `work` on each policy.
    ///
    /// # Errors
    /// [`OpError::PolicyChange`] for the first that cannot be changed.
    pub(super) fn change<T>(
        &mut self,
        work: impl Fn(&mut PolicyDraft) -> Result<T, PolicyEditError>,
    ) -> Result<Vec<T>, OpError> {
        let change = |one: &mut Drafted| work(&mut one.draft).map_err(|fault| of_policy(one.before.path(), fault));
        self.0.iter_mut().map(change).collect()
    }

    /// What the policies say now.
    pub(super) fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.0.iter().map(|one| one.draft.policy())
    }

    /// From here on the session takes the drafts for the policies.
    pub(super) fn assume(&self, session: &Session) {
        self.policies().for_each(|policy| session.assume_policy(policy.clone()));
    }

    /// The policies that are not as they were.
    pub(super) fn changed(&self) -> impl Iterator<Item = &Path> {
        let changed = self.0.iter().filter(|one| one.old != one.draft.text());
        changed.map(|one| one.shown.as_path())
    }

    /// `key` with the names that a policy had for it.
    pub(super) fn named_before(&self, key: &MasterKey) -> Named {
        let mut named = self.0.iter().map(|one| Named::new(key, Some(&one.before)));
        named.find(|named| !named.names().is_empty()).unwrap_or_else(|| Named::new(key, None))
    }

    /// What the policy that is shown as `path` held and is to hold.
    pub(super) fn find(&self, path: &Path) -> Option<(&str, &str)> {
        let found = self.0.iter().find(|one| one.shown == path)?;
        Some((&found.old, found.draft.text()))
    }

    pub(super) fn render_diff(&self) -> String {
        let render = |one: &Drafted| render_diff(&one.shown.display().to_string(), &one.old, one.draft.text());
        self.0.iter().map(render).collect()
    }
}

impl Drafted {
    fn read(session: &Session, path: &Path) -> Result<Self, OpError> {
        let old = read_text(path, POLICY_LIMIT_BYTES)?.expose().to_owned();
        let draft = PolicyDraft::new(old.clone(), path).map_err(|fault| of_policy(path, fault))?;
        let shown = path.strip_prefix(session.directory()).unwrap_or(path).to_owned();
        Ok(Self { shown, old, before: draft.policy().clone(), draft })
    }
}

fn of_policy(path: &Path, fault: PolicyEditError) -> OpError {
    match fault {
        PolicyEditError::Policy(error) => OpError::Policy(error),
        fault => OpError::PolicyChange { policy: path.to_owned(), fault: Box::new(fault) },
    }
}

/// Whether the policy names `id` anywhere.
pub(super) fn names(policy: &Policy, id: &str) -> bool {
    !policy.names_of(id).is_empty() || !rules_naming(policy, id).is_empty()
}

/// The rules that encrypt for `id`, from 0.
pub(super) fn rules_naming(policy: &Policy, id: &str) -> Vec<usize> {
    let names = |keys: &[KeyGroup]| keys.iter().flat_map(|group| &group.0).any(|key| key.id() == id);
    policy.rules().iter().filter(|rule| names(&rule.key_groups)).map(|rule| rule.index).collect()
}

/// The name of the recipient `id` of `cluster`: that of the cluster, if it has that one.
pub(super) fn name_for<'p>(policy: &'p Policy, id: &str, cluster: &str) -> Option<&'p str> {
    let names = policy.names_of(id);
    names.iter().find(|name| is_name_of(name, cluster)).or_else(|| names.first()).map(String::as_str)
}
