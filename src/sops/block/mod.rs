//! The `sops` block as text: how it is written anew, changed in place, put into documents and taken out again.

mod keys;

use super::{
    error::SopsError,
    metadata::{Metadata, find_block},
    scalar::scalar,
    selector::{Selector, SelectorKind},
    walk::{METADATA_KEY, key_text},
};
use crate::{
    base::span::Span,
    crypto::mac::Coverage,
    document::{
        edit::{Edit, splice},
        yaml::{
            change,
            emit::{Place, Position, Spelling, Value, push_entry, push_respelled},
            scalar::Scalar,
            tree::{Collection, Document, Item, Kind, Layout, NodeId, Tree, after_break},
        },
    },
};

pub use keys::{Amendment, KeyChange, WrappedGroups, WrappedKeys};

/// The version of SOPS whose format is written.
pub const FORMAT_VERSION: &str = "3.13.2";

/// What a new `sops` block says.
#[derive(Debug)]
pub struct NewBlock<'a> {
    /// The recipients.
    pub wrapped: &'a WrappedGroups,
    /// Which values are encrypted.
    pub selector: &'a Selector,
    /// Which values the MAC covers.
    pub coverage: Coverage,
    /// RFC 3339.
    pub last_modified: &'a str,
    /// The encrypted MAC.
    pub mac: &'a str,
}

/// What changes in a `sops` block; nothing by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct BlockChange<'a> {
    /// A new MAC; `None` leaves time, MAC and version as they are.
    pub seal: Option<NewSeal<'a>>,
    /// What becomes of those who can open the file.
    pub keys: KeyChange<'a>,
    /// Other values encrypted, or covered by the MAC, than before.
    pub settings: Option<Settings<'a>>,
}

/// A MAC and its time.
#[derive(Debug, Clone, Copy)]
pub struct NewSeal<'a> {
    /// RFC 3339.
    pub last_modified: &'a str,
    /// The encrypted MAC.
    pub mac: &'a str,
}

/// Which values are encrypted, and which the MAC covers.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// Which values are encrypted.
    pub selector: &'a Selector,
    /// Which values the MAC covers.
    pub coverage: Coverage,
}

/// The block from its key on, without the line break that ends it.
#[derive(Debug, Clone)]
pub struct BlockText(String);

impl NewBlock<'_> {
    fn value(&self) -> Value {
        let text = |text: &str| Value::Scalar(Scalar::Str(text.to_owned()));
        let mut fields = vec![
            ("lastmodified".to_owned(), text(self.last_modified)),
            ("mac".to_owned(), text(self.mac)),
            ("version".to_owned(), text(FORMAT_VERSION)),
            (self.selector.kind().field().to_owned(), text(self.selector.pattern())),
        ];
        fields.extend(self.wrapped.fields());
        if self.coverage == Coverage::OnlyEncrypted {
            fields.push(("mac_only_encrypted".to_owned(), Value::Scalar(Scalar::Bool(true))));
        }
        fields.sort_by(|(left, _), (right, _)| left.cmp(right));
        Value::Map(fields)
    }

    /// The block for a document whose top level is laid out like this, indented by `step`.
    #[must_use]
    pub fn render(&self, layout: Layout, step: usize, newline: &str) -> BlockText {
        let position = if layout == Layout::Flow { Position::Flow } else { Position::MapValue };
        let mut out = String::new();
        push_entry(&mut out, METADATA_KEY, &self.value(), &Place { step, newline, ..Place::new(position, 0) });
        BlockText(out)
    }
}

/// The layout of the top level of a document; one without a mapping takes a block.
pub fn root_layout(tree: &Tree<'_>, document: &Document) -> Layout {
    match &tree.resolve(document.root).kind {
        Kind::Mapping(collection) if has_entries(collection) => collection.layout,
        _ => Layout::Block,
    }
}

/// The column at which the keys of the top level stand; the block's key has to stand there too.
fn root_column(tree: &Tree<'_>, document: &Document) -> usize {
    match &tree.resolve(document.root).kind {
        Kind::Mapping(collection) if collection.layout == Layout::Block => collection.column,
        _ => 0,
    }
}

fn indented(block: &str, column: usize) -> String {
    block.split_inclusive('\n').map(|line| format!("{:column$}{line}", "")).collect()
}

fn dedented(block: &str, column: usize) -> String {
    let strip = |line: &'_ str| -> usize { line.bytes().take(column).take_while(|byte| *byte == b' ').count() };
    block.split_inclusive('\n').filter_map(|line| line.get(strip(line)..)).collect()
}

/// Whether there is more than comments.
fn has_entries(collection: &Collection) -> bool {
    collection.items.iter().any(|item| matches!(item, Item::Entry(..)))
}

/// The edits that put `block` at the end of a document that has none.
///
/// A text without a final line break keeps that: its block then has none either, see [`removal`].
pub fn insertion(tree: &Tree<'_>, document: &Document, block: &BlockText) -> Vec<Edit> {
    let text = tree.text();
    let newline = tree.newline();
    let root = tree.resolve(document.root);
    if let Kind::Mapping(collection) = &root.kind
        && collection.layout == Layout::Flow
        && has_entries(collection)
    {
        return vec![insert_into_flow(tree, collection, block)];
    }
    let is_empty_root = !root.is_absent()
        && match &root.kind {
            Kind::Mapping(collection) => collection.layout == Layout::Flow,
            _ => true,
        };
    if is_empty_root {
        // `{}` or `null`: the block takes its place, and `{}` comes back with decryption.
        let before = text.get(..root.span.start).unwrap_or_default();
        let on_own_line = before.is_empty() || before.ends_with(['\n', '\r', '\u{FEFF}']);
        let break_before = if on_own_line { "" } else { newline };
        return vec![Edit::new(root.full_span(), format!("{break_before}{}", block.0))];
    }
    let end = document.span.end;
    let before = text.get(..end).unwrap_or_default();
    let ends_line = before.is_empty() || before.ends_with(['\n', '\r', '\u{FEFF}']);
    let block = indented(&block.0, root_column(tree, document));
    let inserted = if ends_line { format!("{block}{newline}") } else { format!("{newline}{block}") };
    vec![Edit::insert(end, inserted)]
}

/// Behind the last entry, so that a comma, a comment or a line break before the bracket stays where it is.
fn insert_into_flow(tree: &Tree<'_>, collection: &Collection, block: &BlockText) -> Edit {
    let ends = collection.items.iter().filter_map(|item| match *item {
        Item::Entry(key, value) => Some((tree.node(value).span.end.max(tree.node(key).span.end), value)),
        _ => None,
    });
    let (end, last) = ends.max_by_key(|(end, _)| *end).unwrap_or((0, NodeId::default()));
    // A comma right behind a colon would be read as text by some.
    let separator = if tree.node(last).is_absent() { " , " } else { ", " };
    Edit::insert(end, format!("{separator}{}", block.0))
}

/// The edits that take the block out of a document; nothing where it has none.
pub fn removal(tree: &Tree<'_>, document: &Document) -> Vec<Edit> {
    let Some((key, value)) = find_block(tree, document) else { return Vec::new() };
    let root = tree.resolve(document.root);
    let Some(collection) = root.collection() else { return Vec::new() };
    let entries = collection.items.iter().filter(|item| matches!(item, Item::Entry(..))).count();
    if collection.layout == Layout::Flow {
        return vec![remove_from_flow(
            tree.text(),
            root.span,
            tree.node(key).full_span().start,
            tree.node(value).span.end,
        )];
    }
    let text = tree.text();
    let lines = entry_lines(tree, key, value);
    let ends_line = lines.of(text).ends_with(['\n', '\r']);
    let newline = if ends_line { tree.newline() } else { "" };
    if entries == 1 {
        return vec![Edit::new(lines, format!("{{}}{newline}"))];
    }
    let mut span = lines;
    if !ends_line {
        let before = text.get(..span.start).unwrap_or_default();
        span.start = before.strip_suffix("\r\n").or_else(|| before.strip_suffix(['\n', '\r'])).unwrap_or(before).len();
    }
    vec![Edit::remove(span)]
}

/// Where the content of the last document ends, if the break behind it goes with the `sops` block: the plaintext had none.
pub(super) fn cut_off(tree: &Tree<'_>) -> Option<usize> {
    let document = tree.documents().last()?;
    let (key, value) = find_block(tree, document)?;
    let lines = entry_lines(tree, key, value);
    let is_last = lines.end == tree.text().len() && !tree.text().ends_with(['\n', '\r']);
    (root_layout(tree, document) == Layout::Block && is_last).then_some(lines.start)
}

fn remove_from_flow(text: &str, root: Span, start: usize, end: usize) -> Edit {
    let before = Span::new(root.start, start).of(text).trim_end();
    if let Some(before) = before.strip_suffix(',') {
        let before = before.strip_suffix(": ").map_or(before, |head| before.get(..=head.len()).unwrap_or(before));
        return Edit::remove(Span::new(root.start + before.len(), end));
    }
    let after = Span::new(end, root.end).of(text);
    let rest = after.trim_start();
    let end = match rest.strip_prefix(',') {
        Some(rest) => root.end - rest.trim_start_matches([' ', '\t']).len(),
        None => end,
    };
    Edit::remove(Span::new(start, end))
}

/// What the block takes: its lines, or in brackets its key and value.
fn block_span(tree: &Tree<'_>, layout: Layout, key: NodeId, value: NodeId) -> Span {
    match layout {
        Layout::Flow => Span::new(tree.node(key).full_span().start, tree.node(value).span.end),
        Layout::Block => entry_lines(tree, key, value),
    }
}

/// The lines of an entry of a block mapping, from the start of the key's to behind the break of the last one.
fn entry_lines(tree: &Tree<'_>, key: NodeId, value: NodeId) -> Span {
    let text = tree.text();
    let key_start = tree.node(key).full_span().start;
    let before = text.get(..key_start).unwrap_or_default();
    let line_start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    // A byte order mark, or the `? ` of an explicit key: only blanks belong to the entry.
    let blank = before.get(line_start..).is_some_and(|head| head.trim_matches([' ', '\t', '?']).is_empty());
    let start = if blank { line_start } else { key_start };
    let end = content_end(tree, value).max(tree.node(key).span.end);
    if text.get(..end).is_some_and(|content| content.ends_with(['\n', '\r'])) {
        return Span::new(start, end);
    }
    let line_end = text.get(end..).and_then(|rest| rest.find(['\n', '\r'])).map_or(text.len(), |at| end + at);
    Span::new(start, after_break(text, line_end))
}

/// Where the text of a node ends, with the comments that are in it.
fn content_end(tree: &Tree<'_>, id: NodeId) -> usize {
    let node = tree.node(id);
    let Some(collection) = node.collection() else { return node.text_span(tree.text()).end };
    let ends = collection.items.iter().map(|item| match *item {
        Item::Comment(comment) => tree.comment(comment).0.end,
        Item::Entry(key, value) => content_end(tree, value).max(tree.node(key).span.end),
        Item::Element(value) => content_end(tree, value),
    });
    let inside = ends.max().unwrap_or(node.span.end);
    if collection.layout == Layout::Flow { node.span.end.max(inside) } else { inside }
}

impl Metadata {
    /// The indentation of one level that the file was written with, told by its block.
    #[must_use]
    pub fn step(&self, tree: &Tree<'_>) -> Option<usize> {
        let collection = tree.resolve(self.places.block).collection()?;
        let column = collection.column.checked_sub(root_column(tree, tree.documents().first()?))?;
        (collection.layout == Layout::Block && column > 0).then_some(column)
    }

    /// The block of the first document with `change` made to it; every other byte of it stays.
    ///
    /// # Errors
    /// [`SopsError::ReadBack`] if the edits cannot be applied.
    pub fn changed_block(&self, tree: &Tree<'_>, change: &BlockChange<'_>) -> Result<BlockText, SopsError> {
        let block = tree.documents().first().and_then(|document| find_block(tree, document));
        let (key, value) = block.ok_or(SopsError::NotEncrypted)?;
        let layout = tree.documents().first().map_or(Layout::Block, |document| root_layout(tree, document));
        let span = block_span(tree, layout, key, value);
        let mut edits = self.scalar_edits(tree, change);
        match self.key_edits(tree, change.keys) {
            Some(more) if change.settings.is_none() => edits.extend(more),
            _ => return Ok(self.rewritten_block(tree, change, layout)),
        }
        for edit in &mut edits {
            edit.span = Span::new(edit.span.start - span.start, edit.span.end - span.start);
        }
        let changed = splice(span.of(tree.text()), &mut edits).map_err(|_cause| SopsError::ReadBack)?;
        let trimmed = changed.trim_end_matches(['\n', '\r']).len();
        let column = tree.documents().first().map_or(0, |document| root_column(tree, document));
        Ok(BlockText(dedented(changed.get(..trimmed).unwrap_or_default(), column)))
    }

    /// The changed block for a document whose top level is laid out like this.
    ///
    /// # Errors
    /// As for [`Self::changed_block`].
    pub(super) fn block_for(
        &self,
        tree: &Tree<'_>,
        change: &BlockChange<'_>,
        layout: Layout,
    ) -> Result<BlockText, SopsError> {
        let own = tree.documents().first().map_or(Layout::Block, |document| root_layout(tree, document));
        if own == layout {
            return self.changed_block(tree, change);
        }
        Ok(self.rewritten_block(tree, change, layout))
    }

    /// The edits that make `change` to the block of every document. Documents without one stay without.
    ///
    /// # Errors
    /// As for [`Self::changed_block`].
    pub(super) fn block_edits(&self, tree: &Tree<'_>, change: &BlockChange<'_>) -> Result<Vec<Edit>, SopsError> {
        let mut edits = Vec::new();
        for document in tree.documents() {
            let Some((key, value)) = find_block(tree, document) else { continue };
            let layout = root_layout(tree, document);
            let mut text = indented(&self.block_for(tree, change, layout)?.0, root_column(tree, document));
            let span = block_span(tree, layout, key, value);
            if layout == Layout::Block && span.of(tree.text()).ends_with(['\n', '\r']) {
                text.push_str(tree.newline());
            }
            edits.push(Edit::new(span, text));
        }
        Ok(edits)
    }

    fn scalar_edits(&self, tree: &Tree<'_>, change: &BlockChange<'_>) -> Vec<Edit> {
        let Some(seal) = change.seal else { return Vec::new() };
        let column = tree.resolve(self.places.block).collection().map_or(0, |collection| collection.column);
        let respelled = |node, text: &str| respell(tree, node, text, column);
        vec![
            respelled(self.places.last_modified, seal.last_modified),
            respelled(self.places.mac, seal.mac),
            respelled(self.places.version, FORMAT_VERSION),
        ]
    }

    /// The whole block spelt anew, with every field that it had.
    fn rewritten_block(&self, tree: &Tree<'_>, change: &BlockChange<'_>, layout: Layout) -> BlockText {
        let text = |text: &str| Value::Scalar(Scalar::Str(text.to_owned()));
        let mut fields = match value_of(tree, self.places.block) {
            Value::Map(fields) => fields,
            _ => Vec::new(),
        };
        change.keys.apply(&mut fields, self);
        if let Some(seal) = change.seal {
            fields.retain(|(key, _)| !matches!(key.as_str(), "lastmodified" | "mac" | "version"));
            fields.push(("lastmodified".to_owned(), text(seal.last_modified)));
            fields.push(("mac".to_owned(), text(seal.mac)));
            fields.push(("version".to_owned(), text(FORMAT_VERSION)));
        }
        if let Some(Settings { selector, coverage }) = change.settings {
            let is_setting =
                |key: &str| key == "mac_only_encrypted" || SelectorKind::ALL.iter().any(|kind| kind.field() == key);
            fields.retain(|(key, _)| !is_setting(key));
            fields.push((selector.kind().field().to_owned(), text(selector.pattern())));
            if coverage == Coverage::OnlyEncrypted {
                fields.push(("mac_only_encrypted".to_owned(), Value::Scalar(Scalar::Bool(true))));
            }
        }
        fields.sort_by(|(left, _), (right, _)| left.cmp(right));
        let position = if layout == Layout::Flow { Position::Flow } else { Position::MapValue };
        let mut out = String::new();
        let place = Place { step: self.step(tree).unwrap_or(4), newline: tree.newline(), ..Place::new(position, 0) };
        push_entry(&mut out, METADATA_KEY, &Value::Map(fields), &place);
        BlockText(out)
    }
}

/// A scalar of the block with another text, in the style that it had.
fn respell(tree: &Tree<'_>, id: NodeId, text: &str, column: usize) -> Edit {
    let node = tree.node(id);
    let span = node.text_span(tree.text());
    let old = span.of(tree.text());
    let like = change::spelling(tree.text(), node);
    let mut out = String::new();
    let place = Place { newline: tree.newline(), ..Place::new(Position::MapValue, column) };
    push_respelled(&mut out, text, &like, &place);
    if matches!(like, Spelling::Block { .. }) && old.ends_with(['\n', '\r']) {
        out.push_str(tree.newline());
    }
    Edit::new(span, out)
}

/// The lines of an element of a block sequence, its dash included; `None` where the dash is not first on its line.
fn element_lines(tree: &Tree<'_>, id: NodeId) -> Option<Span> {
    let text = tree.text();
    let start = tree.node(id).full_span().start;
    let before = text.get(..start)?;
    let dash = before.rfind('-')?;
    let line_start = before.get(..dash)?.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    if !before.get(line_start..dash)?.trim_matches(' ').is_empty() {
        return None;
    }
    let end = content_end(tree, id);
    if text.get(..end)?.ends_with(['\n', '\r']) {
        return Some(Span::new(line_start, end));
    }
    let line_end = text.get(end..)?.find(['\n', '\r']).map_or(text.len(), |at| end + at);
    Some(Span::new(line_start, after_break(text, line_end)))
}

/// The value of a node, for what is spelt anew.
fn value_of(tree: &Tree<'_>, id: NodeId) -> Value {
    let node = tree.resolve(id);
    match &node.kind {
        Kind::Mapping(collection) => Value::Map(
            collection
                .items
                .iter()
                .filter_map(|item| match *item {
                    Item::Entry(key, value) => Some((key_text(tree, key).to_owned(), value_of(tree, value))),
                    _ => None,
                })
                .collect(),
        ),
        Kind::Sequence(collection) => Value::List(
            collection
                .items
                .iter()
                .filter_map(|item| match *item {
                    Item::Element(value) => Some(value_of(tree, value)),
                    _ => None,
                })
                .collect(),
        ),
        _ => Value::Scalar(scalar(tree, node).map_or(Scalar::Null, super::scalar::Meaning::into_scalar)),
    }
}
