//! Whether git leaves a file out that nobody added yet.

use std::path::Path;

use ignore::{Match, gitignore::Gitignore};

/// Whether git would ignore the file `path`, which is below `work_tree` and need not exist: by a `.gitignore` on the way,
/// or `info/exclude` of the repository. What only this user's own configuration ignores is not ignored for others.
#[must_use]
pub fn is_ignored(work_tree: &Path, common_directory: &Path, path: &Path) -> bool {
    let directories = path.ancestors().skip(1).take_while(|directory| directory.starts_with(work_tree));
    let files = directories.map(|directory| (directory, directory.join(".gitignore")));
    let exclude = (work_tree, common_directory.join("info/exclude"));
    for (directory, file) in files.chain([exclude]) {
        let mut builder = ignore::gitignore::GitignoreBuilder::new(directory);
        // A file that is not there, or cannot be read, ignores nothing.
        drop(builder.add(file));
        let ignored = builder.build().unwrap_or_else(|_broken| Gitignore::empty());
        match ignored.matched_path_or_any_parents(path, false) {
            Match::None => {}
            Match::Ignore(_) => return true,
            Match::Whitelist(_) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use assert_fs::{TempDir, prelude::*};

    use super::*;

    #[test]
    fn the_nearest_gitignore_decides() {
        let root = TempDir::new().unwrap();
        root.child(".gitignore").write_str("*.agekey\n/private/\n").unwrap();
        root.child("a/.gitignore").write_str("!kept.agekey\n").unwrap();
        root.child(".git/info/exclude").write_str("/own.yaml\n").unwrap();
        let check = |path: &str, expected: bool| {
            assert_eq!(is_ignored(root.path(), &root.path().join(".git"), &root.path().join(path)), expected, "{path}");
        };
        check("x.agekey", true);
        check("a/x.agekey", true);
        check("a/kept.agekey", false);
        check("private/deep/secret.yaml", true);
        check("own.yaml", true);
        check("secret.yaml", false);
    }
}
