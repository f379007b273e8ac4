//! The 18 defects of `sops` 3.13.2 that a user meets, one pair of tests each: `ours_…` shows that `secrets` does not have
//! it, `sops_…` that the real `sops` still does.
//!
//! The second half needs `sops` 3.13.2 on PATH and fails without it: `cargo test --test defects -- --ignored`.
//! What was observed stands above each `sops_…` test; all of it with 3.13.2 on Linux.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test that cannot prepare its world fails, and starts programs as anybody would"
)]

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

const OURS: &str = env!("CARGO_BIN_EXE_secrets");
const KEY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys/alice.txt");
const ALICE: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";
const BOB: &str = "age1n6an6d5ygpj2p50pm0p03rtvymh4rrv6vvaznv2ya2ej9js8nfusp33tur";

/// Spelt as `sops` spells it, so that both print it unchanged.
const CLEAR: &str = "text: one\nnumber: 1\nlist:\n    - x\n";

/// A directory with `clear.yaml`, and with `a.yaml`, which is that encrypted for alice.
struct Folder {
    root: TempDir,
    key_file: PathBuf,
    environment: Vec<(String, String)>,
    /// Scratch space in memory, where there is some.
    memory: TempDir,
}

/// What a run gave.
#[derive(Debug)]
struct Ran {
    /// `None` when a signal ended it.
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn memory() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

impl Folder {
    fn new() -> Self {
        let folder = Self {
            root: TempDir::new().unwrap(),
            key_file: KEY_FILE.into(),
            environment: Vec::new(),
            memory: memory(),
        };
        folder.write("clear.yaml", CLEAR);
        folder.write("a.yaml", &folder.ours(&["encrypt", "--age", ALICE, "clear.yaml"]).succeeds());
        folder
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        fs::write(self.path(path), text).unwrap();
        self
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.path(path)).unwrap().mode() & 0o777
    }

    fn ours(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(OURS, arguments).output().unwrap())
    }

    fn sops(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(sops(), arguments).output().unwrap())
    }

    /// `script` in a shell, in which `$TOOL` is `tool`.
    fn shell(&self, tool: impl AsRef<Path>, script: &str) -> Ran {
        let mut command = self.command("/bin/sh", &["-c", script]);
        Ran::of(&command.env("TOOL", tool.as_ref()).output().unwrap())
    }

    /// Lets `script`, which gets the file as `$1`, be the editor, and gives it scratch space on a disk and in memory.
    fn with_editor(self, script: &str) -> Self {
        self.write("editor.sh", script);
        fs::create_dir(self.path("scratch")).unwrap();
        let (editor, scratch) = (self.path("editor.sh"), self.path("scratch"));
        let memory = self.memory.path().to_str().unwrap().to_owned();
        self.with("EDITOR", &format!("sh '{}'", editor.display()))
            .with("TMPDIR", scratch.to_str().unwrap())
            .with("XDG_RUNTIME_DIR", &memory)
    }

    /// Runs what opens an editor, without a terminal wherever the test is run.
    fn edit(&self, tool: impl AsRef<Path>, arguments: &[&str]) -> Ran {
        let tool = tool.as_ref().to_str().unwrap();
        let all: Vec<&str> = ["--wait", tool].iter().chain(arguments).copied().collect();
        Ran::of(&self.command("/usr/bin/setsid", &all).output().unwrap())
    }

    /// Starts what opens an editor.
    fn start(&self, tool: impl AsRef<Path>, arguments: &[&str]) -> Running {
        let mut command = self.command(tool, arguments);
        command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        Running(command.spawn().unwrap())
    }

    /// The files, here and in the scratch space in memory, that hold `text`, but for the scripts.
    fn in_clear(&self, text: &str) -> Vec<PathBuf> {
        let mut open = vec![self.root.path().to_owned(), self.memory.path().to_owned()];
        let mut found = Vec::new();
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_none_or(|end| end != "sh") && holds(&path, text) {
                    found.push(path);
                }
            }
        }
        found
    }

    fn command(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command.args(arguments).current_dir(self.root.path()).stdin(Stdio::null()).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("HOME", self.root.path()).env("SOPS_DISABLE_VERSION_CHECK", "1");
        command.env("SOPS_AGE_KEY_FILE", &self.key_file).envs(self.environment.iter().cloned());
        command
    }
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    #[track_caller]
    fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// It ended with `code`, printed nothing, and told an error that contains `what`, in two lines at most.
    #[track_caller]
    fn refuses(&self, code: i32, what: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{}", self.stderr);
        let mut lines = self.stderr.lines();
        let error = lines.next().unwrap_or_default();
        assert!(error.starts_with("secrets: error: ") && error.contains(what), "{}", self.stderr);
        let hint = lines.next().unwrap_or("secrets: hint: ");
        assert!(hint.starts_with("secrets: hint: ") && lines.next().is_none(), "{}", self.stderr);
    }

    #[track_caller]
    fn panicked(&self) {
        assert!(self.code == Some(2) && self.stderr.contains("panic: "), "{self:?}");
    }
}

/// The real `sops` on the PATH of the test, which has to be 3.13.2: these tests tell nothing of another.
fn sops() -> &'static Path {
    static SOPS: OnceLock<PathBuf> = OnceLock::new();
    SOPS.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|folder| folder.join("sops")).find(|path| path.is_file());
        let found = found.unwrap_or_else(|| panic!("`sops` 3.13.2 has to be on PATH"));
        let version = Command::new(&found).args(["--disable-version-check", "--version"]).output().unwrap();
        let version = String::from_utf8(version.stdout).unwrap();
        assert!(version.starts_with("sops 3.13.2"), "these are the defects of sops 3.13.2, but {found:?} is {version}");
        found
    })
}

/// A program with its editor, in a process group that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _is_gone = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        drop(self.0.wait());
    }
}

fn holds(path: &Path, text: &str) -> bool {
    fs::read(path).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(120), "it never happened");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The recipients that the metadata of an encrypted text names, in order.
fn recipients(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("recipient: ")).collect()
}

/// The data key as it is wrapped for each recipient.
fn wrapped(text: &str) -> Vec<&str> {
    text.split("-----BEGIN AGE ENCRYPTED FILE-----")
        .skip(1)
        .map(|rest| rest.split("-----END").next().unwrap())
        .collect()
}

/// The line of a top-level key.
fn line<'t>(text: &'t str, key: &str) -> &'t str {
    let begins = |line: &&str| line.trim_start_matches('"').starts_with(key);
    text.lines().find(begins).unwrap()
}

// 1

#[test]
fn ours_1_a_selector_that_does_not_compile_is_refused() {
    let folder = Folder::new();
    let ran = folder.ours(&["encrypt", "--age", ALICE, "--encrypted-regex", "(", "clear.yaml"]);
    ran.refuses(1, "encrypted_regex");
    folder
        .ours(&["encrypt", "-i", "--age", ALICE, "--encrypted-regex", "(", "clear.yaml"])
        .refuses(1, "encrypted_regex");
    assert_eq!(folder.read("clear.yaml"), CLEAR);
}

/// Everything is written in clear below a `sops` block, with exit code 0 and without a word.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_1_leaves_everything_in_clear_when_the_selector_does_not_compile() {
    let folder = Folder::new();
    let text = folder.sops(&["encrypt", "--age", ALICE, "--encrypted-regex", "(", "clear.yaml"]).succeeds();
    assert!(text.starts_with("text: one\n") && text.contains("\nsops:\n"), "{text}");
}

// 2

#[test]
fn ours_2_a_selector_that_picks_nothing_is_refused() {
    let folder = Folder::new();
    let ran = folder.ours(&["encrypt", "--age", ALICE, "--encrypted-regex", "^nothing$", "clear.yaml"]);
    ran.refuses(1, "picks no value");
}

/// The same, with a selector that compiles but matches no key.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_2_leaves_everything_in_clear_when_the_selector_picks_nothing() {
    let folder = Folder::new();
    let text = folder.sops(&["encrypt", "--age", ALICE, "--encrypted-regex", "^nothing$", "clear.yaml"]).succeeds();
    assert!(text.starts_with("text: one\n") && text.contains("\nsops:\n"), "{text}");
}

// 3

#[test]
fn ours_3_a_selector_before_the_command_is_refused() {
    let folder = Folder::new();
    let ran = folder.ours(&["--encrypted-regex", "^text$", "encrypt", "--age", ALICE, "clear.yaml"]);
    ran.refuses(2, "--encrypted-regex");
}

/// The flag is taken and has no effect: all values are encrypted, and the metadata does not have the selector.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_3_ignores_a_selector_before_the_command() {
    let folder = Folder::new();
    let text = folder.sops(&["--encrypted-regex", "^text$", "encrypt", "--age", ALICE, "clear.yaml"]).succeeds();
    assert!(line(&text, "number").contains("ENC[") && !text.contains("encrypted_regex"), "{text}");
}

// 4

const CHANGE: &str = "sed -i s/one/two/ \"$1\"";

#[test]
fn ours_4_showing_the_recipients_keeps_what_was_typed() {
    let folder = Folder::new().with_editor(CHANGE);
    let ran = folder.edit(OURS, &["edit", "-s", "a.yaml"]);
    assert!(ran.code == Some(0) && ran.stderr.contains(ALICE), "{ran:?}");
    assert_eq!(folder.ours(&["get", "a.yaml", "text"]).succeeds(), "two");
}

/// Exit code 0, and the file has what it had before.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_4_throws_away_what_was_typed_when_it_shows_the_recipients() {
    let folder = Folder::new().with_editor(CHANGE);
    let before = folder.read("a.yaml");
    folder.edit(sops(), &["edit", "-s", "a.yaml"]).succeeds();
    assert_eq!(folder.ours(&["get", "a.yaml", "text"]).succeeds(), "one");
    folder.edit(sops(), &["edit", "a.yaml"]).succeeds();
    assert_ne!(folder.read("a.yaml"), before, "without -s it is kept");
    assert_eq!(folder.ours(&["get", "a.yaml", "text"]).succeeds(), "two");
}

// 5

const BREAK: &str = "echo started >> starts; echo 'not: [yaml' >> \"$1\"";

#[test]
fn ours_5_without_anybody_to_ask_the_editor_is_opened_once() {
    let folder = Folder::new().with_editor(BREAK);
    folder.edit(OURS, &["edit", "a.yaml"]).refuses(1, "not valid YAML");
    assert_eq!(folder.read("starts"), "started\n");
}

/// It asks to press enter, and takes a standard input that is closed for the answer: some thousand editors in two seconds.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_5_opens_the_editor_without_end_when_nobody_can_answer() {
    let folder = Folder::new().with_editor(BREAK);
    let _running = folder.start(sops(), &["edit", "a.yaml"]);
    wait_until(|| fs::read_to_string(folder.path("starts")).unwrap_or_default().lines().count() > 20);
}

// 6

/// What makes an edit fail, and what mends the text.
const FAILURES: [(&str, &str); 2] = [
    ("sed -i s/one/two/ \"$1\"; exit 3", "true"),
    (
        "sed -i 's/one/two/; s/number: 1/number: 18446744073709551615/' \"$1\"",
        "sed -i 's/number: .*/number: 1/' \"$1\"",
    ),
];

#[test]
fn ours_6_what_was_typed_survives_the_editor_and_what_comes_after_it() {
    for (fails, mends) in FAILURES {
        let folder = Folder::new().with_editor(fails);
        let before = folder.read("a.yaml");
        let ran = folder.edit(OURS, &["edit", "a.yaml"]);
        assert!(ran.code != Some(0) && ran.stderr.contains("what was typed is kept, encrypted, in "), "{ran:?}");
        assert_eq!(folder.read("a.yaml"), before);
        assert_eq!(folder.in_clear("two"), Vec::<PathBuf>::new());
        folder.write("editor.sh", mends).edit(OURS, &["edit", "--resume", "a.yaml"]).succeeds();
        assert_eq!(folder.ours(&["get", "a.yaml", "text"]).succeeds(), "two");
    }
}

/// Exit codes 201 and 23 (`unknown type: uint64`), and the temporary file is removed: what was typed is nowhere.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_6_loses_what_was_typed_when_the_editor_or_the_encryption_fails() {
    for ((fails, _), code) in FAILURES.into_iter().zip([201, 23]) {
        let folder = Folder::new().with_editor(fails);
        assert_eq!(folder.edit(sops(), &["edit", "a.yaml"]).code, Some(code));
        assert_eq!(folder.ours(&["get", "a.yaml", "text"]).succeeds(), "one");
        assert_eq!(folder.in_clear("two"), Vec::<PathBuf>::new());
        assert_eq!(fs::read_dir(folder.path("scratch")).unwrap().count(), 0);
    }
}

// 7

const WAIT: &str = "echo ready > ready; exec sleep 60";

/// Hangs up on an edit while its editor runs.
fn hang_up(folder: &Folder, tool: impl AsRef<Path>) {
    let mut running = folder.start(tool, &["edit", "a.yaml"]);
    wait_until(|| folder.path("ready").exists());
    assert_eq!(folder.in_clear("text: one").len(), 1, "the editor has a text");
    kill_process(Pid::from_child(&running.0), Signal::HUP).unwrap();
    running.0.wait().unwrap();
}

#[test]
fn ours_7_a_hangup_leaves_no_plaintext() {
    let folder = Folder::new().with_editor(WAIT);
    fs::remove_file(folder.path("clear.yaml")).unwrap();
    hang_up(&folder, OURS);
    assert_eq!(folder.in_clear("text: one"), Vec::<PathBuf>::new());
}

/// INT and TERM are answered, HUP is not: the temporary file stays.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_7_leaves_the_plaintext_when_it_is_hung_up() {
    let folder = Folder::new().with_editor(WAIT);
    fs::remove_file(folder.path("clear.yaml")).unwrap();
    hang_up(&folder, sops());
    assert_eq!(folder.in_clear("text: one").len(), 1);
}

// 8

#[test]
fn ours_8_decrypted_output_is_private() {
    let folder = Folder::new();
    folder.shell(OURS, "umask 022; \"$TOOL\" decrypt --output out.yaml a.yaml").succeeds();
    assert_eq!((folder.mode("out.yaml"), folder.read("out.yaml").as_str()), (0o600, CLEAR));
}

/// Plaintext for all users of the machine to read.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_8_writes_decrypted_output_for_all_to_read() {
    let folder = Folder::new();
    folder.shell(sops(), "umask 022; \"$TOOL\" decrypt --output out.yaml a.yaml").succeeds();
    assert_eq!(folder.mode("out.yaml"), 0o644);
}

// 9

/// A disk that takes no more than the first 512 bytes of a file, also for root.
const ROTATE_ON_A_FULL_DISK: &str = "trap '' XFSZ; ulimit -f 1; \"$TOOL\" rotate -i a.yaml";

#[test]
fn ours_9_a_write_that_fails_half_way_leaves_the_file_as_it_was() {
    let folder = Folder::new();
    let before = folder.read("a.yaml");
    let ran = folder.shell(OURS, ROTATE_ON_A_FULL_DISK);
    assert!(ran.stderr.contains("error: a.yaml: cannot be written"), "{}", ran.stderr);
    assert_eq!((ran.code, folder.read("a.yaml")), (Some(1), before));
}

/// The file is truncated, and then written for as long as there is space: what was there is lost.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_9_destroys_the_file_when_a_write_fails_half_way() {
    let folder = Folder::new();
    let before = folder.read("a.yaml");
    let ran = folder.shell(sops(), ROTATE_ON_A_FULL_DISK);
    assert_ne!(ran.code, Some(0));
    assert!(folder.read("a.yaml").len() < before.len());
    assert_ne!(folder.sops(&["decrypt", "a.yaml"]).code, Some(0));
}

// 10

#[test]
fn ours_10_an_empty_key_command_is_named_and_the_other_identities_are_used() {
    for command in ["", " "] {
        let mut folder = Folder::new().with("SOPS_AGE_KEY_CMD", command);
        assert_eq!(folder.ours(&["decrypt", "a.yaml"]).succeeds(), CLEAR, "{command:?}");
        folder.key_file = folder.path("none.txt");
        let ran = folder.ours(&["decrypt", "a.yaml"]);
        ran.refuses(128, "no identity opens it");
        assert!(ran.stderr.contains("SOPS_AGE_KEY_CMD: "), "{}", ran.stderr);
    }
}

#[test]
fn ours_10_a_path_that_leads_nowhere_is_refused() {
    let folder = Folder::new();
    folder.ours(&["decrypt", "--extract", "[\"text\"][\"x\"]", "a.yaml"]).refuses(1, "`text` is a single value");
    folder.ours(&["get", "a.yaml", "[\"text\"][\"x\"]"]).refuses(1, "`text` is a single value");
    folder.ours(&["get", "a.yaml", "[\"list\"][-1]"]).refuses(2, "not a path");
    folder.ours(&["set", "a.yaml", "[\"list\"][-1]", "\"y\""]).refuses(2, "not a path");
    folder.ours(&["get", "a.yaml", "[\"list\"][7]"]).refuses(1, "there is no `list[7]`");
}

/// There is no command that could go out of a list's range.
#[test]
fn ours_10_deleting_key_groups_is_no_command_yet() {
    let folder = Folder::new();
    folder.ours(&["groups", "delete", "-f", "a.yaml", "7"]).refuses(2, "unrecognized subcommand 'groups'");
}

/// A Go panic with its stack, exit code 2, each time.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_10_panics_on_an_empty_key_command_and_on_places_that_are_not_there() {
    Folder::new().with("SOPS_AGE_KEY_CMD", " ").sops(&["decrypt", "a.yaml"]).panicked();
    let folder = Folder::new();
    folder.sops(&["decrypt", "--extract", "[\"text\"][\"x\"]", "a.yaml"]).panicked();
    folder.sops(&["set", "a.yaml", "[\"list\"][-1]", "\"y\""]).panicked();
    folder.sops(&["groups", "delete", "-f", "a.yaml", "7"]).panicked();
}

// 11

#[test]
fn ours_11_a_number_picks_nothing_from_a_mapping() {
    let folder = Folder::new();
    folder.ours(&["decrypt", "--extract", "[0]", "a.yaml"]).refuses(1, "is a mapping");
}

/// The first pair of the mapping, as the structure in which `sops` holds it.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_11_prints_an_internal_structure_when_a_number_picks_from_a_mapping() {
    let folder = Folder::new();
    let text = folder.sops(&["decrypt", "--extract", "[0]", "a.yaml"]).succeeds();
    assert_eq!(text.trim_end(), "key: text\nvalue: one");
}

// 12

#[test]
fn ours_12_an_integer_stays_one_and_loses_no_digit() {
    let folder = Folder::new();
    for number in ["7", "9007199254740993", "-9223372036854775808"] {
        folder.ours(&["set", "a.yaml", "[\"number\"]", number]).succeeds();
        assert!(line(&folder.read("a.yaml"), "number").contains(",type:int]"), "{number}");
        assert_eq!(folder.ours(&["get", "a.yaml", "number"]).succeeds(), format!("{number}\n"));
    }
    let before = folder.read("a.yaml");
    folder.ours(&["set", "a.yaml", "number", "12345678901234567890"]).refuses(2, "beyond 64 bits");
    assert_eq!(folder.read("a.yaml"), before);
}

/// Every number of JSON is read as a float of 64 bits.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_12_sets_integers_as_floats_and_loses_digits() {
    let folder = Folder::new();
    let set = |number| {
        folder.sops(&["set", "a.yaml", "[\"number\"]", number]).succeeds();
        assert!(line(&folder.read("a.yaml"), "number").contains(",type:float]"), "{number}");
        folder.sops(&["decrypt", "--extract", "[\"number\"]", "a.yaml"]).succeeds().trim_end().to_owned()
    };
    assert_eq!(set("7"), "7");
    assert_eq!(set("9007199254740993"), "9.007199254740992e+15");
    assert_eq!(set("12345678901234567890"), "1.2345678901234567e+19");
}

// 13

/// `updatekeys` is `sync`. One recipient comes, and what is wrapped for the others stays; a value changes, and no wrapped
/// data key with it.
#[test]
fn ours_13_a_change_of_values_keeps_every_wrapped_data_key() {
    let folder = Folder::new();
    let both = format!("{ALICE},{BOB}");
    folder.write("a.yaml", &folder.ours(&["encrypt", "--age", &both, "clear.yaml"]).succeeds());
    folder.write("clear.yaml", &CLEAR.replace("one", "two"));
    let before = folder.read("a.yaml");
    let after = folder.ours(&["encrypt", "--onto", "a.yaml", "clear.yaml"]).succeeds();
    assert_ne!(line(&before, "text"), line(&after, "text"));
    assert_eq!((wrapped(&after).len(), wrapped(&after)), (2, wrapped(&before)));
    folder.ours(&["updatekeys", "a.yaml"]).refuses(2, "unrecognized subcommand 'updatekeys'");
    folder.write("a.yaml", &folder.ours(&["encrypt", "--age", ALICE, "clear.yaml"]).succeeds());
    let before = folder.read("a.yaml");
    folder.write(".sops.yaml", &format!("creation_rules:\n    - age: {both}\n"));
    folder.ours(&["sync", "a.yaml"]).succeeds();
    let after = folder.read("a.yaml");
    assert_eq!((wrapped(&after).len(), &wrapped(&after)[..1]), (2, &wrapped(&before)[..]));
}

/// One recipient goes, and the data key is wrapped anew for the one that stays too.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_13_wraps_the_data_key_anew_for_recipients_that_stay() {
    let folder = Folder::new();
    let both = format!("{ALICE},{BOB}");
    folder.write("a.yaml", &folder.sops(&["encrypt", "--age", &both, "clear.yaml"]).succeeds());
    folder.write(".sops.yaml", &format!("creation_rules:\n    - age: {ALICE}\n"));
    let before = folder.read("a.yaml");
    folder.sops(&["updatekeys", "-y", "a.yaml"]).succeeds();
    let after = folder.read("a.yaml");
    assert_eq!((recipients(&before), recipients(&after)), (vec![ALICE, BOB], vec![ALICE]));
    assert_eq!(line(&before, "text"), line(&after, "text"), "the data key is the same");
    assert_ne!(wrapped(&before)[0], wrapped(&after)[0]);
}

// 14

/// A policy with a rule for other files only.
fn policy_for_others() -> String {
    format!("creation_rules:\n    - path_regex: ^others/\n      age: {BOB}\n")
}

#[test]
fn ours_14_recipients_that_are_named_need_no_rule() {
    let folder = Folder::new();
    folder.write(".sops.yaml", &policy_for_others());
    let text = folder.ours(&["encrypt", "--age", ALICE, "clear.yaml"]).succeeds();
    assert_eq!(recipients(&text), [ALICE]);
}

/// `error loading config: no matching creation rules found`, although none is needed.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_14_refuses_named_recipients_where_no_rule_matches() {
    let folder = Folder::new();
    folder.write(".sops.yaml", &policy_for_others());
    let ran = folder.sops(&["encrypt", "--age", ALICE, "clear.yaml"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("no matching creation rules found"), "{ran:?}");
}

// 15

#[test]
fn ours_15_a_malformed_policy_does_not_keep_anybody_from_decrypting() {
    let folder = Folder::new();
    folder.write(".sops.yaml", "creation_rules: [\n");
    assert_eq!(folder.ours(&["decrypt", "a.yaml"]).succeeds(), CLEAR);
    folder.ours(&["encrypt", "clear.yaml"]).refuses(1, ".sops.yaml");
}

/// `error loading config: Could not unmarshal config file`, although nothing of it is needed.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_15_cannot_decrypt_next_to_a_malformed_policy() {
    let folder = Folder::new();
    folder.write(".sops.yaml", "creation_rules: [\n");
    let ran = folder.sops(&["decrypt", "a.yaml"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("Could not unmarshal config file"), "{ran:?}");
}

// 16

/// A folder whose key file has a bad line after alice's identity.
fn with_bad_line() -> Folder {
    let mut folder = Folder::new();
    folder.write("keys.txt", &format!("{}nonsense\n", fs::read_to_string(KEY_FILE).unwrap()));
    folder.key_file = folder.path("keys.txt");
    folder
}

#[test]
fn ours_16_a_bad_line_does_not_hide_the_other_identities_of_its_file() {
    let folder = with_bad_line();
    assert_eq!(folder.ours(&["decrypt", "a.yaml"]).succeeds(), CLEAR);
    let text = folder.ours(&["encrypt", "--age", BOB, "clear.yaml"]).succeeds();
    let ran = folder.write("b.yaml", &text).ours(&["decrypt", "b.yaml"]);
    ran.refuses(128, "no identity opens it");
    assert!(ran.stderr.contains(&format!("found the identities of {ALICE}")), "{}", ran.stderr);
    assert!(ran.stderr.contains("line 4") && !ran.stderr.contains("nonsense"), "{}", ran.stderr);
}

/// `failed to load age identities`: the good one before the bad line is not tried.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_16_drops_all_identities_of_a_file_with_a_bad_line() {
    let ran = with_bad_line().sops(&["decrypt", "a.yaml"]);
    assert!(ran.code == Some(128) && ran.stderr.contains("failed to load age identities"), "{ran:?}");
}

// 17

const COMMENT_IN_LIST: &str = "list:\n    # why\n    - x\n";

#[test]
fn ours_17_comments_in_lists_come_back() {
    let folder = Folder::new();
    folder.write("clear.yaml", COMMENT_IN_LIST);
    folder.write("a.yaml", &folder.ours(&["encrypt", "--age", ALICE, "clear.yaml"]).succeeds());
    assert!(!folder.read("a.yaml").contains("why"));
    assert_eq!(folder.ours(&["decrypt", "a.yaml"]).succeeds(), COMMENT_IN_LIST);
}

/// `MAC mismatch`, exit code 51, over what it has just encrypted itself
/// (<https://github.com/getsops/sops/issues/2243>).
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_17_cannot_read_its_own_comments_in_lists_and_we_can() {
    let folder = Folder::new();
    folder.write("clear.yaml", COMMENT_IN_LIST);
    folder.write("a.yaml", &folder.sops(&["encrypt", "--age", ALICE, "clear.yaml"]).succeeds());
    let ran = folder.sops(&["decrypt", "a.yaml"]);
    assert!(ran.code == Some(51) && ran.stderr.contains("MAC mismatch"), "{ran:?}");
    assert_eq!(folder.ours(&["decrypt", "a.yaml"]).succeeds(), COMMENT_IN_LIST);
}

// 18

#[test]
fn ours_18_adding_who_is_there_and_removing_who_is_not_are_errors() {
    let folder = Folder::new();
    let before = folder.read("a.yaml");
    folder.ours(&["rotate", "-i", "--add-age", ALICE, "a.yaml"]).refuses(1, "is a recipient of the file already");
    folder.ours(&["rotate", "-i", "--rm-age", BOB, "a.yaml"]).refuses(1, "is not a recipient of the file");
    assert_eq!(folder.read("a.yaml"), before);
}

/// The first is in the list twice afterwards, and of the second nothing is said.
#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn sops_18_adds_who_is_there_twice_and_says_nothing_of_who_is_not() {
    let folder = Folder::new();
    let text = folder.sops(&["rotate", "--add-age", ALICE, "a.yaml"]).succeeds();
    assert_eq!(recipients(&text), [ALICE, ALICE]);
    let ran = folder.sops(&["rotate", "--rm-age", BOB, "a.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(recipients(&ran.stdout), [ALICE]);
}
