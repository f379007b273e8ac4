//! The lists of named recipients: which one a new name belongs into, and how it is written there.

use super::{
    error::PolicyEditError,
    site::{Trail, anchor_of, entry, members, root, text_of, values},
    step::{apply, quoted, respell},
};
use crate::{
    base::span::{LineColumn, Span},
    document::{
        edit::Edit,
        yaml::{
            change::{Member, addition, is_null, key_text, lines_of},
            emit::{Position, Spelling},
            tree::{Kind, Layout, NodeId, Tree},
        },
    },
    keys::RecipientKind,
};

/// What stands at the top level and holds no names.
const OTHER_SECTIONS: [&str; 3] = ["creation_rules", "destination_rules", "stores"];

/// The indentation of a list in a policy that has none.
const LIST_COLUMN: usize = 2;

/// A recipient to be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewName<'a> {
    /// The name: letters, digits, `-` and `_`.
    pub name: &'a str,
    /// The recipient: `age1…`, or a key of SSH.
    pub recipient: &'a str,
    /// What a comment beside it says, as `cluster`; not written where there is no room for one.
    pub comment: Option<&'a str>,
}

/// Writes `new` behind the name `beside`, or else behind the last name of the list that holds recipients like it.
pub(super) fn add(text: &str, new: &NewName<'_>, beside: Option<&str>) -> Result<String, PolicyEditError> {
    let tree = Tree::parse(text)?;
    let Some(root) = root(&tree) else { return apply(&tree, vec![Edit::insert(text.len(), section(&tree, new))]) };
    let at = match beside {
        Some(name) => named(&tree, name),
        None => best_list(&tree, new.recipient),
    };
    let edits = match at.as_deref() {
        Some([.., list, member]) => add_behind(&tree, list.node, *member, new),
        _ => match entry(&tree, root.node, "keys") {
            Some(keys) => fill(&tree, keys, new),
            None => add_section(&tree, root, new),
        },
    };
    apply(&tree, edits.ok_or(PolicyEditError::Layout)?)
}

/// The way to the text whose anchor is `name`.
pub(super) fn named(tree: &Tree<'_>, name: &str) -> Option<Trail> {
    values(tree).into_iter().find(|trail| {
        let node = trail.last().map(|last| tree.node(last.node));
        node.is_some_and(|node| anchor_of(tree, node) == Some(name) && text_of(node).is_some())
    })
}

/// Where an anchor of that name is, on whatever.
pub(super) fn place_of_anchor(tree: &Tree<'_>, name: &str) -> Option<LineColumn> {
    let node = tree.nodes().find(|node| anchor_of(tree, node) == Some(name))?;
    Some(LineColumn::of(tree.text(), node.full_span().start))
}

/// The way to the last name of the list that the policy keeps such recipients in. Under `keys`, if there are any.
fn best_list(tree: &Tree<'_>, recipient: &str) -> Option<Trail> {
    let in_section = |trail: &Trail, wanted: &dyn Fn(&str) -> bool| {
        trail.get(1).and_then(|section| section.key).is_some_and(|key| wanted(key_text(tree, key)))
    };
    let mut names: Vec<Trail> = values(tree);
    names.retain(|trail| {
        let node = trail.last().map(|last| tree.node(last.node));
        let is_name = node.is_some_and(|node| anchor_of(tree, node).is_some() && text_of(node).is_some());
        is_name && trail.len() > 2 && in_section(trail, &|section| !OTHER_SECTIONS.contains(&section))
    });
    if names.iter().any(|trail| in_section(trail, &|section| section == "keys")) {
        names.retain(|trail| in_section(trail, &|section| section == "keys"));
    }
    let kind = RecipientKind::find(recipient);
    let is_alike = |trail: &&Trail| {
        let text = trail.last().and_then(|last| text_of(tree.node(last.node)));
        kind.is_some() && text.is_some_and(|text| RecipientKind::find(text).is_some())
    };
    names.iter().rfind(is_alike).or_else(|| names.last()).cloned()
}

/// `&name recipient`, in the quotes that the one before has.
fn spell(tree: &Tree<'_>, like: Option<NodeId>, new: &NewName<'_>) -> String {
    let text = match like {
        Some(like) => respell(tree, new.recipient, tree.node(like)),
        None => quoted(new.recipient, &Spelling::Plain, Position::Flow),
    };
    format!("&{} {text}", new.name)
}

fn add_behind(tree: &Tree<'_>, collection: NodeId, member: Member, new: &NewName<'_>) -> Option<Vec<Edit>> {
    let mut spelt = spell(tree, Some(member.node), new);
    if let Some(key) = member.key {
        spelt.insert_str(0, &format!("{}: ", respell(tree, new.name, tree.node(key))));
    }
    let is_block = tree.node(collection).collection()?.layout == Layout::Block;
    if let Some(comment) = new.comment.filter(|_| is_block) {
        let text = tree.text();
        let before =
            member.key.map_or(tree.node(member.node).full_span().start, |key| tree.node(key).full_span().start);
        let column = LineColumn::of(text, before).column + spelt.chars().count();
        // Comments that stand below each other go on doing so.
        let end = tree.node(member.node).span.end;
        let beside = tree.comments().iter().map(|comment| comment.span).find(|span| span.start >= end);
        let beside = beside.filter(|span| Span::new(end, span.start).of(text).trim_matches(' ').is_empty());
        let wanted = beside.map_or(0, |span| LineColumn::of(text, span.start).column);
        let gap = wanted.saturating_sub(column).max(1);
        spelt.push_str(&format!("{}# {comment}", " ".repeat(gap)));
    }
    addition(tree, collection, member, &spelt)
}

/// The first name of a section that has none: behind what is in it.
fn fill(tree: &Tree<'_>, keys: Member, new: &NewName<'_>) -> Option<Vec<Edit>> {
    let node = tree.node(keys.node);
    let text = tree.text();
    let items = members(tree, keys.node);
    match (&node.kind, items.last()) {
        (Kind::Sequence(_), Some(last)) => add_behind(tree, keys.node, *last, new),
        (Kind::Sequence(_), None) => Some(vec![Edit::insert(node.span.start + 1, spell(tree, None, new))]),
        (Kind::Scalar { .. }, _) if is_null(tree, node) && node.is_absent() => {
            let key = keys.key?;
            let colon = tree.node(key).span.end;
            let line = colon + text.get(colon..)?.find(['\n', '\r']).unwrap_or(text.len() - colon);
            Some(vec![Edit::insert(line, format!("{}{}", tree.newline(), item(tree, new)))])
        }
        _ => None,
    }
}

/// `keys` with one name, before the rules.
fn add_section(tree: &Tree<'_>, root: Member, new: &NewName<'_>) -> Option<Vec<Edit>> {
    let text = tree.text();
    let newline = tree.newline();
    let Some(rules) = entry(tree, root.node, "creation_rules").or_else(|| members(tree, root.node).first().copied())
    else {
        let is_empty = tree.node(root.node).full_span().is_empty();
        return is_empty.then(|| vec![Edit::insert(text.len(), section(tree, new))]);
    };
    let Some(lines) = lines_of(tree, root.node, rules) else {
        let start = rules.key.map(|key| tree.node(key).full_span().start)?;
        return Some(vec![Edit::insert(start, format!("keys: [{}], ", spell(tree, None, new)))]);
    };
    let start =
        own_comments(text, lines.start, 0).max(if text.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 });
    let has_blank_lines = text.contains(&newline.repeat(2));
    let gap = if has_blank_lines { newline } else { "" };
    Some(vec![Edit::insert(start, format!("keys:{newline}{}{newline}{gap}", item(tree, new)))])
}

/// The section at the end of a policy that says nothing yet.
fn section(tree: &Tree<'_>, new: &NewName<'_>) -> String {
    let (text, newline) = (tree.text(), tree.newline());
    let before = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
    format!("{before}keys:{newline}{}{newline}", item(tree, new))
}

/// A line of a list, where the lists of the policy stand.
fn item(tree: &Tree<'_>, new: &NewName<'_>) -> String {
    let rules = root(tree).and_then(|root| entry(tree, root.node, "creation_rules"));
    let list = rules.and_then(|rules| tree.node(rules.node).collection());
    let column = list.filter(|list| list.layout == Layout::Block).map_or(LIST_COLUMN, |list| list.column);
    let comment = new.comment.map(|comment| format!(" # {comment}")).unwrap_or_default();
    format!("{}- {}{comment}", " ".repeat(column), spell(tree, None, new))
}

/// Where the comments right above the line at `start` begin, those that stand at `column`.
pub(super) fn own_comments(text: &str, start: usize, column: usize) -> usize {
    let mut at = start;
    loop {
        let before = text.get(..at).unwrap_or_default();
        let line = before.strip_suffix('\n').unwrap_or(before);
        let line_start = line.rfind('\n').map_or(0, |end| end + 1);
        let line = line.get(line_start..).unwrap_or_default();
        let trimmed = line.trim_start_matches(['\u{FEFF}', ' ']);
        let is_own = trimmed.starts_with('#') && line.len() - trimmed.len() == column;
        if line_start == at || !is_own {
            return at;
        }
        at = line_start;
    }
}
