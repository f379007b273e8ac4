//! `secrets sync`

use super::{groups::identity, *};

const LAYOUTS: [&str; 3] = ["component-trees", "layered-overlays", "per-cluster"];

/// A copy of a repository of `fixtures/repos`, with a git directory, and the identity of its alice.
fn repository(layout: &str) -> World {
    let world = World::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos").join(layout);
    let mut open = vec![source.clone()];
    while let Some(directory) = open.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&source).unwrap();
                world.write(name.to_str().unwrap(), &fs::read_to_string(&path).unwrap());
            }
        }
    }
    let alice = world.read("test-only-keys/alice.agekey");
    fs::remove_dir_all(world.path("test-only-keys")).unwrap();
    world.write("home/.config/sops/age/keys.txt", &alice);
    with_git(world)
}

/// The same without the files that `sync` compares and cannot change.
fn repository_of_yaml(layout: &str) -> World {
    let world = repository(layout);
    for path in world.snapshot().into_keys().filter(|path| path.extension().is_some_and(|end| end == "env")) {
        fs::remove_file(path).unwrap();
    }
    world
}

/// The world with what makes a directory a repository.
fn with_git(world: World) -> World {
    world.write(".git/HEAD", "ref: refs/heads/main\n").write(".git/objects/x", "").write(".git/refs/x", "");
    world
}

/// The SOPS files in YAML by their names, with their content.
fn sealed_files(world: &World) -> BTreeMap<String, String> {
    let names = world.snapshot().into_keys().map(|path| path.strip_prefix(world.root.path()).unwrap().to_owned());
    let names = names.map(|name| name.to_str().unwrap().to_owned());
    let is_sealed = |name: &String| name.ends_with(".sops.yaml") && !name.starts_with(".sops");
    names.filter(is_sealed).map(|name| (name.clone(), world.read(&name))).collect()
}

/// A policy that names `recipient` wherever it names alice.
fn add_beside_alice(world: &World, recipient: &str) {
    let policy = world.read(".sops.yaml");
    let listed = policy.replace("- *alice\n", &format!("- *alice\n          - {recipient}\n"));
    world.write(".sops.yaml", &listed.replace(", *alice", &format!(", *alice, {recipient}")));
    assert_ne!(world.read(".sops.yaml"), policy);
}

/// `text` without the entries of `recipient`.
fn without_entries(text: &str, recipient: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.split_inclusive('\n') {
        lines.push(line);
        if line.trim().trim_start_matches("- ") == format!("recipient: {recipient}") {
            let start = lines.iter().rposition(|line| line.trim_start().starts_with("- ")).unwrap();
            lines.truncate(start);
        }
    }
    lines.concat()
}

/// The last line that a run says on standard error, without how long it took.
fn summary(ran: &Ran) -> &str {
    ran.stderr.lines().last().and_then(|line| line.rsplit_once(", in ")).map_or("", |(counts, _)| counts)
}

#[track_caller]
fn syncs(world: &World, arguments: &[&str]) -> Ran {
    let ran = world.run(&[&["sync"], arguments].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    ran
}

#[track_caller]
fn is_clean(world: &World) {
    let ran = world.run(&["sync", "--check"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
}

fn leftovers(world: &World) -> Vec<PathBuf> {
    let is_leftover = |path: &PathBuf| path.to_str().unwrap().ends_with(".secrets-tmp");
    world.snapshot().into_keys().filter(is_leftover).collect()
}

#[test]
fn a_new_recipient_gets_the_data_key_and_no_other_byte_changes() {
    for layout in LAYOUTS {
        let world = repository_of_yaml(layout);
        is_clean(&world);
        let before = sealed_files(&world);
        add_beside_alice(&world, CAROL);
        assert_eq!(world.run(&["sync", "--check"]).code, 1);
        let ran = syncs(&world, &[]);
        assert_eq!(summary(&ran), format!("{} changed, 0 unchanged, 0 failed", before.len()), "{layout}");
        let after = sealed_files(&world);
        for (name, text) in &after {
            assert_ne!(text, &before[name], "{name}");
            assert_eq!(without_entries(text, CAROL), before[name], "{name}");
        }
        is_clean(&world);
        let world = world.set_identity("carol");
        assert_eq!(world.run(&["verify", "-q", "--decrypt"]).code, 0, "{layout}");
        assert_eq!(summary(&syncs(&world, &[])), format!("0 changed, {} unchanged, 0 failed", after.len()));
        assert_eq!(sealed_files(&world), after);
    }
}

#[test]
fn a_removed_recipient_brings_a_new_data_key() {
    for layout in LAYOUTS {
        let world = repository_of_yaml(layout);
        add_beside_alice(&world, CAROL);
        syncs(&world, &[]);
        let before = sealed_files(&world);
        let policy = world.read(".sops.yaml").replace(&format!(", {CAROL}"), "");
        world.write(".sops.yaml", &policy.replace(&format!("          - {CAROL}\n"), ""));
        let ran = syncs(&world, &[]);
        assert_eq!(summary(&ran), format!("{} changed, 0 unchanged, 0 failed", before.len()), "{layout}");
        for (name, text) in sealed_files(&world) {
            assert!(!recipients(&text).contains(&CAROL), "{name}");
            for (key, value) in ciphertexts(&before[&name]) {
                assert_ne!(ciphertexts(&text)[key], value, "{name} {key}");
            }
        }
        is_clean(&world);
        assert_eq!(world.run(&["verify", "-q", "--decrypt"]).code, 0, "{layout}");
    }
}

#[test]
fn to_keep_the_data_key_is_told_as_unsafe() {
    let world = with_git(World::with_secret());
    let before = world.read("db.sops.yaml");
    world.write(".sops.yaml", &policy().replace("*alice, *bob", "*alice"));
    let ran = syncs(&world, &["--keep-data-key"]);
    assert!(ran.stderr.starts_with("secrets: warning: --keep-data-key is unsafe: "), "{}", ran.stderr);
    assert_eq!(world.read("db.sops.yaml"), without_entries(&before, BOB));
    is_clean(&world);
}

#[test]
fn check_tells_each_difference_with_its_places() {
    let world = with_git(World::with_secret());
    world.write(
        ".sops.yaml",
        &policy().replace("*alice, *bob", &format!("*alice, {CAROL}")).replace("^(data|stringData)$", "^data$"),
    );
    // Without any key.
    fs::remove_dir_all(world.path("home")).unwrap();
    let before = world.snapshot();
    let ran = world.run(&["sync", "--check"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    // How long an entry is changes from one to the next.
    let sealed = world.read("db.sops.yaml");
    let line = |mark: &str| sealed.lines().position(|line| line.contains(mark)).unwrap() + 1;
    let entry = line(ALICE) + 1;
    let selector = line("encrypted_regex");
    let expected = format!(
        "db.sops.yaml:{entry}:7: extra-recipient: the file is for bob ({BOB}), whom the rule does not name (rule 1, .sops.yaml:5:5)\n\
         db.sops.yaml:9:3: missing-recipient: the file is not for {CAROL}, whom the rule names (rule 1, .sops.yaml:7:33)\n\
         db.sops.yaml:{selector}:20: selector: the file has `encrypted_regex: ^(data|stringData)$`, and the rule \
         `encrypted_regex: ^data$` (rule 1, .sops.yaml:6:22)\n"
    );
    assert_eq!(ran.stdout, expected);
    let ran = world.run(&["sync", "--check", "--format", "json", "db.sops.yaml"]);
    assert_eq!(ran.code, 1);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let file = &json["drifted"][0];
    assert_eq!(
        (&json["schema"], &json["files"], &file["keys"]),
        (&"secrets-sync/1".into(), &1.into(), &"renew".into())
    );
    let kinds: Vec<_> =
        file["drifts"].as_array().unwrap().iter().map(|drift| drift["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["extra-recipient", "missing-recipient", "selector"]);
    assert_eq!((&file["drifts"][0]["line"], &file["drifts"][0]["policy_line"]), (&entry.into(), &5.into()));
    assert_eq!(file["drifts"][0]["recipient"]["names"][0], "bob");
    let ran = world.run(&["sync", "--dry-run"]);
    let plan = format!("db.sops.yaml: a new data key, and every value encrypted anew\n  - bob ({BOB})\n  + {CAROL}\n");
    assert_eq!((ran.code, ran.stdout), (0, plan));
    assert_eq!(world.snapshot(), before);
    world.write(".sops.yaml", "creation_rules: [");
    assert_eq!(world.run(&["sync", "--check"]).code, 2);
}

/// All types of files are compared, be it that only YAML can be changed.
#[test]
fn a_file_that_is_not_yaml_is_compared_and_left() {
    let world = with_git(World::new());
    world.write(".sops.yaml", &policy().replace("\\.sops\\.yaml$", "^sealed/"));
    let age = |id: &str| format!("{{\"recipient\": \"{id}\", \"enc\": \"x\"}}");
    let json = format!(
        "{{\"data\": \"ENC[AES256_GCM,x]\", \"sops\": {{\"age\": [{}, {}], \"encrypted_regex\": \"^(data|stringData)$\", \
         \"lastmodified\": \"2024-02-29T01:02:03Z\", \"mac\": \"ENC[x]\", \"version\": \"3.13.2\"}}}}\n",
        age(ALICE),
        age(CAROL)
    );
    let of_bob = json.replace(CAROL, BOB);
    world.write("sealed/a.json", &json).write("sealed/same.json", &of_bob).write("sealed/a.pem", &json);
    let before = world.snapshot();
    let ran = world.run(&["sync", "--check"]);
    let lines = |path: &str| {
        format!(
            "{path}: unknown-recipient: the file is for {CAROL}, whom the policy names nowhere: who put it there? \
             (rule 1, .sops.yaml:5:5)\n{path}: missing-recipient: the file is not for bob ({BOB}), whom the rule names \
             (rule 1, .sops.yaml:7:33)\n"
        )
    };
    let expected = lines("sealed/a.json") + &lines("sealed/a.pem");
    assert_eq!((ran.code, ran.stdout), (1, expected));
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let left =
        "warning: 2 files: not as its rule says, and only YAML files are changed so far: sealed/a.json, sealed/a.pem\n";
    assert!(ran.stderr.contains(left), "{}", ran.stderr);
    let named = world.run(&["sync", "sealed/a.json"]);
    assert!(
        named.code == 1 && named.stderr.contains("JSON files are not supported yet, only YAML"),
        "{}",
        named.stderr
    );
    assert!(before.into_iter().all(|(path, state)| world.snapshot()[&path] == state));
}

/// Who can write to the repository can put a recipient of his own into a file.
#[test]
fn a_recipient_that_only_the_file_names_is_told_loudly_and_removed() {
    let world = with_git(World::with_secret());
    world.write("db.sops.yaml", SECRET);
    world.runs(&["encrypt", "-i", "--age", &format!("{ALICE},{BOB},{CAROL}"), "db.sops.yaml"]);
    let ran = world.run(&["sync", "--check"]);
    assert!(ran.code == 1 && ran.stdout.contains(": unknown-recipient: the file is for age1gav"), "{}", ran.stdout);
    let before = world.read("db.sops.yaml");
    let ran = syncs(&world, &[]);
    let warning =
        format!("secrets: warning: db.sops.yaml: {CAROL} can open this, and the policy names that recipient nowhere\n");
    assert!(ran.stderr.starts_with(&warning), "{}", ran.stderr);
    let after = world.read("db.sops.yaml");
    assert_eq!(recipients(&after), [ALICE, BOB]);
    assert_ne!(ciphertexts(&after)["password"], ciphertexts(&before)["password"]);
    assert_eq!(world.runs(&["decrypt", "db.sops.yaml"]), SECRET);
}

#[test]
fn groups_follow_the_policy() {
    let world = with_git(groups::world());
    let policy = world.read(".sops.yaml");
    let renewed = |rule: &str, is_new: bool| {
        let before = world.read("a.yaml");
        world.write(".sops.yaml", rule);
        syncs(&world, &["-q"]);
        let after = world.read("a.yaml");
        assert_eq!(ciphertexts(&after)["password"] != ciphertexts(&before)["password"], is_new, "{rule}");
        is_clean(&world);
        assert!(world.runs(&["decrypt", "a.yaml"]).starts_with("user: admin\n"));
        after
    };
    let dave = fixture("keys/dave.txt").lines().find_map(|line| line.strip_prefix("# public key: ").map(str::to_owned));
    let dave = dave.unwrap();
    let text = renewed(&policy.replace("[*carol]", &format!("[*carol, {dave}]")), false);
    assert_eq!(recipients(&text)[3], dave);
    renewed(&policy, true);
    world.write("home/.config/sops/age/keys.txt", &["alice", "carol", "lab"].map(identity).join("\n"));
    renewed(&policy.replace("shamir_threshold: 2", "shamir_threshold: 3"), true);
    renewed(&policy, false);
    renewed(&policy.replace(", {age: [*lab]}", ""), true);
    renewed(&policy, false);
    let text = renewed(
        &policy
            .replace("{age: [*alice, *bob]}, {age: [*carol]}, {age: [*lab]}", "{age: [*alice, *bob, *carol, *lab]}")
            .replace("shamir_threshold: 2, ", ""),
        false,
    );
    assert!(!text.contains("key_groups"), "{text}");
    renewed(&policy, true);
    // Somebody in another group than before could open more, or less.
    renewed(&policy.replace("[*alice, *bob]}, {age: [*carol]", "[*alice]}, {age: [*bob, *carol]"), true);
}

#[test]
fn selectors_are_put_right_only_when_asked() {
    let world = with_git(World::with_secret());
    let before = world.read("db.sops.yaml");
    world.write(
        ".sops.yaml",
        &policy().replace("^(data|stringData)$", "^(password|name)$\n    mac_only_encrypted: true"),
    );
    let ran = syncs(&world, &[]);
    assert!(ran.stderr.contains("`secrets sync --selectors` puts that right"), "{}", ran.stderr);
    assert_eq!(world.read("db.sops.yaml"), before);
    syncs(&world, &["--selectors"]);
    let after = world.read("db.sops.yaml");
    assert!(after.contains("\n  user: admin\n") && after.contains("\n  mac_only_encrypted: true\n"), "{after}");
    assert_eq!(ciphertexts(&after)["password"], ciphertexts(&before)["password"]);
    assert!(ciphertexts(&after).contains_key("name"));
    assert_eq!(recipients(&after), recipients(&before));
    assert_eq!(world.runs(&["decrypt", "db.sops.yaml"]), SECRET);
    is_clean(&world);
    world.write(".sops.yaml", &policy().replace("^(data|stringData)$", "^nothing$"));
    let ran = world.run(&["sync", "--selectors"]);
    assert!(ran.code == 1 && ran.stderr.contains("picks no value"), "{}", ran.stderr);
    assert_eq!(world.read("db.sops.yaml"), after);
}

#[test]
fn foreign_keys_stay_as_long_as_nothing_is_wrapped_for_them() {
    let world = with_git(World::new());
    let sealed = fixture("sops/199-pgp-and-age/encrypted.yaml");
    let fingerprint = fixture("keys/pgp.fingerprint").trim().to_owned();
    let rule = |age: &str| format!("creation_rules:\n  - pgp: {fingerprint}\n    age: {age}\n");
    world.write("a.yaml", &sealed).write(".sops.yaml", &rule(ALICE));
    assert_eq!(recipients(&sealed), [ALICE]);
    is_clean(&world);
    world.write(".sops.yaml", &rule(&format!("{ALICE},{BOB}")));
    syncs(&world, &[]);
    let text = world.read("a.yaml");
    assert_eq!(without_entries(&text, BOB), sealed);
    world.write(".sops.yaml", &rule(ALICE));
    let ran = world.run(&["sync"]);
    assert!(ran.code == 1 && ran.stderr.contains("names a key that is not age's (pgp "), "{}", ran.stderr);
    assert_eq!(world.read("a.yaml"), text);
    world.write(".sops.yaml", &format!("creation_rules:\n  - age: {ALICE},{BOB}\n"));
    syncs(&world, &[]);
    assert!(!world.read("a.yaml").contains("pgp"));
}

#[test]
fn files_without_a_rule_and_of_other_types_are_told_and_left() {
    let world = repository("component-trees");
    let sealed = world.read("clusters/sandbox/overlays/services/postgres.sops.yaml");
    world.write("elsewhere.yaml", &sealed);
    add_beside_alice(&world, CAROL);
    let ran = syncs(&world, &[]);
    assert!(
        ran.stderr.contains("elsewhere.yaml: no creation rule applies, so nothing is compared\n"),
        "{}",
        ran.stderr
    );
    let left = "2 files: not as its rule says, and only YAML files are changed so far: clusters/";
    assert!(ran.stderr.contains(left), "{}", ran.stderr);
    assert_eq!(world.read("elsewhere.yaml"), sealed);
}

/// Three files for alice, of which she cannot open the second.
fn with_closed_file() -> World {
    let world = with_git(World::with_secret());
    let sealed = world.read("db.sops.yaml");
    world.write("sub/a.sops.yaml", &sealed).write("z.sops.yaml", &sealed).write("closed.sops.yaml", SECRET);
    world.runs(&["encrypt", "-i", "--age", BOB, "closed.sops.yaml"]);
    world.write(".sops.yaml", &policy().replace("*alice, *bob", &format!("*alice, *bob, {CAROL}")));
    world
}

#[test]
fn a_file_that_cannot_be_opened_stops_all_unless_told_to_go_on() {
    let world = with_closed_file();
    let before = sealed_files(&world);
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 128, "{}", ran.stderr);
    assert!(ran.stderr.contains("closed.sops.yaml: no identity opens it; it is for bob"), "{}", ran.stderr);
    assert!(ran.stderr.contains("no file was written"), "{}", ran.stderr);
    assert_eq!((sealed_files(&world), leftovers(&world)), (before.clone(), vec![]));
    let ran = world.run(&["sync", "--keep-going"]);
    assert_eq!((ran.code, summary(&ran)), (128, "3 changed, 0 unchanged, 1 failed"), "{}", ran.stderr);
    let after = sealed_files(&world);
    assert_eq!(after.iter().filter(|(name, text)| before[*name] == **text).count(), 1);
    assert_eq!(world.run(&["sync", "--check"]).code, 1);
}

#[test]
fn a_changed_file_is_not_given_to_anybody_new() {
    let world = with_closed_file();
    fs::remove_file(world.path("closed.sops.yaml")).unwrap();
    let tampered = world.read("z.sops.yaml").replace("name: db", "name: x");
    world.write("z.sops.yaml", &tampered);
    let before = sealed_files(&world);
    let ran = world.run(&["sync"]);
    assert!(ran.code == 51 && ran.stderr.contains("z.sops.yaml: MAC mismatch"), "{}", ran.stderr);
    assert_eq!(sealed_files(&world), before);
}

#[test]
fn a_run_is_taken_back_to_the_byte() {
    for is_in_git in [true, false] {
        let world = repository("per-cluster");
        if !is_in_git {
            fs::remove_dir_all(world.path(".git")).unwrap();
        }
        let before = sealed_files(&world);
        add_beside_alice(&world, CAROL);
        syncs(&world, &[]);
        assert_ne!(sealed_files(&world), before);
        let journal = if is_in_git { ".git/secrets" } else { "home/.local/state/secrets/journal" };
        assert_eq!(mode(&world.path(journal)), 0o700);
        syncs(&world, &["--revert"]);
        assert_eq!(sealed_files(&world), before);
        let ran = world.run(&["sync", "--revert"]);
        assert!(ran.code == 2 && ran.stderr.contains("there is no run to be taken back"), "{}", ran.stderr);
        // Nothing of the journal is a plaintext or a key.
        let state = world.snapshot().into_iter().filter(|(path, _)| path.starts_with(world.path(journal)));
        for (path, (_, content)) in state {
            let text = String::from_utf8(content).unwrap();
            assert!(!text.contains("AGE-SECRET-KEY") && !text.contains("BEGIN"), "{}", path.display());
        }
    }
}

#[test]
fn two_runs_at_once_exclude_each_other() {
    let world = with_closed_file();
    fs::create_dir(world.path(".git/secrets")).unwrap();
    fs::set_permissions(world.path(".git/secrets"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let lock = fs::File::open(world.path(".git/secrets")).unwrap();
    lock.lock().unwrap();
    for arguments in
        [&["sync"][..], &["sync", "--revert"], &["sync", "--resume"], &["rotate", "--all"], &["rotate", "."]]
    {
        let error = "ROOT/.git/secrets: another run is at work on these files";
        assert_eq!(world.refuses(arguments, 1, error), "wait until it has ended");
    }
    // To look is always allowed.
    assert_eq!(world.run(&["sync", "--check"]).code, 1);
}

#[test]
fn rotate_of_all_files_is_a_run_that_can_be_taken_back() {
    let world = repository("layered-overlays");
    let before = sealed_files(&world);
    assert_eq!(world.runs(&["rotate", "-q", "--all"]), "");
    let after = sealed_files(&world);
    assert!(before.iter().all(|(name, text)| after[name] != *text));
    is_clean(&world);
    syncs(&world, &["--revert"]);
    assert_eq!(sealed_files(&world), before);
    let ran = world.run(&["sync", "nowhere.yaml"]);
    assert!(ran.code == 1 && ran.stderr.starts_with("secrets: error: nowhere.yaml: cannot be read"), "{}", ran.stderr);
}

/// The command, as another user than root where the tests are root's: root may do everything.
#[cfg(target_os = "linux")]
fn as_nobody(world: &World, script: &str) -> std::process::Output {
    let is_root = std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = std::process::Command::new(if is_root { "setpriv" } else { "sh" });
    if is_root {
        let owned = std::process::Command::new("chown").args(["-R", "65534:65534"]).arg(world.root.path()).status();
        assert!(owned.unwrap().success());
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "sh"]);
    }
    command.args(["-c", script]).arg(nobodys_copy(world)).current_dir(world.root.path());
    command.env_clear().env("HOME", world.path("home")).env("PATH", "/usr/bin:/bin").output().unwrap()
}

/// The binary where everybody can reach it.
#[cfg(target_os = "linux")]
fn nobodys_copy(world: &World) -> PathBuf {
    let copy = world.path("home/secrets");
    if !copy.exists() {
        fs::copy(env!("CARGO_BIN_EXE_secrets"), &copy).unwrap();
        fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(world.root.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    copy
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_or_directory_that_cannot_be_written_stops_all() {
    let cases = [
        ("chmod 444 z.sops.yaml", "chmod 644 z.sops.yaml", "z.sops.yaml: is not writable"),
        ("chmod 555 sub", "chmod 755 sub", "sub/a.sops.yaml: cannot be written"),
        ("chmod 000 z.sops.yaml", "chmod 644 z.sops.yaml", "z.sops.yaml: cannot be read"),
        ("chmod 555 .git", "chmod 755 .git", ".git/secrets: cannot be written"),
        ("ulimit -f 1; trap '' XFSZ", ":", "cannot be written: File too large"),
    ];
    for (close, open, error) in cases {
        let world = with_closed_file();
        fs::remove_file(world.path("closed.sops.yaml")).unwrap();
        let before = sealed_files(&world);
        let output = as_nobody(&world, &format!("{close}; \"$0\" sync; code=$?; {open}; exit $code"));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && stderr.contains(error), "{close}: {:?} {stderr}", output.status);
        assert_eq!((sealed_files(&world), leftovers(&world)), (before.clone(), vec![]), "{close}");
        let output = as_nobody(&world, "\"$0\" sync");
        assert!(output.status.success(), "{close}: {}", String::from_utf8(output.stderr).unwrap());
        assert!(sealed_files(&world).iter().all(|(name, text)| before[name] != *text), "{close}");
    }
}

/// Kills runs at random points; the next one finishes them. `SYNC_KILLS` and `SYNC_FILES` ask for more of both.
#[cfg(target_os = "linux")]
#[test]
fn no_file_is_lost_or_torn_by_kill_9() {
    let number =
        |name: &str, usual: usize| std::env::var_os(name).map_or(usual, |text| text.to_str().unwrap().parse().unwrap());
    let (kills, files) = (number("SYNC_KILLS", 15), number("SYNC_FILES", 200));
    let world = with_git(World::with_secret());
    let sealed = world.read("db.sops.yaml");
    for index in 0..files {
        world.write(&format!("d{}/{index}.sops.yaml", index % 7), &sealed);
    }
    let policies = [policy(), policy().replace("*alice, *bob", &format!("*alice, *bob, {CAROL}"))];
    let spawn = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_secrets"));
        command.args(["sync", "-q"]).current_dir(world.root.path()).env_clear().env("HOME", world.path("home"));
        command.spawn().unwrap()
    };
    let mut longest = std::time::Duration::ZERO;
    let mut random = std::collections::hash_map::RandomState::new();
    let mut unfinished = 0;
    for round in 0..=kills {
        let before = sealed_files(&world);
        world.write(".sops.yaml", &policies[(round + 1) % 2]);
        let start = std::time::Instant::now();
        let mut child = spawn();
        if round == 0 {
            assert!(child.wait().unwrap().success());
            longest = start.elapsed();
            continue;
        }
        let seed = std::hash::BuildHasher::hash_one(&random, round);
        random = std::collections::hash_map::RandomState::new();
        let micros = seed % u64::try_from(longest.as_micros()).unwrap();
        std::thread::sleep(std::time::Duration::from_micros(micros));
        // Every third one ends by Ctrl-C.
        let signal = if round % 3 == 0 { rustix::process::Signal::INT } else { rustix::process::Signal::KILL };
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        child.wait().unwrap();
        let told = format!("round {round}, killed after {micros} µs of {longest:?}");
        // Each file is what it was, or whole and new.
        let after = sealed_files(&world);
        assert_eq!(after.len(), before.len(), "{told}");
        unfinished += usize::from(after.iter().any(|(name, text)| before[name] == *text));
        let ran = world.run(&["verify", "-q", "--decrypt"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{told}: {}", ran.stderr);
        if round % 5 == 4 {
            let ran = world.run(&["sync", "-q", "--revert"]);
            let is_as_before = sealed_files(&world) == before;
            assert!(ran.code == 2 || ran.code == 0, "{told}: {}", ran.stderr);
            assert!(ran.code == 2 || is_as_before || after == before, "{told}: reverted to something else");
        }
        syncs(&world, &["-q"]);
        is_clean(&world);
        assert_eq!(leftovers(&world), Vec::<PathBuf>::new(), "{told}");
        assert_eq!(world.run(&["verify", "-q", "--decrypt"]).code, 0, "{told}");
    }
    assert!(unfinished > 0, "no run was killed before its end");
    assert_eq!(world.runs(&["decrypt", "d3/3.sops.yaml"]), SECRET);
}
