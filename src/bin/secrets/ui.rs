//! The one door to the terminal: results to standard output, everything else to standard error.

use std::{
    io::{self, ErrorKind, IsTerminal as _, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anstyle::{AnsiColor, Style};
use gitops_secrets::{base::env::Env, ops::in_place::NewText};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::failure::Failure;

/// Work that is over by then shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much is told beside results and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Verbosity {
    /// Errors.
    Quiet,
    /// Warnings too.
    #[default]
    Normal,
    /// What was done too.
    Verbose,
}

/// The terminal, or what stands in its place.
#[derive(Debug)]
pub(crate) struct Ui {
    is_colored: bool,
    verbosity: Verbosity,
    screen: Arc<Screen>,
}

/// What the terminal shows that moves: a progress bar, from the time on at which there is one.
#[derive(Debug, Default)]
pub(crate) struct Screen(Mutex<Option<ProgressBar>>);

impl Screen {
    /// Does `work`, which asks or tells something, without a bar in its way; none is drawn meanwhile.
    pub(crate) fn apart<T>(&self, work: impl FnOnce() -> T) -> T {
        let bar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match bar.as_ref() {
            Some(bar) => bar.suspend(work),
            None => work(),
        }
    }
}

impl Ui {
    /// As the flags and the environment say.
    pub(crate) fn new(color: Color, verbosity: Verbosity, env: &Env) -> Self {
        let is_colored = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                env.text("NO_COLOR").is_none() && env.text("TERM") != Some("dumb") && io::stderr().is_terminal()
            }
        };
        Self { is_colored, verbosity, screen: Arc::default() }
    }

    /// What else there is on the terminal.
    pub(crate) fn screen(&self) -> Arc<Screen> {
        Arc::clone(&self.screen)
    }

    /// A result, plaintext or not. It is not copied into a buffer of ours.
    pub(crate) fn result(&self, text: &NewText) -> Result<(), Failure> {
        self.print(text.as_str())
    }

    /// A result that is no secret.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        match write_stdout(text.as_bytes()) {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::plain(&StdoutError(error))),
            Ok(()) => Ok(()),
        }
    }

    /// Something that went wrong.
    pub(crate) fn failure(&self, failure: &Failure) {
        let place = failure.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        self.line("error", AnsiColor::Red, &format!("{place}{}", failure.what));
        if let Some(hint) = &failure.hint {
            self.line("hint", AnsiColor::Cyan, hint);
        }
    }

    /// Something that is likely not meant.
    pub(crate) fn warn(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.line("warning", AnsiColor::Yellow, text);
        }
    }

    /// What belongs to a result, but not into it.
    pub(crate) fn tell(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            drop(io::stderr().lock().write_all(format!("{}\n", one_line(text)).as_bytes()));
        }
    }

    /// What became of many files, in one line, for who sits at a terminal, or asks for it.
    pub(crate) fn summary(&self, text: &str, start: Instant) {
        let is_watched = self.verbosity >= Verbosity::Normal && io::stderr().is_terminal();
        if is_watched || self.verbosity >= Verbosity::Verbose {
            self.tell(&format!("{text}, in {:.1} s", start.elapsed().as_secs_f64()));
        }
    }

    /// What to do about what was found.
    pub(crate) fn hint(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.line("hint", AnsiColor::Cyan, text);
        }
    }

    /// What was asked for, or has to be known.
    pub(crate) fn note(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.line("note", AnsiColor::Green, text);
        }
    }

    /// What was done.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbosity >= Verbosity::Verbose {
            self.line("note", AnsiColor::Green, text);
        }
    }

    fn line(&self, label: &str, color: AnsiColor, text: &str) {
        let text = one_line(text);
        let line = if self.is_colored {
            let style = Style::new().bold().fg_color(Some(color.into()));
            format!("secrets: {style}{label}:{style:#} {text}\n")
        } else {
            format!("secrets: {label}: {text}\n")
        };
        // Nobody is left to be told.
        drop(io::stderr().lock().write_all(line.as_bytes()));
    }

    /// A bar for `count` files, on a terminal only and after a second only.
    pub(crate) fn progress(&self, count: usize) -> Progress {
        self.progress_of(count, "files")
    }

    /// A bar for `count` of something else than files.
    pub(crate) fn progress_of(&self, count: usize, what: &'static str) -> Progress {
        let is_wanted = count > 1 && self.verbosity >= Verbosity::Normal && io::stderr().is_terminal();
        let start = is_wanted.then(Instant::now);
        Progress { count, what, start, done: AtomicUsize::new(0), screen: self.screen() }
    }
}

/// Control characters could move the cursor, or forge a second line; names of files and keys can hold any.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[derive(Debug, thiserror::Error)]
#[error("standard output cannot be written")]
struct StdoutError(#[source] io::Error);

/// How far the work is.
#[derive(Debug)]
pub(crate) struct Progress {
    count: usize,
    what: &'static str,
    start: Option<Instant>,
    done: AtomicUsize,
    screen: Arc<Screen>,
}

impl Progress {
    /// One more file is done.
    pub(crate) fn step(&self) {
        let Some(start) = self.start else { return };
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if start.elapsed() < PATIENCE {
            return;
        }
        // Another thread draws, or a person is asked something.
        let Ok(mut bar) = self.screen.0.try_lock() else { return };
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(self.count as u64), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
            bar.with_style(style.unwrap_or_else(|_template| ProgressStyle::default_bar())).with_elapsed(start.elapsed())
        });
        // The bar's own rate knows nothing of the files before it was shown.
        let rate = done as f64 / start.elapsed().as_secs_f64();
        let left = self.count.saturating_sub(done) as f64 / rate;
        bar.set_message(format!("{}, {rate:.0}/s, {left:.0} s left", self.what));
        bar.set_position(done as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let bar = self.screen.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }
}

/// Past the buffer of the standard library, which would keep a copy of a plaintext.
#[cfg(unix)]
fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    use std::os::fd::AsFd as _;

    let descriptor = io::stdout().as_fd().try_clone_to_owned()?;
    std::fs::File::from(descriptor).write_all(bytes)
}

#[cfg(not(unix))]
fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}
