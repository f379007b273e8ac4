//! Texts that were typed and could not be put in place: encrypted, in a private directory, one for each file.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::base::{
    env::Env,
    files::{FileError, FileProblem, create_private, create_private_directory, remove},
};

/// How the name of a kept text ends.
const SUFFIX: &str = ".age";
/// How much of a hash tells two files apart, in bytes.
const HASH_BYTES: usize = 8;

/// The places where the text for one file may be kept, the best first.
#[derive(Debug)]
pub(super) struct Shelf {
    directories: Vec<PathBuf>,
    /// The name of the file, and a hash of where it is.
    stem: String,
}

/// A text that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) path: PathBuf,
    /// What the file held when its text was taken.
    pub(super) base: Base,
}

/// What a file held, to be told from what it holds later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base(String);

impl Base {
    /// `None` for a file that there is not.
    pub(super) fn of(text: Option<&str>) -> Self {
        Self(text.map_or_else(|| "new".to_owned(), |text| hash(text.as_bytes())))
    }
}

impl Shelf {
    /// The shelf for the file at `path`, which is absolute.
    pub(super) fn new(env: &Env, path: &Path) -> Self {
        let state = env.path("XDG_STATE_HOME").or_else(|| Some(env.path("HOME")?.join(".local/state")));
        // Both are the user's own: in a directory of everybody, somebody else could put a text of his own there.
        let directories = [state, env.path("XDG_RUNTIME_DIR")].into_iter().flatten().filter(|base| base.is_absolute());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let true_path = true_path(path);
        let stem = format!("{name}.{}", hash(true_path.as_os_str().as_encoded_bytes()));
        Self { directories: directories.map(|directory| directory.join("secrets").join("edit")).collect(), stem }
    }

    /// The text that is kept, if there is one.
    pub(super) fn find(&self) -> Option<Kept> {
        self.directories.iter().find_map(|directory| {
            let entries = fs::read_dir(directory).ok()?;
            entries.flatten().find_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let base = name.strip_prefix(&self.stem)?.strip_prefix('.')?.strip_suffix(SUFFIX)?;
                Some(Kept { path: entry.path(), base: Base(base.to_owned()) })
            })
        })
    }

    /// Keeps `armor` in the place of what was kept.
    pub(super) fn keep(&self, armor: &str, base: &Base) -> Result<PathBuf, FileError> {
        let mut outcome = self.directories.iter().map(|directory| {
            create_private_directory(directory)?;
            let path = directory.join(format!("{}.{}{SUFFIX}", self.stem, base.0));
            create_private(&path, armor.as_bytes())?;
            Ok(path)
        });
        let nowhere =
            || FileError { path: PathBuf::from("~"), problem: FileProblem::Write(ErrorKind::NotFound.into()) };
        let first = outcome.next().unwrap_or_else(|| Err(nowhere()));
        let path = first.or_else(|fault| outcome.next().unwrap_or(Err(fault)))?;
        while let Some(old) = self.find().filter(|old| old.path != path) {
            remove(&old.path)?;
        }
        Ok(path)
    }

    /// Removes what is kept.
    pub(super) fn clear(&self) -> Result<(), FileError> {
        while let Some(kept) = self.find() {
            remove(&kept.path)?;
        }
        Ok(())
    }
}

/// The path behind all links; of a file that there is not yet, that of its directory.
fn true_path(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_none| {
        let parent = path.parent().and_then(|parent| fs::canonicalize(parent).ok());
        parent.unwrap_or_default().join(path.file_name().unwrap_or_default())
    })
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
}
