//! Random YAML *text* that SOPS takes, rich in spellings, with a selector that hits something in it.
//!
//! A tree of styled nodes is generated (`tree`, `scalars`) and written out by one deterministic function
//! (`render`), so a failing text shrinks by shrinking its tree. Nothing here parses: what is valid is valid
//! by construction, and what the text holds is known from having written it.
//!
//! ```ignore
//! mod support;
//! use support::documents;
//!
//! proptest! {
//!     #[test]
//!     fn encryption_comes_back(sample in documents::sample()) { … sample.document.text … }
//! }
//! for sample in documents::batch(7, 2_000) { … }   // the same 2,000 every time
//! ```

mod anchors;
mod render;
mod scalars;
pub(crate) mod selectors;
mod tree;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

pub(crate) use selectors::Selector;

/// One YAML file, and what is known of it.
#[derive(Clone)]
pub(crate) struct Document {
    /// The file's content, byte order mark and carriage returns included.
    pub(crate) text: String,
    /// Every scalar that is written out (not those that an alias repeats), in file order.
    pub(crate) leaves: Vec<Leaf>,
    /// What occurs in it.
    pub(crate) features: BTreeSet<Feature>,
}

/// A scalar's place, and whether SOPS has something to encrypt there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// The map keys on the way to it, from its document's root; lists add nothing.
    pub(crate) path: Vec<String>,
    /// It may be null or empty text, which SOPS leaves as it is.
    pub(crate) may_be_empty: bool,
}

/// Something that a text can hold, for counting and for leaving a text out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feature {
    Alias,
    Anchor,
    BlankBeforeColon,
    BlockFolded,
    BlockIndicator,
    BlockLiteral,
    ByteOrderMark,
    Comment,
    /// sops 3.13.2 cannot read back what it writes for a comment in a list (getsops/sops#2243). Also set where
    /// it only may take a comment as the list's, as after the last item.
    CommentMaybeInList,
    Crlf,
    Directive,
    DocumentEnd,
    DoubleQuoted,
    EmptyCollection,
    EmptyValue,
    ExplicitKey,
    Flow,
    FlowLines,
    KubernetesSecret,
    ManyDocuments,
    MergeKey,
    MultiLinePlain,
    MultiLineQuoted,
    NestedList,
    NoFinalNewline,
    NonAscii,
    QuotedKey,
    SingleQuoted,
    Tag,
    TrailingBlankLines,
    UnindentedList,
    ValueOnNextLine,
}

impl Feature {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 32] = [
        Self::Alias,
        Self::Anchor,
        Self::BlankBeforeColon,
        Self::BlockFolded,
        Self::BlockIndicator,
        Self::BlockLiteral,
        Self::ByteOrderMark,
        Self::Comment,
        Self::CommentMaybeInList,
        Self::Crlf,
        Self::Directive,
        Self::DocumentEnd,
        Self::DoubleQuoted,
        Self::EmptyCollection,
        Self::EmptyValue,
        Self::ExplicitKey,
        Self::Flow,
        Self::FlowLines,
        Self::KubernetesSecret,
        Self::ManyDocuments,
        Self::MergeKey,
        Self::MultiLinePlain,
        Self::MultiLineQuoted,
        Self::NestedList,
        Self::NoFinalNewline,
        Self::NonAscii,
        Self::QuotedKey,
        Self::SingleQuoted,
        Self::Tag,
        Self::TrailingBlankLines,
        Self::UnindentedList,
        Self::ValueOnNextLine,
    ];
}

impl std::fmt::Debug for Document {
    /// The text as it is, so that a failing case can be copied into a test row.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} with {:?}\n{}", self.text, self.features, self.text)
    }
}

/// A document and the selector to encrypt it with.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) document: Document,
    /// At least one value of the document is encrypted by it.
    pub(crate) selector: Selector,
}

/// Documents in which the default selector encrypts at least one value.
pub(crate) fn document() -> impl Strategy<Value = Document> {
    tree::file().prop_map(|file| with_something_to_encrypt(&file))
}

/// Documents with selectors of every kind.
pub(crate) fn sample() -> impl Strategy<Value = Sample> {
    (tree::file(), selectors::wish()).prop_map(|(mut file, wish)| {
        if let Some(text) = wish.marker() {
            tree::mark_first_entry(&mut file, text);
        }
        let document = with_something_to_encrypt(&file);
        let selector = wish.fit(&document);
        Sample { document, selector }
    })
}

/// `count` samples, the same for the same `seed` with the same version of proptest.
pub(crate) fn batch(seed: u64, count: usize) -> Vec<Sample> {
    let mut bytes = [0; 32];
    for (byte, part) in bytes.iter_mut().zip(seed.to_le_bytes()) {
        *byte = part;
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = sample();
    let one = |_| strategy.new_tree(&mut runner).ok().map(|tree| tree.current());
    (0..count).filter_map(one).collect()
}

fn with_something_to_encrypt(file: &tree::File) -> Document {
    let document = render::render(file);
    if document.leaves.iter().any(selectors::is_encrypted_by_default) {
        return document;
    }
    let mut file = file.clone();
    tree::add_password(&mut file);
    render::render(&file)
}
