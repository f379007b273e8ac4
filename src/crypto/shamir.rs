//! Shamir's secret sharing, as SOPS splits a data key over key groups: any `threshold` shares give the secret back, and
//! fewer tell nothing of it.
//!
//! Arithmetic in GF(2^8) with the polynomial of AES, without tables and without branches on secrets.

use zeroize::Zeroizing;

/// How many shares there can be: each has another number of one byte, and zero is the place of the secret.
pub const SHARES_LIMIT: usize = 255;
/// The fewest shares that can be asked for.
pub const THRESHOLD_MIN: usize = 2;

/// A share: the value of each byte's polynomial at the share's number, and that number in one more byte. Wiped on drop.
pub type Share = Zeroizing<Vec<u8>>;

/// Why a secret is not split, or shares are not put together. Tells nothing of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Fewer shares than two, or more than there are, would be needed; or there would be too many.
    #[error("a secret is not split so that {threshold} of {shares} shares give it back")]
    Threshold {
        /// How many would be needed.
        threshold: usize,
        /// How many there would be.
        shares: usize,
    },
    /// The operating system has no randomness to give.
    #[error("no randomness from the operating system")]
    NoRandomness,
    /// So many shares cannot be put together.
    #[error("{0} shares cannot be put together")]
    Count(usize),
    /// The shares have different lengths, or are too short to be any.
    #[error("the shares have different lengths, or none")]
    Length,
    /// A share has the number zero, which is where the secret itself is.
    #[error("a share has the number 0")]
    Zero,
    /// Two shares have the same number.
    #[error("two shares have the number {0}")]
    Duplicate(u8),
}

/// Splits `secret` into so many `shares`, numbered from 1, of which any `threshold` give it back.
///
/// # Errors
/// [`ShareError::Threshold`] unless `2 <= threshold <= shares <= 255`; [`ShareError::Length`] for an empty secret;
/// [`ShareError::NoRandomness`].
///
/// # Source
/// Adi Shamir, "How to share a secret" (1979); the layout of the shares is that of SOPS 3.13.2, `shamir/shamir.go`.
pub fn split(secret: &[u8], shares: usize, threshold: usize) -> Result<Vec<Share>, ShareError> {
    if !(THRESHOLD_MIN..=shares).contains(&threshold) || shares > SHARES_LIMIT {
        return Err(ShareError::Threshold { threshold, shares });
    }
    if secret.is_empty() {
        return Err(ShareError::Length);
    }
    let degree = threshold - 1;
    let mut coefficients = Zeroizing::new(vec![0; degree * secret.len()]);
    getrandom::fill(&mut coefficients).map_err(|_cause| ShareError::NoRandomness)?;
    let share = |number: u8| {
        // With room for all of it: a share that grows would leave parts of itself behind.
        let mut share = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
        let polynomials = secret.iter().zip(coefficients.chunks(degree));
        share.extend(polynomials.map(|(constant, rest)| evaluate(*constant, rest, number)));
        share.push(number);
        share
    };
    Ok((1..=u8::MAX).take(shares).map(share).collect())
}

/// Puts a secret together from `shares`. Too few of them, or wrong ones, give another secret, which nothing here can tell.
///
/// # Errors
/// [`ShareError`] for shares that cannot be of one secret.
///
/// # Source
/// Lagrange's interpolation at zero.
pub fn combine(shares: &[Share]) -> Result<Zeroizing<Vec<u8>>, ShareError> {
    if !(THRESHOLD_MIN..=SHARES_LIMIT).contains(&shares.len()) {
        return Err(ShareError::Count(shares.len()));
    }
    let mut numbers: Vec<u8> = Vec::with_capacity(shares.len());
    let mut length = None;
    for share in shares {
        let (number, values) = share.split_last().ok_or(ShareError::Length)?;
        if values.is_empty() || length.is_some_and(|length| length != values.len()) {
            return Err(ShareError::Length);
        }
        match *number {
            0 => return Err(ShareError::Zero),
            number if numbers.contains(&number) => return Err(ShareError::Duplicate(number)),
            number => numbers.push(number),
        }
        length = Some(values.len());
    }
    let mut secret = Zeroizing::new(vec![0; length.unwrap_or_default()]);
    for (share, number) in shares.iter().zip(&numbers) {
        let weight = weight(*number, &numbers);
        for (byte, value) in secret.iter_mut().zip(share.iter()) {
            *byte ^= multiply(*value, weight);
        }
    }
    Ok(secret)
}

/// The polynomial with this constant and these higher coefficients at `x`, by Horner's rule.
fn evaluate(constant: u8, higher: &[u8], x: u8) -> u8 {
    let above = higher.iter().rev().fold(0, |sum, coefficient| multiply(sum, x) ^ coefficient);
    multiply(above, x) ^ constant
}

/// What the share with this number counts for at zero, among those with `numbers`.
fn weight(number: u8, numbers: &[u8]) -> u8 {
    let others = numbers.iter().filter(|other| **other != number);
    others.fold(1, |weight, other| multiply(weight, multiply(*other, invert(number ^ *other))))
}

/// The product in GF(2^8).
///
/// # Source
/// FIPS 197, section 4.2: modulo x^8 + x^4 + x^3 + x + 1.
const fn multiply(left: u8, right: u8) -> u8 {
    let (mut product, mut power, mut bits) = (0, left, right);
    let mut round = 0;
    while round < u8::BITS {
        product ^= power & (bits & 1).wrapping_neg();
        power = (power << 1) ^ (0x1b & (power >> 7).wrapping_neg());
        bits >>= 1;
        round += 1;
    }
    product
}

/// The inverse in GF(2^8): the 254th power, as the 255th of all but zero is one.
const fn invert(value: u8) -> u8 {
    let mut inverse = 1;
    let mut power = value;
    let mut round = 1;
    // 254 is 2 + 4 + … + 128.
    while round < u8::BITS {
        power = multiply(power, power);
        inverse = multiply(inverse, power);
        round += 1;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What SOPS 3.13.2 split into three, two of which are needed; see `fixtures/sops/181-groups-2-of-3`.
    const SECRET_2_OF_3: &str = "8fb5972e7f764b928f003bd43fdef87f4e6814892cac0ee8ca5ca7c935a335f2";
    const SHARES_2_OF_3: [&str; 3] = [
        "358438df4cfcc4ee55635cb33c4881e2b1a58d2ad896a03c3c76d3a5ff98de2f01",
        "e0d7d2d719794e6a20c6f51a39e90a5eabe93dd4dfd8495b3d084f11bad5f85302",
        "5ae67d262af3c116faa5927d3a7f73c35424a4772be2e78fcb223b7d70ee138e03",
    ];
    /// And into five, three of which are needed; see `fixtures/sops/182-groups-3-of-5`.
    const SECRET_3_OF_5: &str = "ef875e75a4ca233cd2bc3e4f611f2de42b68330cd13f5998d9bee0240a8e5a1e";
    const SHARES_3_OF_5: [&str; 5] = [
        "9f506c7051a4f042a237e4251edb8e38a9d152d4e1094c7c34466e801220d4ed01",
        "a5be6b7f79b1953cad73c06785205d30933492dbbdf2a1dec23322a8e5a5c6d302",
        "d569597a8cdf4642ddf81a0dfae4feec118df3038dc4b43a2fcbac0cfd0b482003",
        "e5f36b61b59678e1661c86c2dae77990ea04fd52390cd776aa3c46769e73235f04",
        "9524596440f8ab9f16975ca8a523da4c68bd9c8a093ac29247c4c8d286ddadac05",
    ];

    fn bytes(hex: &str) -> Share {
        let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect::<Vec<u8>>().into()
    }

    /// The members of `all` whose bits are set.
    fn subset<T: Clone>(all: &[T], bits: usize) -> Vec<T> {
        all.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, one)| one.clone()).collect()
    }

    #[track_caller]
    fn check_golden(shares: &[&str], threshold: usize, secret: &str) {
        let shares: Vec<Share> = shares.iter().map(|share| bytes(share)).collect();
        for bits in 0..1 << shares.len() {
            let some = subset(&shares, bits);
            let outcome = combine(&some);
            match some.len() {
                0 | 1 => assert_eq!(outcome, Err(ShareError::Count(some.len()))),
                count => assert_eq!(outcome.unwrap() == bytes(secret), count >= threshold, "{bits:b}"),
            }
        }
    }

    #[test]
    fn the_shares_of_sops_give_its_data_key() {
        check_golden(&SHARES_2_OF_3, 2, SECRET_2_OF_3);
        check_golden(&SHARES_3_OF_5, 3, SECRET_3_OF_5);
    }

    #[test]
    fn the_field_is_that_of_aes() {
        // FIPS 197, section 4.2, and its example.
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        assert_eq!(multiply(0x57, 0x13), 0xfe);
        for value in 1..=u8::MAX {
            assert_eq!(multiply(value, invert(value)), 1, "{value}");
        }
        assert_eq!(invert(0), 0);
    }

    #[test]
    fn a_share_ends_in_its_number() {
        let shares = split(b"secret", 255, 2).unwrap();
        let numbers: Vec<u8> = shares.iter().map(|share| *share.last().unwrap()).collect();
        assert_eq!(numbers, (1..=255).collect::<Vec<u8>>());
        assert!(shares.iter().all(|share| share.len() == 7));
    }

    #[test]
    fn a_threshold_that_makes_no_sense_is_refused() {
        for (shares, threshold) in [(0, 0), (1, 1), (2, 0), (2, 1), (2, 3), (256, 2), (256, 256), (usize::MAX, 2)] {
            assert_eq!(split(b"secret", shares, threshold), Err(ShareError::Threshold { threshold, shares }));
        }
        assert_eq!(split(b"", 2, 2), Err(ShareError::Length));
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        let check = |shares: &[&[u8]], expected| {
            let shares: Vec<Share> = shares.iter().map(|share| share.to_vec().into()).collect();
            assert_eq!(combine(&shares), Err(expected));
        };
        check(&[], ShareError::Count(0));
        check(&[&[7, 1]], ShareError::Count(1));
        check(&vec![&[7, 1][..]; 256], ShareError::Count(256));
        check(&[&[7, 1], &[]], ShareError::Length);
        check(&[&[1], &[2]], ShareError::Length);
        check(&[&[7, 1], &[7, 7, 2]], ShareError::Length);
        check(&[&[7, 1], &[7, 0]], ShareError::Zero);
        check(&[&[7, 1], &[8, 1]], ShareError::Duplicate(1));
    }

    proptest! {
        #[test]
        fn as_many_shares_as_are_needed_give_the_secret_and_fewer_do_not(
            secret in prop::collection::vec(any::<u8>(), 16..48),
            count in 2..8_usize,
            threshold in 2..8_usize,
            bits in any::<usize>(),
        ) {
            prop_assume!(threshold <= count);
            let shares = split(&secret, count, threshold).unwrap();
            let mut some = subset(&shares, bits);
            some.reverse();
            if let Ok(found) = combine(&some) {
                prop_assert_eq!(found.as_slice() == secret, some.len() >= threshold);
            } else {
                prop_assert!(some.len() < 2);
            }
        }

        #[test]
        fn nothing_makes_it_panic(shares in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..5)) {
            let shares: Vec<Share> = shares.into_iter().map(Share::from).collect();
            drop(combine(&shares));
        }
    }
}
