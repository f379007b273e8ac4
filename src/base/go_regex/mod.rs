//! Regular expressions in the dialect of Go's `regexp` package, which `.sops.yaml` and the selectors are written in.
//!
//! A parser of Go's syntax builds the expression tree of the `regex` crate's engine directly; no pattern is ever
//! translated to another pattern. One difference is known: the character tables are those of Unicode 16, Go's of 15,
//! so that a character which came with 16 can be in a class here and not there.
//! Knows nothing of what the patterns are for.

mod class;
mod cursor;
mod error;
mod fold;
mod parse;
mod unicode;

use regex_automata::{
    meta::{self, Regex},
    nfa::thompson::WhichCaptures,
};

use regex_syntax::hir::{Hir, HirKind, Look};

pub use error::{GoRegexError, GoRegexErrorKind};

/// The longest pattern that is looked at, in bytes. Go has no such bound; it keeps hostile patterns cheap.
pub const MAX_PATTERN_BYTES: usize = 16 << 10;

/// The deepest nesting of groups. Go refuses trees more than 1,000 high, of which a group takes up to four.
pub const MAX_GROUP_DEPTH: usize = 200;

/// The most memory that a compiled pattern may take, in bytes.
pub const MAX_COMPILED_BYTES: usize = 8 << 20;

/// A compiled pattern.
#[derive(Clone)]
pub struct GoRegex {
    pattern: String,
    matcher: Matcher,
}

/// What decides. The engine takes longer to build than a small file takes to encrypt, and most selectors need none.
#[derive(Clone)]
enum Matcher {
    /// One of these texts and nothing else: `^(data|stringData)$`.
    Exactly(Vec<String>),
    /// This text anywhere: `secret`.
    Containing(String),
    /// Anything else.
    Engine(Regex),
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
        let matcher = match plain_texts(&tree) {
            Some(matcher) => matcher,
            None => Matcher::Engine(build_engine(&tree)?),
        };
        Ok(Self { pattern: pattern.to_owned(), matcher })
    }

    /// Whether the pattern matches anywhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        match &self.matcher {
            Matcher::Exactly(texts) => texts.iter().any(|one| one == text),
            Matcher::Containing(one) => text.contains(one.as_str()),
            Matcher::Engine(regex) => regex.is_match(text),
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }
}

fn build_engine(tree: &Hir) -> Result<Regex, GoRegexError> {
    // Only the answer yes or no is asked for, of short texts: no captures, and no automata that cost time up front.
    let config = meta::Config::new()
        .nfa_size_limit(Some(MAX_COMPILED_BYTES))
        .which_captures(WhichCaptures::None)
        .onepass(false)
        .dfa(false);
    // The tree is ours and sound, so that nothing but its size is left to complain of.
    let too_large = |_build_error| GoRegexError { kind: GoRegexErrorKind::TooLarge, offset: 0 };
    meta::Builder::new().configure(config).build_from_hir(tree).map_err(too_large)
}

/// What decides for a tree of nothing but whole texts; `None` for every other one.
fn plain_texts(tree: &Hir) -> Option<Matcher> {
    if let HirKind::Concat(parts) = tree.kind() {
        let [start, texts, end] = parts.as_slice() else {
            return None;
        };
        let whole =
            matches!(start.kind(), HirKind::Look(Look::Start)) && matches!(end.kind(), HirKind::Look(Look::End));
        let texts = match texts.kind() {
            HirKind::Alternation(texts) => texts.iter().map(literal_text).collect(),
            _ => literal_text(texts).map(|text| vec![text]),
        };
        return texts.filter(|_| whole).map(Matcher::Exactly);
    }
    literal_text(tree).map(Matcher::Containing)
}

fn literal_text(tree: &Hir) -> Option<String> {
    match tree.kind() {
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok(),
        _ => None,
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

    #[track_caller]
    fn check_refused(pattern: &str, expected: &str) {
        let error = GoRegex::parse(pattern).unwrap_err();
        assert_eq!(error.to_string(), format!("{expected} of the regular expression)"), "{pattern}");
    }

    #[test]
    fn a_refusal_tells_the_reason_and_the_byte() {
        check_refused("apps/**/x", "`**` repeats a repetition (at byte 5");
        check_refused("*.yaml", "`*` has nothing to repeat (at byte 0");
        check_refused(r"clusters\lab\.*", r"`\l` is not an escape sequence (at byte 8");
        check_refused("é(", "this `(` is never closed (at byte 2");
        check_refused("a)", "this `)` closes nothing (at byte 1");
        check_refused("x[a", "this `[` is never closed (at byte 1");
        check_refused("[z-a]", "the character range `z-a` runs backwards (at byte 1");
        check_refused("[[:foo:]]", "`[:foo:]` is not the name of a character class (at byte 1");
        check_refused(r"\p{Old_Italic}", r"`\p{Old_Italic}` is not the name of a character class (at byte 0");
        check_refused(r"(a)\1", r"`\1` would refer back to a group, which Go's expressions cannot (at byte 3");
        check_refused(r"a\", "a backslash at the end escapes nothing (at byte 1");
        check_refused("x(?!a)", "`(?!` would look around, which Go's expressions cannot (at byte 1");
        check_refused("(?<=a)", "`(?<=` would look around, which Go's expressions cannot (at byte 0");
        check_refused("(?#)", "`(?#` is not a kind of group or flag that Go's expressions have (at byte 0");
        check_refused("(?P<n-x>a)", "`(?P<n-x>` does not name a group with letters, digits and `_` (at byte 0");
        check_refused(
            "(a{100}){11}",
            "the repetition `{11}` is out of range: at most 1000 copies, nested ones multiplied, the smaller count first (at byte 8",
        );
    }

    #[test]
    fn a_hostile_pattern_meets_a_bound() {
        check_refused(&"(".repeat(300), "groups nest more than 200 deep (at byte 200");
        check_refused(&"a".repeat(20_000), "the pattern is longer than 16384 bytes (at byte 16384");
        check_refused(r"(\pL{100}){10}", "the pattern needs more than 8388608 bytes when compiled (at byte 0");
        let deep = "(?:".repeat(200) + "a" + &")*".repeat(200);
        assert!(GoRegex::parse(&deep).unwrap().is_match(""));
    }

    #[test]
    fn flags_end_with_their_group_and_a_repetition_looks_past_them() {
        let compiled = |pattern| GoRegex::parse(pattern).unwrap();
        assert!(!compiled("^((?i)a)a$").is_match("AA"));
        assert!(compiled("^a(?i)*$").is_match("aaa"));
        assert!(!compiled("^a(?i)*$").is_match("A"));
        assert!(compiled(r"^\Qab\E*$").is_match("abb"));
    }

    #[track_caller]
    fn check_match(pattern: &str, text: &str, expected: bool) {
        assert_eq!(GoRegex::parse(pattern).unwrap().is_match(text), expected, "{pattern} in {text}");
    }

    #[test]
    fn a_pattern_of_whole_texts_is_compared_and_not_searched() {
        check_match("^(data|stringData)$", "data", true);
        check_match("^(data|stringData)$", "metadata", false);
        check_match("^(data|stringData)$", "data\n", false);
        check_match("^(?:a|)$", "", true);
        check_match("^data$", "data", true);
        check_match("data$", "metadata", true);
        check_match("data", "metadata", true);
        check_match("é", "née", true);
        check_match("^a|b$", "ab", true);
    }

    #[test]
    fn any_number_of_characters_never_ends_inside_of_one() {
        check_match("^.*$", "日本", true);
        check_match("^.*.$", "é", true);
        check_match("^.+.$", "é", false);
        check_match("^[^/]*.[^/]*$", "é", true);
        check_match(r"^a.*\b.*é$", "aé", true);
        check_match(r"^a.*\B.*a$", "aéa", false);
        check_match("^[^é]*$", "é", false);
    }

    #[test]
    fn debug_shows_the_pattern_only() {
        assert_eq!(format!("{:?}", GoRegex::parse("^a").unwrap()), r#"GoRegex("^a")"#);
    }

    fn texts(list: &serde_json::Value) -> Vec<&str> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
    }
}
