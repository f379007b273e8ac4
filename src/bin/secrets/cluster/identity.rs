//! The new identity of a cluster: given by its recipient, or made and kept; and its decryption Secret.

use std::path::{Path, PathBuf};

use clap::Args;
use gitops_secrets::{
    base::files::{create_new_private, create_private},
    keys::NewIdentity,
    ops::{
        cluster::Overview,
        error::OpError,
        membership::{ClusterIdentity, DecryptionSecrets, Keeping, find_identity, make_secrets, prepare_identity},
    },
};

use crate::{app::App, failure::Failure};

/// Where a new identity is kept.
#[derive(Debug, Args)]
pub(super) struct KeepArguments {
    /// Keep the new identity in FILE, for its owner alone to read; one that is there has it already
    #[arg(long, value_name = "FILE")]
    pub(super) identity_file: Option<PathBuf>,
    /// Keep the new identity in the keyring of the operating system
    #[arg(long)]
    pub(super) keyring: bool,
    /// Write the cluster's decryption Secret to FILE, for its owner alone to read, with all identities that it is to have
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<PathBuf>,
    /// Make a post-quantum identity (ML-KEM-768 with X25519)
    #[arg(long)]
    pub(super) post_quantum: bool,
}

/// What is written when all else is prepared.
#[derive(Debug, Default)]
pub(super) struct ToKeep {
    /// An identity that is new.
    pub(super) identity: Option<ClusterIdentity>,
    pub(super) secrets: Option<DecryptionSecrets>,
}

impl KeepArguments {
    fn keeping(&self) -> Keeping<'_> {
        let is_elsewhere = self.identity_file.is_some() || self.keyring;
        Keeping {
            file: self.identity_file.as_deref(),
            is_in_keyring: self.keyring,
            secrets: self.secret_file.as_deref().filter(|_| !is_elsewhere),
        }
    }

    /// Whether there is a place for a new identity.
    pub(super) const fn has_place(&self) -> bool {
        self.identity_file.is_some() || self.keyring || self.secret_file.is_some()
    }

    /// A new identity, not yet kept.
    pub(super) fn prepare(&self, app: &App, overview: &Overview) -> Result<ClusterIdentity, Failure> {
        if !self.has_place() {
            let what = "a new identity has to be kept somewhere";
            return Err(Failure::usage(what, "name a place with --identity-file FILE, --keyring or --secret-file FILE"));
        }
        let kind = if self.post_quantum { NewIdentity::PostQuantum } else { NewIdentity::X25519 };
        let prepared = prepare_identity(&app.session, overview, kind, self.keeping());
        prepared.map_err(|error| self.failure(error))
    }

    /// The identity of `recipient`, out of a file that is named, or from where identities are found.
    pub(super) fn find(&self, app: &App, recipient: &str, file: Option<&Path>) -> Result<ClusterIdentity, Failure> {
        let files: Vec<&Path> =
            file.into_iter().chain(self.identity_file.as_deref()).chain(self.secret_file.as_deref()).collect();
        find_identity(&app.session, recipient, &files).map_err(|error| match error {
            OpError::Keyring(problem) => Failure::of_keyring(problem),
            error => Failure::of(&error),
        })
    }

    /// The Secrets with `identities`, if they are asked for.
    pub(super) fn secrets(
        &self,
        app: &App,
        (overview, name): (&Overview, &str),
        identities: &[&ClusterIdentity],
    ) -> Result<Option<DecryptionSecrets>, Failure> {
        if self.secret_file.is_none() {
            return Ok(None);
        }
        let secrets = make_secrets(overview, name, identities).map_err(|error| Failure::of(&error))?;
        if let Some(version) = secrets.too_old {
            app.ui.warn(&format!("{name} runs kustomize-controller {version}, which reads no post-quantum identity, and with one in a Secret nothing of it"));
        }
        Ok(Some(secrets))
    }

    /// Writes what is to be kept.
    pub(super) fn keep(&self, app: &App, to_keep: &ToKeep) -> Result<(), Failure> {
        if let Some(identity) = &to_keep.identity {
            identity.keep(&app.session, self.keeping()).map_err(|error| self.failure(error))?;
        }
        let (Some(file), Some(secrets)) = (&self.secret_file, &to_keep.secrets) else { return Ok(()) };
        // Where it is the only place of an identity, another one is not written over.
        let is_new = to_keep.identity.as_ref().is_some_and(|identity| identity.is_new);
        let is_only_place = is_new && self.keeping().secrets.is_some();
        let write = if is_only_place { create_new_private } else { create_private };
        Ok(write(file, secrets.manifests.expose().as_bytes())?)
    }

    /// Says where it is, and what must not happen to it.
    pub(super) fn tell_kept(&self, app: &App, overview: &Overview, to_keep: &ToKeep) {
        if let (Some(file), Some(secrets)) = (&self.secret_file, &to_keep.secrets) {
            app.ui.tell(&format!("{}: Secret {}", file.display(), secrets.names.join(", ")));
        }
        let identity_file = self.identity_file.as_ref().filter(|_| to_keep.identity.is_some());
        let secret_file = self.secret_file.as_ref().filter(|_| to_keep.secrets.is_some());
        for file in identity_file.into_iter().chain(secret_file) {
            if file.canonicalize().is_ok_and(|file| file.starts_with(&overview.survey.root)) {
                app.ui.warn(&format!("{}: holds a private key, and is in the repository: keep it out of git", file.display()));
            }
        }
    }

    fn failure(&self, error: OpError) -> Failure {
        match (error, self.identity_file.as_ref().or(self.secret_file.as_ref())) {
            (OpError::Keyring(problem), _) => Failure::of_keyring(problem),
            (error, Some(file)) => Failure::at(file, &error),
            (error, None) => Failure::of(&error),
        }
    }
}
