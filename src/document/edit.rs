//! Edits over byte spans: the one way in which a document changes.

use crate::base::span::Span;

/// New text for one span. An empty span inserts, an empty text removes.
#[derive(Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that go.
    pub span: Span,
    /// What comes in their place. Can be plaintext.
    pub text: String,
}

impl Edit {
    /// `text` in place of `span`.
    #[must_use]
    pub const fn new(span: Span, text: String) -> Self {
        Self { span, text }
    }

    /// `text` before the byte at `offset`.
    #[must_use]
    pub const fn insert(offset: usize, text: String) -> Self {
        Self::new(Span::new(offset, offset), text)
    }

    /// Nothing in place of `span`.
    #[must_use]
    pub const fn remove(span: Span) -> Self {
        Self::new(span, String::new())
    }
}

/// The new text can be a secret, so only its place is shown.
impl std::fmt::Debug for Edit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Edit({}..{}, ..)", self.span.start, self.span.end)
    }
}

/// Why a list of edits could not be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The edit at this index starts before the one before it ends.
    #[error("edit {0} overlaps the one before it")]
    Overlap(usize),
    /// The edit at this index does not lie on character boundaries within the text.
    #[error("edit {0} lies outside of the text")]
    OutOfText(usize),
}

/// Replaces each span of `text` by its new content; every other byte stays.
///
/// `edits` are sorted by their start first; insertions at one place keep their order. Two may touch but not overlap.
///
/// # Errors
/// [`EditError`]; nothing is applied then.
pub fn splice(text: &str, edits: &mut [Edit]) -> Result<String, EditError> {
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let removed: usize = edits.iter().map(|edit| edit.span.end - edit.span.start).sum();
    let mut spliced = String::with_capacity((text.len() + added).saturating_sub(removed));
    let mut at = 0;
    for (index, edit) in edits.iter().enumerate() {
        if edit.span.start < at {
            return Err(EditError::Overlap(index));
        }
        let kept = text.get(at..edit.span.start).ok_or(EditError::OutOfText(index))?;
        spliced.push_str(kept);
        spliced.push_str(&edit.text);
        at = edit.span.end;
    }
    spliced.push_str(text.get(at..).ok_or(EditError::OutOfText(edits.len()))?);
    Ok(spliced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, edits: &[(usize, usize, &str)], expected: Result<&str, EditError>) {
        let mut edits: Vec<Edit> =
            edits.iter().map(|(start, end, new)| Edit::new(Span::new(*start, *end), (*new).to_owned())).collect();
        assert_eq!(splice(text, &mut edits), expected.map(str::to_owned));
    }

    #[test]
    fn splice_keeps_every_byte_outside_of_the_edits() {
        check("a: 1 # one\n", &[], Ok("a: 1 # one\n"));
        check("a: 1 # one\n", &[(3, 4, "ENC")], Ok("a: ENC # one\n"));
        check("abc", &[(2, 3, "z"), (0, 1, "x")], Ok("xbz"));
        check("abc", &[(1, 1, "1"), (1, 1, "2"), (1, 2, "")], Ok("a12c"));
    }

    #[test]
    fn splice_refuses_what_it_cannot_apply() {
        check("abc", &[(0, 2, "x"), (1, 3, "y")], Err(EditError::Overlap(1)));
        check("é", &[(1, 2, "x")], Err(EditError::OutOfText(0)));
        check("a", &[(0, 9, "x")], Err(EditError::OutOfText(1)));
    }
}
