//! Who can read what, as text for people, and as JSON and CSV for programs.

use serde::Serialize;

use super::{Access, FileAccess, Reader, Standing};
use crate::ops::cluster::{shortened, wrapped};

/// The name and version of the JSON; see `docs/clusters.md`.
const SCHEMA: &str = "secrets-access/1";

/// The columns of the CSV.
const CSV_HEADER: &[&str] =
    &["path", "for_clusters", "groups_needed", "groups", "group", "kind", "recipient", "names", "clusters", "standing"];

#[derive(Serialize)]
struct JsonAccess<'a> {
    schema: &'static str,
    clusters: Vec<JsonCluster<'a>>,
    files: Vec<JsonFile<'a>>,
}

#[derive(Serialize)]
struct JsonCluster<'a> {
    name: &'a str,
    recipients: &'a [String],
    recipients_known_by: &'static str,
}

#[derive(Serialize)]
struct JsonFile<'a> {
    path: &'a str,
    for_clusters: &'a [&'a str],
    groups_needed: usize,
    groups: Vec<Vec<JsonReader<'a>>>,
}

#[derive(Serialize)]
struct JsonReader<'a> {
    kind: &'static str,
    recipient: &'a str,
    names: &'a [&'a str],
    clusters: &'a [&'a str],
    standing: &'static str,
}

/// Each directory whose files are all for the same clusters and readers, and each other file, with both. With
/// `each_file`, no directories.
#[must_use]
pub fn render_access_text(access: &Access<'_>, each_file: bool) -> String {
    let mut out = String::new();
    let files: Vec<&FileAccess<'_>> = access.files.iter().collect();
    if each_file {
        files.iter().for_each(|file| push_block(&mut out, file.path, file));
    } else {
        push_below(&mut out, "", &files);
    }
    out
}

/// One block for the files below `directory` if they are alike, or else those of its parts.
fn push_below(out: &mut String, directory: &str, files: &[&FileAccess<'_>]) {
    let Some(first) = files.first() else { return };
    if let [file] = files {
        return push_block(out, file.path, file);
    }
    if files.iter().all(|file| file.is_like(first)) {
        let shown = if directory.is_empty() { "." } else { directory };
        return push_block(out, &format!("{shown}/  ({} files)", files.len()), first);
    }
    for part in files.chunk_by(|left, right| child(directory, left.path) == child(directory, right.path)) {
        let below = part.first().and_then(|file| child(directory, file.path)).unwrap_or_default();
        push_below(out, below, part);
    }
}

/// The path up to the part that follows `directory`.
fn child<'p>(directory: &str, path: &'p str) -> Option<&'p str> {
    let start = if directory.is_empty() { 0 } else { directory.len() + 1 };
    let rest = path.get(start..)?;
    path.get(..start + rest.find('/').unwrap_or(rest.len()))
}

fn push_block(out: &mut String, what: &str, file: &FileAccess<'_>) {
    out.push_str(&wrapped("", &[what.to_owned()]));
    let mut clusters: Vec<String> = file.clusters.iter().map(|name| (*name).to_owned()).collect();
    if clusters.is_empty() {
        clusters.push("no cluster".to_owned());
    }
    out.push_str(&wrapped("    for  ", &clusters));
    match file.groups.as_slice() {
        [group] => out.push_str(&wrapped("    by   ", &labels(group))),
        groups => {
            out.push_str(&wrapped("    by   ", &[format!("{} of {} key groups:", file.threshold, groups.len())]));
            groups.iter().zip(1..).for_each(|(group, number)| {
                out.push_str(&wrapped(&format!("      {number}. "), &labels(group)));
            });
        }
    }
}

fn labels(group: &[Reader<'_>]) -> Vec<String> {
    group.iter().map(label).collect()
}

/// A reader by name, or by the ends of its recipient, with what there is to say of it.
fn label(reader: &Reader<'_>) -> String {
    let id = || match reader.kind {
        "age" => shortened(reader.id),
        kind => format!("{kind} {}", shortened(reader.id)),
    };
    let name = match (reader.names.is_empty(), reader.kind) {
        (true, _) => id(),
        (false, "age") => reader.names.join("/"),
        (false, kind) => format!("{} ({kind})", reader.names.join("/")),
    };
    match reader.standing {
        Standing::InRule | Standing::NoRule => name,
        Standing::NotInRule => format!("{name} (not in the rule)"),
        Standing::Unknown => format!("{name} (unknown)"),
    }
}

impl FileAccess<'_> {
    /// Whether both are for the same clusters and readers.
    fn is_like(&self, other: &Self) -> bool {
        self.clusters == other.clusters && self.threshold == other.threshold && self.groups == other.groups
    }
}

/// One object, the same for the same repository.
///
/// # Errors
/// Those of the serializer, of which there are none for these types.
pub fn render_access_json(access: &Access<'_>) -> Result<String, serde_json::Error> {
    let overview = access.overview;
    let clusters = overview.clusters().iter().zip(&overview.recipients).map(|(cluster, recipients)| JsonCluster {
        name: &cluster.name,
        recipients: &recipients.ids,
        recipients_known_by: recipients.known.name(),
    });
    let files = access.files.iter().map(|file| JsonFile {
        path: file.path,
        for_clusters: &file.clusters,
        groups_needed: file.threshold,
        groups: file.groups.iter().map(|group| group.iter().map(json_reader).collect()).collect(),
    });
    let json = JsonAccess { schema: SCHEMA, clusters: clusters.collect(), files: files.collect() };
    let mut out = serde_json::to_string_pretty(&json)?;
    out.push('\n');
    Ok(out)
}

fn json_reader<'a>(reader: &'a Reader<'_>) -> JsonReader<'a> {
    JsonReader {
        kind: reader.kind,
        recipient: reader.id,
        names: &reader.names,
        clusters: &reader.clusters,
        standing: reader.standing.name(),
    }
}

/// One line for each file and reader, below a line with the names of the columns. Every field is quoted; one that a
/// spreadsheet would take for a formula begins with an apostrophe.
///
/// # Source
/// RFC 4180, with `\n` at the ends of lines.
#[must_use]
pub fn render_access_csv(access: &Access<'_>) -> String {
    let mut out = String::new();
    push_csv_line(&mut out, CSV_HEADER);
    for file in &access.files {
        let (clusters, needed) = (file.clusters.join(" "), file.threshold.to_string());
        let groups = file.groups.len().to_string();
        for (group, number) in file.groups.iter().zip(1..) {
            let number = i32::to_string(&number);
            for reader in group {
                let (names, own) = (reader.names.join(" "), reader.clusters.join(" "));
                let standing = reader.standing.name();
                let fields =
                    [file.path, &clusters, &needed, &groups, &number, reader.kind, reader.id, &names, &own, standing];
                push_csv_line(&mut out, &fields);
            }
        }
    }
    out
}

fn push_csv_line(out: &mut String, fields: &[&str]) {
    let quoted = fields.iter().map(|field| {
        let formula = if field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
        let clean: String =
            field.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect();
        format!("\"{formula}{}\"", clean.replace('"', "\"\""))
    });
    out.push_str(&quoted.collect::<Vec<_>>().join(","));
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_csv_is_quoted_and_no_formula() {
        let check = |field: &str, expected: &str| {
            let mut out = String::new();
            push_csv_line(&mut out, &[field, "x"]);
            assert_eq!(out, format!("{expected},\"x\"\n"));
        };
        check("a b", "\"a b\"");
        check("a\",\"b", "\"a\"\",\"\"b\"");
        check("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\"");
        check("@x", "\"'@x\"");
        check("-1", "\"'-1\"");
        check("a\nb", "\"a\u{fffd}b\"");
        check("", "\"\"");
    }

    #[test]
    fn directories_are_split_where_their_files_differ() {
        let file = |path: &'static str, cluster: &'static str| FileAccess {
            path,
            clusters: vec![cluster],
            threshold: 1,
            groups: vec![vec![Reader {
                kind: "age",
                id: "age1x",
                names: vec![cluster],
                clusters: Vec::new(),
                standing: Standing::InRule,
            }]],
        };
        let files = [file("a/b/1", "x"), file("a/b/2", "x"), file("a/c/1", "y"), file("a/c-d", "x"), file("e", "x")];
        let mut out = String::new();
        push_below(&mut out, "", &files.iter().collect::<Vec<_>>());
        let heads: Vec<&str> = out.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(heads, ["a/b/  (2 files)", "a/c/1", "a/c-d", "e"]);
    }
}
