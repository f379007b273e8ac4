//! The decryption Secrets of a cluster with the identities that it is to have.

use super::ClusterIdentity;
use crate::{
    base::secret::Plaintext,
    gitops::{
        controller::ControllerVersion,
        decryption_secret::{SecretName, find_asked, find_controller_version, render_identities},
    },
    keys::{AgeKey, parse_age_keys},
    ops::{cluster::Overview, error::OpError},
};

/// What stands between two manifests.
const SEPARATOR: &str = "---\n";

/// Manifests for a cluster.
#[derive(Debug)]
pub struct DecryptionSecrets {
    /// The manifests, with the identities in clear. Wiped on drop.
    pub manifests: Plaintext,
    /// How the Secrets are called.
    pub names: Vec<String>,
    /// The version of the cluster's controller, if that does not read an identity that is among these.
    pub too_old: Option<ControllerVersion>,
}

/// Makes the Secrets that the Kustomizations of the cluster called `name` ask for; of a cluster that the repository does
/// not have yet, the one of Flux' guides.
///
/// # Errors
/// [`OpError::SecretName`]; [`OpError::NoFluxIdentity`] for an identity that Flux cannot use, as that of a plugin.
pub fn make_secrets(
    overview: &Overview,
    name: &str,
    identities: &[&ClusterIdentity],
) -> Result<DecryptionSecrets, OpError> {
    let mut keys: Vec<AgeKey> = Vec::new();
    for identity in identities {
        let parsed = parse_age_keys(identity.text.expose().as_bytes());
        if parsed.identities.is_empty() {
            return Err(OpError::NoFluxIdentity(identity.recipient.clone()));
        }
        keys.extend(parsed.identities);
    }
    let cluster = overview.find_cluster(name).ok().and_then(|number| overview.clusters().get(number));
    let (secrets, version) = match cluster {
        Some(cluster) => {
            let asked = find_asked(&overview.survey.inventory, cluster)?;
            let version = find_controller_version(&overview.survey.inventory, cluster);
            (asked.into_iter().map(|asked| asked.secret).collect(), version)
        }
        None => (vec![SecretName::default()], None),
    };
    let is_post_quantum = keys.iter().any(|key| key.is_post_quantum);
    let too_old = version.filter(|version| is_post_quantum && *version < ControllerVersion::POST_QUANTUM);
    let manifests: Vec<Plaintext> = secrets.iter().map(|secret| render_identities(secret, &keys)).collect();
    let length: usize = manifests.iter().map(|one| one.expose().len() + SEPARATOR.len()).sum();
    // Never moved: what it holds would stay where it was.
    let mut text = String::with_capacity(length);
    for one in &manifests {
        if !text.is_empty() {
            text.push_str(SEPARATOR);
        }
        text.push_str(one.expose());
    }
    let names = secrets.iter().map(ToString::to_string).collect();
    Ok(DecryptionSecrets { manifests: Plaintext::new(text), names, too_old })
}
