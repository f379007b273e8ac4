//! What a policy means, row by row; most rows are what `sops` 3.13.2 made of the same file.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::sops::selector::SelectorKind;

/// Policies, a path relative to them, and what `sops encrypt` of that path made of them: the recipients of the file's
/// groups and its selector, or a verdict. `ours` tells where we refuse or tidy what it takes.
const SOPS_VERDICTS: &str = include_str!("../../fixtures/policy-facts.jsonl");

fn policy(text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(text, Path::new("/repo/.sops.yaml"))
}

/// What a row of the table says of a match.
fn facts_of(found: &Match<'_>) -> Json {
    let groups: Vec<Vec<&str>> = found.rule.key_groups.iter().map(|group| group.recipients().collect()).collect();
    let selector = found.selector_or_default();
    let mut facts = serde_json::json!({
        "groups": groups,
        "selector": [selector.kind().field(), selector.pattern()],
    });
    if groups.len() > 1 {
        facts["threshold"] = found.rule.threshold().into();
    } else if let Some(threshold) = found.rule.shamir_threshold {
        facts["threshold"] = threshold.into();
    }
    if found.rule.mac_only_encrypted {
        facts["mac_only_encrypted"] = true.into();
    }
    facts
}

fn verdict_of(text: &str, file: &str) -> Json {
    let verdict = |word: &str| serde_json::json!({ "verdict": word });
    let Ok(policy) = policy(text) else {
        return verdict("refused");
    };
    match policy.rule_for(&Path::new("/repo").join(file)) {
        Err(_) => verdict("refused"),
        Ok(None) if !policy.has_creation_rules() => verdict("no rules"),
        Ok(None) => verdict("no match"),
        Ok(Some(found)) if found.rule.key_groups.iter().any(|group| group.0.is_empty()) => verdict("empty group"),
        Ok(Some(found)) => facts_of(&found),
    }
}

#[test]
fn every_policy_means_what_sops_makes_of_it() {
    let mut rows = 0;
    for line in SOPS_VERDICTS.lines() {
        let mut row: Json = serde_json::from_str(line).unwrap();
        let fields = row.as_object_mut().unwrap();
        let take = |fields: &mut serde_json::Map<String, Json>, name| {
            fields.remove(name).and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let (name, text, file) = (take(fields, "name"), take(fields, "config"), take(fields, "file"));
        fields.remove("exit_code");
        match take(fields, "ours").as_str() {
            "" => {}
            "once" => fields["groups"][0].as_array_mut().unwrap().dedup(),
            verdict => row = serde_json::json!({ "verdict": verdict }),
        }
        assert_eq!(verdict_of(&text, &file), row, "{name}\n{text}");
        rows += 1;
    }
    assert_eq!(rows, 117);
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    let error = policy(text).and_then(|policy| policy.rule_for(Path::new("/repo/a.yaml")).map(drop));
    assert_eq!(error.unwrap_err().to_string(), format!("/repo/.sops.yaml: {expected}"), "{text}");
}

#[test]
fn an_error_tells_file_line_and_column() {
    check_error("creation_rules:\n- age: [a\n", "not YAML: unclosed bracket '[' at line 2, column 8");
    check_error("a: 1\na: 2\n", "duplicate key `a` at line 2, column 1");
    check_error("a: *b\n", "alias to an anchor that is not defined before it at line 1, column 4");
    check_error("- a\n", "`the policy` is a list, not a map at line 1, column 1");
    check_error("creation_rules: x\n", "`creation_rules` is text, not a list at line 1, column 17");
    check_error(
        "creation_rules:\n- {path_regex: b}\n- {path_regex: [a]}\n",
        "`path_regex` is a list, not text at line 3, column 16",
    );
    check_error("creation_rules:\n- age: 5\n", "`age` is a number, not text, or a list of texts at line 2, column 8");
    check_error("creation_rules:\n- age: [a, '']\n", "empty recipient in `age` at line 2, column 12");
    check_error(
        "creation_rules:\n- encrypted_regex: a\n  encrypted_suffix: b\n",
        "`encrypted_regex` and `encrypted_suffix` in the same rule at line 3, column 21",
    );
    check_error(
        "creation_rules:\n- path_regex: a**\n",
        "`path_regex` is not a regular expression that Go accepts at line 2, column 15",
    );
    check_error("creation_rules:\n- encrypted_regex: a**\n", "the rule's selector cannot be used at line 2, column 20");
    check_error(
        "creation_rules:\n- shamir_threshold: 3\n  key_groups: [{age: [a]}, {age: [b]}]\n",
        "`shamir_threshold` is 3 with 2 key groups at line 2, column 21",
    );
    check_error("stores: {yaml: {indent: -2}}\n", "`indent` cannot be -2 at line 1, column 25");
}

#[test]
fn an_error_that_has_a_known_remedy_hints_at_it() {
    let check = |rule: &str, expected: Option<&str>| {
        let policy = policy(&format!("creation_rules:\n- {rule}\n")).unwrap();
        let error = policy.rule_for(Path::new("/repo/a")).unwrap_err();
        assert_eq!(error.hint().and_then(|hint| hint.get(..12)), expected, "{rule}");
    };
    check("path_regex: apps/**/x", Some("this is not "));
    check("path_regex: '*.yaml'", Some("this is not "));
    check("path_regex: apps\\lab", Some("write `/` be"));
    check("path_regex: ^(?!prod)", Some("the first ru"));
    check("path_regex: '('", None);
    check("age: [a, '']", None);
}

#[test]
fn an_error_has_its_cause_as_source() {
    let refused = policy("creation_rules:\n- path_regex: x(?!a)\n").unwrap();
    let error = refused.rule_for(Path::new("/repo/a")).unwrap_err();
    let cause = std::error::Error::source(&error.kind).unwrap().to_string();
    assert_eq!(cause, "`(?!` would look around, which Go's expressions cannot (at byte 1 of the regular expression)");
}

#[track_caller]
fn check_warnings(text: &str, expected: &[&str]) {
    let found: Vec<String> = policy(text).unwrap().warnings().iter().map(ToString::to_string).collect();
    let expected: Vec<String> = expected.iter().map(|warning| format!("/repo/.sops.yaml: {warning}")).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn a_mistake_that_sops_swallows_is_a_warning_with_a_place() {
    check_warnings(
        "creation_rules:\n- age: a\n  encrypted_regexp: x\n  foo: 1\n",
        &[
            "unknown field `encrypted_regexp`, perhaps `encrypted_regex` at line 3, column 3",
            "unknown field `foo` at line 4, column 3",
        ],
    );
    check_warnings(
        "creation_rule: []\nx-people: []\nstores: {toml: {}, yaml: {ident: 2}}\n",
        &[
            "unknown field `creation_rule`, perhaps `creation_rules` at line 1, column 1",
            "unknown field `toml` at line 3, column 10",
            "unknown field `ident`, perhaps `indent` at line 3, column 27",
        ],
    );
    check_warnings(
        "creation_rules:\n- age: a\n- age: b\n  path_regex: x\n",
        &["rule 2 is never reached: rule 1 matches every path that it matches at line 4, column 15"],
    );
    check_warnings(
        "creation_rules:\n- {age: a, path_regex: ^x}\n- {age: b, path_regex: ^x}\n",
        &["rule 2 is never reached: rule 1 matches every path that it matches at line 3, column 24"],
    );
    check_warnings(
        "creation_rules:\n- key_groups: [{age: [a]}, {pgp: [b]}]\n",
        &["rule 1 has 2 key groups and no `shamir_threshold`: a key of every group is needed to decrypt, and of one \
             group any key would do at line 2, column 3"],
    );
    check_warnings(
        "creation_rules:\n- {age: a, path_regex: '.*.yaml'}\n",
        &["the dot before `yaml` matches any character: `\\.yaml` matches a dot at line 2, column 24"],
    );
    check_warnings(
        "creation_rules:\n- {path_regex: x}\n",
        &["rule 1 has a key group without a key at line 2, column 3"],
    );
}

#[test]
fn a_rule_that_cannot_be_used_is_a_warning_until_it_is_used() {
    check_warnings(
        "creation_rules:\n- {age: a, path_regex: y}\n- {age: a, path_regex: 'a**'}\n- {age: a, encrypted_regex: '('}\n",
        &[
            "rule 2 cannot be used: `path_regex` is not a regular expression that Go accepts: `**` repeats a repetition (at byte 1 of the regular expression) at line 3, column 24",
            "rule 3 cannot be used: the rule's selector cannot be used: `encrypted_regex` is not a regular expression that Go accepts: this `(` is never closed (at byte 0 of the regular expression) at line 4, column 29",
        ],
    );
    check_warnings(
        "creation_rules:\n- {age: a, encrypted_regex: x, encrypted_suffix: y}\n",
        &["rule 1 cannot be used: `encrypted_regex` and `encrypted_suffix` in the same rule at line 2, column 50"],
    );
}

#[test]
fn a_key_that_is_named_twice_is_a_warning_unless_it_is_merged() {
    check_warnings(
        "creation_rules:\n- age: a, b,a\n",
        &["rule 1 names `a` more than once in a key group at line 2, column 8"],
    );
    check_warnings(
        "creation_rules:\n- key_groups: [{age: [b, a, a]}]\n",
        &["rule 1 names `a` more than once in a key group at line 2, column 29"],
    );
    check_warnings("creation_rules:\n- key_groups: [{merge: [{age: [a]}], age: [a]}]\n", &[]);
    check_warnings(
        "creation_rules:\n- shamir_threshold: 2\n  key_groups: [{age: [a]}, {age: [b, a]}]\n",
        &["rule 1 names `a` more than once in different key groups at line 3, column 38"],
    );
}

#[test]
fn nothing_doubtful_in_a_sound_policy() {
    check_warnings(
        "keys: [&a age1a, &b age1b]\ncreation_rules:\n\
         - path_regex: ^k8s/clusters/lab/.*\\.sops\\.ya?ml$\n  encrypted_regex: ^(data|stringData)$\n  \
         key_groups: [{age: [*a, *b]}]\n\
         - shamir_threshold: 2\n  key_groups: [{age: [*a]}, {age: [*b]}]\n\
         destination_rules: []\nstores: {yaml: {indent: 2}}\nx: 1\n",
        &[],
    );
}

#[track_caller]
fn check_names(text: &str, expected: &[&str]) {
    assert_eq!(policy(text).unwrap().names_of("age1a"), expected, "{text}");
}

#[test]
fn a_recipient_is_known_by_its_anchors() {
    let text = "creation_rules:\n- age: &first age1a\n- age: [*first, &c !!str age1c]\nkeys:\n  - &lab age1a # cluster\n  - &b \"age1b\"\n  - age1d\n";
    let policy = policy(text).unwrap();
    assert_eq!(policy.names_of("age1a"), ["lab", "first"]);
    assert_eq!(policy.names_of("age1b"), ["b"]);
    assert_eq!(policy.names_of("age1c"), ["c"]);
    assert!(policy.names_of("age1d").is_empty());
    assert_eq!(policy.names().count(), 3);
    check_names("x: &l [age1a]\ny: # &no\n  age1a\nz: {q: &m\n  age1a, r: &n  !!str  age1a}\n", &["m", "n"]);
}

#[test]
fn stores_say_how_files_are_laid_out() {
    let check = |text: &str, yaml: (usize, bool), json| {
        let policy = policy(text).unwrap();
        let stores = policy.stores();
        assert_eq!((stores.yaml_indent, stores.yaml_indent_given), yaml, "{text}");
        assert_eq!((stores.json_indent, stores.json_binary_indent), json, "{text}");
    };
    let tabs = (JsonIndent::Tab, JsonIndent::Tab);
    check("", (4, false), tabs);
    check("stores: {yaml: {indent: 2}}", (2, true), tabs);
    check("stores: {yaml: {indent: 0}}", (4, false), tabs);
    check("stores: {yaml: {indent: 1}}", (2, true), tabs);
    check("stores: {yaml: {indent: 12}}", (2, true), tabs);
    check("stores: {yaml: {indent: 010}}", (8, true), tabs);
    check("stores: {yaml: {indent: }, dotenv: {}, ini: }", (4, false), tabs);
    check(
        "stores: {json: {indent: -1}, json_binary: {indent: 3}}",
        (4, false),
        (JsonIndent::Tab, JsonIndent::Spaces(3)),
    );
}

#[test]
fn foreign_keys_are_kept_in_the_order_of_sops() {
    let ids = |text: &str| -> Vec<String> {
        let policy = policy(text).unwrap();
        let groups = &policy.rules()[0].key_groups;
        let keys = groups.iter().flat_map(|group| &group.0);
        keys.map(|key| format!("{} {}", key.kind_name(), key.id())).collect()
    };
    assert_eq!(
        ids("creation_rules:\n- hc_vault_transit_uri: https://v/v1/t/keys/k\n  azure_keyvault: https://a/keys/k/1\n  \
             hckms: ['r:1']\n  gcp_kms: [projects/p]\n  aws_profile: me\n  kms: arn:aws:k+arn:aws:r\n  pgp: AB CD, EF\n  age: a\n"),
        [
            "age a",
            "pgp ABCD",
            "pgp EF",
            "kms arn:aws:k+arn:aws:r||me",
            "gcp_kms projects/p",
            "hckms r:1",
            "azure_kv https://a/keys/k/1",
            "hc_vault https://v/v1/t/keys/k",
        ]
    );
    assert_eq!(
        ids("creation_rules:\n- key_groups:\n  - hc_vault: [https://v/v1/t/keys/k]\n    \
             azure_keyvault: [{vaultUrl: https://a, key: k, version: '1'}]\n    hckms: [{key_id: 'r:1'}]\n    \
             gcp_kms: [{resource_id: projects/p}]\n    \
             kms: [{arn: x, role: y, context: {b: 2, a: 1}}]\n    pgp: [AB CD]\n    age: [a]\n    merge: [{age: [z]}]\n"),
        [
            "age z",
            "age a",
            "pgp ABCD",
            "kms x+y|a:1,b:2",
            "gcp_kms projects/p",
            "hckms r:1",
            "azure_kv https://a/keys/k/1",
            "hc_vault https://v/v1/t/keys/k",
        ]
    );
}

#[test]
fn the_subject_is_the_path_below_the_policy_or_all_of_it() {
    let check = |policy: &str, file: &str, subject: &str| {
        let policy = Policy::parse("", Path::new(policy)).unwrap();
        assert_eq!(policy.subject(Path::new(file)), subject, "{file}");
    };
    check("/repo/.sops.yaml", "/repo/a/b.yaml", "a/b.yaml");
    check("/repo/.sops.yaml", "/repo/a/../c//./b.yaml", "c/b.yaml");
    check("/repo/x/../.sops.yaml", "/repo/b.yaml", "b.yaml");
    check("/repo/.sops.yaml", "/repository/b.yaml", "/repository/b.yaml");
    check("/repo/.sops.yaml", "/repo/../b.yaml", "/b.yaml");
    check("/.sops.yaml", "/b.yaml", "/b.yaml");
}

#[test]
fn a_rule_is_compiled_once_for_many_files() {
    let policy = policy("creation_rules:\n- {age: a, path_regex: '^a', encrypted_regex: x}\n").unwrap();
    let first = policy.rule_for(Path::new("/repo/a1")).unwrap().unwrap().selector.unwrap();
    let second = policy.rule_for(Path::new("/repo/a2")).unwrap().unwrap().selector.unwrap();
    assert!(std::ptr::eq(first, second));
    assert_eq!(first.kind(), SelectorKind::EncryptedRegex);
}

#[test]
fn a_thousand_aliases_are_no_attack_and_a_million_are() {
    let many = "x: &x age1a\nkeys:\n".to_owned() + &"- *x\n".repeat(1000);
    assert!(policy(&many).is_ok());
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    assert_eq!(policy(&bomb).unwrap_err().kind, PolicyErrorKind::Yaml("too much or too deeply nested".to_owned()));
}

proptest! {
    #[test]
    fn no_text_makes_a_policy_panic(text in ".*", file in "[a-z./]*") {
        if let Ok(policy) = policy(&text) {
            drop(policy.warnings());
            std::hint::black_box(policy.rule_for(Path::new(&file)).is_ok());
        }
    }

    #[test]
    fn no_yaml_makes_a_policy_panic(text in policy_like()) {
        if let Ok(policy) = policy(&text) {
            drop(policy.warnings());
            std::hint::black_box(policy.rule_for(Path::new("/repo/a.yaml")).is_ok());
        }
    }
}

/// Texts of the words and signs that policies are made of.
fn policy_like() -> impl Strategy<Value = String> {
    let words = [
        "creation_rules:",
        "\n- ",
        "\n  ",
        "path_regex: ",
        "age: ",
        "key_groups: ",
        "merge: ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&a ",
        "*a",
        "<<: ",
        "age1x",
        "a**",
        "^(a|b)$",
        "~",
        "5",
        "-1",
        "1e400",
        "yes",
        "\"",
        "'",
        "stores:",
        "yaml:",
        "indent: ",
        "keys:",
        "\n",
        "#",
        "shamir_threshold: ",
        "encrypted_regex: ",
        "kms: ",
        "arn: ",
        "!!str ",
        "é",
        "? ",
        ": ",
        "---",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|parts| parts.concat())
}
