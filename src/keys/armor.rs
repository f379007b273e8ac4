//! ASCII armor, as `sops` stores a wrapped data key: one age file as text.

use base64::{Engine as _, prelude::BASE64_STANDARD};

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
/// As many as a full line of armor has, and one of a stanza.
pub(super) const COLUMNS_PER_LINE: usize = 64;
/// 64 columns of base64.
const BYTES_PER_LINE: usize = COLUMNS_PER_LINE / 4 * 3;

/// Renders an age file as armor: 64 columns, line feeds on every platform, a final one too.
///
/// # Source
/// <https://c2sp.org/age#ascii-armor>
pub(super) fn render_armor(file: &[u8]) -> String {
    let lines = file.chunks(BYTES_PER_LINE).map(|line| BASE64_STANDARD.encode(line));
    [BEGIN.to_owned()].into_iter().chain(lines).chain([END.to_owned()]).fold(
        String::with_capacity(file.len() * 3 / 2 + 2 * COLUMNS_PER_LINE),
        |mut armor, line| {
            armor.push_str(&line);
            armor.push('\n');
            armor
        },
    )
}

/// The armor in `text`, without the blank lines before it, which age allows; `None` where no armor begins.
pub(super) fn find_armor(mut text: &str) -> Option<&str> {
    while let Some((line, rest)) = text.split_once('\n') {
        if !line.trim().is_empty() {
            break;
        }
        text = rest;
    }
    text.starts_with(BEGIN).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &[u8], lines: &[&str]) {
        let armor = render_armor(file);
        assert_eq!(armor, format!("{BEGIN}\n{}{END}\n", lines.concat()));
    }

    #[test]
    fn armor_has_lines_of_64_columns_and_one_shorter_only_at_its_end() {
        let full = format!("{}\n", "AAAA".repeat(16));
        check(&[], &[]);
        check(&[0], &["AA==\n"]);
        check(&[0; 48], &[&full]);
        check(&[0; 49], &[&full, "AA==\n"]);
        check(&[0; 96], &[&full, &full]);
    }

    #[test]
    fn armor_is_found_behind_blank_lines_only() {
        assert_eq!(find_armor(&format!(" \n\r\n{BEGIN}\nx")), Some(format!("{BEGIN}\nx").as_str()));
        assert_eq!(find_armor(&format!(" {BEGIN}\nx")), None);
        assert_eq!(find_armor("age-encryption.org/v1\n"), None);
        assert_eq!(find_armor(""), None);
        assert_eq!(find_armor("\n\n"), None);
    }
}
