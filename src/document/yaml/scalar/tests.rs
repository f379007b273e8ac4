use super::*;

/// Rows that an older Go than the one of SOPS 3.13.2 resolved; beside each what SOPS 3.13.2 itself,
/// built with Go 1.26.8, makes of it. That Go limits a zone to 24 hours and 60 minutes, and cuts the
/// tenth digit of a fraction off instead of stumbling over it.
const SUPERSEDED_ROWS: &[(&str, &str, &str)] = &[
    ("9999-12-9t12:59:09.000+25:00", "!!str", ""),
    ("2000-01-31t00:00:09,5+01:61", "!!str", ""),
    ("2000-10-29t23:00:59.000+01:61", "!!str", ""),
    ("2024-1-29T0:59:09.000+25:00", "!!str", ""),
    ("1999-2-01t12:00:09.123+25:00", "!!str", ""),
    ("2001-10-31T00:00:59.1234567890+01:60", "!!timestamp", "2001-10-31T00:00:59.123456789+02:00"),
    ("2000-01-28T00:5:09.1234567890+23:59", "!!timestamp", "2000-01-28T00:05:09.123456789+23:59"),
    ("9999-02-9T0:00:59.1234567890+01:00", "!!timestamp", "9999-02-09T00:00:59.123456789+01:00"),
];

/// The tag and the value in the notation of the fixture; `Debug` of a scalar tells neither.
fn describe(scalar: &Scalar) -> (&'static str, String) {
    match scalar {
        Scalar::Null => ("!!null", String::new()),
        Scalar::Bool(value) => ("!!bool", value.to_string()),
        Scalar::Int(number) => ("!!int", number.to_string()),
        Scalar::Uint(number) => ("!!int", format!("u{number}")),
        Scalar::Float(number) => ("!!float", format!("{:016x}", number.to_bits())),
        Scalar::Time(text) => ("!!timestamp", text.clone()),
        Scalar::Str(text) => ("!!str", text.clone()),
        Scalar::Bytes(bytes) => ("bytes", format!("{bytes:?}")),
    }
}

#[track_caller]
fn check_plain(text: &str, tag: &str, value: &str) {
    let (found_tag, found_value) = describe(&resolve_plain(text));
    assert_eq!((found_tag, found_value.as_str()), (tag, value), "{text:?}");
}

#[test]
fn plain_scalars_resolve_as_in_go_yaml() {
    let rows = include_str!("../../../../fixtures/yaml-scalars.jsonl");
    let (mut count, mut superseded) = (0, 0);
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let text = row["text"].as_str().unwrap();
        count += 1;
        if let Some((_, tag, value)) = SUPERSEDED_ROWS.iter().find(|(of, ..)| *of == text) {
            superseded += 1;
            check_plain(text, tag, if *tag == "!!str" { text } else { value });
            continue;
        }
        let tag = row["tag"].as_str().unwrap();
        let value = row.get("float_bits").or(row.get("value")).and_then(|value| value.as_str());
        check_plain(text, tag, value.unwrap_or(if tag == "!!str" { text } else { "" }));
    }
    assert_eq!((count, superseded), (824, SUPERSEDED_ROWS.len()));
}

#[test]
fn odd_numbers_resolve_as_in_go_yaml() {
    check_plain("0b-1", "!!int", "-1");
    check_plain("0o+7", "!!int", "7");
    check_plain("-0b-1", "!!str", "-0b-1");
    check_plain("0b+-1", "!!str", "0b+-1");
    check_plain("0x", "!!str", "0x");
    check_plain("+", "!!str", "+");
    check_plain("-_", "!!str", "-_");
    check_plain(".", "!!str", ".");
    check_plain("1e999", "!!str", "1e999");
    check_plain("+18446744073709551615", "!!float", "43f0000000000000");
    check_plain("0x10000000000000000", "!!str", "0x10000000000000000");
    check_plain("<<", "!!str", "<<");
    check_plain("2024-02-30", "!!str", "2024-02-30");
    check_plain("1900-02-29", "!!str", "1900-02-29");
    check_plain("2000-02-29", "!!timestamp", "2000-02-29T00:00:00Z");
    check_plain("2024-01-02T03:04:05.Z", "!!str", "2024-01-02T03:04:05.Z");
    check_plain("2024-01-02T03:04:05+00:00", "!!timestamp", "2024-01-02T03:04:05Z");
}

#[test]
fn a_tag_decides_what_a_scalar_means() {
    #[track_caller]
    fn check(text: &str, style: ScalarStyle, tag: &str, expected: Result<(&'static str, &str), ResolveError>) {
        let found = resolve(text, style, Some(tag)).map(|scalar| describe(&scalar));
        assert_eq!(found, expected.map(|(tag, value)| (tag, value.to_owned())), "{tag} {text:?}");
    }
    let mismatch = |tag| Err(ResolveError::TagMismatch { tag });
    use ScalarStyle::{DoubleQuoted, Literal, Plain, SingleQuoted};
    check("5", Plain, "!!str", Ok(("!!str", "5")));
    check("5", Plain, "", Ok(("!!int", "5")));
    check("5", Plain, "!", Ok(("!!int", "5")));
    check("5", SingleQuoted, "!", Ok(("!!str", "5")));
    check("5", DoubleQuoted, "!!int", Ok(("!!int", "5")));
    check("5", Plain, "tag:yaml.org,2002:float", Ok(("!!float", "4014000000000000")));
    check("x", Plain, "!!int", mismatch("!!int"));
    check("1.5", Plain, "!!int", mismatch("!!int"));
    check("18446744073709551615", Plain, "!!float", mismatch("!!float"));
    check("", DoubleQuoted, "!!float", mismatch("!!float"));
    check("true", DoubleQuoted, "!!bool", Ok(("!!bool", "true")));
    check("yes", Plain, "!!bool", mismatch("!!bool"));
    check("x", Plain, "!!null", mismatch("!!null"));
    check("", SingleQuoted, "!!null", Ok(("!!null", "")));
    check("2024-01-02", DoubleQuoted, "!!timestamp", Ok(("!!timestamp", "2024-01-02T00:00:00Z")));
    check("soon", Plain, "!!timestamp", mismatch("!!timestamp"));
    check("5", Plain, "!custom", Ok(("!!str", "5")));
    check("~", Plain, "tag:example.org,2024:t", Ok(("!!str", "~")));
    check("aGVsbG8=", Plain, "!!binary", Ok(("!!str", "hello")));
    check("/wD+\nAAEC\n", Literal, "!!binary", Ok(("bytes", "[255, 0, 254, 0, 1, 2]")));
    check("aGVsbG8", Plain, "!!binary", Err(ResolveError::NotBase64));
    check("aGVs bG8=", Plain, "!!binary", Err(ResolveError::NotBase64));
}

#[test]
fn plaintext_is_what_sops_encrypts() {
    #[track_caller]
    fn check(scalar: &Scalar, kind: Option<ScalarType>, expected: Result<&str, NoPlaintext>) {
        let found = scalar.plaintext().map(|text| String::from_utf8_lossy(&text).into_owned());
        assert_eq!((found, scalar.scalar_type()), (expected.map(str::to_owned), kind));
    }
    let float = Some(ScalarType::Float);
    check(&Scalar::Null, None, Ok(""));
    check(&Scalar::Bool(true), Some(ScalarType::Bool), Ok("True"));
    check(&Scalar::Bool(false), Some(ScalarType::Bool), Ok("False"));
    check(&Scalar::Int(i64::MIN), Some(ScalarType::Int), Ok("-9223372036854775808"));
    check(&Scalar::Uint(u64::MAX), None, Err(NoPlaintext::Uint));
    check(&Scalar::Float(0.5), float, Ok("0.5"));
    check(&Scalar::Float(1.0), float, Ok("1"));
    check(&Scalar::Float(-0.0), float, Ok("-0"));
    check(&Scalar::Float(1e21), float, Ok("1000000000000000000000"));
    check(&Scalar::Float(1e-7), float, Ok("0.0000001"));
    check(&Scalar::Float(TIE), float, Ok("802518020482225.2"));
    check(&Scalar::Float(-1234.5), float, Ok("-1234.5"));
    check(&Scalar::Float(f64::INFINITY), float, Ok("+Inf"));
    check(&Scalar::Float(f64::NEG_INFINITY), float, Ok("-Inf"));
    check(&Scalar::Float(f64::NAN), float, Ok("NaN"));
    let time = "2024-01-02T03:04:05+02:00";
    check(&resolve_plain(time), Some(ScalarType::Time), Ok(time));
    check(&resolve_plain("2024-01-02T03:04:05+24:00"), Some(ScalarType::Time), Err(NoPlaintext::TimeZone));
    check(&Scalar::Str("x\n".to_owned()), Some(ScalarType::Str), Ok("x\n"));
}

#[test]
fn a_decrypted_text_is_read_by_its_type() {
    #[track_caller]
    fn check(kind: &str, text: &[u8], expected: Option<(&str, &str)>) {
        let kind = ScalarType::find(kind).unwrap();
        let found = Scalar::from_plaintext(kind, text).map(|scalar| describe(&scalar));
        let expected = expected.map(|(tag, value)| (tag, value.to_owned()));
        assert_eq!(found.ok(), expected);
    }
    check("str", b"5", Some(("!!str", "5")));
    check("str", b"\xff", Some(("bytes", "[255]")));
    check("bytes", b"a", Some(("!!str", "a")));
    check("comment", b" a", Some(("!!str", " a")));
    check("int", b"+08", Some(("!!int", "8")));
    check("int", b"-9223372036854775808", Some(("!!int", "-9223372036854775808")));
    check("int", b"9223372036854775808", None);
    check("int", b"0x1F", None);
    check("int", b"1_0", None);
    check("int", b"hunter2", None);
    check("int", b"", None);
    check("float", b"8080", Some(("!!float", "40bf900000000000")));
    check("float", b"1e-07", Some(("!!float", "3e7ad7f29abcaf48")));
    check("float", b"+Inf", Some(("!!float", "7ff0000000000000")));
    check("float", b"-infinity", Some(("!!float", "fff0000000000000")));
    check("float", b"NaN", Some(("!!float", "7ff8000000000001")));
    check("float", b"+NaN", None);
    check("float", b"1e999", None);
    check("float", b"1 ", None);
    check("bool", b"True", Some(("!!bool", "true")));
    check("bool", b"f", Some(("!!bool", "false")));
    check("bool", b"yes", None);
    check("time", b"2024-01-02T03:04:05Z", Some(("!!timestamp", "2024-01-02T03:04:05Z")));
    check("time", b"2024-01-02T3:04:05,50Z", Some(("!!timestamp", "2024-01-02T03:04:05.5Z")));
    check("time", b"2024-01-02", None);
    check("time", b"2024-1-02T03:04:05Z", None);
    check("time", b"2024-01-02t03:04:05Z", None);
    assert_eq!(ScalarType::find("blob"), None);
}

#[test]
fn debug_tells_no_value() {
    let scalars = ["hunter2", "4711", "0.25", "true", "2024-01-02"].map(resolve_plain);
    assert_eq!(format!("{scalars:?}"), "[Str(..), Int(..), Float(..), Bool(..), Time(..)]");
    let error = resolve("hunter2", ScalarStyle::Plain, Some("!!int")).unwrap_err();
    assert_eq!(error.to_string(), "the value does not fit its tag `!!int`");
}

#[test]
fn zeroize_leaves_null() {
    let mut scalar = Scalar::Str("hunter2".to_owned());
    scalar.zeroize();
    assert_eq!(scalar, Scalar::Null);
}

/// `802518020482225.25`, halfway between two decimals that both tell it from its neighbours.
const TIE: f64 = f64::from_bits(0x4306_CF16_4C4B_258A);

#[test]
fn of_two_equally_near_floats_the_even_one_is_written() {
    let mut out = String::new();
    push_float(&mut out, TIE);
    assert_eq!(out, "8.025180204822252e+14");
}

proptest::proptest! {
    #[test]
    fn a_plaintext_reads_back_as_the_value_it_was(text in "[-+0-9a-fxob_.:TZeE ]{0,24}|\\PC*") {
        let scalar = resolve_plain(&text);
        if let (Some(kind), Ok(plaintext)) = (scalar.scalar_type(), scalar.plaintext()) {
            let back = Scalar::from_plaintext(kind, &plaintext).unwrap();
            proptest::prop_assert_eq!(describe(&back), describe(&scalar));
        }
    }

    #[test]
    fn floats_survive_both_spellings(bits: u64) {
        let number = f64::from_bits(bits);
        let mut spelt = String::new();
        push_float(&mut spelt, number);
        let plaintext = Scalar::Float(number).plaintext().unwrap().into_owned();
        for back in [resolve_plain(&spelt), Scalar::from_plaintext(ScalarType::Float, &plaintext).unwrap()] {
            let back = match back {
                Scalar::Float(back) => back,
                // `1` is how go-yaml writes a whole float; it reads back as an integer.
                Scalar::Int(back) => number::widen(back),
                _ => f64::MIN_POSITIVE,
            };
            proptest::prop_assert!(back.to_bits() == bits || back == number || back.is_nan() && number.is_nan());
        }
    }
}
