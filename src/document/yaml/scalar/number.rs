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
    let mut out = String::new();
    Digits::of(number).push_positional(&mut out);
    out
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
    let digits = Digits::of(number);
    if (-4..6).contains(&digits.exponent) {
        digits.push_positional(out);
    } else {
        digits.push_scientific(out);
    }
}

/// The fewest digits that tell a finite float from all others, and of those the nearest.
struct Digits {
    /// `-`, or nothing.
    sign: &'static str,
    /// Significant digits, the first before the point.
    digits: Zeroizing<String>,
    exponent: i32,
}

impl Digits {
    /// Of two numbers that are equally near, Go takes the even one and Rust does not, which would be
    /// another plaintext and so another MAC: `802518020482225.25` has `.2` in Go.
    fn of(number: f64) -> Self {
        let shortest = Zeroizing::new(format!("{number:e}"));
        let precision = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
        let even = Zeroizing::new(format!("{number:.*e}", precision.saturating_sub(1)));
        let chosen = if even.parse() == Ok(number) { even } else { shortest };
        let (digits, exponent) = chosen.split_once('e').unwrap_or((&chosen, "0"));
        Self {
            sign: if number.is_sign_negative() { "-" } else { "" },
            digits: Zeroizing::new(digits.chars().filter(char::is_ascii_digit).collect()),
            exponent: exponent.parse().unwrap_or_default(),
        }
    }

    /// Without an exponent, as long as it may get.
    fn push_positional(&self, out: &mut String) {
        out.push_str(self.sign);
        let before_point = usize::try_from(self.exponent).map_or(0, |exponent| exponent + 1);
        if before_point == 0 {
            let zeros = usize::try_from(self.exponent.unsigned_abs()).unwrap_or_default();
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', zeros.saturating_sub(1)));
            return out.push_str(&self.digits);
        }
        let missing = before_point.saturating_sub(self.digits.len());
        let (whole, fraction) = self.digits.split_at_checked(before_point).unwrap_or((&self.digits, ""));
        out.push_str(whole);
        out.extend(std::iter::repeat_n('0', missing));
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(fraction);
        }
    }

    /// With an exponent of two digits at least.
    fn push_scientific(&self, out: &mut String) {
        let (first, rest) = self.digits.split_at_checked(1).unwrap_or((&self.digits, ""));
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if self.exponent < 0 { '-' } else { '+' };
        let Self { sign: minus, exponent, .. } = self;
        // Writing to a String cannot fail.
        let _infallible = write!(out, "{minus}{first}{point}{rest}e{sign}{:02}", exponent.unsigned_abs());
    }
}

fn split_sign(text: &str) -> (bool, &str) {
    if let Some(rest) = text.strip_prefix('-') { (true, rest) } else { (false, text.strip_prefix('+').unwrap_or(text)) }
}

fn with_sign(negative: bool, magnitude: u64) -> Option<i64> {
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
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
    let (rest, base) = if let Some(rest) = text.strip_prefix("0b") { (rest, 2) } else { (text.strip_prefix("0o")?, 8) };
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
