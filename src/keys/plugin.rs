//! Recipients and identities that a program `age-plugin-NAME` knows what to do with. The `age` crate talks to it; here
//! is decided which program that may be, and what people are told.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    io,
    path::PathBuf,
    str::FromStr as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use age::{
    DecryptError, EncryptError,
    plugin::{IdentityPluginV1, RecipientPluginV1},
    secrecy::SecretString,
};
use age_core::format::{FileKey, Stanza};
use zeroize::Zeroizing;

use super::ask::{Ask as _, Asker, NoAnswer};
use crate::base::{
    env::Env,
    process::{Located, locate},
};

/// One plugin at a time: a person answers one question after the other, and a token does one thing after the other.
static TURN: Mutex<()> = Mutex::new(());

/// `age1NAME1…`
#[derive(Clone)]
pub(super) struct PluginRecipient(age::plugin::Recipient);

/// `AGE-PLUGIN-NAME-1…`
pub(super) struct PluginIdentity {
    identity: age::plugin::Identity,
    asker: Asker,
    answers: Arc<Mutex<Answers>>,
}

/// What was answered to a plugin, by question. It starts anew for each file; who has answered it is not asked again.
#[derive(Default)]
struct Answers {
    /// Those that led to an opened file.
    proven: HashMap<String, Zeroizing<String>>,
    /// Those of the session that goes on. A question that comes twice in it had a wrong answer.
    given: HashMap<String, Zeroizing<String>>,
}

impl Answers {
    fn find_proven(&mut self, question: &str) -> Option<Zeroizing<String>> {
        if self.given.contains_key(question) {
            self.proven.remove(question);
            return None;
        }
        let answer = self.proven.get(question)?.clone();
        self.given.insert(question.to_owned(), answer.clone());
        Some(answer)
    }

    fn end_session(&mut self, has_opened: bool) {
        for (question, answer) in self.given.drain() {
            if has_opened {
                self.proven.insert(question, answer);
            } else {
                self.proven.remove(&question);
            }
        }
    }
}

/// Why a plugin did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum PluginFault {
    /// There is no such program.
    #[error("{program} is not on PATH")]
    Missing {
        /// `age-plugin-NAME`.
        program: String,
    },
    /// It would be found in another place from another directory: that can be anybody's.
    #[error("{program} is in {}, which PATH names relative to the current directory", .directory.display())]
    Relative {
        /// `age-plugin-NAME`.
        program: String,
        /// The entry of `PATH`.
        directory: PathBuf,
    },
    /// It told what is wrong.
    #[error("{message}")]
    Said {
        /// Its name and its words, without control characters.
        message: String,
    },
    /// It did not speak as a plugin does.
    #[error("{program} does not work as a plugin: {cause}")]
    Broken {
        /// `age-plugin-NAME`.
        program: String,
        /// What happened.
        cause: String,
    },
}

impl PluginFault {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "install the plugin, in a directory that PATH names",
            Self::Relative { .. } => "name only absolute directories in PATH",
            Self::Said { .. } => "see the documentation of the plugin",
            Self::Broken { .. } => "run it with AGEDEBUG=plugin to see what it does; that shows secrets too",
        }
    }

    fn of_plugin(program: &str, messages: &[impl ToString]) -> Self {
        let texts: Vec<String> = messages.iter().map(ToString::to_string).collect();
        let message = in_one_line(&texts.join("; "));
        // `age` names the program in most of them.
        let is_named = message.contains(program);
        Self::Said { message: if is_named { message } else { format!("{program}: {message}") } }
    }
}

impl PluginRecipient {
    /// Takes `age1NAME1…`; the error is why it is none. No program is looked for yet.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let recipient = age::plugin::Recipient::from_str(text).map_err(|reason| match reason {
            "invalid plugin name" => BAD_NAME,
            _ => "the text is damaged: its checksum or alphabet is not that of a recipient",
        })?;
        if is_name(recipient.plugin()) { Ok(Self(recipient)) } else { Err(BAD_NAME) }
    }

    /// The same with whom the plugin asks.
    pub(super) fn with_asker(&self, asker: &Asker) -> impl age::Recipient + use<> {
        AskingRecipient { recipient: self.0.clone(), asker: asker.clone() }
    }
}

struct AskingRecipient {
    recipient: age::plugin::Recipient,
    asker: Asker,
}

impl age::Recipient for AskingRecipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let name = self.recipient.plugin();
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let program = find(name).map_err(|fault| EncryptError::Io(io::Error::other(fault)))?;
        let callbacks = Voice { program: program.clone(), asker: self.asker.clone(), answers: Arc::default() };
        let plugin = RecipientPluginV1::new(name, std::slice::from_ref(&self.recipient), &[], callbacks)?;
        plugin.wrap_file_key(file_key).map_err(|error| {
            let fault = match error {
                EncryptError::Plugin(messages) => PluginFault::of_plugin(&program, &messages),
                other => PluginFault::Broken { program, cause: in_one_line(&other.to_string()) },
            };
            EncryptError::Io(io::Error::other(fault))
        })
    }
}

impl PluginIdentity {
    /// Takes `AGE-PLUGIN-NAME-1…`; `None` where it is damaged, or the name is none. No program is looked for yet.
    pub(super) fn parse(text: &str, asker: &Asker) -> Option<Self> {
        let identity = age::plugin::Identity::from_str(text).ok().filter(|identity| is_name(identity.plugin()))?;
        Some(Self { identity, asker: asker.clone(), answers: Arc::default() })
    }

    /// `NAME`.
    pub(super) fn plugin(&self) -> &str {
        self.identity.plugin()
    }

    /// Whether both are the same text.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.identity.to_string() == other.identity.to_string()
    }

    fn unwrap_with(&self, stanzas: &[Stanza]) -> Result<Option<FileKey>, PluginFault> {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let program = find(self.plugin())?;
        let answers = Arc::clone(&self.answers);
        let callbacks = Voice { program: program.clone(), asker: self.asker.clone(), answers };
        let identities = std::slice::from_ref(&self.identity);
        let unwrapped = IdentityPluginV1::new(self.plugin(), identities, callbacks)
            .and_then(|plugin| age::Identity::unwrap_stanzas(&plugin, stanzas).transpose());
        locked(&self.answers).end_session(matches!(unwrapped, Ok(Some(_))));
        unwrapped.map_err(|error| match error {
            DecryptError::Plugin(messages) => PluginFault::of_plugin(&program, &messages),
            other => PluginFault::Broken { program, cause: in_one_line(&other.to_string()) },
        })
    }
}

impl age::Identity for PluginIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        let stanza = Stanza { tag: stanza.tag.clone(), args: stanza.args.clone(), body: stanza.body.clone() };
        self.unwrap_stanzas(&[stanza])
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        // Told among what was tried, where every line is on its own: so the advice is with it.
        let told = |fault: PluginFault| DecryptError::Io(io::Error::other(format!("{fault} ({})", fault.hint())));
        self.unwrap_with(stanzas).map_err(told).transpose()
    }
}

/// What a plugin says and asks, with its name before it, so that none can speak for us or for another.
#[derive(Clone)]
struct Voice {
    program: String,
    asker: Asker,
    answers: Arc<Mutex<Answers>>,
}

impl Voice {
    /// The answer that was proven right before, or what `ask` gives.
    fn answer(
        &self,
        question: &str,
        ask: impl FnOnce(&str) -> Result<Zeroizing<String>, NoAnswer>,
    ) -> Option<Zeroizing<String>> {
        if let Some(proven) = locked(&self.answers).find_proven(question) {
            return Some(proven);
        }
        let answer = ask(&format!("{}: ", self.say(question))).ok()?;
        locked(&self.answers).given.insert(question.to_owned(), answer.clone());
        Some(answer)
    }

    fn say(&self, text: &str) -> String {
        format!("{}: {}", self.program, in_one_line(text))
    }
}

impl age::Callbacks for Voice {
    fn display_message(&self, message: &str) {
        self.asker.message(&self.say(message));
    }

    fn confirm(&self, message: &str, yes_string: &str, no_string: Option<&str>) -> Option<bool> {
        let no = no_string.map(in_one_line);
        self.asker.confirm(&self.say(message), &in_one_line(yes_string), no.as_deref()).ok()
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        let answer = self.answer(description, |question| self.asker.line(question).map(Zeroizing::new))?;
        Some(answer.to_string())
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        let ask = |question: &str| Ok(Zeroizing::new(self.asker.secret(question)?.expose().to_owned()));
        Some(SecretString::from(self.answer(description, ask)?.to_string()))
    }
}

fn locked(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

const BAD_NAME: &str = "a plugin's name has only ASCII letters, digits, and + - . _";

/// Whether `age-plugin-NAME` is the name of a file, and of one in no other directory.
///
/// # Source
/// RUSTSEC-2024-0433. `age` checks it too; here nothing has to be remembered of what it does.
fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    !name.is_empty() && !name.contains("..") && name.bytes().all(is_allowed)
}

/// The program of the plugin, if `PATH` leads to it by an absolute directory; that is where `age` finds it then.
fn find(name: &str) -> Result<String, PluginFault> {
    let program = format!("age-plugin-{name}");
    match locate(&program, &Env::of_process()) {
        Located::At(_) => Ok(program),
        Located::Relative(directory) => Err(PluginFault::Relative { program, directory }),
        Located::Nowhere => Err(PluginFault::Missing { program }),
    }
}

/// What `age` carried, of which it would tell the cause twice.
pub(super) fn into_cause(error: EncryptError) -> Box<dyn Error + Send + Sync> {
    match error {
        EncryptError::Io(carried) => match carried.downcast::<PluginFault>() {
            Ok(fault) => Box::new(fault),
            Err(other) => Box::new(other),
        },
        other => Box::new(other),
    }
}

/// `text` as it can be shown: no control characters, which a terminal would obey, those that turn the direction of
/// writing among them; no line breaks; not without end.
fn in_one_line(text: &str) -> String {
    const SHOWN_CHARACTERS: usize = 512;
    let is_turning =
        |letter: &char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let straight: String = text.chars().filter(|letter| !is_turning(letter)).take(SHOWN_CHARACTERS).collect();
    let words = straight.split(|letter: char| letter.is_whitespace() || letter.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plugin_says_is_shown_in_one_line_that_no_terminal_obeys() {
        let check = |text: &str, expected: &str| assert_eq!(in_one_line(text), expected);
        check(" touch\n\tthe \u{1b}[31mtoken\r\n", "touch the [31mtoken");
        check("\u{2068}age\u{2069} \u{202e}nip\u{9b}2J", "age nip 2J");
        check("", "");
        check(&"x".repeat(1 << 20), &"x".repeat(512));
    }
}
