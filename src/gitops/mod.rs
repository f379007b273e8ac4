//! Flux' objects and the clusters of a repository: which clusters there are, and which files each of them reaches.
//! Reads no file, and keeps no text: each comes in once. Of secrets it knows only the one that a cluster decrypts with.

pub mod cluster;
pub mod config;
pub mod controller;
pub mod decryption_secret;
mod discover;
pub mod entry;
pub mod inventory;
mod kustomize;
mod layout;
pub mod note;
pub mod object;
pub mod path;
pub mod reach;
pub mod recipient;
pub mod revision;
pub mod secret_manifest;
mod view;

pub use discover::{Discovery, discover};
