//! Another value in the place of one that is there, be it null.

use zeroize::Zeroize as _;

use super::{
    Layouter,
    seat::{Seat, ends_line, follow, header, line_end, spelling},
};
use crate::{
    base::span::Span,
    document::{
        edit::Edit,
        yaml::{
            emit::{Place, Position, Spelling, Value, push_node, push_respelled},
            scalar::Scalar,
            tree::{Layout, Node, after_break},
        },
    },
};

impl Layouter<'_, '_> {
    /// Puts `value` on `seat`. Anchor and tag of the old value go with it.
    pub(super) fn replace(&self, seat: &Seat, value: &Value) -> Vec<Edit> {
        self.replace_inline(seat, value).map_or_else(|| vec![self.replace_lines(seat, value)], |edit| vec![edit])
    }

    /// For a value of one line in the place of one that has no lines of its own: nothing else moves.
    fn replace_inline(&self, seat: &Seat, value: &Value) -> Option<Edit> {
        let text = self.tree.text();
        let node = self.tree.node(seat.node);
        let is_flow = seat.position == Position::Flow;
        if !is_flow && (has_lines(text, node) || is_block(value)) {
            return None;
        }
        let mut spelt = self.spell(node, value, &self.place(seat));
        if !is_flow && spelt.contains(['\n', '\r']) {
            spelt.zeroize();
            return None;
        }
        let full = node.full_span();
        if !full.is_empty() {
            // Behind `"key":` a blank may be missing, but not before a plain scalar.
            let is_tight = seat.gap == Some(full.start) && !spelt.starts_with(['"', '\'', '{', '[']);
            spelt.insert_str(0, if is_tight { " " } else { "" });
            return Some(Edit::new(full, spelt));
        }
        spelt.insert_str(0, if seat.gap.is_some() { " " } else { ": " });
        Some(Edit::insert(seat.gap.unwrap_or(full.end), spelt))
    }

    /// The general case, in a block collection: everything from the colon or dash to the end of the last line.
    fn replace_lines(&self, seat: &Seat, value: &Value) -> Edit {
        let text = self.tree.text();
        let gap = seat.gap.unwrap_or(seat.start);
        let mut end = seat.end;
        let mut comments = self.comments_to_keep(seat, gap);
        let mut ending = "";
        if ends_line(text, end) {
            ending = self.tree.newline();
        } else {
            let line_end = line_end(text, end);
            comments.push_str(Span::new(end, line_end).of(text).trim_end());
            end = line_end;
        }
        let below = if ending.is_empty() { after_break(text, end) } else { end };
        let below = text.get(below..).unwrap_or_default();
        let place = Place { line_comment: &comments, follow: follow(below, seat.indent), ..self.place(seat) };
        let mut out = String::new();
        match value {
            _ if is_block(value) => {
                if seat.position == Position::ListItem {
                    out.push(' ');
                    if !comments.is_empty() {
                        out.push_str(comments.trim_start());
                        out.push_str(self.tree.newline());
                        out.extend(std::iter::repeat_n(' ', seat.indent + 2));
                    }
                }
                push_node(&mut out, value, &place);
            }
            _ => {
                out.push(' ');
                let mut spelt = self.spell(self.tree.node(seat.node), value, &place);
                out.push_str(&spelt);
                spelt.zeroize();
            }
        }
        out.push_str(ending);
        if ending.is_empty() && end == text.len() && ends_in_lines(value) {
            out.push_str(self.tree.newline());
        }
        comments.zeroize();
        Edit::new(Span::new(gap, end), out)
    }

    /// The comments around the old value that do not go with it, each with the blanks before it.
    fn comments_to_keep(&self, seat: &Seat, gap: usize) -> String {
        let text = self.tree.text();
        let node = self.tree.node(seat.node);
        let is_collection = node.collection().is_some_and(|collection| collection.layout == Layout::Block);
        let until = if is_collection { node.span.start.min(line_end(text, gap)) } else { node.span.start };
        let mut kept = String::new();
        let between = self.tree.comments().iter().map(|comment| comment.span);
        let first = self.tree.comments().partition_point(|comment| comment.span.start < gap);
        for comment in between.skip(first).take_while(|span| span.end <= until) {
            push_comment(&mut kept, text, comment);
        }
        if let Some(comment) = header(text, node).and_then(|header| header.comment) {
            push_comment(&mut kept, text, Span::new(node.span.start + comment.start, node.span.start + comment.end));
        }
        kept
    }

    /// The value without the blank before it; a string as the old one was spelt.
    pub(super) fn spell(&self, old: &Node<'_>, value: &Value, place: &Place<'_>) -> String {
        let mut out = String::new();
        match value {
            Value::Scalar(Scalar::Str(text)) => {
                let like = if place.position == Position::Flow {
                    flow_spelling(self.tree.text(), old)
                } else {
                    spelling(self.tree.text(), old)
                };
                push_respelled(&mut out, text, &like, place);
            }
            _ => push_node(&mut out, value, place),
        }
        out
    }

    pub(super) fn place(&self, seat: &Seat) -> Place<'static> {
        Place { step: self.step, newline: self.tree.newline(), ..Place::new(seat.position, seat.indent) }
    }
}

fn flow_spelling(text: &str, old: &Node<'_>) -> Spelling {
    match spelling(text, old) {
        Spelling::Block { .. } => Spelling::Plain,
        other => other,
    }
}

fn push_comment(out: &mut String, text: &str, comment: Span) {
    let before = text.get(..comment.start).unwrap_or_default();
    let blanks = before.get(before.trim_end_matches([' ', '\t']).len()..).unwrap_or_default();
    let is_first = out.is_empty();
    out.push_str(if blanks.is_empty() || !is_first { " " } else { blanks });
    out.push_str(comment.of(text));
}

/// Whether a node takes lines of its own: a block scalar or block collection.
fn has_lines(text: &str, node: &Node<'_>) -> bool {
    header(text, node).is_some() || node.collection().is_some_and(|collection| collection.layout == Layout::Block)
}

/// Whether a value is written as a block collection where it can be.
fn is_block(value: &Value) -> bool {
    match value {
        Value::Scalar(_) => false,
        Value::Map(entries) => !entries.is_empty(),
        Value::List(items) => !items.is_empty(),
    }
}

/// Whether the spelling of a value can end in a block scalar, which needs its last line break.
pub(super) fn ends_in_lines(value: &Value) -> bool {
    match value {
        Value::Scalar(Scalar::Str(text)) => text.contains('\n'),
        Value::Scalar(Scalar::Bytes(_)) => true,
        Value::Scalar(_) => false,
        Value::Map(entries) => entries.last().is_some_and(|(_, value)| ends_in_lines(value)),
        Value::List(items) => items.last().is_some_and(ends_in_lines),
    }
}
