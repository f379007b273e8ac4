//! The start of an age file, before the `age` crate sees it: strict where the crate is lenient, and in one piece, since
//! the crate parses a header again from its beginning for each of its lines.

use std::io::{BufRead, Cursor, ErrorKind, Read, Result};

use age::{DecryptError, Decryptor};

use super::armor::COLUMNS_PER_LINE;

/// More than two thousand recipients take, post-quantum ones included.
const HEADER_LIMIT_BYTES: u64 = 4 << 20;

/// A header, and what follows it. Where a line is asked for, the whole header is given.
pub(super) struct HeaderFirst<R> {
    header: Cursor<Vec<u8>>,
    rest: R,
}

/// Reads the header of an age file that is not armored.
///
/// # Errors
/// [`DecryptError`]: the reader's, or where the header is none, or too long.
pub(super) fn read_file<R: BufRead>(mut file: R) -> std::result::Result<Decryptor<HeaderFirst<R>>, DecryptError> {
    let header = read_header(&mut file)?;
    Decryptor::new_buffered(HeaderFirst { header: Cursor::new(header), rest: file })
}

/// Reads up to the end of the line with the MAC. What is cut off before it is for the crate to tell.
fn read_header(file: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut header = Vec::new();
    let mut file = file.take(HEADER_LIMIT_BYTES);
    let mut is_closed = true;
    loop {
        let start = header.len();
        if file.read_until(b'\n', &mut header)? == 0 {
            return if file.limit() == 0 { Err(invalid("its header is longer than 4 MiB")) } else { Ok(header) };
        }
        let line = header.get(start..).unwrap_or_default();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let (is_first, is_last) = (line.starts_with(b"-> "), line.starts_with(b"---"));
        // The crate takes a stanza that does not end in a line that is not full, be it empty; `age` in Go does not.
        // <https://c2sp.org/age#recipient-stanza>
        if (is_first || is_last) && !is_closed {
            return Err(invalid("a stanza of its header has no last line"));
        }
        if is_last {
            return Ok(header);
        }
        is_closed = start == 0 || !is_first && line.len() < COLUMNS_PER_LINE;
    }
}

fn invalid(reason: &'static str) -> std::io::Error {
    std::io::Error::new(ErrorKind::InvalidData, reason)
}

impl<R: BufRead> Read for HeaderFirst<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match self.header.read(buffer)? {
            0 => self.rest.read(buffer),
            count => Ok(count),
        }
    }
}

impl<R: BufRead> BufRead for HeaderFirst<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.has_header() { self.header.fill_buf() } else { self.rest.fill_buf() }
    }

    fn consume(&mut self, amount: usize) {
        if self.has_header() {
            self.header.consume(amount);
        } else {
            self.rest.consume(amount);
        }
    }

    fn read_until(&mut self, byte: u8, buffer: &mut Vec<u8>) -> Result<usize> {
        match self.header.read_to_end(buffer)? {
            0 => self.rest.read_until(byte, buffer),
            count => Ok(count),
        }
    }
}

impl<R> HeaderFirst<R> {
    fn has_header(&self) -> bool {
        self.header.position() < self.header.get_ref().len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &[u8], expected: std::result::Result<(), &str>) {
        let told = read_file(file).map(drop).map_err(|error| error.to_string());
        assert_eq!(told, expected.map_err(str::to_owned));
    }

    fn file(stanzas: &str) -> Vec<u8> {
        format!("age-encryption.org/v1\n{stanzas}--- {}\n0123456789abcdef", "A".repeat(43)).into_bytes()
    }

    #[test]
    fn each_stanza_ends_in_a_line_that_is_not_full() {
        let full = "A".repeat(COLUMNS_PER_LINE);
        let unclosed = Err("a stanza of its header has no last line");
        check(&file("-> a b\n\n"), Ok(()));
        check(&file("-> a b\nAAAA\n-> c\n\n"), Ok(()));
        check(&file(&format!("-> a b\n{full}\n\n")), Ok(()));
        check(&file("-> a b\n"), unclosed);
        check(&file("-> a b\n-> c\n\n"), unclosed);
        check(&file(&format!("-> a b\n{full}\n")), unclosed);
        check(&file(&format!("-> a b\n{full}\n-> c\n\n")), unclosed);
    }

    #[test]
    fn a_header_of_megabytes_is_read_in_no_time_and_one_without_end_is_refused() {
        let start = std::time::Instant::now();
        let body = format!("{}\n", "A".repeat(COLUMNS_PER_LINE)).repeat(16_000);
        check(&file(&format!("-> a\n{body}\n")), Ok(()));
        check(&file(&"-> a b\n\n".repeat(200_000)), Ok(()));
        check(&file(&format!("-> a {}\n\n", "x".repeat(1 << 20))), Ok(()));
        check(&file(&"-> a b\n\n".repeat(600_000)), Err("its header is longer than 4 MiB"));
        check(&file(&format!("-> {}\n\n", "x".repeat(5 << 20))), Err("its header is longer than 4 MiB"));
        assert!(start.elapsed() < std::time::Duration::from_secs(10));
    }
}
