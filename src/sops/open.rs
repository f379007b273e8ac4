//! Decrypting the values of a text in place, and checking the MAC over them.

use std::collections::HashSet;

use zeroize::Zeroizing;

use super::{
    error::{SopsError, ValueFault},
    reuse::{Kept, Reuse},
    scalar::scalar,
    selector::Selector,
    walk::{CommentLeaf, Leaf, Site, Visitor, walk},
};
use crate::{
    base::span::{LineColumn, Span},
    crypto::{
        cipher::{CipherError, Ciphertext, ValueCipher},
        mac::{Coverage, Mac},
    },
    document::{
        edit::Edit,
        yaml::{
            change,
            emit::{Chomping, Follow, Place, Position, Spelling, parse_block_header, push_respelled, push_scalar},
            scalar::{Scalar, ScalarStyle, ScalarType},
            tree::{Item, Kind, NodeId, Tree, after_break},
        },
    },
};

/// What becomes of each encrypted value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The values are only decrypted for the MAC.
    Check,
    /// The plaintext takes the place of the ciphertext.
    Decrypt {
        /// How the text is laid out.
        layout: TextLayout,
    },
}

/// How the text is laid out into which plaintext is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLayout {
    /// The indentation of one level, for values that need lines of their own.
    pub step: usize,
    /// Where the content ends if the break before it goes with the `sops` block, because the plaintext had none.
    pub cut_off: Option<usize>,
}

/// The selected values of a text, decrypted.
#[derive(Debug)]
pub struct Opened {
    /// What has to change in the text, in any order. Holds plaintext.
    pub edits: Vec<Edit>,
    /// The MAC over the values.
    pub mac: String,
    /// The ciphertexts, to be found again by what they were, if that was asked for.
    pub reuse: Option<Reuse>,
    /// Comments that look encrypted but are not, or not for this place; they stay as they are.
    pub odd_comments: Vec<LineColumn>,
    /// How many values were encrypted.
    pub encrypted_values: usize,
}

/// Decrypts each value of `tree` that `selector` picks; with a [`Reuse`], the ciphertexts are put into it.
///
/// # Errors
/// [`SopsError::Value`] for a value that is in clear, malformed, changed, or moved; [`SopsError::Document`].
///
/// # Source
/// `sops.go` of SOPS 3.13.2.
pub fn open(
    tree: &Tree<'_>,
    selector: &Selector,
    coverage: Coverage,
    cipher: &ValueCipher,
    (purpose, reuse): (Purpose, Option<Reuse>),
) -> Result<Opened, SopsError> {
    let mut opener = Opener {
        tree,
        cipher,
        purpose,
        mac: Mac::new(coverage),
        last_path: String::new(),
        list_comments: HashSet::new(),
        opened: Opened { edits: Vec::new(), mac: String::new(), reuse, odd_comments: Vec::new(), encrypted_values: 0 },
    };
    walk(tree, selector, &mut opener)?;
    opener.keep_empty_lists();
    opener.opened.mac = opener.mac.finish();
    Ok(opener.opened)
}

struct Opener<'a, 't> {
    tree: &'a Tree<'t>,
    cipher: &'a ValueCipher,
    purpose: Purpose,
    mac: Mac,
    /// The path of the last value: a comment behind it may belong to one of its collections.
    last_path: String,
    /// The elements that became comments.
    list_comments: HashSet<NodeId>,
    opened: Opened,
}

impl Visitor for Opener<'_, '_> {
    type Error = SopsError;

    fn scalar(&mut self, leaf: &Leaf<'_, '_>) -> Result<(), SopsError> {
        if self.purpose != Purpose::Check {
            leaf.path.clone_into(&mut self.last_path);
        }
        let meaning = scalar(self.tree, leaf.node)?;
        if meaning.is_null() {
            return Ok(());
        }
        if !leaf.is_selected {
            if let Some((plaintext, _)) = meaning.plaintext(self.tree, leaf.node)? {
                self.mac.update_clear(&plaintext);
            }
            return Ok(());
        }
        let text = meaning.as_text().ok_or_else(|| self.fault(leaf, ValueFault::InClear))?;
        if text.is_empty() {
            return Ok(());
        }
        if !Ciphertext::is_likely(text) {
            return Err(self.fault(leaf, ValueFault::InClear));
        }
        let (ciphertext, kind, plaintext) = self.decrypt(text, leaf.path).map_err(|fault| self.fault(leaf, fault))?;
        self.opened.encrypted_values += 1;
        if kind == ScalarType::Comment {
            return self.list_comment(leaf, &plaintext);
        }
        let mut value = Scalar::from_plaintext(kind, &plaintext)
            .ok()
            .filter(|_| kind != ScalarType::Bytes)
            .ok_or_else(|| self.fault(leaf, ValueFault::Type))?;
        if let Ok(hashed) = value.plaintext() {
            self.mac.update_selected(&hashed);
        }
        if let Purpose::Decrypt { layout } = self.purpose
            && !leaf.is_through_alias
        {
            if let Some(reuse) = &mut self.opened.reuse {
                let was_plain = matches!(leaf.node.kind, Kind::Scalar { style: ScalarStyle::Plain, .. });
                let kept = Kept { ciphertext: ciphertext.text.to_owned(), was_plain };
                reuse.put(leaf.path, kind.name(), &plaintext, kept);
            }
            self.replace(leaf, &value, text, layout);
        }
        zeroize::Zeroize::zeroize(&mut value);
        Ok(())
    }

    fn comment(&mut self, comment: &CommentLeaf<'_>) -> Result<(), SopsError> {
        if comment.is_through_alias {
            return Ok(());
        }
        let (span, text) = self.tree.comment(comment.id);
        if self.purpose == Purpose::Check || !Ciphertext::is_likely(text) {
            return Ok(());
        }
        let ciphertext = Ciphertext::parse(text).ok();
        let found = ciphertext.and_then(|ciphertext| {
            let (path, plaintext) = find_comment(self.cipher, &ciphertext, comment.path, &self.last_path)?;
            Some((ciphertext, path, plaintext))
        });
        match found {
            Some((ciphertext, path, plaintext)) => {
                if let Some(reuse) = &mut self.opened.reuse {
                    let kept = Kept { ciphertext: ciphertext.text.to_owned(), was_plain: true };
                    reuse.put(path, ScalarType::Comment.name(), &plaintext, kept);
                }
                // See `seal`: an empty comment in a list is encrypted as a blank.
                let is_empty = comment.is_in_list && plaintext.as_slice() == b" ";
                let plaintext: &[u8] = if is_empty { b"" } else { &plaintext };
                let plain = self.comment_lines(plaintext, span.start);
                self.opened.edits.push(Edit::new(span, plain));
            }
            None => self.opened.odd_comments.push(LineColumn::of(self.tree.text(), span.start)),
        }
        Ok(())
    }
}

impl Opener<'_, '_> {
    fn fault(&self, leaf: &Leaf<'_, '_>, fault: ValueFault) -> SopsError {
        SopsError::value(self.tree.text(), leaf.node.span, leaf.path, fault)
    }

    fn decrypt<'x>(
        &self,
        text: &'x str,
        path: &str,
    ) -> Result<(Ciphertext<'x>, ScalarType, Zeroizing<Vec<u8>>), ValueFault> {
        let ciphertext = Ciphertext::parse(text)?;
        let kind = ScalarType::find(ciphertext.kind).ok_or(ValueFault::Type)?;
        let plaintext = self.cipher.decrypt(&ciphertext, path)?;
        Ok((ciphertext, kind, plaintext))
    }

    /// A decrypted comment cannot begin a line of its own that is not one.
    fn comment_lines(&self, plaintext: &[u8], at: usize) -> String {
        let text = Zeroizing::new(String::from_utf8_lossy(plaintext).into_owned());
        let column = LineColumn::of(self.tree.text(), at).column - 1;
        let separator = format!("{}{:column$}#", self.tree.newline(), "");
        let mut lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
        let mut comment = format!("#{}", lines.next().unwrap_or_default());
        for line in lines {
            comment.push_str(&separator);
            comment.push_str(line);
        }
        comment
    }

    /// SOPS 3.13.2 writes a comment in a list as an item of the list.
    fn list_comment(&mut self, leaf: &Leaf<'_, '_>, plaintext: &[u8]) -> Result<(), SopsError> {
        if leaf.site.position != Position::ListItem || leaf.is_through_alias {
            return Err(self.fault(leaf, ValueFault::Type));
        }
        if self.purpose != Purpose::Check {
            let span = leaf.node.full_span();
            let before = self.tree.text().get(..span.start).unwrap_or_default();
            let dash = before.rfind('-').unwrap_or(span.start);
            let plain = self.comment_lines(plaintext, dash);
            self.opened.edits.push(Edit::new(Span::new(dash, span.end), plain));
            self.list_comments.insert(leaf.id);
        }
        Ok(())
    }

    /// A list of which only comments are left is an empty list, and not nothing.
    fn keep_empty_lists(&mut self) {
        if self.list_comments.is_empty() {
            return;
        }
        for node in self.tree.nodes() {
            let Kind::Sequence(collection) = &node.kind else { continue };
            let mut elements = collection.items.iter().filter_map(|item| match *item {
                Item::Element(element) => Some(element),
                _ => None,
            });
            let Some(last) = collection.items.iter().rev().find_map(|item| match *item {
                Item::Element(element) => Some(element),
                _ => None,
            }) else {
                continue;
            };
            if elements.all(|element| self.list_comments.contains(&element)) {
                let end = self.tree.node(last).span.end;
                let column = collection.column.max(1);
                self.opened.edits.push(Edit::insert(end, format!("{}{:column$}[]", self.tree.newline(), "")));
            }
        }
    }

    fn replace(&mut self, leaf: &Leaf<'_, '_>, value: &Scalar, ciphertext: &str, layout: TextLayout) {
        let text = self.tree.text();
        let Kind::Scalar { style, .. } = leaf.node.kind else { return };
        let mut span = leaf.node.text_span(text);
        let block = span.of(text);
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let needs_lines = matches!(value, Scalar::Str(string) if string.contains('\n'));
        let mut line_comment = String::new();
        let mut ending = "";
        if is_block {
            let header = parse_block_header(block);
            if let Some(comment) = header.and_then(|header| header.comment) {
                let comment = Span::new(span.start + comment.start, span.start + comment.end);
                line_comment = format!(" {}", self.take_comment(comment));
            }
            if block.ends_with(['\n', '\r']) {
                ending = self.tree.newline();
            }
        } else if needs_lines && leaf.site.position != Position::Flow {
            let line_end = text.get(span.end..).and_then(|rest| rest.find(['\n', '\r']));
            let line_end = line_end.map_or(text.len(), |at| span.end + at);
            let behind = Span::new(span.end, line_end).of(text);
            let comment = behind.trim_start_matches([' ', '\t']);
            if comment.starts_with('#') {
                let start = line_end - comment.len();
                let blanks = Span::new(span.end, start).of(text);
                line_comment = format!("{blanks}{}", self.take_comment(Span::new(start, line_end)));
            }
            if comment.is_empty() || comment.starts_with('#') {
                span.end = line_end;
            }
        }
        let is_cut_off = is_block && Some(span.end) == layout.cut_off;
        let place = Place {
            step: layout.step,
            newline: self.tree.newline(),
            line_comment: &line_comment,
            follow: follow(text, span.end, leaf.site),
            ..Place::new(leaf.site.position, leaf.site.indent)
        };
        let mut plain = String::new();
        match value {
            // At the end of the text, go-yaml reads a block scalar without the break that is not there.
            Scalar::Str(string) if is_cut_off && !string.ends_with('\n') && !chomps_all(block) => {
                let string = Zeroizing::new(format!("{string}\n"));
                push_respelled(&mut plain, &string, &spelling(text, leaf, ciphertext), &place);
            }
            Scalar::Str(string) => {
                push_respelled(&mut plain, string, &spelling(text, leaf, ciphertext), &place);
            }
            _ => push_scalar(&mut plain, value, &place),
        }
        zeroize::Zeroize::zeroize(&mut line_comment);
        if is_cut_off {
            // The break belongs to the `sops` block, and goes with it.
            span.end -= ending.len();
        } else {
            plain.push_str(ending);
        }
        self.opened.edits.push(Edit::new(span, plain));
    }

    /// The comment at `span` as it will be; a value that takes over its line brings it along.
    fn take_comment(&mut self, span: Span) -> String {
        // The comment beside a value comes right before it.
        const NEAR: usize = 16;
        let near = self.opened.edits.len().saturating_sub(NEAR);
        let recent = self.opened.edits.iter().skip(near).position(|edit| edit.span == span);
        match recent {
            Some(at) => self.opened.edits.remove(near + at).text,
            None => span.of(self.tree.text()).to_owned(),
        }
    }
}

/// Whether the header of a block scalar says `-`.
fn chomps_all(block: &str) -> bool {
    parse_block_header(block).is_some_and(|header| header.chomping == Chomping::Strip)
}

/// How the ciphertext stood, and so how the string will.
fn spelling(text: &str, leaf: &Leaf<'_, '_>, ciphertext: &str) -> Spelling {
    // In flow collections a plain scalar is encrypted in single quotes, and one in single quotes gets a blank too.
    match change::spelling(text, leaf.node) {
        Spelling::SingleQuoted if leaf.site.position == Position::Flow && !ciphertext.ends_with(' ') => Spelling::Plain,
        spelling => spelling,
    }
}

/// What stands below the line that ends at `end`; it matters to block scalars.
pub(super) fn follow(text: &str, end: usize, site: Site) -> Follow {
    let rest = text.get(end..).unwrap_or_default();
    let below = rest.get(after_break(rest, 0)..).unwrap_or_default();
    change::follow(below, site.indent)
}

/// Decrypts a comment, and tells for which path it was encrypted. Which collection a comment belongs to is a matter of
/// taste between YAML readers, so that all that are around it are tried.
pub(crate) fn find_comment<'p>(
    cipher: &ValueCipher,
    ciphertext: &Ciphertext<'_>,
    path: &'p str,
    last_path: &'p str,
) -> Option<(&'p str, Zeroizing<Vec<u8>>)> {
    for path in ancestors(path).chain(ancestors(last_path)).chain([":"]) {
        match cipher.decrypt(ciphertext, path) {
            Ok(plaintext) => return Some((path, plaintext)),
            Err(CipherError::Malformed) => return None,
            Err(_) => {}
        }
    }
    None
}

/// A path and those above it, innermost first: `a:b:`, `a:`.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors((!path.is_empty()).then_some(path), |path| {
        let parent = path.trim_end_matches(':').rfind(':')?;
        path.get(..=parent)
    })
}
