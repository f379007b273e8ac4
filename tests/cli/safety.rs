//! What holds whatever happens: killed, on a full disk, without a right, with a text that cannot be read.

#![expect(clippy::indexing_slicing, reason = "the files of a crowd are numbers below FILES")]

use std::{
    io::Read as _,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, symlink},
        process::ExitStatusExt as _,
    },
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use super::*;

/// The user that has no rights.
const NOBODY: u32 = 65_534;
/// Files per kill.
const FILES: usize = 200;
/// Kills at equal distances over the time that the work lasts, and as many once the first file is replaced.
const KILLS: u32 = 12;

/// The mode of the files that are worked on. What a kill leaves is private or, once it is complete, of this mode.
const OLD_MODE: u32 = 0o640;

/// A value in clear that is in no key, and in no error.
const MARKER: &str = "hunter2Marker";

/// Many files that are worked on until the kill comes.
struct Crowd {
    world: World,
    clear: Vec<String>,
    sealed: Vec<String>,
}

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    After(Duration),
    FirstReplaced,
}

impl Crowd {
    fn new() -> Self {
        let world = World::new();
        let clear: Vec<String> = (0..FILES).map(|number| format!("name: {MARKER}\nnumber: {number}\n")).collect();
        world.write(".sops.yaml", &format!("creation_rules: [{{age: {ALICE}}}]\n"));
        let mut crowd = Self { world, clear, sealed: Vec::new() };
        crowd.put(&crowd.clear);
        let names: Vec<String> = (0..FILES).map(name).collect();
        let arguments: Vec<&str> = ["encrypt", "-i"].into_iter().chain(names.iter().map(String::as_str)).collect();
        crowd.world.runs(&arguments);
        crowd.sealed = crowd.texts();
        crowd
    }

    fn put(&self, texts: &[String]) {
        for (number, text) in texts.iter().enumerate() {
            self.world.write(&name(number), text);
            fs::set_permissions(self.world.path(&name(number)), fs::Permissions::from_mode(OLD_MODE)).unwrap();
        }
    }

    fn texts(&self) -> Vec<String> {
        (0..FILES).map(|number| self.world.read(&name(number))).collect()
    }

    fn start(&self, command: &str) -> Child {
        let mut started = std::process::Command::new(env!("CARGO_BIN_EXE_secrets"));
        started.current_dir(self.world.root.path()).env_clear().env("HOME", self.world.path("home"));
        started.args([command, "-i"]).args((0..FILES).map(name));
        started.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Runs `command` over all files and kills it; whether it was still running.
    fn kill(&self, command: &str, moment: Moment) -> bool {
        let first = || fs::metadata(self.world.path(&name(0))).unwrap().ino();
        let before = first();
        let mut child = self.start(command);
        match moment {
            Moment::After(pause) => std::thread::sleep(pause),
            Moment::FirstReplaced => while first() == before && child.try_wait().unwrap().is_none() {},
        }
        child.kill().unwrap();
        child.wait().unwrap().signal() == Some(9)
    }

    /// Removes what a killed run left beside the files, which has to have the name, the mode and the content for that.
    fn sweep(&self, command: &str) -> usize {
        let left = self.world.snapshot().into_iter().filter(|(path, _)| is_left_over(path));
        let left: Vec<_> = left.collect();
        for (path, (mode, content)) in &left {
            assert!([0o600, OLD_MODE].contains(mode), "{}: {mode:o}", path.display());
            let is_clear = content.windows(MARKER.len()).any(|bytes| bytes == MARKER.as_bytes());
            assert!(command == "decrypt" || !is_clear, "{} holds plaintext", path.display());
            fs::remove_file(path).unwrap();
        }
        assert_eq!(fs::read_dir(self.world.path("many")).unwrap().count(), FILES, "a file too many or too few");
        left.len()
    }

    /// Opens copies of `new`, which are files by their numbers, and compares them with what they were in clear.
    fn check_opens(&self, new: &[(usize, String)]) {
        if new.is_empty() {
            return;
        }
        for (number, text) in new {
            self.world.write(&format!("copies/{number}.yaml"), text);
        }
        self.world.runs(&["decrypt", "-i", "copies"]);
        for (number, _) in new {
            assert_eq!(self.world.read(&format!("copies/{number}.yaml")), self.clear[*number]);
        }
        fs::remove_dir_all(self.world.path("copies")).unwrap();
    }
}

fn name(number: usize) -> String {
    format!("many/{number:03}.yaml")
}

fn is_left_over(path: &Path) -> bool {
    gitops_secrets::base::files::is_leftover_name(path.file_name().unwrap())
}

/// Kills `command` many times; every file is the old or the new one each time, and opens.
#[track_caller]
fn check_kills(command: &str) {
    let crowd = Crowd::new();
    let old = if command == "encrypt" { crowd.clear.clone() } else { crowd.sealed.clone() };
    crowd.put(&old);
    let start = Instant::now();
    assert!(crowd.start(command).wait().unwrap().success());
    let lasts = start.elapsed();
    let (mut kills, mut leftovers) = (0, 0);
    let moments = (0..KILLS).map(|step| Moment::After(lasts * step / KILLS));
    for moment in moments.chain((0..KILLS).map(|_| Moment::FirstReplaced)) {
        crowd.put(&old);
        kills += u32::from(crowd.kill(command, moment));
        leftovers += crowd.sweep(command);
        let mut new: Vec<(usize, String)> = crowd.texts().into_iter().enumerate().collect();
        new.retain(|(number, text)| *text != old[*number]);
        if command == "decrypt" {
            new.retain(|(number, text)| *text != crowd.clear[*number]);
            assert_eq!(new, [], "{moment:?}: neither the old nor the new files");
        }
        crowd.check_opens(&new);
    }
    assert!(
        kills >= KILLS / 2 && leftovers > 0,
        "the kills came too late: {kills}, and {leftovers} files were left over"
    );
}

#[test]
fn a_killed_rotation_leaves_every_file_whole() {
    check_kills("rotate");
}

#[test]
fn a_killed_decryption_leaves_every_file_whole() {
    check_kills("decrypt");
}

#[test]
fn a_killed_encryption_leaves_every_file_whole() {
    check_kills("encrypt");
}

/// A world with three encrypted files below `sub`, and one in clear.
fn with_files() -> World {
    let world = World::with_secret();
    for name in ["sub/a.sops.yaml", "sub/b.sops.yaml", "sub/c.sops.yaml"] {
        world.write(name, &world.read("db.sops.yaml"));
    }
    world.write("sub/clear.yaml", &format!("{SECRET}# {}\n", "long ".repeat(2000)));
    world.write(".sops.yaml", &policy().replace("\\.sops\\.yaml$", "\\.yaml$"));
    world
}

const IN_PLACE: [&[&str]; 5] = [
    &["rotate", "-i", "sub/a.sops.yaml", "sub/b.sops.yaml"],
    &["decrypt", "-i", "sub/b.sops.yaml"],
    &["encrypt", "-i", "sub/clear.yaml"],
    &["set", "sub/c.sops.yaml", "stringData.user", "\"root\""],
    &["unset", "sub/c.sops.yaml", "stringData.user"],
];

/// `stderr` tells one error for each YAML file among the arguments, that names it and says `what`; hints and notes beside.
#[track_caller]
fn check_told(arguments: &[&str], stderr: &str, what: &str) {
    let files = arguments.iter().filter(|argument| argument.ends_with(".yaml"));
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("secrets: error: ")).collect();
    let expected: Vec<String> = files.map(|file| format!("secrets: error: {file}: ")).collect();
    assert_eq!(errors.len(), expected.len(), "{arguments:?}: {stderr}");
    for (error, begin) in errors.iter().zip(&expected) {
        assert!(error.starts_with(begin) && error.contains(what), "{arguments:?}: {error}");
    }
    let known = ["error", "hint", "warning"].map(|kind| format!("secrets: {kind}: "));
    assert!(stderr.lines().all(|line| known.iter().any(|kind| line.starts_with(kind))), "{stderr}");
}

/// Runs the command from `script`, in which `$@` is the command and its arguments, and no file may change.
#[track_caller]
fn check_fails(world: &World, script: &str, arguments: &[&str], what: &str) {
    let before = world.snapshot();
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_secrets")]).args(arguments);
    shell.current_dir(world.root.path()).env_clear().env("HOME", world.path("home")).env("PATH", "/usr/bin:/bin");
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    check_told(arguments, &stderr, what);
    assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()), "{arguments:?}");
    assert_eq!(world.snapshot(), before, "{arguments:?} changed a file");
}

#[test]
fn a_file_that_may_not_grow_fails_and_nothing_changes() {
    let world = with_files();
    for arguments in IN_PLACE {
        check_fails(&world, "trap '' XFSZ; ulimit -f 0; exec \"$@\"", arguments, "cannot be written: File too large");
    }
}

/// Whether this user may make file systems that only its child sees.
fn has_namespaces() -> bool {
    let probe = std::process::Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    probe.is_ok_and(|output| output.status.success())
}

/// The files in a file system of their own, which `then` spoils; afterwards they are compared with what they were.
fn on_own_file_system(then: &str) -> String {
    format!(
        "exec unshare -rm sh -c '\
            cp -a sub before && mount -t tmpfs -o size=64k none sub && cp -a before/. sub && {then} || exit 90; \
            \"$@\"; code=$?; rm -f sub/filler; diff -r before sub >&2 && rm -r before || exit 91; exit $code' sh \"$@\""
    )
}

/// Where there are no namespaces, as in some containers, the bound on a file's size above stands for the full disk.
#[test]
fn a_full_disk_fails_and_nothing_changes() {
    if !has_namespaces() {
        return;
    }
    let world = with_files();
    let script = on_own_file_system("{ cat /dev/zero > sub/filler 2> /dev/null; [ -s sub/filler ]; }");
    for arguments in IN_PLACE {
        check_fails(&world, &script, arguments, "cannot be written: No space left on device");
    }
}

#[test]
fn a_read_only_file_system_fails_and_nothing_changes() {
    if !has_namespaces() {
        return;
    }
    let world = with_files();
    for arguments in IN_PLACE {
        check_fails(&world, &on_own_file_system("mount -o remount,ro sub"), arguments, "Read-only file system");
    }
}

/// Runs the command without the rights of root, as the owner of all files of `world`.
struct Unprivileged {
    world: World,
    program: PathBuf,
    is_root: bool,
}

impl Unprivileged {
    fn new(world: World) -> Self {
        let program = world.path("home/secrets");
        fs::copy(env!("CARGO_BIN_EXE_secrets"), &program).unwrap();
        let is_root = rustix::process::geteuid().is_root();
        if is_root {
            let owner = format!("{NOBODY}:{NOBODY}");
            let status = std::process::Command::new("chown").args(["-R", &owner]).arg(world.root.path()).status();
            assert!(status.unwrap().success());
        }
        Self { world, program, is_root }
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let id = NOBODY.to_string();
        let mut command = match self.is_root {
            true => std::process::Command::new("setpriv"),
            false => std::process::Command::new(&self.program),
        };
        if self.is_root {
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--"]).arg(&self.program);
        }
        command.args(arguments).current_dir(self.world.root.path()).stdin(Stdio::null()).env_clear();
        command.env("HOME", self.world.path("home")).env("PATH", "/usr/bin:/bin");
        command
    }

    #[track_caller]
    fn check_fails(&self, arguments: &[&str], what: &str) {
        let before = self.world.snapshot();
        let output = self.command(arguments).output().unwrap();
        check_told(arguments, &String::from_utf8(output.stderr).unwrap(), what);
        assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()), "{arguments:?}");
        assert_eq!(self.world.snapshot(), before, "{arguments:?} changed a file");
    }

    fn set_mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.world.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[test]
fn a_directory_that_is_read_only_fails_and_nothing_changes() {
    let user = Unprivileged::new(with_files());
    user.set_mode("sub", 0o555);
    for arguments in IN_PLACE {
        user.check_fails(arguments, "cannot be written: Permission denied");
    }
    user.set_mode("sub", 0o755);
    assert!(user.command(IN_PLACE[0]).status().unwrap().success(), "the right was all that was missing");
}

#[test]
fn a_file_that_is_read_only_fails_and_nothing_changes() {
    let user = Unprivileged::new(with_files());
    for name in ["a.sops.yaml", "b.sops.yaml", "c.sops.yaml", "clear.yaml"] {
        user.set_mode(&format!("sub/{name}"), 0o444);
    }
    for arguments in IN_PLACE {
        user.check_fails(arguments, "is not writable: Permission denied");
    }
}

#[test]
fn a_file_that_may_not_be_read_fails_alone() {
    let user = Unprivileged::new(with_files());
    let before = user.world.read("sub/b.sops.yaml");
    user.set_mode("sub/a.sops.yaml", 0);
    user.check_fails(&["decrypt", "sub/a.sops.yaml"], "cannot be read: Permission denied");
    let output = user.command(IN_PLACE[0]).output().unwrap();
    check_told(&["sub/a.sops.yaml"], &String::from_utf8(output.stderr).unwrap(), "cannot be read: Permission denied");
    assert_eq!(output.status.code(), Some(1));
    assert_ne!(user.world.read("sub/b.sops.yaml"), before, "the other file is rotated");
}

#[test]
fn a_symlink_stays_and_mode_and_owner_are_kept() {
    let world = with_files();
    symlink("sub/a.sops.yaml", world.path("link.sops.yaml")).unwrap();
    let owner = if rustix::process::geteuid().is_root() { NOBODY } else { rustix::process::geteuid().as_raw() };
    std::os::unix::fs::chown(world.path("sub/a.sops.yaml"), Some(owner), None).unwrap();
    fs::set_permissions(world.path("sub/a.sops.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    let commands: [&[&str]; 4] = [
        &["rotate", "-i", "link.sops.yaml"],
        &["set", "link.sops.yaml", "stringData.user", "\"root\""],
        &["decrypt", "-i", "link.sops.yaml"],
        &["encrypt", "-i", "link.sops.yaml"],
    ];
    for arguments in commands {
        let before = world.read("sub/a.sops.yaml");
        world.runs(arguments);
        assert_ne!(world.read("sub/a.sops.yaml"), before, "{arguments:?}");
        assert_eq!(fs::read_link(world.path("link.sops.yaml")).unwrap(), Path::new("sub/a.sops.yaml"), "{arguments:?}");
        let metadata = fs::metadata(world.path("sub/a.sops.yaml")).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (0o640, owner), "{arguments:?}");
    }
}

#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(120), "it never happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The bound is 0, and other processes of the same user cannot look into the memory: `/proc/PID` is root's.
#[test]
fn no_core_is_dumped_and_no_other_process_looks_in() {
    let user = Unprivileged::new(World::new());
    let mut command = user.command(&["encrypt", "--age", ALICE, "--filename-override", "a.yaml", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let limits = || fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = || limits().lines().find_map(|line| Some(line.strip_prefix("Max core file size")?.to_owned())).unwrap();
    wait_until(|| core().split_whitespace().take(2).eq(["0", "0"]));
    let memory = PathBuf::from(format!("/proc/{}/mem", child.id()));
    wait_until(|| fs::metadata(&memory).unwrap().uid() == 0);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Texts with [`MARKER`] as `@`, in a value, that cannot be encrypted: each for another reason or in another place.
const MALFORMED: [&[u8]; 48] = [
    b"a: *@\n",
    b"a: [*@]\n",
    b"a: &@ &@ x\n",
    b"a: !@! x\n",
    b"a: !<@\n",
    b"a: !x !@ y\n",
    b"a: !!int @\n",
    b"a: !!float @\n",
    b"a: !!bool @\n",
    b"a: !!null @\n",
    b"a: !!binary '@!'\n",
    b"a: !!timestamp @\n",
    b"a: %@\n",
    b"a: `@\n",
    b"a: \"@\n",
    b"a: '@\n",
    b"a: \"\\q@\"\n",
    b"a: \"\\x@\"\n",
    b"a: \"\\u00zz@\"\n",
    b"a: \"@\" @\n",
    b"a: '@' @\n",
    b"a: [@\n",
    b"a: [@}\n",
    b"a: {b: @\n",
    b"a: {b: @]\n",
    b"a: b: @\n",
    b"a: @x: y: z\n",
    b"a: >@\n  x\n",
    b"a: |@\n  x\n",
    b"a: |9@\n",
    b"a: 1\n@\n",
    b"a:\n  - @\n b: 1\n",
    b"a:\n  b: @\n c: 1\n",
    b"a: \t@\n\tb: 1\n",
    b"- @\n",
    b"@\n",
    b"a: 1\n--- @\n",
    b"a: 1\n... @\n",
    b"%YAML @\n---\na: @\n",
    b"%YAML 1.2\n---\na: @\n",
    b"<<: @\na: 1\n",
    b"1: @\n",
    b"a: @\na: @\n",
    b"a: @\nb: 99999999999999999999\n",
    b"a: @\nsops: @\n",
    b"a: @\x01\n",
    b"a: @\xff\n",
    b"a: @\xe2\x80\xa8@\n",
];

/// `ran` failed, and tells nothing of [`MARKER`].
#[track_caller]
fn check_silent(ran: &Ran, what: &dyn std::fmt::Debug) {
    assert_ne!(ran.code, 0, "{what:?}");
    assert!(ran.stderr.starts_with("secrets: error: "), "{what:?}: {}", ran.stderr);
    assert!(!ran.stderr.contains(MARKER) && !ran.stdout.contains(MARKER), "{what:?}: {}{}", ran.stderr, ran.stdout);
}

/// A row of [`MALFORMED`] with the marker in it; `@` itself is one of the letters that YAML reserves.
fn with_marker(row: &[u8]) -> Vec<u8> {
    row.iter()
        .flat_map(|byte| if *byte == b'@' { MARKER.as_bytes() } else { std::slice::from_ref(byte) })
        .copied()
        .collect()
}

#[test]
fn no_error_about_a_text_in_clear_shows_anything_of_it() {
    let world = World::with_secret();
    for row in MALFORMED.iter().chain(&[b"a: @".as_slice()]) {
        let text = if *row == b"a: @" { format!("a: @{MARKER}\n").into_bytes() } else { with_marker(row) };
        fs::write(world.path("x.sops.yaml"), &text).unwrap();
        let shown = String::from_utf8_lossy(row);
        check_silent(&world.run(&["-v", "encrypt", "x.sops.yaml"]), &shown);
        check_silent(&world.run(&["-v", "encrypt", "-i", "x.sops.yaml"]), &shown);
        check_silent(&world.run(&["-v", "encrypt", "--onto", "db.sops.yaml", "x.sops.yaml"]), &shown);
        check_silent(&world.run(&["decrypt", "x.sops.yaml"]), &shown);
        check_silent(&world.run(&["get", "x.sops.yaml", "a"]), &shown);
        check_silent(&world.run(&["rotate", "x.sops.yaml"]), &shown);
        assert_eq!(fs::read(world.path("x.sops.yaml")).unwrap(), text, "{shown}");
    }
}

#[test]
fn no_error_about_a_value_or_an_identity_shows_anything_of_it() {
    let world = World::with_secret();
    for value in [MARKER, "\"hunter2Marker", "[\"hunter2Marker\"", "{\"a\": hunter2Marker}", "\"hunter2Marker\" x"] {
        let set = ["set", "--value-stdin", "db.sops.yaml", "stringData.password"];
        check_silent(&world.run_with_input(&set, value), &value);
    }
    world.write("db.sops.yaml", &SECRET.replace("correct horse", MARKER));
    world.runs(&["encrypt", "-i", "db.sops.yaml"]);
    let sealed = world.read("db.sops.yaml");
    check_silent(&world.run(&["get", "db.sops.yaml", "stringData.password.x"]), &"a path through a value");
    check_silent(&world.run(&["set", "db.sops.yaml", "stringData.password.x", "1"]), &"a path through a value");
    for (old, new) in [("  password:", "  passwort:"), (",type:str]", ",type:int]"), ("name: db", "name: x")] {
        world.write("db.sops.yaml", &sealed.replace(old, new));
        check_silent(&world.run(&["decrypt", "db.sops.yaml"]), &new);
        check_silent(&world.run(&["get", "db.sops.yaml", "stringData.password"]), &new);
        check_silent(&world.run(&["rotate", "db.sops.yaml"]), &new);
    }
    world.write("db.sops.yaml", &sealed).write("home/.config/sops/age/keys.txt", &format!("{MARKER}\n"));
    let bad_key = format!("AGE-SECRET-KEY-1{MARKER}");
    let world = world.set("SOPS_AGE_KEY", &bad_key).set("SOPS_AGE_KEY_CMD", &format!("echo {MARKER}"));
    check_silent(&world.run(&["-v", "decrypt", "db.sops.yaml"]), &"identities that are none");
    check_silent(&world.run(&["encrypt", "--age", &bad_key, "db.sops.yaml"]), &"an identity for a recipient");
}

/// Everybody on the machine sees the arguments of every program.
#[test]
fn programs_that_are_started_get_no_secret_as_an_argument() {
    let identity = fixture("keys/alice.txt");
    let secret_line = identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    let world = World::with_secret().set_identity("carol");
    world.write("key.txt", &identity).write("seen", "");
    let log = "tr '\\0' ' ' < /proc/$$/cmdline >> \"$LOG\"; tr '\\0' ' ' < /proc/$PPID/cmdline >> \"$LOG\"; ";
    world.write("editor.sh", &format!("{log} echo \"$#\" >> \"$LOG\"; sed -i s/admin/root/ \"$1\"\n"));
    world.write("key.sh", &format!("{log} cat key.txt\n"));
    let (seen, editor, key) = (world.path("seen"), world.path("editor.sh"), world.path("key.sh"));
    let world = world
        .set("PATH", "/usr/bin:/bin")
        .set("LOG", seen.to_str().unwrap())
        .set("EDITOR", &format!("sh '{}'", editor.display()))
        .set("SOPS_AGE_KEY_CMD", &format!("sh '{}'", key.display()));
    world.runs(&["edit", "db.sops.yaml"]);
    world.runs_with_input(&["set", "--value-stdin", "--string", "db.sops.yaml", "stringData.password"], "new horse");
    assert_eq!(world.runs(&["get", "db.sops.yaml", "stringData.user"]), "root");
    assert_eq!(world.runs(&["get", "db.sops.yaml", "stringData.password"]), "new horse");
    let mut seen = String::new();
    fs::File::open(world.path("seen")).unwrap().read_to_string(&mut seen).unwrap();
    assert!(seen.contains("/db.sops.yaml ") && seen.contains("key.sh") && seen.contains("1\n"), "{seen}");
    for secret in [secret_line, "AGE-SECRET-KEY", "admin", "correct", "horse"] {
        assert!(!seen.contains(secret), "{secret} is in {seen}");
    }
}
