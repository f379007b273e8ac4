//! `kustomization.yaml`: which files and directories it takes in.

use super::{
    object::{Reference, reference, references},
    view::View,
};

/// The names that kustomize looks for, in its order.
pub(super) const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Lists of paths to files or directories; of some, an entry may be an object in place of a path.
const LISTS: [&str; 10] = [
    "resources",
    "bases",
    "components",
    "patchesStrategicMerge",
    "transformers",
    "generators",
    "validators",
    "configurations",
    "crds",
    "patches",
];

/// Lists of maps with a path below a key.
const LISTS_OF_MAPS: [(&str, &[&str]); 5] = [
    ("patches", &["path"]),
    ("patchesJson6902", &["path"]),
    ("replacements", &["path"]),
    ("helmCharts", &["valuesFile"]),
    ("helmChartInflationGenerator", &["values"]),
];

/// Everything that the kustomization takes in, in the order of the fields above.
///
/// # Source
/// `api/types/kustomization.go` of kustomize 5.7.
pub(super) fn read(root: View<'_, '_>) -> Vec<Reference> {
    let mut found = Vec::new();
    for list in LISTS {
        found.extend(references(root.field(list)));
    }
    for (list, path) in LISTS_OF_MAPS {
        let items = root.field(list).into_iter().flat_map(View::items);
        found.extend(items.filter_map(|item| reference(item.at(path)?)));
    }
    let charts = root.field("helmCharts").into_iter().flat_map(View::items);
    found.extend(charts.flat_map(|chart| references(chart.field("additionalValuesFiles"))));
    found.extend(root.at(&["openapi", "path"]).and_then(reference));
    for generator in ["configMapGenerator", "secretGenerator"] {
        for item in root.field(generator).into_iter().flat_map(View::items) {
            // `key=path`, or the path alone.
            found.extend(references(item.field("files")).into_iter().map(|file| match file.target.split_once('=') {
                Some((_, path)) => Reference { target: path.to_owned(), place: file.place },
                None => file,
            }));
            found.extend(references(item.field("envs")));
            found.extend(item.field("env").and_then(reference));
        }
    }
    // A patch or a generator can stand there itself.
    found.retain(|reference| !reference.target.contains('\n'));
    found
}

/// Whether `target` is to be fetched from elsewhere.
pub(super) fn is_remote(target: &str) -> bool {
    let host = target.split('/').next().unwrap_or_default();
    target.contains("://")
        || target.contains("?ref=")
        || host.contains('@')
        || ["github.com", "gitlab.com", "bitbucket.org"].iter().any(|known| host.starts_with(known))
}
