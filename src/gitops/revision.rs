//! Which state of a repository a cluster runs.

/// What of the repository a cluster runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Revision {
    /// It is not said: the default branch.
    #[default]
    Default,
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// The newest tag in a range.
    Semver(String),
    /// One commit.
    Commit(String),
    /// Another reference, `refs/…`.
    Name(String),
}

impl Revision {
    /// Out of the full name of a reference, or the tag of an OCI artifact.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
            (Some(branch), _) => Self::Branch(branch.to_owned()),
            (_, Some(tag)) => Self::Tag(tag.to_owned()),
            _ if name.starts_with("refs/") => Self::Name(name.to_owned()),
            _ => Self::Tag(name.to_owned()),
        }
    }

    /// Whether the files in the work tree reach the cluster only with a release: it follows something else than a branch.
    #[must_use]
    pub const fn is_released(&self) -> bool {
        !matches!(self, Self::Default | Self::Branch(_))
    }
}

impl std::fmt::Display for Revision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => formatter.write_str("the default branch"),
            Self::Branch(branch) => write!(formatter, "branch {branch}"),
            Self::Tag(tag) => write!(formatter, "tag {tag}"),
            Self::Semver(range) => write!(formatter, "tags {range}"),
            Self::Commit(commit) => write!(formatter, "commit {commit}"),
            Self::Name(name) => formatter.write_str(name),
        }
    }
}
