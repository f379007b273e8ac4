//! `secrets decrypt`

use super::*;

#[test]
fn decrypt_prints_what_sops_prints() {
    let world = World::new();
    for vector in ["001-leaf-str", "018-floats", "036-lists", "047-multidoc-two", "061-comment-head-only-map"] {
        world.write("a.yaml", &fixture(&format!("sops/{vector}/encrypted.yaml")));
        assert_eq!(world.runs(&["decrypt", "a.yaml"]), fixture(&format!("sops/{vector}/decrypted.yaml")), "{vector}");
    }
}

#[test]
fn decrypt_to_a_file_makes_one_that_only_its_owner_reads() {
    let world = World::with_secret();
    for round in 0..2 {
        assert_eq!(world.runs(&["decrypt", "-o", "clear.yaml", "db.sops.yaml"]), "", "{round}");
        assert_eq!(world.read("clear.yaml"), SECRET);
        #[cfg(unix)]
        assert_eq!(mode(&world.path("clear.yaml")), 0o600);
    }
}

#[test]
fn decrypt_in_place_takes_several_files_and_directories() {
    let world = World::with_secret();
    let sealed = world.read("db.sops.yaml");
    world.write("sub/a.sops.yaml", &sealed).write("sub/.hidden/b.sops.yaml", &sealed).write("sub/plain.yaml", SECRET);
    world.write(".git/config", "").write(".gitignore", "ignored.yaml\n").write("sub/ignored.yaml", &sealed);
    world.write("sub/broken.yaml", "a: [\n").write("sub/README.md", &sealed);
    world.runs(&["decrypt", "-i", "sub", "db.sops.yaml"]);
    for name in ["sub/a.sops.yaml", "sub/.hidden/b.sops.yaml", "db.sops.yaml"] {
        assert_eq!(world.read(name), SECRET, "{name}");
    }
    assert_eq!(world.read("sub/ignored.yaml"), sealed);
    assert_eq!(world.read("sub/README.md"), sealed);
    world.runs_and_says(&["decrypt", "-i", "sub"], "secrets: warning: sub: no SOPS file among 5 files\n");
}

#[test]
fn a_directory_names_the_encrypted_files_whose_type_is_not_supported_yet() {
    let world = World::with_secret();
    world.write("a.env", &fixture("sops/291-dotenv-simple/encrypted.env"));
    world.write("a.json", &fixture("sops/261-json-simple/encrypted.json"));
    let ran = world.run(&["decrypt", "-i", "."]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("error: ./a.env: dotenv files are not supported yet, only YAML\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: ./a.json: JSON files are not supported yet, only YAML\n"), "{}", ran.stderr);
    assert_eq!(world.read("db.sops.yaml"), SECRET);
}

#[test]
fn decrypt_reads_standard_input() {
    let world = World::with_secret();
    let sealed = world.read("db.sops.yaml");
    assert_eq!(world.runs_with_input(&["decrypt", "--input-type", "yaml"], &sealed), SECRET);
    assert_eq!(world.runs_with_input(&["decrypt", "--filename-override", "x.yaml", "-"], &sealed), SECRET);
    world.refuses_input(
        &["decrypt"],
        &sealed,
        2,
        "standard input: standard input has no name that would tell its type",
    );
    world.refuses_input(
        &["decrypt", "--filename-override", "x.json"],
        &sealed,
        1,
        "standard input: JSON files are not supported yet, only YAML",
    );
}

#[test]
fn decrypt_extracts_one_value_by_either_kind_of_path() {
    let world = World::with_secret();
    assert_eq!(world.runs(&["decrypt", "--extract", "stringData.password", "db.sops.yaml"]), "correct horse");
    assert_eq!(world.runs(&["decrypt", "--extract", "[\"stringData\"]['user']", "db.sops.yaml"]), "admin");
    world.runs(&["decrypt", "--extract", "stringData.user", "-o", "user", "db.sops.yaml"]);
    assert_eq!(world.read("user"), "admin");
    world.refuses(
        &["decrypt", "--extract", "nope", "db.sops.yaml"],
        1,
        "db.sops.yaml: there is no `nope` in the document",
    );
    world.refuses(
        &["decrypt", "--extract", "kind.x", "db.sops.yaml"],
        1,
        "db.sops.yaml: `kind` is a single value, so that there is no `x` in it",
    );
    world.refuses(
        &["decrypt", "--extract", "[0", "db.sops.yaml"],
        2,
        "[0: not a path: a bracket is not closed at character 1",
    );
    world.refuses(
        &["decrypt", "-i", "--extract", "kind", "db.sops.yaml"],
        2,
        "the argument '--in-place' cannot be used with '--extract <PATH>'",
    );
}

#[test]
fn a_changed_file_is_refused_with_51_and_shown_only_on_demand() {
    let world = World::with_secret();
    let changed = world.read("db.sops.yaml").replace("name: db", "name: other");
    world.write("db.sops.yaml", &changed);
    let error = "db.sops.yaml: MAC mismatch: a value was changed, added, removed or moved since the file was encrypted";
    world.refuses(&["decrypt", "db.sops.yaml"], 51, error);
    world.refuses(&["decrypt", "-i", "db.sops.yaml"], 51, error);
    world.refuses(&["decrypt", "--extract", "kind", "-o", "x", "db.sops.yaml"], 51, error);
    assert_eq!(world.runs(&["decrypt", "--ignore-mac", "db.sops.yaml"]), SECRET.replace("name: db", "name: other"));
}

#[test]
fn a_value_that_was_renamed_or_added_in_clear_is_named() {
    let world = World::with_secret();
    let sealed = world.read("db.sops.yaml");
    world.write("a.yaml", &sealed.replace("  user:", "  login:"));
    world.refuses(&["decrypt", "a.yaml"], 1, "a.yaml: `stringData.login`: encrypted value does not belong here: changed, moved, or encrypted with another data key at line 6, column 10");
    world.write("b.yaml", &sealed.replace("stringData:\n", "stringData:\n  extra: clear\n"));
    world.refuses(
        &["decrypt", "b.yaml"],
        1,
        "b.yaml: `stringData.extra`: in clear although the file's selector picks it at line 6, column 10",
    );
}

#[test]
fn without_an_identity_that_fits_everything_that_helps_is_told() {
    let world = World::with_secret().set_identity("carol");
    let hint = world.refuses(
        &["decrypt", "db.sops.yaml"],
        128,
        &format!("db.sops.yaml: no identity opens it; it is for alice ({ALICE}), bob ({BOB})"),
    );
    assert!(hint.starts_with(&format!("found the identities of {CAROL} (the default key file (ROOT/home/")), "{hint}");
    assert!(hint.contains("keys.txt), line 3); looked in SOPS_AGE_KEY: absent, "), "{hint}");
    assert!(hint.contains("the default key file (ROOT/home/.config/sops/age/keys.txt): 1 identity"), "{hint}");
    let world = world.set("SOPS_AGE_KEY", "nonsense");
    let ran = world.run(&["decrypt", "-i", "db.sops.yaml"]);
    assert_eq!(ran.code, 128);
    assert!(ran.stderr.ends_with("; problems: SOPS_AGE_KEY: line 1: not an age identity\n"), "{}", ran.stderr);
    let world = world.set("SOPS_AGE_KEY", fixture("keys/bob.txt").lines().last().unwrap());
    assert_eq!(world.runs(&["decrypt", "db.sops.yaml"]), SECRET);
}

#[test]
fn what_is_not_encrypted_or_not_there_is_refused() {
    let world = World::new();
    world.write("a.yaml", SECRET).write("b.yaml", "a: [\n");
    world.refuses(&["decrypt", "a.yaml"], 1, "a.yaml: not encrypted: no `sops` block");
    world.refuses(&["decrypt", "-i", "a.yaml"], 1, "a.yaml: not encrypted: no `sops` block");
    world.refuses(
        &["decrypt", "missing.yaml"],
        1,
        "missing.yaml: cannot be read: No such file or directory (os error 2)",
    );
    world.refuses(&["decrypt", "a.yaml", "b.yaml"], 2, "several files are given");
    world.refuses(&["decrypt", "."], 2, ". is a directory");
    world.refuses(&["decrypt", "-i"], 2, "no file is given");
}

#[test]
fn failures_of_the_same_kind_share_their_exit_code() {
    let world = World::with_secret();
    let sealed = world.read("db.sops.yaml");
    let world = world.set_identity("carol");
    world.write("a.sops.yaml", &sealed);
    assert_eq!(world.run(&["decrypt", "-i", "db.sops.yaml", "a.sops.yaml"]).code, 128);
    assert_eq!(world.run(&["decrypt", "-i", "db.sops.yaml", "missing.yaml"]).code, 1);
}

#[test]
fn a_comment_that_only_looks_encrypted_is_told() {
    let world = World::new();
    world.write("a.yaml", "# one\na: two\n");
    let sealed = world.runs(&["encrypt", "--age", ALICE, "a.yaml"]);
    let comment = sealed.lines().next().unwrap();
    assert!(comment.starts_with("#ENC["), "{comment}");
    let odd = comment.replacen("data:", "data:AAAA", 1);
    world.write("a.yaml", &sealed.replace(comment, &odd));
    let clear = world.runs_and_says(
        &["decrypt", "a.yaml"],
        "secrets: warning: a.yaml: the comment at line 1, column 1 looks encrypted but does not decrypt; it stays as it is\n",
    );
    assert_eq!(clear, format!("{odd}\na: two\n"));
}

#[test]
fn what_to_do_is_told_once_for_many_files() {
    let world = World::with_secret();
    world.write("a.sops.yaml", &world.read("db.sops.yaml"));
    let world = world.set_identity("carol");
    let ran = world.run(&["decrypt", "-i", "."]);
    let labels: Vec<&str> = ran.stderr.lines().map(|line| line.split(": ").nth(1).unwrap()).collect();
    assert_eq!((ran.code, labels), (128, vec!["error", "hint", "error"]));
}

/// Defect 10 of sops 3.13.2: it panics.
#[test]
fn an_empty_key_command_is_told_and_does_not_hide_other_identities() {
    let world = World::with_secret().set("SOPS_AGE_KEY_CMD", "");
    assert_eq!(world.runs(&["decrypt", "db.sops.yaml"]), SECRET);
    let world = world.set_identity("carol");
    let ran = world.run(&["decrypt", "db.sops.yaml"]);
    assert_eq!(ran.code, 128);
    assert!(ran.stderr.ends_with("; problems: SOPS_AGE_KEY_CMD: is set, but holds no text\n"), "{}", ran.stderr);
}

/// Defects 10 and 11 of sops 3.13.2: it panics, or prints an internal structure.
#[test]
fn a_position_in_a_mapping_and_one_before_the_start_are_refused() {
    let world = World::with_secret();
    let not_a_list = "db.sops.yaml: `stringData` is a mapping, which has keys, so that there is no `[0]` in it";
    world.refuses(&["decrypt", "--extract", "[\"stringData\"][0]", "db.sops.yaml"], 1, not_a_list);
    let error = "[\"stringData\"][-1]: not a path: brackets hold a number, `+`, or a key in quotes at character 16";
    world.refuses(&["decrypt", "--extract", "[\"stringData\"][-1]", "db.sops.yaml"], 2, error);
}

/// Defect 16 of sops 3.13.2: one bad line costs the whole source.
#[test]
fn a_bad_line_hides_no_other_identity_of_its_file() {
    let world = World::with_secret();
    let keys = format!("nonsense\n{}AGE-SECRET-KEY-1BROKEN\n", fixture("keys/alice.txt"));
    world.write("home/.config/sops/age/keys.txt", &keys);
    assert_eq!(world.runs(&["decrypt", "db.sops.yaml"]), SECRET);
}

/// Defect 17 of sops 3.13.2, <https://github.com/getsops/sops/issues/2243>: it cannot read its own output.
#[test]
fn comments_in_lists_come_back() {
    const TEXT: &str = "list:\n    # first\n    - one\n    # second\n    - two\n";
    let world = World::new();
    world.write("a.yaml", TEXT);
    world.runs(&["encrypt", "-i", "--age", ALICE, "a.yaml"]);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), TEXT);
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_one_and_the_file_behind_it_is_replaced() {
    let world = World::with_secret();
    std::os::unix::fs::symlink("db.sops.yaml", world.path("link.yaml")).unwrap();
    world.runs(&["decrypt", "-i", "link.yaml"]);
    assert!(fs::symlink_metadata(world.path("link.yaml")).unwrap().is_symlink());
    assert_eq!(world.read("db.sops.yaml"), SECRET);
}
