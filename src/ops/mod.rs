//! What the commands do, one verb per file: text in, text out, on top of everything else. Prints nothing.

mod audience;
pub mod decrypt;
pub mod edit;
pub mod encrypt;
pub mod error;
pub mod filestatus;
pub mod format;
pub mod get;
pub mod group;
pub mod identity;
pub mod in_place;
pub mod journal;
pub mod named;
pub mod note;
mod open;
mod policies;
pub mod pool;
pub mod recipient;
pub mod recipients;
pub mod rotate;
pub mod session;
pub mod set;
pub mod sync;
pub mod target;
pub mod unset;
pub mod value;
pub mod verify;
