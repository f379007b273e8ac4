//! `edit`: a SOPS file in clear in the user's editor, and encrypted again. What was typed is never lost, and never stays
//! on the disk in clear.

mod editor;
mod kept;
mod template;

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{
    encrypt::{ClearText, Wishes, encrypt, now},
    error::OpError,
    format::Format,
    in_place::read_named,
    named::Named,
    note::Note,
    session::Session,
};
use crate::{
    base::{
        files::{FileError, FileProblem, create, into_text, read_bytes, read_text, replace},
        scratch::{Medium, Scratch},
        secret::{DataKey, Plaintext},
    },
    document::yaml::parse::TEXT_LIMIT_BYTES,
    keys::Recipient,
    policy::absolute,
    sops::{
        error::SopsError,
        file::{MacPolicy, SopsFile},
        key_group::{KeyGroup, MasterKey},
        selector::Selector,
    },
};
use kept::{Base, Kept, Shelf};

pub use editor::{Editor, find_editor};

/// The indentation of a new file where the policy names none: what Kubernetes' own examples have.
const NEW_FILE_STEP: usize = 2;

/// Somebody who can be asked whether to go on.
pub trait Person {
    /// Whether to open the editor again, to correct `fault`. False where nobody is there.
    fn goes_on(&self, fault: &OpError) -> bool;
}

/// What is to be edited, and how.
#[derive(Debug, Default)]
pub struct EditWishes {
    /// For a new file: recipients and selector. For every file: what happens when the selector picks no value.
    pub new: Wishes,
    /// Whether the MAC has to hold.
    pub mac: MacPolicy,
    /// What happens with a text that is kept from an edit before.
    pub kept: KeptText,
    /// The type of the file; `None` for what its name says.
    pub format: Option<Format>,
}

/// What happens with a text that is kept from an edit before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeptText {
    /// There should be none.
    #[default]
    Refuse,
    /// The edit goes on from it: `--resume`.
    Resume,
    /// It is removed: `--discard`.
    Discard,
}

/// How an edit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// The file is replaced, or made.
    Written,
    /// Nothing was changed, and nothing is written.
    Unchanged,
}

/// An edit that can begin: the file is open, and all that could stop it is known.
#[derive(Debug)]
pub struct Edit<'s> {
    session: &'s Session,
    path: PathBuf,
    target: Target,
    /// What the text is without an edit.
    original: Plaintext,
    /// What the editor shows first.
    shown: Plaintext,
    /// Who can open a text that has to be kept.
    recipients: Vec<Recipient>,
    named: Vec<Named>,
    shelf: Shelf,
    scratch: Scratch,
    wishes: EditWishes,
}

#[derive(Debug)]
enum Target {
    Existing { text: String, key: DataKey, was_encrypted: bool },
    New,
}

impl Target {
    fn base(&self) -> Base {
        match self {
            Self::Existing { text, .. } => Base::of(Some(text)),
            Self::New => Base::of(None),
        }
    }
}

impl<'s> Edit<'s> {
    /// Opens the file at `path`; one that is not there starts from a template that fits its rule. Notes what there is to
    /// know before the editor takes the terminal.
    ///
    /// # Errors
    /// [`OpError`] for a file that cannot be opened, a new one that has no rule, or a kept text that there is or is not.
    pub fn begin(session: &'s Session, path: &Path, wishes: EditWishes) -> Result<Self, OpError> {
        let (target, original, groups) = match read_named(path, wishes.format) {
            Ok(text) => open(session, path, &text, wishes.mac)?,
            Err(OpError::File(FileError { problem: FileProblem::Read(cause), .. }))
                if cause.kind() == ErrorKind::NotFound && has_directory(path) =>
            {
                wishes.format.unwrap_or_else(|| Format::of_name(path)).supported()?;
                start_new(session, path, &wishes.new)?
            }
            Err(fault) => return Err(fault),
        };
        let recipients = keepers(session, &groups);
        let named = name_all(session, path, &groups);
        let keys: Vec<MasterKey> = groups.into_iter().flat_map(|group| group.0).collect();
        let shelf = Shelf::new(session.env(), &absolute(session.directory(), path));
        let shown = Plaintext::new(original.expose().to_owned());
        let scratch = Scratch::new(session.env())?;
        if scratch.medium() == Medium::Disk {
            session.notes().add(Note::ScratchOnDisk { path: scratch.path().to_owned() });
        }
        let path = path.to_owned();
        let mut edit = Self { session, path, target, original, shown, recipients, named, shelf, scratch, wishes };
        edit.take_kept(&keys)?;
        Ok(edit)
    }

    /// Whom the file is for.
    #[must_use]
    pub fn recipients(&self) -> &[Named] {
        &self.named
    }

    fn take_kept(&mut self, keys: &[MasterKey]) -> Result<(), OpError> {
        match (self.shelf.find(), self.wishes.kept) {
            (None, KeptText::Refuse | KeptText::Discard) => Ok(()),
            (None, KeptText::Resume) => Err(OpError::NothingKept),
            (Some(kept), KeptText::Refuse) => Err(OpError::Kept { kept: kept.path }),
            (Some(_), KeptText::Discard) => Ok(self.shelf.clear()?),
            (Some(kept), KeptText::Resume) => {
                self.shown = self.read_kept(&kept, keys)?;
                if kept.base != self.target.base() {
                    self.session.notes().add(Note::KeptFromOther { path: self.path.clone() });
                }
                Ok(())
            }
        }
    }

    fn read_kept(&self, kept: &Kept, keys: &[MasterKey]) -> Result<Plaintext, OpError> {
        let armor = read_text(&kept.path, usize::MAX)?;
        let recipients: Vec<String> = keys.iter().map(|key| key.id().to_owned()).collect();
        let opened = self.session.open_file(&self.path, armor.expose(), &recipients, TEXT_LIMIT_BYTES);
        let bytes =
            opened.map_err(|tried| OpError::KeptUnreadable { kept: kept.path.clone(), tried: Box::new(tried) })?;
        Ok(into_text(&kept.path, bytes)?)
    }

    /// Opens the editor until the text can be encrypted, the person gives up, or nothing was changed.
    ///
    /// # Errors
    /// [`OpError::EditStopped`] where the text was changed but could not be put in place: it is kept, encrypted.
    pub fn run(mut self, editor: &Editor, person: &dyn Person) -> Result<Edited, OpError> {
        let file = self.scratch.write(&self.path, &self.shown)?;
        // An editor can be open for days.
        self.shown = Plaintext::default();
        loop {
            let status = editor.tool.clone().arg(&file).run_interactively();
            let typed = read_typed(&file)?;
            let is_changed = typed.as_slice() != self.original.expose().as_bytes();
            let fault = match status {
                Err(cause) => OpError::Editor(cause),
                Ok(status) if !status.success() => OpError::EditorFailed { status },
                Ok(_) if !is_changed => {
                    self.shelf.clear()?;
                    return Ok(Edited::Unchanged);
                }
                Ok(_) => match self.put(&file, typed.to_vec()) {
                    Ok(()) => {
                        self.shelf.clear()?;
                        return Ok(Edited::Written);
                    }
                    Err(fault) => fault,
                },
            };
            if !is_changed {
                return Err(fault);
            }
            // Before anybody is asked: whoever closes the window has given his answer.
            let kept = self.keep(&typed);
            let can_go_on = !is_final(&fault);
            let fault = match kept {
                Ok(kept) => OpError::EditStopped { fault: Box::new(fault), kept },
                Err(cause) => OpError::EditLost { fault: Box::new(fault), cause: Box::new(cause) },
            };
            if !can_go_on || !person.goes_on(&fault) {
                return Err(fault);
            }
        }
    }

    /// Encrypts what was typed, and puts it in place.
    fn put(&self, file: &Path, typed: Vec<u8>) -> Result<(), OpError> {
        let typed = into_text(file, Zeroizing::new(typed)).map_err(|error| OpError::TypedNotText(error.problem))?;
        match &self.target {
            Target::New => {
                let sealed = encrypt(self.session, &self.path, &typed, &self.wishes.new).map_err(of_typed)?;
                Ok(create(&self.path, sealed.as_bytes())?)
            }
            Target::Existing { text, key, was_encrypted } => {
                let sealed = self.reseal(text, key, &typed, *was_encrypted).map_err(of_typed)?;
                Ok(replace(&self.path, text.as_bytes(), sealed.as_bytes())?)
            }
        }
    }

    fn reseal(&self, text: &str, key: &DataKey, typed: &Plaintext, was_encrypted: bool) -> Result<String, OpError> {
        let sops = SopsFile::read(text)?;
        let (_, reuse) = sops.decrypt_to_change(key, self.wishes.mac)?;
        let sealed = sops.reseal(key, typed.expose(), reuse, &now())?;
        if sealed.encrypted_values == 0 && was_encrypted && self.wishes.new.clear == ClearText::Refuse {
            let selector = &sops.metadata.selector;
            return Err(OpError::NothingEncrypted {
                kind: selector.kind(),
                pattern: selector.pattern().to_owned(),
                clear_values: sealed.clear_values,
            });
        }
        Ok(sealed.text)
    }

    fn keep(&self, typed: &[u8]) -> Result<PathBuf, OpError> {
        let text = Plaintext::new(String::from_utf8_lossy(typed).into_owned());
        let armor = Recipient::encrypt_text(&self.recipients, &text, self.session.asker())?;
        Ok(self.shelf.keep(&armor, &self.target.base())?)
    }
}

/// Who can open a text that has to be kept. Where several key groups are needed nobody should come to it with one, but who
/// types it has it anyway: it is for those whose identities are at hand, or else for all, as it may not be lost.
fn keepers(session: &Session, groups: &[KeyGroup]) -> Vec<Recipient> {
    let all = groups.iter().flat_map(KeyGroup::recipients).filter_map(|id| Recipient::parse(id).ok());
    let all: Vec<Recipient> = all.collect();
    if groups.len() < 2 {
        return all;
    }
    let held = session.identities().recipients();
    let own: Vec<Recipient> = all.iter().filter(|one| held.iter().any(|held| held == one.as_str())).cloned().collect();
    if own.is_empty() { all } else { own }
}

fn name_all(session: &Session, path: &Path, groups: &[KeyGroup]) -> Vec<Named> {
    let named = |(index, group): (usize, &KeyGroup)| {
        let named = session.named(path, &group.0);
        named.into_iter().map(move |one| if groups.len() > 1 { one.in_group(index + 1) } else { one })
    };
    groups.iter().enumerate().flat_map(named).collect()
}

/// Who typed a `sops` key has not encrypted anything twice.
fn of_typed(fault: OpError) -> OpError {
    match fault {
        OpError::Sops(SopsError::AlreadyEncrypted(place)) => OpError::MetadataTyped(place),
        other => other,
    }
}

/// Whether going on editing cannot help: the file is another one than when the edit began.
fn is_final(fault: &OpError) -> bool {
    matches!(fault, OpError::File(FileError { problem: FileProblem::Changed | FileProblem::Exists, .. }))
}

fn open(
    session: &Session,
    path: &Path,
    text: &Plaintext,
    mac: MacPolicy,
) -> Result<(Target, Plaintext, Vec<KeyGroup>), OpError> {
    let file = SopsFile::read(text.expose())?;
    let key = session.open(path, &file)?;
    let decrypted = file.decrypt(&key, mac)?;
    let groups = file.metadata.key_groups();
    let was_encrypted = decrypted.encrypted_values > 0;
    Ok((Target::Existing { text: text.expose().to_owned(), key, was_encrypted }, decrypted.text, groups))
}

/// The template is encrypted once, so that a rule that cannot be used is told before anybody has typed anything.
fn start_new(session: &Session, path: &Path, wishes: &Wishes) -> Result<(Target, Plaintext, Vec<KeyGroup>), OpError> {
    let applied = session.rule_for(path)?;
    let audience = wishes.audience(&applied)?;
    let stores = applied.policy().map(|policy| *policy.stores()).filter(|stores| stores.yaml_indent_given);
    let step = stores.map_or(NEW_FILE_STEP, |stores| stores.yaml_indent);
    let default = Selector::default_unencrypted_suffix();
    let selector = wishes.selector.as_ref().or_else(|| applied.selector()).unwrap_or(&default);
    let text = Plaintext::new(template::template(path, selector, step));
    if let Err(fault) = encrypt(session, path, &text, wishes)
        && !matches!(fault, OpError::NothingEncrypted { .. })
    {
        return Err(fault);
    }
    Ok((Target::New, text, audience.key_groups().collect()))
}

/// Whether a file could be made at `path`.
fn has_directory(path: &Path) -> bool {
    path.parent().is_some_and(|parent| parent.as_os_str().is_empty() || parent.is_dir())
}

/// What the editor left; nothing, if it removed the file.
fn read_typed(file: &Path) -> Result<Zeroizing<Vec<u8>>, OpError> {
    match read_bytes(file, TEXT_LIMIT_BYTES) {
        Err(FileError { problem: FileProblem::Read(cause), .. }) if cause.kind() == ErrorKind::NotFound => {
            Ok(Zeroizing::default())
        }
        outcome => Ok(outcome?),
    }
}
