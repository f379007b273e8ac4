//! Why a SOPS file cannot be read or written, and where.

use crate::{
    base::span::{LineColumn, Span},
    crypto::cipher::CipherError,
    document::error::DocumentError,
};

/// A fact about a SOPS file. Never holds a decrypted value.
#[derive(Debug, thiserror::Error)]
pub enum SopsError {
    /// The text is no document that SOPS takes.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// There is no `sops` block: the file is not encrypted.
    #[error("not encrypted: no `sops` block")]
    NotEncrypted,
    /// There is a `sops` block already.
    #[error("already encrypted: there is a `sops` key at {0}")]
    AlreadyEncrypted(LineColumn),
    /// The `sops` block cannot be used.
    #[error("the `sops` block {fault} at {place}")]
    Metadata {
        /// What is wrong with it.
        fault: MetadataFault,
        /// Where.
        place: LineColumn,
    },
    /// An encrypted comment that the file's `unencrypted_comment_regex` matches: it would not be decrypted again.
    #[error("the encrypted form of the comment at {0} matches `unencrypted_comment_regex`")]
    CommentMatches(LineColumn),
    /// A value that should be encrypted cannot be decrypted.
    #[error("`{path}`: {fault} at {place}")]
    Value {
        /// The keys to the value, joined with dots.
        path: String,
        /// What is wrong with it.
        fault: ValueFault,
        /// Where.
        place: LineColumn,
    },
    /// The code over the values is not the one that is stored: a value was changed, added, removed or moved.
    #[error("MAC mismatch: a value was changed, added, removed or moved since the file was encrypted")]
    MacMismatch,
    /// The stored code cannot be decrypted with the file's data key and `lastmodified`.
    #[error("MAC mismatch: the stored MAC or `lastmodified` was changed")]
    MacUnreadable,
    /// What we wrote does not read back as it should. Nothing was replaced.
    #[error("the encrypted text does not read back; this is a bug of ours, nothing was written")]
    ReadBack,
    /// The operating system has no randomness to give.
    #[error("no randomness from the operating system")]
    NoRandomness,
}

/// What can be wrong with the metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataFault {
    /// It is not a mapping.
    #[error("is not a mapping")]
    NotAMapping,
    /// A field is missing or empty.
    #[error("has no `{0}`")]
    Missing(&'static str),
    /// A field is not what it has to be.
    #[error("has an unusable `{0}`")]
    Unusable(&'static str),
    /// Nobody is named who could open the file.
    #[error("names no recipient")]
    NoRecipients,
    /// More than one selector.
    #[error("names two selectors, `{0}` and `{1}`")]
    TwoSelectors(&'static str, &'static str),
    /// A selector that does not compile.
    #[error("has a selector that does not compile (`{0}`)")]
    Selector(&'static str),
}

/// What can be wrong with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// It is in clear although the selector picks it.
    #[error("in clear although the file's selector picks it")]
    InClear,
    /// See [`CipherError`].
    #[error(transparent)]
    Cipher(#[from] CipherError),
    /// The decrypted text is none of what `type:` announces.
    #[error("its `type:` was changed, or is none that SOPS knows")]
    Type,
}

impl SopsError {
    /// The same fault of the metadata with its place.
    pub(super) fn metadata(text: &str, offset: usize, fault: MetadataFault) -> Self {
        Self::Metadata { fault, place: LineColumn::of(text, offset) }
    }

    /// A fault of the value at `span` and `path`, given as SOPS' additional data.
    pub(super) fn value(text: &str, span: Span, path: &str, fault: ValueFault) -> Self {
        let path = path.trim_end_matches(':').replace(':', ".");
        Self::Value { path, fault, place: LineColumn::of(text, span.start) }
    }
}
