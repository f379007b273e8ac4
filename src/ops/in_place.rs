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
        files::{Batch, FileError, FileProblem, into_text, read_bytes, read_text},
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
}

/// Replaces each of `targets` by what `make` makes of its path and text. A failure leaves its own file as it was and does
/// not stop the others. `done` is called after each file, from any thread.
///
/// `format` is the type of all files; `None` goes by their names.
pub fn replace_all(
    targets: &[Target],
    format: Option<Format>,
    make: impl Fn(&Path, &Plaintext) -> Result<NewText, OpError> + Sync,
    done: impl Fn() + Sync,
) -> Vec<(PathBuf, Result<Outcome, OpError>)> {
    let batch = Batch::new();
    let stage = |target: &Target| {
        let outcome = stage(&batch, target, format, &make);
        done();
        outcome
    };
    let mut outcomes = pool::map(targets, stage);
    let mut committed: HashMap<PathBuf, Result<(), FileError>> = batch.commit().into_iter().collect();
    for (target, outcome) in targets.iter().zip(&mut outcomes) {
        if let Some(Err(fault)) = committed.remove(&target.path) {
            *outcome = Err(fault.into());
        }
    }
    targets.iter().map(|target| target.path.clone()).zip(outcomes).collect()
}

fn stage(
    batch: &Batch,
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
    batch.stage(path, old.expose().as_bytes(), new.as_str().as_bytes())?;
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
