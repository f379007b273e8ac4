//! A cluster: where it was found, what it runs, and the paths that are its own.

use std::collections::{BTreeSet, HashMap};

use super::{
    entry::Entry,
    inventory::{FileId, Inventory},
    path,
    reach::Reach,
};

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// The environment that it belongs to.
    pub environment: Option<String>,
    /// How it was found.
    pub evidence: Evidence,
    /// Where it begins.
    pub entry: Entry,
    /// What it reaches from there.
    pub reach: Reach,
    /// Directories whose files it has to read besides, as `.secrets.toml` says.
    pub added_paths: Vec<String>,
    /// Recipients, or their names in the policy, as `.secrets.toml` says.
    pub given_recipients: Vec<String>,
}

/// How a cluster was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The objects that `flux bootstrap` makes: a source and a Kustomization of the same name.
    Sync,
    /// A `FluxInstance`.
    Instance,
    /// Flux Kustomizations that no other one reaches.
    Kustomizations,
    /// The layout of the directories.
    Layout,
    /// `.secrets.toml`.
    Config,
}

impl Evidence {
    /// For people and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sync => "flux-sync",
            Self::Instance => "flux-instance",
            Self::Kustomizations => "flux-kustomizations",
            Self::Layout => "layout",
            Self::Config => "config",
        }
    }
}

/// Whose a file is, by the numbers of the clusters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owners {
    /// The clusters that it goes into what they apply of: they have to read it. Without Flux' objects, the cluster whose
    /// directory it is below.
    pub readers: BTreeSet<usize>,
    /// The cluster whose directory it is below, where nothing reaches it.
    pub keeper: Option<usize>,
}

impl Owners {
    /// The clusters that may read the file.
    #[must_use]
    pub fn clusters(&self) -> BTreeSet<usize> {
        self.readers.iter().copied().chain(self.keeper).collect()
    }
}

/// Tells whose files are.
#[derive(Debug)]
pub struct Ownership<'c> {
    clusters: &'c [Cluster],
    inventory: &'c Inventory,
    /// Entries that are directories of their own: one that is the whole repository is not.
    entries: HashMap<&'c str, usize>,
    added: Vec<(&'c str, usize)>,
}

impl<'c> Ownership<'c> {
    /// Among `clusters` of the repository with this `inventory`.
    #[must_use]
    pub fn new(clusters: &'c [Cluster], inventory: &'c Inventory) -> Self {
        let entries = clusters.iter().enumerate().map(|(number, cluster)| (cluster.entry.path.as_str(), number));
        let added = clusters
            .iter()
            .enumerate()
            .flat_map(|(number, cluster)| cluster.added_paths.iter().map(move |path| (path.as_str(), number)));
        Self {
            clusters,
            inventory,
            entries: entries.filter(|(path, _)| !path.is_empty()).collect(),
            added: added.collect(),
        }
    }

    /// Whose `file` is.
    #[must_use]
    pub fn of(&self, file: FileId) -> Owners {
        let path = self.inventory.path(file);
        let reached = self.clusters.iter().enumerate().filter(|(_, cluster)| cluster.reach.files.contains(&file));
        let mut readers: BTreeSet<usize> = reached.map(|(number, _)| number).collect();
        readers.extend(self.added.iter().filter(|(added, _)| path::is_within(path, added)).map(|(_, number)| *number));
        let up = std::iter::successors(Some(path), |path| Some(path::parent(path)).filter(|parent| !parent.is_empty()));
        let keeper = up.skip(1).find_map(|directory| self.entries.get(directory).copied());
        let is_of_layout =
            |number: &usize| self.clusters.get(*number).is_some_and(|cluster| cluster.evidence == Evidence::Layout);
        readers.extend(keeper.filter(is_of_layout));
        let keeper = keeper.filter(|_| readers.is_empty());
        Owners { readers, keeper }
    }
}

/// The paths of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paths {
    /// Those that no other cluster reaches anything in.
    pub own: Vec<String>,
    /// Those that another cluster reaches something in.
    pub shared: Vec<String>,
}

impl Cluster {
    fn directories(&self) -> Vec<&str> {
        let reached = self.reach.directories.iter().map(String::as_str);
        path::topmost(reached.chain([self.entry.path.as_str()]).chain(self.added_paths.iter().map(String::as_str)))
    }
}

/// The paths of each cluster: directories that it builds, without those below another one of them.
#[must_use]
pub fn paths_of(clusters: &[Cluster]) -> Vec<Paths> {
    let directories: Vec<Vec<&str>> = clusters.iter().map(Cluster::directories).collect();
    let of = |(index, own): (usize, &Vec<&str>)| {
        let others = || directories.iter().enumerate().filter(|(other, _)| *other != index).flat_map(|(_, list)| list);
        let is_shared = |path: &str| others().any(|other| path::is_within(path, other) || path::is_within(other, path));
        let (shared, own): (Vec<&str>, Vec<&str>) = own.iter().copied().partition(|path| is_shared(path));
        let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
        Paths { own: owned(own), shared: owned(shared) }
    };
    directories.iter().enumerate().map(of).collect()
}
