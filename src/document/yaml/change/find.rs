//! The way of a path through a document, as far as there is one.

use super::{
    error::{ChangeError, Found, KnownKeys, Within},
    meaning::is_null,
    members::{elements, entries, key_text},
};
use crate::{
    base::{
        span::LineColumn,
        value_path::{Step, ValuePath},
    },
    document::yaml::tree::{Collection, Item, Kind, NodeId, Tree},
};

/// Which value of a text.
#[derive(Debug, Clone, Copy)]
pub struct Address<'p> {
    /// The document, from 0.
    pub document: usize,
    /// The way to the value in it.
    pub path: &'p ValuePath,
}

/// What happens at an alias on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aliases {
    /// The way goes on where its anchor is.
    Follow,
    /// It is an error.
    Refuse,
}

/// How far a path could be followed.
#[derive(Debug)]
pub(super) struct Reached<'p> {
    /// What was passed, from the top level to the last value that is there.
    pub(super) trail: Vec<Member>,
    /// The steps that lead to what is not there yet.
    pub(super) missing: &'p [Step],
}

/// A value with its place in the collection around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) node: NodeId,
    /// Its key, in a mapping.
    pub(crate) key: Option<NodeId>,
    /// Which of the items of its collection it is, comments counted.
    pub(crate) item: usize,
}

/// Finds the value at `address`; aliases on the way are followed, `<<` is a key like others.
///
/// # Errors
/// [`ChangeError`] for the first step that leads nowhere.
pub fn find(tree: &Tree<'_>, address: Address<'_>) -> Result<NodeId, ChangeError> {
    let reached = reach(tree, address, Aliases::Follow)?;
    if let Some(error) = reached.dead_end(tree, address.path) {
        return Err(error);
    }
    reached.last().map(|member| member.node).ok_or(ChangeError::EmptyPath)
}

/// Follows the path as far as it goes.
///
/// # Errors
/// [`ChangeError`] for a step that can lead nowhere, whatever is added: into a single value, to the wrong kind of
/// collection, past the end of a list, behind an alias.
pub(super) fn reach<'p>(tree: &Tree<'_>, address: Address<'p>, aliases: Aliases) -> Result<Reached<'p>, ChangeError> {
    let count = tree.documents().len();
    let document = tree.documents().get(address.document);
    let document = document.ok_or(ChangeError::NoDocument { number: address.document + 1, count })?;
    let steps = address.path.0.as_slice();
    let mut trail = vec![Member { node: document.root, key: None, item: 0 }];
    let mut node = document.root;
    for (number, step) in steps.iter().enumerate() {
        let within = || within(steps, number);
        if aliases == Aliases::Refuse
            && let Kind::Alias(target) = tree.node(node).kind
        {
            return Err(alias_error(tree, node, target, within()));
        }
        let found = match (&tree.resolve(node).kind, step) {
            (Kind::Mapping(mapping), Step::Key(key)) => find_entry(tree, mapping, key),
            (Kind::Sequence(list), Step::Index(index)) => Some(find_element(list, *index, within())?),
            (Kind::Sequence(_), Step::Append) => None,
            (Kind::Scalar { .. }, _) if is_null(tree, tree.resolve(node)) => None,
            (kind, Step::Key(key)) => {
                return Err(ChangeError::NoMapping { within: within(), found: what(kind), key: key.clone() });
            }
            (kind, Step::Index(_) | Step::Append) => {
                return Err(ChangeError::NoList { within: within(), found: what(kind) });
            }
        };
        let Some(member) = found else {
            return Ok(Reached { trail, missing: steps.get(number..).unwrap_or_default() });
        };
        node = member.node;
        trail.push(member);
    }
    Ok(Reached { trail, missing: &[] })
}

impl Reached<'_> {
    pub(super) fn last(&self) -> Option<Member> {
        self.trail.last().copied()
    }

    /// Why there is nothing at the path; `None` if there is.
    pub(super) fn dead_end(&self, tree: &Tree<'_>, path: &ValuePath) -> Option<ChangeError> {
        let step = self.missing.first()?;
        let within = within(&path.0, path.0.len() - self.missing.len());
        let kind = &tree.resolve(self.last()?.node).kind;
        Some(match (kind, step) {
            (Kind::Mapping(mapping), Step::Key(key)) => {
                let known = entries(mapping).map(|(key, _)| key_text(tree, key).to_owned()).collect();
                ChangeError::NoKey { key: key.clone(), within, known: KnownKeys(known) }
            }
            (Kind::Sequence(_), _) => ChangeError::NothingAppended(within),
            (_, Step::Key(key)) => ChangeError::NoMapping { within, found: Found::Null, key: key.clone() },
            (_, Step::Index(_) | Step::Append) => ChangeError::NoList { within, found: Found::Null },
        })
    }
}

/// The value before step `number`, as errors call it.
pub(super) fn within(steps: &[Step], number: usize) -> Within {
    Within(ValuePath(steps.get(..number).unwrap_or_default().to_vec()).to_string())
}

pub(super) fn find_entry(tree: &Tree<'_>, mapping: &Collection, wanted: &str) -> Option<Member> {
    mapping.items.iter().enumerate().find_map(|(item, found)| match *found {
        Item::Entry(key, node) if key_text(tree, key) == wanted => Some(Member { node, key: Some(key), item }),
        _ => None,
    })
}

fn find_element(list: &Collection, index: usize, within: Within) -> Result<Member, ChangeError> {
    let items = list.items.iter().enumerate();
    let mut elements = items.filter_map(|(item, found)| match *found {
        Item::Element(node) => Some(Member { node, key: None, item }),
        _ => None,
    });
    let found = elements.by_ref().nth(index);
    found.ok_or_else(|| ChangeError::NoItem { index, within, length: self::elements(list).count() })
}

fn alias_error(tree: &Tree<'_>, alias: NodeId, target: NodeId, within: Within) -> ChangeError {
    let name = tree.node(alias).span.of(tree.text());
    ChangeError::Alias {
        within,
        anchor: name.trim_start_matches('*').to_owned(),
        place: LineColumn::of(tree.text(), tree.node(target).full_span().start),
    }
}

const fn what(kind: &Kind<'_>) -> Found {
    match kind {
        Kind::Mapping(_) => Found::Mapping,
        Kind::Sequence(_) => Found::List,
        Kind::Scalar { .. } | Kind::Alias(_) => Found::Single,
    }
}
