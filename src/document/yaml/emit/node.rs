//! Keys, and collections that are new as a whole, in block and in flow style.

use zeroize::Zeroize;

use super::block::push_blanks;
use super::traits::{self, Traits};
use super::{Follow, Place, Position, push_one_line, push_scalar, push_string};
use crate::document::yaml::scalar::Scalar;

/// A new value: a scalar or a whole tree of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// One scalar.
    Scalar(Scalar),
    /// Entries in their order.
    Map(Vec<(String, Self)>),
    /// Items in their order.
    List(Vec<Self>),
}

/// The longest simple key of go-yaml in bytes; a longer one is spelt `? key`.
const SIMPLE_KEY_BYTES: usize = 128;

impl Value {
    fn is_block_collection(&self, position: Position) -> bool {
        match self {
            Self::Scalar(_) => false,
            Self::Map(entries) => position != Position::Flow && !entries.is_empty(),
            Self::List(items) => position != Position::Flow && !items.is_empty(),
        }
    }
}

impl Zeroize for Value {
    fn zeroize(&mut self) {
        match self {
            Self::Scalar(scalar) => scalar.zeroize(),
            Self::Map(entries) => {
                for (key, value) in entries.iter_mut() {
                    key.zeroize();
                    value.zeroize();
                }
                entries.clear();
            }
            Self::List(items) => items.zeroize(),
        }
    }
}

/// Spells a key up to and with its `:`.
///
/// `place` is that of the key's value. A key that is long or has line breaks is spelt `? key`, and then
/// the `:` is on a line of its own, at the column of the `?`. `<<` is quoted: plain it would merge.
pub fn push_key(out: &mut String, key: &str, place: &Place<'_>) {
    let bare = Place { line_comment: "", follow: Follow::Clear, ..*place };
    let traits = traits::examine(key);
    if is_simple(key, traits) {
        match key {
            "<<" => out.push_str("\"<<\""),
            _ => push_one_line(out, key, traits, place.position),
        }
        return out.push(':');
    }
    out.push_str("? ");
    push_string(out, key, &bare);
    if place.position == Position::Flow {
        return out.push_str(" :");
    }
    out.push_str(place.newline);
    push_blanks(out, place.indent);
    out.push(':');
}

/// Spells a new value.
///
/// A block collection in the place of a map's value starts with a line break: the caller leaves no blank
/// before it. In the place of a list's item it starts right behind the dash and its blank. Its parts are
/// indented as SOPS does it. Empty collections are `{}` and `[]`.
///
/// Recursion is as deep as the value is.
pub fn push_node(out: &mut String, value: &Value, place: &Place<'_>) {
    if !value.is_block_collection(place.position) {
        return push_inline(out, value, place);
    }
    if place.position == Position::MapValue {
        out.push_str(place.line_comment);
        out.push_str(place.newline);
        push_blanks(out, place.content_column());
    }
    push_collection(out, value, place);
}

/// Spells a whole new entry of a mapping, from its key to the end of its value.
pub fn push_entry(out: &mut String, key: &str, value: &Value, place: &Place<'_>) {
    push_key(out, key, place);
    if !value.is_block_collection(place.position) {
        out.push(' ');
        return push_inline(out, value, place);
    }
    let is_simple = is_simple(key, traits::examine(key));
    let column = place.content_column();
    let behind = place.indent.saturating_add(1);
    if is_simple || column <= behind || !place.line_comment.is_empty() {
        return push_node(out, value, place);
    }
    push_blanks(out, column - behind);
    push_collection(out, value, place);
}

/// Spells a whole new item of a block sequence, from its dash on.
pub fn push_item(out: &mut String, value: &Value, place: &Place<'_>) {
    out.push_str("- ");
    push_node(out, value, place);
}

fn is_simple(key: &str, traits: Traits) -> bool {
    key.len() <= SIMPLE_KEY_BYTES && !traits.has(Traits::ANY_BREAK)
}

/// The entries of a block collection; the first one stands where the text ends.
fn push_collection(out: &mut String, value: &Value, place: &Place<'_>) {
    let column = place.content_column();
    match value {
        Value::Map(entries) => {
            for (number, (key, value)) in entries.iter().enumerate() {
                push_line_start(out, number, column, place);
                let follow = find_follow(number, entries.len(), place);
                push_entry(out, key, value, &inner(place, Position::MapValue, column, follow));
            }
        }
        Value::List(items) => {
            for (number, item) in items.iter().enumerate() {
                push_line_start(out, number, column, place);
                let follow = find_follow(number, items.len(), place);
                push_item(out, item, &inner(place, Position::ListItem, column, follow));
            }
        }
        Value::Scalar(_) => {}
    }
}

fn push_line_start(out: &mut String, number: usize, column: usize, place: &Place<'_>) {
    if number > 0 {
        out.push_str(place.newline);
        push_blanks(out, column);
    }
}

/// Only the last part of a collection meets what follows the collection.
fn find_follow(number: usize, count: usize, place: &Place<'_>) -> Follow {
    if number + 1 == count { place.follow } else { Follow::Clear }
}

/// The place of a part whose collection stands at `indent`.
fn inner<'a>(place: &Place<'a>, position: Position, indent: usize, follow: Follow) -> Place<'a> {
    Place { position, indent, line_comment: "", follow, ..*place }
}

/// What needs no line of its own: a scalar, an empty collection, or flow style.
fn push_inline(out: &mut String, value: &Value, place: &Place<'_>) {
    match value {
        Value::Scalar(scalar) => return push_scalar(out, scalar, place),
        Value::Map(entries) => {
            let place = inner(place, Position::Flow, place.indent, Follow::Clear);
            out.push('{');
            for (number, (key, value)) in entries.iter().enumerate() {
                push_separator(out, number);
                push_entry(out, key, value, &place);
            }
            out.push('}');
        }
        Value::List(items) => {
            let place = inner(place, Position::Flow, place.indent, Follow::Clear);
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                push_separator(out, number);
                push_inline(out, item, &place);
            }
            out.push(']');
        }
    }
    out.push_str(place.line_comment);
}

fn push_separator(out: &mut String, number: usize) {
    if number > 0 {
        out.push_str(", ");
    }
}
