//! The terms of a YAML file, with their places.

use super::{TermPlaces, Terms};
use crate::{
    document::yaml::tree::{NodeId, Tree},
    sops::{
        error::SopsError,
        key_group::KeyGroup,
        metadata::{KeyEntry, Reader},
        walk::METADATA_KEY,
    },
};

impl Terms {
    /// Out of a YAML file: of its first document, as SOPS does. Compiles no selector.
    ///
    /// # Errors
    /// [`SopsError`] for what is not YAML, is not encrypted, or has unusable metadata.
    pub fn of_yaml(text: &str) -> Result<Self, SopsError> {
        if let Some(start) = find_plain_block(text) {
            let block = text.get(start..).unwrap_or_default();
            if let Some(terms) = Self::of_lines(block, start) {
                return Ok(terms);
            }
            if let Ok(terms) = Self::of_tree(&Tree::parse(block)?, start) {
                return Ok(terms);
            }
        }
        Self::of_tree(&Tree::parse(text)?, 0)
    }

    /// `start` is where the text of the tree begins.
    fn of_tree(tree: &Tree<'_>, start: usize) -> Result<Self, SopsError> {
        let reader = Reader::new(tree)?;
        let place = |node: NodeId| start + tree.node(node).full_span().start;
        let block = place(reader.block);
        let of_field = |name: &str| reader.field(reader.block, name).map_or(block, place);
        let groups = reader.groups()?;
        let (_, threshold) = reader.threshold()?;
        let selector = reader.selector_text()?;
        let places = TermPlaces {
            block,
            entries: groups.iter().map(|group| group.iter().map(|entry| place(entry.node)).collect()).collect(),
            threshold: of_field("shamir_threshold"),
            selector: selector.as_ref().map_or(block, |(.., node)| place(*node)),
            coverage: of_field("mac_only_encrypted"),
        };
        let selector = selector.map(|(kind, pattern, _)| (kind, pattern));
        let group = |group: Vec<KeyEntry>| KeyGroup(group.into_iter().map(|entry| entry.key).collect());
        let groups = groups.into_iter().map(group).collect();
        Ok(Self::new(groups, threshold, selector, reader.coverage()?, Some(places)))
    }
}

/// Where the `sops` block begins in a text of one document whose top level is laid out as SOPS does it: a name without quotes
/// at the start of a line, and `sops` the last of them. `None` for everything else, and where there could be another `sops`.
///
/// The block can then be read by itself: what is before it could only hide that there is none.
fn find_plain_block(text: &str) -> Option<usize> {
    // Whatever else is a line break for some parser, so that a line could begin unseen: all begin with one of three bytes.
    let may_break = text.bytes().any(|byte| matches!(byte, b'\r' | 0xC2 | 0xE2));
    if may_break && text.contains(['\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        return None;
    }
    let mut offset = 0;
    let mut found = None;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let start = offset;
        offset += line.len();
        match line.as_bytes().first() {
            Some(b' ' | b'#' | b'\n') => continue,
            Some(b'-') if number == 0 && line.trim_end() == "---" => continue,
            Some(b'-') if line.starts_with("- ") => continue,
            _ => {}
        }
        let name = line.split(':').next().unwrap_or_default();
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'))
            && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let ends_name = line.get(name.len() + 1..).is_some_and(|rest| rest.trim_ascii_start().len() < rest.len());
        if found.is_some() || !is_name || !ends_name {
            return None;
        }
        if name == METADATA_KEY {
            found = Some(start);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<usize>) {
        assert_eq!(find_plain_block(text), expected, "{text}");
    }

    #[test]
    fn a_block_is_found_where_there_can_be_no_other() {
        check("a: 1\nsops:\n    mac: x\n", Some(5));
        check("# c\n---\na: 1\n", None);
        check("---\na:\n- b\n\nsops:\n    mac: x\n# c\n", Some(12));
        check("sops:\n    mac: x\n", Some(0));
        check("a: 1\nsops: {mac: x}\n", Some(5));
        for text in [
            "a: 1\nsops:\n    mac: x\nb: 1\n",
            "\"sops\":\n    a: 1\nsops:\n    mac: x\n",
            "? sops\n: 1\nsops:\n    mac: x\n",
            "!!str sops: 1\nsops:\n    mac: x\n",
            "&a sops: 1\nsops:\n    mac: x\n",
            "{sops: 1}\nsops:\n    mac: x\n",
            "a: 1\n---\nsops:\n    mac: x\n",
            "sops:\n    mac: x\n---\na: 1\n",
            "sops:\n    mac: x\nsops:\n    mac: y\n",
            "a: 1\nsops\n",
            "\u{feff}a: 1\nsops:\n    mac: x\n",
            "\ta: 1\nsops:\n    mac: x\n",
            "a: 1 #\r\"sops\": x\nsops:\n    mac: x\n",
            " a\u{2028}sops: x\nsops:\n    mac: x\n",
            "a: 1\r\nsops:\r\n    mac: x\r\n",
            "*a : 1\nsops:\n    mac: x\n",
        ] {
            check(text, None);
        }
    }

    /// The short way and the whole metadata tell the same of every file that SOPS wrote.
    #[test]
    fn terms_are_those_of_the_metadata() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sops");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("encrypted.yaml"));
        let (mut short, mut by_line) = (0, 0);
        for path in files.filter(|path| path.exists()) {
            let text = std::fs::read_to_string(&path).unwrap();
            let tree = Tree::parse(&text).unwrap();
            let Ok(metadata) = crate::sops::metadata::Metadata::read(&tree) else { continue };
            let terms = Terms::of_yaml(&text).unwrap();
            assert_eq!(terms.groups, metadata.key_groups(), "{}", path.display());
            let selector = (metadata.selector.kind(), metadata.selector.pattern().to_owned());
            assert_eq!((&terms.selector, terms.coverage), (&selector, metadata.coverage), "{}", path.display());
            assert_eq!(Terms::of_tree(&tree, 0).unwrap(), terms, "{}", path.display());
            let start = find_plain_block(&text);
            short += usize::from(start.is_some());
            by_line +=
                usize::from(start.is_some_and(|start| Terms::of_lines(text.get(start..).unwrap(), start).is_some()));
        }
        assert!(short > 50 && by_line > 40, "{short} and {by_line} files are few");
    }

    /// A block as SOPS spells it, with one byte in the place of another, is read line by line as it is parsed, or not at all.
    #[test]
    fn what_is_read_by_line_is_what_the_parser_reads() {
        let block = "sops:\n  pgp: []\n  age:\n    - recipient: age1xy\n      enc: |\n        -----BEGIN\n        YW+/=\n    \
                     - enc: |\n        x\n      recipient: 'ssh-ed z'\n  lastmodified: \"2024-02-29T01:02:03Z\"\n  \
                     mac: ENC[AES256_GCM,data:x,type:str]\n  encrypted_regex: ^(data|xy)$\n  mac_only_encrypted: true\n";
        let (mut read, mut refused) = (0, 0);
        let mut check = |text: &str| match Terms::of_lines(text, 0) {
            None => refused += 1,
            Some(terms) => {
                let parsed = Terms::of_tree(&Tree::parse(text).expect(text), 0);
                assert_eq!(terms, parsed.expect(text), "{text}");
                read += 1;
            }
        };
        check(block);
        for at in 0..block.len() {
            let (head, tail) = (block.get(..at).unwrap(), block.get(at..).unwrap());
            let rest = tail.get(1..).unwrap();
            check(&format!("{head}{rest}"));
            for other in " \n\t:#-'\"|>&*!?%@`{}[],~0ayn_.^\\\u{e9}".chars() {
                check(&format!("{head}{other}{rest}"));
                check(&format!("{head}{other}{tail}"));
            }
        }
        assert!(read > 1000 && refused > 1000, "{read} {refused}");
    }
}
