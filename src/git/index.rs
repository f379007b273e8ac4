//! What is staged, and what a commit holds as a whole.

use super::{
    Change, GitError, ObjectId,
    history::{SUBMODULE_MODE, parse_mode, parse_record},
    program::Git,
};

/// The tree without any file, which git knows without storing it.
const EMPTY_TREE_SHA1: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const EMPTY_TREE_SHA256: &str = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321";

/// An entry of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The file with its staged content. Of one that is only intended to be added, that is the empty blob.
    pub file: Change,
    /// 0, or of a conflict 1 (the common ancestor), 2 (ours), 3 (theirs).
    pub stage: u8,
    /// Whether the work tree is to hold the file: a sparse one leaves files out.
    pub is_checked_out: bool,
}

impl Git {
    /// All entries of the index, by path, without submodules.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn index(&self) -> Result<Vec<IndexEntry>, GitError> {
        let tokens = self.tokens(&["ls-files", "-t", "--stage", "-z"], 0)?;
        let entries = tokens.iter().map(|token| parse_entry(token).ok_or_else(|| self.odd("no entry of the index")));
        let is_file = |entry: &Result<IndexEntry, _>| !matches!(entry, Ok(entry) if entry.file.mode == SUBMODULE_MODE);
        entries.filter(is_file).collect()
    }

    /// What the next commit would bring: the files whose staged content is not that of `HEAD`, by path, without submodules
    /// and what is taken out. A file that is only intended to be added is not among them, nor is one in conflict.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn staged(&self) -> Result<Vec<Change>, GitError> {
        let base = if self.has_head()? {
            "HEAD"
        } else if self.line(&["rev-parse", "--show-object-format"])? == "sha256" {
            EMPTY_TREE_SHA256
        } else {
            EMPTY_TREE_SHA1
        };
        let tokens = self.tokens(
            &[
                "diff-index",
                "--cached",
                "--ita-invisible-in-index",
                "--raw",
                "-z",
                "--no-renames",
                "--no-abbrev",
                base,
                "--",
            ],
            0,
        )?;
        let mut changes = Vec::new();
        for pair in tokens.chunks(2) {
            let [record, path] = pair else { return Err(self.odd("a change without its path")) };
            let (mode, blob) = parse_record(record).ok_or_else(|| self.odd("a change without its blob"))?;
            if !blob.is_null() && mode != SUBMODULE_MODE {
                changes.push(Change { path: path.clone(), blob, mode });
            }
        }
        Ok(changes)
    }

    /// All files of the commit that `HEAD` is, by path, without submodules; none before the first commit.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn head_files(&self) -> Result<Vec<Change>, GitError> {
        if !self.has_head()? {
            return Ok(Vec::new());
        }
        let tokens = self.tokens(&["ls-tree", "-r", "-z", "--full-tree", "HEAD"], 0)?;
        let files = tokens.iter().map(|token| parse_file(token).ok_or_else(|| self.odd("no file of a tree")));
        files.filter(|file| !matches!(file, Ok(file) if file.mode == SUBMODULE_MODE)).collect()
    }

    /// Whether there is a commit that `HEAD` is.
    fn has_head(&self) -> Result<bool, GitError> {
        // Fails with 128 where `HEAD` is broken, and prints nothing where there is no commit yet.
        Ok(!self.line(&["rev-list", "--max-count=1", "--ignore-missing", "HEAD", "--"])?.is_empty())
    }
}

/// `TAG MODE ID STAGE\tPATH`
fn parse_entry(token: &[u8]) -> Option<IndexEntry> {
    let (words, path) = split_at(token, b'\t')?;
    let mut words = words.split(|byte| *byte == b' ');
    let tag = words.next()?;
    let mode = parse_mode(words.next()?)?;
    let blob = ObjectId::parse(words.next()?)?;
    let stage = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    Some(IndexEntry { file: Change { path: path.to_owned(), blob, mode }, stage, is_checked_out: tag != b"S" })
}

/// `MODE KIND ID\tPATH`
fn parse_file(token: &[u8]) -> Option<Change> {
    let (words, path) = split_at(token, b'\t')?;
    let mut words = words.split(|byte| *byte == b' ');
    let mode = parse_mode(words.next()?)?;
    let blob = ObjectId::parse(words.nth(1)?)?;
    Some(Change { path: path.to_owned(), blob, mode })
}

fn split_at(token: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = token.iter().position(|byte| *byte == mark)?;
    Some((token.get(..at)?, token.get(at + 1..)?))
}
