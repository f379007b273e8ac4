//! `flux secret`: the decryption Secret, for the cluster or in a file.

use std::path::Path;

use zeroize::Zeroizing;

use super::error::FluxError;
use crate::{
    base::secret::Plaintext,
    gitops::{
        controller::ControllerVersion,
        decryption_secret::{AskedSecret, SecretName, find_asked, find_controller_version, render_secret},
    },
    keys::{AgeKey, AgeKeys, parse_age_keys},
    ops::{
        cluster::Overview,
        encrypt::{Wishes, encrypt},
        error::OpError,
        session::Session,
    },
    sops::{
        selector::{Selector, SelectorKind},
        terms::Terms,
    },
};

/// What of a Secret is to be encrypted, where no rule says it.
const SELECTOR: &str = "^(data|stringData)$";

/// Where identities are from, for messages.
pub type Place = String;

/// Identities for a Secret: each once, and all of them such as Flux reads.
#[derive(Debug, Default)]
pub struct Identities(Vec<AgeKeys>);

/// What of the files of a cluster stays closed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// How many files it has to read.
    pub files: usize,
    /// How many of them these identities do not open.
    pub closed: usize,
}

impl Identities {
    /// Adds what an identity file holds.
    ///
    /// # Errors
    /// [`FluxError::Line`] for the first line that Flux could not use, and [`FluxError::Empty`].
    pub fn add(&mut self, content: &[u8]) -> Result<(), FluxError> {
        let mut keys = parse_age_keys(content);
        if let Some(fault) = keys.faults.first() {
            return Err(FluxError::Line(*fault));
        }
        if keys.identities.is_empty() {
            return Err(FluxError::Empty);
        }
        let mut known: Vec<String> = self.recipients().map(str::to_owned).collect();
        keys.identities.retain(|key| {
            let is_new = !known.contains(&key.recipient);
            known.push(key.recipient.clone());
            is_new
        });
        self.0.push(keys);
        Ok(())
    }

    /// Adds those of `recipients` that the keyring holds.
    ///
    /// # Errors
    /// [`FluxError::Keyring`], [`FluxError::NotKept`] if it holds none of them, and those of [`Identities::add`].
    pub fn add_kept(&mut self, session: &Session, recipients: &[String]) -> Result<(), FluxError> {
        let mut is_any = false;
        for recipient in recipients {
            if let Some(text) = session.keyring().find_identity(recipient)? {
                self.add(&text)?;
                is_any = true;
            }
        }
        if is_any { Ok(()) } else { Err(FluxError::NotKept(recipients.to_vec())) }
    }

    fn keys(&self) -> impl Iterator<Item = &AgeKey> {
        self.0.iter().flat_map(|keys| &keys.identities)
    }

    /// Their recipients.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        self.keys().map(|key| key.recipient.as_str())
    }

    /// The lines of the Secret: without comments, which may tell more than is meant for the cluster.
    fn lines(&self) -> Vec<&str> {
        self.keys().map(AgeKey::expose).collect()
    }

    /// The same with the comments of the files, each where it stood.
    fn commented_lines(&self) -> Vec<&str> {
        let mut all = Vec::new();
        for keys in &self.0 {
            let comments = keys.comments.iter().map(|(line, text): &(usize, Zeroizing<String>)| (*line, text.as_str()));
            let mut lines: Vec<(usize, &str)> =
                keys.identities.iter().map(|key| (key.line, key.expose())).chain(comments).collect();
            lines.sort_by_key(|(line, _)| *line);
            all.extend(lines.into_iter().map(|(_, text)| text));
        }
        all
    }
}

/// The Secrets that the cluster with that number asks for.
///
/// # Errors
/// [`FluxError::Name`].
pub fn asked_by(overview: &Overview, number: usize) -> Result<Vec<AskedSecret>, FluxError> {
    let Some(cluster) = overview.clusters().get(number) else { return Ok(Vec::new()) };
    Ok(find_asked(&overview.survey.inventory, cluster)?)
}

/// The version of the controller of the cluster with that number, if the repository tells.
#[must_use]
pub fn version_of(overview: &Overview, number: usize) -> Option<ControllerVersion> {
    find_controller_version(&overview.survey.inventory, overview.clusters().get(number)?)
}

/// Refuses identities of others than the cluster; tells what of its files they do not open.
///
/// # Errors
/// [`FluxError::Foreign`]. Where the recipient of the cluster is not known, nobody is refused.
pub fn check_identities(overview: &Overview, number: usize, identities: &Identities) -> Result<Needed, FluxError> {
    let (Some(cluster), Some(own)) = (overview.clusters().get(number), overview.recipients.get(number)) else {
        return Ok(Needed::default());
    };
    let is_own = |recipient: &&str| own.ids.is_empty() || own.ids.iter().any(|id| id == recipient);
    if let Some(recipient) = identities.recipients().find(|recipient| !is_own(recipient)) {
        return Err(FluxError::Foreign {
            recipient: recipient.to_owned(),
            cluster: cluster.name.clone(),
            known: own.ids.clone(),
        });
    }
    let files = overview.files().filter(|(_, owners)| owners.readers.contains(&number));
    let mut needed = Needed::default();
    for (file, _) in files {
        needed.files += 1;
        let is_held = |id: &str| identities.recipients().any(|recipient| recipient == id);
        needed.closed += usize::from(!file.terms.is_opened_by(|key| is_held(key.id())));
    }
    Ok(needed)
}

/// Refuses a post-quantum identity for a controller that would read nothing of the Secret because of it.
///
/// # Errors
/// [`FluxError::PostQuantum`].
pub fn check_version(identities: &Identities, version: ControllerVersion) -> Result<(), FluxError> {
    match identities.keys().find(|key| key.is_post_quantum) {
        Some(key) if version < ControllerVersion::POST_QUANTUM => {
            Err(FluxError::PostQuantum { recipient: key.recipient.clone(), version })
        }
        _ => Ok(()),
    }
}

/// What becomes of the comments of identity files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comments {
    /// They are left out.
    Strip,
    /// They stay where they are.
    Keep,
}

/// The manifests of `secrets`, each with all `identities`.
#[must_use]
pub fn render(secrets: &[SecretName], identities: &Identities, comments: Comments) -> Plaintext {
    let lines = match comments {
        Comments::Strip => identities.lines(),
        Comments::Keep => identities.commented_lines(),
    };
    let rendered: Vec<Plaintext> = secrets.iter().map(|secret| render_secret(secret, lines.iter().copied())).collect();
    let length = rendered.iter().map(|text| text.expose().len() + "---\n".len()).sum();
    let mut all = String::with_capacity(length);
    for text in &rendered {
        if !all.is_empty() {
            all.push_str("---\n");
        }
        all.push_str(text.expose());
    }
    Plaintext::new(all)
}

/// Encrypts the manifests `text` as the file called `name`, by its rule or for the recipients of `wishes`. Where no rule
/// says what is encrypted, it is `data` and `stringData`.
///
/// # Errors
/// [`FluxError::SelfReference`] if nobody but these `identities` could open the file; [`FluxError::Op`].
pub fn seal(
    session: &Session,
    name: &Path,
    text: &Plaintext,
    mut wishes: Wishes,
    identities: &Identities,
) -> Result<String, FluxError> {
    if wishes.selector.is_none() && session.rule_for(name)?.selector().is_none() {
        wishes.selector = Some(Selector::new(SelectorKind::EncryptedRegex, SELECTOR).map_err(OpError::Selector)?);
    }
    let sealed = encrypt(session, name, text, &wishes)?;
    let terms = Terms::of_yaml(&sealed).map_err(OpError::from)?;
    let is_inside = |id: &str| identities.recipients().any(|recipient| recipient == id);
    if terms.is_opened_by(|key| !is_inside(key.id())) { Ok(sealed) } else { Err(FluxError::SelfReference) }
}
