//! Go's syntax, from text to tree, in one pass without recursion.

use regex_syntax::hir::{Hir, Look, Repetition};

use super::{
    MAX_GROUP_DEPTH, MAX_PATTERN_BYTES, class,
    cursor::{Case, Counts, Cursor, MAX_COPIES},
    error::{GoRegexError, GoRegexErrorKind as Kind},
};

/// What `(?ims)` switches. `U` changes which match is found but not whether there is one.
#[derive(Debug, Clone, Copy)]
struct Flags {
    case: Case,
    multi_line: bool,
    dot_line_feed: bool,
}

/// A piece that a repetition can follow, and how many copies of its innermost parts it stands for.
struct Item {
    tree: Hir,
    copies: u32,
}

/// A group that is being read; the whole pattern is the outermost.
struct Group {
    open: usize,
    flags_outside: Flags,
    alternatives: Vec<Hir>,
    items: Vec<Item>,
    copies: u32,
}

/// The tree of `pattern`.
pub(super) fn parse(pattern: &str) -> Result<Hir, GoRegexError> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(GoRegexError { kind: Kind::TooLong, offset: MAX_PATTERN_BYTES });
    }
    let flags = Flags { case: Case::Sensitive, multi_line: false, dot_line_feed: false };
    let mut parser = Parser {
        cursor: Cursor::new(pattern),
        flags,
        outer: Vec::new(),
        group: Group::new(0, flags),
        after_repetition: None,
        bytes_will_do: !pattern.contains(r"\B"),
    };
    while !parser.cursor.rest().is_empty() {
        parser.step()?;
    }
    if let Some(innermost) = parser.outer.last().map(|_| parser.group.open) {
        return Err(GoRegexError { kind: Kind::UnclosedGroup, offset: innermost });
    }
    Ok(parser.group.finish().tree)
}

struct Parser<'p> {
    cursor: Cursor<'p>,
    flags: Flags,
    outer: Vec<Group>,
    group: Group,
    /// Where the repetition starts that ends right before the cursor.
    after_repetition: Option<usize>,
    /// Whether `.*` may stop inside of a character. Nothing could go on from there but a `\B`.
    bytes_will_do: bool,
}

impl Parser<'_> {
    /// Reads one piece.
    fn step(&mut self) -> Result<(), GoRegexError> {
        let start = self.cursor.offset;
        let after_repetition = self.after_repetition.take();
        match self.cursor.peek() {
            Some('\\') => return self.escape(),
            Some('[') => {
                let class = class::bracketed(&mut self.cursor, self.flags.case)?;
                self.group.push(class::to_hir(class));
                return Ok(());
            }
            Some('(') if self.cursor.rest().starts_with("(?") => return self.extension(),
            Some('{') => {
                if let Some(counts) = self.cursor.counts()? {
                    return self.repeat(start, after_repetition, &counts);
                }
            }
            _ => {}
        }
        match self.cursor.next() {
            None => {}
            Some('(') => self.open(start, self.flags)?,
            Some(')') => self.close(start)?,
            Some('|') => self.group.end_alternative(),
            Some('*') => {
                return self.repeat(start, after_repetition, &Counts { min: 0, max: None });
            }
            Some('+') => {
                return self.repeat(start, after_repetition, &Counts { min: 1, max: None });
            }
            Some('?') => {
                return self.repeat(start, after_repetition, &Counts { min: 0, max: Some(1) });
            }
            Some('^') if self.flags.multi_line => self.group.push(Hir::look(Look::StartLF)),
            Some('^') => self.group.push(Hir::look(Look::Start)),
            Some('$') if self.flags.multi_line => self.group.push(Hir::look(Look::EndLF)),
            Some('$') => self.group.push(Hir::look(Look::End)),
            Some('.') => self.group.push(class::dot(self.flags.dot_line_feed)),
            Some(character) => self.literal(character),
        }
        Ok(())
    }

    fn literal(&mut self, character: char) {
        self.group.push(class::literal(u32::from(character), self.flags.case));
    }

    /// Reads what begins with a backslash, outside of brackets.
    fn escape(&mut self) -> Result<(), GoRegexError> {
        let look = match self.cursor.rest().as_bytes().get(1) {
            Some(b'A') => Look::Start,
            Some(b'z') => Look::End,
            Some(b'b') => Look::WordAscii,
            Some(b'B') => Look::WordAsciiNegate,
            Some(b'Q') => {
                self.quotation();
                return Ok(());
            }
            _ => {
                let tree = match class::escaped(&mut self.cursor, self.flags.case)? {
                    Some(class) => class::to_hir(class),
                    None => class::literal(self.cursor.escaped_character()?, self.flags.case),
                };
                self.group.push(tree);
                return Ok(());
            }
        };
        self.cursor.skip(2);
        self.group.push(Hir::look(look));
        Ok(())
    }

    /// Reads `\Q…\E`, or `\Q…` to the end.
    fn quotation(&mut self) {
        self.cursor.skip(2);
        let rest = self.cursor.rest();
        let quoted = rest.split_once(r"\E").map_or(rest, |(quoted, _)| quoted);
        for character in quoted.chars() {
            self.literal(character);
        }
        self.cursor.skip(quoted.len());
        if !self.cursor.rest().is_empty() {
            self.cursor.skip(2);
        }
    }

    /// Reads `(?…`: a named group, flags, or a group with flags.
    fn extension(&mut self) -> Result<(), GoRegexError> {
        let start = self.cursor.offset;
        let rest = self.cursor.rest();
        let name_start = if rest.starts_with("(?P<") && rest.len() > 4 {
            Some(4)
        } else if rest.starts_with("(?<") {
            Some(3)
        } else {
            None
        };
        if let Some(name_start) = name_start {
            self.cursor.group_name(name_start)?;
            return self.open(start, self.flags);
        }
        self.cursor.skip(2);
        let mut flags = self.flags;
        let mut enable = true;
        let mut complete = true;
        loop {
            let letter = self.cursor.next();
            match letter {
                Some('i') => {
                    flags.case = if enable { Case::Insensitive } else { Case::Sensitive };
                }
                Some('m') => flags.multi_line = enable,
                Some('s') => flags.dot_line_feed = enable,
                Some('U') => {}
                Some('-') if enable => {
                    enable = false;
                    complete = false;
                    continue;
                }
                Some(':') if complete => {
                    self.open(start, self.flags)?;
                    self.flags = flags;
                    return Ok(());
                }
                Some(')') if complete => {
                    self.flags = flags;
                    return Ok(());
                }
                Some('=' | '!') => return Err(self.cursor.error_since(start, Kind::LookAround)),
                _ => return Err(self.cursor.error_since(start, Kind::UnknownGroup)),
            }
            complete = true;
        }
    }

    fn open(&mut self, start: usize, flags_outside: Flags) -> Result<(), GoRegexError> {
        if self.outer.len() >= MAX_GROUP_DEPTH {
            return Err(GoRegexError { kind: Kind::TooDeep, offset: start });
        }
        let outer = std::mem::replace(&mut self.group, Group::new(start, flags_outside));
        self.outer.push(outer);
        Ok(())
    }

    fn close(&mut self, start: usize) -> Result<(), GoRegexError> {
        let Some(outer) = self.outer.pop() else {
            return Err(GoRegexError { kind: Kind::UnopenedGroup, offset: start });
        };
        let group = std::mem::replace(&mut self.group, outer);
        self.flags = group.flags_outside;
        self.group.items.push(group.finish());
        Ok(())
    }

    /// Repeats the last item; the cursor stands behind the operator, which begins at `start`.
    fn repeat(&mut self, start: usize, after_repetition: Option<usize>, counts: &Counts) -> Result<(), GoRegexError> {
        // The `?` that asks for the shortest match does not change whether there is one.
        let _shortest = self.cursor.take('?');
        if let Some(previous) = after_repetition {
            return Err(self.cursor.error_since(previous, Kind::RepeatedRepetition));
        }
        let Some(item) = self.group.items.pop() else {
            return Err(self.cursor.error_since(start, Kind::NothingToRepeat));
        };
        let copies = match counts.max.unwrap_or(counts.min) {
            // `x{0}` stands for no copy at all, `x*`, `x+`, `x?` and `x{0,}` do not multiply.
            0 if counts.max.is_some() => 1,
            0 => item.copies,
            factor => item.copies.saturating_mul(factor),
        };
        if copies > MAX_COPIES && (counts.min >= 2 || counts.max.is_some_and(|max| max >= 2)) {
            return Err(self.cursor.error_since(start, Kind::RepetitionRange));
        }
        let mut sub = item.tree;
        if counts.min == 0 && counts.max.is_none() && self.bytes_will_do {
            sub = class::any_number_in_bytes(sub);
        }
        let tree = Hir::repetition(Repetition { min: counts.min, max: counts.max, greedy: true, sub: Box::new(sub) });
        self.group.items.push(Item { tree, copies });
        self.after_repetition = Some(start);
        Ok(())
    }
}

impl Group {
    const fn new(open: usize, flags_outside: Flags) -> Self {
        Self { open, flags_outside, alternatives: Vec::new(), items: Vec::new(), copies: 1 }
    }

    fn push(&mut self, tree: Hir) {
        self.items.push(Item { tree, copies: 1 });
    }

    fn end_alternative(&mut self) {
        let items = std::mem::take(&mut self.items);
        self.copies = items.iter().map(|item| item.copies).fold(self.copies, u32::max);
        self.alternatives.push(Hir::concat(items.into_iter().map(|item| item.tree).collect()));
    }

    fn finish(mut self) -> Item {
        self.end_alternative();
        Item { tree: Hir::alternation(self.alternatives), copies: self.copies }
    }
}
