//! YAML, losslessly.

pub mod change;
pub mod emit;
mod event;
pub mod parse;
pub mod scalar;
pub mod tree;
