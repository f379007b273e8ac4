//! Where a value stands in the text: behind which colon or dash, on which lines.

use super::find::Member;
use crate::{
    base::span::Span,
    document::yaml::{
        emit::{BlockHeader, Follow, Position, Spelling, parse_block_header},
        scalar::ScalarStyle,
        tree::{Collection, Item, Kind, Layout, Node, NodeId, Tree, after_break},
    },
};

/// A member of a collection, with its surroundings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    pub(super) node: NodeId,
    pub(super) position: Position,
    /// The column of the keys or dashes around it.
    pub(super) indent: usize,
    /// Where the member begins: its key, the `?` before it, or its dash.
    pub(super) start: usize,
    /// Behind the colon or dash. In flow collections, `None` for an item, and for a key without a colon.
    pub(super) gap: Option<usize>,
    /// Where the member's text ends, with the comments that are in it: behind a block scalar's last line, otherwise
    /// before a line break.
    pub(super) end: usize,
}

impl Seat {
    /// The seat of `member` of `parent`; `None` where the text is not laid out as expected.
    pub(super) fn of(tree: &Tree<'_>, parent: NodeId, member: Member) -> Option<Self> {
        let collection = tree.node(parent).collection()?;
        let is_flow = collection.layout == Layout::Flow;
        let (start, gap) = match member.key {
            Some(key) => (key_start(tree, key), colon_end(tree, key)),
            None if is_flow => (tree.node(member.node).full_span().start, None),
            None => {
                let dash = find_dash(tree, parent, collection, member.item)?;
                (dash, Some(dash + 1))
            }
        };
        let position = match (is_flow, member.key) {
            (true, _) => Position::Flow,
            (false, Some(_)) => Position::MapValue,
            (false, None) => Position::ListItem,
        };
        if !is_flow && gap.is_none() {
            return None;
        }
        // A comment below the dash of the next member can be in this one, if it stands deep enough.
        let own_end = |end: usize| end.max(gap.unwrap_or_default()).max(start);
        let next = collection.items.iter().skip(member.item + 1).find_map(|item| match *item {
            Item::Entry(key, _) => Some(key_start(tree, key)),
            Item::Element(_) => Some(skip_gaps(tree.text(), own_end(content_end(tree, member.node, 0)))),
            Item::Comment(_) => None,
        });
        let end = own_end(content_end(tree, member.node, next.unwrap_or(usize::MAX)));
        Some(Self { node: member.node, position, indent: collection.column, start, gap, end })
    }
}

/// From the `?` of an explicit key, or from the key.
fn key_start(tree: &Tree<'_>, key: NodeId) -> usize {
    let start = tree.node(key).full_span().start;
    let before = tree.text().get(..start).unwrap_or_default();
    let trimmed = before.trim_end_matches([' ', '\t', '\n', '\r']);
    let is_explicit = trimmed.len() < before.len() && trimmed.ends_with('?');
    let head = trimmed.strip_suffix('?').unwrap_or_default();
    if is_explicit && (head.is_empty() || head.ends_with([' ', '\n', '\r', '{', '[', ',', '\u{FEFF}'])) {
        head.len()
    } else {
        start
    }
}

/// Behind the colon of a key, if it has one.
fn colon_end(tree: &Tree<'_>, key: NodeId) -> Option<usize> {
    let end = tree.node(key).span.end;
    let at = skip_gaps(tree.text(), end);
    tree.text().get(at..)?.starts_with(':').then_some(at + 1)
}

/// The dash of the item at `item`.
fn find_dash(tree: &Tree<'_>, list: NodeId, collection: &Collection, item: usize) -> Option<usize> {
    let before = collection.items.get(..item)?.iter().rev().find_map(|item| match item {
        Item::Element(node) => Some(*node),
        _ => None,
    });
    let at = match before {
        Some(previous) => skip_gaps(tree.text(), content_end(tree, previous, 0)),
        None => {
            let start = line_start(tree.text(), tree.node(list).span.start);
            let line = tree.text().get(start..)?.trim_start_matches('\u{FEFF}');
            let column = line.char_indices().nth(collection.column)?.0;
            tree.text().len() - line.len() + column
        }
    };
    tree.text().get(at..)?.starts_with('-').then_some(at)
}

/// Past blanks, line breaks and comments.
pub(super) fn skip_gaps(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        at += blanks;
        let is_comment = text.get(at..).is_some_and(|rest| rest.starts_with('#'));
        if !is_comment || !text.get(..at).is_some_and(|before| before.ends_with([' ', '\t', '\r', '\n'])) {
            return at;
        }
        at = line_end(text, at);
    }
}

/// Where the text of a node ends, with the comments that are in it and start before `limit`. A block scalar ends behind its last line break, but
/// before blank lines that are not part of its text.
pub(super) fn content_end(tree: &Tree<'_>, id: NodeId, limit: usize) -> usize {
    let node = tree.node(id);
    let Some(collection) = node.collection() else { return node.text_span(tree.text()).end };
    if collection.layout == Layout::Flow {
        return node.span.end;
    }
    let ends = collection.items.iter().map(|item| match *item {
        Item::Comment(comment) => Some(tree.comment(comment).0)
            .filter(|span| is_inside(tree.text(), collection, *span, limit))
            .map_or(0, |span| span.end),
        // An absent value is placed before its colon.
        Item::Entry(key, value) if tree.node(value).is_absent() => colon_end(tree, key).unwrap_or_default(),
        Item::Entry(_, value) | Item::Element(value) => content_end(tree, value, limit),
    });
    ends.max().unwrap_or(node.span.end)
}

/// Whether a comment of a collection goes with it: go-yaml gives it some that stand to its left, too.
fn is_inside(text: &str, collection: &Collection, comment: Span, limit: usize) -> bool {
    let head = Span::new(line_start(text, comment.start), comment.start).of(text);
    let is_alone = head.trim_matches([' ', '\t']).is_empty();
    comment.start < limit && !(is_alone && head.len() < collection.column)
}

/// The lines from the one of `start` to the one of `end`, which is the end of some content. Told apart: whether content
/// stands before `start` on its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines {
    /// From the start of the line, or from `start` if something else stands before it, to behind the last line break.
    pub(super) span: Span,
    pub(super) starts_line: bool,
}

pub(super) fn lines(text: &str, start: usize, end: usize) -> Lines {
    let first = line_start(text, start);
    let head = Span::new(first, start).of(text);
    let starts_line = head.trim_matches([' ', '\t']).is_empty();
    let is_marked = head.starts_with('\u{FEFF}');
    let start = if starts_line { first } else { start };
    Lines { span: Span::new(start, behind_line(text, end)), starts_line: starts_line || is_marked }
}

/// Behind the break of the line on which content ends at `end`.
pub(super) fn behind_line(text: &str, end: usize) -> usize {
    if ends_line(text, end) { end } else { after_break(text, line_end(text, end)) }
}

/// Whether a line ends right before `at`.
pub(super) fn ends_line(text: &str, at: usize) -> bool {
    text.get(..at).is_some_and(|before| before.ends_with(['\n', '\r']))
}

pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind(['\n', '\r'])).map_or(0, |at| at + 1)
}

pub(super) fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find(['\n', '\r'])).map_or(text.len(), |length| at + length)
}

/// What the lines `below` a value mean to a block scalar at `indent`.
pub(crate) fn follow(below: &str, indent: usize) -> Follow {
    let is_blank = |line: &str| line.trim_matches([' ', '\t', '\r']).is_empty();
    let mut lines = below.split('\n');
    if let Some(next) = lines.find(|line| !is_blank(line)) {
        let trimmed = next.trim_start_matches(' ');
        if trimmed.starts_with('#') && next.len() - trimmed.len() > indent {
            return Follow::DeepComment;
        }
    }
    let first = below.split('\n').next().unwrap_or_default();
    if is_blank(first) && !below.is_empty() { Follow::BlankLines } else { Follow::Clear }
}

/// How a scalar is spelt, so that another text can be spelt alike.
pub(crate) fn spelling(text: &str, node: &Node<'_>) -> Spelling {
    let Kind::Scalar { style, .. } = node.kind else { return Spelling::Plain };
    match style {
        ScalarStyle::Plain => Spelling::Plain,
        ScalarStyle::SingleQuoted => Spelling::SingleQuoted,
        ScalarStyle::DoubleQuoted => Spelling::DoubleQuoted,
        ScalarStyle::Literal | ScalarStyle::Folded => header(text, node).map_or(Spelling::Plain, |header| {
            let block = node.span.of(text);
            let content = block.get(after_break(block, header.end)..).unwrap_or_default();
            let line = content.lines().find(|line| !line.trim_start_matches(' ').is_empty()).unwrap_or_default();
            let column = line.len() - line.trim_start_matches(' ').len();
            Spelling::Block { header, column }
        }),
    }
}

/// The header of a block scalar.
pub(super) fn header(text: &str, node: &Node<'_>) -> Option<BlockHeader> {
    match node.kind {
        Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } => {
            parse_block_header(node.span.of(text))
        }
        _ => None,
    }
}
