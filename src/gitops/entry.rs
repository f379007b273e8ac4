//! Where a cluster begins: the directory that Flux applies first, and the artifact that it is in.

use super::object::{Reference, Source};

/// Where a cluster begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The directory, below the repository's root.
    pub path: String,
    /// The directory of the repository that the artifact's root is; the root unless `.secrets.toml` says otherwise.
    pub artifact_root: String,
    /// The source that the entry is taken from, where an object tells it.
    pub source: Option<Source>,
    /// The file that tells of the entry, and where in it; `None` where the directory is all there is.
    pub told_by: Option<(String, Reference)>,
}
