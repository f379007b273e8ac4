//! The generator of random documents keeps its word: what it says of a text is so.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{Event, Parser, ScanError};
use support::documents::{self, Feature, Sample, selectors::SelectorKind};

const SAMPLES: usize = 1_000;

fn samples() -> Vec<Sample> {
    documents::batch(1, SAMPLES)
}

#[test]
fn the_same_seed_gives_the_same_documents_and_another_seed_others() {
    let texts = |seed| documents::batch(seed, 50).into_iter().map(|sample| sample.document.text).collect::<Vec<_>>();
    assert_eq!(texts(7), texts(7));
    assert_ne!(texts(7), texts(8));
    assert_eq!(texts(7).iter().collect::<BTreeSet<_>>().len(), 50);
}

#[test]
fn every_document_parses_and_holds_the_scalars_that_it_says() {
    for Sample { document, .. } in samples() {
        let (values, documents) = count(&document.text).unwrap_or_else(|error| panic!("{error}\n{document:?}"));
        assert_eq!(values, document.leaves.len(), "{document:?}");
        assert_eq!(documents > 1, document.features.contains(&Feature::ManyDocuments), "{document:?}");
    }
}

#[test]
fn every_feature_and_every_selector_occurs() {
    let mut features = BTreeMap::new();
    let mut kinds = BTreeMap::new();
    for Sample { document, selector } in samples() {
        for feature in document.features {
            *features.entry(feature).or_insert(0) += 1;
        }
        *kinds.entry(selector.kind).or_insert(0) += 1;
    }
    for feature in Feature::ALL {
        assert!(features.get(&feature).is_some_and(|count| *count >= SAMPLES / 100), "{feature:?}: {features:?}");
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    assert!(kinds.values().all(|count| *count >= SAMPLES / 20), "{kinds:?}");
}

#[test]
fn every_selector_encrypts_a_value_and_many_leave_one_clear() {
    let mut with_clear = 0;
    for Sample { document, selector } in samples() {
        let filled = document.leaves.iter().filter(|leaf| !leaf.may_be_empty);
        let picked: Vec<bool> = filled.filter_map(|leaf| selector.encrypts(leaf)).collect();
        with_clear += usize::from(picked.contains(&false));
        let is_by_comment =
            matches!(selector.kind, SelectorKind::EncryptedCommentRegex | SelectorKind::UnencryptedCommentRegex);
        if is_by_comment {
            assert!(document.text.contains(&format!("# {}", selector.pattern)), "{selector:?}\n{document:?}");
        } else {
            assert!(picked.contains(&true), "{selector:?}\n{document:?}");
        }
    }
    assert!(with_clear > SAMPLES / 4, "{with_clear}");
}

#[test]
fn a_policy_names_the_recipient_and_quotes_the_pattern() {
    let is_by_regex = |sample: &Sample| sample.selector.kind == SelectorKind::EncryptedRegex;
    let mut selector = samples().into_iter().find(is_by_regex).expect("one of each kind").selector;
    selector.pattern = "it's".to_owned();
    selector.mac_only_encrypted = true;
    selector.indent = Some(2);
    let expected = "creation_rules:\n  - path_regex: \\.ya?ml$\n    encrypted_regex: 'it''s'\n    \
                    mac_only_encrypted: true\n    age: age1example\nstores:\n  yaml:\n    indent: 2\n";
    assert_eq!(selector.policy("age1example"), expected);
}

/// Writes 2,000 documents with their policies below the build's temporary directory, to be tried with `sops`.
#[test]
#[ignore = "writes 4,000 files for another program"]
#[expect(clippy::disallowed_methods, reason = "scratch files of a test")]
fn write_a_batch() {
    let root = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents");
    for (number, Sample { document, selector }) in documents::batch(2, 2_000).into_iter().enumerate() {
        let directory = root.join(format!("{number:04}"));
        std::fs::create_dir_all(&directory).unwrap();
        let recipient = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42"; // alice of fixtures/keys
        std::fs::write(directory.join("plain.yaml"), &document.text).unwrap();
        std::fs::write(directory.join(".sops.yaml"), selector.policy(recipient)).unwrap();
        std::fs::write(directory.join("features"), format!("{:?}\n", document.features)).unwrap();
    }
}

/// Scalars that are values, and documents.
fn count(text: &str) -> Result<(usize, usize), ScanError> {
    let mut values = 0;
    let mut documents = 0;
    // One for each open collection: whether it is a map, and how many nodes it has.
    let mut open: Vec<(bool, usize)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event?;
        let is_key = open.last().is_some_and(|(is_map, nodes)| *is_map && nodes % 2 == 0);
        match event {
            Event::DocumentStart(..) => documents += 1,
            Event::Scalar(..) if !is_key => values += 1,
            _ => {}
        }
        let is_node =
            matches!(event, Event::Scalar(..) | Event::Alias(..) | Event::MappingStart(..) | Event::SequenceStart(..));
        if let (true, Some((_, nodes))) = (is_node, open.last_mut()) {
            *nodes += 1;
        }
        match event {
            Event::MappingStart(..) => open.push((true, 0)),
            Event::SequenceStart(..) => open.push((false, 0)),
            Event::MappingEnd | Event::SequenceEnd => drop(open.pop()),
            _ => {}
        }
    }
    Ok((values, documents))
}
