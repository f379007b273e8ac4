//! Single and double quotes, always on one line.

use std::fmt::Write as _;

use super::traits::{char_at, is_foreign_break, is_printable};

const BYTE_ORDER_MARK: char = '\u{feff}';

/// `'it''s'`. The caller knows that the text can stand so.
pub(super) fn push_single_quoted(out: &mut String, text: &str) {
    out.push('\'');
    let mut parts = text.split('\'');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push_str("''");
        out.push_str(part);
    }
    out.push('\'');
}

/// `"…"` with the escapes that go-yaml chooses. Every text can stand so.
///
/// A text that starts with a byte order mark is escaped throughout: so does go-yaml, by mistake.
pub(super) fn push_double_quoted(out: &mut String, text: &str) {
    let escapes_all = text.starts_with(BYTE_ORDER_MARK);
    out.push('"');
    let (mut raw_from, mut index) = (0, 0);
    while let Some(byte) = text.as_bytes().get(index) {
        if matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\') && !escapes_all {
            index += 1;
            continue;
        }
        let character = char_at(text, index);
        let after = index + character.len_utf8();
        if escapes_all || character.is_ascii() || !is_printable(character) || is_foreign_break(character) {
            out.push_str(text.get(raw_from..index).unwrap_or_default());
            push_escaped(out, character);
            raw_from = after;
        }
        index = after;
    }
    out.push_str(text.get(raw_from..).unwrap_or_default());
    out.push('"');
}

fn push_escaped(out: &mut String, character: char) {
    let short = match character {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => return push_hexadecimal(out, u32::from(character)),
    };
    out.push('\\');
    out.push(short);
}

fn push_hexadecimal(out: &mut String, code: u32) {
    // Writing to a String cannot fail.
    let _infallible = match code {
        0..=0xFF => write!(out, "\\x{code:02X}"),
        0x100..=0xFFFF => write!(out, "\\u{code:04X}"),
        _ => write!(out, "\\U{code:08X}"),
    };
}
