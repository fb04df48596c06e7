use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use session_core::{Lifetime, Session, SessionId, SessionSecret, UserId};

pub(crate) const START: i64 = 1_750_000_000_000;

pub(crate) fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(START + millis).expect("a time")
}

/// A session begun at `at(0)`, with these spans in milliseconds.
pub(crate) fn session(absolute: i64, idle: Option<i64>) -> Session {
    let lifetime = Lifetime {
        absolute: TimeDelta::milliseconds(absolute),
        idle: idle.map(TimeDelta::milliseconds),
    };
    let secret = SessionSecret::from_bytes([1; 32]).hash();
    let user = UserId::new("ada").expect("a user id");
    Session::start(SessionId::at(at(0), [2; 10]), user, secret, lifetime, at(0))
}

pub(crate) fn idle() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(1..100_000_i64)
}
