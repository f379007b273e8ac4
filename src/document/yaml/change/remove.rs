//! A member taken out of its collection, with its lines and the comment beside it.

use super::{
    Layouter,
    find::Member,
    seat::{Lines, Seat, behind_line, content_end, ends_line, header, line_end, line_start, lines, skip_gaps},
};
use crate::{
    base::span::Span,
    document::{
        edit::Edit,
        yaml::{
            emit::Chomping,
            tree::{Collection, Item, Kind, Layout, NodeId, after_break},
        },
    },
};

impl Layouter<'_, '_> {
    /// Takes `member` out of `parent`, whose own seat is `around` unless it is the top level. `None` where the layout
    /// does not allow it.
    pub(super) fn remove(&self, parent: NodeId, member: Member, around: Option<&Seat>) -> Option<Vec<Edit>> {
        let collection = self.tree.node(parent).collection()?;
        let seat = Seat::of(self.tree, parent, member)?;
        let is_only = siblings(collection).count() == 1;
        match (collection.layout, is_only) {
            (Layout::Flow, _) => self.remove_from_flow(parent, member, &seat, is_only),
            (Layout::Block, false) => Some(vec![self.remove_lines(&seat)]),
            (Layout::Block, true) => Some(self.leave_empty(parent, &seat, around)),
        }
    }

    fn remove_lines(&self, seat: &Seat) -> Edit {
        let text = self.tree.text();
        let lines = lines(text, seat.start, seat.end);
        if !lines.starts_line {
            // The first member stands behind a dash: the next one takes its place.
            let rest = text.get(lines.span.end..).unwrap_or_default();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            return Edit::remove(Span::new(seat.start, lines.span.end + blanks));
        }
        let mut span = self.without_last_break(lines);
        if self.keeps_breaks(span.start) {
            // Blank lines below would become part of the block scalar above.
            while line_end(text, span.end) < text.len() && is_blank(text, span.end) {
                span.end = after_break(text, line_end(text, span.end));
            }
        }
        Edit::remove(span)
    }

    /// Whether a block scalar ends at `at` that takes in all blank lines behind it.
    fn keeps_breaks(&self, at: usize) -> bool {
        let text = self.tree.text();
        self.tree.nodes().any(|node| {
            node.span.end == at && header(text, node).is_some_and(|header| header.chomping == Chomping::Keep)
        })
    }

    /// Where the last line had no break, the line that is the last one now has none either.
    fn without_last_break(&self, lines: Lines) -> Span {
        let text = self.tree.text();
        let Span { start, end } = lines.span;
        if end < text.len() || ends_line(text, end) || self.ends_block_scalar(start) {
            return lines.span;
        }
        let before = text.get(..start).unwrap_or_default();
        let kept = before.strip_suffix("\r\n").or_else(|| before.strip_suffix(['\n', '\r'])).unwrap_or(before);
        Span::new(kept.len(), end)
    }

    /// Whether the line break before `at` is part of a block scalar.
    fn ends_block_scalar(&self, at: usize) -> bool {
        self.tree.nodes().any(|node| {
            matches!(node.kind, Kind::Scalar { .. }) && node.span.end == at && ends_line(self.tree.text(), at)
        })
    }

    /// Takes the only member out of a block collection, and leaves `{}` or `[]` in its place. Comments stay.
    fn leave_empty(&self, parent: NodeId, seat: &Seat, around: Option<&Seat>) -> Vec<Edit> {
        let text = self.tree.text();
        let node = self.tree.node(parent);
        let empty = if matches!(node.kind, Kind::Mapping(_)) { "{}" } else { "[]" };
        let end = seat.end;
        let lines = lines(text, seat.start, end);
        let is_behind_dash = !lines.starts_line;
        let Some(gap) = around.filter(|_| !is_behind_dash).and_then(|around| around.gap) else {
            // At the top level, or right behind the dash of the list around it.
            let ending = if ends_line(text, lines.span.end) { self.tree.newline() } else { "" };
            return vec![Edit::new(Span::new(seat.start, behind_line(text, end)), format!("{empty}{ending}"))];
        };
        let full = node.full_span();
        let properties_end = if full.start < node.span.start {
            let properties = node.properties.as_deref();
            let spans = properties.into_iter().flat_map(|properties| [properties.anchor, properties.tag]);
            spans.flatten().map(|span| span.end).max().unwrap_or(gap)
        } else {
            gap
        };
        vec![
            Edit::new(Span::new(gap, properties_end), format!(" {empty}")),
            Edit::remove(self.without_last_break(lines)),
        ]
    }

    fn remove_from_flow(&self, parent: NodeId, member: Member, seat: &Seat, is_only: bool) -> Option<Vec<Edit>> {
        let text = self.tree.text();
        let node = self.tree.node(parent);
        let key_end = member.key.map_or(0, |key| self.tree.node(key).span.end);
        let end = seat.end.max(key_end);
        let has_comment = node.collection()?.items.iter().any(|item| matches!(item, Item::Comment(_)));
        if !node.span.of(text).starts_with(['{', '[']) {
            return Some(vec![Edit::new(node.span, "{}".to_owned())]);
        }
        if is_only && !has_comment {
            let empty = if matches!(node.kind, Kind::Mapping(_)) { "{}" } else { "[]" };
            return Some(vec![Edit::new(node.span, empty.to_owned())]);
        }
        let comma = skip_gaps(text, end);
        if text.get(comma..)?.starts_with(',') {
            return Some(vec![Edit::remove(self.up_to_next(seat, comma + 1))]);
        }
        let previous = siblings(node.collection()?).take_while(|(item, ..)| *item < member.item).last();
        let Some((_, key, value)) = previous else {
            return Some(vec![Edit::remove(Span::new(seat.start, self.behind_comment(end)))]);
        };
        let key_end = key.map_or(0, |key| self.tree.node(key).span.end);
        let colon_end = key.map_or(0, |key| self.behind_colon(key, value));
        let previous_end = content_end(self.tree, value, 0).max(key_end).max(colon_end);
        let comma = skip_gaps(text, previous_end);
        let start = line_start(text, seat.start);
        let is_on_own_line =
            start > comma && Span::new(start, seat.start).of(text).trim_matches([' ', '\t']).is_empty();
        if !is_on_own_line {
            return Some(vec![Edit::remove(Span::new(comma, end))]);
        }
        let before = text.get(..start).unwrap_or_default();
        let kept = before.strip_suffix("\r\n").or_else(|| before.strip_suffix(['\n', '\r'])).unwrap_or(before);
        let comma = Edit::remove(Span::new(comma, comma + 1));
        Some(vec![comma, Edit::remove(Span::new(kept.len(), self.behind_comment(end)))])
    }

    fn behind_colon(&self, key: NodeId, value: NodeId) -> usize {
        let member = Member { node: value, key: Some(key), item: 0 };
        let text = self.tree.text();
        let at = skip_gaps(text, self.tree.node(member.key.unwrap_or(key)).span.end);
        if text.get(at..).is_some_and(|rest| rest.starts_with(':')) { at + 1 } else { 0 }
    }

    /// From a member of a flow collection to the next one, or its comment: whole lines if it has them for itself. A
    /// comment beside the comma goes too.
    fn up_to_next(&self, seat: &Seat, behind_comma: usize) -> Span {
        let text = self.tree.text();
        let end = self.behind_comment(behind_comma);
        let rest = text.get(end..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let start = line_start(text, seat.start);
        let is_indented = start > 0 && Span::new(start, seat.start).of(text).trim_matches([' ', '\t']).is_empty();
        if is_indented && end + blanks == line_end(text, end) {
            return Span::new(start, after_break(text, end + blanks));
        }
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        Span::new(seat.start, end + blanks)
    }
}

fn is_blank(text: &str, at: usize) -> bool {
    Span::new(at, line_end(text, at)).of(text).trim_matches([' ', '\t']).is_empty()
}

/// The members of a collection: number of the item, key, value.
fn siblings(collection: &Collection) -> impl Iterator<Item = (usize, Option<NodeId>, NodeId)> {
    collection.items.iter().enumerate().filter_map(|(number, item)| match *item {
        Item::Entry(key, value) => Some((number, Some(key), value)),
        Item::Element(value) => Some((number, None, value)),
        Item::Comment(_) => None,
    })
}
