//! Identities behind a passphrase: what can be told of them without it, and the asking.

use std::{fs::canonicalize, io::Read as _, path::Path, sync::Arc};

use age::{DecryptError, secrecy::SecretString};
use zeroize::Zeroizing;

use super::{Content, SOURCE_LIMIT_BYTES, Words, parse_content, parse_decrypted};
use crate::{
    base::{
        files::{read_bytes, read_wiped},
        secret::Plaintext,
    },
    keys::{
        ask::{Ask as _, Asker, NoAnswer},
        header::read_file,
        identity::Identity,
        keyring::Keyring,
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

    /// Opens with the passphrase that `keyring` keeps for the file, or asks for it, three times at most.
    pub(in crate::keys) fn unlock(&self, keyring: &Keyring, asker: &Asker) -> Content {
        if let Some(passphrase) = self.find_kept(keyring) {
            match self.open(passphrase, asker) {
                Ok(content) => return content,
                Err(Refused::Other(problem)) => return problem.into(),
                Err(Refused::Passphrase) => asker.message("The passphrase in the keyring is not that of the file."),
            }
        }
        let opened = self.ask(asker, |passphrase| self.open(passphrase, asker));
        opened.map_or_else(Content::from, |(_passphrase, content)| content)
    }

    /// Asks for the passphrase; gives it back with what an age file holds, which is nothing for an SSH key.
    pub(in crate::keys) fn decrypt(&self, asker: &Asker) -> Result<(Plaintext, Zeroizing<Vec<u8>>), SourceProblem> {
        self.ask(asker, |passphrase| match &self.lock {
            Lock::File(file) => open_file(file, passphrase),
            Lock::Ssh(_) => self.open(passphrase, asker).map(|_content| Zeroizing::default()),
        })
    }

    /// The passphrase that was asked to be remembered. A keyring that fails is no reason not to ask.
    fn find_kept(&self, keyring: &Keyring) -> Option<SecretString> {
        let path = canonicalize(self.source.path()?).ok()?;
        let kept = keyring.find_passphrase(&path).ok()??;
        std::str::from_utf8(&kept).ok().map(SecretString::from)
    }

    /// Asks until `open` takes the passphrase, three times at most.
    fn ask<T>(
        &self,
        asker: &Asker,
        open: impl Fn(SecretString) -> Result<T, Refused>,
    ) -> Result<(Plaintext, T), SourceProblem> {
        let question = format!("Passphrase for {}: ", self.source);
        for attempt in 1..=TRIES {
            let passphrase = asker.secret(&question).map_err(|reason| match reason {
                NoAnswer::NoTerminal => SourceProblem::NoTerminal,
                NoAnswer::GaveUp => SourceProblem::NoPassphrase,
            })?;
            match open(SecretString::from(passphrase.expose().to_owned())) {
                Ok(opened) => return Ok((passphrase, opened)),
                Err(Refused::Other(problem)) => return Err(problem),
                Err(Refused::Passphrase) if attempt < TRIES => asker.message("This passphrase is wrong; try again."),
                Err(Refused::Passphrase) => {}
            }
        }
        Err(SourceProblem::WrongPassphrase { tries: TRIES })
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

/// Asks for the passphrase of the identity file at `path`, until it opens the file. An SSH key is one too.
///
/// # Errors
/// Why there is none; `None` when the file needs none.
pub fn ask_passphrase(path: &Path, asker: &Asker) -> Result<Plaintext, Option<SourceProblem>> {
    let source = Source::Named(path.to_owned());
    let bytes = read_bytes(path, SOURCE_LIMIT_BYTES).map_err(|error| SourceProblem::File(Arc::new(error)))?;
    let mut content = parse_content(&bytes, Words::One, &source, asker);
    let Some(locked) = content.locked.pop() else { return Err(content.problems.pop()) };
    Ok(locked.decrypt(asker)?.0)
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
