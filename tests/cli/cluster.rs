//! `secrets cluster list` and `secrets cluster status`

use serde_json::Value;

use super::*;
use crate::repository::{flux_kustomization, sync};

/// A copy of one of the repositories of `fixtures/repos`, as a git repository.
pub(crate) fn copy(name: &str) -> World {
    let world = World::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos").join(name);
    let mut open = vec![from.clone()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let to = path.strip_prefix(&from).unwrap();
                world.write(&format!("repo/{}", to.display()), &fs::read_to_string(&path).unwrap());
            }
        }
    }
    as_repository(&world);
    world
}

/// Makes `repo` a git repository.
pub(crate) fn as_repository(world: &World) {
    world.write("repo/.git/HEAD", "ref: refs/heads/main\n");
    world.write("repo/.git/objects/keep", "").write("repo/.git/refs/keep", "");
}

/// What `arguments` print in the repository, which has to end with `code`; standard error is given too.
#[track_caller]
pub(crate) fn run(world: &World, arguments: &[&str], code: i32) -> (String, String) {
    let ran = world.run(&[&["-C", "repo"], arguments].concat());
    assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
    // A path alone can be longer than a line; nothing else is.
    let fits = |line: &str| line.chars().count() <= 80 || !line.trim_start().contains(' ');
    assert!(arguments.contains(&"--format") || ran.stdout.lines().all(fits), "{}", ran.stdout);
    (ran.stdout, ran.stderr)
}

/// What has to succeed without a word.
#[track_caller]
pub(crate) fn tells(world: &World, arguments: &[&str]) -> String {
    let (stdout, stderr) = run(world, arguments, 0);
    assert_eq!(stderr, "", "{arguments:?}");
    stdout
}

#[track_caller]
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Replaces `old` by `new` in a file of the repository, where it has to be.
#[track_caller]
pub(crate) fn change(world: &World, path: &str, old: &str, new: &str) {
    let path = format!("repo/{path}");
    let text = world.read(&path);
    assert!(text.contains(old), "{path} does not hold {old}");
    world.write(&path, &text.replace(old, new));
}

const PER_CLUSTER: &str = "\
CLUSTER  ENV  DIRECTORY         FILES  RECIPIENT      KNOWN BY
lab      -    k8s/clusters/lab      5  age1cr7z…p7jj  policy
phx      -    k8s/clusters/phx      2  age1t3t7…tvmk  policy
";

#[test]
fn the_clusters_of_each_layout_are_found() {
    assert_eq!(tells(&copy("per-cluster"), &["cluster", "list"]), PER_CLUSTER);
    assert_eq!(
        tells(&copy("layered-overlays"), &["cluster", "list"]),
        "\
CLUSTER        ENV   DIRECTORY                    FILES  RECIPIENT      KNOWN BY
attic-cluster  dev   clusters/dev/attic-cluster       2  age1hpal…96pa  policy
cloud-cluster  prod  clusters/prod/cloud-cluster      3  age1mqpc…k0ga  policy
home-cluster   dev   clusters/dev/home-cluster        2  age17a0z…5u0t  policy
"
    );
    let text = tells(&copy("component-trees"), &["cluster", "list", "--format", "json"]);
    let found = json(&text);
    assert_eq!(found["schema"], "secrets-cluster-list/1");
    let production = &found["clusters"][0];
    assert_eq!(production["name"], "production");
    assert_eq!(production["environment"], "production");
    assert_eq!(production["follows"], "tag v1.0.0");
    assert_eq!(production["released"], true);
    assert_eq!(production["files"], 4);
    assert_eq!(production["own_paths"], serde_json::json!(["clusters/production", "services/backup"]));
    let shared = production["shared_paths"].as_array().unwrap();
    assert!(shared.contains(&"apps/grafana".into()) && !shared.contains(&"services/backup".into()), "{shared:?}");
}

#[test]
fn the_clusters_of_each_layout_are_found_without_the_sync_objects() {
    for (name, directories) in [
        ("per-cluster", &["k8s/clusters/lab", "k8s/clusters/phx"][..]),
        (
            "layered-overlays",
            &["clusters/dev/attic-cluster", "clusters/dev/home-cluster", "clusters/prod/cloud-cluster"],
        ),
        ("component-trees", &["clusters/production", "clusters/sandbox"]),
    ] {
        let world = copy(name);
        let with = json(&tells(&world, &["cluster", "list", "--format", "json"]));
        for directory in directories {
            fs::remove_file(world.path(&format!("repo/{directory}/flux-system/gotk-sync.yaml"))).unwrap();
            let kustomization = world.path(&format!("repo/{directory}/flux-system/kustomization.yaml"));
            fs::write(kustomization, "resources: [gotk-components.yaml]\n").unwrap();
        }
        let without = json(&tells(&world, &["cluster", "list", "--format", "json"]));
        for (with, without) in with["clusters"].as_array().unwrap().iter().zip(without["clusters"].as_array().unwrap())
        {
            assert_eq!(without["found_by"], "flux-kustomizations");
            for field in ["name", "environment", "path", "recipients", "files", "own_paths"] {
                assert_eq!(with[field], without[field], "{name}: {field}");
            }
        }
    }
}

#[test]
fn a_sound_repository_has_nothing_to_tell() {
    for name in ["per-cluster", "layered-overlays", "component-trees"] {
        tells(&copy(name), &["cluster", "status"]);
    }
    let page = tells(&copy("component-trees"), &["cluster", "status", "production"]);
    assert!(
        page.contains("follows      tag v1.0.0\n             what is in the work tree reaches it with a release\n")
    );
    assert!(page.contains("rotation     none\n"), "{page}");
    assert!(page.ends_with("reads        4 files\n"), "{page}");
}

#[test]
fn status_tells_what_a_cluster_cannot_read_what_others_can_and_what_drifted() {
    let world = copy("per-cluster");
    // A file of phx in the place of one of lab: for phx and alice.
    let of_phx = world.read("repo/k8s/clusters/phx/apps/uptime-kuma/secret.sops.yaml");
    world.write("repo/k8s/clusters/lab/apps/unifi/secret.sops.yaml", &of_phx);
    let (text, _) = run(&world, &["cluster", "status"], 1);
    assert_eq!(
        text,
        "\
CLUSTER  READS  CANNOT  OTHERS  DRIFTED  ROTATION
lab          5       1       1        1  none
phx          2       0       0        0  none

lab cannot read:
  k8s/clusters/lab/apps/unifi/secret.sops.yaml
not for others, who can read it, among the files of lab:
  k8s/clusters/lab/apps/unifi/secret.sops.yaml
      by phx
not as the policy says, among the files of lab:
  k8s/clusters/lab/apps/unifi/secret.sops.yaml
      the file is for phx, whom the rule does not name
      the file is not for lab, whom the rule names
"
    );
    tells(&world, &["cluster", "status", "phx"]);
    let (text, _) = run(&world, &["cluster", "status", "lab", "--format", "json"], 1);
    let lab = &json(&text)["clusters"][0];
    assert_eq!(lab["cannot_read"][0]["path"], "k8s/clusters/lab/apps/unifi/secret.sops.yaml");
    assert_eq!(lab["read_by_others"][0]["clusters"][0], "phx");
    assert_eq!(lab["drifted"][0]["line"], 8);
    assert_eq!(lab["drifted"][0]["policy"], ".sops.yaml");
}

#[test]
fn a_secret_of_an_environment_is_for_all_of_its_clusters_and_no_other() {
    let world = copy("layered-overlays");
    let of_prod = world.read("repo/infrastructure/overlays/prod/cloudflare.sops.yaml");
    world.write("repo/infrastructure/overlays/dev/cloudflare.sops.yaml", &of_prod);
    let (text, _) = run(&world, &["cluster", "status", "--format", "json"], 1);
    for name in ["attic-cluster", "home-cluster"] {
        let clusters = json(&text)["clusters"].clone();
        let cluster = clusters.as_array().unwrap().iter().find(|cluster| cluster["name"] == name).unwrap().clone();
        assert_eq!(cluster["cannot_read"][0]["path"], "infrastructure/overlays/dev/cloudflare.sops.yaml");
        assert_eq!(cluster["read_by_others"][0]["clusters"], serde_json::json!(["cloud-cluster"]));
    }
}

#[test]
fn two_recipients_in_the_policy_are_a_rotation_that_has_begun() {
    let world = copy("per-cluster");
    change(&world, ".sops.yaml", "  - &phx", &format!("  - &lab-next {CAROL}\n  - &phx"));
    let text = tells(&world, &["cluster", "status"]);
    assert!(text.contains("lab          5       0       0        0  begun\n"), "{text}");
    assert!(text.contains("phx          2       0       0        0  none\n"), "{text}");
}

#[test]
fn a_recipient_without_a_name_is_inferred_and_said_to_be() {
    let world = copy("per-cluster");
    let policy = world.read("repo/.sops.yaml");
    world.write("repo/.sops.yaml", &policy.replace("&lab ", "&one ").replace("*lab", "*one"));
    let list = tells(&world, &["cluster", "list"]);
    assert!(list.contains("age1cr7z…p7jj  inferred\n"), "{list}");
    // With one more recipient for the same files, nobody can tell which of both it is.
    world.write(
        "repo/.sops.yaml",
        &policy.replace("&lab ", "&one ").replace("[*lab, *alice]", &format!("[*one, {CAROL}, *alice]")),
    );
    let (text, stderr) = run(&world, &["cluster", "status", "lab"], 2);
    assert!(text.contains("recipient    -\nknown by     unknown\nrotation     unknown\n"), "{text}");
    assert!(stderr.starts_with("secrets: warning: lab: its recipient is not known"), "{stderr}");
}

#[test]
fn secrets_toml_goes_before_what_was_found() {
    let world = copy("per-cluster");
    world.write(
        "repo/.secrets.toml",
        &format!(
            "[clusters.phoenix]\npath = 'k8s/clusters/phx'\nenvironment = 'away'\nrecipients = ['phx', '{CAROL}']\n\
             paths = ['k8s/clusters/lab/apps/unifi']\n\n[clusters.lab]\nignore = true\n"
        ),
    );
    assert_eq!(
        tells(&world, &["cluster", "list"]),
        "\
CLUSTER  ENV   DIRECTORY         FILES  RECIPIENT                    KNOWN BY
phoenix  away  k8s/clusters/phx      3  age1t3t7…tvmk,age1gavp…vs3l  config
"
    );
    let (text, _) = run(&world, &["cluster", "status", "phoenix"], 1);
    assert!(text.contains("phoenix cannot read:\n  k8s/clusters/lab/apps/unifi/secret.sops.yaml\n"), "{text}");
}

#[test]
fn mistakes_in_secrets_toml_are_errors_with_their_place() {
    let world = copy("per-cluster");
    let refuses = |text: &str, error: &str| {
        world.write("repo/.secrets.toml", text);
        let hint = world.refuses(&["-C", "repo", "cluster", "list"], 1, &format!("ROOT/repo/.secrets.toml: {error}"));
        assert_eq!(hint, "see docs/clusters.md for what .secrets.toml can hold");
    };
    refuses(
        "[clusters.lab]\nrecipent = 'x'\n",
        "unknown field `recipent`, did you mean `recipients`? at line 2, column 1",
    );
    refuses(
        "[clusters.nowhere]\nenvironment = 'x'\n",
        "no cluster called `nowhere` was found, and no `path` is given for it at line 1, column 11",
    );
    refuses("[clusters.x]\npath = 'no/where'\n", "there is no directory `no/where` at line 1, column 11");
    refuses(
        "[clusters.lab]\nrecipients = ['carol']\n",
        "`carol` is no recipient, and no name in the policy at line 1, column 11",
    );
}

#[test]
fn hostile_kustomizations_are_told_with_their_place_and_stop_nothing() {
    let world = World::new();
    as_repository(&world);
    world.write("repo/clusters/a/flux-system/gotk-sync.yaml", &sync("clusters/a"));
    world.write("repo/clusters/a/apps.yaml", &flux_kustomization("apps", "clusters/a/one"));
    world.write("repo/clusters/a/out.yaml", &flux_kustomization("out", "../../etc"));
    world.write("repo/clusters/a/gone.yaml", &flux_kustomization("gone", "clusters/a/gone"));
    world.write("repo/clusters/a/var.yaml", &flux_kustomization("var", "clusters/${name}"));
    world.write("repo/clusters/a/again.yaml", &flux_kustomization("again", "clusters/a"));
    world.write("repo/clusters/a/one/kustomization.yaml", "resources:\n- ../two\n- ../../../../etc/passwd\n- /etc\n");
    world.write("repo/clusters/a/two/kustomization.yaml", "resources:\n- ../one\n- loop/x.yaml\n- bad\n");
    world.write("repo/clusters/a/two/bad/kustomization.yaml", "resources: [\n");
    #[cfg(unix)]
    std::os::unix::fs::symlink("../two", world.path("repo/clusters/a/two/loop")).unwrap();
    let (text, stderr) = run(&world, &["cluster", "status"], 2);
    assert!(text.contains("a            0       0       0        0  unknown\n"), "{text}");
    let lines: Vec<&str> =
        stderr.lines().map(|line| line.trim_start_matches("secrets: warning: clusters/a/")).collect();
    assert_eq!(
        lines,
        [
            "gone.yaml:7:9: `clusters/a/gone` is not in the repository",
            "one/kustomization.yaml:3:3: `../../../../etc/passwd` leads out of the repository",
            "one/kustomization.yaml:4:3: `/etc` leads out of the repository",
            "out.yaml:7:9: `./../../etc` leads out of the repository",
            "two/bad/kustomization.yaml:1:12: cannot be read: not valid YAML: unclosed bracket '['",
            "two/kustomization.yaml:2:3: `clusters/a/one` includes this kustomization again",
            "two/kustomization.yaml:3:3: `clusters/a/two/loop/x.yaml` is not in the repository",
            "var.yaml:7:9: `./clusters/${name}` holds a variable that is only known in the cluster",
        ]
    );
}

#[test]
fn what_cannot_be_read_is_named_and_makes_the_answer_incomplete() {
    let world = copy("per-cluster");
    world.write("repo/k8s/clusters/lab/broken.sops.yaml", "a: [\nsops:\n  mac: x\n  lastmodified: x\n");
    let (_, stderr) = run(&world, &["cluster", "status"], 2);
    assert!(
        stderr.starts_with("secrets: error: ROOT/repo/k8s/clusters/lab/broken.sops.yaml: not valid YAML"),
        "{stderr}"
    );
    let (_, stderr) = run(&world, &["cluster", "status", "nowhere"], 2);
    assert!(stderr.contains("secrets: error: there is no cluster `nowhere`; there are lab, phx\n"), "{stderr}");
}

#[test]
fn without_clusters_there_is_nothing_to_check() {
    let world = World::new();
    world.write("repo/a.yaml", "a: b\n");
    as_repository(&world);
    let (text, stderr) = run(&world, &["cluster", "list"], 0);
    assert_eq!(text, "");
    assert!(stderr.starts_with("secrets: warning: no cluster was found\nsecrets: hint: "), "{stderr}");
}

#[test]
fn many_clusters_and_files_are_told_from_any_directory() {
    let world = World::new();
    repository::write(&world.path("repo"), 5, 203);
    let list = json(&tells(&world, &["cluster", "list", "--format", "json"]));
    let files: Vec<u64> =
        list["clusters"].as_array().unwrap().iter().map(|cluster| cluster["files"].as_u64().unwrap()).collect();
    assert_eq!(files, [41, 41, 41, 40, 40]);
    let from_within = world.runs(&["-C", &format!("repo/{}/apps", repository::path(3)), "cluster", "status"]);
    assert_eq!(from_within, tells(&world, &["cluster", "status"]));
    // One file of the first cluster is encrypted for the second as well.
    let path = format!("{}/apps/app0000/s0.sops.yaml", repository::path(0));
    let recipients = [repository::recipient(0), repository::recipient(1), repository::admin()];
    world.write(&format!("repo/{path}"), &repository::secret(&recipients));
    let (text, _) = run(&world, &["cluster", "status"], 1);
    assert!(text.ends_with(&format!(
        "not for others, who can read it, among the files of c00:\n  {path}\n      by c01\n\
         not as the policy says, among the files of c00:\n  {path}\n      the file is for c01, whom the rule does not name\n"
    )));
}
