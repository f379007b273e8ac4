//! `encrypt`: a document in clear becomes a SOPS file, as its rule or the command line says.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    audience::Audience,
    error::OpError,
    named::Named,
    note::Note,
    recipients::generate_data_key,
    session::{Applied, Session},
};
use crate::{
    base::{clock, secret::Plaintext},
    crypto::mac::Coverage,
    document::yaml::tree::Tree,
    keys::Recipient,
    sops::{
        file::{Encrypted, MacPolicy, NewFile, SopsFile, encrypt as seal},
        key_group::{KeyGroup, MasterKey},
        metadata::Metadata,
        selector::Selector,
        shape::check_is_plain,
    },
};

/// What is asked for beyond, or against, what the rule says.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Whom for; `None` for the recipients of the rule.
    pub recipients: Option<Vec<Recipient>>,
    /// How many of several key groups are needed to decrypt; `None` as the rule says.
    pub threshold: Option<usize>,
    /// Which values; `None` for the selector of the rule, or else the default one.
    pub selector: Option<Selector>,
    /// Which values the MAC covers; `None` as the rule says.
    pub coverage: Option<Coverage>,
    /// The indentation of the `sops` block; `None` for that of the policy, or else of the text.
    pub step: Option<usize>,
    /// What happens when the selector picks no value.
    pub clear: ClearText,
}

impl Wishes {
    /// Whom a new file is for, by these wishes and the rule.
    ///
    /// # Errors
    /// As for [`Audience::new`].
    pub(super) fn audience(&self, applied: &Applied) -> Result<Audience, OpError> {
        Audience::new(applied, self.recipients.as_deref(), self.threshold)
    }
}

/// What happens when the selector picks no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClearText {
    /// It is an error.
    #[default]
    Refuse,
    /// It is as it should be: `--allow-unencrypted`.
    Allow,
}

/// An encrypted file whose ciphertexts are to be kept.
#[derive(Debug)]
pub struct Onto {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
}

/// Encrypts `text`, the file called `name`.
///
/// # Errors
/// [`OpError`].
pub fn encrypt(session: &Session, name: &Path, text: &Plaintext, wishes: &Wishes) -> Result<String, OpError> {
    // That the file is encrypted already is the better reason, where there is another one too.
    encrypt_plain(session, name, text, wishes).map_err(|fault| find_metadata(text).unwrap_or(fault))
}

fn find_metadata(text: &Plaintext) -> Option<OpError> {
    let tree = Tree::parse(text.expose()).ok()?;
    check_is_plain(&tree).err().map(OpError::from)
}

fn encrypt_plain(session: &Session, name: &Path, text: &Plaintext, wishes: &Wishes) -> Result<String, OpError> {
    let plan = Plan::new(session, name, wishes)?;
    let audience = wishes.audience(&plan.applied)?;
    let selector = plan.selector(wishes)?.cloned().unwrap_or_else(Selector::default_unencrypted_suffix);
    let key = generate_data_key()?;
    let new = NewFile {
        wrapped: &audience.wrap(&key, session.asker())?,
        selector: &selector,
        coverage: plan.coverage(wishes),
        step: plan.step(wishes),
        now: &now(),
    };
    checked(seal(text.expose(), &key, &new)?, &selector, wishes.clear)
}

/// Encrypts `text`, the file called `name`, with the data key, for the recipients and with the selector of `onto`; a
/// value that did not change keeps its ciphertext, and where none did the result is `onto` to the byte.
///
/// # Errors
/// [`OpError::OntoSelector`] and [`OpError::OntoRecipients`] where the rule, or the command line, asks for others;
/// [`OpError::Onto`] for a fault of `onto`.
pub fn encrypt_onto(
    session: &Session,
    name: &Path,
    text: &Plaintext,
    onto: &Onto,
    wishes: &Wishes,
) -> Result<String, OpError> {
    let of_onto = |fault: OpError| OpError::Onto { onto: onto.path.clone(), fault: Box::new(fault) };
    let file = SopsFile::read(&onto.text).map_err(|fault| of_onto(fault.into()))?;
    let plan = Plan::new(session, name, wishes)?;
    plan.check_selector(&file, onto, wishes)?;
    plan.check_recipients(&file, onto, wishes)?;
    let key = session.open(&onto.path, &file).map_err(of_onto)?;
    let (old, reuse) = file.decrypt_to_change(&key, MacPolicy::Require).map_err(|fault| of_onto(fault.into()))?;
    if old.text.expose() == text.expose() {
        return Ok(onto.text.clone());
    }
    let now = now();
    let encrypted = file.reseal(&key, text.expose(), reuse, &now)?;
    let sealed = checked(encrypted, &file.metadata.selector, wishes.clear)?;
    Ok(if differs_by_mac_only(&sealed, &file, &now)? { onto.text.clone() } else { sealed })
}

/// Whether `new` is `old` but for the MAC and its time, which change with every writing. Values that are spelt otherwise
/// than SOPS spells them, such as `1.50`, come back like this although nothing has changed.
fn differs_by_mac_only(new: &str, old: &SopsFile<'_>, now: &str) -> Result<bool, OpError> {
    let Metadata { mac: old_mac, last_modified: old_time, .. } = &old.metadata;
    let new_mac = SopsFile::read(new)?.metadata.mac;
    // A value in clear that tells the time of the change may not count as part of the metadata.
    let is_only_time = new.matches(now).count() == old.tree.documents().len();
    Ok(is_only_time && new.replace(&new_mac, old_mac).replace(now, old_time) == old.tree.text())
}

/// The rule, and what follows from it together with the wishes.
struct Plan {
    applied: Applied,
}

impl Plan {
    fn new(session: &Session, name: &Path, wishes: &Wishes) -> Result<Self, OpError> {
        let is_needed = wishes.recipients.is_none() || wishes.selector.is_none();
        let applied = match session.rule_for(name) {
            Err(fault @ OpError::Policy(_)) if !is_needed => {
                session.notes().add(Note::UnusedPolicy(fault.to_string()));
                Applied::default()
            }
            outcome => outcome?,
        };
        Ok(Self { applied })
    }

    /// The selector that is asked for, or else that of the rule. As in SOPS, the first may say something else than the
    /// second, but not in another way.
    fn selector<'a>(&'a self, wishes: &'a Wishes) -> Result<Option<&'a Selector>, OpError> {
        match (&wishes.selector, self.applied.selector()) {
            (Some(asked), Some(ruled)) if asked.kind() != ruled.kind() => {
                Err(OpError::TwoSelectors { asked: asked.kind(), ruled: ruled.kind() })
            }
            (asked, ruled) => Ok(asked.as_ref().or(ruled)),
        }
    }

    fn coverage(&self, wishes: &Wishes) -> Coverage {
        let ruled = self.applied.rule().is_some_and(|rule| rule.mac_only_encrypted);
        wishes.coverage.unwrap_or(if ruled { Coverage::OnlyEncrypted } else { Coverage::AllValues })
    }

    fn step(&self, wishes: &Wishes) -> Option<usize> {
        let stores = self.applied.policy().map(|policy| *policy.stores());
        wishes.step.or_else(|| stores.filter(|stores| stores.yaml_indent_given).map(|stores| stores.yaml_indent))
    }

    fn check_selector(&self, file: &SopsFile<'_>, onto: &Onto, wishes: &Wishes) -> Result<(), OpError> {
        let own = &file.metadata.selector;
        let default = Selector::default_unencrypted_suffix();
        let wanted = match self.selector(wishes)? {
            Some(wanted) => wanted,
            None if self.applied.rule().is_some() => &default,
            None => own,
        };
        if (wanted.kind(), wanted.pattern()) == (own.kind(), own.pattern()) {
            return Ok(());
        }
        let (kind, pattern) = (own.kind(), own.pattern().to_owned());
        Err(OpError::OntoSelector { onto: onto.path.clone(), kind, pattern })
    }

    fn check_recipients(&self, file: &SopsFile<'_>, onto: &Onto, wishes: &Wishes) -> Result<(), OpError> {
        let own = sorted(file.metadata.key_groups());
        let own_threshold = file.metadata.threshold;
        let (wanted, threshold) = if wishes.recipients.is_none() && self.applied.rule().is_none() {
            (own.clone(), wishes.threshold.unwrap_or(own_threshold))
        } else {
            let audience = wishes.audience(&self.applied)?;
            (sorted(audience.key_groups()), audience.threshold)
        };
        let keys =
            |groups: &[BTreeSet<MasterKey>]| -> BTreeSet<MasterKey> { groups.iter().flatten().cloned().collect() };
        let (all_wanted, all_own) = (keys(&wanted), keys(&own));
        let different = all_wanted.symmetric_difference(&all_own);
        let different: Vec<Named> = different.map(|key| Named::new(key, self.applied.policy())).collect();
        let onto = onto.path.clone();
        if !different.is_empty() {
            return Err(OpError::OntoRecipients { onto, different });
        }
        let is_split_alike = own.len() == 1 || threshold == own_threshold;
        if wanted == own && is_split_alike {
            return Ok(());
        }
        let has = format!("{} of {}", own_threshold.max(1), own.len());
        let asked = format!("{threshold} of {}", wanted.len());
        Err(OpError::OntoGroups { onto, has, asked })
    }
}

/// Key groups to be compared: neither their order matters, nor that within them.
fn sorted(groups: impl IntoIterator<Item = KeyGroup>) -> Vec<BTreeSet<MasterKey>> {
    let mut groups: Vec<BTreeSet<MasterKey>> = groups.into_iter().map(|group| group.0.into_iter().collect()).collect();
    groups.sort();
    groups
}

fn checked(encrypted: Encrypted, selector: &Selector, clear: ClearText) -> Result<String, OpError> {
    if encrypted.encrypted_values == 0 && clear == ClearText::Refuse {
        return Err(OpError::NothingEncrypted {
            kind: selector.kind(),
            pattern: selector.pattern().to_owned(),
            clear_values: encrypted.clear_values,
        });
    }
    Ok(encrypted.text)
}

/// The time of a change, as the metadata has it.
pub(super) fn now() -> String {
    clock::render_rfc3339(clock::unix_seconds())
}
