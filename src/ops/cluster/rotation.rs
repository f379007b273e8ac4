//! What has to be so before a change of a cluster's identity that has begun can be finished.

use super::{Overview, Status};
use crate::{
    gitops::{cluster::Cluster, decryption_secret::find_asked, recipient::RotationPhase},
    ops::survey::SopsEntry,
    sops::key_group::MasterKey,
};

/// The steps that are left, in order; none where no change is under way.
pub(super) fn find_steps(overview: &Overview, status: &Status<'_>) -> Vec<String> {
    let (RotationPhase::Begun, Some(next)) = (status.phase, &status.recipients.next) else { return Vec::new() };
    let name = &status.cluster.name;
    let is_next = |key: &MasterKey| key.id() == next;
    let is_own = |key: &MasterKey| key.id() != next && status.recipients.ids.iter().any(|id| id == key.id());
    let is_left = |file: &&&SopsEntry| file.terms.count_groups(is_next) < file.terms.count_groups(is_own);
    let left = status.reads.iter().filter(is_left).count();
    let mut steps = Vec::new();
    if left > 0 {
        let all = status.reads.len();
        steps.push(format!("{left} of {all} files are not for the new recipient: `secrets cluster rotate {name}`"));
    }
    let asked = find_asked(&overview.survey.inventory, status.cluster).unwrap_or_default();
    let secrets: Vec<String> = asked.iter().map(|asked| asked.secret.to_string()).collect();
    let secrets = if secrets.is_empty() { String::new() } else { format!(" {}", secrets.join(", ")) };
    steps.push(format!("its decryption Secret{secrets} has to hold both identities"));
    let source = status.cluster.entry.source.as_ref().filter(|_| is_released(status.cluster));
    steps.push(match source {
        Some(source) => format!(
            "the files have to be released, as it follows {}, and Flux has to have deployed that",
            source.revision
        ),
        None => "the files have to be committed and pushed, and Flux has to have deployed them".to_owned(),
    });
    steps.push(format!("then `secrets cluster rotate {name} --finish`"));
    steps
}

pub(super) fn is_released(cluster: &Cluster) -> bool {
    cluster.entry.source.as_ref().is_some_and(|source| source.revision.is_released())
}
