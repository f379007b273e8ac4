//! Regular expressions in the dialect of Go's `regexp` package, which `.sops.yaml` and the selectors are written in.
//!
//! A parser of Go's syntax builds the expression tree of the `regex` crate's engine directly; no pattern is ever
//! translated to another pattern. Knows nothing of what the patterns are for.

mod class;
mod error;
mod parse;
mod unicode;

use regex_automata::{
    meta::{self, Regex},
    nfa::thompson::WhichCaptures,
};

pub use error::{GoRegexError, GoRegexErrorKind};

/// The longest pattern that is looked at, in bytes. Go has no such bound; it keeps hostile patterns cheap.
pub const MAX_PATTERN_BYTES: usize = 16 << 10;

/// The deepest nesting of groups. Go refuses trees more than 1,000 high, of which a group takes up to four.
pub const MAX_GROUP_DEPTH: usize = 200;

/// The most memory that a compiled pattern may take, in bytes.
pub const MAX_COMPILED_BYTES: usize = 2 << 20;

/// A compiled pattern.
#[derive(Clone)]
pub struct GoRegex {
    pattern: String,
    regex: Regex,
}

impl GoRegex {
    /// Compiles `pattern` as Go 1.26 does.
    ///
    /// # Errors
    /// [`GoRegexError`] where Go's `regexp.Compile` refuses the pattern too, and beyond our three bounds:
    /// [`MAX_PATTERN_BYTES`], [`MAX_GROUP_DEPTH`] and [`MAX_COMPILED_BYTES`].
    ///
    /// # Source
    /// <https://pkg.go.dev/regexp/syntax>
    pub fn parse(pattern: &str) -> Result<Self, GoRegexError> {
        let tree = parse::parse(pattern)?;
        // Only the answer yes or no is asked for, of short texts: no captures, and no automata that cost time up front.
        let config = meta::Config::new()
            .nfa_size_limit(Some(MAX_COMPILED_BYTES))
            .which_captures(WhichCaptures::None)
            .onepass(false)
            .dfa(false);
        let regex = meta::Builder::new().configure(config).build_from_hir(&tree);
        match regex {
            Ok(regex) => Ok(Self { pattern: pattern.to_owned(), regex }),
            // The tree is ours and sound, so that nothing but its size is left to complain of.
            Err(_too_large) => Err(GoRegexError { kind: GoRegexErrorKind::TooLarge, offset: 0 }),
        }
    }

    /// Whether the pattern matches anywhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }
}

impl std::fmt::Debug for GoRegex {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("GoRegex").field(&self.pattern).finish()
    }
}

/// Two are equal when they are written alike.
impl PartialEq for GoRegex {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for GoRegex {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Go 1.26: the subjects, then one pattern a line with Go's verdict and the subjects it finds a match in.
    const GO_VERDICTS: &str = include_str!("../../../fixtures/go-regexp.jsonl");

    #[test]
    fn every_pattern_compiles_and_matches_as_in_go() {
        let mut lines = GO_VERDICTS.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let head = lines.next().unwrap();
        let subjects: Vec<&str> = texts(&head["subjects"]);
        let mut rows = 0;
        for row in lines {
            let pattern = row["pattern"].as_str().unwrap();
            let ours = GoRegex::parse(pattern);
            assert_eq!(ours.is_ok(), row["compiles"] == true, "{pattern}: {ours:?}, in Go {}", row["error"]);
            if let Ok(ours) = ours {
                let found: Vec<&str> = subjects.iter().copied().filter(|one| ours.is_match(one)).collect();
                assert_eq!(found, texts(&row["match"]), "{pattern}");
            }
            rows += 1;
        }
        assert_eq!(rows, 215);
    }

    fn texts(list: &serde_json::Value) -> Vec<&str> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
    }
}
