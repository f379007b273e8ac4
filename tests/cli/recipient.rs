//! `secrets recipient`

use super::*;

#[test]
fn a_recipient_is_named_and_joins_the_rule_of_a_path() {
    let world = World::new();
    world.write(".sops.yaml", &policy());
    let text = world.runs(&["recipient", "add", "carol", CAROL, "--rule", "x/db.sops.yaml", "--comment", "person"]);
    assert_eq!(text.lines().last(), Some("files are as they were; next: secrets sync"), "{text}");
    assert!(text.contains(".sops.yaml: carol: added, rule 1\n"), "{text}");
    let expected = policy()
        .replace(&format!("  - &bob {BOB}\n"), &format!("  - &bob {BOB}\n  - &carol {CAROL} # person\n"))
        .replace("[*alice, *bob]", "[*alice, *bob, *carol]");
    assert_eq!(world.read(".sops.yaml"), expected);
    assert!(world.runs(&["explain", "x/db.sops.yaml"]).contains(&format!("for       carol {CAROL}\n")));
    let again = world.runs(&["recipient", "add", "carol", CAROL, "--rule", "x/db.sops.yaml"]);
    assert!(again.ends_with(".sops.yaml: carol: as it should be\n"), "{again}");
    assert_eq!(world.read(".sops.yaml"), expected);
}

#[test]
fn what_would_be_changed_is_shown_as_a_diff() {
    let world = World::new();
    world.write(".sops.yaml", &policy()).write("a/b/x", "");
    let before = world.snapshot();
    let text = world.runs(&["recipient", "add", "carol", CAROL, "--dry-run"]);
    let expected = format!(
        "--- .sops.yaml\n+++ .sops.yaml\n@@ -1,6 +1,7 @@\n keys:\n   - &alice {ALICE}\n   - &bob {BOB}\n+  - &carol {CAROL}\n creation_rules:\n   - path_regex: \\.sops\\.yaml$\n     encrypted_regex: ^(data|stringData)$\n"
    );
    assert_eq!(text, expected);
    assert!(
        world.runs(&["-C", "a/b", "recipient", "remove", "bob", "--dry-run"]).contains(&format!("\n-  - &bob {BOB}\n"))
    );
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_recipient_is_removed_by_name_or_text() {
    for who in ["bob", BOB] {
        let world = World::new();
        world.write(".sops.yaml", &policy());
        let json = world.runs(&["recipient", "remove", who, "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(json["recipient"], BOB);
        assert_eq!(json["names"][0], "bob");
        assert_eq!(json["rules"][0], 1);
        assert_eq!(json["next"], "secrets sync");
        assert_eq!(json["dry_run"], false);
        assert!(json["diff"].as_str().unwrap().starts_with("--- .sops.yaml\n"));
        let expected = policy().replace(&format!("  - &bob {BOB}\n"), "").replace(", *bob", "");
        assert_eq!(world.read(".sops.yaml"), expected);
    }
}

#[test]
fn the_last_recipient_of_a_rule_is_not_removed() {
    let world = World::new();
    world.write(".sops.yaml", &policy().replace(", *bob", ""));
    world.refuses(&["recipient", "remove", "alice"], 1, "ROOT/.sops.yaml: nobody would be left in rule 1");
}

#[test]
fn recipients_are_listed_with_names_and_rules() {
    let world = World::new();
    world.write(".sops.yaml", &policy().replace("*bob", CAROL));
    let text = world.runs(&["recipient", "list"]);
    assert_eq!(text, format!("alice  age  {ALICE}  rule 1\nbob    age  {BOB}  no rule\n-      age  {CAROL}  rule 1\n"));
    let json = world.runs(&["recipient", "list", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["recipients"][0]["names"][0], "alice");
    assert_eq!(json["recipients"][2]["line"], 7);
    assert_eq!(json["recipients"][2]["rules"][0], 1);
}

#[test]
fn what_is_no_recipient_name_or_policy_is_refused() {
    let world = World::new();
    world.refuses(&["recipient", "list"], 1, "there is no .sops.yaml upward from ROOT");
    world.write(".sops.yaml", &policy());
    let add = |name, recipient| ["recipient", "add", name, recipient];
    world.refuses(
        &add("alice", CAROL),
        1,
        "ROOT/.sops.yaml: `alice` is the name of another recipient at line 2, column 5",
    );
    world.refuses(&add("carol", BOB), 1, "ROOT/.sops.yaml: the recipient has a name already: bob");
    world.refuses(&add("a b", CAROL), 1, "ROOT/.sops.yaml: \"a b\" cannot be a name: letters, digits, `-` and `_` can");
    let damaged =
        "recipient \"age1xyz\": the text is damaged: its checksum, length or alphabet is not that of a recipient";
    world.refuses(&add("carol", "age1xyz"), 1, damaged);
    world.refuses(
        &["recipient", "remove", "carol"],
        1,
        "ROOT/.sops.yaml: no recipient is named `carol`; there are alice, bob",
    );
    world.refuses(
        &["recipient", "add", "carol", CAROL, "--rule", "x.txt"],
        1,
        "no creation rule of ROOT/.sops.yaml matches the path",
    );
    assert_eq!(world.read(".sops.yaml"), policy());
    world.write(".sops.yaml", "creation_rules: x\n");
    world.refuses(
        &["recipient", "list"],
        1,
        "ROOT/.sops.yaml: `creation_rules` is text, not a list at line 1, column 17",
    );
}
