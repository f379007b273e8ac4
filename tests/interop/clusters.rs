//! After `cluster remove` and `cluster rotate --finish`, as the real `sops` sees it: the identity that went opens no file,
//! all others open what they did, with the same content.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use assert_fs::TempDir;

/// The layouts, one of their clusters, and another one.
const LAYOUTS: [(&str, &str, &str); 3] = [
    ("per-cluster", "phx", "lab"),
    ("layered-overlays", "home-cluster", "attic-cluster"),
    ("component-trees", "production", "sandbox"),
];

struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new(layout: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let repository = Self { folder };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos").join(layout);
        for path in files(&source) {
            let name = path.strip_prefix(&source).unwrap();
            let to = match name.strip_prefix("test-only-keys") {
                Ok(key) => repository.path("keys").join(key),
                Err(_) => repository.path("repo").join(name),
            };
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            // What is not YAML cannot be changed yet.
            let is_other = name.to_str().unwrap().ends_with(".sops.env");
            fs::write(&to, if is_other { b"A=1\n".to_vec() } else { fs::read(&path).unwrap() }).unwrap();
        }
        for (name, text) in [("HEAD", "ref: refs/heads/main\n"), ("objects/x", ""), ("refs/x", "")] {
            let path = repository.path("repo/.git").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, program: &str, arguments: &[&str], key: &str) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path("repo")).env("HOME", self.path("nobody"));
        command.env("SOPS_AGE_KEY_FILE", self.path(key)).env("SOPS_DISABLE_VERSION_CHECK", "1");
        command.output().expect("`sops` has to be on PATH")
    }

    #[track_caller]
    fn ours(&self, arguments: &[&str]) {
        let output = self.run(env!("CARGO_BIN_EXE_secrets"), arguments, "keys/alice.agekey");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What `sops` makes of each file with this identity; nothing of those that it does not open.
    fn opened(&self, key: &str) -> BTreeMap<PathBuf, String> {
        let is_sealed =
            |path: &PathBuf| path.to_str().unwrap().ends_with(".sops.yaml") && !path.ends_with(".sops.yaml");
        let mut opened = BTreeMap::new();
        for path in files(&self.path("repo")).into_iter().filter(is_sealed) {
            let output = self.run("sops", &["decrypt", path.to_str().unwrap()], key);
            let told = String::from_utf8_lossy(&output.stderr);
            if output.status.success() {
                opened.insert(path, String::from_utf8(output.stdout).unwrap());
            } else {
                assert!(output.status.code() == Some(128) && told.contains("Failed to get the data key"), "{told}");
            }
        }
        opened
    }
}

fn files(root: &Path) -> Vec<PathBuf> {
    let mut open = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(directory) = open.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { &mut open } else { &mut files }.push(path);
        }
    }
    files
}

#[test]
#[ignore = "needs sops"]
fn sops_opens_no_file_for_a_cluster_that_was_removed() {
    for (layout, cluster, other) in LAYOUTS {
        let repository = Repository::new(layout);
        let (gone, kept) = (format!("keys/{cluster}.agekey"), format!("keys/{other}.agekey"));
        let before = (repository.opened(&kept), repository.opened("keys/alice.agekey"));
        assert!(!repository.opened(&gone).is_empty(), "{layout}");
        repository.ours(&["cluster", "remove", cluster]);
        assert_eq!(repository.opened(&gone), BTreeMap::new(), "{layout}");
        assert_eq!((repository.opened(&kept), repository.opened("keys/alice.agekey")), before, "{layout}");
    }
}

#[test]
#[ignore = "needs sops"]
fn sops_opens_files_for_both_identities_and_then_for_the_new_one() {
    for (layout, cluster, other) in LAYOUTS {
        let repository = Repository::new(layout);
        let (old, kept, new) = (format!("keys/{cluster}.agekey"), format!("keys/{other}.agekey"), "new.agekey");
        let own = repository.opened(&old);
        let others = (repository.opened(&kept), repository.opened("keys/alice.agekey"));
        repository.ours(&["cluster", "rotate", cluster, "--identity-file", "../new.agekey"]);
        assert_eq!((&repository.opened(&old), &repository.opened(new)), (&own, &own), "{layout}");
        repository.ours(&["cluster", "rotate", cluster, "--finish"]);
        assert_eq!((repository.opened(&old), &repository.opened(new)), (BTreeMap::new(), &own), "{layout}");
        assert_eq!((repository.opened(&kept), repository.opened("keys/alice.agekey")), others, "{layout}");
    }
}

#[test]
#[ignore = "needs sops"]
fn sops_opens_the_files_of_a_cluster_that_was_added() {
    let repository = Repository::new("layered-overlays");
    let like = repository.opened("keys/home-cluster.agekey");
    for (name, kind) in [("den", &[][..]), ("hut", &["--post-quantum"])] {
        let key = format!("{name}.agekey");
        let file = format!("../{key}");
        let add = ["cluster", "add", name, "--like", "home-cluster", "--generate", "--identity-file", &file];
        repository.ours(&[&add, kind].concat());
        assert_eq!(repository.opened(&key), like, "{name}");
    }
}
