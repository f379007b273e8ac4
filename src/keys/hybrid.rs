//! Post-quantum recipients and identities: ML-KEM-768 and X25519 together, `age1pq1…`. To be deleted when the `age`
//! crate has them (<https://github.com/str4d/rage/pull/632>).
//!
//! # Source
//! <https://c2sp.org/age#the-mlkem768-x25519-recipient-type>; what is an error, and what is no match, as `age` 1.3 has it.

use std::collections::HashSet;

use age::{DecryptError, EncryptError};
use age_core::{
    format::{FILE_KEY_BYTES, FileKey, Stanza},
    secrecy::ExposeSecret as _,
};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use hpke::{
    Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::XWing, single_shot_open, single_shot_seal,
};
use zeroize::Zeroizing;

use super::{
    bech32,
    small_order::{POINT_BYTES, is_small_order},
};

const RECIPIENT_PREFIX: &str = "age1pq";
const IDENTITY_PREFIX: &str = "age-secret-key-pq-";
const STANZA_TAG: &str = "mlkem768x25519";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
/// Files for these recipients can be for no others, whose stanzas a quantum computer would open.
const LABEL: &str = "postquantum";
const SEED_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

type PublicKey = <XWing as hpke::Kem>::PublicKey;
type PrivateKey = <XWing as hpke::Kem>::PrivateKey;
type EncappedKey = <XWing as hpke::Kem>::EncappedKey;

/// The public half.
#[derive(Clone)]
pub(super) struct HybridRecipient(PublicKey);

/// The private half: the seed that both keys are made of, whenever they are needed.
pub(super) struct HybridIdentity(Zeroizing<Vec<u8>>);

impl HybridRecipient {
    /// Takes `age1pq1…`; the error is why it is none.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes = bech32::decode(text, RECIPIENT_PREFIX)
            .ok_or("the text is damaged: its checksum or alphabet is not that of a recipient")?;
        if bytes.last_chunk::<POINT_BYTES>().is_some_and(is_small_order) {
            return Err("its X25519 part is one that every data key would leak through");
        }
        PublicKey::from_bytes(&bytes).map(Self).map_err(|_cause| "it holds no ML-KEM-768 and X25519 public key")
    }
}

impl age::Recipient for HybridRecipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let sealed = single_shot_seal::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &self.0,
            INFO,
            file_key.expose_secret(),
            &[],
        );
        let (encapped, body) = sealed.map_err(|cause| EncryptError::Io(std::io::Error::other(cause.to_string())))?;
        let args = vec![BASE64_STANDARD_NO_PAD.encode(encapped.to_bytes())];
        Ok((vec![Stanza { tag: STANZA_TAG.to_owned(), args, body }], HashSet::from([LABEL.to_owned()])))
    }
}

impl HybridIdentity {
    /// Makes a new one.
    pub(super) fn generate() -> Self {
        let mut seed = Zeroizing::new(vec![0; SEED_BYTES]);
        XWing::gen_keypair().0.write_exact(&mut seed);
        Self(seed)
    }

    /// Takes `AGE-SECRET-KEY-PQ-1…`; `None` where it is damaged.
    pub(super) fn parse(text: &str) -> Option<Self> {
        bech32::decode(text, IDENTITY_PREFIX).filter(|seed| seed.len() == SEED_BYTES).map(Self)
    }

    /// The text of its public half.
    pub(super) fn recipient(&self) -> Option<String> {
        let public = XWing::sk_to_pk(&self.key()?);
        Some(bech32::encode(RECIPIENT_PREFIX, &public.to_bytes()).to_string())
    }

    /// Its own text.
    pub(super) fn render(&self) -> Zeroizing<String> {
        let mut text = bech32::encode(IDENTITY_PREFIX, &self.0);
        text.make_ascii_uppercase();
        text
    }

    /// The key, which is wiped on drop; there is one for every seed.
    fn key(&self) -> Option<PrivateKey> {
        PrivateKey::from_bytes(&self.0).ok()
    }

    /// `None` when the stanza is for somebody else.
    fn open(&self, encapped: &EncappedKey, body: &[u8]) -> Option<FileKey> {
        let key = self.key()?;
        let opened =
            single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(&OpModeR::Base, &key, encapped, INFO, body, &[]);
        let opened = Zeroizing::new(opened.ok()?);
        let file_key = opened.first_chunk::<FILE_KEY_BYTES>().filter(|key| key.len() == opened.len())?;
        Some(FileKey::init_with_mut(|bytes| bytes.copy_from_slice(file_key)))
    }
}

impl age::Identity for HybridIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != STANZA_TAG {
            return None;
        }
        let Some(encapped) = parse_stanza(stanza) else { return Some(Err(DecryptError::InvalidHeader)) };
        self.open(&encapped, &stanza.body).map(Ok)
    }
}

/// The encapsulated key of a stanza; `None` where the stanza is malformed.
fn parse_stanza(stanza: &Stanza) -> Option<EncappedKey> {
    let [encapped] = stanza.args.as_slice() else { return None };
    // Strict: no padding, no bits left over.
    let bytes = BASE64_STANDARD_NO_PAD.decode(encapped).ok()?;
    // The crate takes a share of small order, as the first drafts of X-Wing do; `age` does not.
    let is_sound =
        !is_small_order(bytes.last_chunk::<POINT_BYTES>()?) && stanza.body.len() == FILE_KEY_BYTES + TAG_BYTES;
    is_sound.then(|| EncappedKey::from_bytes(&bytes).ok()).flatten()
}
