//! Timestamps as Go's `time.Parse` reads them and RFC 3339 as Go writes it.
//!
//! The wall clock and the zone are kept as they were read, so no calendar arithmetic is needed
//! beyond the length of a month.

use std::fmt::Write as _;

/// How many digits a month, a day, a minute and a second need.
#[derive(Clone, Copy, PartialEq)]
enum Digits {
    OneOrTwo,
    Two,
}

/// What stands between day and hour.
#[derive(Clone, Copy, PartialEq)]
enum Separator {
    Letter,
    /// Any number of blanks, and then no zone follows.
    Blanks,
}

struct Reader<'a> {
    rest: &'a [u8],
}

/// A timestamp in one of the four forms that go-yaml tries; rendered as RFC 3339.
///
/// `2001-12-14T21:59:43.1-05:00`, the same with `t`, `2001-12-14 21:59:43.1` (in UTC), `2001-12-14`.
pub(super) fn find_yaml_timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.get(4) != Some(&b'-') {
        return None;
    }
    let mut reader = Reader { rest: bytes };
    let mut out = reader.find_date(Digits::OneOrTwo)?;
    match reader.rest.first() {
        None => {
            out.push_str("T00:00:00Z");
            Some(out)
        }
        Some(b'T' | b't') => {
            reader.skip_byte();
            reader.push_clock(&mut out, Digits::OneOrTwo, Separator::Letter)?;
            Some(out)
        }
        Some(b' ') => {
            while reader.rest.first() == Some(&b' ') {
                reader.skip_byte();
            }
            reader.push_clock(&mut out, Digits::OneOrTwo, Separator::Blanks)?;
            Some(out)
        }
        Some(_) => None,
    }
}

/// A decrypted `type:time`, as `time.Time.UnmarshalText` reads it; rendered as RFC 3339.
pub(super) fn find_go_rfc3339(text: &str) -> Option<String> {
    let mut reader = Reader { rest: text.as_bytes() };
    let mut out = reader.find_date(Digits::Two)?;
    if reader.rest.first() != Some(&b'T') {
        return None;
    }
    reader.skip_byte();
    reader.push_clock(&mut out, Digits::Two, Separator::Letter)?;
    Some(out)
}

/// Whether a rendered time has a zone that `time.Time.MarshalText` refuses: 24 hours or more.
pub(super) fn is_beyond_rfc3339(rendered: &str) -> bool {
    let Some((_, zone)) = rendered.split_at_checked(rendered.len().saturating_sub(5)) else {
        return false;
    };
    !rendered.ends_with('Z') && zone >= "24:00"
}

impl Reader<'_> {
    /// Year, month and day, rendered with leading zeros.
    fn find_date(&mut self, digits: Digits) -> Option<String> {
        let year = self.find_two_digits()? * 100 + self.find_two_digits()?;
        self.skip(b'-')?;
        let month = self.find_number(digits)?;
        self.skip(b'-')?;
        let day = self.find_number(digits)?;
        if day == 0 || day > days_in(year, month)? {
            return None;
        }
        let mut out = String::with_capacity("2006-01-02T15:04:05.999999999+07:00".len());
        write!(out, "{year:04}-{month:02}-{day:02}").ok()?;
        Some(out)
    }

    /// Hour to zone, and nothing after it.
    fn push_clock(&mut self, out: &mut String, digits: Digits, separator: Separator) -> Option<()> {
        let hour = self.find_number(Digits::OneOrTwo).filter(|hour| *hour < 24)?;
        self.skip(b':')?;
        let minute = self.find_number(digits).filter(|minute| *minute < 60)?;
        self.skip(b':')?;
        let second = self.find_number(digits).filter(|second| *second < 60)?;
        write!(out, "T{hour:02}:{minute:02}:{second:02}").ok()?;
        self.push_fraction(out);
        if separator == Separator::Blanks {
            out.push('Z');
        } else {
            self.push_zone(out)?;
        }
        self.rest.is_empty().then_some(())
    }

    /// At most nine digits are kept, and no zeros at their end. A comma is as good as a point.
    fn push_fraction(&mut self, out: &mut String) {
        let [b'.' | b',', digits @ ..] = self.rest else { return };
        let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let Some((digits, rest)) = digits.split_at_checked(count).filter(|_| count > 0) else {
            return;
        };
        self.rest = rest;
        let kept = without_final_zeros(digits.get(..9).unwrap_or(digits));
        if !kept.is_empty() {
            out.push('.');
            out.extend(kept.iter().map(|digit| char::from(*digit)));
        }
    }

    fn push_zone(&mut self, out: &mut String) -> Option<()> {
        let sign = match self.rest.first()? {
            b'Z' => {
                self.skip_byte();
                out.push('Z');
                return Some(());
            }
            b'+' => '+',
            b'-' => '-',
            _ => return None,
        };
        self.skip_byte();
        // 24 hours and 60 minutes are let through by Go, which carries them over.
        let hours = self.find_two_digits().filter(|hours| *hours <= 24)?;
        self.skip(b':')?;
        let minutes = self.find_two_digits().filter(|minutes| *minutes <= 60)?;
        let offset = hours * 60 + minutes;
        if offset == 0 {
            out.push('Z');
            return Some(());
        }
        write!(out, "{sign}{:02}:{:02}", offset / 60, offset % 60).ok()
    }

    fn find_number(&mut self, digits: Digits) -> Option<u32> {
        if digits == Digits::Two || self.rest.get(1).is_some_and(u8::is_ascii_digit) {
            return self.find_two_digits();
        }
        self.find_digit()
    }

    fn find_two_digits(&mut self) -> Option<u32> {
        Some(self.find_digit()? * 10 + self.find_digit()?)
    }

    fn find_digit(&mut self) -> Option<u32> {
        let digit = char::from(*self.rest.first()?).to_digit(10)?;
        self.skip_byte();
        Some(digit)
    }

    fn skip(&mut self, expected: u8) -> Option<()> {
        (self.rest.first() == Some(&expected)).then(|| self.skip_byte())
    }

    fn skip_byte(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }
}

fn without_final_zeros(digits: &[u8]) -> &[u8] {
    let kept = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    digits.get(..kept).unwrap_or_default()
}

fn days_in(year: u32, month: u32) -> Option<u32> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 if is_leap => Some(29),
        2 => Some(28),
        _ => None,
    }
}
