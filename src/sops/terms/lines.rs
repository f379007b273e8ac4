//! The `sops` block as SOPS itself spells it, read line by line: a tenth of what it takes to parse it. Whatever is spelt
//! in any other way is left to the parser; what is read here, the parser reads alike.

use super::{TermPlaces, Terms};
use crate::{
    crypto::mac::Coverage,
    sops::{
        key_group::{ForeignKind, KeyGroup, MasterKey},
        selector::SelectorKind,
    },
};

/// Scalars that are not text, by YAML 1.1, are no longer than that without a digit, sign or dot in them.
const LONGEST_WORD_BYTES: usize = 5;

impl Terms {
    /// Out of `block`, which begins with the line `sops:` at `start` of the whole text and goes to its end. `None` for what
    /// is spelt otherwise, has foreign keys or several key groups.
    pub(super) fn of_lines(block: &str, start: usize) -> Option<Self> {
        let rest = block.strip_prefix("sops:\n")?;
        let mut lines = Lines { rest, offset: start + block.len() - rest.len() };
        let first = lines.peek()?;
        if first.indent == 0 {
            return None;
        }
        let mut found = Found::default();
        let mut names: Vec<&str> = Vec::new();
        while let Some(line) = lines.next() {
            let field = line.field().filter(|field| line.indent == first.indent && !names.contains(&field.name))?;
            names.push(field.name);
            found.take(&field, first.indent, &mut lines)?;
        }
        if !lines.rest.is_empty() || found.keys.is_empty() {
            return None;
        }
        let block = first.start();
        let (selector, place) = found.selector.unzip();
        let places = TermPlaces {
            block,
            entries: vec![found.entries],
            threshold: block,
            selector: place.unwrap_or(block),
            coverage: found.coverage.map_or(block, |(_, place)| place),
        };
        let coverage = found.coverage.map_or(Coverage::AllValues, |(coverage, _)| coverage);
        Some(Self::new(vec![KeyGroup(found.keys)], 0, selector, coverage, Some(places)))
    }
}

/// What was read so far. Places are byte offsets into the whole text.
#[derive(Default)]
struct Found {
    keys: Vec<MasterKey>,
    entries: Vec<usize>,
    selector: Option<((SelectorKind, String), usize)>,
    coverage: Option<(Coverage, usize)>,
}

impl Found {
    fn take(&mut self, field: &Field<'_>, indent: usize, lines: &mut Lines<'_>) -> Option<()> {
        let is_foreign = || ForeignKind::ALL.iter().any(|kind| kind.name() == field.name);
        let selector = || SelectorKind::ALL.into_iter().find(|kind| kind.field() == field.name);
        match field.name {
            "lastmodified" | "mac" | "version" => scalar(field.value).map(drop),
            "age" if field.value == "[]" => Some(()),
            "age" if field.value.is_empty() => self.take_entries(indent, lines),
            "mac_only_encrypted" => {
                let coverage = match field.value {
                    "true" => Coverage::OnlyEncrypted,
                    "false" => Coverage::AllValues,
                    _ => return None,
                };
                self.coverage = Some((coverage, field.place));
                Some(())
            }
            _ if field.value == "[]" && is_foreign() => Some(()),
            _ => {
                let kind = selector().filter(|_| self.selector.is_none())?;
                self.selector = Some(((kind, word(field.value)?.to_owned()), field.place));
                Some(())
            }
        }
    }

    /// The entries of a list below a field that is indented by `indent`.
    fn take_entries(&mut self, indent: usize, lines: &mut Lines<'_>) -> Option<()> {
        let dash = lines.peek().map(|line| line.indent).filter(|dash| *dash > indent)?;
        while let Some(line) = lines.peek().filter(|line| line.indent == dash) {
            let first = line.behind_dash()?;
            lines.next();
            self.entries.push(first.start());
            let second = match first.field()? {
                Field { name: "recipient", value, .. } => {
                    self.keys.push(MasterKey::Age(word(value)?.to_owned()));
                    "enc"
                }
                Field { name: "enc", value: "|", .. } => {
                    lines.skip_literal(first.indent)?;
                    "recipient"
                }
                _ => return None,
            };
            let line = lines.next().filter(|line| line.indent == first.indent)?;
            match line.field().filter(|field| field.name == second)? {
                Field { name: "recipient", value, .. } => self.keys.push(MasterKey::Age(word(value)?.to_owned())),
                Field { value: "|", .. } => lines.skip_literal(first.indent)?,
                _ => return None,
            }
        }
        Some(())
    }
}

/// A line without its indentation.
#[derive(Clone, Copy)]
struct Line<'t> {
    /// How many blanks it begins with.
    indent: usize,
    /// What follows them; not empty.
    text: &'t str,
    /// Where it begins in the whole text.
    offset: usize,
}

/// `name: value`.
struct Field<'t> {
    name: &'t str,
    /// Empty where it is in the lines below.
    value: &'t str,
    /// Where the value begins in the whole text.
    place: usize,
}

impl<'t> Line<'t> {
    const fn start(&self) -> usize {
        self.offset + self.indent
    }

    fn behind_dash(self) -> Option<Self> {
        let text = self.text.strip_prefix("- ").filter(|text| !text.starts_with(' '))?;
        Some(Self { indent: self.indent + 2, text, ..self })
    }

    fn field(self) -> Option<Field<'t>> {
        let (name, rest) = self.text.split_once(':')?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let value = match rest {
            "" => rest,
            _ => rest.strip_prefix(' ').filter(|value| !value.is_empty())?,
        };
        is_name.then_some(Field { name, value, place: self.start() + self.text.len() - value.len() })
    }
}

/// The lines that are left.
struct Lines<'t> {
    rest: &'t str,
    offset: usize,
}

impl<'t> Lines<'t> {
    /// The next line; `None` at the end, and before one that is empty, begins with a tab, or has anything but printable ASCII.
    fn peek(&self) -> Option<Line<'t>> {
        let line = self.rest.split('\n').next()?;
        let text = line.trim_start_matches(' ');
        let is_printable = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        is_printable.then_some(Line { indent: line.len() - text.len(), text, offset: self.offset })
    }

    fn next(&mut self) -> Option<Line<'t>> {
        let line = self.peek()?;
        let length = line.indent + line.text.len();
        // The last line may have no end.
        let length = length + usize::from(self.rest.len() > length);
        self.rest = self.rest.get(length..)?;
        self.offset += length;
        Some(line)
    }

    /// Passes over the lines of a literal below a field that is indented by `indent`.
    fn skip_literal(&mut self, indent: usize) -> Option<()> {
        let own = self.next().map(|line| line.indent).filter(|own| *own > indent)?;
        while self.peek().is_some_and(|line| line.indent >= own) {
            self.next();
        }
        Some(())
    }
}

/// The content of a scalar on one line; `None` for one that is not spelt in the simplest way.
fn scalar(value: &str) -> Option<&str> {
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains(quote));
    match value.bytes().next()? {
        b'"' => quoted('"').filter(|inner| !inner.contains('\\')),
        b'\'' => quoted('\''),
        first => {
            let begins = first.is_ascii_alphanumeric() || matches!(first, b'^' | b'_' | b'(');
            let is_plain = !value.contains(": ") && !value.contains(" #") && !value.ends_with([' ', ':']);
            (begins && is_plain).then_some(value)
        }
    }
}

/// A scalar that is text for certain, and not empty.
fn word(value: &str) -> Option<&str> {
    let text = scalar(value)?;
    let is_quoted = value.len() != text.len();
    let is_number = text.starts_with(|first: char| first.is_ascii_digit());
    let is_text = is_quoted || !is_number && text.len() > LONGEST_WORD_BYTES;
    (!text.is_empty() && is_text).then_some(text)
}
