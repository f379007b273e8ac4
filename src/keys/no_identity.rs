//! What is told when no identity opens a file: where was looked, what was found, what went wrong on the way.

use std::fmt;

use super::{
    found::FoundIdentity,
    short::shorten_recipient,
    source::{Source, SourceProblem},
};

/// One place that was looked in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// The place.
    pub source: Source,
    /// What was there.
    pub outcome: SearchOutcome,
}

/// What was in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchOutcome {
    /// The variable is not set, or the file does not exist.
    Absent,
    /// So many identities that can be used, be it none.
    Identities(usize),
    /// What only a passphrase opens, which was not given or would not have helped.
    Locked,
}

/// Something that may be why no identity opens a file.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Problem {
    /// A source gave nothing, or not all that it holds.
    #[error("{place}: {problem}")]
    Source {
        /// The place.
        place: Source,
        /// What is wrong with it.
        problem: SourceProblem,
    },
    /// A wrapped data key is damaged.
    #[error("the data key for {} cannot be read: {problem}", shorten_recipient(recipient))]
    Entry {
        /// The recipient that the entry names.
        recipient: String,
        /// What is wrong with it.
        problem: EntryProblem,
    },
}

/// What is wrong with a wrapped data key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryProblem {
    /// It is no age file, or a damaged one.
    #[error("{0}")]
    Unreadable(String),
    /// What an identity found in it is not as long as a data key.
    #[error("it holds {0} bytes, where a data key has 32")]
    Length(usize),
}

/// No identity opens the data key of a file: what was tried. Every list is in the order of the search.
#[derive(Debug, Clone)]
pub struct NoIdentity {
    /// Where was looked.
    pub searched: Vec<Searched>,
    /// Every identity that was found.
    pub found: Vec<FoundIdentity>,
    /// What went wrong on the way.
    pub problems: Vec<Problem>,
}

impl NoIdentity {
    /// The same with the names of the identities that were found, by their recipients.
    #[must_use]
    pub fn with_names<'n>(mut self, names_of: impl Fn(&str) -> &'n [String]) -> Self {
        for found in &mut self.found {
            found.names = names_of(&found.recipient).to_vec();
        }
        self
    }
}

impl Problem {
    pub(super) fn of(place: &Source, problem: SourceProblem) -> Self {
        Self::Source { place: place.clone(), problem }
    }

    pub(super) fn is_default_ssh_key(&self) -> bool {
        matches!(self, Self::Source { place: Source::DefaultSshKey(_), .. })
    }
}

impl fmt::Display for Searched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            SearchOutcome::Absent => write!(formatter, "{}: absent", self.source),
            SearchOutcome::Locked => write!(formatter, "{}: behind a passphrase", self.source),
            SearchOutcome::Identities(1) => write!(formatter, "{}: 1 identity", self.source),
            SearchOutcome::Identities(count) => {
                write!(formatter, "{}: {count} identities", self.source)
            }
        }
    }
}

/// One line of facts. Who knows names for recipients tells more by the fields.
impl fmt::Display for NoIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no identity opens the data key")?;
        write_list(formatter, "; looked in ", &self.searched)?;
        write_list(formatter, "; found ", &self.found)?;
        write_list(formatter, "; problems: ", &self.problems)
    }
}

impl std::error::Error for NoIdentity {}

fn write_list(formatter: &mut fmt::Formatter<'_>, head: &str, items: &[impl fmt::Display]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        formatter.write_str(if index == 0 { head } else { ", " })?;
        write!(formatter, "{item}")?;
    }
    Ok(())
}
