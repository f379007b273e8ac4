//! The lines that an unresolved merge leaves in a text.

use super::{finding::Findings, rule::Rule};

/// git's default marker size; the lines are found in any text, YAML or not.
const MARKER_CHARACTERS: usize = 7;

/// Reports each marker line. A line of `=` or `|` alone is one only between the two others.
pub(super) fn find_conflicts(text: &str, findings: &mut Findings) {
    let mut offset = 0;
    let mut is_open = false;
    for line in text.split_inclusive('\n') {
        let message = match marker(line) {
            Some('<') => {
                is_open = true;
                Some("a merge conflict begins here")
            }
            Some('|') if is_open => Some("the common ancestor of a merge conflict"),
            Some('=') if is_open => Some("the other side of a merge conflict"),
            Some('>') => {
                is_open = false;
                Some("a merge conflict ends here")
            }
            _ => None,
        };
        if let Some(message) = message {
            findings.push(Rule::MergeConflict, offset, message);
        }
        offset += line.len();
    }
}

/// The character that the line repeats, if it is a marker: seven of them, and then a blank or nothing.
fn marker(line: &str) -> Option<char> {
    let first = line.chars().next().filter(|first| matches!(first, '<' | '|' | '=' | '>'))?;
    let rest = line.trim_start_matches(first);
    let is_marker =
        line.len() - rest.len() == MARKER_CHARACTERS && (rest.is_empty() || rest.starts_with([' ', '\r', '\n']));
    is_marker.then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, lines: &[usize]) {
        let mut findings = Findings::default();
        find_conflicts(text, &mut findings);
        let found: Vec<usize> = findings.finish(text, None).iter().map(|finding| finding.place.line).collect();
        assert_eq!(found, lines);
    }

    #[test]
    fn the_markers_of_both_conflict_styles_are_found() {
        check("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> other\n", &[2, 4, 6]);
        check("<<<<<<< ours\r\nb: 1\r\n||||||| base\r\n=======\r\nb: 2\r\n>>>>>>> theirs", &[1, 3, 4, 6]);
    }

    #[test]
    fn a_half_resolved_conflict_is_found() {
        check("b: 1\n>>>>>>> other\n", &[2]);
        check("<<<<<<<\nb: 1\n", &[1]);
    }

    #[test]
    fn what_only_looks_similar_is_left_alone() {
        check("=======\n|||||||\n", &[]);
        check("<<<<<<<< eight\n <<<<<<< indented\n<<: *merge\n>>>>>>>x\na: <<<<<<< b\n", &[]);
        check("<<<<<<< a\n>>>>>>> b\n=======\n", &[1, 2]);
    }
}
