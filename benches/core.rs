//! The work of the core, without processes and disks: `cargo bench`.
//!
//! A Kubernetes Secret stands for the everyday file; 100,000 values in 20 MB for the largest that anybody has.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot prepare its input fails; criterion's macros make the rest"
)]

use std::{fmt::Write as _, hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gitops_secrets::{
    base::{env::Env, secret::DataKey, value_path::ValuePath},
    crypto::{
        cipher::{Ciphertext, ValueCipher},
        mac::{Coverage, Mac},
    },
    document::yaml::{
        change::{self, Address},
        emit::Value,
        scalar::Scalar,
        tree::Tree,
    },
    keys::{AgeEntry, Asker, Identities, Recipient},
    sops::{
        block::WrappedGroups,
        file::{MacPolicy, NewFile, SopsFile, encrypt},
        selector::{Selector, SelectorKind},
    },
};

const KEY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys/alice.txt");
const RECIPIENT: &str = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";
const NOW: &str = "2026-11-21T00:00:00Z";

const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: production
stringData:
  user: admin
  password: correct horse battery staple
";

const BIG_VALUES: usize = 100_000;

/// Maps of ten values of about 190 bytes each: 20 MB.
fn big() -> String {
    let value = "0123456789abcdefghijklmnopqrstuvwxyz ".repeat(5);
    let mut text = String::new();
    for number in 0..BIG_VALUES {
        if number % 10 == 0 {
            writeln!(text, "group{:05}:", number / 10).unwrap();
        }
        writeln!(text, "    key{number:06}: {value}{number}").unwrap();
    }
    text
}

/// A data key, and what is needed to encrypt with it.
struct Sealer {
    key: DataKey,
    wrapped: WrappedGroups,
    selector: Selector,
}

impl Sealer {
    fn new(selector: Selector) -> Self {
        let key = DataKey::generate().unwrap();
        let enc = Recipient::parse(RECIPIENT).unwrap().wrap(&key, &Asker::default()).unwrap();
        Self { key, wrapped: vec![(RECIPIENT.to_owned(), enc)].into(), selector }
    }

    fn seal(&self, text: &str) -> String {
        let Self { key, wrapped, selector } = self;
        let new = NewFile { wrapped, selector, coverage: Coverage::AllValues, step: None, now: NOW };
        encrypt(text, key, &new).unwrap().text
    }

    fn open(&self, text: &str) -> usize {
        let file = SopsFile::read(text).unwrap();
        file.decrypt(&self.key, MacPolicy::Require).unwrap().text.expose().len()
    }

    /// Opens the text, sets one value, and seals it again with every other ciphertext kept.
    fn set(&self, text: &str, path: &str) -> String {
        let file = SopsFile::read(text).unwrap();
        let (decrypted, reuse) = file.decrypt_to_change(&self.key, MacPolicy::Require).unwrap();
        let tree = Tree::parse(decrypted.text.expose()).unwrap();
        let path = ValuePath::parse(path).unwrap();
        let value = Value::Scalar(Scalar::Str("another".to_owned()));
        let changed = change::set(&tree, Address { document: 0, path: &path }, &value).unwrap();
        file.reseal(&self.key, changed.expose(), reuse, NOW).unwrap().text
    }
}

fn small_secret(criterion: &mut Criterion) {
    let sealer = Sealer::new(Selector::new(SelectorKind::EncryptedRegex, "^(data|stringData)$").unwrap());
    let sealed = sealer.seal(SECRET);
    let mut group = criterion.benchmark_group("small-secret");
    group.bench_function("parse", |bencher| bencher.iter(|| Tree::parse(black_box(SECRET)).unwrap().nodes().len()));
    group.bench_function("encrypt", |bencher| bencher.iter(|| sealer.seal(black_box(SECRET))));
    group.bench_function("decrypt", |bencher| bencher.iter(|| sealer.open(black_box(&sealed))));
    group.bench_function("set-one-value", |bencher| {
        bencher.iter(|| sealer.set(black_box(&sealed), "stringData.password"));
    });
    group.finish();
}

fn big_file(criterion: &mut Criterion) {
    let clear = big();
    let sealer = Sealer::new(Selector::default_unencrypted_suffix());
    let sealed = sealer.seal(&clear);
    let mut group = criterion.benchmark_group("100000-values-20-MB");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Bytes(clear.len() as u64));
    group.bench_function("parse", |bencher| bencher.iter(|| Tree::parse(black_box(&clear)).unwrap().nodes().len()));
    group.bench_function("encrypt", |bencher| bencher.iter(|| sealer.seal(black_box(&clear))));
    group.bench_function("decrypt", |bencher| bencher.iter(|| sealer.open(black_box(&sealed))));
    group.bench_function("set-one-value", |bencher| {
        bencher.iter(|| sealer.set(black_box(&sealed), "group05000.key050005"));
    });
    group.finish();
}

/// One value of 32 bytes, and the code over 100,000 of them.
fn values(criterion: &mut Criterion) {
    const VALUE: &str = "correct horse battery staple 123";
    const ADDITIONAL_DATA: &str = "stringData:password:";
    let key = DataKey::generate().unwrap();
    let mut cipher = ValueCipher::new(&key);
    let mut sealed = String::new();
    cipher.push_encrypted(&mut sealed, VALUE.as_bytes(), ADDITIONAL_DATA, "str").unwrap();
    let mut group = criterion.benchmark_group("values");
    group.bench_function("encrypt-one", |bencher| {
        bencher.iter(|| {
            let mut out = String::with_capacity(sealed.len());
            cipher.push_encrypted(&mut out, black_box(VALUE.as_bytes()), ADDITIONAL_DATA, "str").unwrap();
            out
        });
    });
    group.bench_function("decrypt-one", |bencher| {
        bencher.iter(|| {
            let value = Ciphertext::parse(black_box(&sealed)).unwrap();
            cipher.decrypt(&value, ADDITIONAL_DATA).unwrap().len()
        });
    });
    group.throughput(Throughput::Bytes((VALUE.len() * BIG_VALUES) as u64));
    group.bench_function("mac-of-100000", |bencher| {
        bencher.iter(|| {
            let mut mac = Mac::new(Coverage::AllValues);
            (0..BIG_VALUES).for_each(|_| mac.update_selected(black_box(VALUE.as_bytes())));
            mac.finish()
        });
    });
    group.finish();
}

/// The data key to and from its age file, identities read from their file each time as a process does.
fn age(criterion: &mut Criterion) {
    let key = DataKey::generate().unwrap();
    let recipient = Recipient::parse(RECIPIENT).unwrap();
    let enc = recipient.wrap(&key, &Asker::default()).unwrap();
    let env: Env = [("SOPS_AGE_KEY_FILE", KEY_FILE), ("HOME", "/nonexistent")].into_iter().collect();
    let entries = [AgeEntry { recipient: RECIPIENT, enc: &enc }];
    let mut group = criterion.benchmark_group("age");
    group
        .bench_function("wrap", |bencher| bencher.iter(|| recipient.wrap(black_box(&key), &Asker::default()).unwrap()));
    group.bench_function("unwrap", |bencher| {
        bencher.iter(|| Identities::from_env(&env).open(black_box(&entries)).unwrap());
    });
    group.finish();
}

fn brief() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2)).sample_size(50)
}

criterion_group! {
    name = benches;
    config = brief();
    targets = small_secret, values, age, big_file
}
criterion_main!(benches);
