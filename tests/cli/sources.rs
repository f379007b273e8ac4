//! Where identities come from, what is asked for them, and what is left alone while something cheaper opens the file.

use std::process::Stdio;

use expectrl::Expect as _;

use super::*;

const PASSPHRASE: &str = "test-passphrase";
/// Whose identity is behind the passphrase.
const DAVE: &str = "age1nug22r54jps5sfh7kg2q6lnd4uvpe22ypnc47kq8fvu5lukd0sxqrutmt5";
const WRONG: &str = "This passphrase is wrong; try again.";
const CLEAR: &str = "password: hunter2\n";

/// A file of `fixtures/sops/keys`.
fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sops/keys").join(name)
}

/// A world without identities, with `a.sops.yaml` for `recipient`.
fn world_for(recipient: &str) -> World {
    let world = World::new();
    fs::remove_file(world.path("home/.config/sops/age/keys.txt")).unwrap();
    world.write("a.sops.yaml", CLEAR);
    world.runs(&["encrypt", "-i", "--age", recipient, "a.sops.yaml"]);
    world
}

/// The same for dave, whose identity file is encrypted.
fn world_of_dave() -> World {
    world_for(DAVE).set("SOPS_AGE_KEY_FILE", key("dave-binary.age").to_str().unwrap())
}

fn public(name: &str) -> String {
    fs::read_to_string(key(name)).unwrap().trim().to_owned()
}

/// Copies a private key to `~/.ssh`.
fn put_ssh_key(world: &World, from: &str, name: &str) {
    world.write(&format!("home/.ssh/{name}"), &fs::read_to_string(key(from)).unwrap());
}

/// Answers every question that comes with the next of `answers`, and gives back all that was shown.
#[track_caller]
pub(super) fn converse(world: &World, arguments: &[&str], answers: &[&str], code: i32) -> String {
    let mut session = on_terminal(world, arguments);
    let mut shown = String::new();
    for answer in answers {
        let found = session.expect("Passphrase for ").unwrap();
        shown.push_str(&String::from_utf8_lossy(found.as_bytes()));
        shown.push_str(&String::from_utf8_lossy(session.expect(": ").unwrap().as_bytes()));
        session.send_line(answer).unwrap();
    }
    shown.push_str(&String::from_utf8_lossy(session.expect(expectrl::Eof).unwrap().as_bytes()));
    ends_with(&session, code);
    assert_eq!(shown.matches("Passphrase for ").count(), answers.len(), "{shown}");
    assert!(answers.iter().all(|answer| answer.is_empty() || !shown.contains(answer)), "{shown}");
    shown
}

/// Runs without a terminal, and gives back the hint.
#[track_caller]
fn refuses_without_terminal(world: &World) -> String {
    let mut command = std::process::Command::new("/usr/bin/setsid");
    command.args(["--wait", env!("CARGO_BIN_EXE_secrets"), "decrypt", "a.sops.yaml"]).stdin(Stdio::null());
    command.current_dir(world.root.path()).env_clear().env("HOME", world.path("home")).envs(&world.environment);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(128), "{stderr}");
    stderr.lines().nth(1).unwrap().to_owned()
}

#[test]
fn an_encrypted_identity_file_is_opened_by_its_passphrase() {
    let world = world_of_dave();
    let shown = converse(&world, &["decrypt", "-o", "clear.yaml", "a.sops.yaml"], &[PASSPHRASE], 0);
    assert!(shown.contains("Passphrase for SOPS_AGE_KEY_FILE ("), "{shown}");
    assert_eq!(world.read("clear.yaml"), CLEAR);
}

#[test]
fn an_armored_identity_file_and_one_in_a_variable_are_opened_too() {
    let armored = fs::read_to_string(key("dave-armored.age")).unwrap();
    let world = world_for(DAVE).set("SOPS_AGE_KEY", &armored);
    let shown = converse(&world, &["decrypt", "a.sops.yaml"], &[PASSPHRASE], 0);
    assert!(shown.contains("Passphrase for SOPS_AGE_KEY: "), "{shown}");
    assert!(shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_wrong_passphrase_can_be_corrected_twice() {
    let shown = converse(&world_of_dave(), &["decrypt", "a.sops.yaml"], &["wrong-1", "", PASSPHRASE], 0);
    assert_eq!(shown.matches(WRONG).count(), 2, "{shown}");
    assert!(shown.contains("hunter2"), "{shown}");
}

#[test]
fn after_three_wrong_passphrases_the_source_is_given_up_for_all_files() {
    let world = world_of_dave();
    fs::copy(world.path("a.sops.yaml"), world.path("b.sops.yaml")).unwrap();
    let shown =
        converse(&world, &["decrypt", "-i", "a.sops.yaml", "b.sops.yaml"], &["wrong-1", "wrong-2", "wrong-3"], 128);
    assert_eq!(shown.matches(WRONG).count(), 2, "{shown}");
    assert_eq!(shown.matches("no identity opens it").count(), 2, "{shown}");
    assert_eq!(shown.matches("is encrypted with a passphrase, which was wrong 3 times").count(), 1, "{shown}");
}

#[test]
fn one_question_is_enough_for_many_files() {
    let world = world_of_dave();
    let names: Vec<String> = (0..20).map(|number| format!("many/{number}.sops.yaml")).collect();
    for name in &names {
        world.write(name, CLEAR);
        world.runs(&["encrypt", "-i", "--age", DAVE, name]);
    }
    converse(&world, &["decrypt", "-i", "many"], &[PASSPHRASE], 0);
    assert!(names.iter().all(|name| world.read(name) == CLEAR));
}

#[test]
fn at_the_end_of_the_input_the_passphrase_is_not_asked_for_again() {
    let world = world_of_dave();
    let mut session = on_terminal(&world, &["decrypt", "a.sops.yaml"]);
    session.expect("Passphrase for ").unwrap();
    session.send("\u{4}").unwrap();
    let shown = session.expect(expectrl::Eof).unwrap();
    ends_with(&session, 128);
    let shown = String::from_utf8_lossy(shown.as_bytes());
    assert!(shown.contains("is encrypted with a passphrase, which was not given"), "{shown}");
}

#[test]
fn an_interrupt_at_the_question_ends_the_run_and_typing_is_shown_again() {
    let world = world_of_dave().set("PATH", "/usr/bin:/bin");
    let mut command = std::process::Command::new("/bin/sh");
    let script =
        format!("stty echo; trap : INT; {} decrypt a.sops.yaml; echo code=$?; stty -a", env!("CARGO_BIN_EXE_secrets"));
    command.args(["-c", &script]);
    let mut session = on_terminal_runs(&world, command);
    session.expect("Passphrase for ").unwrap();
    session.expect(": ").unwrap();
    session.send("\u{3}").unwrap();
    let shown = session.expect(expectrl::Eof).unwrap();
    let shown = String::from_utf8_lossy(shown.as_bytes()).into_owned();
    assert!(shown.contains("code=130"), "{shown}");
    assert!(shown.contains(" echo ") && !shown.contains(" -echo "), "{shown}");
}

#[test]
fn without_a_terminal_the_way_without_a_question_is_named() {
    let hint = refuses_without_terminal(&world_of_dave());
    assert!(hint.contains("is encrypted with a passphrase, and there is no terminal to ask for it on"), "{hint}");
    assert!(hint.contains("name that in SOPS_AGE_KEY_FILE, or print them with SOPS_AGE_KEY_CMD"), "{hint}");
    let world = world_for(&public("ssh_ed25519_passphrase.pub"));
    put_ssh_key(&world, "ssh_ed25519_passphrase", "id_ed25519");
    let hint = refuses_without_terminal(&world);
    assert!(hint.contains("the default SSH key ("), "{hint}");
    assert!(hint.contains("SOPS_AGE_SSH_PRIVATE_KEY_FILE, or print one with SOPS_AGE_SSH_PRIVATE_KEY_CMD"), "{hint}");
}

#[test]
fn an_ssh_key_is_found_in_each_of_its_places() {
    for name in ["ssh_ed25519", "ssh_rsa"] {
        let recipient = public(&format!("{name}.pub"));
        let path = key(name).display().to_string();
        let file = world_for(&recipient).set("SOPS_AGE_SSH_PRIVATE_KEY_FILE", &path);
        assert_eq!(file.runs(&["decrypt", "a.sops.yaml"]), CLEAR);
        let command = world_for(&recipient).set("PATH", "/usr/bin:/bin");
        let command = command.set("SOPS_AGE_SSH_PRIVATE_KEY_CMD", &format!("cat '{path}'"));
        assert_eq!(command.runs(&["decrypt", "a.sops.yaml"]), CLEAR);
        let default = world_for(&recipient);
        put_ssh_key(&default, name, &name.replace("ssh_", "id_"));
        assert_eq!(default.runs(&["decrypt", "a.sops.yaml"]), CLEAR);
        assert_eq!(recipients(&default.read("a.sops.yaml")), [recipient.as_str()]);
    }
}

#[test]
fn an_ssh_key_is_read_in_the_formats_that_sops_reads() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ssh");
    for name in ["ed25519", "rsa"] {
        let path = fixtures.join(format!("{name}.pkcs8")).display().to_string();
        let world = world_for(&public(&format!("ssh_{name}.pub"))).set("SOPS_AGE_SSH_PRIVATE_KEY_FILE", &path);
        assert_eq!(world.runs(&["decrypt", "a.sops.yaml"]), CLEAR);
    }
}

#[test]
fn the_command_for_an_ssh_key_is_told_the_recipient_and_run_for_an_ssh_recipient_only() {
    let recipient = public("ssh_ed25519.pub");
    let script = format!("sh -c 'echo \"$SOPS_AGE_RECIPIENT\" > told; cat {}'", key("ssh_ed25519").display());
    let world = world_for(&recipient).set("PATH", "/usr/bin:/bin").set("SOPS_AGE_SSH_PRIVATE_KEY_CMD", &script);
    world.runs(&["decrypt", "a.sops.yaml"]);
    assert_eq!(world.read("told"), format!("{recipient}\n"));
    let world = world_for(ALICE).set("PATH", "/usr/bin:/bin").set("SOPS_AGE_SSH_PRIVATE_KEY_CMD", &script);
    let ran = world.run(&["decrypt", "a.sops.yaml"]);
    assert_eq!((ran.code, ran.stderr.contains("SOPS_AGE_SSH_PRIVATE_KEY_CMD")), (128, false), "{}", ran.stderr);
    assert!(!world.path("told").exists());
}

#[test]
fn what_a_command_says_on_its_standard_error_is_shown() {
    let world = world_for(ALICE)
        .set("PATH", "/usr/bin:/bin")
        .set("SOPS_AGE_KEY_CMD", "sh -c 'echo vault is sealed >&2; exit 3'");
    let ran = world.run(&["decrypt", "a.sops.yaml"]);
    assert!(ran.stderr.starts_with("vault is sealed\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("SOPS_AGE_KEY_CMD: `sh` failed with exit status: 3"), "{}", ran.stderr);
}

#[test]
fn an_encrypted_ssh_key_is_asked_for_only_where_the_file_is_for_it() {
    let world = world_for(&public("ssh_ed25519_passphrase.pub"));
    put_ssh_key(&world, "ssh_ed25519_passphrase", "id_ed25519");
    let shown = converse(&world, &["decrypt", "a.sops.yaml"], &["wrong-1", PASSPHRASE], 0);
    assert!(shown.contains("hunter2"), "{shown}");
    let others = world_for(&public("ssh_ed25519.pub"));
    put_ssh_key(&others, "ssh_ed25519_passphrase", "id_ed25519");
    let shown = converse(&others, &["decrypt", "a.sops.yaml"], &[], 128);
    assert!(shown.contains("id_ed25519): behind a passphrase"), "{shown}");
}

#[test]
fn while_a_plain_key_opens_the_file_nothing_else_is_touched() {
    let world = world_for(&format!("{ALICE},{}", public("ssh_ed25519.pub"))).set_identity("alice");
    let touch = |name: &str| format!("touch {}", world.path(name).display());
    let (key_command, ssh_command) = (touch("key-command"), touch("ssh-command"));
    // Whoever opens a pipe that nobody writes to waits for ever.
    for pipe in ["home/.ssh/id_ed25519", "home/.ssh/id_rsa", "ssh-key"] {
        let path = world.path(pipe);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = std::process::Command::new("/usr/bin/mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    }
    let plugins = world.path("plugins");
    world.write("plugins/age-plugin-test", &format!("#!/bin/sh\n{}\n", touch("plugin")));
    let ssh_key = world.path("ssh-key").display().to_string();
    let world = world
        .set("PATH", &format!("{}:/usr/bin:/bin", plugins.display()))
        .set("SOPS_AGE_KEY_CMD", &key_command)
        .set("SOPS_AGE_SSH_PRIVATE_KEY_CMD", &ssh_command)
        .set("SOPS_AGE_SSH_PRIVATE_KEY_FILE", &ssh_key)
        .set("SOPS_AGE_KEY", &fs::read_to_string(key("dave-armored.age")).unwrap());
    let mut session = on_terminal(&world, &["decrypt", "-o", "clear.yaml", "a.sops.yaml"]);
    let shown = session.expect(expectrl::Eof).unwrap();
    assert_eq!(String::from_utf8_lossy(shown.as_bytes()), "");
    ends_with(&session, 0);
    assert_eq!(world.read("clear.yaml"), CLEAR);
    for touched in ["key-command", "ssh-command", "plugin"] {
        assert!(!world.path(touched).exists(), "{touched}");
    }
}

#[test]
fn a_broken_ssh_key_hides_no_other_and_is_told_when_nothing_opens_the_file() {
    let world = world_for(&public("ssh_rsa.pub"));
    world.write(
        "home/.ssh/id_ed25519",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    );
    let hint = refuses_without_terminal(&world);
    assert!(hint.contains("id_ed25519): the SSH key is damaged"), "{hint}");
    put_ssh_key(&world, "ssh_rsa", "id_rsa");
    assert_eq!(world.runs(&["decrypt", "a.sops.yaml"]), CLEAR);
}

#[test]
fn what_is_no_recipient_is_told_with_where_it_is_written_and_what_would_do() {
    let world = World::new();
    let ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY= me";
    world.write("a.yaml", CLEAR);
    let fault = format!(
        "recipient {ecdsa:?}: SSH keys of the kind ecdsa-sha2-nistp256 cannot decrypt: only ssh-ed25519 and ssh-rsa can"
    );
    let hint = world.refuses(&["encrypt", "--age", ecdsa, "a.yaml"], 1, &format!("--age: {fault}"));
    assert_eq!(hint, "give an age1… recipient, or a key that `ssh-keygen -t ed25519` made");
    world.write(
        ".sops.yaml",
        &format!("creation_rules:\n  - key_groups:\n      - age:\n          - {ALICE}\n          - {ecdsa}\n"),
    );
    let error = format!("a.yaml: rule 1 of ROOT/.sops.yaml at line 5, column 13: {fault}");
    world.refuses(&["encrypt", "a.yaml"], 1, &error);
    // Who pastes the wrong file does not find it in the log of CI.
    let private = fs::read_to_string(key("ssh_ed25519")).unwrap();
    let told = "--age: a private key stands where a recipient belongs";
    let hint = world.refuses(&["encrypt", &format!("--age={private}"), "a.yaml"], 1, told);
    assert!(hint.contains("of an SSH key, the file that ends in .pub has it"), "{hint}");
    let of_words = "a private key stands on the command line, where none belongs";
    world.refuses(&["encrypt", "--age", &private, "a.yaml"], 2, of_words);
    world.refuses(&["AGE-SECRET-KEY-1HE0"], 2, of_words);
    let body = private.lines().nth(1).unwrap();
    world.refuses(&["encrypt", "--age", &format!("ssh-ed25519 {body}"), "a.yaml"], 1, told);
}

#[test]
fn a_scrypt_work_factor_that_would_take_hours_is_refused_at_once() {
    let mut file = fs::read(key("dave-binary.age")).unwrap();
    let at = file.windows(4).position(|bytes| bytes == b" 10\n").unwrap();
    file.splice(at..at + 4, *b" 30\n");
    let world = world_for(DAVE);
    fs::write(world.path("heavy.age"), file).unwrap();
    let path = world.path("heavy.age").display().to_string();
    let world = world.set("SOPS_AGE_KEY_FILE", &path);
    let shown = converse(&world, &["decrypt", "a.sops.yaml"], &[], 128);
    assert!(
        shown.contains("is encrypted with a scrypt work factor of 30, and 22 is the most that is tried"),
        "{shown}"
    );
}
