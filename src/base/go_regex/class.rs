//! Character classes: `[…]`, `\d`, `\pL`, `[:alpha:]`, and what `(?i)` makes of them.

use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind};

use super::{
    cursor::{Case, Cursor},
    error::{GoRegexError, GoRegexErrorKind as Kind},
    fold::fold_case,
    unicode,
};

/// The class of the one character `code`; of none for a surrogate, which no text contains.
pub(super) fn literal(code: u32, case: Case) -> Hir {
    match (char::from_u32(code), case) {
        (Some(character), Case::Sensitive) => Hir::literal(character.encode_utf8(&mut [0; 4]).as_bytes()),
        (character, _) => {
            let mut class = ClassUnicode::empty();
            if let Some(character) = character {
                class.push(ClassUnicodeRange::new(character, character));
            }
            fold(&mut class, case);
            to_hir(class)
        }
    }
}

/// The tree that matches one character of `class`.
pub(super) fn to_hir(class: ClassUnicode) -> Hir {
    Hir::class(Class::Unicode(class))
}

/// Every character, or every one but a line feed.
pub(super) fn dot(line_feed: bool) -> Hir {
    let mut class = ClassUnicode::empty();
    if !line_feed {
        class.push(ClassUnicodeRange::new('\n', '\n'));
    }
    class.negate();
    to_hir(class)
}

/// The class of an escape at the cursor, one of `\d \D \s \S \w \W \p… \P…`; `None`, and nothing taken, for any other.
pub(super) fn escaped(cursor: &mut Cursor<'_>, case: Case) -> Result<Option<ClassUnicode>, GoRegexError> {
    let start = cursor.offset;
    let mut ahead = cursor.rest().chars();
    let (Some('\\'), Some(letter)) = (ahead.next(), ahead.next()) else {
        return Ok(None);
    };
    let mut class = match letter {
        'd' | 'D' => ranges(&[('0', '9')]),
        's' | 'S' => ranges(&[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')]),
        'w' | 'W' => ranges(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        'p' | 'P' => {
            cursor.skip(2);
            let (mut class, negated) = property(cursor, start)?;
            fold(&mut class, case);
            if negated != (letter == 'P') {
                class.negate();
            }
            return Ok(Some(class));
        }
        _ => return Ok(None),
    };
    cursor.skip(2);
    fold(&mut class, case);
    if letter.is_ascii_uppercase() {
        class.negate();
    }
    Ok(Some(class))
}

/// The class named after a `\p`, and whether a `^` negates it.
fn property(cursor: &mut Cursor<'_>, start: usize) -> Result<(ClassUnicode, bool), GoRegexError> {
    let name = match cursor.next() {
        Some('{') => {
            let Some(length) = cursor.rest().find('}') else {
                cursor.skip(cursor.rest().len());
                return Err(cursor.error_since(start, Kind::UnknownClass));
            };
            let name = cursor.rest().get(..length).unwrap_or_default();
            cursor.skip(length + 1);
            name.to_owned()
        }
        letter => letter.map(String::from).unwrap_or_default(),
    };
    let (name, negated) = name.strip_prefix('^').map_or((name.as_str(), false), |name| (name, true));
    match unicode::named_class(name) {
        Some(class) => Ok((class, negated)),
        None => Err(cursor.error_since(start, Kind::UnknownClass)),
    }
}

/// The bracketed class at the cursor, which stands on its `[`.
pub(super) fn bracketed(cursor: &mut Cursor<'_>, case: Case) -> Result<ClassUnicode, GoRegexError> {
    let open = cursor.offset;
    cursor.skip(1);
    let negated = cursor.take('^');
    let mut class = ClassUnicode::empty();
    let mut first = true;
    // A `]` that comes first is a member.
    while first || !cursor.rest().starts_with(']') {
        first = false;
        if cursor.rest().is_empty() {
            return Err(GoRegexError { kind: Kind::UnclosedClass, offset: open });
        }
        if let Some(named) = posix(cursor, case)? {
            class.union(&named);
        } else if let Some(escaped) = escaped(cursor, case)? {
            class.union(&escaped);
        } else if let Some(range) = member(cursor, open)? {
            class.push(range);
        }
    }
    cursor.skip(1);
    fold(&mut class, case);
    if negated {
        class.negate();
    }
    Ok(class)
}

/// The class of a `[:name:]` or `[:^name:]` at the cursor; `None` if what follows has not that form.
fn posix(cursor: &mut Cursor<'_>, case: Case) -> Result<Option<ClassUnicode>, GoRegexError> {
    let start = cursor.offset;
    let Some((name, _)) = cursor.rest().strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
        return Ok(None);
    };
    cursor.skip(name.len() + "[::]".len());
    let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
    let mut class = match name {
        "alnum" => ranges(&[('0', '9'), ('A', 'Z'), ('a', 'z')]),
        "alpha" => ranges(&[('A', 'Z'), ('a', 'z')]),
        "ascii" => ranges(&[('\0', '\x7f')]),
        "blank" => ranges(&[('\t', '\t'), (' ', ' ')]),
        "cntrl" => ranges(&[('\0', '\x1f'), ('\x7f', '\x7f')]),
        "digit" => ranges(&[('0', '9')]),
        "graph" => ranges(&[('!', '~')]),
        "lower" => ranges(&[('a', 'z')]),
        "print" => ranges(&[(' ', '~')]),
        "punct" => ranges(&[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
        "space" => ranges(&[('\t', '\r'), (' ', ' ')]),
        "upper" => ranges(&[('A', 'Z')]),
        "word" => ranges(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        "xdigit" => ranges(&[('0', '9'), ('A', 'F'), ('a', 'f')]),
        _ => return Err(cursor.error_since(start, Kind::UnknownClass)),
    };
    fold(&mut class, case);
    if negated {
        class.negate();
    }
    Ok(Some(class))
}

/// A single character or a range of a bracketed class; `None` if it holds surrogates only.
fn member(cursor: &mut Cursor<'_>, open: usize) -> Result<Option<ClassUnicodeRange>, GoRegexError> {
    let start = cursor.offset;
    let low = member_end(cursor, open)?;
    let mut high = low;
    // A `-` before the final `]` is a member of its own.
    let mut ahead = cursor.rest().chars();
    if ahead.next() == Some('-') && ahead.next().is_some_and(|after| after != ']') {
        cursor.skip(1);
        high = member_end(cursor, open)?;
        if high < low {
            return Err(cursor.error_since(start, Kind::BackwardRange));
        }
    }
    Ok(without_surrogates(low, high))
}

/// One character of a bracketed class, escaped or not.
fn member_end(cursor: &mut Cursor<'_>, open: usize) -> Result<u32, GoRegexError> {
    if cursor.rest().starts_with('\\') {
        return cursor.escaped_character();
    }
    match cursor.next() {
        Some(character) => Ok(u32::from(character)),
        None => Err(GoRegexError { kind: Kind::UnclosedClass, offset: open }),
    }
}

/// The characters among the code points `low..=high`.
fn without_surrogates(low: u32, high: u32) -> Option<ClassUnicodeRange> {
    let first = char::from_u32(low).unwrap_or('\u{e000}');
    let last = char::from_u32(high).unwrap_or('\u{d7ff}');
    (first <= last).then(|| ClassUnicodeRange::new(first, last))
}

/// `tree` as a class of bytes, if it is a class with every character beyond ASCII in it; else `tree` as it is.
///
/// Any number of such characters is any number of such bytes, and an automaton of bytes is built in a fifth of the
/// time: `.*` and `[^/]*` are in most expressions of a policy.
pub(super) fn any_number_in_bytes(tree: Hir) -> Hir {
    let HirKind::Class(Class::Unicode(class)) = tree.kind() else {
        return tree;
    };
    if !class.ranges().last().is_some_and(|last| last.start() <= '\u{80}' && last.end() == char::MAX) {
        return tree;
    }
    let ascii = |character: char| u8::try_from(u32::from(character)).unwrap_or(u8::MAX);
    let bytes = class.iter().map(|range| ClassBytesRange::new(ascii(range.start()), ascii(range.end())));
    Hir::class(Class::Bytes(ClassBytes::new(bytes)))
}

fn ranges(pairs: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(pairs.iter().map(|(low, high)| ClassUnicodeRange::new(*low, *high)))
}

/// Adds to `class` what differs from its members in case only.
fn fold(class: &mut ClassUnicode, case: Case) {
    if case == Case::Insensitive {
        fold_case(class);
    }
}
