//! The keyring for real: gnome-keyring-daemon on a D-Bus session of its own, with a home of its own. Both programs have
//! to be there: `cargo test --test keyring -- --ignored`.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test fails by panicking, and starts programs as anybody would"
)]

#[path = "support/private_parts.rs"]
mod private_parts;
#[path = "support/memory.rs"]
mod process_memory;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use age::{Encryptor, scrypt, secrecy::SecretString};
use assert_fs::TempDir;
use expectrl::Expect as _;
use private_parts::parts_of_line;
use process_memory::find_in_memory;

const ALICE: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";
const BOB: &str = "age1n6an6d5ygpj2p50pm0p03rtvymh4rrv6vvaznv2ya2ej9js8nfusp33tur";
const PASSPHRASE: &str = "battery staple";
const PASSWORD: &str = "correct horse";

/// A home with a session bus and, once it is started, a keyring. Nothing of whoever runs the tests is seen or touched.
struct Desk {
    root: TempDir,
    bus: Child,
    keyring: Option<Child>,
}

/// What a run gave.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    /// With `ROOT` in the place of the desk's directory.
    stderr: String,
}

impl Desk {
    /// With a keyring that is unlocked.
    fn new() -> Self {
        let mut desk = Self::with_bus_only();
        desk.start_keyring("--unlock");
        desk
    }

    fn with_bus_only() -> Self {
        let root = TempDir::new().unwrap();
        for directory in ["home", "run"] {
            fs::create_dir(root.path().join(directory)).unwrap();
            fs::set_permissions(root.path().join(directory), fs::Permissions::from_mode(0o700)).unwrap();
        }
        // Nothing is started by this bus on its own.
        let configuration = format!(
            "<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context='default'><allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/>\
             <allow own='*'/></policy></busconfig>",
            root.path().join("bus").display()
        );
        fs::write(root.path().join("bus.conf"), configuration).unwrap();
        let bus = world(Command::new("dbus-daemon"), root.path())
            .args(["--config-file=bus.conf", "--nofork", "--nopidfile"])
            .stderr(Stdio::null())
            .spawn()
            .expect("`dbus-daemon` has to be on PATH");
        let desk = Self { root, bus, keyring: None };
        wait_until("the bus", || desk.path("bus").exists());
        desk
    }

    /// Starts the daemon. With `--unlock` it makes the keyring if there is none.
    fn start_keyring(&mut self, how: &str) {
        let mut daemon = world(Command::new("gnome-keyring-daemon"), self.root.path())
            .args(["--foreground", "--components=secrets", how])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`gnome-keyring-daemon` has to be on PATH");
        daemon.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        self.keyring = Some(daemon);
        wait_until("the keyring", || self.owns_name());
    }

    /// Ends the daemon and starts it again without its password.
    fn lock(&mut self) {
        let mut daemon = self.keyring.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        wait_until("the end of the keyring", || !self.owns_name());
        self.start_keyring("--start");
    }

    fn owns_name(&self) -> bool {
        let asked = world(Command::new("dbus-send"), self.root.path())
            .args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"])
            .args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"])
            .output()
            .expect("`dbus-send` has to be on PATH");
        String::from_utf8_lossy(&asked.stdout).contains("boolean true")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        fs::write(self.path(path), text).unwrap();
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = world(Command::new(env!("CARGO_BIN_EXE_secrets")), self.root.path());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.ran(&mut self.command(arguments))
    }

    fn ran(&self, command: &mut Command) -> Ran {
        let output = command.output().unwrap();
        let root = self.root.path().to_str().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(root, "ROOT");
        Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs what has to succeed without a word, and gives back what it printed.
    #[track_caller]
    fn runs(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments:?}");
        ran.stdout
    }

    /// Makes an identity in the keyring, and gives back its recipient.
    fn make_identity(&self) -> String {
        let ran = self.run(&["identity", "new", "--keyring"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
        ran.stderr.trim().strip_prefix("Public key: ").unwrap().to_owned()
    }

    /// Runs it on a terminal, where `answer` is typed to `question`; gives back the exit code and what was shown.
    fn run_on_terminal(&self, arguments: &[&str], question: &str, answer: &str) -> (i32, String) {
        let mut session = expectrl::Session::spawn(self.command(arguments)).unwrap();
        session.set_expect_timeout(Some(Duration::from_secs(120)));
        session.expect(question).unwrap();
        session.send_line(answer).unwrap();
        let shown = session.expect(expectrl::Eof).unwrap();
        let shown = String::from_utf8_lossy(shown.as_bytes()).into_owned();
        let status = session.get_process().wait().unwrap();
        let expectrl::process::unix::WaitStatus::Exited(_, code) = status else { panic!("{status:?}") };
        (code, shown)
    }

    /// Writes `text` encrypted with a passphrase, as `age -p` does.
    fn write_encrypted(&self, name: &str, text: &str) {
        let mut recipient = scrypt::Recipient::new(SecretString::from(PASSPHRASE));
        recipient.set_work_factor(10);
        let mut file = Vec::new();
        let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as _)).unwrap();
        let mut writer = encryptor.wrap_output(&mut file).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        writer.finish().unwrap();
        fs::write(self.path(name), file).unwrap();
    }

    /// An encrypted file for `recipients`.
    #[track_caller]
    fn seal(&self, name: &str, recipients: &[&str]) -> &Self {
        self.write(name, "a: open sesame\n");
        self.runs(&["encrypt", "-i", "--age", &recipients.join(","), name]);
        self
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for child in self.keyring.iter_mut().chain([&mut self.bus]) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Nothing of the environment of whoever runs the tests but where programs are.
fn world(mut command: Command, root: &Path) -> Command {
    command
        .current_dir(root)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", root.join("home"))
        .env("XDG_RUNTIME_DIR", root.join("run"))
        .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", root.join("bus").display()));
    command
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(120), "{what} did not come");
        sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs gnome-keyring-daemon"]
fn an_identity_of_the_keyring_opens_what_is_for_it_and_is_written_nowhere_else() {
    let desk = Desk::new();
    let recipient = desk.make_identity();
    desk.seal("a.yaml", &[&recipient]);
    assert_eq!(desk.runs(&["decrypt", "a.yaml"]), "a: open sesame\n");
    let mut open = vec![desk.root.path().to_owned()];
    while let Some(directory) = open.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.is_file() {
                let content = fs::read(&path).unwrap();
                assert!(!content.windows(14).any(|part| part == b"AGE-SECRET-KEY"), "{}", path.display());
            }
        }
    }
}

#[test]
#[ignore = "needs gnome-keyring-daemon"]
fn an_identity_is_removed_once_that_is_confirmed() {
    let desk = Desk::new();
    let recipient = desk.make_identity();
    let other = desk.make_identity();
    desk.seal("a.yaml", &[&recipient]);
    let ran = desk.run(&["identity", "remove", "age1x", "--yes"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("secrets: error: the keyring: no identity of age1x\n"), "{}", ran.stderr);
    let ran = desk.run(&["identity", "remove", &recipient, "--yes"]);
    assert_eq!((ran.code, ran.stderr), (0, format!("Removed: {recipient}\n")));
    assert_eq!(desk.run(&["decrypt", "a.yaml"]).code, 128);
    assert_eq!(desk.run(&["identity", "remove", &recipient, "--yes"]).code, 1);
    desk.seal("b.yaml", &[&other]).runs(&["decrypt", "b.yaml"]);
    let (code, shown) = desk.run_on_terminal(&["identity", "remove", &other], "[y/N] ", "");
    assert!(code == 1 && shown.contains("nothing was removed"), "{code} {shown}");
    desk.runs(&["decrypt", "b.yaml"]);
    let (code, shown) = desk.run_on_terminal(&["identity", "remove", &other], "[y/N] ", "y");
    assert!(code == 0 && shown.contains(&format!("Removed: {other}")), "{code} {shown}");
    let kept = desk.make_identity();
    let mut without_terminal = world(Command::new("setsid"), desk.root.path());
    without_terminal.args(["--wait", env!("CARGO_BIN_EXE_secrets"), "identity", "remove", &kept]).stdin(Stdio::null());
    let ran = desk.ran(&mut without_terminal);
    let told = "secrets: error: an identity is not removed without being asked\nsecrets: hint: confirm it on a \
                terminal, or with --yes\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, told));
    assert_eq!(desk.runs(&["identity", "list"]), format!("{kept}  the keyring\n"));
}

#[test]
#[ignore = "needs gnome-keyring-daemon"]
fn a_locked_keyring_is_told_of_once_and_only_where_the_file_needs_it() {
    let mut desk = Desk::new();
    let recipient = desk.make_identity();
    let key = fixture("keys/alice.txt");
    fs::create_dir_all(desk.path("home/.config/sops/age")).unwrap();
    desk.write("home/.config/sops/age/keys.txt", &key);
    desk.seal("a.yaml", &[&recipient]).seal("mine.yaml", &[ALICE]).seal("theirs.yaml", &[BOB]);
    desk.lock();
    assert_eq!(desk.runs(&["decrypt", "mine.yaml"]), "a: open sesame\n");
    let start = Instant::now();
    let ran = desk.run(&["decrypt", "a.yaml"]);
    assert_eq!(ran.code, 128);
    assert!(ran.stderr.contains("the keyring: is locked, and was not unlocked"), "{}", ran.stderr);
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
    let ran = desk.run(&["decrypt", "theirs.yaml"]);
    assert!(ran.code == 128 && !ran.stderr.contains("locked"), "{}", ran.stderr);
    let ran = desk.run(&["identity", "list"]);
    assert!(ran.code == 0 && ran.stdout.starts_with(ALICE), "{}", ran.stdout);
    assert!(ran.stderr.starts_with("secrets: warning: the keyring: is locked, and was not unlocked"), "{}", ran.stderr);
}

#[test]
#[ignore = "needs dbus-daemon"]
fn a_session_without_a_keyring_is_told_of_only_where_the_file_needs_it() {
    let desk = Desk::with_bus_only();
    desk.seal("theirs.yaml", &[BOB]);
    let ran = desk.run(&["decrypt", "theirs.yaml"]);
    assert_eq!(ran.code, 128);
    assert!(ran.stderr.contains("problems: the keyring: cannot be reached: "), "{}", ran.stderr);
}

#[test]
#[ignore = "needs gnome-keyring-daemon"]
fn a_file_of_several_identities_is_imported_and_stays() {
    let desk = Desk::new();
    desk.write("keys.txt", &format!("{}{}", fixture("keys/alice.txt"), fixture("keys/bob.txt")));
    desk.seal("a.yaml", &[ALICE]).seal("b.yaml", &[BOB]);
    let ran = desk.run(&["identity", "import", "keys.txt", "--keyring"]);
    let told = format!(
        "Kept in the keyring: {ALICE}\nKept in the keyring: {BOB}\nsecrets: hint: keys.txt is still there: once a \
         backup is safe, remove it with `shred -u` or `rm`\n"
    );
    assert_eq!((ran.code, ran.stderr, ran.stdout), (0, told, String::new()));
    assert!(desk.path("keys.txt").exists());
    for file in ["a.yaml", "b.yaml"] {
        assert_eq!(desk.runs(&["decrypt", file]), "a: open sesame\n");
    }
    let mut listed = [format!("{ALICE}  the keyring"), format!("{BOB}  the keyring")];
    listed.sort();
    assert_eq!(desk.runs(&["identity", "list"]), format!("{}\n", listed.join("\n")));
    // Again changes nothing.
    assert_eq!(desk.run(&["identity", "import", "keys.txt", "--keyring"]).code, 0);
    assert_eq!(desk.runs(&["identity", "list"]).lines().count(), 2);
}

#[test]
#[ignore = "needs gnome-keyring-daemon"]
fn standard_input_is_imported_and_what_is_no_identity_is_told() {
    let desk = Desk::new();
    fs::write(desk.path("in.txt"), format!("{}nonsense\n", fixture("keys/alice.txt"))).unwrap();
    let mut command = desk.command(&["identity", "import", "-", "--keyring"]);
    let ran = desk.ran(command.stdin(fs::File::open(desk.path("in.txt")).unwrap()));
    let told = format!(
        "Kept in the keyring: {ALICE}\nsecrets: error: standard input: line 4: not an age identity; this was not \
         imported\n"
    );
    assert_eq!((ran.code, ran.stderr), (1, told));
    desk.seal("a.yaml", &[ALICE]).runs(&["decrypt", "a.yaml"]);
}

#[test]
#[ignore = "needs gnome-keyring-daemon"]
fn an_ssh_key_is_imported_and_found_whatever_its_comment() {
    let desk = Desk::new();
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "me@host", "-f"])
        .arg(desk.path("id"))
        .status()
        .expect("`ssh-keygen` has to be on PATH");
    assert!(made.success());
    let recipient = fs::read_to_string(desk.path("id.pub")).unwrap();
    desk.seal("a.yaml", &[recipient.trim()]);
    assert_eq!(desk.run(&["decrypt", "a.yaml"]).code, 128);
    let ran = desk.run(&["identity", "import", "id", "--keyring"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(desk.runs(&["decrypt", "a.yaml"]), "a: open sesame\n");
    let test = desk.runs(&["identity", "test", "a.yaml"]);
    assert!(test.starts_with("ssh-ed25519 …") && test.ends_with("  held: the keyring\nit opens\n"), "{test}");
}

#[test]
#[ignore = "needs gnome-keyring-daemon"]
fn an_encrypted_file_is_imported_with_its_passphrase() {
    let desk = Desk::new();
    desk.write_encrypted("keys.age", &fixture("keys/alice.txt"));
    desk.seal("a.yaml", &[ALICE]);
    let (code, shown) = desk.run_on_terminal(&["identity", "import", "keys.age", "--keyring"], ": ", PASSPHRASE);
    assert!(code == 0 && shown.contains(&format!("Kept in the keyring: {ALICE}")), "{code} {shown}");
    assert!(!shown.contains(PASSPHRASE));
    assert_eq!(desk.runs(&["decrypt", "a.yaml"]), "a: open sesame\n");
}

#[test]
#[ignore = "needs gnome-keyring-daemon"]
fn a_passphrase_is_remembered_when_asked_to_and_until_it_is_forgotten() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("home/.config/sops/age")).unwrap();
    let file = "home/.config/sops/age/keys.txt";
    desk.write_encrypted(file, &fixture("keys/alice.txt"));
    desk.seal("a.yaml", &[ALICE]);
    let (code, shown) = desk.run_on_terminal(&["decrypt", "a.yaml"], ": ", PASSPHRASE);
    assert!(code == 0 && shown.contains("open sesame"), "{code} {shown}");
    assert_eq!(desk.run(&["decrypt", "a.yaml"]).code, 128, "a passphrase is not kept without being asked");
    let (code, shown) = desk.run_on_terminal(&["identity", "remember", file], ": ", PASSPHRASE);
    assert!(code == 0 && shown.contains("Kept in the keyring: the passphrase of home/"), "{code} {shown}");
    assert_eq!(desk.runs(&["decrypt", "a.yaml"]), "a: open sesame\n");
    let ran = desk.run(&["identity", "list"]);
    assert_eq!(ran.stdout, "", "a passphrase is no identity");
    let ran = desk.run(&["identity", "remember", "--forget", file]);
    assert_eq!((ran.code, ran.stderr), (0, format!("Forgotten: the passphrase of {file}\n")));
    assert_eq!(desk.run(&["decrypt", "a.yaml"]).code, 128);
    assert_eq!(desk.run(&["identity", "remember", "--forget", file]).code, 1);
}

#[test]
#[ignore = "needs gnome-keyring-daemon"]
fn an_ssh_key_with_a_passphrase_is_not_imported_and_its_passphrase_can_be_remembered() {
    let desk = Desk::new();
    let file = "home/.ssh/id_ed25519";
    fs::create_dir_all(desk.path("home/.ssh")).unwrap();
    desk.write(file, &fixture("keys/ssh_ed25519_passphrase"));
    desk.write("both.txt", &format!("{}{}", fixture("keys/alice.txt"), fixture("keys/ssh_ed25519_passphrase")));
    let told = "an SSH key with a passphrase, which stays as it is in its file";
    let hint = "secrets: hint: `secrets identity remember FILE` keeps its passphrase in the keyring; the key is found as \
                SOPS_AGE_SSH_PRIVATE_KEY_FILE, ~/.ssh/id_ed25519 or ~/.ssh/id_rsa\n";
    let ran = desk.run(&["identity", "import", file, "--keyring"]);
    assert_eq!((ran.code, ran.stderr), (1, format!("secrets: error: {file}: line 1: {told}\n{hint}")));
    let ran = desk.run(&["identity", "import", "both.txt", "--keyring"]);
    let kept = format!("Kept in the keyring: {ALICE}\n");
    let expected = format!("{kept}secrets: error: both.txt: line 4: {told}; this was not imported\n{hint}");
    assert_eq!((ran.code, ran.stderr), (1, expected));
    desk.seal("a.yaml", &[fixture("keys/ssh_ed25519_passphrase.pub").trim()]);
    assert_eq!(desk.run(&["decrypt", "a.yaml"]).code, 128);
    let (code, shown) = desk.run_on_terminal(&["identity", "remember", file], ": ", "test-passphrase");
    assert!(code == 0 && shown.contains("Kept in the keyring: the passphrase of home/"), "{code} {shown}");
    assert_eq!(desk.runs(&["decrypt", "a.yaml"]), "a: open sesame\n");
}

#[test]
#[ignore = "needs gnome-keyring-daemon"]
fn a_passphrase_that_changed_since_is_asked_for() {
    let desk = Desk::new();
    desk.write_encrypted("keys.age", &fixture("keys/alice.txt"));
    let (code, shown) = desk.run_on_terminal(&["identity", "remember", "keys.age"], ": ", PASSPHRASE);
    assert_eq!(code, 0, "{shown}");
    let mut recipient = scrypt::Recipient::new(SecretString::from("another"));
    recipient.set_work_factor(10);
    let file = age::encrypt(&recipient, fixture("keys/alice.txt").as_bytes()).unwrap();
    fs::write(desk.path("keys.age"), file).unwrap();
    desk.seal("a.yaml", &[ALICE]);
    let mut command = desk.command(&["decrypt", "a.yaml"]);
    let ran = desk.ran(command.env("SOPS_AGE_KEY_FILE", "keys.age"));
    assert_eq!(ran.code, 128, "{}", ran.stderr);
}

#[test]
#[ignore = "needs gnome-keyring-daemon"]
fn many_threads_and_files_ask_once_for_each_recipient() {
    let desk = Desk::new();
    let recipients: Vec<String> = (0..3).map(|_| desk.make_identity()).collect();
    fs::create_dir(desk.path("files")).unwrap();
    for number in 0..60 {
        desk.seal(&format!("files/{number}.yaml"), &[&recipients[number % 3]]);
    }
    let mut monitor = world(Command::new("dbus-monitor"), desk.root.path())
        .args(["--session", "type='method_call',member='SearchItems'"])
        .stdout(fs::File::create(desk.path("calls")).unwrap())
        .spawn()
        .expect("`dbus-monitor` has to be on PATH");
    let calls = || fs::read_to_string(desk.path("calls")).unwrap().matches("member=SearchItems").count();
    wait_until("the monitor", || !fs::read_to_string(desk.path("calls")).unwrap().is_empty());
    sleep(Duration::from_millis(300));
    desk.runs(&["verify", "--decrypt", "files"]);
    wait_until("the calls", || calls() >= 3);
    sleep(Duration::from_millis(300));
    let counted = calls();
    monitor.kill().unwrap();
    monitor.wait().unwrap();
    assert_eq!(counted, 3);
}

#[test]
#[ignore = "needs dbus-daemon"]
fn nothing_connects_to_the_bus_when_a_cheap_identity_opens_the_file() {
    let desk = Desk::with_bus_only();
    desk.seal("a.yaml", &[ALICE]);
    fs::remove_file(desk.path("bus")).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(desk.path("bus")).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut command = desk.command(&["decrypt", "a.yaml"]);
    let ran = desk.ran(command.env("SOPS_AGE_KEY", fixture("keys/alice.txt").lines().last().unwrap()));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "a: open sesame\n"), "{}", ran.stderr);
    assert!(listener.accept().is_err(), "the bus was connected to");
    // And where it is connected to and does not answer, that is told in time.
    let start = Instant::now();
    let ran = desk.run(&["decrypt", "a.yaml"]);
    assert!(ran.code == 128 && ran.stderr.contains("the keyring: gave no answer within 5 s"), "{}", ran.stderr);
    assert!(listener.accept().is_ok());
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
}

#[test]
#[ignore = "needs gnome-keyring-daemon, and root"]
fn of_an_identity_in_the_keyring_one_copy_is_left_in_memory() {
    let desk = Desk::new();
    let long: String = (0..9000).map(|number| format!("  line {number} of a long text\n")).collect();
    desk.write("a.yaml", &format!("long: |\n{long}")).write("keys.txt", &fixture("keys/alice.txt"));
    desk.runs(&["encrypt", "-i", "--age", ALICE, "a.yaml"]);
    assert_eq!(desk.run(&["identity", "import", "keys.txt", "--keyring"]).code, 0);
    let mut command = desk.command(&["get", "a.yaml", "long"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let wchan = || fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
    wait_until("the full pipe", || wchan().contains("pipe"));
    let identity = fixture("keys/alice.txt");
    let parts = parts_of_line(identity.lines().last().unwrap());
    let mut found: Vec<(&str, Vec<String>)> =
        parts.iter().map(|(name, bytes)| (*name, find_in_memory(pid, &bytes[bytes.len() / 2..]))).collect();
    found.retain(|(_, places)| !places.is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    // It is kept for the run.
    assert_eq!(found, [("bytes", vec!["[heap]".to_owned()])]);
}

fn fixture(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)).unwrap()
}
