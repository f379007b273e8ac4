//! age recipients and identities, and every place an identity can come from.

mod armor;
mod ask;
mod identities;
mod identity;
mod no_identity;
mod recipient;
mod source;
mod wrapped;

pub use ask::{Ask, Asker, NoAnswer};
pub use identities::{AgeEntry, Identities, Owned};
pub use identity::{IdentityProblem, generate_key_file, generate_key_text};
pub use no_identity::{EntryProblem, NoIdentity, Problem, SearchOutcome, Searched};
pub use recipient::{Recipient, RecipientError, RecipientKind, WrapError};
pub use source::{Source, SourceProblem, default_key_file};
pub use wrapped::{WrappedFault, check_wrapped};
