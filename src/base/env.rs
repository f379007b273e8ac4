//! The environment variables of the process, read through one door so that the library never reaches for them by itself.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, sync::Arc};

/// A snapshot of environment variables. Its clones share it: identities in it stand in memory once.
#[derive(Clone, Default)]
pub struct Env(Arc<BTreeMap<OsString, OsString>>);

/// Values can be identities (`SOPS_AGE_KEY`), so only the names are shown.
impl std::fmt::Debug for Env {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Env {
    /// The variables of this process, now.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The value of `name` if it is set, not empty, and UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(std::ffi::OsStr::new(name))?.to_str().filter(|text| !text.is_empty())
    }

    /// Whether `name` is set at all, be it to an empty text.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.0.contains_key(std::ffi::OsStr::new(name))
    }

    /// The value of `name` as a path, if it is set and not empty.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let value = self.0.get(std::ffi::OsStr::new(name))?;
        (!value.is_empty()).then(|| PathBuf::from(value))
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Env {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(pairs: T) -> Self {
        Self(Arc::new(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect()))
    }
}
