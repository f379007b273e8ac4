//! Keys as people are told of them.

use serde::Serialize;

use crate::{keys::shorten_recipient, policy::Policy, sops::key_group::MasterKey};

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

    /// The names, be it none.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The recipient, fingerprint, ARN or URL, whole.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `age`, or the name of the service.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The key group that it is a matter of, counted from 1.
    #[must_use]
    pub const fn group(&self) -> Option<usize> {
        self.group
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = shorten_recipient(&self.id);
        let kind = if self.kind == "age" { String::new() } else { format!("{} ", self.kind) };
        match self.names.as_slice() {
            [] => write!(formatter, "{kind}{id}"),
            names => write!(formatter, "{} ({kind}{id})", names.join(", ")),
        }?;
        self.group.map_or(Ok(()), |number| write!(formatter, " in key group {number}"))
    }
}
