//! Both ways with the real `sops` 3.13.2, which has to be on PATH: `cargo test --test interop -- --ignored`.

mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicUsize, Ordering},
};

use gitops_secrets::{
    base::{env::Env, secret::DataKey},
    crypto::mac::Coverage,
    keys::{AgeEntry, Identities, Recipient},
    sops::{
        file::{MacPolicy, NewFile, SopsFile, encrypt},
        key_group::MasterKey,
        selector::{Selector, SelectorKind},
    },
};
use support::{
    documents::{self, Sample},
    values::find_values,
};

const KEY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys/alice.txt");
const RECIPIENT: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";

fn sops(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("sops")
        .args(arguments)
        .current_dir(folder)
        .env("SOPS_AGE_KEY_FILE", KEY_FILE)
        .env("HOME", folder)
        .env("SOPS_DISABLE_VERSION_CHECK", "1")
        .output()
        .expect("`sops` has to be on PATH")
}

fn our_selector(sample: &Sample) -> Selector {
    let kind = SelectorKind::ALL.into_iter().find(|kind| Some(kind.field()) == sample.selector.field());
    kind.map_or_else(Selector::default_unencrypted_suffix, |kind| {
        Selector::new(kind, &sample.selector.pattern).unwrap()
    })
}

fn encrypt_with_ours(text: &str, sample: &Sample) -> Result<String, String> {
    let key = DataKey::generate().unwrap();
    let wrapped = [(RECIPIENT.to_owned(), Recipient::parse(RECIPIENT).unwrap().wrap(&key).unwrap())];
    let coverage = if sample.selector.mac_only_encrypted { Coverage::OnlyEncrypted } else { Coverage::AllValues };
    let selector = our_selector(sample);
    let new = NewFile { wrapped: &wrapped, selector: &selector, coverage, step: None, now: "2026-11-21T00:00:00Z" };
    encrypt(text, &key, &new).map(|encrypted| encrypted.text).map_err(|error| error.to_string())
}

fn decrypt_with_ours(text: &str) -> Result<String, String> {
    let file = SopsFile::read(text).map_err(|error| error.to_string())?;
    let entries: Vec<AgeEntry<'_>> = file
        .metadata
        .entries()
        .filter(|entry| matches!(entry.key, MasterKey::Age(_)))
        .map(|entry| AgeEntry { recipient: entry.key.id(), enc: &entry.enc })
        .collect();
    let env: Env = [("SOPS_AGE_KEY_FILE", KEY_FILE), ("HOME", "/nonexistent")].into_iter().collect();
    let key = Identities::from_env(&env).open(&entries).map_err(|error| error.to_string())?;
    let decrypted = file.decrypt(&key, MacPolicy::Require).map_err(|error| error.to_string())?;
    if let Some(place) = decrypted.odd_comments.first() {
        return Err(format!("an odd comment at {place}"));
    }
    Ok(decrypted.text.expose().to_owned())
}

/// What differs for one document; empty if nothing does.
fn differences(folder: &Path, sample: &Sample, tally: &Tally) -> Vec<String> {
    let plain = &sample.document.text;
    let mut found = Vec::new();
    let expected = match find_values(plain) {
        Ok(expected) => expected,
        Err(error) => return vec![format!("we do not read: {error}")],
    };

    let ours = match encrypt_with_ours(plain, sample) {
        Ok(ours) => ours,
        Err(error) => return vec![format!("we do not encrypt: {error} {:?}", sample.selector)],
    };
    std::fs::write(folder.join("ours.yaml"), &ours).unwrap();
    let opened = sops(folder, &["decrypt", "ours.yaml"]);
    let text = String::from_utf8_lossy(&opened.stdout).into_owned();
    if !opened.status.success() {
        found.push(format!("sops does not open ours: {}", String::from_utf8_lossy(&opened.stderr)));
    } else {
        match find_values(&text) {
            Ok(read) if read == expected => {}
            Ok(read) => found.push(format!("sops reads other values from ours:\n{}", diff(&expected, &read))),
            Err(_) => {
                tally.unreadable.fetch_add(1, Ordering::Relaxed);
            }
        }
        if text.contains("ENC[") {
            found.push(format!(
                "sops leaves something of ours encrypted:\n{}",
                text.lines().filter(|line| line.contains("ENC[")).collect::<String>()
            ));
        }
    }
    let read_from_ours = text;
    match decrypt_with_ours(&ours) {
        Ok(text) if text == *plain => {
            tally.same_bytes.fetch_add(1, Ordering::Relaxed);
        }
        Ok(text) if find_values(&text).as_ref() == Ok(&expected) => {}
        Ok(text) => found.push(format!(
            "our own decryption has other values:\n{}",
            find_values(&text).map_or_else(|error| error, |read| diff(&expected, &read))
        )),
        Err(error) => found.push(format!("we do not open ours: {error}")),
    }

    std::fs::write(folder.join("theirs.yaml"), plain).unwrap();
    std::fs::write(folder.join(".sops.yaml"), sample.selector.policy(RECIPIENT)).unwrap();
    let encrypted = sops(folder, &["encrypt", "-i", "theirs.yaml"]);
    if !encrypted.status.success() {
        found.push(format!("sops does not encrypt: {}", String::from_utf8_lossy(&encrypted.stderr)));
        return found;
    }
    let theirs = std::fs::read_to_string(folder.join("theirs.yaml")).unwrap();
    let opened = sops(folder, &["decrypt", "theirs.yaml"]);
    let text = String::from_utf8_lossy(&opened.stdout).into_owned();
    match (opened.status.success(), decrypt_with_ours(&theirs)) {
        (true, Ok(ours)) => {
            match (find_values(&ours), find_values(&text)) {
                (Ok(left), Ok(right)) if left == right => {}
                // What SOPS prints is not what it read where it misspells it; then its own file tells.
                (Ok(left), Ok(right)) if left == expected => {
                    tally.misspelt.fetch_add(1, Ordering::Relaxed);
                    found.retain(|line| {
                        !(line.starts_with("sops reads other values")
                            && find_values(&read_from_ours).as_ref() == Ok(&right))
                    });
                }
                (Ok(left), Ok(right)) => {
                    found.push(format!("from sops' file we read other values than it does:\n{}", diff(&right, &left)))
                }
                (Err(error), _) => found.push(format!("our own output is no YAML: {error}")),
                (_, Err(_)) => {
                    tally.unreadable.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        (true, Err(error)) => found.push(format!("we do not open what sops does: {error}")),
        (false, Ok(ours)) => {
            tally.only_we_open.fetch_add(1, Ordering::Relaxed);
            match find_values(&ours) {
                // Clear text that SOPS itself misspelt stays as it is.
                Err(_) => {}
                Ok(read) if read == expected => {}
                Ok(read) => found.push(format!(
                    "from a file that sops wrote and cannot open, we read other values:\n{}",
                    diff(&expected, &read)
                )),
            }
        }
        (false, Err(_)) => {
            tally.nobody_opens.fetch_add(1, Ordering::Relaxed);
        }
    }
    found
}

#[derive(Default)]
struct Tally {
    same_bytes: AtomicUsize,
    only_we_open: AtomicUsize,
    nobody_opens: AtomicUsize,
    unreadable: AtomicUsize,
    misspelt: AtomicUsize,
}

fn diff(left: &str, right: &str) -> String {
    let differing = left.lines().zip(right.lines()).find(|(left, right)| left != right);
    differing.map_or_else(
        || format!("{} lines and {}", left.lines().count(), right.lines().count()),
        |(left, right)| format!("- {left}\n+ {right}"),
    )
}

fn count() -> usize {
    std::env::var("INTEROP_DOCUMENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(2000)
}

fn seed() -> u64 {
    std::env::var("INTEROP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn random_documents_pass_both_ways_without_a_difference() {
    let samples = documents::batch(seed(), count());
    let only: Option<usize> = std::env::var("INTEROP_ONLY").ok().and_then(|only| only.parse().ok());
    let next = AtomicUsize::new(0);
    let tally = Tally::default();
    let failures = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let folder = tempfile::tempdir().unwrap();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(sample) = samples.get(index) else { break };
                    if only.is_some_and(|only| only != index) {
                        continue;
                    }
                    let found = differences(folder.path(), sample, &tally);
                    if !found.is_empty() {
                        let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("interop-{index}"));
                        std::fs::create_dir_all(&kept).unwrap();
                        std::fs::write(kept.join("plain.yaml"), &sample.document.text).unwrap();
                        for name in ["ours.yaml", "theirs.yaml", ".sops.yaml"] {
                            drop(std::fs::copy(folder.path().join(name), kept.join(name)));
                        }
                        failures.lock().unwrap().push(format!("document {index}: {}", found.join("\n")));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!(
        "{} documents, {} with a difference; {} came back to the byte; sops could not open {} of its own files, and of those we opened {}; sops misspells {}; {} not readable by YAML 1.2",
        samples.len(),
        failures.len(),
        tally.same_bytes.into_inner(),
        tally.only_we_open.load(Ordering::Relaxed) + tally.nobody_opens.into_inner(),
        tally.only_we_open.into_inner(),
        tally.misspelt.into_inner(),
        tally.unreadable.into_inner(),
    );
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
