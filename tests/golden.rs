//! The golden vectors that SOPS 3.13.2 made: what it opens we open, to the same bytes but for the listed differences, and
//! what it refuses we refuse.

mod support;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use gitops_secrets::{
    base::env::Env,
    keys::{AgeEntry, Identities},
    sops::{
        error::SopsError,
        file::{MacPolicy, SopsFile},
        key_group::MasterKey,
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
                let is_path = value.starts_with("keys/");
                (name, if is_path { format!("{VECTORS}/{value}") } else { value })
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

fn decrypt(text: &str, env: &Env, policy: MacPolicy) -> Outcome {
    let file = match SopsFile::read(text) {
        Ok(file) => file,
        Err(error) => return Outcome::Refused(error),
    };
    let entries: Vec<AgeEntry<'_>> = file
        .metadata
        .entries()
        .filter(|entry| matches!(entry.key, MasterKey::Age(_)))
        .map(|entry| AgeEntry { recipient: entry.key.id(), enc: &entry.enc })
        .collect();
    let Ok(key) = Identities::from_env(env).open(&entries) else { return Outcome::NoIdentity };
    match file.decrypt(&key, policy) {
        Ok(decrypted) => Outcome::Text(decrypted.text.expose().to_owned()),
        Err(error) => Outcome::Refused(error),
    }
}

fn is_explored(name: &str) -> bool {
    Path::new(name).exists()
}

#[test]
fn explore() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for vector in vectors() {
        let Some(encrypted) = vector.read("encrypted.yaml") else { continue };
        let Ok(encrypted) = String::from_utf8(encrypted) else {
            println!("NOT UTF-8 {}", vector.name);
            continue;
        };
        let outcome = decrypt(&encrypted, &vector.env(), MacPolicy::Require);
        let expected = vector.decrypt_exit_code();
        let kind = if outcome.exit_code() != expected {
            println!(
                "CODE {} expected {expected}, got {} {:?} | {}",
                vector.name,
                outcome.exit_code(),
                match &outcome {
                    Outcome::Refused(e) => e.to_string(),
                    _ => String::new(),
                },
                vector.case["shows"]
            );
            "code differs"
        } else if let Outcome::Text(text) = &outcome {
            let sops = comments_above(
                &String::from_utf8(vector.read("decrypted.yaml").unwrap_or_default())
                    .unwrap()
                    .replace("\u{2028}", "LS"),
            );
            let text = &comments_above(text);
            if *text == sops {
                "same bytes"
            } else {
                println!("BYTES {}\n{}", vector.name, diff(&sops, text));
                "bytes differ"
            }
        } else {
            "same refusal"
        };
        *counts.entry(kind.to_owned()).or_default() += 1;
    }
    println!("{counts:?}");
    let _ = is_explored;
    panic!();
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

/// The folder's name does not tell the format of the base; its extension does.
fn spellings() -> Vec<Value> {
    let table = std::fs::read_to_string(format!("{VECTORS}/accepted-spellings/table.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&table).unwrap();
    rows.into_iter().filter(|row| row["file"].as_str().unwrap().ends_with(".yaml")).collect()
}

#[test]
fn explore_spellings() {
    let env: Env =
        [("SOPS_AGE_KEY_FILE".to_owned(), format!("{VECTORS}/keys/all.txt")), ("HOME".into(), "/nonexistent".into())]
            .into_iter()
            .collect();
    let rows = spellings();
    println!("{} rows", rows.len());
    for row in rows {
        let file = format!("{VECTORS}/accepted-spellings/{}", row["file"].as_str().unwrap());
        let name = row["name"].as_str().unwrap();
        let Ok(text) = std::fs::read_to_string(&file) else {
            println!("NOT UTF-8 {name}");
            continue;
        };
        let outcome = decrypt(&text, &env, MacPolicy::Require);
        if outcome.exit_code() != row["exit_code"].as_i64().unwrap() {
            println!(
                "CODE {name} expected {} got {} {:?}",
                row["exit_code"],
                outcome.exit_code(),
                match &outcome {
                    Outcome::Refused(e) => e.to_string(),
                    _ => String::new(),
                }
            );
        } else if let Outcome::Text(text) = &outcome {
            let base =
                std::fs::read_to_string(format!("{VECTORS}/{}/decrypted.yaml", row["base"].as_str().unwrap())).unwrap();
            let base_values = values(&base);
            let ours = values(text);
            if row["values_equal"] == true && base_values != ours {
                println!("VALUES {name}\n{}", diff(&base_values, &ours));
            }
        }
    }
    panic!();
}
