//! Real public YAML files, encrypted and decrypted again. The files are not part of the repository: `tests/corpus/fetch.py`
//! brings them, and `CORPUS` names the directory where they lie.
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test fails by panicking")]

#[path = "corpus/respelling.rs"]
mod respelling;
mod support;

use std::{collections::BTreeMap, path::PathBuf};

use gitops_secrets::{
    base::secret::DataKey,
    crypto::mac::Coverage,
    sops::{
        file::{MacPolicy, NewFile, SopsFile, encrypt},
        selector::Selector,
    },
};
use respelling::{Respelling, respellings};
use support::values::values;

fn encrypted(text: &str, key: &DataKey) -> Result<String, gitops_secrets::sops::error::SopsError> {
    let wrapped = vec![("age1test".to_owned(), "-----BEGIN AGE ENCRYPTED FILE-----\nnone\n".to_owned())].into();
    let selector = Selector::default_unencrypted_suffix();
    let new = NewFile {
        wrapped: &wrapped,
        selector: &selector,
        coverage: Coverage::AllValues,
        step: None,
        now: "2026-11-21T00:00:00Z",
    };
    encrypt(text, key, &new).map(|encrypted| encrypted.text)
}

/// What became of one file.
enum Outcome {
    Refused(String),
    SameBytes,
    SameValues(Vec<Respelling>),
    /// What must not be.
    Wrong(String),
}

fn go_there_and_back(text: &str, key: &DataKey) -> Outcome {
    let sealed = match encrypted(text, key) {
        Ok(sealed) => sealed,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let file = SopsFile::read(&sealed).unwrap();
    let decrypted = match file.decrypt(key, MacPolicy::Require) {
        Ok(decrypted) => decrypted,
        Err(error) => return Outcome::Wrong(format!("is not opened: {error}")),
    };
    let back = decrypted.text.expose();
    if back == text {
        return Outcome::SameBytes;
    }
    let (expected, read) = (values(text), values(back));
    if read != expected {
        let differing = expected.lines().zip(read.lines()).find(|(left, right)| left != right);
        return Outcome::Wrong(format!("has other values: {differing:?}"));
    }
    Outcome::SameValues(respellings(text, back).into_iter().collect())
}

/// Whether `sops` 3.13.2 took each file when the corpus was made; the names of the files begin with their number.
fn accepted_by_sops() -> Vec<bool> {
    let rows = include_str!("corpus/files.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| line.ends_with("\tok")).collect()
}

#[test]
#[ignore = "needs the files that tests/corpus/fetch.py brings"]
fn real_files_come_back_from_encryption() {
    let folder = PathBuf::from(std::env::var_os("CORPUS").expect("CORPUS names the directory of the files"));
    let key = DataKey::generate().unwrap();
    let sops = accepted_by_sops();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension != "tsv")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut count = |what: &str| *counts.entry(what.to_owned()).or_default() += 1;
        let Ok(text) = std::fs::read_to_string(path) else {
            count("refused: not UTF-8");
            continue;
        };
        match go_there_and_back(&text, &key) {
            Outcome::SameBytes => count("same bytes"),
            Outcome::SameValues(kinds) => {
                count("same values");
                kinds.iter().for_each(|kind| count(&format!("same values, respelt: {}", kind.name())));
                if kinds.is_empty() || kinds.contains(&Respelling::Other) {
                    wrong.push(format!("{name} is respelt in a way that docs/format.md does not list"));
                }
            }
            Outcome::Refused(reason) => {
                count("refused");
                let number: usize = name[..4].parse().unwrap();
                // `!GetAZs` with nothing behind it: see docs/format.md, what is refused although SOPS takes it.
                if sops[number - 1] && !reason.to_string().contains("nothing behind a tag") {
                    wrong.push(format!("{name} is refused by us only: {reason}"));
                }
            }
            Outcome::Wrong(fault) => wrong.push(format!("{name} {fault}")),
        }
    }
    counts.iter().for_each(|(what, count)| println!("{what}: {count}"));
    assert!(counts.get("same bytes").is_some_and(|count| *count > 500), "{counts:?}: is this the corpus?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[track_caller]
fn check(before: &str, after: &str, expected: &[Respelling]) {
    assert_eq!(respellings(before, after).into_iter().collect::<Vec<_>>(), expected, "{before:?} {after:?}");
}

#[test]
fn a_respelling_is_told_by_the_value_that_it_is_about() {
    check("a: 0x1F\n", "a: 31\n", &[Respelling::Number]);
    check("a: 2024-01-02\nb: True\n", "a: 2024-01-02T00:00:00Z\nb: true\n", &[Respelling::Timestamp, Respelling::Word]);
    check("a: &x 1\nb: *x\n", "a: &x 1\nb: 1\n", &[Respelling::Alias]);
    check("a: &x\n  b: 1\nc: *x\n", "a: &x\n  b: 1\nc:\n  b: 1\n", &[Respelling::Alias]);
    check("a: >\n  b\n  c\n", "a: >\n  b c\n", &[Respelling::Folded]);
    check("a: b\n  c\n", "a: b c\n", &[Respelling::SeveralLines]);
    check("a: |\n  b\n   \n  c\n", "a: |\n  b\n\n  c\n", &[Respelling::BlanksInBlock]);
    check("a: 'b'\n", "a: b\n", &[Respelling::Quotes]);
    check("a: \"\\x41\"\n", "a: \"A\"\n", &[Respelling::Escape]);
    check("a: !!int \"1\"\n", "a: 1\n", &[Respelling::Tag]);
}

#[test]
fn what_no_value_accounts_for_is_told_as_other() {
    check("a: 1\n", "a:  1\n", &[Respelling::Other]);
    check("a: 1 # b\n", "a: 1\n", &[Respelling::Other]);
    check("a: 1\n", "a: 1", &[Respelling::Other]);
    check("a: 0x1F\nb: 2\n", "a: 31\nb:  2\n", &[Respelling::Number, Respelling::Other]);
    check("'a': 1\n", "a: 1\n", &[Respelling::Other]);
}
