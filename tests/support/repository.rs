//! A repository of many clusters and many encrypted files, for what needs no key. What is wrapped and encrypted in the
//! files is made up: nobody could open them.

use std::{fmt::Write as _, fs, path::Path};

/// How many encrypted files a directory of an app holds.
const SECRETS_PER_APP: usize = 4;

const KUSTOMIZATION: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n";

/// A recipient as it looks, of the cluster with that number. Nobody has its identity.
pub(crate) fn recipient(cluster: usize) -> String {
    format!("age1{cluster:0>58}")
}

/// The recipient of the person who can read all files.
pub(crate) fn admin() -> String {
    format!("age1{}", "z".repeat(58))
}

/// Writes a repository of `clusters` clusters in the layout `clusters/<environment>/<cluster>`, with `files` encrypted
/// files spread over them, and as many manifests beside them as such repositories have.
pub(crate) fn write(root: &Path, clusters: usize, files: usize) {
    put(root, ".git/HEAD", "ref: refs/heads/main\n");
    put(root, ".git/objects/keep", "");
    put(root, ".git/refs/keep", "");
    let mut keys = String::from("keys:\n");
    let mut rules = String::from("creation_rules:\n");
    for cluster in 0..clusters {
        let (name, path) = (name(cluster), path(cluster));
        writeln!(keys, "  - &{name} {}", recipient(cluster)).unwrap();
        writeln!(
            rules,
            "  - path_regex: ^{path}/.*\\.sops\\.yaml$\n    encrypted_regex: ^(data|stringData)$\n    age: [*{name}, *admin]"
        )
        .unwrap();
        put(root, &format!("{path}/flux-system/gotk-sync.yaml"), &sync(&path));
        put(root, &format!("{path}/apps.yaml"), &flux_kustomization("apps", &format!("{path}/apps")));
        let own = files / clusters + usize::from(cluster < files % clusters);
        write_apps(root, cluster, own);
    }
    writeln!(keys, "  - &admin {}", admin()).unwrap();
    put(root, ".sops.yaml", &format!("{keys}{rules}"));
}

/// `c07`.
pub(crate) fn name(cluster: usize) -> String {
    format!("c{cluster:02}")
}

/// The directory of a cluster.
pub(crate) fn path(cluster: usize) -> String {
    format!("clusters/{}/{}", if cluster.is_multiple_of(2) { "dev" } else { "prod" }, name(cluster))
}

/// An encrypted Secret for `recipients`.
pub(crate) fn secret(recipients: &[String]) -> String {
    let value = "ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UY=,type:str]";
    let mut text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n    name: db\nstringData:\n    user: {value}\n    password: {value}\nsops:\n    age:\n"
    );
    for recipient in recipients {
        let line = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBxVXlLc2tHNVJ6ZGFVb1pk";
        let body = format!("            {line}\n").repeat(5);
        write!(
            text,
            "        - recipient: {recipient}\n          enc: |\n            -----BEGIN AGE ENCRYPTED FILE-----\n{body}            -----END AGE ENCRYPTED FILE-----\n"
        )
        .unwrap();
    }
    text + &format!(
        "    lastmodified: \"2026-01-01T00:00:00Z\"\n    mac: {value}\n    encrypted_regex: ^(data|stringData)$\n    version: 3.13.2\n"
    )
}

/// `files` encrypted files in directories of a few, each with its kustomization, and one over them all.
fn write_apps(root: &Path, cluster: usize, files: usize) {
    let (apps, text) = (format!("{}/apps", path(cluster)), secret(&[recipient(cluster), admin()]));
    let mut over_all = String::from(KUSTOMIZATION);
    for first in (0..files).step_by(SECRETS_PER_APP) {
        let app = format!("app{:04}", first / SECRETS_PER_APP);
        let mut kustomization = String::from(KUSTOMIZATION);
        for number in first..files.min(first + SECRETS_PER_APP) {
            writeln!(kustomization, "  - s{number}.sops.yaml").unwrap();
            put(root, &format!("{apps}/{app}/s{number}.sops.yaml"), &text);
        }
        put(root, &format!("{apps}/{app}/kustomization.yaml"), &kustomization);
        writeln!(over_all, "  - {app}").unwrap();
    }
    put(root, &format!("{apps}/kustomization.yaml"), &over_all);
}

/// What `flux bootstrap` makes.
pub(crate) fn sync(path: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: flux-system\n  \
         namespace: flux-system\nspec:\n  ref:\n    branch: main\n  url: ssh://git@example.org/fleet\n---\n{}",
        flux_kustomization("flux-system", path)
    )
}

/// A Flux Kustomization on `path`.
pub(crate) fn flux_kustomization(name: &str, path: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  \
         namespace: flux-system\nspec:\n  path: ./{path}\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n"
    )
}

#[expect(clippy::disallowed_methods, reason = "a test writes its files as anybody would")]
fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
