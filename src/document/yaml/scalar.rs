//! What a scalar means: the resolution rules of go-yaml v3, which SOPS and Flux read with.

/// What a YAML scalar resolves to in go-yaml v3.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `null`, `~`, or nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that fits 64 bits with sign.
    Int(i64),
    /// An integer that only fits 64 bits without sign. SOPS cannot encrypt it.
    Uint(u64),
    /// A floating point number, infinities and NaN included.
    Float(f64),
    /// A point in time, as RFC 3339 text with up to nine digits of fraction, as Go renders it.
    Time(String),
    /// Any other text.
    Str(String),
}
