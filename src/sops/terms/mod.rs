//! On what terms a file is encrypted: for whom, which values, under which MAC. The part of the metadata that a policy says
//! too, read without a key out of every type of file that SOPS writes, and as fast as thousands of files want it.

mod lines;
mod value;
mod yaml;

use super::{
    error::SopsError,
    key_group::{KeyGroup, MasterKey},
    selector::{DEFAULT_UNENCRYPTED_SUFFIX, SelectorKind},
};
use crate::crypto::mac::Coverage;

/// The terms of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Who can open the file, in groups.
    pub groups: Vec<KeyGroup>,
    /// How many of the groups are needed; of one group it is one.
    pub threshold: usize,
    /// Which values are encrypted: the kind of the selector, and its text.
    pub selector: (SelectorKind, String),
    /// Which values the MAC covers.
    pub coverage: Coverage,
    /// Where each is said; `None` for what is not YAML.
    pub places: Option<TermPlaces>,
}

/// Byte offsets into the text; that of the block for what it does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermPlaces {
    /// Of the block.
    pub block: usize,
    /// Of the entries of each group.
    pub entries: Vec<Vec<usize>>,
    /// Of the threshold.
    pub threshold: usize,
    /// Of the selector.
    pub selector: usize,
    /// Of `mac_only_encrypted`.
    pub coverage: usize,
}

/// Metadata that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TermsError {
    /// There is none, or it is that of a YAML file.
    #[error(transparent)]
    Sops(#[from] SopsError),
    /// A JSON text that is none.
    #[error("not valid JSON at line {line}, column {column}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// Nobody is named who could open the file.
    #[error("the `sops` metadata names no recipient")]
    NoRecipients,
}

impl Terms {
    fn new(
        groups: Vec<KeyGroup>,
        threshold: usize,
        selector: Option<(SelectorKind, String)>,
        coverage: Coverage,
        places: Option<TermPlaces>,
    ) -> Self {
        let threshold = match (groups.len(), threshold) {
            (0 | 1, _) => 1,
            (groups, 0) => groups,
            (_, threshold) => threshold,
        };
        let default = || (SelectorKind::UnencryptedSuffix, DEFAULT_UNENCRYPTED_SUFFIX.to_owned());
        Self { groups, threshold, selector: selector.unwrap_or_else(default), coverage, places }
    }

    /// How many groups there are of which `is_held` tells that somebody holds a key.
    #[must_use]
    pub fn count_groups(&self, is_held: impl Fn(&MasterKey) -> bool) -> usize {
        self.groups.iter().filter(|group| group.0.iter().any(&is_held)).count()
    }

    /// Whether the holder of these keys alone can open the file.
    #[must_use]
    pub fn is_opened_by(&self, is_held: impl Fn(&MasterKey) -> bool) -> bool {
        self.count_groups(is_held) >= self.threshold
    }

    /// All keys of all groups.
    pub fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        self.groups.iter().flat_map(|group| &group.0)
    }
}
