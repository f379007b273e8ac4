//! `secrets explain`

use super::*;

#[test]
fn explain_tells_the_rule_for_a_path_that_need_not_exist() {
    let world = World::new();
    world.write(".sops.yaml", &policy());
    let text = world.runs(&["explain", "new/db.sops.yaml"]);
    assert!(text.contains("\nrule 1    line 5: yes, `\\.sops\\.yaml$` is found\n"), "{text}");
    assert!(text.contains(&format!("\nfor       bob {BOB}\n")), "{text}");
}

#[test]
fn explain_gives_versioned_json() {
    let world = World::new();
    world.write(".sops.yaml", &policy());
    let json: serde_json::Value =
        serde_json::from_str(&world.runs(&["explain", "--format", "json", "x.sops.yaml"])).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["rule"]["key_groups"][0][1]["names"][0], "bob");
    let text = world.runs(&["explain", "x.yaml"]);
    assert!(text.contains("\nproblem   no creation rule matches\n"), "{text}");
    world.refuses(
        &["explain", "--format", "xml", "x"],
        2,
        "invalid value 'xml' for '--format <FORMAT>' [possible values: text, json]",
    );
}

#[test]
fn explain_uses_the_policy_that_is_named() {
    let world = World::new();
    world.write("other/p.yaml", &policy());
    assert!(
        world
            .runs(&["explain", "--config", "other/p.yaml", "x.sops.yaml"])
            .contains("named by --config or SOPS_CONFIG")
    );
}
