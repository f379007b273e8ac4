//! A YAML text as a tree of byte spans: what stands where, with the comments where SOPS counts them.

use zeroize::Zeroizing;

use super::scalar::ScalarStyle;
use crate::base::span::Span;

/// A YAML text and what stands in it. Borrows the text; knows nothing of encryption.
#[derive(Debug)]
pub struct Tree<'t> {
    pub(super) text: &'t str,
    pub(super) nodes: Vec<Node<'t>>,
    pub(super) comments: Vec<Comment>,
    pub(super) documents: Vec<Document>,
    /// Where a document begins whose `%YAML` directive asks for another version than 1.1.
    pub(super) foreign_version: Option<usize>,
    /// Where a document begins behind `...` without a `---`.
    pub(super) bare_document: Option<usize>,
}

/// The number of a node in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NodeId(pub(super) u32);

/// The number of a comment in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommentId(pub(super) u32);

/// One document of a YAML stream.
#[derive(Debug, Clone)]
pub struct Document {
    /// From behind the `---` marker, or from the start, to before `...`, the next `---`, or the end of the text.
    pub span: Span,
    /// The top-level node. Absent content is a null scalar with an empty span.
    pub root: NodeId,
    /// Comments that belong to no collection, in order: those of a document whose root is not one.
    pub comments: Vec<CommentId>,
}

/// A comment: `#` to the end of its line, without the line break.
#[derive(Debug, Clone, Copy)]
pub struct Comment {
    /// From the `#` on.
    pub span: Span,
}

/// A value, key, or collection.
#[derive(Debug)]
pub struct Node<'t> {
    /// The content without its anchor and tag. Quotes are inside; a block scalar runs from its `|` or `>` to the end of
    /// its lines, blank ones behind the text and the last line break included. Empty where the content is absent.
    pub span: Span,
    /// Anchor and tag, seldom there.
    pub properties: Option<Box<Properties>>,
    /// What it is.
    pub kind: Kind<'t>,
}

/// What stands before a node's content.
#[derive(Debug, Default)]
pub struct Properties {
    /// `&name`.
    pub anchor: Option<Span>,
    /// The tag as it is written.
    pub tag: Option<Span>,
    /// The tag without its prefix if it is one of YAML's own (`str`, `int`, `binary`, …); empty for `!` and custom tags.
    pub core_tag: Option<String>,
}

/// What a node is.
#[derive(Debug)]
pub enum Kind<'t> {
    /// A scalar: its text after unescaping, folding and chomping, and how it is written.
    Scalar {
        /// The text.
        text: Text<'t>,
        /// How it is written.
        style: ScalarStyle,
    },
    /// `*name`, and the node it stands for.
    Alias(NodeId),
    /// A mapping.
    Mapping(Collection),
    /// A sequence.
    Sequence(Collection),
}

/// A mapping's or sequence's members, comments included.
#[derive(Debug, Default)]
pub struct Collection {
    /// Members in SOPS' order: a comment beside a value comes before it.
    pub items: Vec<Item>,
    /// Whether it is written in `{}` or `[]`.
    pub layout: Layout,
    /// The column, from 0, at which a block collection's keys or dashes stand.
    pub column: usize,
}

/// How a collection is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// By indentation.
    #[default]
    Block,
    /// In brackets.
    Flow,
}

/// A member of a collection.
#[derive(Debug, Clone, Copy)]
pub enum Item {
    /// A comment.
    Comment(CommentId),
    /// A mapping's key and value.
    Entry(NodeId, NodeId),
    /// A sequence's element.
    Element(NodeId),
}

/// A scalar's text; wiped on drop where it is a copy.
#[derive(Debug)]
pub enum Text<'t> {
    /// As it stands in the document.
    Borrowed(&'t str),
    /// Unescaped, folded or unindented.
    Owned(Zeroizing<String>),
}

impl Text<'_> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl<'t> Tree<'t> {
    /// The text that was read.
    #[must_use]
    pub const fn text(&self) -> &'t str {
        self.text
    }

    /// Where the first document begins whose `%YAML` directive asks for another version than 1.1.
    #[must_use]
    pub const fn foreign_version(&self) -> Option<usize> {
        self.foreign_version
    }

    /// Where the first document begins that follows `...` without a `---` of its own, which go-yaml refuses.
    #[must_use]
    pub const fn bare_document(&self) -> Option<usize> {
        self.bare_document
    }

    /// The documents in order.
    #[must_use]
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// All comments in the order of the text.
    #[must_use]
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// The node of that number.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node<'t> {
        // Ids are only made by the builder of this tree; a foreign one reads as an absent node.
        self.nodes.get(id.0 as usize).unwrap_or(&ABSENT)
    }

    /// All nodes, in the order in which they were met.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Node<'t>> {
        self.nodes.iter()
    }

    /// The comment of that number: its span, and its text behind the `#`.
    #[must_use]
    pub fn comment(&self, id: CommentId) -> (Span, &'t str) {
        let span = self.comments.get(id.0 as usize).map_or(Span::new(0, 0), |comment| comment.span);
        (span, Span::new(span.start + 1, span.end).of(self.text))
    }

    /// The node itself, or the one that it is an alias of.
    #[must_use]
    pub fn resolve(&self, id: NodeId) -> &Node<'t> {
        let node = self.node(id);
        match node.kind {
            // An alias is always of a node with content, never of another alias.
            Kind::Alias(target) => self.node(target),
            _ => node,
        }
    }

    /// The indentation of one level: how much deeper the first nested block collection stands, that under a top-level
    /// key `except` set aside. `None` without one.
    #[must_use]
    pub fn step(&self, except: Option<&str>) -> Option<usize> {
        self.documents.iter().find_map(|document| self.step_within(self.resolve(document.root), except))
    }

    fn step_within(&self, node: &Node<'_>, except: Option<&str>) -> Option<usize> {
        let outer = node.collection().filter(|outer| outer.layout == Layout::Block)?;
        outer.items.iter().find_map(|item| {
            let (key, value) = match *item {
                Item::Comment(_) => return None,
                Item::Entry(key, value) => (Some(key), value),
                Item::Element(value) => (None, value),
            };
            let name = key.and_then(|key| match &self.node(key).kind {
                Kind::Scalar { text, .. } => Some(text.as_str()),
                _ => None,
            });
            if name.is_some() && name == except {
                return None;
            }
            let inner = self.node(value);
            let deeper =
                inner.collection().filter(|inner| inner.layout == Layout::Block)?.column.checked_sub(outer.column)?;
            if key.is_some() && deeper > 0 { Some(deeper) } else { self.step_within(inner, None) }
        })
    }

    /// The line break that the text uses: that of its first line, `\n` if there is only one line.
    #[must_use]
    pub fn newline(&self) -> &'static str {
        newline_of(self.text)
    }
}

/// The column at which the first line of a block scalar's text stands.
fn text_column(content: &str) -> usize {
    let first = content.lines().find(|line| !line.trim_start_matches(' ').is_empty());
    first.map_or(usize::MAX, |line| line.len() - line.trim_start_matches(' ').len())
}

/// The offset behind the line break at `at`, or `at` if there is none.
#[must_use]
pub fn after_break(text: &str, at: usize) -> usize {
    match text.get(at..) {
        Some(rest) if rest.starts_with("\r\n") => at + 2,
        Some(rest) if rest.starts_with(['\n', '\r']) => at + 1,
        _ => at,
    }
}

/// The line break of the first line of `text`; `\n` where there is none.
#[must_use]
pub fn newline_of(text: &str) -> &'static str {
    match text.find(['\n', '\r']) {
        Some(at) if text.get(at..at + 2) == Some("\r\n") => "\r\n",
        Some(at) if text.get(at..=at) == Some("\r") => "\r",
        _ => "\n",
    }
}

static ABSENT: Node<'static> = Node {
    span: Span::new(0, 0),
    properties: None,
    kind: Kind::Scalar { text: Text::Borrowed(""), style: ScalarStyle::Plain },
};

impl Node<'_> {
    /// Whether the node has no content of its own in the text: the null of `key:`.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.span.is_empty() && matches!(self.kind, Kind::Scalar { style: ScalarStyle::Plain, .. })
    }

    /// The tag if it is one of YAML's own, without its prefix.
    #[must_use]
    pub fn core_tag(&self) -> Option<&str> {
        self.properties.as_deref()?.core_tag.as_deref()
    }

    /// The collection, if it is one.
    #[must_use]
    pub const fn collection(&self) -> Option<&Collection> {
        match &self.kind {
            Kind::Mapping(collection) | Kind::Sequence(collection) => Some(collection),
            _ => None,
        }
    }

    /// What has to go when a scalar gets another text: its span, but for the blank lines behind a block scalar that
    /// chomps them, which are layout and not text.
    #[must_use]
    pub fn text_span(&self, text: &str) -> Span {
        if !matches!(self.kind, Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. }) {
            return self.span;
        }
        let block = self.span.of(text);
        let header_end = block.find(['\n', '\r']).unwrap_or(block.len());
        let keeps = block.split([' ', '\t', '#', '\n', '\r']).next().is_some_and(|header| header.contains('+'));
        if keeps {
            return self.span;
        }
        let has_indicator =
            block.get(..header_end).is_some_and(|header| header.contains(|next: char| next.is_ascii_digit()));
        let content_start = after_break(block, header_end);
        let content = block.get(content_start..).unwrap_or_default();
        let mut end = block.len();
        for line in content.split_inclusive('\n').rev() {
            let bare = line.trim_end_matches(['\n', '\r']);
            // Blanks beyond the column of the text are text.
            let is_layout = bare.is_empty()
                || !has_indicator && bare.bytes().all(|byte| byte == b' ') && bare.len() <= text_column(content);
            if !is_layout {
                break;
            }
            end -= line.len();
        }
        let end = self.span.start + end.max(content_start);
        Span::new(self.span.start, end)
    }

    /// From the anchor or tag, if there is one, to the end of the content.
    #[must_use]
    pub fn full_span(&self) -> Span {
        let starts = self.properties.as_deref().map(|properties| [properties.anchor, properties.tag]);
        let start = starts
            .into_iter()
            .flatten()
            .flatten()
            .map(|span| span.start)
            .min()
            .map_or(self.span.start, |start| start.min(self.span.start));
        Span::new(start, self.span.end)
    }
}
