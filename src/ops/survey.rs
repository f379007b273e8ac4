//! The whole repository, each file read once: who can open the encrypted ones, and Flux' objects in the others.
//! Needs no key, and keeps no content.

use std::path::{Path, PathBuf};

use super::{
    error::OpError,
    format::Format,
    pool,
    session::{Applied, Session},
    target::{Target, find_targets},
};
use crate::{
    base::files::{FileError, FileProblem, into_text, read_bytes, read_text},
    document::yaml::parse::TEXT_LIMIT_BYTES,
    git::find_repository,
    gitops::{
        config::{CONFIG_FILE_NAME, Config},
        inventory::{FileId, Inventory, Scan, scan},
    },
    sops::{
        error::SopsError,
        holders::{Holders, HoldersError},
    },
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
    /// Who can open it.
    pub holders: Holders,
    /// The rule for it.
    pub applied: Applied,
}

/// What became of one file.
struct Read {
    scan: Option<Scan>,
    sops: Option<(Holders, Applied)>,
    error: Option<OpError>,
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
        let read = pool::map(&self.targets, |target| {
            let read = read_one(session, &self.root, &target.path);
            done();
            read
        });
        let mut unread: Vec<(PathBuf, OpError)> =
            self.faults.into_iter().map(|fault| (fault.path.clone(), fault.into())).collect();
        let mut files = Vec::with_capacity(read.len());
        let mut encrypted = Vec::new();
        for (target, Read { scan, sops, error }) in self.targets.into_iter().zip(read) {
            let path = below(&self.root, &target.path);
            encrypted.extend(sops.map(|sops| (path.clone(), sops)));
            unread.extend(error.map(|error| (target.path, error)));
            files.push((path, scan));
        }
        let inventory = Inventory::new(files);
        let entry =
            |(path, (holders, applied)): (String, _)| Some(SopsEntry { id: inventory.find(&path)?, holders, applied });
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

fn read_one(session: &Session, root: &Path, path: &Path) -> Read {
    match read_bytes(path, TEXT_LIMIT_BYTES) {
        Ok(bytes) => {
            let format = Format::find_encrypted(path, &bytes);
            // The marks of a file in UTF-16 are not to be seen before it is read.
            let is_utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
            match into_text(path, bytes) {
                Ok(text) if is_utf16 => {
                    let format = Format::find_encrypted(path, text.expose().as_bytes());
                    read_content(session, root, path, text.expose(), format)
                }
                Ok(text) => read_content(session, root, path, text.expose(), format),
                Err(error) => Read { scan: None, sops: None, error: format.map(|_| error.into()) },
            }
        }
        Err(error) => Read { scan: None, sops: None, error: Some(error.into()) },
    }
}

fn read_content(session: &Session, root: &Path, path: &Path, text: &str, format: Option<Format>) -> Read {
    let scan = scan(&below(root, path), text);
    let holders = match format {
        None => return Read { scan, sops: None, error: None },
        Some(Format::Yaml) => Holders::of_yaml(text),
        Some(Format::Json | Format::Binary) => Holders::of_json(text),
        Some(Format::Dotenv) => Holders::of_dotenv(text),
        Some(Format::Ini) => Holders::of_ini(text),
    };
    let holders = match holders {
        Ok(holders) => holders,
        // The words are in it, and mean something else.
        Err(HoldersError::NotEncrypted | HoldersError::Yaml(SopsError::NotEncrypted)) => {
            return Read { scan, sops: None, error: None };
        }
        Err(error) => return Read { scan, sops: None, error: Some(error.into()) },
    };
    let (applied, error) = match session.rule_for(path) {
        Ok(applied) => (applied, None),
        Err(error) => (Applied::default(), Some(error)),
    };
    Read { scan, sops: Some((holders, applied)), error }
}
