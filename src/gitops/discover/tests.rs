//! Clusters of each layout, found in texts.

use super::*;
use crate::gitops::inventory::scan;

fn inventory(files: &[(&str, String)]) -> Inventory {
    Inventory::new(files.iter().map(|(path, text)| ((*path).to_owned(), scan(path, text))))
}

fn source(kind: &str, name: &str, url: &str, reference: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{url: \
         '{url}', ref: {{{reference}}}}}\n---\n"
    )
}

fn kustomization(name: &str, path: &str, source: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
         flux-system}}\nspec:\n  path: {path}\n  sourceRef: {{kind: GitRepository, name: {source}}}\n"
    )
}

fn sync(path: &str) -> String {
    source("GitRepository", "flux-system", "ssh://git@example.org/fleet.git", "branch: main")
        + &kustomization("flux-system", path, "flux-system")
}

fn plain(text: &str) -> String {
    text.to_owned()
}

/// Each cluster as `name environment entry evidence: files`.
#[track_caller]
fn check_with(config: &str, files: &[(&str, String)], expected: &[&str]) -> Discovery {
    let inventory = inventory(files);
    let config = Config::parse(config, std::path::Path::new(".secrets.toml")).unwrap();
    let discovery = discover(&inventory, &config, "repository").unwrap();
    let shown: Vec<String> = discovery
        .clusters
        .iter()
        .map(|cluster| {
            let files: Vec<&str> = cluster.reach.files.iter().map(|file| inventory.path(*file)).collect();
            let environment = cluster.environment.as_deref().unwrap_or("-");
            let evidence = cluster.evidence.name();
            format!("{} {environment} {} {evidence}: {}", cluster.name, cluster.entry.path, files.join(" "))
        })
        .collect();
    assert_eq!(shown, expected);
    discovery
}

#[track_caller]
fn check(files: &[(&str, String)], expected: &[&str]) -> Discovery {
    check_with("", files, expected)
}

#[test]
fn a_sync_object_tells_of_a_cluster_and_shared_overlays_are_reached() {
    let apps = || kustomization("apps", "./apps/dev", "flux-system");
    check(
        &[
            ("clusters/dev/home/flux-system/gotk-sync.yaml", sync("./clusters/dev/home")),
            ("clusters/dev/home/apps.yaml", apps()),
            ("clusters/dev/attic/flux-system/gotk-sync.yaml", sync("./clusters/dev/attic")),
            ("clusters/dev/attic/apps.yaml", apps()),
            (
                "apps/dev/kustomization.yaml",
                plain("resources: [../base]\nsecretGenerator: [{envs: [a.env], files: [k=b]}]"),
            ),
            ("apps/dev/a.env", plain("")),
            ("apps/dev/b", plain("")),
            ("apps/dev/orphan.yaml", plain("")),
            ("apps/base/kustomization.yml", plain("resources: [x.yaml]\npatches: [{path: p.yaml}]")),
            ("apps/base/x.yaml", plain("")),
            ("apps/base/p.yaml", plain("")),
        ],
        &[
            "attic dev clusters/dev/attic flux-sync: apps/base/kustomization.yml apps/base/p.yaml apps/base/x.yaml \
             apps/dev/a.env apps/dev/b apps/dev/kustomization.yaml clusters/dev/attic/apps.yaml \
             clusters/dev/attic/flux-system/gotk-sync.yaml",
            "home dev clusters/dev/home flux-sync: apps/base/kustomization.yml apps/base/p.yaml apps/base/x.yaml \
             apps/dev/a.env apps/dev/b apps/dev/kustomization.yaml clusters/dev/home/apps.yaml \
             clusters/dev/home/flux-system/gotk-sync.yaml",
        ],
    );
}

#[test]
fn a_flux_instance_tells_of_a_cluster_as_an_object_and_as_values_of_its_chart() {
    let sync = "sync: {kind: OCIRepository, url: 'oci://x', ref: latest, path: kubernetes/flux/main}";
    let object = format!(
        "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {{name: flux, namespace: flux-system}}\nspec: {{{sync}}}"
    );
    let chart = format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: flux-instance}}\nspec:\n  values:\n    \
         instance:\n      {sync}\n"
    );
    let apps = kustomization("apps", "kubernetes/apps", "flux-system").replace("GitRepository", "OCIRepository");
    for text in [object, chart] {
        let found = check(
            &[
                ("kubernetes/flux-instance.yaml", text),
                ("kubernetes/flux/main/apps.yaml", apps.clone()),
                ("kubernetes/apps/a.yaml", plain("")),
            ],
            &["main - kubernetes/flux/main flux-instance: kubernetes/apps/a.yaml kubernetes/flux/main/apps.yaml"],
        );
        let source = found.clusters[0].entry.source.as_ref().unwrap();
        assert!(source.revision.is_released() && source.revision.to_string() == "tag latest");
    }
}

#[test]
fn flux_kustomizations_that_nothing_reaches_tell_of_a_cluster() {
    check(
        &[
            ("kubernetes/flux/apps.yaml", kustomization("apps", "kubernetes/apps", "flux-system")),
            ("kubernetes/apps/db/ks.yaml", kustomization("db", "kubernetes/apps/db/app", "flux-system")),
            ("kubernetes/apps/db/app/kustomization.yaml", plain("resources: [s.yaml]")),
            ("kubernetes/apps/db/app/s.yaml", plain("")),
        ],
        &["repository - kubernetes/flux flux-kustomizations: kubernetes/apps/db/app/kustomization.yaml \
           kubernetes/apps/db/app/s.yaml kubernetes/apps/db/ks.yaml kubernetes/flux/apps.yaml"],
    );
    // Beside a cluster that is told of: another one that is prepared in the layout counts, what is left over does not.
    check(
        &[
            ("clusters/a/flux-system/gotk-sync.yaml", sync("clusters/a")),
            ("clusters/b/apps.yaml", kustomization("apps", "apps", "flux-system")),
            ("old/apps.yaml", kustomization("apps", "apps", "flux-system")),
            ("apps/x.yaml", plain("")),
        ],
        &[
            "a - clusters/a flux-sync: clusters/a/flux-system/gotk-sync.yaml",
            "b - clusters/b flux-kustomizations: apps/x.yaml clusters/b/apps.yaml",
        ],
    );
}

#[test]
fn without_objects_the_layout_tells() {
    check(
        &[("clusters/lab/a.yaml", plain("")), ("k8s/clusters/dev/x/a.yaml", plain(""))],
        &[
            "lab - clusters/lab layout: clusters/lab/a.yaml",
            "x dev k8s/clusters/dev/x layout: k8s/clusters/dev/x/a.yaml",
        ],
    );
    check(&[("apps/a.yaml", plain("")), ("kustomization.yaml", plain("resources: [apps]"))], &[]);
}

#[test]
fn what_comes_from_another_repository_is_not_followed() {
    let other = |url| source("GitRepository", "other", url, "tag: v1") + &kustomization("other", "./other", "other");
    let files = |url| {
        [
            ("clusters/a/flux-system/gotk-sync.yaml", sync("clusters/a")),
            ("clusters/a/other.yaml", other(url)),
            ("clusters/a/remote/kustomization.yaml", plain("resources: ['https://x/y', 'github.com/a/b//c?ref=d']")),
            ("other/a.yaml", plain("")),
        ]
    };
    let rest = "clusters/a/flux-system/gotk-sync.yaml clusters/a/other.yaml clusters/a/remote/kustomization.yaml";
    let found = check(&files("https://example.org/another"), &[&format!("a - clusters/a flux-sync: {rest}")]);
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    // The same repository by another address.
    check(&files("https://example.org/Fleet"), &[&format!("a - clusters/a flux-sync: {rest} other/a.yaml")]);
}

#[test]
fn an_application_that_brings_its_own_source_is_no_cluster() {
    let podinfo = source("GitRepository", "podinfo", "https://github.com/stefanprodan/podinfo", "branch: master");
    check(
        &[
            ("clusters/a/flux-system/gotk-sync.yaml", sync("clusters/a")),
            ("clusters/a/podinfo.yaml", podinfo.clone() + &kustomization("podinfo", "./kustomize", "podinfo")),
            ("clusters/a/root.yaml", podinfo + &kustomization("podinfo", "./", "podinfo")),
        ],
        &[
            "a - clusters/a flux-sync: clusters/a/flux-system/gotk-sync.yaml clusters/a/podinfo.yaml clusters/a/root.yaml",
        ],
    );
}

#[test]
fn variables_of_the_parent_are_put_in() {
    let parent =
        kustomization("parent", "./shared", "flux-system") + "  postBuild: {substitute: {name: a, rest: '${name}'}}\n";
    check(
        &[
            ("clusters/a/flux-system/gotk-sync.yaml", sync("clusters/a")),
            ("clusters/a/parent.yaml", parent),
            ("shared/child.yaml", kustomization("child", "./apps/${name}/${stage:=dev}", "flux-system")),
            ("apps/a/dev/x.yaml", plain("")),
        ],
        &["a - clusters/a flux-sync: apps/a/dev/x.yaml clusters/a/flux-system/gotk-sync.yaml clusters/a/parent.yaml \
           shared/child.yaml"],
    );
}

#[test]
fn clusters_of_the_same_name_are_told_apart() {
    let found = check(
        &[
            ("clusters/dev/main/a.yaml", plain("")),
            ("clusters/prod/main/a.yaml", plain("")),
            ("clusters/prod/x/a.yaml", plain("")),
        ],
        &[
            "dev/main dev clusters/dev/main layout: clusters/dev/main/a.yaml",
            "prod/main prod clusters/prod/main layout: clusters/prod/main/a.yaml",
            "x prod clusters/prod/x layout: clusters/prod/x/a.yaml",
        ],
    );
    assert!(found.notes.is_empty());
}

#[test]
fn the_config_names_adds_and_removes_clusters_and_moves_the_root() {
    check_with(
        "[clusters.lab]\npath = 'site/one'\nenvironment = 'home'\n[clusters.x]\nignore = true\n[clusters.y]\npath = 'clusters/z'",
        &[("clusters/x/a.yaml", plain("")), ("clusters/z/a.yaml", plain("")), ("site/one/a.yaml", plain(""))],
        &["lab home site/one config: site/one/a.yaml", "y - clusters/z layout: clusters/z/a.yaml"],
    );
    check_with(
        "artifact_root = 'kubernetes'",
        &[
            ("kubernetes/clusters/a/flux-system/gotk-sync.yaml", sync("./clusters/a")),
            ("kubernetes/clusters/a/apps.yaml", kustomization("apps", "/apps", "flux-system")),
            ("kubernetes/apps/x.yaml", plain("")),
        ],
        &["a - kubernetes/clusters/a flux-sync: kubernetes/apps/x.yaml kubernetes/clusters/a/apps.yaml \
           kubernetes/clusters/a/flux-system/gotk-sync.yaml"],
    );
}

#[test]
fn kustomizations_nested_without_end_are_left_at_a_bound() {
    let mut files = vec![("clusters/a/flux-system/gotk-sync.yaml".to_owned(), sync("clusters/a"))];
    for number in 0..500 {
        let next = format!("resources: [../{}]", number + 1);
        files.push((format!("clusters/a/{number}/kustomization.yaml"), next));
    }
    files.push(("clusters/a/kustomization.yaml".to_owned(), plain("resources: ['0']")));
    let files: Vec<(&str, String)> = files.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    let found = discover(&inventory(&files), &Config::default(), "x").unwrap();
    let notes: Vec<String> = found.notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["clusters/a/98/kustomization.yaml:1:13: `clusters/a/99` is nested too deeply and not followed"]);
}

#[test]
fn what_is_no_object_is_passed_over() {
    for text in ["kind: Kustomization\n", "- a\n", "a: &x [*x]\n", "", "kind: 1\nspec: []\n", "spec: {path: {}}\n"] {
        let text = format!("# kustomize.toolkit.fluxcd.io/v1 fluxcd.\n{text}");
        assert!(scan("a.yaml", &text).is_none_or(|scan| scan.objects.is_empty()), "{text}");
    }
    let text =
        "apiVersion: v1\nkind: List\nitems:\n- ".to_owned() + &kustomization("a", "x", "y").replace('\n', "\n  ");
    assert_eq!(scan("a.yaml", &text).unwrap().objects.len(), 1);
}
