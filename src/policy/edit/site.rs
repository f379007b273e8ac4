//! Where things stand in the text of a policy: its rules, its lists of names, and every place that names a recipient.

use crate::{
    base::span::Span,
    document::yaml::{
        change::{Member, entries, is_null, key_text},
        scalar::ScalarStyle,
        tree::{Item, Kind, Layout, Node, NodeId, Tree, after_break},
    },
};

/// The way to a value, from the top level on.
pub(super) type Trail = Vec<Member>;

/// A place that names a recipient.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) trail: Trail,
    pub(super) kind: SiteKind,
}

/// How a place names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SiteKind {
    /// By an alias.
    Alias,
    /// By its text, which nothing else is beside.
    Text,
    /// By its text, between commas.
    Part(Span),
}

impl Site {
    pub(super) fn member(&self) -> Option<Member> {
        self.trail.last().copied()
    }

    pub(super) fn parent(&self) -> Option<NodeId> {
        Some(self.trail.get(self.trail.len().checked_sub(2)?)?.node)
    }

    /// Whether rules encrypt for what stands here: in a rule, or in something that an alias repeats.
    pub(super) fn is_for_rules(&self, tree: &Tree<'_>) -> bool {
        let above = self.trail.len().saturating_sub(1);
        self.rule_item(tree).is_some() || self.trail.iter().take(above).any(|member| is_aliased(tree, member.node))
    }

    /// The position of the rule that it is in among the members of the list of rules.
    pub(super) fn rule_item(&self, tree: &Tree<'_>) -> Option<usize> {
        let [_, section, rule, ..] = self.trail.as_slice() else { return None };
        (key_text(tree, section.key?) == "creation_rules").then_some(rule.item)
    }
}

/// The top-level node with its trail.
pub(super) fn root(tree: &Tree<'_>) -> Option<Member> {
    tree.documents().first().map(|document| Member { node: document.root, key: None, item: 0 })
}

/// The value of `name` of a mapping.
pub(super) fn entry(tree: &Tree<'_>, mapping: NodeId, name: &str) -> Option<Member> {
    members(tree, mapping).into_iter().find(|member| member.key.is_some_and(|key| key_text(tree, key) == name))
}

/// The members of a collection itself, not of the one that an alias stands for; comments left out.
pub(super) fn members(tree: &Tree<'_>, collection: NodeId) -> Vec<Member> {
    let Some(collection) = tree.node(collection).collection() else { return Vec::new() };
    let members = collection.items.iter().enumerate().filter_map(|(item, found)| match *found {
        Item::Entry(key, node) => Some(Member { node, key: Some(key), item }),
        Item::Element(node) => Some(Member { node, key: None, item }),
        Item::Comment(_) => None,
    });
    members.collect()
}

/// The members of a list without those that hold nothing, which count for nothing.
pub(super) fn full_members(tree: &Tree<'_>, list: NodeId) -> Vec<Member> {
    members(tree, list).into_iter().filter(|member| !is_null(tree, tree.resolve(member.node))).collect()
}

/// The way to the list of creation rules; `None` if there is none, or only an alias of one.
pub(super) fn rule_list(tree: &Tree<'_>) -> Option<Trail> {
    let root = root(tree)?;
    let list = entry(tree, root.node, "creation_rules")?;
    matches!(tree.node(list.node).kind, Kind::Sequence(_)).then(|| vec![root, list])
}

/// The way to each rule.
pub(super) fn rules(tree: &Tree<'_>) -> Vec<Trail> {
    let Some(list) = rule_list(tree) else { return Vec::new() };
    let rules = list.last().map(|list| full_members(tree, list.node)).unwrap_or_default();
    rules.into_iter().map(|rule| [list.as_slice(), &[rule]].concat()).collect()
}

/// Every value of the policy with the way to it, in the order of the text; what stands behind an alias is not repeated.
pub(super) fn values(tree: &Tree<'_>) -> Vec<Trail> {
    let mut found = Vec::new();
    let mut open: Vec<Trail> = root(tree).into_iter().map(|root| vec![root]).collect();
    while let Some(trail) = open.pop() {
        let Some(last) = trail.last() else { continue };
        let below = members(tree, last.node);
        open.extend(below.into_iter().rev().map(|member| [trail.as_slice(), &[member]].concat()));
        found.push(trail);
    }
    found
}

/// Every place that names `recipient`, in the order of the text.
pub(super) fn sites(tree: &Tree<'_>, recipient: &str) -> Vec<Site> {
    let kind_of = |id: NodeId| {
        let node = tree.node(id);
        if let Kind::Alias(target) = node.kind {
            return (text_of(tree.node(target)) == Some(recipient)).then_some(SiteKind::Alias);
        }
        let text = text_of(node)?;
        if text == recipient {
            return Some(SiteKind::Text);
        }
        if !text.contains(recipient) {
            return None;
        }
        pieces(tree, node)?.into_iter().find(|piece| piece.of(tree.text()) == recipient).map(SiteKind::Part)
    };
    let sites = values(tree).into_iter().filter_map(|trail| {
        let kind = kind_of(trail.last()?.node)?;
        Some(Site { trail, kind })
    });
    sites.collect()
}

/// The text of a scalar without the blanks around it.
pub(super) fn text_of<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    match &node.kind {
        Kind::Scalar { text, .. } => Some(text.as_str().trim()),
        _ => None,
    }
}

/// The name of the anchor on a node.
pub(super) fn anchor_of<'t>(tree: &Tree<'t>, node: &Node<'_>) -> Option<&'t str> {
    node.properties.as_deref()?.anchor?.of(tree.text()).strip_prefix('&')
}

/// Whether an alias somewhere stands for the node.
pub(super) fn is_aliased(tree: &Tree<'_>, id: NodeId) -> bool {
    tree.nodes().any(|node| matches!(node.kind, Kind::Alias(target) if target == id))
}

/// Whether the last of a trail is inside of brackets.
pub(super) fn is_in_flow(tree: &Tree<'_>, trail: &[Member]) -> bool {
    let above = trail.len().saturating_sub(1);
    trail
        .iter()
        .take(above)
        .any(|member| tree.node(member.node).collection().is_some_and(|collection| collection.layout == Layout::Flow))
}

/// The parts of a scalar between commas, without blanks; `None` if the text is not spelt as it reads.
pub(super) fn pieces(tree: &Tree<'_>, node: &Node<'_>) -> Option<Vec<Span>> {
    let text = tree.text();
    let Kind::Scalar { text: read, style } = &node.kind else { return None };
    let raw = node.span.of(text);
    let content = match style {
        ScalarStyle::Plain => node.span,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Span::new(node.span.start + 1, node.span.end - 1),
        ScalarStyle::Literal | ScalarStyle::Folded => {
            let header = raw.find(['\n', '\r']).unwrap_or(raw.len());
            Span::new(node.span.start + after_break(raw, header), node.span.end)
        }
    };
    let mut pieces = Vec::new();
    let mut at = content.start;
    for part in content.of(text).split(',') {
        let start = at + part.len() - part.trim_start().len();
        pieces.push(Span::new(start, start + part.trim().len()));
        at += part.len() + 1;
    }
    let is_same = pieces.iter().map(|piece| piece.of(text)).eq(read.as_str().split(',').map(str::trim));
    is_same.then_some(pieces)
}

/// The aliases and merges through which a rule takes its recipients: the first of them.
pub(super) fn borrowed(tree: &Tree<'_>, mapping: NodeId) -> Option<NodeId> {
    let node = tree.node(mapping);
    if matches!(node.kind, Kind::Alias(_)) {
        return Some(mapping);
    }
    let collection = node.collection()?;
    entries(collection).find(|(key, _)| key_text(tree, *key) == "<<").map(|(key, _)| key)
}
