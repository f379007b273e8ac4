//! Random documents, each value set and taken out: exactly that value changes, and every line that is not its own stays.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "what a test meets is there, or the test fails"
)]

mod support;

use std::collections::BTreeMap;

use gitops_secrets::{
    base::value_path::{Step, ValuePath},
    document::yaml::{
        change::{Address, ChangeError, set, unset},
        emit::Value,
        scalar::{Scalar, resolve},
        tree::{Item, Kind, NodeId, Tree},
    },
};
use support::documents;

const DOCUMENTS: usize = 600;

/// A value's address, and the lines of `values` that it makes.
struct Place {
    document: usize,
    path: ValuePath,
    node: NodeId,
}

fn places(tree: &Tree<'_>) -> Vec<Place> {
    let mut found = Vec::new();
    for (number, document) in tree.documents().iter().enumerate() {
        collect(tree, number, document.root, &mut Vec::new(), &mut found);
    }
    found
}

fn collect(tree: &Tree<'_>, document: usize, id: NodeId, steps: &mut Vec<Step>, found: &mut Vec<Place>) {
    found.push(Place { document, path: ValuePath(steps.clone()), node: id });
    let Some(collection) = tree.node(id).collection() else { return };
    let mut index = 0;
    for item in &collection.items {
        let (step, node) = match item {
            Item::Comment(_) => continue,
            Item::Entry(key, value) => (Step::Key(text(tree, *key).to_owned()), *value),
            Item::Element(value) => {
                index += 1;
                (Step::Index(index - 1), *value)
            }
        };
        steps.push(step);
        collect(tree, document, node, steps, found);
        steps.pop();
    }
}

fn text<'a>(tree: &'a Tree<'_>, id: NodeId) -> &'a str {
    match &tree.resolve(id).kind {
        Kind::Scalar { text, .. } => text.as_str(),
        _ => "",
    }
}

/// Every value of a text with its way from the document's number down, aliases followed.
type Rows = Vec<(Vec<Step>, String)>;

fn rows(text: &str) -> Rows {
    let tree = Tree::parse(text).unwrap();
    let mut rows = Rows::new();
    for (number, document) in tree.documents().iter().enumerate() {
        push_rows(&tree, document.root, vec![Step::Index(number)], &mut rows);
    }
    rows
}

fn push_rows(tree: &Tree<'_>, id: NodeId, path: Vec<Step>, rows: &mut Rows) {
    let node = tree.resolve(id);
    let below = |step| path.iter().cloned().chain([step]).collect();
    let Some(collection) = node.collection() else {
        let Kind::Scalar { text, style } = &node.kind else { panic!("an alias of an alias") };
        let tag = node.properties.as_deref().and_then(|properties| properties.tag);
        let scalar = resolve(text.as_str(), *style, tag.map(|tag| tag.of(tree.text()))).unwrap();
        let plaintext = String::from_utf8_lossy(&scalar.plaintext().unwrap()).into_owned();
        return rows.push((path, format!("{:?} {plaintext:?}", scalar.scalar_type())));
    };
    let mut index = 0;
    for item in &collection.items {
        match item {
            Item::Comment(_) => {}
            Item::Entry(key, value) => push_rows(tree, *value, below(Step::Key(text(tree, *key).to_owned())), rows),
            Item::Element(value) => {
                push_rows(tree, *value, below(Step::Index(index)), rows);
                index += 1;
            }
        }
    }
    if collection.items.iter().all(|item| matches!(item, Item::Comment(_))) {
        rows.push((path, empty(&node.kind)));
    }
}

fn empty(kind: &Kind<'_>) -> String {
    if matches!(kind, Kind::Mapping(_)) { "{}" } else { "[]" }.to_owned()
}

/// The way to a place from the document's number down.
fn way(place: &Place) -> Vec<Step> {
    [Step::Index(place.document)].into_iter().chain(place.path.0.iter().cloned()).collect()
}

/// The rows of `value` at `path`.
fn rows_of(value: &Value, path: &[Step]) -> Rows {
    let below = |step| path.iter().cloned().chain([step]).collect::<Vec<_>>();
    match value {
        Value::Scalar(scalar) => {
            let plaintext = String::from_utf8_lossy(&scalar.plaintext().unwrap()).into_owned();
            vec![(path.to_vec(), format!("{:?} {plaintext:?}", scalar.scalar_type()))]
        }
        Value::Map(entries) if entries.is_empty() => vec![(path.to_vec(), "{}".to_owned())],
        Value::List(items) if items.is_empty() => vec![(path.to_vec(), "[]".to_owned())],
        Value::Map(entries) => {
            entries.iter().flat_map(|(key, value)| rows_of(value, &below(Step::Key(key.clone())))).collect()
        }
        Value::List(items) => {
            items.iter().enumerate().flat_map(|(index, value)| rows_of(value, &below(Step::Index(index)))).collect()
        }
    }
}

/// The old rows, those at and below `path` exchanged for `new`.
fn with(old: &Rows, path: &[Step], new: Rows) -> Rows {
    let first = old.iter().position(|(found, _)| found.starts_with(path)).unwrap();
    let mut rows: Rows = old.iter().filter(|(found, _)| !found.starts_with(path)).cloned().collect();
    rows.splice(first..first, new);
    rows
}

fn str(text: &str) -> Value {
    Value::Scalar(Scalar::Str(text.to_owned()))
}

/// Values of every kind and spelling.
fn candidates() -> Vec<Value> {
    let nested = vec![str("a"), str("true"), Value::Map(vec![("m".to_owned(), str("-"))])];
    vec![
        str("new: \"x\" # y"),
        str("two\nlines\n"),
        Value::Scalar(Scalar::Int(7)),
        Value::Map(vec![("k".to_owned(), str(" v\n\n")), ("l".to_owned(), Value::List(nested))]),
        Value::List(vec![]),
        Value::Scalar(Scalar::Null),
        Value::Map(vec![("last".to_owned(), str("x\ny"))]),
    ]
}

/// How often each thing happened.
type Counts = BTreeMap<&'static str, usize>;

fn count(counts: &mut Counts, outcome: &Result<impl Sized, ChangeError>) {
    let what = match outcome {
        Ok(_) => "done",
        Err(ChangeError::Alias { .. } | ChangeError::Anchor { .. } | ChangeError::Merged { .. }) => "shared",
        Err(ChangeError::Layout(_)) => "layout",
        Err(_) => "other",
    };
    *counts.entry(what).or_default() += 1;
}

/// Old lines that are neither in the common head nor in the common tail.
fn lost_lines<'a>(old: &'a str, new: &str) -> Vec<&'a str> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let room = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(room).take_while(|(old, new)| old == new).count();
    old[head..old.len() - tail].to_vec()
}

#[test]
fn setting_a_value_changes_that_value_only() {
    let mut counts = Counts::new();
    for (number, sample) in documents::batch(11, DOCUMENTS).into_iter().enumerate() {
        let text = &sample.document.text;
        let tree = Tree::parse(text).unwrap();
        let old = rows(text);
        for (place, pick) in places(&tree).iter().zip(number..).filter(|(place, _)| !place.path.0.is_empty()) {
            let candidates = candidates();
            let value = &candidates[pick % candidates.len()];
            let outcome = set(&tree, Address { document: place.document, path: &place.path }, value);
            count(&mut counts, &outcome);
            let Ok(new) = outcome else { continue };
            let way = way(place);
            let wanted = with(&old, &way, rows_of(value, &way));
            assert_eq!(rows(new.expose()), wanted, "{} in {text}\n{}", place.path, new.expose());
            let span = tree.node(place.node).full_span();
            let own = text[..span.end].split('\n').count() - text[..span.start].split('\n').count();
            let lost = lost_lines(text, new.expose());
            assert!(
                lost.len() <= own + 2 + hollow_lines(&lost),
                "{} in {text}\n{}\n{lost:?}",
                place.path,
                new.expose()
            );
        }
    }
    check_counts(&counts);
}

fn hollow_lines(lines: &[&str]) -> usize {
    lines.iter().filter(|line| matches!(line.trim(), "" | "-") || line.trim().starts_with('#')).count()
}

#[test]
fn a_new_member_is_added_and_taken_out_again() {
    let mut counts = Counts::new();
    let mut not_undone = 0;
    for (number, sample) in documents::batch(12, DOCUMENTS).into_iter().enumerate() {
        let text = &sample.document.text;
        let tree = Tree::parse(text).unwrap();
        let old = rows(text);
        for (mut place, pick) in places(&tree).into_iter().zip(number..) {
            let node = tree.node(place.node);
            let Some(collection) = node.collection() else { continue };
            let members = collection.items.iter().filter(|item| !matches!(item, Item::Comment(_))).count();
            let parent = way(&place);
            let (added, found) = match &node.kind {
                Kind::Mapping(_) => (Step::Key("new key".to_owned()), Step::Key("new key".to_owned())),
                _ => (Step::Append, Step::Index(members)),
            };
            place.path.0.push(added);
            let candidates = candidates();
            let value = &candidates[pick % candidates.len()];
            let outcome = set(&tree, Address { document: place.document, path: &place.path }, value);
            count(&mut counts, &outcome);
            let Ok(new) = outcome else { continue };
            let mut wanted = old.clone();
            let behind = wanted.iter().rposition(|(found, _)| found.starts_with(&parent)).unwrap() + 1;
            let member: Vec<Step> = parent.iter().cloned().chain([found.clone()]).collect();
            wanted.splice(if members == 0 { behind - 1 } else { behind }..behind, rows_of(value, &member));
            assert_eq!(rows(new.expose()), wanted, "{} in {text}\n{}", place.path, new.expose());
            // At the very end, the header of the last block scalar may have to change.
            let is_cut_off = !text.ends_with('\n');
            assert!(
                is_cut_off || lost_lines(text, new.expose()).len() <= 2,
                "{} in {text}\n{}",
                place.path,
                new.expose()
            );
            let has_members = members > 0;
            *place.path.0.last_mut().unwrap() = found;
            if !has_members {
                continue;
            }
            let changed = Tree::parse(new.expose()).unwrap();
            let undone = unset(&changed, Address { document: place.document, path: &place.path });
            let undone = undone.unwrap_or_else(|error| panic!("{error} in {text}\n{}", new.expose()));
            if undone.expose() != text {
                // A final line break that a block scalar needed, and the `-` of one that was cut off, stay.
                assert!(!text.ends_with('\n'), "{} in {text}\n{}", place.path, undone.expose());
                not_undone += 1;
            }
        }
    }
    check_counts(&counts);
    assert!(not_undone * 50 < counts["done"], "{not_undone} of {counts:?}");
}

#[test]
fn taking_a_value_out_takes_out_that_value_only() {
    let mut counts = Counts::new();
    for sample in documents::batch(13, DOCUMENTS) {
        let text = &sample.document.text;
        let tree = Tree::parse(text).unwrap();
        let old = rows(text);
        for place in places(&tree).iter().filter(|place| !place.path.0.is_empty()) {
            let outcome = unset(&tree, Address { document: place.document, path: &place.path });
            count(&mut counts, &outcome);
            let Ok(new) = outcome else { continue };
            let way = way(place);
            let (step, parent) = way.split_last().unwrap();
            let is_only =
                old.iter().filter(|(found, _)| found.starts_with(parent)).all(|(row, _)| row.starts_with(&way));
            let emptied = if matches!(step, Step::Key(_)) { "{}" } else { "[]" };
            let left = if is_only { vec![(parent.to_vec(), emptied.to_owned())] } else { Rows::new() };
            let mut wanted = with(&old, &way, left);
            if let Step::Index(gone) = step {
                for (row, _) in wanted.iter_mut().filter(|(row, _)| row.starts_with(parent)) {
                    if let Some(Step::Index(index)) = row.get_mut(parent.len()) {
                        *index -= usize::from(*index > *gone);
                    }
                }
            }
            assert_eq!(rows(new.expose()), wanted, "{} in {text}\n{}", place.path, new.expose());
        }
    }
    check_counts(&counts);
}

#[track_caller]
fn check_counts(counts: &Counts) {
    let layout = counts.get("layout").copied().unwrap_or_default();
    assert_eq!(counts.get("other"), None, "{counts:?}");
    assert!(counts["done"] > 2_000 && layout * 1_000 < counts["done"], "{counts:?}");
}
