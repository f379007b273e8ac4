//! Files and policies of somebody who wishes us ill: refused or dealt with, with the reason, and within seconds.
//!
//! What each takes is shown by `cargo test --release --test cli hostile:: -- --nocapture --test-threads 1`.

use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bech32::ToBase32 as _;

use super::*;

/// A hundred times what each takes, so that no machine is too slow, and below what it took before it was bounded.
const BOUND: Duration = Duration::from_secs(180);

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----\n";
const END: &str = "-----END AGE ENCRYPTED FILE-----\n";

/// A file for alice, and the first line and the span of its one wrapped data key.
struct Victim {
    world: World,
    text: String,
    armor: std::ops::Range<usize>,
}

impl Victim {
    fn new() -> Self {
        let world = World::new();
        world.write("a.yaml", "a: one\n");
        let text = world.runs(&["encrypt", "--age", ALICE, "a.yaml"]);
        let armor = text.find(BEGIN).unwrap()..text.find(END).unwrap() + END.len();
        Self { world, text, armor }
    }

    /// The age file that wraps the data key.
    fn unarmored(&self) -> Vec<u8> {
        let lines = self.text.get(self.armor.clone()).unwrap().lines().map(str::trim);
        let base64: String = lines.filter(|line| !line.starts_with("-----")).collect();
        BASE64_STANDARD.decode(base64).unwrap()
    }

    /// The file with another wrapped data key.
    fn with_wrapped(&self, file: &[u8]) -> String {
        let base64 = BASE64_STANDARD.encode(file);
        let lines = base64.as_bytes().chunks(64).map(|line| format!("            {}\n", str::from_utf8(line).unwrap()));
        let armor = format!("{BEGIN}{}            {END}", lines.collect::<String>());
        let mut text = self.text.clone();
        text.replace_range(self.armor.clone(), &armor);
        text
    }

    /// The file with its one entry replaced by those of `recipients`.
    fn with_entries(&self, recipients: impl Iterator<Item = String>) -> String {
        let start = self.text.find("        - ").unwrap();
        let end = self.text.find("    lastmodified").unwrap();
        let entry = self.text.get(start..end).unwrap();
        let entries: String = recipients.map(|recipient| entry.replace(ALICE, &recipient)).collect();
        let mut text = self.text.clone();
        text.replace_range(start..end, &entries);
        text
    }

    #[track_caller]
    fn check(&self, what: &str, text: &str, code: i32, told: &str) {
        self.world.write("hostile.yaml", text);
        let ran = timed(&format!("decrypt, {what}"), || self.world.run(&["decrypt", "hostile.yaml"]));
        assert_eq!(ran.code, code, "{:.1000}", ran.stderr);
        assert!(ran.stderr.contains(told), "{:.1000}", ran.stderr);
        timed(&format!("verify, {what}"), || self.world.run(&["verify", "hostile.yaml"]));
    }
}

#[track_caller]
#[expect(clippy::print_stdout, reason = "whoever measures wants to see it")]
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    let elapsed = start.elapsed();
    println!("{what}: {:.1} ms", elapsed.as_secs_f64() * 1000.0);
    assert!(elapsed < BOUND, "{what}: {elapsed:?}");
    done
}

#[test]
fn stanzas_without_measure_are_refused() {
    let victim = Victim::new();
    let file = victim.unarmored();
    let mac = file.windows(5).position(|window| window == b"\n--- ").unwrap() + 1;
    let with_stanzas = |stanzas: &str| {
        let mut file = file.clone();
        file.splice(mac..mac, stanzas.bytes());
        victim.with_wrapped(&file)
    };
    let line = format!("{}\n", "A".repeat(64));
    for (what, stanzas, told) in [
        ("a stanza of 1 MB", format!("-> a\n{}\n", line.repeat(16_384)), "cannot be read: "),
        ("an argument of 1 MB", format!("-> a {}\n\n", "x".repeat(1 << 20)), "cannot be read: "),
        ("150,000 stanzas", "-> a b\n\n".repeat(150_000), "cannot be read: "),
        ("a header of 5 MB", format!("-> a\n{}\n", line.repeat(80_000)), "its header is longer than 4 MiB"),
    ] {
        victim.check(what, &with_stanzas(&stanzas), 128, told);
    }
}

#[test]
fn a_work_factor_without_measure_costs_nothing() {
    let victim = Victim::new();
    let file = victim.unarmored();
    let mac = file.windows(5).position(|window| window == b"\n--- ").unwrap() + 1;
    let header = format!("age-encryption.org/v1\n-> scrypt {} 30\n{}\n", "A".repeat(22), "A".repeat(43));
    let hostile = [header.as_bytes(), file.split_at(mac).1].concat();
    let what = "a file with a scrypt work factor of 30";
    victim.check(what, &victim.with_wrapped(&hostile), 128, "no identity opens it");
    // As an identity file, where a passphrase would be asked for, the reason is told.
    let victim = Victim { world: victim.world.set("SOPS_AGE_KEY_FILE", "key.age"), ..victim };
    fs::remove_file(victim.world.path("home/.config/sops/age/keys.txt")).unwrap();
    fs::write(victim.world.path("key.age"), &hostile).unwrap();
    let told = "is encrypted with a scrypt work factor of 30, and 22 is the most that is tried";
    victim.check("an identity file with a scrypt work factor of 30", &victim.text, 128, told);
}

#[test]
fn the_name_of_a_plugin_leads_nowhere() {
    let victim = Victim::new();
    let bech32 = |name: &str| bech32::encode(name, [7; 8].to_base32(), bech32::Variant::Bech32).unwrap();
    let world = World::new().set("SOPS_AGE_KEY_FILE", "key.txt");
    fs::remove_file(world.path("home/.config/sops/age/keys.txt")).unwrap();
    world.write("a.yaml", "a: one\n").write("victim.yaml", &victim.text);
    for name in ["../../bin/sh", "/bin/sh", "a/b", "..", "a\\b", "$(id)", &"x".repeat(60)] {
        let (recipient, identity) = (bech32(&format!("age1{name}")), bech32(&format!("age-plugin-{name}-")));
        victim.check(
            &format!("a plugin named {name:.20}"),
            &victim.with_entries(std::iter::once(recipient.clone())),
            0,
            "",
        );
        if !name.starts_with('x') {
            let ran = timed("encrypt", || world.run(&["encrypt", "--age", &recipient, "a.yaml"]));
            assert_eq!(ran.code, 1, "{}", ran.stderr);
        }
        world.write("key.txt", &identity.to_uppercase());
        let ran = timed("decrypt", || world.run(&["decrypt", "victim.yaml"]));
        let told = if name.starts_with('x') { "no identity opens it" } else { "line 1: a damaged age identity" };
        assert!(ran.code == 128 && ran.stderr.contains(told), "{:.2000}", ran.stderr);
    }
}

#[test]
fn ten_thousand_recipients_of_a_file_are_gone_through() {
    let victim = Victim::new();
    let key_file = fixture("hybrid/identity.txt");
    let hybrid = key_file.lines().nth(1).unwrap().trim_start_matches("# public key: ").to_owned();
    for recipient in [BOB, &hybrid, "age1test1qurswpc8qurswdldkpl", "ssh-ed25519 AAAA"] {
        let text = victim.with_entries((0..10_000).map(|_| recipient.to_owned()));
        // What an entry names is not authenticated: alice opens them all.
        let what = format!("10,000 recipients {recipient:.20}");
        victim.check(&what, &text, 0, "");
        let stranger = Victim { world: World::new().set_identity("carol"), ..Victim::new() };
        stranger.check(&format!("{what}, as a stranger"), &text, 128, "no identity opens it");
    }
}

#[test]
fn ten_thousand_recipients_of_a_policy_are_wrapped_for() {
    let recipient = |number: u16| {
        let mut point = [9; 32];
        point[..2].copy_from_slice(&number.to_le_bytes());
        bech32::encode("age", point.to_base32(), bech32::Variant::Bech32).unwrap()
    };
    let all: Vec<String> = (0..10_000).map(recipient).collect();
    let list: String = all.iter().map(|recipient| format!("        - {recipient}\n")).collect();
    let world = World::new();
    world
        .write(".sops.yaml", &format!("creation_rules:\n  - key_groups:\n    - age:\n{list}"))
        .write("a.yaml", "a: one\n");
    let text = timed("encrypt, 10,000 recipients", || world.runs(&["encrypt", "a.yaml"]));
    assert_eq!(recipients(&text), all);
}
