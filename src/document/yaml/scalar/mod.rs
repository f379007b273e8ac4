//! What a scalar means: the resolution rules of go-yaml v3, which SOPS and Flux read with,
//! and the text that SOPS encrypts and hashes for each value.
//! Knows nothing of how a scalar is spelt: that is [`super::emit`].

mod number;
mod time;

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::{Zeroize, Zeroizing};

pub(in crate::document) use number::push_float;

/// What a YAML scalar resolves to in go-yaml v3.
///
/// `Debug` names the type alone, because the value may be a secret. Owners of a secret call
/// [`Zeroize::zeroize`].
#[derive(Clone, PartialEq)]
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
    /// Text that is not UTF-8: what a `!!binary` scalar can decode to. SOPS gives it the type `str`.
    Bytes(Vec<u8>),
}

/// How a scalar stands in a file. Only a plain one can mean something else than its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without any indicator.
    Plain,
    /// `'…'`.
    SingleQuoted,
    /// `"…"`.
    DoubleQuoted,
    /// `|`.
    Literal,
    /// `>`.
    Folded,
}

/// The type that SOPS stores with an encrypted value: `type:` in `ENC[…]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScalarType {
    /// `str`, also for binary values.
    Str,
    /// `int`.
    Int,
    /// `float`.
    Float,
    /// `bool`.
    Bool,
    /// `bytes`, which SOPS names but never writes; it panics when it reads one.
    Bytes,
    /// `time`.
    Time,
    /// `comment`.
    Comment,
}

/// Why a scalar cannot be read. Holds no text of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The text is none of what its tag announces.
    #[error("the value does not fit its tag `{tag}`")]
    TagMismatch {
        /// The tag, in its short form.
        tag: &'static str,
    },
    /// The text after `!!binary` is not base64.
    #[error("the value tagged `!!binary` is not base64")]
    NotBase64,
}

/// A decrypted text that is none of what its `type:` announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the decrypted value does not fit its type `{}`", .expected.name())]
pub struct TypeMismatch {
    /// The type that was announced.
    pub expected: ScalarType,
}

/// A value that SOPS has no plaintext for: it refuses the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPlaintext {
    /// Above `9223372036854775807`.
    #[error("the integer does not fit 64 bits with sign")]
    Uint,
    /// RFC 3339 has no zone a day or more away.
    #[error("the time zone of the timestamp is a day or more away")]
    TimeZone,
}

const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// Go's standard encoding: padded, and indifferent to the unused bits of the last character.
const GO_BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// What `text` means when it stands plain and untagged. Never fails: what is nothing else is a string.
#[must_use]
pub fn resolve_plain(text: &str) -> Scalar {
    find_special(text).unwrap_or_else(|| Scalar::Str(text.to_owned()))
}

/// What plain `text` means if it is not a string, `None` if it is one.
///
/// One look at the first byte answers for most strings; nothing is allocated for them.
#[must_use]
pub fn find_special(text: &str) -> Option<Scalar> {
    let Some(first) = text.as_bytes().first() else {
        return Some(Scalar::Null);
    };
    match first {
        b't' | b'T' | b'f' | b'F' | b'n' | b'N' | b'~' => find_word(text),
        b'.' => number::find_special_float(text).or_else(|| number::find_decimal_float(text)).map(Scalar::Float),
        b'+' | b'-' => number::find_special_float(text).map(Scalar::Float).or_else(|| number::find_number(text)),
        b'0'..=b'9' => time::find_yaml_timestamp(text).map(Scalar::Time).or_else(|| number::find_number(text)),
        _ => None,
    }
}

/// What `text` means in this `style` under this `tag`.
///
/// `text` is the content, unescaped and unfolded. `tag` is short (`!!int`), long
/// (`tag:yaml.org,2002:int`), the non-specific `!`, or any other; of another tag SOPS keeps the text
/// as a string and loses the tag.
///
/// # Errors
/// [`ResolveError`] when the text is none of what the tag announces. (SOPS refuses that in the first
/// document and reads null in later ones.)
pub fn resolve(text: &str, style: ScalarStyle, tag: Option<&str>) -> Result<Scalar, ResolveError> {
    let tag = tag.unwrap_or_default();
    if matches!(tag, "" | "!") {
        return Ok(match style {
            ScalarStyle::Plain => resolve_plain(text),
            _ => Scalar::Str(text.to_owned()),
        });
    }
    let name = tag.strip_prefix("!!").or_else(|| tag.strip_prefix(TAG_PREFIX));
    match name {
        Some("int") => resolve_tagged(text, "!!int"),
        Some("float") => resolve_tagged(text, "!!float"),
        Some("bool") => resolve_tagged(text, "!!bool"),
        Some("null") => resolve_tagged(text, "!!null"),
        Some("timestamp") => resolve_tagged(text, "!!timestamp"),
        Some("binary") => decode_binary(text),
        _ => Ok(Scalar::Str(text.to_owned())),
    }
}

impl Scalar {
    /// The text that SOPS encrypts, and hashes into the MAC. Nothing for null.
    ///
    /// # Errors
    /// [`NoPlaintext`] for the values that make SOPS refuse a file.
    ///
    /// # Source
    /// `ToBytes` in `sops.go` of SOPS 3.13.2: `True`/`False`, decimal integers, floats with the fewest
    /// digits and no exponent (`+Inf`, `-Inf`, `NaN`, `-0`), RFC 3339.
    pub fn plaintext(&self) -> Result<Cow<'_, [u8]>, NoPlaintext> {
        Ok(match self {
            Self::Null => Cow::Borrowed(b""),
            Self::Bool(true) => Cow::Borrowed(b"True"),
            Self::Bool(false) => Cow::Borrowed(b"False"),
            Self::Int(number) => Cow::Owned(number.to_string().into_bytes()),
            Self::Uint(_) => return Err(NoPlaintext::Uint),
            Self::Float(number) => Cow::Owned(number::render_without_exponent(*number).into_bytes()),
            Self::Time(text) if time::is_beyond_rfc3339(text) => return Err(NoPlaintext::TimeZone),
            Self::Time(text) | Self::Str(text) => Cow::Borrowed(text.as_bytes()),
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
        })
    }

    /// The type under which SOPS encrypts this value; `None` for null and for what it refuses.
    #[must_use]
    pub fn scalar_type(&self) -> Option<ScalarType> {
        match self {
            Self::Null | Self::Uint(_) => None,
            Self::Bool(_) => Some(ScalarType::Bool),
            Self::Int(_) => Some(ScalarType::Int),
            Self::Float(_) => Some(ScalarType::Float),
            Self::Time(_) => Some(ScalarType::Time),
            Self::Str(_) | Self::Bytes(_) => Some(ScalarType::Str),
        }
    }

    /// Reads a decrypted `text` as SOPS reads it for a `type:`.
    ///
    /// A comment becomes its text. Of Go's spellings of a float, hexadecimal ones are refused: nothing
    /// writes them.
    ///
    /// # Errors
    /// [`TypeMismatch`] when the text is none of what the type announces.
    pub fn from_plaintext(kind: ScalarType, text: &[u8]) -> Result<Self, TypeMismatch> {
        let mismatch = TypeMismatch { expected: kind };
        let utf8 = std::str::from_utf8(text).ok();
        let scalar = match kind {
            ScalarType::Str | ScalarType::Bytes | ScalarType::Comment => Some(Self::from_bytes(text)),
            ScalarType::Int => utf8.and_then(number::find_go_int).map(Self::Int),
            ScalarType::Float => utf8.and_then(number::find_go_float).map(Self::Float),
            ScalarType::Bool => utf8.and_then(number::find_go_bool).map(Self::Bool),
            ScalarType::Time => utf8.and_then(time::find_go_rfc3339).map(Self::Time),
        };
        scalar.ok_or(mismatch)
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        std::str::from_utf8(bytes)
            .map_or_else(|_not_utf8| Self::Bytes(bytes.to_vec()), |text| Self::Str(text.to_owned()))
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool(..)",
            Self::Int(_) => "Int(..)",
            Self::Uint(_) => "Uint(..)",
            Self::Float(_) => "Float(..)",
            Self::Time(_) => "Time(..)",
            Self::Str(_) => "Str(..)",
            Self::Bytes(_) => "Bytes(..)",
        })
    }
}

impl Zeroize for Scalar {
    fn zeroize(&mut self) {
        match self {
            Self::Null => {}
            Self::Bool(value) => value.zeroize(),
            Self::Int(number) => number.zeroize(),
            Self::Uint(number) => number.zeroize(),
            Self::Float(number) => number.zeroize(),
            Self::Time(text) | Self::Str(text) => text.zeroize(),
            Self::Bytes(bytes) => bytes.zeroize(),
        }
        *self = Self::Null;
    }
}

impl ScalarType {
    /// The name in `type:`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Bytes => "bytes",
            Self::Time => "time",
            Self::Comment => "comment",
        }
    }

    /// The type of this name, if SOPS has one.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Some(match name {
            "str" => Self::Str,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "bytes" => Self::Bytes,
            "time" => Self::Time,
            "comment" => Self::Comment,
            _ => return None,
        })
    }
}

fn find_word(text: &str) -> Option<Scalar> {
    match text {
        "true" | "True" | "TRUE" => Some(Scalar::Bool(true)),
        "false" | "False" | "FALSE" => Some(Scalar::Bool(false)),
        "~" | "null" | "Null" | "NULL" => Some(Scalar::Null),
        _ => None,
    }
}

fn resolve_tagged(text: &str, tag: &'static str) -> Result<Scalar, ResolveError> {
    match (tag, find_special(text)) {
        ("!!int", Some(scalar @ (Scalar::Int(_) | Scalar::Uint(_))))
        | ("!!float", Some(scalar @ Scalar::Float(_)))
        | ("!!bool", Some(scalar @ Scalar::Bool(_)))
        | ("!!null", Some(scalar @ Scalar::Null))
        | ("!!timestamp", Some(scalar @ Scalar::Time(_))) => Ok(scalar),
        ("!!float", Some(Scalar::Int(number))) => Ok(Scalar::Float(number::widen(number))),
        _ => Err(ResolveError::TagMismatch { tag }),
    }
}

fn decode_binary(text: &str) -> Result<Scalar, ResolveError> {
    let joined: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect());
    let decoded = GO_BASE64
        .decode(joined.as_slice())
        .map(Zeroizing::new)
        .map_err(|_cause_names_a_byte_of_the_text| ResolveError::NotBase64)?;
    Ok(Scalar::from_bytes(&decoded))
}

#[cfg(test)]
mod tests;
