//! Drifts and plans as text for people and JSON for programs. Both hold no value of any file.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Comparison, Drifted, SyncWishes};
use crate::{
    base::span::LineColumn,
    ops::{
        drift::{Drift, DriftKind, KeyWork},
        named::Named,
    },
};

/// The name and version of the JSON; see `docs/cli.md`.
const SCHEMA: &str = "secrets-sync/1";

#[derive(Serialize)]
struct JsonComparison<'a> {
    schema: &'static str,
    files: usize,
    drifted: Vec<JsonDrifted<'a>>,
    unruled: Vec<String>,
    unchecked: Vec<JsonUnchecked>,
    skipped: Vec<String>,
}

#[derive(Serialize)]
struct JsonDrifted<'a> {
    path: String,
    policy: Option<String>,
    rule: Option<usize>,
    keys: KeyWork,
    drifts: Vec<JsonDrift<'a>>,
}

#[derive(Serialize)]
struct JsonDrift<'a> {
    kind: &'static str,
    line: Option<usize>,
    column: Option<usize>,
    policy_line: usize,
    policy_column: usize,
    recipient: Option<&'a Named>,
    group: Option<usize>,
    message: String,
}

impl<'a> JsonDrift<'a> {
    fn of(Drift { kind, place, rule_place }: &'a Drift) -> Self {
        Self {
            kind: kind.name(),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            policy_line: rule_place.line,
            policy_column: rule_place.column,
            recipient: kind.member().map(|member| &member.named),
            group: kind.member().and_then(|member| member.named.group()),
            message: kind.to_string(),
        }
    }
}

#[derive(Serialize)]
struct JsonUnchecked {
    path: String,
    reason: String,
}

/// One line for each difference: `PATH:LINE:COLUMN: KIND: message (rule N, POLICY:LINE:COLUMN)`; of what is not YAML
/// there is no line and column. Policies below
/// `directory` are named from there.
#[must_use]
pub fn render_text(comparison: &Comparison, directory: &Path) -> String {
    let mut out = String::new();
    for Drifted { path, applied, drifts, .. } in &comparison.drifted {
        for Drift { kind, place, rule_place } in &drifts.all {
            let policy = applied.policy().map(|policy| policy.path()).unwrap_or(path);
            let policy = policy.strip_prefix(directory).unwrap_or(policy);
            let rule = applied.rule().map_or(0, |rule| rule.index + 1);
            let line = format!(
                "{}: {}: {kind} (rule {rule}, {})",
                at(path, *place),
                kind.name(),
                at(policy, Some(*rule_place))
            );
            push_line(&mut out, &line);
        }
    }
    out
}

/// What is going to be done, as a diff of names: a line for each file, and below it who comes, goes, or changes.
#[must_use]
pub fn render_plan(comparison: &Comparison, wishes: &SyncWishes) -> String {
    let mut out = String::new();
    for Drifted { path, drifts, .. } in comparison.drifted.iter().filter(|drifted| drifted.has_work(wishes)) {
        let what = match drifts.keys {
            KeyWork::None => "the same data key, for the same recipients",
            KeyWork::Wrap => "the same data key, wrapped for those who come",
            KeyWork::Share => "the same data key, wrapped anew for all",
            KeyWork::Renew if wishes.keep_data_key => "the same data key, which those who go know",
            KeyWork::Renew => "a new data key, and every value encrypted anew",
        };
        push_line(&mut out, &format!("{}: {what}", path.display()));
        for kind in drifts.all.iter().map(|drift| &drift.kind) {
            let line = match kind {
                DriftKind::Missing(member) => format!("  + {}", member.named),
                DriftKind::Extra(member) => format!("  - {}", member.named),
                DriftKind::Unknown(member) => format!("  - {} (the policy names it nowhere)", member.named),
                DriftKind::Groups { file, rule } => format!("  key groups: {file} -> {rule}"),
                DriftKind::Threshold { file, rule } => format!("  threshold: {file} -> {rule}"),
                DriftKind::Selector { file, rule } if wishes.selectors => format!("  selector: {file} -> {rule}"),
                DriftKind::Coverage { only_encrypted } if wishes.selectors => {
                    format!("  mac_only_encrypted: {} -> {only_encrypted}", !only_encrypted)
                }
                DriftKind::Selector { .. } | DriftKind::Coverage { .. } => continue,
            };
            push_line(&mut out, &line);
        }
    }
    out
}

/// One object, the same for the same comparison.
///
/// # Errors
/// Those of the serializer, of which there are none for these types.
pub fn render_json(comparison: &Comparison) -> Result<String, serde_json::Error> {
    let shown = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
    let drifted = comparison.drifted.iter().map(|Drifted { path, applied, drifts, .. }| JsonDrifted {
        path: path.display().to_string(),
        policy: applied.policy().map(|policy| policy.path().display().to_string()),
        rule: applied.rule().map(|rule| rule.index + 1),
        keys: drifts.keys,
        drifts: drifts.all.iter().map(JsonDrift::of).collect(),
    });
    let unchecked = comparison.unchecked.iter();
    let json = JsonComparison {
        schema: SCHEMA,
        files: comparison.files,
        drifted: drifted.collect(),
        unruled: shown(&comparison.unruled),
        unchecked: unchecked
            .map(|(path, error)| JsonUnchecked { path: path.display().to_string(), reason: error.reason() })
            .collect(),
        skipped: shown(&comparison.skipped()),
    };
    let mut out = serde_json::to_string_pretty(&json)?;
    out.push('\n');
    Ok(out)
}

fn at(path: &Path, place: Option<LineColumn>) -> String {
    let place = place.map(|place| format!(":{}:{}", place.line, place.column)).unwrap_or_default();
    format!("{}{place}", path.display())
}

/// Names of files and keys can hold anything; a line stays a line.
fn push_line(out: &mut String, line: &str) {
    out.extend(line.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }));
    out.push('\n');
}
