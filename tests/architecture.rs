//! The arrows of `docs/architecture.md`, and the doors through which effects go, read out of the sources.
#![expect(clippy::unwrap_used, clippy::string_slice, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What each room may import.
const ALLOWED: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("crypto", &["base"]),
    ("document", &["base"]),
    ("keys", &["base"]),
    ("sops", &["base", "crypto", "document", "keys"]),
    ("policy", &["base", "document", "keys", "sops"]),
    ("git", &["base"]),
    ("gitops", &["base", "document", "keys", "policy"]),
    ("ops", &["base", "crypto", "document", "git", "gitops", "keys", "policy", "sops"]),
];

/// What only these files may say, outside of tests.
const DOORS: &[(&str, &[&str])] = &[
    ("Command::new", &["base/process.rs"]),
    ("SystemTime::now", &["base/clock.rs"]),
    ("env::var", &["base/env.rs"]),
    ("env::vars", &["base/env.rs"]),
    ("fs::write", &[]),
    ("File::create", &[]),
    ("fs::rename", &["base/files/"]),
    ("fs::remove", &["base/leftover.rs", "base/files/"]),
    ("OpenOptions", &["base/files/", "base/leftover.rs", "bin/secrets/terminal.rs"]),
    ("println!", &[]),
    ("print!", &[]),
    ("stdout()", &["base/files/", "bin/secrets/ui.rs"]),
    ("stderr()", &["base/files/", "bin/secrets/ui.rs"]),
    ("process::exit", &[]),
    ("std::net", &[]),
    ("aes_gcm::", &["crypto/cipher.rs"]),
    ("age::", &["keys/"]),
    ("hpke::", &["keys/hybrid.rs"]),
    ("keyring::Entry", &["keys/keyring.rs"]),
    ("keyring_core::", &["keys/keyring.rs"]),
    ("granit_parser::", &["document/yaml/event.rs"]),
    ("serde_saphyr::", &["policy/node.rs"]),
    ("regex_automata::", &["base/go_regex/"]),
    ("toml::", &["gitops/config.rs"]),
    ("clap::", &["bin/secrets/"]),
];

/// Crates that the command may use besides the library.
const OF_THE_COMMAND: &[&str] = &[
    "anstyle",
    "clap",
    "crate",
    "dlmalloc",
    "gitops_secrets",
    "indicatif",
    "rpassword",
    "serde_json",
    "std",
    "super",
    "thiserror",
    "zeroize",
    "zeroizing_alloc",
];

#[derive(Debug)]
struct Source {
    /// Below `src`, with `/`.
    path: String,
    /// Without comments, strings and tests.
    code: String,
    lines: usize,
}

impl Source {
    /// `sops::block`; the library's root is empty.
    fn module(&self) -> Vec<String> {
        let path = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').filter(|part| *part != "lib").map(str::to_owned).collect()
    }

    fn is_of_the_command(&self) -> bool {
        self.path.starts_with("bin/")
    }
}

fn sources() -> Vec<Source> {
    let mut pending = vec![Path::new(ROOT).join("src")];
    let mut found = Vec::new();
    while let Some(directory) = pending.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.extend(read(&path));
            }
        }
    }
    assert!(found.len() > 50, "{} files are few", found.len());
    found
}

fn read(path: &PathBuf) -> Option<Source> {
    let name = path.strip_prefix(Path::new(ROOT).join("src")).unwrap().to_str().unwrap().replace('\\', "/");
    if name.ends_with("tests.rs") {
        return None;
    }
    let text = fs::read_to_string(path).unwrap();
    // Tests come last in a file.
    let text = text.split("\n#[cfg(test)]\n#[").next().unwrap();
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    Some(Source { path: name, code: strip(text), lines: text.lines().count() })
}

/// `text` without comments and without the content of strings.
fn strip(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = &rest[hashes + 2..];
            rest = &body[body.find(&end).unwrap() + end.len()..];
        } else if next == '"' {
            rest = after_string(&rest[1..]);
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\'") {
            rest = &rest[3..];
        } else if rest.starts_with("'\\\"'") || rest.starts_with("'\\\\'") {
            rest = &rest[4..];
        } else {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    code
}

/// The number of hashes if a raw string begins here.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn after_string(text: &str) -> &str {
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

/// All paths that start with `crate` or `super` in `code`, groups in braces taken apart.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':') {
                continue;
            }
            read_path(&code[at..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads one path, or each of a group, behind `prefix`; returns what follows it.
fn read_path<'c>(code: &'c str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'c str {
    let code = code.trim_start();
    if let Some(mut group) = code.strip_prefix('{') {
        loop {
            group = group.trim_start();
            if let Some(rest) = group.strip_prefix('}') {
                return rest;
            }
            let rest = read_path(group, &mut prefix.clone(), found).trim_start();
            let rest = rest.strip_prefix("as ").map_or(rest, |alias| alias.trim_start_matches(is_of_name)).trim_start();
            let rest = rest.strip_prefix(',').unwrap_or(rest);
            assert!(rest.len() < group.len(), "a group that cannot be read: {}", &group[..group.len().min(60)]);
            group = rest;
        }
    }
    let end = code.find(|character| !is_of_name(character)).unwrap_or(code.len());
    if end == 0 {
        found.push(prefix.clone());
        return code.strip_prefix('*').unwrap_or(code);
    }
    prefix.push(code[..end].to_owned());
    match code[end..].strip_prefix("::") {
        Some(rest) => read_path(rest, prefix, found),
        None => {
            found.push(prefix.clone());
            &code[end..]
        }
    }
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Every module of the library with the modules that it names.
fn imports() -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let sources: Vec<Source> = sources().into_iter().filter(|source| !source.is_of_the_command()).collect();
    let modules: BTreeSet<Vec<String>> = sources.iter().map(Source::module).collect();
    let mut imports = BTreeMap::new();
    for source in &sources {
        let module = source.module();
        let named = paths(&source.code).into_iter().map(|path| absolute(&module, &path, &modules));
        let named: BTreeSet<_> = named.filter(|named| *named != module).collect();
        imports.insert(module, named);
    }
    imports
}

/// The deepest module on `path` as seen from `module`.
fn absolute(module: &[String], path: &[String], modules: &BTreeSet<Vec<String>>) -> Vec<String> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let mut full: Vec<String> =
        if ups > 0 { module[..module.len() - ups.min(module.len())].to_vec() } else { Vec::new() };
    full.extend(path[ups.max(1)..].iter().cloned());
    while !full.is_empty() && !modules.contains(&full) {
        full.pop();
    }
    full
}

#[test]
fn every_import_points_down() {
    for (module, named) in imports() {
        let Some(room) = module.first() else { continue };
        let (_, allowed) = ALLOWED.iter().find(|(name, _)| name == room).expect("a room has a row in ALLOWED");
        for target in named.iter().filter_map(|named| named.first()).filter(|target| *target != room) {
            assert!(allowed.contains(&target.as_str()), "{} imports {target}", module.join("::"));
        }
    }
}

/// A module and its children are one: a child may use its parent's types, and the parent names its children.
#[test]
fn no_two_modules_import_each_other_in_a_circle() {
    let imports = imports();
    let is_family = |one: &[String], other: &[String]| one.starts_with(other) || other.starts_with(one);
    for start in imports.keys() {
        let mut seen = BTreeSet::new();
        let mut pending: Vec<&Vec<String>> = vec![start];
        while let Some(module) = pending.pop() {
            for next in imports.get(module).into_iter().flatten().filter(|next| !is_family(module, next)) {
                assert!(next != start, "{} and {} import each other", start.join("::"), module.join("::"));
                if seen.insert(next) {
                    pending.push(next);
                }
            }
        }
    }
}

#[test]
fn effects_and_foreign_crates_have_one_door_each() {
    for source in sources() {
        for (word, doors) in DOORS {
            let is_door = doors.iter().any(|door| source.path.starts_with(door));
            let is_said = source.code.match_indices(word).any(|(at, _)| {
                !source.code[..at].ends_with(|character: char| character.is_alphanumeric() || character == '_')
            });
            assert!(is_door || !is_said, "{} says `{word}`", source.path);
        }
    }
}

#[test]
fn the_command_uses_the_public_interface_and_crates_for_the_terminal() {
    for source in sources().iter().filter(|source| source.is_of_the_command()) {
        for line in source.code.lines().filter_map(|line| line.trim_start().strip_prefix("use ")) {
            let name = &line[..line.find(|character| !is_of_name(character)).unwrap_or(line.len())];
            assert!(OF_THE_COMMAND.contains(&name), "{} uses {name}", source.path);
        }
        assert!(!source.code.contains("#[path"), "{} takes a module from elsewhere", source.path);
    }
}

#[test]
fn files_stay_short() {
    for source in sources() {
        assert!(source.lines <= 600, "{} has {} lines without its tests", source.path, source.lines);
    }
}

#[test]
fn the_document_and_the_cipher_do_no_input_and_output() {
    for source in
        sources().iter().filter(|source| source.path.starts_with("document/") || source.path.starts_with("crypto/"))
    {
        for word in ["std::fs", "std::io", "std::env", "std::process", "std::thread"] {
            assert!(!source.code.contains(word), "{} says `{word}`", source.path);
        }
    }
}

#[test]
fn paths_are_read_out_of_groups() {
    let found = paths("use crate::{base::{a, b as c}, d::E};\nlet x = super::f::g(crate::h);");
    let found: BTreeSet<String> = found.iter().map(|path| path.join("::")).collect();
    let expected = ["crate::base::a", "crate::base::b", "crate::d::E", "crate::h", "super::f::g"];
    assert_eq!(found, expected.into_iter().map(str::to_owned).collect());
}

#[test]
fn comments_and_strings_are_no_code() {
    assert_eq!(strip("a // b\n\"c \\\" d\" e r#\"f\"# '\"' g"), "a \n e   g");
}
