//! Single steps from text to text, each in the style of what stands beside. What they mean is confirmed by the draft.

use std::collections::HashSet;

use super::{
    error::PolicyEditError,
    site::{
        Site, SiteKind, Trail, anchor_of, borrowed, entry, full_members, is_aliased, is_in_flow, members, pieces,
        rules, sites, text_of,
    },
};
use crate::{
    base::span::{LineColumn, Span},
    document::{
        edit::{Edit, splice},
        yaml::{
            change::{Member, addition, removal, spelling},
            emit::{Place, Position, Spelling, push_respelled},
            scalar::ScalarStyle,
            tree::{Kind, Layout, Node, NodeId, Tree},
        },
    },
};

/// How often a text is gone through: a list that names one recipient so many times is not one that people write.
const MAX_ROUNDS: usize = 100;

/// A recipient and the name by which it may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) recipient: String,
    pub(super) name: Option<String>,
}

/// The text with `edits`. Every comment that no edit touches is still one.
pub(super) fn apply(tree: &Tree<'_>, mut edits: Vec<Edit>) -> Result<String, PolicyEditError> {
    let text = splice(tree.text(), &mut edits).map_err(|_cause| PolicyEditError::Layout)?;
    let new = Tree::parse(&text).map_err(|_cause| PolicyEditError::Layout)?;
    let starts: HashSet<usize> = new.comments().iter().map(|comment| comment.span.start).collect();
    let is_kept = |comment: Span| {
        if edits.iter().any(|edit| edit.span.start < comment.end && comment.start < edit.span.end) {
            return true;
        }
        let before = edits.iter().filter(|edit| edit.span.end <= comment.start);
        let (added, removed) = before.fold((0, 0), |(added, removed), edit| {
            (added + edit.text.len(), removed + edit.span.end - edit.span.start)
        });
        starts.contains(&(comment.start + added - removed))
    };
    let all_kept = tree.comments().iter().all(|comment| is_kept(comment.span));
    if all_kept { Ok(text) } else { Err(PolicyEditError::Layout) }
}

/// Takes `recipient` out of every place that `wanted` picks, with the lists and fields that it leaves empty. Aliases go
/// before the anchor that they need.
pub(super) fn remove_sites(
    text: &str,
    recipient: &str,
    wanted: impl Fn(&Tree<'_>, &Site) -> bool,
) -> Result<String, PolicyEditError> {
    let mut text = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        let tree = Tree::parse(&text)?;
        let mut open: Vec<Site> = sites(&tree, recipient).into_iter().filter(|site| wanted(&tree, site)).collect();
        let has_anchor = |site: &Site| site.member().is_some_and(|at| anchor_of(&tree, tree.node(at.node)).is_some());
        if open.iter().any(|site| !has_anchor(site)) {
            open.retain(|site| !has_anchor(site));
        }
        if open.is_empty() {
            return Ok(text);
        }
        let mut edits = Vec::new();
        // Two members of one collection share its commas: the second one has its turn next time.
        let mut touched = HashSet::new();
        for site in open {
            let trail = match site.kind {
                SiteKind::Part(piece) => {
                    let node = site.member().ok_or(PolicyEditError::Layout)?.node;
                    if touched.insert(node) {
                        edits.push(without_piece(&tree, node, piece).ok_or(PolicyEditError::Layout)?);
                    }
                    continue;
                }
                SiteKind::Alias | SiteKind::Text => emptied_with(&tree, site.trail),
            };
            let [.., parent, _] = trail.as_slice() else { return Err(PolicyEditError::Layout) };
            if trail.iter().all(|member| !touched.contains(&member.node)) && touched.insert(parent.node) {
                edits.extend(removal(&tree, &trail).ok_or(PolicyEditError::Layout)?);
            }
        }
        let next = apply(&tree, edits)?;
        // What is not gone would never be.
        if next.len() >= text.len() {
            return Err(PolicyEditError::Layout);
        }
        text = next;
    }
    Err(PolicyEditError::Layout)
}

/// The way to the outermost value that holds nothing else than the last of `trail`.
fn emptied_with(tree: &Tree<'_>, mut trail: Trail) -> Trail {
    while let [_, .., parent, _] = trail.as_slice() {
        if trail.len() < 3 || members(tree, parent.node).len() != 1 || is_aliased(tree, parent.node) {
            break;
        }
        trail.pop();
    }
    trail
}

/// A part of a text goes with the comma before it, the first one with that behind it.
fn without_piece(tree: &Tree<'_>, node: NodeId, piece: Span) -> Option<Edit> {
    let pieces = pieces(tree, tree.node(node))?;
    let at = pieces.iter().position(|one| *one == piece)?;
    let before = at.checked_sub(1).and_then(|at| pieces.get(at));
    Some(Edit::remove(match (before, pieces.get(at + 1)) {
        (Some(before), _) => Span::new(before.end, piece.end),
        (None, Some(next)) => Span::new(piece.start, next.start),
        (None, None) => piece,
    }))
}

/// Puts `new` in the place of a recipient at `site`.
pub(super) fn swap(tree: &Tree<'_>, site: &Site, new: &Called) -> Option<Edit> {
    let node = tree.node(site.member()?.node);
    let span = match site.kind {
        SiteKind::Part(piece) => return Some(Edit::new(piece, new.recipient.clone())),
        SiteKind::Alias => node.span,
        SiteKind::Text if called_by_name(tree, new, node.span.start).is_some() => node.full_span(),
        SiteKind::Text => return swap_text(tree, site, &new.recipient),
    };
    Some(Edit::new(span, spell(tree, new, node)))
}

/// Puts another text in the place of that of a recipient, whose anchor stays.
pub(super) fn swap_text(tree: &Tree<'_>, site: &Site, new: &str) -> Option<Edit> {
    if let SiteKind::Part(piece) = site.kind {
        return Some(Edit::new(piece, new.to_owned()));
    }
    let node = tree.node(site.member()?.node);
    if let Some([only]) = pieces(tree, node).as_deref()
        && !needs_quotes(new)
    {
        return Some(Edit::new(*only, new.to_owned()));
    }
    Some(Edit::new(node.span, respell(tree, new, node)))
}

/// Puts `new` behind the recipient at `site`.
pub(super) fn add_beside(tree: &Tree<'_>, site: &Site, new: &Called) -> Option<Vec<Edit>> {
    let member = site.member()?;
    let node = tree.node(member.node);
    if member.key.is_none() && !matches!(site.kind, SiteKind::Part(_)) {
        return addition(tree, site.parent()?, member, &spell(tree, new, node));
    }
    if let SiteKind::Alias = site.kind {
        let text = format!("{},{}", text_of(tree.resolve(member.node))?, new.recipient);
        let spelt = if is_in_flow(tree, &site.trail) { format!("\"{text}\"") } else { text };
        return Some(vec![Edit::new(node.span, spelt)]);
    }
    let all = pieces(tree, node)?;
    let at = match site.kind {
        SiteKind::Part(piece) => all.iter().position(|one| *one == piece)?,
        SiteKind::Alias | SiteKind::Text => 0,
    };
    let piece = *all.get(at)?;
    let gap = separator(tree, node, &all);
    if matches!(node.kind, Kind::Scalar { style: ScalarStyle::Plain, .. }) && is_in_flow(tree, &site.trail) {
        return Some(vec![Edit::new(node.span, format!("\"{}{gap}{}\"", node.span.of(tree.text()), new.recipient))]);
    }
    Some(vec![Edit::insert(piece.end, format!("{gap}{}", new.recipient))])
}

/// What stands between two parts of a text with commas.
fn separator(tree: &Tree<'_>, node: &Node<'_>, pieces: &[Span]) -> String {
    let text = tree.text();
    if let [first, second, ..] = pieces
        && !second.is_empty()
    {
        let between = Span::new(first.end, second.start).of(text);
        // Of several lines between them only one.
        let blanks = between.trim_start_matches([' ', ',']);
        let line = blanks.rfind('\n').map_or(0, |at| at + 1);
        let (comma, indent) = (between.strip_suffix(blanks), blanks.get(line..).unwrap_or_default());
        return match comma {
            Some(comma) if line > 0 => format!("{comma}{}{indent}", tree.newline()),
            _ => between.to_owned(),
        };
    }
    if !matches!(node.kind, Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. }) {
        return ",".to_owned();
    }
    let column = pieces.first().map_or(0, |first| {
        let before = text.get(..first.start).unwrap_or_default();
        before.len() - before.trim_end_matches(' ').len()
    });
    format!(",{}{}", tree.newline(), " ".repeat(column))
}

/// Adds `new` to group `group` of rule `rule`, behind the recipients that are there.
pub(super) fn add_to_rule(text: &str, rule: usize, group: usize, new: &Called) -> Result<String, PolicyEditError> {
    let tree = Tree::parse(text)?;
    let trail = rules(&tree).into_iter().nth(rule).ok_or(PolicyEditError::Layout)?;
    let at =
        |node: NodeId| PolicyEditError::Shared { rule, place: LineColumn::of(text, tree.node(node).full_span().start) };
    let holder = holder(&tree, trail, group).map_err(at)?;
    let last = holder.last().ok_or(PolicyEditError::Layout)?.node;
    if let Some(node) = borrowed(&tree, last) {
        return Err(at(node));
    }
    let edits = match entry(&tree, last, "age") {
        None => add_field(&tree, &holder, new),
        Some(field) if tree.node(field.node).span.of(text) == "[]" => {
            let start = tree.node(field.node).span.start;
            let one = called_by_name(&tree, new, start)
                .unwrap_or_else(|| quoted(&new.recipient, &Spelling::Plain, Position::Flow));
            Some(vec![Edit::insert(start + 1, one)])
        }
        Some(field) => {
            let mut trail = [holder.as_slice(), &[field]].concat();
            match &tree.node(field.node).kind {
                Kind::Sequence(_) => trail.extend(full_members(&tree, field.node).last()),
                Kind::Alias(_) if text_of(tree.resolve(field.node)).is_none() => return Err(at(field.node)),
                _ => {}
            }
            last_site(&tree, trail).and_then(|site| add_beside(&tree, &site, new))
        }
    };
    apply(&tree, edits.ok_or(PolicyEditError::Layout)?)
}

/// The way to the mapping that holds `age`: the key group, or the rule if it has no groups. An error is the alias or the
/// merge by which it is taken from elsewhere.
fn holder(tree: &Tree<'_>, mut trail: Trail, group: usize) -> Result<Trail, NodeId> {
    let Some(rule) = trail.last().map(|rule| rule.node) else { return Ok(trail) };
    let Some(groups) = entry(tree, rule, "key_groups") else { return borrowed(tree, rule).map_or(Ok(trail), Err) };
    if matches!(tree.node(groups.node).kind, Kind::Alias(_)) {
        return Err(groups.node);
    }
    if let Some(member) = full_members(tree, groups.node).get(group) {
        trail.extend([groups, *member]);
    }
    Ok(trail)
}

/// The last recipient of what `trail` leads to: an item of a list, or a text.
fn last_site(tree: &Tree<'_>, trail: Trail) -> Option<Site> {
    let member = *trail.last()?;
    let node = tree.node(member.node);
    let kind = match &node.kind {
        Kind::Alias(_) => SiteKind::Alias,
        Kind::Scalar { .. } if member.key.is_none() => SiteKind::Text,
        Kind::Scalar { .. } => {
            let pieces = pieces(tree, node)?;
            SiteKind::Part(*pieces.iter().rfind(|piece| !piece.is_empty())?)
        }
        Kind::Mapping(_) | Kind::Sequence(_) => return None,
    };
    Some(Site { trail, kind })
}

/// Adds `age` to a key group or rule that has other keys only.
fn add_field(tree: &Tree<'_>, holder: &[Member], new: &Called) -> Option<Vec<Edit>> {
    let mapping = holder.last()?;
    let last = *members(tree, mapping.node).last()?;
    let is_flow = tree.node(mapping.node).collection()?.layout == Layout::Flow;
    let is_group = holder.len() > 3;
    let one = called_by_name(tree, new, tree.node(last.node).span.start)
        .unwrap_or_else(|| quoted(&new.recipient, &Spelling::Plain, Position::Flow));
    let sibling = tree.node(last.node).collection().filter(|list| list.layout == Layout::Block && !is_flow);
    let spelt = match sibling {
        _ if !is_group => format!("age: {one}"),
        Some(list) => {
            let column = tree.node(mapping.node).collection()?.column;
            let deeper = list.column.checked_sub(column)?;
            format!("age:\n{}- {one}", " ".repeat(deeper))
        }
        None => format!("age: [{one}]"),
    };
    addition(tree, mapping.node, last, &spelt)
}

/// `*name`, if the anchor stands before `offset`.
fn called_by_name(tree: &Tree<'_>, called: &Called, offset: usize) -> Option<String> {
    let name = called.name.as_deref()?;
    let is_before = |node: &Node<'_>| anchor_of(tree, node) == Some(name) && node.full_span().start < offset;
    tree.nodes().any(is_before).then(|| format!("*{name}"))
}

/// The recipient as an alias, or else quoted as `like` is.
fn spell(tree: &Tree<'_>, called: &Called, like: &Node<'_>) -> String {
    called_by_name(tree, called, like.span.start).unwrap_or_else(|| respell(tree, &called.recipient, like))
}

/// `text` on one line, quoted as `like` is.
pub(super) fn respell(tree: &Tree<'_>, text: &str, like: &Node<'_>) -> String {
    match spelling(tree.text(), like) {
        Spelling::Block { .. } => quoted(text, &Spelling::Plain, Position::Flow),
        quotes => quoted(text, &quotes, Position::Flow),
    }
}

/// `text` in these quotes if it allows them.
pub(super) fn quoted(text: &str, quotes: &Spelling, position: Position) -> String {
    let mut out = String::new();
    push_respelled(&mut out, text, quotes, &Place::new(position, 0));
    out
}

/// Whether a recipient means something else without quotes, as a key of SSH with a comment can.
fn needs_quotes(text: &str) -> bool {
    !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" +/=@._-".contains(&byte))
}
