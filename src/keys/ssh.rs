//! SSH keys as age uses them: what is checked of one before age sees it, and its private half, locked or not.
//!
//! Only `ssh-ed25519` and `ssh-rsa` can decrypt; the other kinds sign only.

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Far more than a key of 16,384 bits takes, the longest that age takes.
pub(super) const PEM_LIMIT_BYTES: usize = 64 << 10;
/// What the crate `rsa` takes at most, which is what age asks it to.
const RSA_LIMIT_BITS: usize = 16_384;
/// Below, age refuses too.
const RSA_LEAST_BITS: usize = 2048;
/// `ssh-keygen` makes 16 or 24 of them; this many take about a minute.
const BCRYPT_ROUNDS_LIMIT: u32 = 4096;
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";
/// The part of a key's fingerprint that a stanza has.
const TAG_BYTES: usize = 4;

/// Why an SSH key is not used. Never holds a private one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshFault {
    /// Its base64, lengths or numbers are not those of a key.
    #[error("the SSH key is damaged")]
    Damaged,
    /// ECDSA, DSA or what will come.
    #[error("SSH keys of the kind {0} cannot decrypt: only ssh-ed25519 and ssh-rsa can")]
    Kind(String),
    /// `sk-…`: the private half is on a security token, which signs only.
    #[error("an SSH key on a security token cannot decrypt: only ssh-ed25519 and ssh-rsa can")]
    SecurityToken,
    /// A short RSA key.
    #[error("an RSA key of {bits} bits is too weak: 2,048 is the least")]
    RsaTooSmall {
        /// Its length.
        bits: usize,
    },
    /// A long RSA key.
    #[error("an RSA key of {bits} bits is too long: 16,384 is the most")]
    RsaTooLarge {
        /// Its length.
        bits: usize,
    },
    /// An Ed25519 key whose shared secret everybody knows.
    #[error("the public key is one that every data key would leak through")]
    SmallOrder,
    /// `Proc-Type: 4,ENCRYPTED`.
    #[error("the SSH key is encrypted in the old PEM format, which is not read")]
    OldEncryption,
    /// PKCS #8, SEC 1, or no key at all.
    #[error("the SSH key is in a format that is not read")]
    Format,
    /// An OpenSSH key that is encrypted in an unusual way.
    #[error("the SSH key is encrypted with {0}, which is not read")]
    Cipher(String),
    /// It would take minutes to hours to try one passphrase.
    #[error("the SSH key takes {rounds} rounds of bcrypt, and {BCRYPT_ROUNDS_LIMIT} are the most that is tried")]
    Rounds {
        /// As the key says.
        rounds: u32,
    },
}

/// The public half of a key that age can use.
#[derive(Debug, Clone)]
pub(super) struct SshPublic {
    /// `ssh-ed25519 AAAA…`, without a comment.
    pub(super) text: String,
    /// What a stanza for it begins with: the kind, and the beginning of the fingerprint.
    pub(super) stanza: [String; 2],
}

/// A private key.
pub(super) enum SshKey {
    Plain(age::ssh::Identity, SshPublic),
    Locked(age::ssh::EncryptedKey, SshPublic),
}

impl SshPublic {
    /// Checks `kind BASE64 comment`, the text of a recipient or a line of a `.pub` file.
    pub(super) fn parse(text: &str) -> Result<Self, SshFault> {
        let mut words = text.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default();
        if kind.starts_with("sk-") {
            return Err(SshFault::SecurityToken);
        }
        if !["ssh-ed25519", "ssh-rsa"].contains(&kind) {
            return Err(SshFault::Kind(kind.chars().take(40).collect()));
        }
        let blob = BASE64_STANDARD.decode(words.next().unwrap_or_default()).map_err(|_cause| SshFault::Damaged)?;
        let public = Self::of(&blob)?;
        if public.stanza.first().is_some_and(|own| own == kind) { Ok(public) } else { Err(SshFault::Damaged) }
    }

    /// Checks the public half as SSH encodes it.
    ///
    /// # Source
    /// RFC 4253, section 6.6; RFC 8709, section 4.
    fn of(blob: &[u8]) -> Result<Self, SshFault> {
        let mut wire = Wire(blob);
        let kind = wire.string().ok_or(SshFault::Damaged)?;
        match kind {
            b"ssh-ed25519" => {
                wire.string().filter(|point| point.len() == 32).ok_or(SshFault::Damaged)?;
            }
            b"ssh-rsa" => {
                wire.number_bits().ok_or(SshFault::Damaged)?;
                match wire.number_bits().ok_or(SshFault::Damaged)? {
                    bits if bits < RSA_LEAST_BITS => return Err(SshFault::RsaTooSmall { bits }),
                    bits if bits > RSA_LIMIT_BITS => return Err(SshFault::RsaTooLarge { bits }),
                    _ => {}
                }
            }
            _ if kind.starts_with(b"sk-") => return Err(SshFault::SecurityToken),
            _ => return Err(SshFault::Kind(String::from_utf8_lossy(kind).chars().take(40).collect())),
        }
        if !wire.0.is_empty() {
            return Err(SshFault::Damaged);
        }
        let kind = String::from_utf8_lossy(kind).into_owned();
        let tag: Vec<u8> = Sha256::digest(blob).into_iter().take(TAG_BYTES).collect();
        let text = format!("{kind} {}", BASE64_STANDARD.encode(blob));
        Ok(Self { text, stanza: [kind, BASE64_STANDARD_NO_PAD.encode(tag)] })
    }

    /// Whether `recipient` names it, with whatever comment.
    pub(super) fn is_named(&self, recipient: &str) -> bool {
        recipient.split_ascii_whitespace().take(2).eq(self.text.split(' '))
    }
}

/// Takes `text` as an SSH recipient.
pub(super) fn parse_recipient(text: &str) -> Result<age::ssh::Recipient, SshFault> {
    let public = SshPublic::parse(text)?;
    let recipient: age::ssh::Recipient = public.text.parse().map_err(|_reason| SshFault::Damaged)?;
    match &recipient {
        age::ssh::Recipient::SshEd25519(_, point) if point.is_small_order() => Err(SshFault::SmallOrder),
        _ => Ok(recipient),
    }
}

/// Takes the text of a private key, from its `-----BEGIN` to its `-----END`.
pub(super) fn parse_private(pem: &str) -> Result<SshKey, SshFault> {
    if pem.len() > PEM_LIMIT_BYTES {
        return Err(SshFault::Damaged);
    }
    if pem.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(SshFault::OldEncryption);
    }
    if pem.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
        check_openssh(pem)?;
    } else if !pem.starts_with("-----BEGIN RSA PRIVATE KEY-----") {
        return Err(SshFault::Format);
    }
    let mut lines = Zeroizing::new(String::with_capacity(pem.len() + 1));
    for line in pem.lines() {
        lines.push_str(line.trim_ascii_end());
        lines.push('\n');
    }
    let key = age::ssh::Identity::from_buffer(lines.as_bytes(), None).map_err(|_cause| SshFault::Damaged)?;
    if let age::ssh::Identity::Unsupported(unsupported) = &key {
        return Err(match unsupported {
            age::ssh::UnsupportedKey::EncryptedPem => SshFault::OldEncryption,
            age::ssh::UnsupportedKey::EncryptedSsh(cipher) => SshFault::Cipher(cipher.chars().take(40).collect()),
            age::ssh::UnsupportedKey::Hardware(_) => SshFault::SecurityToken,
            age::ssh::UnsupportedKey::Type(kind) => SshFault::Kind(kind.chars().take(40).collect()),
        });
    }
    let recipient = age::ssh::Recipient::try_from(key.clone()).map_err(|_reason| SshFault::Damaged)?;
    let public = SshPublic::parse(&recipient.to_string())?;
    match key {
        age::ssh::Identity::Encrypted(key) => Ok(SshKey::Locked(key, public)),
        key => Ok(SshKey::Plain(key, public)),
    }
}

/// Checks of an OpenSSH key what age takes for granted: it panics at numbers that are zero, and counts any number of
/// rounds.
///
/// # Source
/// PROTOCOL.key of OpenSSH 9.9.
fn check_openssh(pem: &str) -> Result<(), SshFault> {
    let body = pem.lines().map(str::trim_ascii).filter(|line| !line.starts_with("-----"));
    let mut base64 = Zeroizing::new(String::with_capacity(pem.len()));
    body.for_each(|line| base64.push_str(line));
    let mut bytes = Zeroizing::new(vec![0; base64.len()]);
    let length = BASE64_STANDARD.decode_slice(base64.as_bytes(), &mut bytes).map_err(|_cause| SshFault::Damaged)?;
    let content = bytes.get(..length).and_then(|bytes| bytes.strip_prefix(OPENSSH_MAGIC)).ok_or(SshFault::Damaged)?;
    let mut wire = Wire(content);
    let mut next = || wire.string().ok_or(SshFault::Damaged);
    let (cipher, _derivation, options) = (next()?, next()?, next()?);
    if wire.u32() != Some(1) {
        return Err(SshFault::Damaged);
    }
    SshPublic::of(wire.string().ok_or(SshFault::Damaged)?)?;
    if cipher == b"none" {
        let private = wire.string().ok_or(SshFault::Damaged)?;
        return check_numbers(private).ok_or(SshFault::Damaged);
    }
    let mut options = Wire(options);
    options.string().ok_or(SshFault::Damaged)?;
    match options.u32().ok_or(SshFault::Damaged)? {
        rounds if rounds > BCRYPT_ROUNDS_LIMIT => Err(SshFault::Rounds { rounds }),
        _ => Ok(()),
    }
}

/// That the private half of an RSA key has no number that is zero.
fn check_numbers(private: &[u8]) -> Option<()> {
    let mut wire = Wire(private);
    // Two equal numbers, by which a decryption is recognised.
    wire.u32()?;
    wire.u32()?;
    if wire.string()? == b"ssh-rsa" {
        for _number in ["n", "e", "d", "iqmp", "p", "q"] {
            wire.number_bits()?;
        }
    }
    Some(())
}

/// The encoding of SSH.
///
/// # Source
/// RFC 4251, section 5.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn u32(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    /// The length of a number that is above zero, in bits.
    fn number_bits(&mut self) -> Option<usize> {
        let number = self.string()?;
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let first = number.get(zeros)?;
        Some((number.len() - zeros) * 8 - first.leading_zeros() as usize)
    }
}
