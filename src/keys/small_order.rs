//! The points of X25519 that no secret can be shared with.

/// How many bytes a point has.
pub(super) const POINT_BYTES: usize = 32;

/// Whether `point` has a small order. The secret shared with it is zero for everybody, whatever the private half.
///
/// # Source
/// RFC 7748, section 6.1 (the all-zero check); <https://cr.yp.to/ecdh.html#validate> (the list).
pub(super) fn is_small_order(point: &[u8; POINT_BYTES]) -> bool {
    let mut point = *point;
    let [.., last] = &mut point;
    // X25519 ignores this bit.
    *last &= 0x7f;
    SMALL_ORDER.contains(&point)
}

/// The first of the low bytes in front, the rest of the number behind.
const fn near_prime(first: u8) -> [u8; POINT_BYTES] {
    let mut point = [0xff; POINT_BYTES];
    point[0] = first;
    point[POINT_BYTES - 1] = 0x7f;
    point
}

const fn small(first: u8) -> [u8; POINT_BYTES] {
    let mut point = [0; POINT_BYTES];
    point[0] = first;
    point
}

/// 0, 1, the two of order 8, and p-1, p, p+1; little-endian.
const SMALL_ORDER: [[u8; POINT_BYTES]; 7] = [
    small(0),
    small(1),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    near_prime(0xec),
    near_prime(0xed),
    near_prime(0xee),
];

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Every point of small order, with and without the bit that X25519 ignores.
    pub(in crate::keys) fn both_spellings() -> Vec<[u8; POINT_BYTES]> {
        let with_bit = |point: &[u8; POINT_BYTES]| {
            let mut point = *point;
            point[POINT_BYTES - 1] |= 0x80;
            point
        };
        SMALL_ORDER.iter().flat_map(|point| [*point, with_bit(point)]).collect()
    }

    #[test]
    fn other_points_are_of_no_small_order() {
        for first in [2, 9, 0xeb, 0xef, 0xff] {
            assert!(!is_small_order(&small(first)));
            assert!(!is_small_order(&near_prime(first)));
        }
        assert!(both_spellings().iter().all(is_small_order));
    }
}
