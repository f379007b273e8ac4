//! Text to a tree of byte spans, and edits that keep every other byte. Knows nothing of encryption.

pub mod edit;
pub mod error;
pub mod yaml;
