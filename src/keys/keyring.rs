//! The keyring of the operating system: identities by their recipient, passphrases by their file. The one door to it.
//!
//! # Source
//! On Linux and the BSDs <https://specifications.freedesktop.org/secret-service-spec/0.2/>, over the session's D-Bus.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    path::Path,
    sync::{Mutex, PoisonError, mpsc},
    time::Duration,
};

use keyring_core::{Entry, Error};
use zeroize::Zeroizing;

use super::short::shorten_recipient;
use crate::base::env::Env;

/// The `service` attribute of our identities; their `username` is the recipient.
const IDENTITIES: &str = "gitops-secrets";
/// The `service` attribute of passphrases; their `username` is the absolute path of the identity file.
const PASSPHRASES: &str = "gitops-secrets passphrase";
/// A daemon that runs answers within milliseconds; one that has to be started, within seconds.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// It may be that a person has to type the password of the keyring.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// The keyring of whoever runs this process. Nothing is connected to before the first question.
pub struct Keyring {
    is_there: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_connected: bool,
    /// After this, nothing is asked again in this run: nobody wants to dismiss a prompt for each file.
    broken: Option<KeyringProblem>,
}

/// Why the keyring gave nothing. Holds nothing of what is kept in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringProblem {
    /// There is no D-Bus session, as in CI and on servers.
    #[error("there is none: no D-Bus session (DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR)")]
    Absent,
    /// Nothing that answers is behind the address.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It is locked, and whoever was asked for its password gave none.
    #[error("is locked, and was not unlocked: {0}")]
    Locked(String),
    /// There was no answer.
    #[error("gave no answer within {seconds} s")]
    Slow {
        /// How long was waited.
        seconds: u64,
    },
    /// It answered with an error.
    #[error("failed: {0}")]
    Failed(String),
}

impl Keyring {
    /// The keyring of the session that `env` names. Connects to nothing.
    #[must_use]
    pub fn of(env: &Env) -> Self {
        Self { is_there: has_session(env), state: Mutex::default() }
    }

    /// Whether there can be a keyring at all, told without connecting to it.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.is_there
    }

    /// Sees whether it can be used, before a person types something for it in vain. Does not unlock it.
    ///
    /// # Errors
    /// [`KeyringProblem`].
    pub fn check(&self) -> Result<(), KeyringProblem> {
        self.ask(|| Ok(()))
    }

    /// The text of the identity of `recipient`; `None` when it is not kept here.
    ///
    /// # Errors
    /// [`KeyringProblem`].
    pub fn find_identity(&self, recipient: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringProblem> {
        self.find(IDENTITIES, account(recipient))
    }

    /// Keeps `text`, the identity of `recipient`, in the place of the one that is there.
    ///
    /// # Errors
    /// [`KeyringProblem`].
    pub fn keep_identity(&self, recipient: &str, text: &[u8]) -> Result<(), KeyringProblem> {
        let label = format!("age identity of {}", shorten_recipient(recipient));
        self.keep(IDENTITIES, account(recipient), label, text)
    }

    /// Takes the identity of `recipient` out; `false` when it was not there.
    ///
    /// # Errors
    /// [`KeyringProblem`].
    pub fn remove_identity(&self, recipient: &str) -> Result<bool, KeyringProblem> {
        self.remove(IDENTITIES, account(recipient))
    }

    /// The recipients of all identities that are kept here, sorted.
    ///
    /// # Errors
    /// [`KeyringProblem`].
    pub fn list_recipients(&self) -> Result<Vec<String>, KeyringProblem> {
        self.ask(|| {
            let found = Entry::search(&HashMap::from([("service", IDENTITIES)]))?;
            let recipients = found.iter().filter_map(|entry| Some(entry.get_specifiers()?.1));
            Ok(recipients.collect::<BTreeSet<_>>().into_iter().collect())
        })
    }

    /// The passphrase of the identity file at `path`, which is absolute; `None` when it is not kept here.
    ///
    /// # Errors
    /// [`KeyringProblem`].
    pub fn find_passphrase(&self, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringProblem> {
        self.find(PASSPHRASES, &path.to_string_lossy())
    }

    /// Keeps the passphrase of the identity file at `path`, which is absolute.
    ///
    /// # Errors
    /// [`KeyringProblem`].
    pub fn keep_passphrase(&self, path: &Path, passphrase: &[u8]) -> Result<(), KeyringProblem> {
        let label = format!("passphrase of the age identity file {}", path.display());
        self.keep(PASSPHRASES, &path.to_string_lossy(), label, passphrase)
    }

    /// Takes the passphrase of the identity file at `path` out; `false` when it was not there.
    ///
    /// # Errors
    /// [`KeyringProblem`].
    pub fn remove_passphrase(&self, path: &Path) -> Result<bool, KeyringProblem> {
        self.remove(PASSPHRASES, &path.to_string_lossy())
    }

    fn find(&self, service: &'static str, user: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringProblem> {
        let user = user.to_owned();
        self.ask(move || {
            let secret = match Entry::new(service, &user)?.get_secret() {
                // The same entry in two collections of the keyring.
                Err(Error::Ambiguous(entries)) => entries.first().ok_or(Error::NoEntry)?.get_secret(),
                secret => secret,
            };
            match secret {
                Err(Error::NoEntry) => Ok(None),
                secret => Ok(Some(Zeroizing::new(secret?))),
            }
        })
    }

    fn keep(&self, service: &'static str, user: &str, label: String, secret: &[u8]) -> Result<(), KeyringProblem> {
        let (user, secret) = (user.to_owned(), Zeroizing::new(secret.to_vec()));
        self.ask(move || entry_with_label(service, &user, &label)?.set_secret(&secret))
    }

    fn remove(&self, service: &'static str, user: &str) -> Result<bool, KeyringProblem> {
        let user = user.to_owned();
        self.ask(move || {
            let entries = match Entry::new(service, &user)?.delete_credential() {
                Ok(()) => return Ok(true),
                Err(Error::NoEntry) => return Ok(false),
                Err(Error::Ambiguous(entries)) => entries,
                Err(error) => return Err(error),
            };
            entries.iter().try_for_each(Entry::delete_credential).map(|()| true)
        })
    }

    /// One question at a time, so that a locked keyring asks for its password once, however many threads wait.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, KeyringProblem> {
        if !self.is_there {
            return Err(KeyringProblem::Absent);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = &state.broken {
            return Err(problem.clone());
        }
        let answer = connect(&mut state).and_then(|()| wait_for(ANSWER_LIMIT, move || question().map_err(problem_of)));
        // A single entry may be broken; the others are not for it.
        if let Err(problem) = answer.as_ref()
            && !matches!(problem, KeyringProblem::Failed(_))
        {
            state.broken = Some(problem.clone());
        }
        answer
    }
}

/// What an identity is kept under: its recipient, of an SSH key without the comment.
fn account(recipient: &str) -> &str {
    let recipient = recipient.trim();
    let comment = recipient.starts_with("ssh-").then(|| recipient.match_indices(' ').nth(1)).flatten();
    comment.and_then(|(at, _)| recipient.get(..at)).unwrap_or(recipient)
}

/// The crate's own start, which connects to the daemon.
fn connect(state: &mut State) -> Result<(), KeyringProblem> {
    if !state.is_connected {
        wait_for(CONNECT_LIMIT, || match keyring::Entry::store_status() {
            Ok(()) => Ok(()),
            Err(error) => Err(KeyringProblem::Unreachable(reason(error))),
        })?;
        state.is_connected = true;
    }
    Ok(())
}

/// D-Bus itself waits without end for a daemon that hangs. The thread that waits for it is left behind then.
fn wait_for<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, KeyringProblem> + Send + 'static,
) -> Result<T, KeyringProblem> {
    let (sender, receiver) = mpsc::channel();
    let work = move || drop(sender.send(work()));
    std::thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(work)
        .map_err(|cause| KeyringProblem::Failed(cause.to_string()))?;
    receiver.recv_timeout(limit).unwrap_or_else(|error| {
        Err(match error {
            mpsc::RecvTimeoutError::Timeout => KeyringProblem::Slow { seconds: limit.as_secs() },
            mpsc::RecvTimeoutError::Disconnected => KeyringProblem::Failed("the question was dropped".to_owned()),
        })
    })
}

fn problem_of(error: Error) -> KeyringProblem {
    match error {
        Error::NoStorageAccess(cause) => KeyringProblem::Locked(cause.to_string()),
        error => KeyringProblem::Failed(reason(&error)),
    }
}

/// What the crate tells, without what could be a part of a secret.
fn reason(error: &Error) -> String {
    match error {
        Error::PlatformFailure(cause) | Error::NoStorageAccess(cause) => cause.to_string(),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => "what it holds cannot be read".to_owned(),
        error => error.to_string(),
    }
}

/// An entry that has `label` in the programs that show the keyring.
#[cfg(all(unix, not(target_os = "macos")))]
fn entry_with_label(service: &str, user: &str, label: &str) -> Result<Entry, Error> {
    Entry::new_with_modifiers(service, user, &HashMap::from([("label", label)]))
}

/// Elsewhere entries are shown by their service and user.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn entry_with_label(service: &str, user: &str, _label: &str) -> Result<Entry, Error> {
    Entry::new(service, user)
}

/// Whether there can be a D-Bus session. What D-Bus does beyond these two variables is guessing.
fn has_session(env: &Env) -> bool {
    if cfg!(any(windows, target_os = "macos")) {
        return true;
    }
    let is_socket = || env.path("XDG_RUNTIME_DIR").is_some_and(|directory| directory.join("bus").exists());
    env.text("DBUS_SESSION_BUS_ADDRESS").is_some() || is_socket()
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keyring(..)")
    }
}

#[cfg(test)]
#[cfg(all(unix, not(target_os = "macos")))]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn without_a_session_there_is_none_and_nobody_waits() {
        let start = Instant::now();
        for pairs in [&[][..], &[("DBUS_SESSION_BUS_ADDRESS", "")], &[("XDG_RUNTIME_DIR", "/nowhere")]] {
            let keyring = Keyring::of(&pairs.iter().copied().collect());
            assert!(!keyring.is_there());
            assert_eq!(keyring.find_identity("age1x").unwrap_err(), KeyringProblem::Absent);
            assert_eq!(keyring.keep_identity("age1x", b"x").unwrap_err(), KeyringProblem::Absent);
            assert_eq!(keyring.list_recipients().unwrap_err(), KeyringProblem::Absent);
            assert_eq!(keyring.find_passphrase(Path::new("/x")).unwrap_err(), KeyringProblem::Absent);
        }
        assert!(start.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn an_identity_is_found_whatever_the_comment_of_its_recipient() {
        assert_eq!(account(" age1x\n"), "age1x");
        assert_eq!(account("ssh-ed25519 AAAA me@host of mine"), "ssh-ed25519 AAAA");
        assert_eq!(account("ssh-ed25519 AAAA"), "ssh-ed25519 AAAA");
        assert_eq!(account("ssh-"), "ssh-");
    }

    #[test]
    fn a_session_is_known_by_its_variable_or_its_socket() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let is_there = |pairs: &[(&str, &str)]| Keyring::of(&pairs.iter().copied().collect()).is_there();
        assert!(is_there(&[("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")]));
        assert!(!is_there(&[("XDG_RUNTIME_DIR", path)]));
        let _socket = std::os::unix::net::UnixListener::bind(directory.path().join("bus")).unwrap();
        assert!(is_there(&[("XDG_RUNTIME_DIR", path)]));
    }

    #[test]
    fn a_keyring_that_hangs_is_not_waited_for_without_end() {
        let hanging = || {
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        };
        let problem = wait_for(Duration::from_millis(20), hanging).unwrap_err();
        assert_eq!(problem, KeyringProblem::Slow { seconds: 0 });
    }

    #[test]
    fn what_the_crate_tells_never_holds_a_secret() {
        let errors = [
            Error::BadEncoding(b"s3cret".to_vec()),
            Error::BadDataFormat(b"s3cret".to_vec(), "cause".into()),
            Error::NoStorageAccess("locked".into()),
        ];
        let told: Vec<String> = errors.into_iter().map(|error| problem_of(error).to_string()).collect();
        assert_eq!(
            told,
            [
                "failed: what it holds cannot be read",
                "failed: what it holds cannot be read",
                "is locked, and was not unlocked: locked"
            ]
        );
    }
}
