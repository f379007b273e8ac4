//! The documentation is true: every command in it is run, and what it prints is compared.
//!
//! In a block marked `console`, a line that begins with `$ ` is a command for bash, lines that begin with `> ` go on
//! with it, and the rest is what it prints, both streams together. There, a line `...` stands for any lines and
//! `[..]` for any text within a line; `? 3` as the first line says that it ends with 3 instead of 0. The blocks of
//! one file are one session: it starts in a fresh directory that holds the `fixtures` of this repository, with the
//! built `secrets` on PATH, an empty home and no variable of SOPS.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::string_slice,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Fences whose content is shown and not run.
const SHOWN_ONLY: &[&str] = &["yaml", "toml", "json", "text", "diff"];

/// Commands in blocks marked `sh`: they build, so that a test cannot run them. `.ci/run` runs those that it names.
const NOT_RUN_HERE: &[&str] = &[
    "cargo run --release --example tour",
    "cargo test",
    "cargo build-static",
    "rustup target add x86_64-unknown-linux-musl",
    // Installs for the reader, from the clone that the reader is in.
    "cargo install --locked --path .",
    // Need a corpus that is not in the repository, or the real `sops`.
    "CORPUS=/tmp/corpus cargo test --test corpus -- --ignored --nocapture",
    "cargo test --test interop -- --ignored",
    // Measure, for minutes.
    "benches/compare.py",
    "cargo bench --bench clusters",
    "benches/compare.py --files 100 --values 10000",
    "benches/compare.py --tmp /path/on/another/disk",
    "cargo bench",
    "cargo bench -- small-secret",
];

#[derive(Debug)]
struct Block<'t> {
    language: &'t str,
    first_line: usize,
    lines: Vec<&'t str>,
}

#[derive(Debug)]
struct Step {
    line: usize,
    command: String,
    status: i32,
    expected: Vec<String>,
}

fn documents() -> Vec<PathBuf> {
    let in_docs = fs::read_dir(Path::new(ROOT).join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let at_root = ["README.md", "SECURITY.md", "CHANGELOG.md"].map(|name| Path::new(ROOT).join(name));
    let mut all: Vec<PathBuf> =
        at_root.into_iter().chain(in_docs).filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    all.sort();
    all
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(language), None) => {
                open = Some(Block { language: language.trim(), first_line: index + 2, lines: Vec::new() });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.lines.push(line);
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed: {open:?}");
    blocks
}

fn steps(block: &Block<'_>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in block.lines.iter().enumerate() {
        if let Some(command) = line.strip_prefix("$ ") {
            let line = block.first_line + index;
            steps.push(Step { line, command: command.to_owned(), status: 0, expected: Vec::new() });
            continue;
        }
        let step = steps.last_mut().expect("a block begins with a command");
        match (line.strip_prefix("> "), line.strip_prefix("? ")) {
            (Some(more), _) if step.expected.is_empty() => step.command.push_str(&format!("\n{more}")),
            (_, Some(status)) if step.expected.is_empty() => step.status = status.parse().unwrap(),
            _ => step.expected.push((*line).to_owned()),
        }
    }
    steps
}

/// A shell that keeps its directory and variables from one command to the next.
struct Shell {
    folder: assert_fs::TempDir,
}

impl Shell {
    fn new() -> Self {
        let folder = assert_fs::TempDir::new().unwrap();
        for name in ["home", "clone", "state"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::os::unix::fs::symlink(Path::new(ROOT).join("fixtures"), folder.path().join("clone/fixtures")).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test prepares its files by other means")]
        fs::write(folder.path().join("state/directory"), folder.path().join("clone").to_str().unwrap()).unwrap();
        Self { folder }
    }

    #[expect(clippy::disallowed_methods, reason = "a test runs a shell by other means")]
    fn run(&self, command: &str) -> (i32, String) {
        let binary = Path::new(env!("CARGO_BIN_EXE_secrets")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let script = format!(
            "exec 2>&1\ncd \"$(cat \"$STATE/directory\")\"\n[ ! -e \"$STATE/variables\" ] || . \"$STATE/variables\"\n\
             {command}\nstatus=$?\nexport -p > \"$STATE/variables\"\npwd > \"$STATE/directory\"\nexit $status\n"
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &script])
            .env_clear()
            .env("PATH", format!("{}:{path}", binary.display()))
            .env("HOME", self.folder.path().join("home"))
            .env("STATE", self.folder.path().join("state"))
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
    }
}

/// Whether `line` is what `pattern` says, with `[..]` for any text.
fn line_matches(pattern: &str, line: &str) -> bool {
    match pattern.split_once("[..]") {
        None => pattern == line,
        Some((before, rest)) => line.strip_prefix(before).is_some_and(|left| {
            left.char_indices().map(|(at, _)| at).chain([left.len()]).any(|at| line_matches(rest, &left[at..]))
        }),
    }
}

/// Whether `lines` are what `expected` says, with `...` for any lines.
fn matches(expected: &[String], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, left)| line_matches(first, line) && matches(rest, left))
        }
    }
}

#[track_caller]
fn check_session(name: &str, text: &str) -> usize {
    let shell = Shell::new();
    let mut count = 0;
    for step in blocks(text).iter().filter(|block| block.language == "console").flat_map(steps) {
        let (status, output) = shell.run(&step.command);
        let lines: Vec<&str> = output.lines().collect();
        assert!(
            status == step.status && matches(&step.expected, &lines),
            "{name}:{}: `{}` ended with {status} and printed\n{output}\nwhere {} and this was expected\n{}",
            step.line,
            step.command,
            step.status,
            step.expected.join("\n")
        );
        count += 1;
    }
    count
}

#[test]
fn every_command_prints_what_the_documentation_says() {
    let mut count = 0;
    for path in documents() {
        count += check_session(&path.display().to_string(), &fs::read_to_string(&path).unwrap());
    }
    assert!(count > 20, "{count} commands are few: were the blocks found?");
}

#[test]
fn every_other_block_is_only_shown_or_runs_elsewhere() {
    let ci = fs::read_to_string(Path::new(ROOT).join(".ci/run")).unwrap();
    let mut seen = BTreeSet::new();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for block in blocks(&text) {
            match block.language {
                "console" => {}
                // `lib.rs` shows the same, and runs it.
                "rust" => {
                    assert!(library_example().contains(&block.lines.join("\n")), "{}: not in lib.rs", path.display());
                }
                "sh" => seen.extend(block.lines.iter().filter_map(|line| line.split(" #").next()).map(without_blanks)),
                language => assert!(SHOWN_ONLY.contains(&language), "{}: {language:?}", path.display()),
            }
        }
    }
    for command in &seen {
        assert!(NOT_RUN_HERE.contains(&command.as_str()), "`{command}` is run by nobody");
    }
    for command in [
        "cargo run --release --example tour",
        "cargo build-static",
        "cargo test",
        "cargo test --test interop -- --ignored",
    ] {
        assert!(ci.lines().any(|line| line.trim_start().ends_with(command)), ".ci/run does not run `{command}`");
    }
}

fn without_blanks(command: &str) -> String {
    command.trim_end().to_owned()
}

/// The documentation of the crate without its comment marks and without lines that rustdoc hides.
fn library_example() -> String {
    let source = fs::read_to_string(Path::new(ROOT).join("src/lib.rs")).unwrap();
    let lines = source.lines().filter_map(|line| line.strip_prefix("//!"));
    let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).filter(|line| !line.starts_with("# "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(path.parent().unwrap().join(file).exists(), "{}: {target}", path.display());
        }
    }
}

/// The names below `heading` of a manifest, or in backticks at the start of a row of a table below it.
fn names(text: &str, heading: &str, is_end: fn(&str) -> bool) -> BTreeSet<String> {
    let lines = text.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| !is_end(line));
    let of_row = |line: &str| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name.to_owned());
    let of_entry = |line: &str| line.split_once(" = ").map(|(name, _)| name.to_owned());
    lines.filter_map(|line| if line.starts_with('|') { of_row(line) } else { of_entry(line) }).collect()
}

#[test]
fn every_direct_dependency_has_its_line_and_is_used() {
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap();
    let document = fs::read_to_string(Path::new(ROOT).join("docs/dependencies.md")).unwrap();
    let is_section = |line: &str| line.starts_with('[');
    let mut normal = names(&manifest, "[dependencies]", is_section);
    for target in ["not(unix)", "target_env = \"musl\""] {
        normal.extend(names(&manifest, &format!("[target.'cfg({target})'.dependencies]"), is_section));
    }
    let for_tests = names(&manifest, "[dev-dependencies]", is_section);
    assert!(normal.len() > 15, "{normal:?}");
    assert_eq!(names(&document, "# Dependencies", |line| line.starts_with("For tests")), normal);
    assert_eq!(names(&document, "For tests only:", |line| line.starts_with('#')), for_tests);
    let sources = sources(&["src"]);
    for name in &normal {
        let word = format!("{}::", name.replace('-', "_"));
        assert!(sources.contains(&word), "{name} is not used");
    }
    let sources = self::sources(&["src", "tests", "examples", "benches"]);
    for name in &for_tests {
        assert!(sources.contains(&format!("{}::", name.replace('-', "_"))), "{name} is not used");
    }
}

/// All Rust below `folders`, but for this file.
fn sources(folders: &[&str]) -> String {
    let mut pending: Vec<PathBuf> = folders.iter().map(|folder| Path::new(ROOT).join(folder)).collect();
    let mut all = String::new();
    while let Some(folder) = pending.pop() {
        for path in fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests/docs.rs") {
                all.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test runs a program by other means")]
fn the_tour_goes_through() {
    // `cargo test` builds the examples beside the command.
    let tour = Path::new(env!("CARGO_BIN_EXE_secrets")).parent().unwrap().join("examples/tour");
    let output = Command::new(tour).env("SOPS_AGE_KEY", "of the reader").env_remove("SOPS_EDITOR").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let commands = ["explain", "decrypt", "encrypt -i", "edit", "set", "verify", "rotate"];
    for command in commands {
        assert!(text.lines().any(|line| line.starts_with("$ ") && line.contains(command)), "no {command} in\n{text}");
    }
    assert!(text.contains("same bytes"), "{text}");
    assert!(text.contains("rain on the roof"), "{text}");
    assert!(text.contains("value-in-clear"), "{text}");
}

#[track_caller]
fn check_match(expected: &str, output: &str, outcome: bool) {
    let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
    assert_eq!(matches(&expected, &output.lines().collect::<Vec<_>>()), outcome, "{expected:?} {output:?}");
}

#[test]
fn expected_output_is_held_against_all_of_what_is_printed() {
    check_match("a\nb", "a\nb\n", true);
    check_match("a", "a\nb\n", false);
    check_match("a\nb", "a\n", false);
    check_match("", "a\n", false);
    check_match("...\nb", "a\na\nb\n", true);
    check_match("...\nb", "a\nb\nc\n", false);
    check_match("a [..] c", "a b b c", true);
    check_match("a [..] c", "a b b d", false);
}

#[test]
#[should_panic(expected = "ended with 1")]
fn a_command_that_fails_is_noticed() {
    check_session("sample", "```console\n$ true\n$ false\n```\n");
}

#[test]
#[should_panic(expected = "and this was expected")]
fn another_output_is_noticed() {
    check_session("sample", "```console\n$ echo one\ntwo\n```\n");
}

#[test]
fn a_session_keeps_its_directory_and_variables() {
    assert_eq!(check_session("sample", "```console\n$ cd ~; export A=1\n$ echo $A ${PWD##*/}\n1 home\n```\n"), 2);
}
