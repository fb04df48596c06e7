use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use session_core::ports::Extension;
use session_core::{Lifetime, TimeoutPolicy};

use crate::sample::{at, session};

proptest! {
    /// Requirement 47: no lifetime outside of the bounds, whatever number comes.
    #[test]
    fn a_lifetime_is_within_its_bounds_or_refused(
        timeout in prop_oneof![any::<i64>(), 0..100_000_i64],
        idle in prop::option::of(prop_oneof![any::<i64>(), -1..100_000_i64]),
        remember_me in any::<bool>(),
    ) {
        let policy = TimeoutPolicy::default();
        let max = if remember_me { policy.remember_me } else { policy.max }.num_seconds();
        let is_fine = (300..=max).contains(&timeout)
            && idle.is_none_or(|idle| (1..=timeout).contains(&idle));
        match policy.lifetime(Some(timeout), idle, remember_me) {
            Ok(lifetime) => {
                prop_assert!(is_fine);
                prop_assert_eq!(lifetime.absolute, TimeDelta::seconds(timeout));
                prop_assert_eq!(lifetime.idle, idle.map(TimeDelta::seconds));
            }
            Err(error) => {
                prop_assert!(!is_fine, "{}", error);
                prop_assert!(["timeout", "idle_timeout"].contains(&error.field()));
            }
        }
    }

    #[test]
    fn an_extension_is_positive_and_no_longer_than_the_longest_lifetime(seconds in any::<i64>()) {
        let policy = TimeoutPolicy::default();
        let is_fine = (1..=policy.remember_me.num_seconds()).contains(&seconds);
        prop_assert_eq!(policy.extension(seconds).is_ok(), is_fine);
    }

    /// Requirement 15: an ordinary session has a hard end, however often it is extended.
    #[test]
    fn the_latest_deadline_counts_from_creation_unless_remembered(now in 0..1_000_000_000_i64) {
        let policy = TimeoutPolicy::default();
        let mut session = session(100_000, None);
        prop_assert_eq!(policy.latest_deadline(&session, at(now)), at(0) + policy.max);
        session.remember_me = true;
        prop_assert_eq!(policy.latest_deadline(&session, at(now)), at(now) + policy.remember_me);
    }
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let policy = TimeoutPolicy::default();
    let plain = policy.lifetime(None, None, false).expect("the default");
    assert_eq!(
        plain,
        Lifetime {
            absolute: TimeDelta::hours(1),
            idle: None
        }
    );
    let remembered = policy.lifetime(None, None, true).expect("the default");
    assert_eq!(
        remembered,
        Lifetime {
            absolute: TimeDelta::days(30),
            idle: None
        }
    );
    let library = Lifetime::default();
    let expected = (TimeDelta::hours(8), Some(TimeDelta::minutes(30)));
    assert_eq!((library.absolute, library.idle), expected);
    for (seconds, is_fine) in [(299, false), (300, true), (86_400, true), (86_401, false)] {
        assert_eq!(
            policy.lifetime(Some(seconds), None, false).is_ok(),
            is_fine,
            "{seconds}"
        );
    }
}

prop_compose! {
    /// Any policy that makes sense: min ≤ default ≤ max, and a remembered span of its own.
    fn policy()(
        mut spans in prop::array::uniform3(1..1_000_000_i64), remember_me in 1..10_000_000_i64,
    ) -> TimeoutPolicy {
        spans.sort_unstable();
        let [min, default, max] = spans.map(TimeDelta::seconds);
        let remember_me = TimeDelta::seconds(remember_me).max(min);
        TimeoutPolicy { default, min, max, remember_me }
    }
}

proptest! {
    #[test]
    fn bounds_are_inclusive_and_the_policys_own(policy in policy(), remember_me in any::<bool>()) {
        let max = if remember_me { policy.remember_me } else { policy.max };
        let accepts = |span: TimeDelta| {
            policy.lifetime(Some(span.num_seconds()), None, remember_me).is_ok()
        };
        let second = TimeDelta::seconds(1);
        prop_assert!(accepts(policy.min) && accepts(max));
        prop_assert!(!accepts(policy.min - second) && !accepts(max + second));
    }

    #[test]
    fn who_does_not_say_gets_the_policys_default(policy in policy()) {
        let plain = policy.lifetime(None, None, false).expect("the default");
        prop_assert_eq!(plain, Lifetime { absolute: policy.default, idle: None });
        let remembered = policy.lifetime(None, None, true).expect("the default");
        prop_assert_eq!(remembered, Lifetime { absolute: policy.remember_me, idle: None });
    }

    #[test]
    fn an_idle_timeout_fits_into_the_lifetime_asked_for_or_the_default(
        policy in policy(), is_asked in any::<bool>(), remember_me in any::<bool>(),
    ) {
        let timeout = is_asked.then_some(policy.min.num_seconds());
        let absolute = policy.lifetime(timeout, None, remember_me).expect("in bounds").absolute;
        let seconds = absolute.num_seconds();
        let longest = policy.lifetime(timeout, Some(seconds), remember_me).expect("in bounds");
        prop_assert_eq!(longest.idle, Some(absolute));
        let error = policy.lifetime(timeout, Some(seconds + 1), remember_me).expect_err("longer");
        prop_assert_eq!(error.field(), "idle_timeout");
    }

    #[test]
    fn an_extension_may_be_as_long_as_the_longest_of_all_lifetimes(policy in policy()) {
        let most = policy.max.max(policy.remember_me).num_seconds();
        prop_assert_eq!(policy.extension(most), Ok(TimeDelta::seconds(most)));
        prop_assert!(policy.extension(most + 1).is_err());
    }

    /// Requirement 15: no number of extensions leads past the hard end.
    #[test]
    fn however_often_it_is_extended_an_ordinary_session_ends(
        policy in policy(), steps in prop::collection::vec((1..1_000_000_i64, 0..1_000_000_i64), 1..10),
    ) {
        let mut session = session(policy.default.num_milliseconds(), None);
        for (by, now) in steps {
            let by = TimeDelta::seconds(by);
            let not_past = policy.latest_deadline(&session, at(now * 1000));
            session.expires_at = Extension { by, not_past }.of(session.expires_at);
        }
        prop_assert!(session.expires_at <= session.created_at + policy.max);
    }
}

/// Requirement 47: −1, 0 and what overflows are refused, by name, and never mean "no expiry".
#[test]
fn a_lifetime_out_of_bounds_is_refused_by_name() {
    let policy = TimeoutPolicy::default();
    for seconds in [
        i64::MIN,
        -300,
        -1,
        0,
        1,
        299,
        86_401,
        i64::MAX / 1000,
        i64::MAX,
    ] {
        let error = policy.lifetime(Some(seconds), None, false);
        assert_eq!(
            error.expect_err("out of bounds").field(),
            "timeout",
            "{seconds}"
        );
        let in_days = policy.lifetime(Some(seconds), None, true);
        assert_eq!(in_days.is_ok(), seconds == 86_401, "{seconds}");
    }
    for seconds in [i64::MIN, -1, 0, 3601, i64::MAX / 1000, i64::MAX] {
        let error = policy.lifetime(None, Some(seconds), false);
        assert_eq!(
            error.expect_err("out of bounds").field(),
            "idle_timeout",
            "{seconds}"
        );
    }
    for seconds in [i64::MIN, -1, 0, 2_592_001, i64::MAX] {
        let error = policy.extension(seconds).expect_err("out of bounds");
        assert_eq!(error.field(), "additional_seconds", "{seconds}");
    }
    assert!(policy.extension(1).is_ok() && policy.extension(2_592_000).is_ok());
}

#[test]
fn a_remembered_session_may_live_for_thirty_days_and_not_longer() {
    let policy = TimeoutPolicy::default();
    for (seconds, is_fine) in [
        (299, false),
        (300, true),
        (2_592_000, true),
        (2_592_001, false),
    ] {
        let lifetime = policy.lifetime(Some(seconds), None, true);
        assert_eq!(lifetime.is_ok(), is_fine, "{seconds}");
    }
}

#[test]
fn the_message_names_the_member_and_its_bounds() {
    let error = TimeoutPolicy::default()
        .lifetime(Some(1), None, false)
        .expect_err("too short");
    assert_eq!(
        error.to_string(),
        "`timeout` must be a whole number of seconds from 300 to 86400"
    );
}

#[test]
fn the_latest_deadline_is_cut_to_the_calendars_end() {
    let policy = TimeoutPolicy::default();
    let last = DateTime::<Utc>::MAX_UTC;
    let mut session = session(1, None);
    session.created_at = last;
    assert_eq!(policy.latest_deadline(&session, at(0)), last);
    session.remember_me = true;
    assert_eq!(policy.latest_deadline(&session, last), last);
}
