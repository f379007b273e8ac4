//! What `fixtures/README.md` says of the fixtures is so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const REPOSITORIES: [(&str, usize); 3] = [("layered-overlays", 5), ("component-trees", 7), ("per-cluster", 7)];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

#[test]
fn the_keys_are_those_of_the_golden_vectors() {
    let read = |directory: PathBuf| -> BTreeMap<_, _> {
        let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
        let keys = entries.filter(|entry| entry.file_name() != "README.md");
        keys.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap())).collect()
    };
    let keys = read(fixtures().join("keys"));
    assert_eq!(keys, read(fixtures().join("sops/keys")));
    assert_eq!(keys.len(), 19);
}

#[test]
fn every_secret_of_the_example_repositories_is_encrypted() {
    for (repository, expected) in REPOSITORIES {
        let files = files_below(&fixtures().join("repos").join(repository));
        let is_secret = |path: &&PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.contains(".sops.") && name != ".sops.yaml"
        };
        let secrets: Vec<_> = files.iter().filter(is_secret).collect();
        assert_eq!(secrets.len(), expected, "{repository}");
        for path in secrets {
            let text = fs::read_to_string(path).unwrap();
            let values = secret_lines(&text);
            assert!(!values.is_empty(), "{}", path.display());
            let clear = values.iter().find(|line| !line.contains("ENC[AES256_GCM,"));
            assert_eq!(clear, None, "{}", path.display());
        }
    }
}

#[test]
fn every_resource_that_an_example_repository_names_exists() {
    for (repository, _) in REPOSITORIES {
        let files = files_below(&fixtures().join("repos").join(repository));
        let kustomizations = files.iter().filter(|path| path.ends_with("kustomization.yaml"));
        let mut named = 0;
        for path in kustomizations {
            let text = fs::read_to_string(path).unwrap();
            let lines = text.lines().skip_while(|line| *line != "resources:").skip(1);
            for line in lines.take_while(|line| line.trim_start().starts_with("- ")) {
                let resource = line.trim_start().trim_start_matches("- ").split(" #").next().unwrap();
                let target = path.parent().unwrap().join(resource);
                assert!(target.exists(), "{} names {resource}", path.display());
                named += 1;
            }
        }
        assert!(named > 20, "{repository}: {named}");
    }
}

/// The lines that must be ciphertext: below `data:` and `stringData:`, or, in an env file, the variables.
fn secret_lines(text: &str) -> Vec<&str> {
    let mut is_below = !text.contains("kind: Secret");
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with(|first: char| first.is_ascii_lowercase()) && line.ends_with(':') {
            is_below = matches!(line, "data:" | "stringData:");
        } else if is_below && !line.starts_with("sops_") {
            lines.push(line);
        }
    }
    lines
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let walk = ignore::WalkBuilder::new(directory).standard_filters(false).build();
    let is_file = |entry: &ignore::DirEntry| entry.file_type().is_some_and(|kind| kind.is_file());
    walk.flatten().filter(is_file).map(ignore::DirEntry::into_path).collect()
}
