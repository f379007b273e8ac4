//! Why a pattern is refused, and where in it.

/// Why a pattern does not compile. The first sixteen are Go's reasons, the last three are bounds of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GoRegexErrorKind {
    /// `*`, `+`, `?` or `{n}` with nothing before it.
    #[error("`{0}` has nothing to repeat")]
    NothingToRepeat(String),
    /// A repetition right after a repetition, as in `**` or `a++`.
    #[error("`{0}` repeats a repetition")]
    RepeatedRepetition(String),
    /// A count over 1,000, a minimum over the maximum, or nested counts that multiply to over 1,000.
    #[error(
        "the repetition `{0}` is out of range: at most 1000 copies, nested ones multiplied, the smaller count first"
    )]
    RepetitionRange(String),
    /// A `(` without its `)`.
    #[error("this `(` is never closed")]
    UnclosedGroup,
    /// A `)` without its `(`.
    #[error("this `)` closes nothing")]
    UnopenedGroup,
    /// A `[` without its `]`.
    #[error("this `[` is never closed")]
    UnclosedClass,
    /// A range whose end comes before its start, as in `[z-a]`.
    #[error("the character range `{0}` runs backwards")]
    BackwardRange(String),
    /// A class name that Go does not know: `[:name:]` or `\p{Name}`.
    #[error("`{0}` is not the name of a character class")]
    UnknownClass(String),
    /// An escape that Go does not know, or that is not complete.
    #[error("`{0}` is not an escape sequence")]
    UnknownEscape(String),
    /// A back-reference: Go has none.
    #[error("`{0}` would refer back to a group, which Go's expressions cannot")]
    BackReference(String),
    /// A single `\` at the end.
    #[error("a backslash at the end escapes nothing")]
    TrailingBackslash,
    /// `(?=`, `(?!`, `(?<=` or `(?<!`: Go has no look-around.
    #[error("`{0}` would look around, which Go's expressions cannot")]
    LookAround(String),
    /// Another `(?…` that Go does not know.
    #[error("`{0}` is not a kind of group or flag that Go's expressions have")]
    UnknownGroup(String),
    /// A `(?P<name>` whose name is empty, not closed, or not of letters, digits and `_` in ASCII.
    #[error("`{0}` does not name a group with letters, digits and `_`")]
    GroupName(String),
    /// More than [`MAX_GROUP_DEPTH`](super::MAX_GROUP_DEPTH) groups inside each other.
    #[error("groups nest more than {} deep", super::MAX_GROUP_DEPTH)]
    TooDeep,
    /// More than [`MAX_PATTERN_BYTES`](super::MAX_PATTERN_BYTES).
    #[error("the pattern is longer than {} bytes", super::MAX_PATTERN_BYTES)]
    TooLong,
    /// The compiled form would take more than [`MAX_COMPILED_BYTES`](super::MAX_COMPILED_BYTES).
    #[error("the pattern needs more than {} bytes when compiled", super::MAX_COMPILED_BYTES)]
    TooLarge,
}

/// A pattern that does not compile: why, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset} of the regular expression)")]
pub struct GoRegexError {
    pub(super) kind: GoRegexErrorKind,
    pub(super) offset: usize,
}

impl GoRegexError {
    /// The reason.
    #[must_use]
    pub const fn kind(&self) -> &GoRegexErrorKind {
        &self.kind
    }

    /// The byte of the pattern, from 0, at which the refused piece starts.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}
