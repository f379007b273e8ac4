//! `set`: one value of a SOPS file changed or added; every other ciphertext stays.

use std::path::Path;

use super::{encrypt::now, error::OpError, note::Note, session::Session};
use crate::{
    base::{
        secret::Plaintext,
        value_path::{Step, ValuePath},
    },
    crypto::cipher::Ciphertext,
    document::yaml::{
        change::{self, Address, ChangeError},
        emit::Value,
        tree::{Item, Kind, NodeId, Tree},
    },
    sops::{
        error::SopsError,
        file::{MacPolicy, SopsFile},
        walk::METADATA_KEY,
    },
};

/// Puts `value` at `address` of the encrypted `text`, the file called `name`. What the selector leaves in clear is noted.
///
/// Where the value is there already, the result is `text` to the byte.
///
/// # Errors
/// [`OpError::Change`] where the path leads nowhere or cannot be changed, and those of decrypting and encrypting.
pub fn set(
    session: &Session,
    (name, text): (&Path, &str),
    address: Address<'_>,
    value: &Value,
    policy: MacPolicy,
) -> Result<String, OpError> {
    let sealed = change(session, (name, text), address, policy, |tree| change::set(tree, address, value))?;
    if sealed != text && is_in_clear(&sealed, address) {
        let at = address.path.to_string();
        session.notes().add(Note::ValueInClear { path: name.to_owned(), at });
    }
    Ok(sealed)
}

/// Decrypts, makes a change, and encrypts what has changed.
pub(super) fn change(
    session: &Session,
    (name, text): (&Path, &str),
    address: Address<'_>,
    policy: MacPolicy,
    make: impl FnOnce(&Tree<'_>) -> Result<Plaintext, ChangeError>,
) -> Result<String, OpError> {
    if matches!(address.path.0.first(), Some(Step::Key(key)) if key == METADATA_KEY) {
        return Err(OpError::MetadataPath);
    }
    let file = SopsFile::read(text)?;
    let key = session.open(name, &file)?;
    let (old, reuse) = file.decrypt_to_change(&key, policy)?;
    let new = {
        let tree = Tree::parse(old.text.expose()).map_err(SopsError::from)?;
        make(&tree)?
    };
    if new.expose() == old.text.expose() {
        return Ok(text.to_owned());
    }
    Ok(file.reseal(&key, new.expose(), reuse, &now())?.text)
}

/// Whether a value that is neither empty nor encrypted is at `address` of an encrypted text.
fn is_in_clear(sealed: &str, address: Address<'_>) -> bool {
    let Ok(tree) = Tree::parse(sealed) else { return false };
    let Ok(path) = settle(&tree, address) else { return false };
    let found = change::find(&tree, Address { path: &path, ..address });
    found.is_ok_and(|node| holds_clear_text(&tree, node))
}

/// The path with `[+]` for what is now the last item.
fn settle(tree: &Tree<'_>, address: Address<'_>) -> Result<ValuePath, ChangeError> {
    let mut path = ValuePath::default();
    for step in &address.path.0 {
        let step = match step {
            Step::Append => {
                let list = change::find(tree, Address { path: &path, ..address })?;
                let items = tree.resolve(list).collection().map(|list| list.items.as_slice()).unwrap_or_default();
                let count = items.iter().filter(|item| matches!(item, Item::Element(_))).count();
                Step::Index(count.saturating_sub(1))
            }
            other => other.clone(),
        };
        path.0.push(step);
    }
    Ok(path)
}

fn holds_clear_text(tree: &Tree<'_>, id: NodeId) -> bool {
    let node = tree.node(id);
    match &node.kind {
        Kind::Scalar { text, .. } => {
            let text = text.as_str();
            !matches!(text, "" | "null" | "~") && !Ciphertext::is_likely(text)
        }
        Kind::Mapping(found) | Kind::Sequence(found) => found.items.iter().any(|item| match *item {
            Item::Entry(_, value) | Item::Element(value) => holds_clear_text(tree, value),
            Item::Comment(_) => false,
        }),
        Kind::Alias(_) => false,
    }
}
