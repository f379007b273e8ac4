//! `get`: one value of a document in clear, or all that is below a key.

use std::ops::Deref;

use zeroize::Zeroize as _;

use super::error::OpError;
use crate::{
    base::{
        secret::Plaintext,
        value_path::{Step, ValuePath},
    },
    document::yaml::{
        emit::{Place, Position, Value, push_entry, push_item, push_scalar},
        scalar::Scalar,
        tree::{Item, Kind, Layout, Node, Tree},
    },
    sops::{error::SopsError, scalar::scalar, walk::key_text},
};

/// What is at `path` in document number `document`, from 0, of `text`.
///
/// A string is given as it is, without a line break added. Anything else is YAML: a scalar as SOPS spells it, a block
/// collection as it stands in the text, comments included, but moved to the left.
///
/// # Errors
/// [`OpError::NoDocument`], [`OpError::NoValue`], [`OpError::NoMembers`]; [`OpError::Sops`] for what is no YAML.
///
/// # Source
/// `sops decrypt --extract` of SOPS 3.13.2, which respells collections and looks into the first document only.
pub fn get(text: &str, document: usize, path: &ValuePath) -> Result<Plaintext, OpError> {
    let tree = Tree::parse(text).map_err(SopsError::from)?;
    let documents = tree.documents();
    let root = documents.get(document).ok_or(OpError::NoDocument { number: document + 1, count: documents.len() })?;
    let mut node = tree.resolve(root.root);
    for (index, step) in path.0.iter().enumerate() {
        let head = || ValuePath(path.0.iter().take(index).cloned().collect()).to_string();
        node = member(&tree, node, step, head)?
            .ok_or_else(|| OpError::NoValue(ValuePath(path.0.iter().take(index + 1).cloned().collect()).to_string()))?;
    }
    render(&tree, node)
}

/// The member of `node` that `step` leads to; `None` when there is none.
fn member<'a, 't>(
    tree: &'a Tree<'t>,
    node: &'a Node<'t>,
    step: &Step,
    head: impl Fn() -> String,
) -> Result<Option<&'a Node<'t>>, OpError> {
    let found = match (&node.kind, step) {
        (Kind::Mapping(collection), Step::Key(name)) => collection.items.iter().find_map(|item| match *item {
            Item::Entry(key, value) if key_text(tree, key) == name => Some(value),
            _ => None,
        }),
        (Kind::Sequence(collection), Step::Index(index)) => {
            let mut elements = collection.items.iter().filter_map(|item| match *item {
                Item::Element(value) => Some(value),
                _ => None,
            });
            elements.nth(*index)
        }
        (Kind::Sequence(_), Step::Append) => None,
        (kind, _) => {
            let found = match kind {
                Kind::Mapping(_) => "a mapping, which has keys",
                Kind::Sequence(_) => "a list, which has numbers from 0",
                _ => "a single value",
            };
            let step = ValuePath(vec![step.clone()]).to_string();
            return Err(OpError::NoMembers { at: head(), step, found });
        }
    };
    Ok(found.map(|id| tree.resolve(id)))
}

fn render(tree: &Tree<'_>, node: &Node<'_>) -> Result<Plaintext, OpError> {
    let value = Wiped(value_of(tree, node)?);
    if let Value::Scalar(Scalar::Str(text)) = &*value {
        return Ok(Plaintext::new(text.clone()));
    }
    if let Some(sliced) = slice(tree, node) {
        let reads_back = Tree::parse(sliced.expose()).is_ok_and(|again| {
            let root = again.documents().first().map(|document| again.resolve(document.root));
            root.is_some_and(|root| value_of(&again, root).is_ok_and(|again| *Wiped(again) == *value))
        });
        if reads_back {
            return Ok(sliced);
        }
    }
    Ok(Plaintext::new(spell(&value, 2 * tree.text().len())))
}

/// The text of a block collection, moved to the left. It reads back unless aliases lead out of it.
fn slice(tree: &Tree<'_>, node: &Node<'_>) -> Option<Plaintext> {
    let collection = node.collection().filter(|collection| collection.layout == Layout::Block)?;
    let text = tree.text();
    let mut start = node.span.start;
    if let Some(Item::Comment(first)) = collection.items.first() {
        let (span, _) = tree.comment(*first);
        let is_alone = line_head(text, span.start).trim_start_matches([' ', '\t']).is_empty();
        if is_alone && span.start < start {
            start = span.start;
        }
    }
    let column = line_head(text, start).len();
    let rest = text.get(start..node.span.end)?;
    // With the comment behind the last value, and without the blank lines behind that.
    let tail = text.get(node.span.end..)?;
    let tail = if rest.ends_with('\n') { "" } else { tail.split('\n').next().unwrap_or_default() };
    let mut sliced = String::with_capacity(rest.len() + tail.len() + 1);
    for (number, line) in rest.split_inclusive('\n').enumerate() {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        sliced.push_str(if number == 0 { line } else { line.get(blanks.min(column)..).unwrap_or_default() });
    }
    sliced.push_str(tail);
    if !sliced.ends_with('\n') {
        sliced.push('\n');
    }
    Some(Plaintext::new(sliced))
}

/// The part of its line that is before `at`.
fn line_head(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    before.rsplit('\n').next().unwrap_or_default()
}

/// A collection as SOPS spells it at the top level, or a scalar on a line. `room` is the likely size in bytes.
fn spell(value: &Value, room: usize) -> String {
    // Enough as a rule, so that growing leaves no copies behind.
    let mut out = String::with_capacity(room);
    match value {
        Value::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                push_entry(&mut out, key, value, &Place::new(Position::MapValue, 0));
                end_line(&mut out);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for item in items {
                push_item(&mut out, item, &Place::new(Position::ListItem, 0));
                end_line(&mut out);
            }
        }
        Value::Map(_) => out.push_str("{}\n"),
        Value::List(_) => out.push_str("[]\n"),
        Value::Scalar(scalar) => {
            push_scalar(&mut out, scalar, &Place::new(Position::MapValue, 0));
            end_line(&mut out);
        }
    }
    out
}

/// A block scalar ends its line by itself.
fn end_line(out: &mut String) {
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

/// What a node means, aliases written out. It is as deep and as large as decrypting has let pass.
fn value_of(tree: &Tree<'_>, node: &Node<'_>) -> Result<Value, SopsError> {
    Ok(match &node.kind {
        Kind::Mapping(collection) => {
            let mut entries = Vec::new();
            for item in &collection.items {
                if let Item::Entry(key, value) = *item {
                    entries.push((key_text(tree, key).to_owned(), value_of(tree, tree.resolve(value))?));
                }
            }
            Value::Map(entries)
        }
        Kind::Sequence(collection) => {
            let mut items = Vec::new();
            for item in &collection.items {
                if let Item::Element(value) = *item {
                    items.push(value_of(tree, tree.resolve(value))?);
                }
            }
            Value::List(items)
        }
        Kind::Scalar { .. } | Kind::Alias(_) => Value::Scalar(scalar(tree, node)?.into_scalar()),
    })
}

/// A value that is wiped on drop.
struct Wiped(Value);

impl Deref for Wiped {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# top
a: hello
n: 7
f: 1.50
none: null
empty: \"\"
time: 2024-01-02T03:04:05Z
m:
    # first
    x: 1 # beside
    y: [1, two, {q: r}]

    l:
        - 1
        - k: |
            multi
            line
          z: 2
    # last
shared: &shared {a: 1}
uses:
    one: *shared
    \"tls.crt\": x
---
second: 2
";

    #[track_caller]
    fn check(path: &str, expected: Result<&str, &str>) {
        let path = ValuePath::parse(path).unwrap();
        let got = get(TEXT, 0, &path);
        let got = got.as_ref().map(Plaintext::expose).map_err(ToString::to_string);
        assert_eq!(got, expected.map_err(str::to_owned), "{path}");
    }

    #[test]
    fn a_string_is_given_as_it_is_and_another_scalar_on_a_line() {
        check("a", Ok("hello"));
        check("[\"a\"]", Ok("hello"));
        check("empty", Ok(""));
        check("n", Ok("7\n"));
        check("f", Ok("1.5\n"));
        check("none", Ok("null\n"));
        check("time", Ok("2024-01-02T03:04:05Z\n"));
        check("m.l[1].k", Ok("multi\nline\n"));
        check("uses.\"tls.crt\"", Ok("x"));
    }

    #[test]
    fn a_block_collection_is_given_as_it_stands_but_moved_to_the_left() {
        check(
            "m",
            Ok(
                "# first\nx: 1 # beside\ny: [1, two, {q: r}]\n\nl:\n    - 1\n    - k: |\n        multi\n        line\n      z: 2\n",
            ),
        );
        check("m.l", Ok("- 1\n- k: |\n    multi\n    line\n  z: 2\n"));
        check("m.l[1]", Ok("k: |\n  multi\n  line\nz: 2\n"));
    }

    #[test]
    fn a_flow_collection_and_one_with_aliases_are_spelt_as_sops_does() {
        check("m.y", Ok("- 1\n- two\n- q: r\n"));
        check("uses", Ok("one:\n    a: 1\ntls.crt: x\n"));
    }

    #[test]
    fn what_is_not_there_is_told_with_its_path() {
        check("nope", Err("there is no `nope` in the document"));
        check("m.nope", Err("there is no `m.nope` in the document"));
        check("m.l[2]", Err("there is no `m.l[2]` in the document"));
        check("m.l[+]", Err("there is no `m.l[+]` in the document"));
        check("a.b", Err("`a` is a single value, so that there is no `b` in it"));
        check("m[0]", Err("`m` is a mapping, which has keys, so that there is no `[0]` in it"));
        check("m.l.k", Err("`m.l` is a list, which has numbers from 0, so that there is no `k` in it"));
    }

    #[test]
    fn a_document_is_told_by_its_number() {
        let second = ValuePath::parse("second").unwrap();
        assert_eq!(get(TEXT, 1, &second).unwrap().expose(), "2\n");
        assert_eq!(get(TEXT, 2, &second).unwrap_err().to_string(), "there is no document 3, but 2 in the file");
    }
}
