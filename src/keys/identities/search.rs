//! The order of the search: what costs more is touched only for a file that nothing cheaper opens, and once.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLockWriteGuard},
};

use zeroize::Zeroizing;

use super::{Identities, attempt::Attempt, known::Known};
use crate::keys::{
    content::{Words, parse_content},
    no_identity::{EntryProblem, NoIdentity, Problem, SearchOutcome, Searched},
    reader::{KeyCommand, read_source},
    source::{Source, SourceProblem},
};

/// How many recipients a command is run for. The list of a file is not authenticated: it can be of any length.
const COMMAND_RUNS_LIMIT: usize = 64;

/// How many recipients the keyring is asked for, for the same reason.
pub(super) const KEYRING_LIMIT: usize = 256;

/// What was done that cost something.
#[derive(Default)]
pub(super) struct Work {
    /// The recipients that each command was told.
    asked: BTreeSet<(KeyCommand, String)>,
    /// The recipients that the keyring was asked for.
    looked_up: BTreeSet<String>,
}

impl Identities {
    /// Takes `attempt` through all stages until it is done; says whether it is.
    pub(super) fn search<T, A>(&self, attempt: &mut Attempt<'_, T, A>) -> bool
    where
        A: Fn(Zeroizing<Vec<u8>>) -> Result<T, EntryProblem>,
    {
        self.read_files();
        if self.try_plain(attempt) {
            return true;
        }
        self.read_ssh_keys(attempt.is_for_ssh());
        if self.try_plain(attempt) {
            return true;
        }
        // From here on one thread works, and the others wait for what it finds.
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        self.try_plain(attempt)
            || self.try_keyring(attempt, &mut work)
            || self.try_commands(attempt, &mut work)
            || self.try_plugins(attempt)
            || self.try_locked(attempt)
    }

    /// Reads what costs next to nothing, once.
    pub(super) fn read_files(&self) {
        self.files.get_or_init(|| {
            self.read(|source| !matches!(source, Source::SshKeyFile(_) | Source::DefaultSshKey(_)));
        });
    }

    /// Reads SSH keys, once: those that everybody has only where the file is for one.
    pub(super) fn read_ssh_keys(&self, with_default: bool) {
        self.ssh_file.get_or_init(|| self.read(|source| matches!(source, Source::SshKeyFile(_))));
        if with_default {
            self.default_ssh.get_or_init(|| self.read(Source::is_default_ssh_key));
        }
    }

    fn read(&self, is_wanted: impl Fn(&Source) -> bool) {
        for source in Source::all(&self.env).iter().filter(|source| is_wanted(source)) {
            if let Some(content) = read_source(source, &self.env, &self.asker) {
                self.known_mut().add(source, content);
            }
        }
    }

    /// Tries what can be used at once, past what was tried before.
    pub(super) fn try_plain<T, A>(&self, attempt: &mut Attempt<'_, T, A>) -> bool
    where
        A: Fn(Zeroizing<Vec<u8>>) -> Result<T, EntryProblem>,
    {
        let known = self.known();
        let tried = std::mem::replace(&mut attempt.tried_plain, known.plain().len());
        attempt.open_with(known.plain().iter().skip(tried))
    }

    /// Asks the keyring for the identities of the recipients that are named, each once in a run.
    fn try_keyring<T, A>(&self, attempt: &mut Attempt<'_, T, A>, work: &mut Work) -> bool
    where
        A: Fn(Zeroizing<Vec<u8>>) -> Result<T, EntryProblem>,
    {
        self.keyring.is_there()
            && attempt.entries().any(|entry| {
                self.look_up(entry.recipient.trim(), work);
                self.try_plain(attempt)
            })
    }

    fn look_up(&self, recipient: &str, work: &mut Work) {
        if work.looked_up.contains(recipient) {
            return;
        }
        if work.looked_up.len() >= KEYRING_LIMIT {
            return self.known_mut().tell(&Source::Keyring, SourceProblem::KeyringLimit { limit: KEYRING_LIMIT });
        }
        work.looked_up.insert(recipient.to_owned());
        match self.keyring.find_identity(recipient) {
            Ok(None) => {}
            Ok(Some(text)) => {
                let content = parse_content(&text, Words::One, &Source::Keyring, &self.asker);
                self.known_mut().add(&Source::Keyring, content);
            }
            Err(problem) => self.known_mut().tell(&Source::Keyring, SourceProblem::Keyring(problem)),
        }
    }

    /// Runs the commands, for each recipient that they were not yet told.
    fn try_commands<T, A>(&self, attempt: &mut Attempt<'_, T, A>, work: &mut Work) -> bool
    where
        A: Fn(Zeroizing<Vec<u8>>) -> Result<T, EntryProblem>,
    {
        for command in KeyCommand::ALL {
            if command == KeyCommand::SshKey && !attempt.is_for_ssh() {
                continue;
            }
            for entry in attempt.entries() {
                if !self.run_command(command, entry.recipient, work) {
                    break;
                }
                if self.try_plain(attempt) {
                    return true;
                }
            }
        }
        false
    }

    /// Runs `command` for `recipient`, unless it was before. `false` when it is not set, or not to be run any more.
    fn run_command(&self, command: KeyCommand, recipient: &str, work: &mut Work) -> bool {
        let told = (command, recipient.to_owned());
        if work.asked.contains(&told) {
            return true;
        }
        let source = command.source();
        if work.asked.iter().filter(|(asked, _)| *asked == command).count() >= COMMAND_RUNS_LIMIT {
            self.known_mut().tell(&source, SourceProblem::CommandLimit { limit: COMMAND_RUNS_LIMIT });
            return false;
        }
        let Some(content) = command.run(&self.env, recipient, &self.asker) else { return false };
        work.asked.insert(told);
        self.known_mut().add(&source, content);
        true
    }

    /// Starts the plugins that could open an entry.
    fn try_plugins<T, A>(&self, attempt: &mut Attempt<'_, T, A>) -> bool
    where
        A: Fn(Zeroizing<Vec<u8>>) -> Result<T, EntryProblem>,
    {
        // Not under the lock: a plugin can wait for a person, and a file that needs none need not.
        let plugins = self.known().plugins_after(attempt.tried_plugins);
        attempt.tried_plugins += plugins.len();
        plugins.iter().any(|held| {
            let name = held.identity.plugin().unwrap_or_default();
            attempt.is_for_plugin(name) && attempt.open_with(std::iter::once(held.as_ref()))
        })
    }

    /// Asks for the passphrases that could help, each once in a run.
    fn try_locked<T, A>(&self, attempt: &mut Attempt<'_, T, A>) -> bool
    where
        A: Fn(Zeroizing<Vec<u8>>) -> Result<T, EntryProblem>,
    {
        loop {
            let next = self.known().next_locked(|locked| attempt.is_for(locked));
            let Some(locked) = next else { return false };
            let content = locked.unlock(&self.keyring, &self.asker);
            let mut known = self.known_mut();
            known.set_asked(&locked);
            known.add(&locked.source, content);
            drop(known);
            if self.try_plain(attempt) || self.try_plugins(attempt) {
                return true;
            }
        }
    }

    /// What was tried in vain.
    pub(super) fn no_identity<T, A>(&self, attempt: &Attempt<'_, T, A>) -> NoIdentity
    where
        A: Fn(Zeroizing<Vec<u8>>) -> Result<T, EntryProblem>,
    {
        // Nearly everybody has an SSH key. It is worth a word only where the file is for one; else the command is not run.
        let is_for_ssh = attempt.is_for_ssh();
        let known = self.known();
        let outcome = |source: &Source| match known.outcome(source) {
            SearchOutcome::Absent if source.is_set_command(&self.env) => SearchOutcome::Identities(0),
            SearchOutcome::Absent if *source == Source::Keyring && self.keyring.is_there() => {
                SearchOutcome::Identities(0)
            }
            outcome => outcome,
        };
        let is_unused = |source: &Source| source.is_ssh() && source.is_set_command(&self.env);
        let searched = Source::all(&self.env)
            .into_iter()
            .filter(|source| is_for_ssh || !(source.is_default_ssh_key() || is_unused(source)))
            .map(|source| Searched { outcome: outcome(&source), source })
            .collect();
        let of_sources = known.problems().iter().filter(|problem| is_for_ssh || !problem.is_default_ssh_key());
        let problems: Vec<Problem> = of_sources.chain(attempt.problems()).cloned().collect();
        NoIdentity { searched, found: known.found(), problems }
    }

    fn known_mut(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}
