//! SOPS and age for GitOps: the files, the keys and the policy, without a byte more changed than asked for.
//!
//! The modules stand in layer order; each imports only from those above it in this list.

pub mod base;
pub mod crypto;
pub mod document;
pub mod keys;
pub mod ops;
pub mod policy;
pub mod sops;
