//! `secrets access`

use super::{
    cluster::{as_repository, change, copy, json, run, tells},
    *,
};

#[test]
fn access_tells_who_can_read_what_in_each_layout() {
    assert_eq!(
        tells(&copy("per-cluster"), &["access"]),
        "\
k8s/clusters/lab/  (5 files)
    for  lab
    by   lab, alice
k8s/clusters/phx/  (2 files)
    for  phx
    by   phx, alice
"
    );
    let text = tells(&copy("layered-overlays"), &["access", "apps"]);
    assert_eq!(
        text,
        "\
apps/overlays/dev/example-app/secret.sops.yaml
    for  attic-cluster, home-cluster
    by   home-cluster, attic-cluster, alice, bob
apps/overlays/prod/  (2 files)
    for  cloud-cluster
    by   cloud-cluster, alice
"
    );
    // Files of every type: an env file is among them.
    let text = tells(&copy("component-trees"), &["access", "--files", "clusters/sandbox/overlays/apps"]);
    assert_eq!(
        text,
        "\
clusters/sandbox/overlays/apps/grafana.sops.env
    for  sandbox
    by   sandbox, alice, bob
"
    );
}

#[test]
fn access_can_be_asked_by_recipient_cluster_and_path() {
    let world = copy("component-trees");
    let files = |arguments: &[&str]| -> Vec<String> {
        let text = tells(&world, &[&["access", "--format", "json"], arguments].concat());
        let files = json(&text)["files"].as_array().unwrap().clone();
        files.iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(files(&[]).len(), 7);
    assert!(files(&["--recipient", "bob"]).iter().all(|path| path.starts_with("clusters/sandbox/")));
    assert_eq!(files(&["--recipient", "bob", "--recipient", "production"]).len(), 7);
    assert_eq!(files(&["--cluster", "production"]).len(), 4);
    let (text, stderr) = run(&world, &["access", "--cluster", "production", "--recipient", "bob"], 0);
    assert_eq!((text.as_str(), stderr.as_str()), ("", "secrets: warning: no SOPS file was found\n"));
    assert_eq!(files(&["--path", r"postgres\.sops\.yaml$"]).len(), 2);
    let path = "clusters/sandbox/overlays/services/postgres.sops.yaml";
    assert_eq!(files(&[path, "--cluster", "sandbox"]), [path]);

    let refuses = |arguments: &[&str], code, error: &str| {
        world.refuses(&[&["-C", "repo", "access"], arguments].concat(), code, error);
    };
    refuses(&["--cluster", "nowhere"], 1, "there is no cluster `nowhere`; there are production, sandbox");
    refuses(&["--recipient", "mallory"], 1, "no policy and no file names a recipient `mallory`");
    let reason = "`*` has nothing to repeat (at byte 0 of the regular expression)";
    refuses(&["--path", "*x"], 2, &format!("--path *x: not a regular expression that Go accepts: {reason}"));
    refuses(&[".."], 1, "..: is not in the repository ROOT/repo");
    refuses(&["nothing"], 1, "nothing: cannot be read: No such file or directory (os error 2)");
}

#[test]
fn a_recipient_that_nobody_knows_is_flagged() {
    let world = copy("per-cluster");
    let path = "k8s/clusters/phx/apps/uptime-kuma/secret.sops.yaml";
    change(&world, path, "age:\n", &format!("age:\n    - recipient: {BOB}\n      enc: x\n"));
    let shown = tells(&world, &["access", path]);
    assert!(shown.contains("age1n6an…3tur (unknown)"), "{shown}");
    // With a name in the policy, it is known, and still in no rule.
    change(&world, ".sops.yaml", "  - &alice", &format!("  - &bob {BOB}\n  - &alice"));
    let shown = tells(&world, &["access", path]);
    assert!(shown.contains("bob (not in the rule)"), "{shown}");
}

#[test]
fn key_groups_and_foreign_keys_are_shown_as_such() {
    let world = World::new();
    as_repository(&world);
    world.write(
        "repo/.sops.yaml",
        &format!(
            "keys: [&lab {ALICE}, &backup FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4]\ncreation_rules:\n- shamir_threshold: 2\n  \
             key_groups: [{{age: [*lab]}}, {{pgp: [*backup]}}, {{kms: [{{arn: 'arn:aws:kms:eu:1:key/x', role: r}}]}}]\n"
        ),
    );
    world.write(
        "repo/clusters/lab/db.sops.yaml",
        &format!(
            "a: ENC[AES256_GCM,x]\nsops:\n  shamir_threshold: 2\n  key_groups:\n  - age: [{{recipient: {ALICE}, enc: x}}]\n  \
             - pgp: [{{fp: FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4, enc: x}}]\n  \
             - kms: [{{arn: 'arn:aws:kms:eu:1:key/x', role: r, enc: x}}]\n  lastmodified: '2026-01-01T00:00:00Z'\n  \
             mac: ENC[x]\n  version: 3.13.2\n"
        ),
    );
    assert_eq!(
        tells(&world, &["access"]),
        "\
clusters/lab/db.sops.yaml
    for  lab
    by   2 of 3 key groups:
      1. lab
      2. backup (pgp)
      3. kms arn:aws:…ey/x
"
    );
    let (text, _) = run(&world, &["cluster", "status"], 1);
    assert!(text.contains("lab cannot read:\n  clusters/lab/db.sops.yaml (1 of 2 key groups)\n"), "{text}");
    assert!(!text.contains("policy says"), "{text}");
}

#[test]
fn csv_is_one_line_for_each_file_and_reader_and_never_a_formula() {
    let world = copy("per-cluster");
    let csv = tells(&world, &["access", "--format", "csv", "k8s/clusters/phx/apps"]);
    let lines: Vec<&str> = csv.lines().collect();
    let path = "k8s/clusters/phx/apps/uptime-kuma/secret.sops.yaml";
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("\"path\",\"for_clusters\",\"groups_needed\","));
    assert!(lines[1].starts_with(&format!("\"{path}\",\"phx\",\"1\",\"1\",\"1\",\"age\",\"age1t3t7")), "{}", lines[1]);
    assert!(lines[2].ends_with("\"alice\",\"\",\"in-rule\""), "{}", lines[2]);

    let secret = world.read(&format!("repo/{path}"));
    world.write("repo/=HYPERLINK(\"x\").sops.yaml", &secret);
    let csv = tells(&world, &["access", "--format", "csv", "=HYPERLINK(\"x\").sops.yaml"]);
    assert!(csv.lines().nth(1).unwrap().starts_with("\"'=HYPERLINK(\"\"x\"\").sops.yaml\",\"\","), "{csv}");
}

#[test]
fn access_needs_no_key_and_changes_nothing() {
    let world = copy("per-cluster");
    fs::remove_dir_all(world.path("home")).unwrap();
    let before = world.snapshot();
    tells(&world, &["access"]);
    tells(&world, &["cluster", "status"]);
    assert_eq!(world.snapshot(), before);
}
