//! The commits, newest first, and the contents that they bring, each read once while it is at hand.

use std::{
    collections::{BTreeSet, HashMap, HashSet, btree_map},
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use super::{
    BLOB_LIMIT_BYTES, CommitRef, Exposure, State, Unread, ValueExposure,
    current::{Current, LINK_MODE, MISSING, to_text},
    version::{Reader, Seen, Values, Version},
};
use crate::{
    git::{BlobOutcome, Commit, Git, GitError, ObjectId, Revisions},
    ops::error::OpError,
};

/// How many contents are read at once, and how many places of theirs are kept meanwhile.
const BLOBS_AT_ONCE: usize = 4096;
const PLACES_AT_ONCE: usize = 65_536;

/// Of how many places of a ciphertext each time it is met there is told, at most.
const ELSEWHERE_LIMIT: usize = 8;

/// How many commits are read ahead.
const COMMITS_AHEAD: usize = 1024;

/// Where a content stands: in which commit, counted from the newest, and under which path.
struct Place {
    order: usize,
    commit: CommitRef,
    path: Vec<u8>,
}

/// Reads all commits, and what they bring.
pub(super) fn scan(
    git: &Git,
    reader: &Reader<'_>,
    current: &Current,
    done: impl Fn() + Sync,
) -> Result<Exposure, OpError> {
    let mut scan = Scan {
        git,
        reader,
        current,
        passed: HashSet::new(),
        waiting: HashMap::new(),
        ids: Vec::new(),
        places: Vec::new(),
        count: 0,
        found: Mutex::default(),
    };
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel::<Commit>(COMMITS_AHEAD);
        let lister = scope.spawn(move || -> Result<Vec<String>, GitError> {
            let mut commits = git.commits(&Revisions::All, None)?;
            for commit in commits.by_ref() {
                // Nobody receives any more where something else has failed.
                if sender.send(commit?).is_err() {
                    break;
                }
            }
            Ok(commits.warnings().to_vec())
        });
        for (order, commit) in receiver.into_iter().enumerate() {
            scan.add(order, commit)?;
            done();
        }
        let warnings = lister.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        scan.read_waiting()?;
        let mut exposure = scan.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        exposure.warnings = warnings;
        Ok(exposure)
    })
}

struct Scan<'a> {
    git: &'a Git,
    reader: &'a Reader<'a>,
    current: &'a Current,
    /// Contents that are not for the recipient.
    passed: HashSet<ObjectId>,
    /// Contents that are still to be read, in the order in which they came up: git has those beside each other that are
    /// alike. With their positions, and with all places of each.
    waiting: HashMap<ObjectId, usize>,
    ids: Vec<ObjectId>,
    places: Vec<Vec<Place>>,
    count: usize,
    found: Mutex<Exposure>,
}

impl Scan<'_> {
    fn add(&mut self, order: usize, commit: Commit) -> Result<(), OpError> {
        let told = CommitRef { id: commit.id, author_time: commit.author_time };
        for change in commit.changes {
            if change.mode != LINK_MODE && !self.passed.contains(&change.blob) {
                let position = *self.waiting.entry(change.blob).or_insert(self.ids.len());
                if position == self.ids.len() {
                    self.ids.push(change.blob);
                    self.places.push(Vec::new());
                }
                let place = Place { order, commit: told, path: change.path };
                if let Some(places) = self.places.get_mut(position) {
                    places.push(place);
                }
                self.count += 1;
            }
        }
        self.found.get_mut().unwrap_or_else(PoisonError::into_inner).commits = order + 1;
        if self.ids.len() >= BLOBS_AT_ONCE || self.count >= PLACES_AT_ONCE {
            self.read_waiting()?;
        }
        Ok(())
    }

    fn read_waiting(&mut self) -> Result<(), OpError> {
        self.count = 0;
        self.waiting.clear();
        let (ids, places) = (std::mem::take(&mut self.ids), std::mem::take(&mut self.places));
        let is_current = |ciphertext: &_| self.current.ciphertexts.contains_key(ciphertext);
        let read = |index: usize, content| {
            let Some(places) = places.get(index) else { return true };
            let name = places.first().map(|place| to_text(&place.path)).unwrap_or_default();
            let read = self.reader.read(&name, content, Values::OfRecipient, is_current);
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.blobs += 1;
            match read {
                Ok(Some(Version { other_groups: Some(other_groups), values })) => {
                    found.is_recipient_known = true;
                    for place in places {
                        values.iter().for_each(|seen| found.expose(self.current, place, other_groups, seen));
                    }
                    true
                }
                Ok(_) => false,
                Err(error) => {
                    found.unread.extend(places.iter().map(|place| place.unread(error.reason())));
                    false
                }
            }
        };
        let outcomes = self.git.map_blobs(&ids, BLOB_LIMIT_BYTES, read)?;
        let found = self.found.get_mut().unwrap_or_else(PoisonError::into_inner);
        for ((id, places), outcome) in ids.into_iter().zip(&places).zip(outcomes) {
            match outcome {
                // It may come again in an older commit, or under another path.
                BlobOutcome::Read(true) => continue,
                BlobOutcome::Read(false) => {}
                BlobOutcome::Missing => {
                    found.unread.extend(places.iter().map(|place| place.unread(MISSING.to_owned())));
                }
                BlobOutcome::TooLarge { bytes } => {
                    found.too_large.extend(places.first().map(|place| place.unread(format!("has {bytes} bytes"))));
                }
            }
            self.passed.insert(id);
        }
        Ok(())
    }
}

impl Place {
    fn unread(&self, reason: String) -> Unread {
        Unread { path: to_text(&self.path), commit: Some(self.commit), reason }
    }
}

impl Exposure {
    /// Adds that a value could be read in a version.
    fn expose(&mut self, current: &Current, place: &Place, other_groups: usize, seen: &Seen) {
        let path = to_text(&place.path);
        let now = current.ciphertexts.get(&seen.ciphertext);
        let state = match (now, &seen.value) {
            (Some(_), _) => State::Unchanged,
            (None, Some(value)) if current.holds(&path, value) => State::Reencrypted,
            (None, _) => State::Unknown,
        };
        let is_elsewhere = |(file, name): &&(String, _)| *file != path || *name != seen.name;
        let elsewhere: Vec<_> = now.into_iter().flatten().filter(is_elsewhere).take(ELSEWHERE_LIMIT).collect();
        for (file, _) in now.into_iter().flatten() {
            if !self.known_data_keys.contains(file) {
                self.known_data_keys.insert(file.clone());
            }
        }
        let is_unopened = state == State::Unknown && seen.value.is_none();
        let values = &mut self.files.entry(path).or_default().values;
        let value = match values.entry(seen.name.clone()) {
            btree_map::Entry::Occupied(entry) => entry.into_mut(),
            btree_map::Entry::Vacant(entry) => entry.insert(ValueExposure {
                first: place.commit,
                last: place.commit,
                other_groups,
                state,
                elsewhere: BTreeSet::new(),
                order: (place.order, place.order),
                is_unopened,
            }),
        };
        let (newest, oldest) = &mut value.order;
        if place.order < *newest {
            (*newest, value.last) = (place.order, place.commit);
        }
        if place.order > *oldest {
            (*oldest, value.first) = (place.order, place.commit);
        }
        value.other_groups = value.other_groups.min(other_groups);
        value.state = value.state.min(state);
        value.is_unopened |= is_unopened;
        if value.elsewhere.len() < ELSEWHERE_LIMIT {
            value.elsewhere.extend(elsewhere.into_iter().cloned());
        }
    }
}
