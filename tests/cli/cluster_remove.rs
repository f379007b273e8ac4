//! `secrets cluster remove`

use super::{
    cluster::{change, run},
    cluster_add::{changes, diff, is_in_sync, opened_by, repository, sealed},
    *,
};

/// The layouts, one of their clusters, its directories, and another cluster.
pub(crate) const CLUSTERS: [(&str, &str, &str, &str); 3] = [
    ("per-cluster", "phx", "/phx/", "lab"),
    ("layered-overlays", "cloud-cluster", "/prod/", "home-cluster"),
    ("component-trees", "production", "/production/", "sandbox"),
];

/// Writes what is not YAML in clear: it cannot be changed yet.
pub(crate) fn without_other_formats(world: &World) {
    let is_other = |path: &PathBuf| path.to_str().unwrap().ends_with(".sops.env");
    for path in world.snapshot().into_keys().filter(is_other) {
        fs::write(path, "A=1\n").unwrap();
    }
}

#[test]
fn a_removed_cluster_opens_no_file_and_the_others_open_all_that_they_did() {
    for (layout, cluster, directory, other) in CLUSTERS {
        let world = repository(layout);
        without_other_formats(&world);
        let (before, policy) = (sealed(&world), world.read("repo/.sops.yaml"));
        let (gone, kept) = (format!("keys/{cluster}.agekey"), format!("keys/{other}.agekey"));
        let (of_gone, of_kept) = (opened_by(&world, &gone), opened_by(&world, &kept));
        assert!(!of_gone.is_empty() && of_gone.iter().all(|name| name.contains(directory)), "{of_gone:?}");
        let (stdout, stderr) = changes(&world, &["cluster", "remove", cluster], 0);
        assert!(stdout.starts_with(&format!("{cluster} is taken out\n  - age1")), "{stdout}");
        assert!(
            stderr
                .contains(&format!("warning: {cluster} could open {} files, and opens what git keeps", of_gone.len()))
        );
        assert!(
            stderr.contains("hint: change the secrets themselves at their source; `secrets exposure age1"),
            "{stderr}"
        );
        assert_eq!((opened_by(&world, &gone), opened_by(&world, &kept)), (Vec::new(), of_kept), "{layout}");
        assert_eq!(opened_by(&world, "keys/alice.agekey").len(), before.len(), "{layout}");
        for (name, text) in sealed(&world) {
            // A new data key for what it could open, and no byte of the others.
            let is_new = ciphertexts(&text).iter().all(|(key, value)| ciphertexts(&before[&name])[key] != *value);
            assert_eq!(is_new, of_gone.contains(&name), "{name}");
            assert_eq!(text == before[&name], !of_gone.contains(&name), "{name}");
        }
        let lines = diff(&policy, &world.read("repo/.sops.yaml"));
        assert!(lines.iter().filter(|line| line.starts_with('-')).all(|line| line.contains(cluster)), "{lines:?}");
        assert!(!world.read("repo/.sops.yaml").contains(&format!("&{cluster} ")));
        is_in_sync(&world);
        // And back.
        world.run(&["-C", "repo", "sync", "--revert"]);
        assert_eq!((sealed(&world), world.read("repo/.sops.yaml")), (before, policy), "{layout}");
    }
}

#[test]
fn files_in_other_places_and_out_of_step_lose_it_too() {
    let world = repository("per-cluster");
    let policy = world.read("repo/.sops.yaml");
    let phx =
        policy.lines().find_map(|line| line.strip_prefix("  - &phx ")).unwrap().split(' ').next().unwrap().to_owned();
    let alice =
        policy.lines().find_map(|line| line.strip_prefix("  - &alice ")).unwrap().split(' ').next().unwrap().to_owned();
    let both = format!("{phx},{alice}");
    for (name, recipients) in [("elsewhere/db.sops.yaml", &both), ("k8s/clusters/lab/apps/db.sops.yaml", &both)] {
        world.write(&format!("repo/{name}"), SECRET);
        world.runs(&["-C", "repo", "encrypt", "-i", "--age", recipients, name]);
    }
    assert_eq!(opened_by(&world, "keys/phx.agekey").len(), 4);
    let stdout = world.run(&["-C", "repo", "cluster", "remove", "phx", "--dry-run"]).stdout;
    let plan = "elsewhere/db.sops.yaml: a new data key, and every value encrypted anew\n  - phx (age1";
    assert!(stdout.contains(plan), "{stdout}");
    let (_, stderr) = changes(&world, &["cluster", "remove", "phx"], 0);
    assert!(stderr.contains("\n5 changed, 0 failed\n") || stderr.starts_with("5 changed, 0 failed\n"), "{stderr}");
    assert_eq!(opened_by(&world, "keys/phx.agekey"), Vec::<String>::new());
    assert_eq!(opened_by(&world, "keys/alice.agekey").len(), sealed(&world).len());
    // Where no rule applies, the others stay.
    assert_eq!(recipients(&world.read("repo/elsewhere/db.sops.yaml")), [alice.as_str()]);
}

#[test]
fn a_rule_for_nobody_else_goes_only_when_told() {
    let world = repository("per-cluster");
    change(&world, ".sops.yaml", "{age: [*phx, *alice]}", "{age: [*phx]}");
    world.write(
        "home/.config/sops/age/keys.txt",
        &format!("{}{}", world.read("keys/alice.agekey"), world.read("keys/phx.agekey")),
    );
    world.run(&["-C", "repo", "sync"]);
    let hint = world.refuses(
        &["-C", "repo", "cluster", "remove", "phx"],
        1,
        "ROOT/repo/.sops.yaml: nobody would be left in rule 2",
    );
    assert_eq!(hint, "give those rules another recipient first, or drop them with --drop-rules");
    // Its files would be for nobody.
    let (_, stderr) = run(&world, &["cluster", "remove", "phx", "--drop-rules"], 1);
    let error = "error: k8s/clusters/phx/apps/uptime-kuma/secret.sops.yaml: no recipient would remain\n";
    assert!(stderr.contains(error) && stderr.contains("nothing was written"), "{stderr}");
    fs::remove_dir_all(world.path("repo/k8s/clusters/phx")).unwrap();
    let (_, stderr) = changes(&world, &["cluster", "remove", "phx", "--drop-rules"], 0);
    let warnings = [
        "warning: the repository has no cluster `phx`; the recipient of that name is taken out\n",
        "warning: the rule for `^k8s/clusters/phx/.*\\.sops\\.ya?ml$` goes with it: it encrypts for nobody else\n",
        "note: phx could open no file as they were; earlier versions are another matter\n",
    ];
    assert!(warnings.iter().all(|warning| stderr.contains(warning)), "{stderr}");
    assert!(!world.read("repo/.sops.yaml").contains("phx"));
    is_in_sync(&world);
}

#[test]
fn who_is_no_cluster_or_only_a_guess_is_not_removed() {
    let world = repository("component-trees");
    world.refuses(
        &["-C", "repo", "cluster", "remove", "staging", "--dry-run"],
        1,
        "there is no cluster `staging`; there are production, sandbox",
    );
    world.runs(&["-C", "repo", "recipient", "remove", "sandbox"]);
    let error =
        "the recipient of cluster `sandbox` is only inferred from its files, and has to have a name in the policy";
    world.refuses(&["-C", "repo", "cluster", "remove", "sandbox", "--dry-run"], 1, error);
}

#[test]
fn files_that_cannot_be_changed_stop_all() {
    let world = repository("component-trees");
    let before = (sealed(&world), world.read("repo/.sops.yaml"));
    let (_, stderr) = run(&world, &["cluster", "remove", "sandbox"], 1);
    let error =
        "error: clusters/sandbox/overlays/apps/grafana.sops.env: dotenv files are not supported yet, only YAML\n";
    assert!(stderr.contains(error) && stderr.contains("nothing was written"), "{stderr}");
    assert_eq!((sealed(&world), world.read("repo/.sops.yaml")), before);
    let (_, stderr) = changes(&world, &["cluster", "remove", "sandbox", "--keep-going"], 1);
    assert!(stderr.contains("3 changed, 1 failed\n"), "{stderr}");
    assert_eq!(opened_by(&world, "keys/sandbox.agekey"), Vec::<String>::new());
}
