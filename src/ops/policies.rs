//! The policies of a run: each searched for once per directory, and read once.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    error::OpError,
    note::{Note, Notes},
};
use crate::{
    base::files::read_text,
    policy::{CreationRule, Found, Policy, PolicyWarning, PolicyWarningKind, RuleSelector, absolute, find},
    sops::selector::Selector,
};

/// More than anybody writes by hand.
pub(super) const POLICY_LIMIT_BYTES: usize = 16 << 20;

#[derive(Debug)]
pub(super) struct Policies {
    /// Where the run was started.
    directory: PathBuf,
    given: Option<PathBuf>,
    found: Mutex<HashMap<PathBuf, Found>>,
    read: Mutex<HashMap<PathBuf, Arc<Policy>>>,
    /// Those whose mistakes were noted.
    told: Mutex<HashSet<PathBuf>>,
}

/// The rule that applies to a file, or that there is none.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    policy: Option<Arc<Policy>>,
    rule: Option<usize>,
}

impl Applied {
    /// The policy, be there a rule for the file in it or not.
    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_deref()
    }

    /// The rule.
    #[must_use]
    pub fn rule(&self) -> Option<&CreationRule> {
        self.policy.as_deref()?.rules().get(self.rule?)
    }

    /// The selector that the rule names.
    #[must_use]
    pub fn selector(&self) -> Option<&Selector> {
        self.rule()?.selector.as_ref().map(RuleSelector::compiled)?.ok()
    }

    /// Why there is no rule.
    #[must_use]
    pub fn missing(&self) -> OpError {
        match &self.policy {
            Some(policy) => OpError::NoRule { policy: policy.path().to_owned() },
            None => OpError::NoPolicy,
        }
    }
}

impl Policies {
    pub(super) fn new(directory: PathBuf, given: Option<PathBuf>) -> Self {
        Self { directory, given, found: Mutex::default(), read: Mutex::default(), told: Mutex::default() }
    }

    pub(super) fn given(&self) -> Option<&Path> {
        self.given.as_deref()
    }

    pub(super) fn rule_for(&self, name: &Path, notes: &Notes) -> Result<Applied, OpError> {
        let file = absolute(&self.directory, name);
        let found = self.find(&file)?;
        if let Some(ignored) = found.ignored {
            let warning = PolicyWarning { path: ignored, place: None, kind: PolicyWarningKind::IgnoredFile };
            notes.add(Note::Policy(warning));
        }
        let Some(path) = found.policy else { return Ok(Applied::default()) };
        let policy = self.read(&path)?;
        self.tell_once(&policy, notes);
        let rule = policy.rule_for(&file)?.map(|matched| matched.rule.index);
        // SOPS takes a file without a list of rules for none.
        let counts = policy.has_creation_rules();
        Ok(Applied { policy: counts.then_some(policy), rule })
    }

    /// The policy for `name` if there is one that can be read, for the names in it.
    pub(super) fn find_quietly(&self, name: &Path) -> Option<Arc<Policy>> {
        let found = self.find(&absolute(&self.directory, name)).ok()?;
        self.read(&found.policy?).ok()
    }

    /// The policy that was named, or the nearest one upward from where the run was started.
    pub(super) fn path(&self) -> Result<PathBuf, OpError> {
        let found = match &self.given {
            Some(given) => Some(given.clone()),
            None => self.find_from(&self.directory)?.policy,
        };
        found.ok_or_else(|| OpError::NoPolicyUpward(self.directory.clone()))
    }

    /// Where the policy for the file called `name` is.
    pub(super) fn path_for(&self, name: &Path) -> Result<Option<PathBuf>, OpError> {
        Ok(self.find(&absolute(&self.directory, name))?.policy)
    }

    /// From here on `policy` is what its file says, whatever is there.
    pub(super) fn assume(&self, policy: Policy) {
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(policy.path().to_owned(), Arc::new(policy));
    }

    fn find(&self, file: &Path) -> Result<Found, OpError> {
        if self.given.is_some() {
            return Ok(Found { policy: self.given.clone(), ignored: None });
        }
        self.find_from(file.parent().unwrap_or(file))
    }

    fn find_from(&self, directory: &Path) -> Result<Found, OpError> {
        let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(directory) {
            return Ok(found.clone());
        }
        let found = find(directory).map_err(OpError::FindPolicy)?;
        known.insert(directory.to_owned(), found.clone());
        Ok(found)
    }

    fn read(&self, path: &Path) -> Result<Arc<Policy>, OpError> {
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = known.get(path) {
            return Ok(Arc::clone(policy));
        }
        let text = read_text(path, POLICY_LIMIT_BYTES)?;
        let policy = Arc::new(Policy::parse(text.expose(), path)?);
        known.insert(path.to_owned(), Arc::clone(&policy));
        Ok(policy)
    }

    fn tell_once(&self, policy: &Policy, notes: &Notes) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.contains(policy.path()) {
            return;
        }
        told.insert(policy.path().to_owned());
        policy.warnings().into_iter().for_each(|warning| notes.add(Note::Policy(warning)));
        self.compare_with_sops(policy.path(), notes);
    }

    /// `sops` searches upward from where it is started.
    fn compare_with_sops(&self, policy: &Path, notes: &Notes) {
        if self.given.is_some() {
            return;
        }
        let Ok(found) = self.find_from(&self.directory) else { return };
        if found.policy.as_deref() != Some(policy) {
            notes.add(Note::OtherPolicy { policy: policy.to_owned(), sops: found.policy });
        }
    }
}
