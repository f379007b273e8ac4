//! The terms of files in JSON, dotenv and INI, and of binary files, which SOPS wraps in JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Terms, TermsError};
use crate::{
    crypto::mac::Coverage,
    sops::{
        error::SopsError,
        key_group::{ForeignKind, KeyGroup, MasterKey},
        selector::SelectorKind,
        walk::METADATA_KEY,
    },
};

/// Between the parts of a path in the flat metadata of dotenv and INI files.
const LIST_MARK: &str = "__list_";
const MAP_MARK: &str = "__map_";

/// How deep a path in flat metadata can lead.
const MAX_DEPTH: usize = 8;

impl Terms {
    /// Out of a JSON file, or a binary file, which SOPS wraps in JSON.
    ///
    /// # Errors
    /// [`TermsError`].
    pub fn of_json(text: &str) -> Result<Self, TermsError> {
        /// Values are passed over: they may be large, and are nobody's affair here.
        #[derive(serde::Deserialize)]
        struct File {
            sops: Option<Value>,
        }

        let file: File = serde_json::from_str(text)
            .map_err(|error| TermsError::Json { line: error.line(), column: error.column() })?;
        Self::of_value(&file.sops.ok_or(SopsError::NotEncrypted)?)
    }

    /// Out of a dotenv file, whose metadata are lines `sops_NAME=VALUE`.
    ///
    /// # Errors
    /// [`TermsError`].
    pub fn of_dotenv(text: &str) -> Result<Self, TermsError> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(METADATA_KEY)?.strip_prefix('_')?.split_once('='));
        Self::of_flat(lines)
    }

    /// Out of an INI file, whose metadata are the section `[sops]`.
    ///
    /// # Errors
    /// [`TermsError`].
    pub fn of_ini(text: &str) -> Result<Self, TermsError> {
        let section = text.lines().skip_while(|line| line.trim() != "[sops]").skip(1);
        let lines = section.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
        Self::of_flat(lines.map(|(key, value)| (key.trim(), value.trim())))
    }

    /// # Source
    /// `Flatten` and `Unflatten` in `stores/flatten.go` of SOPS 3.13.2.
    fn of_flat<'t>(lines: impl Iterator<Item = (&'t str, &'t str)>) -> Result<Self, TermsError> {
        let mut root = Node::default();
        for (key, value) in lines {
            root.insert(key, value, MAX_DEPTH);
        }
        if root.children.is_empty() {
            return Err(SopsError::NotEncrypted.into());
        }
        Self::of_value(&root.into_value())
    }

    fn of_value(metadata: &Value) -> Result<Self, TermsError> {
        let fields = metadata.as_object().ok_or(SopsError::NotEncrypted)?;
        let flat = group(fields);
        let groups = if flat.0.is_empty() {
            let groups = fields.get("key_groups").and_then(Value::as_array).into_iter().flatten();
            groups.filter_map(Value::as_object).map(group).collect()
        } else {
            vec![flat]
        };
        if groups.iter().all(|group| group.0.is_empty()) {
            return Err(TermsError::NoRecipients);
        }
        let selector = SelectorKind::ALL.into_iter().find_map(|kind| {
            let pattern = text(fields, kind.field());
            (!pattern.is_empty()).then_some((kind, pattern))
        });
        let threshold =
            ["shamir_threshold", "shamir_quorum"].map(|name| text(fields, name).parse().unwrap_or_default());
        let threshold = threshold.into_iter().find(|threshold| *threshold > 0).unwrap_or_default();
        let coverage = match text(fields, "mac_only_encrypted").as_str() {
            "true" | "True" | "TRUE" => Coverage::OnlyEncrypted,
            _ => Coverage::AllValues,
        };
        Ok(Self::new(groups, threshold, selector, coverage, None))
    }
}

/// A text, or a number or truth value as it is written; empty for anything else.
fn text(fields: &Map<String, Value>, name: &str) -> String {
    match fields.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
        _ => String::new(),
    }
}

/// The keys of one group, in the order in which SOPS reads them.
fn group(fields: &Map<String, Value>) -> KeyGroup {
    let entries =
        |name: &str| fields.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let foreign = ForeignKind::ALL.into_iter().flat_map(|kind| {
        entries(kind.name()).map(move |entry| {
            let id = kind.id_of(|name| text(entry, name));
            MasterKey::Foreign { kind, id }
        })
    });
    let age = entries("age").map(|entry| MasterKey::Age(text(entry, "recipient")));
    KeyGroup(foreign.chain(age).collect())
}

/// A tree out of flat metadata: lists are maps from their positions until it is complete.
#[derive(Default)]
struct Node<'t> {
    text: Option<&'t str>,
    is_list: bool,
    /// By name; those of a list by position, behind zeros.
    children: BTreeMap<String, Self>,
}

impl<'t> Node<'t> {
    fn insert(&mut self, path: &'t str, value: &'t str, depth: usize) {
        let next = [LIST_MARK, MAP_MARK].into_iter().filter_map(|mark| Some((path.find(mark)?, mark)));
        let Some((end, mark)) = next.min().filter(|_| depth > 0) else {
            self.children.entry(path.to_owned()).or_default().text = Some(value);
            return;
        };
        let (name, rest) = path.split_at(end);
        let rest = rest.strip_prefix(mark).unwrap_or_default();
        let child = self.children.entry(name.to_owned()).or_default();
        if mark == MAP_MARK {
            return child.insert(rest, value, depth - 1);
        }
        child.is_list = true;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (position, rest) = rest.split_at(digits);
        let element = child.children.entry(format!("{position:0>10}")).or_default();
        match rest.strip_prefix(MAP_MARK) {
            Some(rest) => element.insert(rest, value, depth - 1),
            None => element.text = Some(value),
        }
    }

    fn into_value(self) -> Value {
        let children = self.children.into_iter();
        match self.text {
            Some(text) => Value::String(text.to_owned()),
            None if self.is_list => Value::Array(children.map(|(_, child)| child.into_value()).collect()),
            None => Value::Object(children.map(|(name, child)| (name, child.into_value())).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(id: &str) -> MasterKey {
        MasterKey::Age(id.to_owned())
    }

    fn pgp(id: &str) -> MasterKey {
        MasterKey::Foreign { kind: ForeignKind::Pgp, id: id.to_owned() }
    }

    #[test]
    fn terms_are_the_same_in_every_type_of_file() {
        let yaml = "a: ENC[x]\nsops:\n  pgp: [{fp: F, enc: x}]\n  age: [{recipient: r, enc: x}, {recipient: s, enc: x}]\n  \
                    lastmodified: '2024-02-29T01:02:03Z'\n  mac: ENC[x]\n  mac_only_encrypted: true\n  \
                    encrypted_regex: ^data$\n  version: 3.13.2\n";
        let json = r#"{"a": [{"deep": 1}], "sops": {"pgp": [{"fp": "F"}], "age": [{"recipient": "r"}, {"recipient": "s"}],
                    "mac_only_encrypted": true, "encrypted_regex": "^data$"}}"#;
        let dotenv = "A=x\nsops_age__list_0__map_recipient=r\nsops_age__list_0__map_enc=a=b\n\
                      sops_age__list_1__map_recipient=s\nsops_pgp__list_0__map_fp=F\nsops_mac_only_encrypted=true\n\
                      sops_encrypted_regex=^data$\n";
        let ini = "[a]\nb = c\n\n[sops]\nage__list_0__map_recipient = r\nage__list_1__map_recipient = s\n\
                   pgp__list_0__map_fp = F\nmac_only_encrypted = true\nencrypted_regex = ^data$\n";
        let expected = Terms {
            groups: vec![KeyGroup(vec![pgp("F"), age("r"), age("s")])],
            threshold: 1,
            selector: (SelectorKind::EncryptedRegex, "^data$".to_owned()),
            coverage: Coverage::OnlyEncrypted,
            places: None,
        };
        assert_eq!(Terms { places: None, ..Terms::of_yaml(yaml).unwrap() }, expected);
        assert_eq!(Terms::of_json(json).unwrap(), expected);
        assert_eq!(Terms::of_dotenv(dotenv).unwrap(), expected);
        assert_eq!(Terms::of_ini(ini).unwrap(), expected);
    }

    #[test]
    fn several_groups_need_their_threshold() {
        let dotenv = "sops_shamir_threshold=2\nsops_key_groups__list_0__map_age__list_0__map_recipient=r\n\
                      sops_key_groups__list_1__map_age__list_0__map_recipient=s\n\
                      sops_key_groups__list_2__map_pgp__list_0__map_fp=F\n";
        let terms = Terms::of_dotenv(dotenv).unwrap();
        assert_eq!(terms.groups, [[age("r")], [age("s")], [pgp("F")]].map(|keys| KeyGroup(keys.to_vec())));
        assert_eq!(terms.threshold, 2);
        assert!(!terms.is_opened_by(|key| key.id() == "r"));
        assert!(terms.is_opened_by(|key| key.id() != "r"));
    }

    #[test]
    fn what_names_nobody_is_an_error() {
        let check = |outcome: Result<Terms, TermsError>, expected: &str| {
            assert_eq!(outcome.unwrap_err().to_string(), expected);
        };
        check(Terms::of_yaml("a: b\n").map_err(TermsError::from), "not encrypted: no `sops` block");
        check(
            Terms::of_yaml("sops: &a\n  age: [*a]\n").map_err(TermsError::from),
            "an alias inside the node that it stands for at line 2, column 9",
        );
        check(Terms::of_json("{}"), "not encrypted: no `sops` block");
        check(Terms::of_json("{\n"), "not valid JSON at line 2, column 0");
        check(Terms::of_json(r#"{"sops": {"age": []}}"#), "the `sops` metadata names no recipient");
        check(Terms::of_dotenv("A=b\n"), "not encrypted: no `sops` block");
        check(Terms::of_ini("[sops]\nmac = x\n"), "the `sops` metadata names no recipient");
        let deep = format!("sops_a{}=x", MAP_MARK.repeat(100_000));
        check(Terms::of_dotenv(&deep), "the `sops` metadata names no recipient");
    }
}
