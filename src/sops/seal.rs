//! Encrypting the values of a text in place: edits over spans, and the MAC over what they replace.

use std::collections::HashSet;

use zeroize::{Zeroize as _, Zeroizing};

use super::{
    error::SopsError,
    open::follow,
    reuse::{Kept, Reuse},
    scalar::{Meaning, refuse_lost_digits, scalar},
    selector::{Selector, SelectorKind},
    walk::{CommentLeaf, Leaf, Site, Visitor, key_text, walk},
};
use crate::{
    base::span::{LineColumn, Span},
    crypto::{
        cipher::ValueCipher,
        mac::{Coverage, Mac},
    },
    document::{
        edit::Edit,
        error::{DocumentError, Fault},
        yaml::{
            emit::{Chomping, Place, Position, Value, parse_block_header, push_node, push_scalar},
            scalar::{Scalar, ScalarStyle, ScalarType},
            tree::{CommentId, Item, Kind, Node, NodeId, Tree, after_break},
        },
    },
};

/// The selected values of a text, encrypted.
#[derive(Debug)]
pub struct Sealed {
    /// What has to change in the text, in any order.
    pub edits: Vec<Edit>,
    /// The MAC over the values, not yet encrypted.
    pub mac: String,
    /// How many values the selector picked that were neither null nor empty.
    pub encrypted_values: usize,
    /// How many other values there are that are neither null nor empty.
    pub clear_values: usize,
}

/// Encrypts each value of `tree` that `selector` picks.
///
/// `step` is the indentation of one level, for aliases that have to be written out. With `reuse`, a value that has not changed gets the ciphertext that it had.
///
/// # Errors
/// [`SopsError::Document`] for a value that SOPS cannot encrypt, [`SopsError::NoRandomness`].
///
/// # Source
/// `sops.go` of SOPS 3.13.2; which spellings of an encrypted value SOPS reads is in `docs/format.md`.
pub fn seal(
    tree: &Tree<'_>,
    selector: &Selector,
    coverage: Coverage,
    (cipher, reuse): (ValueCipher, Option<Reuse>),
    step: usize,
) -> Result<Sealed, SopsError> {
    let targets = tree.nodes().filter_map(|node| match node.kind {
        Kind::Alias(target) => Some(target),
        _ => None,
    });
    let aliased: HashSet<NodeId> = targets.collect();
    let mut sealer = Sealer {
        tree,
        selector,
        cipher,
        mac: Mac::new(coverage),
        edits: Vec::new(),
        reuse,
        step,
        through_alias: Vec::new(),
        sealed_comments: HashSet::new(),
        hides_ciphertext: false,
        sealed: (!aliased.is_empty()).then(HashSet::new),
        aliased,
        encrypted_values: 0,
        clear_values: 0,
    };
    walk(tree, selector, &mut sealer)?;
    Ok(Sealed {
        edits: sealer.edits,
        mac: sealer.mac.finish(),
        encrypted_values: sealer.encrypted_values,
        clear_values: sealer.clear_values,
    })
}

struct Sealer<'a, 't> {
    tree: &'a Tree<'t>,
    selector: &'a Selector,
    cipher: ValueCipher,
    mac: Mac,
    edits: Vec<Edit>,
    reuse: Option<Reuse>,
    /// The indentation of one level, for aliases that are written out.
    step: usize,
    /// What the scalars behind the current alias became, in order; `None` for one that stays in clear.
    through_alias: Vec<Option<String>>,
    /// Whether one of them is encrypted where it stands, so that the alias would stand for ciphertext.
    hides_ciphertext: bool,
    /// The scalars that are encrypted where they stand, if there are aliases at all.
    sealed: Option<HashSet<NodeId>>,
    sealed_comments: HashSet<CommentId>,
    /// The nodes that aliases name.
    aliased: HashSet<NodeId>,
    encrypted_values: usize,
    clear_values: usize,
}

impl Visitor for Sealer<'_, '_> {
    type Error = SopsError;

    fn scalar(&mut self, leaf: &Leaf<'_, '_>) -> Result<(), SopsError> {
        if leaf.is_selected && !leaf.is_through_alias && leaf.node.is_absent() && self.is_telling(leaf) {
            let offset = leaf.node.full_span().start;
            return Err(DocumentError::at(self.tree.text(), offset, Fault::NothingBehind).into());
        }
        let scalar = scalar(self.tree, leaf.node)?;
        let Some((plaintext, kind)) = scalar.plaintext(self.tree, leaf.node)? else {
            if leaf.is_through_alias {
                self.through_alias.push(None);
            }
            return Ok(());
        };
        if leaf.is_selected {
            refuse_lost_digits(self.tree, leaf.node, &scalar)?;
            self.mac.update_selected(&plaintext);
        } else {
            self.mac.update_clear(&plaintext);
        }
        // SOPS leaves an empty string as it is.
        let sealed = if leaf.is_selected && !plaintext.is_empty() {
            self.encrypted_values += 1;
            Some(self.encrypt(&plaintext, leaf.path, kind)?)
        } else {
            self.clear_values += usize::from(!plaintext.is_empty());
            None
        };
        if leaf.is_through_alias {
            self.hides_ciphertext |= self.sealed.as_ref().is_some_and(|nodes| nodes.contains(&leaf.id));
            self.through_alias.push(sealed.map(|sealed| sealed.ciphertext));
        } else if sealed.is_none() {
            self.keep_without_break(leaf.node);
        } else if let Some(sealed) = sealed {
            let in_flow = leaf.site.position == Position::Flow;
            if sealed.was_plain && !in_flow && self.is_spelt_as_new(leaf.node, scalar, leaf.site) {
                self.replace_plainly(leaf.node, &sealed.ciphertext);
            } else {
                self.replace(leaf.node, &sealed.ciphertext, leaf.site);
            }
            if let Some(nodes) = &mut self.sealed {
                nodes.insert(leaf.id);
            }
        }
        Ok(())
    }

    fn comment(&mut self, comment: &CommentLeaf<'_>) -> Result<(), SopsError> {
        let (span, text) = self.tree.comment(comment.id);
        // SOPS makes an empty item of an empty comment in a list when it decrypts, so it cannot stay empty there.
        let text = if text.is_empty() && comment.is_in_list { " " } else { text };
        if comment.is_through_alias {
            // Copies of an encrypted comment would stand under other paths.
            self.hides_ciphertext |= self.sealed_comments.contains(&comment.id);
        } else if comment.is_selected && !text.is_empty() {
            self.sealed_comments.insert(comment.id);
            let sealed = self.encrypt(text.as_bytes(), comment.path, ScalarType::Comment)?.ciphertext;
            if self.selector.kind() == SelectorKind::UnencryptedCommentRegex && self.selector.matches_comment(&sealed) {
                return Err(SopsError::CommentMatches(LineColumn::of(self.tree.text(), span.start)));
            }
            self.edits.push(Edit::new(Span::new(span.start + 1, span.end), sealed));
        }
        Ok(())
    }

    fn begin_alias(&mut self) {
        self.through_alias.clear();
        self.hides_ciphertext = false;
    }

    fn end_alias(&mut self, alias: &Node<'_>, target: NodeId, site: Site) -> Result<(), SopsError> {
        // Clear aliases of what is clear stay; an encrypted value is bound to its path, so that each copy is written out.
        let mut sealed = std::mem::take(&mut self.through_alias).into_iter();
        if sealed.as_slice().iter().all(Option::is_none) && !self.hides_ciphertext {
            return Ok(());
        }
        let value = expand(self.tree, target, &mut sealed)?;
        let source = self.tree.text();
        let mut span = alias.full_span();
        // A mapping in a list goes on where it begins, however far that is from the dash.
        let indent = match site.position {
            Position::ListItem => LineColumn::of(source, span.start).column.saturating_sub(3),
            Position::MapValue | Position::Flow => site.indent,
        };
        let place = Place { step: self.step, newline: self.tree.newline(), ..Place::new(site.position, indent) };
        let mut text = String::new();
        push_node(&mut text, &value, &place);
        // A comment beside the alias stays on its line, and the lines that are new come below.
        let tail = text.split_off(text.find(['\n', '\r']).unwrap_or(text.len()));
        if text.is_empty() {
            span.start = source.get(..span.start).unwrap_or_default().trim_end_matches([' ', '\t']).len();
        }
        if !tail.is_empty() {
            let line_end = source.get(span.end..).and_then(|rest| rest.find(['\n', '\r']));
            self.edits.push(Edit::insert(line_end.map_or(source.len(), |at| span.end + at), tail));
        }
        self.edits.push(Edit::new(span, text));
        Ok(())
    }
}

impl Sealer<'_, '_> {
    fn encrypt(&mut self, plaintext: &[u8], path: &str, kind: ScalarType) -> Result<Kept, SopsError> {
        if let Some(reuse) = &mut self.reuse {
            // SOPS prints the float 8 as `8`, which then reads as an integer; unchanged, it stays the float that it was.
            let kinds: &[ScalarType] = if kind == ScalarType::Int { &[kind, ScalarType::Float] } else { &[kind] };
            if let Some(kept) = kinds.iter().find_map(|kind| reuse.take(path, kind.name(), plaintext)) {
                return Ok(kept);
            }
        }
        let mut sealed = String::with_capacity(plaintext.len() * 4 / 3 + 128);
        self.cipher
            .push_encrypted(&mut sealed, plaintext, path, kind.name())
            .map_err(|_cause| SopsError::NoRandomness)?;
        Ok(Kept { ciphertext: sealed, was_plain: false })
    }

    /// Whether a scalar is spelt as the decryption of a plain ciphertext spells it.
    fn is_spelt_as_new(&self, node: &Node<'_>, meaning: Meaning<'_>, site: Site) -> bool {
        let text = self.tree.text();
        let span = node.text_span(text);
        let place = Place {
            step: self.step,
            newline: self.tree.newline(),
            follow: follow(text, span.end, site),
            ..Place::new(site.position, site.indent)
        };
        let mut scalar = meaning.into_scalar();
        let mut spelt = Zeroizing::new(String::new());
        push_scalar(&mut spelt, &scalar, &place);
        scalar.zeroize();
        let source = span.of(text);
        let header = source.split(['\n', '\r']).next().unwrap_or_default();
        let comment = parse_block_header(source).and_then(|header| header.comment);
        let bare = comment.map_or(header, |comment| header.get(..comment.start).unwrap_or(header).trim_end());
        let body = source.get(header.len()..).unwrap_or_default().trim_end_matches(['\n', '\r']);
        spelt.strip_prefix(bare).is_some_and(|rest| rest.trim_end_matches(['\n', '\r']) == body)
    }

    /// Whether a tag of somebody's own, or an anchor that no alias names, stands before a node: with nothing behind, it may
    /// be meant as the value.
    fn is_telling(&self, leaf: &Leaf<'_, '_>) -> bool {
        leaf.node.properties.as_deref().is_some_and(|properties| {
            let has_own_tag = properties.tag.is_some() && properties.core_tag.is_none();
            has_own_tag || properties.anchor.is_some() && !self.aliased.contains(&leaf.id)
        })
    }

    /// Puts `sealed` in the place of a scalar without its quotes or its block; a comment on its line stays there.
    fn replace_plainly(&mut self, node: &Node<'_>, sealed: &str) {
        let text = self.tree.text();
        let span = node.text_span(text);
        let Some(header) = parse_block_header(span.of(text)) else {
            return self.edits.push(Edit::new(node.span, sealed.to_owned()));
        };
        let header_end = span.start + header.end;
        let indicators = Span::new(span.start, header_end).of(text);
        let indicators = indicators.split([' ', '\t']).next().unwrap_or_default().len();
        self.edits.push(Edit::new(Span::new(span.start, span.start + indicators), sealed.to_owned()));
        let content = Span::new(after_break(text, header_end), span.end);
        if !content.is_empty() {
            self.edits.push(Edit::remove(content));
        }
    }

    /// Puts `sealed` in the place of a scalar, in its quotes or its block.
    fn replace(&mut self, node: &Node<'_>, sealed: &str, site: Site) {
        let Kind::Scalar { style, .. } = node.kind else { return };
        self.remove_tag(node);
        let in_flow = site.position == Position::Flow;
        let (span, text) = match style {
            // In a flow collection, commas and brackets need quotes; see `docs/format.md` on how they come back.
            ScalarStyle::Plain if in_flow => (node.span, format!("'{sealed}'")),
            ScalarStyle::Plain => (node.span, sealed.to_owned()),
            ScalarStyle::SingleQuoted if in_flow => (node.span, format!("'{sealed} '")),
            ScalarStyle::SingleQuoted => (node.span, format!("'{sealed}'")),
            ScalarStyle::DoubleQuoted => (node.span, format!("\"{sealed}\"")),
            ScalarStyle::Literal | ScalarStyle::Folded => self.block_content(node, sealed, site),
        };
        self.edits.push(Edit::new(span, text));
    }

    /// The content lines of a block scalar, and the one line that comes in their place.
    fn block_content(&self, node: &Node<'_>, sealed: &str, site: Site) -> (Span, String) {
        let text = self.tree.text();
        let block = node.text_span(text);
        let header = block.of(text).split(['\n', '\r']).next().unwrap_or_default();
        let start = after_break(text, block.start + header.len());
        let content = Span::new(start, block.end).of(text);
        let column = content_column(header, content, site, self.step);
        let newline = if content.ends_with(['\n', '\r']) { self.tree.newline() } else { "" };
        (Span::new(start, block.end), format!("{:column$}{sealed}{newline}", ""))
    }

    /// A block scalar that the end of the text cuts off has no final break to go-yaml. The `sops` block puts one there, so
    /// that one in clear has to say that it does not count.
    fn keep_without_break(&mut self, node: &Node<'_>) {
        let text = self.tree.text();
        if node.span.end < text.len() || text.ends_with(['\n', '\r']) {
            return;
        }
        let header = parse_block_header(node.span.of(text)).filter(|header| header.chomping != Chomping::Strip);
        let is_block = matches!(node.kind, Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. });
        if let Some(header) = header.filter(|_| is_block) {
            let at = node.span.start + 1;
            let indicators = usize::from(header.chomping == Chomping::Keep) + usize::from(header.indentation.is_some());
            let digit = header.indentation.map(|columns| columns.to_string()).unwrap_or_default();
            self.edits.push(Edit::new(Span::new(at, at + indicators), format!("{digit}-")));
        }
    }

    /// `!!int` and its like would be a lie about the encrypted text, and SOPS refuses it.
    fn remove_tag(&mut self, node: &Node<'_>) {
        let is_lie =
            matches!(node.core_tag(), Some("int" | "float" | "bool" | "null" | "timestamp" | "binary" | "merge"));
        let tag = node.properties.as_deref().and_then(|properties| properties.tag);
        if let Some(tag) = tag.filter(|_| is_lie) {
            let after = self.tree.text().get(tag.end..).unwrap_or_default();
            let blanks = after.len() - after.trim_start_matches([' ', '\t']).len();
            self.edits.push(Edit::remove(Span::new(tag.start, tag.end + blanks)));
        }
    }
}

/// The column at which the text of a block scalar stands.
fn content_column(header: &str, content: &str, site: Site, step: usize) -> usize {
    let indicator = header.chars().skip(1).take(2).find_map(|character| character.to_digit(10));
    if let Some(columns) = indicator {
        return site.indent + columns as usize;
    }
    let first = content.lines().find(|line| !line.trim_start_matches(' ').is_empty());
    match first {
        Some(first) => first.len() - first.trim_start_matches(' ').len(),
        None if site.position == Position::ListItem => site.indent + 2,
        None => site.indent + step,
    }
}

/// The value behind an alias written out, with what its scalars became in the order of the walk.
fn expand(tree: &Tree<'_>, id: NodeId, sealed: &mut impl Iterator<Item = Option<String>>) -> Result<Value, SopsError> {
    let node = tree.resolve(id);
    Ok(match &node.kind {
        Kind::Scalar { .. } => Value::Scalar(match sealed.next().flatten() {
            Some(sealed) => Scalar::Str(sealed),
            None => scalar(tree, node)?.into_scalar(),
        }),
        Kind::Mapping(collection) => {
            let mut entries = Vec::new();
            for item in &collection.items {
                if let Item::Entry(key, value) = *item {
                    entries.push((key_text(tree, key).to_owned(), expand(tree, value, sealed)?));
                }
            }
            Value::Map(entries)
        }
        Kind::Sequence(collection) => {
            let mut items = Vec::new();
            for item in &collection.items {
                if let Item::Element(value) = *item {
                    items.push(expand(tree, value, sealed)?);
                }
            }
            Value::List(items)
        }
        // `resolve` never gives an alias.
        Kind::Alias(_) => Value::Scalar(Scalar::Null),
    })
}
