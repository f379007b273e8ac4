//! All identities of a run, found when the first file needs them, and the opening of data keys with them.

mod attempt;
mod known;
mod search;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::sync::{Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use zeroize::Zeroizing;

use self::{attempt::Attempt, known::Known, search::Work};
use super::{
    ask::Asker,
    found::FoundIdentity,
    identity::{SECRET_LIMIT_BYTES, unwrap},
    keyring::Keyring,
    no_identity::{EntryProblem, NoIdentity, Problem},
    recipient::find_plugin,
    source::{Source, SourceProblem},
    survey::{ClosedReason, ClosedSource, Survey},
};
use crate::base::{
    env::Env,
    secret::{DataKey, wipe_stack},
};

/// One `age` entry of a file's metadata.
#[derive(Debug, Clone, Copy)]
pub struct AgeEntry<'a> {
    /// The recipient that it claims to be for. SOPS does not authenticate this.
    pub recipient: &'a str,
    /// The wrapped data key, in ASCII armor.
    pub enc: &'a str,
}

/// What the identity of the recipient that an entry names makes of it.
#[derive(Debug)]
pub enum Owned {
    /// It is not at hand.
    Absent,
    /// It is at hand, but only a plugin could tell.
    Unasked,
    /// It does not open the entry.
    Refused,
    /// It opens the entry, which holds this.
    Opened(Zeroizing<Vec<u8>>),
}

/// What the groups of a file hold for us.
#[derive(Debug)]
pub struct OpenedGroups {
    /// What was in each group, in their order; `None` where nothing opens it, or it was not needed.
    pub secrets: Vec<Option<Zeroizing<Vec<u8>>>>,
    /// What was tried, if fewer groups were opened than were needed.
    pub missing: Option<NoIdentity>,
}

/// The identities of one run, from every place that `sops` looks in; shared by all files and threads.
///
/// Nothing is read before the first [`Identities::open`], and each source at most once. What costs more comes later, and
/// only for a file that nothing cheaper opens: SSH keys, then the keyring, then commands, then plugins, then what a person has to be asked
/// a passphrase for, once. A command alone is run again: for a recipient that it was not asked about before (it is told
/// in `SOPS_AGE_RECIPIENT`).
pub struct Identities {
    env: Env,
    asker: Asker,
    keyring: Keyring,
    /// What was found so far.
    known: RwLock<Known>,
    /// Whether the variables and files were read.
    files: OnceLock<()>,
    /// The same of the SSH key that a variable names.
    ssh_file: OnceLock<()>,
    /// The same of the SSH keys in `~/.ssh`.
    default_ssh: OnceLock<()>,
    /// Held by the one thread that runs commands, plugins, or asks, so that the others have the result.
    work: Mutex<Work>,
}

impl Identities {
    /// The identities that `env` leads to. Reads nothing yet.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        Self {
            env: env.clone(),
            asker: Asker::default(),
            keyring: Keyring::of(env),
            known: RwLock::default(),
            files: OnceLock::new(),
            ssh_file: OnceLock::new(),
            default_ssh: OnceLock::new(),
            work: Mutex::default(),
        }
    }

    /// The same, with somebody to ask. Without, it is as if there was no terminal.
    #[must_use]
    pub fn with_asker(mut self, asker: Asker) -> Self {
        self.asker = asker;
        self
    }

    /// Whom to ask.
    #[must_use]
    pub const fn asker(&self) -> &Asker {
        &self.asker
    }

    /// The keyring, which is asked only for what nothing cheaper opens.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Opens the data key that `entries` wrap, each for one recipient.
    ///
    /// # Errors
    /// [`NoIdentity`], when no entry can be opened.
    pub fn open(&self, entries: &[AgeEntry<'_>]) -> Result<DataKey, NoIdentity> {
        self.open_one(entries, SECRET_LIMIT_BYTES, |bytes| {
            let length = bytes.len();
            DataKey::from_bytes(bytes).ok_or(EntryProblem::Length(length))
        })
    }

    /// Opens what `entries` wrap without looking at its length, which a share of a data key needs.
    ///
    /// # Errors
    /// [`NoIdentity`], when no entry can be opened.
    pub fn open_bytes(&self, entries: &[AgeEntry<'_>]) -> Result<Zeroizing<Vec<u8>>, NoIdentity> {
        self.open_one(entries, SECRET_LIMIT_BYTES, Ok)
    }

    /// Opens what `needed` of `groups` wrap, in their order. What costs more is used only where cheaper identities of all
    /// groups together do not open as many.
    #[must_use]
    pub fn open_groups(&self, groups: &[&[AgeEntry<'_>]], needed: usize) -> OpenedGroups {
        let mut attempt = Attempt::new(groups, needed, SECRET_LIMIT_BYTES, Ok);
        let is_enough = self.search(&mut attempt);
        // age's decoded identities and file keys.
        wipe_stack();
        let missing = (!is_enough).then(|| self.no_identity(&attempt));
        OpenedGroups { secrets: attempt.into_opened(), missing }
    }

    /// Opens what each of `groups` wraps, in their order, with what is at hand: no command is run, no plugin started, and
    /// nobody asked.
    #[must_use]
    pub fn open_at_hand(&self, groups: &[&[AgeEntry<'_>]]) -> Vec<Option<Zeroizing<Vec<u8>>>> {
        let mut attempt = Attempt::new(groups, groups.len(), SECRET_LIMIT_BYTES, Ok);
        self.read_files();
        self.try_plain(&mut attempt);
        attempt.into_opened()
    }

    /// Opens an armored age file of ours that is for `recipients`, and holds no more than `limit_bytes`.
    ///
    /// # Errors
    /// [`NoIdentity`], when it cannot be opened.
    pub fn open_file(
        &self,
        armor: &str,
        recipients: &[String],
        limit_bytes: usize,
    ) -> Result<Zeroizing<Vec<u8>>, NoIdentity> {
        let entries: Vec<AgeEntry<'_>> =
            recipients.iter().map(|recipient| AgeEntry { recipient, enc: armor }).collect();
        self.open_one(&entries, limit_bytes, Ok)
    }

    /// Opens `entry` with the identity of the recipient that it names, and no other; no command is run, no plugin
    /// started, and nobody asked. [`Owned::Absent`] where that identity is not at hand.
    #[must_use]
    pub fn open_own(&self, entry: AgeEntry<'_>) -> Owned {
        self.read_files();
        let known = self.known();
        let plugin = find_plugin(entry.recipient.trim());
        if plugin.is_some() && known.plugins().any(|identity| identity.plugin() == plugin) {
            return Owned::Unasked;
        }
        let Some(own) = known.plain().iter().find(|held| held.identity.is_named(entry.recipient)) else {
            return Owned::Absent;
        };
        let opened = unwrap(entry.enc, SECRET_LIMIT_BYTES, std::iter::once(&own.identity)).ok().flatten();
        opened.map_or(Owned::Refused, Owned::Opened)
    }

    /// The recipient of every identity found, or the plugin that knows it; those of costly sources only if a file needed
    /// them.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        self.read_files();
        self.known().found().into_iter().map(|found| found.recipient).collect()
    }

    /// Everything at hand, as far as it can be told without running a program or asking a person but for the password of
    /// a locked keyring.
    #[must_use]
    pub fn survey(&self) -> Survey {
        self.read_files();
        self.read_ssh_keys(true);
        let in_keyring = if self.keyring.is_there() { self.keyring.list_recipients() } else { Ok(Vec::new()) };
        let known = self.known();
        let mut survey =
            Survey { found: known.found(), closed: known.closed().collect(), problems: known.problems().to_vec() };
        match in_keyring {
            Ok(recipients) => survey.found.extend(recipients.into_iter().map(FoundIdentity::in_keyring)),
            Err(problem) => survey.problems.push(Problem::of(&Source::Keyring, SourceProblem::Keyring(problem))),
        }
        let commands = Source::all(&self.env).into_iter().filter(|source| source.is_set_command(&self.env));
        survey.closed.extend(commands.map(|source| ClosedSource {
            source,
            reason: ClosedReason::Command,
            recipient: None,
        }));
        survey
    }

    /// The identities that are at hand, the keyring asked for those of `recipients`; no command is run and nobody asked
    /// for a passphrase.
    #[must_use]
    pub fn find_holders<'r>(&self, recipients: impl IntoIterator<Item = &'r str>) -> Vec<FoundIdentity> {
        self.read_files();
        self.read_ssh_keys(true);
        let mut found = self.known().found();
        if self.keyring.is_there() {
            let kept = recipients
                .into_iter()
                .take(search::KEYRING_LIMIT)
                .filter(|recipient| self.keyring.find_identity(recipient).is_ok_and(|identity| identity.is_some()));
            let kept: Vec<FoundIdentity> =
                kept.map(|recipient| FoundIdentity::in_keyring(recipient.to_owned())).collect();
            found.retain(|found| found.source != Source::Keyring);
            found.extend(kept);
        }
        found
    }

    fn open_one<T>(
        &self,
        entries: &[AgeEntry<'_>],
        limit_bytes: usize,
        accept: impl Fn(Zeroizing<Vec<u8>>) -> Result<T, EntryProblem>,
    ) -> Result<T, NoIdentity> {
        let groups = [entries];
        let mut attempt = Attempt::new(&groups, 1, limit_bytes, accept);
        self.search(&mut attempt);
        // age's decoded identities and file keys.
        wipe_stack();
        match attempt.take_first() {
            Some(opened) => Ok(opened),
            None => Err(self.no_identity(&attempt)),
        }
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Identities(..)")
    }
}
