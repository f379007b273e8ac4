//! Which values of a document are encrypted: one suffix or one regular expression, over the keys or over the comments.
//!
//! A selector is stored in the file that it was used for, and later operations go by the stored one.

use serde::Serialize;

use crate::base::go_regex::{GoRegex, GoRegexError};

/// The suffix of keys that stay in clear where nothing else is said.
pub const DEFAULT_UNENCRYPTED_SUFFIX: &str = "_unencrypted";

/// What a selector looks at, and what a match means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectorKind {
    /// Below a key that ends like this, values stay in clear.
    UnencryptedSuffix,
    /// Only below a key that ends like this, values are encrypted.
    EncryptedSuffix,
    /// Below a key that matches, values stay in clear.
    UnencryptedRegex,
    /// Only below a key that matches, values are encrypted.
    EncryptedRegex,
    /// After a comment that matches, values stay in clear.
    UnencryptedCommentRegex,
    /// Only after a comment that matches, values are encrypted.
    EncryptedCommentRegex,
}

impl SelectorKind {
    /// All kinds, in the order in which SOPS names them.
    pub const ALL: [Self; 6] = [
        Self::UnencryptedSuffix,
        Self::EncryptedSuffix,
        Self::UnencryptedRegex,
        Self::EncryptedRegex,
        Self::UnencryptedCommentRegex,
        Self::EncryptedCommentRegex,
    ];

    /// The field in the metadata of a file and in a creation rule.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::UnencryptedSuffix => "unencrypted_suffix",
            Self::EncryptedSuffix => "encrypted_suffix",
            Self::UnencryptedRegex => "unencrypted_regex",
            Self::EncryptedRegex => "encrypted_regex",
            Self::UnencryptedCommentRegex => "unencrypted_comment_regex",
            Self::EncryptedCommentRegex => "encrypted_comment_regex",
        }
    }

    /// Whether a match means that a value is encrypted.
    const fn match_encrypts(self) -> bool {
        matches!(self, Self::EncryptedSuffix | Self::EncryptedRegex | Self::EncryptedCommentRegex)
    }
}

impl std::fmt::Display for SelectorKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.field())
    }
}

/// Why a selector cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// SOPS takes an empty pattern for none at all.
    #[error("`{0}` is empty")]
    Empty(SelectorKind),
    /// The regular expression does not compile. SOPS ignores that, and writes every value in clear.
    #[error("`{kind}` is not a regular expression that Go accepts")]
    Regex {
        /// Which selector.
        kind: SelectorKind,
        /// Why, and where in it.
        source: GoRegexError,
    },
}

/// A selector that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    kind: SelectorKind,
    pattern: Pattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Suffix(String),
    Regex(GoRegex),
}

impl Pattern {
    fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Selector {
    /// The selector of that kind, with a suffix as it is or an expression of Go's `regexp`.
    ///
    /// # Errors
    /// [`SelectorError`] when `pattern` is empty or does not compile.
    pub fn new(kind: SelectorKind, pattern: &str) -> Result<Self, SelectorError> {
        if pattern.is_empty() {
            return Err(SelectorError::Empty(kind));
        }
        let pattern = match kind {
            SelectorKind::UnencryptedSuffix | SelectorKind::EncryptedSuffix => Pattern::Suffix(pattern.to_owned()),
            _ => Pattern::Regex(GoRegex::parse(pattern).map_err(|source| SelectorError::Regex { kind, source })?),
        };
        Ok(Self { kind, pattern })
    }

    /// What SOPS uses, and stores, where neither a rule nor a flag names a selector.
    #[must_use]
    pub fn default_unencrypted_suffix() -> Self {
        Self { kind: SelectorKind::UnencryptedSuffix, pattern: Pattern::Suffix(DEFAULT_UNENCRYPTED_SUFFIX.to_owned()) }
    }

    /// What the selector looks at, and what a match means.
    #[must_use]
    pub const fn kind(&self) -> SelectorKind {
        self.kind
    }

    /// The suffix or the expression, as it was written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        match &self.pattern {
            Pattern::Suffix(suffix) => suffix,
            Pattern::Regex(regex) => regex.as_str(),
        }
    }

    /// Whether the value under `keys`, the map keys from the root, is encrypted; positions in lists are no part of it.
    /// `None` if the selector looks at comments instead.
    #[must_use]
    pub fn selects_path(&self, keys: &[&str]) -> Option<bool> {
        if self.looks_at_comments() {
            return None;
        }
        // What holds for a key holds for all that is below it, so that each one of the path counts.
        let found = keys.iter().any(|key| self.pattern.is_match(key));
        Some(found == self.kind.match_encrypts())
    }

    /// Whether one more map key of a path settles [`Self::selects_path`] for all that is below it.
    /// Always false for the kinds that look at comments.
    #[must_use]
    pub fn matches_key(&self, key: &str) -> bool {
        !self.looks_at_comments() && self.pattern.is_match(key)
    }

    /// Whether this is one of the two kinds that look at comments.
    #[must_use]
    pub const fn looks_at_comments(&self) -> bool {
        matches!(self.kind, SelectorKind::UnencryptedCommentRegex | SelectorKind::EncryptedCommentRegex)
    }

    /// Whether `comment`, without its `#`, is one that the selector looks for. Always false for the other four kinds.
    #[must_use]
    pub fn matches_comment(&self, comment: &str) -> bool {
        self.looks_at_comments() && self.pattern.is_match(comment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SelectorKind as Kind;

    #[track_caller]
    fn check(kind: Kind, pattern: &str, keys: &[&str], encrypted: Option<bool>) {
        assert_eq!(Selector::new(kind, pattern).unwrap().selects_path(keys), encrypted);
    }

    #[test]
    fn a_selector_looks_at_every_key_of_the_path() {
        check(Kind::EncryptedRegex, "^(data|stringData)$", &["data", "a"], Some(true));
        check(Kind::EncryptedRegex, "^(data|stringData)$", &["metadata", "name"], Some(false));
        check(Kind::EncryptedRegex, "data", &["metadata", "name"], Some(true));
        check(Kind::EncryptedRegex, "^b$", &["a", "b", "c"], Some(true));
        check(Kind::EncryptedRegex, "^b$", &[], Some(false));
        check(Kind::UnencryptedRegex, "^b$", &["a", "b", "c"], Some(false));
        check(Kind::UnencryptedRegex, "^b$", &["a"], Some(true));
        check(Kind::UnencryptedRegex, "^b$", &[], Some(true));
        check(Kind::EncryptedSuffix, "_secret", &["a_secret", "b"], Some(true));
        check(Kind::EncryptedSuffix, "_secret", &["a_secrets"], Some(false));
        check(Kind::UnencryptedSuffix, ".*", &["anything"], Some(true));
        check(Kind::UnencryptedSuffix, "_clear", &["a_clear", "b"], Some(false));
    }

    #[test]
    fn a_comment_selector_says_nothing_of_paths_and_the_others_nothing_of_comments() {
        check(Kind::EncryptedCommentRegex, "sops:enc", &["sops:enc"], None);
        let comments = Selector::new(Kind::UnencryptedCommentRegex, "sops:plain").unwrap();
        assert!(comments.matches_comment(" sops:plain"));
        assert!(!comments.matches_comment("other"));
        assert!(!comments.matches_key("sops:plain"));
        assert!(!Selector::default_unencrypted_suffix().matches_comment("a_unencrypted"));
    }

    #[test]
    fn the_default_leaves_keys_with_the_suffix_in_clear() {
        let selector = Selector::default_unencrypted_suffix();
        assert_eq!(selector.selects_path(&["a_unencrypted", "b"]), Some(false));
        assert_eq!(selector.selects_path(&["a"]), Some(true));
        assert_eq!((selector.kind(), selector.pattern()), (Kind::UnencryptedSuffix, "_unencrypted"));
    }

    #[test]
    fn a_bad_or_empty_pattern_is_refused() {
        let refusal = Selector::new(Kind::EncryptedRegex, "a**").unwrap_err();
        assert_eq!(refusal.to_string(), "`encrypted_regex` is not a regular expression that Go accepts");
        assert!(matches!(refusal, SelectorError::Regex { source, .. } if source.offset() == 1));
        assert_eq!(Selector::new(Kind::EncryptedRegex, ""), Err(SelectorError::Empty(Kind::EncryptedRegex)));
        assert!(Selector::new(Kind::EncryptedSuffix, "a**").is_ok());
    }
}
