//! `secrets cluster add`

use super::{
    cluster::{change, copy, run, tells},
    *,
};

/// A copy of a repository of `fixtures/repos`, with the identity of its alice at hand.
pub(crate) fn repository(layout: &str) -> World {
    let world = copy(layout);
    let alice = world.read("repo/test-only-keys/alice.agekey");
    world.write("home/.config/sops/age/keys.txt", &alice);
    // Beside the repository: what is in it belongs to nobody.
    fs::rename(world.path("repo/test-only-keys"), world.path("keys")).unwrap();
    world
}

/// What a change prints and says, without how long it took.
#[track_caller]
pub(crate) fn changes(world: &World, arguments: &[&str], code: i32) -> (String, String) {
    let (stdout, stderr) = run(world, arguments, code);
    let line = |line: &str| line.split(", in ").next().unwrap().to_owned() + "\n";
    (stdout, stderr.lines().map(line).collect())
}

/// Whether every file is what the policy says.
#[track_caller]
pub(crate) fn is_in_sync(world: &World) {
    let ran = world.run(&["-C", "repo", "sync", "--check"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
}

/// The YAML files that SOPS wrote, by their names below the repository.
pub(crate) fn sealed(world: &World) -> BTreeMap<String, String> {
    let root = world.path("repo");
    let files = world.snapshot().into_keys().filter_map(|path| Some(path.strip_prefix(&root).ok()?.to_owned()));
    let names = files.map(|path| path.to_str().unwrap().to_owned());
    let is_sealed = |name: &String| {
        let name = name.rsplit('/').next().unwrap();
        name.ends_with(".sops.yaml") && !name.starts_with('.')
    };
    names.filter(is_sealed).map(|name| (name.clone(), world.read(&format!("repo/{name}")))).collect()
}

/// Which of those the identity in this file opens.
pub(crate) fn opened_by(world: &World, keys: &str) -> Vec<String> {
    let key = world.path(keys);
    let opens = |name: &String| {
        let mut command = world.command(&["decrypt", &format!("repo/{name}")]);
        let output = command.env("HOME", world.path("nobody")).env("SOPS_AGE_KEY_FILE", &key).output().unwrap();
        assert!(output.status.success() || output.status.code() == Some(128), "{name}: {output:?}");
        output.status.success()
    };
    sealed(world).into_keys().filter(opens).collect()
}

/// The lines that a change of the policy took away and brought.
pub(crate) fn diff(before: &str, after: &str) -> Vec<String> {
    let lines = |text: &str, other: &str, sign: char| {
        let other: Vec<&str> = other.lines().collect();
        let new = text.lines().filter(|line| !other.contains(line));
        new.map(|line| format!("{sign}{line}")).collect::<Vec<_>>()
    };
    [lines(before, after, '-'), lines(after, before, '+')].concat()
}

const HINT: &str =
    "secrets: hint: commit; and give the cluster its identity in a decryption Secret (see `secrets flux secret`)\n";

#[test]
fn a_cluster_gets_a_name_and_a_rule_in_the_style_of_the_others() {
    let world = repository("per-cluster");
    let before = world.read("repo/.sops.yaml");
    let (stdout, stderr) = changes(&world, &["cluster", "add", "den", "--recipient", CAROL], 0);
    assert_eq!(stdout, format!("den in k8s/clusters/den; new rule 3\n  + {CAROL}\n"));
    assert_eq!(stderr, format!("1 changed, 0 failed\n{HINT}"));
    let phx = "  - &phx age1t3t7ut55npvhd99623e50zg999898s4zc2k7jnfxhxp7g0sayceqegtvmk    # cluster\n";
    let rule = "    key_groups: [{age: [*phx, *alice]}]\n";
    let expected = before.replace(phx, &format!("{phx}  - &den {CAROL}    # cluster\n")).replace(
        rule,
        &format!(
            "{rule}  - path_regex: ^k8s/clusters/den/.*\\.sops\\.ya?ml$\n    encrypted_regex: ^(data|stringData)$\n    \
             key_groups: [{{age: [*den, *alice]}}]\n"
        ),
    );
    assert_eq!(world.read("repo/.sops.yaml"), expected);
    is_in_sync(&world);
    world.write("repo/k8s/clusters/den/db.sops.yaml", SECRET);
    world.runs(&["-C", "repo", "encrypt", "-i", "k8s/clusters/den/db.sops.yaml"]);
    assert_eq!(recipients(&world.read("repo/k8s/clusters/den/db.sops.yaml"))[0], CAROL);
    // Once more is nothing more.
    let (_, stderr) = changes(&world, &["cluster", "add", "den", "--recipient", CAROL], 0);
    assert_eq!((stderr, world.read("repo/.sops.yaml")), (format!("0 changed, 0 failed\n{HINT}"), expected));
}

#[test]
fn a_cluster_like_another_gets_its_rules_and_joins_those_that_it_shares() {
    let world = repository("layered-overlays");
    let (before, policy) = (sealed(&world), world.read("repo/.sops.yaml"));
    let (stdout, stderr) =
        changes(&world, &["cluster", "add", "den", "--recipient", CAROL, "--like", "home-cluster"], 0);
    assert_eq!(stdout, format!("den in clusters/dev/den; joins rule 2\n  + {CAROL}\n"));
    assert_eq!(stderr, format!("3 changed, 0 failed\n{HINT}"));
    let lines = diff(&policy, &world.read("repo/.sops.yaml"));
    assert_eq!(lines, [format!("+  - &den {CAROL}"), "+          - *den".to_owned()]);
    let after = sealed(&world);
    for (name, text) in &after {
        assert_eq!(recipients(text).contains(&CAROL), name.contains("/dev/"), "{name}");
        assert_eq!(ciphertexts(text), ciphertexts(&before[name]), "{name}");
    }
    is_in_sync(&world);

    let world = repository("component-trees");
    let policy = world.read("repo/.sops.yaml");
    changes(&world, &["cluster", "add", "staging", "--recipient", CAROL, "--like", "production"], 0);
    let lines = diff(&policy, &world.read("repo/.sops.yaml"));
    let expected = [
        format!("+  - &staging {CAROL}"),
        "+  - path_regex: ^clusters/staging/overlays/.*\\.sops\\.env$".to_owned(),
        "+    age: [*staging, *alice]".to_owned(),
        "+  - path_regex: ^clusters/staging/overlays/.*\\.sops\\.ya?ml$".to_owned(),
        "+    age: [*staging, *alice]".to_owned(),
    ];
    assert_eq!(lines, expected);
    is_in_sync(&world);
}

#[test]
fn files_that_are_there_already_follow() {
    let world = repository("per-cluster");
    change(
        &world,
        ".sops.yaml",
        "creation_rules:\n",
        "creation_rules:\n  - path_regex: ^k8s/clusters/lab/special/\n    key_groups: [{age: [*lab]}]\n",
    );
    change(
        &world,
        ".sops.yaml",
        "\nstores:",
        "  - path_regex: \\.sops\\.yaml$\n    encrypted_regex: ^(data|stringData)$\n    key_groups: [{age: [*alice]}]\n\nstores:",
    );
    world.write("repo/sites/den/db.sops.yaml", SECRET);
    world.runs(&["-C", "repo", "encrypt", "-i", "sites/den/db.sops.yaml"]);
    let before = world.read("repo/sites/den/db.sops.yaml");
    let others = sealed(&world);
    let add =
        ["cluster", "add", "den", "--recipient", CAROL, "--directory", "sites/den", "--with", "alice", "--with", "phx"];
    let (stdout, _) = changes(&world, &add, 0);
    // Before the rule that is for all.
    assert!(stdout.starts_with("den in sites/den; new rule 4\n"), "{stdout}");
    let after = world.read("repo/sites/den/db.sops.yaml");
    assert_eq!(recipients(&after).len(), 3);
    assert_eq!(ciphertexts(&after), ciphertexts(&before));
    let changed: Vec<_> =
        sealed(&world).into_iter().filter(|(name, text)| others[name] != *text).map(|(name, _)| name).collect();
    assert_eq!(changed, ["sites/den/db.sops.yaml"]);
    is_in_sync(&world);
}

#[test]
fn a_dry_run_shows_the_policy_and_the_names_and_changes_nothing() {
    let world = repository("layered-overlays");
    let before = world.snapshot();
    let add = ["-C", "repo", "cluster", "add", "den", "--like", "home-cluster", "--dry-run"];
    let stdout = world.runs(&[&add[..], &["--recipient", CAROL]].concat());
    assert!(stdout.starts_with("--- .sops.yaml\n+++ .sops.yaml\n@@ "), "{stdout}");
    assert!(stdout.contains(&format!("\n+  - &den {CAROL}\n")) && stdout.contains("\n+          - *den\n"), "{stdout}");
    let plan = format!(
        "\napps/overlays/dev/example-app/secret.sops.yaml: the same data key, wrapped for those who come\n  + den ({CAROL})\n"
    );
    assert!(stdout.contains(&plan), "{stdout}");
    assert_eq!(world.snapshot(), before);
    let ran = world.run(&[&add[..], &["--generate", "--identity-file", "den.agekey"]].concat());
    assert_eq!(ran.stderr, "secrets: note: no identity was kept: the next one that is made is another one\n");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn an_identity_is_made_and_kept_before_a_file_names_it() {
    for kind in [&[][..], &["--post-quantum"]] {
        let world = repository("layered-overlays");
        let generate =
            ["cluster", "add", "den", "--like", "home-cluster", "--generate", "--identity-file", "../den.agekey"];
        let (stdout, _) = changes(&world, &[&generate, kind].concat(), 0);
        let key = world.read("den.agekey");
        let recipient = key.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
        assert_eq!(recipient.starts_with("age1pq1"), !kind.is_empty());
        assert!(stdout.contains(recipient) || !kind.is_empty(), "{stdout}");
        assert_eq!(mode(&world.path("den.agekey")), 0o600);
        assert!(opened_by(&world, "den.agekey").iter().all(|name| name.contains("/dev/")));
        assert_eq!(opened_by(&world, "den.agekey").len(), 2);
    }
}

#[test]
fn an_identity_that_is_there_is_taken() {
    let world = repository("layered-overlays");
    world.write("den.agekey", &fixture("keys/carol.txt"));
    let generate =
        ["cluster", "add", "den", "--like", "home-cluster", "--generate", "--identity-file", "../den.agekey"];
    let (stdout, _) = changes(&world, &generate, 0);
    assert!(stdout.contains(CAROL), "{stdout}");
    assert_eq!(world.read("den.agekey"), fixture("keys/carol.txt"));
    world.write("two.agekey", &format!("{}{}", fixture("keys/carol.txt"), fixture("keys/bob.txt")));
    let two =
        ["-C", "repo", "cluster", "add", "x", "--generate", "--identity-file", "../two.agekey", "--directory", "x"];
    world.refuses(&two, 1, "../two.agekey: holds 2 identities where one is needed");
    world.write("none.agekey", "nonsense\n");
    let none =
        ["-C", "repo", "cluster", "add", "x", "--generate", "--identity-file", "../none.agekey", "--directory", "x"];
    world.refuses(&none, 1, "../none.agekey: line 1: not an age identity");
}

#[test]
fn an_identity_can_be_in_its_secret_alone() {
    let world = repository("per-cluster");
    let add = |name| ["cluster", "add", name, "--generate", "--secret-file", "../secret.yaml"];
    let (_, stderr) = changes(&world, &add("den"), 0);
    assert!(stderr.contains("../secret.yaml: Secret flux-system/sops-age\n"), "{stderr}");
    let secret = world.read("secret.yaml");
    let head = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: sops-age\n  namespace: flux-system\nstringData:\n  age.agekey: |\n    AGE-SECRET-KEY-1";
    assert!(secret.starts_with(head) && secret.lines().count() == 8, "{} lines", secret.lines().count());
    assert_eq!(mode(&world.path("secret.yaml")), 0o600);
    // An identity that no policy names yet is from a run that was ended.
    world.run(&["-C", "repo", "sync", "--revert"]);
    changes(&world, &add("den"), 0);
    assert_eq!(world.read("secret.yaml"), secret);
    // It is the only place of that identity, which is not written over.
    let error = "ROOT/repo/.sops.yaml: the recipient has a name already: den";
    let before = world.read("repo/.sops.yaml");
    let ran = world.run(&[&["-C", "repo"][..], &add("hut")].concat());
    assert_eq!((ran.code, ran.stderr.lines().next()), (1, Some(format!("secrets: error: {error}").as_str())));
    assert_eq!((world.read("repo/.sops.yaml"), world.read("secret.yaml")), (before, secret));
    let (_, stderr) = changes(&world, &["cluster", "add", "hut", "--generate", "--secret-file", "x.yaml"], 0);
    assert!(
        stderr.contains("warning: x.yaml: holds a private key, and is in the repository: keep it out of git\n"),
        "{stderr}"
    );
}

#[test]
fn what_cannot_be_opened_stops_all() {
    let world = repository("layered-overlays");
    world.write("home/.config/sops/age/keys.txt", &world.read("keys/bob.agekey"));
    world.write(
        "repo/apps/overlays/dev/own.sops.yaml",
        &world.read("repo/apps/overlays/prod/example-app/secret.sops.yaml"),
    );
    let before = world.snapshot();
    let add = ["cluster", "add", "den", "--like", "home-cluster", "--generate", "--identity-file", "../den.agekey"];
    let (stdout, stderr) = run(&world, &add, 128);
    assert_eq!(stdout, "");
    assert!(stderr.contains("error: apps/overlays/dev/own.sops.yaml: no identity opens it; it is for "), "{stderr}");
    assert!(stderr.contains("note: nothing was written; --keep-going writes"), "{stderr}");
    let after: BTreeMap<_, _> =
        world.snapshot().into_iter().filter(|(path, _)| !path.to_str().unwrap().contains(".git/secrets")).collect();
    assert_eq!(after, before);
    let (stdout, stderr) = changes(&world, &[&add[..], &["--keep-going"]].concat(), 128);
    assert!(stdout.starts_with("den in clusters/dev/den; joins rule 2\n"), "{stdout}");
    assert!(stderr.contains("3 changed, 1 failed\n"), "{stderr}");
    assert_eq!(opened_by(&world, "den.agekey").len(), 2);
}

#[test]
fn what_a_new_cluster_reads_and_no_rule_gives_it_is_told() {
    let world = repository("layered-overlays");
    let before = world.read("repo/.sops.yaml");
    change(&world, ".sops.yaml", "attic-cluster", "loft-cluster");
    let home = world
        .read("repo/.sops.yaml")
        .lines()
        .find_map(|line| line.strip_prefix("  - &loft-cluster ").map(str::to_owned))
        .unwrap();
    world.runs(&["-C", "repo", "recipient", "remove", "loft-cluster"]);
    assert!(before.contains(&home));
    let (stdout, stderr) = changes(&world, &["cluster", "add", "attic-cluster", "--recipient", CAROL], 0);
    assert!(stdout.starts_with("attic-cluster in clusters/dev/attic-cluster; new rule 3\n"), "{stdout}");
    let warning = "warning: attic-cluster has to read 2 files whose rules do not name it: apps/overlays/dev/example-app/secret.sops.yaml, ";
    assert!(stderr.contains(warning), "{stderr}");
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    let world = repository("per-cluster");
    let lab = "age1cr7z5yxz5xyen5ld9a77cm6a2srhdxpsz59e4skmvlaqacxy5pusstp7jj";
    let alice = "age1lfycgdv5er7tezksh78p5nhfzte9xy6u72yeaefs0pgt3azgsv2qj84d5z";
    let add = |arguments: &[&'static str]| [&["-C", "repo", "cluster", "add"][..], arguments].concat();
    // The journal is made by the first run.
    run(&world, &["cluster", "add", "lab", "--recipient", CAROL], 1);
    let refuses = |arguments: &[&'static str], error: &str| world.refuses(&add(arguments), 1, error);
    refuses(&["lab", "--recipient", CAROL], "cluster `lab` has a recipient already");
    refuses(
        &["den", "--recipient", lab],
        "the recipient is that of cluster `lab`: whoever holds one's identity could read all of the other",
    );
    refuses(&["den", "--recipient", alice], "ROOT/repo/.sops.yaml: the recipient has a name already: alice");
    refuses(
        &["alice", "--recipient", CAROL],
        "ROOT/repo/.sops.yaml: `alice` is the name of another recipient at line 5, column 5",
    );
    refuses(
        &["lab-next", "--recipient", CAROL],
        "`lab-next` ends in `-next`, as the next recipient of a cluster is called",
    );
    refuses(
        &["a b", "--recipient", CAROL],
        "ROOT/repo/.sops.yaml: \"a b\" cannot be a name: letters, digits, `-` and `_` can",
    );
    refuses(&["den", "--recipient", CAROL, "--like", "nowhere"], "there is no cluster `nowhere`; there are lab, phx");
    refuses(&["den", "--recipient", CAROL, "--directory", "../x"], "../x: is not in the repository ROOT/repo");
    refuses(&["den", "--recipient", CAROL, "--directory", "."], "\"\" is no directory below the policy");
    refuses(
        &["den", "--recipient", CAROL, "--with", "bob"],
        "ROOT/repo/.sops.yaml: \"bob\" is no age recipient, and no name of one",
    );
    let private = "AGE-SECRET-KEY-1HE0PTDE5FJ8C9HK5CEC3NXQKP94ZJ0H8W8J2QC77AUZFKG7MWADSJ9PVZ2";
    refuses(&["den", "--recipient", private], "a private key stands where a recipient belongs");
    let usage = |arguments: &[&'static str], error: &str| world.refuses(&add(arguments), 2, error);
    usage(&["den", "--generate"], "a new identity has to be kept somewhere");
    usage(&["den", "--recipient", CAROL, "--identity-file", "x"], "an identity is kept that is not made");
    world.write("repo/.sops.yaml", "creation_rules: x\n");
    refuses(
        &["den", "--recipient", CAROL],
        "ROOT/repo/.sops.yaml: `creation_rules` is text, not a list at line 1, column 17",
    );
    fs::remove_file(world.path("repo/.sops.yaml")).unwrap();
    refuses(&["den", "--recipient", CAROL], "there is no .sops.yaml upward from ROOT/repo/k8s/clusters/den");
}

#[test]
fn the_directory_has_to_be_said_where_there_are_several_places() {
    let world = repository("layered-overlays");
    run(&world, &["cluster", "add", "den", "--recipient", CAROL], 1);
    let hint = world.refuses(
        &["-C", "repo", "cluster", "add", "den", "--recipient", CAROL],
        1,
        "the directory of cluster `den` is not known",
    );
    assert_eq!(hint, "say where it is with --directory DIR, or which one it is like with --like CLUSTER");
    let stdout =
        changes(&world, &["cluster", "add", "den", "--recipient", CAROL, "--directory", "clusters/test/den"], 0).0;
    // Those whom all other clusters have in common.
    assert!(
        world.read("repo/.sops.yaml").ends_with("      - age:\n          - *den\n          - *alice\n"),
        "{stdout}"
    );
    tells(&world, &["sync", "--check"]);
}
