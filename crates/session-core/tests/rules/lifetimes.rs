use chrono::TimeDelta;
use proptest::prelude::*;
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
