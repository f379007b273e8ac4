//! Literal and folded block scalars: their headers, read and written, and their lines.

use super::{Follow, Place, traits};
use crate::base::span::Span;

/// What stands on the first line of a block scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHeader {
    /// `|` or `>`.
    pub style: BlockStyle,
    /// What becomes of the line breaks at the end.
    pub chomping: Chomping,
    /// How many columns the content stands to the right of the enclosing collection, if said: 1 to 9.
    pub indentation: Option<u8>,
    /// The comment on the header line from its `#` to its last byte; offsets from the indicator.
    pub comment: Option<Span>,
    /// Where the header line ends, at its line break; an offset from the indicator.
    pub end: usize,
}

/// `|` keeps lines, `>` folds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockStyle {
    /// `|`.
    Literal,
    /// `>`.
    Folded,
}

/// What becomes of the line breaks at the end of a block scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chomping {
    /// One is kept: no indicator.
    Clip,
    /// None is kept: `-`.
    Strip,
    /// All are kept: `+`.
    Keep,
}

/// Reads the header of a block scalar; `text` begins with its `|` or `>`.
///
/// `None` if it is no header: something else than the two indicators, blanks and a comment follows.
#[must_use]
pub fn parse_block_header(text: &str) -> Option<BlockHeader> {
    let end = text.find(['\n', '\r']).unwrap_or(text.len());
    let line = text.get(..end)?;
    let style = match line.as_bytes().first()? {
        b'|' => BlockStyle::Literal,
        b'>' => BlockStyle::Folded,
        _ => return None,
    };
    let (mut chomping, mut indentation) = (None, None);
    let mut rest = line.get(1..)?;
    while let Some(indicator) = rest.bytes().next() {
        match indicator {
            b'-' if chomping.is_none() => chomping = Some(Chomping::Strip),
            b'+' if chomping.is_none() => chomping = Some(Chomping::Keep),
            b'1'..=b'9' if indentation.is_none() => indentation = Some(indicator - b'0'),
            _ => break,
        }
        rest = rest.get(1..)?;
    }
    let trailer = rest.trim_start_matches([' ', '\t']);
    let is_apart = trailer.len() < rest.len();
    let comment = (is_apart && trailer.starts_with('#')).then(|| Span::new(end - trailer.len(), end));
    if !trailer.is_empty() && comment.is_none() {
        return None;
    }
    Some(BlockHeader { style, chomping: chomping.unwrap_or(Chomping::Clip), indentation, comment, end })
}

/// A new text with a line feed, as SOPS spells it. `None`, and nothing pushed, where no block can stand.
pub(super) fn push_literal(out: &mut String, text: &str, place: &Place<'_>) -> Option<()> {
    let chomping = find_chomping(text, Chomping::Clip, place.follow)?;
    let column = place.content_column();
    let is_blank = text.bytes().all(|byte| byte == b'\n');
    let indentation = if is_blank {
        u8::try_from(place.step()).ok()
    } else if text.starts_with([' ', '\t', '\n']) {
        Some(find_indicator(column, place)?)
    } else {
        None
    };
    push_header(out, BlockStyle::Literal, (indentation, chomping), place);
    push_lines(out, text, column, place);
    Some(())
}

/// A text in the block style that its ciphertext had. `None`, and nothing pushed, if it cannot stand so.
pub(super) fn push_respelled(
    out: &mut String,
    text: &str,
    (header, column): (&BlockHeader, usize),
    place: &Place<'_>,
) -> Option<()> {
    if text.is_empty() || !traits::stands_raw_in_block(text) {
        return None;
    }
    let chomping = find_chomping(text, header.chomping, place.follow)?;
    let (column, indentation) = find_indentation(text, header.indentation, column, place)?;
    push_header(out, header.style, (indentation, chomping), place);
    match header.style {
        BlockStyle::Literal => push_lines(out, text, column, place),
        BlockStyle::Folded => push_folded_lines(out, text, column, place),
    }
    Some(())
}

/// The chomping that expresses the end of `text`, `preferred` if that does.
fn find_chomping(text: &str, preferred: Chomping, follow: Follow) -> Option<Chomping> {
    let body = text.trim_end_matches('\n');
    let may_keep = follow == Follow::Clear;
    if follow == Follow::DeepComment {
        return None;
    }
    match text.len() - body.len() {
        0 => Some(Chomping::Strip),
        1 if !body.is_empty() && (preferred != Chomping::Keep || !may_keep) => Some(Chomping::Clip),
        _ => may_keep.then_some(Chomping::Keep),
    }
}

/// The column of the content, and the indicator that tells it where the text needs one or had one.
fn find_indentation(
    text: &str,
    indicator: Option<u8>,
    column: usize,
    place: &Place<'_>,
) -> Option<(usize, Option<u8>)> {
    if let Some(indicator) = indicator {
        return Some((place.indent.checked_add(usize::from(indicator))?, Some(indicator)));
    }
    let column = if column > place.indent { column } else { place.content_column() };
    if !text.trim_start_matches('\n').starts_with([' ', '\t']) {
        return Some((column, None));
    }
    if let Some(indicator) = find_indicator(column, place) {
        return Some((column, Some(indicator)));
    }
    let column = place.content_column();
    Some((column, Some(find_indicator(column, place)?)))
}

fn find_indicator(column: usize, place: &Place<'_>) -> Option<u8> {
    let depth = u8::try_from(column.checked_sub(place.indent)?).ok()?;
    (1..=9).contains(&depth).then_some(depth)
}

fn push_header(
    out: &mut String,
    style: BlockStyle,
    (indentation, chomping): (Option<u8>, Chomping),
    place: &Place<'_>,
) {
    out.push(match style {
        BlockStyle::Literal => '|',
        BlockStyle::Folded => '>',
    });
    if let Some(indentation) = indentation {
        out.push(char::from(b'0' + indentation));
    }
    match chomping {
        Chomping::Clip => {}
        Chomping::Strip => out.push('-'),
        Chomping::Keep => out.push('+'),
    }
    out.push_str(place.line_comment);
}

/// The lines as they are, without the last line break.
fn push_lines(out: &mut String, text: &str, column: usize, place: &Place<'_>) {
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        push_line(out, line, column, place);
    }
}

/// One line for a paragraph. Between two of them a reader drops one line break, unless one of the two
/// starts with a blank.
fn push_folded_lines(out: &mut String, text: &str, column: usize, place: &Place<'_>) {
    let mut folds = false;
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if line.is_empty() {
            push_line(out, line, column, place);
            continue;
        }
        let is_paragraph = !line.starts_with([' ', '\t']);
        if folds && is_paragraph {
            push_line(out, "", column, place);
        }
        push_line(out, line, column, place);
        folds = is_paragraph;
    }
}

fn push_line(out: &mut String, line: &str, column: usize, place: &Place<'_>) {
    out.push_str(place.newline);
    if !line.is_empty() {
        push_blanks(out, column);
        out.push_str(line);
    }
}

pub(super) fn push_blanks(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}
