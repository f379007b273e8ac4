//! Files replaced by what a command makes of them: all at once, with one barrier to the disk.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::{
    error::OpError,
    format::Format,
    pool,
    target::{Origin, Target},
};
use crate::{
    base::{
        files::{
            Batch, Committed, FileError, FileProblem, into_text,
            journal::{OnChanged, Run},
            read_bytes, read_text,
        },
        secret::Plaintext,
    },
    document::yaml::parse::TEXT_LIMIT_BYTES,
};

/// The new content of a file.
#[derive(Debug)]
pub enum NewText {
    /// Plaintext: wiped after it is written; in a new file for nobody else to read.
    Clear(Plaintext),
    /// Ciphertext.
    Sealed(String),
}

impl NewText {
    /// The content.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Clear(text) => text.expose(),
            Self::Sealed(text) => text,
        }
    }
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has new content.
    Replaced,
    /// It was as it should be, and was not touched.
    Unchanged,
    /// It was found below a directory, and is none of SOPS'.
    Skipped,
    /// It would have new content, and has not, because another file failed.
    Withheld,
}

/// What became of each file.
pub type Outcomes = Vec<(PathBuf, Result<Outcome, OpError>)>;

/// How files are replaced.
#[derive(Debug)]
pub enum Writing<'j> {
    /// Each by itself, and what they held is forgotten.
    Plain(Batch),
    /// As a run of a journal, for ciphertext only.
    Journaled(Run<'j>),
}

impl Writing<'_> {
    fn stage(&self, path: &Path, old: &str, new: &str) -> Result<(), OpError> {
        match self {
            Self::Plain(batch) => Ok(batch.stage(path, old.as_bytes(), new.as_bytes())?),
            Self::Journaled(run) => Ok(run.stage(path, old, new)?),
        }
    }

    fn commit(self, on_fault: OnFault) -> Result<Committed, OpError> {
        let on_changed = match on_fault {
            OnFault::Stop => OnChanged::Stop,
            OnFault::KeepGoing => OnChanged::KeepGoing,
        };
        match self {
            Self::Plain(batch) => Ok(batch.commit()),
            Self::Journaled(run) => Ok(run.commit(on_changed)?),
        }
    }
}

/// What a file that fails means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFault {
    /// None is replaced.
    Stop,
    /// They are replaced.
    KeepGoing,
}

/// Files whose new content is made and stands beside them. Dropped without [`Prepared::commit`], it changes nothing.
#[derive(Debug)]
pub struct Prepared<'j> {
    writing: Writing<'j>,
    outcomes: Outcomes,
}

/// Replaces each of `targets` by what `make` makes of its path and text. A failure leaves its own file as it was; what it
/// means for the others, `on_fault` says. `done` is called after each file, from any thread.
///
/// `format` is the type of all files; `None` goes by their names.
///
/// # Errors
/// [`OpError`] where no file can be replaced.
pub fn replace_all(
    targets: &[Target],
    format: Option<Format>,
    (writing, on_fault): (Writing<'_>, OnFault),
    make: impl Fn(&Path, &Plaintext) -> Result<NewText, OpError> + Sync,
    done: impl Fn() + Sync,
) -> Result<Outcomes, OpError> {
    prepare_all(targets, format, writing, make, done).commit(on_fault)
}

/// Does all that [`replace_all`] does before the first file is replaced.
pub fn prepare_all<'j>(
    targets: &[Target],
    format: Option<Format>,
    writing: Writing<'j>,
    make: impl Fn(&Path, &Plaintext) -> Result<NewText, OpError> + Sync,
    done: impl Fn() + Sync,
) -> Prepared<'j> {
    let stage = |target: &Target| {
        let outcome = stage(&writing, target, format, &make);
        done();
        outcome
    };
    let outcomes = pool::map(targets, stage);
    let outcomes = targets.iter().map(|target| target.path.clone()).zip(outcomes).collect();
    Prepared { writing, outcomes }
}

impl Prepared<'_> {
    /// Whether some file cannot be replaced.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        self.outcomes.iter().any(|(_, outcome)| outcome.is_err())
    }

    /// Whether the file at `path` cannot be replaced.
    #[must_use]
    pub fn has_fault_at(&self, path: &Path) -> bool {
        self.outcomes.iter().any(|(own, outcome)| own == path && outcome.is_err())
    }

    /// Puts the new files in place.
    ///
    /// # Errors
    /// [`OpError`] where no file can be replaced.
    pub fn commit(mut self, on_fault: OnFault) -> Result<Outcomes, OpError> {
        let mut committed = HashMap::new();
        if on_fault == OnFault::KeepGoing || !self.has_faults() {
            committed.extend(self.writing.commit(on_fault)?);
        }
        for (path, outcome) in &mut self.outcomes {
            match committed.remove(path) {
                Some(Err(fault)) => *outcome = Err(fault.into()),
                Some(Ok(())) => {}
                // A run that found a file changed meanwhile replaces none.
                None if matches!(outcome, Ok(Outcome::Replaced)) => *outcome = Ok(Outcome::Withheld),
                None => {}
            }
        }
        Ok(self.outcomes)
    }
}

fn stage(
    writing: &Writing<'_>,
    target: &Target,
    format: Option<Format>,
    make: impl Fn(&Path, &Plaintext) -> Result<NewText, OpError>,
) -> Result<Outcome, OpError> {
    let Target { path, origin } = target;
    let Some(old) = read_target(target, format)? else { return Ok(Outcome::Skipped) };
    let new = match make(path, &old) {
        Err(OpError::Sops(crate::sops::error::SopsError::NotEncrypted)) if *origin == Origin::Below => {
            return Ok(Outcome::Skipped);
        }
        outcome => outcome?,
    };
    if new.as_str() == old.expose() {
        return Ok(Outcome::Unchanged);
    }
    writing.stage(path, old.expose(), new.as_str())?;
    Ok(Outcome::Replaced)
}

/// The text of a file; `None` for one below a directory that SOPS did not write.
///
/// # Errors
/// [`OpError::File`], and [`OpError::Format`] for types that are not supported.
pub fn read_target(target: &Target, format: Option<Format>) -> Result<Option<Plaintext>, OpError> {
    let Target { path, origin } = target;
    if *origin == Origin::Named {
        return read_named(path, format).map(Some);
    }
    let bytes = match read_bytes(path, TEXT_LIMIT_BYTES) {
        // SOPS' files are not as large as that.
        Err(FileError { problem: FileProblem::TooLarge { .. }, .. }) => return Ok(None),
        outcome => outcome?,
    };
    let Some(found) = Format::find_encrypted(path, &bytes) else { return Ok(None) };
    format.unwrap_or(found).supported()?;
    Ok(Some(into_text(path, bytes)?))
}

/// The text of the file at `path`.
///
/// # Errors
/// [`OpError::File`], and [`OpError::Format`] for types that are not supported.
pub fn read_named(path: &Path, format: Option<Format>) -> Result<Plaintext, OpError> {
    // A file that is not there is that first, whatever its name.
    let text = read_text(path, TEXT_LIMIT_BYTES)?;
    format.unwrap_or_else(|| Format::of_name(path)).supported()?;
    Ok(text)
}
