//! The values of a YAML text as lines to compare: path, type and text of each, aliases followed. Integers and floats are
//! both numbers (SOPS writes `8.0` as `8`), and an empty document is an empty mapping (SOPS writes `{}`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use gitops_secrets::document::yaml::{
    scalar::resolve,
    tree::{Item, Kind, NodeId, Tree},
};

/// One line a value, in document order: `0 a.b[2] str "text"`.
#[must_use]
pub(crate) fn values(text: &str) -> String {
    find_values(text).unwrap()
}

/// The same; the reason why there are none, if the text is no YAML to us.
pub(crate) fn find_values(text: &str) -> Result<String, String> {
    let tree = Tree::parse(text).map_err(|error| error.to_string())?;
    let mut lines = String::new();
    for (number, document) in tree.documents().iter().enumerate() {
        push(&tree, document.root, &number.to_string(), &mut lines);
    }
    Ok(lines)
}

fn push(tree: &Tree<'_>, id: NodeId, path: &str, lines: &mut String) {
    let node = tree.resolve(id);
    match &node.kind {
        Kind::Scalar { text, style } => {
            let tag = node.properties.as_deref().and_then(|properties| properties.tag);
            let tag = tag.map(|tag| tag.of(tree.text()).to_owned());
            let scalar = resolve(text.as_str(), *style, tag.as_deref()).unwrap();
            let kind = match scalar.scalar_type().map_or("null", |kind| kind.name()) {
                "int" | "float" => "number",
                "null" if !path.contains(['.', '[']) => {
                    lines.push_str(&format!("{path} {{}}\n"));
                    return;
                }
                kind => kind,
            };
            let plaintext = scalar.plaintext().unwrap().into_owned();
            let plaintext = String::from_utf8_lossy(&plaintext);
            let plaintext = if kind == "number" && plaintext == "-0" { "0" } else { &plaintext };
            lines.push_str(&format!("{path} {kind} {plaintext:?}\n"));
        }
        Kind::Mapping(collection) => {
            for item in &collection.items {
                if let Item::Entry(key, value) = item {
                    let Kind::Scalar { text, .. } = &tree.resolve(*key).kind else { panic!("a key that is no scalar") };
                    push(tree, *value, &format!("{path}.{}", text.as_str()), lines);
                }
            }
            if !collection.items.iter().any(|item| matches!(item, Item::Entry(..))) {
                lines.push_str(&format!("{path} {{}}\n"));
            }
        }
        Kind::Sequence(collection) => {
            let elements = collection.items.iter().filter_map(|item| match item {
                Item::Element(value) => Some(*value),
                _ => None,
            });
            let mut count = 0;
            for (number, value) in elements.enumerate() {
                push(tree, value, &format!("{path}[{number}]"), lines);
                count += 1;
            }
            if count == 0 {
                lines.push_str(&format!("{path} []\n"));
            }
        }
        Kind::Alias(_) => panic!("an alias of an alias"),
    }
}
