use proptest::prelude::*;
use serde_json::Value;
use session_core::parse_strict_json;

/// Any JSON value of some depth, its member names unique.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn it_reads_what_serde_json_reads(value in json(), is_indented in any::<bool>()) {
        let text = if is_indented { format!("{value:#}") } else { value.to_string() };
        let usual: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(parse_strict_json(text.as_bytes()).expect("unique names"), usual);
    }

    /// Not only what is well formed: the two agree on every text that has no member at all.
    #[test]
    fn it_refuses_what_serde_json_refuses(text in "[\\[\\]0-9eE+\\-., \"a\\\\untrfls]{0,12}") {
        let usual = serde_json::from_str::<Value>(&text);
        prop_assert_eq!(parse_strict_json(text.as_bytes()).ok(), usual.ok());
    }

    /// Requirement 47: at whatever depth, and whatever the values.
    #[test]
    fn a_name_given_twice_is_refused_wherever_it_stands(
        name in "[a-z]{0,3}", first in json(), second in json(), path in prop::collection::vec(any::<bool>(), 0..6),
    ) {
        let name = Value::from(name);
        let mut text = format!("{{{name}:{first},\"between\":0,{name}:{second}}}");
        for is_array in path {
            text = if is_array { format!("[0,{text}]") } else { format!("{{\"in\":{text}}}") };
        }
        prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "the usual parser takes it");
        let error = parse_strict_json(text.as_bytes()).expect_err("twice").to_string();
        prop_assert!(error.starts_with("two members of one name at line "), "{}", error);
    }
}

/// Requirement 47: nesting is bounded.
#[test]
fn nesting_ends_at_127() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_strict_json(nested(127).as_bytes()).is_ok());
    assert!(parse_strict_json(nested(128).as_bytes()).is_err());
    let objects = "{\"a\":".repeat(128) + "0" + &"}".repeat(128);
    assert!(parse_strict_json(objects.as_bytes()).is_err());
}

/// Requirement 47: the parser's own names are no way past the two checks above.
#[test]
fn a_text_within_the_text_is_not_unfolded() {
    for name in [
        "$serde_json::private::RawValue",
        "$serde_json::private::Number",
    ] {
        for text in [
            format!(r#"{{"{name}":"{{}}"}}"#),
            format!(r#"[{{"a":{{"{name}":"[]"}}}}]"#),
            format!(r#"{{"a":1,"{name}":"[]"}}"#),
        ] {
            let error = parse_strict_json(text.as_bytes())
                .expect_err("reserved")
                .to_string();
            assert!(
                error.starts_with("a member of a reserved name at line 1"),
                "{error}"
            );
        }
    }
    let value = format!("\"{}\"", "$serde_json::private::RawValue");
    assert!(
        parse_strict_json(value.as_bytes()).is_ok(),
        "as a value it is a text like any other"
    );
}

/// Requirement 7: the place is told, the content never.
#[test]
fn an_error_tells_the_place_and_nothing_else() {
    for (text, expected) in [
        (
            "{\"a\":1,\n \"hunter2\":1,\n \"hunter2\":2}",
            "two members of one name at line 3, column ",
        ),
        (
            "{\"hunter2\":",
            "the JSON text ends too early at line 1, column 11",
        ),
        (
            "[hunter2]",
            "the text is not valid JSON at line 1, column 2",
        ),
        (
            "[] hunter2",
            "the text is not valid JSON at line 1, column 4",
        ),
    ] {
        let error = parse_strict_json(text.as_bytes()).expect_err("no strict JSON");
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

/// Requirement 47: numbers that a double cannot hold, and what is no number in JSON.
#[test]
fn numbers_beyond_the_bounds_are_refused() {
    for text in [
        "1e400",
        "-1e400",
        "NaN",
        "Infinity",
        "-Infinity",
        "01",
        "+1",
        ".5",
        "1.",
        "0x1",
        "-",
    ] {
        assert!(parse_strict_json(text.as_bytes()).is_err(), "{text}");
    }
    for text in [
        "-0",
        "1e308",
        "18446744073709551615",
        "-9223372036854775808",
        "0.1",
    ] {
        assert!(parse_strict_json(text.as_bytes()).is_ok(), "{text}");
    }
}
