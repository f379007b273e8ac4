//! Keys as people are told of them.

use serde::Serialize;

use crate::{policy::Policy, sops::key_group::MasterKey};

/// How much of a recipient is shown, in characters: all of an X25519 one.
const SHOWN_CHARACTERS: usize = 72;

/// A key as people are told of it: `alice (age1…)`, or without a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    names: Vec<String>,
    kind: &'static str,
    id: String,
    /// The key group that it is a matter of, counted from 1.
    #[serde(skip)]
    group: Option<usize>,
}

impl Named {
    /// `key` with the names that `policy` has for it.
    #[must_use]
    pub fn new(key: &MasterKey, policy: Option<&Policy>) -> Self {
        let names = policy.map(|policy| policy.names_of(key.id()).to_vec()).unwrap_or_default();
        Self { names, kind: key.kind_name(), id: key.id().to_owned(), group: None }
    }

    /// The same, in the key group with this number, counted from 1.
    #[must_use]
    pub fn in_group(self, number: usize) -> Self {
        Self { group: Some(number), ..self }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut id: String = self.id.chars().filter(|character| !character.is_control()).collect();
        if let Some((end, _)) = id.char_indices().nth(SHOWN_CHARACTERS) {
            id.truncate(end);
            id.push('…');
        }
        let kind = if self.kind == "age" { String::new() } else { format!("{} ", self.kind) };
        match self.names.as_slice() {
            [] => write!(formatter, "{kind}{id}"),
            names => write!(formatter, "{} ({kind}{id})", names.join(", ")),
        }?;
        self.group.map_or(Ok(()), |number| write!(formatter, " in key group {number}"))
    }
}
