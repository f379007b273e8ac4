//! Encrypting the values of a file anew under another data key, each in its place.

use super::{
    error::{SopsError, ValueFault},
    scalar::scalar,
    selector::Selector,
    walk::{CommentLeaf, Leaf, Visitor, walk},
};
use crate::{
    base::span::Span,
    crypto::{
        cipher::{CipherError, Ciphertext, ValueCipher},
        mac::{Coverage, Mac},
    },
    document::{
        edit::Edit,
        yaml::{
            scalar::{Scalar, ScalarType},
            tree::Tree,
        },
    },
};

/// The edits that put each encrypted value and comment of `tree` under the cipher `new`, and the MAC over the values.
///
/// # Errors
/// As for [`super::open::open`].
pub(super) fn reencrypt(
    tree: &Tree<'_>,
    selector: &Selector,
    coverage: Coverage,
    old: &ValueCipher,
    new: ValueCipher,
) -> Result<(Vec<Edit>, String), SopsError> {
    let mut reencrypter =
        Reencrypter { tree, old, new, mac: Mac::new(coverage), edits: Vec::new(), last_path: String::new() };
    walk(tree, selector, &mut reencrypter)?;
    Ok((reencrypter.edits, reencrypter.mac.finish()))
}

struct Reencrypter<'a, 't> {
    tree: &'a Tree<'t>,
    old: &'a ValueCipher,
    new: ValueCipher,
    mac: Mac,
    edits: Vec<Edit>,
    last_path: String,
}

impl Visitor for Reencrypter<'_, '_> {
    type Error = SopsError;

    fn scalar(&mut self, leaf: &Leaf<'_, '_>) -> Result<(), SopsError> {
        leaf.path.clone_into(&mut self.last_path);
        let fault = |fault| SopsError::value(self.tree.text(), leaf.node.span, leaf.path, fault);
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
        let text = meaning.as_text().ok_or_else(|| fault(ValueFault::InClear))?;
        if text.is_empty() {
            return Ok(());
        }
        if !Ciphertext::is_likely(text) {
            return Err(fault(ValueFault::InClear));
        }
        let ciphertext = Ciphertext::parse(text).map_err(|cause| fault(cause.into()))?;
        let kind = ScalarType::find(ciphertext.kind).ok_or_else(|| fault(ValueFault::Type))?;
        let plaintext = self.old.decrypt(&ciphertext, leaf.path).map_err(|cause| fault(cause.into()))?;
        if kind != ScalarType::Comment {
            let value = Scalar::from_plaintext(kind, &plaintext).ok().filter(|_| kind != ScalarType::Bytes);
            let mut value = value.ok_or_else(|| fault(ValueFault::Type))?;
            if let Ok(hashed) = value.plaintext() {
                self.mac.update_selected(&hashed);
            }
            zeroize::Zeroize::zeroize(&mut value);
        }
        if leaf.is_through_alias {
            return Ok(());
        }
        let edit = self.replaced(leaf.node.span, &ciphertext, &plaintext, leaf.path)?;
        self.edits.push(edit);
        Ok(())
    }

    fn comment(&mut self, comment: &CommentLeaf<'_>) -> Result<(), SopsError> {
        if comment.is_through_alias {
            return Ok(());
        }
        let (span, text) = self.tree.comment(comment.id);
        let Ok(ciphertext) = Ciphertext::parse(text) else { return Ok(()) };
        let own = comment.path;
        let Some((path, plaintext)) = super::open::find_comment(self.old, &ciphertext, own, &self.last_path) else {
            return Ok(());
        };
        let path = path.to_owned();
        let edit = self.replaced(span, &ciphertext, &plaintext, &path)?;
        self.edits.push(edit);
        Ok(())
    }
}

impl Reencrypter<'_, '_> {
    /// Replaces the ciphertext within `span`, so that its quotes, its block and what follows it stay.
    fn replaced(
        &mut self,
        span: Span,
        ciphertext: &Ciphertext<'_>,
        plaintext: &[u8],
        path: &str,
    ) -> Result<Edit, SopsError> {
        let mut sealed = String::with_capacity(ciphertext.text.len() + 64);
        self.new
            .push_encrypted(&mut sealed, plaintext, path, ciphertext.kind)
            .map_err(|_cause: CipherError| SopsError::NoRandomness)?;
        Ok(match span.of(self.tree.text()).find(ciphertext.text) {
            Some(at) => {
                let start = span.start + at;
                Edit::new(Span::new(start, start + ciphertext.text.len()), sealed)
            }
            // Written with escapes, which only double quotes have.
            None => Edit::new(span, format!("\"{sealed}\"")),
        })
    }
}
