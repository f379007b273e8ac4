//! The spelling of new YAML: how SOPS writes a value that was not there before, and how a decrypted
//! string takes the style in which its ciphertext stood.
//!
//! Everything is pushed into a `String` of the caller, who wipes it. Nothing pushed ends with the line
//! break that ends its last line: that one is the document's.
//! Knows nothing of spans, and reads no document.

mod block;
mod node;
mod quoted;
mod traits;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::fmt::Write as _;
use zeroize::Zeroizing;

pub use block::{BlockHeader, BlockStyle, Chomping, parse_block_header};
pub use node::{Value, push_entry, push_item, push_key, push_node};

use super::scalar::{Scalar, find_special, push_float};
use traits::Traits;

/// Where a new value stands.
///
/// `Place { newline: "\r\n", ..Place::new(Position::MapValue, 0) }` is how to depart from the defaults.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// What the value belongs to.
    pub position: Position,
    /// The column, from 0, at which the entries of the enclosing block collection stand: of its keys, or
    /// of its dashes.
    pub indent: usize,
    /// The indentation of one level; outside of 2 to 9, two, as in go-yaml.
    pub step: usize,
    /// The line break of the document: `\n` or `\r\n`.
    pub newline: &'a str,
    /// What stands behind the value on its line, or on the header line of a block scalar: empty, or blanks
    /// and a comment. Pushed as it is.
    pub line_comment: &'a str,
    /// What follows the line on which the value ends.
    pub follow: Follow,
}

/// What a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The value of an entry of a block mapping.
    MapValue,
    /// An item of a block sequence, right behind its dash.
    ListItem,
    /// Anything inside `[…]` or `{…}`.
    Flow,
}

/// What follows the line on which a value ends. It matters to block scalars, which take in blank lines
/// and deeper comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Follow {
    /// Neither of the others.
    #[default]
    Clear,
    /// Blank lines: a block scalar that keeps its final line breaks would take them in.
    BlankLines,
    /// A comment, perhaps after blank lines, that stands so deep that a block scalar could take it in.
    DeepComment,
}

/// How a scalar was spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// Without indicators.
    Plain,
    /// `'…'`.
    SingleQuoted,
    /// `"…"`.
    DoubleQuoted,
    /// `|` or `>`.
    Block {
        /// What stands on its first line.
        header: BlockHeader,
        /// The column, from 0, at which its content stands.
        column: usize,
    },
}

impl Place<'_> {
    /// A place with SOPS's step of four, `\n`, no comment, and nothing that matters after it.
    #[must_use]
    pub const fn new(position: Position, indent: usize) -> Self {
        Self { position, indent, step: 4, newline: "\n", line_comment: "", follow: Follow::Clear }
    }

    fn step(&self) -> usize {
        if (2..=9).contains(&self.step) { self.step } else { 2 }
    }

    /// The column at which what belongs to the value goes on: the next multiple of the step, or behind
    /// the dash.
    fn content_column(&self) -> usize {
        match self.position {
            Position::ListItem => self.indent.saturating_add(2),
            Position::MapValue | Position::Flow => {
                (self.indent / self.step()).saturating_add(1).saturating_mul(self.step())
            }
        }
    }
}

impl fmt::Debug for Place<'_> {
    /// Without the comment, which may be a secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, indent, step, follow, .. } = self;
        write!(out, "Place({position:?} at {indent} by {step}, {follow:?})")
    }
}

/// Spells a new value as SOPS does, the line comment included.
///
/// # Source
/// go-yaml v3.0.4 with unlimited width. Where its own spelling does not read back as the value, ours
/// differs: a wrong indentation indicator is corrected, and a text that starts with a tab gets one; a
/// text with U+2028 or U+2029 elsewhere than at its end is double quoted, because YAML 1.2 and Go
/// disagree about them.
pub fn push_scalar(out: &mut String, scalar: &Scalar, place: &Place<'_>) {
    match scalar {
        Scalar::Str(text) => return push_string(out, text, place),
        Scalar::Bytes(bytes) => return push_binary(out, bytes, place),
        _ => push_special(out, scalar),
    }
    out.push_str(place.line_comment);
}

/// Spells a decrypted string in the style in which its ciphertext stood, the line comment included.
///
/// A plain ciphertext says nothing of what the string looked like: it is spelt as [`push_scalar`] does.
/// A style that cannot express the text gives way: another chomping or an indentation indicator if
/// that is enough, else double quotes.
pub fn push_respelled(out: &mut String, text: &str, like: &Spelling, place: &Place<'_>) {
    match like {
        Spelling::Plain => return push_string(out, text, place),
        Spelling::SingleQuoted if traits::stands_raw_on_one_line(text) => {
            quoted::push_single_quoted(out, text);
        }
        Spelling::Block { header, column } if place.position != Position::Flow => {
            if block::push_respelled(out, text, (header, *column), place).is_some() {
                return;
            }
            quoted::push_double_quoted(out, text);
        }
        Spelling::SingleQuoted | Spelling::DoubleQuoted | Spelling::Block { .. } => {
            quoted::push_double_quoted(out, text);
        }
    }
    out.push_str(place.line_comment);
}

fn push_special(out: &mut String, scalar: &Scalar) {
    // Writing to a String cannot fail.
    let _infallible = match scalar {
        Scalar::Bool(value) => write!(out, "{value}"),
        Scalar::Int(number) => write!(out, "{number}"),
        Scalar::Uint(number) => write!(out, "{number}"),
        Scalar::Time(text) => out.write_str(text),
        Scalar::Float(number) => {
            push_float(out, *number);
            Ok(())
        }
        Scalar::Null | Scalar::Str(_) | Scalar::Bytes(_) => out.write_str("null"),
    };
}

fn push_string(out: &mut String, text: &str, place: &Place<'_>) {
    let traits = traits::examine(text);
    if traits.has(Traits::LINE_FEED) {
        return push_multiline(out, text, traits, place);
    }
    if text == "<<" {
        // To go-yaml the text has a tag of its own, and so it says which.
        out.push_str("!!merge ");
    }
    push_one_line(out, text, traits, place.position);
    out.push_str(place.line_comment);
}

fn push_multiline(out: &mut String, text: &str, traits: Traits, place: &Place<'_>) {
    let is_literal = place.position != Position::Flow && !traits.has(Traits::NO_LITERAL);
    if is_literal && block::push_literal(out, text, place).is_some() {
        return;
    }
    quoted::push_double_quoted(out, text);
    out.push_str(place.line_comment);
}

/// Plain if it reads back as this string, single quotes if only the place forbids it, else double ones.
fn push_one_line(out: &mut String, text: &str, traits: Traits, position: Position) {
    let forbidden = match position {
        Position::Flow => Traits::NO_PLAIN_IN_FLOW,
        Position::MapValue | Position::ListItem => Traits::NO_PLAIN_IN_BLOCK,
    };
    if traits.has(Traits::NO_SINGLE_QUOTES) || !reads_as_string(text) {
        quoted::push_double_quoted(out, text);
    } else if traits.has(forbidden) {
        quoted::push_single_quoted(out, text);
    } else {
        out.push_str(text);
    }
}

/// Whether the text is a string to go-yaml, and to the readers of YAML 1.1 that go-yaml spares.
fn reads_as_string(text: &str) -> bool {
    let is_old_bool = matches!(
        text,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF"
    );
    !is_old_bool && find_special(text).is_none() && !is_base_60(text.as_bytes())
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`: a number in YAML 1.1, such as `12:30:45`.
fn is_base_60(text: &[u8]) -> bool {
    let unsigned = match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    };
    let is_first = unsigned.first().is_some_and(u8::is_ascii_digit);
    if !is_first || !text.contains(&b':') {
        return false;
    }
    let mut groups = unsigned.split(|byte| *byte == b':');
    let leads = groups.next().unwrap_or_default().iter().all(is_digit_or_underscore);
    let mut groups = groups.peekable();
    let mut follows = true;
    while let Some(group) = groups.next() {
        let digits = match group.iter().position(|byte| *byte == b'.') {
            Some(point) if groups.peek().is_none() => {
                let (digits, fraction) = group.split_at_checked(point).unwrap_or_default();
                follows &= fraction.iter().skip(1).all(is_digit_or_underscore);
                digits
            }
            _ => group,
        };
        follows &= matches!(digits, [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    }
    leads && follows
}

fn is_digit_or_underscore(byte: &u8) -> bool {
    byte.is_ascii_digit() || *byte == b'_'
}

/// `!!binary` and base64, in lines of 70 if one is not enough.
fn push_binary(out: &mut String, bytes: &[u8], place: &Place<'_>) {
    const LINE_BYTES: usize = 70;
    out.push_str("!!binary ");
    let encoded = Zeroizing::new(STANDARD.encode(bytes));
    if encoded.len() < LINE_BYTES {
        out.push_str(&encoded);
        return out.push_str(place.line_comment);
    }
    let mut lines = Zeroizing::new(String::with_capacity(encoded.len() + encoded.len() / LINE_BYTES + 1));
    for line in encoded.as_bytes().chunks(LINE_BYTES) {
        lines.extend(line.iter().map(|byte| char::from(*byte)));
        lines.push('\n');
    }
    push_multiline(out, &lines, traits::examine(&lines), place);
}

#[cfg(test)]
mod tests;
