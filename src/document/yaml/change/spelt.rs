//! Members that the caller spells, because no value can say them: aliases, anchors, entries with a comment.
//!
//! Only the layout is known here: whoever uses these edits has to confirm what they mean.

use super::{
    Layouter,
    find::Member,
    seat::{Seat, behind_line, ends_line, line_end, line_start, skip_gaps},
};
use crate::{
    base::span::Span,
    document::{
        edit::Edit,
        yaml::{
            emit::Position,
            tree::{Item, NodeId, Tree},
        },
    },
};

/// The edits that take the last of `trail` out of the one before it, as [`super::unset`] does. `trail` begins at the top
/// level. `None` where the layout does not allow it.
pub(crate) fn removal(tree: &Tree<'_>, trail: &[Member]) -> Option<Vec<Edit>> {
    let [above @ .., parent, last] = trail else { return None };
    let around = above.last().and_then(|above| Seat::of(tree, above.node, *parent));
    Layouter::new(tree).remove(parent.node, *last, around.as_ref())
}

/// The edits that put a member behind `member` of `collection`, and before the comments that follow.
///
/// `spelt` is an item without its dash, or an entry; lines of it after the first are indented to stand below it. `None`
/// where the layout does not allow it.
pub(crate) fn addition(tree: &Tree<'_>, collection: NodeId, member: Member, spelt: &str) -> Option<Vec<Edit>> {
    let seat = Seat::of(tree, collection, member)?;
    if seat.position == Position::Flow {
        return add_in_flow(tree, collection, &seat, spelt);
    }
    let text = tree.text();
    let newline = tree.newline();
    let at = behind_line(text, seat.end);
    let is_cut_off = !ends_line(text, at);
    let lead = lead(text, &seat);
    let below = format!("{newline}{}", " ".repeat(seat.indent + lead.len()));
    let indent = " ".repeat(seat.indent);
    let line = format!("{indent}{lead}{}", spelt.replace('\n', &below));
    let line = if is_cut_off { format!("{newline}{line}") } else { format!("{line}{newline}") };
    Some(vec![Edit::insert(at, line)])
}

/// Where the lines of `member` of a block collection begin and end. `None` if something else stands before it on its line.
pub(crate) fn lines_of(tree: &Tree<'_>, collection: NodeId, member: Member) -> Option<Span> {
    let seat = Seat::of(tree, collection, member).filter(|seat| seat.position != Position::Flow)?;
    let start = line_start(tree.text(), seat.start);
    let is_alone = Span::new(start, seat.start).of(tree.text()).trim_matches([' ', '\u{FEFF}']).is_empty();
    is_alone.then(|| Span::new(start, behind_line(tree.text(), seat.end)))
}

/// The dash of the member and the blanks behind it; nothing for an entry.
fn lead(text: &str, seat: &Seat) -> String {
    if seat.position != Position::ListItem {
        return String::new();
    }
    let rest = seat.gap.map(|gap| Span::new(gap, line_end(text, gap)).of(text)).unwrap_or_default();
    let blanks = rest.len() - rest.trim_start_matches(' ').len();
    let has_content = !rest.trim_matches([' ', '\t']).is_empty() && !rest.trim_start_matches(' ').starts_with('#');
    format!("-{}", " ".repeat(if has_content { blanks.max(1) } else { 1 }))
}

fn add_in_flow(tree: &Tree<'_>, collection: NodeId, seat: &Seat, spelt: &str) -> Option<Vec<Edit>> {
    let text = tree.text();
    if !tree.node(collection).span.of(text).starts_with(['{', '[']) {
        return None;
    }
    let comma = skip_gaps(text, seat.end);
    let has_comma = text.get(comma..)?.starts_with(',');
    let start = line_start(text, seat.start);
    let indentation = Span::new(start, seat.start).of(text);
    if start <= tree.node(collection).span.start || !indentation.trim_matches([' ', '\t']).is_empty() {
        let is_last = !tree.node(collection).collection()?.items.iter().any(|item| match item {
            Item::Entry(key, _) => tree.node(*key).span.start > seat.end,
            Item::Element(node) => tree.node(*node).full_span().start > seat.end,
            Item::Comment(_) => false,
        });
        // A comma behind the last member stays the last thing.
        let at = if has_comma && is_last { comma } else { seat.end };
        return Some(vec![Edit::insert(at, format!(", {spelt}"))]);
    }
    let behind = if has_comma { comma + 1 } else { seat.end };
    let line = format!("{}{indentation}{spelt}{}", tree.newline(), if has_comma { "," } else { "" });
    let mut edits = vec![Edit::insert(Layouter::new(tree).behind_comment(behind), line)];
    if !has_comma {
        edits.insert(0, Edit::insert(seat.end, ",".to_owned()));
    }
    Some(edits)
}
