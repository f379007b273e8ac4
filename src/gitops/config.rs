//! `.secrets.toml`: what the repository's files cannot tell of its clusters. Unknown fields are errors.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::path;
use crate::{base::span::LineColumn, policy::likely_field};

/// The name of the file, at the repository's root.
pub const CONFIG_FILE_NAME: &str = ".secrets.toml";

const TOP_LEVEL_FIELDS: &[&str] = &["artifact_root", "clusters"];
const CLUSTER_FIELDS: &[&str] = &["path", "environment", "recipients", "paths", "ignore"];

/// What `.secrets.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// The file, for messages.
    pub path: PathBuf,
    /// The directory that is the root of the artifact that Flux unpacks; empty for the repository's root.
    pub artifact_root: String,
    /// The clusters that it says something about, by name.
    pub clusters: BTreeMap<String, ClusterConfig>,
}

/// What it says about one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Where its name stands.
    pub place: LineColumn,
    /// Where it begins. A cluster that is found there gets the name; none is found, and there is one all the same.
    pub path: Option<String>,
    /// The environment that it belongs to.
    pub environment: Option<String>,
    /// Its recipients, or their names in the policy.
    pub recipients: Vec<String>,
    /// Directories whose files it has to read besides.
    pub paths: Vec<String>,
    /// Whether there is no such cluster.
    pub ignore: bool,
}

/// `.secrets.toml` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {kind}{}", path.display(), place.map(|place| format!(" at {place}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub place: Option<LineColumn>,
    /// What is wrong.
    pub kind: ConfigErrorKind,
}

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// It is not TOML.
    #[error("not TOML: {0}")]
    Toml(String),
    /// A field that does not exist.
    #[error("unknown field `{field}`{}", likely.map(|likely| format!(", did you mean `{likely}`?")).unwrap_or_default())]
    UnknownField {
        /// The field.
        field: String,
        /// The one that was likely meant.
        likely: Option<&'static str>,
    },
    /// A field that holds something else than what it is for.
    #[error("`{field}` has to be {expected}")]
    WrongType {
        /// The field.
        field: &'static str,
        /// What it is for.
        expected: &'static str,
    },
    /// A path that leads out of the repository.
    #[error("`{0}` leads out of the repository")]
    Outside(String),
    /// A cluster that was not found, and without a path.
    #[error("no cluster called `{0}` was found, and no `path` is given for it")]
    UnknownCluster(String),
    /// A path with nothing below it.
    #[error("there is no directory `{0}`")]
    NoDirectory(String),
    /// A recipient that is neither one nor a name in the policy.
    #[error("`{0}` is no recipient, and no name in the policy")]
    UnknownRecipient(String),
}

impl Config {
    /// Reads the `text` of the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError`] with the place.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let reader = Reader { text, path };
        let root = DeTable::parse(text).map_err(|error| {
            let kind = ConfigErrorKind::Toml(error.message().to_owned());
            reader.error(error.span().unwrap_or_default(), kind)
        })?;
        let mut config = Self { path: path.to_owned(), ..Self::default() };
        for (key, value) in root.get_ref() {
            match key.get_ref().as_ref() {
                "artifact_root" => config.artifact_root = reader.path("artifact_root", value)?,
                "clusters" => config.clusters = reader.clusters(value)?,
                _ => return Err(reader.unknown(key, TOP_LEVEL_FIELDS)),
            }
        }
        Ok(config)
    }

    /// An error about the cluster called `name`.
    #[must_use]
    pub fn error(&self, name: &str, kind: ConfigErrorKind) -> ConfigError {
        let place = self.clusters.get(name).map(|cluster| cluster.place);
        ConfigError { path: self.path.clone(), place, kind }
    }
}

type Value<'t> = Spanned<DeValue<'t>>;

struct Reader<'t> {
    text: &'t str,
    path: &'t Path,
}

impl<'t> Reader<'t> {
    fn error(&self, span: Range<usize>, kind: ConfigErrorKind) -> ConfigError {
        ConfigError { path: self.path.to_owned(), place: Some(LineColumn::of(self.text, span.start)), kind }
    }

    fn unknown<T: AsRef<str>>(&self, key: &Spanned<T>, known: &[&'static str]) -> ConfigError {
        let field = key.get_ref().as_ref();
        let likely = likely_field(field, known);
        self.error(key.span(), ConfigErrorKind::UnknownField { field: field.to_owned(), likely })
    }

    fn wrong(&self, value: &Value<'t>, field: &'static str, expected: &'static str) -> ConfigError {
        self.error(value.span(), ConfigErrorKind::WrongType { field, expected })
    }

    fn clusters(&self, value: &Value<'t>) -> Result<BTreeMap<String, ClusterConfig>, ConfigError> {
        let table = value.get_ref().as_table();
        let table = table.ok_or_else(|| self.wrong(value, "clusters", "a table of clusters, `[clusters.NAME]`"))?;
        let of = |(name, value): (&Spanned<_>, &Value<'t>)| {
            let name: &Spanned<toml::de::DeString<'t>> = name;
            let place = LineColumn::of(self.text, name.span().start);
            Ok((name.get_ref().as_ref().to_owned(), self.cluster(place, value)?))
        };
        table.iter().map(of).collect()
    }

    fn cluster(&self, place: LineColumn, value: &Value<'t>) -> Result<ClusterConfig, ConfigError> {
        let mut cluster = ClusterConfig {
            place,
            path: None,
            environment: None,
            recipients: Vec::new(),
            paths: Vec::new(),
            ignore: false,
        };
        let table = value.get_ref().as_table();
        let table = table.ok_or_else(|| self.wrong(value, "clusters", "a table of clusters, `[clusters.NAME]`"))?;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "path" => cluster.path = Some(self.path("path", value)?),
                "environment" => cluster.environment = Some(self.text("environment", value)?.to_owned()),
                "recipients" => {
                    let texts = self.list("recipients", value)?.iter().map(|item| self.text("recipients", item));
                    cluster.recipients = texts.map(|text| text.map(str::to_owned)).collect::<Result<_, _>>()?;
                }
                "paths" => {
                    let paths = self.list("paths", value)?.iter().map(|item| self.path("paths", item));
                    cluster.paths = paths.collect::<Result<_, _>>()?;
                }
                "ignore" => {
                    let ignore = value.get_ref().as_bool();
                    cluster.ignore = ignore.ok_or_else(|| self.wrong(value, "ignore", "true or false"))?;
                }
                _ => return Err(self.unknown(key, CLUSTER_FIELDS)),
            }
        }
        Ok(cluster)
    }

    fn text<'v>(&self, field: &'static str, value: &'v Value<'t>) -> Result<&'v str, ConfigError> {
        value.get_ref().as_str().ok_or_else(|| self.wrong(value, field, "text"))
    }

    fn list<'v>(&self, field: &'static str, value: &'v Value<'t>) -> Result<&'v [Value<'t>], ConfigError> {
        let list = value.get_ref().as_array().map(|array| &array[..]);
        list.ok_or_else(|| self.wrong(value, field, "a list of texts"))
    }

    fn path(&self, field: &'static str, value: &Value<'t>) -> Result<String, ConfigError> {
        let text = self.text(field, value)?;
        let outside = || self.error(value.span(), ConfigErrorKind::Outside(text.to_owned()));
        path::resolve("", text).ok_or_else(outside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new(".secrets.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn all_fields_are_read() {
        let config = parse(
            "artifact_root = './kubernetes/'\n[clusters.lab]\npath = 'k8s/lab'\nenvironment = 'home'\n\
             recipients = ['age1x', 'phx']\npaths = ['talos/lab', '/x']\n[clusters.old]\nignore = true\n",
        )
        .unwrap();
        assert_eq!(config.artifact_root, "kubernetes");
        let lab = &config.clusters["lab"];
        assert_eq!((lab.path.as_deref(), lab.environment.as_deref()), (Some("k8s/lab"), Some("home")));
        assert_eq!((lab.recipients.join(" "), lab.paths.join(" ")), ("age1x phx".into(), "talos/lab x".into()));
        assert!(!lab.ignore && config.clusters["old"].ignore);
        assert_eq!(parse("").unwrap().clusters.len(), 0);
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_the_likely_field() {
        let check = |text: &str, expected: &str| {
            assert_eq!(parse(text).unwrap_err(), format!(".secrets.toml: {expected}"), "{text}");
        };
        check("cluster = 1\n", "unknown field `cluster`, did you mean `clusters`? at line 1, column 1");
        check(
            "[clusters.lab]\nrecipient = 'x'\n",
            "unknown field `recipient`, did you mean `recipients`? at line 2, column 1",
        );
        check("zzz = 1", "unknown field `zzz` at line 1, column 1");
        check("[clusters.lab]\npath = 1\n", "`path` has to be text at line 2, column 8");
        check("[clusters.lab]\nrecipients = 'x'\n", "`recipients` has to be a list of texts at line 2, column 14");
        check("[clusters.lab]\nignore = 'x'\n", "`ignore` has to be true or false at line 2, column 10");
        check("[clusters.lab]\npath = '../x'\n", "`../x` leads out of the repository at line 2, column 8");
        check("clusters = 3", "`clusters` has to be a table of clusters, `[clusters.NAME]` at line 1, column 12");
        assert!(parse("a = \n").unwrap_err().starts_with(".secrets.toml: not TOML: "));
    }
}
