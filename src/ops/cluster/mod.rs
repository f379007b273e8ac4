//! The clusters of a repository: what each has to read, what it can read, and what others can read of it. No key is
//! needed.

mod page;
mod render;
mod rotation;
mod status;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

pub(super) use page::{shortened, wrapped};
pub use render::{render_list, render_list_json, render_status, render_status_json};
pub use status::{Overshared, Status, Unreadable, status_of};

use super::{
    error::OpError,
    session::Session,
    survey::{SopsEntry, Survey},
};
use crate::{
    gitops::{
        Discovery,
        cluster::{Cluster, Owners, Ownership, Paths, paths_of},
        config::ConfigErrorKind,
        discover,
        recipient::{self, ClusterRecipients, Known},
    },
    policy::Policy,
    sops::key_group::MasterKey,
};

/// A repository with its clusters.
#[derive(Debug)]
pub struct Overview {
    /// What is in the repository.
    pub survey: Survey,
    /// The clusters, and what was noticed on the way.
    pub discovery: Discovery,
    /// The recipients of each cluster.
    pub recipients: Vec<ClusterRecipients>,
    /// The paths of each cluster.
    pub paths: Vec<Paths>,
    /// Whose each of the survey's files is.
    pub owners: Vec<Owners>,
}

impl Overview {
    /// Finds the clusters of what was surveyed.
    ///
    /// # Errors
    /// [`OpError::Config`] where `.secrets.toml` speaks of what is not there.
    pub fn new(session: &Session, survey: Survey) -> Result<Self, OpError> {
        let discovery = discover(&survey.inventory, &survey.config, &survey.repository_name())?;
        let ownership = Ownership::new(&discovery.clusters, &survey.inventory);
        let owners: Vec<Owners> = survey.files.iter().map(|file| ownership.of(file.id)).collect();
        let recipients = find_recipients(session, &survey, &discovery.clusters, &owners)?;
        let paths = paths_of(&discovery.clusters);
        Ok(Self { survey, discovery, recipients, paths, owners })
    }

    /// The clusters, by name.
    #[must_use]
    pub fn clusters(&self) -> &[Cluster] {
        &self.discovery.clusters
    }

    /// The number of the cluster called `name`.
    ///
    /// # Errors
    /// [`OpError::NoCluster`].
    pub fn find_cluster(&self, name: &str) -> Result<usize, OpError> {
        let number = self.clusters().iter().position(|cluster| cluster.name == name);
        number.ok_or_else(|| OpError::NoCluster { name: name.to_owned(), known_names: self.cluster_names() })
    }

    /// The names of all clusters.
    pub(super) fn cluster_names(&self) -> Vec<String> {
        self.clusters().iter().map(|cluster| cluster.name.clone()).collect()
    }

    /// The names of the clusters with these numbers.
    pub(super) fn names(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<&str> {
        numbers
            .into_iter()
            .filter_map(|number| self.clusters().get(number))
            .map(|cluster| cluster.name.as_str())
            .collect()
    }

    /// The files with whose they are.
    pub fn files(&self) -> impl Iterator<Item = (&SopsEntry, &Owners)> {
        self.survey.files.iter().zip(&self.owners)
    }

    /// Whether `key` is a recipient of the cluster with that number.
    #[must_use]
    pub fn is_of_cluster(&self, number: usize, key: &MasterKey) -> bool {
        self.recipients.get(number).is_some_and(|recipients| recipients.ids.iter().any(|id| id == key.id()))
    }

    /// The clusters by recipient.
    #[must_use]
    pub fn clusters_by_recipient(&self) -> BTreeMap<&str, BTreeSet<usize>> {
        let mut clusters: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (number, recipients) in self.recipients.iter().enumerate() {
            for id in &recipients.ids {
                clusters.entry(id).or_default().insert(number);
            }
        }
        clusters
    }

    /// `path`, as it was typed in `directory`, below the root of the repository.
    ///
    /// # Errors
    /// [`OpError::OutsideRepository`], or [`OpError::File`] for what does not exist.
    pub fn locate(&self, directory: &Path, path: &Path) -> Result<String, OpError> {
        let real = |path: PathBuf| path.canonicalize().unwrap_or(path);
        let root = real(self.survey.root.clone());
        let typed = directory.join(path);
        let found = typed.canonicalize().map_err(|cause| OpError::unreadable(path, cause))?;
        match found.strip_prefix(&root) {
            Ok(_) => Ok(super::survey::below(&root, &found)),
            Err(_) => Err(OpError::OutsideRepository { root: self.survey.root.clone() }),
        }
    }
}

/// The recipients of each cluster: given, named in the policy, or inferred.
fn find_recipients(
    session: &Session,
    survey: &Survey,
    clusters: &[Cluster],
    owners: &[Owners],
) -> Result<Vec<ClusterRecipients>, OpError> {
    let mut policies: Vec<BTreeMap<PathBuf, Arc<Policy>>> = vec![BTreeMap::new(); clusters.len()];
    for (cluster, policies) in clusters.iter().zip(&mut policies) {
        // The policy of the cluster's own directory, and that of the whole repository.
        for directory in [survey.root.join(&cluster.entry.path), survey.root.clone()] {
            let policy = session.find_policy(&directory.join("new.sops.yaml"));
            policies.extend(policy.map(|policy| (policy.path().to_owned(), policy)));
        }
    }
    let mut recipients = Vec::with_capacity(clusters.len());
    for (cluster, policies) in clusters.iter().zip(&policies) {
        let policies: Vec<&Policy> = policies.values().map(AsRef::as_ref).collect();
        let unknown =
            |text: &str| survey.config.error(&cluster.name, ConfigErrorKind::UnknownRecipient(text.to_owned()));
        let given = recipient::given(cluster, &policies).map_err(unknown)?;
        recipients.push(given.or_else(|| recipient::of_policy(cluster, &policies)).unwrap_or_default());
    }
    let inferred = infer(survey, owners, &recipients);
    for (recipients, inferred) in recipients.iter_mut().zip(inferred) {
        if let (Known::Unknown, Some(inferred)) = (recipients.known, inferred) {
            *recipients = inferred;
        }
    }
    Ok(recipients)
}

fn infer(survey: &Survey, owners: &[Owners], known: &[ClusterRecipients]) -> Vec<Option<ClusterRecipients>> {
    let taken: BTreeSet<&str> = known.iter().flat_map(|known| &known.ids).map(String::as_str).collect();
    let clusters: Vec<BTreeSet<usize>> = owners.iter().map(Owners::clusters).collect();
    let evidence = survey.files.iter().zip(&clusters).map(|(file, clusters)| {
        let groups = file.applied.rule().map_or(&file.terms.groups, |rule| &rule.key_groups);
        recipient::Evidence { recipients: groups.iter().flat_map(|group| group.recipients()).collect(), clusters }
    });
    recipient::infer(known.len(), &evidence.collect::<Vec<_>>(), &taken)
}
