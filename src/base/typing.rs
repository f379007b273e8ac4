//! Typing that the terminal does not show, put right again whatever ends it: an answer, an error, a signal.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The terminal that does not show what is typed, and how it was before. One per process, because a signal ends it whole.
static HIDDEN: Mutex<Option<(File, Termios)>> = Mutex::new(None);

/// While this lives, the terminal does not show what is typed.
#[derive(Debug)]
pub struct HiddenTyping(());

/// Lets `terminal` show nothing of what is typed, but the interrupt key keeps its meaning.
///
/// # Errors
/// The operating system's, when it is no terminal.
pub fn hide_typing(terminal: &File) -> io::Result<HiddenTyping> {
    let shown = tcgetattr(terminal)?;
    let mut modes = shown.clone();
    modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
    modes.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG);
    let mut hidden = hidden();
    // Only then changed: a signal that comes in between finds how it was.
    *hidden = Some((terminal.try_clone()?, shown));
    tcsetattr(terminal, OptionalActions::Now, &modes)?;
    Ok(HiddenTyping(()))
}

impl Drop for HiddenTyping {
    fn drop(&mut self) {
        show_typing();
    }
}

/// Puts the terminal right, if it hides something, and ends the line of the question.
pub(super) fn show_typing() {
    if let Some((mut terminal, shown)) = hidden().take() {
        // Nobody is left to be told.
        drop(tcsetattr(&terminal, OptionalActions::Now, &shown).map_err(io::Error::from));
        drop(terminal.write_all(b"\n"));
    }
}

fn hidden() -> MutexGuard<'static, Option<(File, Termios)>> {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner)
}
