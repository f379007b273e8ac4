//! The manifests of Secrets in clear: what `kubectl get secret -o yaml` prints, or what is to be applied.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use super::view::{Places, View};
use crate::{
    base::span::LineColumn,
    document::{error::DocumentError, yaml::tree::Tree},
};

/// How deep `List` objects are opened.
const MAX_LISTS: usize = 8;

/// One Secret.
#[derive(Debug)]
pub struct SecretManifest {
    /// Its name.
    pub name: String,
    /// Its namespace, where it is written.
    pub namespace: Option<String>,
    /// What it holds, in order.
    pub entries: Vec<SecretEntry>,
}

/// One entry of a Secret.
pub struct SecretEntry {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: LineColumn,
    /// What it holds; `None` where that is not base64.
    pub content: Option<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for SecretEntry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SecretEntry({})", self.name)
    }
}

/// The Secrets in the documents of `text`, those in lists too. An entry below `stringData` goes before one of the same
/// name below `data`.
///
/// # Errors
/// [`DocumentError`] for what is not YAML.
pub fn parse_secrets(text: &str) -> Result<Vec<SecretManifest>, DocumentError> {
    let tree = Tree::parse(text)?;
    let places = Places::new(text);
    let mut found = Vec::new();
    View::roots(&tree, &places).for_each(|root| read_into(root, MAX_LISTS, &mut found));
    Ok(found)
}

fn read_into(root: View<'_, '_>, lists: usize, found: &mut Vec<SecretManifest>) {
    if let Some(items) = root.field("items").filter(|_| lists > 0) {
        return items.items().for_each(|item| read_into(item, lists - 1, found));
    }
    if root.text_at(&["kind"]) != Some("Secret") {
        return;
    }
    let fields = |name: &str| root.field(name).into_iter().flat_map(View::entries);
    let entry = |(name, view): (&str, View<'_, '_>), content| SecretEntry {
        name: name.to_owned(),
        place: view.place(),
        content,
    };
    let clear = fields("stringData").map(|(name, view)| {
        let content = view.text().unwrap_or_default().as_bytes().to_vec();
        entry((name, view), Some(Zeroizing::new(content)))
    });
    let mut entries: Vec<SecretEntry> = clear.collect();
    for (name, view) in fields("data").filter(|(name, _)| !fields("stringData").any(|(other, _)| other == *name)) {
        let mut text = Zeroizing::new(view.text().unwrap_or_default().to_owned());
        // Kubernetes lets breaks within pass.
        text.retain(|character| !matches!(character, '\n' | '\r'));
        entries.push(entry((name, view), BASE64_STANDARD.decode(&*text).ok().map(Zeroizing::new)));
    }
    found.push(SecretManifest {
        name: root.text_at(&["metadata", "name"]).unwrap_or_default().to_owned(),
        namespace: root.text_at(&["metadata", "namespace"]).map(str::to_owned),
        entries,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_kubernetes_reads_them() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- kind: ConfigMap\n  data: {x: y}\n- kind: Secret\n  metadata: {name: \
                    s, namespace: n}\n  stringData: {a: one}\n  data:\n    a: dHdv\n    b: |\n      dH\n      dv\n    c: '?'\n";
        let secrets = parse_secrets(text).unwrap();
        let [secret] = secrets.as_slice() else { panic!("{secrets:?}") };
        assert_eq!((secret.name.as_str(), secret.namespace.as_deref()), ("s", Some("n")));
        let shown = |entry: &SecretEntry| {
            let content = entry.content.as_ref().map(|content| String::from_utf8(content.to_vec()).unwrap());
            format!("{} {content:?}", entry.name)
        };
        let entries: Vec<String> = secret.entries.iter().map(shown).collect();
        assert_eq!(entries, ["a Some(\"one\")", "b Some(\"two\")", "c None"]);
        assert!(!format!("{secret:?}").contains("one"));
        assert!(parse_secrets("{").is_err());
    }
}
