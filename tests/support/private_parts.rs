//! What a line of an identity file is made of, in every form in which it could be left in memory.

use bech32::FromBase32 as _;

/// A part of an identity, and what it is.
pub(crate) type Part = (&'static str, Vec<u8>);

/// `AGE-SECRET-KEY-…` or `AGE-PLUGIN-…`: its letters, the numbers that they stand for, and the bytes in those.
pub(crate) fn parts_of_line(line: &str) -> Vec<Part> {
    let (_, fives, _) = bech32::decode(line).unwrap();
    let bytes = Vec::from_base32(&fives).unwrap();
    let letters = line.rsplit_once('1').unwrap().1;
    let fives: Vec<u8> = fives.into_iter().map(|five| five.to_u8()).collect();
    vec![
        ("text", letters.as_bytes().to_vec()),
        ("text in lower case", letters.to_ascii_lowercase().into_bytes()),
        ("numbers of the letters", fives),
        ("bytes", bytes),
    ]
}
