//! What a new file starts from: an example of what its selector encrypts.

use std::path::Path;

use crate::sops::selector::{Selector, SelectorKind};

/// What stands where a secret will be.
const PLACEHOLDER: &str = "change-me";

/// A Kubernetes Secret where the selector picks its values and nothing else; otherwise keys that the selector picks, as
/// far as they can be guessed. Indented by `step`.
pub(super) fn template(path: &Path, selector: &Selector, step: usize) -> String {
    let picks = |keys: &[&str]| selector.selects_path(keys);
    let fits_secret = picks(&["stringData", "password"]) == Some(true)
        && [&["kind"][..], &["type"], &["metadata", "name"]].iter().all(|keys| picks(keys) == Some(false));
    if fits_secret {
        let name = secret_name(path);
        return format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n{0:step$}name: {name}\ntype: Opaque\nstringData:\n{0:step$}password: \
             {PLACEHOLDER}\n",
            ""
        );
    }
    match selector.kind() {
        SelectorKind::EncryptedSuffix => format!("username: admin\npassword{}: {PLACEHOLDER}\n", selector.pattern()),
        SelectorKind::EncryptedRegex => {
            let guesses = ["password", "data", "stringData", "secret", "secrets", "token", "key", "value", "encrypted"];
            let key = guesses.iter().find(|key| picks(&[key]) == Some(true)).unwrap_or(&"password");
            if matches!(*key, "data" | "stringData" | "secret" | "secrets" | "encrypted") {
                format!("{key}:\n{:step$}password: {PLACEHOLDER}\n", "")
            } else {
                format!("{key}: {PLACEHOLDER}\n")
            }
        }
        _ => format!("username: admin\npassword: {PLACEHOLDER}\n"),
    }
}

/// The file's name up to its first dot, made fit for Kubernetes.
fn secret_name(path: &Path) -> String {
    let stem = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = stem.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let name: String =
        stem.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '-' }).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "example".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, kind: SelectorKind, pattern: &str, expected: &str) {
        let selector = Selector::new(kind, pattern).unwrap();
        assert_eq!(template(Path::new(path), &selector, 2), expected);
    }

    #[test]
    fn a_secret_is_offered_where_only_its_values_are_encrypted() {
        let secret = |name| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\ntype: Opaque\nstringData:\n  password: change-me\n"
            )
        };
        check("a/db.sops.yaml", SelectorKind::EncryptedRegex, "^(data|stringData)$", &secret("db"));
        check("My_App.yaml", SelectorKind::EncryptedRegex, "^stringData$", &secret("my-app"));
        check(".yaml", SelectorKind::EncryptedRegex, "^(data|stringData)$", &secret("example"));
    }

    #[test]
    fn elsewhere_keys_are_offered_that_the_selector_picks() {
        check("a", SelectorKind::UnencryptedSuffix, "_unencrypted", "username: admin\npassword: change-me\n");
        check("a", SelectorKind::EncryptedSuffix, "_enc", "username: admin\npassword_enc: change-me\n");
        check("a", SelectorKind::EncryptedRegex, "^token$", "token: change-me\n");
        check("a", SelectorKind::EncryptedRegex, "^secrets$", "secrets:\n  password: change-me\n");
    }
}
