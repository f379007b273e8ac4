//! The spans of scalars and comments, against inputs that were marked by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gitops_secrets::document::yaml::tree::{Kind, Tree};

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark(String, usize, usize);

#[track_caller]
fn check(name: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/yaml-spans");
    let text = std::fs::read_to_string(format!("{folder}/{name}.yaml")).unwrap();
    let marks = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    let mut expected: Vec<Mark> = serde_json::from_str::<Vec<(String, usize, usize)>>(&marks)
        .unwrap()
        .into_iter()
        .map(|(kind, start, end)| Mark(kind, start, end))
        .collect();
    let tree = Tree::parse(&text).unwrap();
    let scalars = tree.nodes().filter(|node| matches!(node.kind, Kind::Scalar { .. }) && !node.is_absent());
    let mut found: Vec<Mark> = scalars.map(|node| Mark("s".to_owned(), node.span.start, node.span.end)).collect();
    found.extend(tree.comments().iter().map(|comment| Mark("c".to_owned(), comment.span.start, comment.span.end)));
    expected.sort();
    found.sort();
    let show = |marks: &[Mark]| {
        marks.iter().map(|mark| format!("{mark:?} {:?}\n", text.get(mark.1..mark.2))).collect::<String>()
    };
    assert_eq!(show(&found), show(&expected), "{name}");
}

#[test]
fn spans_of_scalars_and_comments_are_those_marked_by_hand() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/yaml-spans");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names.len(), 20);
    for name in names {
        check(&name);
    }
}
