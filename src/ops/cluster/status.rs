//! How it stands with one cluster.

use std::collections::BTreeSet;

use super::Overview;
use crate::{
    gitops::{
        cluster::Cluster,
        note::Note,
        recipient::{ClusterRecipients, RotationPhase},
    },
    ops::survey::SopsEntry,
};

/// How it stands with one cluster. Files are in the order of their paths.
#[derive(Debug)]
pub struct Status<'o> {
    /// The cluster.
    pub cluster: &'o Cluster,
    /// Its number in the overview.
    pub number: usize,
    /// Its recipients.
    pub recipients: &'o ClusterRecipients,
    /// How far a change of its identity has come.
    pub phase: RotationPhase,
    /// The files that it has to read.
    pub reads: Vec<&'o SopsEntry>,
    /// Those among them that it cannot read.
    pub unreadable: Vec<Unreadable<'o>>,
    /// Files of its own, or that it shares, which clusters can read that they are not for.
    pub overshared: Vec<Overshared<'o>>,
    /// Those of its files that are not as the policy says.
    pub drifted: Vec<&'o SopsEntry>,
    /// What may hide files of the cluster.
    pub hidden: Vec<&'o Note>,
}

/// A file that a cluster has to read and cannot.
#[derive(Debug)]
pub struct Unreadable<'o> {
    /// The file.
    pub file: &'o SopsEntry,
    /// Of how many key groups the cluster holds a key.
    pub groups: usize,
}

/// A file that other clusters can read.
#[derive(Debug)]
pub struct Overshared<'o> {
    /// The file.
    pub file: &'o SopsEntry,
    /// The numbers of those clusters.
    pub clusters: BTreeSet<usize>,
}

impl Status<'_> {
    /// Whether something is not as it should be.
    #[must_use]
    pub const fn has_findings(&self) -> bool {
        !self.unreadable.is_empty() || !self.overshared.is_empty() || !self.drifted.is_empty()
    }

    /// Whether something could not be checked: who the cluster is, or what it reads.
    #[must_use]
    pub const fn is_incomplete(&self) -> bool {
        !self.hidden.is_empty() || (matches!(self.phase, RotationPhase::Unknown) && !self.reads.is_empty())
    }
}

/// How it stands with the clusters of these `numbers`. Each file is looked at once.
#[must_use]
pub fn status_of<'o>(overview: &'o Overview, numbers: &BTreeSet<usize>) -> Vec<Status<'o>> {
    let clusters = overview.clusters().iter().zip(&overview.recipients).enumerate();
    let mut all: Vec<Status<'o>> = clusters
        .map(|(number, (cluster, recipients))| Status {
            cluster,
            number,
            recipients,
            phase: RotationPhase::of(recipients),
            reads: Vec::new(),
            unreadable: Vec::new(),
            overshared: Vec::new(),
            drifted: Vec::new(),
            hidden: cluster.reach.notes.iter().filter(|note| note.kind.hides_files()).collect(),
        })
        .collect();
    let by_recipient = overview.clusters_by_recipient();
    for (file, owners) in overview.files() {
        let own = owners.clusters();
        if own.is_disjoint(numbers) {
            continue;
        }
        let terms = &file.terms;
        let is_drifted = file.lacks_rule() || !file.drifts.all.is_empty();
        // Only clusters with a key in the file can be able to open it.
        let named = terms.keys().filter_map(|key| by_recipient.get(key.id())).flatten().copied();
        let others: BTreeSet<usize> = named
            .filter(|number| !own.contains(number))
            .filter(|number| terms.is_opened_by(|key| overview.is_of_cluster(*number, key)))
            .collect();
        for number in own.intersection(numbers) {
            let Some(status) = all.get_mut(*number) else { continue };
            if owners.readers.contains(number) {
                status.reads.push(file);
                let groups = terms.count_groups(|key| overview.is_of_cluster(*number, key));
                if groups < terms.threshold && status.phase != RotationPhase::Unknown {
                    status.unreadable.push(Unreadable { file, groups });
                }
            }
            if !others.is_empty() {
                status.overshared.push(Overshared { file, clusters: others.clone() });
            }
            if is_drifted {
                status.drifted.push(file);
            }
        }
    }
    all.into_iter().filter(|status| numbers.contains(&status.number)).collect()
}
