//! SSH keys as age uses them: what is checked of one before age sees it, and its private half, locked or not.
//!
//! Only `ssh-ed25519` and `ssh-rsa` can decrypt; the other kinds sign only.

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::pkcs8::{self, OPENSSH_MAGIC, Pkcs8Fault};

/// Far more than a key of 16,384 bits takes.
pub(super) const PEM_LIMIT_BYTES: usize = 64 << 10;
/// What the crate `rsa` takes at most as a public key; it opens with longer ones.
const RSA_WRAP_LIMIT_BITS: usize = 4096;
/// What OpenSSH makes at most.
const RSA_LIMIT_BITS: usize = 16_384;
/// Below, age refuses too.
const RSA_LEAST_BITS: usize = 2048;
/// `ssh-keygen` makes 16 or 24 of them; this many take about a minute.
const BCRYPT_ROUNDS_LIMIT: u32 = 4096;
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
    #[error("an RSA key of {bits} bits is too long: {limit} is the most")]
    RsaTooLarge {
        /// Its length.
        bits: usize,
        /// The bound, which is lower for wrapping than for opening.
        limit: usize,
    },
    /// An Ed25519 key whose shared secret everybody knows.
    #[error("the public key is one that every data key would leak through")]
    SmallOrder,
    /// `Proc-Type: 4,ENCRYPTED`.
    #[error("the SSH key is encrypted in the old PEM format, which is not read")]
    OldEncryption,
    /// PKCS #8 with a passphrase, SEC 1, or no key at all.
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
        let public = Self::of(&blob, RSA_WRAP_LIMIT_BITS)?;
        if public.stanza.first().is_some_and(|own| own == kind) { Ok(public) } else { Err(SshFault::Damaged) }
    }

    /// Checks the public half as SSH encodes it.
    ///
    /// # Source
    /// RFC 4253, section 6.6; RFC 8709, section 4.
    fn of(blob: &[u8], rsa_limit_bits: usize) -> Result<Self, SshFault> {
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
                    bits if bits > rsa_limit_bits => {
                        return Err(SshFault::RsaTooLarge { bits, limit: rsa_limit_bits });
                    }
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
    let converted;
    let pem = if pem.starts_with("-----BEGIN PRIVATE KEY-----") {
        converted = pkcs8::convert(&decode_body(pem)?).map_err(|fault| match fault {
            Pkcs8Fault::Damaged => SshFault::Damaged,
            Pkcs8Fault::Kind(kind) => SshFault::Kind(kind),
        })?;
        converted.as_str()
    } else {
        pem
    };
    let known = if pem.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
        Some(check_openssh(pem)?)
    } else if pem.starts_with("-----BEGIN RSA PRIVATE KEY-----") {
        None
    } else {
        return Err(SshFault::Format);
    };
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
    let public = match known {
        Some(public) => public,
        None => {
            let recipient = age::ssh::Recipient::try_from(key.clone()).map_err(|_reason| SshFault::Damaged)?;
            SshPublic::parse(&recipient.to_string())?
        }
    };
    match key {
        age::ssh::Identity::Encrypted(key) => Ok(SshKey::Locked(key, public)),
        key => Ok(SshKey::Plain(key, public)),
    }
}

/// Checks of an OpenSSH key what age takes for granted (it panics at numbers that are zero, and counts any number of
/// rounds), and takes its public half.
///
/// # Source
/// PROTOCOL.key of OpenSSH 9.9.
fn check_openssh(pem: &str) -> Result<SshPublic, SshFault> {
    let bytes = decode_body(pem)?;
    let content = bytes.strip_prefix(OPENSSH_MAGIC).ok_or(SshFault::Damaged)?;
    let mut wire = Wire(content);
    let mut next = || wire.string().ok_or(SshFault::Damaged);
    let (cipher, _derivation, options) = (next()?, next()?, next()?);
    if wire.u32() != Some(1) {
        return Err(SshFault::Damaged);
    }
    let public = SshPublic::of(wire.string().ok_or(SshFault::Damaged)?, RSA_LIMIT_BITS)?;
    if cipher == b"none" {
        let private = wire.string().ok_or(SshFault::Damaged)?;
        return check_numbers(private).map(|()| public).ok_or(SshFault::Damaged);
    }
    let mut options = Wire(options);
    options.string().ok_or(SshFault::Damaged)?;
    match options.u32().ok_or(SshFault::Damaged)? {
        rounds if rounds > BCRYPT_ROUNDS_LIMIT => Err(SshFault::Rounds { rounds }),
        _ => Ok(public),
    }
}

/// What stands between the first line of a key and the last.
fn decode_body(pem: &str) -> Result<Zeroizing<Vec<u8>>, SshFault> {
    let body = pem.lines().map(str::trim_ascii).filter(|line| !line.starts_with("-----"));
    let mut base64 = Zeroizing::new(String::with_capacity(pem.len()));
    body.for_each(|line| base64.push_str(line));
    let mut bytes = Zeroizing::new(vec![0; base64.len()]);
    let length = BASE64_STANDARD.decode_slice(base64.as_bytes(), &mut bytes).map_err(|_cause| SshFault::Damaged)?;
    bytes.truncate(length);
    Ok(bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAtaUWpULVB9m14xeJbTpTSVsUr3sBj49CzbB+rSwBOi ssh_ed25519-test-only";

    /// One `string` of the encoding for each of `parts`.
    fn encode(parts: &[&[u8]]) -> Vec<u8> {
        parts.iter().flat_map(|part| [&u32::try_from(part.len()).unwrap().to_be_bytes()[..], part].concat()).collect()
    }

    fn rsa(exponent: &[u8], bits: usize) -> Vec<u8> {
        let mut modulus = vec![0xFF; bits / 8];
        modulus.insert(0, 0);
        encode(&[b"ssh-rsa", exponent, &modulus])
    }

    #[track_caller]
    fn check(kind: &str, blob: &[u8], expected: Result<(), SshFault>) {
        let text = format!("{kind} {} a comment", BASE64_STANDARD.encode(blob));
        assert_eq!(parse_recipient(&text).map(|_| ()), expected, "{text}");
    }

    #[test]
    fn a_recipient_is_one_of_two_kinds_and_long_enough() {
        let e = &[1, 0, 1];
        check("ssh-rsa", &rsa(e, 2048), Ok(()));
        check("ssh-rsa", &rsa(e, 4096), Ok(()));
        check("ssh-rsa", &rsa(e, 2040), Err(SshFault::RsaTooSmall { bits: 2040 }));
        check("ssh-rsa", &rsa(e, 4104), Err(SshFault::RsaTooLarge { bits: 4104, limit: 4096 }));
        check("ssh-ed25519", &rsa(e, 2048), Err(SshFault::Damaged));
        let ecdsa = encode(&[b"ecdsa-sha2-nistp256", b"nistp256", &[4; 65]]);
        check("ecdsa-sha2-nistp256", &ecdsa, Err(SshFault::Kind("ecdsa-sha2-nistp256".to_owned())));
        check("ssh-ed25519", &ecdsa, Err(SshFault::Kind("ecdsa-sha2-nistp256".to_owned())));
        check("sk-ssh-ed25519@openssh.com", &[], Err(SshFault::SecurityToken));
    }

    #[test]
    fn a_damaged_recipient_is_refused_and_nothing_panics() {
        check("ssh-ed25519", &[], Err(SshFault::Damaged));
        check("ssh-ed25519", &encode(&[b"ssh-ed25519", &[7; 31]]), Err(SshFault::Damaged));
        check("ssh-ed25519", &encode(&[b"ssh-ed25519", &[9; 32], b""]), Err(SshFault::Damaged));
        check("ssh-ed25519", &[0xFF; 40], Err(SshFault::Damaged));
        // age panics at a number that is zero.
        for zero in [&[][..], &[0], &[0, 0]] {
            check("ssh-rsa", &rsa(zero, 2048), Err(SshFault::Damaged));
            check("ssh-rsa", &encode(&[b"ssh-rsa", &[1, 0, 1], zero]), Err(SshFault::Damaged));
        }
        let whole = encode(&[b"ssh-ed25519", &[0x58; 32]]);
        for length in 0..whole.len() {
            check("ssh-ed25519", &whole[..length], Err(SshFault::Damaged));
        }
        assert!(parse_recipient("ssh-ed25519").is_err());
        assert!(parse_recipient("ssh-ed25519 !!!!").is_err());
    }

    #[test]
    fn a_point_of_small_order_is_refused() {
        let mut one = [0; 32];
        one[0] = 1;
        let mut minus_one = [0xFF; 32];
        (minus_one[0], minus_one[31]) = (0xEC, 0x7F);
        for point in [[0; 32], one, minus_one] {
            check("ssh-ed25519", &encode(&[b"ssh-ed25519", &point]), Err(SshFault::SmallOrder));
        }
    }

    #[test]
    fn a_recipient_is_the_same_whatever_its_comment() {
        let public = SshPublic::parse(ED25519).unwrap();
        assert!(public.is_named(ED25519));
        assert!(public.is_named(&public.text));
        assert!(public.is_named(&format!(" {}\tother", public.text)));
        assert!(!public.is_named("ssh-ed25519"));
        assert!(!public.is_named(&public.text.replace("IAta", "IAtb")));
    }

    fn fixture(name: &str) -> String {
        let path = format!("{}/fixtures/sops/keys/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    /// The keys of `fixture` as PKCS #8.
    fn pkcs8(name: &str) -> String {
        let path = format!("{}/fixtures/ssh/{name}.pkcs8", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn private_keys_are_read_with_their_public_halves() {
        for name in ["ssh_ed25519", "ssh_rsa"] {
            let Ok(SshKey::Plain(_, public)) = parse_private(&fixture(name)) else { panic!("{name}") };
            assert!(public.is_named(&fixture(&format!("{name}.pub"))));
            let Ok(SshKey::Plain(..)) = parse_private(&fixture(name).replace('\n', "\r\n")) else { panic!("{name}") };
        }
        for name in ["ed25519", "rsa"] {
            let Ok(SshKey::Plain(_, public)) = parse_private(&pkcs8(name)) else { panic!("{name}") };
            assert!(public.is_named(&fixture(&format!("ssh_{name}.pub"))));
            let Ok(SshKey::Plain(..)) = parse_private(&pkcs8(name).replace('\n', "\r\n")) else { panic!("{name}") };
        }
        let ecdsa = include_str!("../../fixtures/ssh/ecdsa.pkcs8");
        check_private(ecdsa, SshFault::Kind("ecdsa".to_owned()));
        let Ok(SshKey::Locked(_, public)) = parse_private(&fixture("ssh_ed25519_passphrase")) else { panic!() };
        assert!(public.is_named(&fixture("ssh_ed25519_passphrase.pub")));
    }

    #[track_caller]
    fn check_private(pem: &str, expected: SshFault) {
        assert_eq!(parse_private(pem).err(), Some(expected));
    }

    #[test]
    fn what_cannot_be_read_is_told_for_what_it_is() {
        check_private("-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n", SshFault::Damaged);
        check_private("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMC4CAQAw\n", SshFault::Format);
        check_private("-----BEGIN EC PRIVATE KEY-----\nMC4CAQAw\n-----END EC PRIVATE KEY-----\n", SshFault::Format);
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n";
        check_private(old, SshFault::OldEncryption);
        check_private(&"-----BEGIN OPENSSH PRIVATE KEY-----\n".repeat(4096), SshFault::Damaged);
    }

    /// An OpenSSH key of these parts, the public half's first.
    fn openssh(public: &[u8], private: &[u8], cipher: &[u8], options: &[u8]) -> String {
        let head =
            [OPENSSH_MAGIC, &encode(&[cipher, if cipher == b"none" { b"none" } else { b"bcrypt" }, options])].concat();
        let content = [&head[..], &[0, 0, 0, 1], &encode(&[public, private])].concat();
        let body = BASE64_STANDARD.encode(content);
        let lines: Vec<&str> = body.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n", lines.join("\n"))
    }

    #[test]
    fn a_hostile_private_key_neither_panics_nor_takes_hours() {
        let public = rsa(&[1, 0, 1], 2048);
        let numbers = encode(&[b"ssh-rsa", &[0], &[0], &[0], &[0], &[0], &[0], b"comment"]);
        let private = [&[1, 2, 3, 4, 1, 2, 3, 4][..], &numbers].concat();
        check_private(&openssh(&public, &private, b"none", b""), SshFault::Damaged);
        let options = [&encode(&[&[7; 16]])[..], &u32::MAX.to_be_bytes()].concat();
        let pem = openssh(&public, &[0; 64], b"aes256-ctr", &options);
        check_private(&pem, SshFault::Rounds { rounds: u32::MAX });
        let ecdsa = encode(&[b"ecdsa-sha2-nistp256", b"nistp256", &[4; 65]]);
        check_private(&openssh(&ecdsa, &[0; 64], b"none", b""), SshFault::Kind("ecdsa-sha2-nistp256".to_owned()));
        let small = rsa(&[1, 0, 1], 1024);
        check_private(&openssh(&small, &[0; 64], b"none", b""), SshFault::RsaTooSmall { bits: 1024 });
    }

    #[test]
    fn every_shortened_or_changed_private_key_is_refused_or_read_without_a_panic() {
        let keys = ["ssh_ed25519", "ssh_rsa", "ssh_ed25519_passphrase"].map(|name| (name, fixture(name)));
        for (name, pem) in keys.into_iter().chain(["ed25519", "rsa"].map(|name| (name, pkcs8(name)))) {
            let (head, rest) = pem.split_once('\n').unwrap();
            let (body, foot) = rest.split_once("-----").unwrap();
            let whole = BASE64_STANDARD.decode(body.replace('\n', "")).unwrap();
            let mut read = 0;
            for at in 0..whole.len() {
                let mut changed = whole.clone();
                changed[at] = if changed[at] == 0 { 0xFF } else { 0 };
                for bytes in [&changed[..], &whole[..at]] {
                    let pem = format!("{head}\n{}\n-----{foot}", BASE64_STANDARD.encode(bytes));
                    read += usize::from(parse_private(&pem).is_ok());
                }
            }
            assert!(read < whole.len(), "{name}: {read}");
        }
    }
}
