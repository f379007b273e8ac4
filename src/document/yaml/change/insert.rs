//! A new member at the end of a collection.

use super::{
    Layouter,
    replace::ends_in_lines,
    seat::{Seat, content_end, ends_line, follow, header, line_end, line_start, skip_gaps},
};
use crate::{
    base::span::Span,
    document::{
        edit::Edit,
        yaml::{
            emit::{Chomping, Place, Position, Value, push_entry, push_item, push_node},
            tree::{Document, Item, Layout, NodeId, after_break},
        },
    },
};

/// What is added to a collection.
#[derive(Clone, Copy)]
pub(super) enum New<'v> {
    Entry(&'v str, &'v Value),
    Item(&'v Value),
}

impl New<'_> {
    fn push(&self, out: &mut String, place: &Place<'_>) {
        match self {
            New::Entry(key, value) => push_entry(out, key, value, place),
            New::Item(value) if place.position == Position::Flow => push_node(out, value, place),
            New::Item(value) => push_item(out, value, place),
        }
    }

    fn value(&self) -> &Value {
        match self {
            New::Entry(_, value) | New::Item(value) => value,
        }
    }
}

impl Layouter<'_, '_> {
    /// Adds `new` behind the last member of a collection that has one. `None` where there is no room for it.
    pub(super) fn append(&self, collection: NodeId, new: New<'_>) -> Option<Vec<Edit>> {
        let layout = self.tree.node(collection).collection()?.layout;
        if layout == Layout::Flow { self.append_in_flow(collection, new) } else { self.append_lines(collection, new) }
    }

    fn append_lines(&self, id: NodeId, new: New<'_>) -> Option<Vec<Edit>> {
        let text = self.tree.text();
        let newline = self.tree.newline();
        let indent = self.tree.node(id).collection()?.column;
        let end = content_end(self.tree, id, usize::MAX);
        let line_end = if ends_line(text, end) { end } else { line_end(text, end) };
        let at = if ends_line(text, end) { end } else { after_break(text, line_end) };
        let is_cut_off = at == line_end && !ends_line(text, end);
        let position = match new {
            New::Entry(..) => Position::MapValue,
            New::Item(_) => Position::ListItem,
        };
        let follow = follow(text.get(at..).unwrap_or_default(), indent);
        let place = Place { step: self.step, newline, follow, ..Place::new(position, indent) };
        let mut out = String::new();
        out.push_str(if is_cut_off { newline } else { "" });
        out.extend(std::iter::repeat_n(' ', indent));
        new.push(&mut out, &place);
        out.push_str(if !is_cut_off || ends_in_lines(new.value()) { newline } else { "" });
        let mut edits = vec![Edit::insert(at, out)];
        if is_cut_off {
            edits.extend(self.close_last_block(id));
        }
        Some(edits)
    }

    /// A block scalar without a line break behind its last line, at the end of the text, reads as if it said `-`. When
    /// something comes behind it, it has to say so.
    fn close_last_block(&self, id: NodeId) -> Option<Edit> {
        let node = self.tree.node(id);
        if let Some(collection) = node.collection() {
            let last = collection.items.iter().rev().find_map(|item| match item {
                Item::Entry(_, value) | Item::Element(value) => Some(*value),
                Item::Comment(_) => None,
            });
            return self.close_last_block(last?);
        }
        let text = self.tree.text();
        let header = header(text, node).filter(|header| header.chomping != Chomping::Strip)?;
        if node.span.end != text.len() {
            return None;
        }
        let indicators = node.span.of(text).split([' ', '\t', '\r', '\n']).next().unwrap_or_default();
        let end = node.span.start + indicators.len();
        Some(match header.chomping {
            Chomping::Keep => {
                let respelt = indicators.replace('+', "-");
                Edit::new(Span::new(node.span.start, end), respelt)
            }
            Chomping::Clip | Chomping::Strip => Edit::insert(end, "-".to_owned()),
        })
    }

    fn append_in_flow(&self, id: NodeId, new: New<'_>) -> Option<Vec<Edit>> {
        let text = self.tree.text();
        let node = self.tree.node(id);
        let collection = node.collection()?;
        if !node.span.of(text).starts_with(['{', '[']) {
            return None;
        }
        let place = Place { step: self.step, newline: self.tree.newline(), ..Place::new(Position::Flow, 0) };
        let mut out = String::new();
        new.push(&mut out, &place);
        let Some((item, last)) = collection.items.iter().enumerate().rev().find_map(|(number, item)| match *item {
            Item::Entry(key, node) => Some((number, (Some(key), node))),
            Item::Element(node) => Some((number, (None, node))),
            Item::Comment(_) => None,
        }) else {
            return Some(vec![Edit::insert(node.span.start + 1, out)]);
        };
        let seat = Seat::of(self.tree, id, super::find::Member { key: last.0, node: last.1, item })?;
        let end = seat.end.max(last.0.map_or(0, |key| self.tree.node(key).span.end));
        let comma = skip_gaps(text, end);
        let has_comma = text.get(comma..)?.starts_with(',');
        let start = line_start(text, seat.start);
        let indentation = Span::new(start, seat.start).of(text);
        let is_on_own_line = start > node.span.start && indentation.trim_matches([' ', '\t']).is_empty();
        let behind = if has_comma { comma + 1 } else { end };
        let mut edits = Vec::new();
        if is_on_own_line {
            if !has_comma {
                edits.push(Edit::insert(end, ",".to_owned()));
            }
            out.insert_str(0, &format!("{}{indentation}", self.tree.newline()));
            out.push_str(if has_comma { "," } else { "" });
            edits.push(Edit::insert(self.behind_comment(behind), out));
        } else {
            out.insert_str(0, if has_comma { " " } else { ", " });
            edits.push(Edit::insert(behind, out));
        }
        Some(edits)
    }

    /// Behind a comment that stands on the rest of the line, or else where we are.
    pub(super) fn behind_comment(&self, at: usize) -> usize {
        let text = self.tree.text();
        let rest = Span::new(at, line_end(text, at)).of(text);
        let is_comment = rest.trim_start_matches([' ', '\t']).starts_with('#') && rest.starts_with([' ', '\t']);
        if is_comment { at + rest.len() } else { at }
    }

    /// The first entry of a document that is empty, null, or `{}`.
    pub(super) fn fill_document(&self, document: &Document, key: &str, value: &Value) -> Vec<Edit> {
        let text = self.tree.text();
        let newline = self.tree.newline();
        let root = self.tree.node(document.root);
        let is_absent = root.full_span().is_empty();
        let at = if is_absent { Span::new(document.span.end, document.span.end) } else { root.full_span() };
        let rest_end = if is_absent { at.end } else { line_end(text, at.end) };
        let comment = Span::new(at.end, rest_end).of(text).trim_matches([' ', '\t']);
        let before = text.get(..at.start).unwrap_or_default();
        let starts_line = before.is_empty() || before.ends_with(['\n', '\r', '\u{FEFF}']);
        let mut out = String::new();
        out.push_str(if starts_line { "" } else { newline });
        if !comment.is_empty() {
            out.push_str(comment);
            out.push_str(newline);
        }
        let below = text.get(after_break(text, rest_end)..).unwrap_or_default();
        let place = Place { step: self.step, newline, follow: follow(below, 0), ..Place::new(Position::MapValue, 0) };
        push_entry(&mut out, key, value, &place);
        let ends_text = rest_end == text.len();
        let needs_break = if is_absent { starts_line || !ends_text } else { ends_text && ends_in_lines(value) };
        out.push_str(if needs_break { newline } else { "" });
        vec![Edit::new(Span::new(at.start, rest_end), out)]
    }
}
