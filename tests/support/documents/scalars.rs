//! Scalars and keys: their text, and each way to write it.

use proptest::prelude::*;
use proptest::sample::select;

/// One scalar as it will be written.
#[derive(Debug, Clone)]
pub(super) enum Scalar {
    /// Nothing at all: null.
    Nothing,
    /// Plain text, one line or several; each line is safe outside flow collections.
    Plain(Vec<String>),
    /// Content lines between single quotes; more than one are folded by the reader.
    Single(Vec<String>),
    /// Content lines between double quotes, escapes already in them.
    Double(Vec<String>),
    Block(Block),
}

/// A literal or folded scalar.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) is_folded: bool,
    pub(super) chomp: &'static str,
    /// Say the indentation in the header even where it could be detected.
    pub(super) says_indent: bool,
    /// Columns of the content from its parent, 1 to 9; `None` takes the file's step.
    pub(super) indent: Option<usize>,
    pub(super) lines: Vec<String>,
    /// Empty lines after the content.
    pub(super) blank_after: usize,
}

/// A map's key: its text, and how to write it.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) quotes: Quotes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    Single,
    Double,
}

/// Plain text that go-yaml resolves to something else than a string.
const TYPED: &[&str] = &[
    "0",
    "1",
    "-1",
    "+1",
    "42",
    "007",
    "0777",
    "0o17",
    "0x1F",
    "0xff",
    "-0x1f",
    "0b1010",
    "1_000",
    "9223372036854775807",
    "-9223372036854775808",
    "3.14",
    "-0.0",
    "0.1",
    "1.0",
    "1.50",
    "1e3",
    "1E-3",
    "6.02e23",
    ".5",
    "5.",
    "1e300",
    ".inf",
    "-.INF",
    "+.inf",
    ".nan",
    ".NaN",
    "true",
    "True",
    "TRUE",
    "false",
    "False",
    "FALSE",
    "null",
    "Null",
    "NULL",
    "~",
    "2024-01-02",
    "2024-01-02T03:04:05Z",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43.10 -5",
    "2002-1-2",
];

/// Plain text that looks like something else and is a string.
const LOOKALIKES: &[&str] = &[
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "Yes",
    "NO",
    "On",
    "OFF",
    "truE",
    "nULL",
    "08",
    "0o8",
    "0x",
    "0xZZ",
    "1e",
    "1.2.3",
    "12:30",
    "12:30:45",
    "1:2",
    "2024-13-45",
    "2024-1-2T3",
    "1__x",
    "-",
    "--",
    "+",
    ".",
    "..",
    "-.",
    "=",
    "a=b",
    "inf",
    "nan",
    "1,000",
    "10%",
    "1st",
    "-a",
    "_1",
    "0b12",
    "null_",
    "~x",
    "ENC",
    "v1.2.3",
    "10.0.0.1",
    "10.0.0.1:8080",
    "::1",
];

/// Plain text with characters that mean something elsewhere.
const PUNCTUATION: &[&str] = &[
    "https://example.org/a?b=c&d=%20e#f",
    "a:b",
    "x#y",
    "C:\\dir\\file",
    "--flag=1",
    "-x",
    "it's",
    "say \"hi\"",
    "a]b",
    "x{y}",
    "foo, bar",
    "a - b",
    "k=v;w",
    "$HOME/${X}",
    "user@host",
    "not*at&start",
    "a&b",
    "a|b",
    "a>b",
    "50 % off",
    "<a/>",
    "(x)",
    "!bang",
];

const UNICODE: &[&str] = &["é", "日本語", "naïve café", "Ключ", "🦀", "e\u{301}", "ß", "مرحبا", "a\u{a0}b", "𝔘"];

const ESCAPES: &[&str] = &[
    "\\n",
    "\\t",
    "\\\"",
    "\\\\",
    "\\u00e9",
    "\\x41",
    "\\U0001F600",
    "\\e",
    "\\0",
    "\\_",
    "\\N",
    "\\L",
    "\\P",
    "\\r",
    "\\a",
    "\\b",
];

/// Not `<<`: sops 3.13.2 writes the quoted key as a merge key, and cannot read it back.
const KEYS: &[&str] = &[
    "a",
    "b",
    "c",
    "name",
    "value",
    "user",
    "host",
    "port",
    "password",
    "token",
    "secret",
    "api_key",
    "data",
    "stringData",
    "metadata",
    "env",
    "list",
    "tls.crt",
    "config.yaml",
    "a-b",
    "a_b",
    "X",
    "API_TOKEN",
    "note_unencrypted",
    "name_unencrypted",
    "_unencrypted",
    "key_encrypted",
    "pass_encrypted",
    "ключ",
    "schlüssel",
    "鍵",
    "my key",
    "a:b",
    "x/y",
    "$ref",
    "@type",
    "1",
    "true",
    "null",
    "2024-01-02",
    "",
    "a: b",
    "x # y",
    "- dash",
    "[x]",
    "{y}",
    "it's",
    "say \"hi\"",
    "*",
    "&",
    "!",
    "%",
    "key, comma",
    "# hash",
    " lead",
    "trail ",
    "y",
    "on",
    "sops",
];

/// Any scalar.
pub(super) fn scalar() -> BoxedStrategy<Scalar> {
    prop_oneof![
        3 => select(TYPED).prop_map(plain),
        2 => select(LOOKALIKES).prop_map(look_alike),
        2 => select(PUNCTUATION).prop_map(punctuation),
        1 => select(UNICODE).prop_map(plain),
        5 => words().prop_map(Scalar::Plain),
        3 => lines(single_line()).prop_map(Scalar::Single),
        4 => lines(double_line()).prop_map(Scalar::Double),
        4 => block().prop_map(Scalar::Block),
        1 => Just(Scalar::Nothing),
    ]
    .boxed()
}

/// Base64, as in a Kubernetes Secret's `data`.
pub(super) fn base64() -> impl Strategy<Value = Scalar> {
    "([A-Za-z0-9+/]{4}){1,12}".prop_map(|text| plain(&text))
}

/// Keys, some twice: whoever writes a map makes them different.
pub(super) fn key() -> BoxedStrategy<Key> {
    let text = prop_oneof![
        4 => select(KEYS).prop_map(str::to_owned),
        3 => "[a-zA-Z][a-zA-Z0-9_.-]{0,12}",
        1 => "[a-z]{1,8}_unencrypted",
    ];
    let quotes = prop_oneof![8 => Just(Quotes::None), 1 => Just(Quotes::Single), 1 => Just(Quotes::Double)];
    (text, quotes).prop_map(|(text, quotes)| Key::new(&text, quotes)).boxed()
}

/// The text of a comment, what follows its `#`.
pub(super) fn comment() -> BoxedStrategy<String> {
    prop_oneof![
        6 => " [a-zA-Z0-9][a-zA-Z0-9 ,.;/()-]{0,30}[a-z.]",
        2 => select(&[
            " key: value", "commented: out", " - item", " \"quoted\" 'text'", " TODO(alice): rotate!", "", " ", "#", "## head ##",
            "!shebang", " {a: b}", " [x]", " 日本語", " naïve 🦀", "\ttab", " trailing  ", " a # b", "-----", " *not an alias", " %x",
        ][..]).prop_map(str::to_owned),
    ]
        .boxed()
}

impl Key {
    /// `text`, quoted where it must be.
    pub(super) fn new(text: &str, quotes: Quotes) -> Self {
        let needs_quotes = text.is_empty()
            || TYPED.contains(&text)
            || text.starts_with([
                '-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', ' ',
            ])
            || text.ends_with([' ', ':'])
            || text.contains(": ")
            || text.contains(" #")
            || matches!(text, "<<" | "=");
        let quotes = if needs_quotes && quotes == Quotes::None { Quotes::Double } else { quotes };
        Self { text: text.to_owned(), quotes }
    }

    /// As it is written in a block map, or in a flow collection.
    pub(super) fn render(&self, in_flow: bool) -> String {
        let quotes = match self.quotes {
            Quotes::None if in_flow && !is_safe_in_flow(&self.text) => Quotes::Double,
            quotes => quotes,
        };
        match quotes {
            Quotes::None => self.text.clone(),
            Quotes::Single => single_quoted(&self.text),
            Quotes::Double => double_quoted(&self.text),
        }
    }
}

impl Scalar {
    /// Whether a reader may take it as null or as empty text.
    pub(super) fn may_be_empty(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Plain(lines) => matches!(lines.concat().as_str(), "~" | "null" | "Null" | "NULL"),
            Self::Single(lines) | Self::Double(lines) => lines.iter().all(|line| line.trim().is_empty()),
            Self::Block(block) => block.lines.iter().all(|line| line.trim().is_empty()),
        }
    }

    /// On one line, as it may stand in a flow collection.
    pub(super) fn in_flow(&self) -> String {
        match self {
            Self::Nothing => "null".to_owned(),
            Self::Plain(lines) => {
                let text = lines.join(" ");
                if is_safe_in_flow(&text) { text } else { single_quoted(&text) }
            }
            Self::Single(lines) => single_quoted(&lines.join(" ")),
            Self::Double(lines) => format!("\"{}\"", lines.join(" ")),
            Self::Block(block) => double_quoted(&block.lines.join(" ")),
        }
    }
}

/// One plain line.
pub(super) fn plain(text: &str) -> Scalar {
    Scalar::Plain(vec![text.to_owned()])
}

pub(super) fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn double_quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t"))
}

fn is_safe_in_flow(text: &str) -> bool {
    let is_safe = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '-' | '+' | ' ' | '~');
    text.chars().all(is_safe) && !text.starts_with(['-', ' ']) && !text.ends_with(' ')
}

/// A lone `-` would be a list's item.
fn look_alike(text: &str) -> Scalar {
    if text == "-" { Scalar::Single(vec![text.to_owned()]) } else { plain(text) }
}

/// A `!` at the start would be a tag.
fn punctuation(text: &str) -> Scalar {
    if text.starts_with('!') { Scalar::Double(vec![text.to_owned()]) } else { plain(text) }
}

fn words() -> BoxedStrategy<Vec<String>> {
    let line = "[a-zA-Z][a-zA-Z0-9_./@=+-]{0,12}( [a-zA-Z0-9_.@/=+-]{1,8}){0,3}";
    prop_oneof![
        4 => line.prop_map(|line| vec![line]),
        1 => proptest::collection::vec(line, 2..4),
    ]
    .boxed()
}

fn lines(line: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        5 => line.clone().prop_map(|line| vec![line]),
        1 => proptest::collection::vec(line, 2..4),
    ]
}

fn single_line() -> impl Strategy<Value = String> + Clone {
    text_of(prop_oneof![6 => "[ -~]{1,6}", 1 => select(UNICODE).prop_map(str::to_owned)].boxed())
        .prop_map(|line| line.replace('\'', "''"))
}

fn double_line() -> impl Strategy<Value = String> + Clone {
    text_of(
        prop_oneof![
            6 => "[ !#-\\[\\]-~]{1,6}",
            1 => select(UNICODE).prop_map(str::to_owned),
            2 => select(ESCAPES).prop_map(str::to_owned),
        ]
        .boxed(),
    )
}

fn text_of(piece: BoxedStrategy<String>) -> impl Strategy<Value = String> + Clone {
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn block() -> BoxedStrategy<Block> {
    let line = prop_oneof![
        5 => "[a-zA-Z0-9 :#,'\"{}\\[\\]&*!|>%@_=.-]{1,24}",
        1 => Just(String::new()),
        1 => "[ ]{1,3}[a-z]{1,6}",
        1 => "\t?[a-z]{1,6}\t?",
        1 => select(UNICODE).prop_map(str::to_owned),
        1 => select(&["# not a comment", "key: value", "- item", "---", "-----BEGIN EXAMPLE-----", "${VAR}", "\\n"][..]).prop_map(str::to_owned),
    ];
    (
        any::<bool>(),
        select(&["", "-", "+"][..]),
        prop::bool::weighted(0.15),
        prop::option::weighted(0.2, 1..=9_usize),
        proptest::collection::vec(line, 0..6),
        0..3_usize,
    )
        .prop_map(|(is_folded, chomp, says_indent, indent, lines, blank_after)| Block {
            is_folded,
            chomp,
            says_indent,
            indent,
            lines,
            blank_after,
        })
        .boxed()
}
