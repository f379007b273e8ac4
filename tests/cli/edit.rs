//! `secrets edit`, with scripts for editors, and what is left behind whatever happens.

#![expect(clippy::panic, reason = "a test starts programs by other means, and what it meets is there, or it fails")]

use std::{
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use expectrl::Expect as _;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::*;

/// A world whose editor is a script, and whose scratch space is a directory of its own in memory.
struct Desk {
    world: World,
    runtime: tempfile::TempDir,
}

impl Desk {
    fn new(editor: &str) -> Self {
        Self::of(World::with_secret(), editor)
    }

    fn of(world: World, editor: &str) -> Self {
        let runtime = tempfile::tempdir_in("/dev/shm").unwrap();
        let editor_path = world.path("editor.sh");
        let world = world
            .set("PATH", "/usr/bin:/bin")
            .set("EDITOR", &format!("sh '{}'", editor_path.display()))
            .set("XDG_RUNTIME_DIR", runtime.path().to_str().unwrap())
            .set("LOG", "log");
        let desk = Self { world, runtime };
        desk.editor(editor);
        desk
    }

    /// Another editor from now on.
    fn editor(&self, script: &str) -> &Self {
        self.world.write("editor.sh", script);
        self
    }

    /// Without a terminal, wherever the test is run.
    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new("/usr/bin/setsid");
        command.arg("--wait").arg(env!("CARGO_BIN_EXE_secrets")).args(arguments);
        command.current_dir(self.world.root.path()).env_clear().env("HOME", self.world.path("home"));
        command.envs(&self.world.environment).stdin(Stdio::null());
        command
    }

    /// Runs the command, with `ROOT` and `KEPT` in the place of what differs in what it says.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let stderr = match self.kept().as_slice() {
            [kept] => stderr.replace(kept.to_str().unwrap(), "KEPT"),
            _ => stderr,
        };
        self.check_clean();
        (output.status.code().unwrap(), stderr)
    }

    #[track_caller]
    fn check(&self, arguments: &[&str], code: i32, stderr: &str) {
        assert_eq!(self.run(arguments), (code, stderr.to_owned()), "{arguments:?}");
    }

    /// Nothing in the scratch space.
    #[track_caller]
    fn check_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.runtime.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, Vec::<PathBuf>::new());
    }

    fn kept(&self) -> Vec<PathBuf> {
        let directory = self.world.path("home/.local/state/secrets/edit");
        fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    fn clear(&self, file: &str) -> String {
        self.world.runs(&["decrypt", file])
    }

    fn log(&self) -> String {
        fs::read_to_string(self.world.path("log")).unwrap_or_default()
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_secrets"));
        command.args(arguments).current_dir(self.world.root.path()).env_clear().env("HOME", self.world.path("home"));
        command.envs(&self.world.environment).stdin(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let child = command.spawn().unwrap();
        wait_until(|| self.log().contains("ready"));
        child
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(120), "it never happened");
        std::thread::sleep(Duration::from_millis(10));
    }
}

const CHANGE_USER: &str = "sed -i s/admin/root/ \"$1\"";
const BREAK: &str = "echo started >> \"$LOG\"; echo '  not: [yaml' >> \"$1\"";

#[test]
fn a_changed_value_is_encrypted_and_the_others_keep_their_ciphertext() {
    let desk = Desk::new(CHANGE_USER);
    let before = desk.world.read("db.sops.yaml");
    desk.check(&["edit", "db.sops.yaml"], 0, "");
    let after = desk.world.read("db.sops.yaml");
    assert_eq!(desk.clear("db.sops.yaml"), SECRET.replace("admin", "root"));
    assert_eq!(ciphertexts(&before)["password"], ciphertexts(&after)["password"]);
    assert_ne!(ciphertexts(&before)["user"], ciphertexts(&after)["user"]);
    assert_eq!(recipients(&before), recipients(&after));
    assert_eq!(desk.kept(), Vec::<PathBuf>::new());
}

#[test]
fn the_editor_sees_a_private_file_of_the_same_name_without_metadata() {
    let desk = Desk::new("stat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" > \"$LOG\"; cp \"$1\" seen");
    desk.run(&["edit", "./db.sops.yaml"]);
    let log = desk.log();
    let lines: Vec<&str> = log.lines().collect();
    let base = desk.runtime.path().to_str().unwrap();
    assert!(lines[0].starts_with(&format!("600 {base}/secrets-")) && lines[0].ends_with("/db.sops.yaml"), "{log}");
    assert!(lines[1].starts_with(&format!("700 {base}/secrets-")), "{log}");
    assert_eq!(desk.world.read("seen"), SECRET);
}

#[test]
fn an_unchanged_file_is_not_touched() {
    let desk = Desk::new("touch \"$1\"");
    let before = desk.world.snapshot();
    desk.check(&["edit", "db.sops.yaml"], 200, "secrets: note: db.sops.yaml: File has not changed\n");
    assert_eq!(desk.world.snapshot(), before);
}

/// Defect 4 of sops 3.13.2: what was typed is thrown away.
#[test]
fn showing_the_recipients_keeps_what_was_typed() {
    let desk = Desk::new(CHANGE_USER);
    let told =
        format!("secrets: note: db.sops.yaml: for alice ({ALICE})\nsecrets: note: db.sops.yaml: for bob ({BOB})\n");
    desk.check(&["edit", "-s", "db.sops.yaml"], 0, &told);
    assert_eq!(desk.clear("db.sops.yaml"), SECRET.replace("admin", "root"));
}

/// Edits with a script that fails, and goes on from what was kept with one that mends it.
#[track_caller]
fn check_kept(break_it: &str, mend_it: &str, code: i32, stderr: &str, expected: &str) {
    let desk = Desk::new(break_it);
    let before = desk.world.read("db.sops.yaml");
    desk.check(&["edit", "db.sops.yaml"], code, stderr);
    assert_eq!(desk.world.read("db.sops.yaml"), before);
    let kept = desk.kept();
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((mode(kept), mode(kept.parent().unwrap())), (0o600, 0o700));
    let armor = fs::read_to_string(kept).unwrap();
    assert!(
        armor.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n")
            && armor.ends_with("-----END AGE ENCRYPTED FILE-----\n")
    );
    let refused = desk.run(&["edit", "db.sops.yaml"]);
    assert_eq!(
        refused,
        (
            1,
            "secrets: error: db.sops.yaml: a text from an edit that was not finished is kept in KEPT\n\
        secrets: hint: go on from it with --resume, or remove it with --discard\n"
                .to_owned()
        )
    );
    desk.editor(mend_it).check(&["edit", "--resume", "db.sops.yaml"], 0, "");
    assert_eq!(desk.clear("db.sops.yaml"), expected);
    assert_eq!(desk.kept(), Vec::<PathBuf>::new());
}

/// Defect 6 of sops 3.13.2: it is lost.
#[test]
fn what_was_typed_is_kept_when_it_cannot_be_encrypted() {
    let kept = "what was typed is kept, encrypted, in KEPT";
    let resume = "`secrets edit --resume db.sops.yaml` goes on from it";
    check_kept(
        "printf '  more: x\\nkind: again\\n' >> \"$1\"",
        "sed -i '$d' \"$1\"",
        1,
        &format!(
            "secrets: error: db.sops.yaml: duplicate key `kind`, first at line 2 at line 9, column 1; {kept}\nsecrets: hint: \
             remove one of the two; only one of them could take effect; {resume}\n"
        ),
        &format!("{SECRET}  more: x\n"),
    );
    check_kept(
        "echo '  n: 9223372036854775808' >> \"$1\"",
        "sed -i 's/ n: \\(.*\\)/ n: \"\\1\"/' \"$1\"",
        1,
        &format!(
            "secrets: error: db.sops.yaml: an integer beyond 64 bits at line 8, column 6; {kept}\nsecrets: hint: \
             put it in quotes; SOPS refuses it or would lose digits; {resume}\n"
        ),
        &format!("{SECRET}  n: \"9223372036854775808\"\n"),
    );
    check_kept(
        "echo 'sops: mine' >> \"$1\"",
        "sed -i '$d' \"$1\"; echo '  m: x' >> \"$1\"",
        1,
        &format!(
            "secrets: error: db.sops.yaml: a `sops` key at line 8, column 1, where the metadata will be; {kept}\nsecrets: \
             hint: give the key another name; {resume}\n"
        ),
        &format!("{SECRET}  m: x\n"),
    );
    check_kept(
        "sed -i s/stringData/stringdata/ \"$1\"",
        "sed -i 's/stringdata/stringData/; s/admin/root/' \"$1\"",
        1,
        &format!(
            "secrets: error: db.sops.yaml: `encrypted_regex: ^(data|stringData)$` picks no value, so that all 5 would stay in \
             clear; {kept}\nsecrets: hint: correct the selector, or insist with --allow-unencrypted; {resume}\n"
        ),
        &SECRET.replace("admin", "root"),
    );
}

#[test]
fn what_was_typed_is_kept_when_it_is_no_yaml_or_the_editor_fails() {
    let desk = Desk::new(BREAK);
    let (code, stderr) = desk.run(&["edit", "db.sops.yaml"]);
    assert_eq!(code, 1);
    assert!(stderr.starts_with("secrets: error: db.sops.yaml: not valid YAML: "), "{stderr}");
    assert!(stderr.contains("; what was typed is kept, encrypted, in KEPT\n"), "{stderr}");
    check_kept(
        &format!("{CHANGE_USER}; exit 3"),
        "true",
        201,
        "secrets: error: db.sops.yaml: the editor failed with exit status: 3; what was typed is kept, encrypted, in KEPT\n\
         secrets: hint: `secrets edit --resume db.sops.yaml` goes on from it\n",
        &SECRET.replace("admin", "root"),
    );
}

#[test]
fn a_failed_editor_that_changed_nothing_leaves_nothing() {
    let desk = Desk::new("exit 1");
    let before = desk.world.snapshot();
    desk.check(&["edit", "db.sops.yaml"], 201, "secrets: error: db.sops.yaml: the editor failed with exit status: 1\n");
    assert_eq!(desk.world.snapshot(), before);
    let error = desk.run(&["edit", "--resume", "db.sops.yaml"]);
    assert_eq!(error.1, "secrets: error: db.sops.yaml: no text is kept for it\nsecrets: hint: leave --resume out\n");
}

#[test]
fn a_kept_text_can_be_thrown_away_and_belongs_to_one_file() {
    let desk = Desk::new(BREAK);
    desk.run(&["edit", "db.sops.yaml"]);
    desk.world.write("sub/db.sops.yaml", &desk.world.read("db.sops.yaml"));
    desk.editor(CHANGE_USER).check(&["edit", "sub/db.sops.yaml"], 0, "");
    assert_eq!(desk.kept().len(), 1);
    desk.check(&["edit", "--discard", "./db.sops.yaml"], 0, "");
    assert_eq!(desk.kept().len(), 0);
}

#[test]
fn a_file_that_somebody_else_changed_meanwhile_is_not_overwritten() {
    let desk = Desk::new("sed -i s/admin/root/ \"$1\"; cp other.yaml db.sops.yaml");
    desk.world.write("other.yaml", &desk.world.read("db.sops.yaml"));
    desk.world.runs(&["set", "other.yaml", "stringData.password", "\"theirs\""]);
    let other = desk.world.read("other.yaml");
    desk.check(
        &["edit", "db.sops.yaml"],
        1,
        "secrets: error: db.sops.yaml: has been changed by somebody else since it was read; what was typed is kept, encrypted, \
         in KEPT\nsecrets: hint: run the command again; `secrets edit --resume db.sops.yaml` goes on from it\n",
    );
    assert_eq!(desk.world.read("db.sops.yaml"), other);
    desk.editor("sed -i 's/correct horse/theirs/' \"$1\"").check(
        &["edit", "--resume", "db.sops.yaml"],
        0,
        "secrets: warning: db.sops.yaml: the file has changed since this text was typed: what is new in it goes unless you add \
         it\n",
    );
    assert_eq!(desk.clear("db.sops.yaml"), SECRET.replace("admin", "root").replace("correct horse", "theirs"));
}

#[test]
fn a_new_file_starts_from_a_template_and_is_encrypted_by_its_rule() {
    let desk = Desk::new("cp \"$1\" seen; sed -i s/change-me/new/ \"$1\"");
    desk.check(&["edit", "My_App.sops.yaml"], 0, "");
    let template =
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: my-app\ntype: Opaque\nstringData:\n  password: change-me\n";
    assert_eq!(desk.world.read("seen"), template);
    assert_eq!(desk.clear("My_App.sops.yaml"), template.replace("change-me", "new"));
    assert_eq!(recipients(&desk.world.read("My_App.sops.yaml")), [ALICE, BOB]);
    assert_eq!(ciphertexts(&desk.world.read("My_App.sops.yaml")).len(), 1);
}

#[test]
fn a_template_that_is_not_changed_makes_no_file() {
    let desk = Desk::new("true");
    desk.check(&["edit", "new.sops.yaml"], 200, "secrets: note: new.sops.yaml: File has not changed\n");
    assert!(!desk.world.path("new.sops.yaml").exists());
}

#[test]
fn a_new_file_that_cannot_be_made_stops_before_the_editor() {
    let desk = Desk::new("echo started >> \"$LOG\"");
    let (code, stderr) = desk.run(&["edit", "new.txt.yaml"]);
    assert!(code == 1 && stderr.contains("no creation rule of "), "{stderr}");
    let (code, stderr) = desk.run(&["edit", "none/new.sops.yaml"]);
    assert!(code == 1 && stderr.contains("none/new.sops.yaml: cannot be read: No such file"), "{stderr}");
    assert_eq!(desk.log(), "");
    desk.editor(CHANGE_USER).check(&["edit", "--age", CAROL, "new.txt.yaml"], 0, "");
    assert_eq!(recipients(&desk.world.read("new.txt.yaml")), [CAROL]);
}

#[test]
fn a_new_file_is_kept_too_when_it_cannot_be_made() {
    let desk = Desk::new("sed -i s/change-me/mine/ \"$1\"; echo 'theirs: 1' > new.sops.yaml");
    let (code, stderr) = desk.run(&["edit", "new.sops.yaml"]);
    assert!(code == 1 && stderr.contains("new.sops.yaml: exists already; what was typed is kept"), "{stderr}");
    assert_eq!(desk.world.read("new.sops.yaml"), "theirs: 1\n");
    fs::remove_file(desk.world.path("new.sops.yaml")).unwrap();
    desk.editor("true").check(&["edit", "--resume", "new.sops.yaml"], 0, "");
    assert_eq!(desk.world.runs(&["get", "new.sops.yaml", "stringData.password"]), "mine");
}

#[test]
fn an_editor_is_looked_for_as_sops_does() {
    let desk = Desk::new("exit 9");
    desk.world.write("bin/none", "");
    let mut desk = desk;
    desk.world = desk.world.set("SOPS_EDITOR", "sed -i s/admin/root/");
    desk.check(&["edit", "db.sops.yaml"], 0, "");
    desk.world.environment.insert("SOPS_EDITOR".to_owned(), "'unclosed".to_owned());
    let (code, stderr) = desk.run(&["edit", "db.sops.yaml"]);
    assert_eq!(
        (code, stderr.lines().next().unwrap()),
        (201, "secrets: error: db.sops.yaml: SOPS_EDITOR cannot be used: the command has a quote that is not closed")
    );
    desk.world.environment.insert("SOPS_EDITOR".to_owned(), "/nowhere/editor".to_owned());
    let (code, stderr) = desk.run(&["edit", "db.sops.yaml"]);
    assert_eq!(
        (code, stderr.lines().next().unwrap()),
        (
            201,
            "secrets: error: db.sops.yaml: `/nowhere/editor` could not be started: No such file or directory (os error 2)"
        )
    );
    for variable in ["SOPS_EDITOR", "EDITOR"] {
        desk.world.environment.remove(variable);
    }
    let bin = desk.world.path("bin");
    desk.world.environment.insert("PATH".to_owned(), bin.to_str().unwrap().to_owned());
    let (code, stderr) = desk.run(&["edit", "db.sops.yaml"]);
    assert_eq!(
        (code, stderr.lines().next().unwrap()),
        (
            201,
            "secrets: error: db.sops.yaml: no editor: SOPS_EDITOR and EDITOR are not set, and vim, nano and vi are not on PATH"
        )
    );
}

#[test]
fn vim_is_told_to_write_nothing_beside_the_file() {
    let desk = Desk::new("");
    desk.world.write("bin/vim", "#!/bin/sh\nprintf '%s\\n' \"$@\" > log\n");
    std::process::Command::new("chmod").arg("+x").arg(desk.world.path("bin/vim")).status().unwrap();
    let mut desk = desk;
    desk.world.environment.remove("EDITOR");
    let path = format!("{}:/usr/bin:/bin", desk.world.path("bin").display());
    desk.world.environment.insert("PATH".to_owned(), path);
    desk.run(&["edit", "db.sops.yaml"]);
    let log = desk.log();
    let nothing = "set noswapfile nobackup nowritebackup noundofile viminfo=";
    assert!(log.starts_with(&format!("-n\n-i\nNONE\n--cmd\n{nothing}\n-c\n{nothing}\n/")), "{log}");
}

/// Defect 5 of sops 3.13.2: it opens the editor hundreds of times in a second.
#[test]
fn without_anybody_to_ask_the_editor_is_opened_once() {
    let desk = Desk::new(BREAK);
    let status = desk.command(&["edit", "db.sops.yaml"]).stdin(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(desk.log(), "started\n");
}

/// Defect 7 of sops 3.13.2: HUP leaves the plaintext.
#[test]
fn a_signal_while_the_editor_runs_leaves_nothing_in_clear() {
    for signal in [Signal::HUP, Signal::TERM, Signal::INT] {
        let desk = Desk::new("cp \"$1\" \"$1.bak\"; echo ready >> \"$LOG\"; exec sleep 30");
        let before = desk.world.read("db.sops.yaml");
        let mut child = desk.start(&["edit", "db.sops.yaml"]);
        assert_eq!(fs::read_dir(desk.runtime.path()).unwrap().count(), 1);
        kill_process_group(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        // The signal ends us, unless the end of the editor, which it ends too, comes first. An interrupt is the editor's.
        let by_signal = signal != Signal::INT && status.signal() == Some(signal.as_raw());
        assert!(by_signal || status.code() == Some(201), "{signal:?}: {status}");
        desk.check_clean();
        assert_eq!(desk.world.read("db.sops.yaml"), before);
    }
}

#[test]
fn a_killed_edit_leaves_plaintext_in_memory_only_and_private() {
    let desk = Desk::new("echo ready >> \"$LOG\"; exec sleep 30");
    let mut child = desk.start(&["edit", "db.sops.yaml"]);
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    let pid = Pid::from_child(&child);
    let _is_gone = kill_process_group(pid, Signal::KILL);
    for (path, (_, content)) in desk.world.snapshot() {
        let is_clear = content.windows(13).any(|bytes| bytes == b"correct horse");
        assert!(!is_clear, "{}", path.display());
    }
    let left = fs::read_dir(desk.runtime.path()).unwrap().next().unwrap().unwrap().path();
    assert_eq!(mode(&left), 0o700);
    let status = rustix::fs::statfs(&left).unwrap();
    assert_eq!(i128::from(status.f_type), 0x0102_1994, "not a tmpfs");
}

/// Breaks the text when it is opened first, and mends it when it is opened again.
const BREAK_THEN_MEND: &str =
    "if grep -q '\\[yaml' \"$1\"; then sed -i 's/\\[yaml/well/' \"$1\"; else echo '  not: [yaml' >> \"$1\"; fi";

#[test]
fn on_a_terminal_one_can_go_on_editing() {
    let desk = Desk::new(BREAK_THEN_MEND);
    let mut session = on_terminal(&desk.world, &["edit", "db.sops.yaml"]);
    session.expect("not valid YAML").unwrap();
    session.expect("Go on editing? [Y/n] ").unwrap();
    assert_eq!(desk.kept().len(), 1);
    session.send_line("").unwrap();
    session.expect(expectrl::Eof).unwrap();
    ends_with(&session, 0);
    assert_eq!(desk.clear("db.sops.yaml"), format!("{SECRET}  not: well\n"));
    assert_eq!(desk.kept().len(), 0);
    desk.check_clean();
}

#[test]
fn on_a_terminal_one_can_give_up_and_the_text_is_kept() {
    for answer in ["n\n", "\u{4}"] {
        let desk = Desk::new(BREAK_THEN_MEND);
        let mut session = on_terminal(&desk.world, &["edit", "db.sops.yaml"]);
        session.expect("Go on editing? [Y/n] ").unwrap();
        session.send(answer).unwrap();
        session.expect(expectrl::Eof).unwrap();
        ends_with(&session, 1);
        assert_eq!(desk.kept().len(), 1, "{answer:?}");
        assert_eq!(desk.clear("db.sops.yaml"), SECRET);
        desk.check_clean();
    }
}

#[test]
fn an_interrupt_at_the_question_keeps_the_text_too() {
    let desk = Desk::new(BREAK_THEN_MEND);
    let mut session = on_terminal(&desk.world, &["edit", "db.sops.yaml"]);
    session.expect("Go on editing? [Y/n] ").unwrap();
    session.send("\u{3}").unwrap();
    session.expect(expectrl::Eof).unwrap();
    let status = session.get_process().wait().unwrap();
    assert!(
        matches!(status, expectrl::process::unix::WaitStatus::Signaled(_, expectrl::process::unix::Signal::SIGINT, _)),
        "{status:?}"
    );
    assert_eq!(desk.kept().len(), 1);
    desk.check_clean();
}

#[test]
fn without_a_value_and_without_a_terminal_set_refuses() {
    let desk = Desk::new("");
    let told = "secrets: error: no value is given\nsecrets: hint: give it with --value-stdin or --value-file, or on a terminal\n";
    desk.check(&["set", "db.sops.yaml", "stringData.password"], 2, told);
}

#[test]
fn set_asks_for_a_value_and_does_not_show_it() {
    let desk = Desk::new("");
    let mut session = on_terminal(&desk.world, &["set", "db.sops.yaml", "stringData.password"]);
    session.expect("Value of stringData.password (a text; not shown): ").unwrap();
    session.send_line("hunter \"2\"").unwrap();
    let rest = session.expect(expectrl::Eof).unwrap();
    assert!(!String::from_utf8_lossy(rest.as_bytes()).contains("hunter"));
    ends_with(&session, 0);
    assert_eq!(desk.world.runs(&["get", "db.sops.yaml", "stringData.password"]), "hunter \"2\"");
}

/// Two of three key groups are needed for the file: one identity of another has no business with what is kept of it.
#[test]
fn what_is_kept_of_a_file_of_several_key_groups_is_for_who_typed_it() {
    let desk = Desk::of(groups::world(), "echo '}' >>\"$1\"");
    assert_eq!(desk.run(&["edit", "a.yaml"]).0, 1);
    let kept = desk.kept();
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    let armor = fs::read_to_string(kept).unwrap();
    let all = recipients(&desk.world.read("a.yaml")).into_iter().map(str::to_owned).collect::<Vec<_>>();
    for (name, opens) in [("alice", true), ("carol", true), ("bob", false), ("lab", false)] {
        let identity = groups::identity(name);
        let env = [("SOPS_AGE_KEY", identity.as_str()), ("HOME", "/nonexistent")].into_iter().collect();
        let opened = gitops_secrets::keys::Identities::from_env(&env).open_file(&armor, &all, 1 << 20);
        assert_eq!(opened.is_ok(), opens, "{name}");
    }
    desk.editor("sed -i '$d' \"$1\"; echo more: text >>\"$1\"").check(&["edit", "--resume", "a.yaml"], 0, "");
    assert_eq!(desk.clear("a.yaml"), "user: admin\npassword: correct horse\nmore: text\n");
}

#[test]
fn a_new_file_is_split_as_its_rule_or_the_flag_says() {
    let desk = Desk::of(groups::world(), "echo 'a: b' >\"$1\"");
    desk.check(&["edit", "new.yaml"], 0, "");
    assert!(desk.world.read("new.yaml").contains("\n    shamir_threshold: 2\n"));
    desk.check(&["edit", "--shamir-secret-sharing-threshold", "3", "other.yaml"], 0, "");
    assert!(desk.world.read("other.yaml").contains("\n    shamir_threshold: 3\n"));
    assert_eq!(desk.clear("new.yaml"), "a: b\n");
}
