//! Plugins, by one of our own that asks for everything: `tests/plugin/age-plugin-test`.

use std::time::{Duration, Instant};

use expectrl::Expect as _;

use super::*;

const RECIPIENT: &str = "age1test1qurswpc8qurswdldkpl";
const IDENTITY: &str = "AGE-PLUGIN-TEST-1QURSWPC8QURSWKGVVTG";

/// A world without identities, in which the plugin is on `PATH` and asks for the words of `asks`.
fn world(asks: &str) -> World {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugin");
    let world = World::new().set("PATH", &format!("{}:/usr/bin:/bin", plugins.display()));
    fs::remove_file(world.path("home/.config/sops/age/keys.txt")).unwrap();
    let log = world.path("home/plugin.log").to_str().unwrap().to_owned();
    world.write("home/plugin.log", "").write("a.yaml", "a: one\n");
    world.set("TEST_PLUGIN_LOG", &log).set("TEST_PLUGIN_ASKS", asks)
}

/// The same with the plugin's identity and a file for its recipient, which was made without questions.
fn world_with_file(asks: &str) -> World {
    let world = world("");
    world.write("home/.config/sops/age/keys.txt", &format!("{IDENTITY}\n"));
    let encrypted = world.runs(&["encrypt", "--age", RECIPIENT, "a.yaml"]);
    world.write("a.yaml", &encrypted).write("home/plugin.log", "");
    world.set("TEST_PLUGIN_ASKS", asks)
}

/// How often each side of the plugin ran.
fn runs(world: &World) -> Vec<String> {
    let log = world.read("home/plugin.log");
    log.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn a_recipient_of_a_plugin_is_recorded_as_it_is_and_its_identity_opens_the_file() {
    let world = world_with_file("");
    let encrypted = world.read("a.yaml");
    assert_eq!(recipients(&encrypted), [RECIPIENT]);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), "a: one\n");
    world.runs(&["verify", "a.yaml"]);
    assert_eq!(runs(&world), ["identity-v1"]);
}

#[test]
fn a_plugin_is_started_in_an_empty_directory_that_is_gone_afterwards() {
    let world = world_with_file("");
    world.runs(&["decrypt", "a.yaml"]);
    let log = world.read("home/plugin.log");
    let words: Vec<&str> = log.split_whitespace().collect();
    assert_eq!(words[2..], ["0"], "{log}");
    assert!(!Path::new(words[1]).exists(), "{log}");
}

#[test]
fn a_plugin_is_started_only_where_nothing_cheaper_opens_a_file_that_it_could() {
    let world = world_with_file("");
    let both = world.write("b.yaml", "b: two\n").runs(&["encrypt", "--age", &format!("{RECIPIENT},{ALICE}"), "b.yaml"]);
    let alices = world.runs(&["encrypt", "--age", ALICE, "b.yaml"]);
    world.write("both.yaml", &both).write("alices.yaml", &alices).write("home/plugin.log", "");
    assert_eq!(world.run(&["decrypt", "alices.yaml"]).code, 128);
    let world = world.set("SOPS_AGE_KEY_FILE", &format!("{}/fixtures/keys/alice.txt", env!("CARGO_MANIFEST_DIR")));
    assert_eq!(world.runs(&["decrypt", "both.yaml"]), "b: two\n");
    assert_eq!(runs(&world), [""; 0]);
}

#[test]
fn questions_of_a_plugin_are_asked_on_the_terminal_and_with_its_name() {
    let world = world_with_file("message public secret confirm");
    let mut session = on_terminal(&world, &["decrypt", "a.yaml"]);
    session.expect("age-plugin-test: touch the [31mtoken now").unwrap();
    session.expect("age-plugin-test: which slot: ").unwrap();
    session.send_line("nine").unwrap();
    session.expect("age-plugin-test: PIN: ").unwrap();
    session.send_line("123456").unwrap();
    let shown = session.expect("age-plugin-test: use the key?").unwrap();
    assert!(!String::from_utf8_lossy(shown.before()).contains("123456"));
    session.expect("[y] use it, [n] leave it: ").unwrap();
    session.send_line("y").unwrap();
    session.expect("a: one").unwrap();
    session.expect(expectrl::Eof).unwrap();
    ends_with(&session, 0);
}

#[test]
fn a_pin_that_was_right_is_asked_for_once_in_a_run() {
    let world = world_with_file("public secret");
    let text = world.read("a.yaml");
    world.write("many/b.yaml", &text).write("many/c.yaml", &text).write("many/d.yaml", &text);
    let mut session = on_terminal(&world, &["decrypt", "-i", "many"]);
    session.expect("age-plugin-test: which slot: ").unwrap();
    session.send_line("nine").unwrap();
    session.expect("age-plugin-test: PIN: ").unwrap();
    session.send_line("123456").unwrap();
    let rest = session.expect(expectrl::Eof).unwrap();
    let told = String::from_utf8_lossy(rest.as_bytes()).into_owned();
    assert!(!told.contains("PIN") && !told.contains("slot"), "{told}");
    ends_with(&session, 0);
    assert_eq!(runs(&world), ["identity-v1"; 3]);
    for name in ["many/b.yaml", "many/c.yaml", "many/d.yaml"] {
        assert_eq!(world.read(name), "a: one\n");
    }
}

#[test]
fn a_plugin_can_ask_when_it_encrypts_too() {
    let world = world("secret");
    let mut session = on_terminal(&world, &["encrypt", "-i", "--age", RECIPIENT, "a.yaml"]);
    session.expect("age-plugin-test: PIN: ").unwrap();
    session.send_line("123456").unwrap();
    session.expect(expectrl::Eof).unwrap();
    ends_with(&session, 0);
    assert_eq!(recipients(&world.read("a.yaml")), [RECIPIENT]);
}

#[test]
fn what_a_plugin_refuses_is_told_in_one_line_without_control_characters() {
    let world = world_with_file("secret");
    let mut session = on_terminal(&world, &["decrypt", "a.yaml"]);
    session.expect("PIN: ").unwrap();
    session.send_line("000000").unwrap();
    let rest = session.expect(expectrl::Eof).unwrap();
    let told = String::from_utf8_lossy(rest.as_bytes()).into_owned();
    let reason = "'age-plugin-test' couldn't use an identity: the PIN is wrong [2Jreally (see";
    assert!(told.contains(reason), "{told}");
    ends_with(&session, 128);
}

#[test]
fn without_a_terminal_the_plugin_gets_no_answer_and_says_so() {
    let world = world_with_file("secret");
    let told = world.run(&["decrypt", "a.yaml"]);
    assert_eq!(told.code, 128);
    let reason = "'age-plugin-test' couldn't use an identity: a PIN is needed (see";
    assert!(told.stderr.contains(reason), "{}", told.stderr);
}

#[test]
fn a_program_that_is_no_plugin_is_told() {
    let world = world_with_file("garbage");
    let told = world.run(&["decrypt", "a.yaml"]);
    assert_eq!(told.code, 128);
    assert!(told.stderr.contains("age-plugin-test does not work as a plugin: "), "{}", told.stderr);
    let world = world.set("TEST_PLUGIN_ASKS", "garbage");
    world.write("b.yaml", "b: two\n");
    let told = world.run(&["encrypt", "--age", RECIPIENT, "b.yaml"]);
    assert!(told.stderr.contains("age-plugin-test does not work as a plugin: "), "{}", told.stderr);
}

#[test]
fn an_interrupt_ends_a_plugin_that_hangs() {
    let world = world_with_file("message hang");
    let mut session = on_terminal(&world, &["decrypt", "a.yaml"]);
    session.expect("touch the").unwrap();
    let start = Instant::now();
    session.send("\u{3}").unwrap();
    session.expect(expectrl::Eof).unwrap();
    assert!(start.elapsed() < Duration::from_secs(120));
}

#[test]
fn a_plugin_that_is_not_there_is_named_with_the_recipient_and_the_remedy() {
    let world = world("");
    let absent = "age1absent1qurswpc8qurswyf3zl9";
    let hint = world.refuses(
        &["encrypt", "--age", absent, "a.yaml"],
        1,
        &format!("a.yaml: the data key cannot be wrapped for {absent}: age-plugin-absent is not on PATH"),
    );
    assert_eq!(hint, "install the plugin, in a directory that PATH names");
    let world = world_with_file("").set("PATH", "/nonexistent");
    let told = world.run(&["decrypt", "a.yaml"]);
    assert_eq!(told.code, 128);
    assert!(told.stderr.contains(RECIPIENT), "{}", told.stderr);
    assert!(told.stderr.contains("age-plugin-test is not on PATH (install the plugin"), "{}", told.stderr);
}

#[test]
fn a_plugin_is_never_taken_from_a_relative_directory() {
    for path in [".", "", "plugins", "/nonexistent:", "plugins/../plugins:/bin"] {
        let world = world("").set("PATH", path);
        for place in ["age-plugin-test", "plugins/age-plugin-test"] {
            world.write(place, "#!/bin/sh\necho taken >> \"$HOME/plugin.log\"\n");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(world.path(place), mode).unwrap();
        }
        let ran = world.run(&["encrypt", "--age", RECIPIENT, "a.yaml"]);
        assert_eq!(ran.code, 1, "{path}: {}", ran.stderr);
        let is_told = ran.stderr.contains("which PATH names relative to the current directory")
            || ran.stderr.contains("age-plugin-test is not on PATH");
        assert!(is_told, "{path}: {}", ran.stderr);
        assert_eq!(runs(&world), [""; 0], "{path}");
    }
}

#[test]
fn a_plugin_with_a_path_for_a_name_is_refused_before_anything_is_looked_up() {
    let world = world("");
    let reason = "a plugin's name has only ASCII letters, digits, and + - . _";
    for bad in ["age1../evil1qurswpc8qursww7lgvs", "age1pwn/pwn1qurswpc8qurswu5yafq"] {
        let ran = world.run(&["encrypt", "--age", bad, "a.yaml"]);
        assert!(ran.stderr.contains(&format!("recipient \"{bad}\": {reason}")), "{}", ran.stderr);
        world.write(".sops.yaml", &format!("creation_rules:\n  - age: {bad}\n"));
        let ran = world.run(&["encrypt", "a.yaml"]);
        assert!(ran.stderr.contains(&format!("recipient \"{bad}\": {reason}")), "{}", ran.stderr);
        fs::remove_file(world.path(".sops.yaml")).unwrap();
    }
    let world = world_with_file("");
    for bad in ["AGE-PLUGIN-../EVIL-1QURSWPC8QURSWKVGSXV", "AGE-PLUGIN-PWN/PWN-1QURSWPC8QURSWRNJVGG"] {
        world.write("home/.config/sops/age/keys.txt", bad);
        let ran = world.run(&["decrypt", "a.yaml"]);
        assert_eq!(ran.code, 128);
        assert!(!ran.stderr.contains(bad), "{}", ran.stderr);
    }
    assert_eq!(runs(&world), [""; 0]);
}
