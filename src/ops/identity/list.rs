//! `identity list`: which identities are at hand. No private half leaves its place.

use crate::{
    keys::{ClosedSource, FoundIdentity, Problem},
    ops::{named::Named, session::Session},
    sops::key_group::MasterKey,
};

/// The identities at hand.
#[derive(Debug)]
pub struct Listing {
    /// Each with the names that the policy of the current directory has for it.
    pub identities: Vec<(Named, FoundIdentity)>,
    /// What was not looked into: commands, and what is behind a passphrase.
    pub closed: Vec<ClosedSource>,
    /// What is wrong with a source.
    pub problems: Vec<Problem>,
}

/// Finds them, without running a command or asking for a passphrase.
#[must_use]
pub fn list(session: &Session) -> Listing {
    let survey = session.identities().survey();
    let keys: Vec<MasterKey> = survey.found.iter().map(|found| MasterKey::Age(found.recipient.clone())).collect();
    // Any name will do: the policy is looked for upward from there.
    let named = session.named(&session.directory().join("file"), &keys);
    Listing {
        identities: named.into_iter().zip(survey.found).collect(),
        closed: survey.closed,
        problems: survey.problems,
    }
}
