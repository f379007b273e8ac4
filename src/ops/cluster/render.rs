//! Clusters and how it stands with them, as text for people and JSON for programs.

use serde::Serialize;

use super::{
    Overview, Status,
    page::{paragraph, shortened, table, wrapped},
    rotation::{find_steps, is_released},
};
use crate::{
    gitops::cluster::Cluster,
    ops::{
        named::Named,
        survey::{SopsEntry, Survey},
    },
};

/// The names and versions of the JSON; see `docs/clusters.md`.
const LIST_SCHEMA: &str = "secrets-cluster-list/1";
const STATUS_SCHEMA: &str = "secrets-cluster-status/1";

#[derive(Serialize)]
struct JsonList<'a> {
    schema: &'static str,
    clusters: Vec<JsonCluster<'a>>,
}

#[derive(Serialize)]
struct JsonCluster<'a> {
    name: &'a str,
    environment: Option<&'a str>,
    found_by: &'static str,
    /// The file that tells of it, and the line.
    told_by: Option<(&'a str, usize)>,
    path: &'a str,
    follows: Option<String>,
    released: bool,
    recipients: &'a [String],
    recipients_known_by: &'static str,
    own_paths: &'a [String],
    shared_paths: &'a [String],
    files: usize,
}

#[derive(Serialize)]
struct JsonStatuses<'a> {
    schema: &'static str,
    clusters: Vec<JsonStatus<'a>>,
}

#[derive(Serialize)]
struct JsonStatus<'a> {
    name: &'a str,
    recipients: &'a [String],
    recipients_known_by: &'static str,
    rotation: &'static str,
    rotation_steps: Vec<String>,
    reads: Vec<&'a str>,
    cannot_read: Vec<JsonUnreadable<'a>>,
    read_by_others: Vec<JsonOvershared<'a>>,
    drifted: Vec<JsonDrifted<'a>>,
    incomplete: Vec<String>,
}

#[derive(Serialize)]
struct JsonUnreadable<'a> {
    path: &'a str,
    groups_held: usize,
    groups_needed: usize,
}

#[derive(Serialize)]
struct JsonOvershared<'a> {
    path: &'a str,
    clusters: Vec<&'a str>,
}

#[derive(Serialize)]
struct JsonDrifted<'a> {
    path: &'a str,
    policy: Option<String>,
    rule: Option<usize>,
    line: Option<usize>,
    differences: Vec<String>,
}

/// A table of the clusters.
#[must_use]
pub fn render_list(overview: &Overview) -> String {
    let counts = counts(overview);
    let rows =
        overview.clusters().iter().zip(&overview.recipients).zip(&counts).map(|((cluster, recipients), count)| {
            let ids: Vec<String> = recipients.ids.iter().map(|id| shortened(id)).collect();
            vec![
                cluster.name.clone(),
                cluster.environment.clone().unwrap_or_else(|| "-".to_owned()),
                directory(cluster).to_owned(),
                count.to_string(),
                if ids.is_empty() { "-".to_owned() } else { ids.join(",") },
                recipients.known.name().to_owned(),
            ]
        });
    let header = ["CLUSTER", "ENV", "DIRECTORY", "FILES", "RECIPIENT", "KNOWN BY"];
    table(&header, &["FILES"], &["DIRECTORY", "RECIPIENT", "CLUSTER", "ENV"], &rows.collect::<Vec<_>>())
}

/// One object, the same for the same repository.
///
/// # Errors
/// Those of the serializer, of which there are none for these types.
pub fn render_list_json(overview: &Overview) -> Result<String, serde_json::Error> {
    let counts = counts(overview);
    let all = overview.clusters().iter().zip(&overview.recipients).zip(overview.paths.iter().zip(&counts));
    let clusters = all.map(|((cluster, recipients), (paths, count))| JsonCluster {
        name: &cluster.name,
        environment: cluster.environment.as_deref(),
        found_by: cluster.evidence.name(),
        told_by: cluster.entry.told_by.as_ref().map(|(file, reference)| (file.as_str(), reference.place.line)),
        path: &cluster.entry.path,
        follows: cluster.entry.source.as_ref().map(|source| source.revision.to_string()),
        released: is_released(cluster),
        recipients: &recipients.ids,
        recipients_known_by: recipients.known.name(),
        own_paths: &paths.own,
        shared_paths: &paths.shared,
        files: *count,
    });
    pretty(&JsonList { schema: LIST_SCHEMA, clusters: clusters.collect() })
}

/// A table of the clusters, and what is not as it should be; of one cluster a page.
#[must_use]
pub fn render_status(overview: &Overview, statuses: &[Status<'_>], is_page: bool) -> String {
    let mut out = match statuses {
        [status] if is_page => page(overview, status),
        _ => status_table(statuses),
    };
    for status in statuses.iter().filter(|status| status.has_findings()) {
        out.push('\n');
        out.push_str(&findings(overview, status));
    }
    out
}

fn status_table(statuses: &[Status<'_>]) -> String {
    let rows = statuses.iter().map(|status| {
        vec![
            status.cluster.name.clone(),
            status.reads.len().to_string(),
            status.unreadable.len().to_string(),
            status.overshared.len().to_string(),
            status.drifted.len().to_string(),
            status.phase.name().to_owned(),
        ]
    });
    let numbers = ["READS", "CANNOT", "OTHERS", "DRIFTED"];
    let header = ["CLUSTER", "READS", "CANNOT", "OTHERS", "DRIFTED", "ROTATION"];
    table(&header, &numbers, &["CLUSTER"], &rows.collect::<Vec<_>>())
}

/// All that is known of one cluster.
fn page(overview: &Overview, status: &Status<'_>) -> String {
    let Status { cluster, recipients, .. } = status;
    let mut out = String::new();
    let none = ["-".to_owned()];
    let mut row = |name: &str, items: &[String]| {
        out.push_str(&wrapped(&format!("{name:<12} "), if items.is_empty() { &none } else { items }));
    };
    let one = |text: &str| [text.to_owned()];
    row("cluster", &one(&cluster.name));
    row("environment", &one(cluster.environment.as_deref().unwrap_or("-")));
    row("directory", &one(directory(cluster)));
    row("found by", &one(cluster.evidence.name()));
    if let Some((file, reference)) = &cluster.entry.told_by {
        row("", &one(&format!("{file}:{}", reference.place.line)));
    }
    if let Some(source) = &cluster.entry.source {
        row("follows", &one(&source.revision.to_string()));
        if is_released(cluster) {
            row("", &one("what is in the work tree reaches it with a release"));
        }
    }
    row("recipient", &recipients.ids);
    row("known by", &one(recipients.known.name()));
    row("rotation", &one(status.phase.name()));
    let steps: Vec<String> =
        find_steps(overview, status).iter().map(|step| paragraph(&format!("{:<12} - ", ""), step)).collect();
    out.push_str(&steps.concat());
    let mut row = |name: &str, items: &[String]| {
        out.push_str(&wrapped(&format!("{name:<12} "), if items.is_empty() { &none } else { items }));
    };
    if let Some(paths) = overview.paths.get(status.number) {
        row("own paths", &paths.own);
        row("shared paths", &paths.shared);
    }
    let cannot = match status.unreadable.len() {
        0 => String::new(),
        count => format!(", {count} of which it cannot"),
    };
    row("reads", &one(&format!("{} files{cannot}", status.reads.len())));
    out
}

fn findings(overview: &Overview, status: &Status<'_>) -> String {
    let name = &status.cluster.name;
    let path = |file: &SopsEntry| overview.survey.path(file).to_owned();
    let mut out = String::new();
    if !status.unreadable.is_empty() {
        out.push_str(&wrapped("", &[format!("{name} cannot read:")]));
    }
    for unreadable in &status.unreadable {
        let needed = unreadable.file.terms.threshold;
        let groups =
            if needed > 1 { format!(" ({} of {needed} key groups)", unreadable.groups) } else { String::new() };
        out.push_str(&wrapped("  ", &[format!("{}{groups}", path(unreadable.file))]));
    }
    if !status.overshared.is_empty() {
        out.push_str(&wrapped("", &[format!("not for others, who can read it, among the files of {name}:")]));
    }
    for overshared in &status.overshared {
        let others: Vec<String> =
            overview.names(overshared.clusters.iter().copied()).into_iter().map(str::to_owned).collect();
        out.push_str(&wrapped("  ", &[path(overshared.file)]));
        out.push_str(&wrapped("      by ", &others));
    }
    if !status.drifted.is_empty() {
        out.push_str(&wrapped("", &[format!("not as the policy says, among the files of {name}:")]));
    }
    for file in &status.drifted {
        out.push_str(&wrapped("  ", &[path(file)]));
        for difference in differences(file) {
            let parts: Vec<String> = difference.split(", ").map(str::to_owned).collect();
            out.push_str(&wrapped("      ", &parts));
        }
    }
    out
}

/// One object, the same for the same repository.
///
/// # Errors
/// Those of the serializer, of which there are none for these types.
pub fn render_status_json(overview: &Overview, statuses: &[Status<'_>]) -> Result<String, serde_json::Error> {
    let path = |file| overview.survey.path(file);
    let clusters = statuses.iter().map(|status| {
        let unreadable = status.unreadable.iter().map(|unreadable| JsonUnreadable {
            path: path(unreadable.file),
            groups_held: unreadable.groups,
            groups_needed: unreadable.file.terms.threshold,
        });
        let overshared = status.overshared.iter().map(|overshared| JsonOvershared {
            path: path(overshared.file),
            clusters: overview.names(overshared.clusters.iter().copied()),
        });
        let drifted = status.drifted.iter().map(|file| json_drifted(&overview.survey, file));
        let unknown = status.is_incomplete() && status.hidden.is_empty();
        let unknown = unknown.then(|| "the cluster's recipient is not known".to_owned());
        JsonStatus {
            name: &status.cluster.name,
            recipients: &status.recipients.ids,
            recipients_known_by: status.recipients.known.name(),
            rotation: status.phase.name(),
            rotation_steps: find_steps(overview, status),
            reads: status.reads.iter().map(|file| path(file)).collect(),
            cannot_read: unreadable.collect(),
            read_by_others: overshared.collect(),
            drifted: drifted.collect(),
            incomplete: status.hidden.iter().map(ToString::to_string).chain(unknown).collect(),
        }
    });
    pretty(&JsonStatuses { schema: STATUS_SCHEMA, clusters: clusters.collect() })
}

fn json_drifted<'a>(survey: &'a Survey, file: &SopsEntry) -> JsonDrifted<'a> {
    let policy = file.applied.policy();
    let rule = file.applied.rule();
    JsonDrifted {
        path: survey.path(file),
        policy: policy.map(|policy| super::super::survey::below(&survey.root, policy.path())),
        rule: rule.map(|rule| rule.index + 1),
        line: rule.map(|rule| rule.place.line),
        differences: differences(file),
    }
}

/// How a file differs from its rule, in words.
fn differences(file: &SopsEntry) -> Vec<String> {
    let none = file.lacks_rule().then(|| "no creation rule matches".to_owned());
    none.into_iter().chain(file.drifts.all.iter().map(|drift| drift.kind.describe(short))).collect()
}

/// A key by its names in the policy, or shortened.
fn short(named: &Named) -> String {
    let key = match (named.names(), named.kind()) {
        ([], "age") => shortened(named.id()),
        ([], kind) => format!("{kind} {}", shortened(named.id())),
        (names, _) => names.join("/"),
    };
    match named.group() {
        Some(number) => format!("{key} in key group {number}"),
        None => key,
    }
}

/// How many files each cluster has to read.
fn counts(overview: &Overview) -> Vec<usize> {
    let mut counts = vec![0; overview.clusters().len()];
    for (_, owners) in overview.files() {
        for number in &owners.readers {
            counts.iter_mut().skip(*number).take(1).for_each(|count| *count += 1);
        }
    }
    counts
}

fn directory(cluster: &Cluster) -> &str {
    if cluster.entry.path.is_empty() { "." } else { &cluster.entry.path }
}

fn pretty(json: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut out = serde_json::to_string_pretty(json)?;
    out.push('\n');
    Ok(out)
}
