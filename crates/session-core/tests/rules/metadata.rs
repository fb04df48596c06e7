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

proptest! {
    /// Numbers are the application's too: none changes for having been stored, read and merged.
    #[test]
    fn a_number_keeps_its_value_to_the_last_bit(number in any::<f64>()) {
        prop_assume!(number.is_finite());
        let metadata = Metadata::new(object(&json!({"n": number}))).expect("small");
        let read = Metadata::from_json(metadata.as_json()).expect("our own");
        let merged = read.merged(object(&json!({"other": 1}))).expect("small");
        let back: Value = serde_json::from_str(merged.as_json()).expect("JSON");
        prop_assert_eq!(back["n"].as_f64().map(f64::to_bits), Some(number.to_bits()));
    }

    #[test]
    fn merging_nothing_changes_nothing(members in members()) {
        let metadata = Metadata::new(&members).expect("small");
        prop_assert_eq!(&metadata.merged(&Map::new()).expect("the same"), &metadata);
    }

    #[test]
    fn merging_the_same_again_changes_nothing(before in members(), changes in members()) {
        let once = Metadata::new(&before).expect("small").merged(&changes).expect("small");
        prop_assert_eq!(&once.merged(&changes).expect("small"), &once);
    }

    /// Requirement 48: the bound is on bytes as written, whatever the characters.
    #[test]
    fn no_metadata_is_over_its_bound(text in "[a\n\"é€😀]{0,40}", padding in 3900..4100_usize) {
        let members = json!({"a": text + &"x".repeat(padding)});
        let size = members.to_string().len();
        let metadata = Metadata::new(object(&members));
        prop_assert_eq!(metadata.is_ok(), size <= 4096, "{}", size);
    }

    #[test]
    fn permissions_are_kept_in_the_order_given(names in prop::collection::vec("[a-z:]{0,5}", 0..6)) {
        let metadata = Metadata::new(object(&json!({"permissions": &names}))).expect("small");
        let kept: Vec<_> = metadata.permissions().iter().map(ToString::to_string).collect();
        prop_assert_eq!(&kept, &names);
        prop_assert!(names.iter().all(|name| metadata.has_permission(name)));
        prop_assert!(!metadata.has_permission("not among them"));
    }

    #[test]
    fn any_text_is_metadata_or_refused(text in ".{0,60}") {
        if let Ok(metadata) = Metadata::from_json(&text) {
            let read: Value = serde_json::from_str(metadata.as_json()).expect("JSON");
            prop_assert!(read.is_object());
        }
    }
}

#[test]
fn the_bound_counts_bytes_and_not_characters() {
    let euros = |count: usize| json!({"a": "€".repeat(count)});
    assert!(Metadata::new(object(&euros((4096 - 8) / 3))).is_ok());
    assert!(Metadata::new(object(&euros((4096 - 8) / 3 + 1))).is_err());
}

#[test]
fn a_merge_that_comes_out_within_the_bound_is_fine_however_large_its_parts() {
    let large = Metadata::new(object(&json!({"a": "x".repeat(4000)}))).expect("large");
    let swapped = large.merged(object(&json!({"a": null, "b": "y".repeat(4000)})));
    assert!(swapped.is_ok());
    let both = large.merged(object(&json!({"b": "y".repeat(4000)})));
    assert_eq!(both.expect_err("over the bound").field(), "metadata");
}

#[test]
fn null_removes_at_the_top_and_is_a_value_below() {
    let before = Metadata::new(object(&json!({"a": {"x": 1, "y": 2}, "b": 1}))).expect("metadata");
    let after = before.merged(object(&json!({"a": {"x": null}, "b": null, "c": null})));
    assert_eq!(after.expect("metadata").as_json(), r#"{"a":{"x":null}}"#);
}

/// What is read of role and permissions is what was stored last, never what was before.
#[test]
fn a_merge_renews_role_and_permissions() {
    let admin = json!({"role": "admin", "permissions": ["write"]});
    let admin = Metadata::new(object(&admin)).expect("metadata");
    let demoted = admin.merged(object(&json!({"role": null, "permissions": null})));
    let demoted = demoted.expect("metadata");
    assert_eq!((demoted.role(), demoted.permissions().len()), ("user", 0));
    assert_eq!(demoted, Metadata::default());
    let kept = admin
        .merged(object(&json!({"other": 1})))
        .expect("metadata");
    assert!(kept.has_role("admin") && kept.has_permission("write"));
    for wrong in [json!({"role": 7}), json!({"permissions": ["a", null]})] {
        assert!(admin.merged(object(&wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_not_an_object_is_no_metadata() {
    for text in [
        "",
        "null",
        "[]",
        "\"a\"",
        "1",
        "{",
        "{}{}",
        "[[\"a\",1]]",
        r#"{"role":1}"#,
    ] {
        let error = Metadata::from_json(text).expect_err(text);
        assert_eq!(error.field(), "metadata", "{text}");
    }
    assert_eq!(
        Metadata::from_json("{}").expect("empty"),
        Metadata::default()
    );
    assert_eq!(
        Metadata::new(&Map::new()).expect("empty"),
        Metadata::default()
    );
}

/// Requirement 7: what is refused may be private, so the refusal does not repeat it.
#[test]
fn a_refusal_repeats_nothing_of_the_metadata() {
    for wrong in [
        json!({"role": ["hunter2"]}),
        json!({"permissions": {"hunter2": 1}}),
    ] {
        let error = Metadata::new(object(&wrong)).expect_err("of a wrong type");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
