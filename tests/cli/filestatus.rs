//! `secrets filestatus`

use super::*;

#[test]
fn filestatus_prints_the_json_that_sops_prints_and_needs_no_identity() {
    let world = World::with_secret().set_identity("carol");
    world.write("plain.yaml", SECRET);
    assert_eq!(world.runs(&["filestatus", "db.sops.yaml"]), "{\"encrypted\":true}\n");
    assert_eq!(world.runs(&["filestatus", "plain.yaml"]), "{\"encrypted\":false}\n");
    world.write("plain.yaml", &world.read("db.sops.yaml").replace("  mac: ", "  other: "));
    assert_eq!(world.runs(&["filestatus", "plain.yaml"]), "{\"encrypted\":false}\n");
}

#[test]
fn filestatus_fails_where_sops_fails() {
    let world = World::new();
    world.refuses(
        &["filestatus", "missing.yaml"],
        1,
        "missing.yaml: cannot be read: No such file or directory (os error 2)",
    );
    world.write("a.yaml", "sops: 1\na: 2\n");
    world.refuses(&["filestatus", "a.yaml"], 1, "a.yaml: the `sops` block is not a mapping at line 1, column 7");
    world.write("a.yaml", "sops: {version: 3.0.0}\n");
    world.refuses(&["filestatus", "a.yaml"], 1, "a.yaml: the `sops` block has no `lastmodified` at line 1, column 7");
}
