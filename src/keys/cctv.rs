//! C2SP's age vectors against the one function that opens an age file for us. They are not in this repository:
//! `CCTV_AGE` names their directory, which `.ci/run` fetches.

use std::{io::Read as _, path::Path};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{
    armor::render_armor,
    ask::Asker,
    content::{Locked, Refused, open_file},
    identity::{Identity, UnwrapError, unwrap},
    source::{Source, SourceProblem},
};
use crate::base::{env::Env, process::Tool};

/// More than the largest vector holds.
const VECTOR_LIMIT_BYTES: usize = 64 << 20;

struct Vector {
    name: String,
    head: String,
    file: Vec<u8>,
}

impl Vector {
    fn read(path: &Path) -> Self {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(path).unwrap();
        let end = bytes.windows(2).position(|window| window == b"\n\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut vector = Self { name, head, file: bytes[end + 2..].to_vec() };
        if vector.find("compressed").is_some() {
            let script = "import sys, zlib\n\
                          data = open(sys.argv[1], 'rb').read().split(b'\\n\\n', 1)[1]\n\
                          sys.stdout.buffer.write(zlib.decompress(data))";
            let inflate = Tool::new("python3").args(["-c", script]).arg(path);
            vector.file = inflate.capture(VECTOR_LIMIT_BYTES).unwrap().to_vec();
        }
        vector
    }

    fn find(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.head
            .lines()
            .filter_map(move |line| line.split_once(": ").filter(|(name, _)| *name == key))
            .map(|(_, text)| text)
    }

    /// As the metadata of a file has it.
    fn armor(&self) -> String {
        if self.find("armored").is_some() {
            // What is not even text cannot stand in the metadata.
            return String::from_utf8_lossy(&self.file).into_owned();
        }
        render_armor(&self.file)
    }

    fn identities(&self) -> Vec<Identity> {
        self.all("identity").map(|text| Identity::parse(text, &Asker::default()).unwrap()).collect()
    }

    /// What becomes of it in our hands, in the words of the vectors, and the digest of its content.
    fn open(&self) -> (&'static str, Option<String>) {
        if let Some(passphrase) = self.find("passphrase") {
            match Locked::file(&self.file, &Source::KeyText) {
                Ok(_) => return self.open_locked(passphrase),
                // That is the other path's to judge.
                Err(SourceProblem::NotForPassphrase) => {}
                Err(_) => return ("header failure", None),
            }
        }
        outcome(unwrap(&self.armor(), VECTOR_LIMIT_BYTES, self.identities().iter()))
    }

    /// As an encrypted identity file.
    fn open_locked(&self, passphrase: &str) -> (&'static str, Option<String>) {
        let mut file = self.file.clone();
        if self.find("armored").is_some() {
            file.clear();
            age::armor::ArmoredReader::new(self.file.as_slice()).read_to_end(&mut file).unwrap();
        }
        match open_file(&file, passphrase.to_owned().into()) {
            Ok(payload) => ("success", Some(hex(&Sha256::digest(payload.as_slice())))),
            Err(Refused::Passphrase) => ("no match", None),
            Err(Refused::Other(_)) => ("header failure", None),
        }
    }
}

/// The word of the vectors for what we make of one.
fn outcome(opened: Result<Option<Zeroizing<Vec<u8>>>, UnwrapError>) -> (&'static str, Option<String>) {
    match opened {
        Ok(Some(payload)) => ("success", Some(hex(&Sha256::digest(payload.as_slice())))),
        Ok(None) => ("no match", None),
        Err(UnwrapError::NotArmored) => ("armor failure", None),
        Err(UnwrapError::Age(age::DecryptError::InvalidMac)) => ("HMAC failure", None),
        Err(UnwrapError::Age(age::DecryptError::Io(cause))) if is_armor(&cause) => ("armor failure", None),
        Err(UnwrapError::Payload(cause)) if is_armor(&cause) => ("armor failure", None),
        Err(UnwrapError::Payload(_)) => ("payload failure", None),
        Err(UnwrapError::Age(_)) => ("header failure", None),
        Err(UnwrapError::TooLong) => ("too long", None),
    }
}

fn is_armor(cause: &std::io::Error) -> bool {
    cause.get_ref().is_some_and(|inner| inner.downcast_ref::<age::armor::ArmoredReadError>().is_some())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
#[ignore = "needs the vectors of C2SP: CCTV_AGE=DIRECTORY"]
fn every_vector_of_c2sp_has_the_result_that_its_authors_expect() {
    let directory = Env::of_process().path("CCTV_AGE").expect("CCTV_AGE names the directory of the vectors");
    let mut paths: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut wrong = Vec::new();
    for path in &paths {
        let vector = Vector::read(path);
        let (found, payload) = vector.open();
        let expected = vector.find("expect").unwrap();
        let is_same_payload = payload.is_none() || payload.as_deref() == vector.find("payload");
        if found != expected || !is_same_payload {
            wrong.push(format!("{}: expected {expected}, but {found}", vector.name));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(paths.len(), 143);
}
