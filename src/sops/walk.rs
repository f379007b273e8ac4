//! The values of a file in the order in which SOPS meets them, each with its path and whether the selector picks it.

use crate::{
    document::{
        error::{DocumentError, Fault},
        yaml::{
            emit::Position,
            tree::{Collection, CommentId, Item, Kind, Layout, Node, NodeId, Tree},
        },
    },
    sops::selector::{Selector, SelectorKind},
};

/// The key of the metadata at the top level of every document.
pub(crate) const METADATA_KEY: &str = "sops";

/// Collections within each other, aliases followed: deeper than any text can nest by itself.
const DEPTH_LIMIT: usize = 600;
/// Nodes that aliases may add, whatever the size of the document.
const ALIAS_ALLOWANCE: usize = 100_000;
/// How many times the document's own nodes aliases may add.
const ALIAS_FACTOR: usize = 10;

/// A scalar at its path.
#[derive(Debug)]
pub(super) struct Leaf<'a, 't> {
    pub(super) id: NodeId,
    pub(super) node: &'a Node<'t>,
    /// The keys of the path, each followed by `:`; positions in lists are no part of it. SOPS' additional data.
    pub(super) path: &'a str,
    pub(super) is_selected: bool,
    /// Whether it stands elsewhere, and an alias brought it here.
    pub(super) is_through_alias: bool,
    pub(super) site: Site,
}

/// What a node stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    pub(super) position: Position,
    /// The column of the enclosing block collection's keys or dashes.
    pub(super) indent: usize,
}

/// A comment at the path of its collection; `:` at the top level.
#[derive(Debug)]
pub(super) struct CommentLeaf<'a> {
    pub(super) id: CommentId,
    /// Whether it is a member of a list.
    pub(super) is_in_list: bool,
    /// Whether it stands elsewhere, and an alias brought it here.
    pub(super) is_through_alias: bool,
    pub(super) path: &'a str,
    pub(super) is_selected: bool,
}

/// What is done with the leaves.
pub(super) trait Visitor {
    type Error: From<DocumentError>;

    fn scalar(&mut self, leaf: &Leaf<'_, '_>) -> Result<(), Self::Error>;
    fn comment(&mut self, comment: &CommentLeaf<'_>) -> Result<(), Self::Error>;

    /// An alias in the document itself, not below another: the scalars that follow come through it.
    fn begin_alias(&mut self) {}

    /// The alias has been followed.
    fn end_alias(&mut self, _alias: &Node<'_>, _target: NodeId, _site: Site) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Meets every value and comment of `tree`, but for the metadata at the top level.
///
/// # Errors
/// The visitor's; [`DocumentError`] for aliases that expand beyond the bounds.
///
/// # Source
/// `sops.go` and `stores/yaml/store.go` of SOPS 3.13.2.
pub(super) fn walk<V: Visitor>(tree: &Tree<'_>, selector: &Selector, visitor: &mut V) -> Result<(), V::Error> {
    let mut walker = Walker::new(tree, selector, visitor);
    for document in tree.documents() {
        let root = tree.resolve(document.root);
        walker.levels.push(0);
        if let Kind::Mapping(collection) = &root.kind {
            walker.items(collection, Of::Top)?;
        }
        for comment in &document.comments {
            walker.comment(*comment, Of::Top)?;
        }
        walker.leave_level();
    }
    Ok(())
}

/// What the members that are met are members of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Top,
    Mapping,
    List,
}

struct Walker<'a, 't, V> {
    tree: &'a Tree<'t>,
    selector: &'a Selector,
    encrypts_on_match: bool,
    visitor: &'a mut V,
    path: String,
    /// How many keys of the path the selector matches.
    matching_keys: usize,
    /// How many comments the selector matches, in all open levels, and in each.
    matching_comments: usize,
    levels: Vec<usize>,
    alias_depth: usize,
    alias_budget: usize,
    alias_limit: usize,
}

impl<'a, 't, V: Visitor> Walker<'a, 't, V> {
    fn new(tree: &'a Tree<'t>, selector: &'a Selector, visitor: &'a mut V) -> Self {
        let alias_limit = ALIAS_ALLOWANCE + ALIAS_FACTOR * tree.nodes().len();
        let encrypts_on_match = matches!(
            selector.kind(),
            SelectorKind::EncryptedSuffix | SelectorKind::EncryptedRegex | SelectorKind::EncryptedCommentRegex
        );
        Self {
            tree,
            selector,
            encrypts_on_match,
            visitor,
            path: String::new(),
            matching_keys: 0,
            matching_comments: 0,
            levels: Vec::new(),
            alias_depth: 0,
            alias_budget: alias_limit,
            alias_limit,
        }
    }

    fn items(&mut self, collection: &Collection, of: Of) -> Result<(), V::Error> {
        let position = |block| if collection.layout == Layout::Flow { Position::Flow } else { block };
        for item in &collection.items {
            match *item {
                Item::Comment(comment) => {
                    self.comment(comment, of)?;
                    continue;
                }
                Item::Entry(key, value) => {
                    let key = key_text(self.tree, key);
                    if of == Of::Top && key == METADATA_KEY {
                        continue;
                    }
                    let site = Site { position: position(Position::MapValue), indent: collection.column };
                    self.entry(key, value, site)?;
                }
                Item::Element(value) => {
                    let site = Site { position: position(Position::ListItem), indent: collection.column };
                    self.value(value, site)?;
                }
            }
            self.clear_level();
        }
        Ok(())
    }

    fn entry(&mut self, key: &str, value: NodeId, site: Site) -> Result<(), V::Error> {
        let parent = self.path.len();
        self.path.push_str(key);
        self.path.push(':');
        let is_match = self.selector.matches_key(key);
        self.matching_keys += usize::from(is_match);
        let outcome = self.value(value, site);
        self.matching_keys -= usize::from(is_match);
        self.path.truncate(parent);
        outcome
    }

    fn value(&mut self, id: NodeId, site: Site) -> Result<(), V::Error> {
        let node = self.tree.node(id);
        if self.alias_depth > 0 {
            self.alias_budget = self.alias_budget.checked_sub(1).ok_or_else(|| self.alias_bomb(node))?;
        }
        match &node.kind {
            Kind::Scalar { .. } => {
                let is_selected = self.selects_value();
                let is_through_alias = self.alias_depth > 0;
                self.visitor.scalar(&Leaf { id, node, path: &self.path, is_selected, is_through_alias, site })
            }
            Kind::Alias(target) => self.alias(node, *target, site),
            Kind::Mapping(collection) | Kind::Sequence(collection) => {
                if self.levels.len() >= DEPTH_LIMIT {
                    return Err(self.alias_bomb(node).into());
                }
                self.levels.push(0);
                let of = if matches!(node.kind, Kind::Sequence(_)) { Of::List } else { Of::Mapping };
                let outcome = self.items(collection, of);
                self.leave_level();
                outcome
            }
        }
    }

    fn alias(&mut self, alias: &Node<'_>, target: NodeId, site: Site) -> Result<(), V::Error> {
        if self.alias_depth == 0 {
            self.visitor.begin_alias();
        }
        self.alias_depth += 1;
        self.value(target, site)?;
        self.alias_depth -= 1;
        if self.alias_depth == 0 {
            self.visitor.end_alias(alias, target, site)?;
        }
        Ok(())
    }

    fn alias_bomb(&self, node: &Node<'_>) -> DocumentError {
        DocumentError::at(self.tree.text(), node.span.start, Fault::AliasBomb(self.alias_limit))
    }

    fn comment(&mut self, id: CommentId, of: Of) -> Result<(), V::Error> {
        let (_, text) = self.tree.comment(id);
        let is_match = self.selector.matches_comment(text);
        let before = self.selects_value();
        if is_match {
            self.matching_comments += 1;
            if let Some(level) = self.levels.last_mut() {
                *level += 1;
            }
        }
        // The comment that asks for encryption stays in clear; the one that asks for clear text does too.
        let is_selected =
            if self.selector.kind() == SelectorKind::EncryptedCommentRegex { before } else { self.selects_value() };
        let is_through_alias = self.alias_depth > 0;
        let path = if self.path.is_empty() { ":" } else { &self.path };
        self.visitor.comment(&CommentLeaf { id, is_in_list: of == Of::List, path, is_selected, is_through_alias })
    }

    const fn selects_value(&self) -> bool {
        let is_match = self.matching_keys > 0 || self.matching_comments > 0;
        is_match == self.encrypts_on_match
    }

    /// Comments speak for the item that follows them, and all that is in it.
    fn clear_level(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            self.matching_comments -= std::mem::take(level);
        }
    }

    fn leave_level(&mut self) {
        self.clear_level();
        self.levels.pop();
    }
}

/// The text of a key; empty where it is no scalar, which the shape check refuses.
pub(crate) fn key_text<'a>(tree: &'a Tree<'_>, key: NodeId) -> &'a str {
    match &tree.resolve(key).kind {
        Kind::Scalar { text, .. } => text.as_str(),
        _ => "",
    }
}
