//! The SOPS file: its metadata, which values it encrypts, and how they are encrypted and decrypted in place.

pub mod block;
pub mod ciphertexts;
pub mod error;
pub mod file;
pub mod key_group;
pub mod metadata;
pub mod open;
mod reencrypt;
pub mod reuse;
pub(crate) mod scalar;
pub mod seal;
pub mod selector;
pub mod shape;
pub mod terms;
pub mod verify;
pub(crate) mod walk;
