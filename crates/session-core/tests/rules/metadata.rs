use proptest::prelude::*;
use serde_json::{Map, Value, json};
use session_core::{MAX_METADATA_BYTES, Metadata, parse_strict_json};

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

fn members() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,5}".prop_map(Value::from),
        prop::collection::vec("[a-c]", 0..3).prop_map(Value::from),
    ];
    prop::collection::btree_map("[a-e]", value, 0..5).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn metadata_comes_back_as_it_was_given(members in members()) {
        let metadata = Metadata::new(&members).expect("small");
        let back: Map<String, Value> = serde_json::from_str(metadata.as_json()).expect("JSON");
        prop_assert_eq!(&back, &members);
        prop_assert_eq!(Metadata::from_json(metadata.as_json()).expect("our own"), metadata);
    }

    #[test]
    fn merging_goes_member_by_member_and_null_removes(before in members(), changes in members()) {
        let merged = Metadata::new(&before).expect("small").merged(&changes).expect("small");
        let merged: Map<String, Value> = serde_json::from_str(merged.as_json()).expect("JSON");
        for name in before.keys().chain(changes.keys()).chain(merged.keys()) {
            let expected = match changes.get(name) {
                Some(Value::Null) => None,
                Some(changed) => Some(changed),
                None => before.get(name),
            };
            prop_assert_eq!(merged.get(name), expected, "{}", name);
        }
    }

    #[test]
    fn strict_reading_agrees_with_the_usual_one_where_names_are_unique(members in members()) {
        let text = Value::Object(members).to_string();
        let usual: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(parse_strict_json(text.as_bytes()).expect("unique names"), usual);
    }

    #[test]
    fn nothing_that_is_sent_makes_the_parser_panic(bytes: Vec<u8>, text in "[\\[\\]{}\":,0-9eE+\\-.\\\\u]{0,60}") {
        let _ = parse_strict_json(&bytes);
        let _ = parse_strict_json(text.as_bytes());
    }
}

/// Requirement 48.
#[test]
fn four_kibibytes_are_the_most() {
    // {"a":"…"} is eight bytes around the text.
    let sized = |size: usize| json!({"a": "x".repeat(size - 8)});
    let most = Metadata::new(object(&sized(MAX_METADATA_BYTES))).expect("exactly the most");
    assert_eq!(most.as_json().len(), 4096);
    assert!(Metadata::new(object(&sized(MAX_METADATA_BYTES + 1))).is_err());
    assert!(most.merged(object(&json!({"b": 1}))).is_err());
}

#[test]
fn role_and_permissions_decide_access_by_equality_alone() {
    let none = Metadata::default();
    assert!(none.has_role("user") && !none.has_role("admin") && !none.has_permission(""));
    let admin = json!({"role": "admin", "permissions": ["read", "write"]});
    let admin = Metadata::new(object(&admin)).expect("metadata");
    assert!(admin.has_role("admin") && !admin.has_role("user") && !admin.has_role("Admin"));
    assert!(admin.has_permission("read") && !admin.has_permission("rea"));
    assert!(
        !admin.has_permission("delete"),
        "no role implies a permission"
    );
    for wrong in [
        json!({"role": 1}),
        json!({"role": null}),
        json!({"permissions": "read"}),
        json!({"permissions": [1]}),
        json!({"permissions": {"read": true}}),
    ] {
        assert_eq!(
            Metadata::new(object(&wrong))
                .expect_err("of a wrong type")
                .field(),
            "metadata"
        );
    }
}

#[test]
fn the_applications_data_is_not_printed() {
    let private = json!({"diary": "dear"});
    let printed = format!("{:?}", Metadata::new(object(&private)).expect("metadata"));
    assert!(!printed.contains("dear") && printed.contains("user"));
}
