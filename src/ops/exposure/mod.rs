//! What somebody could read: every value of every version in git's history that a recipient opens, and what has become of it
//! since. Needs no key; with one, it is told which values are still the same under a new ciphertext.

mod current;
mod recipient;
mod render;
mod scan;
mod version;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use recipient::{Wanted, find_wanted};
pub use render::{render_exposure_json, render_exposure_text};

use self::{
    current::Current,
    version::{Digest, Reader},
};
use super::{error::OpError, session::Session};
use crate::{
    git::{Git, ObjectId, Repository, Revisions, find_repository},
    sops::key_group::MasterKey,
};

/// More than files of SOPS have, in bytes.
const BLOB_LIMIT_BYTES: u64 = 16 << 20;

/// The history of a repository, not yet read.
#[derive(Debug)]
pub struct History {
    repository: Repository,
    git: Git,
    commits: usize,
}

/// How much is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What can be told without any key.
    Keyless,
    /// Also whether values that have a new ciphertext are the same, as far as identities open both: `--decrypt`.
    Decrypt,
}

/// What somebody could read.
#[derive(Debug, Default)]
pub struct Exposure {
    /// The files, by path.
    pub files: BTreeMap<String, FileExposure>,
    /// How many commits there are, and how many different contents of files in them were looked into.
    pub commits: usize,
    /// See [`Self::commits`].
    pub blobs: usize,
    /// Whether there is a work tree that was compared with; otherwise `HEAD` was.
    pub has_work_tree: bool,
    /// Whether any version of any file is for the recipient, or was.
    pub is_recipient_known: bool,
    /// Whether history is cut off.
    pub is_shallow: bool,
    /// The files that have a ciphertext now which the recipient could read, and so a data key that it knows.
    known_data_keys: BTreeSet<String>,
    /// Versions that could not be read: what was in them is not known.
    pub unread: Vec<Unread>,
    /// Versions that are too large for files of SOPS, and were not read.
    pub too_large: Vec<Unread>,
    /// What git had to say.
    pub warnings: Vec<String>,
}

/// A version of a file that was not read.
#[derive(Debug)]
pub struct Unread {
    /// The file.
    pub path: String,
    /// A commit that brings it; `None` for the current one.
    pub commit: Option<CommitRef>,
    /// Why.
    pub reason: String,
}

/// What somebody could read of one file.
#[derive(Debug, Default)]
pub struct FileExposure {
    /// Whether the file is still there.
    pub is_present: bool,
    /// Whether the current version is for the recipient: what is changed now, it can read again.
    pub is_readable_now: bool,
    /// Whether the current version is encrypted under a data key that the recipient knows, be it named there or not: all of
    /// it can be read, by who kept that key.
    pub has_known_data_key: bool,
    /// The values, by path.
    pub values: BTreeMap<ValueName, ValueExposure>,
}

/// A value, or the comments of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueName {
    /// The path of the value, or of the collection that the comments stand in.
    pub path: String,
    /// Whether it is comments.
    pub is_comment: bool,
}

/// What somebody could read of one value.
#[derive(Debug)]
pub struct ValueExposure {
    /// The first commit that brought a version with it that the recipient opens.
    pub first: CommitRef,
    /// The last one.
    pub last: CommitRef,
    /// How many other key groups are needed besides the recipient's, at least.
    pub other_groups: usize,
    /// What has become of it.
    pub state: State,
    /// Where else its ciphertext stands now.
    pub elsewhere: BTreeSet<(String, ValueName)>,
    /// Its place in the order of commits, and which of its versions were not opened.
    order: (usize, usize),
    is_unopened: bool,
}

/// A commit as people are told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitRef {
    /// Its name.
    pub id: ObjectId,
    /// When its author says that it was made, in seconds since 1970.
    pub author_time: Option<u64>,
}

/// What has become of a value that somebody could read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The current ciphertext is one that could be read: it has to be changed.
    Unchanged,
    /// The current value is one that could be read, under a new ciphertext: it has to be changed.
    Reencrypted,
    /// It has a new ciphertext, and whether a new value cannot be told.
    Unknown,
    /// It is not there any more. Where it is in use, it is as it was.
    Gone,
    /// It is another value now than any that could be read.
    Changed,
}

impl State {
    /// For reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Reencrypted => "reencrypted",
            Self::Unknown => "unknown",
            Self::Gone => "gone",
            Self::Changed => "changed",
        }
    }
}

impl Exposure {
    /// Whether all of history was read.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        !self.is_shallow && self.unread.is_empty() && self.too_large.is_empty() && self.warnings.is_empty()
    }

    /// How many values are in one of these states.
    #[must_use]
    pub fn count(&self, states: &[State]) -> usize {
        let values = self.files.values().flat_map(|file| file.values.values());
        values.filter(|value| states.contains(&value.state)).count()
    }
}

impl History {
    /// The history of the repository that the current directory is in.
    ///
    /// # Errors
    /// [`OpError::NoRepository`], [`OpError::Git`].
    pub fn open(session: &Session) -> Result<Self, OpError> {
        let repository = find_repository(session.directory())?;
        let repository = repository.ok_or_else(|| OpError::NoRepository(session.directory().to_owned()))?;
        let git = Git::new(&repository, session.env())?;
        let commits = git.count_commits(&Revisions::All)?;
        Ok(Self { repository, git, commits })
    }

    /// How many commits there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.commits
    }

    /// Whether there is no commit.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.commits == 0
    }

    /// What the recipients of `wanted`, taken for one, could read. `done` is called after each commit.
    ///
    /// # Errors
    /// [`OpError::Git`] where history cannot be read whole, [`OpError::NoSuchRecipient`] where nothing ever was for them.
    pub fn expose(
        &self,
        session: &Session,
        wanted: &Wanted,
        depth: Depth,
        done: impl Fn() + Sync,
    ) -> Result<Exposure, OpError> {
        let reader = Reader::new(session, wanted, depth)?;
        let current = Current::read(&self.git, &self.repository, &reader)?;
        let mut exposure = scan::scan(&self.git, &reader, &current, done)?;
        exposure.is_shallow = self.git.is_shallow()?;
        exposure.has_work_tree = self.repository.work_tree.is_some();
        exposure.is_recipient_known |= current.is_recipient_known || wanted.is_named;
        if !exposure.is_recipient_known {
            return Err(OpError::NoSuchRecipient(wanted.text.clone()));
        }
        for path in std::mem::take(&mut exposure.known_data_keys) {
            exposure.files.entry(path).or_default().has_known_data_key = true;
        }
        for (path, file) in &mut exposure.files {
            let now = current.files.get(path);
            file.is_present = now.is_some();
            file.is_readable_now = now.is_some_and(|now| now.is_readable);
            for (name, value) in &mut file.values {
                if value.state == State::Unknown {
                    value.state = match now.and_then(|now| now.values.get(name)) {
                        None => State::Gone,
                        Some(opened) if *opened && !value.is_unopened => State::Changed,
                        Some(_) => State::Unknown,
                    };
                }
            }
        }
        exposure.unread.extend(current.unread);
        exposure.unread.sort_by_cached_key(|unread| {
            let commit = unread.commit.map(|commit| commit.id);
            (unread.path.clone(), commit, unread.reason.clone())
        });
        Ok(exposure)
    }
}

/// Whether `key` is the recipient `id`; of a public key of SSH, whatever its comment.
fn is_recipient(key: &MasterKey, id: &str) -> bool {
    let without_comment = |text: &str| text.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    key.id() == id
        || key.plain().id() == id
        || (id.starts_with("ssh-") && without_comment(key.id()) == without_comment(id))
}

/// What is known of ciphertexts and values by their digests.
type ByDigest<T> = HashMap<Digest, T>;
