//! `secrets cluster rotate`

use super::{
    cluster::{change, json, run},
    cluster_add::{changes, is_in_sync, opened_by, repository, sealed},
    cluster_remove::{CLUSTERS, without_other_formats},
    *,
};

/// The `&name recipient` of the policy.
fn named(world: &World, name: &str) -> Option<String> {
    let policy = world.read("repo/.sops.yaml");
    let line = policy.lines().find_map(|line| line.trim().strip_prefix(&format!("- &{name} ")).map(str::to_owned));
    line.map(|line| line.split(' ').next().unwrap().to_owned())
}

/// How far the change is, and what is still to be done.
fn phase(world: &World, cluster: &str) -> (String, Vec<String>) {
    let ran = world.run(&["-C", "repo", "cluster", "status", cluster, "--format", "json"]);
    let json = json(&ran.stdout);
    let status = json.pointer("/clusters/0").unwrap();
    let steps = status["rotation_steps"].as_array().unwrap().iter().map(|step| step.as_str().unwrap().to_owned());
    (status["rotation"].as_str().unwrap().to_owned(), steps.collect())
}

#[test]
fn a_cluster_gets_a_new_identity_in_two_steps() {
    for (layout, cluster, _, other) in CLUSTERS {
        let world = repository(layout);
        without_other_formats(&world);
        let (before, policy) = (sealed(&world), world.read("repo/.sops.yaml"));
        let (old, kept) = (format!("keys/{cluster}.agekey"), format!("keys/{other}.agekey"));
        let (of_old, of_kept) = (opened_by(&world, &old), opened_by(&world, &kept));
        assert_eq!(phase(&world, cluster), ("none".to_owned(), Vec::new()));
        let own = named(&world, cluster).unwrap();

        let begin = ["cluster", "rotate", cluster, "--identity-file", "../new.agekey"];
        let (stdout, stderr) = changes(&world, &begin, 0);
        let next = named(&world, &format!("{cluster}-next")).unwrap();
        assert_eq!(stdout, format!("{cluster} has two recipients\n    {own}\n  + {next}\n"));
        assert_eq!(
            stderr,
            format!(
                "{} changed, 0 failed\nsecrets: hint: what comes next is told by `secrets cluster status {cluster}`\n",
                of_old.len() + 1
            )
        );
        assert_eq!(mode(&world.path("new.agekey")), 0o600);
        // Both open the same, no value is encrypted anew, and no other file is touched.
        assert_eq!((opened_by(&world, &old), opened_by(&world, "new.agekey")), (of_old.clone(), of_old.clone()));
        for (name, text) in sealed(&world) {
            assert_eq!(ciphertexts(&text), ciphertexts(&before[&name]), "{name}");
            assert_eq!(text == before[&name], !of_old.contains(&name), "{name}");
        }
        let (state, steps) = phase(&world, cluster);
        assert_eq!((state.as_str(), steps.len()), ("begun", 3));
        assert_eq!(steps[0], "its decryption Secret flux-system/sops-age has to hold both identities");
        assert_eq!(steps[1].contains("released, as it follows tag v1.0.0"), layout == "component-trees", "{steps:?}");
        is_in_sync(&world);

        let again = world.snapshot();
        let (_, stderr) = changes(&world, &begin, 0);
        assert!(stderr.starts_with(&format!(
            "secrets: note: {cluster} has its next recipient already, {next}; no other one is made\n"
        )));
        let is_file = |path: &&PathBuf| !path.to_str().unwrap().contains(".git/secrets");
        let files = |files: &BTreeMap<PathBuf, (u32, Vec<u8>)>| {
            files.clone().into_iter().filter(|(path, _)| is_file(&path)).collect::<Vec<_>>()
        };
        assert_eq!(files(&world.snapshot()), files(&again));

        let (stdout, stderr) = changes(&world, &["cluster", "rotate", cluster, "--finish"], 0);
        assert_eq!(stdout, format!("{cluster} has another recipient\n  - {own}\n  + {next}\n"));
        assert_eq!(
            stderr.contains("both identities stay in its decryption Secret"),
            layout == "component-trees",
            "{stderr}"
        );
        assert!(stderr.contains(&format!("`secrets exposure {own}` lists them")), "{stderr}");
        // One line of the policy is another one, and no more.
        assert_eq!(world.read("repo/.sops.yaml"), policy.replace(&own, &next));
        assert_eq!((opened_by(&world, &old), opened_by(&world, "new.agekey")), (Vec::new(), of_old.clone()));
        assert_eq!((opened_by(&world, &kept), opened_by(&world, "keys/alice.agekey").len()), (of_kept, before.len()));
        for (name, text) in sealed(&world).into_iter().filter(|(name, _)| of_old.contains(name)) {
            assert!(ciphertexts(&text).iter().all(|(key, value)| ciphertexts(&before[&name])[key] != *value), "{name}");
        }
        assert_eq!(phase(&world, cluster), ("none".to_owned(), Vec::new()));
        is_in_sync(&world);
        let error = format!("the identity of cluster `{cluster}` is not being changed");
        world.refuses(&["-C", "repo", "cluster", "rotate", cluster, "--finish"], 1, &error);
    }
}

#[test]
fn the_page_of_a_cluster_tells_what_is_left() {
    let world = repository("component-trees");
    run(&world, &["cluster", "rotate", "production", "--recipient", CAROL, "--keep-going"], 1);
    let (stdout, _) = run(&world, &["cluster", "status", "production"], 1);
    let expected = "rotation     begun
             - 1 of 4 files are not for the new recipient: `secrets cluster
               rotate production`
             - its decryption Secret flux-system/sops-age has to hold both
               identities
             - the files have to be released, as it follows tag v1.0.0, and Flux
               has to have deployed that
             - then `secrets cluster rotate production --finish`
";
    assert!(stdout.contains(expected), "{stdout}");
}

#[test]
fn an_emergency_is_one_step_before_and_after_the_beginning() {
    for is_begun in [false, true] {
        let world = repository("layered-overlays");
        let policy = world.read("repo/.sops.yaml");
        let own = named(&world, "home-cluster").unwrap();
        if is_begun {
            changes(&world, &["cluster", "rotate", "home-cluster", "--identity-file", "../new.agekey"], 0);
        }
        let next = named(&world, "home-cluster-next");
        let (stdout, _) = changes(
            &world,
            &["cluster", "rotate", "home-cluster", "--emergency", "--identity-file", "../new.agekey"],
            0,
        );
        let new = named(&world, "home-cluster").unwrap();
        assert!(next.is_none_or(|next| next == new));
        assert_eq!(stdout, format!("home-cluster has another recipient\n  - {own}\n  + {new}\n"));
        assert_eq!(world.read("repo/.sops.yaml"), policy.replace(&own, &new));
        assert_eq!(opened_by(&world, "keys/home-cluster.agekey"), Vec::<String>::new());
        assert_eq!(opened_by(&world, "new.agekey"), opened_by(&world, "keys/attic-cluster.agekey"));
        is_in_sync(&world);
    }
}

/// The identities in a decryption Secret.
fn lines_of(secret: &str) -> Vec<String> {
    let lines = secret.lines().map(str::trim).filter(|line| line.starts_with("AGE-SECRET-KEY-"));
    lines.map(str::to_owned).collect()
}

#[test]
fn the_secret_has_both_identities_and_then_the_new_one() {
    let world = repository("per-cluster");
    let old = lines_of(&world.read("keys/lab.agekey"));
    let begin = ["cluster", "rotate", "lab", "--secret-file", "../lab.yaml"];
    let own = named(&world, "lab").unwrap();
    let before = world.read("repo/.sops.yaml");
    let (_, stderr) = run(&world, &begin, 1);
    assert!(stderr.contains(&format!("error: the identity of {own} is not at hand\n")), "{stderr}");
    assert_eq!(world.read("repo/.sops.yaml"), before);
    let begin = [&begin[..], &["--old-identity", "../keys/lab.agekey"]].concat();
    let (_, stderr) = changes(&world, &begin, 0);
    assert!(stderr.contains("../lab.yaml: Secret flux-system/sops-age\n"), "{stderr}");
    let both = lines_of(&world.read("lab.yaml"));
    assert!(both.len() == 2 && both.starts_with(&old));
    assert_eq!(mode(&world.path("lab.yaml")), 0o600);
    // Once more writes the same, with the identities of the Secret that is there.
    let secret = world.read("lab.yaml");
    changes(&world, &["cluster", "rotate", "lab", "--secret-file", "../lab.yaml"], 0);
    assert_eq!(world.read("lab.yaml"), secret);
    changes(&world, &["cluster", "rotate", "lab", "--finish", "--secret-file", "../lab.yaml"], 0);
    assert_eq!(lines_of(&world.read("lab.yaml")), both[1..]);
    world.write("new.agekey", &both[1]);
    assert_eq!(opened_by(&world, "new.agekey").len(), 5);
    assert_eq!(opened_by(&world, "keys/lab.agekey"), Vec::<String>::new());
}

#[test]
fn each_policy_of_a_repository_follows() {
    let world = repository("per-cluster");
    let policy = world.read("repo/.sops.yaml");
    let lab = named(&world, "lab").unwrap();
    let alice = named(&world, "alice").unwrap();
    world.write(
        "repo/talos/.sops.yaml",
        &format!("creation_rules:\n  - path_regex: \\.sops\\.yaml$\n    age: >-\n      {lab},\n      {alice}\n"),
    );
    world.write("repo/talos/lab.sops.yaml", SECRET);
    world.run(&["-C", "repo", "encrypt", "-i", "talos/lab.sops.yaml"]);
    changes(&world, &["cluster", "rotate", "lab", "--recipient", CAROL], 0);
    let expected = format!(
        "creation_rules:\n  - path_regex: \\.sops\\.yaml$\n    age: >-\n      {lab},\n      {CAROL},\n      {alice}\n"
    );
    assert_eq!(world.read("repo/talos/.sops.yaml"), expected);
    assert!(recipients(&world.read("repo/talos/lab.sops.yaml")).contains(&CAROL));
    changes(&world, &["cluster", "rotate", "lab", "--finish"], 0);
    assert_eq!(world.read("repo/.sops.yaml"), policy.replace(&lab, CAROL));
    assert_eq!(world.read("repo/talos/.sops.yaml"), expected.replace(&format!("{lab},\n      "), ""));
    assert_eq!(opened_by(&world, "keys/lab.agekey"), Vec::<String>::new());
    is_in_sync(&world);
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    let world = repository("per-cluster");
    let rotate = |arguments: &[&'static str]| [&["-C", "repo", "cluster", "rotate"][..], arguments].concat();
    // The journal is made by the first run.
    run(&world, &["cluster", "rotate", "nowhere"], 1);
    world.refuses(&rotate(&["nowhere"]), 1, "there is no cluster `nowhere`; there are lab, phx");
    let hint = world.refuses(&rotate(&["lab"]), 2, "a new identity has to be kept somewhere");
    assert_eq!(hint, "name a place with --identity-file FILE, --keyring or --secret-file FILE");
    world.refuses(&rotate(&["lab", "--finish"]), 1, "the identity of cluster `lab` is not being changed");
    let phx = named(&world, "phx").unwrap();
    let error = "the recipient is that of cluster `phx`: whoever holds one's identity could read all of the other";
    world.refuses(&["-C", "repo", "cluster", "rotate", "lab", "--recipient", &phx], 1, error);
    let lab = "../keys/lab.agekey";
    world.refuses(&rotate(&["lab", "--identity-file", lab]), 1, "the recipient is the one that cluster `lab` has now");
    world.refuses(
        &rotate(&["lab", "--recipient", "AGE-SECRET-KEY-1"]),
        1,
        "a private key stands where a recipient belongs",
    );
    // A rule that was added by hand in between.
    changes(&world, &["cluster", "rotate", "lab", "--recipient", CAROL], 0);
    change(&world, ".sops.yaml", "\nstores:", "  - path_regex: ^x/\n    age: [*lab-next, *alice]\n\nstores:");
    let error = "ROOT/repo/.sops.yaml: rule 3 names one of the cluster's two recipients and not the other";
    world.refuses(&rotate(&["lab", "--finish"]), 1, error);
    // Given in another place than the policy.
    world.write("repo/.secrets.toml", &format!("[clusters.phx]\nrecipients = [\"{phx}\"]\n"));
    let error = "the recipient of cluster `phx` stands in .secrets.toml as text, and has to have a name in the policy";
    world.refuses(&rotate(&["phx", "--recipient", BOB]), 1, error);
    world.write("repo/.secrets.toml", "[clusters.phx]\nrecipients = [\"phx\"]\n");
    changes(&world, &["cluster", "rotate", "phx", "--recipient", BOB], 0);
    assert_eq!(phase(&world, "phx").0, "begun");
}

/// Kills runs at random points; the next one goes on. `ROTATE_KILLS` and `ROTATE_FILES` ask for more of both.
#[cfg(target_os = "linux")]
#[test]
fn no_file_is_lost_or_for_nobody_after_kill_9() {
    let number =
        |name: &str, usual: usize| std::env::var_os(name).map_or(usual, |text| text.to_str().unwrap().parse().unwrap());
    let (kills, files) = (number("ROTATE_KILLS", 12), number("ROTATE_FILES", 120));
    let world = repository("per-cluster");
    let sealed_one = world.read("repo/k8s/clusters/phx/apps/uptime-kuma/secret.sops.yaml");
    for index in 0..files {
        world.write(&format!("repo/k8s/clusters/phx/d{}/{index}.sops.yaml", index % 7), &sealed_one);
    }
    let names = || sealed(&world).into_keys().filter(|name| name.contains("/phx/")).collect::<Vec<_>>();
    let all = names();
    let mut longest = std::time::Duration::from_millis(1);
    for round in 0..=kills {
        let is_finish = named(&world, "phx-next").is_some();
        let identity = format!("../new{round}.agekey");
        let arguments: &[&str] = if is_finish {
            &["-C", "repo", "cluster", "rotate", "phx", "--finish", "-q"]
        } else {
            &["-C", "repo", "cluster", "rotate", "phx", "-q", "--identity-file", &identity]
        };
        let start = std::time::Instant::now();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_secrets"));
        command.args(arguments).current_dir(world.root.path()).env_clear().env("HOME", world.path("home"));
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        if round < 2 {
            assert!(child.wait().unwrap().success());
            longest = longest.max(start.elapsed());
            continue;
        }
        let random = std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), round);
        std::thread::sleep(std::time::Duration::from_micros(random % u64::try_from(longest.as_micros()).unwrap()));
        let signal = if round % 3 == 0 { rustix::process::Signal::INT } else { rustix::process::Signal::KILL };
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        child.wait().unwrap();
        // No file is lost, and whoever could open all still can.
        assert_eq!(names(), all, "round {round}");
        let ran = world.run(&["-C", "repo", "verify", "-q", "--decrypt"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "round {round}: {}", ran.stderr);
        // The next run comes to the end of that step, whatever was left of this one.
        let ran = world.run(arguments);
        let is_done = is_finish && ran.stderr.contains("the identity of cluster `phx` is not being changed");
        assert!(ran.code == 0 || is_done, "round {round}: {}", ran.stderr);
        assert_eq!(named(&world, "phx-next").is_none(), is_finish, "round {round}: {}", ran.stderr);
        is_in_sync(&world);
        let root = world.path("repo");
        let is_leftover = |path: &PathBuf| path.starts_with(&root) && path.to_str().unwrap().ends_with(".secrets-tmp");
        assert_eq!(world.snapshot().into_keys().filter(is_leftover).collect::<Vec<_>>(), Vec::<PathBuf>::new());
        // The identity that the policy names is kept.
        let current = named(&world, "phx-next").or_else(|| named(&world, "phx")).unwrap();
        let is_kept = (0..=round).any(|round| {
            fs::read_to_string(world.path(&format!("new{round}.agekey"))).is_ok_and(|text| text.contains(&current))
        });
        assert!(is_kept, "round {round}: nobody has the identity of {current}");
    }
}
