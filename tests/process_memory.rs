//! What is left in the memory of the running command, read from outside: `cargo test --test process_memory -- --ignored` as root.
//! What is found there is what `SECURITY.md` says.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and starts programs as anybody would"
)]

#[path = "support/memory.rs"]
mod process_memory;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use age::secrecy::SecretString;
use assert_fs::TempDir;
use expectrl::Expect as _;
use gitops_secrets::{
    base::env::Env,
    keys::{AgeEntry, Identities},
    sops::file::SopsFile,
};
use process_memory::find_in_memory;

const ALICE: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";
/// A part of alice's identity: the whole of it has no other bytes.
const IDENTITY: &[u8] = b"HE0PTDE5FJ8C9HK5CEC3NXQKP94ZJ0H8W8J2QC77AUZFKG7MWADSJ9PVZ2";
const PLAINTEXT: &[u8] = b"the-plaintext-of-a-value";
const PASSPHRASE: &[u8] = b"battery-staple-of-a-passphrase";
/// More than a pipe takes, so that the command waits for its reader.
const LONG_LINES: usize = 9000;

/// A home with alice's key file, and a file that is encrypted for her.
struct Desk(TempDir);

/// A command that waits with its file open. Ended on drop.
struct Waiting(Child);

impl Desk {
    fn new() -> Self {
        let desk = Self(TempDir::new().unwrap());
        fs::create_dir_all(desk.path("home/.config/sops/age")).unwrap();
        let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys/alice.txt");
        fs::copy(key, desk.path("home/.config/sops/age/keys.txt")).unwrap();
        let long: String = (0..LONG_LINES).map(|number| format!("  line {number} of a long text\n")).collect();
        let text = format!("secret: {}\nlong: |\n{long}", str::from_utf8(PLAINTEXT).unwrap());
        fs::write(desk.path("a.yaml"), text).unwrap();
        assert!(desk.command(&["encrypt", "-i", "--age", ALICE, "a.yaml"]).status().unwrap().success());
        desk
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secrets"));
        command.args(arguments).current_dir(self.0.path()).env_clear().env("HOME", self.path("home"));
        command.env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::null());
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

#[track_caller]
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "it did not come to that");
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
    running.has(PLAINTEXT, &["anonymous"]);
    running.has(&key, &["[heap]"]);
}

#[test]
#[ignore = "needs root"]
fn of_an_encrypted_identity_file_neither_the_passphrase_nor_the_identity_is_left() {
    let desk = Desk::new();
    let key = desk.data_key();
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(str::from_utf8(PASSPHRASE).unwrap()));
    recipient.set_work_factor(10);
    let plain = fs::read(desk.path("home/.config/sops/age/keys.txt")).unwrap();
    fs::write(desk.path("home/.config/sops/age/keys.txt"), age::encrypt(&recipient, &plain).unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(desk.path("fifo")).status().unwrap().success());
    // Open, so that the command can write, and never read.
    let _reader = fs::File::options().read(true).write(true).open(desk.path("fifo")).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {} get a.yaml long > fifo", env!("CARGO_BIN_EXE_secrets"))]);
    command.current_dir(desk.0.path()).env_clear().env("HOME", desk.path("home"));
    let mut session = expectrl::Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(20)));
    session.expect(": ").unwrap();
    session.send_line(PASSPHRASE).unwrap();
    let pid = u32::try_from(session.get_process().pid().as_raw()).unwrap();
    wait_for_pipe(pid);
    for (what, needle) in [("passphrase", PASSPHRASE), ("identity", IDENTITY), ("value", PLAINTEXT), ("data key", &key)]
    {
        assert_eq!(find_in_memory(pid, needle), [""; 0], "{what}");
    }
    session.get_process_mut().exit(true).unwrap();
}
