use std::{
    fs,
    path::Path,
    sync::{Arc, atomic::AtomicUsize},
};

use super::*;
use crate::{
    base::secret::Plaintext,
    keys::{Ask, NewIdentity, NoAnswer, Recipient, generate_key_text},
};

const ALICE: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";
const ALICE_IDENTITY: &str = "AGE-SECRET-KEY-1HE0PTDE5FJ8C9HK5CEC3NXQKP94ZJ0H8W8J2QC77AUZFKG7MWADSJ9PVZ2";
/// A data key that `sops` 3.13.2 wrapped for a key pair made for these tests only, and the data key.
const ENC: &str = "-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB6MktKOC93eGJDK1JFdllM
eTVpV1p4TUErY3BCR213VTMyREVySXZvelNFCmh5QVpTV21qdDE4ZVFpNVlwejNH
L3V3VEhRRWRFOU5DRjhnUmo3MXlXV1UKLS0tIExYNENsT1k0NllMZXN1NTJaSmRI
L1ZiNks1RWkyNEtIci9KcENTRGtuYncKOUq6GvtJRJSCTzgebHjf+jfvZ+kjgglF
CdsVXfJKEO3b7ASsf7+vRyX9Das2sIeGt28dR+lcofXJldTkOy74KQ==
-----END AGE ENCRYPTED FILE-----
";
const DATA_KEY: &str = "a2b9e0495dc40c1ffc7fd7c21d7dc2ebc8fe675ab458fcaf643bb58815c75f9d";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A recipient, the line of its identity, and `ENC` for it of a key made of `byte`s.
fn generate(byte: u8) -> (String, String, String) {
    let (recipient, text) = generate_key_text(NewIdentity::X25519, 0);
    let line = text.expose().lines().last().unwrap().to_owned();
    let enc = Recipient::parse(&recipient).unwrap().wrap_bytes(&[byte; 32], &Asker::default()).unwrap();
    (recipient, line, enc)
}

fn identities(pairs: &[(&str, &str)]) -> Identities {
    Identities::from_env(&pairs.iter().copied().collect())
}

#[track_caller]
fn check_enc(enc: &str, expected: Result<&str, &str>) {
    let identities = identities(&[("SOPS_AGE_KEY", ALICE_IDENTITY)]);
    let outcome = identities.open(&[AgeEntry { recipient: ALICE, enc }]);
    let shown = outcome
        .map(|key| hex(key.expose()))
        .map_err(|error| error.problems.first().map_or_else(String::new, ToString::to_string));
    let told = |told| format!("the data key for {ALICE} cannot be read: {told}");
    assert_eq!(shown, expected.map(str::to_owned).map_err(told));
}

#[test]
fn every_spelling_of_the_armor_that_sops_reads_is_read() {
    check_enc(ENC, Ok(DATA_KEY));
    check_enc(ENC.trim_end(), Ok(DATA_KEY));
    check_enc(&format!("{ENC}\n\n"), Ok(DATA_KEY));
    check_enc(&format!("\n \r\n{ENC}\n \n"), Ok(DATA_KEY));
    check_enc(&ENC.replace('\n', "\r\n"), Ok(DATA_KEY));
}

#[test]
fn a_spelling_of_the_armor_that_sops_refuses_is_refused() {
    let not_armored = Err("it is not an age file in ASCII armor");
    check_enc("", not_armored);
    check_enc(&format!("  {ENC}"), not_armored);
    check_enc(&format!("x\n{ENC}"), not_armored);
    check_enc(&ENC.replace("-----BEGIN", "----BEGIN"), not_armored);
    check_enc(&ENC.replace("FILE-----\n", "FILE----- \n"), Err("invalid armor begin marker"));
    check_enc(&ENC.replace('\n', " "), Err("invalid armor begin marker"));
    let unwrapped = ENC.replace("TllM\n", "TllM").replace("dllM\n", "dllM");
    check_enc(&unwrapped, Err("invalid armor (not wrapped at 64 characters)"));
}

#[test]
fn every_changed_character_of_the_armor_is_noticed() {
    let identities = identities(&[("SOPS_AGE_KEY", ALICE_IDENTITY)]);
    for (at, character) in ENC.char_indices() {
        let replacement = if character == 'A' { "B" } else { "A" };
        let mut enc = ENC.to_owned();
        enc.replace_range(at..at + 1, replacement);
        // The last newline may be anything that is trimmed, and `A` is not.
        let entry = AgeEntry { recipient: ALICE, enc: &enc };
        assert!(identities.open(&[entry]).is_err(), "byte {at}");
    }
}

#[test]
fn what_is_no_data_key_is_told_by_its_length() {
    let alice = Recipient::parse(ALICE).unwrap();
    let share = alice.wrap_bytes(&[7; 33], &Asker::default()).unwrap();
    check_enc(&share, Err("it holds 33 bytes, where a data key has 32"));
    check_enc(&alice.wrap_bytes(&[], &Asker::default()).unwrap(), Err("it holds 0 bytes, where a data key has 32"));
    let long = alice.wrap_bytes(&[7; 100_000], &Asker::default()).unwrap();
    check_enc(&long, Err("it holds more than a data key"));
    let identities = identities(&[("SOPS_AGE_KEY", ALICE_IDENTITY)]);
    let entry = AgeEntry { recipient: ALICE, enc: &share };
    assert_eq!(identities.open_bytes(&[entry]).unwrap().as_slice(), [7; 33]);
}

#[test]
fn a_data_key_that_we_wrap_is_what_we_open_and_spelt_as_sops_spells_it() {
    let (recipient, line, _) = generate(0);
    let data_key = DataKey::generate().unwrap();
    let enc = Recipient::parse(&recipient).unwrap().wrap(&data_key, &Asker::default()).unwrap();
    let shape = |armor: &str| armor.lines().map(str::len).collect::<Vec<_>>();
    assert_eq!(shape(&enc)[..5], shape(ENC)[..5]);
    assert!(enc.ends_with("\n-----END AGE ENCRYPTED FILE-----\n"));
    let opened = identities(&[("SOPS_AGE_KEY", &line)]).open(&[AgeEntry { recipient: &recipient, enc: &enc }]).unwrap();
    assert_eq!(opened.expose(), data_key.expose());
}

#[test]
fn the_recipient_that_an_entry_names_does_not_matter() {
    let (bob, _, _) = generate(0);
    let identities = identities(&[("SOPS_AGE_KEY", ALICE_IDENTITY)]);
    let key = identities.open(&[AgeEntry { recipient: &bob, enc: ENC }]).unwrap();
    assert_eq!(hex(key.expose()), DATA_KEY);
}

#[test]
fn a_damaged_entry_does_not_hide_another() {
    let (bob, bobs, enc) = generate(9);
    let identities = identities(&[("SOPS_AGE_KEY", &format!("{ALICE_IDENTITY}\n{bobs}"))]);
    let entries = [AgeEntry { recipient: ALICE, enc: "broken" }, AgeEntry { recipient: &bob, enc: &enc }];
    assert_eq!(identities.open(&entries).unwrap().expose(), &[9; 32]);
}

/// A folder with `keys.txt` at the default place and `other.txt`.
struct Home(tempfile::TempDir);

impl Home {
    fn new(default: &str, other: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(home.path(".config/sops/age")).unwrap();
        home.write(".config/sops/age/keys.txt", default);
        home.write("other.txt", other);
        home
    }

    #[expect(clippy::disallowed_methods, reason = "a test prepares its files by other means")]
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn directory(&self) -> String {
        self.0.path().display().to_string()
    }
}

#[test]
fn the_identities_of_all_sources_are_merged() {
    let keys: Vec<_> = (0..4).map(generate).collect();
    let home = Home::new(&keys[2].1, &keys[1].1);
    let identities = identities(&[
        ("HOME", &home.directory()),
        ("SOPS_AGE_KEY", &keys[0].1),
        ("SOPS_AGE_KEY_FILE", &home.path("other.txt")),
        ("SOPS_AGE_KEY_CMD", &format!("echo {}", keys[3].1)),
    ]);
    for (byte, (recipient, _, enc)) in (0..4).zip(&keys) {
        let key = identities.open(&[AgeEntry { recipient, enc }]).unwrap();
        assert_eq!(key.expose(), &[byte; 32]);
    }
    let recipients: Vec<&str> = keys.iter().map(|key| key.0.as_str()).collect();
    assert_eq!(identities.recipients(), recipients);
}

#[test]
fn the_command_runs_once_for_all_files_and_threads_and_only_when_it_is_needed() {
    let (recipient, line, enc) = generate(5);
    let (other, others, other_enc) = generate(6);
    let home = Home::new(&others, "");
    let script = format!("echo \"$SOPS_AGE_RECIPIENT\" >> {}; echo {line}", home.path("runs"));
    let identities = identities(&[("HOME", &home.directory()), ("SOPS_AGE_KEY_CMD", &format!("sh -c '{script}'"))]);
    let by_file = [AgeEntry { recipient: &other, enc: &other_enc }];
    identities.open(&by_file).unwrap();
    assert!(!Path::new(&home.path("runs")).exists());
    let opened = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let by_command = [AgeEntry { recipient: &recipient, enc: &enc }];
                identities.open(&by_command).unwrap();
                opened.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            });
        }
    });
    assert_eq!(opened.into_inner(), 8);
    assert_eq!(fs::read_to_string(home.path("runs")).unwrap(), format!("{recipient}\n"));
}

#[test]
fn the_command_is_told_each_recipient_once() {
    let keys: Vec<_> = (0..3).map(generate).collect();
    let home = Home::new("", "");
    for (recipient, line, _) in &keys {
        home.write(recipient, line);
    }
    let script = format!("cd {}; echo x >> runs; cat $SOPS_AGE_RECIPIENT", home.directory());
    let identities = identities(&[("SOPS_AGE_KEY_CMD", &format!("sh -c '{script}'"))]);
    for _ in 0..2 {
        for (byte, (recipient, _, enc)) in (0..3).zip(&keys) {
            let key = identities.open(&[AgeEntry { recipient, enc }]).unwrap();
            assert_eq!(key.expose(), &[byte; 32]);
        }
    }
    assert_eq!(fs::read_to_string(home.path("runs")).unwrap(), "x\nx\nx\n");
}

#[test]
fn a_long_list_of_recipients_does_not_run_the_command_without_end() {
    let home = Home::new("", "");
    let command = format!("sh -c 'echo x >> {}'", home.path("runs"));
    let identities = identities(&[("SOPS_AGE_KEY_CMD", &command)]);
    let names: Vec<String> = (0..200).map(|number| format!("age1{number}")).collect();
    let entries: Vec<_> = names.iter().map(|name| AgeEntry { recipient: name, enc: ENC }).collect();
    for _ in 0..2 {
        let error = identities.open(&entries).unwrap_err();
        let told = "SOPS_AGE_KEY_CMD: was run for 64 recipients, and is run for no more";
        assert_eq!(error.problems.last().unwrap().to_string(), told);
        assert_eq!(error.problems.len(), 1);
    }
    assert_eq!(fs::read_to_string(home.path("runs")).unwrap().lines().count(), 64);
}

#[track_caller]
fn check_no_identity(pairs: &[(&str, &str)], searched: &[&str], found: &[&str], problems: &[&str]) {
    let (recipient, _, enc) = generate(0);
    let error = identities(pairs).open(&[AgeEntry { recipient: &recipient, enc: &enc }]).unwrap_err();
    let shown: Vec<String> = error.searched.iter().map(ToString::to_string).collect();
    assert_eq!(shown, searched);
    assert_eq!(error.found.iter().map(|found| found.recipient.as_str()).collect::<Vec<_>>(), found);
    let shown: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
    assert_eq!(shown, problems);
    assert!(!format!("{error} {error:?}").contains("SECRET-KEY"));
}

#[test]
fn nothing_set_is_told_with_the_places() {
    check_no_identity(
        &[("HOME", "/nowhere")],
        &[
            "SOPS_AGE_KEY: absent",
            "SOPS_AGE_KEY_FILE: absent",
            "SOPS_AGE_KEY_CMD: absent",
            "the default key file (/nowhere/.config/sops/age/keys.txt): absent",
            "SOPS_AGE_SSH_PRIVATE_KEY_FILE: absent",
            "SOPS_AGE_SSH_PRIVATE_KEY_CMD: absent",
            "the keyring: absent",
        ],
        &[],
        &[],
    );
}

#[test]
fn a_broken_source_is_told_and_hides_no_other() {
    let text = format!("{ALICE_IDENTITY}\nAGE-SECRET-KEY-1BROKEN\n");
    check_no_identity(
        &[
            ("SOPS_AGE_KEY", &text),
            ("SOPS_AGE_KEY_FILE", "/nowhere/keys.txt"),
            ("SOPS_AGE_KEY_CMD", "false AGE-SECRET-KEY-1X"),
            ("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "/nowhere/id"),
        ],
        &[
            "SOPS_AGE_KEY: 1 identity",
            "SOPS_AGE_KEY_FILE (/nowhere/keys.txt): 0 identities",
            "SOPS_AGE_KEY_CMD: 0 identities",
            "the default key file: absent",
            "SOPS_AGE_SSH_PRIVATE_KEY_FILE (/nowhere/id): 0 identities",
            "SOPS_AGE_SSH_PRIVATE_KEY_CMD: absent",
            "the keyring: absent",
        ],
        &[ALICE],
        &[
            "SOPS_AGE_KEY: line 2: a damaged age identity",
            "SOPS_AGE_KEY_FILE (/nowhere/keys.txt): cannot be read: No such file or directory (os error 2)",
            "SOPS_AGE_SSH_PRIVATE_KEY_FILE (/nowhere/id): cannot be read: No such file or directory (os error 2)",
            "SOPS_AGE_KEY_CMD: `false` failed with exit status: 1",
        ],
    );
}

#[test]
fn a_variable_set_to_nothing_is_told() {
    for name in ["SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD"] {
        let identities = identities(&[(name, "")]);
        let error = identities.open(&[AgeEntry { recipient: ALICE, enc: ENC }]).unwrap_err();
        assert_eq!(error.problems[0].to_string(), format!("{name}: is set, but holds no text"));
    }
    let command = identities(&[("SOPS_AGE_KEY_CMD", "cat 'x")]);
    let error = command.open(&[AgeEntry { recipient: ALICE, enc: ENC }]).unwrap_err();
    let told = "SOPS_AGE_KEY_CMD: the command has a quote that is not closed";
    assert_eq!(error.problems[0].to_string(), told);
}

#[test]
fn an_ssh_key_is_told_of_only_where_the_file_is_for_one() {
    let home = Home::new("", "");
    fs::create_dir(home.path(".ssh")).unwrap();
    home.write(".ssh/id_rsa", "x");
    let identities = identities(&[("HOME", &home.directory())]);
    let error = identities.open(&[AgeEntry { recipient: ALICE, enc: ENC }]).unwrap_err();
    assert_eq!(error.problems.len(), 0);
    let ssh = AgeEntry { recipient: "ssh-rsa AAAA", enc: ENC };
    let error = identities.open(&[ssh]).unwrap_err();
    assert!(error.problems[0].to_string().starts_with("the default SSH key ("), "{error}");
}

#[test]
fn an_entry_is_opened_as_its_own_by_the_recipient_that_it_names_only() {
    let (recipient, _, enc) = generate(0);
    let alice = identities(&[("SOPS_AGE_KEY", ALICE_IDENTITY)]);
    assert!(matches!(alice.open_own(AgeEntry { recipient: ALICE, enc: ENC }), Owned::Opened(_)));
    assert!(matches!(alice.open_own(AgeEntry { recipient: &recipient, enc: ENC }), Owned::Absent));
    assert!(matches!(alice.open_own(AgeEntry { recipient: ALICE, enc: &enc }), Owned::Refused));
}

#[test]
fn a_file_without_recipients_is_opened_by_nobody() {
    identities(&[("SOPS_AGE_KEY", ALICE_IDENTITY)]).open(&[]).unwrap_err();
}

#[test]
fn identities_are_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Identities>();
}

/// Types the passphrase of the keys in `fixtures/sops/keys`, and counts the questions.
#[derive(Debug, Default)]
struct Typist(AtomicUsize);

impl Typist {
    fn questions(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Ask for Typist {
    fn secret(&self, _question: &str) -> Result<Plaintext, NoAnswer> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(Plaintext::new("test-passphrase".to_owned()))
    }

    fn line(&self, _question: &str) -> Result<String, NoAnswer> {
        Err(NoAnswer::GaveUp)
    }

    fn message(&self, text: &str) {
        panic!("{text}");
    }

    fn confirm(&self, _text: &str, _yes: &str, _no: Option<&str>) -> Result<bool, NoAnswer> {
        Err(NoAnswer::GaveUp)
    }
}

/// Whose identity is in `dave-binary.age`.
const DAVE: &str = "age1nug22r54jps5sfh7kg2q6lnd4uvpe22ypnc47kq8fvu5lukd0sxqrutmt5";

fn key_path(name: &str) -> String {
    format!("{}/fixtures/sops/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn asking(pairs: &[(&str, &str)]) -> (Identities, Arc<Typist>) {
    let typist = Arc::new(Typist::default());
    (identities(pairs).with_asker(Asker::new(Arc::<Typist>::clone(&typist))), typist)
}

fn wrap(recipient: &str, byte: u8) -> String {
    Recipient::parse(recipient).unwrap().wrap_bytes(&[byte; 32], &Asker::default()).unwrap()
}

#[test]
fn a_passphrase_is_asked_for_once_for_all_files_and_threads() {
    let enc = wrap(DAVE, 4);
    let (identities, typist) = asking(&[("SOPS_AGE_KEY_FILE", &key_path("dave-binary.age"))]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let entry = AgeEntry { recipient: DAVE, enc: &enc };
                assert_eq!(identities.open(&[entry]).unwrap().expose(), &[4; 32]);
            });
        }
    });
    assert_eq!(typist.questions(), 1);
    assert_eq!(identities.recipients(), [DAVE]);
    // For what it does not open it is not asked for again.
    let (other, _, enc) = generate(0);
    identities.open(&[AgeEntry { recipient: &other, enc: &enc }]).unwrap_err();
    assert_eq!(typist.questions(), 1);
}

#[test]
fn groups_are_opened_by_what_is_cheap_as_long_as_that_is_enough() {
    let (bob, bobs, of_bob) = generate(2);
    let (nobody, _, of_nobody) = generate(9);
    let (of_dave, of_alice) = (wrap(DAVE, 3), wrap(ALICE, 1));
    let entries = [(DAVE, &of_dave), (ALICE, &of_alice), (&nobody, &of_nobody), (&bob, &of_bob)]
        .map(|(recipient, enc)| [AgeEntry { recipient, enc }]);
    let groups: Vec<&[AgeEntry<'_>]> = entries.iter().map(<[_; 1]>::as_slice).collect();
    let path = key_path("dave-binary.age");
    let (identities, typist) =
        asking(&[("SOPS_AGE_KEY", &format!("{bobs} {ALICE_IDENTITY}")), ("SOPS_AGE_KEY_FILE", &path)]);
    let open = |needed| {
        let opened = identities.open_groups(&groups, needed);
        let bytes: Vec<u8> = opened.secrets.iter().map(|secret| secret.as_ref().map_or(0, |bytes| bytes[0])).collect();
        (bytes, opened.missing.is_some(), typist.questions())
    };
    assert_eq!(open(1), (vec![0, 1, 0, 0], false, 0));
    assert_eq!(open(2), (vec![0, 1, 0, 2], false, 0));
    assert_eq!(open(3), (vec![3, 1, 0, 2], false, 1));
    assert_eq!(open(4), (vec![3, 1, 0, 2], true, 1));
    assert_eq!(open(2), (vec![3, 1, 0, 0], false, 1));
}

#[test]
fn an_ssh_key_owns_what_names_it_with_whatever_comment() {
    let public = fs::read_to_string(key_path("ssh_ed25519.pub")).unwrap();
    let bare = public.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let enc = wrap(&public, 5);
    let identities = identities(&[("SOPS_AGE_KEY_FILE", &key_path("ssh_ed25519"))]);
    for recipient in [public.as_str(), &bare, &format!("{bare} other")] {
        let Owned::Opened(key) = identities.open_own(AgeEntry { recipient, enc: &enc }) else { panic!("{recipient}") };
        assert_eq!(key.as_slice(), [5; 32]);
    }
    assert_eq!(identities.recipients(), [bare]);
}

#[test]
fn what_a_passphrase_was_not_asked_for_is_told_as_such() {
    let home = Home::new("", "");
    fs::create_dir(home.path(".ssh")).unwrap();
    home.write(".ssh/id_ed25519", &fs::read_to_string(key_path("ssh_ed25519_passphrase")).unwrap());
    let (identities, typist) = asking(&[("HOME", &home.directory())]);
    let other = fs::read_to_string(key_path("ssh_rsa.pub")).unwrap();
    let enc = wrap(&other, 0);
    let error = identities.open(&[AgeEntry { recipient: &other, enc: &enc }]).unwrap_err();
    let told: Vec<String> = error.searched.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|told| told.ends_with("id_ed25519): behind a passphrase")), "{told:?}");
    assert_eq!(typist.questions(), 0);
}
