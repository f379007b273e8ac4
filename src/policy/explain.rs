//! Why a file is encrypted as it is: which rule of which policy applies to a path, and what `sops` would do instead.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{CreationRule, Found, Match, PathRegex, Policy, PolicyError, PolicyWarning, absolute, find};
use crate::{base::span::LineColumn, sops::selector::SelectorKind};

/// The version of what an [`Explanation`] is serialised to. It grows with every change that a reader could trip over.
pub const EXPLANATION_VERSION: u32 = 1;

/// What is to be explained.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The file, which need not exist; relative to the current directory if it is not absolute.
    pub file: &'a Path,
    /// The current directory, absolute.
    pub current_directory: &'a Path,
    /// The policy that `--config` or `SOPS_CONFIG` names, if any.
    pub given_policy: Option<&'a Path>,
}

/// The answer. Rules are counted from 1 in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// [`EXPLANATION_VERSION`].
    pub version: u32,
    /// The file, absolute.
    pub file: PathBuf,
    /// The policy that decides; `None` if there is none.
    pub policy: Option<PathBuf>,
    /// How the policy was chosen.
    pub chosen: Chosen,
    /// The text that the rules' expressions are searched in; `None` without a policy that can be read.
    pub subject: Option<String>,
    /// The rules before the one that applies, in order.
    pub passed_over: Vec<PassedOver>,
    /// The rule that applies.
    pub rule: Option<RuleExplanation>,
    /// Why there is no rule, or why it cannot be used.
    pub problem: Option<Problem>,
    /// The mistakes in the policy that stop nothing.
    pub warnings: Vec<Note>,
    /// What `sops` would do, started in the current directory.
    pub sops: SopsWould,
}

/// How the policy was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// It is the nearest one upward from the file.
    Nearest,
    /// It was named by `--config` or `SOPS_CONFIG`.
    Given,
}

/// A rule that does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Its number.
    pub rule: usize,
    /// Its line.
    pub line: usize,
    /// The expression that matches nowhere in the subject.
    pub path_regex: String,
}

/// The rule that applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleExplanation {
    /// Its number.
    pub rule: usize,
    /// Its line.
    pub line: usize,
    /// The expression that matches; `None` where every path does.
    pub path_regex: Option<String>,
    /// Whom the file is encrypted for.
    pub key_groups: Vec<Vec<KeyExplanation>>,
    /// How many of the groups are needed to decrypt.
    pub threshold: usize,
    /// Which values are encrypted.
    pub selector: SelectorExplanation,
    /// Whether the MAC covers encrypted values only.
    pub mac_only_encrypted: bool,
}

/// One who can open the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyExplanation {
    /// `age`, or the service that holds the key.
    pub kind: &'static str,
    /// The recipient, fingerprint, ARN or URL.
    pub id: String,
    /// The anchors on it in the policy.
    pub names: Vec<String>,
}

/// Which values are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelectorExplanation {
    /// The kind.
    pub kind: SelectorKind,
    /// The suffix or expression.
    pub pattern: String,
    /// Whether the rule names none, so that the default holds.
    pub default: bool,
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Problem {
    /// There is no policy.
    NoPolicy,
    /// The policy has no creation rules, so that SOPS takes it for none.
    NoRules,
    /// No rule matches.
    NoMatch,
    /// The policy cannot be read, or the rule that applies not be used.
    Unusable {
        /// Why, with the place.
        message: String,
    },
}

/// Something to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The file that it is about.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
    /// What it is.
    pub message: String,
}

/// What `sops` would do, started in the current directory: it searches there, not where the file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum SopsWould {
    /// The same policy, and so the same rule.
    UseTheSame,
    /// It finds no policy.
    FindNone,
    /// It uses another policy, in which no rule matches.
    MatchNone {
        /// That policy.
        policy: PathBuf,
    },
    /// It uses a rule of another policy.
    UseAnother {
        /// That policy.
        policy: PathBuf,
        /// The rule's number.
        rule: usize,
        /// Its line.
        line: usize,
        /// Whether it encrypts for the same keys, with the same selector and settings.
        same_result: bool,
    },
    /// It finds another policy and fails on it.
    Fail {
        /// That policy.
        policy: PathBuf,
        /// Why.
        message: String,
    },
}

/// A policy that was looked for and, if there, read.
enum Consulted {
    Missing,
    Unreadable(PathBuf, String),
    Read(Policy),
}

/// Answers `question`. Reads policies, and never the file itself.
#[must_use]
pub fn explain(question: &Question<'_>) -> Explanation {
    let file = absolute(question.current_directory, question.file);
    let start = file.parent().unwrap_or(&file);
    let (found, chosen) = match question.given_policy {
        Some(given) => {
            let policy = Some(absolute(question.current_directory, given));
            (Ok(Found { policy, ignored: None }), Chosen::Given)
        }
        None => (find(start), Chosen::Nearest),
    };
    let ignored = found.as_ref().ok().and_then(Found::warning);
    let consulted = consult(found, start);
    let mut explanation = blank(file, chosen);
    explanation.warnings.extend(ignored.as_ref().map(note));
    let ours = describe(&mut explanation, &consulted);
    explanation.sops = sops_would(question, &explanation, ours);
    explanation
}

/// The explanation of `file` as long as nothing is known.
const fn blank(file: PathBuf, chosen: Chosen) -> Explanation {
    Explanation {
        version: EXPLANATION_VERSION,
        file,
        policy: None,
        chosen,
        subject: None,
        passed_over: Vec::new(),
        rule: None,
        problem: None,
        warnings: Vec::new(),
        sops: SopsWould::UseTheSame,
    }
}

/// Reads the policy that a search from `start` found.
fn consult(found: io::Result<Found>, start: &Path) -> Consulted {
    let path = match found {
        Ok(Found { policy: Some(path), .. }) => path,
        Ok(Found { policy: None, .. }) => return Consulted::Missing,
        Err(error) => return Consulted::Unreadable(start.to_owned(), error.to_string()),
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("{}: {error}", path.display());
            return Consulted::Unreadable(path, message);
        }
    };
    match Policy::parse(&text, &path) {
        Ok(policy) => Consulted::Read(policy),
        Err(error) => Consulted::Unreadable(path, with_causes(&error)),
    }
}

/// Fills in what the policy says; gives back the rule that applies.
fn describe<'p>(explanation: &mut Explanation, consulted: &'p Consulted) -> Option<&'p CreationRule> {
    let policy = match consulted {
        Consulted::Missing => {
            explanation.problem = Some(Problem::NoPolicy);
            return None;
        }
        Consulted::Unreadable(path, message) => {
            explanation.policy = Some(path.clone());
            explanation.problem = Some(Problem::Unusable { message: message.clone() });
            return None;
        }
        Consulted::Read(policy) => policy,
    };
    explanation.policy = Some(policy.path().to_owned());
    explanation.subject = Some(policy.subject(&explanation.file));
    explanation.warnings.extend(policy.warnings().iter().map(note));
    let applies = match policy.rule_for(&explanation.file) {
        Ok(Some(Match { rule, .. })) => Some(rule),
        Ok(None) => {
            let none = if policy.has_creation_rules() { Problem::NoMatch } else { Problem::NoRules };
            explanation.problem = Some(none);
            None
        }
        Err(error) => {
            explanation.problem = Some(Problem::Unusable { message: with_causes(&error) });
            None
        }
    };
    let subject = explanation.subject.as_deref().unwrap_or_default();
    // Up to the rule that applies, or to the one that stops the search.
    let before = policy.rules().iter().map_while(|rule| passed_over(rule, subject));
    explanation.passed_over = before.collect();
    explanation.rule = applies.map(|rule| explain_rule(policy, rule));
    applies
}

fn passed_over(rule: &CreationRule, subject: &str) -> Option<PassedOver> {
    let regex = rule.path_regex.as_ref()?;
    let misses = regex.compiled().is_ok_and(|compiled| !compiled.is_match(subject));
    misses.then(|| PassedOver { rule: rule.index + 1, line: rule.place.line, path_regex: regex.as_str().to_owned() })
}

fn explain_rule(policy: &Policy, rule: &CreationRule) -> RuleExplanation {
    let groups = rule.key_groups.iter().map(|group| {
        let keys = group.0.iter().map(|key| KeyExplanation {
            kind: key.kind_name(),
            id: key.id().to_owned(),
            names: policy.names_of(key.id()).to_vec(),
        });
        keys.collect()
    });
    let (kind, pattern) = rule.selector_or_default();
    let selector = SelectorExplanation { kind, pattern: pattern.to_owned(), default: rule.selector.is_none() };
    RuleExplanation {
        rule: rule.index + 1,
        line: rule.place.line,
        path_regex: rule.path_regex.as_ref().map(|regex: &PathRegex| regex.as_str().to_owned()),
        key_groups: groups.collect(),
        threshold: rule.threshold(),
        selector,
        mac_only_encrypted: rule.mac_only_encrypted,
    }
}

/// What `sops` would do for the file, next to `ours`, the rule that applies here.
fn sops_would(question: &Question<'_>, explanation: &Explanation, ours: Option<&CreationRule>) -> SopsWould {
    // A policy that is named is the same for both.
    if question.given_policy.is_some() {
        return SopsWould::UseTheSame;
    }
    let found = find(question.current_directory);
    if found.as_ref().is_ok_and(|found| found.policy == explanation.policy) {
        return if explanation.policy.is_some() { SopsWould::UseTheSame } else { SopsWould::FindNone };
    }
    let policy = match consult(found, question.current_directory) {
        Consulted::Missing => return SopsWould::FindNone,
        Consulted::Unreadable(policy, message) => return SopsWould::Fail { policy, message },
        Consulted::Read(policy) => policy,
    };
    let path = policy.path().to_owned();
    match policy.rule_for(&explanation.file) {
        // Without a list of rules the file counts as none.
        Ok(None) if !policy.has_creation_rules() => SopsWould::FindNone,
        Ok(None) => SopsWould::MatchNone { policy: path },
        Ok(Some(Match { rule, .. })) => SopsWould::UseAnother {
            policy: path,
            rule: rule.index + 1,
            line: rule.place.line,
            same_result: ours.is_some_and(|ours| ours.encrypts_like(rule)),
        },
        Err(error) => SopsWould::Fail { policy: path, message: with_causes(&error) },
    }
}

fn note(warning: &PolicyWarning) -> Note {
    Note {
        path: warning.path.clone(),
        line: warning.place.map(|LineColumn { line, .. }| line),
        column: warning.place.map(|LineColumn { column, .. }| column),
        message: warning.kind.to_string(),
    }
}

/// An explanation is told in one piece, with the causes of what is wrong.
fn with_causes(error: &PolicyError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(&error.kind);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use assert_fs::{TempDir, prelude::*};

    use super::*;
    use crate::policy::render_explanation;

    const ROOT: &str = "\
keys: [&lab age1lab, &alice age1alice]
creation_rules:
- path_regex: ^other/
  age: age1x
- path_regex: \\.sops\\.yaml$
  encrypted_regex: ^data$
  key_groups: [{age: [*lab, *alice]}]
- age: *alice
";

    /// A repository with a policy at its root, and in `apps` another one.
    fn repository(apps: &str) -> TempDir {
        let repository = TempDir::new().unwrap();
        repository.child(".sops.yaml").write_str(ROOT).unwrap();
        if !apps.is_empty() {
            repository.child("apps/.sops.yaml").write_str(apps).unwrap();
        }
        repository
    }

    fn ask(repository: &TempDir, from: &str, file: &str, given: Option<&str>) -> Explanation {
        explain(&Question {
            file: Path::new(file),
            current_directory: &repository.child(from),
            given_policy: given.map(Path::new),
        })
    }

    /// The page for `file`, asked `from` a directory, with the repository's own path left out.
    #[track_caller]
    fn check(repository: &TempDir, from: &str, file: &str, expected: &str) {
        let page = render_explanation(&ask(repository, from, file, None));
        let root = format!("{}/", repository.path().display());
        assert_eq!(page.replace(&root, ""), expected);
    }

    #[test]
    fn the_page_tells_the_rule_and_why_not_the_ones_before() {
        check(
            &repository(""),
            "",
            "apps/../new.sops.yaml",
            "\
file      new.sops.yaml
policy    .sops.yaml (nearest upward from the file)
matched   new.sops.yaml
rule 1    line 3: no, `^other/` is not found
rule 2    line 5: yes, `\\.sops\\.yaml$` is found
for       lab age1lab
for       alice age1alice
selector  encrypted_regex: ^data$
sops      would use the same policy from here
",
        );
    }

    #[test]
    fn the_nearest_policy_of_the_file_decides_and_not_that_of_the_current_directory() {
        let repository = repository("creation_rules: [{shamir_threshold: 2, key_groups: [{age: [a]}, {pgp: [F]}]}]");
        check(
            &repository,
            "",
            "apps/x.yaml",
            "\
file      apps/x.yaml
policy    apps/.sops.yaml (nearest upward from the file)
matched   x.yaml
rule 1    line 1: yes, it is for every path
group 1
for       a
group 2
for       pgp F
threshold 2 of 2 groups
selector  unencrypted_suffix: _unencrypted (the default)
sops      would use rule 3 (line 8) of .sops.yaml from here, to another result
",
        );
        let from_apps = ask(&repository, "apps", "x.yaml", None);
        assert_eq!(from_apps.sops, SopsWould::UseTheSame);
        let given = ask(&repository, "", "apps/x.yaml", Some(".sops.yaml"));
        assert_eq!((given.chosen, given.sops), (Chosen::Given, SopsWould::UseTheSame));
        assert_eq!(given.rule.unwrap().rule, 3);
    }

    #[test]
    fn sops_may_match_none_or_fail_or_agree_from_elsewhere() {
        let sops = |apps: &str| {
            let repository = repository(apps);
            let answer = ask(&repository, "apps", "../x.sops.yaml", None);
            assert_eq!(answer.rule.unwrap().rule, 2);
            let policy = repository.child("apps/.sops.yaml").to_path_buf();
            (answer.sops, policy)
        };
        let (found, policy) = sops("creation_rules: [{path_regex: ^never$}]");
        assert_eq!(found, SopsWould::MatchNone { policy });
        let (found, policy) = sops("creation_rules: [{encrypted_regex: ^data$, age: 'age1lab,age1alice'}]");
        assert_eq!(found, SopsWould::UseAnother { policy, rule: 1, line: 1, same_result: true });
        let (found, policy) = sops("creation_rules: [");
        assert!(
            matches!(found, SopsWould::Fail { policy: other, message } if other == policy && message.contains("line 1"))
        );
        assert_eq!(sops("stores: {}").0, SopsWould::FindNone);
    }

    #[test]
    fn without_a_policy_or_a_match_the_page_says_so() {
        let empty = TempDir::new().unwrap();
        empty.child(".sops.yml").write_str(ROOT).unwrap();
        check(
            &empty,
            "",
            "x.yaml",
            "\
file      x.yaml
policy    none upward from the file
problem   there is no .sops.yaml upward from the file
warning   .sops.yml: this file is not read: the policy's name is `.sops.yaml`
sops      would find no policy from here
",
        );
        let answer = ask(&repository("creation_rules: []"), "", "apps/x", None);
        assert_eq!(answer.problem, Some(Problem::NoMatch));
        let answer = ask(&repository("stores: {}"), "", "apps/x", None);
        assert_eq!(answer.problem, Some(Problem::NoRules));
        let answer = ask(&repository("creation_rules: [{path_regex: '**'}]"), "", "apps/x", None);
        assert!(matches!(answer.problem, Some(Problem::Unusable { message }) if message.ends_with(
            "apps/.sops.yaml: `path_regex` is not a regular expression that Go accepts at line 1, column 31: \
             `*` has nothing to repeat (at byte 0 of the regular expression)"
        )));
        let answer = ask(&empty, "", "x", Some("missing.yaml"));
        assert!(matches!(answer.problem, Some(Problem::Unusable { message }) if message.contains("missing.yaml")));
    }

    #[test]
    fn the_answer_as_json_has_a_version() {
        let json = serde_json::to_value(ask(&repository(""), "", "x.sops.yaml", None)).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(
            json["rule"]["key_groups"][0][0],
            serde_json::json!({"kind": "age", "id": "age1lab", "names": ["lab"]})
        );
        assert_eq!(
            json["rule"]["selector"],
            serde_json::json!({"kind": "encrypted_regex", "pattern": "^data$", "default": false})
        );
        assert_eq!(json["sops"], serde_json::json!({"outcome": "use_the_same"}));
        assert_eq!(json["passed_over"][0]["path_regex"], "^other/");
    }
}
