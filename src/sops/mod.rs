//! sops.

pub mod key_group;
pub mod selector;
