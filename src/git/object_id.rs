//! Names of objects: SHA-1 or SHA-256.

/// The name of an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    bytes: [u8; MAX_BYTES],
    is_sha256: bool,
}

const SHA1_BYTES: usize = 20;
const MAX_BYTES: usize = 32;

impl ObjectId {
    /// Reads 40 or 64 hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn parse(hex: &[u8]) -> Option<Self> {
        let is_sha256 = match hex.len() {
            length if length == 2 * SHA1_BYTES => false,
            length if length == 2 * MAX_BYTES => true,
            _ => return None,
        };
        let mut bytes = [0; MAX_BYTES];
        for (byte, [high, low]) in bytes.iter_mut().zip(hex.as_chunks::<2>().0) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self { bytes, is_sha256 })
    }

    /// Whether it names nothing: git writes zeros where there is no object.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.bytes == [0; MAX_BYTES]
    }

    /// Its first hexadecimal digits, enough for people to find it.
    #[must_use]
    pub fn shortened(&self) -> String {
        let mut hex = self.to_string();
        hex.truncate(SHORT_DIGITS);
        hex
    }
}

/// How many digits people are shown.
const SHORT_DIGITS: usize = 10;

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = if self.is_sha256 { MAX_BYTES } else { SHA1_BYTES };
        self.bytes.iter().take(length).try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl std::fmt::Debug for ObjectId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_and_written_in_both_lengths() {
        for hex in ["0123456789abcdef0123456789abcdef01234567", &"f0".repeat(32)] {
            let id = ObjectId::parse(hex.as_bytes()).unwrap();
            assert_eq!((id.to_string().as_str(), id.shortened().as_str()), (hex, hex.split_at(10).0));
            assert!(!id.is_null());
        }
        assert!(ObjectId::parse(&[b'0'; 64]).unwrap().is_null());
        for bad in ["", "0123", &"g".repeat(40), &"A".repeat(40), &"0".repeat(41)] {
            assert_eq!(ObjectId::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
