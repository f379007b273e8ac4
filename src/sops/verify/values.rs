//! The values and comments of a file against its selector: who is encrypted, who is not, and whether it could be.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{finding::Findings, rule::Rule};
use crate::{
    crypto::cipher::{CipherError, Ciphertext, ValueCipher},
    document::{
        error::DocumentError,
        yaml::{
            emit::Position,
            scalar::{Scalar, ScalarType},
            tree::{Kind, Node, NodeId, Tree},
        },
    },
    sops::{
        metadata::Metadata,
        open::find_comment,
        scalar::scalar,
        walk::{CommentLeaf, Leaf, Site, Visitor, walk},
    },
};

const ENCRYPTED_PREFIX: &str = "ENC[AES256_GCM,";

/// Checks every value and comment; with `cipher`, also that each opens in its place.
pub(super) fn check_values(
    tree: &Tree<'_>,
    metadata: &Metadata,
    cipher: Option<&ValueCipher>,
    findings: &mut Findings,
) -> Result<Seen, DocumentError> {
    let has_aliases = tree.nodes().any(|node| matches!(node.kind, Kind::Alias(_)));
    let mut checker = Checker {
        tree,
        cipher,
        findings,
        originals: has_aliases.then(HashMap::new),
        before_alias: 0,
        last_path: String::new(),
        seen: Seen { encrypted_in: vec![None; tree.documents().len()], ..Seen::default() },
    };
    walk(tree, &metadata.selector, &mut checker)?;
    Ok(checker.seen)
}

/// What was met.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Where the first encrypted value of each document stands.
    pub(super) encrypted_in: Vec<Option<usize>>,
    /// Whether the selector picks a value that is not null or empty, encrypted or not.
    pub(super) has_selected: bool,
    /// Whether there is such a value that the selector leaves in clear.
    pub(super) has_clear: bool,
}

struct Checker<'a, 't> {
    tree: &'a Tree<'t>,
    cipher: Option<&'a ValueCipher>,
    findings: &'a mut Findings,
    /// The paths of the encrypted values by the offset of their node; only where there are aliases.
    originals: Option<HashMap<usize, String>>,
    before_alias: usize,
    /// The path of the last value: a comment behind it may belong to one of its collections.
    last_path: String,
    seen: Seen,
}

impl Visitor for Checker<'_, '_> {
    type Error = DocumentError;

    fn scalar(&mut self, leaf: &Leaf<'_, '_>) -> Result<(), DocumentError> {
        if self.cipher.is_some() {
            leaf.path.clone_into(&mut self.last_path);
        }
        let Kind::Scalar { text, .. } = &leaf.node.kind else { return Ok(()) };
        let text = text.as_str();
        let looks_encrypted = text.contains(ENCRYPTED_PREFIX);
        if looks_encrypted && has_typed_tag(leaf.node) {
            self.seen.has_selected |= leaf.is_selected;
            self.push(leaf, Rule::ValueTagged, "an encrypted value with an explicit tag that its text does not fit");
            return Ok(());
        }
        let meaning = match scalar(self.tree, leaf.node) {
            Ok(meaning) => meaning,
            Err(error) => {
                self.push(leaf, Rule::RefusedDocument, error.fault.to_string());
                return Ok(());
            }
        };
        if meaning.is_null() || meaning.as_text().is_some_and(str::is_empty) {
            return Ok(());
        }
        if leaf.is_selected {
            self.seen.has_selected = true;
            if meaning.as_text().is_some() && (looks_encrypted || begins_like_encrypted(text)) {
                self.selected(leaf, text);
            } else {
                self.push(leaf, Rule::ValueInClear, "in clear although the file's selector picks it");
            }
            return Ok(());
        }
        self.seen.has_clear = true;
        if is_sound(text) {
            self.push(leaf, Rule::ValueNotSelected, "encrypted, but the file's selector does not pick it");
        } else if let Err(error) = meaning.plaintext(self.tree, leaf.node) {
            self.push(leaf, Rule::RefusedDocument, error.fault.to_string());
        }
        Ok(())
    }

    fn comment(&mut self, comment: &CommentLeaf<'_>) -> Result<(), DocumentError> {
        if comment.is_through_alias {
            return Ok(());
        }
        let (span, text) = self.tree.comment(comment.id);
        if !Ciphertext::is_likely(text) {
            let behind = text.trim_start_matches([' ', '\t', '#']);
            if is_sound(behind) {
                let message =
                    "an encrypted comment that does not begin right behind its #: SOPS takes it for clear text";
                self.findings.push(Rule::CommentMalformed, span.start, message);
            } else if comment.is_selected && !text.trim().is_empty() {
                self.findings.push(Rule::CommentInClear, span.start, "a comment in clear among encrypted values");
            }
            return Ok(());
        }
        match (find_fault(text), comment.is_selected) {
            (Some(fault), _) => {
                self.findings.push(Rule::CommentMalformed, span.start, format!("a comment that {fault}"));
            }
            (None, false) => {
                let message = "an encrypted comment where the file's selector leaves comments in clear";
                self.findings.push(Rule::CommentNotSelected, span.start, message);
            }
            (None, true) => self.open_comment(comment, span.start, text),
        }
        Ok(())
    }

    fn begin_alias(&mut self) {
        self.before_alias = self.findings.len();
    }

    fn end_alias(&mut self, alias: &Node<'_>, _target: NodeId, _site: Site) -> Result<(), DocumentError> {
        self.findings.move_since(self.before_alias, alias.span.start);
        Ok(())
    }
}

impl Checker<'_, '_> {
    fn push(&mut self, leaf: &Leaf<'_, '_>, rule: Rule, message: impl Into<String>) {
        self.findings.push(rule, leaf.node.span.start, message);
    }

    /// A value that the selector picks and that looks encrypted.
    fn selected(&mut self, leaf: &Leaf<'_, '_>, text: &str) {
        if let Some(fault) = find_fault(text) {
            self.push(leaf, Rule::ValueMalformed, format!("an encrypted value that {fault}"));
            return;
        }
        let Ok(ciphertext) = Ciphertext::parse(text) else { return };
        if ciphertext.kind == ScalarType::Comment.name() {
            if leaf.site.position == Position::ListItem && !leaf.is_through_alias {
                let message = "a comment, encrypted as an item of a list, which SOPS cannot read";
                self.push(leaf, Rule::CommentAsItem, message);
            } else {
                let message = "an encrypted value whose `type:` is that of a comment";
                self.push(leaf, Rule::ValueMalformed, message);
            }
            return;
        }
        let start = leaf.node.span.start;
        if let Some(originals) = &mut self.originals {
            if !leaf.is_through_alias {
                originals.insert(start, leaf.path.to_owned());
            } else if originals.get(&start).is_none_or(|path| path != leaf.path) {
                self.push(leaf, Rule::AliasOfEncrypted, "an alias of a value that is encrypted for another path");
                return;
            }
        }
        if !leaf.is_through_alias {
            let document = self.tree.documents().partition_point(|document| document.span.end <= start);
            if let Some(first) = self.seen.encrypted_in.get_mut(document) {
                first.get_or_insert(start);
            }
        }
        self.open(leaf, &ciphertext);
    }

    fn open(&mut self, leaf: &Leaf<'_, '_>, ciphertext: &Ciphertext<'_>) {
        let Some(cipher) = self.cipher else { return };
        match cipher.decrypt(ciphertext, leaf.path) {
            Ok(plaintext) => {
                let kind = ScalarType::find(ciphertext.kind).unwrap_or(ScalarType::Str);
                match Scalar::from_plaintext(kind, &plaintext) {
                    Ok(mut value) => zeroize::Zeroize::zeroize(&mut value),
                    Err(_mismatch) => {
                        self.push(leaf, Rule::ValueType, "an encrypted value that is not what its `type:` announces");
                    }
                }
            }
            Err(CipherError::Malformed | CipherError::Unauthentic | CipherError::NoRandomness) => {
                let message = "an encrypted value that does not belong here: changed, moved, or of another file";
                self.push(leaf, Rule::ValueUnauthentic, message);
            }
        }
    }

    fn open_comment(&mut self, comment: &CommentLeaf<'_>, offset: usize, text: &str) {
        let (Some(cipher), Ok(ciphertext)) = (self.cipher, Ciphertext::parse(text)) else { return };
        if find_comment(cipher, &ciphertext, comment.path, &self.last_path).is_none() {
            let message = "an encrypted comment that does not belong here: changed, moved, or of another file";
            self.findings.push(Rule::CommentUnauthentic, offset, message);
        }
    }
}

/// Whether the node has a tag that makes go-yaml decode its text as something else than a string.
fn has_typed_tag(node: &Node<'_>) -> bool {
    matches!(node.core_tag(), Some("int" | "float" | "bool" | "timestamp" | "binary" | "null"))
}

/// Whether an encrypted value was meant, in whatever case.
fn begins_like_encrypted(text: &str) -> bool {
    let head = text.trim_start();
    head.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("ENC["))
}

/// Whether `text` is an encrypted value, for all that can be told without the data key.
pub(super) fn is_sound(text: &str) -> bool {
    Ciphertext::is_likely(text) && find_fault(text).is_none()
}

/// Why `text`, which was meant as an encrypted value, cannot be one, to be read behind "an encrypted value that".
fn find_fault(text: &str) -> Option<&'static str> {
    let Ok(ciphertext) = Ciphertext::parse(text) else {
        return Some(if Ciphertext::is_likely(text) {
            "is cut off or not of the form ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]"
        } else if text.contains(ENCRYPTED_PREFIX) {
            "has text before its ENC[: SOPS cannot read it"
        } else {
            "does not begin with ENC[AES256_GCM,"
        });
    };
    if !ciphertext.is_sound() {
        return Some("has a part that is not base64 or not of the right length");
    }
    match ScalarType::find(ciphertext.kind) {
        None => Some("has a `type:` that SOPS does not know"),
        Some(ScalarType::Bytes) => Some("has the `type:` bytes, on which SOPS panics"),
        Some(kind) if !fits(kind, plaintext_bytes(&ciphertext)) => Some("has a `type:` that its length rules out"),
        Some(_) => None,
    }
}

/// The length of the plaintext in bytes: the cipher keeps it.
pub(super) fn plaintext_bytes(ciphertext: &Ciphertext<'_>) -> usize {
    let data = ciphertext.text.split_once("data:").and_then(|(_, rest)| rest.split_once(",iv:"));
    data.and_then(|(data, _)| BASE64.decode(data).ok()).map_or(0, |data| data.len())
}

/// Whether a plaintext of that length can be of that type.
fn fits(kind: ScalarType, bytes: usize) -> bool {
    match kind {
        // Go's `strconv.ParseBool`: `1`, `t`, `True`, `false`, and the like.
        ScalarType::Bool => matches!(bytes, 1 | 4 | 5),
        // RFC 3339 at its shortest: `2006-01-02T15:04:05Z`.
        ScalarType::Time => bytes >= 20,
        _ => true,
    }
}
