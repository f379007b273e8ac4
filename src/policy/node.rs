//! The text of a policy to a tree whose every node knows its place. Knows YAML and no field of a policy.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned};

use crate::base::span::LineColumn;

/// A value of the document; aliases are followed and merge keys applied.
#[derive(Debug)]
pub(super) struct Node {
    /// The bytes that hold the value; behind an alias, those it stands for. Exact for scalars only.
    pub(super) span: Range<usize>,
    /// The byte where the value is used: that of the alias, if it stands behind one.
    pub(super) used_at: usize,
    pub(super) value: Value,
}

/// What a node holds, as go-yaml resolves it for a field without a type.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) used_at: usize,
}

impl Value {
    /// What an error calls a value of this type.
    pub(super) const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Node {
    /// The name of the anchor that stands before the value in `text`.
    pub(super) fn anchor<'t>(&self, text: &'t str) -> Option<&'t str> {
        let before = text.get(..self.span.start)?.trim_end();
        let mut word = last_word(before);
        // A tag may stand between the anchor and the value.
        if word.starts_with('!') {
            word = last_word(before.strip_suffix(word)?.trim_end());
        }
        word.strip_prefix('&').filter(|name| !name.is_empty())
    }
}

/// The word that `text` ends in; none in a comment.
fn last_word(text: &str) -> &str {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let ends_word = |character: char| character.is_whitespace() || "[]{},".contains(character);
    if line.contains('#') { "" } else { line.rsplit(ends_word).next().unwrap_or_default() }
}

/// Why a text is not a tree.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) reason: String,
    pub(super) place: Option<LineColumn>,
}

/// The first document of `text`; [`Value::Null`] if there is none.
pub(super) fn parse(text: &str) -> Result<Node, Unreadable> {
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        strict_booleans: true,
        with_snippet: false,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
        // A recipient with an anchor is used in many rules: the other limits bound what aliases can cost.
        budget: serde_saphyr::budget! { enforce_alias_anchor_ratio: false },
    };
    let documents = serde_saphyr::from_multiple_with_options::<Spanned<Raw>>(text, options);
    match documents.map(|documents| documents.into_iter().next()) {
        Ok(Some(root)) => Ok(Node::from(root)),
        Ok(None) => Ok(Node { span: 0..0, used_at: 0, value: Value::Null }),
        Err(error) => {
            Err(Unreadable { reason: reason(&error), place: error.location().and_then(|location| place(&location)) })
        }
    }
}

/// What is wrong, without place and without anything of the text but the name of a key.
fn reason(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error as Yaml;
    match error.without_snippet() {
        Yaml::AliasError { error, .. } => reason(error),
        Yaml::DuplicateMappingKey { key: Some(key), .. } => format!("duplicate key `{key}`"),
        Yaml::DuplicateMappingKey { .. } => "duplicate key".to_owned(),
        Yaml::UnknownAnchor { .. } => "alias to an anchor that is not defined before it".to_owned(),
        Yaml::MergeValueNotMapOrSeqOfMaps { .. } => "`<<` needs a map or a list of maps".to_owned(),
        Yaml::RecursiveReferencesRequireWeakTypes { .. } => "alias inside of what it stands for".to_owned(),
        Yaml::Budget { .. } | Yaml::AliasReplayLimitExceeded { .. } | Yaml::AliasReplayStackDepthExceeded { .. } => {
            "too much or too deeply nested".to_owned()
        }
        Yaml::ExternalMessage { msg, .. } => format!("not YAML: {msg}"),
        _ => "not YAML that a policy can be written in".to_owned(),
    }
}

/// Errors of the scanner have no bytes, but lines and columns.
fn place(location: &Location) -> Option<LineColumn> {
    let line = usize::try_from(location.line()).ok().filter(|line| *line > 0)?;
    Some(LineColumn { line, column: usize::try_from(location.column()).ok()?.max(1) })
}

fn bytes(location: &Location) -> Range<usize> {
    let at = |number: Option<u64>| usize::try_from(number.unwrap_or_default()).unwrap_or_default();
    let start = at(location.span().byte_offset());
    start..start + at(location.span().byte_len())
}

/// A value as serde hands it over, without its own place.
enum Raw {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl From<Spanned<Raw>> for Node {
    fn from(raw: Spanned<Raw>) -> Self {
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(truth) => Value::Bool(truth),
            Raw::Number(number) => Value::Number(number),
            Raw::Text(text) => Value::Text(text),
            Raw::List(items) => Value::List(items.into_iter().map(Self::from).collect()),
            Raw::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let used_at = bytes(&key.referenced).start;
                        (Key { name: key.value, used_at }, Self::from(value))
                    })
                    .collect(),
            ),
        };
        Self { span: bytes(&raw.defined), used_at: bytes(&raw.referenced).start, value }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(truth))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a field with a number holds a small one; the text is kept beside it"
    )]
    fn visit_i64<E>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Number(number as f64))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a field with a number holds a small one; the text is kept beside it"
    )]
    fn visit_u64<E>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Raw, E> {
        Ok(Raw::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
