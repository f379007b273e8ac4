//! What a source of identities holds, whatever it is: lines, SSH keys, or all of that behind a passphrase.

mod locked;
mod single;

pub(super) use locked::Locked;
pub use locked::ask_passphrase;
#[cfg(test)]
pub(super) use locked::{Refused, open_file};
pub use single::{SingleIdentities, SingleIdentity, split_identities};

use super::{
    ask::Asker,
    identity::{Identity, IdentityProblem},
    source::{Source, SourceProblem},
    ssh::{SshFault, SshKey, parse_private},
};

/// As much as `sops` reads of an encrypted identity file.
pub(super) const SOURCE_LIMIT_BYTES: usize = 16 << 20;
/// How many bad lines of one source are told, so that a wrong file does not flood the screen.
const TOLD_LINES: usize = 8;

/// What one source holds.
#[derive(Default)]
pub(super) struct Content {
    pub(super) identities: Vec<Identity>,
    /// What a passphrase is needed for.
    pub(super) locked: Vec<Locked>,
    pub(super) problems: Vec<SourceProblem>,
}

/// How many identities a line may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// One, without blanks around it.
    One,
    /// Any number, with blanks between them.
    Several,
}

/// Takes what `source` holds.
pub(super) fn parse_content(bytes: &[u8], words: Words, source: &Source, asker: &Asker) -> Content {
    if is_encrypted(bytes) {
        return match Locked::file(bytes, source) {
            Ok(locked) => Content { locked: vec![locked], ..Content::default() },
            Err(problem) => problem.into(),
        };
    }
    let mut content = Content::default();
    let mut untold = 0;
    let mut offset = 0;
    let mut key_start = None;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let start = offset;
        offset += line.len();
        if let Some(key) = key_start {
            if line.starts_with(b"-----END ") {
                content.add_ssh(bytes.get(key..offset), source);
                key_start = None;
            }
            continue;
        }
        if line.starts_with(b"-----BEGIN ") {
            key_start = Some(start);
            continue;
        }
        for parsed in parse_line(line, words, asker) {
            match parsed {
                Ok(identity) => content.identities.push(identity.at_line(index + 1)),
                Err(_) if content.problems.len() >= TOLD_LINES => untold += 1,
                Err(problem) => {
                    content.problems.push(SourceProblem::Line { line: index + 1, problem });
                }
            }
        }
    }
    if key_start.is_some() {
        content.add_ssh(None, source);
    }
    if untold > 0 {
        content.problems.push(SourceProblem::MoreLines { count: untold });
    }
    content
}

/// Takes what was in an encrypted file of `source`, which cannot be encrypted again.
pub(super) fn parse_decrypted(bytes: &[u8], source: &Source, asker: &Asker) -> Content {
    if is_encrypted(bytes) {
        return SourceProblem::EncryptedTwice.into();
    }
    parse_content(bytes, Words::One, source, asker)
}

impl Content {
    fn add_ssh(&mut self, pem: Option<&[u8]>, source: &Source) {
        let pem = pem.and_then(|pem| std::str::from_utf8(pem).ok()).ok_or(SshFault::Damaged);
        match pem.and_then(parse_private) {
            Ok(SshKey::Plain(key, public)) => self.identities.push(Identity::of_ssh(key, public)),
            Ok(SshKey::Locked(key, public)) => self.locked.push(Locked::ssh(key, public, source)),
            Err(fault) if self.problems.len() < TOLD_LINES => self.problems.push(SourceProblem::Ssh(fault)),
            Err(_) => {}
        }
    }
}

/// As `sops` tells.
fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption") || bytes.starts_with(b"-----BEGIN AGE")
}

fn parse_line(line: &[u8], words: Words, asker: &Asker) -> Vec<Result<Identity, IdentityProblem>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
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

impl From<SourceProblem> for Content {
    fn from(problem: SourceProblem) -> Self {
        Self { problems: vec![problem], ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "AGE-SECRET-KEY-1HE0PTDE5FJ8C9HK5CEC3NXQKP94ZJ0H8W8J2QC77AUZFKG7MWADSJ9PVZ2";

    /// `expected`: how many identities, then what is told.
    #[track_caller]
    fn check(bytes: &[u8], words: Words, identities: usize, problems: &[&str]) {
        let content = parse_content(bytes, words, &Source::KeyText, &Asker::default());
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
    fn what_cannot_be_used_is_told_for_what_it_is() {
        let text = b"AGE-PLUGIN-YUBIKEY-1X\nAGE-SECRET-KEY-PQ-1X\n\xff\n";
        let told = ["line 1: a damaged age identity", "line 2: a damaged age identity", "line 3: not text"];
        check(text, Words::One, 0, &told);
    }

    #[test]
    fn a_wrong_file_does_not_flood_the_screen() {
        let content = parse_content("x\n".repeat(100).as_bytes(), Words::One, &Source::KeyText, &Asker::default());
        assert_eq!(content.problems.len(), TOLD_LINES + 1);
        assert_eq!(content.problems[TOLD_LINES].to_string(), "92 more bad lines");
    }
}
