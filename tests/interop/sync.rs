//! What `sync` makes, as the real `sops` sees it: those who should open it, nobody else, and nothing left to be done.

use super::groups::{Folder, OURS, SOPS, recipient};

const PLAIN: &str = "user: admin\npassword: correct horse\n";

fn flat(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| recipient(name)).collect();
    format!("creation_rules:\n  - path_regex: sealed.*\\.yaml$\n    age: {}\n", names.join(","))
}

fn grouped(threshold: usize, groups: &[&[&str]]) -> String {
    let list = |group: &&[&str]| {
        let names: Vec<String> = group.iter().map(|name| recipient(name)).collect();
        format!("{{age: [{}]}}", names.join(", "))
    };
    let groups: Vec<String> = groups.iter().map(list).collect();
    format!(
        "creation_rules:\n  - path_regex: sealed.*\\.yaml$\n    shamir_threshold: {threshold}\n    key_groups: [{}]\n",
        groups.join(", ")
    )
}

#[track_caller]
fn check_follows(folder: &Folder, policy: &str, holders: &[&str], opens: &[&[&str]], closed: &[&[&str]]) {
    folder.write(".sops.yaml", policy);
    let output = folder.run(OURS, &["sync", "-q", "sealed.yaml"], holders);
    assert!(output.status.success(), "{policy}: {}", String::from_utf8_lossy(&output.stderr));
    opens.iter().for_each(|names| folder.check_opens("sealed.yaml", names, Some(PLAIN)));
    closed.iter().for_each(|names| folder.check_opens("sealed.yaml", names, None));
    let before = folder.read("sealed.yaml");
    let output = folder.run(SOPS, &["updatekeys", "-y", "sealed.yaml"], holders);
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("already up to date"), "{policy}: {told}");
    assert_eq!(folder.read("sealed.yaml"), before);
}

#[test]
#[ignore = "needs sops"]
fn sops_opens_what_sync_made_and_has_nothing_to_update() {
    let folder = Folder::new(&flat(&["alice", "bob"]));
    folder.make("sealed.yaml", SOPS, &["encrypt", "--filename-override", "sealed.yaml", "plain.yaml"], &[]);
    let all: &[&[&str]] = &[&["alice"], &["bob"], &["carol"]];
    check_follows(&folder, &flat(&["carol", "bob", "alice"]), &["alice"], all, &[]);
    check_follows(&folder, &flat(&["alice", "carol"]), &["alice"], &[&["alice"], &["carol"]], &[&["bob"]]);
    let two: &[&[&str]] = &[&["alice", "bob"], &["carol", "lab"], &["alice", "lab"]];
    let one: &[&[&str]] = &[&["alice"], &["lab"], &["alice", "carol"]];
    check_follows(&folder, &grouped(2, &[&["alice", "carol"], &["bob"], &["lab"]]), &["alice"], two, one);
    let now: &[&[&str]] = &[&["phx", "bob"], &["carol", "lab"]];
    check_follows(&folder, &grouped(2, &[&["alice", "carol", "phx"], &["bob"], &["lab"]]), &["alice", "bob"], now, one);
    let all: &[&[&str]] = &[&["alice", "bob", "lab"]];
    check_follows(
        &folder,
        &grouped(3, &[&["alice"], &["bob"], &["lab"]]),
        &["alice", "bob"],
        all,
        &[&["alice", "bob"]],
    );
    check_follows(
        &folder,
        &flat(&["alice", "bob", "lab"]),
        &["alice", "bob", "lab"],
        &[&["lab"], &["bob"]],
        &[&["phx"]],
    );
}
