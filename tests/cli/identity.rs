//! `secrets identity`

use super::*;

#[test]
fn a_new_identity_goes_to_a_private_file_that_is_never_overwritten() {
    let world = World::new();
    let ran = world.run(&["identity", "new", "-o", "key.txt"]);
    let recipient = ran.stderr.trim().strip_prefix("Public key: ").unwrap().to_owned();
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert!(world.read("key.txt").contains(&format!("\n# public key: {recipient}\nAGE-SECRET-KEY-1")));
    #[cfg(unix)]
    assert_eq!(mode(&world.path("key.txt")), 0o600);
    world.refuses(&["identity", "new", "--output", "key.txt"], 1, "key.txt: exists already");
    let hint = world.refuses(
        &["identity", "new", "-o", "no/key.txt"],
        1,
        "no/key.txt: cannot be written: No such file or directory (os error 2)",
    );
    assert_eq!(hint, "make the directory first");
    world.write("a.yaml", "a: one\n");
    let sealed = world.runs(&["encrypt", "--age", &recipient, "a.yaml"]);
    let world = world.set("SOPS_AGE_KEY_FILE", "key.txt");
    assert_eq!(world.runs_with_input(&["decrypt", "--input-type", "yaml"], &sealed), "a: one\n");
}

#[test]
fn a_new_identity_is_printed_where_no_file_is_named() {
    let world = World::new();
    for arguments in [&["identity", "new"][..], &["identity", "new", "-o", "-"]] {
        let ran = world.run(arguments);
        assert!(ran.stdout.lines().nth(2).unwrap().starts_with("AGE-SECRET-KEY-1"), "{arguments:?}");
        assert!(ran.stderr.starts_with("Public key: age1"), "{arguments:?}");
    }
    assert_eq!(world.run(&["-q", "identity", "new"]).stderr, "");
}

#[test]
fn a_post_quantum_identity_is_made_as_age_keygen_does() {
    let world = World::new();
    let ran = world.run(&["identity", "new", "--post-quantum", "-o", "key.txt"]);
    let recipient = ran.stderr.trim().strip_prefix("Public key: ").unwrap().to_owned();
    assert_eq!((ran.code, recipient.len()), (0, 1959), "{}", ran.stderr);
    assert!(world.read("key.txt").contains(&format!("\n# public key: {recipient}\nAGE-SECRET-KEY-PQ-1")));
    world.write("a.yaml", "a: one\n");
    // Each recipient has an age file of its own, so they mix.
    let sealed = world.runs(&["encrypt", "--age", &format!("{recipient},{ALICE}"), "a.yaml"]);
    assert_eq!(recipients(&sealed), [recipient.as_str(), ALICE]);
    assert_eq!(world.runs_with_input(&["decrypt", "--input-type", "yaml"], &sealed), "a: one\n");
    fs::remove_file(world.path("home/.config/sops/age/keys.txt")).unwrap();
    let world = world.set("SOPS_AGE_KEY_FILE", "key.txt");
    assert_eq!(world.runs_with_input(&["decrypt", "--input-type", "yaml"], &sealed), "a: one\n");
}
