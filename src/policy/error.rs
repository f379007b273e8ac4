//! What is wrong with a policy, and where. An error is a small value: a malformed policy breaks only what needs one.

use std::path::PathBuf;

use crate::{
    base::{
        go_regex::{GoRegexError, GoRegexErrorKind},
        span::LineColumn,
    },
    sops::selector::{SelectorError, SelectorKind},
};

/// A policy, or the rule of it that applies, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {kind}{}", path.display(), at(*place))]
pub struct PolicyError {
    /// The policy's file.
    pub path: PathBuf,
    /// Where in it, if that is known.
    pub place: Option<LineColumn>,
    /// What is wrong.
    #[source]
    pub kind: PolicyErrorKind,
}

impl PolicyError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        let PolicyErrorKind::PathRegex(cause) = &self.kind else {
            return None;
        };
        match cause.kind() {
            GoRegexErrorKind::RepeatedRepetition(_) | GoRegexErrorKind::NothingToRepeat(_) => {
                Some("this is not a glob: `.*` stands for any text, `[^/]*` for any text without a `/`")
            }
            GoRegexErrorKind::UnknownEscape(_) => {
                Some("write `/` between directories, and `\\` only before a sign that is to be taken as it is")
            }
            GoRegexErrorKind::LookAround(_) => {
                Some("the first rule that matches wins: put a rule for the exception before this one")
            }
            _ => None,
        }
    }
}

/// What is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// The text is not YAML, or not YAML that a policy can be written in.
    #[error("{0}")]
    Yaml(String),
    /// A field holds something else than what it is for.
    #[error("`{field}` is {found}, not {expected}")]
    WrongType {
        /// The field.
        field: &'static str,
        /// What it is for.
        expected: &'static str,
        /// What it holds.
        found: &'static str,
    },
    /// A number that the field cannot have.
    #[error("`{field}` cannot be {value}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: i64,
    },
    /// `path_regex` does not compile. Only found out when it is needed, as in SOPS.
    #[error("`path_regex` is not a regular expression that Go accepts")]
    PathRegex(#[source] GoRegexError),
    /// The selector of the rule cannot be used.
    #[error("the rule's selector cannot be used")]
    Selector(#[source] SelectorError),
    /// A rule may have one selector.
    #[error("`{0}` and `{1}` in the same rule")]
    SeveralSelectors(SelectorKind, SelectorKind),
    /// A list of recipients with an empty one in it.
    #[error("empty recipient in `age`")]
    EmptyRecipient,
    /// More shares are asked for than there are groups, or less than two.
    #[error("`shamir_threshold` is {threshold} with {groups} key groups")]
    Threshold {
        /// The threshold of the rule.
        threshold: i64,
        /// The number of its key groups.
        groups: usize,
    },
}

/// ` at line 3, column 5`, or nothing.
pub(super) fn at(place: Option<LineColumn>) -> String {
    place.map(|place| format!(" at {place}")).unwrap_or_default()
}
