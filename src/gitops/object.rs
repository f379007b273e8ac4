//! Flux' objects, as far as they tell what a cluster runs.

use std::collections::BTreeMap;

use super::{revision::Revision, view::View};
use crate::base::span::LineColumn;

/// How deep `List` objects are opened.
const MAX_LISTS: usize = 8;

/// A path as it is written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The path.
    pub target: String,
    /// Where it stands.
    pub place: LineColumn,
}

/// The name of a source: what artifact a path is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceName {
    /// `GitRepository`, `OCIRepository`, `Bucket`, `ExternalArtifact`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace, where it is written.
    pub namespace: Option<String>,
}

impl SourceName {
    /// Whether both mean the same source. A namespace that is not written is given by a kustomization, and may be any.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let same_namespace = match (&self.namespace, &other.namespace) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.kind == other.kind && self.name == other.name && same_namespace
    }
}

/// A Flux Kustomization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FluxKustomization {
    /// Its name.
    pub name: String,
    /// Its namespace, where it is written.
    pub namespace: Option<String>,
    /// Where it begins.
    pub place: LineColumn,
    /// `spec.path`; the root where it is not written.
    pub path: Reference,
    /// `spec.sourceRef`.
    pub source: SourceName,
    /// `spec.components`, as seen from the path.
    pub components: Vec<Reference>,
    /// `spec.postBuild.substitute`: variables in all that is built.
    pub variables: BTreeMap<String, String>,
    /// `spec.decryption`.
    pub decryption: Option<Decryption>,
}

/// How a Flux Kustomization decrypts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decryption {
    /// `secretRef.name`, in the Kustomization's own namespace; without, the controller's default, if it has one.
    pub secret: Option<String>,
}

/// A source of artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// `spec.url`.
    pub url: Option<String>,
    /// `spec.ref`.
    pub revision: Revision,
}

/// What a `FluxInstance` makes: a source and the Kustomization that syncs from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Where `sync` stands.
    pub place: LineColumn,
    /// The source.
    pub source: Source,
    /// `sync.path`.
    pub path: Reference,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// `kustomize.toolkit.fluxcd.io/*`, `Kustomization`.
    Kustomization(FluxKustomization),
    /// `source.toolkit.fluxcd.io/*`.
    Source(Source),
    /// `fluxcd.controlplane.io/*`, `FluxInstance`; or the values of the Helm chart `flux-instance`.
    Instance(Instance),
}

impl Object {
    /// The source that the object is, or makes.
    #[must_use]
    pub const fn source(&self) -> Option<&Source> {
        match self {
            Self::Source(source) => Some(source),
            Self::Instance(instance) => Some(&instance.source),
            Self::Kustomization(_) => None,
        }
    }
}

/// Whether `text` names the API of an object that is read here. Told without parsing it.
pub(super) fn may_hold_objects(text: &str) -> bool {
    text.contains("fluxcd.")
        && ["kustomize.toolkit.fluxcd.io/v", "source.toolkit.fluxcd.io/v", "fluxcd.controlplane.io/v"]
            .iter()
            .any(|api| text.contains(api))
        || (text.contains("helm.toolkit.fluxcd.io/v") && text.contains("instance:") && text.contains("sync:"))
}

/// The objects in the documents of a file.
pub(super) fn read_all<'a, 't: 'a>(roots: impl Iterator<Item = View<'a, 't>>) -> Vec<Object> {
    let mut objects = Vec::new();
    roots.for_each(|root| read_into(root, MAX_LISTS, &mut objects));
    objects
}

fn read_into(root: View<'_, '_>, lists: usize, objects: &mut Vec<Object>) {
    let (Some(api), Some(kind)) = (root.text_at(&["apiVersion"]), root.text_at(&["kind"])) else { return };
    if api == "v1" && kind == "List" && lists > 0 {
        for item in root.field("items").into_iter().flat_map(View::items) {
            read_into(item, lists - 1, objects);
        }
        return;
    }
    let group = api.split('/').next().unwrap_or_default();
    let found = match (group, kind) {
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => kustomization(root).map(Object::Kustomization),
        ("source.toolkit.fluxcd.io", kind) => source(root, kind).map(Object::Source),
        ("fluxcd.controlplane.io", "FluxInstance") => {
            root.at(&["spec", "sync"]).and_then(|sync| instance(root, sync)).map(Object::Instance)
        }
        ("helm.toolkit.fluxcd.io", "HelmRelease") => {
            root.at(&["spec", "values", "instance", "sync"]).and_then(|sync| instance(root, sync)).map(Object::Instance)
        }
        _ => None,
    };
    objects.extend(found);
}

fn kustomization(root: View<'_, '_>) -> Option<FluxKustomization> {
    let spec = root.field("spec")?;
    let path = spec.field("path");
    let source = spec.field("sourceRef")?;
    let namespace = source.text_at(&["namespace"]).or_else(|| root.text_at(&["metadata", "namespace"]));
    let variables = spec.at(&["postBuild", "substitute"]).into_iter().flat_map(View::entries);
    Some(FluxKustomization {
        name: root.text_at(&["metadata", "name"])?.to_owned(),
        namespace: root.text_at(&["metadata", "namespace"]).map(str::to_owned),
        place: root.place(),
        path: Reference {
            target: path.and_then(View::text).unwrap_or_default().to_owned(),
            place: path.unwrap_or(spec).place(),
        },
        source: SourceName {
            kind: source.text_at(&["kind"])?.to_owned(),
            name: source.text_at(&["name"])?.to_owned(),
            namespace: namespace.map(str::to_owned),
        },
        components: references(spec.field("components")),
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.text().unwrap_or_default().to_owned()))
            .collect(),
        decryption: spec.field("decryption").and_then(decryption),
    })
}

/// Only `sops` is a provider: the API refuses any other.
fn decryption(view: View<'_, '_>) -> Option<Decryption> {
    let secret = view.text_at(&["secretRef", "name"]).map(str::to_owned);
    view.text_at(&["provider"]).filter(|provider| *provider == "sops").map(|_| Decryption { secret })
}

fn source(root: View<'_, '_>, kind: &str) -> Option<Source> {
    let name = SourceName {
        kind: kind.to_owned(),
        name: root.text_at(&["metadata", "name"])?.to_owned(),
        namespace: root.text_at(&["metadata", "namespace"]).map(str::to_owned),
    };
    let revision = root.at(&["spec", "ref"]).map_or(Revision::Default, |reference| {
        let field = |name: &str| reference.text_at(&[name]).map(str::to_owned);
        // In the order in which source-controller looks at them.
        let commit = field("commit").map(Revision::Commit);
        let other = || field("name").map(|name| Revision::of_name(&name));
        let semver = || field("semver").map(Revision::Semver);
        let tag = || field("tag").map(Revision::Tag);
        let branch = || field("branch").map(Revision::Branch);
        commit.or_else(other).or_else(semver).or_else(tag).or_else(branch).unwrap_or_default()
    });
    Some(Source { name, url: root.text_at(&["spec", "url"]).map(str::to_owned), revision })
}

/// `sync` of a `FluxInstance`: its defaults are those of Flux Operator.
fn instance(root: View<'_, '_>, sync: View<'_, '_>) -> Option<Instance> {
    let namespace = root.text_at(&["metadata", "namespace"]).map(str::to_owned);
    let name = sync.text_at(&["name"]).map(str::to_owned).or_else(|| namespace.clone());
    let path = sync.field("path");
    Some(Instance {
        place: sync.place(),
        source: Source {
            name: SourceName {
                kind: sync.text_at(&["kind"]).unwrap_or("GitRepository").to_owned(),
                name: name.unwrap_or_else(|| "flux-system".to_owned()),
                namespace,
            },
            url: sync.text_at(&["url"]).map(str::to_owned),
            revision: sync.text_at(&["ref"]).map(Revision::of_name).unwrap_or_default(),
        },
        path: Reference { target: path.and_then(View::text)?.to_owned(), place: path.unwrap_or(sync).place() },
    })
}

/// The texts of a list, with their places.
pub(super) fn references(list: Option<View<'_, '_>>) -> Vec<Reference> {
    let items = list.into_iter().flat_map(View::items);
    items.filter_map(reference).collect()
}

/// A text with its place.
pub(super) fn reference(view: View<'_, '_>) -> Option<Reference> {
    Some(Reference { target: view.text()?.to_owned(), place: view.place() })
}
