//! What directories are called: cluster directories and environments, where no object tells of them.

use std::collections::BTreeSet;

use super::{inventory::Inventory, path};

/// The directory that holds the clusters.
const CLUSTERS: &str = "clusters";

/// How many directories may stand around it: `k8s/clusters`.
const MAX_AROUND: usize = 1;

/// Names of parts of a cluster: directories called so are no clusters of an environment.
const PARTS: [&str; 22] = [
    "apps",
    "base",
    "bases",
    "bootstrap",
    "common",
    "components",
    "config",
    "configs",
    "core",
    "crds",
    "flux",
    "flux-system",
    "infra",
    "infrastructure",
    "manifests",
    "namespaces",
    "overlays",
    "patches",
    "secrets",
    "services",
    "storage",
    "vars",
];

/// Names of directories around or inside of a cluster's own, which tell nothing of it.
const AROUND: [&str; 5] = ["cluster", "clusters", "gitops", "k8s", "kubernetes"];

/// Names of environments.
const ENVIRONMENTS: [&str; 15] = [
    "dev",
    "develop",
    "development",
    "test",
    "testing",
    "qa",
    "stage",
    "staging",
    "sandbox",
    "preview",
    "preprod",
    "uat",
    "prod",
    "production",
    "live",
];

/// The cluster directories of the layouts `clusters/<cluster>`, `clusters/<environment>/<cluster>` and the same below
/// one other directory, such as `k8s/clusters/<cluster>`.
pub(super) fn cluster_directories(inventory: &Inventory) -> BTreeSet<String> {
    let found = inventory.below("").filter_map(|(_, file)| holder(file));
    let holders: BTreeSet<&str> = found.collect();
    let mut clusters = BTreeSet::new();
    for holder in holders {
        for child in children(inventory, holder) {
            if is_environment(inventory, &child) {
                clusters.extend(children(inventory, &child));
            } else {
                clusters.insert(child);
            }
        }
    }
    clusters
}

/// The `clusters` directory that `file` is below.
fn holder(file: &str) -> Option<&str> {
    let mut end = 0;
    for part in path::parent(file).split('/').take(MAX_AROUND + 1) {
        end += part.len();
        if part == CLUSTERS {
            return file.get(..end);
        }
        end += 1;
    }
    None
}

/// The directories in `directory`.
fn children(inventory: &Inventory, directory: &str) -> BTreeSet<String> {
    let below = inventory.below(directory).filter_map(|(_, file)| {
        let rest = file.get(directory.len() + 1..)?;
        rest.split_once('/').map(|(child, _)| format!("{directory}/{child}"))
    });
    below.collect()
}

/// Whether `directory` holds nothing but directories, none of which is a part of a cluster by its name.
fn is_environment(inventory: &Inventory, directory: &str) -> bool {
    let has_manifests =
        inventory.below(directory).any(|(_, file)| path::parent(file) == directory && super::inventory::is_yaml(file));
    !has_manifests && children(inventory, directory).iter().all(|child| !PARTS.contains(&path::name(child)))
}

/// The environment of the cluster that begins at `entry`: the directory between `clusters` and its own, or its own name
/// if that is one of an environment.
pub(super) fn environment_of(entry: &str) -> Option<String> {
    let parts: Vec<&str> = path::split(entry).collect();
    let between = match parts.as_slice() {
        [CLUSTERS, environment, _] | [_, CLUSTERS, environment, _] => Some(*environment),
        _ => None,
    };
    let own = parts.last().copied().filter(|name| ENVIRONMENTS.contains(name));
    between.or(own).map(str::to_owned)
}

/// What the cluster that begins at `entry` is called: the innermost directory whose name is not one that all clusters
/// have.
pub(super) fn name_of(entry: &str) -> Option<&str> {
    let parts: Vec<&str> = path::split(entry).collect();
    parts.into_iter().rev().find(|name| !PARTS.contains(name) && !AROUND.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[&str], expected: &[&str]) {
        let inventory = Inventory::new(files.iter().map(|file| ((*file).to_owned(), None)));
        assert_eq!(cluster_directories(&inventory).into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn cluster_directories_are_told_by_their_layout() {
        check(
            &["clusters/lab/apps.yaml", "clusters/phx/apps/a.yaml", "apps/a.yaml"],
            &["clusters/lab", "clusters/phx"],
        );
        check(
            &["clusters/dev/home/apps.yaml", "clusters/dev/attic/apps.yaml"],
            &["clusters/dev/attic", "clusters/dev/home"],
        );
        check(&["clusters/sandbox/overlays/core/a.yaml"], &["clusters/sandbox"]);
        check(&["k8s/clusters/lab/apps.yaml", "k8s/base/a.yaml"], &["k8s/clusters/lab"]);
        check(&["a/b/clusters/lab/apps.yaml", "clusters/README.md", "my-clusters/x/a.yaml"], &[]);
    }

    #[test]
    fn the_environment_is_between_or_the_name() {
        let check =
            |entry: &str, expected: Option<&str>| assert_eq!(environment_of(entry).as_deref(), expected, "{entry}");
        check("clusters/dev/home-cluster", Some("dev"));
        check("k8s/clusters/dev/home", Some("dev"));
        check("clusters/production", Some("production"));
        check("k8s/clusters/lab", None);
        check("", None);
    }

    #[test]
    fn a_cluster_is_called_after_its_directory() {
        let check = |entry: &str, expected: Option<&str>| assert_eq!(name_of(entry), expected, "{entry}");
        check("clusters/dev/home-cluster", Some("home-cluster"));
        check("kubernetes/main/flux/cluster", Some("main"));
        check("kubernetes/flux", None);
        check("", None);
    }
}
