//! Flux' objects and the clusters of a repository: which clusters there are, and which files each of them reaches.
//! Reads no file and holds no secret: texts come in, each once, and are not kept.

pub mod cluster;
pub mod config;
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
mod view;

pub use discover::{Discovery, discover};
