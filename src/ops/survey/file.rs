//! One file, read once: the terms on which it is encrypted, and how they differ from the rule for it. No content is kept.

use crate::{
    base::files::{FileError, FileProblem, into_text, read_bytes},
    document::yaml::parse::TEXT_LIMIT_BYTES,
    ops::{
        drift::{Drifts, find_drifts},
        error::OpError,
        format::Format,
        pool,
        session::{Applied, Session},
        target::{Origin, Target},
    },
    sops::{
        error::SopsError,
        terms::{Terms, TermsError},
    },
};

/// What became of one file.
pub(in crate::ops) struct Reading<T> {
    /// What it is to SOPS; `None` if it is nothing.
    pub(in crate::ops) sealed: Option<Sealed>,
    /// Why it, or the rule for it, cannot be read.
    pub(in crate::ops) error: Option<OpError>,
    /// What else was read out of its text; `None` if it is none.
    pub(in crate::ops) other: Option<T>,
}

/// What a file that SOPS wrote tells without a key.
pub(in crate::ops) struct Sealed {
    pub(in crate::ops) format: Format,
    pub(in crate::ops) terms: Terms,
    pub(in crate::ops) applied: Applied,
    pub(in crate::ops) drifts: Drifts,
}

/// Reads `targets`, in parallel, and gives what became of each, in order. `look` is given every text, and `done` is called
/// after each file, from any thread.
pub(in crate::ops) fn read_all<T: Send>(
    session: &Session,
    targets: &[Target],
    look: impl Fn(&Target, &str) -> T + Sync,
    done: impl Fn() + Sync,
) -> Vec<Reading<T>> {
    pool::map(targets, |target| {
        let mut other = None;
        let read = read(session, target, |text| other = Some(look(target, text)));
        done();
        match read {
            Ok(None) => Reading { sealed: None, error: None, other },
            Ok(Some((sealed, error))) => Reading { sealed: Some(sealed), error, other },
            Err(error) => Reading { sealed: None, error: Some(error), other },
        }
    })
}

fn read(
    session: &Session,
    Target { path, origin }: &Target,
    look: impl FnOnce(&str),
) -> Result<Option<(Sealed, Option<OpError>)>, OpError> {
    let is_expected = *origin == Origin::Named;
    let bytes = match read_bytes(path, TEXT_LIMIT_BYTES) {
        // SOPS' files are not as large as that.
        Err(FileError { problem: FileProblem::TooLarge { .. }, .. }) if !is_expected => return Ok(None),
        outcome => outcome?,
    };
    let found = Format::find_encrypted(path, &bytes);
    // The marks of a file in UTF-16 are not to be seen before it is read.
    let is_utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    let text = match into_text(path, bytes) {
        Err(_) if found.is_none() && !is_expected => return Ok(None),
        outcome => outcome?,
    };
    let text = text.expose();
    look(text);
    let found = if is_utf16 { Format::find_encrypted(path, text.as_bytes()) } else { found };
    let format = match (found, Format::of_name(path)) {
        (Some(format), _) => format,
        // What is wrong with it has a place.
        (None, Format::Yaml) if is_expected => Format::Yaml,
        (None, _) if is_expected => return Err(SopsError::NotEncrypted.into()),
        (None, _) => return Ok(None),
    };
    let terms = match read_terms(format, text) {
        // The words are in it, and mean something else.
        Err(TermsError::Sops(SopsError::NotEncrypted)) if !is_expected => return Ok(None),
        outcome => outcome?,
    };
    let (applied, error) = match session.rule_for(path) {
        Ok(applied) => (applied, None),
        Err(error) => (Applied::default(), Some(error)),
    };
    let drifts = find_drifts(text, &terms, &applied);
    Ok(Some((Sealed { format, terms, applied, drifts }, error)))
}

fn read_terms(format: Format, text: &str) -> Result<Terms, TermsError> {
    match format {
        Format::Yaml => Ok(Terms::of_yaml(text)?),
        Format::Json | Format::Binary => Terms::of_json(text),
        Format::Dotenv => Terms::of_dotenv(text),
        Format::Ini => Terms::of_ini(text),
    }
}
