//! The search for clusters: Flux' own objects first, then Flux Kustomizations that nothing reaches, then the layout;
//! and on top of that what `.secrets.toml` says.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cluster::{Cluster, Evidence},
    config::{ClusterConfig, Config, ConfigError, ConfigErrorKind},
    entry::Entry,
    inventory::{FileId, Inventory, Scan},
    layout,
    note::{Note, NoteKind},
    object::{FluxKustomization, Instance, Object, Reference, Source},
    path,
    reach::{Reach, follow, follow_objects},
};

/// What Flux' own command calls the objects and the file that it makes.
const FLUX_SYSTEM: &str = "flux-system";
const SYNC_FILE: &str = "gotk-sync.yaml";

/// The clusters of a repository.
#[derive(Debug, Default)]
pub struct Discovery {
    /// By name.
    pub clusters: Vec<Cluster>,
    /// What was noticed, by place.
    pub notes: BTreeSet<Note>,
}

/// A cluster before it has a name.
struct Found {
    entry: Entry,
    evidence: Evidence,
}

/// Finds the clusters. `repository_name` is what a cluster is called that is the whole of the repository.
///
/// # Errors
/// [`ConfigError`] where `.secrets.toml` speaks of what is not there.
pub fn discover(inventory: &Inventory, config: &Config, repository_name: &str) -> Result<Discovery, ConfigError> {
    let mut notes: BTreeSet<Note> = unreadable(inventory).collect();
    let mut found = told_by_objects(inventory, config, &mut notes);
    found.extend(unreached(inventory, config, &found));
    if found.is_empty() {
        let entries = layout::cluster_directories(inventory).into_iter().map(|path| bare_entry(path, config));
        found.extend(entries.map(|entry| Found { entry, evidence: Evidence::Layout }));
    }
    let mut clusters = name_all(found, repository_name);
    apply_config(inventory, config, &mut clusters)?;
    for cluster in &mut clusters {
        cluster.reach = follow(inventory, &cluster.entry);
        notes.extend(cluster.reach.notes.iter().cloned());
    }
    clusters.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(Discovery { clusters, notes })
}

/// Files that should hold something and cannot be read, be they reached or not.
fn unreadable(inventory: &Inventory) -> impl Iterator<Item = Note> {
    inventory.scans().into_iter().filter_map(|(file, scan)| {
        let (place, kind) = scan.fault.clone()?;
        Some(Note { path: inventory.path(file).to_owned(), place: Some(place), kind })
    })
}

/// The clusters that sync objects and `FluxInstance`s tell of, each directory once.
fn told_by_objects(inventory: &Inventory, config: &Config, notes: &mut BTreeSet<Note>) -> Vec<Found> {
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for (file, scan) in inventory.scans() {
        let name = inventory.path(file);
        for object in &scan.objects {
            let (source, reference, evidence) = match object {
                Object::Kustomization(object) => match sync_source(inventory, config, file, scan, object) {
                    Some(source) => (source.clone(), &object.path, Evidence::Sync),
                    None => continue,
                },
                Object::Instance(Instance { source, path, .. }) => (source.clone(), path, Evidence::Instance),
                Object::Source(_) => continue,
            };
            let note = |kind| Note { path: name.to_owned(), place: Some(reference.place), kind };
            let Some(path) = resolve(config, reference) else {
                notes.insert(note(NoteKind::Outside(reference.target.clone())));
                continue;
            };
            if !inventory.is_directory(&path) {
                notes.insert(note(NoteKind::Missing(reference.target.clone())));
                continue;
            }
            let told_by = Some((name.to_owned(), reference.clone()));
            let entry = Entry { artifact_root: config.artifact_root.clone(), source: Some(source), told_by, path };
            found.entry(entry.path.clone()).or_insert(Found { entry, evidence });
        }
    }
    found.into_values().collect()
}

/// The source of `object` if it is one that applies itself: its own file is below its path. Below the root every file
/// is, so that there the names have to be those of Flux' own command.
fn sync_source<'i>(
    inventory: &'i Inventory,
    config: &Config,
    file: FileId,
    scan: &'i Scan,
    object: &FluxKustomization,
) -> Option<&'i Source> {
    let name = inventory.path(file);
    let entry = resolve(config, &object.path)?;
    let is_bootstrap = path::name(name) == SYNC_FILE || object.name == FLUX_SYSTEM;
    // A bootstrap whose path has gone is told, too.
    if !is_bootstrap && (entry.is_empty() || !path::is_within(name, &entry)) {
        return None;
    }
    if is_bootstrap && object.name != object.source.name {
        return None;
    }
    // Many clusters have a source of the same name: that beside the object counts.
    let beside = scan.objects.iter().filter_map(Object::source).find(|source| source.name.is_like(&object.source));
    beside.or_else(|| inventory.find_source(&object.source))
}

/// A path of Flux' as a directory of the repository.
fn resolve(config: &Config, reference: &Reference) -> Option<String> {
    path::resolve(&config.artifact_root, reference.target.trim_start_matches('/'))
}

fn bare_entry(path: String, config: &Config) -> Entry {
    Entry { path, artifact_root: config.artifact_root.clone(), source: None, told_by: None }
}

/// Directories with Flux Kustomizations that no cluster reaches, and none of another such directory. Where Flux' objects
/// tell of clusters already, only cluster directories by their layout count: others may be left over.
fn unreached(inventory: &Inventory, config: &Config, known: &[Found]) -> Vec<Found> {
    let mut reached: BTreeSet<FileId> = BTreeSet::new();
    for found in known {
        reached.extend(follow(inventory, &found.entry).files);
    }
    let layout = layout::cluster_directories(inventory);
    let mut groups: BTreeMap<String, Vec<FileId>> = BTreeMap::new();
    for (file, scan) in inventory.scans() {
        let holds = scan.objects.iter().any(|object| matches!(object, Object::Kustomization(_)));
        if !holds || reached.contains(&file) {
            continue;
        }
        let directory = path::parent(inventory.path(file));
        let in_layout = ancestors(directory).find(|ancestor| layout.contains(*ancestor));
        let directory = match in_layout {
            Some(cluster) => cluster,
            None if known.is_empty() => directory,
            None => continue,
        };
        let is_known = known.iter().any(|found| found.entry.path == directory);
        if !is_known {
            groups.entry(directory.to_owned()).or_default().push(file);
        }
    }
    let roots = without_reached(inventory, config, &groups);
    let topmost: BTreeSet<&str> = path::topmost(roots.iter().map(String::as_str)).into_iter().collect();
    let entries = topmost.into_iter().map(|path| bare_entry(path.to_owned(), config));
    entries.map(|entry| Found { entry, evidence: Evidence::Kustomizations }).collect()
}

/// The directories of `groups` that hold an object which those of the others do not lead to.
fn without_reached(inventory: &Inventory, config: &Config, groups: &BTreeMap<String, Vec<FileId>>) -> Vec<String> {
    let mut reached: BTreeSet<FileId> = BTreeSet::new();
    for (directory, files) in groups {
        let entry = bare_entry(directory.clone(), config);
        let own: BTreeSet<FileId> = files.iter().copied().collect();
        reached.extend(follow_objects(inventory, &entry, files).files.difference(&own));
    }
    let is_root = |files: &Vec<FileId>| files.iter().any(|file| !reached.contains(file));
    groups.iter().filter(|(_, files)| is_root(files)).map(|(directory, _)| directory.clone()).collect()
}

/// `directory` and those that it is in, but for the root.
fn ancestors(directory: &str) -> impl Iterator<Item = &str> {
    fn not_root(directory: &str) -> Option<&str> {
        Some(directory).filter(|directory| !directory.is_empty())
    }

    std::iter::successors(not_root(directory), |directory| not_root(path::parent(directory)))
}

/// Gives each a name: that of its directory; where two have the same, with the environment, or else the whole path.
fn name_all(found: Vec<Found>, repository_name: &str) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> = found
        .into_iter()
        .map(|Found { entry, evidence }| Cluster {
            name: layout::name_of(&entry.path).unwrap_or(repository_name).to_owned(),
            environment: layout::environment_of(&entry.path),
            evidence,
            entry,
            reach: Reach::default(),
            added_paths: Vec::new(),
            given_recipients: Vec::new(),
        })
        .collect();
    rename_doubles(&mut clusters, |cluster| {
        cluster.environment.as_ref().map(|environment| format!("{environment}/{}", cluster.name))
    });
    rename_doubles(&mut clusters, |cluster| Some(cluster.entry.path.clone()));
    clusters
}

fn rename_doubles(clusters: &mut [Cluster], rename: impl Fn(&Cluster) -> Option<String>) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    clusters.iter().for_each(|cluster| *counts.entry(cluster.name.clone()).or_default() += 1);
    for cluster in clusters {
        if counts.get(&cluster.name).is_some_and(|count| *count > 1)
            && let Some(name) = rename(cluster)
        {
            cluster.name = name;
        }
    }
}

/// What `.secrets.toml` says goes before what was found.
fn apply_config(inventory: &Inventory, config: &Config, clusters: &mut Vec<Cluster>) -> Result<(), ConfigError> {
    for (name, given) in &config.clusters {
        let at = match &given.path {
            Some(path) => clusters.iter().position(|cluster| cluster.entry.path == *path),
            None => clusters.iter().position(|cluster| cluster.name == *name),
        };
        match (at, &given.path) {
            (Some(at), _) if given.ignore => drop(clusters.remove(at)),
            // That there is none is what was wanted.
            (None, _) if given.ignore => {}
            (Some(at), _) => clusters.iter_mut().skip(at).take(1).for_each(|cluster| describe(cluster, name, given)),
            (None, None) => return Err(config.error(name, ConfigErrorKind::UnknownCluster(name.clone()))),
            (None, Some(path)) if !inventory.is_directory(path) => {
                return Err(config.error(name, ConfigErrorKind::NoDirectory(path.clone())));
            }
            (None, Some(path)) => {
                let entry = bare_entry(path.clone(), config);
                let mut added = name_all(vec![Found { entry, evidence: Evidence::Config }], name);
                added.iter_mut().for_each(|cluster| describe(cluster, name, given));
                clusters.append(&mut added);
            }
        }
    }
    // A name that the file gives is kept; a cluster that was found and is called the same goes by its path.
    for cluster in &mut *clusters {
        let given = config.clusters.get(&cluster.name).and_then(|given| given.path.as_ref());
        if given.is_some_and(|path| *path != cluster.entry.path) {
            cluster.name = cluster.entry.path.clone();
        }
    }
    Ok(())
}

fn describe(cluster: &mut Cluster, name: &str, given: &ClusterConfig) {
    name.clone_into(&mut cluster.name);
    if given.environment.is_some() {
        cluster.environment.clone_from(&given.environment);
    }
    cluster.added_paths.clone_from(&given.paths);
    cluster.given_recipients.clone_from(&given.recipients);
}

#[cfg(test)]
mod tests;
