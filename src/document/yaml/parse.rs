//! From events to the tree: who contains whom, and whose each comment is.
//!
//! SOPS binds an encrypted comment to the path of the collection that go-yaml gives it to, so the tree gives it to the
//! same one: a comment on the line of a value comes before that value, one above a key belongs to the key's mapping, and
//! one that is indented deeper than what follows belongs to the collection that ended there.

use std::collections::HashMap;

use super::{
    event::{Event, Events, Placed},
    scalar::ScalarStyle,
    tab::refuse_tabs,
    tree::{Collection, Comment, CommentId, Document, Item, Kind, Layout, Node, NodeId, Text, Tree, after_break},
};
use crate::{
    base::span::Span,
    document::error::{DocumentError, Fault},
};

/// The largest text that is read, in bytes: larger ones are no GitOps documents, and offsets stay small.
pub const TEXT_LIMIT_BYTES: usize = 1 << 30;

impl<'t> Tree<'t> {
    /// Reads `text`, which may hold several documents and begin with a byte order mark.
    ///
    /// # Errors
    /// [`DocumentError`] where it is not YAML 1.1 as go-yaml v3 reads it, or is beyond a bound: [`TEXT_LIMIT_BYTES`],
    /// 255 collections of one kind within each other.
    ///
    /// # Source
    /// YAML 1.2.2, and go-yaml v3.0.4 where they differ.
    pub fn parse(text: &'t str) -> Result<Self, DocumentError> {
        if text.len() > TEXT_LIMIT_BYTES {
            return Err(DocumentError::at(text, 0, Fault::TooLarge(TEXT_LIMIT_BYTES)));
        }
        let mut events = Events::of(text);
        let mut builder = Builder::new(text);
        while let Some(placed) = events.next()? {
            builder.take(placed)?;
        }
        let tree = builder.finish();
        refuse_ambiguous_breaks(&tree)?;
        refuse_tabs(&tree)?;
        Ok(tree)
    }
}

/// U+0085, U+2028 and U+2029 end a line in YAML 1.1 and so for SOPS and Flux, but not in YAML 1.2. The latter two are
/// read, as Go reads them, in single quotes on one line, where SOPS itself writes them.
fn refuse_ambiguous_breaks(tree: &Tree<'_>) -> Result<(), DocumentError> {
    let text = tree.text;
    // All three begin with one of two bytes that are rare in practice.
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|rest| rest.iter().position(|byte| matches!(byte, 0xC2 | 0xE2))) {
        let offset = from + at;
        let found = text.get(offset..).and_then(|rest| rest.chars().next()).filter(is_ambiguous_break);
        if let Some(found) = found
            && (found == '\u{85}' || !is_in_single_quotes(tree, offset))
        {
            return Err(DocumentError::at(text, offset, Fault::AmbiguousLineBreak(u32::from(found))));
        }
        from = offset + 1;
    }
    Ok(())
}

const fn is_ambiguous_break(character: &char) -> bool {
    matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether `offset` is within a single-quoted scalar on one line.
fn is_in_single_quotes(tree: &Tree<'_>, offset: usize) -> bool {
    // Nodes stand in the order of the text, but for their ends; the scalar is the last one that begins before.
    let after = tree.nodes.partition_point(|node| node.span.start <= offset);
    let Some(node) = after.checked_sub(1).and_then(|at| tree.nodes.get(at)) else { return false };
    matches!(node.kind, Kind::Scalar { style: ScalarStyle::SingleQuoted, .. })
        && offset < node.span.end
        && !node.span.of(tree.text).contains(['\n', '\r'])
}

struct Builder<'t> {
    tree: Tree<'t>,
    /// Open collections, outermost first.
    open: Vec<Frame>,
    /// Block collections that ended since the last content, innermost first: a comment that is indented deep enough
    /// belongs to one of them.
    closed: Vec<Closed>,
    /// Comments on lines of their own since the last content.
    pending: Vec<PendingComment>,
    /// What a comment on the same line would stand beside, and where that ends.
    beside: Beside,
    content_end: usize,
    /// Whether the last content was a dash with nothing behind it: comments then go with what follows.
    is_after_nothing: bool,
    anchors: HashMap<usize, NodeId>,
    document: Option<DocumentDraft>,
}

/// A collection whose end has not come yet. Its node is there already, with the members so far.
struct Frame {
    node: NodeId,
    is_mapping: bool,
    layout: Layout,
    column: usize,
    key: Option<NodeId>,
    /// Comments on the line of the key that waits for its value.
    key_line: Vec<CommentId>,
    /// Whether the collection is itself a key of the one around it.
    is_key: bool,
}

#[derive(Clone, Copy)]
struct Closed {
    node: NodeId,
    /// Whether it is a list at the column of its key, which is no level of indentation of its own.
    is_indentless: bool,
}

#[derive(Clone, Copy)]
struct PendingComment {
    id: CommentId,
    column: usize,
    /// Whether the line above is blank.
    follows_blank: bool,
    /// Whether the line above ends in `\r\n`.
    follows_crlf: bool,
    /// Whether it stands between a key and its value.
    is_below_key: bool,
}

/// What comments on lines of their own speak of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SpeaksOf {
    /// The content before.
    Before,
    /// The collection that ended at their column, or what follows.
    Level,
    /// The content behind.
    After,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// The start of a document, a dash or an opening bracket: the comment goes with what follows.
    Nothing,
    /// A key without its value so far.
    Key,
    /// The last member of this collection.
    LastOf(NodeId),
    /// A flow collection that has just ended.
    FlowEnd(NodeId),
}

struct DocumentDraft {
    start: usize,
    root: Option<NodeId>,
}

/// Where a new node belongs.
enum Role {
    Root,
    Key,
    Value(NodeId),
    Element,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Self {
        let tree = Tree {
            text,
            nodes: Vec::new(),
            comments: Vec::new(),
            documents: Vec::new(),
            foreign_version: None,
            bare_document: None,
        };
        Self {
            tree,
            open: Vec::new(),
            closed: Vec::new(),
            pending: Vec::new(),
            beside: Beside::Nothing,
            content_end: 0,
            is_after_nothing: false,
            anchors: HashMap::new(),
            document: None,
        }
    }

    fn take(&mut self, placed: Placed<'t>) -> Result<(), DocumentError> {
        match placed.event {
            Event::DocumentStart { marker, is_foreign } => {
                if is_foreign {
                    self.tree.foreign_version.get_or_insert(placed.span.start);
                }
                self.start_document(marker);
            }
            Event::DocumentEnd { marker: Some(marker) } => self.end_document(marker.start),
            // Without a marker, the document goes on to the next one's: the comments up to there are its own.
            Event::DocumentEnd { marker: None } => {}
            Event::Comment => self.take_comment(placed.span, placed.column),
            Event::Scalar { .. } | Event::Alias { .. } => self.take_leaf(placed)?,
            Event::MappingStart(_) | Event::SequenceStart(_) => self.open_collection(placed),
            Event::MappingEnd | Event::SequenceEnd => self.close_collection(placed.span),
        }
        Ok(())
    }

    /// The tree, when the text has ended.
    fn finish(mut self) -> Tree<'t> {
        self.end_document(self.tree.text.len());
        // Comments behind the last `...` are in no document; the last one takes care of them.
        if let Some(last) = self.tree.documents.last_mut() {
            last.comments.extend(self.pending.drain(..).map(|comment| comment.id));
        }
        self.tree
    }

    fn start_document(&mut self, marker: Option<Span>) {
        let start = marker.map_or(self.content_end, |marker| marker.end);
        if marker.is_none() && !self.tree.documents.is_empty() {
            self.tree.bare_document.get_or_insert(start);
        }
        self.end_document(marker.map_or(start, |marker| marker.start));
        self.document = Some(DocumentDraft { start, root: None });
        self.anchors.clear();
        self.beside = Beside::Nothing;
        self.content_end = start;
    }

    fn end_document(&mut self, end: usize) {
        let Some(document) = self.document.take() else { return };
        let root = document.root.unwrap_or_else(|| self.add_absent(document.start));
        self.tree.documents.push(Document { span: Span::new(document.start, end), root, comments: Vec::new() });
        // Encryption puts the `sops` key behind the last comment, and there SOPS will read it.
        self.settle_pending(0);
        self.beside = Beside::Nothing;
        self.content_end = end;
    }

    fn add_absent(&mut self, offset: usize) -> NodeId {
        let kind = Kind::Scalar { text: Text::Borrowed(""), style: ScalarStyle::Plain };
        self.add(Node { span: Span::new(offset, offset), properties: None, kind })
    }

    fn add(&mut self, node: Node<'t>) -> NodeId {
        // The text is shorter than 2³⁰ bytes, and every node but a few per document takes one of them.
        let id = NodeId(u32::try_from(self.tree.nodes.len()).unwrap_or(u32::MAX));
        self.tree.nodes.push(node);
        id
    }

    fn items_of(&mut self, id: NodeId) -> Option<&mut Vec<Item>> {
        match &mut self.tree.nodes.get_mut(id.0 as usize)?.kind {
            Kind::Mapping(collection) | Kind::Sequence(collection) => Some(&mut collection.items),
            _ => None,
        }
    }

    fn push_item(&mut self, collection: NodeId, item: Item) {
        if let Some(items) = self.items_of(collection) {
            items.push(item);
        }
    }

    /// Gives each waiting comment to its collection. `next_column` is where the next content stands.
    fn settle_pending(&mut self, next_column: usize) {
        let closed = std::mem::take(&mut self.closed);
        if self.pending.is_empty() {
            return;
        }
        let innermost = closed.first().map(|closed| closed.node).or_else(|| self.open.last().map(|frame| frame.node));
        let indent = innermost.map_or(0, |id| self.column_of(id));
        let pending = std::mem::take(&mut self.pending);
        let mut run = pending.as_slice();
        let mut levels = closed.as_slice();
        while let Some(first) = run.first() {
            let (length, speaks_of) = self.first_piece(run, run.len() == pending.len(), indent, next_column);
            let owner = match speaks_of {
                SpeaksOf::Before => innermost,
                SpeaksOf::Level => self.take_level(&mut levels, first.column),
                SpeaksOf::After => None,
            };
            let (piece, rest) = run.split_at_checked(length.max(1)).unwrap_or((run, &[]));
            for comment in piece {
                self.give(comment.id, owner);
            }
            run = rest;
        }
    }

    /// The collection that ended at that column, once; then only those around it are left.
    fn take_level(&self, levels: &mut &[Closed], column: usize) -> Option<NodeId> {
        let is_level = |closed: &Closed| !closed.is_indentless && self.column_of(closed.node) == column;
        let at = levels.iter().position(is_level)?;
        let (taken, rest) = levels.split_at_checked(at + 1)?;
        *levels = rest;
        taken.last().map(|closed| closed.node)
    }

    /// How many comments of `run` belong together, and what they speak of.
    ///
    /// go-yaml takes comments for those of the content before when a blank line follows them and none precedes them, or
    /// when what follows is indented less than that content, and otherwise than they are.
    fn first_piece(
        &self,
        run: &[PendingComment],
        is_start: bool,
        indent: usize,
        next_column: usize,
    ) -> (usize, SpeaksOf) {
        let Some(first) = run.first() else { return (0, SpeaksOf::After) };
        let is_dedented = first.column < indent;
        let can_end = is_dedented || is_start && !first.is_below_key;
        let at_blank = if is_dedented { SpeaksOf::Level } else { SpeaksOf::Before };
        let at_dedent = if is_start { SpeaksOf::Before } else { SpeaksOf::Level };
        let mut is_unbroken = !first.follows_blank;
        for (index, comment) in run.iter().enumerate().skip(1) {
            // go-yaml takes `\r\n` for two breaks here, and so for a blank line.
            if comment.follows_blank || comment.follows_crlf {
                if is_unbroken && can_end {
                    return (index, at_blank);
                }
                is_unbroken = false;
            }
            if comment.column < indent && comment.column != first.column {
                return (index, at_dedent);
            }
        }
        let last = run.last().unwrap_or(first);
        let end = self.tree.comment(last.id).0.end;
        let is_before_blank = self.is_before_blank(end);
        let is_left = next_column < indent && next_column != first.column;
        let speaks_of = match (is_before_blank && is_unbroken && can_end, is_left) {
            (true, _) => at_blank,
            (false, true) => at_dedent,
            (false, false) => SpeaksOf::After,
        };
        (run.len(), speaks_of)
    }

    /// Whether the line below a comment that ends at `end` is blank, for go-yaml.
    fn is_before_blank(&self, end: usize) -> bool {
        let below = after_break(self.tree.text, end);
        let rest = self.tree.text.get(below..).unwrap_or_default().trim_start_matches([' ', '\t']);
        below > end + 1 || below > end && rest.starts_with(['\n', '\r'])
    }

    /// Makes a comment a member of `owner`, or of what is open, or of the document.
    fn give(&mut self, comment: CommentId, owner: Option<NodeId>) {
        let item = Item::Comment(comment);
        if let Some(owner) = owner.or_else(|| self.open.last().map(|frame| frame.node)) {
            self.push_item(owner, item);
        } else if let Some(root) = self.tree.documents.last().map(|document| document.root) {
            match self.items_of(root) {
                Some(items) => items.push(item),
                None => self.push_stray(comment),
            }
        }
    }

    fn push_stray(&mut self, comment: CommentId) {
        if let Some(document) = self.tree.documents.last_mut() {
            document.comments.push(comment);
        }
    }

    fn column_of(&self, id: NodeId) -> usize {
        self.tree.node(id).collection().map_or(0, |collection| collection.column)
    }

    fn take_comment(&mut self, span: Span, column: usize) {
        let id = CommentId(u32::try_from(self.tree.comments.len()).unwrap_or(u32::MAX));
        self.tree.comments.push(Comment { span });
        let in_flow = self.open.last().filter(|frame| frame.layout == Layout::Flow).map(|frame| frame.node);
        match (self.is_beside(span), in_flow) {
            (Some(Beside::Key), _) => {
                if let Some(frame) = self.open.last_mut() {
                    frame.key_line.push(id);
                }
            }
            (Some(Beside::LastOf(owner)), _) => {
                if let Some(items) = self.items_of(owner) {
                    let at = items.iter().rposition(|item| !matches!(item, Item::Comment(_)));
                    items.insert(at.unwrap_or(items.len()), Item::Comment(id));
                }
            }
            (Some(Beside::FlowEnd(owner)), _) => {
                if let Some(items) = self.items_of(owner) {
                    items.insert(0, Item::Comment(id));
                }
            }
            (_, Some(flow)) => self.push_item(flow, Item::Comment(id)),
            // Beside a dash, a marker or an anchor: it goes with what follows, whatever its column.
            (Some(Beside::Nothing), None) => self.wait(id, 0, span),
            (None, None) => self.wait(id, column, span),
        }
    }

    fn wait(&mut self, id: CommentId, column: usize, span: Span) {
        let before = self.tree.text.get(..span.start).unwrap_or_default().trim_end_matches([' ', '\t']);
        let above = before.strip_suffix("\r\n").or_else(|| before.strip_suffix(['\n', '\r']));
        let above = above.map(|above| above.trim_end_matches([' ', '\t']));
        let follows_blank = above.is_some_and(|above| above.ends_with(['\n', '\r']));
        let is_below_key = self.beside == Beside::Key;
        let column = if self.is_after_nothing { 0 } else { column };
        let follows_crlf = before.ends_with("\r\n");
        self.pending.push(PendingComment { id, column, follows_blank, follows_crlf, is_below_key });
    }

    /// What the comment stands beside; `None` if it has its line for itself.
    fn is_beside(&self, comment: Span) -> Option<Beside> {
        let before = self.tree.text.get(..comment.start)?.trim_end_matches([' ', '\t']);
        if before.is_empty() || before.ends_with(['\n', '\r', '\u{FEFF}']) {
            return None;
        }
        // The header of a block scalar can have a comment, which then starts before the content ends.
        let between = self.tree.text.get(self.content_end..comment.start).unwrap_or_default();
        if self.beside == Beside::Key && between.trim() == ":" {
            // The value of an explicit key, on a line of its own.
            return Some(Beside::Key);
        }
        let after_colon = between.trim_start_matches([' ', '\t', ':']);
        // Behind an anchor or a tag, it is one of the value.
        let is_behind_properties = self.beside == Beside::Key && !after_colon.is_empty();
        let is_elsewhere = between.contains(['\n', '\r']) || is_behind_properties;
        Some(if is_elsewhere { Beside::Nothing } else { self.beside })
    }

    fn role(&self) -> Role {
        match self.open.last() {
            None => Role::Root,
            Some(frame) if !frame.is_mapping => Role::Element,
            Some(frame) => frame.key.map_or(Role::Key, Role::Value),
        }
    }

    fn take_leaf(&mut self, placed: Placed<'t>) -> Result<(), DocumentError> {
        let Placed { event, span, column, anchor_number, properties } = placed;
        let kind = match event {
            Event::Alias { anchor } => Kind::Alias(self.target_of(anchor, span)?),
            Event::Scalar { text, style } => Kind::Scalar { text, style },
            _ => return Ok(()),
        };
        let node = self.add(Node { span, properties, kind });
        if anchor_number != 0 {
            self.anchors.insert(anchor_number, node);
        }
        let is_absent = self.tree.node(node).is_absent();
        let role = self.role();
        // A comment below `key:` or around `-` without content goes with what follows.
        self.is_after_nothing = is_absent && matches!(role, Role::Element);
        if is_absent {
            self.pending.iter_mut().for_each(|comment| comment.column = 0);
        } else {
            self.settle_for(&role, column);
            self.content_end = span.end;
        }
        self.place(node, &role);
        Ok(())
    }

    fn target_of(&self, anchor: usize, alias: Span) -> Result<NodeId, DocumentError> {
        let fault = |fault| DocumentError::at(self.tree.text, alias.start, fault);
        let target = self.anchors.get(&anchor).copied();
        let target = target.ok_or_else(|| fault(Fault::Syntax("an alias without its anchor".to_owned())))?;
        if self.open.iter().any(|frame| frame.node == target) {
            return Err(fault(Fault::RecursiveAlias));
        }
        Ok(target)
    }

    /// Comments that waited belong before a key, an element, or the value of a key.
    fn settle_for(&mut self, role: &Role, column: usize) {
        let Some(frame) = self.open.last() else { return };
        let next = match role {
            Role::Root => return,
            // In brackets, columns say nothing.
            Role::Key if frame.layout == Layout::Flow => column,
            Role::Key | Role::Element | Role::Value(_) => frame.column,
        };
        self.settle_pending(next);
    }

    /// Makes a leaf or a collection that begins a member of what is open.
    fn place(&mut self, node: NodeId, role: &Role) {
        let Some(frame) = self.open.last_mut() else {
            if let Some(document) = &mut self.document {
                document.root = Some(node);
            }
            return;
        };
        let owner = frame.node;
        match role {
            Role::Root => {}
            Role::Key => {
                frame.key = Some(node);
                self.beside = Beside::Key;
            }
            Role::Value(key) => {
                frame.key = None;
                let key_line = std::mem::take(&mut frame.key_line);
                for comment in key_line {
                    self.push_item(owner, Item::Comment(comment));
                }
                self.push_item(owner, Item::Entry(*key, node));
                self.beside = Beside::LastOf(owner);
            }
            Role::Element => {
                self.push_item(owner, Item::Element(node));
                self.beside = Beside::LastOf(owner);
            }
        }
    }

    fn open_collection(&mut self, placed: Placed<'t>) {
        let Placed { event, span, column, anchor_number, properties } = placed;
        let (is_mapping, layout) = match event {
            Event::MappingStart(layout) => (true, layout),
            Event::SequenceStart(layout) => (false, layout),
            _ => return,
        };
        let is_value = matches!(self.role(), Role::Key | Role::Value(_));
        let is_block_list = !is_mapping && layout == Layout::Block;
        let column = if is_block_list && is_value { self.dash_column(span.start) } else { column };
        let collection = Collection { items: Vec::new(), layout, column };
        let kind = if is_mapping { Kind::Mapping(collection) } else { Kind::Sequence(collection) };
        let node = self.add(Node { span, properties, kind });
        if anchor_number != 0 {
            self.anchors.insert(anchor_number, node);
        }
        let role = self.role();
        // Below a key, a waiting comment belongs to the collection that now begins.
        if matches!(role, Role::Element | Role::Key) {
            self.settle_for(&role, column);
        }
        self.place(node, &role);
        let is_key = matches!(role, Role::Key);
        self.open.push(Frame { node, is_mapping, layout, column, key: None, key_line: Vec::new(), is_key });
        self.beside = Beside::Nothing;
        self.content_end = self.content_end.max(span.end);
        if matches!(role, Role::Value(_)) {
            self.settle_pending(usize::MAX);
        }
    }

    /// A list at its key's column is placed behind its first dash by the parser. The dash is the first on its line, but
    /// for the indicator of an explicit key or its value.
    fn dash_column(&self, start: usize) -> usize {
        let before = self.tree.text.get(..start).unwrap_or_default();
        let line_start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let line = self.tree.text.get(line_start..).unwrap_or_default().trim_start_matches('\u{FEFF}');
        let indicator = |character: char| matches!(character, ' ' | '\t' | '?' | ':');
        line.chars().take_while(|character| indicator(*character)).count()
    }

    fn close_collection(&mut self, end: Span) {
        let Some(frame) = self.open.pop() else { return };
        let is_bracketed = self.tree.node(frame.node).span.of(self.tree.text).starts_with(['{', '[']);
        let content_end = if is_bracketed { end.end } else { self.content_end };
        if let Some(node) = self.tree.nodes.get_mut(frame.node.0 as usize) {
            node.span.end = content_end.max(node.span.start);
        }
        match frame.layout {
            Layout::Block => {
                let around = self.open.last().filter(|around| around.is_mapping && around.layout == Layout::Block);
                let is_indentless = !frame.is_mapping && around.is_some_and(|around| around.column == frame.column);
                self.closed.push(Closed { node: frame.node, is_indentless });
            }
            Layout::Flow => {
                self.content_end = content_end;
                self.beside = Beside::FlowEnd(frame.node);
            }
        }
        if frame.is_key {
            self.beside = Beside::Key;
        }
    }
}
