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
