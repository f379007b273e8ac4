//! Private scratch space.
