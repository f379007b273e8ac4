//! Fields of a policy out of its tree: what type each accepts, as go-yaml decodes it into the types of SOPS.

use std::path::Path;

use super::{
    error::{PolicyError, PolicyErrorKind},
    node::{Key, Node, Value},
    warning::{PolicyWarning, PolicyWarningKind, likely_field},
};
use crate::base::span::LineColumn;

/// The text that is read, and what was noticed in it so far.
pub(super) struct Reader<'t> {
    path: &'t Path,
    text: &'t str,
    line_starts: Vec<usize>,
    pub(super) warnings: Vec<PolicyWarning>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(path: &'t Path, text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { path, text, line_starts, warnings: Vec::new() }
    }

    /// Line and column of a byte, without going through the text from its start each time.
    pub(super) fn place(&self, offset: usize) -> LineColumn {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        LineColumn { line, column: before.chars().count() + 1 }
    }

    pub(super) fn error(&self, offset: usize, kind: PolicyErrorKind) -> PolicyError {
        PolicyError { path: self.path.to_owned(), place: Some(self.place(offset)), kind }
    }

    pub(super) fn warn(&mut self, offset: usize, kind: PolicyWarningKind) {
        let place = Some(self.place(offset));
        self.warnings.push(PolicyWarning { path: self.path.to_owned(), place, kind });
    }

    /// Notes that `key` is none of the `known` fields.
    pub(super) fn warn_unknown(&mut self, key: &Key, known: &[&'static str]) {
        let kind = PolicyWarningKind::UnknownField { field: key.name.clone(), likely: likely_field(&key.name, known) };
        self.warn(key.used_at, kind);
    }

    pub(super) fn wrong_type(&self, node: &Node, field: &'static str, expected: &'static str) -> PolicyError {
        let found = node.value.type_name();
        self.error(node.used_at, PolicyErrorKind::WrongType { field, expected, found })
    }

    /// The entries of a map; none of a missing value.
    pub(super) fn map<'n>(&self, node: &'n Node, field: &'static str) -> Result<&'n [(Key, Node)], PolicyError> {
        match &node.value {
            Value::Null => Ok(&[]),
            Value::Map(entries) => Ok(entries),
            _ => Err(self.wrong_type(node, field, "a map")),
        }
    }

    /// The items of a list, without those that hold nothing, which go-yaml leaves out; none of a missing value.
    pub(super) fn list<'n>(&self, node: &'n Node, field: &'static str) -> Result<Vec<&'n Node>, PolicyError> {
        match &node.value {
            Value::Null => Ok(Vec::new()),
            Value::List(items) => Ok(items.iter().filter(|item| !matches!(item.value, Value::Null)).collect()),
            _ => Err(self.wrong_type(node, field, "a list")),
        }
    }

    /// The text of a scalar as it is spelt, so that `1.50` stays that; empty for a missing value.
    pub(super) fn text(&self, node: &Node, field: &'static str) -> Result<String, PolicyError> {
        match &node.value {
            Value::Null => Ok(String::new()),
            Value::Text(text) => Ok(text.clone()),
            Value::Bool(_) | Value::Number(_) => Ok(self.text.get(node.span.clone()).unwrap_or_default().to_owned()),
            Value::List(_) | Value::Map(_) => Err(self.wrong_type(node, field, "text")),
        }
    }

    /// A whole number; `None` for a missing value. (SOPS cuts the fraction off another number.)
    pub(super) fn integer(&self, node: &Node, field: &'static str) -> Result<Option<i64>, PolicyError> {
        /// Far over any threshold or indentation, and exact as a floating point number.
        const LARGEST: f64 = 1_000_000_000.0;
        match node.value {
            Value::Null => Ok(None),
            #[expect(clippy::cast_possible_truncation, reason = "a whole number in the range of `i64`")]
            Value::Number(number) if number.trunc() == number && number.abs() <= LARGEST => Ok(Some(number as i64)),
            _ => Err(self.wrong_type(node, field, "a whole number")),
        }
    }

    /// A truth value; false for a missing one. Where one is asked for, go-yaml knows the words of YAML 1.1 too.
    pub(super) fn truth(&self, node: &Node, field: &'static str) -> Result<bool, PolicyError> {
        match &node.value {
            Value::Null => Ok(false),
            Value::Bool(truth) => Ok(*truth),
            Value::Text(word) => match word.as_str() {
                "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Ok(true),
                "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Ok(false),
                _ => Err(self.wrong_type(node, field, "a truth value")),
            },
            _ => Err(self.wrong_type(node, field, "a truth value")),
        }
    }
}
