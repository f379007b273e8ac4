use serde_json::Value as Json;

use super::*;
use crate::{base::value_path::ValuePath, document::yaml::scalar::Scalar};

fn value(json: &str) -> Value {
    of_json(serde_json::from_str(json).unwrap())
}

fn of_json(json: Json) -> Value {
    match json {
        Json::Null => Value::Scalar(Scalar::Null),
        Json::Bool(value) => Value::Scalar(Scalar::Bool(value)),
        Json::Number(number) => {
            Value::Scalar(number.as_i64().map_or_else(|| Scalar::Float(number.as_f64().unwrap()), Scalar::Int))
        }
        Json::String(text) => Value::Scalar(Scalar::Str(text)),
        Json::Array(items) => Value::List(items.into_iter().map(of_json).collect()),
        Json::Object(entries) => Value::Map(entries.into_iter().map(|(key, value)| (key, of_json(value))).collect()),
    }
}

fn at(text: &str, path: &str, change: impl FnOnce(&Tree<'_>, Address<'_>) -> Result<Plaintext, ChangeError>) -> String {
    let tree = Tree::parse(text).unwrap();
    let path = ValuePath::parse(path).unwrap();
    match change(&tree, Address { document: 0, path: &path }) {
        Ok(text) => text.expose().to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

#[track_caller]
fn check_set(text: &str, path: &str, json: &str, expected: &str) {
    assert_eq!(at(text, path, |tree, address| set(tree, address, &value(json))), expected, "{text:?} {path}");
}

#[track_caller]
fn check_unset(text: &str, path: &str, expected: &str) {
    assert_eq!(at(text, path, unset), expected, "{text:?} {path}");
}

#[test]
fn a_scalar_is_replaced_in_its_place() {
    check_set("a: one # in\nb: 2\n", "a", "\"two\"", "a: two # in\nb: 2\n");
    check_set("a:   one\n", "a", "7", "a:   7\n");
    check_set("a: one\n", "a", "\"7\"", "a: \"7\"\n");
    check_set("a: one\n", "a", "null", "a: null\n");
    check_set("a: !!str 5\n", "a", "6", "a: 6\n");
    check_set("a: &x one\n", "a", "\"two\"", "a: two\n");
    check_set("a: 1\n", "a", "1.5", "a: 1.5\n");
    check_set("a:\n    # c\n    one\nb: 1\n", "a", "\"two\"", "a:\n    # c\n    two\nb: 1\n");
    check_set("l:\n- one # in\n- b\n", "l[0]", "2", "l:\n- 2 # in\n- b\n");
    check_set("l:\n  - - a\n    - b\n", "l[0][1]", "\"c\"", "l:\n  - - a\n    - c\n");
    check_set("a: one\n  two\nb: 1\n", "a", "\"x\"", "a: x\nb: 1\n");
}

#[test]
fn a_string_keeps_the_style_of_the_one_it_replaces() {
    check_set("a: 'one'\n", "a", "\"it's\"", "a: 'it''s'\n");
    check_set("a: \"one\"\n", "a", "\"two\"", "a: \"two\"\n");
    check_set("a: \"one\"\n", "a", "\"t\\nu\"", "a: \"t\\nu\"\n");
    check_set("a: |\n  one\nb: 1\n", "a", "\"x\\ny\\n\"", "a: |\n  x\n  y\nb: 1\n");
    check_set("a: |\n  one\nb: 1\n", "a", "\"x\"", "a: |-\n  x\nb: 1\n");
    check_set("a: |- # c\n  one\n\n\nb: 1\n", "a", "\"x\"", "a: |- # c\n  x\n\n\nb: 1\n");
    check_set("a: | # c\n  one\nb: 1\n", "a", "5", "a: 5 # c\nb: 1\n");
    check_set("a: >-\n    one\n    two\n", "a", "\"x y\"", "a: >-\n    x y\n");
}

#[test]
fn a_value_that_needs_lines_takes_them_and_the_comment_stays_on_the_first() {
    check_set("a: one # in\nb: 2\n", "a", "\"x\\ny\\n\"", "a: | # in\n    x\n    y\nb: 2\n");
    check_set(
        "a: one # in\nb: 2\n",
        "a",
        "{\"x\":1,\"y\":[1,\"2\"]}",
        "a: # in\n    x: 1\n    \"y\":\n        - 1\n        - \"2\"\nb: 2\n",
    );
    check_set("l:\n- one # in\n- 2\n", "l[0]", "{\"x\":1,\"z\":2}", "l:\n- # in\n  x: 1\n  z: 2\n- 2\n");
    check_set("l:\n- one\n- 2\n", "l[0]", "{\"x\":1,\"z\":2}", "l:\n- x: 1\n  z: 2\n- 2\n");
    check_set("l:\n- one\n", "l[0]", "[1,2]", "l:\n- - 1\n  - 2\n");
    check_set("a: one", "a", "\"x\\n\"", "a: |\n    x\n");
    check_set("a: one", "a", "\"x\\ny\"", "a: |-\n    x\n    y\n");
    check_set("a: one", "a", "{\"b\":1}", "a:\n    b: 1");
}

#[test]
fn a_collection_is_replaced_with_everything_in_it() {
    check_set("a: # in\n  # of b\n  b: 1 # x\n  # end\nc: 2\n", "a", "\"v\"", "a: v # in\nc: 2\n");
    check_set("a:\n  b: |\n    x\n\nc: 2\n", "a", "\"v\"", "a: v\n\nc: 2\n");
    check_set("a:\n- 1\n- 2\nc: 2\n", "a", "[3]", "a:\n    - 3\nc: 2\n");
    check_set("a: {b: 1} # in\n", "a", "{}", "a: {} # in\n");
    check_set("l:\n- a: 1\n  b: 2\n- c\n", "l[0]", "\"v\"", "l:\n- v\n- c\n");
    check_set("l:\n- # in\n  a: 1\n- c\n", "l[0]", "\"v\"", "l:\n- v # in\n- c\n");
    check_set("a: &x\n  b: 1\n", "a", "{\"c\":1}", "a:\n  c: 1\n");
}

#[test]
fn a_new_key_comes_last_with_the_indentation_of_its_mapping() {
    check_set("a: 1\n", "b", "\"v\"", "a: 1\nb: v\n");
    check_set("a: 1", "b", "\"v\"", "a: 1\nb: v");
    check_set("a: 1", "b", "\"v\\n\"", "a: 1\nb: |\n    v\n");
    check_set(
        "a: 1\r\nc: 2\r\n",
        "b",
        "{\"x\":\"y\\nz\\n\"}",
        "a: 1\r\nc: 2\r\nb:\r\n    x: |\r\n        y\r\n        z\r\n",
    );
    check_set("d:\n  a: 1 # in\nz: 1\n", "d.b", "2", "d:\n  a: 1 # in\n  b: 2\nz: 1\n");
    check_set("d:\n  a: 1\n  # end\n\nz: 1\n", "d.b", "2", "d:\n  a: 1\n  # end\n  b: 2\n\nz: 1\n");
    check_set("d:\n  a: |\n    x\n\nz: 1\n", "d.b", "2", "d:\n  a: |\n    x\n  b: 2\n\nz: 1\n");
    check_set("d:\n  a: |+\n    x\n\nz: 1\n", "d.b", "2", "d:\n  a: |+\n    x\n\n  b: 2\nz: 1\n");
    check_set("d:\n  a: |\n    x", "d.b", "2", "d:\n  a: |-\n    x\n  b: 2");
    check_set("d:\n  a: |+\n    x", "e", "2", "d:\n  a: |-\n    x\ne: 2");
    check_set("l:\n- a: 1\n- b: 2\n", "l[0].c", "3", "l:\n- a: 1\n  c: 3\n- b: 2\n");
    check_set("a:\n", "b", "1", "a:\nb: 1\n");
    check_set("a: 1\n---\nb: 2\n", "c", "3", "a: 1\nc: 3\n---\nb: 2\n");
    check_set("a: 1\n...\n", "c", "3", "a: 1\nc: 3\n...\n");
    check_set("\u{feff}a: 1\n", "c", "3", "\u{feff}a: 1\nc: 3\n");
    check_set("a: 1\n", "\"tls.crt\"", "3", "a: 1\ntls.crt: 3\n");
    check_set("a: 1\n", "yes", "3", "a: 1\n\"yes\": 3\n");
}

#[test]
fn missing_parents_are_made() {
    check_set("a: 1\n", "d.e.f", "\"v\"", "a: 1\nd:\n    e:\n        f: v\n");
    check_set("a:\n  b: 1\n", "d.e[+].f", "\"v\"", "a:\n  b: 1\nd:\n  e:\n    - f: v\n");
    check_set("d: # c\na: 1\n", "d.e", "1", "d: # c\n    e: 1\na: 1\n");
    check_set("d: {} # c\n", "d.e", "1", "d: # c\n    e: 1\n");
    check_set("d: null\n", "d.e", "1", "d:\n    e: 1\n");
    check_set("d: []\n", "d[+]", "1", "d:\n    - 1\n");
    check_set("d:\n", "d[+].x", "1", "d:\n    - x: 1\n");
    check_set("l:\n-\n- b\n", "l[0].x", "1", "l:\n- x: 1\n- b\n");
    check_set("{}\n", "a", "1", "a: 1\n");
    check_set("{} # c\n", "a", "1", "# c\na: 1\n");
    check_set("---\n", "a", "1", "---\na: 1\n");
    check_set("---", "a", "1", "---\na: 1");
    check_set("---\n# c\n---\nb: 1\n", "a", "1", "---\n# c\na: 1\n---\nb: 1\n");
    check_set("null\n", "a.b", "1", "a:\n    b: 1\n");
    check_set("a: 1\n", "d[0]", "1", "error: no item [0] in `d`, which has 0");
    check_set("d:\n", "d[0]", "1", "error: no item [0] in `d`, which has 0");
}

#[test]
fn an_item_is_appended_where_the_dashes_are() {
    check_set("l:\n- a\n- b # in\nz: 1\n", "l[+]", "\"c\"", "l:\n- a\n- b # in\n- c\nz: 1\n");
    check_set(
        "l:\n    - a\n    # end\nz: 1\n",
        "l[+]",
        "{\"x\":1,\"z\":2}",
        "l:\n    - a\n    # end\n    - x: 1\n      z: 2\nz: 1\n",
    );
    check_set("l:\n- - a\n  - b\n- c\n", "l[0][+]", "\"d\"", "l:\n- - a\n  - b\n  - d\n- c\n");
    check_set("l:\n- - a\n  - b\n- c", "l[+]", "\"d\"", "l:\n- - a\n  - b\n- c\n- d");
    check_set("l:\n- a\n", "l[1]", "\"d\"", "error: no item [1] in `l`, which has 1");
}

#[test]
fn flow_collections_grow_and_change_in_their_brackets() {
    check_set("{a: 1, b: 2}\n", "c", "\"x, y\"", "{a: 1, b: 2, c: 'x, y'}\n");
    check_set("a: {b: 1,} # c\n", "a.c", "[1,{\"x\":null}]", "a: {b: 1, c: [1, {x: null}]} # c\n");
    check_set("a: [1, 2]\n", "a[+]", "3", "a: [1, 2, 3]\n");
    check_set("a: [{}, 2]\n", "a[0].x", "3", "a: [{x: 3}, 2]\n");
    check_set("a: {b, c: , d: 4}\n", "a.b", "1", "a: {b: 1, c: , d: 4}\n");
    check_set("a: {b, c: , d: 4}\n", "a.c", "1", "a: {b, c: 1 , d: 4}\n");
    check_set("a: {b: , c: 4}\n", "a.b.x", "1", "a: {b: {x: 1} , c: 4}\n");
    check_set("a: {\"b\":\"x\"}\n", "a.b", "1", "a: {\"b\": 1}\n");
    check_set("a: {\"b\":\"x\"}\n", "a.b", "\"y\"", "a: {\"b\":\"y\"}\n");
    check_set("a: [b: 1]\n", "a[0].b", "2", "a: [b: 2]\n");
    check_set(
        "a: [b: 1]\n",
        "a[0].c",
        "2",
        "error: `a[0].c` is written in a way in which it cannot be changed in place",
    );
    check_set("a: {\n  b: 1, # in\n  c: 2 # too\n}\n", "a.d", "3", "a: {\n  b: 1, # in\n  c: 2, # too\n  d: 3\n}\n");
    check_set("a: [\n  1,\n  2,\n]\n", "a[+]", "3", "a: [\n  1,\n  2,\n  3,\n]\n");
    check_set("a: { # c\n}\n", "a.b", "3", "a: {b: 3 # c\n}\n");
}

#[test]
fn what_stands_in_several_places_is_not_changed() {
    let text = "base: &b\n  x: 1\nuse: *b\nm:\n  <<: *b\n  y: 2\n";
    check_set(text, "base.x", "2", "error: `base` has the anchor `&b`, which is repeated at line 3, column 6");
    check_set(text, "base", "2", "error: `base` has the anchor `&b`, which is repeated at line 3, column 6");
    check_set(text, "use.x", "2", "error: `use` is an alias of `&b` at line 1, column 7");
    check_set(text, "m.x", "2", "error: the key `x` of `m` is merged into it by `<<` at line 5, column 3");
    check_unset(text, "m.x", "error: the key `x` of `m` is merged into it by `<<` at line 5, column 3");
    check_unset(text, "base", "error: `base` has the anchor `&b`, which is repeated at line 3, column 6");
    check_set(text, "use", "2", &text.replace("use: *b", "use: 2"));
    check_set(text, "m.y", "3", &text.replace("y: 2", "y: 3"));
    check_unset(text, "m.\"<<\"", &text.replace("  <<: *b\n", ""));
    check_set("a:\n  b: &x 1\n  c: *x\n", "a", "2", "a: 2\n");
    check_unset("a:\n  b: &x 1\n  c: *x\n", "a.c", "a:\n  b: &x 1\n");
}

#[test]
fn an_error_says_which_step_failed_and_what_is_there() {
    check_set("users:\n- a\n", "users.x", "1", "error: `users` is a list, so that it has no key `x`");
    check_set("a: {b: 1}\n", "a[0]", "1", "error: `a` is a mapping, so that it has no items");
    check_set("a: 1\n", "a.b", "1", "error: `a` is a single value, so that it has no key `b`");
    check_set("a: 1\n", "[0]", "1", "error: the top level is a mapping, so that it has no items");
    check_unset("a: 1\nb: 2\n", "c", "error: no key `c` in the top level; there are `a`, `b`");
    check_unset("d: {}\n", "d.c", "error: no key `c` in `d`; there are none");
    check_unset("d:\n", "d.c", "error: `d` is null, so that it has no key `c`");
    check_unset("d: [1]\n", "d[+]", "error: `[+]` is no item of `d` yet");
    check_unset("d: [1]\n", "d[1]", "error: no item [1] in `d`, which has 1");
    let many = (0..10).map(|number| format!("k{number}: 1\n")).collect::<String>();
    check_unset(
        &many,
        "c",
        "error: no key `c` in the top level; there are `k0`, `k1`, `k2`, `k3`, `k4`, `k5`, `k6`, `k7` and 2 more",
    );
    let tree = Tree::parse("a: 1\n").unwrap();
    let path = ValuePath::parse("a").unwrap();
    let error = find(&tree, Address { document: 1, path: &path }).unwrap_err();
    assert_eq!(error.to_string(), "there is no document 2; the file has 1");
}

#[test]
fn a_value_goes_with_its_lines_and_the_comment_beside_it() {
    check_unset("# of a\na: 1 # in\nb: 2\n", "a", "# of a\nb: 2\n");
    check_unset("a: 1\nb: 2", "b", "a: 1");
    check_unset("a: 1\r\nb: 2\r\n", "b", "a: 1\r\n");
    check_unset("a: |\n  x\nb: 2", "b", "a: |\n  x\n");
    check_unset("a: |\n  x\n\nb: 2\n", "a", "\nb: 2\n");
    check_unset("d:\n  a: 1\n  b:\n    c: 2\n    # in b\n  # in d\nz: 1\n", "d.b", "d:\n  a: 1\n  # in d\nz: 1\n");
    check_unset("l:\n- a\n- b # in\n- c\n", "l[1]", "l:\n- a\n- c\n");
    check_unset("l:\n-\n- b\n", "l[0]", "l:\n- b\n");
    check_unset("l:\n- # - no\n  a: 1\n- b\n", "l[0]", "l:\n- b\n");
    check_unset("l:\n- a: 1\n  # of b\n  b: 2\n- c\n", "l[0].a", "l:\n- # of b\n  b: 2\n- c\n");
    check_unset("l:\n- - a\n  - b\n", "l[0][0]", "l:\n- - b\n");
    check_unset("\u{feff}a: 1\nb: 2\n", "a", "\u{feff}b: 2\n");
    check_unset("? a\n: 1\n? b\n: 2\n", "a", "? b\n: 2\n");
    check_unset("a:\nb: 1\n", "a", "b: 1\n");
}

#[test]
fn the_last_member_leaves_an_empty_collection() {
    check_unset("d:\n  a: 1\nz: 1\n", "d.a", "d: {}\nz: 1\n");
    check_unset("d: # c\n  # of a\n  a: 1 # in\nz: 1\n", "d.a", "d: {} # c\n  # of a\nz: 1\n");
    check_unset("d: &x !!map\n  a: 1\nz: 1\n", "d.a", "d: {}\nz: 1\n");
    check_unset("d:\n  a: 1", "d.a", "d: {}");
    check_unset("d:\n- 1\nz: 1\n", "d[0]", "d: []\nz: 1\n");
    check_unset("l:\n- a: 1\n- b\n", "l[0].a", "l:\n- {}\n- b\n");
    check_unset("l:\n- a: |\n    x\n- b\n", "l[0].a", "l:\n- {}\n- b\n");
    check_unset("l:\n-\n  a: 1\n- b\n", "l[0].a", "l:\n- {}\n- b\n");
    check_unset("# c\na: 1 # in\n", "a", "# c\n{}\n");
    check_unset("a: 1", "a", "{}");
    check_unset("a: |\n  x\n", "a", "{}\n");
}

#[test]
fn commas_stay_right_when_a_member_goes() {
    check_unset("{a: 1, b: 2, c: 3}\n", "a", "{b: 2, c: 3}\n");
    check_unset("{a: 1, b: 2, c: 3}\n", "b", "{a: 1, c: 3}\n");
    check_unset("{a: 1, b: 2, c: 3}\n", "c", "{a: 1, b: 2}\n");
    check_unset("a: [1, 2, ] # c\n", "a[1]", "a: [1, ] # c\n");
    check_unset("a: [1]\n", "a[0]", "a: []\n");
    check_unset("a: {b, c: , d}\n", "a.d", "a: {b, c: }\n");
    check_unset("a: {b, c: , d}\n", "a.b", "a: {c: , d}\n");
    check_unset("a: [b: 1, 2]\n", "a[0].b", "a: [{}, 2]\n");
    check_unset("a: {\n  b: 1, # of b\n  # of c\n  c: 2 # in\n}\n", "a.b", "a: {\n  # of c\n  c: 2 # in\n}\n");
    check_unset("a: {\n  b: 1, # of b\n  # of c\n  c: 2 # in\n}\n", "a.c", "a: {\n  b: 1 # of b\n  # of c\n}\n");
    check_unset("a: [\n  1,\n  2,\n]\n", "a[1]", "a: [\n  1,\n]\n");
    check_unset("a: [\n  1,\n  2\n]\n", "a[1]", "a: [\n  1\n]\n");
}

#[test]
fn what_is_there_already_changes_nothing() {
    check_set("a: 0x10\n", "a", "16", "a: 0x10\n");
    check_set("a: {b: [1, two]}\n", "a", "{\"b\":[1,\"two\"]}", "a: {b: [1, two]}\n");
    check_set("a: \"1\"\n", "a", "1", "a: 1\n");
    check_set("a: 1\n", "a", "\"1\"", "a: \"1\"\n");
}
