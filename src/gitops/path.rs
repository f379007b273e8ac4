//! Paths within a repository: text with `/` between the parts, the root is empty.

/// `target` as seen from `directory`, without `.`, `..` and doubled separators; `None` where it leaves the repository.
/// An absolute target is seen from the root, as Flux does it.
#[must_use]
pub fn resolve(directory: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = if target.starts_with('/') { Vec::new() } else { split(directory).collect() };
    for part in split(target) {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The directory that `path` is in.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The last part of `path`.
#[must_use]
pub fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Whether `path` is `directory` or below it.
#[must_use]
pub fn is_within(path: &str, directory: &str) -> bool {
    directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Those of `directories` that are below no other one.
#[must_use]
pub fn topmost<'p>(directories: impl IntoIterator<Item = &'p str>) -> Vec<&'p str> {
    let mut all: Vec<&str> = directories.into_iter().collect();
    // By parts, so that what is below a directory follows it directly: `a/b` before `a-b`.
    all.sort_by(|left, right| split(left).cmp(split(right)));
    let mut kept: Vec<&str> = Vec::new();
    for directory in all {
        if kept.last().is_none_or(|last| !is_within(directory, last)) {
            kept.push(directory);
        }
    }
    kept
}

/// The parts of `path`.
pub fn split(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_resolved_by_name_and_does_not_leave_the_repository() {
        let check = |directory: &str, target: &str, expected: Option<&str>| {
            assert_eq!(resolve(directory, target).as_deref(), expected, "{directory} {target}");
        };
        check("a/b", "../c", Some("a/c"));
        check("a/b", "./c//d/.", Some("a/b/c/d"));
        check("a/b", "../..", Some(""));
        check("a/b", "../../..", None);
        check("a", "../../a", None);
        check("a/b", "/x", Some("x"));
        check("", "", Some(""));
    }

    #[test]
    fn only_the_topmost_directories_stay() {
        assert_eq!(topmost(["a/b", "a-b", "a/b/c", "d/e", "a/bc"]), ["a/b", "a/bc", "a-b", "d/e"]);
        assert_eq!(topmost(["a", "", "b"]), [""]);
    }
}
