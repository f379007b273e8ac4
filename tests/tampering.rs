//! What a change of an encrypted file does: every single bit of one, and every way of tampering of the golden vectors.
//! `docs/tampering.md` holds both tables, and the tests hold it to them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use assert_cmd::Command;
use gitops_secrets::{
    base::{env::Env, secret::DataKey},
    document::yaml::tree::{Item, Kind, NodeId, Tree},
    keys::{AgeEntry, Identities},
    sops::{
        file::{MacPolicy, SopsFile},
        key_group::MasterKey,
        verify::{verify, verify_with},
    },
};
use serde_json::Value;
use support::values::values;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sops");
const DOCUMENT: &str = include_str!("../docs/tampering.md");
/// Three encrypted values, two encrypted comments, and a comment and values of every type in clear; one recipient.
const SMALL_FILE: &str = "353-base-mixed";

#[track_caller]
fn check_document(table: &str) {
    assert!(DOCUMENT.contains(table), "docs/tampering.md should hold:\n{table}");
}

fn secrets(arguments: &[&str], env: &Value) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_secrets"));
    command.env_clear().env("HOME", "/nonexistent").current_dir(VECTORS).args(arguments);
    for (name, value) in env.as_object().into_iter().flatten() {
        command.env(name, value.as_str().unwrap());
    }
    command.output().unwrap()
}

/// What a byte of the file is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    EncryptedValue,
    EncryptedComment,
    KeyAboveEncrypted,
    Mac,
    LastModified,
    WrappedKey,
    MetadataKey,
    ClearValue,
    KeyAboveClear,
    ClearComment,
    Selector,
    Version,
    Recipient,
    Layout,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::EncryptedValue => "encrypted values",
            Self::EncryptedComment => "encrypted comments",
            Self::KeyAboveEncrypted => "keys with an encrypted value below",
            Self::Mac => "`mac`",
            Self::LastModified => "`lastmodified`",
            Self::WrappedKey => "`enc`, the wrapped data key",
            Self::MetadataKey => "keys of the `sops` block",
            Self::ClearValue => "values in clear",
            Self::KeyAboveClear => "keys with values in clear only",
            Self::ClearComment => "comments in clear",
            Self::Selector => "`encrypted_regex`",
            Self::Version => "`version`",
            Self::Recipient => "`recipient`",
            Self::Layout => "blanks, line ends, `:`, `-`",
        }
    }
}

/// The part of each byte of a text with one document.
struct Parts<'t> {
    tree: &'t Tree<'t>,
    of: Vec<Part>,
}

impl<'t> Parts<'t> {
    fn of(tree: &'t Tree<'t>) -> Vec<Part> {
        let mut parts = Self { tree, of: vec![Part::Layout; tree.text().len()] };
        parts.visit(tree.documents()[0].root, None);
        for comment in tree.comments() {
            let is_encrypted = comment.span.of(tree.text()).starts_with("#ENC[");
            let part = if is_encrypted { Part::EncryptedComment } else { Part::ClearComment };
            parts.of[comment.span.start..comment.span.end].fill(part);
        }
        parts.of
    }

    /// `field` is the key in the metadata, of whatever depth. Tells whether something encrypted is in the node.
    fn visit(&mut self, id: NodeId, field: Option<&str>) -> bool {
        let node = self.tree.node(id);
        match &node.kind {
            Kind::Scalar { text, .. } => {
                let part = match field {
                    Some("mac") => Part::Mac,
                    Some("lastmodified") => Part::LastModified,
                    Some("encrypted_regex") => Part::Selector,
                    Some("version") => Part::Version,
                    Some("recipient") => Part::Recipient,
                    Some("enc") => Part::WrappedKey,
                    _ if text.as_str().starts_with("ENC[") => Part::EncryptedValue,
                    _ => Part::ClearValue,
                };
                self.of[node.span.start..node.span.end].fill(part);
                part == Part::EncryptedValue
            }
            Kind::Mapping(collection) | Kind::Sequence(collection) => {
                let encrypted: Vec<bool> = collection.items.iter().map(|item| self.visit_item(*item, field)).collect();
                encrypted.contains(&true)
            }
            Kind::Alias(_) => false,
        }
    }

    fn visit_item(&mut self, item: Item, field: Option<&str>) -> bool {
        let (key, value) = match item {
            Item::Entry(key, value) => (key, value),
            Item::Element(value) => return self.visit(value, field),
            Item::Comment(_) => return false,
        };
        let span = self.tree.node(key).span;
        let name = span.of(self.tree.text());
        let is_metadata = field.is_some() || name == "sops";
        let is_encrypted = self.visit(value, is_metadata.then_some(name));
        let part = match () {
            () if is_metadata => Part::MetadataKey,
            () if is_encrypted => Part::KeyAboveEncrypted,
            () => Part::KeyAboveClear,
        };
        self.of[span.start..span.end].fill(part);
        is_encrypted
    }
}

/// What becomes of a changed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Refused,
    SameText,
    SameValues,
    OtherValues,
}

/// Opens changed versions of one file; each wrapped data key is unwrapped once.
struct Opener {
    identities: Identities,
    known: BTreeMap<String, Option<[u8; 32]>>,
}

impl Opener {
    fn new() -> Self {
        let path = format!("{VECTORS}/keys/all.txt");
        let env: Env = [("SOPS_AGE_KEY_FILE", path.as_str()), ("HOME", "/nonexistent")].into_iter().collect();
        Self { identities: Identities::from_env(&env), known: BTreeMap::new() }
    }

    fn open(&mut self, text: &str) -> Option<(String, DataKey)> {
        let file = SopsFile::read(text).ok()?;
        let entries: Vec<AgeEntry<'_>> = file
            .metadata
            .entries()
            .filter(|entry| matches!(entry.key, MasterKey::Age(_)))
            .map(|entry| AgeEntry { recipient: entry.key.id(), enc: &entry.enc })
            .collect();
        let wrapped: String = entries.iter().map(|entry| entry.enc).collect();
        let open = || self.identities.open(&entries).ok().map(|key| *key.expose());
        let key = self.known.entry(wrapped).or_insert_with(open).as_ref()?;
        let key = DataKey::from_bytes(key.to_vec().into())?;
        let decrypted = file.decrypt(&key, MacPolicy::Require).ok()?;
        Some((decrypted.text.expose().to_owned(), key))
    }
}

/// How many flipped bits of a part ended how.
#[derive(Debug, Default)]
struct Counts {
    bits: usize,
    of: BTreeMap<Outcome, usize>,
    told: usize,
    told_with_key: usize,
}

impl Counts {
    fn row(&self, part: Part) -> String {
        let of = |outcome| self.of.get(&outcome).copied().unwrap_or_default();
        let (same, layout, other) = (of(Outcome::SameText), of(Outcome::SameValues), of(Outcome::OtherValues));
        let Self { bits, told, told_with_key, .. } = self;
        format!(
            "| {} | {bits} | {} | {same} | {layout} | {other} | {told} | {told_with_key} |\n",
            part.name(),
            of(Outcome::Refused)
        )
    }
}

#[test]
fn every_single_bit_of_a_file_is_refused_or_does_what_the_documentation_says() {
    let original = std::fs::read(format!("{VECTORS}/{SMALL_FILE}/encrypted.yaml")).unwrap();
    let text = String::from_utf8(original.clone()).unwrap();
    let parts = Parts::of(&Tree::parse(&text).unwrap());
    let mut opener = Opener::new();
    let (plain, key) = opener.open(&text).unwrap();
    let plain_values = values(&plain);
    let mut table: BTreeMap<Part, Counts> = BTreeMap::new();
    for (offset, part) in parts.iter().enumerate() {
        for bit in 0..8 {
            let mut changed = original.clone();
            changed[offset] ^= 1 << bit;
            let counts = table.entry(*part).or_default();
            counts.bits += 1;
            // What is no UTF-8 is refused before anything looks at it.
            let changed = String::from_utf8(changed).ok();
            let opened = changed.as_ref().and_then(|changed| Some((opener.open(changed)?, changed)));
            let outcome = match opened {
                None => {
                    // What does not open is never called clean, where the data key is at hand by other means.
                    let verified = changed.map(|changed| verify_with(&changed, &key, &opener.identities));
                    assert!(
                        verified.is_none_or(|verified| verified.has_errors()),
                        "{part:?}, byte {offset}, bit {bit}"
                    );
                    Outcome::Refused
                }
                Some(((opened, key), changed)) => {
                    counts.told += usize::from(!verify(changed).findings.is_empty());
                    let told = !verify_with(changed, &key, &opener.identities).findings.is_empty();
                    counts.told_with_key += usize::from(told);
                    match () {
                        () if opened == plain => Outcome::SameText,
                        () if values(&opened) == plain_values => Outcome::SameValues,
                        () => Outcome::OtherValues,
                    }
                }
            };
            *counts.of.entry(outcome).or_default() += 1;
        }
    }
    let rows: String = table.iter().map(|(part, counts)| counts.row(*part)).collect();
    check_document(&rows);
}

/// One way of tampering.
struct Vector {
    name: String,
    case: Value,
}

fn vectors() -> Vec<Vector> {
    let mut vectors: Vec<Vector> = std::fs::read_dir(VECTORS)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.get(..3).and_then(|number| number.parse().ok()).is_some_and(|number: usize| number >= 431))
        .filter(|name| Path::new(VECTORS).join(name).join("encrypted.yaml").is_file())
        .map(|name| {
            let case = std::fs::read_to_string(format!("{VECTORS}/{name}/case.json")).unwrap();
            Vector { name, case: serde_json::from_str(&case).unwrap() }
        })
        .collect();
    vectors.sort_by(|left, right| left.name.cmp(&right.name));
    vectors
}

impl Vector {
    fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.name)
    }

    fn is_noticed_by_sops(&self) -> bool {
        self.case["undetected"] != true
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let path = self.path("encrypted.yaml");
        let arguments: Vec<&str> = arguments.iter().copied().chain([path.as_str()]).collect();
        secrets(&arguments, &self.case["env"])
    }

    /// The rules that `verify` names, and its exit code.
    fn rules(&self, arguments: &[&str]) -> (BTreeSet<String>, i32) {
        let output = self.run(&[&["verify", "--format", "json"], arguments].concat());
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = json["findings"].as_array().unwrap();
        let rules = findings.iter().map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect();
        (rules, output.status.code().unwrap())
    }

    fn row(&self) -> String {
        let decrypted = self.run(&["decrypt"]);
        let code = decrypted.status.code().unwrap();
        let decrypt = if code == 0 {
            let ours = values(&String::from_utf8(decrypted.stdout).unwrap());
            let sops = std::fs::read_to_string(format!("{VECTORS}/{}", self.path("decrypted.yaml"))).unwrap();
            assert_eq!(ours, values(&sops), "{}", self.name);
            "unnoticed".to_owned()
        } else {
            assert!(decrypted.stdout.is_empty(), "{}", self.name);
            format!("refused ({code})")
        };
        let sops = match self.case["exit_code"].as_i64().unwrap() {
            0 => "unnoticed".to_owned(),
            code => format!("refused ({code})"),
        };
        let (keyless, _) = self.rules(&[]);
        let (with_key, code) = self.rules(&["--decrypt"]);
        let keyless = told(&keyless);
        let with_key = if code == 2 { "not opened".to_owned() } else { told(&with_key) };
        let what = self.case["shows"].as_str().unwrap().split(": not noticed").next().unwrap().replace('|', "\\|");
        format!("| {} | {what} | {sops} | {decrypt} | {keyless} | {with_key} |\n", self.name)
    }
}

fn told(rules: &BTreeSet<String>) -> String {
    if rules.is_empty() { "–".to_owned() } else { rules.iter().cloned().collect::<Vec<_>>().join(", ") }
}

#[test]
fn what_sops_lets_pass_does_what_the_documentation_says() {
    let vectors: Vec<Vector> = vectors().into_iter().filter(|vector| !vector.is_noticed_by_sops()).collect();
    let rows: String = vectors.iter().map(Vector::row).collect();
    check_document(&rows);
}

#[test]
fn what_sops_refuses_is_refused() {
    let vectors: Vec<Vector> = vectors().into_iter().filter(Vector::is_noticed_by_sops).collect();
    let rows: String = vectors.iter().map(Vector::row).collect();
    assert!(!rows.contains("unnoticed"), "{rows}");
    check_document(&rows);
}

/// Through the built binary, one refused flip of each part: an exit code, two lines, and nothing of the file.
#[test]
fn a_flipped_bit_leaves_standard_output_empty() {
    let original = std::fs::read_to_string(format!("{VECTORS}/{SMALL_FILE}/encrypted.yaml")).unwrap();
    let env = serde_json::json!({"SOPS_AGE_KEY_FILE": "keys/all.txt"});
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    let refused =
        ["8m6uiC72ng", "stringData", "/W7tUlmlVL", "04:16:51Z", "YWdlLWVuY3", "lastmodified", "v1\n", "^(data"];
    for mark in refused {
        let mut changed = original.clone().into_bytes();
        changed[original.rfind(mark).unwrap()] ^= 1;
        #[expect(clippy::disallowed_methods, reason = "a test prepares its files by other means")]
        std::fs::write(&path, &changed).unwrap();
        let output = secrets(&["decrypt", path.to_str().unwrap()], &env);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_ne!(output.status.code(), Some(0), "{mark}");
        assert!(output.stdout.is_empty(), "{mark}");
        assert!(told.starts_with("secrets: error: ") && !told.contains("hunter2"), "{mark}: {told}");
    }
}
