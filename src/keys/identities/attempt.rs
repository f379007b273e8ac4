//! One file on its way through the identities: which of its groups are open, and what went wrong with its entries.

use std::cell::OnceCell;

use zeroize::Zeroizing;

use super::{AgeEntry, known::Held};
use crate::keys::{
    content::Locked,
    identity::{Identity, unwrap},
    no_identity::{EntryProblem, Problem},
    recipient::{RecipientKind, find_plugin},
    wrapped::{Stanza, read_stanzas},
};

/// The entries of a file, by groups, of which `needed` have to be opened.
pub(super) struct Attempt<'a, T, A> {
    groups: Vec<Group<'a, T>>,
    needed: usize,
    limit_bytes: usize,
    accept: A,
    problems: Vec<Problem>,
    /// How many of the identities that can be used at once were tried.
    pub(super) tried_plain: usize,
    /// The same of those that a plugin has.
    pub(super) tried_plugins: usize,
    /// What the entries say of who can open them, read when it is asked for.
    stanzas: OnceCell<Vec<Stanza>>,
}

struct Group<'a, T> {
    entries: &'a [AgeEntry<'a>],
    opened: Option<T>,
}

impl<'a, T, A> Attempt<'a, T, A>
where
    A: Fn(Zeroizing<Vec<u8>>) -> Result<T, EntryProblem>,
{
    /// Nothing tried yet. `accept` makes of the bytes of an entry what is wanted, if it is that.
    pub(super) fn new(groups: &[&'a [AgeEntry<'a>]], needed: usize, limit_bytes: usize, accept: A) -> Self {
        Self {
            groups: groups.iter().map(|entries| Group { entries, opened: None }).collect(),
            needed,
            limit_bytes,
            accept,
            problems: Vec::new(),
            tried_plain: 0,
            tried_plugins: 0,
            stanzas: OnceCell::new(),
        }
    }

    /// Whether as many groups are open as are needed.
    pub(super) fn is_done(&self) -> bool {
        self.groups.iter().filter(|group| group.opened.is_some()).count() >= self.needed
    }

    /// What is in each group that is open.
    pub(super) fn into_opened(self) -> Vec<Option<T>> {
        self.groups.into_iter().map(|group| group.opened).collect()
    }

    /// What is in the first group, if it is open.
    pub(super) fn take_first(&mut self) -> Option<T> {
        self.groups.first_mut()?.opened.take()
    }

    /// What is wrong with entries.
    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The entries of all groups.
    pub(super) fn entries(&self) -> impl Iterator<Item = AgeEntry<'a>> + use<'a, T, A> {
        let entries: Vec<&'a [AgeEntry<'a>]> = self.groups.iter().map(|group| group.entries).collect();
        entries.into_iter().flatten().copied()
    }

    /// Whether an SSH key could open an entry.
    pub(super) fn is_for_ssh(&self) -> bool {
        self.entries().any(|entry| RecipientKind::find(entry.recipient.trim()) == Some(RecipientKind::Ssh))
            || self.stanzas().iter().any(|stanza| stanza.kind.starts_with("ssh-"))
    }

    /// Whether the plugin called `name` could open an entry: it is named, or something that only a plugin knows is.
    pub(super) fn is_for_plugin(&self, name: &str) -> bool {
        self.entries().any(|entry| find_plugin(entry.recipient.trim()) == Some(name))
            || self.stanzas().iter().any(Stanza::is_foreign)
    }

    /// Whether what is behind a passphrase could open an entry.
    pub(super) fn is_for(&self, locked: &Locked) -> bool {
        locked.may_open(self.stanzas())
    }

    /// Tries `identities` on every group that is not open, until enough are; says whether they are.
    pub(super) fn open_with<'i>(&mut self, identities: impl Iterator<Item = &'i Held>) -> bool {
        let identities: Vec<&Identity> = identities.map(|held| &held.identity).collect();
        for index in 0..self.groups.len() {
            if identities.is_empty() || self.is_done() {
                break;
            }
            let Some(Group { entries, opened: None }) = self.groups.get(index) else { continue };
            let opened = self.open_group(entries, &identities);
            if let Some(group) = self.groups.get_mut(index) {
                group.opened = opened;
            }
        }
        self.is_done()
    }

    /// The entries that name one of `identities` first, which is a single unwrapping as a rule; then all of them with
    /// all, because what an entry names is not authenticated.
    fn open_group(&mut self, entries: &[AgeEntry<'_>], identities: &[&Identity]) -> Option<T> {
        // The identity whose recipient an entry names comes first, but where there is nothing to choose.
        let choices = if identities.len() * entries.len() > 1 { entries } else { &[] };
        for entry in choices {
            let named = identities.iter().find(|identity| identity.is_named(entry.recipient));
            if let Some(opened) = named.and_then(|named| self.open_entry(*entry, &[*named])) {
                return Some(opened);
            }
        }
        entries.iter().find_map(|entry| self.open_entry(*entry, identities))
    }

    fn open_entry(&mut self, entry: AgeEntry<'_>, identities: &[&Identity]) -> Option<T> {
        let opened = unwrap(entry.enc, self.limit_bytes, identities.iter().copied())
            .map_err(|error| EntryProblem::Unreadable(error.to_string()))
            .and_then(|secret| secret.map(&self.accept).transpose());
        opened.unwrap_or_else(|problem| {
            self.tell(entry.recipient, problem);
            None
        })
    }

    /// Notes a problem once, however often the entry is tried.
    fn tell(&mut self, recipient: &str, problem: EntryProblem) {
        let problem = Problem::Entry { recipient: recipient.to_owned(), problem };
        if !self.problems.iter().any(|known| known.to_string() == problem.to_string()) {
            self.problems.push(problem);
        }
    }

    fn stanzas(&self) -> &[Stanza] {
        self.stanzas.get_or_init(|| self.entries().flat_map(|entry| read_stanzas(entry.enc)).collect())
    }
}
