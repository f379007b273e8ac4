//! `verify`: what is told, where, and the exit codes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use assert_fs::{TempDir, prelude::*};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

fn vector(name: &str) -> String {
    std::fs::read_to_string(format!("{FIXTURES}/sops/{name}/encrypted.yaml")).unwrap()
}

fn secrets(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_secrets"));
    command.env_clear().env("HOME", folder.path()).current_dir(folder).arg("verify").args(arguments);
    command
}

/// Runs in a folder with `files`, and compares the exit code, standard output, and whether standard error holds a text.
#[track_caller]
fn check(files: &[(&str, &str)], arguments: &[&str], code: i32, stdout: &str, stderr: &str) {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        folder.child(name).write_str(text).unwrap();
    }
    let output = secrets(&folder, arguments).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), stdout, "{told}");
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(if stderr.is_empty() { told.is_empty() } else { told.contains(stderr) }, "{told}");
    for (name, text) in files {
        folder.child(name).assert(*text);
    }
}

#[test]
fn the_example_repositories_are_clean() {
    let folder = TempDir::new().unwrap();
    for (repository, files, skipped) in [("layered-overlays", 5, 0), ("component-trees", 5, 2), ("per-cluster", 7, 0)] {
        let path = format!("{FIXTURES}/repos/{repository}");
        secrets(&folder, &[&path]).assert().code(0).stdout("").stderr("");
        let told = secrets(&folder, &["-v", &path]).output().unwrap().stderr;
        let told = String::from_utf8(told).unwrap();
        assert!(told.contains(&format!("{files} files checked, 0 findings")), "{told}");
        assert_eq!(told.matches("only YAML files are checked so far").count(), skipped, "{told}");
    }
}

#[test]
fn findings_are_told_by_path_and_line_with_what_to_do() {
    let clear = vector("448-clear-leaf-added");
    check(
        &[("b/a.yaml", &clear), ("a.yaml", &vector("351-base-all")), ("other.yaml", "a: 1\n")],
        &[],
        1,
        "b/a.yaml:3:8: value-in-clear: in clear although the file's selector picks it (extra)\n",
        "secrets: hint: value-in-clear: encrypt it",
    );
    check(
        &[("b/a.yaml", &clear)],
        &["-q", "b"],
        1,
        "b/a.yaml:3:8: value-in-clear: in clear although the file's selector picks it (extra)\n",
        "",
    );
}

#[test]
fn a_note_does_not_change_the_exit_code() {
    let line = "a.yaml:3:1: comment-in-clear: note: a comment in clear among encrypted values\n";
    check(&[("a.yaml", &vector("491-comment-added"))], &[], 0, line, "hint: comment-in-clear");
}

#[test]
fn a_name_that_says_encrypted_has_to_be_true_and_the_policy_is_no_such_name() {
    let finding = ":1:1: not-encrypted: no `sops` block: nothing in the file is encrypted\n";
    let files = [
        ("a.sops.yaml", "a: hunter2\n"),
        (".sops.yaml", "creation_rules: []\n"),
        ("b.sops.yml", "b: 1\n"),
        ("c.yaml", "c: 1\n"),
    ];
    check(&files, &["."], 1, &format!("a.sops.yaml{finding}b.sops.yml{finding}"), "secrets encrypt -i FILE");
    check(&files, &["c.yaml"], 1, &format!("c.yaml{finding}"), "secrets encrypt -i FILE");
    let all = format!("a.sops.yaml{finding}b.sops.yml{finding}c.yaml{finding}");
    check(&files, &[".", "c.yaml"], 1, &all, "secrets encrypt -i FILE");
}

#[test]
fn what_git_ignores_is_checked_only_by_name() {
    let files = [(".gitignore", "private\n"), ("private/a.sops.yaml", "a: 1\n"), (".git/HEAD", "x")];
    check(&files, &[], 0, "", "no SOPS file was found");
    let line = "private/a.sops.yaml:1:1: not-encrypted: no `sops` block: nothing in the file is encrypted\n";
    check(&files, &["private/a.sops.yaml"], 1, line, "hint");
}

#[test]
fn a_conflict_is_told_by_its_lines_although_the_file_does_not_parse() {
    let text = format!("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> b\n{}", vector("351-base-all"));
    let lines = "a.yaml:1:1: merge-conflict: a merge conflict begins here\n\
                 a.yaml:3:1: merge-conflict: the other side of a merge conflict\n\
                 a.yaml:5:1: merge-conflict: a merge conflict ends here\n";
    check(&[("a.yaml", &text)], &[], 1, lines, "resolve the conflict");
}

#[test]
fn what_cannot_be_checked_is_told_and_hides_no_finding() {
    let lines = "a.yaml:3:8: value-in-clear: in clear although the file's selector picks it (extra)\n";
    let files = [("a.yaml", vector("448-clear-leaf-added")), ("b.env", "A=1\n".to_owned())];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    check(&files, &["a.yaml", "nowhere.yaml"], 2, lines, "nowhere.yaml: cannot be read");
    check(&files, &["a.yaml", "b.env"], 2, lines, "dotenv files are not supported yet");
    let folder = TempDir::new().unwrap();
    folder.child("a.sops.yaml").write_binary(b"a: \xff\n").unwrap();
    folder.child("b.yaml").write_binary(b"a: \xff\n").unwrap();
    secrets(&folder, &[]).assert().code(2).stdout("");
}

#[test]
fn with_a_key_the_values_and_the_mac_are_checked_and_without_one_nothing_is_called_clean() {
    let folder = TempDir::new().unwrap();
    folder.child("a.yaml").write_str(&vector("451-unencrypted-leaf-changed")).unwrap();
    let keys = format!("{FIXTURES}/keys/all.txt");
    secrets(&folder, &[]).assert().code(0).stdout("").stderr("");
    let mismatch = "a.yaml:41:10: mac-mismatch: the MAC over the values is not the stored one: one was changed, added, \
                    removed or moved (sops.mac)\n";
    secrets(&folder, &["--decrypt"]).env("SOPS_AGE_KEY_FILE", &keys).assert().code(1).stdout(mismatch);
    let output = secrets(&folder, &["--decrypt"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("found no identity"));
    folder.child("a.yaml").write_str(&vector("351-base-all")).unwrap();
    secrets(&folder, &["--decrypt"]).env("SOPS_AGE_KEY_FILE", &keys).assert().code(0).stdout("").stderr("");
}

#[test]
fn a_recipient_that_is_not_the_one_is_told_with_a_key() {
    let folder = TempDir::new().unwrap();
    folder.child("a.yaml").write_str(&vector("474-recipient-string-changed")).unwrap();
    secrets(&folder, &[]).assert().code(0).stdout("").stderr("");
    let keys = format!("{FIXTURES}/keys/all.txt");
    let output = secrets(&folder, &["--decrypt"]).env("SOPS_AGE_KEY_FILE", &keys).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line = "a.yaml:39:22: recipient-mismatch: an entry that its own recipient's identity does not open \
                (sops.age[0].recipient)\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), line);
}

#[test]
fn json_is_one_object_with_its_schema() {
    let json = r#"{
  "schema": "secrets-verify/1",
  "files": 1,
  "findings": [
    {
      "path": "a.yaml",
      "line": 3,
      "column": 8,
      "value_path": "extra",
      "rule": "value-in-clear",
      "severity": "error",
      "message": "in clear although the file's selector picks it",
      "hint": "encrypt it with `secrets set`; what has been committed in clear has to be replaced"
    }
  ],
  "unchecked": [
    {
      "path": "b.yaml",
      "reason": "cannot be read: No such file or directory (os error 2)"
    }
  ],
  "skipped": []
}
"#;
    let arguments = ["--format", "json", "b.yaml", "a.yaml", "a.yaml"];
    check(&[("a.yaml", &vector("448-clear-leaf-added"))], &arguments, 2, json, "b.yaml: cannot be read");
}

#[test]
fn names_and_keys_cannot_forge_a_line() {
    let text = vector("448-clear-leaf-added").replace("extra:", "\"x\\n\\e[31mb.yaml:1:1: forged\":");
    let folder = TempDir::new().unwrap();
    folder.child("a\nb.yaml").write_str(&text).unwrap();
    let output = secrets(&folder, &[]).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), shown.lines().count()), (Some(1), 1), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
#[cfg(unix)]
fn a_directory_that_cannot_be_listed_hides_no_finding() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TempDir::new().unwrap();
    folder.child("a.sops.yaml").write_str("a: 1\n").unwrap();
    folder.child("closed/b.sops.yaml").write_str("b: 1\n").unwrap();
    let closed = folder.child("closed").to_path_buf();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything; there is nothing to see then.
    let is_root = std::fs::read_dir(&closed).is_ok();
    let output = secrets(&folder, &[]).output().unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.starts_with("a.sops.yaml:1:1: not-encrypted"), "{shown}");
    assert_eq!(output.status.code(), Some(if is_root { 1 } else { 2 }));
}
