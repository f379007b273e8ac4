//! The controlling terminal, to ask what only a person can answer. Standard input is left to data.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
};

use gitops_secrets::{
    base::secret::Plaintext,
    keys::{Ask, NoAnswer},
};

/// Where a process finds the terminal that it was started on, whatever its standard input and output are.
const TERMINAL: &str = "/dev/tty";

/// Who sits at the controlling terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal;

impl Ask for Terminal {
    fn secret(&self, question: &str) -> Result<Plaintext, NoAnswer> {
        drop(open()?);
        rpassword::prompt_password(question).map(Plaintext::new).map_err(|_cause| NoAnswer::GaveUp)
    }

    fn line(&self, question: &str) -> Result<String, NoAnswer> {
        let mut terminal = open()?;
        let mut ask = || -> io::Result<String> {
            terminal.write_all(question.as_bytes())?;
            let mut line = String::new();
            BufReader::new(&terminal).read_line(&mut line)?;
            Ok(line)
        };
        let line = ask().map_err(|_cause| NoAnswer::GaveUp)?;
        // At the end of the input there is not even a line break.
        if line.ends_with('\n') { Ok(line.trim().to_owned()) } else { Err(NoAnswer::GaveUp) }
    }

    fn message(&self, text: &str) {
        if let Ok(mut terminal) = open() {
            // Nobody is left to be told.
            drop(terminal.write_all(format!("{text}\n").as_bytes()));
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
