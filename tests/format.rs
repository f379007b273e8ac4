//! The tables of `docs/format.md`: each row is encrypted and decrypted, or refused, as it says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use gitops_secrets::{
    base::{env::Env, secret::Plaintext},
    keys::{NewIdentity, Recipient, generate_key_text},
    ops::{
        decrypt::decrypt,
        encrypt::{Wishes, encrypt},
        error::OpError,
        session::Session,
    },
    sops::file::MacPolicy,
};

const DOCUMENT: &str = include_str!("../docs/format.md");

struct World {
    session: Session,
    wishes: Wishes,
}

impl World {
    fn new() -> Self {
        let (recipient, identity) = generate_key_text(NewIdentity::X25519, 0);
        let env: Env = [("SOPS_AGE_KEY", identity.expose()), ("HOME", "/nonexistent")].into_iter().collect();
        let recipients = Some(vec![Recipient::parse(&recipient.to_string()).unwrap()]);
        Self { session: Session::new(env, "/".into(), None), wishes: Wishes { recipients, ..Wishes::default() } }
    }

    fn there_and_back(&self, text: &str) -> Result<String, OpError> {
        let name = Path::new("/nowhere/a.yaml");
        let sealed = encrypt(&self.session, name, &Plaintext::new(text.to_owned()), &self.wishes)?;
        Ok(decrypt(&self.session, name, &sealed, MacPolicy::Require)?.text.expose().to_owned())
    }
}

/// The cells in backticks of each row below `heading`, as texts.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let (_, section) = DOCUMENT.split_once(&format!("\n## {heading}\n")).unwrap();
    let rows =
        section.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    let cell = |cell: &str| Some(cell.trim().strip_prefix('`')?.strip_suffix('`')?.replace('⏎', "\n") + "\n");
    rows.map(|row| row.split('|').skip(2).filter_map(cell).collect()).collect()
}

#[test]
fn what_cannot_survive_comes_back_as_the_table_says() {
    let world = World::new();
    let rows = rows("What cannot survive");
    assert!(rows.len() > 20, "{} rows are few", rows.len());
    for row in rows {
        let [before, after] = row.as_slice() else { panic!("{row:?}") };
        assert_eq!(world.there_and_back(before).unwrap(), *after, "{before:?}");
        assert_ne!(before, after);
        // What came back has its standard spelling: it survives.
        assert_eq!(world.there_and_back(after).unwrap(), *after);
    }
}

#[test]
fn what_is_refused_is_refused() {
    let world = World::new();
    let rows = rows("What is refused although `sops` takes it");
    assert!(rows.len() >= 4, "{rows:?}");
    for row in rows {
        let text = row[0].replace("\\u2028", "\u{2028}");
        assert!(world.there_and_back(&text).is_err(), "{text:?}");
    }
}

#[test]
fn what_has_its_standard_spelling_or_a_style_of_its_own_survives() {
    let world = World::new();
    let samples = [
        "a: b",
        "a: |\n  b",
        "a: 'Yes'\nb: \"c\"\n",
        "a: [b, 'c', \"d\", {e: f}] # g\n",
        "a: | # b\n  c\n\n\n",
        "a: >-\n  b\n\n  c\nd: |+\n  e\n\n",
        "a: &x !foo b # c\n# d\n",
        "\u{feff}a:   b   \r\nc: |\r\n  d\r\n",
        "%YAML 1.1\n---\n? a\n: b\n...\n",
        "a:\n- b # c\n-   d\n\n\ne: 1.5\nf: true\ng: 2024-01-02T03:04:05Z\n",
    ];
    for text in samples {
        assert_eq!(world.there_and_back(text).unwrap(), text);
    }
}
