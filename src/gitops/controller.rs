//! What a repository says of kustomize-controller: its version, and the decryption Secret that it falls back to.

use std::fmt;

/// What comes before the version in the name of an image.
const IMAGE: &str = "/kustomize-controller:v";
/// What `flux install` writes into the labels of all it makes, and what of it says that the file is one of those.
const VERSION_LABEL: &str = "app.kubernetes.io/version: v";
const PART_LABEL: &str = "app.kubernetes.io/part-of: flux";
/// The argument that names the Secret.
const SECRET_FLAG: &str = "--sops-age-secret=";

/// What one file says of the controller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Controller {
    /// Its version.
    pub version: Option<ControllerVersion>,
    /// The Secret of `--sops-age-secret`, in the namespace of the controller: in an argument, or a patch that adds one.
    pub age_secret: Option<String>,
}

/// A version of kustomize-controller, as far as it decides what is read: 1.9.
///
/// # Source
/// The minor version is that of Flux 2 which it comes with, ever since 1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ControllerVersion {
    /// 1 since Flux 2.0, and 0 before.
    pub major: u32,
    /// What decides.
    pub minor: u32,
}

impl Controller {
    /// Told from the `text` of a YAML file, without parsing it; `None` if it says nothing.
    pub(super) fn find(text: &str) -> Option<Self> {
        let flag = text.contains(SECRET_FLAG).then(|| lines_with(text, SECRET_FLAG).find_map(word)).flatten();
        let image = || lines_with(text, IMAGE).find_map(ControllerVersion::parse);
        let label = || {
            let flux = lines_with(text, VERSION_LABEL).find_map(ControllerVersion::parse)?;
            text.contains(PART_LABEL).then(|| flux.of_flux()).flatten()
        };
        let version = if text.contains(IMAGE) { image() } else { label() };
        let found = Self { version, age_secret: flag.map(str::to_owned) };
        (found != Self::default()).then_some(found)
    }
}

impl ControllerVersion {
    /// The first that reads post-quantum identities: before, one in the Secret makes all of it unreadable.
    pub const POST_QUANTUM: Self = Self { major: 1, minor: 9 };

    /// Takes `1.9`, `v1.9.2`, `1.9.x`; whatever follows the minor version is left out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim_start_matches('v').split(|character: char| !character.is_ascii_digit());
        let mut number = || parts.next()?.parse().ok();
        Some(Self { major: number()?, minor: number()? })
    }

    /// The version of the controller in this version of Flux; `None` for one before 2.0.
    #[must_use]
    pub fn of_flux(self) -> Option<Self> {
        (self.major == 2).then_some(Self { major: 1, minor: self.minor })
    }
}

impl fmt::Display for ControllerVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// What follows `mark` in each line that has it and is no comment.
fn lines_with<'t>(text: &'t str, mark: &'static str) -> impl Iterator<Item = &'t str> {
    text.match_indices(mark).filter_map(move |(at, _)| {
        let start = text.get(..at)?.rfind('\n').map_or(0, |at| at + 1);
        let is_comment = text.get(start..at)?.trim_start().starts_with('#');
        if is_comment { None } else { text.get(at + mark.len()..) }
    })
}

/// The name at the beginning of `text`.
fn word(text: &str) -> Option<&str> {
    let end = text.find(|character: char| !(character.is_ascii_alphanumeric() || "-.".contains(character)));
    text.get(..end.unwrap_or(text.len())).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, version: Option<&str>, age_secret: Option<&str>) {
        let found = Controller::find(text).unwrap_or_default();
        assert_eq!(found.version.map(|version| version.to_string()).as_deref(), version, "{text}");
        assert_eq!(found.age_secret.as_deref(), age_secret, "{text}");
    }

    #[test]
    fn the_version_is_that_of_the_image_or_of_flux() {
        check("  image: ghcr.io/fluxcd/kustomize-controller:v1.7.3\n", Some("1.7"), None);
        check("# image: ghcr.io/fluxcd/kustomize-controller:v1.7.3\n", None, None);
        let labels = "app.kubernetes.io/part-of: flux\n    app.kubernetes.io/version: v2.9.4\n";
        check(labels, Some("1.9"), None);
        check(&format!("{labels}image: x/kustomize-controller:v1.8.0@sha256:00"), Some("1.8"), None);
        check("app.kubernetes.io/version: v2.9.4\n", None, None);
        check("app.kubernetes.io/part-of: flux\napp.kubernetes.io/version: v0.41.2\n", None, None);
        check("image: x/kustomize-controller:vnext\n", None, None);
        assert!(ControllerVersion::parse("1.10.0").unwrap() > ControllerVersion::POST_QUANTUM);
        assert!(ControllerVersion::parse("2.x").is_none());
    }

    #[test]
    fn the_secret_is_that_of_the_argument() {
        check("value: --sops-age-secret=sops-age\n", None, Some("sops-age"));
        check("args: [\"--sops-age-secret=a.b\", --x]\n", None, Some("a.b"));
        check("# value: --sops-age-secret=old\n- --sops-age-secret=new", None, Some("new"));
        check("--sops-age-secret=\n", None, None);
    }
}
