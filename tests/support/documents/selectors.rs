//! Selectors that hit something in a given document, and the `.sops.yaml` that says them.

use proptest::prelude::*;
use proptest::sample::select;

use super::{Document, Leaf};

/// What SOPS calls the default.
const DEFAULT_SUFFIX: &str = "_unencrypted";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SelectorKind {
    Default,
    UnencryptedSuffix,
    EncryptedSuffix,
    UnencryptedRegex,
    EncryptedRegex,
    UnencryptedCommentRegex,
    EncryptedCommentRegex,
}

/// A creation rule's selector.
#[derive(Debug, Clone)]
pub(crate) struct Selector {
    pub(crate) kind: SelectorKind,
    /// The suffix or the regular expression; empty for the default.
    pub(crate) pattern: String,
    pub(crate) mac_only_encrypted: bool,
    /// `stores.yaml.indent`, where the policy says it.
    pub(crate) indent: Option<usize>,
    /// What the pattern means, said once more without a regular expression.
    hits: Hits,
}

/// The keys that a pattern matches.
#[derive(Debug, Clone)]
enum Hits {
    Whole(String),
    Start(String),
    End(String),
    Part(String),
    AnyCase(String),
}

impl Hits {
    fn contains(&self, key: &str) -> bool {
        match self {
            Self::Whole(text) => key == text,
            Self::Start(text) => key.starts_with(text),
            Self::End(text) => key.ends_with(text),
            Self::Part(text) => key.contains(text),
            Self::AnyCase(text) => key.eq_ignore_ascii_case(text),
        }
    }
}

impl Selector {
    /// The field of a creation rule, or the command line's flag with `_` for `-`; `None` for the default.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self.kind {
            SelectorKind::Default => None,
            SelectorKind::UnencryptedSuffix => Some("unencrypted_suffix"),
            SelectorKind::EncryptedSuffix => Some("encrypted_suffix"),
            SelectorKind::UnencryptedRegex => Some("unencrypted_regex"),
            SelectorKind::EncryptedRegex => Some("encrypted_regex"),
            SelectorKind::UnencryptedCommentRegex => Some("unencrypted_comment_regex"),
            SelectorKind::EncryptedCommentRegex => Some("encrypted_comment_regex"),
        }
    }

    /// A whole `.sops.yaml` that encrypts YAML files by this selector for one age recipient.
    pub(crate) fn policy(&self, recipient: &str) -> String {
        let mut text = "creation_rules:\n  - path_regex: \\.ya?ml$\n".to_owned();
        if let Some(field) = self.field() {
            text.push_str(&format!("    {field}: '{}'\n", self.pattern.replace('\'', "''")));
        }
        if self.mac_only_encrypted {
            text.push_str("    mac_only_encrypted: true\n");
        }
        text.push_str(&format!("    age: {recipient}\n"));
        if let Some(indent) = self.indent {
            text.push_str(&format!("stores:\n  yaml:\n    indent: {indent}\n"));
        }
        text
    }

    /// Whether the value at this path is encrypted. Says nothing of comment selectors, which look elsewhere.
    pub(crate) fn encrypts(&self, leaf: &Leaf) -> Option<bool> {
        let is_hit = leaf.path.iter().any(|key| self.hits.contains(key));
        match self.kind {
            SelectorKind::EncryptedSuffix | SelectorKind::EncryptedRegex => Some(is_hit),
            SelectorKind::Default | SelectorKind::UnencryptedSuffix | SelectorKind::UnencryptedRegex => Some(!is_hit),
            SelectorKind::UnencryptedCommentRegex | SelectorKind::EncryptedCommentRegex => None,
        }
    }
}

/// Whether the default selector encrypts the value, and there is one.
pub(super) fn is_encrypted_by_default(leaf: &Leaf) -> bool {
    !leaf.may_be_empty && !leaf.path.iter().any(|key| key.ends_with(DEFAULT_SUFFIX))
}

/// A selector before it is known which document it is for.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    kind: SelectorKind,
    shape: Shape,
    /// Which leaf, and which key on its path, the pattern is made of; modulo what there is.
    leaf: usize,
    key: usize,
    mac_only_encrypted: bool,
    indent: Option<usize>,
}

/// How a regular expression is made of a key.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Whole,
    Start,
    End,
    Part,
    Either,
    AnyCase,
}

pub(super) fn wish() -> impl Strategy<Value = Wish> {
    let kind = select(
        &[
            SelectorKind::Default,
            SelectorKind::Default,
            SelectorKind::UnencryptedSuffix,
            SelectorKind::EncryptedSuffix,
            SelectorKind::UnencryptedRegex,
            SelectorKind::EncryptedRegex,
            SelectorKind::EncryptedRegex,
            SelectorKind::UnencryptedCommentRegex,
            SelectorKind::EncryptedCommentRegex,
        ][..],
    );
    let shape = select(&[Shape::Whole, Shape::Start, Shape::End, Shape::Part, Shape::Either, Shape::AnyCase][..]);
    let indent = prop::option::weighted(0.3, select(&[2, 3, 4, 8][..]));
    (kind, shape, 0..64_usize, 0..8_usize, prop::bool::weighted(0.25), indent).prop_map(
        |(kind, shape, leaf, key, mac_only_encrypted, indent)| Wish {
            kind,
            shape,
            leaf,
            key,
            mac_only_encrypted,
            indent,
        },
    )
}

impl Wish {
    /// The comment that the document must hold above its second entry, its `#` not included.
    pub(super) fn marker(&self) -> Option<&'static str> {
        match self.kind {
            SelectorKind::EncryptedCommentRegex => Some(" sops:enc"),
            SelectorKind::UnencryptedCommentRegex => Some(" sops:clear"),
            _ => None,
        }
    }

    /// A selector of the wished kind that encrypts at least one value of `document`, and where it can leaves
    /// at least one clear; the default one where no key of the document makes such a pattern.
    pub(super) fn fit(&self, document: &Document) -> Selector {
        let selector = |kind, pattern, hits| Selector {
            kind,
            pattern,
            mac_only_encrypted: self.mac_only_encrypted,
            indent: self.indent,
            hits,
        };
        let default_hits = Hits::End(DEFAULT_SUFFIX.to_owned());
        if let Some(marker) = self.marker() {
            return selector(self.kind, marker.trim_start().to_owned(), default_hits);
        }
        let leaves: Vec<&Leaf> = document.leaves.iter().filter(|leaf| !leaf.may_be_empty).collect();
        // From the wished leaf on, the first whose key makes a selector that hits something.
        let rotated = leaves.iter().cycle().skip(self.leaf % leaves.len().max(1)).take(leaves.len());
        rotated
            .filter_map(|leaf| leaf.path.get(self.key % leaf.path.len().max(1)))
            .filter(|key| !key.is_empty() && self.kind != SelectorKind::Default)
            .map(|key| {
                let (pattern, hits) = self.pattern(key);
                selector(self.kind, pattern, hits)
            })
            .find(|selector| leaves.iter().any(|leaf| selector.encrypts(leaf) == Some(true)))
            .unwrap_or_else(|| selector(SelectorKind::Default, String::new(), default_hits))
    }

    fn pattern(&self, key: &str) -> (String, Hits) {
        let characters = key.chars().count();
        let start: String = key.chars().take(4).collect();
        let end: String = key.chars().skip(characters.saturating_sub(4)).collect();
        let whole = key.to_owned();
        let escaped = escape(key);
        match (self.kind, self.shape) {
            (SelectorKind::UnencryptedSuffix | SelectorKind::EncryptedSuffix, Shape::Whole) => {
                (whole.clone(), Hits::End(whole))
            }
            (SelectorKind::UnencryptedSuffix | SelectorKind::EncryptedSuffix, _) => (end.clone(), Hits::End(end)),
            (_, Shape::Start) => (format!("^{}", escape(&start)), Hits::Start(start)),
            (_, Shape::End) => (format!("{}$", escape(&end)), Hits::End(end)),
            (_, Shape::Part) => (escaped, Hits::Part(whole)),
            (_, Shape::Either) => (format!("^(no such key|{escaped})$"), Hits::Whole(whole)),
            (_, Shape::AnyCase) => (format!("(?i)^{}$", escape(&key.to_ascii_uppercase())), Hits::AnyCase(whole)),
            (_, Shape::Whole) => (format!("^{escaped}$"), Hits::Whole(whole)),
        }
    }
}

/// The text as a regular expression: Go takes a backslash before any ASCII punctuation.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '_' | '-' | '/' | '\'' | '"') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
