//! `secrets encrypt`

use super::*;

#[test]
fn encrypt_follows_the_policy_and_prints_by_default() {
    let world = World::new();
    world.write(".sops.yaml", &policy()).write("db.sops.yaml", SECRET);
    let sealed = world.runs(&["encrypt", "db.sops.yaml"]);
    assert_eq!(recipients(&sealed), [ALICE, BOB]);
    assert_eq!(ciphertexts(&sealed).into_keys().collect::<Vec<_>>(), ["password", "user"]);
    assert!(sealed.contains("\n  encrypted_regex: ^(data|stringData)$\n"), "{sealed}");
    assert!(sealed.starts_with("apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  user: ENC["));
    assert_eq!(world.read("db.sops.yaml"), SECRET);
}

#[test]
fn encrypt_in_place_keeps_the_mode_and_can_be_undone_to_the_byte() {
    let world = World::with_secret();
    world.write("b.sops.yaml", SECRET).write("c.sops.yaml", SECRET);
    #[cfg(unix)]
    fs::set_permissions(world.path("b.sops.yaml"), std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    world.runs(&["encrypt", "--in-place", "b.sops.yaml", "c.sops.yaml"]);
    assert_eq!(ciphertexts(&world.read("b.sops.yaml")).len(), 2);
    #[cfg(unix)]
    assert_eq!(mode(&world.path("b.sops.yaml")), 0o640);
    world.runs(&["decrypt", "-i", "b.sops.yaml", "c.sops.yaml", "db.sops.yaml"]);
    for name in ["b.sops.yaml", "c.sops.yaml", "db.sops.yaml"] {
        assert_eq!(world.read(name), SECRET, "{name}");
    }
}

#[test]
fn a_file_in_utf_16_is_replaced_by_one_in_utf_8() {
    let world = World::with_secret();
    let plain = SECRET.replace("db", "d\u{20ac}\u{1f511}");
    let wide: Vec<u8> = "\u{feff}".encode_utf16().chain(plain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    fs::write(world.path("wide.sops.yaml"), wide).unwrap();
    world.runs(&["encrypt", "-i", "wide.sops.yaml"]);
    world.runs(&["decrypt", "-i", "wide.sops.yaml"]);
    assert_eq!(world.read("wide.sops.yaml"), plain);
}

#[test]
fn encrypt_writes_to_the_named_file() {
    let world = World::with_secret();
    world.write("plain.sops.yaml", SECRET);
    assert_eq!(world.runs(&["encrypt", "-o", "out.yaml", "plain.sops.yaml"]), "");
    assert_eq!(world.runs(&["decrypt", "out.yaml"]), SECRET);
    world.runs(&["encrypt", "--output", "out.yaml", "plain.sops.yaml"]);
    assert_eq!(world.runs(&["decrypt", "out.yaml"]), SECRET);
}

#[test]
fn encrypt_reads_standard_input_under_the_name_that_is_given() {
    let world = World::with_secret();
    for arguments in [
        &["encrypt", "--filename-override", "x.sops.yaml"][..],
        &["encrypt", "-", "--filename-override", "x.sops.yaml"],
    ] {
        let sealed = world.runs_with_input(arguments, SECRET);
        assert_eq!(recipients(&sealed), [ALICE, BOB]);
    }
    let hint = world.refuses_input(
        &["encrypt"],
        SECRET,
        2,
        "standard input: standard input has no name that would tell its type",
    );
    assert_eq!(hint, "give --input-type yaml, or --filename-override NAME");
    let sealed = world.runs_with_input(&["encrypt", "--input-type", "yaml", "--age", BOB], SECRET);
    assert_eq!(recipients(&sealed), [BOB]);
}

#[test]
fn encrypt_takes_recipients_from_the_flag_or_the_environment_each_once() {
    let world = World::new();
    world.write("a.yaml", SECRET);
    let list = format!("{ALICE}, {BOB}");
    assert_eq!(recipients(&world.runs(&["encrypt", "--age", &list, "a.yaml"])), [ALICE, BOB]);
    assert_eq!(recipients(&world.runs(&["encrypt", "-a", ALICE, "-a", BOB, "-a", ALICE, "a.yaml"])), [ALICE, BOB]);
    let world = world.set("SOPS_AGE_RECIPIENTS", BOB);
    assert_eq!(recipients(&world.runs(&["encrypt", "a.yaml"])), [BOB]);
    assert_eq!(recipients(&world.runs(&["encrypt", "--age", ALICE, "a.yaml"])), [ALICE]);
}

#[test]
fn encrypt_refuses_what_is_no_recipient_and_never_shows_a_private_key() {
    let world = World::new();
    world.write("a.yaml", SECRET);
    world.refuses(
        &["encrypt", "--age", "age1x", "a.yaml"],
        1,
        "--age: recipient \"age1x\": the text is damaged: its checksum, length or alphabet is not that of a recipient",
    );
    world.refuses(&["encrypt", "--age", &format!("{ALICE},"), "a.yaml"], 1, "--age: \"\" is not an age recipient");
    let key = fixture("keys/alice.txt").lines().last().unwrap().to_owned();
    world.refuses(&["encrypt", "--age", &key, "a.yaml"], 1, "--age: a private key stands where a recipient belongs");
    let world = world.set("SOPS_AGE_RECIPIENTS", "nobody");
    world.refuses(&["encrypt", "a.yaml"], 1, "SOPS_AGE_RECIPIENTS: \"nobody\" is not an age recipient");
}

/// <https://github.com/getsops/sops/issues/1790>
#[test]
fn encrypt_for_explicit_recipients_needs_no_matching_rule() {
    let world = World::new();
    world.write(".sops.yaml", &policy()).write("other.yaml", SECRET);
    let hint = world.refuses(
        &["encrypt", "other.yaml"],
        1,
        "other.yaml: no creation rule of ROOT/.sops.yaml matches the path",
    );
    assert!(hint.contains("secrets explain"), "{hint}");
    assert_eq!(recipients(&world.runs(&["encrypt", "--age", BOB, "other.yaml"])), [BOB]);
}

#[test]
fn encrypt_without_a_policy_says_so() {
    let world = World::new();
    world.write("a.yaml", SECRET);
    world.refuses(&["encrypt", "a.yaml"], 1, "a.yaml: there is no .sops.yaml upward from the file");
}

#[test]
fn each_selector_flag_selects() {
    const TEXT: &str = "a_x: one\nb: two\n# mark\nc: three\n";
    let world = World::new();
    world.write("a.yaml", TEXT);
    let check = |flag: &str, value: &str, encrypted: &[&str]| {
        let sealed = world.runs(&["encrypt", "--age", ALICE, flag, value, "a.yaml"]);
        assert_eq!(ciphertexts(&sealed).into_keys().collect::<Vec<_>>(), encrypted, "{flag}");
        let field = flag.trim_start_matches('-').replace('-', "_");
        assert!(sealed.contains(&format!("\n    {field}: {value}\n")), "{flag}: {sealed}");
    };
    check("--unencrypted-suffix", "_x", &["b", "c"]);
    check("--encrypted-suffix", "_x", &["a_x"]);
    check("--unencrypted-regex", "^b", &["a_x", "c"]);
    check("--encrypted-regex", "^b", &["b"]);
    check("--unencrypted-comment-regex", "mark", &["a_x", "b"]);
    check("--encrypted-comment-regex", "mark", &["c"]);
}

#[test]
fn a_selector_of_the_command_line_goes_before_that_of_the_rule_but_not_another_kind() {
    let world = World::new();
    world.write(".sops.yaml", &policy()).write("db.sops.yaml", SECRET);
    let sealed = world.runs(&["encrypt", "--encrypted-regex", "^user$", "db.sops.yaml"]);
    assert_eq!(ciphertexts(&sealed).into_keys().collect::<Vec<_>>(), ["user"]);
    world.refuses(
        &["encrypt", "--encrypted-suffix", "r", "db.sops.yaml"],
        2,
        "db.sops.yaml: `encrypted_suffix` is asked for, and the creation rule has `encrypted_regex`: a file has one selector",
    );
    world.refuses(
        &["encrypt", "--encrypted-suffix", "r", "--encrypted-regex", "x", "db.sops.yaml"],
        2,
        "the argument '--encrypted-suffix <SUFFIX>' cannot be used with '--encrypted-regex <REGEX>'",
    );
}

/// Defects 1 and 2 of sops 3.13.2: both end with everything in clear and exit code 0.
#[test]
fn a_selector_that_does_not_compile_or_picks_nothing_is_an_error() {
    let world = World::new();
    world.write("a.yaml", "a: one\nb: 2\nc: null\n");
    world.refuses(
        &["encrypt", "--age", ALICE, "--encrypted-regex", "a**", "a.yaml"],
        1,
        "the command line: `encrypted_regex` is not a regular expression that Go accepts: `**` repeats a repetition (at byte 1 of the regular expression)",
    );
    let nothing = ["encrypt", "--age", ALICE, "--encrypted-regex", "^data$", "a.yaml"];
    let hint = world.refuses(
        &nothing,
        1,
        "a.yaml: `encrypted_regex: ^data$` picks no value, so that all 2 would stay in clear",
    );
    assert_eq!(hint, "correct the selector, or insist with --allow-unencrypted");
    let sealed = world.runs(&[&nothing[..], &["--allow-unencrypted"]].concat());
    assert!(sealed.starts_with("a: one\nb: 2\nc: null\nsops:\n"), "{sealed}");
}

/// Defect 3 of sops 3.13.2: it ignores them, and encrypts everything.
#[test]
fn a_selector_before_the_command_is_refused() {
    let world = World::new();
    world.write("a.yaml", "a: one\n");
    world.refuses(
        &["--encrypted-regex", "x", "encrypt", "--age", ALICE, "a.yaml"],
        2,
        "unexpected argument '--encrypted-regex' found",
    );
}

#[test]
fn encrypt_lets_the_mac_cover_encrypted_values_only_when_asked() {
    let world = World::new();
    world.write("a.yaml", "a: one\nb: two\n");
    let base = ["encrypt", "--age", ALICE, "--encrypted-regex", "^a$", "a.yaml"];
    assert!(!world.runs(&base).contains("mac_only_encrypted"));
    let sealed = world.runs(&[&base[..], &["--mac-only-encrypted"]].concat());
    assert!(sealed.contains("\n    mac_only_encrypted: true\n"), "{sealed}");
    world.write("b.yaml", &sealed.replace("b: two", "b: changed"));
    assert_eq!(world.runs(&["decrypt", "b.yaml"]), "a: one\nb: changed\n");
}

#[test]
fn the_block_is_indented_as_the_flag_the_policy_or_the_text_says() {
    let world = World::new();
    world.write("a.yaml", "a: one\n").write("b.yaml", "a:\n   b: one\n");
    let column = |arguments: &[&str]| {
        let sealed = world.runs(&[&["encrypt", "--age", ALICE], arguments].concat());
        let line = sealed.lines().find(|line| line.trim_start().starts_with("mac:")).unwrap();
        line.len() - line.trim_start().len()
    };
    assert_eq!(column(&["a.yaml"]), 4);
    assert_eq!(column(&["b.yaml"]), 3);
    assert_eq!(column(&["--indent", "2", "b.yaml"]), 2);
    world.write(".sops.yaml", "creation_rules: []\nstores: {yaml: {indent: 6}}\n");
    assert_eq!(column(&["b.yaml"]), 6);
    world.refuses(
        &["encrypt", "--indent", "1", "a.yaml"],
        2,
        "invalid value '1' for '--indent <SPACES>': 1 is not in 2..=9",
    );
}

#[test]
fn what_is_encrypted_already_is_refused_with_203_whatever_else_is_wrong() {
    let world = World::with_secret();
    world.refuses(
        &["encrypt", "db.sops.yaml"],
        203,
        "db.sops.yaml: already encrypted: there is a `sops` key at line 8, column 1",
    );
    world.refuses(
        &["encrypt", "-i", "db.sops.yaml"],
        203,
        "db.sops.yaml: already encrypted: there is a `sops` key at line 8, column 1",
    );
    fs::remove_file(world.path(".sops.yaml")).unwrap();
    world.refuses(
        &["encrypt", "db.sops.yaml"],
        203,
        "db.sops.yaml: already encrypted: there is a `sops` key at line 8, column 1",
    );
}

#[test]
fn encrypt_onto_keeps_the_ciphertext_of_what_did_not_change() {
    let world = World::with_secret();
    let old = world.read("db.sops.yaml");
    let arguments = ["encrypt", "--onto", "db.sops.yaml", "-o", "db.sops.yaml"];
    let before = world.snapshot();
    world.runs_with_input(&arguments, SECRET);
    assert_eq!(world.snapshot(), before);
    let changed = SECRET.replace("correct horse", "battery staple");
    world.runs_with_input(&arguments, &changed);
    let new = world.read("db.sops.yaml");
    assert_eq!(ciphertexts(&new)["user"], ciphertexts(&old)["user"]);
    assert_ne!(ciphertexts(&new)["password"], ciphertexts(&old)["password"]);
    assert_eq!(world.runs(&["decrypt", "db.sops.yaml"]), changed);
}

#[test]
fn encrypt_onto_does_not_touch_a_file_whose_values_are_spelt_in_another_way() {
    let world = World::new();
    world.write("plain.yaml", "a: 1.50\nb: 0x1F\n");
    world.runs(&["encrypt", "--age", ALICE, "-o", "a.yaml", "plain.yaml"]);
    let old = world.read("a.yaml");
    assert_eq!(world.runs(&["encrypt", "--onto", "a.yaml", "plain.yaml"]), old);
}

#[test]
fn encrypt_onto_refuses_when_other_recipients_or_another_selector_are_asked_for() {
    let world = World::with_secret();
    let refuses = |arguments: &[&str], error: &str| {
        let all = [&["encrypt", "--onto", "db.sops.yaml"], arguments].concat();
        world.refuses_input(&all, SECRET, 1, &format!("standard input: {error}"));
    };
    refuses(&["--age", ALICE], &format!("db.sops.yaml is encrypted for others than is asked for: bob ({BOB})"));
    refuses(
        &["--encrypted-regex", "^user$"],
        "db.sops.yaml is encrypted with another selector (`encrypted_regex: ^(data|stringData)$`) than is asked for",
    );
    world.write("plain.yaml", SECRET);
    world.refuses(
        &["encrypt", "--onto", "plain.yaml", "-i", "plain.yaml"],
        1,
        "plain.yaml: plain.yaml: not encrypted: no `sops` block",
    );
}

#[test]
fn types_that_are_not_supported_yet_are_refused_and_never_taken_for_binary() {
    let world = World::new();
    for name in ["a.json", "a.env", "a.ini", "a.pem", "a.YAML"] {
        world.write(name, "{}\n");
    }
    let refuses = |name: &str, kind: &str| {
        world.refuses(
            &["encrypt", "--age", ALICE, name],
            1,
            &format!("{name}: {kind} files are not supported yet, only YAML"),
        );
    };
    refuses("a.json", "JSON");
    refuses("a.env", "dotenv");
    refuses("a.ini", "INI");
    refuses("a.pem", "binary");
    refuses("a.YAML", "binary");
    world.refuses(&["encrypt", "--input-type", "json", "a.json"], 2, "JSON files are not supported yet, only YAML");
    world.refuses(
        &["encrypt", "--output-type", "binary", "a.json"],
        2,
        "binary files are not supported yet, only YAML",
    );
    world.refuses(
        &["encrypt", "--input-type", "toml", "a.json"],
        2,
        "invalid value 'toml' for '--input-type <TYPE>': types are yaml, json, dotenv, ini and binary",
    );
    world.write("a.pem", "a: one\n");
    let sealed = world.runs(&["encrypt", "--age", ALICE, "--input-type", "yaml", "--output-type", "yaml", "a.pem"]);
    assert_eq!(ciphertexts(&sealed).len(), 1);
}

#[test]
fn documents_that_sops_refuses_are_refused_with_place_and_remedy() {
    let world = World::new();
    let refuses = |text: &str, error: &str, hint: &str| {
        world.write("a.yaml", text);
        assert_eq!(world.refuses(&["encrypt", "--age", ALICE, "-i", "a.yaml"], 1, &format!("a.yaml: {error}")), hint);
    };
    refuses(
        "a: 1\na: 2\n",
        "duplicate key `a`, first at line 1 at line 2, column 1",
        "remove one of the two; only one of them could take effect",
    );
    refuses(
        "- a\n",
        "a list at the top level at line 1, column 1",
        "put the list under a key; SOPS needs a mapping at the top level",
    );
    refuses("1: a\n", "a key that is not a string (a number) at line 1, column 1", "put the key in quotes");
    refuses("", "nothing to work on at line 1, column 1", "add a key with a value first");
}

#[test]
fn rules_that_need_what_is_not_supported_yet_are_refused() {
    let world = World::new();
    world.write("a.yaml", SECRET);
    let refuses = |rule: &str, error: &str| {
        world.write(".sops.yaml", &format!("creation_rules:\n  - {rule}\n"));
        world.refuses(&["encrypt", "-q", "a.yaml"], 1, &format!("a.yaml: {error}"));
    };
    refuses(
        "{pgp: FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4}",
        "rule 1 of ROOT/.sops.yaml names a key that is not age's (pgp FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4), which data keys cannot be wrapped for",
    );
    refuses("{encrypted_regex: x}", "rule 1 of ROOT/.sops.yaml names no recipient");
    fs::remove_file(world.path(".sops.yaml")).unwrap();
    world.runs(&["encrypt", "--shamir-secret-sharing-threshold", "1", "--age", ALICE, "a.yaml"]);
}

#[test]
fn a_malformed_policy_breaks_only_what_needs_it() {
    let world = World::with_secret();
    world.write(".sops.yaml", "creation_rules: 7\n").write("a.yaml", SECRET);
    world.refuses(
        &["encrypt", "a.yaml"],
        1,
        "ROOT/.sops.yaml: `creation_rules` is a number, not a list at line 1, column 17",
    );
    world.refuses(
        &["encrypt", "--age", ALICE, "a.yaml"],
        1,
        "ROOT/.sops.yaml: `creation_rules` is a number, not a list at line 1, column 17",
    );
    world.runs_and_says(
        &["encrypt", "--age", ALICE, "--encrypted-regex", "^stringData$", "a.yaml"],
        "secrets: warning: ROOT/.sops.yaml: `creation_rules` is a number, not a list at line 1, column 17; it was not needed\n",
    );
    assert_eq!(world.runs(&["decrypt", "db.sops.yaml"]), SECRET);
}

#[test]
fn the_policy_nearest_to_the_file_decides_and_what_sops_would_do_is_said_once() {
    let world = World::new();
    world.write("sub/.sops.yaml", &policy()).write("sub/a.sops.yaml", SECRET).write("sub/b.sops.yaml", SECRET);
    let world_says =
        "secrets: warning: ROOT/sub/.sops.yaml applies; sops, started in this directory, would find no policy\n";
    world.runs_and_says(&["encrypt", "-i", "sub/a.sops.yaml", "sub/b.sops.yaml"], world_says);
    assert_eq!(recipients(&world.read("sub/a.sops.yaml")), [ALICE, BOB]);
    world.write(".sops.yaml", &format!("creation_rules: [{{age: {CAROL}}}]\n")).write("sub/c.sops.yaml", SECRET);
    let sealed = world.runs_and_says(
        &["encrypt", "sub/c.sops.yaml"],
        "secrets: warning: ROOT/sub/.sops.yaml applies; sops, started in this directory, would use ROOT/.sops.yaml\n",
    );
    assert_eq!(recipients(&sealed), [ALICE, BOB]);
    assert_eq!(recipients(&world.runs(&["--config", ".sops.yaml", "encrypt", "sub/c.sops.yaml"])), [CAROL]);
    assert_eq!(recipients(&world.runs(&["-C", "sub", "encrypt", "c.sops.yaml"])), [ALICE, BOB]);
    let world = world.set("SOPS_CONFIG", ".sops.yaml");
    assert_eq!(recipients(&world.runs(&["encrypt", "sub/c.sops.yaml"])), [CAROL]);
    assert_eq!(recipients(&world.runs(&["encrypt", "--config", "sub/.sops.yaml", "sub/c.sops.yaml"])), [ALICE, BOB]);
}

#[test]
fn mistakes_of_the_policy_are_told_once_per_run() {
    let world = World::new();
    world.write(".sops.yaml", &policy().replace("encrypted_regex", "encrypted_regexp")).write("a.sops.yaml", SECRET);
    world.write("b.sops.yaml", SECRET);
    world.runs_and_says(
        &["encrypt", "-i", "a.sops.yaml", "b.sops.yaml"],
        "secrets: warning: ROOT/.sops.yaml: unknown field `encrypted_regexp`, perhaps `encrypted_regex` at line 6, column 5\n",
    );
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let world = World::with_secret();
    world.write("a.sops.yaml", SECRET).write("b.sops.yaml", "a: [\n").write("c.sops.yaml", SECRET);
    let ran = world.run(&["encrypt", "-i", "a.sops.yaml", "b.sops.yaml", "c.sops.yaml", "missing.yaml"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("error: b.sops.yaml: not valid YAML: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: missing.yaml: cannot be read: No such file"), "{}", ran.stderr);
    assert_eq!(ciphertexts(&world.read("a.sops.yaml")).len(), 2);
    assert_eq!(world.read("b.sops.yaml"), "a: [\n");
    assert_eq!(ciphertexts(&world.read("c.sops.yaml")).len(), 2);
    world.refuses(
        &["encrypt", "-i", "a.sops.yaml"],
        203,
        "a.sops.yaml: already encrypted: there is a `sops` key at line 8, column 1",
    );
}

#[test]
fn encrypt_refuses_command_lines_that_make_no_sense() {
    let world = World::with_secret();
    world.write("a.sops.yaml", SECRET).write("b.sops.yaml", SECRET);
    world.refuses(&["encrypt", "a.sops.yaml", "b.sops.yaml"], 2, "several files are given");
    world.refuses(&["encrypt", "-i"], 2, "no file is given");
    world.refuses(
        &["encrypt", "-i", "-o", "x", "a.sops.yaml"],
        2,
        "the argument '--in-place' cannot be used with '--output <FILE>'",
    );
    world.refuses(&["encrypt", "-i", "."], 2, ". is a directory");
    world.refuses(&["encrypt", "."], 2, ". is a directory");
    world.refuses(
        &["encrypt", "-i", "--filename-override", "x.sops.yaml", "a.sops.yaml", "b.sops.yaml"],
        2,
        "--filename-override and --onto are for one file",
    );
}

/// A disk that takes no more, also for root.
#[cfg(target_os = "linux")]
#[test]
fn a_write_that_fails_leaves_the_file_as_it_was_and_nothing_beside_it() {
    let world = World::with_secret();
    world.write("sub/a.sops.yaml", SECRET);
    let before = world.snapshot();
    let script = format!("trap '' XFSZ; ulimit -f 0; {} encrypt -i sub/a.sops.yaml", env!("CARGO_BIN_EXE_secrets"));
    let mut shell = Command::new("/bin/bash");
    shell.current_dir(world.root.path()).env("HOME", world.path("home")).args(["-c", &script]);
    let output = shell.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, "secrets: error: sub/a.sops.yaml: cannot be written: File too large (os error 27)\n");
    assert_eq!((output.status.code(), world.snapshot()), (Some(1), before));
}

#[test]
fn a_file_without_any_value_is_encrypted_on_demand_only() {
    let world = World::new();
    world.write("a.yaml", "a: null\nb: \"\"\nc: []\n");
    world.refuses(
        &["encrypt", "--age", ALICE, "a.yaml"],
        1,
        "a.yaml: `unencrypted_suffix: _unencrypted` picks no value, so that nothing would be encrypted",
    );
    assert!(
        world
            .runs(&["encrypt", "--age", ALICE, "--allow-unencrypted", "a.yaml"])
            .starts_with("a: null\nb: \"\"\nc: []\nsops:\n")
    );
}

#[test]
fn a_password_that_reads_as_a_tag_or_an_anchor_is_not_left_in_clear() {
    for value in ["!hunter2", "&hunter2"] {
        let world = World::new();
        world.write("a.yaml", &format!("user: x\npassword: {value}\n"));
        let before = world.snapshot();
        let hint = world.refuses(
            &["encrypt", "-i", "--age", ALICE, "a.yaml"],
            1,
            "a.yaml: nothing behind a tag or an anchor, which would stay in clear at line 2, column 11",
        );
        assert!(hint.contains("put it in quotes"), "{hint}");
        assert_eq!(world.snapshot(), before);
    }
}

#[test]
fn a_document_whose_top_level_is_indented_comes_back() {
    let text = "# head\n  a: one\n  b:\n    c: |\n      two\n---\n- x\n".replace("---\n- x\n", "---\n d: three\n");
    let world = World::new().set_identity("alice");
    world.write("a.yaml", &text);
    world.runs(&["encrypt", "-i", "--age", ALICE, "a.yaml"]);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), text);
    world.runs(&["-q", "rotate", "-i", "--keep-recipients", "a.yaml"]);
    world.runs(&["set", "--string", "a.yaml", "b.e", "four"]);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), text.replace("      two\n", "      two\n    e: four\n"));
}

#[test]
fn a_document_behind_an_end_marker_needs_its_own_start() {
    let world = World::new();
    world.write("a.yaml", "a: one\n...\nb: two\n").write("b.yaml", "a: one\n...\n---\nb: two\n");
    let error = "a.yaml: not valid YAML: a document behind `...` needs a `---` at line 2, column 1";
    world.refuses(&["encrypt", "-i", "--age", ALICE, "a.yaml"], 1, error);
    world.runs(&["encrypt", "-i", "--age", ALICE, "b.yaml"]);
}
