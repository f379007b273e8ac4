//! age recipients and identities, and every place an identity can come from.

mod agekey;
mod armor;
mod ask;
mod bech32;
#[cfg(test)]
mod cctv;
mod content;
mod found;
mod header;
mod hybrid;
mod identities;
mod identity;
mod keyring;
mod no_identity;
mod pkcs8;
mod plugin;
mod reader;
mod recipient;
mod short;
mod small_order;
mod source;
mod ssh;
mod survey;
mod wrapped;

pub use agekey::{AgeKey, AgeKeyFault, AgeKeyProblem, AgeKeys, parse_age_keys};
pub use ask::{Ask, Asker, NoAnswer};
pub use content::{SingleIdentities, SingleIdentity, ask_passphrase, split_identities};
pub use found::FoundIdentity;
pub use identities::{AgeEntry, Identities, OpenedGroups, Owned};
pub use identity::{IdentityProblem, NewIdentity, generate_key_file, generate_key_text};
pub use keyring::{Keyring, KeyringProblem};
pub use no_identity::{EntryProblem, NoIdentity, Problem, SearchOutcome, Searched};
pub use plugin::PluginFault;
pub use recipient::{Recipient, RecipientError, RecipientKind, WrapError, is_private};
pub use short::shorten_recipient;
pub use source::{Source, SourceProblem, default_key_file};
pub use ssh::SshFault;
pub use survey::{ClosedReason, ClosedSource, Survey};
pub use wrapped::{WrappedFault, check_wrapped};
