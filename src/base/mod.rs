//! The ground floor: secrets in memory, places in text, files on disk. Imports nothing of ours.

pub mod clock;
pub mod env;
pub mod files;
pub mod go_regex;
pub mod leftover;
pub mod line_diff;
pub mod process;
pub mod scratch;
pub mod secret;
pub mod span;
#[cfg(unix)]
pub mod typing;
pub mod value_path;
