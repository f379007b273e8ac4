//! The controlling terminal, to ask what only a person can answer. Standard input is left to data.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    sync::Arc,
};

use gitops_secrets::{
    base::secret::Plaintext,
    keys::{Ask, NoAnswer},
};
use zeroize::Zeroizing;

use crate::ui::{Screen, one_line};

/// Where a process finds the terminal that it was started on, whatever its standard input and output are.
const TERMINAL: &str = "/dev/tty";
/// As much as a terminal takes for one line.
const LINE_BYTES: usize = 4096;

/// Who sits at the controlling terminal.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    screen: Arc<Screen>,
}

impl Terminal {
    /// The controlling terminal, which also shows `screen`.
    pub(crate) fn new(screen: Arc<Screen>) -> Self {
        Self { screen }
    }
}

impl Ask for Terminal {
    fn secret(&self, question: &str) -> Result<Plaintext, NoAnswer> {
        self.screen.apart(|| read_hidden(&shown(question)))
    }

    fn line(&self, question: &str) -> Result<String, NoAnswer> {
        let line = self.screen.apart(|| {
            let mut terminal = open()?;
            terminal.write_all(shown(question).as_bytes()).map_err(|_cause| NoAnswer::GaveUp)?;
            read_line(&mut terminal)
        })?;
        Ok(line.expose().trim().to_owned())
    }

    fn message(&self, text: &str) {
        if let Ok(mut terminal) = open() {
            let line = format!("{}\n", shown(text));
            // Nobody is left to be told.
            drop(self.screen.apart(|| terminal.write_all(line.as_bytes())));
        }
    }

    fn confirm(&self, text: &str, yes: &str, no: Option<&str>) -> Result<bool, NoAnswer> {
        let question = match no {
            Some(no) => format!("{text}\n[y] {yes}, [n] {no}: "),
            None => format!("{text}\n[y] {yes}: "),
        };
        loop {
            match self.line(&question)?.to_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" if no.is_some() => return Ok(false),
                _ => {}
            }
        }
    }
}

/// Whether there is a terminal to ask on.
pub(crate) fn has_terminal() -> bool {
    open().is_ok()
}

fn open() -> Result<File, NoAnswer> {
    OpenOptions::new().read(true).write(true).open(TERMINAL).map_err(|_cause| NoAnswer::NoTerminal)
}

/// Names of files and what plugins say can hold anything.
fn shown(text: &str) -> String {
    text.split('\n').map(one_line).collect::<Vec<_>>().join("\n")
}

/// What the terminal hides is shown again, even if a signal ends the process: that is why they are watched from here on.
#[cfg(unix)]
fn read_hidden(question: &str) -> Result<Plaintext, NoAnswer> {
    use gitops_secrets::base::{leftover::watch_signals, typing::hide_typing};

    watch_signals().map_err(|_cause| NoAnswer::NoTerminal)?;
    let mut terminal = open()?;
    let hidden = hide_typing(&terminal).map_err(|_cause| NoAnswer::NoTerminal)?;
    terminal.write_all(question.as_bytes()).map_err(|_cause| NoAnswer::GaveUp)?;
    let line = read_line(&mut terminal);
    drop(hidden);
    line
}

#[cfg(not(unix))]
fn read_hidden(question: &str) -> Result<Plaintext, NoAnswer> {
    rpassword::prompt_password(question).map(Plaintext::new).map_err(|_cause| NoAnswer::GaveUp)
}

/// Reads a line past every buffer but this one, which is wiped.
fn read_line(terminal: &mut File) -> Result<Plaintext, NoAnswer> {
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES));
    loop {
        let mut byte = [0];
        match terminal.read(&mut byte) {
            Ok(1) if byte == *b"\n" => break,
            Ok(1) if line.len() < LINE_BYTES => line.extend(byte),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The end of the input, a line that no person types, or a terminal that is gone.
            _ => return Err(NoAnswer::GaveUp),
        }
    }
    let text = std::str::from_utf8(&line).map_err(|_cause| NoAnswer::GaveUp)?;
    Ok(Plaintext::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}
