//! In what two texts of the same values differ, value by value.

use std::collections::BTreeSet;

use gitops_secrets::{
    base::span::Span,
    document::yaml::{
        scalar::{ScalarStyle, ScalarType, resolve},
        tree::{Item, Kind, Node, NodeId, Tree},
    },
};

/// How a value was spelt that comes back with another spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Respelling {
    /// `1_000`, `0x1F`, `1.0`.
    Number,
    /// `2024-01-02`.
    Timestamp,
    /// `True`.
    Word,
    /// `*name` of something encrypted, or a merge of it.
    Alias,
    /// `!!binary`, `!!int` and their like.
    Tag,
    /// A plain or quoted scalar over several lines.
    SeveralLines,
    /// `>` over several lines.
    Folded,
    /// `|` with blanks at the end of a line, or on a line of their own.
    BlanksInBlock,
    /// `|` or `>` with an indentation, an indicator or blank lines of its own.
    BlockHeader,
    /// Quotes that SOPS would not have written, or none where it would have.
    Quotes,
    /// Another escape for the same character, or none.
    Escape,
    /// An empty document.
    Empty,
    /// None of these.
    Other,
}

impl Respelling {
    /// As `docs/format.md` names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Timestamp => "timestamp",
            Self::Word => "boolean or null",
            Self::Alias => "alias written out",
            Self::Tag => "explicit tag",
            Self::SeveralLines => "plain or quoted over several lines",
            Self::Folded => "folded block",
            Self::BlanksInBlock => "blanks in a literal block",
            Self::BlockHeader => "block header or indentation",
            Self::Quotes => "quotes",
            Self::Escape => "escape",
            Self::Empty => "empty document",
            Self::Other => "other",
        }
    }
}

/// Every kind of respelling between `before` and `after`; two texts that differ have at least one.
pub(crate) fn respellings(before: &str, after: &str) -> BTreeSet<Respelling> {
    let before = Side::new(before);
    let after = Side::new(after);
    let mut pair = Pair { before: &before, after: &after, found: BTreeSet::new(), spans: Vec::new() };
    for (left, right) in before.tree.documents().iter().zip(after.tree.documents()) {
        pair.compare(left.root, right.root);
    }
    let Pair { mut found, spans, .. } = pair;
    // What is left of both texts when the values are taken out has to be the same.
    let mut rests = [
        rest(before.text, spans.iter().map(|(left, _)| *left)),
        rest(after.text, spans.iter().map(|(_, right)| *right)),
    ];
    // A collection in the place of an alias, or a value where there was none, brings lines of its own.
    if found.contains(&Respelling::Alias) || found.contains(&Respelling::Empty) {
        rests =
            rests.map(|rest| rest.replace('\u{fffc}', " \u{fffc} ").split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if rests[0] != rests[1] {
        found.insert(Respelling::Other);
    }
    found
}

struct Side<'t> {
    text: &'t str,
    tree: Tree<'t>,
}

impl<'t> Side<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, tree: Tree::parse(text).unwrap() }
    }
}

/// `text` without `spans`.
fn rest(text: &str, spans: impl Iterator<Item = Span>) -> String {
    let mut spans: Vec<Span> = spans.collect();
    spans.sort_by_key(|span| span.start);
    let mut out = String::new();
    let mut at = 0;
    for span in spans {
        out.push_str(&text[at.min(span.start)..span.start]);
        out.push('\u{fffc}');
        at = span.end;
    }
    out.push_str(&text[at..]);
    out
}

/// Two texts that are walked together.
struct Pair<'p, 't> {
    before: &'p Side<'t>,
    after: &'p Side<'t>,
    found: BTreeSet<Respelling>,
    /// The values that differ.
    spans: Vec<(Span, Span)>,
}

impl Pair<'_, '_> {
    fn compare(&mut self, left: NodeId, right: NodeId) {
        let (old, new) = (self.before.tree.node(left), self.after.tree.node(right));
        let kind = match (&old.kind, &new.kind) {
            (Kind::Alias(_), Kind::Alias(_)) => return,
            (Kind::Alias(_), _) => Respelling::Alias,
            (Kind::Mapping(one), Kind::Mapping(other)) | (Kind::Sequence(one), Kind::Sequence(other)) => {
                let members = members(&one.items).into_iter().zip(members(&other.items));
                return members.for_each(|(left, right)| self.compare(left, right));
            }
            (Kind::Scalar { .. }, Kind::Scalar { .. })
                if old.full_span().of(self.before.text) == new.full_span().of(self.after.text) =>
            {
                return;
            }
            (Kind::Scalar { .. }, Kind::Scalar { .. }) => classify(self.before, old, self.after, new),
            _ if old.is_absent() => Respelling::Empty,
            _ => Respelling::Other,
        };
        self.found.insert(kind);
        self.spans.push((old.full_span(), new.full_span()));
    }
}

/// Values, and keys, which are never respelt: if one is, that shows in what is left of the text.
fn members(items: &[Item]) -> Vec<NodeId> {
    let values = items.iter().filter_map(|item| match *item {
        Item::Entry(_, value) => Some(value),
        Item::Element(element) => Some(element),
        Item::Comment(_) => None,
    });
    values.collect()
}

fn classify(before: &Side<'_>, old: &Node<'_>, after: &Side<'_>, new: &Node<'_>) -> Respelling {
    let Kind::Scalar { style, text } = &old.kind else { return Respelling::Other };
    let tag = old.properties.as_deref().and_then(|properties| properties.tag).map(|tag| tag.of(before.text));
    if tag.is_some() && new.properties.as_deref().is_none_or(|properties| properties.tag.is_none()) {
        return Respelling::Tag;
    }
    let (was, is) = (old.span.of(before.text), new.span.of(after.text));
    match resolve(text.as_str(), *style, tag).unwrap().scalar_type() {
        Some(ScalarType::Int | ScalarType::Float) => Respelling::Number,
        Some(ScalarType::Time) => Respelling::Timestamp,
        Some(ScalarType::Bool) | None => Respelling::Word,
        Some(_) => classify_text(*style, was, is),
    }
}

fn classify_text(style: ScalarStyle, was: &str, is: &str) -> Respelling {
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    let words = |text: &str| text.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>();
    match style {
        ScalarStyle::Literal if trimmed(was) == trimmed(is) => Respelling::BlanksInBlock,
        // Where trailing blanks matter, SOPS takes double quotes.
        ScalarStyle::Literal if is.starts_with('"') => Respelling::BlanksInBlock,
        ScalarStyle::Literal if words(was) == words(is) => Respelling::BlockHeader,
        ScalarStyle::Folded => Respelling::Folded,
        ScalarStyle::Literal => Respelling::Other,
        _ if was.contains('\n') => Respelling::SeveralLines,
        _ if was.contains('\\') || is.contains('\\') && is.starts_with('"') => Respelling::Escape,
        _ if was.trim_matches(['"', '\'']).replace("''", "'") == is.trim_matches(['"', '\'']).replace("''", "'") => {
            Respelling::Quotes
        }
        _ => Respelling::Other,
    }
}
