//! The commits of a repository, each with what it brings.

use std::{
    io::{self, BufRead as _},
    thread::JoinHandle,
};

use super::{GitError, ObjectId, program::Git};
use crate::base::process::{ProgramOutput, Running, ToolError};

/// Mode of a submodule, whose object is a commit of another repository.
pub(super) const SUBMODULE_MODE: u32 = 0o160_000;

/// Which commits are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revisions {
    /// Those that any reference leads to, `HEAD` and those of other work trees too.
    All,
    /// Those of a range, as git writes it: `main`, `v1..main`.
    Range(String),
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub id: ObjectId,
    /// Its parents: several of a merge, none of a first commit.
    pub parents: Vec<ObjectId>,
    /// When its author says that it was made, in seconds since 1970; `None` if that makes no sense.
    pub author_time: Option<u64>,
    /// What is in it and in none of its parents, in the order of the paths.
    pub changes: Vec<Change>,
}

/// A file that a commit, or the index, holds with this content under this path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path below the root of the repository, with `/` between its parts; mostly UTF-8.
    pub path: Vec<u8>,
    /// The content.
    pub blob: ObjectId,
    /// `0o100644`, `0o100755`, or `0o120000` for a symbolic link.
    pub mode: u32,
}

/// The commits of a repository, newest first and no parent before all of its children, read while git finds them.
///
/// Every pair of path and content that a commit has stands in one [`Commit::changes`]: it is in some parent, and so in an
/// earlier commit, or in none. What is only in a merge is so found, and what a merge takes over from one side is not told
/// again. Renames are not looked for: the new path is a path with that content.
#[derive(Debug)]
pub struct Commits<'g> {
    git: &'g Git,
    running: Option<Running>,
    output: ProgramOutput,
    feeder: Option<JoinHandle<Result<String, ToolError>>>,
    /// The line that begins the next commit.
    next: Option<Vec<u8>>,
    warnings: Vec<String>,
}

impl Git {
    /// The commits of `revisions`; with a `file_name`, only those that change files of that name, and of their changes
    /// only these.
    ///
    /// # Errors
    /// [`GitError::Run`] when git cannot be started.
    pub fn commits(&self, revisions: &Revisions, file_name: Option<&str>) -> Result<Commits<'_>, GitError> {
        let pathspec = file_name.map(|name| format!(":(top,glob)**/{name}"));
        let mut listing = vec!["rev-list", "--date-order"];
        // What git leaves out of a history for being told elsewhere too can still be exposed there.
        listing.extend(pathspec.is_some().then_some("--full-history"));
        revisions.push(&mut listing);
        let mut telling = vec!["diff-tree", "--stdin", "--root", "-r", "-c", "-z", "--raw", "--always", "--no-renames"];
        telling.extend(["--no-abbrev", "--no-ext-diff", "--no-textconv", "--format=%H %at %P"]);
        for arguments in [&mut listing, &mut telling] {
            arguments.push("--");
            arguments.extend(pathspec.as_deref());
        }
        let (lister, _no_input, mut listed) = self.start(&listing)?;
        let (running, mut input, output) = self.start(&telling)?;
        let feeder = std::thread::spawn(move || {
            let copied = io::copy(&mut listed, &mut input);
            drop((input, listed));
            match copied {
                Ok(_) => lister.finish(),
                // Whoever should have read it has ended, and says why.
                Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(String::new()),
                Err(cause) => Err(lister.unheard(cause)),
            }
        });
        Ok(Commits {
            git: self,
            running: Some(running),
            output,
            feeder: Some(feeder),
            next: None,
            warnings: Vec::new(),
        })
    }

    /// How many commits there are.
    ///
    /// # Errors
    /// [`GitError::Run`].
    pub fn count_commits(&self, revisions: &Revisions) -> Result<usize, GitError> {
        let mut arguments = vec!["rev-list", "--count"];
        revisions.push(&mut arguments);
        arguments.push("--");
        self.line(&arguments)?.parse().map_err(|_number| self.odd("no number of commits"))
    }
}

impl Revisions {
    fn push<'a>(&'a self, arguments: &mut Vec<&'a str>) {
        match self {
            Self::All => arguments.push("--all"),
            Self::Range(range) => arguments.extend(["--end-of-options", range.as_str()]),
        }
    }
}

impl Iterator for Commits<'_> {
    type Item = Result<Commit, GitError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = match self.read() {
            // What git says itself goes before what was missed in its output.
            Err(missed) if self.output.fill_buf().is_ok_and(<[u8]>::is_empty) => {
                Err(self.finish().err().unwrap_or(missed))
            }
            read => read,
        };
        if !matches!(read, Ok(Some(_))) {
            // Nothing more is known to come.
            drop(self.running.take());
        }
        read.transpose()
    }
}

impl Commits<'_> {
    /// What git had to say although it went well, once all commits were read: of references that lead nowhere, mostly.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn read(&mut self) -> Result<Option<Commit>, GitError> {
        let begin = match self.next.take() {
            Some(begin) => Some(begin),
            None => self.token()?,
        };
        let Some(begin) = begin else { return self.finish().map(|()| None) };
        let mut commit = parse_begin(&begin).ok_or_else(|| self.git.odd("no commit where one begins"))?;
        while let Some(token) = self.token()? {
            match token.as_slice() {
                // Between a commit and what is in it.
                [] => {}
                [b'\n', record @ ..] | record if record.starts_with(b":") => {
                    let (mode, blob) = parse_record(record).ok_or_else(|| self.git.odd("a change without its blob"))?;
                    let path = self.token()?.ok_or_else(|| self.git.odd("a change without its path"))?;
                    if !blob.is_null() && mode != SUBMODULE_MODE {
                        commit.changes.push(Change { path, blob, mode });
                    }
                }
                _ => {
                    self.next = Some(token);
                    break;
                }
            }
        }
        Ok(Some(commit))
    }

    fn token(&mut self) -> Result<Option<Vec<u8>>, GitError> {
        match &self.running {
            Some(running) => self.git.token(running, &mut self.output, 0),
            None => Ok(None),
        }
    }

    fn finish(&mut self) -> Result<(), GitError> {
        let mut ends = Vec::new();
        ends.extend(self.running.take().map(Running::finish));
        ends.extend(self.feeder.take().and_then(|feeder| feeder.join().ok()));
        for end in ends {
            let said = end.map_err(|cause| self.git.failed(cause))?;
            self.warnings.extend(said.lines().map(str::to_owned));
        }
        Ok(())
    }
}

/// `ID TIME PARENT…`
fn parse_begin(line: &[u8]) -> Option<Commit> {
    let mut words = line.split(|byte| *byte == b' ');
    let id = ObjectId::parse(words.next()?)?;
    let author_time = std::str::from_utf8(words.next()?).ok()?.parse().ok();
    let parents = words.filter(|word| !word.is_empty()).map(ObjectId::parse).collect::<Option<_>>()?;
    Some(Commit { id, parents, author_time, changes: Vec::new() })
}

/// Mode and object out of `:OLD-MODE MODE OLD-ID ID STATUS`; of a merge, there are as many colons, old modes and old objects
/// as parents.
pub(super) fn parse_record(record: &[u8]) -> Option<(u32, ObjectId)> {
    let parents = record.iter().take_while(|byte| **byte == b':').count();
    let mut words = record.get(parents..)?.split(|byte| *byte == b' ').skip(parents);
    let mode = parse_mode(words.next()?)?;
    let blob = ObjectId::parse(words.nth(parents)?)?;
    Some((mode, blob))
}

pub(super) fn parse_mode(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_with_any_number_of_parents() {
        let (old, new) = ("1".repeat(40), "2".repeat(40));
        for parents in 1..4 {
            let record = format!(
                "{} {} 120000 {} {new} M",
                ":".repeat(parents),
                vec!["100644"; parents].join(" "),
                vec![old.as_str(); parents].join(" ")
            )
            .replacen(": ", ":", 1);
            let (mode, blob) = parse_record(record.as_bytes()).unwrap();
            assert_eq!((mode, blob.to_string()), (0o120_000, new.clone()), "{record}");
        }
        for bad in ["", ":", ":100644", ":100644 100644 1 2 M", "::100644 100644 100644 1 2 M"] {
            assert_eq!(parse_record(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_time_that_makes_no_sense_is_none() {
        let id = "a".repeat(64);
        let time = |text: &str| parse_begin(format!("{id} {text} ").as_bytes()).unwrap().author_time;
        assert_eq!(time("1700000000"), Some(1_700_000_000));
        assert_eq!(time(""), None);
        assert_eq!(time("-5"), None);
        assert!(parse_begin(b"commit").is_none());
    }
}
