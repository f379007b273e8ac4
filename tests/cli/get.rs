//! `secrets get`

use super::*;

#[test]
fn get_prints_a_string_as_it_is_and_anything_else_as_yaml() {
    let world = World::new();
    world.write(
        "plain.yaml",
        "a: text\nn: 7\nlist:\n    # first\n    - x: 1\n    - two\n\"tls.crt\": |\n    one\n    two\n",
    );
    world.runs(&["encrypt", "--age", ALICE, "-o", "a.yaml", "plain.yaml"]);
    let check = |path: &str, expected: &str| assert_eq!(world.runs(&["get", "a.yaml", path]), expected, "{path}");
    check("a", "text");
    check("n", "7\n");
    check("list", "# first\n- x: 1\n- two\n");
    check("list[0].x", "1\n");
    check("[\"list\"][1]", "two");
    check("\"tls.crt\"", "one\ntwo\n");
}

#[test]
fn get_looks_into_the_document_that_is_asked_for() {
    let world = World::new();
    world.write("plain.yaml", "a: one\n---\na: two\n");
    world.runs(&["encrypt", "--age", ALICE, "-o", "a.yaml", "plain.yaml"]);
    assert_eq!(world.runs(&["get", "a.yaml", "a"]), "one");
    assert_eq!(world.runs(&["get", "--document", "2", "a.yaml", "a"]), "two");
    world.refuses(&["get", "--document", "3", "a.yaml", "a"], 1, "a.yaml: there is no document 3, but 2 in the file");
    world.refuses(
        &["get", "--document", "0", "a.yaml", "a"],
        2,
        "invalid value '0' for '--document <NUMBER>': number would be zero for non-zero type",
    );
}

#[test]
fn get_refuses_what_is_not_there_and_changed_files() {
    let world = World::with_secret();
    world.refuses(
        &["get", "db.sops.yaml", "stringData.nope"],
        1,
        "db.sops.yaml: there is no `stringData.nope` in the document",
    );
    world.refuses(&["get", "db.sops.yaml", "a..b"], 2, "a..b: not a path: a key is missing at character 3");
    world.refuses(&["get", "db.sops.yaml"], 2, "the following required arguments were not provided: <PATH>");
    world.write("db.sops.yaml", &world.read("db.sops.yaml").replace("name: db", "name: x"));
    let error = "db.sops.yaml: MAC mismatch: a value was changed, added, removed or moved since the file was encrypted";
    world.refuses(&["get", "db.sops.yaml", "stringData.user"], 51, error);
}

#[test]
fn get_reads_standard_input() {
    let world = World::with_secret();
    let sealed = world.read("db.sops.yaml");
    assert_eq!(world.runs_with_input(&["get", "--input-type", "yaml", "-", "stringData.user"], &sealed), "admin");
}
