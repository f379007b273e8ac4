//! Every place that `sops` takes identities from, read one by one: what one of them lacks, another may have.
//!
//! # Source
//! `sops` 3.13, observed; see `docs/migrating-from-sops.md` for the one difference, that a bad line costs only itself.

use std::{
    error::Error,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    ask::Asker,
    identity::{Identity, IdentityProblem},
};
use crate::base::{
    env::Env,
    files::{FileError, FileProblem, read_bytes},
    process::{Tool, ToolError, WordsError},
};

/// As much as `sops` reads of an encrypted identity file.
const SOURCE_LIMIT_BYTES: usize = 16 << 20;
/// How many bad lines of one source are told, so that a wrong file does not flood the screen.
const TOLD_LINES: usize = 8;

/// A place where identities are looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Source {
    /// The text of identities.
    #[error("SOPS_AGE_KEY")]
    KeyText,
    /// A file, if the variable names one.
    #[error("SOPS_AGE_KEY_FILE{}", in_parentheses(.0.as_deref()))]
    KeyFile(Option<PathBuf>),
    /// What a command prints.
    #[error("SOPS_AGE_KEY_CMD")]
    KeyCommand,
    /// `sops/age/keys.txt` in the user's configuration, if the environment says where that is.
    #[error("the default key file{}", in_parentheses(.0.as_deref()))]
    DefaultFile(Option<PathBuf>),
    /// An SSH private key, if the variable names one.
    #[error("SOPS_AGE_SSH_PRIVATE_KEY_FILE{}", in_parentheses(.0.as_deref()))]
    SshKeyFile(Option<PathBuf>),
    /// A command that prints an SSH private key.
    #[error("SOPS_AGE_SSH_PRIVATE_KEY_CMD")]
    SshKeyCommand,
    /// `id_ed25519` or `id_rsa` in `~/.ssh`.
    #[error("the default SSH key{}", in_parentheses(Some(.0)))]
    DefaultSshKey(PathBuf),
}

/// Why a source gave nothing, or not all that it holds.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceProblem {
    /// The variable is set to nothing, or to what is not UTF-8.
    #[error("is set, but holds no text")]
    Empty,
    /// The file cannot be read.
    #[error("{}", with_cause(&.0.problem))]
    File(Arc<FileError>),
    /// The command cannot be cut into words.
    #[error("{0}")]
    Words(WordsError),
    /// The command gave nothing.
    #[error("{}", with_cause(.0.as_ref()))]
    Command(Arc<ToolError>),
    /// The command was run for as many recipients as we run it for.
    #[error("was run for {limit} recipients, and is run for no more")]
    CommandLimit {
        /// The bound.
        limit: usize,
    },
    /// One line is not used.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: IdentityProblem,
    },
    /// More lines are not used than are told.
    #[error("{count} more bad lines")]
    MoreLines {
        /// How many.
        count: usize,
    },
    /// The identities are encrypted with a passphrase.
    #[error("is encrypted with a passphrase, which is not supported yet")]
    Passphrase,
    /// It is an SSH private key.
    #[error("is an SSH private key, which is not supported yet")]
    Ssh,
}

/// What one source holds.
#[derive(Default)]
pub(super) struct Content {
    pub(super) identities: Vec<Identity>,
    pub(super) problems: Vec<SourceProblem>,
}

/// The file that `sops` reads without being told: `sops/age/keys.txt` in the user's configuration directory.
///
/// `None` when the environment does not say where that is.
#[must_use]
pub fn default_key_file(env: &Env) -> Option<PathBuf> {
    let directory = if cfg!(windows) {
        env.path("AppData")
    } else {
        // `sops` does not fall back from one to the other, neither does it take a relative directory.
        env.path("XDG_CONFIG_HOME").or_else(|| Some(env.path("HOME")?.join(CONFIG_IN_HOME)))
    };
    let directory = directory.filter(|directory| directory.is_absolute())?;
    Some(directory.join("sops").join("age").join("keys.txt"))
}

const CONFIG_IN_HOME: &str = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };

/// Reads the sources that cost nothing, each with what it holds; `None` where it is not set or does not exist.
pub(super) fn read_cheap_sources(env: &Env, asker: &Asker) -> Vec<(Source, Option<Content>)> {
    let key_file = env.path("SOPS_AGE_KEY_FILE");
    let default_file = default_key_file(env);
    let ssh_key_file = env.path("SOPS_AGE_SSH_PRIVATE_KEY_FILE");
    let mut sources = vec![
        (Source::KeyText, is_set(env, "SOPS_AGE_KEY", |env, name| read_key_text(env, name, asker))),
        (
            Source::KeyFile(key_file),
            is_set(env, "SOPS_AGE_KEY_FILE", |env, name| {
                env.path(name).map_or_else(|| SourceProblem::Empty.into(), |path| read_file(&path, asker))
            }),
        ),
        (Source::DefaultFile(default_file.clone()), default_file.and_then(|path| read_default_file(&path, asker))),
        (
            Source::SshKeyFile(ssh_key_file),
            is_set(env, "SOPS_AGE_SSH_PRIVATE_KEY_FILE", |_, _| SourceProblem::Ssh.into()),
        ),
        (Source::SshKeyCommand, is_set(env, "SOPS_AGE_SSH_PRIVATE_KEY_CMD", |_, _| SourceProblem::Ssh.into())),
    ];
    sources.extend(env.path("HOME").into_iter().flat_map(|home| {
        ["id_ed25519", "id_rsa"].map(|name| {
            let path = home.join(".ssh").join(name);
            let content = path.is_file().then(|| SourceProblem::Ssh.into());
            (Source::DefaultSshKey(path), content)
        })
    }));
    sources
}

/// Runs `SOPS_AGE_KEY_CMD` for one recipient; `None` when it is not set.
pub(super) fn run_command(env: &Env, recipient: &str, asker: &Asker) -> Option<Content> {
    is_set(env, "SOPS_AGE_KEY_CMD", |env, name| {
        let Some(command) = env.text(name) else {
            return SourceProblem::Empty.into();
        };
        let tool = match Tool::from_words(command) {
            Ok(tool) => tool.env("SOPS_AGE_RECIPIENT", recipient),
            Err(error) => return SourceProblem::Words(error).into(),
        };
        match tool.capture(SOURCE_LIMIT_BYTES) {
            Ok(printed) => parse_content(&printed, Words::One, asker),
            Err(error) => SourceProblem::Command(Arc::new(error)).into(),
        }
    })
}

fn is_set(env: &Env, name: &str, read: impl FnOnce(&Env, &str) -> Content) -> Option<Content> {
    env.is_set(name).then(|| read(env, name))
}

fn read_key_text(env: &Env, name: &str, asker: &Asker) -> Content {
    env.text(name)
        .map_or_else(|| SourceProblem::Empty.into(), |text| parse_content(text.as_bytes(), Words::Several, asker))
}

fn read_file(path: &Path, asker: &Asker) -> Content {
    match read_bytes(path, SOURCE_LIMIT_BYTES) {
        Ok(bytes) => parse_content(&bytes, Words::One, asker),
        Err(error) => SourceProblem::File(Arc::new(error)).into(),
    }
}

fn read_default_file(path: &Path, asker: &Asker) -> Option<Content> {
    match read_bytes(path, SOURCE_LIMIT_BYTES) {
        Ok(bytes) => Some(parse_content(&bytes, Words::One, asker)),
        Err(FileError { problem: FileProblem::Read(cause), .. }) if cause.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(SourceProblem::File(Arc::new(error)).into()),
    }
}

/// How many identities a line may have.
#[derive(Clone, Copy)]
enum Words {
    /// One, without blanks around it.
    One,
    /// Any number, with blanks between them.
    Several,
}

fn parse_content(bytes: &[u8], words: Words, asker: &Asker) -> Content {
    if bytes.starts_with(b"age-encryption") || bytes.starts_with(b"-----BEGIN AGE") {
        return SourceProblem::Passphrase.into();
    }
    let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if bytes.starts_with(b"-----BEGIN ") && first_line.trim_ascii_end().ends_with(b"PRIVATE KEY-----") {
        return SourceProblem::Ssh.into();
    }
    let mut content = Content::default();
    let mut untold = 0;
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        for parsed in parse_line(line.strip_suffix(b"\r").unwrap_or(line), words, asker) {
            match parsed {
                Ok(identity) => content.identities.push(identity),
                Err(_) if content.problems.len() >= TOLD_LINES => untold += 1,
                Err(problem) => {
                    content.problems.push(SourceProblem::Line { line: index + 1, problem });
                }
            }
        }
    }
    if untold > 0 {
        content.problems.push(SourceProblem::MoreLines { count: untold });
    }
    content
}

fn parse_line(line: &[u8], words: Words, asker: &Asker) -> Vec<Result<Identity, IdentityProblem>> {
    if line.is_empty() || line.starts_with(b"#") {
        return Vec::new();
    }
    let Ok(line) = std::str::from_utf8(line) else {
        return vec![Err(IdentityProblem::NotText)];
    };
    match words {
        Words::One => vec![Identity::parse(line, asker)],
        Words::Several => line.split_whitespace().map(|word| Identity::parse(word, asker)).collect(),
    }
}

impl Source {
    /// Whether this is a key that most people have for other ends.
    pub(super) fn is_default_ssh_key(&self) -> bool {
        matches!(self, Self::DefaultSshKey(_))
    }
}

/// One of several problems stands in a list, where nobody walks the chain of its causes.
fn with_cause(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

fn in_parentheses(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!(" ({})", path.display()))
}

impl From<SourceProblem> for Content {
    fn from(problem: SourceProblem) -> Self {
        Self { identities: Vec::new(), problems: vec![problem] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "AGE-SECRET-KEY-1HE0PTDE5FJ8C9HK5CEC3NXQKP94ZJ0H8W8J2QC77AUZFKG7MWADSJ9PVZ2";

    /// `expected`: how many identities, then what is told.
    #[track_caller]
    fn check(bytes: &[u8], words: Words, identities: usize, problems: &[&str]) {
        let content = parse_content(bytes, words, &Asker::default());
        let told: Vec<String> = content.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            (content.identities.len(), told.as_slice()),
            (identities, problems.iter().map(|problem| (*problem).to_owned()).collect::<Vec<_>>().as_slice())
        );
    }

    #[test]
    fn comments_empty_lines_and_carriage_returns_are_passed_over() {
        check(b"", Words::One, 0, &[]);
        check(format!("# created\r\n\r\n#{ALICE}\n{ALICE}\r\n").as_bytes(), Words::One, 1, &[]);
        check(ALICE.as_bytes(), Words::One, 1, &[]);
    }

    #[test]
    fn one_bad_line_costs_only_itself() {
        let text = format!("hunter2\n{ALICE}\n{ALICE}X\n{ALICE}\n");
        let told = ["line 1: not an age identity", "line 3: a damaged age identity"];
        check(text.as_bytes(), Words::One, 2, &told);
    }

    #[test]
    fn a_file_has_one_identity_per_line_without_blanks() {
        let told = "line 1: an age identity with a blank before or after it";
        check(format!(" {ALICE}").as_bytes(), Words::One, 0, &[told]);
        check(format!("{ALICE} ").as_bytes(), Words::One, 0, &[told]);
        check(b" ", Words::One, 0, &["line 1: not an age identity"]);
        let two = format!("{ALICE} {ALICE}");
        check(two.as_bytes(), Words::One, 0, &["line 1: a damaged age identity"]);
        check(two.to_lowercase().as_bytes(), Words::One, 0, &["line 1: not an age identity"]);
    }

    #[test]
    fn the_variable_has_several_identities_per_line_but_no_commas() {
        check(format!(" {ALICE}\t{ALICE} \n").as_bytes(), Words::Several, 2, &[]);
        let told = ["line 1: a damaged age identity"];
        check(format!("{ALICE},{ALICE}").as_bytes(), Words::Several, 0, &told);
    }

    #[test]
    fn identities_of_part_two_are_recognised() {
        let text = b"AGE-PLUGIN-YUBIKEY-1X\nAGE-SECRET-KEY-PQ-1X\n\xff\n";
        let told = [
            "line 1: a plugin identity, which is not supported yet",
            "line 2: a post-quantum identity, which is not supported yet",
            "line 3: not text",
        ];
        check(text, Words::One, 0, &told);
        let passphrase = ["is encrypted with a passphrase, which is not supported yet"];
        check(b"age-encryption.org/v1\n\xff", Words::One, 0, &passphrase);
        check(b"-----BEGIN AGE ENCRYPTED FILE-----\n", Words::One, 0, &passphrase);
        let ssh = ["is an SSH private key, which is not supported yet"];
        check(b"-----BEGIN OPENSSH PRIVATE KEY-----\r\nb3Bl\n", Words::One, 0, &ssh);
    }

    #[test]
    fn a_wrong_file_does_not_flood_the_screen() {
        let content = parse_content("x\n".repeat(100).as_bytes(), Words::One, &Asker::default());
        assert_eq!(content.problems.len(), TOLD_LINES + 1);
        assert_eq!(content.problems[TOLD_LINES].to_string(), "92 more bad lines");
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn the_default_file_is_where_sops_has_it() {
        let file = |pairs: &[(&str, &str)]| {
            default_key_file(&pairs.iter().copied().collect()).map(|path| path.display().to_string())
        };
        let home = ("HOME", "/home/a");
        assert_eq!(file(&[home]).unwrap(), "/home/a/.config/sops/age/keys.txt");
        assert_eq!(file(&[home, ("XDG_CONFIG_HOME", "/c")]).unwrap(), "/c/sops/age/keys.txt");
        assert_eq!(file(&[home, ("XDG_CONFIG_HOME", "")]).unwrap(), "/home/a/.config/sops/age/keys.txt");
        assert_eq!(file(&[home, ("XDG_CONFIG_HOME", "relative")]), None);
        assert_eq!(file(&[]), None);
    }
}
