use super::*;
use std::collections::{BTreeMap, BTreeSet};

fn place(position: Position, indent: usize) -> Place<'static> {
    Place::new(position, indent)
}

fn text(value: &str) -> Value {
    Value::Scalar(Scalar::Str(value.to_owned()))
}

/// The document that each column of the fixture shows, with `value` spelt by us.
fn spell_columns(value: &Scalar) -> BTreeMap<&'static str, String> {
    let entry = |place: Place<'_>, prefix: &str, value: Value| {
        let mut out = prefix.to_owned();
        push_entry(&mut out, "k", &value, &place);
        out.push('\n');
        out
    };
    let scalar = Value::Scalar(value.clone());
    let deep = Place { step: 2, ..place(Position::MapValue, 0) };
    let deep_value =
        Value::Map(vec![("b".to_owned(), Value::List(vec![Value::Map(vec![("k".to_owned(), scalar.clone())])]))]);
    let mut deep_text = String::new();
    push_entry(&mut deep_text, "a", &deep_value, &deep);
    deep_text.push('\n');
    let mut columns = BTreeMap::from([
        ("map", entry(place(Position::MapValue, 0), "", scalar.clone())),
        ("list", entry(place(Position::MapValue, 0), "", Value::List(vec![scalar]))),
        ("deep", deep_text),
    ]);
    if let Scalar::Str(key) = value {
        let mut out = String::new();
        push_entry(&mut out, key, &text("v"), &place(Position::MapValue, 0));
        out.push('\n');
        columns.insert("key", out);
    }
    columns
}

fn read_row(row: &serde_json::Value) -> Option<Scalar> {
    let value = row["value"].as_str().unwrap();
    Some(match row["type"].as_str().unwrap() {
        "str" => Scalar::Str(value.to_owned()),
        "int" => Scalar::Int(value.parse().unwrap()),
        "float" => Scalar::Float(f64::from_bits(u64::from_str_radix(value, 16).unwrap())),
        "bool" => Scalar::Bool(value == "true"),
        "time" => Scalar::Time(value.to_owned()),
        "null" => Scalar::Null,
        _ => return None,
    })
}

/// Whether a text is one of those whose line breaks Go and YAML 1.2 see differently, in a place where it
/// matters: SOPS writes them raw, we escape them.
fn is_foreign(text: &str) -> bool {
    let body = text.trim_end_matches(traits::is_foreign_break);
    body.contains(traits::is_foreign_break) || text.contains('\n') && text.contains(traits::is_foreign_break)
}

#[test]
fn new_values_are_spelt_as_sops_spells_them_unless_that_misreads() {
    let misread: BTreeSet<(String, String)> = include_str!("../../../../fixtures/yaml-emit-misread.jsonl")
        .lines()
        .map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap())
        .flat_map(|row| {
            let value = row["value"].as_str().unwrap().to_owned();
            let columns = row["columns"].as_array().unwrap().clone();
            columns.into_iter().map(move |column| (value.clone(), column.as_str().unwrap().to_owned()))
        })
        .collect();
    let (mut rows, mut equal, mut corrected, mut foreign) = (0, 0, 0, 0);
    for row in include_str!("../../../../fixtures/yaml-emit.jsonl").lines() {
        rows += 1;
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let Some(scalar) = read_row(&row) else {
            let (value, expected) = match row["type"].as_str().unwrap() {
                "map" => (Value::Map(Vec::new()), "k: {}\n"),
                _ => (Value::List(Vec::new()), "k: []\n"),
            };
            let mut out = String::new();
            push_entry(&mut out, "k", &value, &place(Position::MapValue, 0));
            out.push('\n');
            assert_eq!((out.as_str(), row["map"].as_str().unwrap()), (expected, expected));
            equal += 1;
            continue;
        };
        let value = row["value"].as_str().unwrap();
        for (column, ours) in spell_columns(&scalar) {
            let Some(theirs) = row.get(column).and_then(|cell| cell.as_str()) else { continue };
            if misread.contains(&(value.to_owned(), column.to_owned())) {
                assert_ne!(ours, theirs, "{value:?} {column}: this spelling loses the value");
                corrected += 1;
            } else if is_foreign(value) && ours != theirs {
                assert!(ours.contains("\\L") || ours.contains("\\P"), "{value:?} {column}");
                foreign += 1;
            } else {
                assert_eq!(ours, theirs, "{value:?} {column}");
                equal += 1;
            }
        }
    }
    assert_eq!((rows, equal, corrected, foreign), (3056, 11_799, 37, 244));
}

#[test]
fn a_new_value_that_sops_would_lose_gets_a_spelling_that_keeps_it() {
    #[track_caller]
    fn check(value: &str, place: &Place<'_>, expected: &str) {
        let mut out = String::new();
        push_scalar(&mut out, &Scalar::Str(value.to_owned()), place);
        assert_eq!(out, expected);
    }
    let (value, item) = (place(Position::MapValue, 0), place(Position::ListItem, 4));
    check("\tx\ny", &value, "|4-\n    \tx\n    y");
    check("\t\n", &item, "|2\n      \t");
    check("\nx", &item, "|2-\n\n      x");
    check("  a\nb\n", &place(Position::MapValue, 6), "|2\n          a\n        b");
    check("a\u{2028}b", &value, "\"a\\Lb\"");
    check("a\n\u{2029}", &value, "\"a\\n\\P\"");
}

#[test]
fn flow_collections_forbid_more_plain_texts() {
    for value in ["a?b", "a,b", "a:b", "?a", "a]", "{", "- a"] {
        let mut out = String::new();
        push_scalar(&mut out, &Scalar::Str(value.to_owned()), &place(Position::Flow, 0));
        assert_eq!(out, format!("'{value}'"));
    }
}

fn block(header: &str, column: usize) -> Spelling {
    Spelling::Block { header: parse_block_header(header).unwrap(), column }
}

fn respell(text: &str, like: &Spelling, place: &Place<'_>) -> String {
    let mut out = String::new();
    push_respelled(&mut out, text, like, place);
    out
}

#[track_caller]
fn check_respelled(text: &str, like: &Spelling, expected: &str) {
    assert_eq!(respell(text, like, &place(Position::MapValue, 0)), expected);
}

#[test]
fn a_decrypted_string_keeps_its_quotes() {
    check_respelled("it's", &Spelling::SingleQuoted, "'it''s'");
    check_respelled("true", &Spelling::SingleQuoted, "'true'");
    check_respelled("🔑\t", &Spelling::SingleQuoted, "'🔑\t'");
    check_respelled("", &Spelling::SingleQuoted, "''");
    check_respelled("word", &Spelling::DoubleQuoted, "\"word\"");
    check_respelled("a\tb\n", &Spelling::DoubleQuoted, "\"a\\tb\\n\"");
    check_respelled("true", &Spelling::Plain, "\"true\"");
    check_respelled("word", &Spelling::Plain, "word");
    check_respelled("a: b", &Spelling::Plain, "'a: b'");
    check_respelled("a\nb\n", &Spelling::Plain, "|\n    a\n    b");
}

#[test]
fn single_quotes_that_cannot_express_a_text_become_double() {
    for (text, expected) in [
        ("a\nb", "\"a\\nb\""),
        ("a\rb", "\"a\\rb\""),
        ("\u{85}", "\"\\N\""),
        ("a\u{2028}", "\"a\\L\""),
        ("\u{feff}a", "\"\\uFEFF\\x61\""),
        ("\u{7f}", "\"\\x7F\""),
        ("a\0", "\"a\\0\""),
    ] {
        check_respelled(text, &Spelling::SingleQuoted, expected);
    }
}

#[test]
fn a_literal_block_keeps_its_column_and_its_chomping_if_they_fit() {
    check_respelled("a\nb\n", &block("|", 2), "|\n  a\n  b");
    check_respelled("a\n\nb\n", &block("|", 2), "|\n  a\n\n  b");
    check_respelled("a", &block("|-", 3), "|-\n   a");
    check_respelled("a\n", &block("|-", 3), "|\n   a");
    check_respelled("a", &block("|", 3), "|-\n   a");
    check_respelled("a\n", &block("|+", 3), "|+\n   a");
    check_respelled("a\n\n", &block("|", 3), "|+\n   a\n");
    check_respelled("\n\n", &block("|", 3), "|+\n\n");
    check_respelled("🔑 \n", &block("|", 2), "|\n  🔑 ");
    check_respelled(" a\n", &block("|", 2), "|2\n   a");
    check_respelled("\n a\n", &block("|", 2), "|2\n\n   a");
    check_respelled("\ta\n", &block("|", 2), "|2\n  \ta");
    check_respelled(" a\n", &block("|", 20), "|4\n     a");
    check_respelled("a\n", &block("|3", 3), "|3\n   a");
    check_respelled("a\n", &block("|", 0), "|\n    a");
}

#[test]
fn a_block_that_cannot_express_a_text_becomes_double_quotes() {
    for text in ["a\r\nb", "\u{85}\n", "a\u{2029}b\n", "\u{feff}", "\u{1}\n", ""] {
        let spelt = respell(text, &block("|", 2), &place(Position::MapValue, 0));
        assert!(spelt.starts_with('"') && spelt.ends_with('"'), "{spelt}");
    }
    let flow = place(Position::Flow, 0);
    assert_eq!(respell("a\nb\n", &block("|", 2), &flow), "\"a\\nb\\n\"");
}

#[test]
fn a_folded_block_has_one_line_per_paragraph() {
    check_respelled("one two\n", &block(">", 2), ">\n  one two");
    check_respelled("one\ntwo\n", &block(">", 2), ">\n  one\n\n  two");
    check_respelled("one\n\ntwo", &block(">", 2), ">-\n  one\n\n\n  two");
    check_respelled("one\n  code\ntwo\n", &block(">", 2), ">\n  one\n    code\n  two");
    check_respelled("\none\n\n", &block(">", 2), ">+\n\n  one\n");
}

#[test]
fn what_follows_a_value_limits_the_blocks() {
    let before_blank = Place { follow: Follow::BlankLines, ..place(Position::MapValue, 0) };
    assert_eq!(respell("a\n\n", &block("|+", 2), &before_blank), "\"a\\n\\n\"");
    assert_eq!(respell("a\n", &block("|+", 2), &before_blank), "|\n  a");
    assert_eq!(respell("a\n\n", &Spelling::Plain, &before_blank), "\"a\\n\\n\"");
    let before_comment = Place { follow: Follow::DeepComment, ..place(Position::MapValue, 0) };
    assert_eq!(respell("a\n", &block("|", 2), &before_comment), "\"a\\n\"");
}

#[test]
fn a_line_comment_stays_on_the_first_line() {
    let commented = Place { line_comment: "  # why", newline: "\r\n", ..place(Position::MapValue, 0) };
    assert_eq!(respell("a", &Spelling::SingleQuoted, &commented), "'a'  # why");
    assert_eq!(respell("a\nb\n", &block("|", 2), &commented), "|  # why\r\n  a\r\n  b");
    let mut out = String::new();
    push_entry(&mut out, "k", &Value::List(vec![text("a")]), &commented);
    assert_eq!(out, "k:  # why\r\n    - a");
    assert!(!format!("{commented:?}").contains("why"));
}

#[test]
fn a_block_header_is_read_whole_or_not_at_all() {
    #[track_caller]
    fn check(line: &str, expected: Option<(BlockStyle, Chomping, Option<u8>, &str, usize)>) {
        let found = parse_block_header(line).map(|header| {
            let comment = header.comment.map_or("", |span| span.of(line));
            (header.style, header.chomping, header.indentation, comment, header.end)
        });
        assert_eq!(found, expected, "{line:?}");
    }
    use {BlockStyle::Folded, BlockStyle::Literal, Chomping::Clip, Chomping::Keep, Chomping::Strip};
    check("|", Some((Literal, Clip, None, "", 1)));
    check("|\n  a", Some((Literal, Clip, None, "", 1)));
    check(">-\r\n  a", Some((Folded, Strip, None, "", 2)));
    check("|2+ \t\n", Some((Literal, Keep, Some(2), "", 5)));
    check("|+2 # é \n", Some((Literal, Keep, Some(2), "# é ", 9)));
    check(">9\t#", Some((Folded, Clip, Some(9), "#", 4)));
    for line in ["", "a", "|0", "|--", "|22", "|#", "| a", "|-#x", ">é", "|+-"] {
        check(line, None);
    }
}

#[test]
fn bytes_that_are_not_text_are_base64() {
    let mut out = String::new();
    push_scalar(&mut out, &Scalar::Bytes(vec![0xFF, 0, 0xFE, 0, 1, 2]), &place(Position::MapValue, 0));
    assert_eq!(out, "!!binary /wD+AAEC");
    out.clear();
    push_scalar(&mut out, &Scalar::Bytes(vec![0xFF; 54]), &place(Position::MapValue, 0));
    assert_eq!(out, format!("!!binary |\n    {}\n    //", "/".repeat(70)));
}

#[test]
fn collections_are_indented_as_sops_does() {
    let value = Value::Map(vec![
        ("a".to_owned(), Value::List(vec![Value::List(vec![text("x"), text("")]), Value::Map(Vec::new())])),
        ("b:".to_owned(), Value::Map(vec![("no".to_owned(), Value::Scalar(Scalar::Int(7)))])),
    ]);
    let mut out = "k:".to_owned();
    push_node(&mut out, &value, &place(Position::MapValue, 0));
    assert_eq!(out, "k:\n    a:\n        - - x\n          - \"\"\n        - {}\n    'b:':\n        \"no\": 7");
    let mut out = String::new();
    push_node(&mut out, &value, &place(Position::Flow, 0));
    assert_eq!(out, "{a: [[x, \"\"], {}], 'b:': {\"no\": 7}}");
}

/// The texts of all scalars of a document, in order, as YAML 1.2 reads them.
fn read_scalars(document: &str) -> Result<Vec<String>, granit_parser::ScanError> {
    let mut texts = Vec::new();
    for event in granit_parser::Parser::new_from_str(document) {
        if let (granit_parser::Event::Scalar(text, ..), _) = event? {
            texts.push(text.into_owned());
        }
    }
    Ok(texts)
}

/// A document that holds `spelt` at `place`, with another scalar behind it.
fn embed(spelt: &str, place: &Place<'_>) -> (String, [&'static str; 2]) {
    let (end, blanks) = (place.newline, " ".repeat(place.indent));
    let gap = if place.follow == Follow::BlankLines { end } else { "" };
    match place.position {
        Position::MapValue => (format!("p:{end}{blanks} k: {spelt}{end}{gap}{blanks} z: end{end}"), ["z", "end"]),
        Position::ListItem => (format!("p:{end}{blanks} - {spelt}{end}{gap}{blanks} - end{end}"), ["end", ""]),
        Position::Flow => (format!("p: {{k: {spelt}, z: [{spelt}, end]}}{end}"), ["z", ""]),
    }
}

fn texts() -> impl proptest::strategy::Strategy<Value = String> {
    let pieces = proptest::sample::select(vec![
        "a",
        "word word",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\t",
        "\n ",
        "\n\t",
        " \n",
        ":",
        ": ",
        "#",
        " #",
        "- ",
        "? ",
        "'",
        "\"",
        "\\",
        "%",
        "&",
        "*",
        "|",
        ">",
        "[",
        "}",
        ",",
        "<<",
        "~",
        "1",
        "true",
        "no",
        "---",
        "...",
        "\u{85}",
        "\u{2028}",
        "\u{a0}",
        "\u{feff}",
        "\r",
        "\r\n",
        "\0",
        "\u{7f}",
        "é",
        "🔑",
        "\u{fffe}",
        "ENC[",
    ]);
    use proptest::strategy::Strategy as _;
    proptest::collection::vec(pieces, 0..9).prop_map(|pieces| pieces.concat())
}

fn spellings() -> impl proptest::strategy::Strategy<Value = Spelling> {
    let headers = vec!["|", "|-", "|+", ">", ">-", ">+", "|2", ">3-", "|9+"];
    use proptest::prelude::{Just, Strategy as _, prop_oneof};
    prop_oneof![
        Just(Spelling::Plain),
        Just(Spelling::SingleQuoted),
        Just(Spelling::DoubleQuoted),
        (proptest::sample::select(headers), 0_usize..16).prop_map(|(header, column)| block(header, column)),
    ]
}

fn places() -> impl proptest::strategy::Strategy<Value = Place<'static>> {
    use proptest::prelude::{Strategy as _, any};
    let positions = vec![Position::MapValue, Position::ListItem, Position::Flow];
    let tails = proptest::sample::select(vec![Follow::Clear, Follow::BlankLines, Follow::DeepComment]);
    (proptest::sample::select(positions), 0_usize..6, 0_usize..11, any::<bool>(), tails).prop_map(
        |(position, indent, step, is_crlf, follow)| {
            let newline = if is_crlf { "\r\n" } else { "\n" };
            Place { step, newline, follow, ..place(position, indent) }
        },
    )
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_pushed_reads_back_as_the_text(text in texts(), like in spellings(), place in places()) {
        // The entry stands one column deeper than the place in `embed` says, so that it is never at 0.
        let inner = Place { indent: place.indent + 1, ..place };
        let spelt = respell(&text, &like, &inner);
        let (document, [behind, _]) = embed(&spelt, &place);
        let scalars = read_scalars(&document).unwrap();
        let at = if place.position == Position::ListItem { 1 } else { 2 };
        proptest::prop_assert_eq!(scalars.get(at), Some(&text), "{:?}", document);
        proptest::prop_assert_eq!(scalars.get(at + 1).map(String::as_str), Some(behind), "{:?}", document);
        if place.position == Position::Flow {
            proptest::prop_assert_eq!(scalars.get(at + 2), Some(&text), "{:?}", document);
        }
    }

    #[test]
    fn a_key_reads_back_as_it_was(key in texts(), place in places()) {
        let position = if place.position == Position::Flow { Position::Flow } else { Position::MapValue };
        let inner = Place { indent: 1, position, ..place };
        let mut entry = String::new();
        push_entry(&mut entry, &key, &Value::List(vec![Value::Map(vec![(key.clone(), text("v"))])]), &inner);
        let end = place.newline;
        let document = match position {
            Position::Flow => format!("p: {{{entry}}}{end}"),
            _ => format!("p:{end} {entry}{end} z: end{end}"),
        };
        let scalars = read_scalars(&document).unwrap();
        proptest::prop_assert_eq!(&scalars[1..4], &[key.clone(), key, "v".to_owned()], "{:?}", document);
    }

    #[test]
    fn no_text_makes_a_header_panic(line in "[|>][-+0-9]{0,3}[ \t]{0,2}\\PC*") {
        if let Some(header) = parse_block_header(&line) {
            proptest::prop_assert!(header.end <= line.len());
        }
    }
}
