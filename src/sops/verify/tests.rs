#![expect(clippy::string_slice, reason = "a test that cuts a character in two fails, as it should")]

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::*;
use crate::{
    crypto::{
        mac::Coverage,
        shamir::{Share, split},
    },
    keys::{Asker, Recipient},
    sops::{
        block::WrappedGroups,
        file::{NewFile, encrypt},
        selector::{Selector, SelectorKind},
    },
};

const ALICE: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";
const BOB: &str = "age1n6an6d5ygpj2p50pm0p03rtvymh4rrv6vvaznv2ya2ej9js8nfusp33tur";
const CAROL: &str = "age1gavpkp24d4u32zrjj4qt748k8fl56e668k43d7cfxrz3ngy6x9wqjxvs3l";
const LAB: &str = "age1p0xyll944uxt695xgnhf47fhdc9q3r9ezvkhcluw8ylp3zkkryvqd0za02";
const SECRET: &str = "hunter2-plaintext";
const PLAIN: &str = "kind: Secret
stringData:
    # why
    password: hunter2-plaintext
    port: 8080
    tls: true
    list:
        - one
        - &two two
---
kind: Secret
stringData:
    token: hunter2-plaintext
";

fn key() -> DataKey {
    DataKey::from_bytes(Zeroizing::new(vec![7; 32])).unwrap()
}

fn alice() -> Identities {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys/alice.txt");
    Identities::from_env(&[("SOPS_AGE_KEY_FILE", path), ("HOME", "/nonexistent")].into_iter().collect())
}

fn sealed_as(plain: &str, selector: &Selector) -> String {
    let wrapped: Vec<(String, String)> = [ALICE, BOB]
        .iter()
        .map(|recipient| {
            ((*recipient).to_owned(), Recipient::parse(recipient).unwrap().wrap(&key(), &Asker::default()).unwrap())
        })
        .collect();
    let coverage = Coverage::AllValues;
    let new = NewFile { wrapped: &wrapped.into(), selector, coverage, step: None, now: "2026-11-21T04:16:11Z" };
    encrypt(plain, &key(), &new).unwrap().text
}

fn sealed() -> String {
    sealed_as(PLAIN, &Selector::new(SelectorKind::EncryptedRegex, "^stringData$").unwrap())
}

/// The line of `text` that holds `mark`, without its line break.
fn line<'t>(text: &'t str, mark: &str) -> &'t str {
    text.lines().find(|line| line.contains(mark)).unwrap()
}

/// What stands behind the key of that line.
fn value<'t>(text: &'t str, key: &str) -> &'t str {
    line(text, &format!("{key}: ")).split_once(": ").unwrap().1
}

/// `text` up to and without its first `sops` block, the block, and the rest.
fn parts(text: &str) -> (&str, &str, &str) {
    let start = text.find("\nsops:").unwrap() + 1;
    let end = text[start..].find("\n---").map_or(text.len(), |at| start + at + 1);
    (&text[..start], &text[start..end], &text[end..])
}

/// Turns a sound file into one that a rule is about.
type Change = fn(&str) -> String;

/// For each rule that needs no key, changes after which it fires, and it alone.
const KEYLESS: &[(Rule, Change)] = &[
    (Rule::MergeConflict, |text| text.replacen("kind:", "<<<<<<< HEAD\nkind:", 1)),
    (Rule::MergeConflict, |text| format!("{text}>>>>>>> branch\n")),
    (Rule::NotYaml, |text| text.replacen("kind: Secret", "kind: [", 1)),
    (Rule::DuplicateKey, |text| text.replacen("kind: Secret", "kind: Secret\nkind: Secret", 1)),
    (Rule::RefusedDocument, |text| text.replacen("kind: Secret", "1: Secret", 1)),
    (Rule::RefusedDocument, |text| text.replacen("kind: Secret", "kind: !!int Secret", 1)),
    (Rule::RefusedDocument, |text| format!("%YAML 1.2\n---\n{text}")),
    (Rule::NotEncrypted, |_text| PLAIN.to_owned()),
    (Rule::NotEncrypted, |_text| "sops: {enabled: true}\n".to_owned()),
    (Rule::NotEncrypted, |_text| String::new()),
    (Rule::MetadataMissing, |text| {
        let (before, block, after) = parts(text);
        format!("{before}{}", after.replace(block, ""))
    }),
    (Rule::MetadataNotMapping, |text| {
        let (before, _, _) = parts(text);
        format!("{before}sops: gone\n")
    }),
    (Rule::MetadataIncomplete, |text| text.replacen("    version:", "    versions:", 1)),
    (Rule::MetadataIncomplete, |text| text.replacen(line(text, "    mac:"), "    mac: \"\"", 1)),
    (Rule::MetadataUnusable, |text| text.replacen("\"2026-11-21T04:16:11Z\"", "yesterday", 1)),
    (Rule::NoRecipients, |text| text.replacen("    age:", "    ages:", 1)),
    (Rule::TwoSelectors, |text| text.replacen("    version:", "    encrypted_suffix: x\n    version:", 1)),
    (Rule::SelectorInvalid, |text| text.replacen("^stringData$", "(stringData", 1)),
    (Rule::MetadataDiffers, |text| {
        let (before, block, after) = parts(text);
        format!("{before}{block}{}", after.replace("04:16:11Z", "04:16:12Z"))
    }),
    (Rule::MetadataMisplaced, |text| {
        let (before, _, after) = parts(text);
        format!("{before}{after}")
    }),
    (Rule::MetadataNotRepeated, |text| {
        let (before, block, after) = parts(text);
        format!("{before}{block}{}", after.replace(block, ""))
    }),
    (Rule::MacMalformed, |text| text.replace(line(text, "    mac:"), "    mac: in-clear")),
    (Rule::MacMalformed, |text| text.replace(value(text, "    mac"), value(text, "password"))),
    (Rule::ThresholdTooHigh, |text| in_two_groups(text, 3)),
    (Rule::ThresholdTooLow, |text| in_two_groups(text, 1)),
    (Rule::RecipientInvalid, |text| text.replace(&format!("recipient: {BOB}"), "recipient: bob")),
    (Rule::RecipientInvalid, |text| text.replace(&format!("recipient: {BOB}"), &format!("recipient: {BOB}x"))),
    (Rule::RecipientIsPrivate, |text| {
        text.replace(&format!("recipient: {BOB}"), "recipient: AGE-SECRET-KEY-1HUNTER2-PLAINTEXT")
    }),
    (Rule::RecipientDuplicate, |text| text.replace(BOB, ALICE)),
    (Rule::WrappedKeyBroken, |text| text.replace("-----BEGIN AGE", "-----BEGIN PGP")),
    (Rule::WrappedKeyBroken, |text| text.replace("-----END AGE", "-----END PGP")),
    (Rule::WrappedKeyBroken, |text| text.replace("YWdlLWVuY3J5cHRpb24", "YWdlLWVuY3J5cHRpb25")),
    (Rule::WrappedKeyRepeated, |text| {
        let armors: Vec<&str> =
            text.split("- enc: |").skip(1).map(|rest| rest.split("recipient").next().unwrap()).collect();
        text.replace(armors[1], armors[0])
    }),
    (Rule::ValueInClear, |text| text.replace(value(text, "password"), SECRET)),
    (Rule::ValueInClear, |text| text.replace(value(text, "port"), "8080")),
    (Rule::ValueNotSelected, |text| text.replacen("kind: Secret", &format!("kind: {}", value(text, "password")), 1)),
    (Rule::ValueMalformed, |text| text.replace(value(text, "password"), &value(text, "password")[..80])),
    (Rule::ValueMalformed, |text| text.replace(value(text, "password"), &format!("' {}'", value(text, "password")))),
    (Rule::ValueMalformed, |text| text.replace(value(text, "password"), &value(text, "password").to_lowercase())),
    (Rule::ValueMalformed, |text| {
        text.replace(value(text, "password"), &value(text, "password").replace("iv:", "iv:!"))
    }),
    (Rule::ValueMalformed, |text| {
        text.replace(value(text, "password"), &value(text, "password").replace("str]", "map]"))
    }),
    (Rule::ValueMalformed, |text| {
        text.replace(value(text, "password"), &value(text, "password").replace("str]", "bytes]"))
    }),
    (Rule::ValueMalformed, |text| {
        text.replace(value(text, "password"), &value(text, "password").replace("str]", "bool]"))
    }),
    (Rule::ValueMalformed, |text| {
        text.replace(value(text, "password"), &value(text, "password").replace("str]", "time]"))
    }),
    (Rule::ValueMalformed, |text| {
        text.replace(value(text, "password"), &value(text, "password").replace("str]", "comment]"))
    }),
    (Rule::ValueTagged, |text| text.replace("port: ENC", "port: !!int ENC")),
    (Rule::ValueTagged, |text| text.replace("password: ENC", "password: !!binary ENC")),
    (Rule::AliasOfEncrypted, |text| {
        text.replacen("    port:", "    again: *two\n    port:", 1).replacen(
            line(text, "password"),
            &format!("{}\n    first: &two {}", line(text, "password"), value(text, "password")),
            1,
        )
    }),
    (Rule::NothingEncrypted, |text| {
        let (_, block, _) = parts(text);
        format!("kind: Secret\n{block}")
    }),
    (Rule::CommentMalformed, |text| text.replacen("#ENC", "# ENC", 1)),
    (Rule::CommentMalformed, |text| text.replacen("#ENC", "##ENC", 1)),
    (Rule::CommentMalformed, |text| text.replacen(line(text, "#ENC"), &line(text, "#ENC")[..60], 1)),
    (Rule::CommentNotSelected, |text| format!("{}\n{text}", line(text, "#ENC").trim())),
    (Rule::CommentAsItem, |text| {
        text.replacen("        - ENC", &format!("        - {}\n        - ENC", &line(text, "#ENC").trim()[1..]), 1)
    }),
    (Rule::CommentInClear, |text| text.replacen(line(text, "#ENC"), "    # in clear", 1)),
];

/// For each rule that needs the data key, changes that are silent without it, and after which it fires alone.
const WITH_KEY: &[(Rule, Change)] = &[
    (Rule::MacMismatch, |text| text.replacen("kind: Secret", "kind: ConfigMap", 1)),
    (Rule::MacMismatch, |text| text.replacen(&format!("{}\n", line(text, "port")), "", 1)),
    (Rule::MacUnreadable, |text| text.replace("04:16:11Z", "04:16:12Z")),
    (Rule::MacUnreadable, |text| change_character(text, "mac: ENC[AES256_GCM,data:")),
    (Rule::ValueUnauthentic, |text| change_character(text, "password: ENC[AES256_GCM,data:")),
    (Rule::ValueUnauthentic, |text| text.replace("    password:", "    passwords:")),
    (Rule::ValueType, |text| text.replace(value(text, "password"), &value(text, "password").replace("str]", "int]"))),
    (Rule::CommentUnauthentic, |text| change_character(text, "#ENC[AES256_GCM,data:")),
    (Rule::RecipientMismatch, |text| text.replace(ALICE, CAROL)),
    (Rule::RecipientMismatch, |text| {
        text.replace(ALICE, "x").replace(BOB, ALICE).replace("recipient: x", &format!("recipient: {BOB}"))
    }),
    (Rule::RecipientMismatch, |text| {
        let other = Recipient::parse(ALICE).unwrap().wrap(&DataKey::generate().unwrap(), &Asker::default()).unwrap();
        let armor: String = other.lines().map(|line| format!("            {line}\n")).collect();
        let entry = format!("        - enc: |\n{armor}          recipient: {ALICE}\n");
        text.replace(&format!("          recipient: {ALICE}\n"), &format!("          recipient: {CAROL}\n{entry}"))
    }),
];

fn change_character(text: &str, before: &str) -> String {
    let at = text.find(before).unwrap() + before.len();
    let other = if text[at..].starts_with('A') { "B" } else { "A" };
    let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
    // Both documents hold the metadata.
    if before.starts_with("mac") {
        changed.replace(value(text, "    mac"), value(&changed, "    mac"))
    } else {
        changed
    }
}

/// Each recipient in a key group of its own.
fn in_two_groups(text: &str, threshold: usize) -> String {
    let line = |line: &str| match line {
        "    age:" => "    key_groups:\n".to_owned(),
        "        - enc: |" => "        - age:\n            - enc: |\n".to_owned(),
        "    version: 3.13.2" => format!("    shamir_threshold: {threshold}\n{line}\n"),
        _ if line.starts_with("          ") => format!("    {line}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn rules(verified: &Verified) -> BTreeSet<Rule> {
    verified.findings.iter().map(|finding| finding.rule).collect()
}

#[track_caller]
fn check(verified: &Verified, text: &str, expected: &[Rule]) {
    assert_eq!(rules(verified), expected.iter().copied().collect(), "{:?}\n{text}", verified.findings);
    let shown = format!("{verified:?}").to_lowercase();
    assert!(!shown.contains(SECRET) && !shown.contains("8080"), "a value is told: {shown}");
}

#[test]
fn a_sound_file_is_silent_with_and_without_its_key() {
    let text = sealed();
    check(&verify(&text), &text, &[]);
    check(&verify_with(&text, &key(), &alice()), &text, &[]);
    let grouped = in_two_groups(&text, 2);
    check(&verify(&grouped), &grouped, &[]);
}

/// A file of three key groups: alice with bob, carol, and lab. `shares` of the data key are for alice, bob, carol and lab.
fn sealed_in_groups(shares: [&Share; 4]) -> String {
    let wrap = |recipient: &str, share: &Share| {
        let enc = Recipient::parse(recipient).unwrap().wrap_bytes(share, &Asker::default()).unwrap();
        (recipient.to_owned(), enc)
    };
    let [alice, bob, carol, lab] = shares;
    let groups = vec![vec![wrap(ALICE, alice), wrap(BOB, bob)], vec![wrap(CAROL, carol)], vec![wrap(LAB, lab)]];
    let wrapped = WrappedGroups { groups, threshold: 2 };
    let selector = Selector::new(SelectorKind::EncryptedRegex, "^stringData$").unwrap();
    let (coverage, now) = (Coverage::AllValues, "2026-11-21T04:16:11Z");
    let new = NewFile { wrapped: &wrapped, selector: &selector, coverage, step: None, now };
    encrypt(PLAIN, &key(), &new).unwrap().text
}

#[test]
fn shares_that_do_not_belong_to_the_file_are_told_with_its_key() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys/all.txt");
    let all = Identities::from_env(&[("SOPS_AGE_KEY_FILE", path), ("HOME", "/nonexistent")].into_iter().collect());
    let check = |shares: [&Share; 4], identities: &Identities, expected: &[(&str, &str)]| {
        let text = sealed_in_groups(shares);
        assert_eq!(verify(&text).findings, []);
        let findings = verify_with(&text, &key(), identities).findings;
        let found: Vec<(usize, &str)> =
            findings.iter().map(|finding| (finding.place.line, finding.message.as_str())).collect();
        let line = |mark: &str| text.lines().position(|line| line.contains(mark)).unwrap() + 1;
        let expected: Vec<(usize, &str)> = expected.iter().map(|(mark, message)| (line(mark), *message)).collect();
        assert_eq!(found, expected, "{text}");
        assert!(findings.iter().all(|finding| finding.rule == Rule::RecipientMismatch));
    };
    let own = split(key().expose(), 3, 2).unwrap();
    let other = split(&[8; 32], 3, 2).unwrap();
    let [first, second, third] = own.as_slice() else { panic!() };
    check([first, first, second, third], &all, &[]);
    let other_share = "an entry that holds another share than one before it in its key group";
    let apart = "the shares of the key groups at hand do not all belong to the file's data key";
    check([first, &other[0], second, third], &all, &[(BOB, other_share)]);
    check([first, first, second, &other[2]], &all, &[("sops:", apart)]);
    // With one share there is nothing to compare.
    check([&other[0], first, second, third], &alice(), &[]);
    let renamed = sealed_in_groups([first, first, second, third]);
    let renamed =
        renamed.replace(CAROL, "-").replace(LAB, CAROL).replace("recipient: -\n", &format!("recipient: {LAB}\n"));
    let findings = verify_with(&renamed, &key(), &all).findings;
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|finding| finding.message.contains("own recipient's identity does not open")));
}

#[test]
fn each_rule_that_needs_no_key_fires_on_its_own() {
    for (rule, change) in KEYLESS {
        let changed = change(&sealed());
        check(&verify(&changed), &changed, &[*rule]);
    }
}

#[test]
fn each_rule_that_needs_the_key_is_silent_without_it_and_fires_with_it() {
    for (rule, change) in WITH_KEY {
        let changed = change(&sealed());
        check(&verify(&changed), &changed, &[]);
        check(&verify_with(&changed, &key(), &alice()), &changed, &[*rule]);
    }
}

#[test]
fn every_rule_has_a_row_a_name_of_its_own_and_a_place_in_the_documentation() {
    let covered: BTreeSet<Rule> = KEYLESS.iter().chain(WITH_KEY).map(|(rule, _)| *rule).collect();
    assert_eq!(covered, Rule::ALL.iter().copied().collect());
    let names: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), Rule::ALL.len());
    let (_, documented) = include_str!("../../../docs/verify.md").split_once("## Rules").unwrap();
    let documented: Vec<&str> =
        documented.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(documented, Rule::ALL.iter().map(|rule| rule.name()).collect::<Vec<_>>());
}

#[test]
fn a_finding_tells_its_place_and_path() {
    let text = sealed();
    let changed = text.replace(value(&text, "password"), SECRET).replacen("- ENC", "- ' ENC", 1).replacen(
        "str]\n        - &two",
        "str]'\n        - &two",
        1,
    );
    let shown: Vec<String> = verify(&changed)
        .findings
        .iter()
        .map(|finding| {
            let path = finding.value_path.as_deref().unwrap_or("-");
            format!("{}:{} {} {path}", finding.place.line, finding.place.column, finding.rule)
        })
        .collect();
    assert_eq!(shown, ["4:15 value-in-clear stringData.password", "8:11 value-malformed stringData.list[0]"]);
}

#[test]
fn a_file_whose_selected_values_are_all_in_clear_is_not_one_whose_selector_picks_none() {
    let text = sealed_as("a: 1\nb: 2\n", &Selector::new(SelectorKind::EncryptedRegex, "a").unwrap());
    let changed = text.replace(value(&text, "a"), "1");
    check(&verify(&changed), &changed, &[Rule::ValueInClear]);
}

#[test]
fn every_moved_value_is_found_not_only_the_first() {
    let text = sealed();
    let changed = text.replace("    password:", "    passwords:").replace("    port:", "    ports:");
    let verified = verify_with(&changed, &key(), &alice());
    check(&verified, &changed, &[Rule::ValueUnauthentic]);
    assert_eq!(verified.findings.len(), 2);
}

#[test]
fn what_others_keep_under_a_key_of_that_name_is_clear() {
    for text in ["sops: {enabled: true}\n", "a: sops\n", "", "sops: null\n", "sops:\n  age: x\n", "# sops\n"] {
        assert_eq!(verify(text).content, Content::Clear, "{text}");
    }
    for text in [sealed(), "sops: {mac: x}\n".to_owned(), "sops:\n lastmodified: [\n".to_owned()] {
        assert_eq!(verify(&text).content, Content::Encrypted, "{text}");
    }
}

#[test]
fn aliases_that_multiply_are_told_once_and_within_bounds() {
    let text = sealed();
    let value = value(&text, "password").to_owned();
    let mut bomb = String::from("stringData:\n    a0: &a0 [x]\n");
    for level in 1..40 {
        bomb.push_str(&format!("    a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1));
    }
    let changed = text.replacen("stringData:\n", &bomb, 1);
    assert!(rules(&verify(&changed)).contains(&Rule::RefusedDocument));
    let many = text.replacen("    port:", &format!("    x: &x {value}\n    y: [*x, *x, *x]\n    port:"), 1);
    assert_eq!(verify(&many).findings.len(), 3);
}
