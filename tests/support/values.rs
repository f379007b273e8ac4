//! The values of a YAML text as lines to compare: path, type and text of each, aliases followed.

use gitops_secrets::document::yaml::{
    scalar::resolve,
    tree::{Item, Kind, NodeId, Tree},
};

/// One line a value, in document order: `0 a.b[2] str "text"`.
#[must_use]
pub(crate) fn values(text: &str) -> String {
    let tree = Tree::parse(text).unwrap();
    let mut lines = String::new();
    for (number, document) in tree.documents().iter().enumerate() {
        push(&tree, document.root, &number.to_string(), &mut lines);
    }
    lines
}

fn push(tree: &Tree<'_>, id: NodeId, path: &str, lines: &mut String) {
    let node = tree.resolve(id);
    match &node.kind {
        Kind::Scalar { text, style } => {
            let tag = node.properties.as_deref().and_then(|properties| properties.tag);
            let tag = tag.map(|tag| tag.of(tree.text()).to_owned());
            let scalar = resolve(text.as_str(), *style, tag.as_deref()).unwrap();
            let kind = scalar.scalar_type().map_or("null", |kind| kind.name());
            let plaintext = scalar.plaintext().unwrap().into_owned();
            lines.push_str(&format!("{path} {kind} {:?}\n", String::from_utf8_lossy(&plaintext)));
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
