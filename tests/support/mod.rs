//! What several integration tests need. Knows nothing of the library under test.
#![allow(dead_code, reason = "each test uses another part")]

pub(crate) mod documents;
pub(crate) mod values;
