//! One file replaced or created.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use super::{
    Batch, FileError, FileProblem,
    stage::{Access, Before, Staged},
};

/// Replaces the regular file at `path`, whose content has to be `expected`. Owner, mode and access list are kept;
/// a symlink is followed, and stays; a hard link is cut, as every atomic replacement does.
///
/// # Errors
/// [`FileError`]; but for [`FileProblem::Unsynced`], the file is as it was.
pub fn replace(path: &Path, expected: &[u8], content: &[u8]) -> Result<(), FileError> {
    put(path, Before::Held(expected), Access::Kept, content)
}

/// Creates the file at `path`, with the mode that the umask gives.
///
/// # Errors
/// [`FileProblem::Exists`], and those of writing; then there is no file.
pub fn create(path: &Path, content: &[u8]) -> Result<(), FileError> {
    put(path, Before::Absent, Access::Kept, content)
}

/// Creates the file at `path` with mode 0600.
///
/// # Errors
/// [`FileProblem::Exists`], and those of writing; then there is no file.
pub fn create_new_private(path: &Path, content: &[u8]) -> Result<(), FileError> {
    put(path, Before::Absent, Access::Private, content)
}

/// Makes the directory at `path`, and those above it that are missing, with mode 0700. One that is there stays.
///
/// # Errors
/// [`FileProblem::Write`].
pub fn create_private_directory(path: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|cause| FileError::new(path, FileProblem::Write(cause)))
}

/// Removes the file at `path`; that there is none is no error.
///
/// # Errors
/// [`FileProblem::Replace`].
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(FileError::new(path, FileProblem::Replace(cause))),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes ciphertext to `path`: creates the file as [`create`] does, or replaces it, whatever it held, and keeps its
/// owner and mode. What is not a file, such as `/dev/stdout` or a pipe, is written to directly.
///
/// # Errors
/// [`FileError`]; but for [`FileProblem::Unsynced`], a regular file is as it was.
pub fn write(path: &Path, content: &[u8]) -> Result<(), FileError> {
    if is_stream(path) {
        return write_stream(path, content);
    }
    put(path, Before::Anything, Access::Kept, content)
}

/// Writes plaintext to `path`: creates or replaces a file of mode 0600, and never widens that for a moment.
/// What is not a file, such as `/dev/stdout` or a pipe, is written to directly.
///
/// # Errors
/// [`FileError`]; but for [`FileProblem::Unsynced`], a regular file is as it was.
pub fn create_private(path: &Path, content: &[u8]) -> Result<(), FileError> {
    if is_stream(path) {
        return write_stream(path, content);
    }
    put(path, Before::Anything, Access::Private, content)
}

fn put(path: &Path, before: Before<'_>, access: Access, content: &[u8]) -> Result<(), FileError> {
    let batch = Batch::from(Staged::new(path, before, access, content)?);
    batch.commit().into_iter().try_for_each(|(_, outcome)| outcome)
}

/// Whether bytes go through `path` rather than into a file there. The names of open files count, be they redirected
/// to a file: whoever opened that file goes on writing to it.
fn is_stream(path: &Path) -> bool {
    let is_open_file =
        ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"].iter().any(|open| path.starts_with(open));
    is_open_file || fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn write_stream(path: &Path, content: &[u8]) -> Result<(), FileError> {
    // Our own streams are not opened once more: where they are sockets, or another user's, that is refused.
    let written = if path == Path::new("/dev/stdout") {
        write_all(&mut io::stdout().lock(), content)
    } else if path == Path::new("/dev/stderr") {
        write_all(&mut io::stderr().lock(), content)
    } else {
        let stream = OpenOptions::new().append(true).open(path);
        stream.and_then(|mut stream| write_all(&mut stream, content))
    };
    written.map_err(|cause| FileError::new(path, FileProblem::Write(cause)))
}

fn write_all(stream: &mut impl Write, content: &[u8]) -> io::Result<()> {
    stream.write_all(content)?;
    stream.flush()
}
