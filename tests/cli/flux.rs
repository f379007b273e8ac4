//! `secrets flux secret`

use super::{
    cluster::{as_repository, change, copy, json},
    *,
};
use crate::repository::{flux_kustomization, sync};

/// The identity in the file, as it stands in a line.
fn identity(world: &World, name: &str) -> String {
    let text = world.read(&format!("repo/test-only-keys/{name}.agekey"));
    text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned()
}

fn recipient(world: &World, name: &str) -> String {
    let text = world.read(&format!("repo/test-only-keys/{name}.agekey"));
    text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned()
}

fn manifest(namespace: &str, name: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: {namespace}\nstringData:\n  age.agekey: |\n{lines}"
    )
}

/// `flux secret` with these arguments, in the repository.
fn run(world: &World, arguments: &[&str]) -> Ran {
    let ran = world.run(&[&["-C", "repo", "flux", "secret"], arguments].concat());
    assert!(!ran.stderr.contains("SECRET-KEY-1"), "{}", ran.stderr);
    ran
}

#[track_caller]
fn makes(world: &World, arguments: &[&str]) -> String {
    let ran = run(world, arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
    ran.stdout
}

/// What has to be refused with this error, and to change nothing; gives the hint.
#[track_caller]
fn refuses(world: &World, arguments: &[&str], error: &str) -> String {
    world.refuses(&[&["-C", "repo", "flux", "secret"], arguments].concat(), 1, error)
}

#[test]
fn the_secret_of_a_cluster_is_what_its_kustomizations_ask_for() {
    for (repository, cluster) in
        [("per-cluster", "lab"), ("layered-overlays", "cloud-cluster"), ("component-trees", "production")]
    {
        let world = copy(repository);
        let file = format!("test-only-keys/{cluster}.agekey");
        let made = run(&world, &["--cluster", cluster, "--identity", &file]);
        let expected = manifest("flux-system", "sops-age", &[&identity(&world, cluster)]);
        assert_eq!((made.code, made.stdout.as_str()), (0, expected.as_str()), "{}", made.stderr);
        assert!(made.stderr.starts_with("flux-system/sops-age: the identity of age1"), "{}", made.stderr);
    }
}

#[test]
fn identities_come_from_files_and_standard_input_and_each_stands_there_once() {
    let world = copy("per-cluster");
    let (lab, phx) = (identity(&world, "lab"), identity(&world, "phx"));
    let arguments =
        ["-C", "repo", "-q", "flux", "secret", "--identity", "-", "--identity", "test-only-keys/phx.agekey"];
    let made = world.runs_with_input(&arguments, &format!("\r\n{lab}\r\n{phx}"));
    assert_eq!(made, manifest("flux-system", "sops-age", &[&lab, &phx]));
    let named = ["--identity", "test-only-keys/lab.agekey", "--namespace", "apps", "--name", "own"];
    assert_eq!(makes(&world, &named), manifest("apps", "own", &[&lab]));
    let kept = makes(&world, &[&named[..], &["--keep-comments"]].concat());
    let file = world.read("repo/test-only-keys/lab.agekey");
    assert_eq!(kept, manifest("apps", "own", &file.lines().collect::<Vec<_>>()));
    let usage = world.refuses(&["-C", "repo", "flux", "secret"], 2, "no identity is given");
    assert!(usage.contains("--identity"), "{usage}");
}

#[test]
fn an_identity_that_flux_would_not_read_is_refused() {
    let world = copy("per-cluster");
    let lab = identity(&world, "lab");
    let check = |content: &str, error: &str| {
        world.write("bad.agekey", content);
        let hint = refuses(&world, &["--identity", "../bad.agekey"], &format!("../bad.agekey: {error}"));
        assert!(!hint.is_empty());
    };
    check(&format!("# note\n {lab}\n"), "line 2: an age identity with a blank before or after it");
    check(&format!("{lab} # note\n"), "line 1: a damaged age identity");
    check("AGE-PLUGIN-YUBIKEY-1QQPQRL\n", "line 1: a plugin identity: there are no plugins in the controller");
    check(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        "line 1: an SSH or other private key: Flux reads age identities only",
    );
    check(
        "-----BEGIN AGE ENCRYPTED FILE-----\n",
        "line 1: encrypted with a passphrase, which nobody can give to the controller",
    );
    check("# nothing\n", "holds no identity");
}

#[test]
fn a_post_quantum_identity_needs_a_controller_that_reads_it() {
    let world = copy("per-cluster");
    let new = ["identity", "new", "--post-quantum", "-o", "pq.agekey"];
    assert_eq!(world.run(&new).code, 0);
    let text = world.read("pq.agekey");
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let policy = world.read("repo/.sops.yaml");
    let lab = policy.lines().find_map(|line| line.trim().strip_prefix("- &lab ")).unwrap();
    let lab = lab.split(' ').next().unwrap();
    change(&world, ".sops.yaml", lab, recipient);
    // It is 2.7 that runs there.
    let arguments = ["--cluster", "lab", "--identity", "../pq.agekey"];
    let refused = run(&world, &arguments);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("kustomize-controller 1.7 reads none"), "{}", refused.stderr);
    let made = run(&world, &[&arguments[..], &["--flux-version", "2.9"]].concat());
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout.contains("\n    AGE-SECRET-KEY-PQ-1"));
    // None of the files is for it yet.
    assert!(made.stderr.contains("lab: 5 of the 5 files that it has to read stay closed"), "{}", made.stderr);
    assert!(made.stderr.contains("--identity twice"), "{}", made.stderr);
    let unknown = run(&world, &["--identity", "../pq.agekey"]);
    assert_eq!(unknown.code, 0);
    assert!(unknown.stderr.contains("which version of Flux runs is not known"), "{}", unknown.stderr);
}

#[test]
fn the_identity_of_somebody_else_is_refused() {
    let world = copy("per-cluster");
    let hint = refuses(
        &world,
        &["--cluster", "lab", "--identity", "test-only-keys/phx.agekey"],
        &format!("{} is not a recipient of lab, which has {}", recipient(&world, "phx"), recipient(&world, "lab")),
    );
    assert!(hint.contains("secrets recipient add"), "{hint}");
    let hint = world.refuses(
        &["-C", "repo", "flux", "secret", "--cluster", "x"],
        1,
        "there is no cluster `x`; there are lab, phx",
    );
    assert_eq!(hint, "see `secrets cluster list`");
}

/// A cluster whose Kustomizations ask for Secrets in two namespaces, and the controller has a default one.
fn with_namespaces() -> World {
    let world = World::new();
    as_repository(&world);
    let asking = |namespace: &str, name: &str, secret: &str| {
        let object = flux_kustomization(name, "apps");
        let object = object.replace("namespace: flux-system\n", &format!("namespace: {namespace}\n"));
        format!("{object}    namespace: flux-system\n  decryption:\n    provider: sops\n{secret}---\n")
    };
    let own = "    secretRef:\n      name: own\n";
    let objects = [asking("apps", "one", own), asking("apps", "two", own), asking("media", "three", "")].concat();
    world.write("repo/c/flux-system/gotk-sync.yaml", &sync("c"));
    world.write("repo/c/apps.yaml", &objects);
    world.write("repo/c/flux-system/gotk-patch.yaml", "args: [--sops-age-secret=global]\n");
    world.write("repo/apps/x.yaml", "kind: ConfigMap\n");
    world
}

#[test]
fn every_namespace_gets_its_secret_when_that_is_asked_for() {
    let world = with_namespaces();
    let file = world.path("home/.config/sops/age/keys.txt").display().to_string();
    let arguments = ["--cluster", "c", "--identity", &file];
    let hint = refuses(&world, &arguments, "c: its Kustomizations ask for 2 Secrets: apps/own, flux-system/global");
    assert!(hint.contains("--all-namespaces-needed"), "{hint}");
    let all = makes(&world, &[&arguments[..], &["--all-namespaces-needed"]].concat());
    let (apps, global) = all.split_once("---\n").unwrap();
    let line = apps.lines().last().unwrap().trim();
    assert_eq!(apps, manifest("apps", "own", &[line]));
    assert_eq!(global, manifest("flux-system", "global", &[line]));
    assert_eq!(makes(&world, &[&arguments[..], &["--namespace", "apps"]].concat()), apps);
    // Below, the documents of a file are encrypted together, with one MAC.
    let sealed = makes(&world, &[&arguments[..], &["--all-namespaces-needed", "--encrypt", "--age", BOB]].concat());
    assert_eq!(sealed.matches("\nsops:\n").count(), 2);
}

#[test]
fn encrypted_it_is_for_somebody_who_does_not_need_it_to_open_it() {
    let world = copy("per-cluster");
    let arguments = ["--cluster", "lab", "--identity", "test-only-keys/lab.agekey", "--encrypt"];
    let with = |more: &[&str]| makes(&world, &[&arguments[..], more].concat());
    let output = "k8s/clusters/lab/sops-age.sops.yaml";
    assert_eq!(with(&["-o", output]), "");
    let sealed = world.read(&format!("repo/{output}"));
    assert!(
        sealed.contains("\n  name: sops-age\n") && sealed.contains("ENC[") && !sealed.contains("SECRET-KEY"),
        "{sealed}"
    );
    assert!(sealed.contains("encrypted_regex: ^(data|stringData)$"), "{sealed}");
    // By name alone it is the same; alice opens it.
    assert!(with(&["--filename-override", output]).contains("ENC["));
    let alice = world.path("repo/test-only-keys/alice.agekey").display().to_string();
    let world = world.set("SOPS_AGE_KEY_FILE", &alice);
    let opened = world.runs(&["decrypt", &format!("repo/{output}")]);
    assert_eq!(opened, manifest("flux-system", "sops-age", &[&identity(&world, "lab")]));
    // Nobody but the cluster itself could open this one.
    let own = recipient(&world, "lab");
    let error = "x.yaml: only the identities that are in it could open it";
    let hint = refuses(&world, &[&arguments[..], &["--age", &own, "-o", "x.yaml"]].concat(), error);
    assert!(hint.contains("--age RECIPIENT"), "{hint}");
    let no_rule = run(&world, &[&arguments[..], &["-o", "x.yaml"]].concat());
    assert_eq!((no_rule.code, world.path("repo/x.yaml").exists()), (1, false), "{}", no_rule.stderr);
}

#[cfg(unix)]
#[test]
fn in_clear_it_is_not_written_where_git_would_take_it() {
    let world = copy("per-cluster");
    let arguments = |output| ["--identity", "test-only-keys/lab.agekey", "-o", output];
    let error =
        "x.yaml: is in the git work tree ROOT/repo, and git does not ignore it: the identities would be committed";
    let hint = refuses(&world, &arguments("x.yaml"), error);
    assert!(hint.contains("--encrypt"), "{hint}");
    std::os::unix::fs::symlink(world.path("repo/k8s"), world.path("link")).unwrap();
    let linked = run(&world, &arguments("../link/x.yaml"));
    assert_eq!((linked.code, world.path("repo/k8s/x.yaml").exists()), (1, false), "{}", linked.stderr);
    world.write("repo/.gitignore", "/x.yaml\n");
    assert_eq!(makes(&world, &arguments("x.yaml")), "");
    assert_eq!(mode(&world.path("repo/x.yaml")) & 0o7777, 0o600);
    makes(&world, &arguments("../outside.yaml"));
    assert_eq!(world.read("outside.yaml"), manifest("flux-system", "sops-age", &[&identity(&world, "lab")]));
    assert_eq!(makes(&world, &arguments("-")), world.read("outside.yaml"));
}

/// What `--verify` says of `text` for lab, after it ended with `code`.
#[track_caller]
fn verified(world: &World, text: &str, code: i32) -> String {
    let arguments = ["-C", "repo", "flux", "secret", "--cluster", "lab", "--verify", "-"];
    let ran = world.run_with_input(&arguments, text);
    assert_eq!((ran.code, ran.stderr.as_str()), (code, ""), "{}", ran.stdout);
    assert!(!ran.stdout.contains("SECRET-KEY-1"), "{}", ran.stdout);
    ran.stdout
}

#[test]
fn a_secret_is_checked_identity_by_identity() {
    let world = copy("per-cluster");
    let (lab, phx) = (identity(&world, "lab"), identity(&world, "phx"));
    let good = manifest("flux-system", "sops-age", &[&lab]);
    let lab_recipient = recipient(&world, "lab");
    let seen = format!("flux-system/sops-age\n  age.agekey, line 1  {lab_recipient}  opens 5 of 5 files\n");
    assert_eq!(verified(&world, &good, 0), seen);
    // As the cluster gives it back, in `data`; and encrypted in the repository.
    let data = "IyBub3RlCg==";
    let told = verified(&world, &format!("{good}data:\n  age.agekey: x\n  other.agekey: {data}\n"), 1);
    assert_eq!(told, format!("{seen}F4: line 11: other.agekey: holds no identity\n"));
    let file = "repo/k8s/clusters/lab/age.sops.yaml";
    world.write(file, &good);
    let world = world.set("SOPS_AGE_KEY", &identity_of_alice());
    assert_eq!(world.run(&["encrypt", "-i", file, "--age", ALICE]).code, 0);
    assert_eq!(verified(&world, &world.read(file), 0), seen);
    // The identity of another cluster, under a name that Flux passes over.
    let wrong = manifest("apps", "sops-age", &[&phx]).replace("age.agekey", "age.key");
    let told = verified(&world, &wrong, 1);
    for line in [
        "F3: the Secret flux-system/sops-age is asked for and not here",
        "F4: line 7: age.key: Flux passes over this entry, which holds an identity: its name does not end in .agekey",
        "F4: sops-age: Flux finds no identity in it",
        "R1: k8s/clusters/lab/apps/unifi/secret.sops.yaml: no identity of the Secret opens it",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let told = verified(&world, &good.replace(&lab, &format!("{lab}\n     {phx}\n    AGE-PLUGIN-X-1")), 1);
    assert!(told.contains("with a blank before or after it; Flux reads nothing of the Secret"), "{told}");
    assert!(told.contains("R7: line 7: age.agekey: line 3: a plugin identity"), "{told}");
}

fn identity_of_alice() -> String {
    fixture("keys/alice.txt").lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned()
}

#[test]
fn the_check_has_a_report_for_programs_and_says_when_it_could_not_check() {
    let world = copy("per-cluster");
    let good = manifest("flux-system", "sops-age", &[&identity(&world, "lab")]);
    let arguments = ["-C", "repo", "flux", "secret", "--verify", "-", "--format", "json"];
    let report = json(&world.runs_with_input(&arguments, &good));
    assert_eq!(report["schema"], "secrets-flux-secret/1");
    assert_eq!(report["files"], serde_json::Value::Null);
    assert_eq!(report["secrets"][0]["identities"][0]["line"], 1);
    assert_eq!(report["findings"].as_array().unwrap().len(), 0);
    let hint = world.refuses_input(&arguments, "kind: ConfigMap\n", 2, "standard input: holds no manifest of a Secret");
    assert!(hint.contains("kubectl"), "{hint}");
    let bad = world.run_with_input(&arguments, "a: [\n");
    assert_eq!(bad.code, 2, "{}", bad.stderr);
    assert_eq!(world.run(&["-C", "repo", "flux", "secret", "--cluster", "x", "--verify", "y"]).code, 2);
}
