//! One value of a document set or taken out, and every other byte kept.
//!
//! A change is made as edits over the text; then the new text is read, and unless it holds exactly the old values with
//! that one change, nothing is given out. Knows nothing of encryption.

mod confirm;
mod error;
mod find;
mod insert;
mod meaning;
mod members;
mod remove;
mod replace;
mod seat;
mod shared;
mod spelt;
#[cfg(test)]
mod tests;

pub(crate) use find::Member;
pub(crate) use meaning::is_null;
pub(crate) use members::{entries, key_text};
pub(crate) use seat::{follow, spelling};
pub(crate) use spelt::{addition, lines_of, removal};

use zeroize::Zeroize as _;

use super::{
    emit::Value,
    tree::{Item, Kind, Layout, Tree},
};
use crate::{
    base::{secret::Plaintext, value_path::Step},
    document::edit::{Edit, splice},
};
use confirm::Pair;
use find::{Aliases, Reached, reach, within};
use insert::New;
use meaning::means;
use seat::Seat;

pub use error::{ChangeError, Found, KnownKeys, Within};
pub use find::{Address, find};

/// The indentation of one level in a text without levels.
const DEFAULT_STEP: usize = 4;

/// Puts `value` at `address`. A scalar is replaced in its place, a string in the style of the string that it replaces;
/// new members come last in their collection; parents that are missing are made.
///
/// The text comes back as it is when the value is there already.
///
/// # Errors
/// [`ChangeError`] when the path can lead nowhere, other places share the value, or the layout leaves no room.
///
/// # Source
/// Ours. New values are spelt as SOPS spells them.
pub fn set(tree: &Tree<'_>, address: Address<'_>, value: &Value) -> Result<Plaintext, ChangeError> {
    let steps = address.path.0.as_slice();
    if steps.is_empty() {
        return Err(ChangeError::EmptyPath);
    }
    let reached = reach(tree, address, Aliases::Refuse)?;
    let Some(last) = reached.last() else { return Err(ChangeError::EmptyPath) };
    if reached.missing.is_empty() && means(tree, last.node, value) {
        return Ok(Plaintext::new(tree.text().to_owned()));
    }
    let replaced = reached.missing.is_empty().then_some(last.node);
    shared::check(tree, &reached, steps, replaced)?;
    let layouter = Layouter::new(tree);
    let edits = match reached.missing.split_first() {
        None => layouter.seat_of_last(&reached).map(|seat| layouter.replace(&seat, value)),
        Some((_, rest)) => {
            let mut wrapped = wrap(rest, value.clone(), steps)?;
            let edits = layouter.add(address, &reached, &wrapped);
            wrapped.zeroize();
            edits?
        }
    };
    apply(tree, edits, address, Change::Set(value))
}

/// Takes the value at `address` out, with its key or dash, its lines, and the comment beside it. Of a block collection
/// that loses its last member, `{}` or `[]` is left.
///
/// # Errors
/// [`ChangeError`] when there is no such value, other places share it, or the layout does not allow it.
pub fn unset(tree: &Tree<'_>, address: Address<'_>) -> Result<Plaintext, ChangeError> {
    let steps = address.path.0.as_slice();
    let reached = reach(tree, address, Aliases::Refuse)?;
    if let Some(error) = shared::merged(tree, &reached, steps).or_else(|| reached.dead_end(tree, address.path)) {
        return Err(error);
    }
    let [.., parent, last] = reached.trail.as_slice() else { return Err(ChangeError::EmptyPath) };
    shared::check(tree, &reached, steps, Some(last.node))?;
    let layouter = Layouter::new(tree);
    let around = layouter.seat_above(&reached, 1);
    apply(tree, layouter.remove(parent.node, *last, around.as_ref()), address, Change::Unset)
}

/// What is done at an address.
#[derive(Clone, Copy)]
enum Change<'v> {
    Set(&'v Value),
    Unset,
}

/// Makes edits for one tree.
struct Layouter<'a, 't> {
    tree: &'a Tree<'t>,
    step: usize,
}

impl<'a, 't> Layouter<'a, 't> {
    fn new(tree: &'a Tree<'t>) -> Self {
        Self { tree, step: tree.step(None).unwrap_or(DEFAULT_STEP) }
    }

    /// Adds the first step that is missing below the last value that is there.
    fn add(
        &self,
        address: Address<'_>,
        reached: &Reached<'_>,
        value: &Value,
    ) -> Result<Option<Vec<Edit>>, ChangeError> {
        let (Some(last), Some(first)) = (reached.last(), reached.missing.first()) else { return Ok(None) };
        let node = self.tree.node(last.node);
        let is_empty = match &node.kind {
            Kind::Mapping(found) | Kind::Sequence(found) => self.is_bare(found.items.as_slice(), node.span.end),
            Kind::Scalar { .. } | Kind::Alias(_) => is_null(self.tree, node),
        };
        let is_flow = node.collection().is_some_and(|found| found.layout == Layout::Flow);
        let seat = self.seat_of_last(reached);
        let in_flow = seat.is_some_and(|seat| seat.position == super::emit::Position::Flow);
        if let (true, None, Step::Key(key)) = (is_empty, &seat, first) {
            let document = self.tree.documents().get(address.document);
            return Ok(document.map(|document| self.fill_document(document, key, value)));
        }
        if is_empty && !(is_flow && in_flow) {
            let steps = address.path.0.as_slice();
            let at = within(steps, steps.len() - reached.missing.len());
            let mut only = match first {
                Step::Key(key) => Value::Map(vec![(key.clone(), value.clone())]),
                Step::Append => Value::List(vec![value.clone()]),
                Step::Index(index) => return Err(ChangeError::NoItem { index: *index, within: at, length: 0 }),
            };
            let edits = seat.map(|seat| self.replace(&seat, &only));
            only.zeroize();
            return Ok(edits);
        }
        Ok(match first {
            Step::Key(key) => self.append(last.node, New::Entry(key, value)),
            Step::Append | Step::Index(_) => self.append(last.node, New::Item(value)),
        })
    }

    /// Whether nothing is between the brackets, be it a comment.
    fn is_bare(&self, items: &[Item], end: usize) -> bool {
        items.iter().all(|item| matches!(item, Item::Comment(comment) if self.tree.comment(*comment).0.start >= end))
    }

    fn seat_of_last(&self, reached: &Reached<'_>) -> Option<Seat> {
        self.seat_above(reached, 0)
    }

    /// The seat of the value so many levels above the last one; `None` for the top level.
    fn seat_above(&self, reached: &Reached<'_>, levels: usize) -> Option<Seat> {
        let at = reached.trail.len().checked_sub(levels + 1)?;
        let parent: &Member = reached.trail.get(at.checked_sub(1)?)?;
        Seat::of(self.tree, parent.node, *reached.trail.get(at)?)
    }
}

/// `value` below new collections, one for each step.
fn wrap(missing: &[Step], value: Value, steps: &[Step]) -> Result<Value, ChangeError> {
    missing.iter().enumerate().rev().try_fold(value, |mut value, (number, step)| match step {
        Step::Key(key) => Ok(Value::Map(vec![(key.clone(), value)])),
        Step::Append => Ok(Value::List(vec![value])),
        Step::Index(index) => {
            value.zeroize();
            let within = within(steps, steps.len() - missing.len() + number);
            Err(ChangeError::NoItem { index: *index, within, length: 0 })
        }
    })
}

/// The text with `edits`, if they make exactly this change.
fn apply(
    tree: &Tree<'_>,
    edits: Option<Vec<Edit>>,
    address: Address<'_>,
    change: Change<'_>,
) -> Result<Plaintext, ChangeError> {
    let steps = address.path.0.as_slice();
    let unfit = || ChangeError::Layout(within(steps, steps.len()));
    let mut edits = edits.ok_or_else(unfit)?;
    let spliced = splice(tree.text(), &mut edits).map(Plaintext::new);
    edits.iter_mut().for_each(|edit| edit.text.zeroize());
    let text = spliced.map_err(|_cause| unfit())?;
    let is_good = Tree::parse(text.expose())
        .is_ok_and(|new| Pair { old: tree, new: &new }.is_only(change, address.document, steps));
    if is_good { Ok(text) } else { Err(unfit()) }
}
