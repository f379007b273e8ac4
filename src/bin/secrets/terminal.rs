//! The controlling terminal, to ask what only a person can answer. Standard input is left to data.

use std::{
    fs::OpenOptions,
    io::{self, BufRead as _, BufReader, Write as _},
};

use gitops_secrets::base::secret::Plaintext;

/// Where a process finds the terminal that it was started on, whatever its standard input and output are.
const TERMINAL: &str = "/dev/tty";

/// Asks for a line that is not shown. `None` where there is no terminal, or nobody who answers.
pub(crate) fn ask_secret(question: &str) -> Option<Plaintext> {
    rpassword::prompt_password(question).ok().map(Plaintext::new)
}

/// Asks for a line. `None` where there is no terminal, or nobody who answers.
pub(crate) fn ask_line(question: &str) -> Option<String> {
    let ask = || -> io::Result<String> {
        let mut terminal = OpenOptions::new().read(true).write(true).open(TERMINAL)?;
        terminal.write_all(question.as_bytes())?;
        let mut line = String::new();
        BufReader::new(terminal).read_line(&mut line)?;
        Ok(line)
    };
    // At the end of the input there is not even a line break.
    ask().ok().filter(|line| line.ends_with('\n')).map(|line| line.trim().to_owned())
}

/// Whether there is a terminal to ask on.
pub(crate) fn has_terminal() -> bool {
    OpenOptions::new().read(true).write(true).open(TERMINAL).is_ok()
}
