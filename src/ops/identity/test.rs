//! `identity test`: who can open a file, which of them you are, and whether it opens.

use std::path::Path;

use crate::{
    keys::{FoundIdentity, NoIdentity},
    ops::{error::OpError, named::Named, session::Session},
    sops::{file::SopsFile, key_group::MasterKey},
};

/// What was found out about one file.
#[derive(Debug)]
pub struct FileTest {
    /// Its key groups, in their order.
    pub groups: Vec<Vec<TestedKey>>,
    /// Why it does not open, with what was tried; `None` when it does.
    pub failure: Option<OpError>,
}

impl FileTest {
    /// What was tried in vain, if anything was.
    #[must_use]
    pub fn tried(&self) -> Option<&NoIdentity> {
        match &self.failure {
            Some(OpError::NoIdentity { tried, .. }) => Some(tried),
            Some(OpError::TooFewGroups(short)) => short.tried.as_ref(),
            _ => None,
        }
    }
}

/// A key that can open a file, or its group.
#[derive(Debug)]
pub struct TestedKey {
    /// The key, with the names that the policy has for it.
    pub named: Named,
    /// Where its identity is from; empty when it is not at hand.
    pub held: Vec<FoundIdentity>,
}

/// Tries to open the SOPS file `text`, called `name`, as `decrypt` would: what costs more, and asks, only if it must.
///
/// # Errors
/// [`OpError`] for what is no SOPS file; that nothing opens it is an answer.
pub fn test_file(session: &Session, name: &Path, text: &str) -> Result<FileTest, OpError> {
    let file = SopsFile::read(text)?;
    let failure = match session.open(name, &file) {
        Ok(_key) => None,
        Err(error @ (OpError::NoIdentity { .. } | OpError::TooFewGroups(_))) => Some(error),
        Err(error) => return Err(error),
    };
    let recipients: Vec<&str> = file.metadata.entries().map(|entry| &entry.key).filter_map(recipient).collect();
    let found = session.identities().find_holders(recipients);
    let test_key = |(named, key): (Named, &MasterKey)| {
        let is_own = |found: &&FoundIdentity| recipient(key).is_some_and(|recipient| found.is_of(recipient));
        TestedKey { named, held: found.iter().filter(is_own).cloned().collect() }
    };
    let groups = file.metadata.groups.iter().map(|group| {
        let keys = || group.iter().map(|entry| &entry.key);
        session.named(name, keys()).into_iter().zip(keys()).map(test_key).collect()
    });
    Ok(FileTest { groups: groups.collect(), failure })
}

fn recipient(key: &MasterKey) -> Option<&str> {
    match key {
        MasterKey::Age(recipient) => Some(recipient),
        MasterKey::Foreign { .. } => None,
    }
}
