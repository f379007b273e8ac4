//! YAML, losslessly.

pub mod change;
pub mod emit;
mod event;
pub mod parse;
pub mod scalar;
mod tab;
pub mod tree;
