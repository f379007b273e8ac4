//! `docs/cli.md` against the command itself: every command, flag and exit code, in its words.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fs, path::Path};

use assert_cmd::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Flags that every command has; they have a section of their own.
const GLOBAL: &str = "Global options";

/// A row of a help: `-o, --output <FILE>` and what it says.
type Row = (String, String);

/// What `secrets COMMAND --help` tells.
#[derive(Debug, Default)]
struct Help {
    about: String,
    usage: String,
    /// By the heading above them.
    rows: BTreeMap<String, Vec<Row>>,
}

fn help(command: &str) -> Help {
    let output =
        Command::cargo_bin("secrets").unwrap().args(command.split_whitespace()).arg("--help").output().unwrap();
    assert!(output.status.success(), "{command}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut help = Help { about: text.lines().next().unwrap_or_default().to_owned(), ..Help::default() };
    let mut heading = String::new();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        if let Some(usage) = line.strip_prefix("Usage: ") {
            help.usage = usage.to_owned();
        } else if let Some(name) = line.strip_suffix(':').filter(|line| !line.starts_with(' ')) {
            heading = name.to_owned();
        } else {
            push_line(help.rows.entry(heading.clone()).or_default(), line);
        }
    }
    help
}

/// A line of a list: a new row, or more of the last one.
fn push_line(rows: &mut Vec<Row>, line: &str) {
    let blanks = line.len() - line.trim_start().len();
    let is_row = blanks <= 2 || (blanks == 6 && line.trim_start().starts_with("--"));
    let line = line.trim();
    if is_row {
        let (name, text) = line.split_once("  ").unwrap_or((line, ""));
        rows.push((name.to_owned(), text.trim().to_owned()));
    } else {
        let (_, text) = rows.last_mut().unwrap();
        *text = format!("{text} {line}").trim().to_owned();
    }
}

/// Every command with its help, the inner ones too.
fn commands(prefix: &str) -> Vec<(String, Help)> {
    let mut all = Vec::new();
    for (name, _) in help(prefix).rows.get("Commands").into_iter().flatten() {
        let command = format!("{prefix} {name}").trim().to_owned();
        let inner = commands(&command);
        let is_group = !inner.is_empty();
        all.extend(inner);
        if !is_group {
            all.push((command.clone(), help(&command)));
        }
    }
    all
}

/// What the reference has to say about all commands.
fn reference() -> String {
    let commands = commands("");
    let mut text = String::from("| command | does |\n|---|---|\n");
    for (name, help) in &commands {
        text.push_str(&format!("| [`{name}`](#secrets-{}) | {} |\n", name.replace(' ', "-"), help.about));
    }
    text.push_str("\n## Flags of every command\n");
    push_table(&mut text, &commands.first().unwrap().1.rows[GLOBAL]);
    for (name, help) in &commands {
        text.push_str(&format!("\n## `secrets {name}`\n{}: `{}`\n\n", help.about, help.usage));
        let rows: Vec<Row> =
            ["Arguments", "Options"].iter().filter_map(|heading| help.rows.get(*heading)).flatten().cloned().collect();
        push_table(&mut text, &rows);
        for (heading, rows) in help.rows.iter().filter(|(heading, _)| heading.starts_with("Selector")) {
            text.push_str(&format!("\n{heading}:\n\n"));
            push_table(&mut text, rows);
        }
    }
    text
}

fn push_table(text: &mut String, rows: &[Row]) {
    text.push_str("| | |\n|---|---|\n");
    for (name, says) in rows {
        text.push_str(&format!("| `{name}` | {} |\n", says.replace('|', "\\|")));
    }
}

#[test]
fn the_reference_tells_every_command_and_flag_in_the_words_of_the_help() {
    let document = fs::read_to_string(Path::new(ROOT).join("docs/cli.md")).unwrap();
    let (_, listed) = document.split_once("<!-- from --help -->\n").unwrap();
    let (listed, _) = listed.split_once("<!-- to here -->").unwrap();
    let expected = reference();
    assert!(listed == expected, "docs/cli.md has to hold this between its two marks:\n{expected}");
}

#[test]
fn the_reference_tells_every_exit_code() {
    let source = fs::read_to_string(Path::new(ROOT).join("src/bin/secrets/exit.rs")).unwrap();
    let arms =
        source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.strip_suffix(',')?.split_once(" => "));
    let mut codes: Vec<u8> = arms.flat_map(|(_, code)| code.parse::<u8>()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert!(codes.len() >= 6, "{codes:?} are few");
    let document = fs::read_to_string(Path::new(ROOT).join("docs/cli.md")).unwrap();
    let (_, table) = document.split_once("## Exit codes\n").unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let listed: Vec<u8> = rows.filter_map(|row| row.split('|').nth(1)?.trim().parse().ok()).collect();
    assert_eq!(listed, codes);
}
