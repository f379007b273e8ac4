//! What several integration tests need. Knows nothing of the library under test.
#![expect(
    clippy::allow_attributes,
    reason = "`expect` is unfulfilled in the tests that use everything"
)]
#![allow(dead_code, reason = "each test uses another part")]

pub(crate) mod documents;
