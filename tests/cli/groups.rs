//! Several key groups: each command on a file whose data key is split among them.

use super::*;

const LAB: &str = "age1p0xyll944uxt695xgnhf47fhdc9q3r9ezvkhcluw8ylp3zkkryvqd0za02";
const PLAIN: &str = "user: admin\npassword: correct horse\n";
/// alice with bob, carol, and lab: two of the three are needed.
const GROUPS: &str = "[{age: [*alice, *bob]}, {age: [*carol]}, {age: [*lab]}]";

fn policy_of(rule: &str) -> String {
    format!(
        "keys:\n  - &alice {ALICE}\n  - &bob {BOB}\n  - &carol {CAROL}\n  - &lab {LAB}\ncreation_rules:\n  - {{{rule}}}\n"
    )
}

fn two_of_three() -> String {
    policy_of(&format!("shamir_threshold: 2, key_groups: {GROUPS}"))
}

pub(super) fn identity(name: &str) -> String {
    fixture(&format!("keys/{name}.txt")).lines().last().unwrap().to_owned()
}

/// The world with these identities and no other.
fn holding(world: World, names: &[&str]) -> World {
    let identities: Vec<String> = names.iter().map(|name| identity(name)).collect();
    world.write("home/.config/sops/age/keys.txt", &identities.join("\n"));
    world
}

/// A world with a file that two of three groups open, and the identities of alice and carol.
pub(super) fn world() -> World {
    let world = holding(World::new(), &["alice", "carol"]);
    world.write(".sops.yaml", &two_of_three()).write("a.yaml", PLAIN);
    world.runs(&["encrypt", "-i", "a.yaml"]);
    world
}

/// The lines of the wrapped shares.
fn shares(text: &str) -> Vec<&str> {
    let from = text.lines().skip_while(|line| line.trim() != "key_groups:");
    from.take_while(|line| !line.contains("lastmodified")).collect()
}

#[test]
fn a_file_opens_with_one_identity_of_enough_groups() {
    let world = world();
    let sealed = world.read("a.yaml");
    assert_eq!(recipients(&sealed), [ALICE, BOB, CAROL, LAB]);
    assert!(sealed.contains("          hc_vault: []\n") && sealed.contains("\n    shamir_threshold: 2\n"), "{sealed}");
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), PLAIN);
    for names in [&["bob", "lab"][..], &["lab", "carol"], &["alice", "bob", "carol", "lab"]] {
        let world = holding(World::new(), names);
        world.write("a.yaml", &sealed);
        assert_eq!(world.runs(&["decrypt", "a.yaml"]), PLAIN, "{names:?}");
        assert_eq!(world.runs(&["get", "a.yaml", "user"]), "admin", "{names:?}");
    }
}

#[test]
fn too_few_groups_are_told_one_by_one() {
    let world = holding(world(), &["alice", "bob"]);
    let error = format!(
        "a.yaml: 2 of 3 key groups are needed, and 1 opened; group 1: opened, for alice ({ALICE}), bob ({BOB}); \
         group 2: no identity opens it, for carol ({CAROL}); group 3: no identity opens it, for lab ({LAB})"
    );
    let hint = world.refuses(&["decrypt", "a.yaml"], 128, &error);
    let place = "the default key file (ROOT/home/.config/sops/age/keys.txt)";
    let found =
        format!("found the identities of alice ({ALICE}; {place}, line 1), bob ({BOB}; {place}, line 2); looked in ");
    assert!(hint.starts_with(&found), "{hint}");
    world.refuses(&["get", "a.yaml", "user"], 128, &error);
    world.refuses(&["set", "a.yaml", "user", "\"x\""], 128, &error);
    world.refuses(&["rotate", "-i", "a.yaml"], 128, &error);
    let ran = world.run(&["verify", "--decrypt", "--format", "json", "a.yaml"]);
    assert_eq!(ran.code, 2);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let groups = &json["unchecked"][0]["key_groups"];
    assert_eq!((&groups["needed"], &groups["opened"]), (&2.into(), &1.into()), "{json}");
    assert_eq!(groups["groups"][0]["state"], "opened");
    assert_eq!(groups["groups"][1]["state"], "closed");
    assert_eq!(groups["groups"][1]["recipients"][0]["names"][0], "carol");
    assert_eq!(groups["groups"][1]["recipients"][0]["id"], CAROL);
}

#[test]
fn a_group_of_foreign_keys_is_told_as_one_that_is_not_opened_here() {
    let world = holding(World::new(), &["alice"]);
    let sealed = fixture("sops/200-pgp-and-age-groups/encrypted.yaml");
    let fingerprint = fixture("keys/pgp.fingerprint");
    // The second group without its age entry, which leaves PGP.
    let (before, second) = sealed.rsplit_once("        - age:\n").unwrap();
    let (_, pgp) = second.split_once("          hc_vault: []\n").unwrap();
    let only_pgp = format!("{before}        - age: []\n          hc_vault: []\n{pgp}");
    world.write("a.yaml", &only_pgp);
    let hint = world.refuses(
        &["decrypt", "a.yaml"],
        128,
        &format!(
            "a.yaml: 2 of 2 key groups are needed, and 1 opened; group 1: opened, for {ALICE}; \
             group 2: only keys that are not age's, for pgp {}",
            fingerprint.trim()
        ),
    );
    assert_eq!(hint, "use sops for this file: without keys that are not age's there are too few groups");
}

#[test]
fn no_command_but_rotate_touches_a_share() {
    let world = world();
    let before = world.read("a.yaml");
    world.runs(&["set", "a.yaml", "password", "\"new\""]);
    assert_eq!(shares(&world.read("a.yaml")), shares(&before));
    world.runs(&["unset", "a.yaml", "user"]);
    assert_eq!(shares(&world.read("a.yaml")), shares(&before));
    let onto = world.runs_with_input(&["encrypt", "--onto", "a.yaml"], "password: other\n");
    assert_eq!(shares(&onto), shares(&before));
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), "password: new\n");
    assert_eq!(world.runs(&["filestatus", "a.yaml"]), "{\"encrypted\":true}\n");
    assert_eq!(world.run(&["verify", "--decrypt", "a.yaml"]).code, 0);
}

/// An entry that we cannot write stays as it is, whoever else's it is.
#[test]
fn foreign_entries_stay_to_the_byte_through_changes() {
    let world = holding(World::new(), &["alice", "bob"]);
    let sealed = fixture("sops/200-pgp-and-age-groups/encrypted.yaml");
    world.write("a.yaml", &sealed);
    world.runs(&["set", "a.yaml", "password", "\"new\""]);
    world.runs(&["unset", "a.yaml", "user"]);
    assert_eq!(shares(&world.read("a.yaml")), shares(&sealed));
    assert!(shares(&sealed).iter().any(|line| line.contains("BEGIN PGP MESSAGE")));
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), "password: new\n");
}

#[test]
fn rotate_makes_every_share_new_and_keeps_the_groups() {
    let world = world();
    let before = world.read("a.yaml");
    world.runs(&["rotate", "-i", "a.yaml"]);
    let after = world.read("a.yaml");
    let steady = |text: &str| -> Vec<String> {
        shares(text)
            .iter()
            .filter(|line| line.contains(':') || line.contains("-----"))
            .map(|line| (*line).to_owned())
            .collect()
    };
    assert_eq!(steady(&after), steady(&before));
    let armor = |text: &str| -> std::collections::BTreeSet<String> {
        let lines = shares(text).into_iter().filter(|line| line.len() > 60 && !line.contains(':'));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(armor(&after).intersection(&armor(&before)).count(), 0);
    let world = holding(world, &["bob", "lab"]);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), PLAIN);
}

#[test]
fn rotate_follows_the_policy_into_groups_and_out_of_them() {
    let world = world();
    let rotated = |rule: &str| {
        world.write(".sops.yaml", &policy_of(rule));
        world.runs(&["rotate", "-i", "a.yaml"]);
        world.read("a.yaml")
    };
    let text = rotated(&format!("shamir_threshold: 3, key_groups: {GROUPS}"));
    assert!(text.contains("\n    shamir_threshold: 3\n"), "{text}");
    world.write("home/.config/sops/age/keys.txt", &[identity("alice"), identity("carol"), identity("lab")].join("\n"));
    let text = rotated("shamir_threshold: 2, key_groups: [{age: [*lab]}, {age: [*alice, *bob]}, {age: [*carol]}]");
    assert!(text.contains("\n    shamir_threshold: 2\n"), "{text}");
    assert_eq!(recipients(&text), [LAB, ALICE, BOB, CAROL]);
    let text = rotated("age: [*alice, *bob, *carol, *lab]");
    assert_eq!(recipients(&text), [ALICE, BOB, CAROL, LAB]);
    assert!(
        !text.contains("key_groups") && !text.contains("shamir_threshold") && text.contains("\n    age:\n"),
        "{text}"
    );
    let text = rotated(&format!("shamir_threshold: 2, key_groups: {GROUPS}"));
    assert_eq!(recipients(&text), [ALICE, BOB, CAROL, LAB]);
    assert_eq!(shares(&text).iter().filter(|line| line.trim() == "hc_vault: []").count(), 3);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), PLAIN);
}

/// Who can write to the repository can put himself into a group, be he in another one already.
#[test]
fn a_recipient_that_only_a_group_of_the_file_names_stops_the_rotation() {
    let world = world();
    world.write(
        ".sops.yaml",
        &policy_of("shamir_threshold: 2, key_groups: [{age: [*lab]}, {age: [*alice]}, {age: [*bob, *carol]}]"),
    );
    let error =
        format!("a.yaml: the file names recipients that its creation rule does not: bob ({BOB}) in key group 1");
    world.refuses(&["rotate", "-i", "a.yaml"], 1, &error);
    let kept = world.runs(&["rotate", "--keep-recipients", "a.yaml"]);
    assert_eq!(recipients(&kept), [LAB, ALICE, BOB, BOB, CAROL]);
    world.write(".sops.yaml", &policy_of("shamir_threshold: 2, key_groups: [{age: [*alice]}, {age: [*carol]}]"));
    let error = format!(
        "a.yaml: the file names recipients that its creation rule does not: bob ({BOB}) in key group 1, lab ({LAB}) in key group 3"
    );
    world.refuses(&["rotate", "-i", "a.yaml"], 1, &error);
    let error = format!(
        "a.yaml: the file has 3 and its creation rule 2 key groups: it is open in which to keep bob ({BOB}) in key group 1, lab ({LAB}) in key group 3"
    );
    world.refuses(&["rotate", "-i", "--keep-recipients", "a.yaml"], 1, &error);
    let text = world.runs(&["rotate", "--rm-age", &format!("{BOB},{LAB}"), "a.yaml"]);
    assert_eq!(recipients(&text), [ALICE, CAROL]);
}

#[test]
fn recipients_are_added_to_the_first_group_and_removed_from_any() {
    let world = world();
    fs::remove_file(world.path(".sops.yaml")).unwrap();
    let dave = fixture("keys/dave.txt").lines().find_map(|line| line.strip_prefix("# public key: ").map(str::to_owned));
    let dave = dave.unwrap();
    let warning =
        "secrets: warning: a.yaml: no creation rule applies, so the recipients that the file itself names are kept\n";
    let text = world.runs_and_says(&["rotate", "--add-age", &dave, "a.yaml"], warning);
    assert_eq!(recipients(&text), [ALICE, BOB, dave.as_str(), CAROL, LAB]);
    let text = world.runs_and_says(&["rotate", "--rm-age", BOB, "a.yaml"], warning);
    assert_eq!(recipients(&text), [ALICE, CAROL, LAB]);
    world.write(".sops.yaml", &two_of_three());
    world.refuses(&["rotate", "--rm-age", CAROL, "a.yaml"], 1, "a.yaml: no recipient would remain in key group 2");
    let all = [ALICE, BOB, CAROL, LAB].join(",");
    world.refuses(&["rotate", "--rm-age", &all, "a.yaml"], 1, "a.yaml: no recipient would remain");
    world.refuses(
        &["rotate", "--add-age", CAROL, "a.yaml"],
        1,
        &format!("a.yaml: carol ({CAROL}) is a recipient of the file already"),
    );
}

#[test]
fn foreign_keys_stop_a_rotation_unless_the_policy_drops_them() {
    let world = holding(World::new(), &["alice", "bob"]);
    world.write("a.yaml", &fixture("sops/200-pgp-and-age-groups/encrypted.yaml"));
    let fingerprint = fixture("keys/pgp.fingerprint");
    let fingerprint = fingerprint.trim();
    let foreign = format!("names a key that is not age's (pgp {fingerprint}), which data keys cannot be wrapped for");
    let hint = world.refuses(&["rotate", "-q", "-i", "a.yaml"], 1, &format!("a.yaml: the file {foreign}"));
    assert_eq!(hint, "use sops for this file, or remove the key");
    world.write(
        ".sops.yaml",
        &policy_of(&format!(
            "shamir_threshold: 2, key_groups: [{{age: [*alice]}}, {{age: [*bob], pgp: [{fingerprint}]}}]"
        )),
    );
    world.refuses(&["rotate", "-i", "a.yaml"], 1, &format!("a.yaml: rule 1 of ROOT/.sops.yaml {foreign}"));
    world.write(".sops.yaml", &policy_of("shamir_threshold: 2, key_groups: [{age: [*alice]}, {age: [*bob]}]"));
    world.refuses(&["rotate", "--keep-recipients", "-i", "a.yaml"], 1, &format!("a.yaml: the file {foreign}"));
    let text = world.runs_and_says(
        &["rotate", "a.yaml"],
        &format!("secrets: warning: a.yaml: the creation rule does not name pgp {fingerprint} in key group 2, which cannot open the file any more\n"),
    );
    assert_eq!(recipients(&text), [ALICE, BOB]);
    assert!(!text.contains("pgp"), "{text}");
    // The same of a file with one group.
    let flat = fixture("sops/199-pgp-and-age/encrypted.yaml");
    world.write("a.yaml", &flat).write(".sops.yaml", &policy_of("age: [*alice]"));
    assert!(flat.contains("\n    pgp:\n"));
    let text = world.runs_and_says(
        &["rotate", "a.yaml"],
        &format!(
            "secrets: warning: a.yaml: the creation rule does not name pgp {fingerprint}, which cannot open the file any more\n"
        ),
    );
    assert!(!text.contains("pgp") && recipients(&text) == [ALICE], "{text}");
    world.write("a.yaml", &text);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), fixture("sops/199-pgp-and-age/plain.yaml"));
}

#[test]
fn a_threshold_is_from_two_to_the_number_of_groups() {
    let world = holding(World::new(), &["alice", "carol"]);
    world.write(".sops.yaml", &policy_of(&format!("key_groups: {GROUPS}"))).write("a.yaml", PLAIN);
    let warning = "secrets: warning: ROOT/.sops.yaml: rule 1 has 3 key groups and no `shamir_threshold`: a key of every group is needed \
         to decrypt, and of one group any key would do at line 7, column 5\n";
    let flag = "--shamir-secret-sharing-threshold";
    assert!(world.runs_and_says(&["encrypt", "a.yaml"], warning).contains("\n    shamir_threshold: 3\n"));
    assert!(world.runs_and_says(&["encrypt", flag, "2", "a.yaml"], warning).contains("\n    shamir_threshold: 2\n"));
    for (count, recipients, groups) in [("1", None, 3), ("4", None, 3), ("2", Some(ALICE), 1)] {
        let mut arguments = vec!["encrypt", "-q", flag, count, "a.yaml"];
        arguments.extend(recipients.iter().flat_map(|list| ["--age", list]));
        let error = format!("a.yaml: a data key cannot be split so that {count} of {groups} key groups open it");
        world.refuses(&arguments, 1, &error);
    }
    world.write(".sops.yaml", &policy_of(&format!("shamir_threshold: 4, key_groups: {GROUPS}")));
    world.refuses(
        &["encrypt", "-q", "a.yaml"],
        1,
        "ROOT/.sops.yaml: `shamir_threshold` is 4 with 3 key groups at line 7, column 24",
    );
    world.write(".sops.yaml", &policy_of("key_groups: [{age: [*alice]}]"));
    assert!(!world.runs(&["encrypt", "a.yaml"]).contains("key_groups"));
}

/// A dash before each key makes a group of each: everybody's surprise.
#[test]
fn a_list_of_groups_that_was_meant_as_one_is_told_by_explain() {
    let world = World::new();
    world.write(".sops.yaml", &policy_of("key_groups: [{age: [*alice]}, {age: [*bob]}, {age: [*carol]}]"));
    let page = world.runs(&["explain", "a.yaml"]);
    let expected = format!(
        "group 1\nfor       alice {ALICE}\ngroup 2\nfor       bob {BOB}\ngroup 3\nfor       carol {CAROL}\nthreshold 3 of 3 groups\n"
    );
    assert!(page.contains(&expected), "{page}");
    let warning = ".sops.yaml:7:5: rule 1 has 3 key groups and no `shamir_threshold`: a key of every group is needed to \
                   decrypt, and of one group any key would do\n";
    assert!(page.contains(warning), "{page}");
}

#[test]
fn encrypting_onto_a_file_of_other_groups_is_refused() {
    let world = world();
    let refuses = |rule: &str, error: &str| {
        world.write(".sops.yaml", &policy_of(rule)).write("new.yaml", "a: b\n");
        world.refuses(
            &["encrypt", "--onto", "a.yaml", "new.yaml"],
            1,
            &format!("new.yaml: a.yaml is encrypted for {error}"),
        );
    };
    refuses(
        &format!("shamir_threshold: 3, key_groups: {GROUPS}"),
        "other key groups (2 of 3) than is asked for (3 of 3)",
    );
    refuses("age: [*alice, *bob, *carol, *lab]", "other key groups (2 of 3) than is asked for (1 of 1)");
    refuses(
        "shamir_threshold: 2, key_groups: [{age: [*alice]}, {age: [*bob, *carol]}, {age: [*lab]}]",
        "other key groups (2 of 3) than is asked for (2 of 3)",
    );
    refuses(
        "shamir_threshold: 2, key_groups: [{age: [*alice]}, {age: [*carol]}]",
        &format!("others than is asked for: bob ({BOB}), lab ({LAB})"),
    );
    let same = "shamir_threshold: 2, key_groups: [{age: [*lab]}, {age: [*carol]}, {age: [*bob, *alice]}]";
    world.write(".sops.yaml", &policy_of(same));
    assert!(world.runs(&["encrypt", "--onto", "a.yaml", "new.yaml"]).starts_with("a: ENC["));
}

/// The shares of a file are not authenticated.
#[test]
fn shares_that_do_not_fit_together_are_refused() {
    let world = world();
    let sealed = world.read("a.yaml");
    let groups: Vec<&str> = sealed.split("        - age:\n").collect();
    let [head, _first, second, third] = groups[..] else { panic!("{sealed}") };
    // Carol's share in the first group too.
    let twice = [head, second, second, third].join("        - age:\n");
    world.write("a.yaml", &twice);
    let hint = world.refuses(
        &["decrypt", "a.yaml"],
        128,
        "a.yaml: the shares of its key groups make no data key: two shares have the number 2",
    );
    assert_eq!(hint, "a share was changed or put there twice; see the file's history");
}

/// As SOPS called the field before 3.1.
#[test]
fn the_old_name_of_the_threshold_is_read_and_goes_with_a_rotation() {
    let world = world();
    let old = world.read("a.yaml").replace("shamir_threshold", "shamir_quorum");
    world.write("a.yaml", &old);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), PLAIN);
    world.runs(&["set", "a.yaml", "user", "\"x\""]);
    assert!(world.read("a.yaml").contains("\n    shamir_quorum: 2\n"));
    world.runs(&["rotate", "-i", "a.yaml"]);
    let new = world.read("a.yaml");
    assert!(!new.contains("shamir_quorum") && new.contains("\n    shamir_threshold: 2\n"), "{new}");
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), "user: x\npassword: correct horse\n");
}

/// The command is the last resort: with enough groups open nobody runs it.
#[cfg(unix)]
#[test]
fn no_command_runs_for_a_group_that_is_not_needed() {
    let world = world();
    world.write("asked", "");
    world.write("keys.sh", &format!("#!/bin/sh\necho x >>'{}'\n", world.path("asked").display()));
    fs::set_permissions(world.path("keys.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let command = world.path("keys.sh").display().to_string();
    let world = world.set("SOPS_AGE_KEY_CMD", &command);
    let world = holding(world, &["carol", "lab"]);
    assert_eq!(world.runs(&["decrypt", "a.yaml"]), PLAIN);
    assert_eq!(world.read("asked"), "");
    let world = holding(world, &["carol"]);
    assert_eq!(world.run(&["decrypt", "a.yaml"]).code, 128);
    assert_ne!(world.read("asked"), "");
}

/// The threshold is not authenticated. Who holds enough opens the file anyway, as with `sops`; who does not, does not.
#[test]
fn a_threshold_that_somebody_changed_opens_nothing() {
    let sealed = fixture("sops/182-groups-3-of-5/encrypted.yaml");
    let plain = fixture("sops/182-groups-3-of-5/plain.yaml");
    let lowered = sealed.replace("shamir_threshold: 3", "shamir_threshold: 2");
    let missing = sealed.replace("    shamir_threshold: 3\n", "");
    for text in [&lowered, &missing] {
        let world = holding(World::new(), &["alice", "bob", "lab"]);
        world.write("a.yaml", text);
        assert_eq!(world.runs(&["decrypt", "a.yaml"]), plain);
        let world = holding(world, &["alice", "bob"]);
        let ran = world.run(&["decrypt", "--ignore-mac", "a.yaml"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    }
    let world = holding(World::new(), &["alice", "bob", "lab", "phx", "carol"]);
    world.write("a.yaml", &sealed.replace("shamir_threshold: 3", "shamir_threshold: 9"));
    let ran = world.run(&["decrypt", "a.yaml"]);
    assert!(ran.stderr.contains("9 of 5 key groups are needed, and 5 opened"), "{}", ran.stderr);
    assert_eq!(ran.code, 128);
}

/// Lists that a file holds are as long as who wrote it wants.
#[test]
fn more_groups_than_there_can_be_shares_are_refused_at_once() {
    let world = world();
    let sealed = world.read("a.yaml");
    let group = "        - age: []\n          hc_vault: []\n";
    world.write("a.yaml", &sealed.replace("    lastmodified:", &format!("{}    lastmodified:", group.repeat(100_000))));
    let error = "a.yaml: the shares of its key groups make no data key: 100003 shares cannot be put together";
    world.refuses(&["decrypt", "a.yaml"], 128, error);
}

#[cfg(target_os = "linux")]
#[test]
fn a_passphrase_is_asked_for_only_where_a_group_is_missing() {
    let dave = fixture("keys/dave.txt").lines().find_map(|line| line.strip_prefix("# public key: ").map(str::to_owned));
    let locked = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys/dave-binary.age");
    let world = holding(World::new(), &["alice", "carol"]).set("SOPS_AGE_KEY_FILE", locked);
    let dave = dave.unwrap();
    let rule = format!("shamir_threshold: 2, key_groups: [{{age: [{dave}]}}, {{age: [*alice]}}, {{age: [*carol]}}]");
    world.write(".sops.yaml", &policy_of(&rule)).write("a.yaml", PLAIN);
    world.runs(&["encrypt", "-i", "a.yaml"]);
    let shown = sources::converse(&world, &["decrypt", "a.yaml"], &[], 0);
    assert_eq!(shown.replace("\r\n", "\n"), PLAIN);
    let world = holding(world, &["alice"]);
    let shown = sources::converse(&world, &["decrypt", "a.yaml"], &["test-passphrase"], 0);
    assert!(shown.replace("\r\n", "\n").ends_with(PLAIN), "{shown}");
    // Nobody is asked where the group behind the passphrase could not make it enough.
    let sealed = world.read("a.yaml");
    let (before, last) = sealed.rsplit_once("        - age:\n").unwrap();
    let (_, rest) = last.split_once("          hc_vault: []\n").unwrap();
    let vault = "          hc_vault:\n            - vault_address: https://v\n              engine_path: t\n              \
                 key_name: k\n              created_at: \"2026-11-21T00:00:00Z\"\n              enc: vault:v1:x\n";
    let foreign =
        format!("{before}        - age: []\n{vault}{rest}").replace("shamir_threshold: 2", "shamir_threshold: 3");
    world.write("a.yaml", &foreign);
    let shown = sources::converse(&world, &["decrypt", "a.yaml"], &[], 128);
    assert!(shown.contains("3 of 3 key groups are needed, and 1 opened"), "{shown}");
    assert!(shown.contains("group 3: only keys that are not age's, for hc_vault https://v/v1/t/keys/k"), "{shown}");
}

#[test]
fn identity_test_tells_each_group_and_whether_they_are_enough() {
    let world = world();
    let ran = world.run(&["identity", "test", "a.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.ends_with("it opens\n"), "{}", ran.stdout);
    let world = holding(world, &["alice", "bob"]);
    let ran = world.run(&["identity", "test", "a.yaml"]);
    assert_eq!(ran.code, 128, "{}", ran.stdout);
    for line in [
        format!("carol ({CAROL})  not held"),
        format!("lab ({LAB})  not held"),
        "it does not open: 2 of 3 key groups are needed, and 1 opened".to_owned(),
    ] {
        assert!(ran.stdout.lines().any(|shown| shown.trim() == line), "{line}: {}", ran.stdout);
    }
}
