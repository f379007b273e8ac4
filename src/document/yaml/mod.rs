//! YAML, losslessly.

pub mod emit;
pub mod scalar;
