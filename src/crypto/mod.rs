//! The cipher and the MAC of SOPS: pure functions over bytes. No I/O.

pub mod cipher;
pub mod mac;
