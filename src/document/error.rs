//! Why a text is not a document that we take, and where.

use crate::base::span::LineColumn;

/// A fact about a document, with its place. Never holds a value of the document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at {place}")]
pub struct DocumentError {
    /// What is wrong.
    pub fault: Fault,
    /// Where, in the text that was read.
    pub place: LineColumn,
}

impl DocumentError {
    /// `fault` at byte `offset` of `text`.
    #[must_use]
    pub fn at(text: &str, offset: usize, fault: Fault) -> Self {
        Self { fault, place: LineColumn::of(text, offset) }
    }
}

/// What can be wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text is not YAML; the parser's reason, which never quotes the text.
    #[error("not valid YAML: {0}")]
    Syntax(String),
    /// `%YAML` with a version other than 1.1.
    #[error("a %YAML directive other than 1.1, which SOPS refuses")]
    YamlVersion,
    /// U+0085, U+2028 or U+2029, which YAML 1.1 and 1.2 read differently.
    #[error("a raw U+{0:04X}, which is a line break for SOPS and Flux and a letter for other readers")]
    AmbiguousLineBreak(u32),
    /// A key that occurs twice in one mapping.
    #[error("duplicate key `{key}`, first at line {first_line}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// The line of its first occurrence, from 1.
        first_line: usize,
    },
    /// A key that does not resolve to a string.
    #[error("a key that is not a string ({0})")]
    NonStringKey(&'static str),
    /// `\/` in double quotes, which YAML 1.2 has and go-yaml refuses.
    #[error("the escape `\\/`, which SOPS and Flux refuse")]
    SlashEscape,
    /// A block scalar whose text begins with a tab and has no indentation before it that go-yaml sees.
    #[error("a block scalar whose first line begins with a tab, which SOPS and Flux refuse")]
    LeadingTab,
    /// A tab that begins a line or follows an indicator, which YAML 1.2 takes as a blank.
    #[error("a tab where SOPS and Flux take spaces only")]
    Tab,
    /// A tag or an anchor with nothing behind it, where a value is to be encrypted: it may be the secret itself.
    #[error("nothing behind a tag or an anchor, which would stay in clear")]
    NothingBehind,
    /// A merge key whose value is neither a mapping nor a list of them.
    #[error("a merge key `<<` with something else than mappings")]
    BadMerge,
    /// A document whose top level is a list.
    #[error("a list at the top level")]
    TopLevelList,
    /// A document whose top level is a scalar.
    #[error("a single value at the top level")]
    TopLevelScalar,
    /// An integer that does not fit 64 bits with sign.
    #[error("an integer beyond 64 bits")]
    IntegerTooLarge,
    /// A scalar whose text does not fit its tag.
    #[error("a value that does not fit its tag")]
    TagMismatch,
    /// A file with nothing in it.
    #[error("nothing to work on")]
    Empty,
    /// A file with comments only.
    #[error("only comments, no value")]
    OnlyComments,
    /// An anchor on a node that contains an alias to it.
    #[error("an alias inside the node that it stands for")]
    RecursiveAlias,
    /// Aliases that expand to far more than the document holds.
    #[error("aliases that expand to more than {0} nodes")]
    AliasBomb(usize),
    /// More bytes than the bound.
    #[error("more than {0} bytes")]
    TooLarge(usize),
}

impl Fault {
    /// What to do about it, for people.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::YamlVersion => "remove the directive, or write `%YAML 1.1`",
            Self::AmbiguousLineBreak(_) => "write it as an escape in double quotes, such as \"\\u2028\"",
            Self::DuplicateKey { .. } => "remove one of the two; only one of them could take effect",
            Self::NonStringKey(_) => "put the key in quotes",
            Self::SlashEscape => "write `/` without the backslash",
            Self::LeadingTab => "give the block an indentation indicator, such as `|2`",
            Self::Tab => "write spaces in its place",
            Self::NothingBehind => "if `!…` or `&…` is the value, put it in quotes; if not, remove it",
            Self::BadMerge => "give it a mapping, or put the key in quotes",
            Self::TopLevelList => "put the list under a key; SOPS needs a mapping at the top level",
            Self::TopLevelScalar => "put the value under a key; SOPS needs a mapping at the top level",
            Self::IntegerTooLarge => "put it in quotes; SOPS refuses it or would lose digits",
            Self::TagMismatch => "correct the value, or remove the tag",
            Self::OnlyComments | Self::Empty => "add a key with a value first",
            Self::RecursiveAlias | Self::AliasBomb(_) => "write the value out in place of the alias",
            Self::TooLarge(_) | Self::Syntax(_) => return None,
        })
    }
}
