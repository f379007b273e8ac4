//! The one way in which the library asks a person: a passphrase, a PIN, a touch. The binary answers on its terminal.

use std::{fmt, sync::Arc};

use crate::base::secret::Plaintext;

/// Somebody who can be asked. Calls come one at a time, from any thread.
pub trait Ask: Send + Sync + fmt::Debug {
    /// Asks for a text that is not shown while it is typed.
    ///
    /// # Errors
    /// [`NoAnswer`].
    fn secret(&self, question: &str) -> Result<Plaintext, NoAnswer>;

    /// Asks for a line of text that is no secret.
    ///
    /// # Errors
    /// [`NoAnswer`].
    fn line(&self, question: &str) -> Result<String, NoAnswer>;

    /// Says something that has to be known now, such as that a key has to be touched.
    fn message(&self, text: &str);

    /// Lets choose between `yes` and `no`; where there is no `no`, only `yes` can be chosen, or nothing.
    ///
    /// # Errors
    /// [`NoAnswer`].
    fn confirm(&self, text: &str, yes: &str, no: Option<&str>) -> Result<bool, NoAnswer>;
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// There is no terminal to ask on.
    #[error("there is no terminal to ask on")]
    NoTerminal,
    /// Whoever was asked ended the question.
    #[error("the question was not answered")]
    GaveUp,
}

/// Whom to ask, if anybody.
#[derive(Debug, Clone, Default)]
pub struct Asker(Option<Arc<dyn Ask>>);

impl Asker {
    /// Asks `person`. [`Asker::default`] asks nobody, which is as if there was no terminal.
    #[must_use]
    pub fn new(person: Arc<dyn Ask>) -> Self {
        Self(Some(person))
    }

    fn person(&self) -> Result<&dyn Ask, NoAnswer> {
        self.0.as_deref().ok_or(NoAnswer::NoTerminal)
    }
}

impl Ask for Asker {
    fn secret(&self, question: &str) -> Result<Plaintext, NoAnswer> {
        self.person()?.secret(question)
    }

    fn line(&self, question: &str) -> Result<String, NoAnswer> {
        self.person()?.line(question)
    }

    fn message(&self, text: &str) {
        if let Ok(person) = self.person() {
            person.message(text);
        }
    }

    fn confirm(&self, text: &str, yes: &str, no: Option<&str>) -> Result<bool, NoAnswer> {
        self.person()?.confirm(text, yes, no)
    }
}
