//! The identities of clusters: a new one, made or read; and those that are at hand.

use std::path::{Path, PathBuf};

use crate::{
    base::{
        clock,
        env::Env,
        files::{FileError, FileProblem, create_new_private, read_bytes},
        secret::Plaintext,
    },
    keys::{
        AgeKey, KeyringProblem, NewIdentity, Source, default_key_file, generate_key_text, parse_age_keys,
        split_identities,
    },
    ops::{cluster::Overview, error::OpError, session::Session},
};

/// What a manifest of a Secret has, and no identity file.
const SECRET_MARK: &[u8] = b"\nstringData:";

/// More than a file of identities holds, in bytes.
const FILE_LIMIT_BYTES: usize = 16 << 20;

/// The identity of a cluster. Its text is wiped on drop.
#[derive(Debug)]
pub struct ClusterIdentity {
    /// Its recipient.
    pub recipient: String,
    /// Its file, as `age-keygen` writes it, or its line alone.
    pub text: Plaintext,
    /// Whether it was made here, and is kept nowhere yet.
    pub is_new: bool,
}

/// Where a new identity goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keeping<'a> {
    /// A file of mode 0600. One that is there holds the identity.
    pub file: Option<&'a Path>,
    /// The keyring.
    pub is_in_keyring: bool,
    /// A file of decryption Secrets, where that is the only place.
    pub secrets: Option<&'a Path>,
}

/// A new identity for a cluster: the one that is in the file it is to be kept in, from a run that did not come to its end or
/// from somebody else, in a file of Secrets the only one that is no cluster's; or else one that is made here. Nothing is
/// written.
///
/// # Errors
/// [`OpError::File`], [`OpError::IdentityCount`], [`OpError::IdentitySource`] for a file that does not hold one identity;
/// [`OpError::Keyring`] for a keyring that could not keep it.
pub fn prepare_identity(
    session: &Session,
    overview: &Overview,
    kind: NewIdentity,
    keeping: Keeping<'_>,
) -> Result<ClusterIdentity, OpError> {
    if keeping.is_in_keyring {
        session.keyring().check().map_err(OpError::Keyring)?;
    }
    if let Some(file) = keeping.file
        && let Some(mut there) = read_identities(session, file)?
    {
        return match (there.pop(), there.len()) {
            (Some(identity), 0) => Ok(identity),
            (None, _) => Err(OpError::IdentityCount(0)),
            (Some(_), others) => Err(OpError::IdentityCount(others + 1)),
        };
    }
    if let Some(file) = keeping.secrets {
        let known = overview.clusters_by_recipient();
        let there = read_identities(session, file)?.into_iter().flatten();
        let mut unused = there.filter(|identity| !known.contains_key(identity.recipient.as_str()));
        if let (Some(identity), None) = (unused.next(), unused.next()) {
            return Ok(identity);
        }
    }
    let (recipient, text) = generate_key_text(kind, clock::unix_seconds());
    Ok(ClusterIdentity { recipient, text, is_new: true })
}

impl ClusterIdentity {
    /// Keeps it, so that it is on the disk, or in the keyring, when this returns.
    ///
    /// # Errors
    /// [`OpError::File`], [`OpError::Keyring`].
    pub fn keep(&self, session: &Session, keeping: Keeping<'_>) -> Result<(), OpError> {
        if keeping.is_in_keyring {
            let text = self.text.expose().as_bytes();
            session.keyring().keep_identity(&self.recipient, text).map_err(OpError::Keyring)?;
        }
        match keeping.file {
            Some(file) if self.is_new => Ok(create_new_private(file, self.text.expose().as_bytes())?),
            // It was read from there.
            Some(_) | None => Ok(()),
        }
    }
}

/// The identity of `recipient`: in one of `files`, which hold identities or decryption Secrets and need not exist, where the
/// environment has identities in a file, or in the keyring.
///
/// # Errors
/// [`OpError::IdentityAbsent`]; for one of `files` what it cannot be read for.
pub fn find_identity(session: &Session, recipient: &str, files: &[&Path]) -> Result<ClusterIdentity, OpError> {
    let named = |identities: Option<Vec<ClusterIdentity>>| {
        identities.into_iter().flatten().find(|identity| identity.recipient == recipient)
    };
    for file in files {
        if let Some(found) = named(read_identities(session, file)?) {
            return Ok(found);
        }
    }
    for file in files_of(session.env()) {
        if let Some(found) = read_identities(session, &file).ok().and_then(named) {
            return Ok(found);
        }
    }
    let absent = || OpError::IdentityAbsent(recipient.to_owned());
    match session.keyring().find_identity(recipient) {
        Ok(Some(text)) => {
            let text = std::str::from_utf8(&text).map_err(|_cause| absent())?;
            Ok(ClusterIdentity {
                recipient: recipient.to_owned(),
                text: Plaintext::new(text.to_owned()),
                is_new: false,
            })
        }
        Ok(None) | Err(KeyringProblem::Absent) => Err(absent()),
        Err(problem) => Err(OpError::Keyring(problem)),
    }
}

/// The identity files that SOPS, and we, read without being asked.
fn files_of(env: &Env) -> impl Iterator<Item = PathBuf> {
    env.path("SOPS_AGE_KEY_FILE").into_iter().chain(default_key_file(env))
}

/// The identities of a file; `None` if there is no such file.
fn read_identities(session: &Session, file: &Path) -> Result<Option<Vec<ClusterIdentity>>, OpError> {
    let bytes = match read_bytes(file, FILE_LIMIT_BYTES) {
        Err(FileError { problem: FileProblem::Read(cause), .. }) if cause.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        bytes => bytes?,
    };
    if bytes.windows(SECRET_MARK.len()).any(|window| window == SECRET_MARK) {
        return Ok(Some(identities_of_secret(&bytes)));
    }
    let singles = split_identities(&bytes, &Source::Named(file.to_owned()), session.asker());
    let mut identities = Vec::new();
    for single in singles.identities {
        let text = std::str::from_utf8(single.expose()).unwrap_or_default().to_owned();
        identities.push(ClusterIdentity { recipient: single.recipient, text: Plaintext::new(text), is_new: false });
    }
    match singles.problems.into_iter().next() {
        Some(problem) if identities.is_empty() => Err(OpError::IdentitySource(problem)),
        _ => Ok(Some(identities)),
    }
}

/// The identities in a manifest of ours: each on a line of its own, behind blanks.
fn identities_of_secret(bytes: &[u8]) -> Vec<ClusterIdentity> {
    let parsed = bytes.split(|byte| *byte == b'\n').map(|line| parse_age_keys(line.trim_ascii()).identities);
    let identity = |key: AgeKey| ClusterIdentity {
        text: Plaintext::new(key.expose().to_owned()),
        recipient: key.recipient,
        is_new: false,
    };
    parsed.flatten().map(identity).collect()
}
