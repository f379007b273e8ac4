//! What is in the repository: the names of all files, and the objects in those that hold any.

use std::collections::HashMap;

use super::{
    controller::Controller,
    kustomize,
    note::NoteKind,
    object::{self, Object, Reference, Source, SourceName},
    path,
    view::{Places, View},
};
use crate::{base::span::LineColumn, document::yaml::tree::Tree};

/// The number of a file in its inventory, by the order of the paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// What one file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// Flux' objects, in order.
    pub objects: Vec<Object>,
    /// What it takes in, if it is a kustomization.
    pub takes: Vec<Reference>,
    /// What it says of kustomize-controller.
    pub controller: Controller,
    /// Why it cannot be read, though it should hold one or the other.
    pub fault: Option<(LineColumn, NoteKind)>,
}

/// Reads the file at `path` with that `text`; `None` if it holds nothing of interest, which is mostly told without
/// parsing it.
#[must_use]
pub fn scan(path: &str, text: &str) -> Option<Scan> {
    let is_kustomization = is_kustomization(path);
    if !(is_kustomization || is_yaml(path)) {
        return None;
    }
    let controller = Controller::find(text);
    if !(is_kustomization || object::may_hold_objects(text)) {
        return controller.map(|controller| Scan { controller, ..Scan::default() });
    }
    let controller = controller.unwrap_or_default();
    let tree = match Tree::parse(text) {
        Ok(tree) => tree,
        Err(error) => {
            let fault = (error.place, NoteKind::Unreadable(error.fault.to_string()));
            return Some(Scan { fault: Some(fault), controller, ..Scan::default() });
        }
    };
    let places = Places::new(text);
    let objects = object::read_all(View::roots(&tree, &places));
    let takes = if is_kustomization {
        View::roots(&tree, &places).next().map(kustomize::read).unwrap_or_default()
    } else {
        Vec::new()
    };
    let is_of_interest = is_kustomization || !objects.is_empty() || controller != Controller::default();
    is_of_interest.then_some(Scan { objects, takes, controller, fault: None })
}

/// Whether kustomize would read the file at `path` as its own.
#[must_use]
pub fn is_kustomization(path: &str) -> bool {
    kustomize::FILE_NAMES.contains(&path::name(path))
}

/// Whether Flux takes the file at `path` for manifests.
#[must_use]
pub fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// All files of a repository.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Paths below the root, in order.
    files: Vec<String>,
    scans: HashMap<FileId, Scan>,
    /// Where the sources of a kind and name are defined.
    sources: HashMap<(String, String), Vec<Source>>,
}

impl Inventory {
    /// Of `files` with what was read out of each.
    #[must_use]
    pub fn new(files: impl IntoIterator<Item = (String, Option<Scan>)>) -> Self {
        let mut all: Vec<(String, Option<Scan>)> = files.into_iter().collect();
        all.sort_by(|(left, _), (right, _)| left.cmp(right));
        all.dedup_by(|(later, _), (earlier, _)| later == earlier);
        let mut inventory = Self::default();
        for ((path, scan), number) in all.into_iter().zip(0..) {
            inventory.files.push(path);
            let Some(scan) = scan else { continue };
            for source in scan.objects.iter().filter_map(Object::source) {
                let key = (source.name.kind.clone(), source.name.name.clone());
                inventory.sources.entry(key).or_default().push(source.clone());
            }
            inventory.scans.insert(FileId(number), scan);
        }
        inventory
    }

    /// The file at `path`.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<FileId> {
        let at = self.files.binary_search_by(|file| file.as_str().cmp(path)).ok()?;
        u32::try_from(at).ok().map(FileId)
    }

    /// The path of a file.
    #[must_use]
    pub fn path(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map(String::as_str).unwrap_or_default()
    }

    /// What the file holds, if it is of interest.
    #[must_use]
    pub fn scan(&self, file: FileId) -> Option<&Scan> {
        self.scans.get(&file)
    }

    /// Every file that holds something, in order.
    #[must_use]
    pub fn scans(&self) -> Vec<(FileId, &Scan)> {
        let mut all: Vec<_> = self.scans.iter().map(|(file, scan)| (*file, scan)).collect();
        all.sort_by_key(|(file, _)| *file);
        all
    }

    /// The files below `directory`, in order.
    pub fn below<'i>(&'i self, directory: &str) -> impl Iterator<Item = (FileId, &'i str)> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let start = self.files.partition_point(|file| file.as_str() < prefix.as_str());
        let rest = self.files.get(start..).unwrap_or_default();
        let numbers = u32::try_from(start).unwrap_or(u32::MAX)..;
        let below = rest.iter().zip(numbers).take_while(move |(file, _)| file.starts_with(&prefix));
        below.map(|(file, number)| (FileId(number), file.as_str()))
    }

    /// Whether there is a file below `directory`.
    #[must_use]
    pub fn is_directory(&self, directory: &str) -> bool {
        self.below(directory).next().is_some()
    }

    /// The kustomization of `directory`.
    #[must_use]
    pub fn kustomization_of(&self, directory: &str) -> Option<FileId> {
        kustomize::FILE_NAMES.iter().find_map(|name| self.find(&path::resolve(directory, name)?))
    }

    /// The source object that `name` means; of several, the first in the order of the files.
    #[must_use]
    pub fn find_source(&self, name: &SourceName) -> Option<&Source> {
        let named = self.sources.get(&(name.kind.clone(), name.name.clone()))?;
        named.iter().find(|source| source.name.is_like(name))
    }
}
