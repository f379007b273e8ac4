//! `verify`: files and directories checked, without a key or with one. Changes nothing.

mod render;

pub use render::{render_json, render_text};

use std::path::{Path, PathBuf};

use super::{
    error::OpError,
    format::Format,
    pool,
    session::Session,
    target::{Origin, Target, Targets, find_targets},
};
use crate::{
    base::files::{FileError, FileProblem, into_text, read_bytes},
    document::yaml::parse::TEXT_LIMIT_BYTES,
    sops::{
        file::SopsFile,
        verify::{Content, Finding, Severity, Verified, verify, verify_with},
    },
};

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What can be told without any key.
    Keyless,
    /// Also that each value opens in its place, and the MAC: `--decrypt`.
    Decrypt,
}

/// What was found, by path.
#[derive(Debug, Default)]
pub struct Report {
    /// How many files were checked.
    pub files: usize,
    /// Findings with their files; of one file in the order of its text.
    pub findings: Vec<(PathBuf, Finding)>,
    /// What could not be checked, and why.
    pub unchecked: Vec<(PathBuf, OpError)>,
    /// SOPS files below a directory, in formats that are not checked yet.
    pub skipped: Vec<PathBuf>,
}

impl Report {
    /// Whether there is a finding that is more than a note.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|(_, finding)| finding.rule.severity() == Severity::Error)
    }
}

/// What became of one file.
enum Outcome {
    Checked(Verified),
    /// It was read with a finding or without, but not opened.
    Unopened(Verified, OpError),
    Unread(OpError),
    OtherFormat,
    /// It was found below a directory and is none of SOPS'.
    None,
}

/// The files that `paths` stand for, by path, each once: as [`find_targets`], and a file that is named counts as named.
#[must_use]
pub fn find_verifiable(paths: &[PathBuf]) -> Targets {
    // Files first: one that is also below a directory that is named is checked as named.
    let mut paths = paths.to_vec();
    paths.sort_by_key(|path| path.is_dir());
    let mut targets = find_targets(&paths);
    for target in &mut targets.files {
        if let Ok(path) = target.path.strip_prefix(".") {
            target.path = path.to_owned();
        }
    }
    targets.files.sort_by(|left, right| left.path.cmp(&right.path));
    targets
}

/// Checks `targets`: those that are named, and of the others SOPS files and those whose name says that they are.
///
/// `format` is the type of all files; `None` goes by their names. `done` is called after each file, from any thread.
pub fn verify_files(
    session: &Session,
    targets: Targets,
    format: Option<Format>,
    depth: Depth,
    done: impl Fn() + Sync,
) -> Report {
    let Targets { files, faults } = targets;
    let outcomes = pool::map(&files, |Target { path, origin }| {
        let outcome = check_file(session, path, *origin, format, depth);
        done();
        outcome
    });
    let mut report = Report::default();
    report.unchecked.extend(faults.into_iter().map(|fault| (fault.path.clone(), fault.into())));
    for (target, outcome) in files.iter().zip(outcomes) {
        report.take(&target.path, outcome);
    }
    report.unchecked.sort_by(|(left, _), (right, _)| left.cmp(right));
    report
}

impl Report {
    fn take(&mut self, path: &Path, outcome: Outcome) {
        let verified = match outcome {
            Outcome::None => return,
            Outcome::OtherFormat => return self.skipped.push(path.to_owned()),
            Outcome::Unread(error) => return self.unchecked.push((path.to_owned(), error)),
            Outcome::Checked(verified) => verified,
            Outcome::Unopened(verified, error) => {
                self.unchecked.push((path.to_owned(), error));
                verified
            }
        };
        self.files += 1;
        self.findings.extend(verified.findings.into_iter().map(|finding| (path.to_owned(), finding)));
    }
}

fn check_file(session: &Session, path: &Path, origin: Origin, format: Option<Format>, depth: Depth) -> Outcome {
    let is_expected = origin == Origin::Named || is_called_encrypted(path);
    let bytes = match read_bytes(path, TEXT_LIMIT_BYTES) {
        Ok(bytes) => bytes,
        Err(error) => return Outcome::Unread(error.into()),
    };
    let format = format.unwrap_or_else(|| Format::of_name(path));
    if let Err(error) = format.supported() {
        return match origin {
            Origin::Named => Outcome::Unread(error.into()),
            Origin::Below if Format::find_encrypted(path, &bytes).is_some() => Outcome::OtherFormat,
            Origin::Below => Outcome::None,
        };
    }
    let text = match into_text(path, bytes) {
        Ok(text) => text,
        Err(FileError { problem: FileProblem::NotText { .. }, .. }) if !is_expected => return Outcome::None,
        Err(error) => return Outcome::Unread(error.into()),
    };
    let verified = verify(text.expose());
    match (verified.content, depth) {
        (Content::Clear, _) if !is_expected => Outcome::None,
        (Content::Encrypted, Depth::Decrypt) => open(session, path, text.expose(), verified),
        _ => Outcome::Checked(verified),
    }
}

/// Whether a file has to be encrypted by its name. `.sops.yaml` alone is the policy.
fn is_called_encrypted(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    [&b".sops.yaml"[..], b".sops.yml"].iter().any(|end| name.len() > end.len() && name.ends_with(end))
}

fn open(session: &Session, path: &Path, text: &str, verified: Verified) -> Outcome {
    let file = match SopsFile::read(text) {
        Ok(file) => file,
        // Why it cannot be read is a finding already.
        Err(_) if verified.has_errors() => return Outcome::Checked(verified),
        Err(error) => return Outcome::Unopened(verified, error.into()),
    };
    match session.open(path, &file) {
        Ok(key) => Outcome::Checked(verify_with(text, &key, session.identities())),
        Err(error) => Outcome::Unopened(verified, error),
    }
}
