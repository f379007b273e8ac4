//! The cipher, the MAC and the secret sharing of SOPS: pure functions over bytes. No I/O.

pub mod cipher;
pub mod mac;
pub mod shamir;
