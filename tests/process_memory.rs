//! What is left in the memory of the running command, read from outside: `cargo test --test process_memory -- --ignored` as root.
//! What is found there is what `SECURITY.md` says.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and starts programs as anybody would"
)]

#[path = "support/private_parts.rs"]
mod private_parts;
#[path = "support/memory.rs"]
mod process_memory;
#[path = "support/ssh_parts.rs"]
mod ssh_parts;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use age::secrecy::SecretString;
use assert_fs::TempDir;
use bech32::ToBase32 as _;
use expectrl::Expect as _;
use gitops_secrets::{
    base::env::Env,
    crypto::shamir::{Share, combine},
    keys::{AgeEntry, Identities},
    sops::file::SopsFile,
};
use private_parts::{Part, parts_of_line};
use process_memory::find_in_memory;
use ssh_parts::parts_of_ssh;
use zeroize::Zeroizing;

const ALICE: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";
/// A part of alice's identity: the whole of it has no other bytes.
const IDENTITY: &[u8] = b"HE0PTDE5FJ8C9HK5CEC3NXQKP94ZJ0H8W8J2QC77AUZFKG7MWADSJ9PVZ2";
const PLAINTEXT: &[u8] = b"the-plaintext-of-a-value";
const PASSPHRASE: &str = "battery-staple-of-a-passphrase-that-is-long";
/// Of the plugin `tests/plugin/age-plugin-test`.
const PLUGIN_RECIPIENT: &str = "age1test1qurswpc8qurswdldkpl";
/// More than a pipe takes, so that the command waits for its reader.
const LONG_LINES: usize = 9000;

/// What is left of a line of an identity file: the identity that is kept for the run.
const LINE_LEFT: &[(&str, &[&str])] = &[("bytes", &["[heap]"])];
const ED25519_LEFT: &[(&str, &[&str])] = &[("seed", &["[heap]"])];
const RSA_LEFT: &[(&str, &[&str])] = &[
    ("exponent", &["[heap]"]),
    ("coefficient", &["[heap]"]),
    ("first prime", &["[heap]"]),
    ("second prime", &["[heap]"]),
];
const PLUGIN_LEFT: &[(&str, &[&str])] = &[("text", &["[heap]"]), ("PIN", &["[heap]"])];

/// A home with alice's key file, and a file that is encrypted for her.
struct Desk(TempDir);

/// A command that waits with its file open. Ended on drop.
struct Waiting(Child);

/// A command on a terminal, which waits. Ended on drop.
struct Typed {
    session: expectrl::session::OsSession,
    /// Of what it writes to, open so that it can, and never read.
    _pipe: fs::File,
}

impl Desk {
    fn new() -> Self {
        let desk = Self::of(&["--age", ALICE]);
        desk.put_key(fixture("alice.txt"));
        desk
    }

    /// A home without identities, and a file that was encrypted with `arguments`.
    fn of(arguments: &[&str]) -> Self {
        let desk = Self(TempDir::new().unwrap());
        fs::create_dir_all(desk.path("home/.config/sops/age")).unwrap();
        let long: String = (0..LONG_LINES).map(|number| format!("  line {number} of a long text\n")).collect();
        let text = format!("secret: {}\nlong: |\n{long}", str::from_utf8(PLAINTEXT).unwrap());
        fs::write(desk.path("a.yaml"), text).unwrap();
        assert!(desk.command(&[&["encrypt", "-i"], arguments, &["a.yaml"]].concat()).status().unwrap().success());
        desk
    }

    /// Makes `content` the default key file.
    fn put_key(&self, content: impl AsRef<[u8]>) {
        fs::write(self.path("home/.config/sops/age/keys.txt"), content).unwrap();
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secrets"));
        command.args(arguments).current_dir(self.0.path()).env_clear().env("HOME", self.path("home"));
        let plugins = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plugin");
        command.env("PATH", format!("{plugins}:{}", std::env::var("PATH").unwrap())).stdin(Stdio::null());
        command
    }

    fn data_key(&self) -> Vec<u8> {
        let text = fs::read_to_string(self.path("a.yaml")).unwrap();
        let file = SopsFile::read(&text).unwrap();
        let entries: Vec<AgeEntry<'_>> =
            file.metadata.entries().map(|entry| AgeEntry { recipient: entry.key.id(), enc: &entry.enc }).collect();
        let env: Env = [("HOME", self.path("home"))].into_iter().collect();
        Identities::from_env(&env).open(&entries).unwrap().expose().to_vec()
    }

    /// `get` of the long value, whose reader does not read.
    fn get(&self, change: impl FnOnce(&mut Command)) -> Waiting {
        let mut command = self.command(&["get", "a.yaml", "long"]);
        change(&mut command);
        let child = Waiting(command.stdout(Stdio::piped()).spawn().unwrap());
        wait_for_pipe(child.0.id());
        child
    }

    /// The same on a terminal, on which `answer` is typed.
    fn get_answering(&self, answer: &str, change: impl FnOnce(&mut Command)) -> Typed {
        if !self.path("fifo").exists() {
            assert!(Command::new("mkfifo").arg(self.path("fifo")).status().unwrap().success());
        }
        let pipe = fs::File::options().read(true).write(true).open(self.path("fifo")).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {} get a.yaml long > fifo", env!("CARGO_BIN_EXE_secrets"))]);
        command.current_dir(self.0.path()).env_clear().env("HOME", self.path("home"));
        let plugins = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plugin");
        command.env("PATH", format!("{plugins}:{}", std::env::var("PATH").unwrap()));
        change(&mut command);
        let mut session = expectrl::Session::spawn(command).unwrap();
        session.set_expect_timeout(Some(Duration::from_secs(120)));
        session.expect(": ").unwrap();
        session.send_line(answer).unwrap();
        let typed = Typed { session, _pipe: pipe };
        wait_for_pipe(typed.pid());
        typed
    }

    /// `edit` with an editor that does not end.
    fn edit(&self) -> Waiting {
        fs::write(self.path("editor.sh"), "touch ready\nexec sleep 60\n").unwrap();
        let mut command = self.command(&["edit", "a.yaml"]);
        command.env("EDITOR", "sh editor.sh").env("XDG_RUNTIME_DIR", self.0.path());
        let child = Waiting(command.spawn().unwrap());
        wait_until(|| self.path("ready").exists());
        child
    }
}

impl Waiting {
    #[track_caller]
    fn has(&self, needle: &[u8], expected: &[&str]) {
        assert_eq!(find_in_memory(self.0.id(), needle), expected);
    }
}

impl Typed {
    fn pid(&self) -> u32 {
        u32::try_from(self.session.get_process().pid().as_raw()).unwrap()
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        self.session.get_process_mut().exit(true).ok();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// It waits in a write once the pipe is full, and not before.
#[track_caller]
fn wait_for_pipe(pid: u32) {
    wait_until(|| fs::read_to_string(format!("/proc/{pid}/wchan")).is_ok_and(|at| at.contains("pipe")));
}

/// A file of `fixtures/keys`.
fn fixture(name: &str) -> String {
    fs::read_to_string(key(name)).unwrap()
}

fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys").join(name)
}

/// The identity in a file of `age-keygen`, and its recipient.
fn identity(name: &str) -> String {
    fixture(name).lines().last().unwrap().to_owned()
}

fn public(name: &str) -> String {
    fixture(name).lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned()
}

/// Looks for each of `parts`; `left` are those that are there, with their places.
#[track_caller]
fn check(kind: &str, pid: u32, parts: &[Part], left: &[(&str, &[&str])]) {
    let find = |(name, bytes): &Part| {
        // The allocator writes over the beginning of what is freed.
        let (_, end) = bytes.split_at(if bytes.len() < 32 { 0 } else { bytes.len() / 2 });
        (*name, find_in_memory(pid, end))
    };
    let found: Vec<(&str, Vec<String>)> = parts.iter().map(find).filter(|(_, places)| !places.is_empty()).collect();
    let left: Vec<(&str, Vec<String>)> =
        left.iter().map(|(name, places)| (*name, places.iter().map(|place| (*place).to_owned()).collect())).collect();
    assert_eq!(found, left, "{kind}");
}

#[track_caller]
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(120), "it did not come to that");
        sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs root"]
fn what_is_there_is_found() {
    let desk = Desk::new();
    let running = desk.get(|command| {
        command.env("MARK", "a-mark-in-the-environment");
    });
    assert!(!find_in_memory(running.0.id(), b"a-mark-in-the-environment").is_empty());
    assert!(!find_in_memory(running.0.id(), b"line 8000 of a long text").is_empty());
}

#[test]
#[ignore = "needs root"]
fn after_get_nothing_is_left_but_the_value_that_was_asked_for() {
    let desk = Desk::new();
    let key = desk.data_key();
    let running = desk.get(|_command| ());
    running.has(IDENTITY, &[]);
    running.has(PLAINTEXT, &[]);
    running.has(&key, &[]);
}

#[test]
#[ignore = "needs root"]
fn an_identity_in_a_variable_is_where_the_system_put_it() {
    let desk = Desk::new();
    let identity = format!("AGE-SECRET-KEY-1{}", str::from_utf8(IDENTITY).unwrap());
    fs::remove_file(desk.path("home/.config/sops/age/keys.txt")).unwrap();
    let running = desk.get(|command| {
        command.env("SOPS_AGE_KEY", identity);
    });
    running.has(IDENTITY, &["[heap]", "[stack]"]);
}

#[test]
#[ignore = "needs root"]
fn while_an_editor_runs_the_text_and_the_data_key_are_there_once() {
    let desk = Desk::new();
    let key = desk.data_key();
    let running = desk.edit();
    running.has(IDENTITY, &[]);
    running.has(PLAINTEXT, &["[heap]"]);
    running.has(&key, &["[heap]"]);
}

#[test]
#[ignore = "needs root"]
fn of_each_kind_of_identity_file_one_copy_of_the_key_is_left() {
    for (kind, recipient, left) in [("alice", ALICE.to_owned(), LINE_LEFT), ("pq", public("pq.txt"), LINE_LEFT)] {
        let desk = Desk::of(&["--age", &recipient]);
        desk.put_key(fixture(&format!("{kind}.txt")));
        let running = desk.get(|_command| ());
        check(kind, running.0.id(), &parts_of_line(&identity(&format!("{kind}.txt"))), left);
    }
}

#[test]
#[ignore = "needs root"]
fn of_an_ssh_key_no_more_is_left_than_age_keeps() {
    for (kind, left) in [("ssh_ed25519", ED25519_LEFT), ("ssh_rsa", RSA_LEFT)] {
        let desk = Desk::of(&["--age", fixture(&format!("{kind}.pub")).trim()]);
        let running = desk.get(|command| {
            command.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", key(kind));
        });
        check(kind, running.0.id(), &parts_of_ssh(&fixture(kind)), left);
    }
}

#[test]
#[ignore = "needs root"]
fn of_the_passphrase_of_an_ssh_key_nothing_is_left() {
    for (kind, left) in [("ssh_ed25519", ED25519_LEFT), ("ssh_rsa", RSA_LEFT)] {
        let desk = Desk::of(&["--age", fixture(&format!("{kind}.pub")).trim()]);
        fs::create_dir(desk.path("home/.ssh")).unwrap();
        let path = desk.path(&format!("home/.ssh/{}", kind.replace("ssh_", "id_")));
        fs::copy(key(kind), &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let made = Command::new("ssh-keygen").args(["-q", "-p", "-P", "", "-N", PASSPHRASE, "-f"]).arg(&path).status();
        assert!(made.unwrap().success());
        let typed = desk.get_answering(PASSPHRASE, |_command| ());
        let mut parts = parts_of_ssh(&fixture(kind));
        parts.push(("passphrase", PASSPHRASE.into()));
        check(kind, typed.pid(), &parts, left);
    }
}

#[test]
#[ignore = "needs root"]
fn of_an_encrypted_identity_file_neither_the_passphrase_nor_what_it_opened_is_left() {
    let desk = Desk::new();
    let data_key = desk.data_key();
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(PASSPHRASE));
    recipient.set_work_factor(10);
    let binary = age::encrypt(&recipient, fixture("alice.txt").as_bytes()).unwrap();
    let armored = age::encrypt_and_armor(&recipient, fixture("alice.txt").as_bytes()).unwrap().into_bytes();
    let mut parts = parts_of_line(&identity("alice.txt"));
    let whole = [("passphrase", PASSPHRASE.as_bytes()), ("value", PLAINTEXT), ("data key", &data_key)];
    parts.extend(whole.map(|(name, bytes)| (name, bytes.to_vec())));
    for (kind, file) in [("binary", binary), ("armored", armored)] {
        desk.put_key(file);
        let typed = desk.get_answering(PASSPHRASE, |_command| ());
        check(kind, typed.pid(), &parts, LINE_LEFT);
    }
}

#[test]
#[ignore = "needs root"]
fn of_an_identity_that_a_command_printed_no_more_is_left_than_of_one_in_a_file() {
    let desk = Desk::of(&["--age", ALICE]);
    let running = desk.get(|command| {
        command.env("SOPS_AGE_KEY_CMD", format!("cat '{}'", key("alice.txt").display()));
    });
    check("command", running.0.id(), &parts_of_line(&identity("alice.txt")), LINE_LEFT);
}

#[test]
#[ignore = "needs root"]
fn of_a_plugin_its_identity_and_the_pin_are_left_for_the_next_file() {
    let desk = Desk::of(&["--age", PLUGIN_RECIPIENT]);
    let payload: Vec<u8> = (100..132).map(|number| number ^ 0x5A).collect();
    let identity = bech32::encode("age-plugin-test-", payload.to_base32(), bech32::Variant::Bech32).unwrap();
    desk.put_key(identity.to_uppercase());
    let mut parts = parts_of_line(&identity.to_uppercase());
    parts.push(("PIN", PASSPHRASE.into()));
    let typed = desk.get_answering(PASSPHRASE, |command| {
        let turned: String = PASSPHRASE.chars().rev().collect();
        command.env("TEST_PLUGIN_ASKS", "secret").env("TEST_PLUGIN_NIP", turned);
    });
    check("plugin", typed.pid(), &parts, PLUGIN_LEFT);
}

#[test]
#[ignore = "needs root"]
fn of_the_shares_of_a_data_key_nothing_is_left() {
    let recipients = ["alice.txt", "bob.txt", "carol.txt"].map(public);
    let groups = recipients.each_ref().map(|recipient| format!("{{age: [{recipient}]}}")).join(", ");
    let rule = format!("creation_rules: [{{shamir_threshold: 2, key_groups: [{groups}]}}]\n");
    let policy = tempfile::NamedTempFile::new().unwrap();
    fs::write(policy.path(), rule).unwrap();
    let desk = Desk::of(&["--config", policy.path().to_str().unwrap()]);
    desk.put_key([identity("alice.txt"), identity("carol.txt")].join("\n"));
    let text = fs::read_to_string(desk.path("a.yaml")).unwrap();
    let file = SopsFile::read(&text).unwrap();
    let shares: Vec<Share> = file
        .metadata
        .entries()
        .zip(["alice.txt", "bob.txt", "carol.txt"])
        .map(|(entry, name)| {
            let identity: age::x25519::Identity = identity(name).parse().unwrap();
            Zeroizing::new(age::decrypt(&identity, entry.enc.as_bytes()).unwrap())
        })
        .collect();
    let data_key = combine(&shares[1..]).unwrap();
    let mut parts = [parts_of_line(&identity("alice.txt")), parts_of_line(&identity("carol.txt"))].concat();
    parts.extend(shares.into_iter().map(|share| ("share", share.to_vec())));
    parts.push(("data key", data_key.to_vec()));
    let running = desk.get(|_command| ());
    check("groups", running.0.id(), &parts, &[("bytes", &["[heap]"]), ("bytes", &["[heap]"])]);
}
