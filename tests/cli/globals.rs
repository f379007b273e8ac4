//! Flags of every command, and the command line as a whole.

use super::*;

#[test]
fn the_version_tells_the_format() {
    let version = World::new().runs(&["--version"]);
    assert_eq!(version, format!("secrets {} (SOPS format 3.13.2)\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_command_has_a_short_help() {
    let world = World::new();
    let help = world.runs(&["--help"]);
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names: Vec<&str> = commands.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        let long = world.runs(&[name, "--help"]);
        assert!(long.contains(&format!("Usage: secrets {name}")), "{long}");
        assert!(long.lines().count() <= 60, "{name}: {}", long.lines().count());
        assert_eq!(world.runs(&[name, "-h"]), long);
    }
}

#[test]
fn a_command_line_that_makes_no_sense_is_told_in_two_lines() {
    let world = World::new();
    assert_eq!(world.refuses(&[], 2, "a command is missing"), "see `secrets --help`");
    assert_eq!(world.refuses(&["identity"], 2, "a command is missing"), "see `secrets identity --help`");
    assert_eq!(
        world.refuses(&["rotat"], 2, "unrecognized subcommand 'rotat'"),
        "a similar subcommand exists: 'rotate'; see `secrets --help`"
    );
    assert_eq!(
        world.refuses(&["decrypt", "--nope"], 2, "unexpected argument '--nope' found"),
        "to pass '--nope' as a value, use '-- --nope'; see `secrets decrypt --help`"
    );
    world.refuses(&["-q", "-v", "decrypt"], 2, "the argument '--quiet' cannot be used with '--verbose'");
}

#[test]
fn global_flags_stand_before_or_after_the_command() {
    let world = World::with_secret();
    let sealed = world.read("db.sops.yaml");
    world.write("sub/db.sops.yaml", &sealed);
    fs::remove_file(world.path("db.sops.yaml")).unwrap();
    assert_eq!(world.runs(&["-C", "sub", "decrypt", "db.sops.yaml"]), SECRET);
    assert_eq!(world.runs(&["decrypt", "db.sops.yaml", "-C", "sub"]), SECRET);
    world.refuses(
        &["-C", "none", "decrypt", "db.sops.yaml"],
        1,
        "none cannot be entered: No such file or directory (os error 2)",
    );
}

#[test]
fn quiet_tells_errors_only_and_verbose_tells_what_was_done() {
    let world = World::with_secret();
    fs::remove_file(world.path(".sops.yaml")).unwrap();
    assert_eq!(world.runs(&["-q", "rotate", "-i", "db.sops.yaml"]), "");
    let said = world.run(&["rotate", "-v", "-i", "db.sops.yaml"]).stderr;
    assert!(
        said.starts_with("secrets: note: db.sops.yaml: replaced\nsecrets: warning: db.sops.yaml: no creation rule"),
        "{said}"
    );
    world.refuses(
        &["-q", "decrypt", "missing.yaml"],
        1,
        "missing.yaml: cannot be read: No such file or directory (os error 2)",
    );
}

#[test]
fn colors_are_used_when_asked_for() {
    let world = World::new();
    let stderr = |arguments: &[&str]| world.run(&[arguments, &["decrypt", "missing.yaml"]].concat()).stderr;
    assert!(!stderr(&[]).contains('\u{1b}'));
    assert!(!stderr(&["--color", "never"]).contains('\u{1b}'));
    let colored = stderr(&["--color=always"]);
    assert!(colored.contains("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m missing.yaml"), "{colored:?}");
}

#[test]
fn control_characters_in_names_cannot_forge_a_line() {
    let world = World::new();
    world.refuses(
        &["decrypt", "a\nsecrets: error: b"],
        1,
        "a\u{fffd}secrets: error: b: cannot be read: No such file or directory (os error 2)",
    );
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = World::new();
    let long = format!("a: {}\n", "x".repeat(1 << 20));
    world.write("plain.yaml", &long);
    world.runs(&["encrypt", "--age", ALICE, "-o", "a.yaml", "plain.yaml"]);
    let script = format!("{} decrypt a.yaml | head -c 1", env!("CARGO_BIN_EXE_secrets"));
    let mut shell = Command::new("/bin/bash");
    shell.current_dir(world.root.path()).env("HOME", world.path("home")).args(["-o", "pipefail", "-c", &script]);
    let output = shell.output().unwrap();
    assert_eq!((output.status.code(), output.stdout, output.stderr), (Some(0), b"a".to_vec(), Vec::new()));
}

/// A disk that is full, in the place of standard output.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let world = World::with_secret();
    let script = format!("{} decrypt db.sops.yaml > /dev/full", env!("CARGO_BIN_EXE_secrets"));
    let mut shell = Command::new("/bin/bash");
    shell.current_dir(world.root.path()).env("HOME", world.path("home")).args(["-c", &script]);
    let output = shell.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr, "secrets: error: standard output cannot be written: No space left on device (os error 28)\n");
}
