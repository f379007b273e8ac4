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
    let deep_value = Value::Map(vec![(
        "b".to_owned(),
        Value::List(vec![Value::Map(vec![("k".to_owned(), scalar.clone())])]),
    )]);
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
