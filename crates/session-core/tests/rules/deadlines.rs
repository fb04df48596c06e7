use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use session_core::ports::Extension;
use session_core::{Lifetime, Session, SessionState};

use crate::sample::{at, idle, session};

proptest! {
    /// Requirement 15: expiry is a matter of the clock, to the millisecond.
    #[test]
    fn a_session_is_dead_from_the_earlier_deadline_on(
        absolute in 1..200_000_i64, idle in idle(), used in 0..200_000_i64,
    ) {
        let mut session = session(absolute, idle);
        session.last_activity = at(used);
        let expected = idle.map_or(absolute, |idle| absolute.min(used + idle));
        prop_assert_eq!(session.deadline(), at(expected));
        prop_assert_eq!(session.state(at(expected)), SessionState::Expired);
        prop_assert!(session.is_live(at(expected - 1)));
    }

    #[test]
    fn half_the_idle_timeout_without_use_is_idle(idle in 2..100_000_i64) {
        let idle = idle * 2;
        let session = session(1_000_000, Some(idle));
        prop_assert_eq!(session.state(at(idle / 2 - 1)), SessionState::Active);
        prop_assert_eq!(session.state(at(idle / 2)), SessionState::Idle);
    }

    #[test]
    fn without_an_idle_timeout_a_session_is_never_idle(now in 0..100_000_i64) {
        prop_assert_eq!(session(100_000, None).state(at(now)), SessionState::Active);
    }

    /// What a record does not know yet counts as if it did.
    #[test]
    fn activity_counts_alike_whether_written_or_not(
        idle in idle(), used in -1000..200_000_i64, now in 0..200_000_i64,
    ) {
        let session = Arc::new(session(100_000, idle));
        let written = session.with_activity(at(used));
        prop_assert_eq!(session.state_after(at(used), at(now)), written.state(at(now)));
        prop_assert!(written.last_activity >= session.last_activity, "never backwards");
    }

    #[test]
    fn activity_is_news_while_it_is_later_and_before_the_absolute_deadline(
        idle in idle(), used in -1000..200_000_i64,
    ) {
        let session = session(100_000, idle);
        prop_assert_eq!(session.accepts_activity(at(used)), used > 0 && used < 100_000);
    }

    #[test]
    fn an_extension_adds_but_never_past_its_bound_nor_backwards(
        before in 0..100_000_i64, by in 1..100_000_i64, not_past in 0..200_000_i64,
    ) {
        let extension = Extension { by: TimeDelta::milliseconds(by), not_past: at(not_past) };
        let expected = (before + by).min(not_past).max(before);
        prop_assert_eq!(extension.of(at(before)), at(expected));
    }
}

#[test]
fn beyond_the_end_of_the_calendar_nothing_panics() {
    let last = DateTime::<Utc>::MAX_UTC;
    let lifetime = Lifetime {
        absolute: TimeDelta::MAX,
        idle: Some(TimeDelta::MAX),
    };
    let sample = session(1, None);
    let session = Session::start(
        sample.id,
        sample.user_id,
        sample.secret_hash,
        lifetime,
        last,
    );
    assert_eq!(
        (session.deadline(), session.state(last)),
        (last, SessionState::Expired)
    );
    assert_eq!(session.state(at(0)), SessionState::Active);
    let extension = Extension {
        by: TimeDelta::MAX,
        not_past: last,
    };
    assert_eq!(extension.of(at(0)), last);
}

/// Any moment that the calendar holds, its two ends among them.
fn moment() -> impl Strategy<Value = DateTime<Utc>> {
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    let between = first.timestamp_millis()..=last.timestamp_millis();
    prop_oneof![
        Just(first),
        Just(last),
        between.prop_map(|millis| DateTime::from_timestamp_millis(millis).expect("a time")),
    ]
}

/// Any span, the longest of both signs among them.
fn span() -> impl Strategy<Value = TimeDelta> {
    prop_oneof![
        Just(TimeDelta::MIN),
        Just(TimeDelta::MAX),
        (-i64::MAX..=i64::MAX).prop_map(TimeDelta::milliseconds),
    ]
}

proptest! {
    /// An odd number of milliseconds has a half too: the first whole one after it is idle.
    #[test]
    fn the_state_follows_from_the_clock_alone(idle in 1..1000_i64, now in 0..1000_i64) {
        let expected = if now >= idle {
            SessionState::Expired
        } else if 2 * now >= idle {
            SessionState::Idle
        } else {
            SessionState::Active
        };
        prop_assert_eq!(session(10_000, Some(idle)).state(at(now)), expected);
    }

    /// Requirement 15: activity moves the idle deadline, and nothing moves past the absolute one.
    #[test]
    fn activity_never_moves_the_absolute_deadline(idle in idle(), used in 0..1_000_000_i64) {
        let before = Arc::new(session(100_000, idle));
        let after = before.with_activity(at(used));
        prop_assert_eq!(after.expires_at, before.expires_at);
        prop_assert!(after.deadline() <= after.expires_at);
        prop_assert!(!after.is_live(at(100_000)));
    }

    #[test]
    fn activity_changes_nothing_but_the_last_activity(used in -1000..200_000_i64) {
        let before = Arc::new(session(100_000, Some(1000)));
        let mut after = Session::clone(&before.with_activity(at(used)));
        prop_assert_eq!(after.last_activity, at(used.max(0)));
        after.last_activity = before.last_activity;
        prop_assert_eq!(&after, &*before);
    }

    /// Nodes note what they saw in any order; the latest counts.
    #[test]
    fn activity_noted_out_of_order_adds_up_to_the_latest(
        notes in prop::collection::vec(-1000..100_000_i64, 0..10),
    ) {
        let mut record = Arc::new(session(100_000, Some(1000)));
        for note in &notes {
            record = record.with_activity(at(*note));
        }
        let latest = notes.iter().copied().fold(0, i64::max);
        prop_assert_eq!(record.last_activity, at(latest));
    }

    /// A note older than the record takes nothing away from it.
    #[test]
    fn activity_of_the_past_costs_no_session(used in -200_000..=0_i64, now in 0..200_000_i64) {
        let session = session(100_000, Some(1000));
        prop_assert_eq!(session.state_after(at(used), at(now)), session.state(at(now)));
    }

    #[test]
    fn extending_twice_is_extending_by_both(
        first in 1..100_000_i64, second in 1..100_000_i64, not_past in 0..300_000_i64,
    ) {
        let by = |millis| Extension { by: TimeDelta::milliseconds(millis), not_past: at(not_past) };
        let one_by_one = by(second).of(by(first).of(at(0)));
        prop_assert_eq!(one_by_one, by(first + second).of(at(0)));
    }

    #[test]
    fn an_extension_never_shortens_nor_panics_whatever_it_is_made_of(
        before in moment(), by in span(), not_past in moment(),
    ) {
        let after = Extension { by, not_past }.of(before);
        prop_assert!(after >= before);
        prop_assert!(after == before || after <= not_past);
    }

    /// Requirement 47: a span that no calendar holds is cut, and never panics.
    #[test]
    fn no_lifetime_and_no_clock_makes_a_session_panic(
        absolute in span(), idle in prop::option::of(span()), begun in moment(), now in moment(),
        used in moment(),
    ) {
        let sample = session(1, None);
        let lifetime = Lifetime { absolute, idle };
        let session = Session::start(sample.id, sample.user_id, sample.secret_hash, lifetime, begun);
        prop_assert_eq!(session.is_live(now), now < session.deadline());
        prop_assert_eq!(session.idle_expires_at().is_some(), idle.is_some());
        let _ = session.state_after(used, now);
        let _ = session.accepts_activity(used);
        prop_assert_eq!(Arc::new(session).with_activity(used).last_activity, begun.max(used));
    }

    /// Requirement 47: a negative lifetime is over at once, and never "no expiry".
    #[test]
    fn a_lifetime_below_zero_is_over_before_it_begins(
        below in prop_oneof![Just(TimeDelta::MIN), (-i64::MAX..0).prop_map(TimeDelta::milliseconds)],
        is_idle in any::<bool>(),
    ) {
        let sample = session(1, None);
        let lifetime = if is_idle {
            Lifetime { absolute: TimeDelta::hours(1), idle: Some(below) }
        } else {
            Lifetime { absolute: below, idle: None }
        };
        let session = Session::start(sample.id, sample.user_id, sample.secret_hash, lifetime, at(0));
        prop_assert_eq!(session.state(at(0)), SessionState::Expired);
    }
}

#[test]
fn a_new_session_is_active_and_was_used_just_now() {
    let session = session(100_000, Some(1000));
    assert_eq!(session.state(at(0)), SessionState::Active);
    assert_eq!((session.created_at, session.last_activity), (at(0), at(0)));
    assert_eq!(session.expires_at, at(100_000));
    assert_eq!(session.idle_expires_at(), Some(at(1000)));
    assert_eq!((session.version, session.remember_me), (1, false));
}

#[test]
fn use_makes_an_idle_session_active_again() {
    let session = session(100_000, Some(1000));
    assert_eq!(session.state(at(600)), SessionState::Idle);
    assert_eq!(session.state_after(at(600), at(600)), SessionState::Active);
}

#[test]
fn a_deadline_that_is_past_its_bound_already_stays_where_it_is() {
    let extension = Extension {
        by: TimeDelta::milliseconds(10),
        not_past: at(50),
    };
    for (before, after) in [(30, 40), (40, 50), (45, 50), (50, 50), (60, 60)] {
        assert_eq!(extension.of(at(before)), at(after), "{before}");
    }
}

/// Requirement 15: the deadline itself is too late already, and the moment known is no news.
#[test]
fn activity_is_news_only_between_the_last_one_and_the_absolute_deadline() {
    let session = session(1000, Some(10));
    for (used, is_news) in [
        (-1, false),
        (0, false),
        (1, true),
        (999, true),
        (1000, false),
    ] {
        assert_eq!(session.accepts_activity(at(used)), is_news, "{used}");
    }
}
