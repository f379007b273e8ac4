//! The identities of a file one by one, each with its own text, as the keyring keeps them.

use zeroize::Zeroizing;

use super::{Content, Words, is_encrypted, locked::Locked, parse_content};
use crate::keys::{
    ask::Asker,
    identity::IdentityProblem,
    recipient::RecipientKind,
    source::{Source, SourceProblem},
};

/// What `age-keygen` and plugins write before the recipient of the identity that follows.
const COMMENTS: [&str; 2] = ["public key:", "recipient:"];

/// One identity of a file. Its text is wiped on drop.
pub struct SingleIdentity {
    /// Its recipient.
    pub recipient: String,
    text: Zeroizing<Vec<u8>>,
}

/// The identities of a file, and what of it is none.
#[derive(Debug, Default)]
pub struct SingleIdentities {
    /// The identities, in the order of the file.
    pub identities: Vec<SingleIdentity>,
    /// What could not be taken.
    pub problems: Vec<SourceProblem>,
}

/// Takes the identity file at `source` apart. Asks for its passphrase, if it has one.
///
/// The recipient of a plugin's identity is known to the plugin only: it has to stand in the comment right before it,
/// where plugins write it.
#[must_use]
pub fn split_identities(bytes: &[u8], source: &Source, asker: &Asker) -> SingleIdentities {
    if !is_encrypted(bytes) {
        return split(bytes, source, asker);
    }
    let text = Locked::file(bytes, source).and_then(|locked| Ok(locked.decrypt(asker)?.1));
    match text {
        Ok(text) if is_encrypted(&text) => SourceProblem::EncryptedTwice.into(),
        Ok(text) => split(&text, source, asker),
        Err(problem) => problem.into(),
    }
}

fn split(bytes: &[u8], source: &Source, asker: &Asker) -> SingleIdentities {
    let mut singles = SingleIdentities::default();
    let mut commented = None;
    let mut key: Option<(usize, usize)> = None;
    let mut offset = 0;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let start = offset;
        offset += line.len();
        if line.starts_with(b"-----BEGIN ") && key.is_none() {
            key = Some((start, index + 1));
        }
        let (start, number) = key.unwrap_or((start, index + 1));
        if key.is_some() && !line.starts_with(b"-----END ") && offset < bytes.len() {
            continue;
        }
        key = None;
        if let Some(comment) = line.strip_prefix(b"#") {
            // What was an identity before it was commented out has taken the recipient with it.
            commented = find_recipient(comment).or(commented.filter(|_| !holds_identity(comment)));
            continue;
        }
        let text = bytes.get(start..offset).unwrap_or_default();
        singles.add(text, number, parse_content(text, Words::One, source, asker), commented.take());
    }
    singles
}

fn holds_identity(comment: &[u8]) -> bool {
    let marks = [&b"AGE-PLUGIN-"[..], b"AGE-SECRET-KEY-", b"-----BEGIN "];
    marks.iter().any(|mark| comment.windows(mark.len()).any(|window| window == *mark))
}

/// The recipient in a comment.
fn find_recipient(comment: &[u8]) -> Option<String> {
    let comment = std::str::from_utf8(comment).ok()?.trim();
    let mark = COMMENTS.iter().find(|mark| {
        let start = comment.get(..mark.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(mark))
    })?;
    let recipient = comment.get(mark.len()..)?.trim();
    RecipientKind::find(recipient).map(|_kind| recipient.to_owned())
}

impl SingleIdentities {
    /// Adds the one identity in `text`, if there is one: `content` is what it holds, `commented` the recipient in the
    /// comment right before it.
    fn add(&mut self, text: &[u8], line: usize, content: Content, commented: Option<String>) {
        for identity in content.identities {
            match identity.recipient().or(commented.as_deref()).map(str::to_owned) {
                Some(recipient) => {
                    self.identities.push(SingleIdentity { recipient, text: Zeroizing::new(text.to_vec()) });
                }
                None => self.problems.push(SourceProblem::Line { line, problem: IdentityProblem::Nameless }),
            }
        }
        for _locked in content.locked {
            self.problems.push(SourceProblem::Line { line, problem: IdentityProblem::LockedSsh });
        }
        for problem in content.problems {
            self.problems.push(match problem {
                SourceProblem::Line { problem, .. } => SourceProblem::Line { line, problem },
                problem => problem,
            });
        }
    }
}

impl SingleIdentity {
    /// The line of the identity file, or all lines of the SSH key.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.text
    }
}

impl std::fmt::Debug for SingleIdentity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SingleIdentity({})", self.recipient)
    }
}

impl From<SourceProblem> for SingleIdentities {
    fn from(problem: SourceProblem) -> Self {
        Self { problems: vec![problem], ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";
    const IDENTITY: &str = "AGE-SECRET-KEY-1HE0PTDE5FJ8C9HK5CEC3NXQKP94ZJ0H8W8J2QC77AUZFKG7MWADSJ9PVZ2";

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)], problems: &[&str]) {
        let singles = split_identities(text.as_bytes(), &Source::KeyText, &Asker::default());
        let found: Vec<(&str, &str)> = singles
            .identities
            .iter()
            .map(|single| (single.recipient.as_str(), std::str::from_utf8(single.expose()).unwrap()))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(singles.problems.iter().map(ToString::to_string).collect::<Vec<_>>(), problems);
        assert!(!format!("{singles:?}").contains("SECRET-KEY-1HE"));
    }

    #[test]
    fn each_identity_has_its_own_text() {
        check("", &[], &[]);
        check(IDENTITY, &[(ALICE, IDENTITY)], &[]);
        let text = format!("# created\n# public key: age1x\n{IDENTITY}\n\nnonsense\n");
        check(&text, &[(ALICE, &format!("{IDENTITY}\n"))], &["line 5: not an age identity"]);
    }

    #[test]
    fn a_comment_tells_the_recipient_of_what_follows() {
        let found = |comment: &str| find_recipient(comment.as_bytes());
        assert_eq!(found(" public key: age1x"), Some("age1x".to_owned()));
        assert_eq!(found("    Recipient: age1yubikey1x\r\n"), Some("age1yubikey1x".to_owned()));
        assert_eq!(found(" Recipient: alice"), None);
        assert_eq!(found(" é"), None);
    }

    #[test]
    fn a_comment_tells_of_the_next_line_only() {
        let plugin = "AGE-PLUGIN-TEST-1QURSWPC8QURSWKGVVTG";
        let (recipient, nameless) = ("age1test1qurswpc8qurswdldkpl", "a plugin identity without a comment before it");
        let text = format!("# made for me\n#    Recipient: {recipient}\n# Slot: 9\n{plugin}\n");
        check(&text, &[(recipient, &format!("{plugin}\n"))], &[]);
        let others = format!("# public key: {ALICE}\n");
        let told = |line: usize| format!("line {line}: {nameless} that names its recipient");
        let damaged = "line 2: a damaged age identity".to_owned();
        for (between, problems) in [
            (format!("{IDENTITY}X\n"), vec![damaged, told(3)]),
            ("nonsense\n".to_owned(), vec!["line 2: not an age identity".to_owned(), told(3)]),
            (format!("# {IDENTITY}\n"), vec![told(3)]),
            (format!("#{plugin}\n"), vec![told(3)]),
            ("\n".to_owned(), vec![told(3)]),
            (fixture("ssh_ed25519_passphrase"), vec![]),
        ] {
            let text = format!("{others}{between}{plugin}\n");
            let singles = split_identities(text.as_bytes(), &Source::KeyText, &Asker::default());
            assert_eq!(singles.identities.len(), 0, "{between}");
            let found: Vec<String> = singles.problems.iter().map(ToString::to_string).collect();
            assert!(problems.is_empty() || found == problems, "{found:?}");
        }
    }

    fn fixture(name: &str) -> String {
        std::fs::read_to_string(format!("{}/fixtures/keys/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn a_key_that_does_not_end_is_told() {
        check("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", &[], &["the SSH key is damaged"]);
    }
}
