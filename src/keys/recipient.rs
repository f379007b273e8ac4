//! Who a data key is wrapped for: the public halves, as `.sops.yaml` and the metadata of a file spell them.

use std::{error::Error, io::Write as _, str::FromStr as _};

use super::{
    armor::render_armor,
    ask::Asker,
    bech32,
    hybrid::HybridRecipient,
    plugin::{PluginFault, PluginRecipient, into_cause},
    small_order::is_small_order,
    ssh::{SshFault, SshPublic, parse_recipient},
};
use crate::base::secret::{DataKey, Plaintext};

/// How much of a text that is no recipient an error shows, in characters.
const SHOWN_CHARACTERS: usize = 72;

/// An age recipient that data keys can be wrapped for. Equal when the text is.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: Key,
}

/// The public half, by its kind.
#[derive(Clone)]
enum Key {
    X25519(age::x25519::Recipient),
    Ssh(age::ssh::Recipient),
    Hybrid(Box<HybridRecipient>),
    Plugin(PluginRecipient),
}

/// The kinds of recipient that `sops` 3.13 accepts, told apart as it does: by how the text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecipientKind {
    /// `age1…`: X25519.
    X25519,
    /// `age1pq1…`: ML-KEM-768 with X25519.
    PostQuantum,
    /// `age1NAME1…`: a matter for the program `age-plugin-NAME`.
    Plugin,
    /// `ssh-ed25519 …` or `ssh-rsa …`.
    Ssh,
}

/// Why a text is not taken as a recipient.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// A private key stands where a public one belongs. It is not shown.
    #[error("a private key stands where a recipient belongs")]
    PrivateKey,
    /// It begins as a recipient does, and is none.
    #[error("recipient {recipient:?}: {reason}")]
    Invalid {
        /// The text, shortened.
        recipient: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It begins as an SSH recipient does, and cannot be used.
    #[error("recipient {recipient:?}: {fault}")]
    Ssh {
        /// The text, shortened.
        recipient: String,
        /// What is wrong with it.
        fault: SshFault,
    },
    /// It begins as no recipient does.
    #[error("{recipient:?} is not an age recipient")]
    Unknown {
        /// The text, shortened.
        recipient: String,
    },
}

/// Why a data key could not be wrapped.
#[derive(Debug, thiserror::Error)]
#[error("the data key cannot be wrapped for {recipient}")]
pub struct WrapError {
    /// The recipient.
    pub recipient: String,
    /// What age or the plugin says.
    #[source]
    pub cause: Box<dyn Error + Send + Sync>,
}

impl WrapError {
    /// What to do about it, if a plugin failed.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        self.cause.downcast_ref().map(PluginFault::hint)
    }
}

impl Recipient {
    /// Takes `text`, without the blanks around it, as a recipient.
    ///
    /// # Errors
    /// [`RecipientError`], which shows the text unless it is a private key.
    ///
    /// # Source
    /// <https://c2sp.org/age#the-x25519-recipient-type>; the prefixes are those of `sops` 3.13.
    pub fn parse(text: &str) -> Result<Self, RecipientError> {
        let text = text.trim();
        if is_private(text) {
            return Err(RecipientError::PrivateKey);
        }
        let kind = RecipientKind::find(text).ok_or_else(|| unknown(text))?;
        let invalid = |reason| RecipientError::Invalid { recipient: shorten(text), reason };
        let key = match kind {
            RecipientKind::X25519 => Key::X25519(parse_x25519(text).map_err(invalid)?),
            RecipientKind::PostQuantum => Key::Hybrid(Box::new(HybridRecipient::parse(text).map_err(invalid)?)),
            RecipientKind::Plugin => Key::Plugin(PluginRecipient::parse(text).map_err(invalid)?),
            RecipientKind::Ssh => {
                let ssh = parse_recipient(text);
                Key::Ssh(ssh.map_err(|fault| RecipientError::Ssh { recipient: shorten(text), fault })?)
            }
        };
        Ok(Self { text: text.to_owned(), key })
    }

    /// The recipient as it was written: `age1…`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Encrypts a data key to this recipient: an age file in ASCII armor, lines of 64 columns, with a final newline.
    /// `asker` is whom a plugin asks.
    ///
    /// # Errors
    /// [`WrapError`], when age refuses.
    pub fn wrap(&self, data_key: &DataKey, asker: &Asker) -> Result<String, WrapError> {
        self.wrap_bytes(data_key.expose(), asker)
    }

    /// Encrypts the whole or a share of a data key, as [`Recipient::wrap`] does.
    ///
    /// # Errors
    /// [`WrapError`], when age refuses.
    pub fn wrap_bytes(&self, secret: &[u8], asker: &Asker) -> Result<String, WrapError> {
        encrypt(std::slice::from_ref(self), secret, asker).map_err(|cause| self.wrap_error(cause))
    }

    /// Encrypts any text to all of `recipients`, so that each of them can open it with `age -d`.
    ///
    /// # Errors
    /// [`WrapError`], when age refuses; for nobody, it does.
    pub fn encrypt_text(recipients: &[Self], text: &Plaintext, asker: &Asker) -> Result<String, WrapError> {
        let named = recipients.iter().map(Self::as_str).collect::<Vec<_>>().join(", ");
        encrypt(recipients, text.expose().as_bytes(), asker)
            .map_err(|cause| WrapError { recipient: named, cause: into_cause(cause) })
    }

    /// What age encrypts with. A plugin is found here, and started by age.
    fn to_age(&self, asker: &Asker) -> Result<Box<dyn age::Recipient>, age::EncryptError> {
        Ok(match &self.key {
            Key::X25519(key) => Box::new(key.clone()),
            Key::Ssh(key) => Box::new(key.clone()),
            Key::Hybrid(key) => key.clone(),
            Key::Plugin(key) => Box::new(key.with_asker(asker)),
        })
    }

    fn wrap_error(&self, cause: age::EncryptError) -> WrapError {
        WrapError { recipient: self.text.clone(), cause: into_cause(cause) }
    }
}

fn encrypt(recipients: &[Recipient], content: &[u8], asker: &Asker) -> Result<String, age::EncryptError> {
    let recipients: Vec<_> = recipients.iter().map(|recipient| recipient.to_age(asker)).collect::<Result<_, _>>()?;
    let mut writer = age::Encryptor::with_recipients(recipients.iter().map(AsRef::as_ref))?.wrap_output(Vec::new())?;
    writer.write_all(content)?;
    Ok(render_armor(&writer.finish()?))
}

impl RecipientKind {
    /// The kind that `text` claims by its beginning, valid or not; `None` when no recipient begins like that.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        if text.starts_with("ssh-") {
            return Some(Self::Ssh);
        }
        let rest = text.strip_prefix("age1")?;
        Some(match () {
            () if rest.starts_with("pq1") => Self::PostQuantum,
            () if rest.contains('1') => Self::Plugin,
            () => Self::X25519,
        })
    }
}

/// The NAME of `age1NAME1…`, if `recipient` is of that form.
pub(super) fn find_plugin(recipient: &str) -> Option<&str> {
    let (name, _) = recipient.strip_prefix("age1")?.rsplit_once('1')?;
    (RecipientKind::find(recipient) == Some(RecipientKind::Plugin)).then_some(name)
}

impl std::fmt::Display for RecipientKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::X25519 => "X25519 (age1…)",
            Self::PostQuantum => "post-quantum (age1pq1…)",
            Self::Plugin => "plugin (age1NAME1…)",
            Self::Ssh => "SSH (ssh-…)",
        })
    }
}

impl RecipientError {
    /// What would be taken instead.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::PrivateKey => {
                "give its public half (`age-keygen -y` prints it; of an SSH key, the file that ends in .pub has it); \
                 if the private key was shown to anybody, replace it"
            }
            Self::Ssh { fault: SshFault::Kind(_) | SshFault::SecurityToken | SshFault::RsaTooSmall { .. }, .. } => {
                "give an age1… recipient, or a key that `ssh-keygen -t ed25519` made"
            }
            Self::Invalid { .. } | Self::Ssh { .. } | Self::Unknown { .. } => {
                "accepted are age1… and age1pq1… as `age-keygen` prints them, age1NAME1… of the program age-plugin-NAME, \
                 ssh-ed25519 …, and ssh-rsa … of 2,048 to 4,096 bits"
            }
        }
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Recipient {}

impl std::hash::Hash for Recipient {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Recipient({})", self.text)
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn parse_x25519(text: &str) -> Result<age::x25519::Recipient, &'static str> {
    let x25519 = age::x25519::Recipient::from_str(text)
        .map_err(|_reason| "the text is damaged: its checksum, length or alphabet is not that of a recipient")?;
    // `age` panics when it wraps for one; a `.sops.yaml` must not be able to do that.
    let bytes = bech32::decode(text, "age").unwrap_or_default();
    if bytes.first_chunk().is_some_and(is_small_order) {
        return Err("the public key is one that every data key would leak through");
    }
    Ok(x25519)
}

/// Whether `text` is, or holds, a private key of any kind, which must not be shown.
#[must_use]
pub fn is_private(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    // The last one is how the base64 of an OpenSSH key begins.
    ["AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY", "B3BLBNNZAC1RZXKTDJE"].iter().any(|mark| upper.contains(mark))
}

/// What begins as no recipient, but perhaps as an SSH key that only signs.
fn unknown(text: &str) -> RecipientError {
    let recipient = shorten(text);
    match SshPublic::parse(text) {
        Err(fault) if ["ecdsa-sha2-", "sk-"].iter().any(|kind| text.starts_with(kind)) => {
            RecipientError::Ssh { recipient, fault }
        }
        _ => RecipientError::Unknown { recipient },
    }
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{NewIdentity, generate_key_text};

    /// Each in both spellings of the bit that X25519 ignores.
    const SMALL_ORDER: [&str; 14] = [
        "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
        "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzqqsuwj9m",
        "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
        "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzqqk67yly",
        "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
        "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhzqqxqejhu",
        "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz9ts6wm9s8",
        "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz8ts72fzt7",
        "age1anlllllllllllllllllllllllllllllllllllllllllllllllals4n2t7m",
        "age1anllllllllllllllllllllllllllllllllllllllllllllllllls3hcv9z",
        "age1ahlllllllllllllllllllllllllllllllllllllllllllllllalsn46ayy",
        "age1ahlllllllllllllllllllllllllllllllllllllllllllllllllsh3g6la",
        "age1amlllllllllllllllllllllllllllllllllllllllllllllllalselrwrv",
        "age1amlllllllllllllllllllllllllllllllllllllllllllllllllsam3fc4",
    ];

    const ALICE: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let outcome = Recipient::parse(text);
        let shown = outcome.as_ref().map(Recipient::as_str).map_err(ToString::to_string);
        assert_eq!(shown, expected.map_err(str::to_owned));
    }

    #[test]
    fn an_x25519_recipient_is_taken_without_the_blanks_around_it() {
        check(ALICE, Ok(ALICE));
        check(&format!(" \t{ALICE}\n"), Ok(ALICE));
    }

    #[test]
    fn a_damaged_recipient_is_named() {
        let reason = "the text is damaged: its checksum, length or alphabet is not that of a recipient";
        for text in [
            "age1",
            "age1x",
            "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa43",
            "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa4",
            "age1SV0VP6SS66U8Z9YJTSR59CVUNT7RPPMC5HCER7HEF7A4NS93VQGQMKPA42",
        ] {
            check(text, Err(&format!("recipient {text:?}: {reason}")));
        }
    }

    #[test]
    fn what_begins_as_no_recipient_is_unknown_and_shown_shortened_and_escaped() {
        check("", Err(r#""" is not an age recipient"#));
        check("AGE1SV0", Err(r#""AGE1SV0" is not an age recipient"#));
        check("alice\u{1b}[2J", Err(r#""alice\u{1b}[2J" is not an age recipient"#));
        let long = "é".repeat(73);
        check(&long, Err(&format!("\"{}…\" is not an age recipient", "é".repeat(72))));
    }

    /// `age1pq1…` of bytes.
    fn hybrid(bytes: &[u8]) -> String {
        bech32::encode("age1pq", bytes).to_string()
    }

    fn hybrid_bytes() -> Vec<u8> {
        let (recipient, _) = generate_key_text(NewIdentity::PostQuantum, 0);
        bech32::decode(&recipient, "age1pq").unwrap().to_vec()
    }

    #[track_caller]
    fn check_hybrid(text: &str, reason: &str) {
        check(text, Err(&format!("recipient {:?}: {reason}", shorten(text))));
    }

    #[test]
    fn a_malformed_post_quantum_recipient_is_refused() {
        let good = hybrid_bytes();
        let text = hybrid(&good);
        check(&text, Ok(&text));
        let damaged = "the text is damaged: its checksum or alphabet is not that of a recipient";
        let last = if text.ends_with('q') { "p" } else { "q" };
        check_hybrid(&format!("{}{last}", text.get(..text.len() - 1).unwrap()), damaged);
        let (front, back) = text.split_at(1000);
        check_hybrid(&format!("{front}{}", back.to_uppercase()), damaged);
        check_hybrid("age1pq1", damaged);
        check(&text.to_uppercase(), Err(&format!("{:?} is not an age recipient", shorten(&text.to_uppercase()))));
        let none = "it holds no ML-KEM-768 and X25519 public key";
        check_hybrid(&hybrid(&good[..1215]), none);
        check_hybrid(&hybrid(&[good.as_slice(), &[0]].concat()), none);
        check_hybrid(&hybrid(&[]), none);
        // FIPS 203, section 7.2: coefficients are below 3329.
        let mut modulus = good.clone();
        modulus[..3].copy_from_slice(&[0xff; 3]);
        check_hybrid(&hybrid(&modulus), none);
    }

    #[test]
    fn a_post_quantum_recipient_of_small_order_is_refused() {
        for text in SMALL_ORDER {
            let mut bytes = hybrid_bytes();
            bytes[1184..].copy_from_slice(&bech32::decode(text, "age").unwrap());
            check_hybrid(&hybrid(&bytes), "its X25519 part is one that every data key would leak through");
        }
    }

    #[test]
    fn a_plugin_has_a_name_that_is_no_path() {
        for name in ["yubikey", "tag", "tagpq", "a+b-c.d_9", "x1y"] {
            let text = bech32::encode(&format!("age1{name}"), &[1, 2, 3]);
            check(&text, Ok(&text));
        }
        let reason = "a plugin's name has only ASCII letters, digits, and + - . _";
        for name in ["../../../../tmp/evil", "/bin/sh", "..", "a..b", "a\\b", "a:b", "$(id)", "~", "a%00b"] {
            let text = bech32::encode(&format!("age1{name}"), &[1, 2, 3]);
            check(&text, Err(&format!("recipient {:?}: {reason}", text.as_str())));
        }
        let damaged = "the text is damaged: its checksum or alphabet is not that of a recipient";
        let unnamed = bech32::encode("age1", &[1, 2, 3]);
        check(&unnamed, Err(&format!("recipient {:?}: {damaged}", unnamed.as_str())));
        check("age1yubikey1qwt50", Err(&format!("recipient \"age1yubikey1qwt50\": {damaged}")));
        check("age1yubiKey1qwt50", Err(&format!("recipient \"age1yubiKey1qwt50\": {damaged}")));
    }

    #[test]
    fn an_ssh_key_that_cannot_decrypt_is_refused_with_the_reason() {
        let told = |text: &str| Recipient::parse(text).unwrap_err().to_string();
        let ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY= me";
        assert!(
            told(ecdsa)
                .ends_with("SSH keys of the kind ecdsa-sha2-nistp256 cannot decrypt: only ssh-ed25519 and ssh-rsa can")
        );
        assert!(told("ssh-dss AAAAB3NzaC1kc3M= me").contains("SSH keys of the kind ssh-dss cannot decrypt"));
        assert!(told("sk-ssh-ed25519@openssh.com AAAA").contains("an SSH key on a security token cannot decrypt"));
    }

    #[test]
    fn a_private_key_is_refused_and_never_shown() {
        for text in [
            "AGE-SECRET-KEY-1HE0PTDE5FJ8C9HK5CEC3NXQKP94ZJ0H8W8J2QC77AUZFKG7MWADSJ9PVZ2",
            "age-secret-key-1he0ptde5fj8c9hk5cec3nxqkp94zj0h8w8j2qc77auzfkg7mwadsj9pvz2",
            "x AGE-SECRET-KEY-PQ-1HE0PTD",
            "AGE-PLUGIN-YUBIKEY-1HE0PTD",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk",
            "-----BEGIN RSA PRIVATE KEY-----",
            "ssh-ed25519 b3BlbnNzaC1rZXktdjEAAAAA",
        ] {
            check(text, Err("a private key stands where a recipient belongs"));
            let debug = format!("{:?}", Recipient::parse(text));
            assert_eq!(debug, "Err(PrivateKey)");
        }
    }

    #[test]
    fn a_point_of_small_order_is_refused() {
        for text in SMALL_ORDER {
            let reason = "the public key is one that every data key would leak through";
            check(text, Err(&format!("recipient {text:?}: {reason}")));
        }
    }

    #[test]
    fn the_points_of_small_order_are_those_that_make_age_panic() {
        for text in SMALL_ORDER {
            let recipient = age::x25519::Recipient::from_str(text).unwrap();
            let wrap = || {
                drop(age::Encryptor::with_recipients(std::iter::once(&recipient as _)));
            };
            assert!(std::panic::catch_unwind(wrap).is_err(), "{text}");
        }
    }
}
