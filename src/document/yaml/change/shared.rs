//! Values that stand in several places at once: behind anchors, or merged by `<<`.

use std::collections::HashSet;

use super::{
    find::{Reached, find_entry, within},
    members::{elements, entries, key_text},
    seat::content_end,
};
use crate::{
    base::{span::LineColumn, value_path::Step},
    document::yaml::{
        change::error::ChangeError,
        tree::{Kind, NodeId, Tree},
    },
};

/// Refuses a change that would change other places too: of a value on the way that has an anchor with an alias, of
/// `replaced` if anything in it has one, or of a key that `<<` brings.
pub(super) fn check(
    tree: &Tree<'_>,
    reached: &Reached<'_>,
    steps: &[Step],
    replaced: Option<NodeId>,
) -> Result<(), ChangeError> {
    if let Some(error) = merged(tree, reached, steps) {
        return Err(error);
    }
    let span = replaced.map(|id| (tree.node(id).full_span().start, content_end(tree, id, usize::MAX)));
    let is_within = |offset: usize| span.is_some_and(|(start, end)| (start..end).contains(&offset));
    for alias in tree.nodes() {
        let Kind::Alias(target) = alias.kind else { continue };
        if is_within(alias.span.start) {
            continue;
        }
        let on_way = reached.trail.iter().position(|member| member.node == target);
        let inside = is_within(tree.node(target).full_span().start).then_some(steps.len());
        if let Some(number) = on_way.or(inside) {
            let name = alias.span.of(tree.text()).trim_start_matches('*').to_owned();
            let place = LineColumn::of(tree.text(), alias.span.start);
            return Err(ChangeError::Anchor { within: within(steps, number), anchor: name, place });
        }
    }
    Ok(())
}

/// The error for a key that is missing but comes through `<<`.
pub(super) fn merged(tree: &Tree<'_>, reached: &Reached<'_>, steps: &[Step]) -> Option<ChangeError> {
    let Some(Step::Key(wanted)) = reached.missing.first() else { return None };
    let Kind::Mapping(mapping) = &tree.node(reached.last()?.node).kind else { return None };
    let (key, _) =
        entries(mapping).find(|(key, value)| key_text(tree, *key) == "<<" && brings(tree, *value, wanted))?;
    let within = within(steps, steps.len() - reached.missing.len());
    let place = LineColumn::of(tree.text(), tree.node(key).span.start);
    Some(ChangeError::Merged { key: wanted.clone(), within, place })
}

/// Whether a merged mapping, or one in a list of them, has the key; their own merges count.
fn brings(tree: &Tree<'_>, value: NodeId, wanted: &str) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![value];
    while let Some(id) = open.pop() {
        let node = tree.resolve(id);
        // Merges of merges can meet one mapping any number of times.
        if !seen.insert(node.span) {
            continue;
        }
        match &node.kind {
            Kind::Mapping(mapping) if find_entry(tree, mapping, wanted).is_some() => return true,
            Kind::Mapping(mapping) => {
                open.extend(entries(mapping).filter(|(key, _)| key_text(tree, *key) == "<<").map(|(_, value)| value));
            }
            Kind::Sequence(list) => open.extend(elements(list)),
            Kind::Scalar { .. } | Kind::Alias(_) => {}
        }
    }
    false
}
