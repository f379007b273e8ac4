//! A value as it is typed: JSON, with every type kept.

use std::collections::HashSet;

use zeroize::Zeroize as _;

use crate::document::yaml::{emit::Value, scalar::Scalar};

/// Collections within each other; what is typed for one value is never that deep.
const DEPTH_LIMIT: usize = 100;

/// Why a text is no value. Holds nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value {fault}, at character {character}")]
pub struct JsonError {
    /// What is wrong.
    pub fault: JsonFault,
    /// The character at which reading stopped, from 1.
    pub character: usize,
}

/// What can be wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// It is not JSON.
    #[error("is not valid JSON")]
    Syntax,
    /// An integer that does not fit 64 bits with sign, or a float that is none in 64 bits.
    #[error("has a number beyond 64 bits")]
    NumberTooLarge,
    /// A key that occurs twice in one object.
    #[error("has a key twice in one object")]
    DuplicateKey,
    /// Too many collections within each other.
    #[error("is nested more than {DEPTH_LIMIT} deep")]
    TooDeep,
}

/// Reads JSON: `7` is an integer, `"7"` a string, objects keep their order. Blanks around it are ignored.
///
/// # Errors
/// [`JsonError`]; of integers, those beyond 64 bits with sign, which SOPS cannot keep exactly.
///
/// # Source
/// RFC 8259. `sops set` takes the same, but makes floats of all numbers.
pub fn parse_value(text: &str) -> Result<Value, JsonError> {
    let mut reader = Reader { text, at: 0 };
    let mut value = reader.value(0)?;
    reader.skip_blanks();
    if reader.at < text.len() {
        value.zeroize();
        return Err(reader.error(JsonFault::Syntax));
    }
    Ok(value)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, fault: JsonFault) -> JsonError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        JsonError { fault, character: before.chars().count() + 1 }
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Takes `token`, blanks before it skipped, if it comes next.
    fn takes(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let is_next = self.rest().starts_with(token);
        self.at += if is_next { token.len() } else { 0 };
        is_next
    }

    fn expect(&mut self, token: &str) -> Result<(), JsonError> {
        if self.takes(token) { Ok(()) } else { Err(self.error(JsonFault::Syntax)) }
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        if depth > DEPTH_LIMIT {
            return Err(self.error(JsonFault::TooDeep));
        }
        self.skip_blanks();
        let scalar = match self.rest().chars().next() {
            Some('{') => return self.object(depth),
            Some('[') => return self.array(depth),
            Some('"') => Scalar::Str(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            _ if self.takes("true") => Scalar::Bool(true),
            _ if self.takes("false") => Scalar::Bool(false),
            _ if self.takes("null") => Scalar::Null,
            _ => return Err(self.error(JsonFault::Syntax)),
        };
        Ok(Value::Scalar(scalar))
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.expect("{")?;
        let mut entries = Vec::new();
        let mut keys = HashSet::new();
        if self.takes("}") {
            return Ok(Value::Map(entries));
        }
        loop {
            self.skip_blanks();
            let start = self.at;
            let key = self.string()?;
            if !keys.insert(key.clone()) {
                self.at = start;
                return Err(self.error(JsonFault::DuplicateKey));
            }
            self.expect(":")?;
            entries.push((key, self.value(depth + 1)?));
            if !self.takes(",") {
                self.expect("}")?;
                return Ok(Value::Map(entries));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.expect("[")?;
        let mut items = Vec::new();
        if self.takes("]") {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.takes(",") {
                self.expect("]")?;
                return Ok(Value::List(items));
            }
        }
    }

    /// A string, whose end is found here and whose escapes are left to `serde_json`.
    fn string(&mut self) -> Result<String, JsonError> {
        let rest = self.rest();
        let mut is_escaped = false;
        let end = rest.char_indices().skip(1).find_map(|(at, character)| {
            let ends = character == '"' && !is_escaped;
            is_escaped = character == '\\' && !is_escaped;
            ends.then_some(at + 1)
        });
        let token = end.and_then(|end| rest.get(..end)).filter(|token| token.starts_with('"'));
        let token = token.ok_or_else(|| self.error(JsonFault::Syntax))?;
        let text: String = serde_json::from_str(token).map_err(|_cause| self.error(JsonFault::Syntax))?;
        self.at += token.len();
        Ok(text)
    }

    fn number(&mut self) -> Result<Scalar, JsonError> {
        let rest = self.rest();
        let length = rest.find(|character: char| !matches!(character, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
        let token = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        if !is_number(token) {
            return Err(self.error(JsonFault::Syntax));
        }
        let too_large = self.error(JsonFault::NumberTooLarge);
        let scalar = if token.contains(['.', 'e', 'E']) {
            let number: f64 = token.parse().map_err(|_cause| too_large)?;
            Scalar::Float(Some(number).filter(|number| number.is_finite()).ok_or(too_large)?)
        } else {
            Scalar::Int(token.parse().map_err(|_cause| too_large)?)
        };
        self.at += token.len();
        Ok(scalar)
    }
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
fn is_number(token: &str) -> bool {
    let unsigned = token.strip_prefix('-').unwrap_or(token);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(is_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(scalar: Scalar) -> Result<Value, JsonError> {
        Ok(Value::Scalar(scalar))
    }

    fn str(text: &str) -> Value {
        Value::Scalar(Scalar::Str(text.to_owned()))
    }

    #[track_caller]
    fn check(text: &str, expected: Result<Value, JsonError>) {
        assert_eq!(parse_value(text), expected, "{text}");
    }

    #[track_caller]
    fn check_refused(text: &str, fault: JsonFault, character: usize) {
        check(text, Err(JsonError { fault, character }));
    }

    #[test]
    fn types_are_kept() {
        check("7", scalar(Scalar::Int(7)));
        check(" -0\n", scalar(Scalar::Int(0)));
        check("9223372036854775807", scalar(Scalar::Int(i64::MAX)));
        check("-9223372036854775808", scalar(Scalar::Int(i64::MIN)));
        check("1.50", scalar(Scalar::Float(1.5)));
        check("1e-3", scalar(Scalar::Float(0.001)));
        check("\"7\"", Ok(str("7")));
        check("\"\\u00e9\\ud83e\\udd80\\n\\\"\\\\\"", Ok(str("é🦀\n\"\\")));
        check("true", scalar(Scalar::Bool(true)));
        check("null", scalar(Scalar::Null));
    }

    #[test]
    fn objects_and_lists_keep_their_order() {
        let list = Value::List(vec![Value::Scalar(Scalar::Int(1)), str("2"), Value::List(vec![])]);
        let map = vec![("z".to_owned(), list), ("a".to_owned(), Value::Map(vec![]))];
        check(" { \"z\" : [1, \"2\" ,[]],\"a\":{}} ", Ok(Value::Map(map)));
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place_only() {
        check_refused("", JsonFault::Syntax, 1);
        check_refused("hunter2", JsonFault::Syntax, 1);
        check_refused("\"é\" x", JsonFault::Syntax, 5);
        check_refused("\"open", JsonFault::Syntax, 1);
        check_refused("\"a\nb\"", JsonFault::Syntax, 1);
        check_refused("'a'", JsonFault::Syntax, 1);
        check_refused("[1,]", JsonFault::Syntax, 4);
        check_refused("{\"a\" 1}", JsonFault::Syntax, 6);
        check_refused("{a: 1}", JsonFault::Syntax, 2);
        for number in ["01", "1.", ".5", "+1", "1e", "0x10", "--1", "1-1"] {
            assert!(parse_value(number).is_err(), "{number}");
        }
        check_refused("{\"a\":1,\"a\":2}", JsonFault::DuplicateKey, 8);
        check_refused(&"[".repeat(5000), JsonFault::TooDeep, 102);
    }

    #[test]
    fn a_number_that_cannot_be_kept_is_refused() {
        check_refused("9223372036854775808", JsonFault::NumberTooLarge, 1);
        check_refused("[1, 12345678901234567890]", JsonFault::NumberTooLarge, 5);
        check_refused("1e999", JsonFault::NumberTooLarge, 1);
    }
}
