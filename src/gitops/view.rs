//! A YAML node with the ways to its parts, and its place: what objects are read through.

use crate::{
    base::span::LineColumn,
    document::yaml::tree::{Item, Kind, NodeId, Tree},
};

/// Lines and columns of one text, without going through it from its start each time.
pub(super) struct Places<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
}

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { text, line_starts: std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect() }
    }

    fn of(&self, offset: usize) -> LineColumn {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        LineColumn { line, column: before.chars().count() + 1 }
    }
}

/// One node of a tree.
#[derive(Clone, Copy)]
pub(super) struct View<'a, 't> {
    tree: &'a Tree<'t>,
    places: &'a Places<'t>,
    node: NodeId,
}

impl<'a, 't> View<'a, 't> {
    /// The top-level nodes of all documents.
    pub(super) fn roots(tree: &'a Tree<'t>, places: &'a Places<'t>) -> impl Iterator<Item = Self> {
        tree.documents().iter().map(move |document| View { tree, places, node: document.root })
    }

    fn with(self, node: NodeId) -> Self {
        Self { node, ..self }
    }

    /// Where it stands.
    pub(super) fn place(self) -> LineColumn {
        self.places.of(self.tree.node(self.node).span.start)
    }

    /// The entries of a mapping, without those whose key is no text.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, Self)> {
        let items = match &self.tree.resolve(self.node).kind {
            Kind::Mapping(collection) => collection.items.as_slice(),
            _ => &[],
        };
        items.iter().filter_map(move |item| match *item {
            Item::Entry(key, value) => Some((self.with(key).text()?, self.with(value))),
            _ => None,
        })
    }

    /// The value below `name`.
    pub(super) fn field(self, name: &str) -> Option<Self> {
        self.entries().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The value below the keys of `path`, one in the other.
    pub(super) fn at(self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self, |view, name| view.field(name))
    }

    /// The elements of a list.
    pub(super) fn items(self) -> impl Iterator<Item = Self> {
        let items = match &self.tree.resolve(self.node).kind {
            Kind::Sequence(collection) => collection.items.as_slice(),
            _ => &[],
        };
        items.iter().filter_map(move |item| match *item {
            Item::Element(node) => Some(self.with(node)),
            _ => None,
        })
    }

    /// The text of a scalar that is not empty.
    pub(super) fn text(self) -> Option<&'a str> {
        match &self.tree.resolve(self.node).kind {
            Kind::Scalar { text, .. } => Some(text.as_str()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// The text below the keys of `path`.
    pub(super) fn text_at(self, path: &[&str]) -> Option<&'a str> {
        self.at(path)?.text()
    }
}
