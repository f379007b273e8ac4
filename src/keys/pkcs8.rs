//! SSH keys as PKCS #8 has them, `-----BEGIN PRIVATE KEY-----`, turned into the formats that `age` reads.
//!
//! # Source
//! RFC 5958, RFC 8410 section 7, RFC 8017 appendix A.1; `sops` reads them too.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use curve25519_dalek::EdwardsPoint;
use pkcs8::{ObjectIdentifier, PrivateKeyInfo};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

/// How an OpenSSH key begins.
pub(super) const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ECDSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The encoding of a string of 32 bytes in DER begins so.
const SEED_HEAD: [u8; 2] = [0x04, 32];
const SEED_BYTES: usize = 32;
const LINE_CHARACTERS: usize = 64;

/// Why a key is not turned into another format.
pub(super) enum Pkcs8Fault {
    Damaged,
    /// It is of a kind that signs only.
    Kind(String),
}

/// The same key as PEM of OpenSSH or PKCS #1. `der` is what stands between the first line and the last.
pub(super) fn convert(der: &[u8]) -> Result<Zeroizing<String>, Pkcs8Fault> {
    let info = PrivateKeyInfo::try_from(der).map_err(|_cause| Pkcs8Fault::Damaged)?;
    match info.algorithm.oid {
        RSA => Ok(render_pem("RSA", info.private_key)),
        ED25519 => {
            let seed = info.private_key.strip_prefix(&SEED_HEAD).and_then(|seed| seed.try_into().ok());
            Ok(render_pem("OPENSSH", &encode_openssh(seed.ok_or(Pkcs8Fault::Damaged)?)))
        }
        ECDSA => Err(Pkcs8Fault::Kind("ecdsa".to_owned())),
        other => Err(Pkcs8Fault::Kind(other.to_string())),
    }
}

fn render_pem(kind: &str, bytes: &[u8]) -> Zeroizing<String> {
    let mut base64 = Zeroizing::new(vec![0; bytes.len().div_ceil(3) * 4]);
    // It fails only where there is no room, and there is.
    let length = BASE64_STANDARD.encode_slice(bytes, &mut base64).unwrap_or_default();
    let mut pem = Zeroizing::new(String::with_capacity(length + length / LINE_CHARACTERS + 80));
    pem.push_str(&format!("-----BEGIN {kind} PRIVATE KEY-----\n"));
    for line in base64.get(..length).unwrap_or_default().chunks(LINE_CHARACTERS) {
        line.iter().for_each(|letter| pem.push(char::from(*letter)));
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {kind} PRIVATE KEY-----\n"));
    pem
}

/// An Ed25519 key as OpenSSH keeps it.
///
/// # Source
/// PROTOCOL.key of OpenSSH 9.9; RFC 8032, section 5.1.5.
fn encode_openssh(seed: &[u8; SEED_BYTES]) -> Zeroizing<Vec<u8>> {
    let hash: Zeroizing<[u8; 64]> = Zeroizing::new(Sha512::digest(seed).into());
    let scalar = hash.first_chunk().copied().map(Zeroizing::new).unwrap_or_default();
    let point = EdwardsPoint::mul_base_clamped(*scalar).compress().to_bytes();
    let kind = &b"ssh-ed25519"[..];
    // Long enough that nothing is moved: two equal numbers, the key, an empty comment, and 1, 2, 3… up to a full block.
    let mut private = Zeroizing::new(Vec::with_capacity(256));
    private.extend([0; 8]);
    push(&mut private, &[kind]);
    push(&mut private, &[&point]);
    push(&mut private, &[seed, &point]);
    push(&mut private, &[]);
    let missing = private.len().wrapping_neg() % 8;
    private.extend((1..=8_u8).take(missing));
    let mut public = Vec::new();
    push(&mut public, &[kind]);
    push(&mut public, &[&point]);
    let mut whole = Zeroizing::new(Vec::with_capacity(512));
    whole.extend(OPENSSH_MAGIC);
    for part in ["none", "none", ""] {
        push(&mut whole, &[part.as_bytes()]);
    }
    whole.extend(1_u32.to_be_bytes());
    push(&mut whole, &[&public]);
    push(&mut whole, &[&private]);
    whole
}

/// Adds a string of SSH (RFC 4251, section 5), which is short here.
fn push(bytes: &mut Vec<u8>, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    bytes.extend(u32::try_from(length).unwrap_or_default().to_be_bytes());
    parts.iter().for_each(|part| bytes.extend(*part));
}
