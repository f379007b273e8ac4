//! What a text is made of, as far as its spelling depends on it: one pass, by the rules of go-yaml's
//! emitter.

/// Facts about a text, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traits(u8);

impl Traits {
    pub(super) const NO_PLAIN_IN_BLOCK: u8 = 1;
    pub(super) const NO_PLAIN_IN_FLOW: u8 = 1 << 1;
    pub(super) const NO_SINGLE_QUOTES: u8 = 1 << 2;
    pub(super) const NO_LITERAL: u8 = 1 << 3;
    pub(super) const LINE_FEED: u8 = 1 << 4;
    /// Any line break, also those that are none in YAML 1.2. No such text is a simple key.
    pub(super) const ANY_BREAK: u8 = 1 << 5;

    const NO_PLAIN: u8 = Self::NO_PLAIN_IN_BLOCK | Self::NO_PLAIN_IN_FLOW;
    const DOUBLE_QUOTES_ONLY: u8 = Self::NO_PLAIN | Self::NO_SINGLE_QUOTES | Self::NO_LITERAL;

    /// Whether one of `bits` holds.
    pub(super) const fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }

    fn add(&mut self, bits: u8) {
        self.0 |= bits;
    }
}

/// What stands before a character, as far as that decides.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Start,
    Space,
    Tab,
    Break,
    Other,
}

/// ASCII that forbids nothing wherever it stands but at the start.
const fn is_ordinary(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'#' | b',' | b':' | b'?' | b'[' | b']' | b'{' | b'}')
}

#[expect(clippy::indexing_slicing, reason = "a byte cannot leave a table of 256; checked when compiling")]
const ORDINARY: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = is_ordinary(byte);
        byte += 1;
    }
    table
};

/// Looks at each character once.
pub(super) fn examine(text: &str) -> Traits {
    let bytes = text.as_bytes();
    let mut traits = Traits(examine_start(bytes));
    let mut before = Before::Start;
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        if ORDINARY.get(usize::from(*byte)).is_some_and(|is_ordinary| *is_ordinary) {
            before = Before::Other;
            index += 1;
            continue;
        }
        let next = if byte.is_ascii() { char::from(*byte) } else { char_at(text, index) };
        index += next.len_utf8();
        before = examine_special(&mut traits, next, before, text.get(index..).unwrap_or_default());
    }
    traits
}

/// Whether the text can stand unescaped between quotes on one line, for Go and for YAML 1.2.
pub(super) fn stands_raw_on_one_line(text: &str) -> bool {
    !text.contains('\n') && stands_raw_in_block(text)
}

/// Whether the text can stand unescaped in a block scalar, for Go and for YAML 1.2.
pub(super) fn stands_raw_in_block(text: &str) -> bool {
    is_printable_ascii(text) || text.chars().all(|character| character == '\n' || is_raw(character))
}

fn is_raw(character: char) -> bool {
    character == '\t' || character > '\u{ffff}' || (is_printable(character) && !is_foreign_break(character))
}

/// What go-yaml's emitter takes for printable: nothing beyond U+FFFF, and no byte order mark.
pub(super) fn is_printable(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Line breaks for Go, plain characters for YAML 1.2.
pub(super) fn is_foreign_break(character: char) -> bool {
    matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// No early exit, so that it takes many bytes at a time; a line feed may be among them.
fn is_printable_ascii(text: &str) -> bool {
    text.bytes().fold(true, |so_far, byte| so_far & matches!(byte, b' '..=b'~' | b'\n'))
}

/// The character that starts at `index`, which is a boundary and not the end.
pub(super) fn char_at(text: &str, index: usize) -> char {
    text.get(index..).and_then(|rest| rest.chars().next()).unwrap_or_default()
}

fn examine_start(text: &[u8]) -> u8 {
    let is_blank_next = text.get(1).is_none_or(|next| matches!(next, b' ' | b'\t'));
    match text {
        // Empty: plain it would be null.
        [] => Traits::NO_PLAIN,
        [b'-', b'-', b'-', ..] | [b'.', b'.', b'.', ..] => Traits::NO_PLAIN,
        [b'#' | b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|', ..]
        | [b'>' | b'\'' | b'"' | b'%' | b'@' | b'`' | b' ' | b'\n', ..] => Traits::NO_PLAIN,
        [b'-', ..] if is_blank_next => Traits::NO_PLAIN,
        [b'?' | b':', ..] if is_blank_next => Traits::NO_PLAIN,
        [b'?' | b':', ..] => Traits::NO_PLAIN_IN_FLOW,
        _ => 0,
    }
}

fn examine_special(traits: &mut Traits, next: char, before: Before, after: &str) -> Before {
    match next {
        ' ' => {
            if after.is_empty() {
                traits.add(Traits::NO_PLAIN | Traits::NO_LITERAL);
            }
            if before == Before::Break {
                traits.add(Traits::NO_PLAIN | Traits::NO_SINGLE_QUOTES);
            }
            return Before::Space;
        }
        '\t' => {
            traits.add(Traits::NO_PLAIN | Traits::NO_SINGLE_QUOTES);
            return Before::Tab;
        }
        '\n' | '\r' => {
            traits.add(Traits::NO_PLAIN | Traits::ANY_BREAK);
            if next == '\n' {
                traits.add(Traits::LINE_FEED);
            }
            if next == '\r' || before == Before::Space {
                traits.add(Traits::DOUBLE_QUOTES_ONLY);
            }
            return Before::Break;
        }
        ',' | '?' | '[' | ']' | '{' | '}' => traits.add(Traits::NO_PLAIN_IN_FLOW),
        ':' if after.is_empty() || after.starts_with([' ', '\t']) => traits.add(Traits::NO_PLAIN),
        ':' => traits.add(Traits::NO_PLAIN_IN_FLOW),
        '#' if before != Before::Other => traits.add(Traits::NO_PLAIN),
        '#' => {}
        _ if is_foreign_break(next) => return examine_foreign_break(traits, next, before, after),
        _ if !is_printable(next) => traits.add(Traits::DOUBLE_QUOTES_ONLY),
        _ => {}
    }
    Before::Other
}

/// Go breaks lines here and YAML 1.2 does not, so only at the end of single quotes are the two agreed.
fn examine_foreign_break(traits: &mut Traits, next: char, before: Before, after: &str) -> Before {
    traits.add(Traits::NO_PLAIN | Traits::NO_LITERAL | Traits::ANY_BREAK);
    if next == '\u{85}' || before == Before::Space || !after.chars().all(is_foreign_break) {
        traits.add(Traits::NO_SINGLE_QUOTES);
    }
    Before::Break
}
