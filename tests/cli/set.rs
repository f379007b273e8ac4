//! `secrets set` and `secrets unset`

use super::*;

const LIST: &str = "a: one # in\nusers:\n- name: x\n  token: t\nn: 1\n";

/// A world with `text`, encrypted as `a.yaml`.
fn with(text: &str) -> World {
    let world = World::new();
    world.write(".sops.yaml", &format!("creation_rules: [{{age: {ALICE}}}]\n")).write("a.yaml", text);
    world.runs(&["encrypt", "-i", "a.yaml"]);
    world
}

#[track_caller]
fn check(arguments: &[&str], expected: &str) {
    let world = with(LIST);
    let before = world.read("a.yaml");
    let all: Vec<&str> = ["set", "a.yaml"].iter().chain(arguments).copied().collect();
    world.runs(&all);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), expected, "{arguments:?}");
    let after = world.read("a.yaml");
    let kept = ciphertexts(&before).iter().filter(|(key, value)| ciphertexts(&after).get(*key) == Some(value)).count();
    assert!(kept + 1 >= ciphertexts(&before).len(), "{arguments:?}: {kept} kept");
}

#[test]
fn set_keeps_types_and_every_other_byte() {
    check(&["a", "\"two\""], &LIST.replace("one", "two"));
    check(&["a", "7"], &LIST.replace("one", "7"));
    check(&["a", "\"7\""], &LIST.replace("one", "\"7\""));
    check(&["a", "9223372036854775807"], &LIST.replace("one", "9223372036854775807"));
    check(&["a", "-1.5"], &LIST.replace("one", "-1.5"));
    check(&["a", "true"], &LIST.replace("one", "true"));
    check(&["a", "null"], &LIST.replace("one", "null"));
    check(
        &["a", "{\"z\": 1, \"b\": [\"2\"]}"],
        &LIST.replace("a: one # in", "a: # in\n    z: 1\n    b:\n        - \"2\""),
    );
    check(&["--string", "a", "{\"z\": 1}"], &LIST.replace("one", "'{\"z\": 1}'"));
}

#[test]
fn set_takes_both_forms_of_a_path_makes_parents_and_appends() {
    check(&["users[0].token", "\"new\""], &LIST.replace(": t\n", ": new\n"));
    check(&["[\"users\"][0]['token']", "\"new\""], &LIST.replace(": t\n", ": new\n"));
    check(&["users[0].\"a.b\"", "1"], &LIST.replace(": t\n", ": t\n  a.b: 1\n"));
    check(&["users[+]", "{\"name\":\"w\"}"], &LIST.replace(": t\n", ": t\n- name: w\n"));
    check(&["new.x[+]", "1"], &format!("{LIST}new:\n    x:\n        - 1\n"));
}

/// Defect 12 of sops 3.13.2: it is stored as a float.
#[test]
fn an_integer_is_stored_as_one_and_a_larger_one_is_refused() {
    let world = with(LIST);
    world.runs(&["set", "a.yaml", "a", "7"]);
    assert!(ciphertexts(&world.read("a.yaml"))["a"].contains("type:int]"));
    let hint = world.refuses(
        &["set", "a.yaml", "a", "12345678901234567890"],
        2,
        "a.yaml: the value has a number beyond 64 bits, at character 1",
    );
    assert_eq!(hint, "put it in quotes: SOPS would lose digits");
    world.runs(&["set", "a.yaml", "a", "\"12345678901234567890\""]);
    assert_eq!(world.runs(&["get", "a.yaml", "a"]), "12345678901234567890");
}

#[test]
fn a_value_comes_from_a_file_or_standard_input_too() {
    let world = with(LIST);
    world.write("v.json", "{\"k\": \"file\"}\n").write("v.txt", "line\nline\n");
    world.runs(&["set", "--value-file", "a.yaml", "a", "v.json"]);
    assert_eq!(world.runs(&["get", "a.yaml", "a.k"]), "file");
    world.runs(&["set", "--value-file", "--string", "a.yaml", "a", "v.txt"]);
    assert_eq!(world.runs(&["get", "a.yaml", "a"]), "line\nline\n");
    world.runs_with_input(&["set", "--value-stdin", "a.yaml", "a"], "\"stdin\"\n");
    assert_eq!(world.runs(&["get", "a.yaml", "a"]), "stdin");
    world.runs_with_input(&["set", "--value-stdin", "--string", "a.yaml", "a"], "as it is");
    assert_eq!(world.runs(&["get", "a.yaml", "a"]), "as it is");
    world.refuses(
        &["set", "--value-file", "a.yaml", "a", "none"],
        1,
        "none: cannot be read: No such file or directory (os error 2)",
    );
}

#[test]
fn a_value_that_is_not_json_is_refused_and_not_shown() {
    let world = with(LIST);
    let hint =
        world.refuses(&["set", "a.yaml", "a", "hunter2"], 2, "a.yaml: the value is not valid JSON, at character 1");
    assert_eq!(hint, "a text needs quotes, as in '\"text\"', or --string to be taken as it is");
    world.refuses_input(
        &["set", "--value-stdin", "a.yaml", "a"],
        "",
        2,
        "a.yaml: the value is not valid JSON, at character 1",
    );
}

#[test]
fn the_same_value_again_does_not_touch_the_file() {
    let world = with(LIST);
    let before = world.snapshot();
    world.runs(&["set", "a.yaml", "a", "\"one\""]);
    world.runs(&["set", "--idempotent", "a.yaml", "n", "1"]);
    world.runs(&["unset", "--idempotent", "a.yaml", "none"]);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn another_document_is_changed_by_its_number() {
    let world = with("a: one\n---\na: two\n");
    world.runs(&["set", "--document", "2", "a.yaml", "a", "\"new\""]);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), "a: one\n---\na: new\n");
    world.runs(&["unset", "--document", "2", "a.yaml", "a"]);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), "a: one\n---\n{}\n");
    world.refuses(&["unset", "--document", "3", "a.yaml", "a"], 1, "a.yaml: there is no document 3; the file has 2");
}

#[test]
fn a_value_that_stays_in_clear_is_said() {
    let world = World::with_secret();
    world.runs_and_says(
        &["set", "db.sops.yaml", "metadata.name", "\"db2\""],
        "secrets: warning: db.sops.yaml: `metadata.name` is in clear: the file's selector does not pick it\n",
    );
    world.runs_and_says(
        &["set", "db.sops.yaml", "metadata.finalizers[+]", "\"x\""],
        "secrets: warning: db.sops.yaml: `metadata.finalizers[+]` is in clear: the file's selector does not pick it\n",
    );
    world.runs(&["set", "db.sops.yaml", "stringData.more", "\"x\""]);
    assert!(
        world.read("db.sops.yaml").contains("    name: db2\n") || world.read("db.sops.yaml").contains("  name: db2\n")
    );
}

/// Defect 10 of sops 3.13.2: it panics.
#[test]
fn a_path_that_leads_nowhere_is_an_error_that_says_why() {
    let world = with(LIST);
    world.refuses(
        &["set", "a.yaml", "users[-1]", "1"],
        2,
        "users[-1]: not a path: brackets hold a number, `+`, or a key in quotes at character 7",
    );
    let hint = world.refuses(&["set", "a.yaml", "users[1]", "1"], 1, "a.yaml: no item [1] in `users`, which has 1");
    assert_eq!(hint, "items count from 0; [+] appends one");
    world.refuses(&["set", "a.yaml", "users.x", "1"], 1, "a.yaml: `users` is a list, so that it has no key `x`");
    world.refuses(&["set", "a.yaml", "a.x", "1"], 1, "a.yaml: `a` is a single value, so that it has no key `x`");
    world.refuses(
        &["unset", "a.yaml", "none"],
        1,
        "a.yaml: no key `none` in the top level; there are `a`, `users`, `n`",
    );
    world.refuses(&["set", "a.yaml", "sops.mac", "\"\""], 1, "a.yaml: the `sops` block is not changed by hand");
    world.refuses(&["unset", "a.yaml", "sops"], 1, "a.yaml: the `sops` block is not changed by hand");
    world.write("plain.yaml", "a: 1\n");
    world.refuses(&["set", "plain.yaml", "a", "1"], 1, "plain.yaml: not encrypted: no `sops` block");
    world.refuses(&["set", "home", "a", "1"], 2, "home is a directory");
}

#[test]
fn unset_takes_a_value_out_and_keeps_the_other_ciphertexts() {
    let world = with(LIST);
    let before = world.read("a.yaml");
    world.runs(&["unset", "a.yaml", "users[0].token"]);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), LIST.replace("  token: t\n", ""));
    let after = world.read("a.yaml");
    for key in ["a", "n", "- name"] {
        assert_eq!(ciphertexts(&before)[key], ciphertexts(&after)[key], "{key}");
    }
    world.runs(&["unset", "a.yaml", "users[0]"]);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), "a: one # in\nusers: []\nn: 1\n");
}

#[test]
fn a_changed_file_is_not_set_unless_the_mac_is_ignored() {
    let world = World::with_secret();
    let sealed = world.read("db.sops.yaml");
    world.write("db.sops.yaml", &sealed.replace("name: db", "name: x"));
    let error = "db.sops.yaml: MAC mismatch: a value was changed, added, removed or moved since the file was encrypted";
    world.refuses(&["set", "db.sops.yaml", "stringData.user", "\"x\""], 51, error);
    world.runs(&["set", "--ignore-mac", "db.sops.yaml", "stringData.user", "\"x\""]);
    world.runs(&["decrypt", "db.sops.yaml"]);
}

#[test]
fn set_on_a_file_that_sops_wrote_changes_one_value_the_mac_and_the_time() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/repos/per-cluster");
    let source = format!("{folder}/k8s/clusters/lab/apps/pocket-id/secret.sops.yaml");
    let old = fs::read_to_string(&source).unwrap();
    let key = format!("{folder}/test-only-keys/alice.agekey");
    let world = World::new().set("SOPS_AGE_KEY_FILE", &key);
    world.write("pocket-id.sops.yaml", &old);
    world.runs(&["set", "--string", "pocket-id.sops.yaml", "stringData.SMTP_HOST", "mail.example.org"]);
    let new = world.read("pocket-id.sops.yaml");
    let changed: Vec<&str> =
        new.lines().zip(old.lines()).filter(|(new, old)| new != old).map(|(new, _)| new.trim()).collect();
    assert_eq!(changed.len(), 3, "{changed:?}");
    assert_eq!(new.lines().count(), old.lines().count());
}
