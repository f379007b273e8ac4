//! Numbers and truth values as Go's `strconv` reads and writes them.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::Scalar;

/// The bits of Go's `math.NaN()`.
const GO_NAN_BITS: u64 = 0x7FF8_0000_0000_0001;

/// `.inf`, `-.inf`, `.nan` in the spellings that go-yaml knows.
pub(super) fn find_special_float(text: &str) -> Option<f64> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => Some(f64::from_bits(GO_NAN_BITS)),
        _ => None,
    }
}

/// An integer or a float that starts with a digit or a sign, underscores anywhere ignored.
pub(super) fn find_number(text: &str) -> Option<Scalar> {
    let without;
    let text = if text.contains('_') {
        without = Zeroizing::new(text.replace('_', ""));
        without.as_str()
    } else {
        text
    };
    find_int_any_base(text)
        .map(Scalar::Int)
        .or_else(|| find_uint_any_base(text).map(Scalar::Uint))
        .or_else(|| find_decimal_float(text).map(Scalar::Float))
        .or_else(|| find_int_with_inner_sign(text).map(Scalar::Int))
}

/// A finite float in decimal: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
///
/// What is too big for a double is no float, as in Go; what is too small is zero.
pub(super) fn find_decimal_float(text: &str) -> Option<f64> {
    if !is_decimal_float(text.as_bytes()) {
        return None;
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// As `strconv.Atoi`.
pub(super) fn find_go_int(text: &str) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    with_sign(negative, find_digits(digits, 10)?)
}

/// As `strconv.ParseFloat`, but for hexadecimal floats.
pub(super) fn find_go_float(text: &str) -> Option<f64> {
    let (negative, unsigned) = split_sign(text);
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::from_bits(GO_NAN_BITS));
    }
    if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
        return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    find_decimal_float(text)
}

/// As `strconv.ParseBool`.
pub(super) fn find_go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// The nearest double.
#[expect(clippy::cast_precision_loss, reason = "go-yaml rounds `!!float 9007199254740993` so")]
pub(super) fn widen(number: i64) -> f64 {
    number as f64
}

/// As Go's format `f` with the fewest digits: `0.1`, `100`, `-0`, `+Inf`, `NaN`.
pub(super) fn render_without_exponent(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    number.to_string()
}

/// Writes a float as go-yaml does: Go's format `g` with the fewest digits, `.inf`, `.nan`.
///
/// The exponent is used below -4 and from 6 on, and has two digits at least.
pub(in crate::document) fn push_float(out: &mut String, number: f64) {
    if number.is_nan() {
        return out.push_str(".nan");
    }
    if number.is_infinite() {
        return out.push_str(if number > 0.0 { ".inf" } else { "-.inf" });
    }
    let scientific = Zeroizing::new(format!("{number:e}"));
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return out.push_str(&scientific);
    };
    // Writing to a String cannot fail, and an exponent of ours is a number.
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let _infallible = if (-4..6).contains(&exponent) {
        write!(out, "{number}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{digits}e{sign}{:02}", exponent.unsigned_abs())
    };
}

fn split_sign(text: &str) -> (bool, &str) {
    if let Some(rest) = text.strip_prefix('-') {
        (true, rest)
    } else {
        (false, text.strip_prefix('+').unwrap_or(text))
    }
}

fn with_sign(negative: bool, magnitude: u64) -> Option<i64> {
    if negative {
        0_i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// Digits alone: a sign, which Rust would take, is refused.
fn find_digits(digits: &str, base: u32) -> Option<u64> {
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, base).ok()
}

/// `0x`, `0o`, `0b`, a leading `0` for octal, else decimal.
fn find_uint_any_base(text: &str) -> Option<u64> {
    let (digits, base) = match text.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (text.get(2..)?, 16),
        [b'0', b'o' | b'O', _, ..] => (text.get(2..)?, 8),
        [b'0', b'b' | b'B', _, ..] => (text.get(2..)?, 2),
        [b'0', ..] => (text, 8),
        _ => (text, 10),
    };
    find_digits(digits, base)
}

fn find_int_any_base(text: &str) -> Option<i64> {
    let (negative, unsigned) = split_sign(text);
    with_sign(negative, find_uint_any_base(unsigned)?)
}

/// `0b-1` and `0o+7`: go-yaml cuts the prefix off itself and lets the rest have a sign.
fn find_int_with_inner_sign(text: &str) -> Option<i64> {
    let (rest, base) = if let Some(rest) = text.strip_prefix("0b") {
        (rest, 2)
    } else {
        (text.strip_prefix("0o")?, 8)
    };
    let (negative, digits) = split_sign(rest);
    with_sign(negative, find_digits(digits, base)?)
}

fn is_decimal_float(text: &[u8]) -> bool {
    let unsigned = match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    };
    let (whole, rest) = split_digits(unsigned);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => split_digits(rest),
        _ => (0, rest),
    };
    if whole + fraction == 0 {
        return false;
    }
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            !exponent.is_empty() && exponent.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

fn split_digits(text: &[u8]) -> (usize, &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, text.get(count..).unwrap_or_default())
}
