//! A new rule for a directory: what it says, and where it has to stand to get the directory's files and no others.

use std::collections::BTreeSet;

use super::{
    PolicyDraft,
    error::PolicyEditError,
    meaning::{Meaning, RuleMeaning, swap},
    rule::{self, SECRET_FIELDS},
    site::{Site, rule_list, rules, sites},
    step::{self, Called, quoted},
};
use crate::{
    base::value_path::{Step, ValuePath},
    document::yaml::{
        change::{Address, set, unset},
        emit::{Position, Spelling, Value},
        scalar::Scalar,
        tree::{Layout, Tree},
    },
    policy::Policy,
    sops::{key_group::MasterKey, selector::SelectorKind},
};

/// What a rule's expression says behind the directory where no neighbour says anything.
const ANY_SOPS_FILE: &str = r".*\.sops\.ya?ml$";

/// Names that files below a directory could have, to try expressions on.
const FILE_NAMES: [&str; 14] = [
    "db.sops.yaml",
    "db.sops.yml",
    "db.sops.json",
    "db.sops.env",
    "secret.yaml",
    "secrets.yaml",
    "db.enc.yaml",
    "db-secret.yaml",
    "secrets/db.yaml",
    "db.env",
    "db.key",
    "db.pem",
    "db.txt",
    "db",
];

/// Directories that those could be in.
const SUBDIRECTORIES: [&str; 4] = ["", "a/", "apps/db/", "secrets/"];

/// A rule to be added. What it does not say is taken from the rule that is nearest and most like it.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewRule<'a> {
    /// The directory below that of the policy.
    pub directory: &'a str,
    /// Whom its files are encrypted for, each by name or as text; one group.
    pub recipients: &'a [&'a str],
    /// The expression, if it is not to be made of the directory.
    pub path_regex: Option<&'a str>,
    /// The selector, if it is not to be the neighbour's.
    pub selector: Option<(SelectorKind, &'a str)>,
    /// Files of the repository, below the policy's directory: none but those below `directory` may get another rule.
    pub files: &'a [&'a str],
}

/// What copying the rules of another directory did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Like {
    /// The rules that were added, from 0, in the new policy.
    pub added: Vec<usize>,
    /// The rules that name the other's recipient for more than its directory, from 0, in the new policy. They are as they
    /// were.
    pub shared: Vec<usize>,
}

/// One rule of another directory, to be copied.
#[derive(Debug, Clone, Copy)]
struct Copied<'a> {
    template: usize,
    at: usize,
    path_regex: &'a str,
}

impl PolicyDraft {
    /// Adds a rule for a directory, before the first rule that would get its files. The position of the rule comes back,
    /// from 0.
    ///
    /// # Errors
    /// No recipients, no directory, or a place where the rule gets its files and no others cannot be found.
    pub fn add_rule(&mut self, new: &NewRule<'_>) -> Result<usize, PolicyEditError> {
        let directory = clean_directory(new.directory)?;
        if new.recipients.is_empty() {
            return Err(PolicyEditError::NoRecipients);
        }
        let template = self.template()?;
        let path_regex = match new.path_regex {
            Some(path_regex) => path_regex.to_owned(),
            None => self.regex_for(directory, template),
        };
        let samples = samples(directory, &path_regex, new.files);
        if samples.is_empty() {
            return Err(PolicyEditError::Misses { path_regex, path: format!("{directory}/db.sops.yaml") });
        }
        let at = self.position_for(&samples);
        let called: Vec<Called> = new.recipients.iter().map(|who| self.age_recipient(who)).collect::<Result<_, _>>()?;
        let mut draft = self.clone();
        match template {
            Some(template) => draft.copy_rule(
                Copied { template, at, path_regex: &path_regex },
                |group| {
                    *group = called.iter().map(|one| MasterKey::Age(one.recipient.clone())).collect();
                },
                |text| set_recipients(text, at, &called),
            )?,
            None => draft.write_rule(at, &path_regex, &called)?,
        }
        if let Some((kind, pattern)) = new.selector {
            draft.set_selector(at, kind, pattern)?;
        }
        draft.check_matches(self, &[at], directory, (&samples, new.files))?;
        *self = draft;
        Ok(at)
    }

    /// Copies the rules for the directory `other_directory` to `directory`, with `who` in the place of `other`; recipients
    /// are given by name or as text.
    ///
    /// # Errors
    /// No rule has the other directory in its expression, or the copies would not get their files.
    pub fn add_rules_like(
        &mut self,
        (other_directory, other): (&str, &str),
        (directory, who): (&str, &str),
        files: &[&str],
    ) -> Result<Like, PolicyEditError> {
        let (from, to) = (clean_directory(other_directory)?, clean_directory(directory)?);
        let old = self.called(other)?.recipient;
        let new = self.age_recipient(who)?;
        let mut draft = self.clone();
        let mut like = Like::default();
        let regexes =
            self.policy.rules().iter().map(|rule| rule.path_regex.as_ref().map(|one| one.as_str().to_owned()));
        let originals: Vec<(usize, String)> =
            regexes.enumerate().filter_map(|(number, regex)| Some((number, moved(&regex?, from, to)?))).collect();
        let Some((last, _)) = originals.last() else { return Err(PolicyEditError::NoRuleOf(from.to_owned())) };
        let all: Vec<String> = originals.iter().flat_map(|(_, path_regex)| samples(to, path_regex, files)).collect();
        let at = self.position_for(&all).min(last + 1);
        for (count, (original, path_regex)) in originals.iter().enumerate() {
            let position = at + count;
            let template = if *original < at { *original } else { original + count };
            draft.copy_rule(
                Copied { template, at: position, path_regex },
                |group| swap(group, &old, &new.recipient),
                |text| swap_in_rule(text, position, &old, &new),
            )?;
            like.added.push(position);
        }
        draft.check_matches(self, &like.added, to, (&all, files))?;
        let shared = draft.policy.rules().iter().filter(|rule| RuleMeaning::of(rule).names(&old));
        let is_copied = |index: usize| {
            originals
                .iter()
                .any(|(original, _)| index == if *original < at { *original } else { original + originals.len() })
        };
        like.shared = shared.map(|rule| rule.index).filter(|index| !is_copied(*index)).collect();
        *self = draft;
        Ok(like)
    }

    /// The rules whose expression spells out `directory` as the one that they are for, from 0.
    #[must_use]
    pub fn rules_of(&self, directory: &str) -> Vec<usize> {
        let Ok(directory) = clean_directory(directory) else { return Vec::new() };
        let is_for = |regex: &str| moved(regex, directory, directory).is_some();
        let rules = self.policy.rules().iter();
        rules
            .filter(|rule| rule.path_regex.as_ref().is_some_and(|one| is_for(one.as_str())))
            .map(|rule| rule.index)
            .collect()
    }

    /// The rule that a new one is made after: the last that could be copied, of those for files of SOPS by name if any is.
    fn template(&self) -> Result<Option<usize>, PolicyEditError> {
        let tree = Tree::parse(&self.text)?;
        let templates = rule::templates(&tree, &self.policy);
        let is_usual = |number: &&usize| {
            let regex = self.policy.rules().get(**number).and_then(|rule| rule.path_regex.as_ref());
            regex.is_some_and(|regex| suffix(regex.as_str()).is_some_and(|suffix| matches(suffix, "db.sops.yaml")))
        };
        Ok(templates.iter().rfind(is_usual).or_else(|| templates.last()).copied())
    }

    /// The expression for `directory`, with the end of that of the neighbour.
    fn regex_for(&self, directory: &str, template: Option<usize>) -> String {
        let rule = template.and_then(|number| self.policy.rules().get(number));
        let neighbour = rule.and_then(|rule| rule.path_regex.as_ref()).and_then(|regex| suffix(regex.as_str()));
        format!("^{}/{}", escape(directory), neighbour.unwrap_or(ANY_SOPS_FILE))
    }

    /// Before the first rule that gets one of `samples`.
    fn position_for(&self, samples: &[String]) -> usize {
        let first = samples.iter().filter_map(|path| first_match(&self.policy, path)).min();
        first.unwrap_or(self.policy.rules().len())
    }

    /// Copies a rule; `mean` says what becomes of its groups, and `write` does it in the text.
    fn copy_rule(
        &mut self,
        Copied { template, at, path_regex }: Copied<'_>,
        mean: impl Fn(&mut BTreeSet<MasterKey>),
        write: impl Fn(&str) -> Result<String, PolicyEditError>,
    ) -> Result<(), PolicyEditError> {
        let tree = Tree::parse(&self.text)?;
        let copy = rule::copy(&tree, template).ok_or(PolicyEditError::Layout)?;
        let text = rule::insert(&self.text, &copy, at)?;
        let text = set_field(&text, at, "path_regex", path_regex)?;
        let text = write(&text)?;
        let mut expected = Meaning::of(&self.policy);
        let mut meaning = expected.rules.get(template).cloned().ok_or(PolicyEditError::Layout)?;
        meaning.path_regex = Some(path_regex.to_owned());
        meaning.groups.iter_mut().for_each(mean);
        expected.rules.insert(at, meaning);
        self.confirm(text, &expected)
    }

    /// Writes a rule where there is none to copy.
    fn write_rule(&mut self, at: usize, path_regex: &str, called: &[Called]) -> Result<(), PolicyEditError> {
        let tree = Tree::parse(&self.text)?;
        let list = rule_list(&tree).and_then(|list| tree.node(list.last()?.node).collection());
        if list.is_some_and(|list| list.layout == Layout::Flow) && !rules(&tree).is_empty() {
            return Err(PolicyEditError::Layout);
        }
        let spelt = quoted(path_regex, &Spelling::Plain, Position::MapValue);
        let rule = rule::from_scratch(rule::list_column(&tree), tree.newline(), &spelt);
        let mut text = rule::insert(&self.text, &rule, at)?;
        for one in called {
            text = step::add_to_rule(&text, at, 0, one)?;
        }
        let policy = Policy::parse(&text, self.policy.path()).map_err(|_cause| PolicyEditError::Layout)?;
        let mut expected = Meaning::of(&self.policy);
        let written = policy.rules().get(at).map(RuleMeaning::of).ok_or(PolicyEditError::Layout)?;
        let group = called.iter().map(|one| MasterKey::Age(one.recipient.clone())).collect();
        let selector = Some((SelectorKind::EncryptedRegex, SECRET_FIELDS.to_owned()));
        let meant = RuleMeaning { path_regex: Some(path_regex.to_owned()), groups: vec![group], selector, ..written };
        expected.rules.insert(at, meant);
        self.confirm(text, &expected)
    }

    /// Gives a rule a selector in the place of the one that it has.
    fn set_selector(&mut self, at: usize, kind: SelectorKind, pattern: &str) -> Result<(), PolicyEditError> {
        let mut expected = Meaning::of(&self.policy);
        let rule = expected.rules.get_mut(at).ok_or(PolicyEditError::Layout)?;
        let old = rule.selector.replace((kind, pattern.to_owned()));
        let mut text = set_field(&self.text, at, kind.field(), pattern)?;
        if let Some((old, _)) = old.filter(|(old, _)| *old != kind) {
            let tree = Tree::parse(&text)?;
            let path = field_path(&tree, at, old.field())?;
            text = unset(&tree, Address { document: 0, path: &path })?.expose().to_owned();
        }
        self.confirm(text, &expected)
    }

    /// The new rules get the samples, and every other path keeps its rule.
    fn check_matches(
        &self,
        before: &Self,
        added: &[usize],
        directory: &str,
        (samples, files): (&[String], &[&str]),
    ) -> Result<(), PolicyEditError> {
        let misses = |path: &str, at: usize| PolicyEditError::Misses {
            path_regex: self
                .policy
                .rules()
                .get(at)
                .and_then(|rule| rule.path_regex.as_ref())
                .map_or_else(String::new, |regex| regex.as_str().to_owned()),
            path: path.to_owned(),
        };
        let first = added.first().copied().unwrap_or_default();
        if let Some(missed) =
            samples.iter().find(|path| !first_match(&self.policy, path).is_some_and(|at| added.contains(&at)))
        {
            return Err(misses(missed, first));
        }
        // Where an old rule is now.
        let kept: Vec<usize> = (0..self.policy.rules().len()).filter(|at| !added.contains(at)).collect();
        let near = [format!("x/{directory}"), format!("{directory}-x"), format!("{directory}x"), "x".to_owned()];
        let near = near.iter().flat_map(|directory| paths_below(directory));
        let prefix = format!("{directory}/");
        let outside = files.iter().map(|file| (*file).to_owned()).chain(near).filter(|path| !path.starts_with(&prefix));
        for path in outside {
            let then = first_match(&before.policy, &path).and_then(|at| kept.get(at).copied());
            if first_match(&self.policy, &path) != then {
                return Err(misses(&path, first));
            }
        }
        Ok(())
    }
}

/// Makes the recipients of a copied rule exactly these, the new ones in the place of those that go.
fn set_recipients(text: &str, rule: usize, called: &[Called]) -> Result<String, PolicyEditError> {
    let mut text = text.to_owned();
    let there = recipients_of(&text, rule)?;
    let mut to_add: Vec<&Called> = called.iter().filter(|one| !there.contains(&one.recipient)).collect();
    to_add.reverse();
    for old in there.iter().filter(|old| !called.iter().any(|one| one.recipient == **old)) {
        text = match to_add.pop() {
            Some(new) => swap_in_rule(&text, rule, old, new)?,
            None => step::remove_sites(&text, old, |tree, site| is_in_rule(tree, site, rule))?,
        };
    }
    while let Some(new) = to_add.pop() {
        text = step::add_to_rule(&text, rule, 0, new)?;
    }
    Ok(text)
}

/// The age recipients of a rule in the order of the text.
fn recipients_of(text: &str, rule: usize) -> Result<Vec<String>, PolicyEditError> {
    let policy = Policy::parse(text, std::path::Path::new("/.sops.yaml")).map_err(|_cause| PolicyEditError::Layout)?;
    let rule = policy.rules().get(rule).ok_or(PolicyEditError::Layout)?;
    let keys = rule.key_groups.iter().flat_map(|group| &group.0);
    Ok(keys.filter(|key| matches!(key, MasterKey::Age(_))).map(|key| key.id().to_owned()).collect())
}

fn is_in_rule(tree: &Tree<'_>, site: &Site, rule: usize) -> bool {
    let item = rules(tree).get(rule).and_then(|trail| Some(trail.last()?.item));
    item.is_some() && site.rule_item(tree) == item
}

fn swap_in_rule(text: &str, rule: usize, old: &str, new: &Called) -> Result<String, PolicyEditError> {
    let tree = Tree::parse(text)?;
    let places = sites(&tree, old).into_iter().filter(|site| is_in_rule(&tree, site, rule));
    let edits: Option<Vec<_>> = places.map(|site| step::swap(&tree, &site, new)).collect();
    step::apply(&tree, edits.ok_or(PolicyEditError::Layout)?)
}

fn field_path(tree: &Tree<'_>, rule: usize, field: &str) -> Result<ValuePath, PolicyEditError> {
    let trail = rules(tree).into_iter().nth(rule).ok_or(PolicyEditError::Layout)?;
    let [.., list, member] = trail.as_slice() else { return Err(PolicyEditError::Layout) };
    let before = super::site::members(tree, list.node).iter().position(|one| one.item == member.item);
    let index = before.ok_or(PolicyEditError::Layout)?;
    let key = |name: &str| Step::Key(name.to_owned());
    Ok(ValuePath(vec![key("creation_rules"), Step::Index(index), key(field)]))
}

fn set_field(text: &str, rule: usize, field: &str, value: &str) -> Result<String, PolicyEditError> {
    let tree = Tree::parse(text)?;
    let path = field_path(&tree, rule, field)?;
    let value = Value::Scalar(Scalar::Str(value.to_owned()));
    Ok(set(&tree, Address { document: 0, path: &path }, &value)?.expose().to_owned())
}

/// Without `./` before it and `/` behind it.
fn clean_directory(directory: &str) -> Result<&str, PolicyEditError> {
    let clean = directory.trim_start_matches("./").trim_end_matches('/');
    let is_good = !clean.is_empty() && clean.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if is_good { Ok(clean) } else { Err(PolicyEditError::BadDirectory(directory.to_owned())) }
}

/// Paths below the directory that `path_regex` is for: those of `files`, and made-up ones.
fn samples(directory: &str, path_regex: &str, files: &[&str]) -> Vec<String> {
    let prefix = format!("{directory}/");
    let real = files.iter().map(|file| (*file).to_owned());
    let mut below: Vec<String> = real.chain(paths_below(directory)).chain([example(path_regex)]).collect();
    below.retain(|path| path.starts_with(&prefix) && matches(path_regex, path));
    below
}

/// A path that an expression of the usual kind matches, which has to be tried.
fn example(path_regex: &str) -> String {
    let usual =
        [(".*", "a"), (".+", "a"), ("[^/]+", "a"), ("[^/]*", "a"), ("\\.", "."), ("^", ""), ("$", ""), ("?", "")];
    let mut path = usual.iter().fold(path_regex.to_owned(), |path, (from, to)| path.replace(from, to));
    while let Some((head, (group, tail))) =
        path.rsplit_once('(').and_then(|(head, rest)| Some((head, rest.split_once(')')?)))
    {
        path = format!("{head}{}{tail}", group.split('|').next().unwrap_or_default());
    }
    path
}

fn paths_below(directory: &str) -> Vec<String> {
    let all = SUBDIRECTORIES.iter().flat_map(|below| FILE_NAMES.iter().map(move |name| format!("{below}{name}")));
    all.map(|path| format!("{directory}/{path}")).collect()
}

fn matches(path_regex: &str, path: &str) -> bool {
    crate::base::go_regex::GoRegex::parse(path_regex).is_ok_and(|regex| regex.is_match(path))
}

/// The rule that a path gets, or the one before it whose expression does not compile.
fn first_match(policy: &Policy, path: &str) -> Option<usize> {
    let applies = |regex: &super::super::PathRegex| regex.compiled().map_or(true, |compiled| compiled.is_match(path));
    policy.rules().iter().position(|rule| rule.path_regex.as_ref().is_none_or(applies))
}

/// What stands behind the last directory that an expression spells out; `None` if it spells out none, or the rest says
/// more about directories.
fn suffix(path_regex: &str) -> Option<&str> {
    let special = path_regex.find(|sign: char| "([{*+?|$".contains(sign)).unwrap_or(path_regex.len());
    let literal = path_regex.get(..special)?;
    // A dot that is repeated is no part of a name.
    let end = literal.rfind('/')? + 1;
    let rest = path_regex.get(end..)?;
    (!rest.contains('/') && matches(&format!("^x/{rest}"), "x/a/db.sops.yaml")).then_some(rest)
}

/// The directory as an expression.
fn escape(directory: &str) -> String {
    let mut out = String::new();
    for sign in directory.chars() {
        if r"\.+*?()|[]{}^$".contains(sign) {
            out.push('\\');
        }
        out.push(sign);
    }
    out
}

/// `path_regex` for the directory `to` instead of `from`, if it is for that one.
fn moved(path_regex: &str, from: &str, to: &str) -> Option<String> {
    for (from, to) in [(escape(from), escape(to)), (from.to_owned(), escape(to))] {
        for (at, _) in path_regex.match_indices(&from) {
            let before = path_regex.get(..at)?.chars().next_back();
            let after = path_regex.get(at + from.len()..)?.chars().next();
            let begins = before.is_none_or(|sign| "^/(".contains(sign));
            let ends = after.is_some_and(|sign| "/($".contains(sign));
            if begins && ends {
                // What begins with the directory is for that one only, said or not.
                let head = if at == 0 { "^" } else { path_regex.get(..at)? };
                return Some(format!("{head}{to}{}", path_regex.get(at + from.len()..)?));
            }
        }
    }
    None
}
