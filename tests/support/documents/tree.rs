//! The tree of a file: collections, comments, blank lines, and the layout they are written in.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::scalars::{self, Key, Quotes, Scalar};

/// A whole file.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) layout: Layout,
    /// One or more.
    pub(super) roots: Vec<Root>,
}

/// What holds for the whole file.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent traits of a file, each drawn alone")]
pub(super) struct Layout {
    /// Columns by which a nested block is indented.
    pub(super) step: usize,
    /// Lists stand deeper than their key.
    pub(super) indents_lists: bool,
    pub(super) has_crlf: bool,
    pub(super) has_bom: bool,
    pub(super) has_directive: bool,
    /// Comments may stand in lists, and where they may be taken as a list's.
    pub(super) has_list_comments: bool,
    /// Write `---` before the first document too.
    pub(super) starts_with_dashes: bool,
    pub(super) ending: Ending,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    Newline,
    /// No final line break.
    Bare,
    /// This many empty lines more.
    Blank(usize),
}

/// One document.
#[derive(Debug, Clone)]
pub(super) struct Root {
    pub(super) head: Vec<Line>,
    pub(super) map: Map,
    /// Behind its `---`, where that is written.
    pub(super) dashes_tail: Tail,
    /// Write `...` after it.
    pub(super) has_end: bool,
    pub(super) is_secret: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Scalar(Scalar, Props),
    Map(Map),
    List(List),
    /// An alias to one of the anchors before it, or plain text where there is none.
    Alias(usize),
}

#[derive(Debug, Clone)]
pub(super) struct Map {
    pub(super) form: Form,
    pub(super) props: Props,
    /// Columns from the parent, instead of the file's step.
    pub(super) step: Option<usize>,
    /// Start with `<<:` and the map anchors with these numbers, if there are any.
    pub(super) merge: Vec<usize>,
    pub(super) entries: Vec<Entry>,
    pub(super) foot: Vec<Line>,
}

#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) form: Form,
    pub(super) props: Props,
    pub(super) step: Option<usize>,
    pub(super) items: Vec<Item>,
    pub(super) foot: Vec<Line>,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) head: Vec<Line>,
    pub(super) key: Key,
    /// Write `? key` and `: value`.
    pub(super) is_explicit: bool,
    pub(super) has_blank_before_colon: bool,
    pub(super) place: Place,
    pub(super) value: Node,
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) head: Vec<Line>,
    pub(super) place: Place,
    pub(super) value: Node,
}

/// Where a value stands after its `:` or `-`, and what follows it on its line.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Blanks before it, at least one.
    pub(super) gap: usize,
    /// On the next line, below these.
    pub(super) next_line: Option<Vec<Line>>,
    pub(super) tail: Tail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Block,
    Flow,
    /// Flow, with an item on each line.
    FlowLines,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Props {
    pub(super) has_anchor: bool,
    pub(super) tag: Option<&'static str>,
}

/// A line that is no content.
#[derive(Debug, Clone)]
pub(super) enum Line {
    /// Empty, or of blanks only.
    Blank(usize),
    Comment {
        shift: Shift,
        text: String,
    },
}

/// The column of a comment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shift {
    WithContent,
    AtMargin,
    Deeper,
}

/// What follows a value on its line.
#[derive(Debug, Clone)]
pub(super) enum Tail {
    Nothing,
    Blanks(usize),
    Comment { gap: &'static str, text: String },
}

/// Any file.
pub(super) fn file() -> BoxedStrategy<File> {
    let roots = prop_oneof![5 => vec(root(), 1), 1 => vec(root(), 2..4)];
    (layout(), roots).prop_map(|(layout, roots)| File { layout, roots }).boxed()
}

/// Gives the first document a value that the default selector encrypts.
pub(super) fn add_password(file: &mut File) {
    if let Some(root) = file.roots.first_mut() {
        root.map.entries.insert(0, simple_entry("password", "correct horse", Vec::new()));
    }
}

/// Puts a scalar below a comment of this text at the start of the file, and another below none.
pub(super) fn mark_first_entry(file: &mut File, text: &str) {
    let Some(root) = file.roots.first_mut() else {
        return;
    };
    root.map.form = Form::Block;
    root.map.merge.clear();
    let head = vec![Line::Comment { shift: Shift::WithContent, text: text.to_owned() }];
    root.map.entries.insert(0, simple_entry("unmarked", "first", Vec::new()));
    root.map.entries.insert(1, simple_entry("marked", "second", head));
    root.map.entries.insert(2, simple_entry("unmarked_too", "third", Vec::new()));
}

fn simple_entry(key: &str, value: &str, head: Vec<Line>) -> Entry {
    Entry {
        head,
        key: Key::new(key, Quotes::None),
        is_explicit: false,
        has_blank_before_colon: false,
        place: Place { gap: 1, next_line: None, tail: Tail::Nothing },
        value: Node::Scalar(scalars::plain(value), Props::default()),
    }
}

fn layout() -> impl Strategy<Value = Layout> {
    let ending = prop_oneof![
        8 => Just(Ending::Newline),
        2 => Just(Ending::Bare),
        1 => (1..3_usize).prop_map(Ending::Blank),
    ];
    (
        prop_oneof![10 => Just(2), 4 => Just(4), 1 => Just(1), 1 => Just(3), 1 => Just(8)],
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.03),
        prop::bool::weighted(0.03),
        prop::bool::weighted(0.4),
        prop::bool::weighted(0.4),
        ending,
    )
        .prop_map(
            |(step, indents_lists, has_crlf, has_bom, has_directive, has_list_comments, starts_with_dashes, ending)| {
                Layout {
                    step,
                    indents_lists,
                    has_crlf,
                    has_bom,
                    has_directive,
                    has_list_comments,
                    starts_with_dashes,
                    ending,
                }
            },
        )
}

fn root() -> BoxedStrategy<Root> {
    let map = prop_oneof![
        4 => root_map().prop_map(|map| (map, false)),
        1 => secret().prop_map(|map| (map, true)),
    ];
    (head(), map, tail(), prop::bool::weighted(0.05))
        .prop_map(|(head, (map, is_secret), dashes_tail, has_end)| Root { head, map, dashes_tail, has_end, is_secret })
        .boxed()
}

fn root_map() -> BoxedStrategy<Map> {
    let form = prop_oneof![30 => Just(Form::Block), 1 => Just(Form::Flow), 1 => Just(Form::FlowLines)];
    (form, vec(entry(node()), 1..8), head())
        .prop_map(|(form, entries, foot)| Map {
            form,
            props: Props::default(),
            step: None,
            merge: Vec::new(),
            entries,
            foot,
        })
        .boxed()
}

/// The shape of a Kubernetes Secret.
fn secret() -> BoxedStrategy<Map> {
    let data = vec(entry(scalars::base64().prop_map(|value| Node::Scalar(value, Props::default())).boxed()), 1..4);
    let string_data = vec(entry(scalar_node()), 1..5);
    (data, string_data, head(), head())
        .prop_map(|(data, string_data, before, between)| {
            let block = |entries, foot| {
                Node::Map(Map {
                    form: Form::Block,
                    props: Props::default(),
                    step: None,
                    merge: Vec::new(),
                    entries,
                    foot,
                })
            };
            let below = |key, head, value| Entry { value, ..simple_entry(key, "", head) };
            let metadata =
                vec![simple_entry("name", "example", Vec::new()), simple_entry("namespace", "default", Vec::new())];
            Map {
                form: Form::Block,
                props: Props::default(),
                step: None,
                merge: Vec::new(),
                entries: vec![
                    simple_entry("apiVersion", "v1", Vec::new()),
                    simple_entry("kind", "Secret", Vec::new()),
                    below("metadata", before, block(metadata, Vec::new())),
                    simple_entry("type", "Opaque", Vec::new()),
                    below("data", Vec::new(), block(data, Vec::new())),
                    below("stringData", between, block(string_data, Vec::new())),
                ],
                foot: Vec::new(),
            }
        })
        .boxed()
}

// Boxed all the way down: value trees of nested tuples are too large for the stack of a test.
fn node() -> BoxedStrategy<Node> {
    let leaf = prop_oneof![6 => scalar_node(), 1 => (0..8_usize).prop_map(Node::Alias)];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            3 => map(inner.clone()).prop_map(Node::Map),
            2 => list(inner).prop_map(Node::List),
        ]
    })
    .boxed()
}

fn scalar_node() -> BoxedStrategy<Node> {
    let tag = prop::option::weighted(0.04, select(&["!!str", "!", "!custom"][..]));
    (scalars::scalar(), props(tag.boxed())).prop_map(|(scalar, props)| Node::Scalar(scalar, props)).boxed()
}

fn map(value: BoxedStrategy<Node>) -> BoxedStrategy<Map> {
    let merge = prop_oneof![6 => vec(0..8_usize, 0), 1 => vec(0..8_usize, 1), 1 => vec(0..8_usize, 2)];
    let tag = prop::option::weighted(0.02, Just("!!map"));
    (form(), props(tag.boxed()), step(), merge, vec(entry(value), 0..5), foot())
        .prop_map(|(form, props, step, merge, entries, foot)| Map { form, props, step, merge, entries, foot })
        .boxed()
}

fn list(value: BoxedStrategy<Node>) -> BoxedStrategy<List> {
    let tag = prop::option::weighted(0.02, Just("!!seq"));
    let item = (head(), place(), value).prop_map(|(head, place, value)| Item { head, place, value });
    (form(), props(tag.boxed()), step(), vec(item, 0..5), foot())
        .prop_map(|(form, props, step, items, foot)| List { form, props, step, items, foot })
        .boxed()
}

fn entry(value: BoxedStrategy<Node>) -> BoxedStrategy<Entry> {
    (head(), scalars::key(), prop::bool::weighted(0.03), prop::bool::weighted(0.03), place(), value)
        .prop_map(|(head, key, is_explicit, has_blank_before_colon, place, value)| Entry {
            head,
            key,
            is_explicit,
            has_blank_before_colon,
            place,
            value,
        })
        .boxed()
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![6 => Just(Form::Block), 2 => Just(Form::Flow), 1 => Just(Form::FlowLines)]
}

fn props(tag: BoxedStrategy<Option<&'static str>>) -> impl Strategy<Value = Props> {
    (prop::bool::weighted(0.12), tag).prop_map(|(has_anchor, tag)| Props { has_anchor, tag })
}

fn step() -> impl Strategy<Value = Option<usize>> {
    prop::option::weighted(0.1, 1..7_usize)
}

fn place() -> BoxedStrategy<Place> {
    let gap = prop_oneof![12 => Just(1), 1 => 2..5_usize];
    (gap, prop::option::weighted(0.05, head()), tail())
        .prop_map(|(gap, next_line, tail)| Place { gap, next_line, tail })
        .boxed()
}

fn tail() -> BoxedStrategy<Tail> {
    let gap = select(&[" ", "  ", "\t", "      "][..]);
    prop_oneof![
        10 => Just(Tail::Nothing),
        1 => (1..4_usize).prop_map(Tail::Blanks),
        2 => (gap, scalars::comment()).prop_map(|(gap, text)| Tail::Comment { gap, text }),
    ]
    .boxed()
}

fn head() -> BoxedStrategy<Vec<Line>> {
    prop_oneof![8 => vec(line(), 0), 2 => vec(line(), 1), 1 => vec(line(), 2..4)].boxed()
}

fn foot() -> BoxedStrategy<Vec<Line>> {
    prop_oneof![12 => vec(line(), 0), 1 => vec(line(), 1..3)].boxed()
}

fn line() -> BoxedStrategy<Line> {
    let shift = prop_oneof![12 => Just(Shift::WithContent), 1 => Just(Shift::AtMargin), 1 => Just(Shift::Deeper)];
    prop_oneof![
        4 => (shift, scalars::comment()).prop_map(|(shift, text)| Line::Comment { shift, text }),
        2 => Just(Line::Blank(0)),
        1 => (1..3_usize).prop_map(Line::Blank),
    ]
    .boxed()
}
