//! What is left in the memory of a process that opened a data key, once everything that held a secret is dropped.
//!
//! The test starts itself again, as a process that knows of each secret only its bytes turned round, so that it can look for
//! what it does not hold. What age and the crates below it leave is told in `SECURITY.md`, and is not looked for.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking, and starts itself by other means"
)]

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::FileExt as _,
    process::Command,
    sync::Arc,
};

use gitops_secrets::{
    base::{env::Env, secret::Plaintext},
    keys::{AgeEntry, Ask, Asker, Identities, NoAnswer},
    sops::file::SopsFile,
};
use zeroize::Zeroizing;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sops");
/// The work of the second process: the vector, the variable of its key, and the secrets, turned round.
const TASK: &str = "SECRETS_TEST_MEMORY";
/// What turns a byte round, and back.
const TURN: u8 = 0x5A;
const PASSPHRASE: &str = "test-passphrase";

/// Types the passphrase, which is put together only then.
#[derive(Debug)]
struct Typist(Vec<u8>);

impl Ask for Typist {
    fn secret(&self, _question: &str) -> Result<Plaintext, NoAnswer> {
        let mut passphrase = String::with_capacity(self.0.len());
        self.0.iter().for_each(|byte| passphrase.push(char::from(byte ^ TURN)));
        Ok(Plaintext::new(passphrase))
    }

    fn line(&self, _question: &str) -> Result<String, NoAnswer> {
        Err(NoAnswer::GaveUp)
    }

    fn message(&self, _text: &str) {}

    fn confirm(&self, _text: &str, _yes: &str, _no: Option<&str>) -> Result<bool, NoAnswer> {
        Err(NoAnswer::GaveUp)
    }
}

fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// How often what `turned` stands for is in the memory of this process.
fn count(turned: &[u8]) -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut found = 0;
    for map in maps.lines().filter(|map| map.contains(" rw-p ")) {
        let range = map.split(' ').next().unwrap().split_once('-').unwrap();
        let (start, end) = (u64::from_str_radix(range.0, 16).unwrap(), u64::from_str_radix(range.1, 16).unwrap());
        // Wiped, because it holds the turned secrets of this test turned back.
        let mut bytes = Zeroizing::new(vec![0; usize::try_from(end - start).unwrap()]);
        if memory.read_exact_at(&mut bytes, start).is_err() {
            continue;
        }
        bytes.iter_mut().for_each(|byte| *byte ^= TURN);
        found += bytes.windows(turned.len()).filter(|window| *window == turned).count();
    }
    found
}

#[test]
fn the_second_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let mut parts = task.split('\n');
    let mut next = || parts.next().unwrap();
    let (vector, variable, path, control) = (next(), next(), next(), unhex(next()));
    let secrets: Vec<(&str, Vec<u8>)> =
        parts.map(|part| part.split_once(' ').unwrap()).map(|(name, text)| (name, unhex(text))).collect();
    let passphrase = secrets.iter().find(|(name, _)| *name == "passphrase").map(|(_, turned)| turned.clone());
    let env: Env = [(variable, path), ("HOME", "/nonexistent")].into_iter().collect();
    let asker = Asker::new(Arc::new(Typist(passphrase.unwrap_or_default())));
    let identities = Identities::from_env(&env).with_asker(asker);
    let text = fs::read_to_string(format!("{FIXTURES}/{vector}/encrypted.yaml")).unwrap();
    let file = SopsFile::read(&text).unwrap();
    let entries: Vec<AgeEntry<'_>> =
        file.metadata.entries().map(|entry| AgeEntry { recipient: entry.key.id(), enc: &entry.enc }).collect();
    drop(identities.open(&entries).unwrap());
    drop(identities);
    // Something that is there is found, or nothing that is not found means anything.
    let planted: Vec<u8> = control.iter().map(|byte| byte ^ TURN).collect();
    assert!(count(&control) > 0);
    drop(planted);
    for (name, turned) in &secrets {
        // The allocator writes over the beginning of what is freed; a short end may be a word of the program.
        let end = if turned.len() > 30 { turned.len() / 2 } else { 0 };
        assert_eq!(count(&turned[end..]), 0, "{name} is left");
    }
}

/// `secrets`: what must not be left, and how it is called.
#[track_caller]
fn check(vector: &str, variable: &str, key: &str, secrets: &[(&str, &[u8])]) {
    let turned = |bytes: &[u8]| hex(bytes.iter().map(|byte| byte ^ TURN));
    let case = fs::read_to_string(format!("{FIXTURES}/{vector}/case.json")).unwrap();
    let case: serde_json::Value = serde_json::from_str(&case).unwrap();
    let data_key = unhex(case["data_key"].as_str().unwrap());
    let mut task = format!("{vector}\n{variable}\n{key}\n{}", turned(b"something that is there"));
    for (name, secret) in [&[("data-key", data_key.as_slice())], secrets].concat() {
        task.push_str(&format!("\n{name} {}", turned(secret)));
    }
    let own = std::env::current_exe().unwrap();
    let output = Command::new(own).args(["--exact", "the_second_process"]).env(TASK, task).output().unwrap();
    assert!(output.status.success(), "{vector}: {}", String::from_utf8_lossy(&output.stdout));
}

fn key(name: &str) -> String {
    format!("{FIXTURES}/keys/{name}")
}

fn identity_of(name: &str) -> String {
    let text = fs::read_to_string(key(&format!("{name}.txt"))).unwrap();
    text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned()
}

#[test]
fn of_a_plain_identity_nothing_is_left() {
    let alice = identity_of("alice");
    check("001-leaf-str", "SOPS_AGE_KEY_FILE", &key("alice.txt"), &[("identity", alice.as_bytes())]);
}

#[test]
fn of_an_encrypted_identity_and_its_passphrase_nothing_is_left() {
    let dave = identity_of("dave");
    let secrets = [("passphrase", PASSPHRASE.as_bytes()), ("identity", dave.as_bytes())];
    check("194-encrypted-identity-armored", "SOPS_AGE_KEY_FILE", &key("dave-armored.age"), &secrets);
    let long = "a passphrase that is longer than what the allocator writes over";
    let mut recipient = age::scrypt::Recipient::new(long.to_owned().into());
    recipient.set_work_factor(10);
    let mut writer = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .unwrap()
        .wrap_output(Vec::new())
        .unwrap();
    writer.write_all(dave.as_bytes()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), writer.finish().unwrap()).unwrap();
    let secrets = [("passphrase", long.as_bytes()), ("identity", dave.as_bytes())];
    check("195-encrypted-identity-binary", "SOPS_AGE_KEY_FILE", file.path().to_str().unwrap(), &secrets);
}

#[test]
fn of_the_passphrase_of_an_ssh_key_and_what_it_opened_nothing_is_left() {
    let variable = "SOPS_AGE_SSH_PRIVATE_KEY_FILE";
    check("190-ssh-ed25519", variable, &key("ssh_ed25519"), &[]);
    check("191-ssh-rsa", variable, &key("ssh_rsa"), &[]);
    let secrets = [("passphrase", PASSPHRASE.as_bytes())];
    check("193-ssh-passphrase", variable, &key("ssh_ed25519_passphrase"), &secrets);
}

#[test]
fn of_the_text_of_a_post_quantum_identity_nothing_is_left() {
    let text = identity_of("pq");
    check("188-pq", "SOPS_AGE_KEY_FILE", &key("pq.txt"), &[("identity", text.as_bytes())]);
}
