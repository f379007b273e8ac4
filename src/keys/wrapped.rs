//! What can be told of a wrapped data key without any identity: whether it is an age file that could hold one.

use std::io::{BufReader, Read as _};

use super::{armor::find_armor, header::read_file, recipient::RecipientKind, ssh::SshPublic};

/// The bytes of a payload that are not the secret: a nonce of 16, and a tag of 16 for its one chunk.
const PAYLOAD_OVERHEAD_BYTES: usize = 32;
/// A data key, and a share of one, which has its number in one more byte.
const SECRET_LENGTHS_BYTES: [usize; 2] = [32, 33];
/// More than any header with one recipient takes, a post-quantum one included.
const FILE_LIMIT_BYTES: u64 = 1 << 20;

/// Why a text can be no wrapped data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrappedFault {
    /// No armor begins in it.
    #[error("is not an age file in ASCII armor")]
    NotArmored,
    /// Its lines are not those of armor, or are cut off.
    #[error("has broken armor")]
    Armor,
    /// The armor is sound, but what it holds does not begin as an age file.
    #[error("has a broken age header")]
    Header,
    /// The header is sound, but what follows is too short or too long for a data key.
    #[error("does not hold as many bytes as a data key")]
    Length,
    /// It is for another kind of recipient than the one that is named beside it.
    #[error("is not for a recipient of the kind that is named beside it")]
    OtherKind,
    /// It is for another SSH key than the one that is named beside it.
    #[error("is not for the SSH key that is named beside it")]
    OtherKey,
}

/// The header of an age file, without what is encrypted in it.
pub(super) struct Header {
    pub(super) stanzas: Vec<Stanza>,
    /// How many bytes follow it.
    payload_bytes: usize,
}

/// The first line of a stanza: one way to open a file.
pub(super) struct Stanza {
    pub(super) kind: String,
    pub(super) arguments: Vec<String>,
}

impl Stanza {
    /// Whether it is for this SSH key, as far as 32 bits of its fingerprint can tell.
    pub(super) fn is_for(&self, key: &SshPublic) -> bool {
        let [kind, tag] = &key.stanza;
        self.kind == *kind && self.arguments.first() == Some(tag)
    }

    /// Whether only a plugin can know what it is.
    pub(super) fn is_foreign(&self) -> bool {
        let known = ["X25519", "mlkem768x25519", "scrypt", "ssh-ed25519", "ssh-rsa"];
        !known.contains(&self.kind.as_str()) && !self.kind.ends_with("-grease")
    }
}

/// Checks `enc`, which `recipient` is said to be able to open. The recipient itself is not checked.
///
/// # Errors
/// [`WrappedFault`].
///
/// # Source
/// <https://c2sp.org/age>
pub fn check_wrapped(recipient: &str, enc: &str) -> Result<(), WrappedFault> {
    let armor = find_armor(enc).ok_or(WrappedFault::NotArmored)?;
    let file = read_armor(armor).map_err(|_cause| WrappedFault::Armor)?;
    let header = read_header(&file).ok_or(WrappedFault::Header)?;
    let secret_bytes = header.payload_bytes.checked_sub(PAYLOAD_OVERHEAD_BYTES);
    if !secret_bytes.is_some_and(|length| SECRET_LENGTHS_BYTES.contains(&length)) {
        return Err(WrappedFault::Length);
    }
    let expected = match RecipientKind::find(recipient.trim()) {
        Some(RecipientKind::X25519) => "X25519",
        Some(RecipientKind::PostQuantum) => "mlkem768x25519",
        Some(RecipientKind::Ssh) => "ssh-",
        // What a plugin writes is its own affair.
        Some(RecipientKind::Plugin) | None => "",
    };
    if !header.stanzas.iter().any(|stanza| stanza.kind.starts_with(expected)) {
        return Err(WrappedFault::OtherKind);
    }
    // Of SSH keys, unlike the others, an entry tells which one it is for.
    match SshPublic::parse(recipient) {
        Ok(key) if !header.stanzas.iter().any(|stanza| stanza.is_for(&key)) => Err(WrappedFault::OtherKey),
        _ => Ok(()),
    }
}

/// What the header of a wrapped data key says of who can open it; nothing where it cannot be read.
pub(super) fn read_stanzas(enc: &str) -> Vec<Stanza> {
    let file = find_armor(enc).and_then(|armor| read_armor(armor).ok());
    file.and_then(|file| read_header(&file)).map(|header| header.stanzas).unwrap_or_default()
}

fn read_armor(armor: &str) -> std::io::Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut reader = age::armor::ArmoredReader::new(BufReader::new(armor.as_bytes())).take(FILE_LIMIT_BYTES);
    reader.read_to_end(&mut file)?;
    Ok(file)
}

/// Reads the header of an age file that is not armored; `None` where it is none.
pub(super) fn read_header(file: &[u8]) -> Option<Header> {
    read_file(file).ok()?;
    let end = file.windows(5).position(|window| window == b"\n--- ")?;
    let mac_line = file.get(end + 1..)?;
    let payload = mac_line.get(mac_line.iter().position(|byte| *byte == b'\n')? + 1..)?;
    let header = std::str::from_utf8(file.get(..end)?).ok()?;
    let stanzas = header.lines().filter_map(|line| {
        let mut words = line.strip_prefix("-> ")?.split(' ').map(str::to_owned);
        Some(Stanza { kind: words.next()?, arguments: words.collect() })
    });
    Some(Header { stanzas: stanzas.collect(), payload_bytes: payload.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::secret::DataKey,
        keys::{Asker, Recipient},
    };

    const ALICE: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";

    fn wrapped() -> String {
        Recipient::parse(ALICE).unwrap().wrap(&DataKey::generate().unwrap(), &Asker::default()).unwrap()
    }

    fn rearmored(change: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut file = Vec::new();
        age::armor::ArmoredReader::new(BufReader::new(wrapped().as_bytes())).read_to_end(&mut file).unwrap();
        change(&mut file);
        super::super::armor::render_armor(&file)
    }

    #[track_caller]
    fn check(recipient: &str, enc: &str, expected: Result<(), WrappedFault>) {
        assert_eq!(check_wrapped(recipient, enc), expected);
    }

    #[test]
    fn what_we_wrap_is_sound() {
        check(ALICE, &wrapped(), Ok(()));
        check(ALICE, &rearmored(|_file| ()), Ok(()));
        check("anything", &wrapped(), Ok(()));
        check(ALICE, &wrapped().replace('\n', "\r\n"), Ok(()));
    }

    #[test]
    fn an_entry_for_an_ssh_key_is_for_the_one_that_it_names() {
        let public = |name: &str| {
            let path = format!("{}/fixtures/sops/keys/{name}.pub", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).unwrap()
        };
        let (first, second) = (public("ssh_ed25519"), public("ssh_ed25519_passphrase"));
        let key = DataKey::generate().unwrap();
        let enc = Recipient::parse(&first).unwrap().wrap(&key, &Asker::default()).unwrap();
        check(&first, &enc, Ok(()));
        check(&second, &enc, Err(WrappedFault::OtherKey));
        check(&public("ssh_rsa"), &enc, Err(WrappedFault::OtherKey));
        check(ALICE, &enc, Err(WrappedFault::OtherKind));
    }

    #[test]
    fn each_way_to_be_broken_has_its_name() {
        let whole = wrapped();
        check(ALICE, "", Err(WrappedFault::NotArmored));
        check(ALICE, &whole.replace("-----BEGIN", "----BEGIN"), Err(WrappedFault::NotArmored));
        check(ALICE, &whole.replace("-----END", "----END"), Err(WrappedFault::Armor));
        check(ALICE, &whole.replacen("YWdl", "Y!dl", 1), Err(WrappedFault::Armor));
        check(ALICE, &whole.replace("\nYWdl", "\n\nYWdl"), Err(WrappedFault::Armor));
        check(ALICE, whole.get(..200).unwrap(), Err(WrappedFault::Armor));
        check(ALICE, &rearmored(|file| file[0] = b'x'), Err(WrappedFault::Header));
        check(ALICE, &rearmored(|file| file.truncate(60)), Err(WrappedFault::Header));
        check(ALICE, &rearmored(|file| file.truncate(file.len() - 1)), Err(WrappedFault::Length));
        check(ALICE, &rearmored(|file| file.extend([0; 2])), Err(WrappedFault::Length));
        check("ssh-ed25519 AAAA", &whole, Err(WrappedFault::OtherKind));
        for stanza in ["-> empty\n".to_owned(), format!("-> full\n{}\n", "A".repeat(64))] {
            let unclosed = rearmored(|file| {
                let mac = file.windows(5).position(|window| window == b"\n--- ").unwrap() + 1;
                file.splice(mac..mac, stanza.bytes());
            });
            check(ALICE, &unclosed, Err(WrappedFault::Header));
            let closed = rearmored(|file| {
                let mac = file.windows(5).position(|window| window == b"\n--- ").unwrap() + 1;
                file.splice(mac..mac, format!("{stanza}\n").bytes());
            });
            check(ALICE, &closed, Ok(()));
        }
        check("age1pq1abc", &whole, Err(WrappedFault::OtherKind));
    }
}
