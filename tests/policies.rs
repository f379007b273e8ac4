//! Policies in many styles, changed in place: what differs is what was meant, line by line. Ours are in
//! `tests/policies/styles`; those of public repositories are brought by `tests/corpus/fetch.py --list
//! tests/policies/files.tsv`, and `POLICIES` names the directory where they lie.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use gitops_secrets::{
    base::line_diff::{DiffLine, diff_lines},
    policy::{
        Policy,
        edit::{NewName, NewRule, PolicyDraft, PolicyEditError},
    },
};
use proptest::prelude::*;

const NEW: &str = "age1lfycgdv5er7tezksh78p5nhfzte9xy6u72yeaefs0pgt3azgsv2qj84d5z";
const NAMED: NewName<'_> = NewName { name: "zz-new", recipient: NEW, comment: None };

/// What a rule says: path, groups, threshold, selector.
type Rule = (String, Vec<BTreeSet<String>>, usize, String);

/// How often each change was made, or refused.
type Counts = BTreeMap<String, usize>;

fn draft(text: &str) -> PolicyDraft {
    PolicyDraft::new(text.to_owned(), Path::new("/repo/.sops.yaml")).unwrap()
}

/// The rules of a policy as anybody reads them.
fn rules(text: &str) -> Vec<Rule> {
    let policy = Policy::parse(text, Path::new("/repo/.sops.yaml")).unwrap();
    let rule = |rule: &gitops_secrets::policy::CreationRule| {
        let path = rule.path_regex.as_ref().map_or("", |regex| regex.as_str()).to_owned();
        let groups =
            rule.key_groups.iter().map(|group| group.0.iter().map(|key| key.id().to_owned()).collect()).collect();
        let selector = rule.selector.as_ref().map(|one| format!("{} {}", one.kind, one.pattern())).unwrap_or_default();
        (path, groups, rule.threshold(), selector)
    };
    policy.rules().iter().map(rule).collect()
}

/// The lines that go, those that come, and in how many places.
fn difference<'t>(old: &'t str, new: &'t str) -> (Vec<&'t str>, Vec<&'t str>, usize) {
    let (mut removed, mut added, mut places, mut is_same) = (Vec::new(), Vec::new(), 0, true);
    for line in diff_lines(old, new) {
        match line {
            DiffLine::Kept(_) => {
                is_same = true;
                continue;
            }
            DiffLine::Removed(line) => removed.push(line),
            DiffLine::Added(line) => added.push(line),
        }
        places += usize::from(is_same);
        is_same = false;
    }
    (removed, added, places)
}

/// Whether `longer` is `shorter` with something put in.
fn grows(shorter: &str, longer: &str) -> bool {
    let mut rest = shorter.trim_end().chars().peekable();
    for sign in longer.chars() {
        let _ = rest.next_if_eq(&sign);
    }
    rest.peek().is_none()
}

/// Makes every change of one policy that there is to make, each on its own, and looks at every line that differs.
fn change_all(text: &str, counts: &mut Counts) {
    add_name(text, counts);
    remove_each(text, counts);
    replace_each(text, counts);
    change_rules(text, counts);
    add_rule(text, counts);
    add_rules_like(text, counts);
}

fn count<T>(counts: &mut Counts, what: &str, outcome: &Result<T, PolicyEditError>) {
    let key = match outcome {
        Ok(_) => what.to_owned(),
        Err(PolicyEditError::Emptied(_)) => format!("{what}: nobody would be left"),
        Err(PolicyEditError::Shared { .. }) => format!("{what}: the rule shares its recipients"),
        Err(PolicyEditError::SeveralGroups { .. }) => format!("{what}: several groups"),
        Err(error) => format!("{what}: {error}"),
    };
    *counts.entry(key).or_default() += 1;
}

fn add_name(text: &str, counts: &mut Counts) {
    let mut changed = draft(text);
    let outcome = changed.add_name(&NAMED);
    count(counts, "add a name", &outcome);
    outcome.unwrap();
    let (removed, added, places) = difference(text, changed.text());
    assert_eq!(places, 1, "{}", changed.text());
    assert!(
        added
            .iter()
            .any(|line| line.contains(&format!("&zz-new {NEW}")) || line.contains(&format!("&zz-new \"{NEW}\"")))
    );
    // One line, or a section with a blank line behind it; in brackets, a line that grows.
    assert!(removed.len() <= 1 && added.len() <= 3, "{removed:?} {added:?}");
    assert!(removed.iter().all(|line| added.iter().any(|new| grows(line, new))), "{removed:?} {added:?}");
    assert_eq!(rules(changed.text()), rules(text));
    // The way back.
    let had_names = text.contains("keys:") && !text.contains("keys: []");
    changed.remove_recipient("zz-new").unwrap();
    assert!(!had_names || changed.text() == text, "{}", changed.text());
}

fn remove_each(text: &str, counts: &mut Counts) {
    for listed in draft(text).recipients().recipients {
        if listed.kind != "age" {
            continue;
        }
        let mut changed = draft(text);
        let outcome = changed.remove_recipient(&listed.id);
        count(counts, "remove a recipient", &outcome);
        if outcome.is_err() {
            assert!(matches!(outcome, Err(PolicyEditError::Emptied(_))), "{outcome:?} {text}");
            assert_eq!(changed.text(), text);
            continue;
        }
        let mut expected = rules(text);
        for group in expected.iter_mut().flat_map(|rule| &mut rule.1) {
            group.remove(&listed.id);
        }
        assert_eq!(rules(changed.text()), expected);
        assert!(!changed.text().contains(&listed.id));
        let (removed, added, _) = difference(text, changed.text());
        let names_it = |line: &str| {
            line.contains(&listed.id) || listed.names.iter().any(|name| line.contains(&format!("*{name}")))
        };
        for line in &removed {
            // What holds nothing else than it: `age:`, `- &hosts`.
            let is_around = line.trim_end().ends_with(':') || line.trim_start().starts_with("- &");
            // The next one takes the place of the first one of a text.
            let is_left = added.iter().any(|new| grows(new, line) || new.contains(line.trim()));
            assert!(names_it(line) || is_around || is_left, "{line:?} {}", changed.text());
        }
        // A field takes the place of the one before it behind the dash.
        let bare = |line: &str| line.trim_start_matches([' ', '-']).to_owned();
        let all = removed.concat();
        let is_rest = |line: &&str| grows(line, &all) || removed.iter().any(|old| bare(line) == bare(old));
        assert!(added.iter().all(is_rest), "{removed:?} {added:?}");
        assert!(added.iter().all(|line| !names_it(line)));
    }
}

/// A key is rotated: a second one beside it, then the first one goes; or the name gets another recipient at once.
fn replace_each(text: &str, counts: &mut Counts) {
    for listed in draft(text).recipients().recipients.iter().filter(|listed| listed.kind == "age") {
        let with_new = |keep_old: bool| {
            let mut expected = rules(text);
            for group in expected.iter_mut().flat_map(|rule| &mut rule.1).filter(|group| group.contains(&listed.id)) {
                group.insert(NEW.to_owned());
                _ = !keep_old && group.remove(&listed.id);
            }
            expected
        };
        let places = listed.rules.len();
        let mut changed = draft(text);
        if changed.add_name(&NAMED).is_ok() {
            let named = changed.text().to_owned();
            let outcome = changed.add_beside(&listed.id, "zz-new");
            count(counts, "add beside another", &outcome);
            outcome.unwrap();
            assert_eq!(rules(changed.text()), with_new(true));
            let (removed, added, _) = difference(&named, changed.text());
            assert!(added.len() >= removed.len() && removed.len() <= places, "{removed:?} {added:?}");
            assert!(
                added.iter().all(|line| line.contains(NEW) || line.contains("*zz-new") || line.contains(&listed.id))
            );
            let outcome = changed.remove_recipient(&listed.id);
            count(counts, "remove the other", &outcome);
            outcome.unwrap();
            assert_eq!(rules(changed.text()), with_new(false));
        }
        let Some(name) = listed.names.first() else { continue };
        let mut changed = draft(text);
        let outcome = changed.replace_recipient(name, NEW);
        count(counts, "replace a recipient", &outcome);
        outcome.unwrap();
        assert_eq!(rules(changed.text()), with_new(false));
        assert_eq!(changed.text(), text.replace(&listed.id, NEW));
    }
}

fn change_rules(text: &str, counts: &mut Counts) {
    let before = rules(text);
    for (number, rule) in before.iter().enumerate() {
        let group = (rule.1.len() > 1).then_some(0);
        let mut changed = draft(text);
        let outcome = changed.add_to_rule(number, group, NEW);
        count(counts, "add to a rule", &outcome);
        if outcome.is_ok() {
            let mut expected = before.clone();
            expected[number].1[0].insert(NEW.to_owned());
            assert_eq!(rules(changed.text()), expected);
            let (removed, added, places) = difference(text, changed.text());
            assert!(places <= 1 && removed.len() <= 1 && added.len() <= 2, "{removed:?} {added:?}");
            assert!(added.iter().any(|line| line.contains(NEW)));
            // An alias between commas becomes the text that it stands for.
            let is_alias = |line: &&str| line.contains("age: *");
            assert!(removed.iter().all(|line| is_alias(line) || added.iter().any(|new| grows(line, new))), "{added:?}");
            let has_alias = removed.iter().any(is_alias);
            changed.remove_from_rule(number, NEW).unwrap();
            assert_eq!(rules(changed.text()), before);
            assert!(
                has_alias || difference(text, changed.text()).2 == 0 || text.contains("age: age1"),
                "{}",
                changed.text()
            );
        } else {
            assert!(matches!(outcome, Err(PolicyEditError::Shared { .. })), "{outcome:?} {text}");
        }
        let mut changed = draft(text);
        let outcome = changed.remove_rule(number);
        count(counts, "remove a rule", &outcome);
        outcome.unwrap();
        let mut expected = before.clone();
        expected.remove(number);
        assert_eq!(rules(changed.text()), expected);
        let (_, added, places) = difference(text, changed.text());
        let shown = changed.text();
        assert!(places <= 1 || before.len() == 1, "{shown}");
        assert!(
            added.is_empty() || before.len() == 1 || text.contains('{') || !text.ends_with('\n'),
            "{added:?} {shown}"
        );
    }
}

fn add_rule(text: &str, counts: &mut Counts) {
    let mut changed = draft(text);
    changed.add_name(&NAMED).unwrap();
    let named = changed.text().to_owned();
    let everybody = changed.recipients().recipients;
    let other =
        everybody.iter().find(|listed| listed.kind == "age" && listed.id != NEW).map(|listed| listed.id.as_str());
    let recipients: Vec<&str> = std::iter::once("zz-new").chain(other).collect();
    let new = NewRule { directory: "zz/new.cluster", recipients: &recipients, ..NewRule::default() };
    let outcome = changed.add_rule(&new);
    count(counts, "add a rule", &outcome);
    let at = outcome.unwrap();
    let mut after = rules(changed.text());
    let added_rule = after.remove(at);
    assert_eq!(after, rules(text));
    assert!(added_rule.0.starts_with(r"^zz/new\.cluster/"), "{added_rule:?}");
    let id = |who: &&str| if *who == "zz-new" { NEW.to_owned() } else { (*who).to_owned() };
    assert_eq!(added_rule.1, [recipients.iter().map(id).collect::<BTreeSet<_>>()]);
    let (removed, added, places) = difference(&named, changed.text());
    let shown = changed.text();
    assert!(places <= 1, "{shown}");
    // The last line of a file may get the line break that it lacks.
    assert!(removed.len() <= 1 && removed.iter().all(|line| added.iter().any(|new| grows(line, new))), "{removed:?}");
    assert!(added.len() <= 12, "{shown}");
    let path = Path::new("/repo/zz/new.cluster/db.sops.yaml");
    let matched = changed.policy().rule_for(path).unwrap().map(|matched| matched.rule.index);
    assert!(matched == Some(at) || !added_rule.0.contains("sops"), "{shown}");
    changed.remove_rule(at).unwrap();
    assert_eq!(rules(changed.text()), rules(text));
}

/// The rules for each directory that is spelt out, copied for another one.
fn add_rules_like(text: &str, counts: &mut Counts) {
    let before = rules(text);
    let mut directories = BTreeSet::new();
    for (path_regex, groups, ..) in &before {
        let literal = path_regex.trim_start_matches('^').split(['(', '[', '.', '*', '\\']).next().unwrap_or_default();
        let directory = literal.rsplit_once('/').map_or("", |(directory, _)| directory);
        let recipient = groups.iter().flatten().find(|id| id.starts_with("age1"));
        let (false, Some(recipient)) = (directory.is_empty(), recipient) else { continue };
        if !directories.insert(directory.to_owned()) {
            continue;
        }
        let mut changed = draft(text);
        let outcome = changed.add_rules_like((directory, recipient), ("zz/new.cluster", NEW), &[]);
        count(counts, "copy a directory's rules", &outcome);
        let Ok(like) = outcome else {
            assert_eq!(changed.text(), text);
            continue;
        };
        let mut after = rules(changed.text());
        for at in like.added.iter().rev() {
            let copy = after.remove(*at);
            assert!(copy.0.contains(r"zz/new\.cluster") && !copy.1.iter().flatten().any(|id| id == recipient));
        }
        assert_eq!(after, before);
        let (removed, _, places) = difference(text, changed.text());
        assert!(places == 1 && removed.len() <= 1, "{}", changed.text());
        assert!(removed.is_empty() || !text.ends_with('\n') || text.contains('{'), "{}", changed.text());
    }
}

fn read_all(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn styles() -> Vec<(PathBuf, String)> {
    read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/styles"))
}

#[test]
fn policies_of_every_style_change_in_the_intended_lines_only() {
    let mut counts = Counts::new();
    let files = styles();
    assert!(files.len() >= 10);
    for (path, text) in files {
        println!("{}", path.display());
        change_all(&text, &mut counts);
    }
    println!("{counts:#?}");
}

#[test]
#[ignore = "needs the files that tests/corpus/fetch.py brings"]
fn real_policies_change_in_the_intended_lines_only() {
    let folder = PathBuf::from(std::env::var_os("POLICIES").expect("POLICIES names the directory of the files"));
    let mut counts = Counts::new();
    let files = read_all(&folder);
    let listed = include_str!("policies/files.tsv").lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(files.len(), listed, "not all files are there");
    for (path, text) in files {
        println!("{}", path.display());
        change_all(&text, &mut counts);
    }
    println!("{counts:#?}");
}

/// A policy of one of the styles, with lines that a person could have put in.
fn disturbed() -> impl Strategy<Value = String> {
    let files: Vec<String> = styles().into_iter().map(|(_, text)| text).collect();
    let noise = prop::sample::select(vec!["# c", "      # deep", "", "  # two", "        # deeper", "# é ünï"]);
    (prop::sample::select(files), prop::collection::vec((any::<prop::sample::Index>(), noise), 0..6)).prop_map(
        |(text, noise)| {
            let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
            let mut lines: Vec<String> = text.split(newline).map(str::to_owned).collect();
            for (at, line) in noise {
                lines.insert(at.index(lines.len()), line.to_owned());
            }
            lines.join(newline)
        },
    )
}

proptest! {
    /// Whatever is asked: an error changes nothing, and a change touches no line that is not about it.
    #[test]
    fn a_change_is_made_as_meant_or_not_at_all(text in disturbed(), rule in 0_usize..4, who in 0_usize..6) {
        let Ok(original) = PolicyDraft::new(text.clone(), Path::new("/repo/.sops.yaml")) else { return Ok(()) };
        let listed = original.recipients().recipients;
        let id = listed.get(who % listed.len().max(1)).map(|one| one.id.clone()).unwrap_or_default();
        let before = rules(&text);
        let mut changed = original.clone();
        if changed.add_name(&NAMED).is_ok() {
            let (removed, added, places) = difference(&text, changed.text());
            prop_assert!(places == 1 && removed.len() <= 1 && added.len() <= 3);
            prop_assert_eq!(rules(changed.text()), before.clone());
        }
        let mut changed = original.clone();
        match changed.remove_recipient(&id) {
            Ok(_) => {
                let is_named = |rule: &Rule| rule.1.iter().any(|group| group.contains(&id));
                prop_assert!(!rules(changed.text()).iter().any(is_named));
                let comments = |text: &str| text.lines().filter(|line| line.trim_start().starts_with('#')).count();
                // A comment inside of a list that goes may go with it.
                prop_assert!(comments(changed.text()) <= comments(&text));
            }
            Err(_) => prop_assert_eq!(changed.text(), text.as_str()),
        }
        let mut changed = original.clone();
        match changed.add_to_rule(rule, Some(0), NEW) {
            Ok(()) => {
                let (removed, added, places) = difference(&text, changed.text());
                prop_assert!(places == 1 && removed.len() <= 1 && added.len() <= 2, "{} {:?}", text, added);
                let mut expected = before;
                expected[rule].1[0].insert(NEW.to_owned());
                prop_assert_eq!(rules(changed.text()), expected);
            }
            Err(_) => prop_assert_eq!(changed.text(), text.as_str()),
        }
    }
}
