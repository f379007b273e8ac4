use super::*;

fn draft(text: &str) -> PolicyDraft {
    PolicyDraft::new(text.to_owned(), Path::new("/repo/.sops.yaml")).unwrap()
}

/// `text` after `change`, or the error.
fn after<T>(text: &str, change: impl FnOnce(&mut PolicyDraft) -> Result<T, PolicyEditError>) -> String {
    let mut draft = draft(text);
    match change(&mut draft) {
        Ok(_) => draft.text().to_owned(),
        Err(error) => {
            assert_eq!(draft.text(), text, "an error changes nothing");
            format!("error: {error}")
        }
    }
}

const NEW: NewName<'_> = NewName { name: "new", recipient: "age1new", comment: None };

#[track_caller]
fn check_add(text: &str, expected: &str) {
    assert_eq!(after(text, |draft| draft.add_name(&NEW)), expected, "{text}");
}

#[track_caller]
fn check_remove(text: &str, who: &str, expected: &str) {
    assert_eq!(after(text, |draft| draft.remove_recipient(who)), expected, "{text}");
}

#[track_caller]
fn check_to_rule(text: &str, who: &str, expected: &str) {
    assert_eq!(after(text, |draft| draft.add_to_rule(0, None, who)), expected, "{text}");
}

#[track_caller]
fn check_from_rule(text: &str, who: &str, expected: &str) {
    assert_eq!(after(text, |draft| draft.remove_from_rule(0, who)), expected, "{text}");
}

#[track_caller]
fn check_rule(text: &str, directory: &str, recipients: &[&str], expected: &str) {
    let new = NewRule { directory, recipients, ..NewRule::default() };
    assert_eq!(after(text, |draft| draft.add_rule(&new)), expected, "{text}");
}

#[test]
fn a_name_goes_behind_the_last_one_of_its_kind() {
    check_add(
        "keys:\n  - &a age1a\ncreation_rules: []\n",
        "keys:\n  - &a age1a\n  - &new age1new\ncreation_rules: []\n",
    );
    check_add(
        "keys:\n- &a age1a # first\n# of the rules\ncreation_rules: []\n",
        "keys:\n- &a age1a # first\n- &new age1new\n# of the rules\ncreation_rules: []\n",
    );
    check_add("keys:\r\n  -  &a age1a\r\n", "keys:\r\n  -  &a age1a\r\n  -  &new age1new\r\n");
    check_add("keys:\n  - &a \"age1a\"", "keys:\n  - &a \"age1a\"\n  - &new \"age1new\"");
    check_add("keys: [&a age1a, &b age1b]\n", "keys: [&a age1a, &b age1b, &new age1new]\n");
    check_add(
        "keys: [\n  &a age1a,\n  &b age1b # c\n]\n",
        "keys: [\n  &a age1a,\n  &b age1b, # c\n  &new age1new\n]\n",
    );
    check_add(
        "keys: [\n  &a age1a,\n  &b age1b, # c\n]\n",
        "keys: [\n  &a age1a,\n  &b age1b, # c\n  &new age1new,\n]\n",
    );
    check_add("keys:\n  a: &a age1a\n", "keys:\n  a: &a age1a\n  new: &new age1new\n");
}

#[test]
fn a_name_goes_into_the_list_that_holds_recipients_like_it() {
    check_add(
        "keys:\n  - &users\n    - &p ABCD\n  - &hosts\n    - &a age1a\n",
        "keys:\n  - &users\n    - &p ABCD\n  - &hosts\n    - &a age1a\n    - &new age1new\n",
    );
    check_add(
        "keys:\n  - &users:\n    - &a age1a\n  - &pgp:\n    - &p ABCD\n",
        "keys:\n  - &users:\n    - &a age1a\n    - &new age1new\n  - &pgp:\n    - &p ABCD\n",
    );
    check_add(
        "keys:\n  users: [&a age1a]\n  hosts:\n    - &h age1h\ncreation_rules: []\n",
        "keys:\n  users: [&a age1a]\n  hosts:\n    - &h age1h\n    - &new age1new\ncreation_rules: []\n",
    );
    check_add("people:\n  - &a age1a\n", "people:\n  - &a age1a\n  - &new age1new\n");
    check_add(
        "keys:\n  - &a age1a\nmore:\n  - &b age1b\n",
        "keys:\n  - &a age1a\n  - &new age1new\nmore:\n  - &b age1b\n",
    );
}

#[test]
fn a_list_of_names_is_made_before_the_rules() {
    check_add(
        "# top\n\n# rules\ncreation_rules:\n  - age: age1a\n",
        "# top\n\nkeys:\n  - &new age1new\n\n# rules\ncreation_rules:\n  - age: age1a\n",
    );
    check_add("---\ncreation_rules:\n- age: age1a\n", "---\nkeys:\n- &new age1new\ncreation_rules:\n- age: age1a\n");
    check_add("creation_rules: []\r\n", "keys:\r\n  - &new age1new\r\ncreation_rules: []\r\n");
    check_add("{creation_rules: [{age: age1a}]}\n", "{keys: [&new age1new], creation_rules: [{age: age1a}]}\n");
    check_add("", "keys:\n  - &new age1new\n");
    check_add("# c\n", "# c\nkeys:\n  - &new age1new\n");
    check_add("keys:\ncreation_rules: []\n", "keys:\n  - &new age1new\ncreation_rules: []\n");
    check_add("keys: # none\ncreation_rules: []\n", "keys: # none\n  - &new age1new\ncreation_rules: []\n");
    check_add("keys: []\n", "keys: [&new age1new]\n");
}

#[test]
fn a_comment_stands_below_the_others() {
    let check = |text: &str, expected: &str| {
        let new = NewName { comment: Some("cluster"), ..NEW };
        assert_eq!(after(text, |draft| draft.add_name(&new)), expected);
    };
    check("keys:\n  - &a age1a    # person\n", "keys:\n  - &a age1a    # person\n  - &new age1new # cluster\n");
    check("keys:\n  - &a age1a\n", "keys:\n  - &a age1a\n  - &new age1new # cluster\n");
    check(
        "keys:\n  - &abcdef age1abcdef  # person\n",
        "keys:\n  - &abcdef age1abcdef  # person\n  - &new age1new        # cluster\n",
    );
    check("keys: [&a age1a]\n", "keys: [&a age1a, &new age1new]\n");
    check("creation_rules:\n", "keys:\n  - &new age1new # cluster\ncreation_rules:\n");
}

#[test]
fn a_name_can_stand_beside_another() {
    let text = "keys:\n  - &a age1a # cluster\n  - &b age1b\n";
    assert_eq!(
        after(text, |draft| draft.add_name_beside("a", &NEW)),
        "keys:\n  - &a age1a # cluster\n  - &new age1new\n  - &b age1b\n"
    );
    assert_eq!(
        after(text, |draft| draft.add_name_beside("c", &NEW)),
        "error: no recipient is named `c`; there are a, b"
    );
}

#[test]
fn names_and_recipients_are_there_once() {
    check_add("keys: [&new age1a]\n", "error: `new` is the name of another recipient at line 1, column 8");
    check_add("keys: [&b age1new, &c age1new]\n", "error: the recipient has a name already: b, c");
    let bad = |name| after("", |draft| draft.add_name(&NewName { name, ..NEW }));
    assert_eq!(bad("a b"), "error: \"a b\" cannot be a name: letters, digits, `-` and `_` can");
    assert_eq!(bad(""), "error: \"\" cannot be a name: letters, digits, `-` and `_` can");
}

#[test]
fn a_removed_recipient_goes_from_names_rules_and_texts() {
    check_remove(
        "keys:\n  - &a age1a # one\n  # of b\n  - &b age1b # two\ncreation_rules:\n  - key_groups:\n      - age:\n          - *a\n          - *b # x\n",
        "b",
        "keys:\n  - &a age1a # one\n  # of b\ncreation_rules:\n  - key_groups:\n      - age:\n          - *a\n",
    );
    check_remove(
        "keys: [&a age1a, &b age1b]\ncreation_rules:\n  - key_groups: [{age: [*a, *b]}]\n  - age: age1a,age1b\n  - age: [age1b, age1a]\n",
        "b",
        "keys: [&a age1a]\ncreation_rules:\n  - key_groups: [{age: [*a]}]\n  - age: age1a\n  - age: [age1a]\n",
    );
    check_remove(
        "creation_rules:\n  - age: >-\n      age1a,\n      age1b,\n      age1c\n  - age: \"age1b, age1a\" # c\n  - age: 'age1a ,age1b'\n  - age: |\n      age1b,\n      age1c\n",
        "age1b",
        "creation_rules:\n  - age: >-\n      age1a,\n      age1c\n  - age: \"age1a\" # c\n  - age: 'age1a'\n  - age: |\n      age1c\n",
    );
    check_remove(
        "creation_rules:\n  - age: >-\n      age1a,\n      age1b,\n",
        "age1b",
        "creation_rules:\n  - age: >-\n      age1a,\n",
    );
    check_remove(
        "creation_rules:\n  - age: age1a,\n      age1b\n    pgp: X\n",
        "age1a",
        "creation_rules:\n  - age: age1b\n    pgp: X\n",
    );
}

#[test]
fn a_list_or_field_that_is_left_empty_goes_too() {
    check_remove(
        "keys:\n  - &a age1a\ncreation_rules:\n  - pgp: X\n    age: *a\n  - key_groups:\n      - age:\n          - *a\n        pgp:\n          - X\n",
        "a",
        "creation_rules:\n  - pgp: X\n  - key_groups:\n      - pgp:\n          - X\n",
    );
    check_remove(
        "keys:\n  - &hosts\n    - &a age1a\n  - &users\n    - &b age1b\ncreation_rules:\n  - age: *b\n",
        "a",
        "keys:\n  - &users\n    - &b age1b\ncreation_rules:\n  - age: *b\n",
    );
    check_remove("keys: [&a age1a]\ncreation_rules: []\n", "a", "creation_rules: []\n");
}

#[test]
fn every_name_of_a_removed_recipient_goes() {
    let text =
        "keys:\n  - &a age1a\n  - &b age1a\n  - &c age1c\ncreation_rules:\n  - age: [*a, *c]\n  - age: [*b, *c]\n";
    let mut draft = draft(text);
    let removed = draft.remove_recipient("b").unwrap();
    assert_eq!(removed, Removed { recipient: "age1a".into(), names: vec!["a".into(), "b".into()], rules: vec![0, 1] });
    assert_eq!(draft.text(), "keys:\n  - &c age1c\ncreation_rules:\n  - age: [*c]\n  - age: [*c]\n");
    check_remove(
        "all: &all [&a age1a, &b age1b]\ncreation_rules:\n  - age: *all\n  - key_groups: [{age: *all}]\n",
        "a",
        "all: &all [&b age1b]\ncreation_rules:\n  - age: *all\n  - key_groups: [{age: *all}]\n",
    );
    check_remove(
        "creation_rules:\n  - key_groups:\n    - age: [&a age1a, &b age1b]\n  - age: [*a, *b]\n",
        "a",
        "creation_rules:\n  - key_groups:\n    - age: [&b age1b]\n  - age: [*b]\n",
    );
    check_remove(
        "keys:\n- &a age1a\n- &g {age: [*a, age1b]}\ncreation_rules:\n- key_groups:\n  - merge: [*g]\n    age: [age1c]\n  - <<: *g\n",
        "a",
        "keys:\n- &g {age: [age1b]}\ncreation_rules:\n- key_groups:\n  - merge: [*g]\n    age: [age1c]\n  - <<: *g\n",
    );
}

#[test]
fn nobody_is_left_without_a_word() {
    check_remove(
        "keys: [&a age1a]\ncreation_rules:\n  - age: *a\n  - shamir_threshold: 2\n    key_groups: [{age: [*a]}, {age: [age1b]}, {age: [*a, age1c]}]\n",
        "a",
        "error: nobody would be left in rule 1, group 1 of rule 2, which has 3 groups and needs 2",
    );
    check_from_rule("creation_rules:\n  - age: age1a\n", "age1a", "error: nobody would be left in rule 1");
}

#[test]
fn a_recipient_is_replaced_and_keeps_its_name() {
    let replace = |text: &str| after(text, |draft| draft.replace_recipient("a", "age1new"));
    assert_eq!(
        replace(
            "keys:\n  - &a 'age1a' # c\ncreation_rules:\n  - age: *a\n  - age: age1b,age1a\n  - age: [\"age1a\"]\n"
        ),
        "keys:\n  - &a 'age1new' # c\ncreation_rules:\n  - age: *a\n  - age: age1b,age1new\n  - age: [\"age1new\"]\n"
    );
    assert_eq!(replace("keys: [&a age1a, &b age1new]\n"), "error: the recipient has a name already: b");
}

#[test]
fn a_recipient_joins_a_rule_in_the_rules_own_style() {
    let keys = "keys: [&a age1a, &b age1b]\n";
    let check = |rule: &str, expected: &str| {
        check_to_rule(&format!("{keys}creation_rules:\n{rule}"), "b", &format!("{keys}creation_rules:\n{expected}"));
    };
    check("  - age: age1a # c\n", "  - age: age1a,age1b # c\n");
    check("  - age: *a # c\n", "  - age: age1a,age1b # c\n");
    check("  - {age: *a}\n", "  - {age: \"age1a,age1b\"}\n");
    check("  - {age: age1a}\n", "  - {age: \"age1a,age1b\"}\n");
    check("  - age: \"age1a, age1c\"\n", "  - age: \"age1a, age1c, age1b\"\n");
    check("  - age: >-\n      age1a\n", "  - age: >-\n      age1a,\n      age1b\n");
    check("  - age: >-\n      age1a,\n      age1c,\n", "  - age: >-\n      age1a,\n      age1c,\n      age1b,\n");
    check("  - age: [*a]\n", "  - age: [*a, *b]\n");
    check("  - age:\n      - age1a # c\n      # d\n", "  - age:\n      - age1a # c\n      - *b\n      # d\n");
    check("  - key_groups: [{age: [*a]}]\n", "  - key_groups: [{age: [*a, *b]}]\n");
    check("  - key_groups:\n    - age:\n      - *a\n", "  - key_groups:\n    - age:\n      - *a\n      - *b\n");
    check(
        "  - key_groups:\n    - pgp:\n      - X\n",
        "  - key_groups:\n    - pgp:\n      - X\n      age:\n      - *b\n",
    );
    check("  - key_groups: [{pgp: [X]}]\n", "  - key_groups: [{pgp: [X], age: [*b]}]\n");
    check("  - path_regex: x\n    pgp: X\n", "  - path_regex: x\n    pgp: X\n    age: *b\n");
    check_to_rule("creation_rules:\n  - age: age1b\n", "age1b", "error: rule 1 names the recipient already");
}

#[test]
fn what_is_no_age_recipient_joins_no_list_of_them() {
    let text = "keys: [&p ABCD]\ncreation_rules:\n  - age: age1a\n";
    check_to_rule(text, "p", "error: \"p\" is no age recipient, and no name of one");
    check_rule(text, "a", &["bob"], "error: \"bob\" is no age recipient, and no name of one");
}

#[test]
fn keys_of_ssh_have_blanks_and_keep_them() {
    let key = "ssh-ed25519 AAAA x@y";
    let text = "keys:\n  - &a age1a\ncreation_rules:\n  - age: age1a\n  - age:\n      - *a\n";
    let mut draft = draft(text);
    draft.add_name(&NewName { recipient: key, ..NEW }).unwrap();
    draft.add_to_rule(0, None, "new").unwrap();
    draft.add_to_rule(1, None, "new").unwrap();
    let expected = "keys:\n  - &a age1a\n  - &new ssh-ed25519 AAAA x@y\ncreation_rules:\n  - age: age1a,ssh-ed25519 AAAA x@y\n  - age:\n      - *a\n      - *new\n";
    assert_eq!(draft.text(), expected);
    draft.remove_recipient(key).unwrap();
    assert_eq!(draft.text(), text);
}

#[test]
fn an_alias_is_only_used_behind_its_anchor() {
    check_to_rule(
        "creation_rules:\n  - age: ['age1a']\nkeys: [&b age1b]\n",
        "b",
        "creation_rules:\n  - age: ['age1a', 'age1b']\nkeys: [&b age1b]\n",
    );
    check_to_rule("creation_rules:\n  - age: ['age1a']\n", "age1c", "creation_rules:\n  - age: ['age1a', 'age1c']\n");
}

#[test]
fn what_several_rules_share_is_not_changed_for_one() {
    check_to_rule(
        "all: &all [age1a]\ncreation_rules:\n  - age: *all\n",
        "age1b",
        "error: rule 1 takes its recipients from an anchor or by `<<` at line 3, column 10",
    );
    check_to_rule(
        "all: &all {age: [age1a]}\ncreation_rules:\n  - key_groups:\n    - <<: *all\n",
        "age1b",
        "error: rule 1 takes its recipients from an anchor or by `<<` at line 4, column 7",
    );
    check_from_rule(
        "all: &all [age1a, age1b]\ncreation_rules:\n  - age: *all\n",
        "age1b",
        "error: the policy is written in a way in which this cannot be changed in place",
    );
    check_to_rule(
        "creation_rules:\n  - key_groups: [{age: [age1a]}, {age: [age1b]}]\n",
        "age1c",
        "error: rule 1 has 2 key groups",
    );
}

#[test]
fn a_group_can_be_said() {
    let text = "creation_rules:\n  - key_groups: [{age: [age1a]}, {age: [age1b]}]\n";
    assert_eq!(
        after(text, |draft| draft.add_to_rule(0, Some(1), "age1c")),
        "creation_rules:\n  - key_groups: [{age: [age1a]}, {age: [age1b, age1c]}]\n"
    );
}

#[test]
fn a_recipient_leaves_one_rule_and_keeps_its_name() {
    let keys = "keys: [&a age1a, &b age1b]\ncreation_rules:\n";
    check_from_rule(
        &format!("{keys}  - age: [*a, *b]\n  - age: [*a, *b]\n"),
        "b",
        &format!("{keys}  - age: [*a]\n  - age: [*a, *b]\n"),
    );
    check_from_rule(&format!("{keys}  - age: age1b,age1a\n"), "b", &format!("{keys}  - age: age1a\n"));
    check_from_rule(&format!("{keys}  - age: *a\n"), "b", "error: rule 1 does not name the recipient");
}

#[test]
fn a_second_recipient_stands_beside_the_first_everywhere() {
    let text = "keys: [&a age1a, &new age1new]\ncreation_rules:\n  - age: [*a, age1b]\n  - age: age1a, age1b\n  - age: *a\n  - age: age1b\n";
    assert_eq!(
        after(text, |draft| draft.add_beside("a", "new")),
        "keys: [&a age1a, &new age1new]\ncreation_rules:\n  - age: [*a, *new, age1b]\n  - age: age1a, age1new, age1b\n  - age: age1a,age1new\n  - age: age1b\n"
    );
}

const FIRST: &str = "keys:\n  - &lab age1lab\n  - &phx age1phx\n  - &alice age1alice\ncreation_rules:\n";

#[test]
fn a_new_rule_takes_after_its_neighbours() {
    let lab = "  - path_regex: ^k8s/clusters/lab/.*\\.sops\\.ya?ml$\n    encrypted_regex: ^(data|stringData)$\n    key_groups: [{age: [*lab, *alice]}]\n";
    let phx = lab.replace("lab", "phx");
    check_rule(&format!("{FIRST}{lab}"), "k8s/clusters/phx", &["phx", "alice"], &format!("{FIRST}{lab}{phx}"));
    check_rule(
        &format!("{FIRST}{lab}"),
        "k8s/clusters/phx/",
        &["phx"],
        &format!("{FIRST}{lab}{}", phx.replace(", *alice", "")),
    );
    let lab = "  # of lab\n  - encrypted_regex: '^(data)$' # x\n    # inner\n    path_regex: 'clusters/lab/.*\\.sops\\.yaml$'\n    age: >-\n      age1lab,\n      age1alice\n\n";
    let all = "  - path_regex: .*\n    age: age1alice\n";
    let phx = "  - encrypted_regex: '^(data)$'\n    path_regex: '^clusters/phx/.*\\.sops\\.yaml$'\n    age: >-\n      age1phx,\n      age1alice\n\n";
    check_rule(&format!("{FIRST}{lab}{all}"), "clusters/phx", &["phx", "alice"], &format!("{FIRST}{lab}{phx}{all}"));
}

#[test]
fn a_new_rule_stands_before_what_would_shadow_it_and_behind_what_is_more_precise() {
    let precise = "  - path_regex: ^c/phx/special/x\\.yaml$\n    age: *lab\n";
    let all = "  # everything else\n  - path_regex: \\.sops\\.yaml$\n    age: *lab\n";
    check_rule(
        &format!("{FIRST}{precise}{all}"),
        "c/phx",
        &["phx"],
        &format!("{FIRST}{precise}  - path_regex: ^c/phx/.*\\.sops\\.ya?ml$\n    age: *phx\n{all}"),
    );
    let taken = "  - path_regex: ^c/phx/.*\\.sops\\.ya?ml$\n    age: *lab\n";
    let text = format!("{FIRST}{taken}");
    let new = NewRule { directory: "c/phx", recipients: &["phx"], ..NewRule::default() };
    assert_eq!(draft(&text).add_rule(&new).unwrap(), 0);
}

#[test]
fn a_first_rule_is_written_as_kubernetes_needs_it() {
    let rule = "creation_rules:\n  - path_regex: ^a\\.b/.*\\.sops\\.ya?ml$\n    encrypted_regex: ^(data|stringData)$\n    key_groups:\n      - age: [*a]\n";
    let keys = "keys:\n  - &a age1a\n";
    check_rule(keys, "a.b", &["a"], &format!("{keys}{rule}"));
    check_rule(&format!("{keys}creation_rules: []\n"), "a.b", &["a"], &format!("{keys}{rule}"));
    check_rule(&format!("{keys}creation_rules:\n"), "a.b", &["a"], &format!("{keys}{rule}"));
    let pgp = "  - path_regex: x\n    pgp: X\n";
    let rest = rule.strip_prefix("creation_rules:\n").unwrap();
    check_rule(&format!("{keys}creation_rules:\n{pgp}"), "a.b", &["a"], &format!("{keys}creation_rules:\n{pgp}{rest}"));
    check_rule(keys, "../x", &["a"], "error: \"../x\" is no directory below the policy");
    check_rule(keys, "x", &[], "error: a rule without recipients");
}

#[test]
fn a_new_rule_can_have_its_own_expression_and_selector() {
    let text = format!("{FIRST}  - path_regex: ^a/\n    encrypted_regex: ^data$\n    age: *lab\n");
    let new = NewRule {
        directory: "b",
        recipients: &["phx"],
        path_regex: Some("^b/.*\\.env$"),
        selector: Some((crate::sops::selector::SelectorKind::UnencryptedSuffix, "_clear")),
        files: &["b/x.env", "a/x"],
    };
    assert_eq!(
        after(&text, |draft| draft.add_rule(&new)),
        format!("{text}  - path_regex: ^b/.*\\.env$\n    age: *phx\n    unencrypted_suffix: _clear\n")
    );
    let wide = NewRule { path_regex: Some("b/.*\\.env$"), files: &["b/x.env", "b2/b/x.env"], ..new };
    assert_eq!(
        after(&text, |draft| draft.add_rule(&wide)),
        "error: a rule for `b/.*\\.env$` would not be the one for b2/b/x.env"
    );
}

#[test]
fn the_rules_of_another_directory_are_copied() {
    let rules = "  - path_regex: ^c/lab/.*\\.env$ # env\n    age: [*lab, *alice]\n  - path_regex: ^c/lab/.*\\.yaml$\n    encrypted_regex: ^(data)$\n    key_groups:\n      - age:\n          - *lab\n          - *alice\n";
    let shared = "  - path_regex: ^apps/\n    age: [*lab, *alice]\n";
    let copies = rules.replace("lab", "phx").replace(" # env", "");
    let text = format!("{FIRST}{shared}{rules}");
    let mut draft = draft(&text);
    let like = draft.add_rules_like(("c/lab", "lab"), ("c/phx", "phx"), &[]).unwrap();
    assert_eq!(draft.text(), format!("{text}{copies}"));
    assert_eq!(like, Like { added: vec![3, 4], shared: vec![0] });
    assert_eq!(
        after(&text, |draft| draft.add_rules_like(("c/x", "lab"), ("c/phx", "phx"), &[])),
        "error: no rule has a `path_regex` for `c/x`"
    );
}

#[test]
fn a_rule_that_merges_its_recipients_is_not_copied_for_another() {
    assert_eq!(
        after(
            "g: &g {age: [age1a, age1c]}\ncreation_rules:\n  - path_regex: b/.*\n    key_groups:\n      - <<: *g\n",
            |draft| draft.add_rules_like(("b", "age1a"), ("c", "age1new"), &[]),
        ),
        "error: the policy is written in a way in which this cannot be changed in place"
    );
}

#[test]
fn a_rule_goes_with_its_own_comments() {
    let check = |text: &str, rule: usize, expected: &str| {
        assert_eq!(after(text, |draft| draft.remove_rule(rule)), expected, "{text}");
    };
    let text = "creation_rules:\n  # of a\n  - path_regex: a\n    age: x # in\n\n  # of b\n  - path_regex: b\n    age: x\n\n  - path_regex: c\n    age: x\n# end\n";
    check(text, 0, &text.replace("  # of a\n  - path_regex: a\n    age: x # in\n\n", ""));
    check(text, 1, &text.replace("  # of b\n  - path_regex: b\n    age: x\n\n", ""));
    check(text, 2, &text.replace("\n  - path_regex: c\n    age: x\n", ""));
    check(text, 3, "error: there is no rule 4; the policy has 3");
    check("creation_rules: [{age: a}, {age: b}]\n", 0, "creation_rules: [{age: b}]\n");
    check("creation_rules:\n- age: a\n- age: b", 1, "creation_rules:\n- age: a");
    check("creation_rules:\n- age: a\n", 0, "creation_rules: []\n");
    check(
        "creation_rules:\n- age: &a age1a\n- age: *a\n",
        0,
        "error: the policy is written in a way in which this cannot be changed in place",
    );
}

#[test]
fn recipients_are_listed_with_their_rules() {
    let list = draft("keys:\n  - &p ABCD\n  - &b age1b\n  - &a age1a\n  - &c age1a\ncreation_rules:\n  - path_regex: &x x\n    age: [*a, age1d]\n  - age: age1a\n    pgp: *p\n").recipients();
    let shown: Vec<_> = list
        .recipients
        .iter()
        .map(|one| (one.names.join(","), one.kind, one.id.as_str(), one.line, one.rules.clone()))
        .collect();
    let expected = [
        ("p", "pgp", "ABCD", Some(2), vec![2]),
        ("b", "age", "age1b", Some(3), vec![]),
        ("a,c", "age", "age1a", Some(4), vec![1, 2]),
        ("", "age", "age1d", Some(8), vec![1]),
    ];
    assert_eq!(shown, expected.map(|(names, kind, id, line, rules)| (names.to_owned(), kind, id, line, rules)));
}
