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

#[cfg(test)]
mod tests {
    use age::{Identity as _, Recipient as _};

    use super::*;
    use crate::keys::{
        ask::Asker,
        identity::{Identity, unwrap},
        small_order::tests::both_spellings,
    };

    const IDENTITY_FILE: &str = include_str!("../../fixtures/hybrid/identity.txt");

    fn opened(file: &str) -> Option<String> {
        let identity = Identity::parse(IDENTITY_FILE.lines().last().unwrap(), &Asker::default()).unwrap();
        let opened = unwrap(file, 64, std::iter::once(&identity)).unwrap();
        opened.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn what_age_made_opens_with_its_identity_and_no_other() {
        let content = Some("post-quantum".to_owned());
        assert_eq!(opened(include_str!("../../fixtures/hybrid/own.age")), content);
        assert_eq!(opened(include_str!("../../fixtures/hybrid/second.age")), content);
        assert_eq!(opened(include_str!("../../fixtures/hybrid/by-identity.age")), content);
        assert_eq!(opened(include_str!("../../fixtures/hybrid/others.age")), None);
    }

    #[test]
    fn an_identity_has_the_recipient_that_age_keygen_gives_it_and_its_own_text_again() {
        let line = |at: usize| IDENTITY_FILE.lines().nth(at).unwrap();
        let identity = HybridIdentity::parse(line(2)).unwrap();
        assert_eq!(format!("# public key: {}", identity.recipient().unwrap()), line(1));
        assert_eq!(identity.render().as_str(), line(2));
    }

    #[test]
    fn a_damaged_identity_is_none() {
        let text = IDENTITY_FILE.lines().last().unwrap();
        let of_bytes = |bytes: &[u8]| bech32::encode(IDENTITY_PREFIX, bytes).to_uppercase();
        let (front, back) = text.split_at(40);
        for bad in [
            format!("{front}{}", back.to_lowercase()),
            format!("{front}Q{back}"),
            front.to_owned(),
            of_bytes(&[7; 31]),
            of_bytes(&[7; 33]),
            of_bytes(&[]),
            text.replace("-PQ-", "-"),
        ] {
            assert!(HybridIdentity::parse(&bad).is_none(), "{bad}");
        }
    }

    /// What becomes of the stanza that `change` made of a good one: opened, an error, or for somebody else.
    fn outcome(change: impl FnOnce(&mut Stanza)) -> &'static str {
        let identity = HybridIdentity::generate();
        let recipient = HybridRecipient::parse(&identity.recipient().unwrap()).unwrap();
        let file_key = FileKey::new(Box::new([9; FILE_KEY_BYTES]));
        let (mut stanzas, labels) = recipient.wrap_file_key(&file_key).unwrap();
        assert_eq!((stanzas.len(), labels), (1, HashSet::from(["postquantum".to_owned()])));
        change(&mut stanzas[0]);
        match identity.unwrap_stanzas(&stanzas) {
            None => "no match",
            Some(Err(DecryptError::InvalidHeader)) => "invalid",
            Some(Err(_)) => "another error",
            Some(Ok(key)) if key.expose_secret() == file_key.expose_secret() => "opened",
            Some(Ok(_)) => "another key",
        }
    }

    fn change_share(stanza: &mut Stanza, change: impl FnOnce(&mut Vec<u8>)) {
        let mut share = BASE64_STANDARD_NO_PAD.decode(&stanza.args[0]).unwrap();
        assert_eq!(share.len(), 1120);
        change(&mut share);
        stanza.args[0] = BASE64_STANDARD_NO_PAD.encode(share);
    }

    #[test]
    fn a_malformed_stanza_is_an_error_and_a_foreign_one_is_not() {
        assert_eq!(outcome(|_| ()), "opened");
        assert_eq!(outcome(|stanza| stanza.tag = "MLKEM768X25519".to_owned()), "no match");
        assert_eq!(outcome(|stanza| stanza.body[0] ^= 1), "no match");
        assert_eq!(outcome(|stanza| change_share(stanza, |share| share[0] ^= 1)), "no match");
        assert_eq!(outcome(|stanza| change_share(stanza, |share| share[1100] ^= 1)), "no match");
        assert_eq!(outcome(|stanza| stanza.args.clear()), "invalid");
        assert_eq!(outcome(|stanza| stanza.args.push("x".to_owned())), "invalid");
        // 1,120 bytes leave one over, so the last letter has bits that have to be zero.
        assert_eq!(outcome(|stanza| stanza.args[0].push('=')), "invalid");
        assert_eq!(outcome(|stanza| stanza.args[0].replace_range(1493.., "B")), "invalid");
        assert_eq!(outcome(|stanza| stanza.args[0].insert(7, '\n')), "invalid");
        assert_eq!(outcome(|stanza| stanza.args[0].clear()), "invalid");
        assert_eq!(outcome(|stanza| stanza.args[0] = "A".repeat(1 << 20)), "invalid");
        assert_eq!(outcome(|stanza| change_share(stanza, |share| share.truncate(1119))), "invalid");
        assert_eq!(outcome(|stanza| change_share(stanza, |share| share.push(0))), "invalid");
        for length in [0, 16, 31, 33, 1 << 20] {
            assert_eq!(outcome(|stanza| stanza.body.resize(length, 0)), "invalid", "{length}");
        }
        for point in both_spellings() {
            assert_eq!(
                outcome(|stanza| change_share(stanza, |share| share[1088..].copy_from_slice(&point))),
                "invalid"
            );
        }
    }
}
