//! What differs between two texts, line by line, as `diff -u` shows it.

/// Unchanged lines that are shown around a change.
const CONTEXT_LINES: usize = 3;

/// More pairs of lines than this are not compared with each other: what differs is then shown as one block.
const PAIR_LIMIT: usize = 4 << 20;

/// A line of one of the texts, or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffLine<'t> {
    /// In both.
    Kept(&'t str),
    /// In the old one only.
    Removed(&'t str),
    /// In the new one only.
    Added(&'t str),
}

/// The lines of both texts in order, with their breaks.
#[must_use]
pub fn diff_lines<'t>(old: &'t str, new: &'t str) -> Vec<DiffLine<'t>> {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let same = |(left, right): &(&&str, &&str)| left == right;
    let head = old.iter().zip(&new).take_while(same).count();
    let shorter = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(shorter).take_while(same).count();
    let middle = |lines: &[&'t str]| lines.get(head..lines.len() - tail).unwrap_or_default().to_vec();
    let mut lines: Vec<DiffLine<'t>> = old.iter().take(head).map(|line| DiffLine::Kept(line)).collect();
    push_middle(&mut lines, &middle(&old), &middle(&new));
    lines.extend(old.iter().skip(old.len() - tail).map(|line| DiffLine::Kept(line)));
    lines
}

/// Keeps a longest common subsequence.
fn push_middle<'t>(lines: &mut Vec<DiffLine<'t>>, old: &[&'t str], new: &[&'t str]) {
    if old.len().saturating_mul(new.len()) > PAIR_LIMIT {
        lines.extend(old.iter().map(|line| DiffLine::Removed(line)));
        lines.extend(new.iter().map(|line| DiffLine::Added(line)));
        return;
    }
    // How long the longest one of what follows is, for each pair of places.
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    let at =
        |longest: &[u32], left: usize, right: usize| longest.get(left * width + right).copied().unwrap_or_default();
    for (left, line) in old.iter().enumerate().rev() {
        for (right, other) in new.iter().enumerate().rev() {
            let best = if line == other {
                at(&longest, left + 1, right + 1) + 1
            } else {
                at(&longest, left + 1, right).max(at(&longest, left, right + 1))
            };
            if let Some(cell) = longest.get_mut(left * width + right) {
                *cell = best;
            }
        }
    }
    let (mut left, mut right) = (0, 0);
    loop {
        match (old.get(left), new.get(right)) {
            (Some(line), Some(other)) if line == other => {
                lines.push(DiffLine::Kept(line));
                (left, right) = (left + 1, right + 1);
            }
            (Some(line), other)
                if other.is_none() || at(&longest, left + 1, right) >= at(&longest, left, right + 1) =>
            {
                lines.push(DiffLine::Removed(line));
                left += 1;
            }
            (_, Some(other)) => {
                lines.push(DiffLine::Added(other));
                right += 1;
            }
            _ => return,
        }
    }
}

/// The difference as `diff -u` shows it, under the name of the file; empty if there is none.
#[must_use]
pub fn render_diff(name: &str, old: &str, new: &str) -> String {
    let lines = diff_lines(old, new);
    let changed: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !matches!(line, DiffLine::Kept(_)))
        .map(|(number, _)| number)
        .collect();
    let mut out = String::new();
    let mut rest = changed.as_slice();
    while let Some(first) = rest.first() {
        let gap = |pair: &&[usize]| matches!(pair, [left, right] if right - left <= 2 * CONTEXT_LINES);
        let count = rest.windows(2).take_while(gap).count() + 1;
        let last = rest.get(count - 1).copied().unwrap_or(*first);
        let start = first.saturating_sub(CONTEXT_LINES);
        let end = (last + CONTEXT_LINES + 1).min(lines.len());
        if out.is_empty() {
            out = format!("--- {name}\n+++ {name}\n");
        }
        push_hunk(&mut out, &lines, start, end);
        rest = rest.get(count..).unwrap_or_default();
    }
    out
}

fn push_hunk(out: &mut String, lines: &[DiffLine<'_>], start: usize, end: usize) {
    let count = |from: usize, to: usize| {
        let lines = lines.get(from..to).unwrap_or_default();
        let added = lines.iter().filter(|line| matches!(line, DiffLine::Added(_))).count();
        let removed = lines.iter().filter(|line| matches!(line, DiffLine::Removed(_))).count();
        (lines.len() - added, lines.len() - removed)
    };
    let (old_before, new_before) = count(0, start);
    let (old_lines, new_lines) = count(start, end);
    // A side without lines is placed behind the line before it.
    let number = |before: usize, lines: usize| before + usize::from(lines > 0);
    let (old_start, new_start) = (number(old_before, old_lines), number(new_before, new_lines));
    let header = format!("@@ -{old_start},{old_lines} +{new_start},{new_lines} @@\n");
    out.push_str(&header);
    for line in lines.get(start..end).unwrap_or_default() {
        let (sign, text) = match line {
            DiffLine::Kept(text) => (' ', text),
            DiffLine::Removed(text) => ('-', text),
            DiffLine::Added(text) => ('+', text),
        };
        out.push(sign);
        out.push_str(text);
        if !text.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, expected: &str) {
        assert_eq!(render_diff("f", old, new), expected, "{old:?} {new:?}");
    }

    #[test]
    fn a_difference_is_shown_with_the_lines_around_it() {
        check("a\n", "a\n", "");
        check("", "a\n", "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
        check("1\n2\n3\n4\n5\n", "1\n2\n3\n4\nx\n5\n", "--- f\n+++ f\n@@ -2,4 +2,5 @@\n 2\n 3\n 4\n+x\n 5\n");
        check(
            "a",
            "b",
            "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n",
        );
        let many = "l\n".repeat(10);
        let expected = "--- f\n+++ f\n@@ -1,4 +1,3 @@\n-a\n l\n l\n l\n@@ -9,4 +8,3 @@\n l\n l\n l\n-b\n";
        check(&format!("a\n{many}b\n"), &many, expected);
    }

    proptest! {
        #[test]
        fn both_texts_are_in_the_difference(old in "[ab\n]{0,30}", new in "[ab\n]{0,30}") {
            let lines = diff_lines(&old, &new);
            let side = |other: fn(&DiffLine<'_>) -> bool| -> String {
                lines.iter().filter(|line| !other(line)).map(|line| match line {
                    DiffLine::Kept(text) | DiffLine::Removed(text) | DiffLine::Added(text) => *text,
                }).collect()
            };
            prop_assert_eq!(side(|line| matches!(line, DiffLine::Added(_))), old.as_str());
            prop_assert_eq!(side(|line| matches!(line, DiffLine::Removed(_))), new.as_str());
        }
    }
}
