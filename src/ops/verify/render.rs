//! A report as text for people and JSON for programs. Both hold no value of any file.

use std::path::Path;

use serde::Serialize;

use super::Report;
use crate::{
    ops::{error::OpError, group::GroupOutcome},
    sops::verify::{Finding, Severity},
};

/// The name and version of the JSON; see `docs/verify.md`.
const SCHEMA: &str = "secrets-verify/1";

#[derive(Serialize)]
struct JsonReport<'a> {
    schema: &'static str,
    files: usize,
    findings: Vec<JsonFinding<'a>>,
    unchecked: Vec<JsonUnchecked<'a>>,
    skipped: Vec<String>,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    path: String,
    line: usize,
    column: usize,
    value_path: Option<&'a str>,
    rule: &'static str,
    severity: &'static str,
    message: &'a str,
    hint: &'static str,
}

#[derive(Serialize)]
struct JsonUnchecked<'a> {
    path: String,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_groups: Option<JsonGroups<'a>>,
}

#[derive(Serialize)]
struct JsonGroups<'a> {
    needed: usize,
    opened: usize,
    groups: &'a [GroupOutcome],
}

/// One line for each finding: `PATH:LINE:COLUMN: RULE: message (value path)`.
#[must_use]
pub fn render_text(report: &Report) -> String {
    let mut out = String::new();
    for (path, Finding { rule, place, value_path, message }) in &report.findings {
        let note = if rule.severity() == Severity::Note { "note: " } else { "" };
        let value = value_path.as_ref().map(|path| format!(" ({path})")).unwrap_or_default();
        let line = format!("{}:{}:{}: {rule}: {note}{message}{value}", path.display(), place.line, place.column);
        // Keys and names of files can hold anything; a line stays a line.
        out.extend(line.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }));
        out.push('\n');
    }
    out
}

/// One object, the same for the same report.
///
/// # Errors
/// Those of the serializer, of which there are none for these types.
pub fn render_json(report: &Report) -> Result<String, serde_json::Error> {
    let findings = report.findings.iter().map(|(path, finding)| JsonFinding {
        path: shown(path),
        line: finding.place.line,
        column: finding.place.column,
        value_path: finding.value_path.as_deref(),
        rule: finding.rule.name(),
        severity: finding.rule.severity().name(),
        message: &finding.message,
        hint: finding.rule.hint(),
    });
    let unchecked = report.unchecked.iter().map(|(path, error)| JsonUnchecked {
        path: shown(path),
        reason: error.reason(),
        key_groups: match error {
            OpError::TooFewGroups(short) => {
                Some(JsonGroups { needed: short.needed, opened: short.opened(), groups: &short.groups })
            }
            _ => None,
        },
    });
    let json = JsonReport {
        schema: SCHEMA,
        files: report.files,
        findings: findings.collect(),
        unchecked: unchecked.collect(),
        skipped: report.skipped.iter().map(|path| shown(path)).collect(),
    };
    let mut out = serde_json::to_string_pretty(&json)?;
    out.push('\n');
    Ok(out)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
