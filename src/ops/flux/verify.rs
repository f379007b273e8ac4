//! `flux secret --verify`: whether the Secret that a cluster has is one that Flux can use, and opens what it must.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use serde::Serialize;

use super::error::FluxError;
use crate::{
    base::span::LineColumn,
    gitops::{
        controller::ControllerVersion,
        decryption_secret::SecretName,
        secret_manifest::{SecretEntry, SecretManifest, parse_secrets},
    },
    keys::{AgeKeyFault, AgeKeyProblem, AgeKeys, parse_age_keys, shorten_recipient},
    ops::{cluster::Overview, decrypt::decrypt, error::OpError, format::Format, session::Session},
    sops::{error::SopsError, file::MacPolicy},
};

/// The name and version of the JSON; see `docs/flux.md`.
const SCHEMA: &str = "secrets-flux-secret/1";

/// Entries that Flux reads which hold no age identity.
///
/// # Source
/// `internal/decryptor` of kustomize-controller 1.9, `ImportKeys`.
const OTHER_ENTRIES: [&str; 4] = ["sops.vault-token", "sops.aws-kms", "sops.azure-kv", "sops.gcp-kms"];

/// What was found out about a Secret.
#[derive(Debug, Serialize)]
pub struct SecretReport {
    schema: &'static str,
    /// How many files the cluster has to open; `None` where no cluster was named.
    files: Option<usize>,
    secrets: Vec<CheckedSecret>,
    findings: Vec<SecretFinding>,
}

#[derive(Debug, Serialize)]
struct CheckedSecret {
    namespace: Option<String>,
    name: String,
    identities: Vec<CheckedIdentity>,
}

#[derive(Debug, Serialize)]
struct CheckedIdentity {
    entry: String,
    /// Within the entry, from 1.
    line: usize,
    recipient: String,
    /// How many files are for it.
    opens: Option<usize>,
}

#[derive(Debug, Serialize)]
struct SecretFinding {
    id: &'static str,
    line: Option<usize>,
    message: String,
}

impl SecretReport {
    /// Whether something is not as it should be.
    #[must_use]
    pub const fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }

    fn find(&mut self, id: &'static str, place: Option<LineColumn>, message: String) {
        self.findings.push(SecretFinding { id, line: place.map(|place| place.line), message });
    }
}

/// Checks the Secrets in `text`, which is called `name` and may be encrypted; `cluster` is the repository and the number of
/// the cluster that they are for, `version` that of its controller.
///
/// # Errors
/// [`FluxError::NoSecret`], [`FluxError::Name`], and [`FluxError::Op`] for what is not YAML or does not decrypt.
pub fn verify_secret(
    session: &Session,
    name: &Path,
    text: &str,
    cluster: Option<(&Overview, usize)>,
    version: Option<ControllerVersion>,
) -> Result<SecretReport, FluxError> {
    let is_encrypted = Format::find_encrypted(Path::new("x.yaml"), text.as_bytes()).is_some();
    let clear = match decrypt(session, name, text, MacPolicy::Require) {
        Ok(decrypted) => Some(decrypted.text),
        Err(OpError::Sops(SopsError::NotEncrypted)) => None,
        Err(error) if is_encrypted => return Err(error.into()),
        Err(_) => None,
    };
    let manifests = parse_secrets(clear.as_ref().map_or(text, |clear| clear.expose()))
        .map_err(|error| OpError::Sops(SopsError::from(error)))?;
    if manifests.is_empty() {
        return Err(FluxError::NoSecret);
    }
    let mut report = SecretReport { schema: SCHEMA, files: None, secrets: Vec::new(), findings: Vec::new() };
    if let Some((overview, number)) = cluster {
        check_names(&mut report, &manifests, &super::asked_by(overview, number)?);
    }
    for manifest in &manifests {
        let checked = check_secret(&mut report, manifest, version);
        report.secrets.push(checked);
    }
    if let Some((overview, number)) = cluster {
        check_files(&mut report, overview, number);
    }
    Ok(report)
}

fn check_names(
    report: &mut SecretReport,
    manifests: &[SecretManifest],
    asked: &[crate::gitops::decryption_secret::AskedSecret],
) {
    let is_called = |manifest: &SecretManifest, secret: &SecretName| {
        let namespace = manifest.namespace.as_deref().unwrap_or(secret.namespace());
        manifest.name == secret.name() && namespace == secret.namespace()
    };
    for asked in asked.iter().filter(|asked| !manifests.iter().any(|manifest| is_called(manifest, &asked.secret))) {
        let by = if asked.asked_by.is_empty() { "it is the usual one".to_owned() } else { asked.asked_by.join(", ") };
        report.find("F3", None, format!("the Secret {} is asked for and not here ({by})", asked.secret));
    }
}

fn check_secret(
    report: &mut SecretReport,
    manifest: &SecretManifest,
    version: Option<ControllerVersion>,
) -> CheckedSecret {
    let mut identities = Vec::new();
    let mut is_other = false;
    for entry in &manifest.entries {
        if !entry.name.ends_with(".agekey") {
            is_other |= check_other(report, entry);
            continue;
        }
        let Some(content) = &entry.content else {
            report.find("F4", Some(entry.place), format!("{}: not base64", entry.name));
            continue;
        };
        let AgeKeys { identities: keys, faults, .. } = parse_age_keys(content);
        if keys.is_empty() && faults.is_empty() {
            report.find("F4", Some(entry.place), format!("{}: holds no identity", entry.name));
        }
        faults.iter().for_each(|fault| check_fault(report, entry, fault));
        for key in keys {
            if let Some(version) =
                version.filter(|version| key.is_post_quantum && *version < ControllerVersion::POST_QUANTUM)
            {
                let message = "a post-quantum identity, because of which kustomize-controller";
                let message = format!("{}: {message} {version} reads nothing of the Secret", entry.name);
                report.find("R7", Some(entry.place), message);
            }
            let opens = None;
            identities.push(CheckedIdentity {
                entry: entry.name.clone(),
                line: key.line,
                recipient: key.recipient,
                opens,
            });
        }
    }
    if identities.is_empty() && !is_other {
        report.find("F4", None, format!("{}: Flux finds no identity in it", manifest.name));
    }
    CheckedSecret { namespace: manifest.namespace.clone(), name: manifest.name.clone(), identities }
}

/// An entry that is not for age identities; tells whether Flux reads it.
fn check_other(report: &mut SecretReport, entry: &SecretEntry) -> bool {
    if entry.name.ends_with(".asc") || OTHER_ENTRIES.contains(&entry.name.as_str()) {
        return true;
    }
    let keys = entry.content.as_ref().map(|content| parse_age_keys(content)).unwrap_or_default();
    let what = if keys.identities.is_empty() { "" } else { ", which holds an identity" };
    let name = &entry.name;
    let message = format!("{name}: Flux passes over this entry{what}: its name does not end in .agekey");
    report.find("F4", Some(entry.place), message);
    false
}

fn check_fault(report: &mut SecretReport, entry: &SecretEntry, fault: &AgeKeyFault) {
    let so = if fault.problem.stops_import() { "; Flux reads nothing of the Secret" } else { "" };
    let id = if matches!(fault.problem, AgeKeyProblem::Plugin) { "R7" } else { "F4" };
    report.find(id, Some(entry.place), format!("{}: {fault}{so}", entry.name));
}

fn check_files(report: &mut SecretReport, overview: &Overview, number: usize) {
    let files: Vec<_> = overview.files().filter(|(_, owners)| owners.readers.contains(&number)).collect();
    report.files = Some(files.len());
    for identity in report.secrets.iter_mut().flat_map(|secret| &mut secret.identities) {
        let is_for = |file: &crate::ops::survey::SopsEntry| file.terms.keys().any(|key| key.id() == identity.recipient);
        identity.opens = Some(files.iter().filter(|(file, _)| is_for(file)).count());
    }
    let held: BTreeSet<String> = report
        .secrets
        .iter()
        .flat_map(|secret| secret.identities.iter().map(|identity| identity.recipient.clone()))
        .collect();
    for (file, _) in files {
        if !file.terms.is_opened_by(|key| held.contains(key.id())) {
            report.find("R1", None, format!("{}: no identity of the Secret opens it", overview.survey.path(file)));
        }
    }
}

/// The report for people: the identities, then what is wrong.
#[must_use]
pub fn render_report(report: &SecretReport) -> String {
    let mut out = String::new();
    for secret in &report.secrets {
        let namespace = secret.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        out.push_str(&clean(&format!("{namespace}{}", secret.name)));
        out.push('\n');
        for identity in &secret.identities {
            let opens = match (identity.opens, report.files) {
                (Some(opens), Some(files)) => format!("  opens {opens} of {files} files"),
                _ => String::new(),
            };
            let (entry, line) = (clean(&identity.entry), identity.line);
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  {entry}, line {line}  {}{opens}", shorten_recipient(&identity.recipient));
        }
    }
    for SecretFinding { id, line, message } in &report.findings {
        let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        out.push_str(&clean(&format!("{id}: {line}{message}")));
        out.push('\n');
    }
    out
}

fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// The report for programs.
///
/// # Errors
/// None that could happen.
pub fn render_report_json(report: &SecretReport) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}
