//! Creation rules as a whole: copied in the style of their neighbours, put where they get their files, taken out.

use super::{
    error::PolicyEditError,
    name::own_comments,
    site::{Trail, anchor_of, borrowed, entry, rule_list, rules, values},
    step::apply,
};
use crate::{
    base::span::Span,
    document::{
        edit::Edit,
        yaml::{
            change::{Member, key_text, lines_of, removal},
            tree::{Kind, NodeId, Tree, after_break},
        },
    },
    policy::Policy,
    sops::key_group::MasterKey,
};

/// Which values a rule that has no neighbour to take after encrypts: the secret ones of a Kubernetes Secret.
pub(super) const SECRET_FIELDS: &str = "^(data|stringData)$";

/// Which rules could be copied for another directory: those of age recipients alone, in one group, all of it their own.
pub(super) fn templates(tree: &Tree<'_>, policy: &Policy) -> Vec<usize> {
    let all = rules(tree);
    let values = values(tree);
    let is_simple = |(number, trail): &(usize, &Trail)| {
        let rule = policy.rules().get(*number)?;
        let [group] = rule.key_groups.as_slice() else { return None };
        let is_age = !group.0.is_empty() && group.0.iter().all(|key| matches!(key, MasterKey::Age(_)));
        let own = is_age && rule.path_regex.is_some() && rule.problem.is_none();
        let node = trail.last()?.node;
        let holds_all = matches!(tree.node(node).kind, Kind::Mapping(_)) && borrowed(tree, node).is_none();
        let has_anchor = !names_in(tree, *number).is_empty();
        let is_foreign = |member: &Member| {
            let is_merge = member.key.is_some_and(|key| matches!(key_text(tree, key), "merge" | "<<"));
            let is_list =
                matches!(tree.node(member.node).kind, Kind::Alias(at) if tree.node(at).collection().is_some());
            is_merge || is_list
        };
        let below = values.iter().filter(|value| value.get(trail.len() - 1).is_some_and(|at| at.node == node));
        let borrows = below.flat_map(|value| value.last()).any(is_foreign);
        (own && holds_all && !has_anchor && !borrows).then_some(())
    };
    all.iter().enumerate().filter(|rule| is_simple(rule).is_some()).map(|(number, _)| number).collect()
}

/// The anchors in a rule.
pub(super) fn names_in(tree: &Tree<'_>, rule: usize) -> Vec<String> {
    let all = rules(tree);
    let Some(member) = all.get(rule).and_then(|trail| trail.last()) else { return Vec::new() };
    let span = tree.node(member.node).full_span();
    let inside = tree.nodes().filter(|node| (span.start..span.end).contains(&node.full_span().start));
    inside.filter_map(|node| anchor_of(tree, node).map(str::to_owned)).collect()
}

/// The text of a rule without its comments, which are about that rule alone.
pub(super) fn copy(tree: &Tree<'_>, rule: usize) -> Option<String> {
    let trail = rules(tree).into_iter().nth(rule)?;
    let [.., list, member] = trail.as_slice() else { return None };
    let text = tree.text();
    let Some(lines) = lines_of(tree, list.node, *member) else {
        let span = tree.node(member.node).span;
        return (!span.of(text).contains('#')).then(|| span.of(text).to_owned());
    };
    let mut kept = String::new();
    let mut at = lines.start;
    let inside = tree.comments().iter().map(|comment| comment.span);
    for comment in inside.filter(|span| lines.start <= span.start && span.end <= lines.end) {
        let before = Span::new(at, comment.start).of(text).trim_end_matches([' ', '\t']);
        kept.push_str(before);
        at = comment.end;
        let line = kept.rsplit('\n').next().unwrap_or_default();
        if line.is_empty() && !kept.is_empty() || before.is_empty() && kept.is_empty() {
            at = after_break(text, comment.end);
        } else if line.trim_start_matches(' ') == "-" {
            // The first field takes the place of the comment behind the dash.
            let first = tree.node(member.node).span.start;
            let dash = line.len() - 1;
            let column = tree.node(member.node).collection()?.column;
            kept.push_str(&" ".repeat(column.checked_sub(dash + 1)?));
            at = first;
        }
    }
    kept.push_str(Span::new(at, lines.end).of(text));
    let rule = kept.trim_end_matches(['\n', '\r', ' ']).to_owned();
    Some(rule)
}

/// A rule for a policy that has none to take after, at the column of the list.
pub(super) fn from_scratch(column: usize, newline: &str, path_regex: &str) -> String {
    let indent = " ".repeat(column);
    let lines = [
        format!("{indent}- path_regex: {path_regex}"),
        format!("{indent}  encrypted_regex: {SECRET_FIELDS}"),
        format!("{indent}  key_groups:"),
        format!("{indent}    - age: []"),
    ];
    lines.join(newline)
}

/// Puts the text of a rule, as [`copy`] gives it, before rule `at`, or behind all.
pub(super) fn insert(text: &str, rule: &str, at: usize) -> Result<String, PolicyEditError> {
    let tree = Tree::parse(text)?;
    let all = rules(&tree);
    let newline = tree.newline();
    let Some([.., list, last]) = all.last().map(Vec::as_slice) else { return insert_first(&tree, rule) };
    let edits = if let Some(trail) = all.get(at) {
        let [.., list, member] = trail.as_slice() else { return Err(PolicyEditError::Layout) };
        match lines_of(&tree, list.node, *member) {
            Some(lines) => {
                let start = own_comments(text, lines.start, column(&tree, list.node));
                let gap = if is_spaced(&tree, &all) { newline } else { "" };
                vec![Edit::insert(start, format!("{rule}{newline}{gap}"))]
            }
            None => vec![Edit::insert(tree.node(member.node).full_span().start, format!("{rule}, "))],
        }
    } else if let Some(lines) = lines_of(&tree, list.node, *last) {
        let gap = if is_spaced(&tree, &all) { newline } else { "" };
        let is_cut_off = !Span::new(lines.start, lines.end).of(text).ends_with(['\n', '\r']);
        let line = if is_cut_off { format!("{newline}{gap}{rule}") } else { format!("{gap}{rule}{newline}") };
        vec![Edit::insert(lines.end, line)]
    } else {
        vec![Edit::insert(tree.node(last.node).span.end, format!(", {rule}"))]
    };
    apply(&tree, edits)
}

/// The first rule of a policy.
fn insert_first(tree: &Tree<'_>, rule: &str) -> Result<String, PolicyEditError> {
    let text = tree.text();
    let newline = tree.newline();
    let edit = match super::site::root(tree).and_then(|root| entry(tree, root.node, "creation_rules")) {
        None => {
            let before = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
            Edit::insert(text.len(), format!("{before}creation_rules:{newline}{rule}{newline}"))
        }
        Some(rules) => {
            let node = tree.node(rules.node);
            let key_end = rules.key.map_or(node.span.start, |key| tree.node(key).span.end);
            let colon = key_end + 1;
            let span = if node.is_absent() { Span::new(colon, colon) } else { Span::new(colon, node.span.end) };
            Edit::new(span, format!("{newline}{rule}"))
        }
    };
    apply(tree, vec![edit])
}

/// Takes a rule out, with the comments right above it, and one of the blank lines around it.
pub(super) fn remove(text: &str, rule: usize) -> Result<String, PolicyEditError> {
    let tree = Tree::parse(text)?;
    let all = rules(&tree);
    let trail = all.get(rule).ok_or(PolicyEditError::Layout)?;
    let [.., list, member] = trail.as_slice() else { return Err(PolicyEditError::Layout) };
    let lines = lines_of(&tree, list.node, *member).filter(|_| all.len() > 1);
    let Some(lines) = lines else {
        return apply(&tree, removal(&tree, trail).ok_or(PolicyEditError::Layout)?);
    };
    let mut start = own_comments(text, lines.start, column(&tree, list.node));
    let mut end = lines.end;
    let blank_above = blank_line_above(text, start);
    let blank_below = blank_line_below(text, end);
    match (blank_above, blank_below) {
        (Some(_), Some(below)) => end = below,
        (None, Some(below)) if rule == 0 => end = below,
        (Some(above), None) if rule + 1 == all.len() => start = above,
        _ => {}
    }
    if end == text.len() && !text.ends_with(['\n', '\r']) {
        start = text.get(..start).unwrap_or_default().trim_end_matches(['\n', '\r']).len();
    }
    apply(&tree, vec![Edit::remove(Span::new(start, end))])
}

/// Where the blank line above `start` begins.
fn blank_line_above(text: &str, start: usize) -> Option<usize> {
    let line = text.get(..start)?.strip_suffix('\n')?;
    let line_start = line.rfind('\n').map_or(0, |at| at + 1);
    line.get(line_start..)?.trim().is_empty().then_some(line_start)
}

/// Where the blank line below `end` ends.
fn blank_line_below(text: &str, end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let line = rest.find('\n')?;
    rest.get(..line)?.trim().is_empty().then_some(end + line + 1)
}

/// Whether blank lines stand between the rules.
fn is_spaced(tree: &Tree<'_>, all: &[Trail]) -> bool {
    let [first, second, ..] = all else { return false };
    let lines = |trail: &Trail| match trail.as_slice() {
        [.., list, member] => lines_of(tree, list.node, *member),
        _ => None,
    };
    let (Some(first), Some(second)) = (lines(first), lines(second)) else { return false };
    Span::new(first.end, second.start).of(tree.text()).lines().any(|line| line.trim().is_empty())
}

fn column(tree: &Tree<'_>, list: NodeId) -> usize {
    tree.node(list).collection().map_or(0, |list| list.column)
}

/// The column of the list of rules; that of other lists where there is none.
pub(super) fn list_column(tree: &Tree<'_>) -> usize {
    let of = |trail: &Trail| trail.last().map(|last| column(tree, last.node));
    let rules = rule_list(tree).filter(|_| !rules(tree).is_empty());
    let first_list = || {
        let mut lists = values(tree).into_iter();
        lists.find(|trail| trail.last().is_some_and(|last| matches!(tree.node(last.node).kind, Kind::Sequence(_))))
    };
    rules.or_else(first_list).as_ref().and_then(of).unwrap_or(2)
}
