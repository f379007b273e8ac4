//! Every kind of key that `ssh-keygen` and `age` make, both ways with `sops` and `age`, which have to be on PATH.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::{os::unix::fs::PermissionsExt as _, sync::Arc};

use gitops_secrets::{
    base::secret::Plaintext,
    keys::{Ask, NoAnswer},
};

use super::*;

pub(super) const CLEAR: &str = "user: admin\npassword: hunter2\n";
const PASSPHRASE: &str = "a passphrase, longer than most";

/// Types always the same, and counts how often.
#[derive(Debug, Default)]
struct Typist(AtomicUsize);

impl Ask for Typist {
    fn secret(&self, _question: &str) -> Result<Plaintext, NoAnswer> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Plaintext::new(PASSPHRASE.to_owned()))
    }

    fn line(&self, _question: &str) -> Result<String, NoAnswer> {
        Err(NoAnswer::GaveUp)
    }

    fn message(&self, text: &str) {
        panic!("{text}");
    }

    fn confirm(&self, _text: &str, _yes: &str, _no: Option<&str>) -> Result<bool, NoAnswer> {
        Err(NoAnswer::GaveUp)
    }
}

pub(super) fn run(folder: &Path, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .env("SOPS_DISABLE_VERSION_CHECK", "1")
        .envs(environment.iter().copied())
        .output()
        .unwrap_or_else(|error| panic!("`{program}` has to be on PATH: {error}"))
}

#[track_caller]
pub(super) fn printed(folder: &Path, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(folder, program, arguments, environment);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Makes a key with `ssh-keygen`, and gives back its public half.
fn make_ssh_key(folder: &Path, arguments: &[&str]) -> String {
    let all = [&["-q", "-f", "key", "-C", "a comment"], arguments].concat();
    printed(folder, "ssh-keygen", &all, &[]);
    std::fs::read_to_string(folder.join("key.pub")).unwrap().trim().to_owned()
}

/// Opens what `sops` made for the keys that `environment` names; says how often a passphrase was asked for.
#[track_caller]
pub(super) fn opens(text: &str, environment: &[(&str, &str)]) -> usize {
    let file = SopsFile::read(text).unwrap();
    let entries: Vec<AgeEntry<'_>> =
        file.metadata.entries().map(|entry| AgeEntry { recipient: entry.key.id(), enc: &entry.enc }).collect();
    let typist = Arc::new(Typist::default());
    let env: Env = environment.iter().copied().collect();
    let identities = Identities::from_env(&env).with_asker(Asker::new(Arc::<Typist>::clone(&typist)));
    let key = identities.open(&entries).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(file.decrypt(&key, MacPolicy::Require).unwrap().text.expose(), CLEAR);
    // Once more: what was asked for is kept.
    identities.open(&entries).unwrap();
    typist.0.load(Ordering::SeqCst)
}

/// Both ways, the same metadata, and `age` itself opens what we wrapped.
#[track_caller]
fn check_ssh(arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let recipient = make_ssh_key(folder, &[arguments, &["-N", ""]].concat());
    let path = folder.join("key").display().to_string();
    let environment = [("SOPS_AGE_SSH_PRIVATE_KEY_FILE", path.as_str()), ("HOME", "/nonexistent")];
    std::fs::write(folder.join("clear.yaml"), CLEAR).unwrap();
    let theirs = printed(folder, "sops", &["encrypt", "--age", &recipient, "clear.yaml"], &[]);
    assert_eq!(opens(&theirs, &environment), 0);
    let ours = printed(folder, env!("CARGO_BIN_EXE_secrets"), &["encrypt", "--age", &recipient, "clear.yaml"], &[]);
    std::fs::write(folder.join("ours.yaml"), &ours).unwrap();
    assert_eq!(printed(folder, "sops", &["decrypt", "ours.yaml"], &environment), CLEAR);
    let named = |text: &str| text.lines().find(|line| line.contains("recipient: ")).map(str::to_owned);
    assert_eq!(named(&ours), named(&theirs));
    let entry = SopsFile::read(&ours).unwrap().metadata.entries().next().unwrap().enc.clone();
    std::fs::write(folder.join("enc.age"), entry).unwrap();
    let opened = run(folder, "age", &["-d", "-i", "key", "enc.age"], &[]);
    assert_eq!(opened.stdout.len(), 32, "{}", String::from_utf8_lossy(&opened.stderr));
}

#[test]
#[ignore = "needs sops, age and ssh-keygen on PATH"]
fn ssh_keys_open_both_ways() {
    check_ssh(&["-t", "ed25519"]);
    for bits in ["2048", "3072", "4096"] {
        check_ssh(&["-t", "rsa", "-b", bits]);
    }
    check_ssh(&["-t", "rsa", "-b", "2048", "-m", "PEM"]);
}

#[test]
#[ignore = "needs sops and ssh-keygen on PATH"]
fn a_long_rsa_key_opens_what_sops_wrapped_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let recipient = make_ssh_key(folder, &["-t", "rsa", "-b", "6144", "-N", ""]);
    std::fs::write(folder.join("clear.yaml"), CLEAR).unwrap();
    let theirs = printed(folder, "sops", &["encrypt", "--age", &recipient, "clear.yaml"], &[]);
    let path = folder.join("key").display().to_string();
    assert_eq!(opens(&theirs, &[("SOPS_AGE_SSH_PRIVATE_KEY_FILE", &path)]), 0);
}

#[test]
#[ignore = "needs sops and ssh-keygen on PATH"]
fn ssh_keys_open_with_every_cipher_that_a_passphrase_protects_them_with() {
    for cipher in ["aes256-cbc", "aes128-ctr", "aes192-ctr", "aes256-ctr", "aes256-gcm@openssh.com"] {
        for kind in ["ed25519", "rsa"] {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            let recipient = make_ssh_key(folder, &["-t", kind, "-Z", cipher, "-a", "4", "-N", PASSPHRASE]);
            std::fs::write(folder.join("clear.yaml"), CLEAR).unwrap();
            let theirs = printed(folder, "sops", &["encrypt", "--age", &recipient, "clear.yaml"], &[]);
            std::fs::create_dir(folder.join(".ssh")).unwrap();
            std::fs::rename(folder.join("key"), folder.join(".ssh").join(format!("id_{kind}"))).unwrap();
            assert_eq!(opens(&theirs, &[("HOME", folder.to_str().unwrap())]), 1, "{cipher} {kind}");
        }
    }
}

#[test]
#[ignore = "needs sops, age, age-keygen and age-plugin-batchpass on PATH"]
fn identity_files_that_age_encrypted_open_with_what_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ssh = make_ssh_key(folder, &["-t", "ed25519", "-N", ""]);
    printed(folder, "age-keygen", &["-o", "keys.txt"], &[]);
    let x25519 = printed(folder, "age-keygen", &["-y", "keys.txt"], &[]).trim().to_owned();
    let both = ["keys.txt", "key"].map(|name| std::fs::read_to_string(folder.join(name)).unwrap()).concat();
    std::fs::write(folder.join("both.txt"), both).unwrap();
    std::fs::set_permissions(folder.join("both.txt"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(folder.join("clear.yaml"), CLEAR).unwrap();
    let batch = [("AGE_PASSPHRASE", PASSPHRASE), ("AGE_PASSPHRASE_WORK_FACTOR", "12")];
    for armor in [&["-a"][..], &[]] {
        let arguments = [armor, &["-e", "-j", "batchpass", "-o", "both.age", "both.txt"]].concat();
        printed(folder, "age", &arguments, &batch);
        let path = folder.join("both.age").display().to_string();
        for recipient in [&x25519, &ssh] {
            let theirs = printed(folder, "sops", &["encrypt", "--age", recipient, "clear.yaml"], &[]);
            assert_eq!(opens(&theirs, &[("SOPS_AGE_KEY_FILE", &path)]), 1, "{armor:?} {recipient}");
        }
    }
}
