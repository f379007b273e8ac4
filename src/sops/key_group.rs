//! Whom a data key is wrapped for: master keys, in groups.

use serde::Serialize;

/// Who holds a master key that is not age's. We keep such entries, and never wrap for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignKind {
    /// Open PGP.
    Pgp,
    /// AWS KMS.
    Kms,
    /// Google Cloud KMS.
    GcpKms,
    /// Huawei Cloud KMS.
    Hckms,
    /// Azure Key Vault.
    AzureKv,
    /// The transit engine of Vault.
    HcVault,
}

impl ForeignKind {
    /// All of them, in the order in which SOPS reads a group.
    pub const ALL: [Self; 6] = [Self::Kms, Self::GcpKms, Self::Hckms, Self::AzureKv, Self::HcVault, Self::Pgp];

    /// What SOPS tells such keys apart by, out of the fields of an entry in a file's metadata.
    #[must_use]
    pub fn id_of(self, field: impl Fn(&str) -> String) -> String {
        match self {
            Self::Pgp => field("fp"),
            Self::Kms => field("arn"),
            Self::GcpKms => field("resource_id"),
            Self::Hckms => field("key_id"),
            Self::AzureKv => format!("{}/keys/{}/{}", field("vault_url"), field("name"), field("version")),
            Self::HcVault => {
                format!("{}/v1/{}/keys/{}", field("vault_address"), field("engine_path"), field("key_name"))
            }
        }
    }

    /// The name that the metadata of a SOPS file gives the list of such keys.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pgp => "pgp",
            Self::Kms => "kms",
            Self::GcpKms => "gcp_kms",
            Self::Hckms => "hckms",
            Self::AzureKv => "azure_kv",
            Self::HcVault => "hc_vault",
        }
    }
}

impl std::fmt::Display for ForeignKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One who can open a file: a recipient, or a key of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MasterKey {
    /// An age recipient as it is written, trimmed; not yet known to be a valid one.
    Age(String),
    /// A key that another service holds.
    Foreign {
        /// Which service.
        kind: ForeignKind,
        /// The text that SOPS tells such keys apart by: a fingerprint, an ARN, a URL.
        id: String,
    },
}

impl MasterKey {
    /// The key as a file and a policy name it alike: of age without blanks around it, of KMS without the role, context and
    /// profile that a file keeps elsewhere, of PGP in capitals.
    #[must_use]
    pub fn plain(&self) -> Self {
        let foreign = |kind, id: &str| Self::Foreign { kind, id: id.to_owned() };
        match self {
            Self::Foreign { kind: kind @ ForeignKind::Kms, id } => {
                foreign(*kind, id.split(['|', '+']).next().unwrap_or_default())
            }
            Self::Foreign { kind: kind @ ForeignKind::Pgp, id } => foreign(*kind, &id.to_uppercase()),
            Self::Foreign { kind, id } => foreign(*kind, id),
            Self::Age(id) => Self::Age(id.trim().to_owned()),
        }
    }

    /// Whether a file and a policy mean the same key by `self` and `other`.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Age(one), Self::Age(other)) => one.trim() == other.trim(),
            (Self::Foreign { .. }, Self::Foreign { .. }) => self == other || self.plain() == other.plain(),
            _ => false,
        }
    }

    /// The recipient, the fingerprint, the ARN or the URL.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Age(id) | Self::Foreign { id, .. } => id,
        }
    }

    /// `age`, or the name of the service.
    #[must_use]
    pub const fn kind_name(&self) -> &'static str {
        match self {
            Self::Age(_) => "age",
            Self::Foreign { kind, .. } => kind.name(),
        }
    }
}

/// Master keys of which any one opens the group's share of the data key, or the data key if there is one group only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyGroup(pub Vec<MasterKey>);

impl KeyGroup {
    /// The group of `keys` in their order, each once.
    #[must_use]
    pub fn of(keys: impl IntoIterator<Item = MasterKey>) -> Self {
        let mut seen = std::collections::HashSet::new();
        Self(keys.into_iter().filter(|key| seen.insert(key.clone())).collect())
    }

    /// The same group, with its keys as [`MasterKey::plain`] has them.
    #[must_use]
    pub fn plain(&self) -> Self {
        Self(self.0.iter().map(MasterKey::plain).collect())
    }

    /// The age recipients of the group, in order.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|key| match key {
            MasterKey::Age(recipient) => Some(recipient.as_str()),
            MasterKey::Foreign { .. } => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_holds_a_key_once_and_in_order() {
        let age = |id: &str| MasterKey::Age(id.into());
        let pgp = |id: &str| MasterKey::Foreign { kind: ForeignKind::Pgp, id: id.into() };
        let group = KeyGroup::of([age("b"), age("a"), pgp("a"), age("b"), pgp("a")]);
        assert_eq!(group.0, [age("b"), age("a"), pgp("a")]);
        assert_eq!(group.recipients().collect::<Vec<_>>(), ["b", "a"]);
    }
}
