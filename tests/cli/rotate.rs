//! `secrets rotate`

use super::*;

/// A file that names carol too, whom the policy does not know.
fn with_intruder() -> World {
    let world = World::with_secret();
    world.write("db.sops.yaml", SECRET);
    world.runs(&["encrypt", "-i", "--age", &format!("{ALICE},{BOB},{CAROL}"), "db.sops.yaml"]);
    world
}

fn unknown_carol() -> String {
    format!("db.sops.yaml: the file names recipients that its creation rule does not: {CAROL}")
}

#[test]
fn rotate_of_one_file_prints_it_with_every_ciphertext_new() {
    let world = World::with_secret();
    let old = world.read("db.sops.yaml");
    let new = world.runs(&["rotate", "db.sops.yaml"]);
    assert_eq!(world.read("db.sops.yaml"), old);
    assert_eq!(recipients(&new), [ALICE, BOB]);
    for (key, value) in ciphertexts(&old) {
        assert_ne!(ciphertexts(&new)[key], value, "{key}");
    }
    world.write("new.yaml", &new);
    assert_eq!(world.runs(&["decrypt", "new.yaml"]), SECRET);
}

#[test]
fn rotate_replaces_files_and_directories() {
    let world = World::with_secret();
    let old = world.read("db.sops.yaml");
    world.write("sub/a.sops.yaml", &old).write("sub/plain.yaml", SECRET);
    assert_eq!(world.runs(&["rotate", "-i", "db.sops.yaml"]), "");
    assert_eq!(world.runs(&["rotate", "sub"]), "");
    assert_eq!(world.runs(&["rotate", "db.sops.yaml", "sub/a.sops.yaml"]), "");
    for name in ["db.sops.yaml", "sub/a.sops.yaml"] {
        assert_ne!(world.read(name), old, "{name}");
        assert_eq!(world.runs(&["decrypt", name]), SECRET, "{name}");
    }
    assert_eq!(world.read("sub/plain.yaml"), SECRET);
}

#[test]
fn rotate_writes_to_the_named_file_and_reads_standard_input() {
    let world = World::with_secret();
    world.runs(&["rotate", "-o", "new.yaml", "db.sops.yaml"]);
    assert_eq!(world.runs(&["decrypt", "new.yaml"]), SECRET);
    let sealed = world.read("db.sops.yaml");
    let new = world.runs_with_input(&["rotate", "--filename-override", "x.sops.yaml"], &sealed);
    assert_eq!(recipients(&new), [ALICE, BOB]);
    world.refuses(
        &["rotate", "-o", "x", "db.sops.yaml", "new.yaml"],
        2,
        "--output and --filename-override are for one file",
    );
}

#[test]
fn rotate_wraps_for_those_whom_the_policy_names_now() {
    let world = World::new();
    world.write(".sops.yaml", &format!("creation_rules: [{{age: {ALICE}}}]\n")).write("a.yaml", "a: one\n");
    world.runs(&["encrypt", "-i", "a.yaml"]);
    world.write(".sops.yaml", &format!("creation_rules: [{{age: \"{BOB},{ALICE}\"}}]\n"));
    assert_eq!(recipients(&world.runs(&["rotate", "a.yaml"])), [ALICE, BOB]);
    world
        .write(".sops.yaml", &format!("creation_rules: [{{age: {ALICE}}}]\n"))
        .write("a.yaml", &world.runs(&["rotate", "--add-age", BOB, "a.yaml"]));
    assert_eq!(recipients(&world.runs(&["rotate", "--rm-age", BOB, "a.yaml"])), [ALICE]);
}

/// Who can write to the repository can put a recipient of his own into a file.
#[test]
fn a_recipient_that_only_the_file_names_stops_the_rotation() {
    let world = with_intruder();
    let hint = world.refuses(&["rotate", "db.sops.yaml"], 1, &unknown_carol());
    assert_eq!(hint, "add them to the rule, take them out with --rm-age, or insist with --keep-recipients");
    world.refuses(&["rotate", "-i", "db.sops.yaml"], 1, &unknown_carol());
    world.refuses(&["rotate", "--add-age", &generate(&world), "db.sops.yaml"], 1, &unknown_carol());
    assert_eq!(recipients(&world.runs(&["rotate", "--rm-age", CAROL, "db.sops.yaml"])), [ALICE, BOB]);
    assert_eq!(recipients(&world.runs(&["rotate", "--keep-recipients", "db.sops.yaml"])), [ALICE, BOB, CAROL]);
}

/// A recipient that nobody has used yet.
fn generate(world: &World) -> String {
    let ran = world.run(&["identity", "new"]);
    ran.stderr.trim().trim_start_matches("Public key: ").to_owned()
}

#[test]
fn without_a_rule_the_list_of_the_file_is_kept_and_said() {
    let world = with_intruder();
    fs::remove_file(world.path(".sops.yaml")).unwrap();
    let new = world.runs_and_says(
        &["rotate", "db.sops.yaml"],
        "secrets: warning: db.sops.yaml: no creation rule applies, so the recipients that the file itself names are kept\n",
    );
    assert_eq!(recipients(&new), [ALICE, BOB, CAROL]);
}

/// Defect 18 of sops 3.13.2: the first is added a second time, the second passes without a word.
#[test]
fn adding_a_present_recipient_or_removing_an_absent_one_is_an_error() {
    let world = World::with_secret();
    world.refuses(
        &["rotate", "--add-age", BOB, "db.sops.yaml"],
        1,
        &format!("db.sops.yaml: bob ({BOB}) is a recipient of the file already"),
    );
    world.refuses(
        &["rotate", "--rm-age", CAROL, "db.sops.yaml"],
        1,
        &format!("db.sops.yaml: {CAROL} is not a recipient of the file"),
    );
    let both = format!("{ALICE},{BOB}");
    world.refuses(&["rotate", "--rm-age", &both, "db.sops.yaml"], 1, "db.sops.yaml: no recipient would remain");
    assert_eq!(recipients(&world.runs(&["rotate", "--add-age", CAROL, "db.sops.yaml"])), [ALICE, BOB, CAROL]);
    assert_eq!(
        recipients(&world.runs(&["rotate", "--rm-age", BOB, "--add-age", CAROL, "db.sops.yaml"])),
        [ALICE, CAROL]
    );
    world.refuses(&["rotate", "--add-age", "x", "db.sops.yaml"], 1, "--add-age: \"x\" is not an age recipient");
}

#[test]
fn files_with_foreign_keys_are_refused_and_left_alone() {
    let world = World::new();
    world.write("a.yaml", &fixture("sops/199-pgp-and-age/encrypted.yaml"));
    let fingerprint = fixture("keys/pgp.fingerprint");
    world.refuses(
        &["rotate", "-i", "a.yaml"],
        1,
        &format!(
            "a.yaml: the file names a key that is not age's (pgp {}), which data keys cannot be wrapped for",
            fingerprint.trim()
        ),
    );
}

#[test]
fn a_changed_file_and_one_that_does_not_open_are_not_rotated() {
    let world = World::with_secret();
    let sealed = world.read("db.sops.yaml");
    world.write("db.sops.yaml", &sealed.replace("name: db", "name: x"));
    let error = "db.sops.yaml: MAC mismatch: a value was changed, added, removed or moved since the file was encrypted";
    world.refuses(&["rotate", "-i", "db.sops.yaml"], 51, error);
    world.write("db.sops.yaml", &sealed);
    let world = world.set_identity("carol");
    world.refuses(
        &["rotate", "-i", "db.sops.yaml"],
        128,
        &format!("db.sops.yaml: no identity opens it; it is for alice ({ALICE}), bob ({BOB})"),
    );
}

#[test]
fn one_bad_file_does_not_stop_the_rotation_of_the_others() {
    let world = World::with_secret();
    let sealed = world.read("db.sops.yaml");
    world.write("a.sops.yaml", &sealed.replace("name: db", "name: x")).write("z.sops.yaml", &sealed);
    let ran = world.run(&["rotate", "-v", "."]);
    assert_eq!(ran.code, 51);
    assert!(ran.stderr.starts_with("secrets: error: ./a.sops.yaml: MAC mismatch"), "{}", ran.stderr);
    let (told, summary) = ran.stderr.trim_end().rsplit_once('\n').unwrap();
    assert!(
        told.ends_with("secrets: note: ./db.sops.yaml: replaced\nsecrets: note: ./z.sops.yaml: replaced"),
        "{told}"
    );
    assert!(summary.starts_with("2 changed, 0 unchanged, 1 failed, in "), "{summary}");
    assert_ne!(world.read("db.sops.yaml"), sealed);
    assert_ne!(world.read("z.sops.yaml"), sealed);
}

#[test]
fn many_files_are_rotated_at_once_and_each_once() {
    let world = World::with_secret();
    let sealed = world.read("db.sops.yaml");
    for number in 0..40 {
        world.write(&format!("many/{number}.sops.yaml"), &sealed);
    }
    world.runs(&["rotate", "many", "many/7.sops.yaml", "./many/../many", "db.sops.yaml"]);
    let mut wrapped = std::collections::BTreeSet::new();
    for number in 0..40 {
        let text = world.read(&format!("many/{number}.sops.yaml"));
        wrapped.insert(ciphertexts(&text)["password"].to_owned());
        assert_eq!(world.runs(&["decrypt", &format!("many/{number}.sops.yaml")]), SECRET);
    }
    assert_eq!(wrapped.len(), 40);
    assert_eq!(fs::read_dir(world.path("many")).unwrap().count(), 40);
}

#[test]
fn a_policy_that_cannot_be_used_stops_the_rotation() {
    let world = World::with_secret();
    let refuses = |policy: &str, error: &str| {
        world.write(".sops.yaml", policy);
        world.refuses(&["rotate", "-q", "-i", "--keep-recipients", "db.sops.yaml"], 1, error);
    };
    refuses("creation_rules: 7\n", "ROOT/.sops.yaml: `creation_rules` is a number, not a list at line 1, column 17");
    refuses(
        &format!("creation_rules: [{{key_groups: [{{age: [{ALICE}]}}, {{age: []}}]}}]\n"),
        "db.sops.yaml: rule 1 of ROOT/.sops.yaml names no recipient in key group 2",
    );
    refuses(
        "creation_rules: [{path_regex: '*.yaml'}]\n",
        "ROOT/.sops.yaml: `path_regex` is not a regular expression that Go accepts: `*` has nothing to repeat \
         (at byte 0 of the regular expression) at line 1, column 31",
    );
}
