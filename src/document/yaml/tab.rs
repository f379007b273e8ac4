//! Tabs that YAML 1.2 takes as blanks and go-yaml, so SOPS and Flux, refuses.

use super::{
    scalar::ScalarStyle,
    tree::{Kind, Layout, Node, Tree},
};
use crate::document::error::{DocumentError, Fault};

/// Refuses `tree` where a tab begins a line, or follows an indicator, as go-yaml does not take it.
///
/// go-yaml takes a tab as a blank in brackets, in scalars and comments, and where no key can begin: behind `key:`, a
/// tag, an anchor or a value. A plain scalar may also go on in lines whose tabs stand deeper than the block around it.
///
/// # Source
/// go-yaml v3.0.4, observed.
pub(super) fn refuse_tabs(tree: &Tree<'_>) -> Result<(), DocumentError> {
    if !tree.text.contains('\t') {
        return Ok(());
    }
    let mut around = Around::new(tree);
    for (offset, _) in tree.text.match_indices('\t') {
        around.move_to(offset);
        if !around.is_taken(offset) {
            return Err(DocumentError::at(tree.text, offset, Fault::Tab));
        }
    }
    Ok(())
}

/// What is around an offset that only moves forward.
struct Around<'a, 't> {
    tree: &'a Tree<'t>,
    /// How many nodes and comments begin before it.
    nodes: usize,
    comments: usize,
    /// The collections that the last of these nodes is in, outermost first: end, layout, column.
    open: Vec<(usize, Layout, usize)>,
}

impl<'a, 't> Around<'a, 't> {
    const fn new(tree: &'a Tree<'t>) -> Self {
        Self { tree, nodes: 0, comments: 0, open: Vec::new() }
    }

    fn move_to(&mut self, offset: usize) {
        while let Some(node) = self.tree.nodes.get(self.nodes).filter(|node| node.span.start <= offset) {
            while self.open.last().is_some_and(|(end, _, _)| *end <= node.span.start) {
                self.open.pop();
            }
            if let Some(collection) = node.collection() {
                self.open.push((node.span.end, collection.layout, collection.column));
            }
            self.nodes += 1;
        }
        while self.tree.comments.get(self.comments).is_some_and(|comment| comment.span.start <= offset) {
            self.comments += 1;
        }
    }

    /// Whether go-yaml takes the tab at `offset`.
    fn is_taken(&self, offset: usize) -> bool {
        let text = self.tree.text;
        let line_start = text.get(..offset).and_then(|head| head.rfind(['\n', '\r'])).map_or(0, |at| at + 1);
        let head = text.get(line_start..offset).unwrap_or_default();
        if head.contains('\t') && head.trim_end_matches([' ', '\t']).is_empty() {
            return true; // The first tab of the line was taken.
        }
        let is_indentation = head.trim_start_matches(' ').is_empty();
        let last = self.nodes.checked_sub(1).and_then(|at| self.tree.nodes.get(at));
        if let Some(node) = last.filter(|node| offset < node.span.end && node.collection().is_none()) {
            return match () {
                () if !is_indentation => true,
                () if is_block_scalar(node) => self.is_text(node, head),
                () => !is_plain(node) || self.is_deep(head),
            };
        }
        let is_in_brackets = self.open.iter().any(|(end, layout, _)| *layout == Layout::Flow && offset < *end);
        let comment = self.comments.checked_sub(1).and_then(|at| self.tree.comments.get(at));
        if is_in_brackets || comment.is_some_and(|comment| offset < comment.span.end) {
            return !is_indentation || !self.is_behind_plain(last, offset) || self.is_deep(head);
        }
        if is_indentation {
            return self.is_behind_plain(last, offset) && self.is_deep(head)
                || self.is_between_comments(line_start, offset);
        }
        let is_before_comment =
            text.get(offset..).is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with('#'));
        !ends_in_indicator(head.trim_end_matches([' ', '\t']), is_before_comment)
    }

    /// Whether nothing but blanks is between the plain scalar `last` and `offset`, so that it could go on there.
    fn is_behind_plain(&self, last: Option<&Node<'_>>, offset: usize) -> bool {
        last.filter(|last| is_plain(last))
            .is_some_and(|last| self.tree.text.get(last.span.end..offset).unwrap_or_default().trim().is_empty())
    }

    /// Whether what stands behind the blanks `head` is in the text of the block scalar `node`, and not in the indentation
    /// before it.
    fn is_text(&self, node: &Node<'_>, head: &str) -> bool {
        let block = node.span.of(self.tree.text);
        let mut lines = block.split(['\n', '\r']);
        let header = lines.next().unwrap_or_default();
        let indicator =
            header.split([' ', '\t', '#']).next().and_then(|marks| marks.chars().find_map(|c| c.to_digit(10)));
        let column = match indicator {
            Some(indicator) => self.block_column().unwrap_or(0) + indicator as usize,
            None => {
                let first = lines.find(|line| !line.trim_start_matches(' ').is_empty()).unwrap_or_default();
                first.len() - first.trim_start_matches(' ').len()
            }
        };
        head.len() >= column
    }

    /// Whether what stands behind the blanks `head` is deeper than the block around it.
    fn is_deep(&self, head: &str) -> bool {
        self.block_column().is_none_or(|block| head.len() > block)
    }

    /// The column of the innermost block collection.
    fn block_column(&self) -> Option<usize> {
        self.open.iter().rev().find(|(_, layout, _)| *layout == Layout::Block).map(|(_, _, column)| *column)
    }

    /// Whether the line is a comment that follows another.
    fn is_between_comments(&self, line_start: usize, offset: usize) -> bool {
        let text = self.tree.text;
        let before = text.get(..line_start).unwrap_or_default().trim_end_matches(['\n', '\r']);
        let line_before = before.rsplit(['\n', '\r']).next().unwrap_or_default();
        let after = text.get(offset..).unwrap_or_default().trim_start_matches([' ', '\t']);
        line_before.starts_with('#') && after.starts_with('#')
    }
}

const fn is_plain(node: &Node<'_>) -> bool {
    matches!(node.kind, Kind::Scalar { style: ScalarStyle::Plain, .. }) && !node.span.is_empty()
}

const fn is_block_scalar(node: &Node<'_>) -> bool {
    matches!(node.kind, Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. })
}

/// Whether `head`, outside of scalars and comments, ends in an indicator behind which a key could begin. A comment goes
/// with `?` and `:`, together with the blanks before it.
fn ends_in_indicator(head: &str, is_before_comment: bool) -> bool {
    match head.rsplit([' ', '\t']).next() {
        Some("-") => true,
        Some("?") => !is_before_comment,
        Some(":") => !is_before_comment && head.trim_start_matches([' ', '\t', '-']).len() == 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that real `sops` 3.13.2 encrypts.
    const TAKEN: [&str; 23] = [
        "? a\n:\t# c\n  b\n",
        "?\t# c\n  a\n: b\n",
        "a:\n  b: |2-\n      x\n    \ty\n",
        "a:\n- >2 # 1\n   x\n  \ty\n",
        "a: 1\n  \t\nb: 2\n",
        "a:\n  b: 1\n   \t\nc: 1\n",
        "a:\n- b\n \t\nc: 1\n",
        "a: b\n  \tc\n",
        "a: b\n \t c\nd: 1\n",
        "--- \t\na: 1\n",
        "a: \tb\n",
        "a:\t\n  b: 1\n",
        "a:\t1\n",
        "a: 1\t\nb:\t2\t# c\n",
        "a: &x\tb\n",
        "a: !!str\tx\n",
        "a: |\n  x\n  \t\nb: 1\n",
        "a: |\n  x\ty\n  \tz\nb: 1\n",
        "a: [1,\t2]\n",
        "a: {b:\t1}\n",
        "# c\n\t# d\na: 1\n",
        "a: 1 # c\td\n",
        "a: \"x\ty\"\nb: 'x\t- y'\nc: x\ty -\tz\n",
    ];

    /// Texts that it refuses.
    const REFUSED: [&str; 35] = [
        "a: b\n\n\t\n  c\n",
        "a: {b: 1\n\t\n, c: 2}\n",
        "a: 1\n\t\nb: 2\n",
        "a: 1\n\t# c\nb: 2\n",
        "x:\n- a\n-\tb\n",
        "? a\n:\tb\n",
        "a:\n  ? b\n  :\t c\n",
        "a: |\n  x\n\t\nb: 1\n",
        "a: |\n  x\n \t\nb: 1\n",
        "a: 1\n\t",
        "\ta: 1\n",
        "?\ta\n: b\n",
        "x:\n- \ta\n",
        "x:\n- \t\n  a: 1\n",
        "a: >\n  x\n\t\n",
        "\t\na: 1\n",
        "a:\n  - b\n\t\n  - c\n",
        "a: b\n\n\t\nd: e\n",
        "x:\n-\t\n  a\n",
        "x:\n-\t# c\n  a\n",
        "a: 1 # c\n\t\nb: 2\n",
        "a: 1 # c\n  \t\nb: 2\n",
        "# c\n\t\na: 1\n",
        "# c\n\ta: 1\n",
        "a: 1\n# c\n\t\nb: 2\n",
        "a: \"x\"\n\t\nb: 2\n",
        "a: \"x\"\n  \t# c\nb: 2\n",
        "a: [1]\n\t\nb: 1\n",
        "a: {}\n \t\nb: 1\n",
        "a:\n  \t\n  b: 1\n",
        "a: # c\n  \t\n  b: 1\n",
        "a:\n  b: 1\n  \t\nc: 1\n",
        "a:\n- b\n\t\nc: 1\n",
        "a: 1\n...\n\t\n",
        "a: 1\n---\n\t\nb: 1\n",
    ];

    #[test]
    fn tabs_that_go_yaml_takes_are_blanks() {
        for text in TAKEN {
            assert!(Tree::parse(text).is_ok(), "{text:?}: {:?}", Tree::parse(text).err());
        }
    }

    #[test]
    fn tabs_that_go_yaml_refuses_are_refused() {
        for text in REFUSED {
            let fault = Tree::parse(text).map(drop).map_err(|error| error.fault);
            assert!(matches!(fault, Err(Fault::Tab | Fault::Syntax(_))), "{text:?}: {fault:?}");
        }
    }
}
