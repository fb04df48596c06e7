use std::sync::Arc;

use chrono::TimeDelta;
use proptest::prelude::*;
use session_core::{EndKind, EndReason, Ending, Refusal, SessionState, Standing};

use crate::sample::{at, idle, session};

#[test]
fn final_is_final_and_everything_else_may_end() {
    for from in SessionState::ALL {
        for to in SessionState::ALL {
            let expected = match (from, to) {
                (from, _) if from.is_final() => false,
                (_, to) if to.is_final() => true,
                (SessionState::Active, SessionState::Idle | SessionState::Suspended)
                | (SessionState::Idle, SessionState::Active | SessionState::Suspended)
                | (SessionState::Suspended, SessionState::Active) => true,
                _ => false,
            };
            assert_eq!(from.can_become(to), expected, "{from:?} to {to:?}");
        }
    }
    let finals = SessionState::ALL
        .into_iter()
        .filter(|state| state.is_final());
    let expected = [
        SessionState::Expired,
        SessionState::Revoked,
        SessionState::Terminated,
    ];
    assert!(finals.eq(expected));
}

#[test]
fn only_active_and_idle_sessions_let_in() {
    let refusals = SessionState::ALL.map(|state| state.admit().err());
    assert_eq!(
        refusals,
        [
            None,
            None,
            Some(Refusal::Suspended),
            Some(Refusal::Expired),
            Some(Refusal::Revoked),
            Some(Refusal::Terminated),
        ]
    );
}

#[test]
fn states_are_snake_case_words() {
    let words = SessionState::ALL.map(|state| serde_json::to_string(&state).expect("a word"));
    let expected = [
        "active",
        "idle",
        "suspended",
        "expired",
        "revoked",
        "terminated",
    ];
    assert_eq!(words, expected.map(|word| format!("\"{word}\"")));
}

proptest! {
    /// Requirement 56: a recorded end wins over the clock, wherever that stands.
    #[test]
    fn an_ended_session_stays_what_it_ended_as(
        idle in idle(), now in -200_000..200_000_i64, used in 0..200_000_i64, which in 0..3_usize,
    ) {
        let kind = [EndKind::Expired, EndKind::Revoked, EndKind::Terminated][which];
        let ending = Ending { kind, reason: EndReason::LOGOUT, at: at(5) };
        let mut session = session(100_000, idle);
        session.standing = Standing::Ended(ending);
        prop_assert_eq!(session.state_after(at(used), at(now)), SessionState::from(kind));
        prop_assert!(!session.is_live(at(now)));
        prop_assert!(!session.accepts_activity(at(used)));
    }

    #[test]
    fn a_suspended_session_is_suspended_until_it_expires(idle in idle(), now in 0..200_000_i64) {
        let mut session = session(100_000, idle);
        session.standing = Standing::Suspended;
        let expected = if at(now) >= session.deadline() {
            SessionState::Expired
        } else {
            SessionState::Suspended
        };
        prop_assert_eq!(session.state(at(now)), expected);
    }

    /// Whatever path time takes, each change of state is an arrow of the machine.
    #[test]
    fn time_only_moves_along_the_machine(
        idle in idle(), steps in prop::collection::vec((1..60_000_i64, any::<bool>()), 1..20),
    ) {
        let mut session = session(100_000, idle);
        let (mut now, mut state) = (0, session.state(at(0)));
        for (step, is_used) in steps {
            now += step;
            if is_used && session.is_live(at(now)) {
                session.last_activity = at(now);
            }
            let next = session.state(at(now));
            prop_assert!(next == state || state.can_become(next), "{state:?} to {next:?}");
            state = next;
        }
    }
}

proptest! {
    /// Requirement 14: once the clock or a record has ended it, no activity, note or clock that runs
    /// on brings it back.
    #[test]
    fn nothing_revives_a_session_that_has_ended_by_record(
        idle in idle(), ended in 0..100_000_i64, notes in prop::collection::vec(0..200_000_i64, 0..8),
        clock in prop::collection::vec(-200_000..400_000_i64, 1..8),
    ) {
        let mut record = session(100_000, idle);
        let (kind, reason) = (EndKind::Revoked, EndReason::LOGOUT);
        record.standing = Standing::Ended(Ending { kind, reason, at: at(ended) });
        let mut record = Arc::new(record);
        for note in notes {
            record = record.with_activity(at(note));
        }
        for now in clock {
            prop_assert_eq!(record.state(at(now)), SessionState::Revoked);
        }
    }

    /// Requirement 15: expired wins over whatever the record still says, sweep or no sweep.
    #[test]
    fn past_a_deadline_an_open_record_is_expired(
        idle in idle(), is_suspended in any::<bool>(), late in 0..1_000_000_i64,
    ) {
        let mut session = session(100_000, idle);
        if is_suspended {
            session.standing = Standing::Suspended;
        }
        let now = session.deadline() + TimeDelta::milliseconds(late);
        prop_assert_eq!(session.state(now), SessionState::Expired);
        prop_assert_eq!(session.state(now).admit(), Err(Refusal::Expired));
    }
}

#[test]
fn an_expiry_that_was_noted_says_so() {
    let ending = Ending::expired(at(7));
    assert_eq!((ending.kind, ending.at), (EndKind::Expired, at(7)));
    assert_eq!(ending.reason, EndReason::EXPIRED);
}

#[test]
fn each_kind_of_end_is_the_final_state_of_its_name() {
    for (kind, state) in [
        (EndKind::Expired, SessionState::Expired),
        (EndKind::Revoked, SessionState::Revoked),
        (EndKind::Terminated, SessionState::Terminated),
    ] {
        assert_eq!(SessionState::from(kind), state);
        assert!(state.is_final());
    }
}

#[test]
fn refusals_are_snake_case_words() {
    let all = [
        Refusal::Unknown,
        Refusal::Expired,
        Refusal::Revoked,
        Refusal::Terminated,
        Refusal::Suspended,
    ];
    let expected = ["unknown", "expired", "revoked", "terminated", "suspended"];
    assert_eq!(all.map(Refusal::as_str), expected);
}
