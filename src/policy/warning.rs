//! Mistakes in a policy that SOPS swallows.

use std::path::PathBuf;

use super::error::{PolicyErrorKind, at};
use crate::base::span::LineColumn;

/// A mistake that does not stop anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {kind}{}", path.display(), at(*place))]
pub struct PolicyWarning {
    /// The policy's file, or the file that is taken for one.
    pub path: PathBuf,
    /// Where in it.
    pub place: Option<LineColumn>,
    /// What it is.
    pub kind: PolicyWarningKind,
}

/// What a warning is about. Rules are counted from 0 in the fields, and from 1 in the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyWarningKind {
    /// A field that SOPS does not know and does not read.
    #[error("unknown field `{field}`{}", likely.map(|likely| format!(", perhaps `{likely}`")).unwrap_or_default())]
    UnknownField {
        /// The field.
        field: String,
        /// The known one that is spelt most like it.
        likely: Option<&'static str>,
    },
    /// No file gets to this rule.
    #[error("rule {} is never reached: rule {} matches every path that it matches", rule + 1, because + 1)]
    UnreachableRule {
        /// The rule.
        rule: usize,
        /// The one before it that catches its files.
        because: usize,
    },
    /// Several groups make SOPS split the data key, and every group is needed to put it together.
    #[error(
        "rule {} has {groups} key groups and no `shamir_threshold`: a key of every group is needed to decrypt, and of one \
         group any key would do",
        rule + 1
    )]
    ShamirWithoutThreshold {
        /// The rule.
        rule: usize,
        /// The number of its key groups.
        groups: usize,
    },
    /// A dot that matches any character.
    #[error("the dot before `{extension}` matches any character: `\\.{extension}` matches a dot")]
    UnescapedDot {
        /// The rule.
        rule: usize,
        /// What follows the dot: `yaml`, `yml` or `ya?ml`.
        extension: &'static str,
    },
    /// A file of this name is not read, neither by SOPS nor here.
    #[error("this file is not read: the policy's name is `.sops.yaml`")]
    IgnoredFile,
    /// A rule that stops every file that comes to it.
    #[error("rule {} cannot be used: {error}{}", rule + 1, cause(error))]
    BrokenRule {
        /// The rule.
        rule: usize,
        /// Why.
        error: PolicyErrorKind,
    },
    /// A recipient, or another key, that a rule names more than once.
    #[error("rule {} names `{id}` more than once in {}", rule + 1, if *across_groups { "different key groups" } else { "a key group" })]
    DuplicateKey {
        /// The rule.
        rule: usize,
        /// The recipient, fingerprint, ARN or URL.
        id: String,
        /// Whether it opens several shares of the data key, which weakens the threshold.
        across_groups: bool,
    },
    /// A rule, or one of its groups, that encrypts for nobody.
    #[error("rule {} has a key group without a key", rule + 1)]
    EmptyGroup {
        /// The rule.
        rule: usize,
    },
}

/// A warning is one line, so that it tells the cause of an error too.
fn cause(error: &PolicyErrorKind) -> String {
    let mut text = String::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// The known field that `field` is most likely meant to be; `None` if none is near.
pub(crate) fn likely_field(field: &str, known: &[&'static str]) -> Option<&'static str> {
    let spelt = field.to_lowercase().replace('-', "_");
    let allowed = (spelt.chars().count() / 3).clamp(1, 3);
    known
        .iter()
        .map(|known| (edit_distance(&spelt, known), *known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many characters must be added, dropped or replaced to turn `left` into `right`.
fn edit_distance(left: &str, right: &str) -> usize {
    // A field of any length comes out of a file; nothing that long is a slip of the pen.
    const LONGEST: usize = 64;
    let right: Vec<char> = right.chars().collect();
    if left.chars().take(LONGEST + 1).count() > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (number, from) in left.chars().enumerate() {
        let mut previous = number;
        let mut last = number + 1;
        let mut next = vec![last];
        for (to, above) in right.iter().zip(row.iter().skip(1)) {
            last = (previous + usize::from(from != *to)).min(above + 1).min(last + 1);
            previous = *above;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Whether `pattern` certainly matches every path.
pub(super) fn matches_everything(pattern: &str) -> bool {
    matches!(pattern, "" | "^" | "$" | ".*" | "^.*" | ".*$" | "(.*)" | ".*?")
}

/// The extension after a dot in `pattern` that stands for any character; `None` if there is no such dot.
pub(super) fn unescaped_dot(pattern: &str) -> Option<&'static str> {
    let mut escaped = false;
    let mut in_class = false;
    for (at, character) in pattern.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '.' if !in_class => {
                let rest = pattern.get(at + 1..).unwrap_or_default();
                let found = ["yaml", "yml", "ya?ml"].into_iter().find(|known| rest.starts_with(known));
                if found.is_some() {
                    return found;
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_field_has_a_likely_one() {
        let known = ["path_regex", "age", "encrypted_regex", "unencrypted_regex", "key_groups"];
        let check = |field: &str, likely| assert_eq!(likely_field(field, &known), likely, "{field}");
        check("path_regexp", Some("path_regex"));
        check("path-regex", Some("path_regex"));
        check("encrypted_regexp", Some("encrypted_regex"));
        check("encryptedRegex", Some("encrypted_regex"));
        check("ages", Some("age"));
        check("keygroups", Some("key_groups"));
        check("x", None);
        check("comment", None);
        check(&"path_regex".repeat(1000), None);
    }

    #[test]
    fn a_dot_before_an_extension_is_seen_where_it_matches_anything() {
        let check = |pattern: &str, found| assert_eq!(unescaped_dot(pattern), found, "{pattern}");
        check(r".*.yaml", Some("yaml"));
        check(r"a.sops.ya?ml$", Some("ya?ml"));
        check(r"x\.sops.yml", Some("yml"));
        check(r".*\.yaml", None);
        check(r".*yaml", None);
        check(r"[.]yaml", None);
        check(r"[a.yaml]", None);
        check(r"\\.yaml", Some("yaml"));
        check("", None);
    }
}
