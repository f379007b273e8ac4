//! What SOPS hashes and encrypts of a YAML scalar.

use std::{borrow::Cow, ops::Deref};

use zeroize::{Zeroize as _, Zeroizing};

use crate::document::{
    error::{DocumentError, Fault},
    yaml::{
        scalar::{Scalar, ScalarStyle, ScalarType, find_special, resolve},
        tree::{Kind, Node, Tree},
    },
};

/// A scalar's meaning; an ordinary string is not copied. Wiped on drop.
pub(crate) enum Meaning<'n> {
    /// A string, as it stands in the tree.
    Text(&'n str),
    /// Anything else.
    Scalar(Wiped),
}

/// A scalar that is wiped on drop.
pub(crate) struct Wiped(Scalar);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Bytes that are borrowed, or wiped on drop.
pub(super) enum Bytes<'n> {
    Borrowed(&'n [u8]),
    Owned(Zeroizing<Vec<u8>>),
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// Reads a scalar node as go-yaml does.
///
/// # Errors
/// [`Fault::TagMismatch`] with its place. Nodes that are no scalars read as null.
pub(crate) fn scalar<'n>(tree: &Tree<'_>, node: &'n Node<'_>) -> Result<Meaning<'n>, DocumentError> {
    let Kind::Scalar { text, style } = &node.kind else { return Ok(Meaning::Scalar(Wiped(Scalar::Null))) };
    let text = text.as_str();
    let properties = node.properties.as_deref();
    let Some(tag) = properties.and_then(|properties| properties.tag) else {
        let special = if *style == ScalarStyle::Plain { find_special(text) } else { None };
        return Ok(special.map_or(Meaning::Text(text), |special| Meaning::Scalar(Wiped(special))));
    };
    let tag = match node.core_tag() {
        Some(core) => Cow::Owned(format!("!!{core}")),
        None => Cow::Borrowed(tag.of(tree.text())),
    };
    let resolved = resolve(text, *style, Some(&tag));
    let resolved = resolved.map_err(|_cause| DocumentError::at(tree.text(), node.span.start, Fault::TagMismatch))?;
    Ok(Meaning::Scalar(Wiped(resolved)))
}

impl Meaning<'_> {
    /// What SOPS hashes and encrypts, and the type it gives it. `None` for null.
    ///
    /// # Errors
    /// The [`Fault`] for which SOPS refuses the file, with its place.
    pub(super) fn plaintext(
        &self,
        tree: &Tree<'_>,
        node: &Node<'_>,
    ) -> Result<Option<(Bytes<'_>, ScalarType)>, DocumentError> {
        let scalar = match self {
            Self::Text(text) => return Ok(Some((Bytes::Borrowed(text.as_bytes()), ScalarType::Str))),
            Self::Scalar(Wiped(scalar)) => scalar,
        };
        let fault = |fault| DocumentError::at(tree.text(), node.span.start, fault);
        match scalar.scalar_type() {
            Some(kind) => match scalar.plaintext() {
                Ok(Cow::Borrowed(bytes)) => Ok(Some((Bytes::Borrowed(bytes), kind))),
                Ok(Cow::Owned(bytes)) => Ok(Some((Bytes::Owned(Zeroizing::new(bytes)), kind))),
                Err(_cause) => Err(fault(Fault::TagMismatch)),
            },
            None if matches!(scalar, Scalar::Null) => Ok(None),
            None => Err(fault(Fault::IntegerTooLarge)),
        }
    }

    /// The text, if it is a string.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Scalar(Wiped(Scalar::Str(text))) => Some(text),
            Self::Scalar(_) => None,
        }
    }

    /// Whether it is null.
    pub(super) const fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(Wiped(Scalar::Null)))
    }

    /// A copy that its owner has to wipe.
    pub(crate) fn into_scalar(self) -> Scalar {
        match &self {
            Self::Text(text) => Scalar::Str((*text).to_owned()),
            Self::Scalar(Wiped(scalar)) => scalar.clone(),
        }
    }
}

/// An integer beyond 64 bits reads as a float, which would lose digits; SOPS does it silently.
///
/// # Errors
/// [`Fault::IntegerTooLarge`] with its place.
pub(super) fn refuse_lost_digits(tree: &Tree<'_>, node: &Node<'_>, meaning: &Meaning<'_>) -> Result<(), DocumentError> {
    let (Meaning::Scalar(Wiped(Scalar::Float(_))), Kind::Scalar { text, .. }) = (meaning, &node.kind) else {
        return Ok(());
    };
    let digits = text.as_str().trim_start_matches(['+', '-']);
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    // A leading zero makes go-yaml read octal, and a float where that fails: `08` is no large number.
    if is_integer && digits.bytes().filter(u8::is_ascii_digit).count() > 18 {
        return Err(DocumentError::at(tree.text(), node.span.start, Fault::IntegerTooLarge));
    }
    Ok(())
}
