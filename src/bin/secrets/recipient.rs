//! `secrets recipient`

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, Subcommand};
use gitops_secrets::{
    ops::{
        error::OpError,
        recipient::{NewRecipient, PolicyChange, add, list, remove},
    },
    policy::edit::{NewName, RecipientList},
};
use serde_json::Value;

use crate::{app::App, exit::Exit, explain::ReportFormat, failure::Failure};

/// What brings the files in line with a policy that changed.
const NEXT: &str = "secrets sync";

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: RecipientCommand,
}

#[derive(Debug, Subcommand)]
enum RecipientCommand {
    /// Name a recipient in the policy, and add it to rules
    Add(AddArguments),
    /// Take a recipient out of the policy: its names, and every rule
    Remove(RemoveArguments),
    /// List the recipients of the policy, with their names and rules
    List(ListArguments),
}

#[derive(Debug, Args)]
struct AddArguments {
    /// The name: letters, digits, `-` and `_`
    name: String,
    /// The recipient: age1…, or a line of a public key of SSH
    recipient: String,
    /// Add it to the rule for PATH, a file that need not exist
    #[arg(long, value_name = "PATH")]
    rule: Vec<PathBuf>,
    /// In which key group of a rule that has several, from 1
    #[arg(long, value_name = "NUMBER", requires = "rule")]
    group: Option<NonZeroUsize>,
    /// What a comment beside it says
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
struct RemoveArguments {
    /// The name, or the recipient itself
    name: String,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
struct ListArguments {
    /// How the answer is given
    #[arg(long, value_enum, default_value_t, hide_possible_values = false)]
    format: ReportFormat,
}

#[derive(Debug, Args)]
struct ChangeArguments {
    /// Print what would differ in the policy, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// How the answer is given
    #[arg(long, value_enum, default_value_t, hide_possible_values = false)]
    format: ReportFormat,
}

/// Does what the inner command says.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        RecipientCommand::Add(arguments) => run_add(app, &arguments),
        RecipientCommand::Remove(arguments) => {
            let change = of_policy(app, remove(&app.session, &arguments.name))?;
            finish(app, &arguments.change, &change, "taken out")
        }
        RecipientCommand::List(arguments) => {
            let list = of_policy(app, list(&app.session))?;
            let text = match arguments.format {
                ReportFormat::Text => render_list(&list),
                ReportFormat::Json => render_json(serde_json::to_value(&list))?,
            };
            app.ui.print(&text)?;
            Ok(Exit::Done)
        }
    }
}

fn run_add(app: &App, arguments: &AddArguments) -> Result<Exit, Failure> {
    if arguments.comment.as_ref().is_some_and(|comment| comment.contains(char::is_control)) {
        return Err(Failure::usage("a comment has one line", "leave line breaks out"));
    }
    let new = NewRecipient {
        name: NewName {
            name: &arguments.name,
            recipient: &arguments.recipient,
            comment: arguments.comment.as_deref(),
        },
        files: &arguments.rule,
        group: arguments.group.map(|group| group.get() - 1),
    };
    let change = of_policy(app, add(&app.session, &new))?;
    finish(app, &arguments.change, &change, "added")
}

/// What went wrong is about the policy, or about what was typed.
fn of_policy<T>(app: &App, outcome: Result<T, OpError>) -> Result<T, Failure> {
    outcome.map_err(|error| {
        let policy = app.session.policy_path().unwrap_or_default();
        let failure = Failure::at(&policy, &error);
        match error {
            OpError::Recipient(_) | OpError::NoRule { .. } | OpError::NoPolicyUpward(_) => Failure { place: None, ..failure },
            _ => failure,
        }
    })
}

/// Writes the change, unless it is only to be shown, and says what it is.
fn finish(app: &App, arguments: &ChangeArguments, change: &PolicyChange, done: &str) -> Result<Exit, Failure> {
    if !arguments.dry_run {
        app.watch_signals()?;
        of_policy(app, change.write())?;
    }
    let text = match arguments.format {
        ReportFormat::Json => {
            let report = serde_json::to_value(change).map(|mut report| {
                if let Value::Object(fields) = &mut report {
                    let next = (!change.rules.is_empty()).then_some(NEXT);
                    fields.insert("dry_run".to_owned(), arguments.dry_run.into());
                    fields.insert("next".to_owned(), next.into());
                }
                report
            });
            render_json(report)?
        }
        ReportFormat::Text if arguments.dry_run => change.diff.clone(),
        ReportFormat::Text => render_change(change, done),
    };
    app.ui.print(&text)?;
    Ok(Exit::Done)
}

fn render_change(change: &PolicyChange, done: &str) -> String {
    let policy = change.policy.display();
    let who = if change.names.is_empty() { change.recipient.clone() } else { change.names.join(", ") };
    if change.diff.is_empty() {
        return format!("{policy}: {who}: as it should be\n");
    }
    let rules: Vec<String> = change.rules.iter().map(usize::to_string).collect();
    match rules.as_slice() {
        [] => format!("{policy}: {who}: {done}; no rule encrypts for others than before\n"),
        rules => {
            let plural = if rules.len() == 1 { "" } else { "s" };
            let numbers = rules.join(", ");
            format!("{policy}: {who}: {done}, rule{plural} {numbers}\nfiles are as they were; next: {NEXT}\n")
        }
    }
}

/// A line for each: names, kind, recipient, rules.
fn render_list(list: &RecipientList) -> String {
    let names = |names: &[String]| if names.is_empty() { "-".to_owned() } else { names.join(",") };
    let width = list.recipients.iter().map(|listed| names(&listed.names).chars().count()).max().unwrap_or_default();
    let kind_width = list.recipients.iter().map(|listed| listed.kind.len()).max().unwrap_or_default();
    let mut text = String::new();
    for listed in &list.recipients {
        let rules: Vec<String> = listed.rules.iter().map(usize::to_string).collect();
        let rules = if rules.is_empty() { "no rule".to_owned() } else { format!("rule {}", rules.join(",")) };
        let name = names(&listed.names);
        let id: String = listed.id.chars().filter(|sign| !sign.is_control()).collect();
        text.push_str(&format!("{name:width$}  {:kind_width$}  {id}  {rules}\n", listed.kind));
    }
    text
}

fn render_json(report: serde_json::Result<Value>) -> Result<String, Failure> {
    let text = report.and_then(|report| serde_json::to_string_pretty(&report));
    text.map(|text| format!("{text}\n")).map_err(|error| Failure::plain(&error))
}
