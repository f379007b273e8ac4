//! What must not outlive this process: kept on a list while it exists, removed when it is dropped or a signal ends us.
//!
//! `kill -9` cannot be answered; what it leaves behind is recognised by its name, and private.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// What exists now and has to go. One list per process, because a signal ends the whole process.
static LEFTOVERS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// How many programs run on our terminal right now.
static TERMINAL_LOANS: AtomicUsize = AtomicUsize::new(0);

/// A file or directory that is wiped and removed when this is dropped, or when a watched signal ends the process.
#[derive(Debug)]
pub(crate) struct Leftover {
    path: PathBuf,
    is_ours: bool,
}

impl Leftover {
    /// Takes charge of `path`, which should not exist yet: what comes before its creation cannot leak.
    pub(crate) fn new(path: PathBuf) -> Self {
        leftovers().insert(path.clone());
        Self { path, is_ours: true }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// From here on, a signal leaves it; dropped, it still goes.
    pub(crate) fn leave_to_signals(&self) {
        leftovers().remove(&self.path);
    }

    /// Lets go of a path that has been given another name, so that nothing is left to remove.
    pub(crate) fn forget(mut self) {
        self.is_ours = false;
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        if self.is_ours {
            // There is nobody to tell, and nothing else to try: the names say what the files are.
            drop(wipe(&self.path));
        }
        // Only now: a signal that comes in between finds it on the list.
        leftovers().remove(&self.path);
    }
}

/// While this lives, an interrupt from the keyboard is meant for the program on the terminal.
#[derive(Debug)]
pub(crate) struct TerminalLoan(());

impl Drop for TerminalLoan {
    fn drop(&mut self) {
        TERMINAL_LOANS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Says that another program has our terminal, until the value is dropped.
pub(crate) fn lend_the_terminal() -> TerminalLoan {
    TERMINAL_LOANS.fetch_add(1, Ordering::SeqCst);
    TerminalLoan(())
}

/// Starts to watch for HUP, INT and TERM: each removes every leftover, lets the terminal show what is typed, then ends the process as the signal would have,
/// which a shell reports as 128 and the signal's number. INT is ignored while a program has the terminal.
///
/// The binary calls this before it has anything to leave behind; again, it does nothing. A signal that is ignored at the start (`nohup`) stays ignored.
///
/// # Errors
/// The operating system's, when no handler or thread can be had.
#[cfg(unix)]
pub fn watch_signals() -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    static ARE_WATCHED: AtomicBool = AtomicBool::new(false);
    if ARE_WATCHED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    let watched: Vec<i32> = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| !is_ignored(*signal)).collect();
    let mut signals = signal_hook::iterator::Signals::new(watched)?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if signal == SIGINT && TERMINAL_LOANS.load(Ordering::SeqCst) > 0 {
                continue;
            }
            end_by(signal);
        }
    })?;
    Ok(())
}

/// Removes what is left, and dies of `signal`. The list stays locked, so that no other thread adds to it meanwhile.
#[cfg(unix)]
fn end_by(signal: i32) {
    super::typing::show_typing();
    let list = leftovers();
    for path in list.iter() {
        drop(wipe(path));
    }
    // It fails only for signals that it does not know, and it knows these three.
    drop(signal_hook::low_level::emulate_default_handler(signal));
}

/// Whether our parent told us to ignore `signal`, which `nohup` does with HUP. Only Linux says.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

fn leftovers() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    // A thread that panicked while it held the lock left a whole list behind: each change is one call.
    LEFTOVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Overwrites and removes a file, or a directory with everything in it. Goes on past failures and returns the first.
fn wipe(path: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_dir() {
        let inside = wipe_entries(path);
        return fs::remove_dir(path).and(inside);
    }
    let overwritten = if kind.is_file() { overwrite(path) } else { Ok(()) };
    fs::remove_file(path).and(overwritten)
}

fn wipe_entries(directory: &Path) -> io::Result<()> {
    let mut outcome = Ok(());
    for entry in fs::read_dir(directory)? {
        outcome = outcome.and(entry.and_then(|entry| wipe(&entry.path())));
    }
    outcome
}

/// Puts zeros over the content and cuts it off. In memory-backed space this reaches the only copy;
/// on a disk it is an attempt.
fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    io::copy(&mut io::Read::take(io::repeat(0), length), &mut file)?;
    file.flush()?;
    file.set_len(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test prepares its files by other means")]
    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_dropped_leftover_is_wiped_even_through_a_second_name() {
        let directory = tempfile::tempdir().unwrap();
        let (path, second) = (directory.path().join("a"), directory.path().join("b"));
        let leftover = Leftover::new(path.clone());
        write(&path, "plaintext");
        fs::hard_link(&path, &second).unwrap();
        drop(leftover);
        assert!(!path.exists());
        assert_eq!(fs::read(&second).unwrap(), b"");
    }

    #[test]
    fn a_leftover_directory_goes_with_everything_in_it_and_no_link_is_followed() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        write(outside.path(), "kept");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("scratch");
        let leftover = Leftover::new(path.clone());
        fs::create_dir_all(path.join("sub")).unwrap();
        write(&path.join("sub/.f.swp"), "plaintext");
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path(), path.join("link")).unwrap();
        drop(leftover);
        assert!(!path.exists());
        assert_eq!(fs::read(outside.path()).unwrap(), b"kept");
    }

    #[test]
    fn a_forgotten_leftover_stays() {
        let file = tempfile::NamedTempFile::new().unwrap();
        Leftover::new(file.path().to_owned()).forget();
        assert!(file.path().exists());
    }

    #[test]
    fn a_loan_ends_with_its_value() {
        let before = TERMINAL_LOANS.load(Ordering::SeqCst);
        let loan = lend_the_terminal();
        assert!(TERMINAL_LOANS.load(Ordering::SeqCst) > before);
        drop(loan);
    }
}
