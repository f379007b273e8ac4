//! How age spells public and private halves: a name, and bytes behind it with a checksum. What was decoded is wiped.

use bech32::{ToBase32 as _, Variant, u5};
use zeroize::Zeroizing;

/// The bytes of `text` if its human-readable part is `prefix`, in lower case; `None` where it is another, or the text
/// is damaged.
///
/// # Source
/// BIP 173, without its limit of length, as <https://c2sp.org/age> has it.
pub(super) fn decode(text: &str, prefix: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (found, mut fives, variant) = bech32::decode(text).ok()?;
    let bytes = (found == prefix && matches!(variant, Variant::Bech32)).then(|| join(&fives)).flatten();
    wipe(&mut fives);
    bytes
}

/// The spelling of `bytes` behind `prefix`, in lower case.
pub(super) fn encode(prefix: &str, bytes: &[u8]) -> Zeroizing<String> {
    let mut fives = bytes.to_base32();
    // It fails only for a prefix that is none, and ours are constants.
    let text = bech32::encode(prefix, &fives, Variant::Bech32).unwrap_or_default();
    wipe(&mut fives);
    Zeroizing::new(text)
}

/// Eight bits out of five; `None` where bits are left over that are not zero, or enough for another five.
fn join(fives: &[u5]) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(fives.len() * 5 / 8));
    let (mut buffer, mut bits) = (0_u16, 0);
    for five in fives {
        buffer = (buffer << 5 | u16::from(five.to_u8())) & 0x0fff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).ok()?);
        }
    }
    (bits < 5 && buffer & ((1 << bits) - 1) == 0).then_some(bytes)
}

fn wipe(fives: &mut [u5]) {
    fives.fill(u5::default());
    // Keeps the compiler from leaving out what nobody reads.
    std::hint::black_box(fives);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_length_come_back() {
        for length in [0, 1, 2, 3, 4, 5, 32, 1216] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            let text = encode("age1pq", &bytes);
            assert_eq!(decode(&text, "age1pq").unwrap().as_slice(), bytes);
            assert_eq!(decode(&text.to_uppercase(), "age1pq").unwrap().as_slice(), bytes);
            assert_eq!(decode(&text, "age"), None);
        }
    }

    #[test]
    fn a_damaged_text_is_nothing() {
        let whole = encode("age", &[7; 32]);
        let variant = bech32::encode("age", [7; 32].to_base32(), Variant::Bech32m).unwrap();
        let padded: Vec<u5> = [1, 2, 3].map(|five| u5::try_from_u8(five).unwrap()).to_vec();
        let padded = bech32::encode("age", padded, Variant::Bech32).unwrap();
        for text in [
            "",
            "1",
            "age1",
            "age",
            whole.get(..40).unwrap(),
            &whole.replacen('a', "A", 1),
            &variant,
            &padded,
            "é1qqqqqqq",
        ] {
            assert_eq!(decode(text, "age"), None, "{text}");
        }
    }
}
