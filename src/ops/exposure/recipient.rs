//! Who is meant: a recipient, or a name that the policy has, or once had, for one.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, PoisonError},
};

use super::{BLOB_LIMIT_BYTES, History, current::to_text};
use crate::{
    base::files::into_text,
    git::{Change, ObjectId, Revisions},
    ops::{error::OpError, session::Session},
    policy::{POLICY_FILE_NAME, Policy},
};

/// Whose exposure is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What was asked for.
    pub text: String,
    /// The recipients.
    pub ids: BTreeSet<String>,
    /// Whether `text` is a name of theirs, in a policy of now or of once.
    pub is_named: bool,
    /// Other recipients that had the name before.
    pub before: BTreeSet<String>,
}

/// Who `text` is: whom the current policies call so; or else whom they called so once, as those who were removed are not in
/// them any more; or else a recipient itself.
///
/// # Errors
/// [`OpError::Git`].
pub fn find_wanted(history: &History, session: &Session, text: &str) -> Result<Wanted, OpError> {
    let text = text.trim();
    // No name can be spelt like these.
    let is_recipient = text.starts_with("age1") || text.contains([' ', ':', '/']);
    if is_recipient {
        return Ok(Wanted { text: text.to_owned(), ids: BTreeSet::from([text.to_owned()]), ..Wanted::default() });
    }
    let now = history.named_now(session, text)?;
    find(history, text, now)
}

impl Wanted {
    /// The recipients `ids` of the cluster called `name`; or, if none is known, whom the policy once called so.
    ///
    /// # Errors
    /// [`OpError::Git`].
    pub fn of_cluster(history: &History, name: &str, ids: &[String]) -> Result<Self, OpError> {
        find(history, name, ids.iter().cloned().collect())
    }
}

fn find(history: &History, name: &str, now: BTreeSet<String>) -> Result<Wanted, OpError> {
    let before = history.named_before(name)?;
    let is_named = !(now.is_empty() && before.is_empty());
    let (ids, before) = match (now.is_empty(), before.is_empty()) {
        (true, true) => (BTreeSet::from([name.to_owned()]), BTreeSet::new()),
        (true, false) => (before, BTreeSet::new()),
        (false, _) => (now.clone(), before.difference(&now).cloned().collect()),
    };
    Ok(Wanted { text: name.to_owned(), ids, is_named, before })
}

impl History {
    /// Whom the policies of the current files call `name`.
    fn named_now(&self, session: &Session, name: &str) -> Result<BTreeSet<String>, OpError> {
        let mut ids = BTreeSet::new();
        match &self.repository.work_tree {
            Some(root) => {
                let files = self.git.index()?.into_iter().map(|entry| to_text(&entry.file.path));
                let policies = files.filter(|path| is_policy(path)).chain([POLICY_FILE_NAME.to_owned()]);
                let directories: BTreeSet<_> = policies.map(|path| root.join(path)).collect();
                let policies = directories.iter().filter_map(|path| session.find_policy(path));
                policies.for_each(|policy| ids.extend(called(&policy, name)));
            }
            None => {
                let policies: Vec<Change> =
                    self.git.head_files()?.into_iter().filter(|file| is_policy(&to_text(&file.path))).collect();
                ids.extend(self.called_in(policies.into_iter().map(|file| file.blob), name)?);
            }
        }
        Ok(ids)
    }

    /// Whom the policies of all commits called `name`.
    fn named_before(&self, name: &str) -> Result<BTreeSet<String>, OpError> {
        let mut blobs = BTreeSet::new();
        for commit in self.git.commits(&Revisions::All, Some(POLICY_FILE_NAME))? {
            blobs.extend(commit?.changes.into_iter().map(|change| change.blob));
        }
        self.called_in(blobs, name)
    }

    fn called_in(&self, blobs: impl IntoIterator<Item = ObjectId>, name: &str) -> Result<BTreeSet<String>, OpError> {
        let blobs: Vec<ObjectId> = blobs.into_iter().collect();
        let found = Mutex::new(BTreeSet::new());
        self.git.map_blobs(&blobs, BLOB_LIMIT_BYTES, |_, content| {
            let path = Path::new("/").join(POLICY_FILE_NAME);
            // One that nobody could use named nobody.
            let Ok(text) = into_text(&path, content) else { return };
            if let Ok(policy) = Policy::parse(text.expose(), &path) {
                found.lock().unwrap_or_else(PoisonError::into_inner).extend(called(&policy, name));
            }
        })?;
        Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

fn is_policy(path: &str) -> bool {
    path.rsplit('/').next() == Some(POLICY_FILE_NAME)
}

/// Whom `policy` calls `name`.
fn called(policy: &Policy, name: &str) -> BTreeSet<String> {
    let is_called = |(_, names): &(&str, &[String])| names.iter().any(|one| one == name);
    policy.names().filter(is_called).map(|(id, _)| id.to_owned()).collect()
}
