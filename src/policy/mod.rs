//! `.sops.yaml`: the policy of a repository. Which rule applies to a path, and whom the rule encrypts for.
//! Reads no document and holds no secret.

pub mod edit;
mod error;
pub mod explain;
mod find;
mod keys;
mod node;
mod reader;
mod render;
mod rule;
mod stores;
#[cfg(test)]
mod tests;
mod warning;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use node::{Node, Value};
use reader::Reader;

pub use error::{PolicyError, PolicyErrorKind};
pub use find::{Found, POLICY_FILE_NAME, absolute, find};
pub use render::render_explanation;
pub use rule::{CreationRule, PathRegex, RuleSelector};
pub use stores::{JsonIndent, Stores};
pub(crate) use warning::likely_field;
pub use warning::{PolicyWarning, PolicyWarningKind};

use crate::sops::selector::Selector;

const TOP_LEVEL_FIELDS: &[&str] = &["creation_rules", "destination_rules", "stores", "keys"];

/// A policy that was read.
#[derive(Debug, Clone)]
pub struct Policy {
    path: PathBuf,
    rules: Option<Vec<CreationRule>>,
    stores: Stores,
    names: BTreeMap<String, Vec<String>>,
    warnings: Vec<PolicyWarning>,
}

/// The rule that applies to a file.
#[derive(Debug, Clone, Copy)]
pub struct Match<'p> {
    /// The rule.
    pub rule: &'p CreationRule,
    /// The selector that it names, if any.
    pub selector: Option<&'p Selector>,
}

impl Match<'_> {
    /// The selector of the rule, or the default one.
    #[must_use]
    pub fn selector_or_default(&self) -> Selector {
        self.selector.cloned().unwrap_or_else(Selector::default_unencrypted_suffix)
    }
}

impl Policy {
    /// Reads a policy out of the `text` of the file at `path`, which is absolute (see [`absolute`]).
    ///
    /// What SOPS finds out only when a rule is used is found out only then here too: expressions that do not compile,
    /// two selectors in a rule, a bad list of recipients.
    ///
    /// # Errors
    /// [`PolicyError`] where SOPS refuses the whole file: the text is not YAML, or a field has another type.
    pub fn parse(text: &str, path: &Path) -> Result<Self, PolicyError> {
        let root = node::parse(text).map_err(|unreadable| PolicyError {
            path: path.to_owned(),
            place: unreadable.place,
            kind: PolicyErrorKind::Yaml(unreadable.reason),
        })?;
        let mut reader = Reader::new(path, text);
        let mut policy = Self {
            path: path.to_owned(),
            rules: None,
            stores: Stores::default(),
            names: BTreeMap::new(),
            warnings: Vec::new(),
        };
        for (key, value) in reader.map(&root, "the policy")? {
            match key.name.as_str() {
                "creation_rules" => policy.rules = parse_rules(&mut reader, value)?,
                "destination_rules" => drop(reader.list(value, "destination_rules")?),
                "stores" => policy.stores = stores::parse(&mut reader, value)?,
                // People keep anchors at the top level, under names of their own: only a near miss is told.
                name if likely_field(name, TOP_LEVEL_FIELDS).is_some_and(|one| one != name) => {
                    reader.warn_unknown(key, TOP_LEVEL_FIELDS);
                }
                _ => {}
            }
        }
        collect_names(&root, text, &mut policy.names);
        policy.warnings = reader.warnings;
        Ok(policy)
    }

    /// The file that the policy was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The creation rules in their order; none if there is no such list.
    #[must_use]
    pub fn rules(&self) -> &[CreationRule] {
        self.rules.as_deref().unwrap_or_default()
    }

    /// Whether there is a list of creation rules, be it empty. SOPS takes a file without one for no policy at all.
    #[must_use]
    pub const fn has_creation_rules(&self) -> bool {
        self.rules.is_some()
    }

    /// How files are to be laid out.
    #[must_use]
    pub const fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The names of a recipient, or of another key: the anchors on it, those under `keys:` first. The comment of an SSH
    /// key does not matter.
    #[must_use]
    pub fn names_of(&self, id: &str) -> &[String] {
        let is_same = |text: &str| text.split_ascii_whitespace().take(2).eq(id.split_ascii_whitespace().take(2));
        let find_ssh = || self.names.iter().find(|(text, _)| is_same(text)).map(|(_, names)| names);
        let found = self.names.get(id).or_else(|| id.starts_with("ssh-").then(find_ssh).flatten());
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// Every text with an anchor on it, with the anchors.
    pub fn names(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.names.iter().map(|(text, names)| (text.as_str(), names.as_slice()))
    }

    /// The mistakes in the policy, in the order of their places. Compiles every expression, which reading does not.
    #[must_use]
    pub fn warnings(&self) -> Vec<PolicyWarning> {
        let mut warnings = self.warnings.clone();
        let mut catches_all = None;
        let mut first_with = HashMap::new();
        for rule in self.rules() {
            let pattern = rule.path_regex.as_ref().map_or("", PathRegex::as_str);
            let first = *first_with.entry(pattern).or_insert(rule.index);
            // Only what is certain: the same expression, or one that matches everything.
            let because = catches_all.unwrap_or(first);
            warnings.extend(rule.broken(&self.path));
            warnings.extend(self.doubts_of_path(rule, pattern, because));
            if catches_all.is_none() && warning::matches_everything(pattern) {
                catches_all = Some(rule.index);
            }
        }
        warnings.sort_by_key(|warning| warning.place);
        warnings.dedup();
        warnings
    }

    /// The text that `path_regex` is searched in for `file`, which is absolute: what remains of the path below the
    /// policy's directory, or all of it elsewhere. `.` and `..` are resolved by name, symbolic links are not.
    #[must_use]
    pub fn subject(&self, file: &Path) -> String {
        let file = find::normalize(file);
        let file = file.to_string_lossy();
        let directory = self.path.parent().map(find::normalize).unwrap_or_default();
        // As text, as SOPS does it: below the root directory nothing is taken away.
        let prefix = format!("{}{}", directory.to_string_lossy(), std::path::MAIN_SEPARATOR);
        file.strip_prefix(prefix.as_str()).unwrap_or(&file).to_owned()
    }

    /// The first rule that matches `file`, which is absolute and need not exist; `None` if none does.
    ///
    /// # Errors
    /// [`PolicyError`] when a `path_regex` on the way does not compile, or the rule that matches cannot be used.
    pub fn rule_for(&self, file: &Path) -> Result<Option<Match<'_>>, PolicyError> {
        let subject = self.subject(file);
        for rule in self.rules() {
            if let Some(regex) = &rule.path_regex {
                let compiled = regex.compiled().map_err(|cause| rule.path_error(&self.path, cause))?;
                if !compiled.is_match(&subject) {
                    continue;
                }
            }
            if let Some(problem) = &rule.problem {
                return Err(problem.clone());
            }
            let selector = rule.selector.as_ref().map(RuleSelector::compiled).transpose();
            let selector = selector.map_err(|cause| rule.selector_error(&self.path, cause))?;
            return Ok(Some(Match { rule, selector }));
        }
        Ok(None)
    }

    /// What is wrong with the path of `rule`; `because` is the first rule that matches all that this one does.
    fn doubts_of_path(&self, rule: &CreationRule, pattern: &str, because: usize) -> Vec<PolicyWarning> {
        let place = rule.path_regex.as_ref().map_or(rule.place, |regex| regex.place);
        let unreachable =
            (because < rule.index).then_some(PolicyWarningKind::UnreachableRule { rule: rule.index, because });
        let dot = warning::unescaped_dot(pattern)
            .map(|extension| PolicyWarningKind::UnescapedDot { rule: rule.index, extension });
        let warn = |kind| PolicyWarning { path: self.path.clone(), place: Some(place), kind };
        unreachable.into_iter().chain(dot).map(warn).collect()
    }
}

/// `None` for a missing value: SOPS tells an empty list from none.
fn parse_rules(reader: &mut Reader<'_>, node: &Node) -> Result<Option<Vec<CreationRule>>, PolicyError> {
    if matches!(node.value, Value::Null) {
        return Ok(None);
    }
    let rules = reader.list(node, "creation_rules")?.into_iter().enumerate();
    rules.map(|(index, rule)| rule::parse(reader, rule, index)).collect::<Result<_, _>>().map(Some)
}

/// Finds the anchors on texts: under `keys:` first, then everywhere.
fn collect_names(root: &Node, text: &str, names: &mut BTreeMap<String, Vec<String>>) {
    let Value::Map(entries) = &root.value else {
        return;
    };
    let (keys, others): (Vec<_>, Vec<_>) = entries.iter().partition(|(key, _)| key.name == "keys");
    // What is put on the stack last comes off it first.
    let mut open: Vec<&Node> = keys.iter().chain(&others).map(|(_, node)| node).rev().collect();
    while let Some(node) = open.pop() {
        match &node.value {
            Value::List(items) => open.extend(items.iter().rev()),
            Value::Map(entries) => open.extend(entries.iter().rev().map(|(_, node)| node)),
            Value::Text(value) => {
                if let Some(anchor) = node.anchor(text) {
                    let known = names.entry(value.trim().to_owned()).or_default();
                    if !known.iter().any(|name| name == anchor) {
                        known.push(anchor.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
}
