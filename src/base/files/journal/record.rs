//! The record of a run as text: which files, and hashes of what they hold before and after.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// The first line of a record.
const HEADER: &str = "secrets journal 1";

/// SHA-256 of a content.
pub(super) type Hash = [u8; 32];

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// New files take their names.
    Replacing,
    /// All have.
    Done,
    /// Old contents come back.
    Reverting,
    /// All are.
    Reverted,
}

const STAGES: [(Stage, &str); 4] = [
    (Stage::Replacing, "replacing"),
    (Stage::Done, "done"),
    (Stage::Reverting, "reverting"),
    (Stage::Reverted, "reverted"),
];

/// A run that came to the point of no return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) stage: Stage,
    /// Names the files of the run.
    pub(super) token: u64,
    pub(super) entries: Vec<Entry>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Below the root.
    pub(super) path: PathBuf,
    pub(super) old: Hash,
    pub(super) new: Hash,
    /// Where the old content begins among all of them, in bytes.
    pub(super) start: usize,
    /// Its length in bytes.
    pub(super) length: usize,
}

pub(super) fn hash(content: &[u8]) -> Hash {
    Sha256::digest(content).into()
}

impl Record {
    pub(super) fn render(&self) -> String {
        let stage = STAGES.iter().find(|(stage, _)| *stage == self.stage).map_or("", |(_, name)| name);
        let mut out = format!("{HEADER}\n{stage} {:016x} {}\n", self.token, self.entries.len());
        for Entry { path, old, new, start, length } in &self.entries {
            out.push_str(&format!("{} {} {start} {length} {}\n", hex(old), hex(new), escape(path)));
        }
        out
    }

    /// `None` for what is no record, or not all of one.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.strip_suffix('\n')?.split('\n');
        lines.next().filter(|line| *line == HEADER)?;
        let mut words = lines.next()?.split(' ');
        let name = words.next()?;
        let stage = STAGES.iter().find(|(_, known)| *known == name)?.0;
        let token = u64::from_str_radix(words.next()?, 16).ok()?;
        let count: usize = words.next()?.parse().ok()?;
        let entries = lines.map(Entry::parse).collect::<Option<Vec<_>>>()?;
        (entries.len() == count).then_some(Self { stage, token, entries })
    }
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (old, new) = (unhex(words.next()?)?, unhex(words.next()?)?);
        let (start, length) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let path = unescape(words.next()?.as_bytes())?;
        words.next().is_none().then_some(Self { path, old, new, start, length })
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

fn unhex(text: &str) -> Option<Hash> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|pair| digits(*pair)).collect();
    if rest.is_empty() { bytes?.try_into().ok() } else { None }
}

fn digits(pair: [u8; 2]) -> Option<u8> {
    let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

/// A path as one word: `%` and two digits for each byte that is not printable ASCII.
pub(super) fn escape(path: &Path) -> String {
    let mut out = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_graphic() && *byte != b'%' {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}

pub(super) fn unescape(word: &[u8]) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let (pair, after) = after.split_first_chunk::<2>()?;
            bytes.push(digits(*pair)?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    into_path(bytes)
}

#[cfg(unix)]
fn into_path(bytes: Vec<u8>) -> Option<PathBuf> {
    Some(PathBuf::from(<OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes)))
}

#[cfg(not(unix))]
fn into_path(bytes: Vec<u8>) -> Option<PathBuf> {
    String::from_utf8(bytes).ok().map(|text| PathBuf::from(OsString::from(text)))
}
