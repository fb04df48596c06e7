use proptest::prelude::*;
use session_core::{DeviceFingerprint, MATCH_THRESHOLD, Scalar};

fn word() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[ab]")
}

prop_compose! {
    fn fingerprint()(
        critical in (prop::option::of("X/[12](\\.[12])? [ab]"), word(), word()),
        plain in (word(), word(), word(), word(), word(), word()),
        depth in prop::option::of(prop_oneof![Just(24), Just(32)]),
        fonts in prop::option::of(prop::collection::vec("[a-d]", 0..5)),
        languages in prop::option::of(prop::collection::vec("[a-d]", 0..5)),
    ) -> DeviceFingerprint {
        let (user_agent, platform, timezone) = critical;
        let (os, browser, device_id, device_type, canvas_fingerprint, accept_language) = plain;
        DeviceFingerprint {
            user_agent, platform, timezone, os, browser, device_id, device_type,
            canvas_fingerprint, accept_language, fonts, language_list: languages,
            color_depth: depth.map(|depth: i32| Scalar::Number(depth.into())),
            ..DeviceFingerprint::default()
        }
    }
}

proptest! {
    #[test]
    fn a_fingerprint_matches_itself_wholly(a in fingerprint()) {
        let found = a.compare(&a);
        prop_assert!(found.matched && found.score >= 1.0);
        prop_assert!(found.differing.is_empty() && found.minor.is_empty());
    }

    #[test]
    fn comparing_is_symmetric_and_deterministic(a in fingerprint(), b in fingerprint()) {
        prop_assert_eq!(a.compare(&b), b.compare(&a));
        prop_assert_eq!(a.compare(&b), a.compare(&b));
    }

    #[test]
    fn what_is_found_explains_itself(a in fingerprint(), b in fingerprint()) {
        let found = a.compare(&b);
        prop_assert!((0.0..=1.0).contains(&found.score));
        let is_critical = |field: &&str| ["user_agent", "platform", "timezone"].contains(field);
        let critical = found.differing.iter().any(is_critical);
        prop_assert_eq!(found.matched, !critical && found.score >= MATCH_THRESHOLD);
        if found.score < 1.0 {
            prop_assert!(found.differing.iter().any(|field| !is_critical(field)));
        }
    }

    #[test]
    fn a_missing_value_is_no_difference(a in fingerprint()) {
        let found = a.compare(&DeviceFingerprint::default());
        prop_assert!(found.matched && found.differing.is_empty());
    }

    #[test]
    fn a_fingerprint_survives_its_json(a in fingerprint()) {
        let json = serde_json::to_string(&a).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<DeviceFingerprint>(&json).expect("the same"), a);
    }
}

fn agent(user_agent: &str) -> DeviceFingerprint {
    let user_agent = Some(user_agent.to_owned());
    DeviceFingerprint {
        user_agent,
        ..DeviceFingerprint::default()
    }
}

#[test]
fn a_newer_browser_is_a_minor_change_and_another_one_is_not() {
    let old = agent("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/128.0.0.0");
    let newer = old.compare(&agent(
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) Chrome/131.1",
    ));
    assert!(newer.matched && newer.differing.is_empty());
    assert_eq!(newer.minor, ["user_agent"]);
    let other = old.compare(&agent(
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Firefox/128",
    ));
    assert!(!other.matched);
    assert_eq!((other.differing, other.minor), (vec!["user_agent"], vec![]));
}

#[test]
fn the_threshold_is_reached_at_exactly_four_of_five() {
    let fields = |browser: &str, os: &str| DeviceFingerprint {
        browser: Some(browser.to_owned()),
        os: Some(os.to_owned()),
        device_id: Some("same".to_owned()),
        device_type: Some("same".to_owned()),
        accept_language: Some("same".to_owned()),
        ..DeviceFingerprint::default()
    };
    let one = fields("a", "x").compare(&fields("b", "x"));
    assert!(one.matched && (one.score - 0.8).abs() < 1e-9, "{one:?}");
    let two = fields("a", "x").compare(&fields("b", "y"));
    assert!(!two.matched && (two.score - 0.6).abs() < 1e-9, "{two:?}");
    assert_eq!(two.differing, ["os", "browser"]);
}

#[test]
fn lists_count_by_what_they_share_of_all_they_hold() {
    let fonts = |names: &[&str]| DeviceFingerprint {
        fonts: Some(names.iter().map(ToString::to_string).collect()),
        ..DeviceFingerprint::default()
    };
    let score = |a: &[&str], b: &[&str]| fonts(a).compare(&fonts(b)).score;
    assert!((score(&["a", "b", "c"], &["c", "b", "d", "b"]) - 0.5).abs() < 1e-9);
    assert!((score(&[], &[]) - 1.0).abs() < 1e-9);
    assert!(score(&["a"], &[]).abs() < 1e-9);
}

#[test]
fn critical_fields_fail_the_match_alone() {
    let platform = |name: &str| DeviceFingerprint {
        platform: Some(name.to_owned()),
        ..DeviceFingerprint::default()
    };
    assert!(!platform("Linux").compare(&platform("Mac")).matched);
    let zone = |name: &str| DeviceFingerprint {
        timezone: Some(name.to_owned()),
        ..DeviceFingerprint::default()
    };
    assert!(!zone("UTC").compare(&zone("CET")).matched);
}

const CRITICAL: [&str; 3] = ["user_agent", "platform", "timezone"];

/// A fingerprint from JSON, as a client sends it.
fn from_json(json: serde_json::Value) -> DeviceFingerprint {
    serde_json::from_value(json).expect("a fingerprint")
}

/// `shared` fonts that both sides have, and `apart` that only this one has.
fn list(side: &str, shared: u32, apart: u32) -> Vec<String> {
    let both = (0..shared).map(|n| format!("both {n}"));
    both.chain((0..apart).map(|n| format!("{side} {n}")))
        .collect()
}

proptest! {
    /// Whole numbers decide what the threshold is: 0.8 exactly is a match, one step less is none.
    #[test]
    fn the_match_is_exact_at_the_threshold(
        equal in 0..=5_usize, different in 0..=2_usize,
        fonts in prop::option::of((0..8_u32, 0..4_u32, 0..4_u32)),
        plugins in prop::option::of((0..8_u32, 0..4_u32, 0..4_u32)),
    ) {
        let names = ["os", "browser", "device_id", "device_type", "accept_language"];
        let differing = ["canvas_fingerprint", "audio_fingerprint"];
        let side = |side: &str, is_left: bool| {
            let mut json = serde_json::Map::new();
            for name in &names[..equal] {
                json.insert((*name).to_owned(), "same".into());
            }
            for name in &differing[..different] {
                json.insert((*name).to_owned(), side.into());
            }
            for (name, counts) in [("fonts", fonts), ("plugins", plugins)] {
                if let Some((shared, left, right)) = counts {
                    let apart = if is_left { left } else { right };
                    json.insert(name.to_owned(), list(side, shared, apart).into());
                }
            }
            from_json(json.into())
        };
        let found = side("left", true).compare(&side("right", false));

        // The mean of the likenesses as the fraction over / under.
        let (mut over, mut under, mut compared) = (equal as u64, 1, (equal + different) as u64);
        for (shared, left, right) in [fonts, plugins].into_iter().flatten() {
            let union = u64::from((shared + left + right).max(1));
            let shared = if shared + left + right == 0 { 1 } else { u64::from(shared) };
            over = over * union + shared * under;
            under *= union;
            compared += 1;
        }
        let is_match = 5 * over >= 4 * under * compared;
        prop_assert_eq!(found.matched, is_match, "{}/{} of {}: {:?}", over, under, compared, found);
    }

    #[test]
    fn lists_are_sets_so_order_and_repetition_mean_nothing(
        fonts in prop::collection::vec("[a-e]", 0..8), cut in 0..8_usize,
    ) {
        let mut other = fonts.clone();
        other.rotate_left(cut.min(fonts.len()));
        other.extend(fonts.first().cloned());
        let with = |fonts| DeviceFingerprint { fonts: Some(fonts), ..DeviceFingerprint::default() };
        let found = with(fonts).compare(&with(other));
        prop_assert!(found.matched && found.score >= 1.0 && found.differing.is_empty());
    }

    #[test]
    fn a_user_agent_of_other_version_numbers_only_is_a_minor_change(
        one in prop::collection::vec("[0-9]{1,3}([._][0-9]{1,4}){0,3}", 3),
        two in prop::collection::vec("[0-9]{1,3}([._][0-9]{1,4}){0,3}", 3),
        rest in fingerprint(),
    ) {
        let agent = |v: &[String]| DeviceFingerprint {
            user_agent: Some(format!("Browser/{} (System {}; x) Engine/{}", v[0], v[1], v[2])),
            ..rest.clone()
        };
        let found = agent(&one).compare(&agent(&two));
        prop_assert!(found.matched && found.differing.is_empty(), "{found:?}");
        prop_assert_eq!(found.minor.is_empty(), one == two);
    }

    #[test]
    fn a_critical_difference_fails_the_match_whatever_the_rest_is(
        rest in fingerprint(), which in 0..3_usize,
    ) {
        let side = |value: &str| {
            let mut side = rest.clone();
            *[&mut side.user_agent, &mut side.platform, &mut side.timezone][which] =
                Some(value.to_owned());
            side
        };
        let found = side("this").compare(&side("that"));
        prop_assert!(!found.matched);
        prop_assert_eq!(found.differing, [CRITICAL[which]]);
        prop_assert!(found.score >= 1.0, "critical fields are not scored");
    }
}

#[test]
fn two_fifths_of_a_list_and_two_equal_fields_are_exactly_the_threshold() {
    let with =
        |fonts: &[&str]| from_json(serde_json::json!({"os": "x", "browser": "y", "fonts": fonts}));
    let found = with(&["a", "b"]).compare(&with(&["a", "b", "c", "d", "e"]));
    assert!(found.matched, "(1 + 1 + 2/5) / 3 is 0.8: {found:?}");
    assert_eq!(found.differing, ["fonts"]);
}

#[test]
fn every_uncritical_field_counts_and_is_named_when_it_differs() {
    let values = serde_json::json!({
        "accept_language": ["de", "fr"],
        "screen_resolution": ["1x1", "2x2"],
        "color_depth": [24, 30],
        "pixel_ratio": [1.5, 2.5],
        "touch_support": [true, false],
        "device_memory": [4, 8],
        "hardware_concurrency": [4, 8],
        "canvas_fingerprint": ["a", "b"],
        "webgl_fingerprint": ["a", "b"],
        "audio_fingerprint": ["a", "b"],
        "fonts": [["a"], ["b"]],
        "plugins": [["a"], ["b"]],
        "device_type": ["a", "b"],
        "os": ["a", "b"],
        "browser": ["a", "b"],
        "device_id": ["a", "b"],
        "do_not_track": ["1", true],
        "cookies_enabled": [true, false],
        "language_list": [["a"], ["b"]],
    });
    for (name, values) in values.as_object().expect("an object") {
        let [one, two] = [0, 1].map(|side| from_json(serde_json::json!({name: values[side]})));
        let found = one.compare(&two);
        assert!(
            !found.matched && found.score.abs() < 1e-9,
            "{name}: {found:?}"
        );
        assert_eq!(found.differing, [name.as_str()]);
        assert!(one.compare(&one.clone()).matched, "{name}");
    }
}

#[test]
fn a_fingerprints_own_name_and_dates_are_not_compared() {
    let one = from_json(serde_json::json!({
        "fingerprint_id": "a", "created_at": "2026-01-01T00:00:00Z", "last_seen": "2026-01-01T00:00:00Z",
    }));
    let two = from_json(serde_json::json!({
        "fingerprint_id": "b", "created_at": "2026-01-02T00:00:00Z", "last_seen": "2026-01-02T00:00:00Z",
    }));
    let found = one.compare(&two);
    assert!(found.matched && found.score >= 1.0 && found.differing.is_empty());
}

#[test]
fn critical_differences_are_named_first() {
    let side = |value: &str| {
        from_json(serde_json::json!({
            "os": value, "fonts": [value], "timezone": value, "platform": value, "user_agent": value,
        }))
    };
    let found = side("this").compare(&side("that"));
    assert_eq!(
        found.differing,
        ["user_agent", "platform", "timezone", "os", "fonts"]
    );
}

#[test]
fn versions_do_not_excuse_another_user_agent() {
    for (one, two) in [
        ("Browser/1.0", "Browser/1.0 Mobile"),
        ("Browser/1", "Browser/x"),
        ("Browser/1.0", "browser/1.0"),
        ("Browser", "Browser/1"),
        ("", "Browser"),
    ] {
        let found = agent(one).compare(&agent(two));
        assert!(
            !found.matched && found.minor.is_empty(),
            "{one} and {two}: {found:?}"
        );
    }
}

#[test]
fn eight_kibibytes_are_the_most() {
    // {"os":"…"} is nine bytes around the text.
    let sized = |size: usize| from_json(serde_json::json!({"os": "x".repeat(size - 9)}));
    assert!(sized(8192).check_size().is_ok());
    let error = sized(8193).check_size().expect_err("one byte too many");
    assert_eq!(error.field(), "device_fingerprint");
    assert!(DeviceFingerprint::default().check_size().is_ok());
}

#[test]
fn what_is_not_known_is_not_written() {
    let json = serde_json::to_string(&DeviceFingerprint::default()).expect("JSON");
    assert_eq!(json, "{}");
}

#[test]
fn a_list_is_alike_from_four_fifths_on() {
    let with = |fonts| DeviceFingerprint {
        fonts: Some(fonts),
        ..DeviceFingerprint::default()
    };
    for (shared, apart, is_match) in [
        (19, 5, false),
        (20, 5, true),
        (399, 101, false),
        (400, 100, true),
    ] {
        let found = with(list("left", shared, 0)).compare(&with(list("right", shared, apart)));
        assert_eq!(
            found.matched,
            is_match,
            "{shared} of {}: {found:?}",
            shared + apart
        );
    }
}
