//! Real public YAML files, encrypted and decrypted again. The files are not part of the repository: `tests/corpus/fetch.py`
//! brings them, and `CORPUS` names the directory where they lie.

mod support;

use std::{collections::BTreeMap, path::PathBuf};

use gitops_secrets::{
    base::secret::DataKey,
    crypto::mac::Coverage,
    document::yaml::tree::Tree,
    sops::{
        file::{MacPolicy, NewFile, SopsFile, encrypt},
        selector::Selector,
        shape::check_shape,
    },
};
use support::values::values;

fn encrypted(text: &str, key: &DataKey) -> Result<String, gitops_secrets::sops::error::SopsError> {
    let wrapped = [("age1test".to_owned(), "-----BEGIN AGE ENCRYPTED FILE-----\nnone\n".to_owned())];
    let selector = Selector::default_unencrypted_suffix();
    let new = NewFile {
        wrapped: &wrapped,
        selector: &selector,
        coverage: Coverage::AllValues,
        step: None,
        now: "2026-11-21T00:00:00Z",
    };
    encrypt(text, key, &new).map(|encrypted| encrypted.text)
}

#[test]
#[ignore = "needs the files that tests/corpus/fetch.py brings"]
fn real_files_come_back_from_encryption() {
    let folder = PathBuf::from(std::env::var_os("CORPUS").expect("CORPUS names the directory of the files"));
    let key = DataKey::generate().unwrap();
    let mut counts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension != "tsv")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Ok(text) = std::fs::read_to_string(path) else {
            counts.entry("not UTF-8").or_default().push(name);
            continue;
        };
        let class = match encrypted(&text, &key) {
            Err(error) => {
                let refused = Tree::parse(&text).map_or(true, |tree| check_shape(&tree).is_err());
                counts.entry("refused").or_default().push(format!("{name}: {error}"));
                if refused { continue } else { "refused in encryption" }
            }
            Ok(sealed) => {
                let file = SopsFile::read(&sealed).unwrap();
                let decrypted = match file.decrypt(&key, MacPolicy::Require) {
                    Ok(decrypted) => decrypted,
                    Err(error) => {
                        counts.entry("NOT OPENED").or_default().push(format!("{name}: {error}"));
                        continue;
                    }
                };
                let back = decrypted.text.expose();
                if back == text {
                    "same bytes"
                } else if values(back) == values(&text) {
                    let differing = back.lines().zip(text.lines()).find(|(ours, theirs)| ours != theirs);
                    counts.entry("detail").or_default().push(format!("{name}: {differing:?}"));
                    "same values"
                } else {
                    let (back, text) = (values(back), values(&text));
                    let differing = back.lines().zip(text.lines()).find(|(ours, theirs)| ours != theirs);
                    counts.entry("detail").or_default().push(format!("VALUES {name}: {differing:?}"));
                    "OTHER VALUES"
                }
            }
        };
        counts.entry(class).or_default().push(name);
    }
    for (class, names) in &counts {
        println!("{class}: {}", names.len());
    }
    for line in counts.get("detail").into_iter().flatten() {
        println!("{line}");
    }
    for line in counts.get("refused").into_iter().flatten() {
        println!("REFUSED {line}");
    }
    for line in counts.get("NOT OPENED").into_iter().flatten() {
        println!("NOT OPENED {line}");
    }
    assert!(!counts.contains_key("NOT OPENED"));
    assert!(!counts.contains_key("OTHER VALUES"));
    assert!(!counts.contains_key("refused in encryption"));
}
