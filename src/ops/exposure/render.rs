//! What somebody could read, as text for people, and as JSON for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CommitRef, Depth, Exposure, FileExposure, State, Unread, ValueExposure, ValueName, Wanted};
use crate::{base::clock::render_rfc3339, ops::cluster::wrapped};

/// The name and version of the JSON; see `docs/clusters.md`.
const SCHEMA: &str = "secrets-exposure/1";

/// Of a date and time, the date.
const DATE_CHARACTERS: usize = 10;

/// The last day that is told: years of more digits are nobody's.
const TIME_LIMIT_SECONDS: u64 = 253_402_300_799;

/// Values are told together that have the same state, were exposed in the same commits, and need as many other groups.
type Alike = (State, usize, (usize, usize));

/// Each file with its values, those first that have to be changed.
#[must_use]
pub fn render_exposure_text(exposure: &Exposure) -> String {
    let mut out = String::new();
    for (path, file) in &exposure.files {
        let mark = match (file.is_present, file.is_readable_now) {
            (false, _) => "  (gone)",
            (true, true) => "  (still readable)",
            (true, false) => "",
        };
        out.push_str(&wrapped("", &[format!("{path}{mark}")]));
        if file.has_known_data_key && !file.is_readable_now {
            out.push_str("  its data key is one that the recipient knows: rotate it, then change all values\n");
        }
        let mut alike: BTreeMap<Alike, Vec<(&ValueName, &ValueExposure)>> = BTreeMap::new();
        for (name, value) in &file.values {
            alike.entry((value.state, value.other_groups, value.order)).or_default().push((name, value));
        }
        for ((state, other_groups, _), values) in alike {
            push_alike(&mut out, state, other_groups, &values);
        }
    }
    out
}

fn push_alike(out: &mut String, state: State, other_groups: usize, values: &[(&ValueName, &ValueExposure)]) {
    let heading = match state {
        State::Unchanged => "change this secret: unchanged since",
        State::Reencrypted => "change this secret: the same value under a new ciphertext",
        State::Unknown => "change this secret, unless you know that it was: re-encrypted since",
        State::Gone => "not here any more; change it where it is in use",
        State::Changed => "changed since",
    };
    out.push_str(&format!("  {heading}\n"));
    let names: Vec<String> = values.iter().map(|(name, _)| shown(name)).collect();
    out.push_str(&wrapped("    ", &names));
    if let Some((_, value)) = values.first() {
        let span = if value.first == value.last {
            format!("in {}", told(&value.first))
        } else {
            format!("from {} to {}", told(&value.first), told(&value.last))
        };
        out.push_str(&format!("    {span}\n"));
    }
    match other_groups {
        0 => {}
        1 => out.push_str("    only together with 1 other key group\n"),
        count => out.push_str(&format!("    only together with {count} other key groups\n")),
    }
    for (name, value) in values {
        for (path, there) in &value.elsewhere {
            let of = if values.len() > 1 { format!("{} ", shown(name)) } else { String::new() };
            let there = if there == *name { String::new() } else { format!(": {}", shown(there)) };
            out.push_str(&wrapped("    ", &[format!("{of}also stands in {path}{there}")]));
        }
    }
}

fn shown(name: &ValueName) -> String {
    match (name.is_comment, name.path.as_str()) {
        (false, path) => path.to_owned(),
        (true, "") => "comments".to_owned(),
        (true, path) => format!("comments in {path}"),
    }
}

fn told(commit: &CommitRef) -> String {
    let date = commit.author_time.filter(|time| *time <= TIME_LIMIT_SECONDS).map(render_rfc3339);
    let date: String = date.map_or_else(|| "no date".to_owned(), |date| date.chars().take(DATE_CHARACTERS).collect());
    format!("{date} ({})", commit.id.shortened())
}

impl std::fmt::Display for Unread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.commit {
            Some(commit) => write!(formatter, "{} in commit {}: {}", self.path, commit.id.shortened(), self.reason),
            None => write!(formatter, "{}: {}", self.path, self.reason),
        }
    }
}

#[derive(Serialize)]
struct JsonExposure<'a> {
    schema: &'static str,
    recipients: Vec<&'a str>,
    compared_with: &'static str,
    decrypted: bool,
    commits: usize,
    blobs: usize,
    complete: bool,
    files: Vec<JsonFile<'a>>,
    not_read: Vec<JsonUnread<'a>>,
}

#[derive(Serialize)]
struct JsonFile<'a> {
    path: &'a str,
    present: bool,
    readable_now: bool,
    data_key_known: bool,
    values: Vec<JsonValue<'a>>,
}

#[derive(Serialize)]
struct JsonValue<'a> {
    path: &'a str,
    kind: &'static str,
    state: &'static str,
    first: JsonCommit,
    last: JsonCommit,
    other_groups_needed: usize,
    also_in: Vec<JsonPlace<'a>>,
}

#[derive(Serialize)]
struct JsonCommit {
    commit: String,
    author_date: Option<String>,
}

#[derive(Serialize)]
struct JsonPlace<'a> {
    file: &'a str,
    path: &'a str,
    kind: &'static str,
}

#[derive(Serialize)]
struct JsonUnread<'a> {
    path: &'a str,
    commit: Option<String>,
    reason: &'a str,
}

/// One object, the same for the same repository.
///
/// # Errors
/// Those of the serializer, of which there are none for these types.
pub fn render_exposure_json(exposure: &Exposure, wanted: &Wanted, depth: Depth) -> Result<String, serde_json::Error> {
    let json = JsonExposure {
        schema: SCHEMA,
        recipients: wanted.ids.iter().map(String::as_str).collect(),
        compared_with: if exposure.has_work_tree { "work-tree" } else { "HEAD" },
        decrypted: depth == Depth::Decrypt,
        commits: exposure.commits,
        blobs: exposure.blobs,
        complete: exposure.is_complete(),
        files: exposure.files.iter().map(|(path, file)| file.json(path)).collect(),
        not_read: exposure.unread.iter().chain(&exposure.too_large).map(Unread::json).collect(),
    };
    let mut out = serde_json::to_string_pretty(&json)?;
    out.push('\n');
    Ok(out)
}

impl Unread {
    fn json(&self) -> JsonUnread<'_> {
        let commit = self.commit.as_ref().map(|commit| commit.id.to_string());
        JsonUnread { path: &self.path, commit, reason: &self.reason }
    }
}

impl FileExposure {
    fn json<'a>(&'a self, path: &'a str) -> JsonFile<'a> {
        let value = |(name, value): (&'a ValueName, &'a ValueExposure)| JsonValue {
            path: &name.path,
            kind: kind(name),
            state: value.state.name(),
            first: value.first.json(),
            last: value.last.json(),
            other_groups_needed: value.other_groups,
            also_in: value
                .elsewhere
                .iter()
                .map(|(file, name)| JsonPlace { file, path: &name.path, kind: kind(name) })
                .collect(),
        };
        let values = self.values.iter().map(value).collect();
        JsonFile {
            path,
            present: self.is_present,
            readable_now: self.is_readable_now,
            data_key_known: self.has_known_data_key,
            values,
        }
    }
}

impl CommitRef {
    fn json(&self) -> JsonCommit {
        let author_date = self.author_time.filter(|time| *time <= TIME_LIMIT_SECONDS).map(render_rfc3339);
        JsonCommit { commit: self.id.to_string(), author_date }
    }
}

const fn kind(name: &ValueName) -> &'static str {
    if name.is_comment { "comment" } else { "value" }
}
