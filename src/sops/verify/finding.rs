//! What was found, where: places are byte offsets while a text is read, lines and paths once it has been.

use std::collections::{BTreeMap, BTreeSet};

use super::rule::Rule;
use crate::{
    base::{
        span::LineColumn,
        value_path::{Step, ValuePath},
    },
    document::yaml::tree::{Collection, Item, Kind, NodeId, Tree},
    sops::walk::key_text,
};

/// One thing that is wrong with a file, or worth knowing. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub rule: Rule,
    /// Where.
    pub place: LineColumn,
    /// The address of the value, the comment's mapping or list, or the field of the metadata; `None` where the finding is
    /// about the text as such.
    pub value_path: Option<String>,
    /// In one sentence, in lower case.
    pub message: String,
}

/// Findings as they are met.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Draft>);

#[derive(Debug)]
struct Draft {
    offset: usize,
    rule: Rule,
    message: String,
}

impl Findings {
    pub(super) fn push(&mut self, rule: Rule, offset: usize, message: impl Into<String>) {
        self.0.push(Draft { offset, rule, message: message.into() });
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Gives what was found since there were `from` findings the place `offset`, and keeps one of each rule.
    pub(super) fn move_since(&mut self, from: usize, offset: usize) {
        let mut seen = BTreeSet::new();
        for mut draft in self.0.split_off(from.min(self.0.len())) {
            if seen.insert(draft.rule) {
                draft.offset = offset;
                self.0.push(draft);
            }
        }
    }

    /// In the order of the text.
    pub(super) fn finish(mut self, text: &str, tree: Option<&Tree<'_>>) -> Vec<Finding> {
        if self.0.is_empty() {
            return Vec::new();
        }
        self.0.sort_by_key(|draft| (draft.offset, draft.rule));
        let mut paths = tree.map(|tree| Paths::of(tree, self.0.iter().map(|draft| draft.offset))).unwrap_or_default();
        let mut lines = Lines { text, offset: 0, place: LineColumn { line: 1, column: 1 } };
        let finish = |Draft { offset, rule, message }| Finding {
            rule,
            place: lines.place(offset),
            value_path: paths.found.get_mut(&offset).and_then(|path| path.clone()),
            message,
        };
        self.0.into_iter().map(finish).collect()
    }
}

/// Places of ascending offsets, in one pass over the text.
struct Lines<'t> {
    text: &'t str,
    offset: usize,
    place: LineColumn,
}

impl Lines<'_> {
    fn place(&mut self, offset: usize) -> LineColumn {
        let passed = self.text.get(self.offset..offset).unwrap_or_default();
        let columns = match passed.rfind('\n') {
            Some(last) => {
                self.place.line += passed.bytes().filter(|byte| *byte == b'\n').count();
                self.place.column = 1;
                passed.get(last + 1..).unwrap_or_default()
            }
            None => passed,
        };
        self.place.column += columns.chars().count();
        self.offset = offset.min(self.text.len()).max(self.offset);
        self.place
    }
}

/// The paths of what stands at some offsets, found in one pass over the tree.
#[derive(Default)]
struct Paths {
    found: BTreeMap<usize, Option<String>>,
    path: Vec<Step>,
}

impl Paths {
    fn of(tree: &Tree<'_>, offsets: impl Iterator<Item = usize>) -> Self {
        let mut paths = Self { found: offsets.map(|offset| (offset, None)).collect(), path: Vec::new() };
        for document in tree.documents() {
            paths.visit(tree, document.root);
        }
        paths
    }

    /// Aliases are not followed, so that the depth is that of the text.
    fn visit(&mut self, tree: &Tree<'_>, id: NodeId) {
        let node = tree.node(id);
        self.meet(node.span.start);
        if let Kind::Mapping(collection) | Kind::Sequence(collection) = &node.kind {
            self.visit_items(tree, collection);
        }
    }

    fn visit_items(&mut self, tree: &Tree<'_>, collection: &Collection) {
        let mut index = 0;
        for item in &collection.items {
            match *item {
                Item::Comment(comment) => self.meet(tree.comment(comment).0.start),
                Item::Entry(key, value) => {
                    self.path.push(Step::Key(key_text(tree, key).to_owned()));
                    self.meet(tree.node(key).span.start);
                    self.visit(tree, value);
                    self.path.pop();
                }
                Item::Element(value) => {
                    self.path.push(Step::Index(index));
                    index += 1;
                    self.visit(tree, value);
                    self.path.pop();
                }
            }
        }
    }

    fn meet(&mut self, offset: usize) {
        // A mapping begins where its first key does, and the key says more.
        if let Some(found) = self.found.get_mut(&offset)
            && !self.path.is_empty()
        {
            *found = Some(ValuePath(self.path.clone()).to_string());
        }
    }
}
