//! Identities behind a passphrase: what can be told of them without it, and the asking.

use std::io::Read as _;

use age::{DecryptError, secrecy::SecretString};
use zeroize::Zeroizing;

use super::{Content, SOURCE_LIMIT_BYTES, parse_decrypted};
use crate::{
    base::files::read_wiped,
    keys::{
        ask::{Ask as _, Asker, NoAnswer},
        header::read_file,
        identity::Identity,
        source::{Source, SourceProblem},
        ssh::SshPublic,
        wrapped::{Stanza, read_header},
    },
};

/// How often a passphrase is asked for.
const TRIES: usize = 3;
/// The most that age in Go tries: some 15 seconds, and 4 GiB of memory.
const WORK_FACTOR_LIMIT: u8 = 22;

/// Identities that a passphrase opens.
pub(in crate::keys) struct Locked {
    pub(in crate::keys) source: Source,
    lock: Lock,
}

enum Lock {
    /// An age file, not armored.
    File(Zeroizing<Vec<u8>>),
    Ssh(Box<(age::ssh::EncryptedKey, SshPublic)>),
}

/// Why a passphrase did not open a lock.
pub(in crate::keys) enum Refused {
    Passphrase,
    Other(SourceProblem),
}

impl Locked {
    /// Takes an age file, armored or not, without trying to open it.
    pub(in crate::keys) fn file(bytes: &[u8], source: &Source) -> Result<Self, SourceProblem> {
        let mut file = Zeroizing::new(bytes.to_vec());
        if bytes.starts_with(b"-----BEGIN AGE") {
            let mut reader = age::armor::ArmoredReader::new(bytes);
            file = read_wiped(&mut reader, bytes.len(), SOURCE_LIMIT_BYTES)
                .map_err(|cause| SourceProblem::EncryptedDamaged(cause.to_string()))?
                .ok_or_else(|| SourceProblem::EncryptedDamaged("it is too long".to_owned()))?;
        }
        let damaged = || SourceProblem::EncryptedDamaged("it does not begin as an age file".to_owned());
        let header = read_header(&file).ok_or_else(damaged)?;
        match header.stanzas.as_slice() {
            [stanza] if stanza.kind == "scrypt" => {
                let work_factor = stanza.arguments.get(1).and_then(|text| text.parse::<u64>().ok());
                match work_factor.ok_or_else(damaged)? {
                    found if found > u64::from(WORK_FACTOR_LIMIT) => {
                        Err(SourceProblem::WorkFactor { found, limit: WORK_FACTOR_LIMIT })
                    }
                    _ => Ok(Self { source: source.clone(), lock: Lock::File(file) }),
                }
            }
            _ => Err(SourceProblem::NotForPassphrase),
        }
    }

    /// Takes an encrypted SSH key.
    pub(in crate::keys) fn ssh(key: age::ssh::EncryptedKey, public: SshPublic, source: &Source) -> Self {
        Self { source: source.clone(), lock: Lock::Ssh(Box::new((key, public))) }
    }

    /// Whether it can hold what opens one of `stanzas`: of an SSH key, that is known beforehand.
    pub(in crate::keys) fn may_open(&self, stanzas: &[Stanza]) -> bool {
        match &self.lock {
            Lock::File(_) => true,
            Lock::Ssh(key) => stanzas.iter().any(|stanza| stanza.is_for(&key.1)),
        }
    }

    /// Whether it is the same as `other`, from whatever source.
    pub(in crate::keys) fn is_same(&self, other: &Self) -> bool {
        match (&self.lock, &other.lock) {
            (Lock::File(own), Lock::File(others)) => own == others,
            (Lock::Ssh(own), Lock::Ssh(others)) => own.1.text == others.1.text,
            _ => false,
        }
    }

    /// The recipient, where it is known without the passphrase.
    pub(in crate::keys) fn recipient(&self) -> Option<&str> {
        match &self.lock {
            Lock::File(_) => None,
            Lock::Ssh(key) => Some(&key.1.text),
        }
    }

    /// Asks for the passphrase, three times at most, and opens.
    pub(in crate::keys) fn unlock(&self, asker: &Asker) -> Content {
        let question = format!("Passphrase for {}: ", self.source);
        for attempt in 1..=TRIES {
            let passphrase = match asker.secret(&question) {
                Ok(passphrase) => SecretString::from(passphrase.expose().to_owned()),
                Err(NoAnswer::NoTerminal) => return SourceProblem::NoTerminal.into(),
                Err(NoAnswer::GaveUp) => return SourceProblem::NoPassphrase.into(),
            };
            match self.open(passphrase, asker) {
                Ok(content) => return content,
                Err(Refused::Other(problem)) => return problem.into(),
                Err(Refused::Passphrase) if attempt < TRIES => asker.message("This passphrase is wrong; try again."),
                Err(Refused::Passphrase) => {}
            }
        }
        SourceProblem::WrongPassphrase { tries: TRIES }.into()
    }

    fn open(&self, passphrase: SecretString, asker: &Asker) -> Result<Content, Refused> {
        match &self.lock {
            Lock::File(file) => {
                let text = open_file(file, passphrase)?;
                Ok(parse_decrypted(&text, &self.source, asker))
            }
            Lock::Ssh(key) => {
                let (key, public) = key.as_ref();
                let opened = key.decrypt(passphrase).map_err(|_cause| Refused::Passphrase)?;
                let identities = vec![Identity::of_ssh(opened.into(), public.clone())];
                Ok(Content { identities, ..Content::default() })
            }
        }
    }
}

/// Opens an age file of which [`Locked::file`] has seen that it is for a passphrase.
pub(in crate::keys) fn open_file(file: &[u8], passphrase: SecretString) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let damaged = |cause: String| Refused::Other(SourceProblem::EncryptedDamaged(cause));
    let mut identity = age::scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(WORK_FACTOR_LIMIT);
    let decryptor = read_file(file).map_err(|cause| damaged(cause.to_string()))?;
    let mut reader =
        decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|cause| match cause {
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
                Refused::Passphrase
            }
            cause => damaged(cause.to_string()),
        })?;
    read_wiped(&mut reader.by_ref(), file.len(), SOURCE_LIMIT_BYTES)
        .map_err(|cause| damaged(cause.to_string()))?
        .ok_or_else(|| damaged("it is too long".to_owned()))
}
