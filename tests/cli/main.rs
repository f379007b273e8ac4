//! The built command, as a user sees it: real files in a temporary directory, exit codes, and what a failure leaves.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot prepare its world fails, and writes its files as anybody would"
)]

mod access;
mod cluster;
mod cluster_add;
mod cluster_remove;
mod cluster_rotate;
mod decrypt;
#[cfg(target_os = "linux")]
mod edit;
mod encrypt;
mod explain;
#[cfg(unix)]
mod exposure;
mod filestatus;
mod flux;
mod get;
mod globals;
mod groups;
mod hostile;
mod identity;
#[cfg(target_os = "linux")]
mod plugin;
#[cfg(target_os = "linux")]
mod progress;
mod recipient;
mod rotate;
#[cfg(target_os = "linux")]
mod safety;
mod set;
#[cfg(target_os = "linux")]
mod sources;
#[cfg(unix)]
mod sync;
mod verify;

#[path = "../support/repository.rs"]
mod repository;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use assert_cmd::Command;
use assert_fs::TempDir;

const ALICE: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";
const BOB: &str = "age1n6an6d5ygpj2p50pm0p03rtvymh4rrv6vvaznv2ya2ej9js8nfusp33tur";
const CAROL: &str = "age1gavpkp24d4u32zrjj4qt748k8fl56e668k43d7cfxrz3ngy6x9wqjxvs3l";

/// A Secret in clear, spelt as SOPS spells it.
const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: db
stringData:
  user: admin
  password: correct horse
";

/// A policy that encrypts what is below `stringData` for alice and bob.
fn policy() -> String {
    format!(
        "keys:\n  - &alice {ALICE}\n  - &bob {BOB}\ncreation_rules:\n  - path_regex: \\.sops\\.yaml$\n    \
         encrypted_regex: ^(data|stringData)$\n    key_groups: [{{age: [*alice, *bob]}}]\n"
    )
}

/// A directory with the identities of alice in its `home`, in which the command is started.
struct World {
    root: TempDir,
    environment: BTreeMap<String, String>,
}

/// What a run gave.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    /// With `ROOT` in the place of the world's directory.
    stderr: String,
}

impl World {
    fn new() -> Self {
        let world = Self { root: TempDir::new().unwrap(), environment: BTreeMap::new() };
        world.set_identity("alice")
    }

    /// A world with `policy()` and an encrypted `db.sops.yaml`.
    fn with_secret() -> Self {
        let world = Self::new();
        world.write(".sops.yaml", &policy()).write("db.sops.yaml", SECRET);
        world.runs(&["encrypt", "-i", "db.sops.yaml"]);
        world
    }

    /// Puts the test-only identity of `name` in the place of the one that is there.
    fn set_identity(self, name: &str) -> Self {
        self.write("home/.config/sops/age/keys.txt", &fixture(&format!("keys/{name}.txt")));
        self
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Every file with its mode and content.
    fn snapshot(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut files = BTreeMap::new();
        let mut open = vec![self.root.path().to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    files.insert(path.clone(), (mode(&path), fs::read(&path).unwrap()));
                }
            }
        }
        files
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secrets"));
        command.current_dir(self.root.path()).env_clear().env("HOME", self.path("home")).envs(&self.environment);
        command.args(arguments);
        command
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let output = self.command(arguments).write_stdin(input).output().unwrap();
        let root = fs::canonicalize(self.root.path()).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(root.to_str().unwrap(), "ROOT");
        Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "")
    }

    /// Runs what has to succeed without a word, and gives back what it printed.
    #[track_caller]
    fn runs(&self, arguments: &[&str]) -> String {
        self.runs_with_input(arguments, "")
    }

    #[track_caller]
    fn runs_with_input(&self, arguments: &[&str], input: &str) -> String {
        let ran = self.run_with_input(arguments, input);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments:?}");
        ran.stdout
    }

    /// Runs what has to succeed, and to say `stderr`.
    #[track_caller]
    fn runs_and_says(&self, arguments: &[&str], stderr: &str) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, stderr), "{arguments:?}");
        ran.stdout
    }

    /// Runs what has to fail with `code`, to say just `error` and perhaps a hint, and to change no file.
    #[track_caller]
    fn refuses(&self, arguments: &[&str], code: i32, error: &str) -> String {
        self.refuses_input(arguments, "", code, error)
    }

    #[track_caller]
    fn refuses_input(&self, arguments: &[&str], input: &str, code: i32, error: &str) -> String {
        let before = self.snapshot();
        let ran = self.run_with_input(arguments, input);
        let mut lines = ran.stderr.lines();
        assert_eq!(lines.next(), Some(format!("secrets: error: {error}").as_str()), "{arguments:?}");
        let hint = lines.next().unwrap_or_default().to_owned();
        assert!(hint.is_empty() || hint.starts_with("secrets: hint: "), "{arguments:?}: {hint}");
        assert_eq!(lines.next(), None, "{arguments:?}");
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{arguments:?}");
        assert_eq!(self.snapshot(), before, "{arguments:?} changed a file");
        hint.trim_start_matches("secrets: hint: ").to_owned()
    }
}

/// A file of `fixtures/`.
fn fixture(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)).unwrap()
}

/// The recipients that the metadata of an encrypted text names, in order.
fn recipients(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("recipient: ")).collect()
}

/// The values of `ENC[…]` with their keys, but for the MAC.
fn ciphertexts(text: &str) -> BTreeMap<&str, &str> {
    let pairs = text.lines().filter_map(|line| line.trim().split_once(": "));
    pairs.filter(|(key, value)| value.starts_with("ENC[") && *key != "mac").collect()
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::mode(&fs::metadata(path).unwrap()) & 0o7777
}

#[cfg(not(unix))]
fn mode(_path: &Path) -> u32 {
    0
}

/// Starts the command on a terminal of its own.
#[cfg(target_os = "linux")]
fn on_terminal(world: &World, arguments: &[&str]) -> expectrl::session::OsSession {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_secrets"));
    command.args(arguments);
    on_terminal_runs(world, command)
}

#[cfg(target_os = "linux")]
fn on_terminal_runs(world: &World, mut command: std::process::Command) -> expectrl::session::OsSession {
    command.current_dir(world.root.path()).env_clear().env("HOME", world.path("home"));
    command.env("TERM", "dumb").envs(&world.environment);
    let mut session = expectrl::Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(std::time::Duration::from_secs(120)));
    session
}

#[cfg(target_os = "linux")]
#[track_caller]
fn ends_with(session: &expectrl::session::OsSession, code: i32) {
    let status = session.get_process().wait().unwrap();
    assert!(matches!(status, expectrl::process::unix::WaitStatus::Exited(_, found) if found == code), "{status:?}");
}
