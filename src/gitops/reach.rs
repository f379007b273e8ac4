//! What a cluster reaches: from its entry through Flux Kustomizations and kustomizations to the files.
//!
//! Flux Kustomizations may lead to each other in circles, as `flux-system` does to itself; they are taken from a queue,
//! each directory once. Kustomizations may not: kustomize refuses a circle, and here it is noted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::{
    entry::Entry,
    inventory::{FileId, Inventory, is_kustomization, is_yaml},
    kustomize::is_remote,
    note::{Note, NoteKind},
    object::{FluxKustomization, Object, Reference, Source, SourceName},
    path,
};

/// How deep kustomizations may stand within each other.
const MAX_DEPTH: usize = 100;

/// What a cluster reaches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// The files that go into what is applied.
    pub files: BTreeSet<FileId>,
    /// The directories that are built: those of Flux Kustomizations, and of kustomizations.
    pub directories: BTreeSet<String>,
    /// What stood in the way.
    pub notes: BTreeSet<Note>,
}

/// Follows everything from `entry` on. Takes time in proportion to what is reached.
#[must_use]
pub fn follow(inventory: &Inventory, entry: &Entry) -> Reach {
    let mut walk = Walk::new(inventory, entry);
    let (file, reference) = match &entry.told_by {
        Some((file, reference)) => (file.as_str(), Some(reference)),
        None => (entry.path.as_str(), None),
    };
    walk.build(&entry.path, Missing::Generate, At { file, reference });
    walk.finish()
}

/// Follows the Flux Kustomizations in the `files` alone, and not the directory that they are in.
pub(super) fn follow_objects(inventory: &Inventory, entry: &Entry, files: &[FileId]) -> Reach {
    let mut walk = Walk::new(inventory, entry);
    files.iter().for_each(|file| walk.reach_file(*file));
    walk.finish()
}

/// What a directory without a kustomization is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// One that Flux makes a kustomization for.
    Generate,
    /// A mistake.
    Refuse,
}

/// Where a path stands.
#[derive(Clone, Copy)]
struct At<'a> {
    file: &'a str,
    reference: Option<&'a Reference>,
}

/// A Flux Kustomization that is to be followed, with the variables of the one that applies it.
struct Pending<'i> {
    file: &'i str,
    object: &'i FluxKustomization,
    variables: BTreeMap<String, String>,
}

struct Walk<'i> {
    inventory: &'i Inventory,
    entry: &'i Entry,
    reach: Reach,
    pending: VecDeque<Pending<'i>>,
    /// Directories that are being built, outermost first.
    open: Vec<String>,
    /// The variables of the Flux Kustomization that is being built.
    variables: BTreeMap<String, String>,
}

impl<'i> Walk<'i> {
    const fn new(inventory: &'i Inventory, entry: &'i Entry) -> Self {
        Self {
            inventory,
            entry,
            reach: Reach { files: BTreeSet::new(), directories: BTreeSet::new(), notes: BTreeSet::new() },
            pending: VecDeque::new(),
            open: Vec::new(),
            variables: BTreeMap::new(),
        }
    }

    fn finish(mut self) -> Reach {
        while let Some(pending) = self.pending.pop_front() {
            self.apply(&pending);
        }
        self.reach
    }

    fn note(&mut self, at: At<'_>, kind: NoteKind) {
        let place = at.reference.map(|reference| reference.place);
        self.reach.notes.insert(Note { path: at.file.to_owned(), place, kind });
    }

    fn apply(&mut self, pending: &Pending<'i>) {
        let Pending { file, object, variables } = pending;
        if !is_of_this_repository(self.inventory, self.entry, &object.source) {
            return;
        }
        let at = At { file, reference: Some(&object.path) };
        let Some(target) = expand(&object.path.target, variables) else {
            return self.note(at, NoteKind::Variable(object.path.target.clone()));
        };
        // Flux takes `/x` for a path in the artifact.
        let Some(directory) = path::resolve(&self.entry.artifact_root, target.trim_start_matches('/')) else {
            return self.note(at, NoteKind::Outside(target));
        };
        self.variables = object
            .variables
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), expand(value, variables)?)))
            .collect();
        self.build(&directory, Missing::Generate, at);
        for component in &object.components {
            self.take(&directory, At { file, reference: Some(component) }, component);
        }
    }

    fn build(&mut self, directory: &str, missing: Missing, at: At<'_>) {
        if self.open.iter().any(|open| open == directory) {
            return self.note(at, NoteKind::Cycle(shown(directory)));
        }
        if self.reach.directories.contains(directory) {
            return;
        }
        if self.open.len() >= MAX_DEPTH {
            return self.note(at, NoteKind::TooDeep(shown(directory)));
        }
        let inventory = self.inventory;
        if let Some(file) = inventory.kustomization_of(directory) {
            self.reach.directories.insert(directory.to_owned());
            self.reach_file(file);
            self.open.push(directory.to_owned());
            for reference in inventory.scan(file).map(|scan| scan.takes.as_slice()).unwrap_or_default() {
                self.take(directory, At { file: inventory.path(file), reference: Some(reference) }, reference);
            }
            self.open.pop();
        } else if !inventory.is_directory(directory) {
            self.note(at, NoteKind::Missing(shown(directory)));
        } else if missing == Missing::Generate {
            self.reach.directories.insert(directory.to_owned());
            self.generate(directory, at);
        } else {
            self.note(at, NoteKind::NoKustomization(shown(directory)));
        }
    }

    /// Takes in all manifests below `directory`, as Flux does where there is no kustomization: those of a directory with
    /// one are that one's affair.
    fn generate(&mut self, directory: &str, at: At<'_>) {
        let inventory = self.inventory;
        let mut owners: HashMap<&str, Option<&str>> = HashMap::new();
        let mut built: HashSet<&str> = HashSet::new();
        for (file, name) in inventory.below(directory) {
            let parent = path::parent(name);
            let owner = *owners.entry(parent).or_insert_with(|| owner_below(inventory, directory, parent));
            match owner {
                Some(owner) if built.insert(owner) => self.build(owner, Missing::Refuse, at),
                Some(_) => {}
                None if is_yaml(name) && !is_kustomization(name) => self.reach_file(file),
                None => {}
            }
        }
    }

    fn take(&mut self, directory: &str, at: At<'_>, reference: &Reference) {
        if is_remote(&reference.target) {
            return;
        }
        let target = if reference.target.starts_with('/') { None } else { path::resolve(directory, &reference.target) };
        let Some(target) = target else { return self.note(at, NoteKind::Outside(reference.target.clone())) };
        match self.inventory.find(&target) {
            Some(file) => self.reach_file(file),
            None => self.build(&target, Missing::Refuse, at),
        }
    }

    fn reach_file(&mut self, file: FileId) {
        if !self.reach.files.insert(file) {
            return;
        }
        let Some(scan) = self.inventory.scan(file) else { return };
        let path = self.inventory.path(file);
        if let Some((place, kind)) = &scan.fault {
            self.reach.notes.insert(Note { path: path.to_owned(), place: Some(*place), kind: kind.clone() });
        }
        for object in &scan.objects {
            if let Object::Kustomization(object) = object {
                self.pending.push_back(Pending { file: path, object, variables: self.variables.clone() });
            }
        }
    }
}

/// The topmost directory below `directory` on the way to `path` that holds a kustomization.
fn owner_below<'p>(inventory: &Inventory, directory: &str, path: &'p str) -> Option<&'p str> {
    let mut owner = None;
    let mut at = path;
    while at.len() > directory.len() {
        if inventory.kustomization_of(at).is_some() {
            owner = Some(at);
        }
        at = path::parent(at);
    }
    owner
}

/// Whether the artifact that `source` means is this repository: it is the source of the cluster's entry, or one with
/// the same address.
fn is_of_this_repository(inventory: &Inventory, entry: &Entry, source: &SourceName) -> bool {
    match &entry.source {
        Some(own) if own.name.is_like(source) => true,
        Some(own) => inventory.find_source(source).is_some_and(|other| has_same_url(own, other)),
        // Without an entry that says so, `flux-system` is what Flux' own command calls it.
        None => {
            source.name == "flux-system" || source.kind == "GitRepository" && inventory.find_source(source).is_none()
        }
    }
}

fn has_same_url(one: &Source, other: &Source) -> bool {
    let (Some(one), Some(other)) = (&one.url, &other.url) else { return false };
    normal_url(one) == normal_url(other)
}

/// Host and path of an address: `ssh://git@host/x.git` and `https://host/x` are the same repository.
fn normal_url(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    rest.trim_end_matches('/').trim_end_matches(".git").replacen(':', "/", 1).to_lowercase()
}

/// `text` with the values of `${NAME}` in it; `None` where one is not known.
///
/// # Source
/// `envsubst` of fluxcd/pkg: `${NAME}`, with `:=` or `:-` and a default.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, after) = after.split_once('}')?;
        let (name, default) = match inside.split_once([':', '=', '-']) {
            Some((name, rest)) => (name, Some(rest.trim_start_matches(['=', '-']))),
            None => (inside, None),
        };
        out.push_str(before);
        out.push_str(variables.get(name).map(String::as_str).or(default)?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// `.` for the root.
fn shown(directory: &str) -> String {
    if directory.is_empty() { ".".to_owned() } else { directory.to_owned() }
}
