//! A pattern read from left to right: characters, escapes, counts, and errors with their place.

use super::error::{GoRegexError, GoRegexErrorKind as Kind};

/// The most copies that a count, or nested counts together, may ask for.
pub(super) const MAX_COPIES: u32 = 1000;

/// How much of a refused piece an error quotes, in characters.
const MAX_QUOTED_CHARACTERS: usize = 40;

/// Whether `a` is also `A`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Sensitive,
    Insensitive,
}

/// Counts of a repetition.
pub(super) struct Counts {
    pub(super) min: u32,
    pub(super) max: Option<u32>,
}

/// A place in the pattern.
pub(super) struct Cursor<'p> {
    pattern: &'p str,
    pub(super) offset: usize,
}

impl<'p> Cursor<'p> {
    /// At the start of `pattern`.
    pub(super) const fn new(pattern: &'p str) -> Self {
        Self { pattern, offset: 0 }
    }

    /// What is still to be read.
    pub(super) fn rest(&self) -> &'p str {
        self.pattern.get(self.offset..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.offset += character.len_utf8();
        Some(character)
    }

    pub(super) const fn skip(&mut self, bytes: usize) {
        self.offset += bytes;
    }

    /// Takes `expected` if it comes next.
    pub(super) fn take(&mut self, expected: char) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.skip(expected.len_utf8());
        }
        found
    }

    /// The error about the text from `start` up to the cursor.
    pub(super) fn error_since(&self, start: usize, kind: fn(String) -> Kind) -> GoRegexError {
        let piece = self.pattern.get(start..self.offset).unwrap_or_default();
        let quoted = piece
            .chars()
            .take(MAX_QUOTED_CHARACTERS)
            .map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character })
            .collect();
        GoRegexError { kind: kind(quoted), offset: start }
    }

    /// Takes the head of a named group, which begins at the cursor; its name begins `name_start` bytes further.
    pub(super) fn group_name(&mut self, name_start: usize) -> Result<(), GoRegexError> {
        let start = self.offset;
        let head = self.rest();
        let name = head.find('>').and_then(|end| head.get(name_start..end));
        self.skip(name.map_or(head.len(), |name| name_start + name.len() + 1));
        let valid = name.is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        });
        if valid {
            return Ok(());
        }
        if head.starts_with("(?<=") || head.starts_with("(?<!") {
            self.offset = start + "(?<=".len();
            return Err(self.error_since(start, Kind::LookAround));
        }
        Err(self.error_since(start, Kind::GroupName))
    }

    /// Takes `{n}`, `{n,}` or `{n,m}`; `None`, and nothing taken, for a `{` that is a character.
    pub(super) fn counts(&mut self) -> Result<Option<Counts>, GoRegexError> {
        let start = self.offset;
        let Some((inside, _)) = self.rest().strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            return Ok(None);
        };
        let (min, max) = match inside.split_once(',') {
            None => (inside, Some(inside)),
            Some((min, "")) => (min, None),
            Some((min, max)) => (min, Some(max)),
        };
        if !is_decimal(min) || !max.is_none_or(is_decimal) {
            return Ok(None);
        }
        self.skip(inside.len() + "{}".len());
        let min = min.parse().unwrap_or(u32::MAX);
        let max = max.map(|max| max.parse().unwrap_or(u32::MAX));
        if min > MAX_COPIES || max.is_some_and(|max| max > MAX_COPIES || max < min) {
            return Err(self.error_since(start, Kind::RepetitionRange));
        }
        Ok(Some(Counts { min, max }))
    }

    /// Takes an escape that stands for one character and gives its code point, which may be a surrogate's.
    pub(super) fn escaped_character(&mut self) -> Result<u32, GoRegexError> {
        let start = self.offset;
        self.skip(1);
        let Some(letter) = self.next() else {
            return Err(GoRegexError { kind: Kind::TrailingBackslash, offset: start });
        };
        let code = match letter {
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            'x' => self.hexadecimal(),
            '0'..='7' => {
                if letter != '0' && !self.rest().starts_with(|next| ('0'..='7').contains(&next)) {
                    return Err(self.error_since(start, Kind::BackReference));
                }
                Some(self.octal(letter))
            }
            _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => Some(u32::from(letter)),
            '8' | '9' => return Err(self.error_since(start, Kind::BackReference)),
            _ => None,
        };
        code.ok_or_else(|| self.error_since(start, Kind::UnknownEscape))
    }

    /// The rest of an octal escape of up to three digits that begins with `first`.
    fn octal(&mut self, first: char) -> u32 {
        let mut code = first.to_digit(8).unwrap_or_default();
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|next| next.to_digit(8)) else {
                break;
            };
            code = code * 8 + digit;
            self.skip(1);
        }
        code
    }

    /// The rest of a hexadecimal escape: two digits, or any number in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        if !self.take('{') {
            let high = self.next()?.to_digit(16)?;
            let low = self.next()?.to_digit(16)?;
            return Some(high * 16 + low);
        }
        let mut code = None;
        loop {
            let next = self.next()?;
            if next == '}' {
                return code;
            }
            let value = code.unwrap_or(0) * 16 + next.to_digit(16)?;
            if value > u32::from(char::MAX) {
                return None;
            }
            code = Some(value);
        }
    }
}

/// A decimal number as a count: digits, without a leading zero.
fn is_decimal(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text.len() == 1 || !text.starts_with('0'))
}
