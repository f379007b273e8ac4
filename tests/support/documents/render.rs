//! Writes a tree out as text, and notes what is in it.

use std::collections::{BTreeSet, HashSet};

use super::anchors::Anchors;
use super::scalars::{self, Block, Key, Quotes, Scalar};
use super::tree::{Ending, Entry, File, Form, Item, Layout, Line, List, Map, Node, Place, Props, Root, Shift, Tail};
use super::{Document, Feature, Leaf};

/// Where a value is about to be written.
#[derive(Clone, Copy)]
struct Spot<'a> {
    /// The column of the map or list that holds it.
    column: usize,
    place: &'a Place,
    /// It follows a `-`, so a collection may start on the same line.
    is_item: bool,
}

struct Page<'a> {
    text: String,
    layout: &'a Layout,
    anchors: Anchors,
    weight: usize,
    path: Vec<String>,
    leaves: Vec<Leaf>,
    features: BTreeSet<Feature>,
    list_depth: usize,
    /// A list's key is written, or its last item and no scalar since: a comment may be taken as the list's.
    is_after_list: bool,
}

pub(super) fn render(file: &File) -> Document {
    let mut page = Page {
        text: String::new(),
        layout: &file.layout,
        anchors: Anchors::default(),
        weight: 0,
        path: Vec::new(),
        leaves: Vec::new(),
        features: BTreeSet::new(),
        list_depth: 0,
        is_after_list: false,
    };
    if file.layout.has_directive {
        page.features.insert(Feature::Directive);
        page.text.push_str("%YAML 1.1\n");
    }
    if file.roots.len() > 1 {
        page.features.insert(Feature::ManyDocuments);
    }
    for (number, root) in file.roots.iter().enumerate() {
        let needs_dashes = number > 0 || file.layout.has_directive || file.layout.starts_with_dashes;
        page.root(root, needs_dashes);
    }
    page.finish()
}

impl Page<'_> {
    fn root(&mut self, root: &Root, has_dashes: bool) {
        self.anchors.forget();
        self.is_after_list = false;
        if root.is_secret {
            self.features.insert(Feature::KubernetesSecret);
        }
        if has_dashes {
            self.text.push_str("---");
            self.tail(&root.dashes_tail);
        }
        self.lines(&root.head, 0);
        if root.map.form == Form::Block {
            self.block_map(&root.map, 0, Start::OnNewLine);
        } else {
            self.flow_map(&root.map, 0);
            self.text.push('\n');
        }
        if root.has_end {
            self.features.insert(Feature::DocumentEnd);
            self.text.push_str("...\n");
        }
    }

    fn finish(mut self) -> Document {
        match self.layout.ending {
            Ending::Newline => {}
            Ending::Bare => {
                self.features.insert(Feature::NoFinalNewline);
                self.text.truncate(self.text.trim_end_matches('\n').len());
            }
            Ending::Blank(count) => {
                self.features.insert(Feature::TrailingBlankLines);
                self.text.push_str(&"\n".repeat(count));
            }
        }
        if !self.text.is_ascii() {
            self.features.insert(Feature::NonAscii);
        }
        if self.layout.has_crlf {
            self.features.insert(Feature::Crlf);
            self.text = self.text.replace('\n', "\r\n");
        }
        if self.layout.has_bom {
            self.features.insert(Feature::ByteOrderMark);
            self.text.insert(0, '\u{feff}');
        }
        Document { text: self.text, leaves: self.leaves, features: self.features }
    }

    fn block_map(&mut self, map: &Map, column: usize, start: Start) {
        let mut start = start;
        if let Some((merged, weight)) = self.anchors.merge(&map.merge) {
            self.weight += weight;
            self.indent_at(column, &mut start);
            self.features.insert(Feature::MergeKey);
            self.text.push_str(&format!("<<: {merged}\n"));
        }
        let mut keys = Keys::default();
        for entry in &map.entries {
            if matches!(start, Start::OnNewLine) {
                self.lines(&entry.head, column);
            }
            self.indent_at(column, &mut start);
            let key = keys.make_unique(&entry.key);
            self.path.push(key.text.clone());
            self.entry(entry, &key, column);
            self.path.pop();
        }
        self.lines(&map.foot, column);
    }

    fn entry(&mut self, entry: &Entry, key: &Key, column: usize) {
        if key.quotes != Quotes::None {
            self.features.insert(Feature::QuotedKey);
        }
        if entry.is_explicit {
            self.features.insert(Feature::ExplicitKey);
            self.text.push_str(&format!("? {}\n{}:", key.render(false), " ".repeat(column)));
        } else {
            self.text.push_str(&key.render(false));
            if entry.has_blank_before_colon {
                self.features.insert(Feature::BlankBeforeColon);
                self.text.push(' ');
            }
            self.text.push(':');
        }
        self.value(&entry.value, Spot { column, place: &entry.place, is_item: false });
    }

    fn block_list(&mut self, list: &List, column: usize, start: Start) {
        let mut start = start;
        self.list_depth += 1;
        for Item { head, place, value } in &list.items {
            if matches!(start, Start::OnNewLine) {
                self.lines(head, column);
            }
            self.indent_at(column, &mut start);
            self.text.push('-');
            self.value(value, Spot { column, place, is_item: true });
        }
        self.lines(&list.foot, column);
        self.list_depth -= 1;
        self.is_after_list = true;
    }

    fn value(&mut self, node: &Node, spot: Spot<'_>) {
        match node {
            Node::Scalar(scalar, props) => self.scalar(scalar, props, spot),
            Node::Alias(pick) => {
                let alias = self.alias(*pick);
                self.on_same_line(&alias, spot);
            }
            Node::Map(map) if map.form == Form::Block && !map.entries.is_empty() => {
                self.nested_map(map, spot);
            }
            Node::List(list) if list.form == Form::Block && !list.items.is_empty() => {
                self.nested_list(list, spot);
            }
            Node::Map(_) | Node::List(_) => {
                self.text.push_str(&" ".repeat(spot.place.gap));
                self.flow(node, spot.column);
                self.tail(&spot.place.tail);
            }
        }
    }

    fn nested_map(&mut self, map: &Map, spot: Spot<'_>) {
        let name = self.begin_anchor(&map.props);
        let weight = self.weight;
        let fits_on_line = name.is_none() && map.props.tag.is_none() && spot.place.next_line.is_none();
        if spot.is_item && fits_on_line {
            self.text.push_str(&" ".repeat(spot.place.gap));
            self.block_map(map, spot.column + 1 + spot.place.gap, Start::OnThisLine);
        } else {
            self.props(name.as_deref(), &map.props);
            self.tail(&spot.place.tail);
            self.block_map(map, spot.column + map.step.unwrap_or(self.layout.step), Start::OnNewLine);
        }
        self.end_anchor(name, weight, true);
    }

    fn nested_list(&mut self, list: &List, spot: Spot<'_>) {
        let name = self.begin_anchor(&list.props);
        let weight = self.weight;
        let fits_on_line = name.is_none() && list.props.tag.is_none() && spot.place.next_line.is_none();
        if spot.is_item {
            self.features.insert(Feature::NestedList);
        }
        if spot.is_item && fits_on_line {
            self.text.push_str(&" ".repeat(spot.place.gap));
            self.block_list(list, spot.column + 1 + spot.place.gap, Start::OnThisLine);
        } else {
            self.props(name.as_deref(), &list.props);
            self.is_after_list = true; // or on its key's line
            self.tail(&spot.place.tail);
            let step = list.step.unwrap_or(self.layout.step);
            let stays = !spot.is_item && list.step.is_none() && !self.layout.indents_lists;
            if stays {
                self.features.insert(Feature::UnindentedList);
            }
            self.block_list(list, spot.column + if stays { 0 } else { step }, Start::OnNewLine);
        }
        self.end_anchor(name, weight, false);
    }

    fn scalar(&mut self, scalar: &Scalar, props: &Props, spot: Spot<'_>) {
        self.leaf(scalar);
        if matches!(scalar, Scalar::Nothing) {
            self.tail(&spot.place.tail);
            return;
        }
        let column = spot.column + self.layout.step;
        if let (Some(lines), false) = (&spot.place.next_line, matches!(scalar, Scalar::Block(_))) {
            self.features.insert(Feature::ValueOnNextLine);
            self.text.push('\n');
            self.lines(lines, column);
            self.text.push_str(&" ".repeat(column - 1));
        } else {
            self.text.push_str(&" ".repeat(spot.place.gap - 1));
        }
        let name = self.begin_anchor(props);
        self.props(name.as_deref(), props);
        self.text.push(' ');
        match scalar {
            Scalar::Nothing => {}
            Scalar::Plain(lines) => self.flow_lines(lines, ("", Feature::MultiLinePlain), column),
            Scalar::Single(lines) => {
                self.flow_lines(lines, ("'", Feature::MultiLineQuoted), column);
            }
            Scalar::Double(lines) => {
                self.flow_lines(lines, ("\"", Feature::MultiLineQuoted), column);
            }
            Scalar::Block(block) => self.block_scalar(block, spot),
        }
        if !matches!(scalar, Scalar::Block(_)) {
            self.tail(&spot.place.tail);
        }
        self.end_anchor(name, self.weight - 1, false);
    }

    /// A plain or quoted scalar over one line or several.
    fn flow_lines(&mut self, lines: &[String], (quote, when_many): (&str, Feature), column: usize) {
        match quote {
            "'" => _ = self.features.insert(Feature::SingleQuoted),
            "\"" => _ = self.features.insert(Feature::DoubleQuoted),
            _ => {}
        }
        if lines.len() > 1 {
            self.features.insert(when_many);
        }
        let between = format!("\n{}", " ".repeat(column));
        self.text.push_str(&format!("{quote}{}{quote}", lines.join(&between)));
    }

    fn block_scalar(&mut self, block: &Block, spot: Spot<'_>) {
        self.features.insert(if block.is_folded { Feature::BlockFolded } else { Feature::BlockLiteral });
        let indent = block.indent.unwrap_or(self.layout.step);
        let first = block.lines.iter().position(|line| !line.trim().is_empty());
        let starts_blank = first.and_then(|at| block.lines.get(at)).is_some_and(|line| line.starts_with(' '));
        self.text.push(if block.is_folded { '>' } else { '|' });
        if block.says_indent || starts_blank {
            self.features.insert(Feature::BlockIndicator);
            self.text.push_str(&indent.to_string());
        }
        self.text.push_str(block.chomp);
        self.tail(&spot.place.tail);
        for (at, line) in block.lines.iter().enumerate() {
            // Blanks before the first content would count as its indentation.
            if !line.is_empty() && first.is_some_and(|first| at >= first) {
                // sops 3.13.2 cannot spell a text of several lines that starts with a tab.
                let line = if first == Some(at) { line.trim_start_matches('\t') } else { line };
                self.text.push_str(&" ".repeat(spot.column + indent));
                self.text.push_str(line);
            }
            self.text.push('\n');
        }
        self.text.push_str(&"\n".repeat(block.blank_after));
    }

    fn flow(&mut self, node: &Node, column: usize) {
        match node {
            Node::Scalar(scalar, props) => {
                self.leaf(scalar);
                let name = self.begin_anchor(props);
                if let Some(name) = &name {
                    self.text.push_str(&format!("&{name} "));
                }
                self.text.push_str(&scalar.in_flow());
                self.end_anchor(name, self.weight - 1, false);
            }
            Node::Alias(pick) => {
                // In `*a:` and `*a,` some readers take the mark as a part of the name.
                let alias = self.alias(*pick);
                self.text.push_str(&format!("{alias} "));
            }
            Node::Map(map) => self.flow_map(map, column),
            Node::List(list) => self.flow_list(list, column),
        }
    }

    fn flow_map(&mut self, map: &Map, column: usize) {
        let breaks = self.flow_form(map.form, map.entries.is_empty());
        let inner = column + self.layout.step;
        self.text.push('{');
        let mut keys = Keys::default();
        for (at, entry) in map.entries.iter().enumerate() {
            self.flow_break(breaks, inner, at);
            let key = keys.make_unique(&entry.key);
            self.text.push_str(&format!("{}: ", key.render(true)));
            self.path.push(key.text);
            self.flow(&entry.value, inner);
            self.path.pop();
            self.flow_comma(breaks, at + 1 == map.entries.len(), &entry.place.tail);
        }
        self.flow_end(breaks && !map.entries.is_empty(), column);
        self.text.push('}');
    }

    fn flow_list(&mut self, list: &List, column: usize) {
        let breaks = self.flow_form(list.form, list.items.is_empty());
        let inner = column + self.layout.step;
        self.list_depth += 1;
        self.text.push('[');
        for (at, item) in list.items.iter().enumerate() {
            self.flow_break(breaks, inner, at);
            self.flow(&item.value, inner);
            self.flow_comma(breaks, at + 1 == list.items.len(), &item.place.tail);
        }
        self.flow_end(breaks && !list.items.is_empty(), column);
        self.text.push(']');
        self.list_depth -= 1;
        self.is_after_list = true;
    }

    /// Whether the items go on lines of their own.
    fn flow_form(&mut self, form: Form, is_empty: bool) -> bool {
        let breaks = form == Form::FlowLines && !is_empty;
        self.features.insert(match (is_empty, breaks) {
            (true, _) => Feature::EmptyCollection,
            (false, true) => Feature::FlowLines,
            (false, false) => Feature::Flow,
        });
        breaks
    }

    fn flow_break(&mut self, breaks: bool, column: usize, at: usize) {
        if breaks {
            self.text.push_str(&format!("\n{}", " ".repeat(column)));
        } else if at > 0 {
            self.text.push(' ');
        }
    }

    fn flow_comma(&mut self, breaks: bool, is_last: bool, tail: &Tail) {
        if !is_last || (breaks && matches!(tail, Tail::Comment { .. } | Tail::Blanks(1))) {
            self.text.push(',');
        }
        if let (true, Tail::Comment { gap, text }) = (breaks, tail) {
            self.comment(gap, text);
        }
    }

    fn flow_end(&mut self, breaks: bool, column: usize) {
        if breaks {
            self.text.push_str(&format!("\n{}", " ".repeat(column)));
        }
    }

    fn leaf(&mut self, scalar: &Scalar) {
        let may_be_empty = scalar.may_be_empty();
        if may_be_empty {
            self.features.insert(Feature::EmptyValue);
        }
        self.leaves.push(Leaf { path: self.path.clone(), may_be_empty });
        self.weight += 1;
        self.is_after_list = false;
    }

    fn on_same_line(&mut self, value: &str, spot: Spot<'_>) {
        self.text.push_str(&format!("{}{value}", " ".repeat(spot.place.gap)));
        self.tail(&spot.place.tail);
    }

    fn props(&mut self, anchor: Option<&str>, props: &Props) {
        if let Some(name) = anchor {
            self.text.push_str(&format!(" &{name}"));
        }
        if let Some(tag) = props.tag {
            self.features.insert(Feature::Tag);
            self.text.push_str(&format!(" {tag}"));
        }
    }

    fn begin_anchor(&mut self, props: &Props) -> Option<String> {
        props.has_anchor.then(|| {
            self.features.insert(Feature::Anchor);
            self.anchors.begin()
        })
    }

    fn end_anchor(&mut self, name: Option<String>, weight_before: usize, is_map: bool) {
        if let Some(name) = name {
            self.anchors.end(name, is_map, self.weight - weight_before);
        }
    }

    /// An alias, or plain text where there is nothing to name.
    fn alias(&mut self, pick: usize) -> String {
        let Some((alias, weight)) = self.anchors.alias(pick) else {
            let text = "no-anchor-yet";
            self.leaf(&scalars::plain(text));
            return text.to_owned();
        };
        self.features.insert(Feature::Alias);
        self.weight += weight;
        self.is_after_list = false;
        alias
    }

    fn indent_at(&mut self, column: usize, start: &mut Start) {
        if matches!(start, Start::OnNewLine) {
            self.text.push_str(&" ".repeat(column));
        }
        *start = Start::OnNewLine;
    }

    fn lines(&mut self, lines: &[Line], column: usize) {
        for line in lines {
            match line {
                Line::Blank(blanks) => self.text.push_str(&" ".repeat(*blanks)),
                Line::Comment { shift, text } => {
                    let column = match shift {
                        Shift::WithContent => column,
                        Shift::AtMargin => 0,
                        Shift::Deeper => column + 2,
                    };
                    self.comment(&" ".repeat(column), text);
                }
            }
            self.text.push('\n');
        }
    }

    /// What follows on the line, and its end.
    fn tail(&mut self, tail: &Tail) {
        match tail {
            Tail::Nothing => {}
            Tail::Blanks(blanks) => self.text.push_str(&" ".repeat(*blanks)),
            Tail::Comment { gap, text } => {
                // go-yaml takes no tab right after a list's dash.
                let gap = if self.text.ends_with('-') { " " } else { gap };
                self.comment(gap, text);
            }
        }
        self.text.push('\n');
    }

    /// Writes a comment, unless it may be a list's in a file that has none there.
    fn comment(&mut self, gap: &str, text: &str) {
        let may_be_in_list = self.list_depth > 0 || self.is_after_list;
        if may_be_in_list && !self.layout.has_list_comments {
            return;
        }
        self.features.insert(Feature::Comment);
        if may_be_in_list {
            self.features.insert(Feature::CommentMaybeInList);
        }
        self.text.push_str(&format!("{gap}#{text}"));
    }
}

/// Where a block collection's first key or item goes.
enum Start {
    OnNewLine,
    OnThisLine,
}

/// The keys of one map so far.
#[derive(Default)]
struct Keys(HashSet<String>);

impl Keys {
    /// The key itself, or with a number where the map has it already. `sops` is SOPS' own.
    fn make_unique(&mut self, key: &Key) -> Key {
        let mut unique = key.clone();
        let mut number = 2;
        while unique.text == "sops" || self.0.contains(&unique.text) {
            unique = Key::new(&format!("{}{number}", key.text), key.quotes);
            number += 1;
        }
        self.0.insert(unique.text.clone());
        unique
    }
}
