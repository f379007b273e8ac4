//! Why a value cannot be found or changed. Names keys and places, never values.

use std::fmt;

use crate::base::span::LineColumn;

/// How many keys an error lists.
const LISTED_KEYS: usize = 8;

/// A fact about a path into a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// There are fewer documents.
    #[error("there is no document {number}; the file has {count}")]
    NoDocument {
        /// The document, from 1.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// The path has no step.
    #[error("the path names no value")]
    EmptyPath,
    /// A mapping has no such key.
    #[error("no key `{key}` in {within}; {known}")]
    NoKey {
        /// The key.
        key: String,
        /// The mapping.
        within: Within,
        /// The keys that it has.
        known: KnownKeys,
    },
    /// A list is not that long.
    #[error("no item [{index}] in {within}, which has {length}")]
    NoItem {
        /// The index, from 0.
        index: usize,
        /// The list.
        within: Within,
        /// How many items it has.
        length: usize,
    },
    /// `[+]` where a value has to be there already.
    #[error("`[+]` is no item of {0} yet")]
    NothingAppended(Within),
    /// A key is asked of something else than a mapping.
    #[error("{within} is {found}, so that it has no key `{key}`")]
    NoMapping {
        /// What is no mapping.
        within: Within,
        /// What it is.
        found: Found,
        /// The key.
        key: String,
    },
    /// An index is asked of something else than a list.
    #[error("{within} is {found}, so that it has no items")]
    NoList {
        /// What is no list.
        within: Within,
        /// What it is.
        found: Found,
    },
    /// The value stands elsewhere, and an alias brings it here.
    #[error("{within} is an alias of `&{anchor}` at {place}")]
    Alias {
        /// What is an alias.
        within: Within,
        /// The anchor.
        anchor: String,
        /// Where the anchor's value is.
        place: LineColumn,
    },
    /// Other places repeat the value.
    #[error("{within} has the anchor `&{anchor}`, which is repeated at {place}")]
    Anchor {
        /// What has the anchor, or holds what has it.
        within: Within,
        /// The anchor.
        anchor: String,
        /// Where the first alias of it is.
        place: LineColumn,
    },
    /// The key comes from another mapping by `<<`.
    #[error("the key `{key}` of {within} is merged into it by `<<` at {place}")]
    Merged {
        /// The key.
        key: String,
        /// The mapping.
        within: Within,
        /// Where the `<<` is.
        place: LineColumn,
    },
    /// The text is laid out in a way that leaves no room for this change.
    #[error("{0} is written in a way in which it cannot be changed in place")]
    Layout(Within),
}

/// A value on the way of a path: its own path, empty for the top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within(pub String);

/// What is there instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Found {
    /// A mapping.
    #[error("a mapping")]
    Mapping,
    /// A list.
    #[error("a list")]
    List,
    /// A scalar.
    #[error("a single value")]
    Single,
    /// Null.
    #[error("null")]
    Null,
}

/// The keys of a mapping in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKeys(pub Vec<String>);

impl ChangeError {
    /// What to do about it, for people.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoItem { .. } => "items count from 0; [+] appends one",
            Self::NoMapping { found: Found::List, .. } => "name an item of it: [0] is the first, [+] appends one",
            Self::NoMapping { .. } | Self::NoList { .. } => "replace the value itself first, or give another path",
            Self::Alias { .. } => "change the value where the anchor is, or write it out here with `secrets edit`",
            Self::Anchor { .. } => "both places would change; write the value out with `secrets edit`",
            Self::Merged { .. } => "change it in the mapping that is merged, or add the key here with `secrets edit`",
            Self::Layout(_) => "change it with `secrets edit`",
            Self::NoDocument { .. } => "documents count from 1",
            Self::NoKey { .. } | Self::NothingAppended(_) | Self::EmptyPath => return None,
        })
    }
}

impl fmt::Display for Within {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { formatter.write_str("the top level") } else { write!(formatter, "`{}`", self.0) }
    }
}

impl fmt::Display for KnownKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("there are none");
        }
        formatter.write_str("there are ")?;
        for (number, key) in self.0.iter().take(LISTED_KEYS).enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(formatter, "{separator}`{key}`")?;
        }
        match self.0.len().saturating_sub(LISTED_KEYS) {
            0 => Ok(()),
            more => write!(formatter, " and {more} more"),
        }
    }
}
