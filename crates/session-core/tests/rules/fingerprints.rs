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
