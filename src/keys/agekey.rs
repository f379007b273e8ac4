//! An `*.agekey` entry of Flux' decryption Secret, read as kustomize-controller reads it: line by line, and strictly. One
//! line that it cannot read costs the whole Secret.
//!
//! # Source
//! `internal/decryptor` of kustomize-controller 1.9 and `age/keysource.go` of sops 3.13, run; 1.7 for post-quantum ones.

use zeroize::Zeroizing;

use super::{
    ask::Asker,
    identity::{Identity, IdentityProblem},
};

/// How many faults of one entry are told, so that a wrong file does not flood the screen.
const TOLD_FAULTS: usize = 8;

/// An identity that the controller can use. Its text is wiped on drop.
pub struct AgeKey {
    /// Its recipient.
    pub recipient: String,
    /// Whether it is one of those that kustomize-controller reads since 1.9.
    pub is_post_quantum: bool,
    /// Where it stands in its entry, from 1.
    pub line: usize,
    text: Zeroizing<String>,
}

/// What an entry holds.
#[derive(Debug, Default)]
pub struct AgeKeys {
    /// The identities, in their order.
    pub identities: Vec<AgeKey>,
    /// The comments between them, without line breaks.
    pub comments: Vec<(usize, Zeroizing<String>)>,
    /// What the controller cannot read or use.
    pub faults: Vec<AgeKeyFault>,
}

/// One line that is no identity of use. Holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct AgeKeyFault {
    /// Where it stands, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: AgeKeyProblem,
}

/// Why the controller cannot use a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgeKeyProblem {
    /// It is no identity to the letter.
    #[error("{0}")]
    Identity(#[from] IdentityProblem),
    /// A plugin's, which is read, and fails when it is used.
    #[error("a plugin identity: there are no plugins in the controller")]
    Plugin,
    /// An SSH key.
    #[error("an SSH or other private key: Flux reads age identities only")]
    Pem,
    /// An identity file behind a passphrase.
    #[error("encrypted with a passphrase, which nobody can give to the controller")]
    Encrypted,
}

impl AgeKeyProblem {
    /// Whether because of it the controller reads nothing of the whole Secret.
    #[must_use]
    pub const fn stops_import(self) -> bool {
        !matches!(self, Self::Plugin)
    }
}

impl AgeKey {
    /// Its line, without a break. This is the private half.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for AgeKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "AgeKey({})", self.recipient)
    }
}

/// Reads the entry `bytes`, which is an identity file, too, as `age-keygen` writes it.
#[must_use]
pub fn parse_age_keys(bytes: &[u8]) -> AgeKeys {
    let mut keys = AgeKeys::default();
    let mut is_in_pem = false;
    for (bytes, line) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if is_in_pem {
            is_in_pem = !bytes.starts_with(b"-----END ");
            continue;
        }
        is_in_pem = bytes.starts_with(b"-----BEGIN ");
        keys.add(bytes, line);
    }
    keys
}

impl AgeKeys {
    fn add(&mut self, bytes: &[u8], line: usize) {
        let outcome = match std::str::from_utf8(bytes) {
            Ok("") => return,
            Ok(text) if text.starts_with('#') => {
                return self.comments.push((line, Zeroizing::new(text.to_owned())));
            }
            Ok(text) => parse_line(text, line),
            Err(_) => Err(IdentityProblem::NotText.into()),
        };
        match outcome {
            Ok(key) => self.identities.push(key),
            Err(problem) if self.faults.len() < TOLD_FAULTS => self.faults.push(AgeKeyFault { line, problem }),
            Err(_) => {}
        }
    }
}

fn parse_line(text: &str, line: usize) -> Result<AgeKey, AgeKeyProblem> {
    if text.starts_with("age-encryption.org/") || text.starts_with("-----BEGIN AGE ENCRYPTED FILE") {
        return Err(AgeKeyProblem::Encrypted);
    }
    if text.starts_with("-----BEGIN ") {
        return Err(AgeKeyProblem::Pem);
    }
    if text.starts_with("AGE-PLUGIN-") {
        return Err(AgeKeyProblem::Plugin);
    }
    let identity = Identity::parse(text, &Asker::default())?;
    let recipient = identity.recipient().ok_or(IdentityProblem::Damaged)?.to_owned();
    let is_post_quantum = recipient.starts_with("age1pq1");
    Ok(AgeKey { recipient, is_post_quantum, line, text: Zeroizing::new(text.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::identity::{NewIdentity, generate_key_text};

    const ALICE: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";
    const IDENTITY: &str = "AGE-SECRET-KEY-1HE0PTDE5FJ8C9HK5CEC3NXQKP94ZJ0H8W8J2QC77AUZFKG7MWADSJ9PVZ2";

    #[track_caller]
    fn check(text: &str, lines: &[usize], faults: &[&str]) {
        let keys = parse_age_keys(text.as_bytes());
        assert_eq!(keys.identities.iter().map(|key| key.line).collect::<Vec<_>>(), lines, "{text}");
        assert_eq!(keys.faults.iter().map(ToString::to_string).collect::<Vec<_>>(), faults, "{text}");
        assert!(!format!("{keys:?}").contains("SECRET-KEY-1HE"));
    }

    #[test]
    fn what_flux_reads_is_read() {
        check("", &[], &[]);
        check("# only a comment\n\n", &[], &[]);
        check(IDENTITY, &[1], &[]);
        check(&format!("# created\r\n\r\n{IDENTITY}\r\n{IDENTITY}"), &[3, 4], &[]);
        let (recipient, text) = generate_key_text(NewIdentity::PostQuantum, 0);
        let keys = parse_age_keys(text.expose().as_bytes());
        let [key] = keys.identities.as_slice() else { panic!("{keys:?}") };
        assert_eq!((key.recipient == recipient, key.is_post_quantum, keys.comments.len()), (true, true, 2));
    }

    #[test]
    fn what_flux_refuses_is_refused() {
        let blank = "line 1: an age identity with a blank before or after it";
        let unknown = "line 1: not an age identity";
        let damaged = "line 1: a damaged age identity";
        check(&format!(" {IDENTITY}"), &[], &[blank]);
        check(&format!("{IDENTITY}\t"), &[], &[blank]);
        check(" ", &[], &[unknown]);
        check(" # note", &[], &[unknown]);
        check(&format!("\u{feff}{IDENTITY}"), &[], &[unknown]);
        check(&format!("KEY={IDENTITY}"), &[], &[unknown]);
        check(&IDENTITY.to_lowercase(), &[], &[unknown]);
        check(ALICE, &[], &[unknown]);
        check(&format!("{IDENTITY} # note"), &[], &[damaged]);
        check(&format!("{IDENTITY}X"), &[], &[damaged]);
        let plugin = "line 2: a plugin identity: there are no plugins in the controller";
        check(&format!("{IDENTITY}\nAGE-PLUGIN-YUBIKEY-1X\n"), &[1], &[plugin]);
        let pem = "line 1: an SSH or other private key: Flux reads age identities only";
        check("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n", &[], &[pem]);
        let encrypted = "line 1: encrypted with a passphrase, which nobody can give to the controller";
        check("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n", &[], &[encrypted]);
        check("age-encryption.org/v1\n", &[], &[encrypted]);
        assert_eq!(parse_age_keys("x\n".repeat(100).as_bytes()).faults.len(), TOLD_FAULTS);
    }

    #[test]
    fn only_a_plugin_does_no_harm_to_the_others() {
        let problem = |text: &str| parse_age_keys(text.as_bytes()).faults[0].problem;
        assert!(!problem("AGE-PLUGIN-X-1").stops_import());
        assert!(problem("x").stops_import());
    }
}
