//! The YAML parser behind our own events: byte spans that are right for block scalars too, and no crate type beyond here.

use std::borrow::Cow;

use granit_parser::{Event as Raw, Options, Parser, ScanError, StructureStyle, Tag, options};
use zeroize::Zeroizing;

use super::{
    scalar::ScalarStyle,
    tree::{Layout, Properties, Text, after_break},
};
use crate::{
    base::span::Span,
    document::error::{DocumentError, Fault},
};

/// Collections of one kind within each other; the parser's own default, stated so that it stays.
pub(super) const NESTING_LIMIT: usize = 255;

/// What the parser met.
#[derive(Debug)]
pub(super) enum Event<'t> {
    /// A document begins; `marker` is its `---`, if it has one, and `is_foreign` tells of a `%YAML` other than 1.1.
    DocumentStart {
        marker: Option<Span>,
        is_foreign: bool,
    },
    /// A document ends; `marker` is its `...`, if it has one.
    DocumentEnd {
        marker: Option<Span>,
    },
    Comment,
    Scalar {
        text: Text<'t>,
        style: ScalarStyle,
    },
    Alias {
        anchor: usize,
    },
    MappingStart(Layout),
    MappingEnd,
    SequenceStart(Layout),
    SequenceEnd,
}

/// An event, where it stands, and what stood before its content.
#[derive(Debug)]
pub(super) struct Placed<'t> {
    pub(super) event: Event<'t>,
    pub(super) span: Span,
    /// The column of the start, in characters from 0.
    pub(super) column: usize,
    /// The number by which aliases refer to this node; 0 without an anchor.
    pub(super) anchor_number: usize,
    pub(super) properties: Option<Box<Properties>>,
}

/// The events of a text. A node comes with its anchor.
pub(super) struct Events<'t> {
    text: &'t str,
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    /// Where the last node or marker ended; the header of a block scalar is searched from here.
    content_end: usize,
}

impl<'t> Events<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let options: Options = options! {
            emit_anchor_events: true,
            max_buffered_comment_events: usize::MAX,
            flow_nesting_limit: NESTING_LIMIT,
            block_nesting_limit: NESTING_LIMIT,
        };
        let parser = Parser::new_from_str_with_options(text, options);
        Self { text, parser, content_end: 0 }
    }

    /// The next event, `None` at the end of the text.
    pub(super) fn next(&mut self) -> Result<Option<Placed<'t>>, DocumentError> {
        loop {
            let (raw, raw_span) = match self.parser.next_event() {
                None => return Ok(None),
                Some(Err(error)) => return Err(syntax_error(self.text, &error)),
                Some(Ok(next)) => next,
            };
            let mut span = byte_span(raw_span);
            let column = raw_span.start.col();
            let mut anchor_number = 0;
            let mut properties = None;
            let event = match raw {
                Raw::StreamStart | Raw::StreamEnd | Raw::Anchor(..) => continue,
                Raw::DocumentStart(explicit, version) => {
                    let is_foreign = version.is_some_and(|version| (version.major, version.minor) != (1, 1));
                    Event::DocumentStart { marker: explicit.then_some(span), is_foreign }
                }
                Raw::DocumentEnd => {
                    let marker = (span.of(self.text) == "...").then_some(span);
                    Event::DocumentEnd { marker }
                }
                Raw::Comment(..) => Event::Comment,
                Raw::Scalar(text, style, number, raw_tag) => {
                    anchor_number = number;
                    properties = tagged(raw_span, raw_tag.as_deref());
                    self.scalar(text, style, &mut span, properties.as_deref())
                }
                Raw::Alias(anchor) => Event::Alias { anchor },
                Raw::UnresolvedAlias(_) => {
                    let reason = "an alias without its anchor".to_owned();
                    return Err(DocumentError::at(self.text, span.start, Fault::Syntax(reason)));
                }
                Raw::MappingStart(style, number, raw_tag) => {
                    anchor_number = number;
                    properties = tagged(raw_span, raw_tag.as_deref());
                    Event::MappingStart(layout(style))
                }
                Raw::SequenceStart(style, number, raw_tag) => {
                    anchor_number = number;
                    properties = tagged(raw_span, raw_tag.as_deref());
                    Event::SequenceStart(layout(style))
                }
                Raw::MappingEnd => Event::MappingEnd,
                Raw::SequenceEnd => Event::SequenceEnd,
                // The enum is open; what later versions may add is no content.
                _ => continue,
            };
            if anchor_number != 0 {
                properties.get_or_insert_default().anchor = self.anchor_ahead();
            }
            if !matches!(event, Event::Comment) {
                self.content_end = self.content_end.max(span.end);
            }
            return Ok(Some(Placed { event, span, column, anchor_number, properties }));
        }
    }

    /// The anchor's event follows its node's at once. What else follows, an error too, comes next.
    fn anchor_ahead(&mut self) -> Option<Span> {
        let Some(Ok((Raw::Anchor(..), span))) = self.parser.peek() else { return None };
        Some(byte_span(*span))
    }

    fn scalar(
        &self,
        text: Cow<'t, str>,
        style: granit_parser::ScalarStyle,
        span: &mut Span,
        properties: Option<&Properties>,
    ) -> Event<'t> {
        let style = match style {
            granit_parser::ScalarStyle::Plain => ScalarStyle::Plain,
            granit_parser::ScalarStyle::SingleQuoted => ScalarStyle::SingleQuoted,
            granit_parser::ScalarStyle::DoubleQuoted => ScalarStyle::DoubleQuoted,
            granit_parser::ScalarStyle::Literal => ScalarStyle::Literal,
            granit_parser::ScalarStyle::Folded => ScalarStyle::Folded,
        };
        let mut text = match text {
            // An absent node arrives as a tilde that is not in the text.
            Cow::Borrowed(_) | Cow::Owned(_) if style == ScalarStyle::Plain && span.is_empty() => Text::Borrowed(""),
            Cow::Borrowed(text) => Text::Borrowed(text),
            Cow::Owned(text) => Text::Owned(Zeroizing::new(text)),
        };
        if style == ScalarStyle::SingleQuoted && text.as_str().contains(['\u{2028}', '\u{2029}']) {
            text = trim_around_separators(text.as_str());
        }
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            let tag = properties.and_then(|properties| properties.tag);
            let from = tag.map_or(self.content_end, |tag| tag.end.max(self.content_end));
            *span = self.block_scalar_span(*span, from);
            if span.end == self.text.len() && !self.text.ends_with(['\n', '\r']) {
                drop_break_at_end(&mut text);
            }
        }
        Event::Scalar { text, style }
    }

    /// The parser's span of a block scalar starts at its first line of text and may take in blanks of the next line.
    fn block_scalar_span(&self, raw: Span, from: usize) -> Span {
        let header = find_block_header(self.text, from).unwrap_or(raw.start);
        let header_end = self
            .text
            .get(header..)
            .and_then(|rest| rest.find(['\n', '\r']).map(|at| header + at))
            .map_or(self.text.len(), |at| after_break(self.text, at));
        let mut end = raw.end.max(header_end).min(self.text.len());
        let body = Span::new(header_end, end).of(self.text);
        let trimmed = body.trim_end_matches([' ', '\t']);
        if trimmed.is_empty() || trimmed.ends_with(['\n', '\r']) {
            end = header_end + trimmed.len();
        }
        Span::new(header, end)
    }
}

/// The offset of the `|` or `>` that opens a block scalar; from `from` on, only indicators, properties, comments and
/// blanks can stand before it.
fn find_block_header(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b'|' | b'>' => return Some(at),
            b'#' => at += bytes.get(at..)?.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?,
            b'&' | b'!' => at += bytes.get(at..)?.iter().position(u8::is_ascii_whitespace)?,
            _ => at += 1,
        }
    }
}

/// Go reads no line break at the end of a block scalar that the end of the text cuts off; the parser adds one.
fn drop_break_at_end(text: &mut Text<'_>) {
    match text {
        Text::Borrowed(text) => *text = text.strip_suffix('\n').unwrap_or(text),
        Text::Owned(text) => {
            if text.ends_with('\n') {
                text.pop();
            }
        }
    }
}

/// To Go, U+2028 and U+2029 end a line, which it then folds: the blanks around them go, and they stay. SOPS writes them so.
fn trim_around_separators<'t>(text: &str) -> Text<'t> {
    let mut trimmed = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some(at) = rest.find(['\u{2028}', '\u{2029}']) {
        let (before, after) = rest.split_at_checked(at).unwrap_or_default();
        trimmed.push_str(before.trim_end_matches([' ', '\t']));
        trimmed.extend(after.chars().next());
        rest = after.trim_start_matches(['\u{2028}', '\u{2029}', ' ', '\t']);
        trimmed.extend(
            after
                .chars()
                .skip(1)
                .take_while(|next| matches!(next, '\u{2028}' | '\u{2029}' | ' ' | '\t'))
                .filter(|next| !matches!(next, ' ' | '\t')),
        );
    }
    trimmed.push_str(rest);
    Text::Owned(trimmed)
}

fn byte_span(span: granit_parser::Span) -> Span {
    // Offsets are always there for a parser over a `&str`.
    let range = span.byte_range().unwrap_or(0..0);
    Span::new(range.start, range.end)
}

const fn layout(style: StructureStyle) -> Layout {
    match style {
        StructureStyle::Block => Layout::Block,
        StructureStyle::Flow => Layout::Flow,
    }
}

/// A tag as it is written, and its name if it is one of YAML's own.
fn tagged(span: granit_parser::Span, tag: Option<&Tag>) -> Option<Box<Properties>> {
    let tag = tag?;
    let core_tag = (tag.handle() == "tag:yaml.org,2002:").then(|| tag.suffix().to_owned());
    Some(Box::new(Properties { anchor: None, tag: Some(span.tag_span().map(byte_span)?), core_tag }))
}

/// The parser's reasons are fixed sentences, but for the one that quotes a character.
fn syntax_error(text: &str, error: &ScanError) -> DocumentError {
    let offset = error.marker().byte_offset().unwrap_or(text.len());
    let reason = match error.kind() {
        granit_parser::ErrorKind::UnexpectedCharacter { .. } => "a character that cannot stand here".to_owned(),
        kind => kind.to_string(),
    };
    DocumentError::at(text, offset, Fault::Syntax(reason))
}
