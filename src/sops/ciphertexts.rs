//! The encrypted values of a file of any type, with their paths, found without a key: whatever is spelt as a ciphertext.

use serde_json::Value;

use super::walk::{METADATA_KEY, key_text};
use crate::{
    base::value_path::{Step, ValuePath},
    crypto::cipher::Ciphertext,
    document::yaml::tree::{CommentId, Item, Kind, NodeId, Tree},
};

/// An encrypted value, or an encrypted comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedValue {
    /// Its path; of a comment, that of the collection that it stands in. Empty at the top level.
    pub path: String,
    /// What SOPS binds it to: the keys of its path, each followed by `:`. Positions in lists are no part of it.
    pub binding: String,
    /// Whether it is a comment.
    pub is_comment: bool,
    /// `ENC[…]`.
    pub ciphertext: String,
}

/// The values being found, and where that has got to.
#[derive(Default)]
struct Finder {
    path: String,
    binding: String,
    found: Vec<EncryptedValue>,
}

/// The encrypted values of a YAML text, in its order. Aliases are not followed: what they stand for is found where it stands.
#[must_use]
pub fn find_in_yaml(tree: &Tree<'_>) -> Vec<EncryptedValue> {
    let mut finder = Finder::default();
    for document in tree.documents() {
        if let Kind::Mapping(collection) = &tree.node(document.root).kind {
            for item in &collection.items {
                match *item {
                    Item::Entry(key, _) if key_text(tree, key) == METADATA_KEY => {}
                    item => finder.item(tree, item, 0),
                }
            }
        }
        document.comments.iter().for_each(|comment| finder.comment(tree, *comment));
    }
    finder.found
}

/// The encrypted values of a JSON text; those of a binary file, which SOPS wraps in JSON, too.
///
/// # Errors
/// Those of the parser.
pub fn find_in_json(text: &str) -> Result<Vec<EncryptedValue>, serde_json::Error> {
    let mut finder = Finder::default();
    if let Value::Object(entries) = serde_json::from_str(text)? {
        for (key, value) in entries.iter().filter(|(key, _)| *key != METADATA_KEY) {
            finder.within(Step::Key(key.clone()), |finder| finder.json(value));
        }
    }
    Ok(finder.found)
}

/// The encrypted values of a dotenv text: `NAME=VALUE`.
#[must_use]
pub fn find_in_dotenv(text: &str) -> Vec<EncryptedValue> {
    let mut finder = Finder::default();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            finder.push(comment, true);
        } else if let Some((key, value)) = line.split_once('=')
            && !key.strip_prefix(METADATA_KEY).is_some_and(|rest| rest.starts_with('_'))
        {
            finder.within(Step::Key(key.to_owned()), |finder| finder.push(value, false));
        }
    }
    finder.found
}

/// The encrypted values of an INI text: `[SECTION]`, `NAME = VALUE`.
#[must_use]
pub fn find_in_ini(text: &str) -> Vec<EncryptedValue> {
    let mut finder = Finder::default();
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if section == METADATA_KEY {
            // Nothing of it is a value.
        } else if let Some(comment) = line.strip_prefix([';', '#']) {
            finder.within(Step::Key(section.clone()), |finder| finder.push(comment.trim_start(), true));
        } else if let Some((key, value)) = line.split_once('=') {
            let key = key.trim_end().to_owned();
            let value = value.trim_start().trim_matches('`');
            finder.within(Step::Key(section.clone()), |finder| {
                finder.within(Step::Key(key), |finder| finder.push(value, false));
            });
        }
    }
    finder.found
}

/// How much of a path is kept, in bytes: a long key would stand in the path of each value below it.
const PATH_LIMIT_BYTES: usize = 512;

/// `path`, or the beginning of it.
fn bounded(path: &str) -> String {
    path.get(..path.floor_char_boundary(PATH_LIMIT_BYTES)).unwrap_or_default().to_owned()
}

impl Finder {
    /// Does `work` one step down.
    fn within(&mut self, step: Step, work: impl FnOnce(&mut Self)) {
        let (path, binding) = (self.path.len(), self.binding.len());
        if let Step::Key(key) = &step {
            self.binding.push_str(key);
            self.binding.push(':');
            if !self.path.is_empty() {
                self.path.push('.');
            }
        }
        self.path.push_str(&ValuePath(vec![step]).to_string());
        work(self);
        self.path.truncate(path);
        self.binding.truncate(binding);
    }

    fn push(&mut self, text: &str, is_comment: bool) {
        if Ciphertext::is_likely(text) {
            let ciphertext = Ciphertext::parse(text).map_or_else(|_malformed| text.trim_end(), |parsed| parsed.text);
            let binding = if self.binding.is_empty() { ":" } else { &self.binding };
            self.found.push(EncryptedValue {
                path: bounded(&self.path),
                binding: bounded(binding),
                is_comment,
                ciphertext: ciphertext.to_owned(),
            });
        }
    }

    fn comment(&mut self, tree: &Tree<'_>, comment: CommentId) {
        let (_, text) = tree.comment(comment);
        self.push(text, true);
    }

    fn item(&mut self, tree: &Tree<'_>, item: Item, index: usize) {
        match item {
            Item::Comment(comment) => self.comment(tree, comment),
            Item::Entry(key, value) => {
                let key = key_text(tree, key).to_owned();
                self.within(Step::Key(key), |finder| finder.yaml(tree, value));
            }
            Item::Element(value) => self.within(Step::Index(index), |finder| finder.yaml(tree, value)),
        }
    }

    fn yaml(&mut self, tree: &Tree<'_>, node: NodeId) {
        match &tree.node(node).kind {
            Kind::Scalar { text, .. } => self.push(text.as_str(), false),
            Kind::Alias(_) => {}
            Kind::Mapping(collection) | Kind::Sequence(collection) => {
                let mut index = 0;
                for item in &collection.items {
                    self.item(tree, *item, index);
                    index += usize::from(matches!(item, Item::Element(_)));
                }
            }
        }
    }

    fn json(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.push(text, false),
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.within(Step::Index(index), |finder| finder.json(element));
                }
            }
            Value::Object(entries) => {
                for (key, value) in entries {
                    self.within(Step::Key(key.clone()), |finder| finder.json(value));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enc(name: &str) -> String {
        format!("ENC[AES256_GCM,data:{name},iv:b,tag:c,type:str]")
    }

    #[track_caller]
    fn check(found: &[EncryptedValue], expected: &[(&str, &str, &str)]) {
        let found: Vec<(String, &str, &str)> = found
            .iter()
            .map(|value| {
                let mark = if value.is_comment { "#" } else { "" };
                let data = value.ciphertext.strip_prefix("ENC[AES256_GCM,data:").unwrap();
                (format!("{mark}{}", value.path), value.binding.as_str(), data.split(',').next().unwrap())
            })
            .collect();
        let found: Vec<(&str, &str, &str)> =
            found.iter().map(|(path, binding, data)| (path.as_str(), *binding, *data)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn values_are_found_in_every_type_of_file() {
        let yaml = format!(
            "#{}\na: {}\nb:\n  #{}\n  \"x.y\": \"{} \"\n  list:\n  - clear\n  # clear\n  - {}\n  - {{c: '{}'}}\nt: &t |-\n  {}\nu: *t\n\
             sops:\n  mac: {}\n---\nsecond: {}\nsops:\n  mac: {}\n",
            enc("top"),
            enc("a"),
            enc("comment"),
            enc("dot"),
            enc("one"),
            enc("flow"),
            enc("block"),
            enc("mac"),
            enc("second"),
            enc("mac"),
        );
        check(
            &find_in_yaml(&Tree::parse(&yaml).unwrap()),
            &[
                ("#", ":", "top"),
                ("a", "a:", "a"),
                ("#b", "b:", "comment"),
                ("b.\"x.y\"", "b:x.y:", "dot"),
                ("b.list[1]", "b:list:", "one"),
                ("b.list[2].c", "b:list:c:", "flow"),
                ("t", "t:", "block"),
                ("second", "second:", "second"),
            ],
        );
        let json = format!(
            r#"{{"a": [{{"b": "{}"}}, 1], "c": "{}", "sops": {{"mac": "{}"}}}}"#,
            enc("b"),
            enc("c"),
            enc("mac")
        );
        check(&find_in_json(&json).unwrap(), &[("a[0].b", "a:b:", "b"), ("c", "c:", "c")]);
        let dotenv = format!("#{}\nA={}\nB=clear\nsops_mac={}\n", enc("comment"), enc("a"), enc("mac"));
        check(&find_in_dotenv(&dotenv), &[("#", ":", "comment"), ("A", "A:", "a")]);
        let ini = format!("[s]\n; {}\nk = {}\n\n[sops]\nmac = {}\n", enc("comment"), enc("k"), enc("mac"));
        check(&find_in_ini(&ini), &[("#s", "s:", "comment"), ("s.k", "s:k:", "k")]);
        find_in_json("{").unwrap_err();
        check(&find_in_json("[]").unwrap(), &[]);
    }
}
