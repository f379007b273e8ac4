//! The golden vectors that SOPS 3.13.2 made: what it opens we open, to the same bytes but for the listed differences, and
//! what it refuses we refuse.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use gitops_secrets::{
    base::{
        env::Env,
        secret::{DataKey, Plaintext},
    },
    keys::{Ask, Asker, NoAnswer},
    ops::session::Session,
    sops::{
        error::SopsError,
        file::{MacPolicy, SopsFile},
    },
};
use serde_json::Value;
use support::values::values;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sops");

struct Vector {
    name: String,
    folder: PathBuf,
    case: Value,
}

fn vectors() -> Vec<Vector> {
    let mut vectors: Vec<Vector> = std::fs::read_dir(VECTORS)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("case.json").is_file())
        .map(|folder| {
            let case = std::fs::read_to_string(folder.join("case.json")).unwrap();
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            Vector { name, folder, case: serde_json::from_str(&case).unwrap() }
        })
        .collect();
    vectors.sort_by(|left, right| left.name.cmp(&right.name));
    vectors
}

impl Vector {
    fn env(&self) -> Env {
        let variables = self.case["env"].as_object().cloned().unwrap_or_default();
        let mut variables: BTreeMap<String, String> = variables
            .into_iter()
            .map(|(name, value)| {
                let value = value.as_str().unwrap().to_owned();
                (name, value.replace("keys/", &format!("{VECTORS}/keys/")))
            })
            .collect();
        variables.insert("HOME".to_owned(), "/nonexistent".to_owned());
        variables.into_iter().collect()
    }

    fn read(&self, file: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join(file)).ok()
    }

    fn decrypt_exit_code(&self) -> i64 {
        let own = self.case["decrypt"]["exit_code"].as_i64();
        own.or_else(|| self.case["exit_code"].as_i64()).unwrap()
    }
}

#[derive(Debug)]
enum Outcome {
    Text(String),
    NoIdentity,
    Refused(SopsError),
}

impl Outcome {
    fn exit_code(&self) -> i64 {
        match self {
            Self::Text(_) => 0,
            Self::NoIdentity => 128,
            Self::Refused(SopsError::MacMismatch | SopsError::MacUnreadable) => 51,
            Self::Refused(SopsError::Value { .. }) => 25,
            Self::Refused(_) => 1,
        }
    }
}

/// Types always the same.
#[derive(Debug)]
struct Typist(String);

impl Ask for Typist {
    fn secret(&self, _question: &str) -> Result<Plaintext, NoAnswer> {
        Ok(Plaintext::new(self.0.clone()))
    }

    fn line(&self, _question: &str) -> Result<String, NoAnswer> {
        Err(NoAnswer::GaveUp)
    }

    fn message(&self, _text: &str) {}

    fn confirm(&self, _text: &str, _yes: &str, _no: Option<&str>) -> Result<bool, NoAnswer> {
        Err(NoAnswer::GaveUp)
    }
}

/// Decrypts with the passphrase of the encrypted keys in `fixtures/sops/keys`.
fn decrypt(text: &str, env: &Env, policy: MacPolicy) -> Outcome {
    decrypt_typing("test-passphrase", text, env, policy)
}

fn decrypt_typing(typed: &str, text: &str, env: &Env, policy: MacPolicy) -> Outcome {
    let file = match SopsFile::read(text) {
        Ok(file) => file,
        Err(error) => return Outcome::Refused(error),
    };
    let asker = Asker::new(Arc::new(Typist(typed.to_owned())));
    let session = Session::new(env.clone(), "/nonexistent".into(), None).with_asker(asker);
    let Ok(key) = session.open(Path::new("encrypted.yaml"), &file) else { return Outcome::NoIdentity };
    match file.decrypt(&key, policy) {
        Ok(decrypted) => Outcome::Text(decrypted.text.expose().to_owned()),
        Err(error) => Outcome::Refused(error),
    }
}

/// Where our exit code is another than that of SOPS, which one it is, and why.
const OTHER_CODES: [(&str, i64, &str); 14] = [
    ("063-comments-in-list", 0, "SOPS cannot read its own comments in lists (getsops/sops#2243)"),
    ("066-comments-flow", 0, "the same"),
    ("156-comments-in-selected-list", 0, "the same"),
    ("073-duplicate-keys-second-document", 1, "duplicate keys are refused in every document"),
    ("143-regex-invalid", 1, "a selector that does not compile is an error, and no reason to take all for clear text"),
    ("144-regex-lookahead", 1, "the same"),
    ("145-unencrypted-regex-invalid", 1, "the same"),
    ("146-comment-regex-invalid", 1, "the same"),
    ("516-selector-regex-invalid", 1, "the same"),
    ("463-mac-removed", 1, "a file without a MAC has unusable metadata"),
    ("464-mac-emptied", 1, "the same"),
    ("478-type-str-to-bytes", 25, "SOPS panics"),
    ("486-type-str-to-comment", 25, "SOPS prints an internal structure in place of the value"),
    ("389-version-float", 1, "the same code; the reason is told with its place"),
];

/// Where we print other bytes than SOPS, and why.
const OTHER_BYTES: [(&str, &str); 4] = [
    ("031-unicode", "U+2028 is written as an escape, which every reader of YAML reads back"),
    ("287-json-from-yaml", "the layout of the file stays: this one is JSON in a YAML file"),
    ("403-comments-in-block", "comments in the `sops` block go with it"),
    ("493-comment-moved-map", "a comment that was moved to another collection is still decrypted"),
];

#[test]
fn every_vector_opens_or_is_refused_as_by_sops() {
    let mut opened = 0;
    let mut refused = 0;
    for vector in vectors() {
        let Some(encrypted) = vector.read("encrypted.yaml") else { continue };
        let encrypted = String::from_utf8(encrypted).unwrap();
        let typed = vector.case["terminal_input"].as_str().unwrap_or("test-passphrase");
        let outcome = decrypt_typing(typed, &encrypted, &vector.env(), MacPolicy::Require);
        let name = vector.name.as_str();
        let other = OTHER_CODES.iter().find(|(other, ..)| *other == name);
        let expected = other.map_or_else(|| vector.decrypt_exit_code(), |(_, code, _)| *code);
        assert_eq!(outcome.exit_code(), expected, "{name}: {outcome:?}");
        if let Outcome::Text(text) = &outcome {
            opened += 1;
            let sops = String::from_utf8(vector.read("decrypted.yaml").unwrap_or_default()).unwrap();
            let is_same = comments_above(text) == comments_above(&sops);
            let may_differ = OTHER_BYTES.iter().any(|(other, _)| *other == name) || other.is_some();
            assert!(is_same || may_differ, "{name}\n{}", diff(&sops, text));
        } else {
            refused += 1;
        }
    }
    assert_eq!((opened, refused), (243, 70));
}

#[test]
fn every_result_of_an_operation_of_sops_opens() {
    let mut count = 0;
    for vector in vectors().iter().filter(|vector| vector.case["group"] == "operations") {
        for operation in vector.case["operations"].as_array().unwrap() {
            let Some(result) = operation["result"].as_str().filter(|result| result.ends_with(".yaml")) else {
                continue;
            };
            let text = String::from_utf8(vector.read(result).unwrap()).unwrap();
            let outcome = decrypt(&text, &all_keys(), MacPolicy::Require);
            let expected = operation["decrypt_exit_code"].as_i64().unwrap();
            assert_eq!(outcome.exit_code(), expected, "{} {result}: {outcome:?}", vector.name);
            if let (Outcome::Text(text), Some(decrypted)) = (&outcome, operation["decrypted"].as_str()) {
                let sops = String::from_utf8(vector.read(decrypted).unwrap()).unwrap();
                assert_eq!(values(text), values(&sops), "{} {result}", vector.name);
                count += 1;
            }
        }
    }
    assert!(count > 50, "{count}");
}

/// Vectors with comments in lists, which SOPS 3.13.2 writes as items; changed files have comments there.
const COMMENTS_AS_ITEMS: [&str; 6] = [
    "063-comments-in-list",
    "064-comments-in-list-of-maps",
    "066-comments-flow",
    "155-comments-in-clear-region",
    "156-comments-in-selected-list",
    "365-base-list-comment",
];

#[test]
fn what_did_not_change_stays_to_the_byte_when_a_file_of_sops_is_sealed_again() {
    let mut count = 0;
    for vector in vectors() {
        let group = vector.case["group"].as_str().unwrap();
        let name = vector.name.as_str();
        let is_of_sops = matches!(group, "yaml" | "selectors" | "keys" | "bases" | "operations");
        let Some(encrypted) = vector.read("encrypted.yaml").filter(|_| is_of_sops) else { continue };
        let encrypted = String::from_utf8(encrypted).unwrap();
        let Ok(file) = SopsFile::read(&encrypted) else { continue };
        let Some(key) = vector.case["data_key"].as_str().and_then(data_key) else { continue };
        let Ok((decrypted, reuse)) = file.decrypt_to_change(&key, MacPolicy::Require) else { continue };
        let sealed = file
            .reseal(&key, decrypted.text.expose(), reuse, "2026-11-21T00:00:00Z")
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .text;
        let changing = |line: &&str| {
            !["mac:", "lastmodified:", "version:"].iter().any(|field| line.trim_start().starts_with(field))
        };
        let old: Vec<&str> = encrypted.lines().filter(changing).collect();
        let new: Vec<&str> = sealed.lines().filter(changing).collect();
        // A negative zero comes back as the integer 0, as it does for SOPS.
        let may_differ = COMMENTS_AS_ITEMS.contains(&name) || name == "023-float-negative-zero";
        assert!(old == new || may_differ, "{name}\n{}", diff(&old.join("\n"), &new.join("\n")));
        count += 1;
    }
    assert_eq!(count, 168);
}

fn data_key(hex: &str) -> Option<DataKey> {
    let bytes =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect::<Vec<u8>>();
    DataKey::from_bytes(bytes.into())
}

/// Spellings of which we make something else than SOPS, and why.
const OTHER_SPELLINGS: [(&str, i64, &str); 2] = [
    ("tag-int-second-document", 1, "SOPS reads null there, and so fails on the MAC; we tell the tag"),
    ("list-comment-item", 0, "SOPS cannot read its own comments in lists (getsops/sops#2243)"),
];

#[test]
fn every_spelling_that_sops_accepts_is_accepted() {
    let table = std::fs::read_to_string(format!("{VECTORS}/accepted-spellings/table.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&table).unwrap();
    let mut accepted = 0;
    for row in rows.iter().filter(|row| row["file"].as_str().unwrap().ends_with(".yaml")) {
        let name = row["name"].as_str().unwrap();
        let bytes = std::fs::read(format!("{VECTORS}/accepted-spellings/{}", row["file"].as_str().unwrap())).unwrap();
        let text = gitops_secrets::base::files::into_text(Path::new(name), bytes.into()).unwrap();
        let outcome = decrypt(text.expose(), &all_keys(), MacPolicy::Require);
        let other = OTHER_SPELLINGS.iter().find(|(other, ..)| *other == name);
        let expected = other.map_or_else(|| row["exit_code"].as_i64().unwrap(), |(_, code, _)| *code);
        assert_eq!(outcome.exit_code(), expected, "{name}: {outcome:?}");
        if let Outcome::Text(text) = &outcome {
            accepted += 1;
            let base = format!("{VECTORS}/{}/decrypted.yaml", row["base"].as_str().unwrap());
            let base = std::fs::read_to_string(base).unwrap();
            if row["values_equal"] == true {
                assert_eq!(values(text), values(&base), "{name}");
            }
        }
    }
    assert_eq!(accepted, 134);
}

fn all_keys() -> Env {
    let others = ["dave", "pq"].map(|name| {
        let text = std::fs::read_to_string(format!("{VECTORS}/keys/{name}.txt")).unwrap();
        text.lines().last().unwrap().to_owned()
    });
    let ssh = ["ssh_ed25519", "ssh_rsa", "ssh_ed25519_passphrase"].map(|name| format!("cat {VECTORS}/keys/{name}; "));
    let command = ("SOPS_AGE_SSH_PRIVATE_KEY_CMD".to_owned(), format!("sh -c '{}'", ssh.concat()));
    let file = ("SOPS_AGE_KEY_FILE".to_owned(), format!("{VECTORS}/keys/all.txt"));
    [file, command, ("SOPS_AGE_KEY".to_owned(), others.join("\n")), ("HOME".to_owned(), "/nonexistent".to_owned())]
        .into_iter()
        .collect()
}

/// SOPS moves a comment beside a value to a line of its own above it; this does the same to ours.
fn comments_above(text: &str) -> String {
    let tree = gitops_secrets::document::yaml::tree::Tree::parse(text).unwrap();
    let comments: Vec<_> = tree.comments().iter().map(|comment| comment.span).collect();
    let mut lines = String::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let beside = comments.iter().find(|span| {
            (offset..offset + line.len()).contains(&span.start) && !text[offset..span.start].trim().is_empty()
        });
        if let Some(span) = beside {
            let indent = line.len() - line.trim_start_matches(' ').len();
            lines.push_str(&line[..indent]);
            lines.push_str(&text[span.start..span.end]);
            lines.push('\n');
            lines.push_str(text[offset..span.start].trim_end());
            lines.push('\n');
        } else {
            lines.push_str(line);
        }
        offset += line.len();
    }
    lines
}

fn diff(left: &str, right: &str) -> String {
    let l: Vec<&str> = left.lines().collect();
    let r: Vec<&str> = right.lines().collect();
    let mut out = String::new();
    for i in 0..l.len().max(r.len()) {
        let (a, b) = (l.get(i), r.get(i));
        if a != b {
            out += &format!("   sops {a:?}\n   ours {b:?}\n");
            if out.len() > 700 {
                break;
            }
        }
    }
    out
}

/// Where SOPS encrypts, or says that it did, and we refuse; and why.
const REFUSED_BY_US: [(&str, &str); 17] = [
    ("006-leaf-empty-and-null", "nothing is there to encrypt: an error without --allow-unencrypted"),
    ("030-empty-strings", "the same"),
    ("039-empty-collections", "the same"),
    ("040-empty-map-document", "the same"),
    ("085-top-level-null", "the same"),
    ("089-marker-only-file", "the same"),
    ("147-matches-nothing", "the same: the selector matches nothing"),
    ("148-mac-only-matches-nothing", "the same"),
    ("017-int-over-uint64", "SOPS would round the number"),
    ("073-duplicate-keys-second-document", "duplicate keys are refused in every document"),
    ("143-regex-invalid", "SOPS writes all in clear"),
    ("144-regex-lookahead", "the same"),
    ("145-unencrypted-regex-invalid", "SOPS encrypts all"),
    ("146-comment-regex-invalid", "SOPS writes all in clear"),
    ("199-pgp-and-age", "we cannot wrap for PGP"),
    ("287-json-from-yaml", "JSON output comes later"),
    ("200-pgp-and-age-groups", "we cannot wrap for PGP"),
];

/// Whether `encrypt` of the binary, with the words of the vector and `more`, succeeds; and what it wrote.
fn encrypt_as_in(vector: &Vector, plain: &[u8], more: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plain.yaml"), plain).unwrap();
    if let Some(config) = vector.case["config"].as_str() {
        std::fs::write(folder.path().join(".sops.yaml"), config).unwrap();
    }
    let command = vector.case["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_secrets"))
        .args(command.skip(1))
        .args(more)
        .current_dir(folder.path())
        .env_remove("SOPS_AGE_RECIPIENTS")
        .env("HOME", folder.path())
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("bug of ours"), "{}", vector.name);
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn what_sops_encrypts_we_encrypt_with_the_same_flags_and_policy() {
    let mut encrypted = 0;
    for vector in vectors() {
        let name = vector.name.as_str();
        let Some(plain) = vector.read("plain.yaml") else { continue };
        let by_sops = vector.case["exit_code"] == 0;
        let refused = REFUSED_BY_US.iter().find(|(refused, _)| *refused == name).map(|(_, why)| *why);
        let ours = encrypt_as_in(&vector, &plain, &[]);
        assert_eq!(ours.is_some(), by_sops && refused.is_none(), "{name}");
        let insists = refused.is_some_and(|why| why.contains("the same") || why.contains("--allow-unencrypted"));
        let ours = if insists { encrypt_as_in(&vector, &plain, &["--allow-unencrypted"]) } else { ours };
        let Some(text) = ours else { continue };
        encrypted += 1;
        let outcome = decrypt(&text, &all_keys(), MacPolicy::Require);
        let Outcome::Text(text) = outcome else { panic!("{name}: {outcome:?}") };
        let plain = gitops_secrets::base::files::into_text(Path::new(name), plain.into()).unwrap();
        assert_eq!(values(&text), values(plain.expose()), "{name}");
    }
    assert_eq!(encrypted, 165);
}

/// The `sops` block without what is another with every encryption.
fn steady_metadata(text: &str) -> Vec<&str> {
    // Of ASCII armor; the length of its last line varies.
    let is_armor = |line: &str| !line.contains([' ', ':']) && !line.starts_with("-----");
    let changes = |line: &&str| {
        let line = line.trim_start();
        is_armor(line) || line.starts_with("mac: ") || line.starts_with("lastmodified: ")
    };
    text.lines().skip_while(|line| *line != "sops:").filter(|line| !changes(line)).collect()
}

#[test]
fn key_groups_are_spelt_as_by_sops() {
    let mut count = 0;
    for vector in vectors().iter().filter(|vector| vector.name.contains("groups")) {
        let name = vector.name.as_str();
        let (Some(plain), Some(theirs)) = (vector.read("plain.yaml"), vector.read("encrypted.yaml")) else { continue };
        let Some(ours) = encrypt_as_in(vector, &plain, &[]) else {
            assert_eq!(name, "200-pgp-and-age-groups");
            continue;
        };
        let theirs = String::from_utf8(theirs).unwrap();
        assert_eq!(steady_metadata(&ours), steady_metadata(&theirs), "{name}");
        count += 1;
    }
    assert_eq!(count, 10);
}
