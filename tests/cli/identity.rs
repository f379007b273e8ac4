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

const NO_KEYRING: &str = "the keyring: there is none: no D-Bus session (DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR)";

#[test]
fn without_a_keyring_what_needs_one_says_so_at_once() {
    let world = World::with_secret();
    let start = std::time::Instant::now();
    for arguments in [
        &["identity", "new", "--keyring"][..],
        &["identity", "import", "home/.config/sops/age/keys.txt", "--keyring"],
        &["identity", "remove", ALICE, "--yes"],
        &["identity", "remember", "home/.config/sops/age/keys.txt"],
        &["identity", "remember", "--forget", "home/.config/sops/age/keys.txt"],
    ] {
        let hint = world.refuses(arguments, 1, NO_KEYRING);
        assert_eq!(hint, "start it in a desktop session, or keep identities in a file: SOPS_AGE_KEY_FILE");
    }
    assert_eq!(world.runs(&["get", "db.sops.yaml", "stringData.user"]), "admin");
    let place = "the default key file (ROOT/home/.config/sops/age/keys.txt), line 3";
    assert_eq!(world.runs(&["identity", "list"]), format!("alice ({ALICE})  {place}\n"));
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn a_broken_session_is_told_of_where_nothing_opens_the_file() {
    let world = World::with_secret().set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    assert_eq!(world.runs(&["get", "db.sops.yaml", "stringData.user"]), "admin");
    let world = world.set_identity("carol");
    let ran = world.run(&["decrypt", "db.sops.yaml"]);
    assert_eq!(ran.code, 128);
    assert!(ran.stderr.contains("problems: the keyring: cannot be reached: "), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("the keyring: cannot").count(), 1, "{}", ran.stderr);
}

#[test]
fn the_list_tells_recipients_and_places_and_never_a_private_half() {
    let world = World::with_secret()
        .set("SOPS_AGE_KEY", fixture("keys/bob.txt").lines().last().unwrap())
        .set("SOPS_AGE_KEY_FILE", "more.txt")
        .set("SOPS_AGE_KEY_CMD", "touch ran");
    world.write("more.txt", &format!("# mine\n\n{}nonsense\n", fixture("keys/carol.txt")));
    let ran = world.run(&["identity", "list"]);
    let listed = format!("bob ({BOB})  SOPS_AGE_KEY\n{CAROL}  SOPS_AGE_KEY_FILE (more.txt), line 5\n");
    assert!(ran.code == 0 && ran.stdout.starts_with(&listed), "{}", ran.stdout);
    let told = "secrets: note: SOPS_AGE_KEY_CMD runs only for a file that nothing else opens\n\
                secrets: warning: SOPS_AGE_KEY_FILE (more.txt): line 6: not an age identity\n";
    assert_eq!(ran.stderr, told);
    assert!(!world.path("ran").exists(), "a list runs no command");
    let json = world.run(&["identity", "list", "--format", "json"]);
    for part in [
        "\"schema\": \"secrets-identity-list/1\"",
        "\"names\": [\n        \"bob\"\n      ]",
        &format!("\"recipient\": \"{CAROL}\""),
        "\"line\": 5",
        "\"reason\": \"command\"",
    ] {
        assert!(json.stdout.contains(part), "{part}: {}", json.stdout);
    }
    for text in [ran.stdout, ran.stderr, json.stdout, json.stderr] {
        assert!(!text.contains("SECRET-KEY"), "{text}");
    }
}

#[test]
fn what_is_behind_a_passphrase_is_listed_as_such() {
    let world = World::new();
    world.write("home/.config/sops/age/keys.txt", &fixture("keys/dave-armored.age"));
    let note = "secrets: note: the default key file (ROOT/home/.config/sops/age/keys.txt) is behind a passphrase\n";
    assert_eq!(world.runs_and_says(&["identity", "list"], note), "");
}

#[test]
fn nothing_at_hand_is_told_with_what_makes_one() {
    let world = World::new();
    fs::remove_file(world.path("home/.config/sops/age/keys.txt")).unwrap();
    let note = "secrets: note: no identity is at hand; `secrets identity new` makes one\n";
    assert_eq!(world.runs_and_says(&["identity", "list"], note), "");
}

#[test]
fn a_test_tells_who_can_open_a_file_and_which_of_them_you_are() {
    let world = World::with_secret();
    let place = "the default key file (ROOT/home/.config/sops/age/keys.txt), line 3";
    let told = format!("alice ({ALICE})  held: {place}\nbob ({BOB})  not held\nit opens\n");
    assert_eq!(world.runs(&["identity", "test", "db.sops.yaml"]), told);
    let world = world.set_identity("carol");
    let ran = world.run(&["identity", "test", "db.sops.yaml"]);
    let told = format!("alice ({ALICE})  not held\nbob ({BOB})  not held\nit does not open\n");
    assert_eq!((ran.code, ran.stdout), (128, told));
    let hint = format!("secrets: hint: found the identities of {CAROL} ({place}); looked in SOPS_AGE_KEY: absent, ");
    assert!(ran.stderr.starts_with(&hint), "{}", ran.stderr);
    let json = world.run(&["identity", "test", "--format", "json", "db.sops.yaml"]);
    assert_eq!(json.code, 128);
    for part in [
        "\"schema\": \"secrets-identity-test/1\"",
        "\"opens\": false",
        &format!("\"key\": \"{ALICE}\""),
        "\"names\": [\n          \"alice\"\n        ]",
        "\"outcome\": \"absent\"",
    ] {
        assert!(json.stdout.contains(part), "{part}: {}", json.stdout);
    }
}

#[test]
fn what_is_no_encrypted_file_cannot_be_tested() {
    let world = World::new();
    world.write("a.yaml", "a: one\n");
    world.refuses(&["identity", "test", "a.yaml"], 1, "a.yaml: not encrypted: no `sops` block");
    world.refuses(&["identity", "test", "b.yaml"], 1, "b.yaml: cannot be read: No such file or directory (os error 2)");
}

#[test]
fn a_long_recipient_is_shortened_for_people_and_whole_for_programs() {
    let world = World::new();
    for (vector, shown) in [
        ("188-pq", "age1pq1wd9t80szd…zhj4fwaszyfqlvrd"),
        ("190-ssh-ed25519", "ssh-ed25519 …sBj49CzbB+rSwBOi ssh_ed25519-test-only"),
    ] {
        let sealed = fixture(&format!("sops/{vector}/encrypted.yaml"));
        world.write("a.yaml", &sealed);
        let ran = world.run(&["decrypt", "a.yaml"]);
        let told = format!("secrets: error: a.yaml: no identity opens it; it is for {shown}\n");
        assert!(ran.code == 128 && ran.stderr.starts_with(&told), "{}", ran.stderr);
        let ran = world.run(&["identity", "test", "a.yaml"]);
        assert_eq!((ran.code, ran.stdout), (128, format!("{shown}  not held\nit does not open\n")));
        assert!(ran.stderr.lines().all(|line| line.len() < 1000), "{}", ran.stderr);
        let whole = recipients(&sealed)[0].to_owned();
        let json = world.run(&["identity", "test", "--format", "json", "a.yaml"]).stdout;
        assert!(json.contains(&format!("\"key\": \"{whole}\"")), "{json}");
    }
}

#[test]
fn what_was_found_is_told_by_the_names_of_the_policy() {
    let ssh = fixture("keys/ssh_ed25519.pub");
    let world = World::with_secret().set_identity("carol");
    world.write(".sops.yaml", &policy().replace("keys:\n", &format!("keys:\n  - &carol {CAROL}\n  - &laptop {ssh}")));
    let place = "the default key file (ROOT/home/.config/sops/age/keys.txt), line 3";
    let found = format!("found the identities of carol ({CAROL}; {place})");
    let hint = world.refuses(
        &["decrypt", "db.sops.yaml"],
        128,
        &format!("db.sops.yaml: no identity opens it; it is for alice ({ALICE}), bob ({BOB})"),
    );
    assert!(hint.starts_with(&format!("{found}; looked in ")), "{hint}");
    let ran = world.run(&["identity", "test", "db.sops.yaml"]);
    assert!(ran.stderr.starts_with(&format!("secrets: hint: {found}; ")), "{}", ran.stderr);
    // The comment of an SSH key stands in the policy and not in the key.
    let world = world.set("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "ssh_key");
    world.write("ssh_key", &fixture("keys/ssh_ed25519"));
    let hint = world.run(&["decrypt", "db.sops.yaml"]).stderr;
    assert!(
        hint.contains(", laptop (ssh-ed25519 …sBj49CzbB+rSwBOi; SOPS_AGE_SSH_PRIVATE_KEY_FILE (ssh_key))"),
        "{hint}"
    );
    // Of key groups too.
    let groups =
        policy().replace("[{age: [*alice, *bob]}]", "[{age: [*alice]}, {age: [*carol]}]\n    shamir_threshold: 2");
    world.write(".sops.yaml", &groups.replace("keys:\n", &format!("keys:\n  - &carol {CAROL}\n")));
    world.write("two.sops.yaml", SECRET).runs(&["encrypt", "-i", "two.sops.yaml"]);
    let ran = world.run(&["decrypt", "two.sops.yaml"]);
    assert!(ran.code == 128 && ran.stderr.contains(&format!("hint: {found}, ")), "{}", ran.stderr);
}
