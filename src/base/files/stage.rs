//! One file on its way to being replaced: the new content next to the old one, under a name of its own.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, Metadata},
    io::{self, ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{
    FileError, FileProblem,
    attributes::{self, Readers},
    into_text, read_text, read_wiped,
};
use crate::base::leftover::Leftover;

/// How a name ends that is only there while a file is being replaced.
const SUFFIX: &str = ".secrets-tmp";
/// Most file systems take names of up to 255 bytes: room for dots, random part and suffix.
const NAME_LIMIT_BYTES: usize = 200;

/// The bytes of an old file, if they were read.
type Held = Option<Zeroizing<Vec<u8>>>;

/// What has to be at the target for it to be replaced.
#[derive(Clone, Copy)]
pub(super) enum Before<'a> {
    /// A file with exactly this content.
    Held(&'a [u8]),
    /// A file with this text, all of which is read.
    Text(&'a str),
    /// Nothing.
    Absent,
    /// Nothing, or any regular file.
    Anything,
}

/// Who may read the new file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Those who could read the old one; for a new file, those whom the umask lets.
    Kept,
    /// The owner: mode 0600.
    Private,
}

/// New content, written but not yet in place. Dropped, it is gone.
pub(super) struct Staged {
    /// The path as it was asked for.
    pub(super) asked: PathBuf,
    /// The path behind all symlinks.
    pub(super) target: PathBuf,
    temporary: Leftover,
    /// The old file; `None` when there was none, and still has to be none.
    old: Option<attributes::Stamp>,
    /// The mode that the file gets when it takes its place; `None` where it stays the owner's alone.
    mode: Option<fs::Permissions>,
}

/// Whether `name` is that of a file that was left behind when we were killed.
#[must_use]
pub fn is_leftover_name(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes())
}

impl Staged {
    /// Writes `content` next to `asked`, if there is at `asked` what `before` says.
    pub(super) fn new(asked: &Path, before: Before<'_>, access: Access, content: &[u8]) -> Result<Self, FileError> {
        Self::named(asked, (before, access), content, None)
    }

    /// The same, under the name that [`temporary_path`] gives it for `token`, or else one that nobody can foresee.
    pub(super) fn named(
        asked: &Path,
        (before, access): (Before<'_>, Access),
        content: &[u8],
        token: Option<u64>,
    ) -> Result<Self, FileError> {
        let write = |target| Self::write((asked, target), (before, access), content, token);
        let staged = resolve(asked).map_err(FileProblem::Read).and_then(write);
        staged.map(|(staged, _)| staged).map_err(|problem| FileError::new(asked, problem))
    }

    /// Writes `content` next to `target`, which `asked` stands for, if it holds the text `expected`, under the name that
    /// `token` gives it. Gives back the bytes that `target` holds too.
    pub(super) fn of_text(
        (asked, target): (&Path, PathBuf),
        expected: &str,
        content: &[u8],
        token: u64,
    ) -> Result<(Self, Zeroizing<Vec<u8>>), FileError> {
        let before = (Before::Text(expected), Access::Kept);
        let staged = Self::write((asked, target), before, content, Some(token));
        let (staged, held) = staged.map_err(|problem| FileError::new(asked, problem))?;
        Ok((staged, held.unwrap_or_default()))
    }

    fn write(
        (asked, target): (&Path, PathBuf),
        (before, access): (Before<'_>, Access),
        content: &[u8],
        token: Option<u64>,
    ) -> Result<(Self, Held), FileProblem> {
        let (old, held) = match find_old(&target, before)? {
            Some((file, metadata, held)) => (Some((file, metadata)), held),
            None => (None, None),
        };
        if old.is_some() {
            attributes::check_writable(&target).map_err(FileProblem::NotWritable)?;
        }
        let random = || getrandom::u64().map_err(|error| io::Error::other(error.to_string()));
        let token = token.map_or_else(random, Ok).map_err(FileProblem::Write)?;
        let temporary = Leftover::new(temporary_path(&target, token).map_err(FileProblem::Write)?);
        let readers = match (access, &old) {
            (Access::Kept, None) => Readers::Umask,
            (Access::Kept, Some(_)) | (Access::Private, _) => Readers::Owner,
        };
        let mut file = attributes::create(temporary.path(), readers).map_err(FileProblem::Write)?;
        file.write_all(content).map_err(FileProblem::Write)?;
        if let Some((old_file, metadata)) = old.as_ref().filter(|_| access == Access::Kept) {
            attributes::keep(old_file, metadata, &file).map_err(FileProblem::Attributes)?;
        }
        let mode = old.as_ref().filter(|_| access == Access::Kept).map(|(_, metadata)| metadata.permissions());
        let old = old.map(|(_, metadata)| attributes::Stamp::of(&metadata));
        Ok((Self { asked: asked.to_owned(), target, temporary, old, mode }, held))
    }

    /// Where the content is.
    pub(super) fn temporary_path(&self) -> &Path {
        self.temporary.path()
    }

    /// The directory that the file is in.
    pub(super) fn directory(&self) -> &Path {
        directory_of(&self.target)
    }

    /// Whether the old file is still as it was.
    pub(super) fn check(&self) -> Result<(), FileError> {
        let is_same = match (&self.old, fs::symlink_metadata(&self.target)) {
            (Some(old), Ok(now)) => attributes::Stamp::of(&now) == *old,
            (None, found) => found.is_err(),
            (Some(_), Err(_)) => false,
        };
        if is_same { Ok(()) } else { Err(FileError::new(&self.asked, FileProblem::Changed)) }
    }

    /// From here on, a signal leaves the content where it is.
    pub(super) fn let_go(&self) {
        self.temporary.leave_to_signals();
    }

    /// Puts the content in place, unless the old file has changed since.
    pub(super) fn put_in_place(self) -> Result<(), FileError> {
        let put = || match &self.old {
            None => {
                attributes::rename_to_new(self.temporary.path(), &self.target).map_err(|cause| match cause.kind() {
                    ErrorKind::AlreadyExists => FileProblem::Exists,
                    _ => FileProblem::Replace(cause),
                })
            }
            Some(old) => {
                let now = fs::symlink_metadata(&self.target).map_err(|_gone| FileProblem::Changed)?;
                if attributes::Stamp::of(&now) != *old {
                    return Err(FileProblem::Changed);
                }
                if let Some(mode) = &self.mode {
                    attributes::open_up(self.temporary.path(), mode).map_err(FileProblem::Attributes)?;
                }
                fs::rename(self.temporary.path(), &self.target).map_err(FileProblem::Replace)
            }
        };
        put().map_err(|problem| FileError::new(&self.asked, problem))?;
        self.temporary.forget();
        Ok(())
    }
}

/// The file that `asked` stands for: a symlink is followed to its end, and stays.
pub(super) fn resolve(asked: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(asked) {
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(asked),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(asked.to_owned()),
    }
}

/// The old file, opened and compared with what `before` says; `None` when there is and may be none.
fn find_old(target: &Path, before: Before<'_>) -> Result<Option<(File, Metadata, Held)>, FileProblem> {
    match (fs::symlink_metadata(target), before) {
        (Err(error), Before::Held(_) | Before::Text(_)) if error.kind() == ErrorKind::NotFound => {
            return Err(FileProblem::Changed);
        }
        (Err(error), _) if error.kind() == ErrorKind::NotFound => return Ok(None),
        (Err(error), _) => return Err(FileProblem::Read(error)),
        (Ok(_), Before::Absent) => return Err(FileProblem::Exists),
        (Ok(metadata), _) if !metadata.is_file() => return Err(FileProblem::NotRegular),
        (Ok(_), _) => {}
    }
    let mut file = File::open(target).map_err(FileProblem::Read)?;
    let metadata = file.metadata().map_err(FileProblem::Read)?;
    let held = match before {
        Before::Absent | Before::Anything => None,
        Before::Held(expected) => {
            let is_same =
                metadata.len() == expected.len() as u64 && holds(&mut file, expected).map_err(FileProblem::Read)?;
            let read = || read_text(target, utf16_limit_bytes(expected));
            if !is_same && !read().is_ok_and(|text| text.expose().as_bytes() == expected) {
                return Err(FileProblem::Changed);
            }
            None
        }
        Before::Text(expected) => {
            let limit = utf16_limit_bytes(expected.as_bytes());
            let read = read_wiped(&mut file, expected.len(), limit).map_err(FileProblem::Read)?;
            let read = read.ok_or(FileProblem::Changed)?;
            let is_same = read.as_slice() == expected.as_bytes()
                || into_text(target, read.clone()).is_ok_and(|text| text.expose() == expected);
            Some(if is_same { read } else { return Err(FileProblem::Changed) })
        }
    };
    Ok(Some((file, metadata, held)))
}

/// How long a file in UTF-16 can be that has the text `expected`: three bytes of UTF-8 are two of it.
const fn utf16_limit_bytes(expected: &[u8]) -> usize {
    expected.len().saturating_mul(2).saturating_add(2)
}

/// Whether `file` holds `expected` and nothing else.
fn holds(file: &mut File, mut expected: &[u8]) -> io::Result<bool> {
    let room = expected.len().clamp(1, 64 * 1024);
    let mut buffer = Zeroizing::new(vec![0; room]);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(expected.is_empty());
        }
        let Some((head, tail)) = expected.split_at_checked(count) else {
            return Ok(false);
        };
        if buffer.get(..count) != Some(head) {
            return Ok(false);
        }
        expected = tail;
    }
}

pub(super) fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// A name in the directory of `target`, which nobody can foresee who does not know `token`.
pub(super) fn temporary_path(target: &Path, token: u64) -> io::Result<PathBuf> {
    let name = target.file_name().ok_or(ErrorKind::IsADirectory)?;
    let mut temporary = OsString::from(".");
    if name.len() <= NAME_LIMIT_BYTES {
        temporary.push(name);
    } else {
        let hash = Sha256::digest(name.as_encoded_bytes());
        temporary.push(hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>());
    }
    temporary.push(format!(".{token:016x}{SUFFIX}"));
    Ok(directory_of(target).join(temporary))
}
