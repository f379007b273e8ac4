//! Why no decryption Secret is written, or none can be checked.

use crate::{
    gitops::{
        controller::ControllerVersion,
        decryption_secret::{SecretName, SecretNameError},
    },
    keys::{AgeKeyFault, AgeKeyProblem, IdentityProblem, KeyringProblem, shorten_recipient},
    ops::error::OpError,
};

/// Why no decryption Secret is written, or none can be checked. Holds no identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FluxError {
    /// A line of an identity file that the controller cannot read.
    #[error("{0}")]
    Line(AgeKeyFault),
    /// An identity file without any.
    #[error("holds no identity")]
    Empty,
    /// The keyring holds none of these recipients.
    #[error("holds no identity of {}", shown(.0))]
    NotKept(Vec<String>),
    /// The keyring cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringProblem),
    /// Nothing tells who the cluster is.
    #[error("its recipient is not known, so that no identity of it can be looked for")]
    UnknownRecipient,
    /// A post-quantum identity for a controller that reads none.
    #[error(
        "{} is a post-quantum identity: kustomize-controller {version} reads none, and with one in the Secret nothing of \
         it", shorten_recipient(.recipient)
    )]
    PostQuantum {
        /// Whose identity it is.
        recipient: String,
        /// What runs.
        version: ControllerVersion,
    },
    /// An identity of somebody else.
    #[error("{} is not a recipient of {cluster}, which has {}", shorten_recipient(.recipient), shown(.known))]
    Foreign {
        /// Whose identity it is.
        recipient: String,
        /// The cluster.
        cluster: String,
        /// Its recipients.
        known: Vec<String>,
    },
    /// Kustomizations ask for more than one Secret.
    #[error("its Kustomizations ask for {} Secrets: {}", .0.len(), listed(.0))]
    Several(Vec<SecretName>),
    /// A Secret that cannot be called so.
    #[error(transparent)]
    Name(#[from] SecretNameError),
    /// The encrypted file would be for nobody but the identities in it.
    #[error("only the identities that are in it could open it")]
    SelfReference,
    /// A clear text where git would take it.
    #[error("is in the git work tree {0}, and git does not ignore it: the identities would be committed")]
    InWorkTree(String),
    /// There is no Secret in the manifest.
    #[error("holds no manifest of a Secret")]
    NoSecret,
    /// Any other.
    #[error(transparent)]
    Op(#[from] OpError),
}

impl FluxError {
    /// What to do.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Line(AgeKeyFault { problem, .. }) => match problem {
                AgeKeyProblem::Identity(IdentityProblem::Blank) => {
                    "take the blank away; Flux reads lines to the letter"
                }
                AgeKeyProblem::Encrypted => "give it decrypted: `age -d FILE | secrets flux secret --identity -`",
                AgeKeyProblem::Plugin | AgeKeyProblem::Pem => {
                    "make an identity for the cluster: `secrets identity new`"
                }
                _ => "Flux would read nothing of the Secret: take the line out",
            },
            Self::Empty => "an identity begins with AGE-SECRET-KEY-1 or AGE-SECRET-KEY-PQ-1",
            Self::NotKept(_) => "name its identity file with --identity, or keep it with `secrets identity import`",
            Self::UnknownRecipient => "name it in the policy, or give its identity file with --identity",
            Self::PostQuantum { .. } => "update Flux to 2.9 first, or make an identity without --post-quantum",
            Self::Foreign { .. } => "name it in the policy first: `secrets recipient add`; or give another --identity",
            Self::Several(_) => "write all with --all-namespaces-needed, or choose with --namespace and --name",
            Self::Name(_) => "give --namespace and --name",
            Self::SelfReference => "encrypt it for a person too: --age RECIPIENT, or in the policy's rule for the file",
            Self::InWorkTree(_) => "write it elsewhere, let git ignore it, or encrypt it with --encrypt",
            Self::NoSecret => "give what `kubectl -n flux-system get secret sops-age -o yaml` prints",
            Self::Keyring(_) | Self::Op(_) => return None,
        })
    }
}

fn shown(recipients: &[String]) -> String {
    let shown: Vec<String> = recipients.iter().map(|recipient| shorten_recipient(recipient)).collect();
    shown.join(", ")
}

fn listed(secrets: &[SecretName]) -> String {
    secrets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
