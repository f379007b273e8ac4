//! Key groups both ways with the real `sops`: who has enough of them opens a file, and nobody else.

use std::{
    path::Path,
    process::{Command, Output},
};

pub(super) const SOPS: &str = "sops";
pub(super) const OURS: &str = env!("CARGO_BIN_EXE_secrets");
const NAMES: [&str; 5] = ["alice", "bob", "lab", "phx", "carol"];
const PLAIN: &str = "user: admin\npassword: correct horse\n";

/// A directory with a policy, and programs that are started in it with some identities.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new(policy: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::write(folder.0.path().join(".sops.yaml"), policy).unwrap();
        std::fs::write(folder.0.path().join("plain.yaml"), PLAIN).unwrap();
        folder
    }

    pub(super) fn run(&self, program: &str, arguments: &[&str], names: &[&str]) -> Output {
        let identities: Vec<String> = names.iter().map(|name| identity(name)).collect();
        Command::new(program)
            .args(arguments)
            .current_dir(self.0.path())
            .env("HOME", self.0.path())
            .env("XDG_CONFIG_HOME", self.0.path())
            .env("SOPS_AGE_KEY", identities.join("\n"))
            .env("SOPS_DISABLE_VERSION_CHECK", "1")
            .output()
            .unwrap()
    }

    /// Runs what has to succeed, and puts what it prints into the file called `name`.
    #[track_caller]
    pub(super) fn make(&self, name: &str, program: &str, arguments: &[&str], names: &[&str]) {
        let output = self.run(program, arguments, names);
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(self.0.path().join(name), output.stdout).unwrap();
    }

    #[track_caller]
    pub(super) fn check_opens(&self, name: &str, names: &[&str], expected: Option<&str>) {
        for program in [SOPS, OURS] {
            let output = self.run(program, &["decrypt", name], names);
            let what = format!("{program} {name} with {names:?}: {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(if expected.is_some() { 0 } else { 128 }), "{what}");
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected.unwrap_or_default(), "{what}");
        }
    }

    /// Every subset of the first `count` identities opens the file if it has `threshold` members.
    #[track_caller]
    fn check_subsets(&self, name: &str, threshold: usize, count: usize) {
        for bits in 0..1 << count {
            let names: Vec<&str> = NAMES
                .into_iter()
                .take(count)
                .enumerate()
                .filter_map(|(at, name)| (bits >> at & 1 == 1).then_some(name))
                .collect();
            self.check_opens(name, &names, (names.len() >= threshold).then_some(PLAIN));
        }
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap()
    }
}

fn key_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/sops/keys/{name}.txt"));
    std::fs::read_to_string(path).unwrap()
}

pub(super) fn identity(name: &str) -> String {
    key_file(name).lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned()
}

pub(super) fn recipient(name: &str) -> String {
    let line = key_file(name).lines().find_map(|line| line.strip_prefix("# public key: ").map(str::to_owned));
    line.unwrap()
}

/// A rule with a group for each of the first `count` identities.
fn policy(fields: &str, count: usize) -> String {
    let groups: Vec<String> =
        NAMES.into_iter().take(count).map(|name| format!("{{age: [{}]}}", recipient(name))).collect();
    format!("creation_rules:\n  - {{{fields}key_groups: [{}]}}\n", groups.join(", "))
}

#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn every_sufficient_subset_opens_and_no_other() {
    for (threshold, count) in [(2, 2), (2, 3), (3, 5)] {
        let folder = Folder::new(&policy(&format!("shamir_threshold: {threshold}, "), count));
        folder.make("ours.yaml", OURS, &["encrypt", "plain.yaml"], &[]);
        folder.make("theirs.yaml", SOPS, &["encrypt", "plain.yaml"], &[]);
        folder.check_subsets("ours.yaml", threshold, count);
        folder.check_subsets("theirs.yaml", threshold, count);
    }
}

#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn a_threshold_that_nobody_names_is_all_groups_and_the_flag_wins() {
    const FLAG: &str = "--shamir-secret-sharing-threshold";
    let folder = Folder::new(&policy("", 3));
    for (name, program) in [("ours.yaml", OURS), ("theirs.yaml", SOPS)] {
        folder.make(name, program, &["encrypt", "plain.yaml"], &[]);
        folder.check_subsets(name, 3, 3);
        folder.make(name, program, &["encrypt", FLAG, "2", "plain.yaml"], &[]);
        folder.check_subsets(name, 2, 3);
        for impossible in ["1", "4"] {
            let output = folder.run(program, &["encrypt", FLAG, impossible, "plain.yaml"], &[]);
            assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]), "{program} {impossible}");
        }
    }
}

#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn what_one_changes_the_other_opens() {
    let folder = Folder::new(&policy("shamir_threshold: 2, ", 3));
    let all = &NAMES[..3];
    for (first, second) in [(OURS, SOPS), (SOPS, OURS)] {
        folder.make("a.yaml", first, &["encrypt", "plain.yaml"], &[]);
        let before = folder.read("a.yaml");
        folder.make("a.yaml", second, &["rotate", "a.yaml"], &all[1..]);
        folder.check_subsets("a.yaml", 2, 3);
        assert!(before.lines().filter(|line| line.contains("ENC[")).all(|line| !folder.read("a.yaml").contains(line)));
        folder.make("a.yaml", first, &["rotate", "a.yaml"], &all[..2]);
        folder.check_subsets("a.yaml", 2, 3);
        // A change of a value keeps every share.
        let armor = |text: &str| -> Vec<String> {
            text.lines()
                .skip_while(|line| !line.contains("key_groups:"))
                .map(str::to_owned)
                .filter(|line| !line.contains(':'))
                .collect()
        };
        let shares = armor(&folder.read("a.yaml"));
        let path = if second == SOPS { "[\"password\"]" } else { "password" };
        folder.make("out", second, &["set", "a.yaml", path, "\"new\""], &all[1..]);
        assert_eq!(armor(&folder.read("a.yaml")), shares);
        folder.check_opens("a.yaml", &all[..2], Some("user: admin\npassword: new\n"));
    }
}

#[test]
#[ignore = "needs sops 3.13.2 on PATH"]
fn members_of_a_group_hold_the_same_share() {
    let group = |names: &[&str]| {
        let recipients: Vec<String> = names.iter().map(|name| recipient(name)).collect();
        format!("{{merge: [{{age: [{}]}}]}}", recipients.join(", "))
    };
    let (left, right) = (group(&["alice", "bob"]), group(&["lab", "phx"]));
    let folder = Folder::new(&format!("creation_rules: [{{shamir_threshold: 2, key_groups: [{left}, {right}]}}]\n"));
    for (name, program) in [("ours.yaml", OURS), ("theirs.yaml", SOPS)] {
        folder.make(name, program, &["encrypt", "plain.yaml"], &[]);
        folder.check_opens(name, &["alice", "phx"], Some(PLAIN));
        folder.check_opens(name, &["lab", "bob"], Some(PLAIN));
        folder.check_opens(name, &["alice", "bob"], None);
        folder.check_opens(name, &["lab", "phx", "carol"], None);
    }
}
