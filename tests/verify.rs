//! `verify` over everything that SOPS 3.13.2 wrote, and over what was done to it afterwards.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use gitops_secrets::{
    base::{env::Env, secret::DataKey},
    keys::Identities,
    ops::session::Session,
    sops::{
        file::SopsFile,
        verify::{Content, Rule, Severity, verify, verify_with},
    },
};
use proptest::prelude::*;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.push(path);
        }
    }
    found.sort();
}

/// The rules that fire on a file, notes too, by name.
fn fired(path: &Path) -> BTreeSet<&'static str> {
    let text = std::fs::read_to_string(path).unwrap();
    verify(&text).findings.iter().map(|finding| finding.rule.name()).collect()
}

#[track_caller]
fn check(vector: &str, expected: &[&str]) {
    let path = Path::new(FIXTURES).join("sops").join(vector);
    assert_eq!(fired(&path), expected.iter().copied().collect(), "{vector}");
}

/// The number that a vector's folder begins with.
fn number(path: &Path) -> Option<usize> {
    path.parent()?.file_name()?.to_str()?.get(..3)?.parse().ok()
}

/// What SOPS wrote although it, or what it wrote, is wrong; everything else of its own must be clean.
const WRONG_BY_SOPS: &[(&str, &str)] = &[
    // It cannot read these itself: exit code 51.
    ("063-comments-in-list/encrypted.yaml", "comment-as-item"),
    ("066-comments-flow/encrypted.yaml", "comment-as-item"),
    ("156-comments-in-selected-list/encrypted.yaml", "comment-as-item"),
    // It looks for these in the first document only.
    ("073-duplicate-keys-second-document/encrypted.yaml", "duplicate-key"),
    // It ignores what does not compile; the first and the last are in clear.
    ("143-regex-invalid/encrypted.yaml", "selector-invalid"),
    ("144-regex-lookahead/encrypted.yaml", "selector-invalid"),
    ("145-unencrypted-regex-invalid/encrypted.yaml", "selector-invalid"),
    ("146-comment-regex-invalid/encrypted.yaml", "selector-invalid"),
    // It encrypted nothing and called that done.
    ("147-matches-nothing/encrypted.yaml", "nothing-encrypted"),
    ("148-mac-only-matches-nothing/encrypted.yaml", "nothing-encrypted"),
    // It was asked twice for the same recipient.
    ("169-duplicate-recipient/encrypted.yaml", "recipient-duplicate"),
    ("221-ops-simple/rotate-add-present.yaml", "recipient-duplicate"),
];

#[test]
fn every_file_that_sops_wrote_is_clean_but_for_those_that_are_wrong() {
    let root = Path::new(FIXTURES).join("sops");
    let mut files = Vec::new();
    files_below(&root, &mut files);
    let is_written_by_sops = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        number(path).is_some_and(|number| number < 371) && name != "plain.yaml" && !name.contains("decrypted")
    };
    let mut count = 0;
    for path in files.iter().filter(is_written_by_sops) {
        let text = std::fs::read_to_string(path).unwrap();
        if !text.contains("\nsops:") && !text.contains("\"sops\"") && !text.starts_with("sops:") {
            continue;
        }
        count += 1;
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
        let expected = WRONG_BY_SOPS.iter().filter(|(wrong, _)| *wrong == name).map(|(_, rule)| *rule).collect();
        assert_eq!(fired(path), expected, "{name}");
    }
    assert_eq!(count, 248);
}

#[test]
fn metadata_of_every_shape_that_sops_reads_is_clean_and_what_it_refuses_is_told() {
    let refused: &[(usize, &str)] = &[
        (384, "metadata-unusable"),
        (389, "metadata-unusable"),
        (390, "metadata-incomplete"),
        (392, "wrapped-key-broken"),
        (400, "wrapped-key-broken"),
        (405, "two-selectors"),
    ];
    let mut files = Vec::new();
    files_below(&Path::new(FIXTURES).join("sops"), &mut files);
    let mut count = 0;
    for path in files.iter().filter(|path| path.ends_with("encrypted.yaml")) {
        let Some(number @ 371..=430) = number(path) else { continue };
        let expected = refused.iter().filter(|(refused, _)| *refused == number).map(|(_, rule)| *rule).collect();
        assert_eq!(fired(path), expected, "{}", path.display());
        count += 1;
    }
    assert_eq!(count, 37);
}

#[test]
fn spellings_that_sops_reads_have_no_error_and_those_it_refuses_have_one_where_it_shows() {
    // SOPS reads them; Flux, or SOPS itself the next time, does not.
    let wrong_but_read = [
        ("comment-enc-two-hashes", "comment-malformed"),
        ("comment-enc-with-space", "comment-malformed"),
        ("multidoc-other-sops-garbage", "metadata-differs"),
        ("multidoc-sops-in-first-only", "metadata-not-repeated"),
    ];
    // Only with the data key: a value that is read as another one, the plaintext of a value.
    let refused_and_silent = ["clear-block-newline", "clear-bool-yes", "leaf-int-hex"];
    let folder = Path::new(FIXTURES).join("sops/accepted-spellings");
    let table = std::fs::read_to_string(folder.join("table.json")).unwrap();
    let table: Vec<serde_json::Value> = serde_json::from_str(&table).unwrap();
    let mut count = 0;
    for row in &table {
        let (name, file) = (row["name"].as_str().unwrap(), row["file"].as_str().unwrap());
        // UTF-16 is not read at all.
        if !file.ends_with(".yaml") || name == "utf-16le" {
            continue;
        }
        count += 1;
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let verified = verify(&text);
        assert_eq!(verified.content, Content::Encrypted, "{name}");
        let errors: BTreeSet<&str> = verified
            .findings
            .iter()
            .filter(|finding| finding.rule.severity() == Severity::Error)
            .map(|finding| finding.rule.name())
            .collect();
        if row["accepted"] == true {
            let expected = wrong_but_read.iter().filter(|(wrong, _)| *wrong == name).map(|(_, rule)| *rule).collect();
            assert_eq!(errors, expected, "{name}");
        } else {
            assert_eq!(errors.is_empty(), refused_and_silent.contains(&name), "{name}: {errors:?}");
        }
    }
    assert_eq!(count, 165);
}

#[test]
fn the_example_repositories_are_clean() {
    let mut files = Vec::new();
    files_below(&Path::new(FIXTURES).join("repos"), &mut files);
    let mut encrypted = 0;
    for path in files {
        let verified = verify(&std::fs::read_to_string(&path).unwrap());
        if path.to_str().unwrap().ends_with(".sops.yaml") && !path.ends_with(".sops.yaml") {
            assert_eq!(verified.content, Content::Encrypted, "{}", path.display());
        }
        if verified.content == Content::Encrypted {
            assert_eq!(verified.findings, [], "{}", path.display());
            encrypted += 1;
        }
    }
    assert_eq!(encrypted, 17);
}

#[test]
fn tampering_that_shows_without_a_key_is_told() {
    check("434-truncated-leaf/encrypted.yaml", &["value-malformed"]);
    check("448-clear-leaf-added/encrypted.yaml", &["value-in-clear"]);
    check("475-recipient-string-invalid/encrypted.yaml", &["recipient-invalid"]);
    check("518-sops-removed/encrypted.yaml", &["metadata-missing"]);
}

/// An encrypted file and its data key.
fn sample(number: usize) -> (String, DataKey) {
    let names = [
        "351-base-all",
        "353-base-mixed",
        "355-base-multidoc",
        "129-encrypted-comment-regex",
        "362-base-anchors",
        "357-base-groups",
    ];
    let folder = format!("{FIXTURES}/sops/{}", names[number % names.len()]);
    let case = std::fs::read_to_string(format!("{folder}/case.json")).unwrap();
    let case: serde_json::Value = serde_json::from_str(&case).unwrap();
    let hex = case["data_key"].as_str().unwrap();
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap()).collect();
    (std::fs::read_to_string(format!("{folder}/encrypted.yaml")).unwrap(), DataKey::from_bytes(bytes.into()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever is done to a file: no panic, places within it, findings in order, the same ones again; and what does not
    /// open is never called clean.
    #[test]
    fn any_change_of_an_encrypted_file_is_survived(
        number in 0_usize..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, any::<char>()), 1..8),
    ) {
        let (original, key) = sample(number);
        let mut characters: Vec<char> = original.chars().collect();
        for (index, kind, character) in changes {
            let at = index.index(characters.len().max(1));
            let end = (at + 40).min(characters.len());
            match kind {
                _ if characters.is_empty() => characters.push(character),
                0 => characters[at] = character,
                1 => characters.insert(at, character),
                2 => drop(characters.remove(at)),
                3 => drop(characters.drain(at..end)),
                4 => characters.truncate(at),
                _ => {
                    let copy = characters[at..end].to_vec();
                    characters.splice(at..at, copy);
                }
            }
        }
        let text: String = characters.into_iter().collect();
        let verified = verify(&text);
        let lines = text.split('\n').count();
        let places: Vec<_> = verified.findings.iter().map(|finding| finding.place).collect();
        prop_assert!(places.iter().all(|place| (1..=lines).contains(&place.line) && place.column >= 1));
        prop_assert!(places.is_sorted());
        prop_assert_eq!(verify(&text), verified);
        let opened = SopsFile::read(&text).and_then(|file| file.check(&key));
        let identities = Identities::from_env(&Env::default());
        prop_assert!(opened.is_ok() || verify_with(&text, &key, &identities).has_errors(), "{:?}", opened);
    }
}

#[test]
fn the_names_of_rules_are_kebab_case() {
    for rule in Rule::ALL {
        let is_kebab = rule.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(is_kebab && !rule.hint().is_empty() && !rule.hint().ends_with('.'), "{rule}");
    }
}

proptest! {
    /// Lines of a file with key groups taken out, doubled and exchanged: it opens to its own data key, or not at all.
    #[test]
    fn whatever_becomes_of_key_groups_they_make_the_data_key_or_are_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..3), 1..4),
    ) {
        let (original, key) = sample(5);
        let mut lines: Vec<&str> = original.lines().collect();
        for (index, other, kind) in changes {
            let (at, other) = (index.index(lines.len()), other.index(lines.len()));
            match kind {
                0 => drop(lines.remove(at)),
                1 => lines.insert(other, lines[at]),
                _ => lines.swap(at, other),
            }
        }
        let text = lines.join("\n");
        let env = [("SOPS_AGE_KEY_FILE", format!("{FIXTURES}/keys/all.txt")), ("HOME", "/nonexistent".to_owned())];
        let session = Session::new(env.into_iter().collect(), "/nonexistent".into(), None);
        let opened = SopsFile::read(&text).ok().and_then(|file| session.open(Path::new("a.yaml"), &file).ok());
        prop_assert!(opened.is_none_or(|opened| opened.expose() == key.expose()), "{}", text);
    }
}
