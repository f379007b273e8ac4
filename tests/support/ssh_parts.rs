//! What an SSH key is made of, in every form in which it could be left in memory.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha512};

use crate::private_parts::Part;

/// An OpenSSH key without a passphrase: its lines, what they encode, and the numbers in that.
pub(crate) fn parts_of_ssh(pem: &str) -> Vec<Part> {
    let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let content = BASE64_STANDARD.decode(lines.concat()).unwrap();
    let mut wire = Wire(content.strip_prefix(b"openssh-key-v1\0").unwrap());
    wire.skip_strings(3);
    wire.take(4);
    wire.skip_strings(1);
    let private = wire.string();
    let mut wire = Wire(private);
    wire.take(8);
    let mut parts = vec![("line of the text", lines.iter().rev().nth(1).unwrap().as_bytes().to_vec())];
    if wire.string() == b"ssh-ed25519" {
        wire.skip_strings(1);
        let seed = wire.take(4 + 32).split_off(4);
        parts.push(("scalar", Sha512::digest(&seed).first_chunk::<32>().unwrap().to_vec()));
        parts.push(("seed", seed));
        return parts;
    }
    wire.skip_strings(2);
    for name in ["exponent", "coefficient", "first prime", "second prime"] {
        let number: Vec<u8> = wire.string().iter().copied().skip_while(|byte| *byte == 0).collect();
        parts.push((name, number));
    }
    let turned: Vec<Part> = parts
        .iter()
        .skip(1)
        .map(|(name, number)| {
            let mut number = number.clone();
            number.reverse();
            (*name, number)
        })
        .collect();
    parts.extend(turned);
    parts
}

/// The encoding of SSH (RFC 4251, section 5).
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn take(&mut self, length: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken.to_vec()
    }

    fn string(&mut self) -> &'a [u8] {
        let (length, rest) = self.0.split_first_chunk().unwrap();
        let (string, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        self.0 = rest;
        string
    }

    fn skip_strings(&mut self, count: usize) {
        for _ in 0..count {
            self.string();
        }
    }
}
