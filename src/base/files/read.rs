//! Reading with a bound, into memory that is wiped.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use zeroize::Zeroizing;

use super::{FileError, FileProblem};
use crate::base::secret::Plaintext;

/// How standard input is called in errors.
const STDIN: &str = "standard input";
/// What is read from standard input at first, in bytes: most files fit.
const STDIN_BYTES: usize = 16 * 1024;

/// Reads all of `path`, which may be a pipe, into memory that is wiped.
///
/// # Errors
/// [`FileProblem::Read`], or [`FileProblem::TooLarge`] past `limit_bytes`.
pub fn read_bytes(path: &Path, limit_bytes: usize) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let read = || {
        let mut file = File::open(path)?;
        let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        read_wiped(&mut file, size, limit_bytes)
    };
    read()
        .map_err(|cause| FileError::new(path, FileProblem::Read(cause)))?
        .ok_or_else(|| FileError::new(path, FileProblem::TooLarge { limit_bytes }))
}

/// Reads all of `path` as UTF-8. A byte order mark is part of the text.
///
/// # Errors
/// As [`read_bytes`], and [`FileProblem::NotText`].
pub fn read_text(path: &Path, limit_bytes: usize) -> Result<Plaintext, FileError> {
    into_text(path, read_bytes(path, limit_bytes)?)
}

/// Reads all of standard input as UTF-8, past the buffer of the standard library, which nobody wipes.
///
/// # Errors
/// As [`read_text`].
pub fn read_stdin(limit_bytes: usize) -> Result<Plaintext, FileError> {
    into_text(Path::new(STDIN), read_stdin_bytes(limit_bytes)?)
}

/// Reads standard input, whatever it holds, into memory that is wiped.
///
/// # Errors
/// As [`read_bytes`].
pub fn read_stdin_bytes(limit_bytes: usize) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let path = Path::new(STDIN);
    let read = || read_wiped(&mut stdin()?, STDIN_BYTES, limit_bytes);
    let bytes = read().map_err(|cause| FileError::new(path, FileProblem::Read(cause)))?;
    bytes.ok_or_else(|| FileError::new(path, FileProblem::TooLarge { limit_bytes }))
}

#[cfg(unix)]
fn stdin() -> io::Result<File> {
    use std::os::fd::AsFd as _;

    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn stdin() -> io::Result<io::StdinLock<'static>> {
    Ok(io::stdin().lock())
}

/// Takes the content of `path` as UTF-8, or as UTF-16 if it begins with its byte order mark.
///
/// # Errors
/// [`FileProblem::NotText`]; the bytes are wiped then.
pub fn into_text(path: &Path, mut bytes: Zeroizing<Vec<u8>>) -> Result<Plaintext, FileError> {
    if let Some(text) = find_utf16(&bytes) {
        return Ok(text);
    }
    String::from_utf8(std::mem::take(&mut *bytes)).map(Plaintext::new).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        drop(Zeroizing::new(error.into_bytes()));
        FileError::new(path, FileProblem::NotText { offset })
    })
}

/// Reads `source` to its end; `None` when it holds more than `limit_bytes`. `size_hint` is its likely size in bytes.
///
/// # Errors
/// Those of `source`.
pub(crate) fn read_wiped(
    source: &mut impl Read,
    size_hint: usize,
    limit_bytes: usize,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // One byte of room beyond the content, so that the end is seen without growing.
    let mut bytes = Zeroizing::new(vec![0; size_hint.min(limit_bytes).saturating_add(1)]);
    let mut filled = 0;
    loop {
        if filled == bytes.len() {
            if filled > limit_bytes {
                return Ok(None);
            }
            // Not `resize`: where it moves the content, it leaves a copy behind that nobody wipes.
            let room = bytes.len().saturating_mul(2).min(limit_bytes.saturating_add(1));
            let mut larger = Zeroizing::new(vec![0; room]);
            larger.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
            bytes = larger;
        }
        match source.read(bytes.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok((filled <= limit_bytes).then_some(bytes))
}

/// The text of what begins with a byte order mark of UTF-16, without it: SOPS reads that, and writes UTF-8.
fn find_utf16(bytes: &[u8]) -> Option<Plaintext> {
    let (mark, rest) = bytes.split_at_checked(2)?;
    let unit: fn([u8; 2]) -> u16 = match mark {
        [0xFF, 0xFE] => u16::from_le_bytes,
        [0xFE, 0xFF] => u16::from_be_bytes,
        _ => return None,
    };
    let (pairs, odd) = rest.as_chunks::<2>();
    let mut text = String::with_capacity(rest.len() * 3 / 2);
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match character {
            Ok(character) if odd.is_empty() => text.push(character),
            _ => {
                drop(Plaintext::new(text));
                return None;
            }
        }
    }
    Some(Plaintext::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &[u8], limit_bytes: usize, expected: Result<&str, &str>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        #[expect(clippy::disallowed_methods, reason = "a test prepares its files by other means")]
        std::fs::write(&path, content).unwrap();
        let outcome = read_text(&path, limit_bytes)
            .map(|text| text.expose().to_owned())
            .map_err(|error| error.problem.to_string());
        assert_eq!(outcome, expected.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        check(b"", 0, Ok(""));
        check(b"abc", 3, Ok("abc"));
        check(b"abcd", 3, Err("is larger than 3 bytes"));
        check(b"abcd", usize::MAX, Ok("abcd"));
        check(&[b'x'; 100_000], 100_000, Ok(&"x".repeat(100_000)));
    }

    #[test]
    fn text_that_is_not_utf_8_is_refused_with_its_place_only() {
        check(b"pass\xffword", 100, Err("is not UTF-8 text at byte 4"));
    }

    #[test]
    fn a_source_of_unknown_size_is_read_whole() {
        for size in [0, 1, 2, 4095, 4096, 4097, 70_000] {
            let content = vec![7; size];
            let read = read_wiped(&mut content.as_slice(), 0, 70_000).unwrap().unwrap();
            assert_eq!(read.as_slice(), content);
        }
        assert!(read_wiped(&mut [7; 70_001].as_slice(), 0, 70_000).unwrap().is_none());
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read_bytes(Path::new("/nowhere/f"), 1).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/f: cannot be read"), "{error}");
    }

    #[test]
    fn a_directory_is_not_read() {
        assert!(matches!(read_bytes(Path::new("/"), 1).unwrap_err().problem, FileProblem::Read(_)));
    }
}
