//! What was noticed on the way: a fact with its place. None of them stops the search for clusters.

use crate::base::span::LineColumn;

/// One thing to know about a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{path}{}: {kind}", at(*place))]
pub struct Note {
    /// The file or directory, below the repository's root.
    pub path: String,
    /// Where in it.
    pub place: Option<LineColumn>,
    /// What it is.
    pub kind: NoteKind,
}

/// What can be noticed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum NoteKind {
    /// A file that holds Flux' objects or a kustomization cannot be read: what it reaches is not known.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A path that leads out of the repository.
    #[error("`{0}` leads out of the repository")]
    Outside(String),
    /// A path with nothing at its end. Symbolic links are not followed, and what git ignores is not there.
    #[error("`{0}` is not in the repository")]
    Missing(String),
    /// A directory that is used as a kustomization and holds none.
    #[error("`{0}` holds no kustomization.yaml")]
    NoKustomization(String),
    /// A kustomization that includes itself.
    #[error("`{0}` includes this kustomization again")]
    Cycle(String),
    /// Kustomizations within each other beyond a bound.
    #[error("`{0}` is nested too deeply and not followed")]
    TooDeep(String),
    /// A path with a variable whose value only the cluster knows.
    #[error("`{0}` holds a variable that is only known in the cluster")]
    Variable(String),
}

impl NoteKind {
    /// Whether files of a cluster may have been missed because of it.
    #[must_use]
    pub const fn hides_files(&self) -> bool {
        matches!(self, Self::Unreadable(_) | Self::TooDeep(_) | Self::Variable(_))
    }
}

fn at(place: Option<LineColumn>) -> String {
    place.map(|LineColumn { line, column }| format!(":{line}:{column}")).unwrap_or_default()
}
