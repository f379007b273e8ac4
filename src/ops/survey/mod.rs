//! What the files of a repository tell without a key, each read once: on what terms the encrypted ones are so, how that
//! differs from the policy, and Flux' objects in the others. Keeps no content.

mod file;

use std::path::{Path, PathBuf};

pub(super) use file::{Reading, Sealed, read_all};

use super::{
    drift::Drifts,
    error::OpError,
    session::{Applied, Session},
    target::{Target, find_targets},
};
use crate::{
    base::files::{FileError, FileProblem, read_text},
    git::find_repository,
    gitops::{
        config::{CONFIG_FILE_NAME, Config},
        inventory::{FileId, Inventory, scan},
    },
    sops::terms::Terms,
};

/// More than anybody writes by hand.
const CONFIG_LIMIT_BYTES: usize = 4 << 20;

/// The files of a repository, not yet read.
#[derive(Debug)]
pub struct Walk {
    root: PathBuf,
    targets: Vec<Target>,
    faults: Vec<FileError>,
}

/// What is in a repository.
#[derive(Debug)]
pub struct Survey {
    /// The root of the repository, absolute.
    pub root: PathBuf,
    /// What `.secrets.toml` says.
    pub config: Config,
    /// All files, and Flux' objects.
    pub inventory: Inventory,
    /// The files that SOPS wrote, by path.
    pub files: Vec<SopsEntry>,
    /// What could not be read, by path.
    pub unread: Vec<(PathBuf, OpError)>,
}

/// A file that SOPS wrote.
#[derive(Debug)]
pub struct SopsEntry {
    /// Its number.
    pub id: FileId,
    /// Who can open it, which of its values are encrypted, and what its MAC covers.
    pub terms: Terms,
    /// The rule for it.
    pub applied: Applied,
    /// How the terms differ from the rule.
    pub drifts: Drifts,
}

impl SopsEntry {
    /// Whether there is a policy, and no rule in it matches the file.
    #[must_use]
    pub fn lacks_rule(&self) -> bool {
        self.applied.policy().is_some() && self.applied.rule().is_none()
    }
}

/// Lists the files of the repository that the current directory is in, without what git ignores; outside of any
/// repository those below the current directory.
///
/// # Errors
/// [`OpError::Git`].
pub fn walk(session: &Session) -> Result<Walk, OpError> {
    let repository = find_repository(session.directory())?;
    let root = repository.and_then(|found| found.work_tree).unwrap_or_else(|| session.directory().to_owned());
    let targets = find_targets(std::slice::from_ref(&root));
    Ok(Walk { root, targets: targets.files, faults: targets.faults })
}

impl Walk {
    /// How many files there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Reads all files. `done` is called after each, from any thread.
    ///
    /// # Errors
    /// [`OpError::Config`], or [`OpError::File`] for a `.secrets.toml` that cannot be read; other files that cannot be
    /// are listed.
    pub fn read(self, session: &Session, done: impl Fn() + Sync) -> Result<Survey, OpError> {
        let config = read_config(&self.root)?;
        let look = |target: &Target, text: &str| scan(&below(&self.root, &target.path), text);
        let read = read_all(session, &self.targets, look, done);
        let mut unread: Vec<(PathBuf, OpError)> =
            self.faults.into_iter().map(|fault| (fault.path.clone(), fault.into())).collect();
        let mut files = Vec::with_capacity(read.len());
        let mut encrypted = Vec::new();
        for (target, Reading { sealed, error, other }) in self.targets.into_iter().zip(read) {
            let path = below(&self.root, &target.path);
            encrypted.extend(sealed.map(|sealed| (path.clone(), sealed)));
            unread.extend(error.map(|error| (target.path, error)));
            files.push((path, other.flatten()));
        }
        let inventory = Inventory::new(files);
        let entry = |(path, Sealed { terms, applied, drifts, .. }): (String, _)| {
            Some(SopsEntry { id: inventory.find(&path)?, terms, applied, drifts })
        };
        let mut files: Vec<SopsEntry> = encrypted.into_iter().filter_map(entry).collect();
        files.sort_by_key(|file| file.id);
        unread.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(Survey { root: self.root, config, inventory, files, unread })
    }
}

impl Survey {
    /// What a cluster is called that is the whole repository.
    #[must_use]
    pub fn repository_name(&self) -> String {
        self.root.file_name().map_or_else(|| "cluster".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// The path of a file below the root.
    #[must_use]
    pub fn path(&self, file: &SopsEntry) -> &str {
        self.inventory.path(file.id)
    }
}

fn read_config(root: &Path) -> Result<Config, OpError> {
    let path = root.join(CONFIG_FILE_NAME);
    match read_text(&path, CONFIG_LIMIT_BYTES) {
        Ok(text) => Ok(Config::parse(text.expose(), &path)?),
        Err(FileError { problem: FileProblem::Read(cause), .. }) if cause.kind() == std::io::ErrorKind::NotFound => {
            Ok(Config { path, ..Config::default() })
        }
        Err(error) => Err(error.into()),
    }
}

/// `path` below `root`, with `/` between its parts.
pub(super) fn below(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts = below.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}
