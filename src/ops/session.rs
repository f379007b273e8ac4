//! What all files of one run have in common: where it was started, the identities, the policies, what is to be told.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use zeroize::Zeroizing;

use super::{
    error::OpError,
    named::Named,
    note::Notes,
    open::{age_entries, open_groups},
    policies::Policies,
};
use crate::{
    base::{env::Env, secret::DataKey},
    keys::{Asker, Identities, Keyring, NoIdentity},
    policy::{Policy, absolute},
    sops::{file::SopsFile, key_group::MasterKey, metadata::KeyEntry},
};

pub use super::policies::Applied;

/// One run of a command. Threads share it; whatever is found out for one file is not looked for again.
#[derive(Debug)]
pub struct Session {
    env: Env,
    directory: PathBuf,
    identities: Identities,
    policies: Policies,
    notes: Notes,
}

impl Session {
    /// A run in `directory`, which is absolute. `given_policy` is what `--config` names; the environment's
    /// `SOPS_CONFIG` stands in for it. Reads nothing yet.
    #[must_use]
    pub fn new(env: Env, directory: PathBuf, given_policy: Option<PathBuf>) -> Self {
        let given = given_policy.or_else(|| env.path("SOPS_CONFIG")).map(|given| absolute(&directory, &given));
        Self {
            identities: Identities::from_env(&env),
            policies: Policies::new(directory.clone(), given),
            env,
            directory,
            notes: Notes::default(),
        }
    }

    /// The same run, with somebody to ask for passphrases. Without, it is as if there was no terminal.
    #[must_use]
    pub fn with_asker(mut self, asker: Asker) -> Self {
        self.identities = Identities::from_env(&self.env).with_asker(asker);
        self
    }

    /// Whom to ask.
    pub(super) const fn asker(&self) -> &Asker {
        self.identities.asker()
    }

    /// The environment.
    #[must_use]
    pub const fn env(&self) -> &Env {
        &self.env
    }

    /// The identities of this run.
    pub(super) const fn identities(&self) -> &Identities {
        &self.identities
    }

    /// The keyring of the operating system. Nothing is connected to before it is asked.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        self.identities.keyring()
    }

    /// The current directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The policy that was named, absolute; `None` where each file's own directory decides.
    #[must_use]
    pub fn given_policy(&self) -> Option<&Path> {
        self.policies.given()
    }

    /// The policy that a change of the policy itself is about: the one that was named, or the nearest one upward from the
    /// current directory.
    ///
    /// # Errors
    /// [`OpError::NoPolicyUpward`], [`OpError::FindPolicy`].
    pub fn policy_path(&self) -> Result<PathBuf, OpError> {
        self.policies.path()
    }

    /// Where the policy for the file called `name` is, which need not exist; `None` if there is none.
    ///
    /// # Errors
    /// [`OpError::FindPolicy`].
    pub(super) fn find_policy_path(&self, name: &Path) -> Result<Option<PathBuf>, OpError> {
        self.policies.path_for(name)
    }

    /// What there is to tell.
    #[must_use]
    pub const fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The rule for the file called `name`, which need not exist. Notes what is wrong with the policy.
    ///
    /// # Errors
    /// [`OpError::Policy`], [`OpError::FindPolicy`], or [`OpError::File`] for a policy that cannot be read; that there
    /// is none is no error.
    pub fn rule_for(&self, name: &Path) -> Result<Applied, OpError> {
        self.policies.rule_for(name, &self.notes)
    }

    /// The policy for the file called `name`, be there a rule for it or not; `None` if there is none that can be read.
    #[must_use]
    pub fn find_policy(&self, name: &Path) -> Option<Arc<Policy>> {
        self.policies.find_quietly(name)
    }

    /// From here on `policy` is what its file says: for a policy that is written together with the files that follow it.
    pub(super) fn assume_policy(&self, policy: Policy) {
        self.policies.assume(policy);
    }

    /// Opens the data key of `file`, called `name`.
    ///
    /// # Errors
    /// [`OpError::NoIdentity`]; of several key groups [`OpError::TooFewGroups`] and [`OpError::Shares`].
    pub fn open(&self, name: &Path, file: &SopsFile<'_>) -> Result<DataKey, OpError> {
        let named = |group: &[KeyEntry]| self.named(name, group.iter().map(|entry| &entry.key));
        let tell = |tried| self.with_names(name, tried);
        let [group] = file.metadata.groups.as_slice() else {
            return open_groups(&self.identities, file, named, tell);
        };
        let opened = self.identities.open(&age_entries(group));
        opened.map_err(|tried| OpError::NoIdentity { tried: Box::new(tell(tried)), recipients: named(group) })
    }

    /// Opens an age file of ours, kept beside the file called `name`, that is for `recipients`, and holds no more than
    /// `limit_bytes`.
    ///
    /// # Errors
    /// [`NoIdentity`].
    pub fn open_file(
        &self,
        name: &Path,
        armor: &str,
        recipients: &[String],
        limit_bytes: usize,
    ) -> Result<Zeroizing<Vec<u8>>, NoIdentity> {
        let opened = self.identities.open_file(armor, recipients, limit_bytes);
        opened.map_err(|tried| self.with_names(name, tried))
    }

    /// What was tried, with the names that the policy of the file called `name` has for the identities that were found.
    fn with_names(&self, name: &Path, tried: NoIdentity) -> NoIdentity {
        match self.policies.find_quietly(name) {
            Some(policy) => tried.with_names(|recipient| policy.names_of(recipient)),
            None => tried,
        }
    }

    /// `keys` with the names that the policy of the file called `name` has for them, if it can be read.
    #[must_use]
    pub fn named<'k>(&self, name: &Path, keys: impl IntoIterator<Item = &'k MasterKey>) -> Vec<Named> {
        let policy = self.policies.find_quietly(name);
        keys.into_iter().map(|key| Named::new(key, policy.as_deref())).collect()
    }
}
