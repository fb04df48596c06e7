//! Holding sessions back and letting them go on.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use session_core::ports::{
    Created, EndOutcome, EndedSession, Extension, LimitPolicy, SessionChange, SessionLimit,
    SessionStore, Suspension, UpdateOutcome,
};
use session_core::{
    Activity, ClientDetails, DeviceFingerprint, Ending, Metadata, PageRequest, Session, SessionId,
    SessionState, Standing, UpstreamDetails,
};

use crate::parallel;
use crate::samples::{found, idling, minute, revoked, session, start, stored, stored_with, user};

const TWO: SessionLimit = SessionLimit {
    max: 2,
    policy: LimitPolicy::EvictOldest,
};
const REFUSE: SessionLimit = SessionLimit {
    max: 2,
    policy: LimitPolicy::Refuse,
};

async fn suspend(
    store: &Arc<dyn SessionStore>,
    id: SessionId,
    suspended: bool,
    now: DateTime<Utc>,
) -> Option<Suspension> {
    let outcome = store.suspend(id, suspended, now).await;
    outcome.expect("the store answers")
}

/// The record after a session was held back or let go.
async fn changed(
    store: &Arc<dyn SessionStore>,
    id: SessionId,
    suspended: bool,
    now: DateTime<Utc>,
) -> Arc<Session> {
    match suspend(store, id, suspended, now).await {
        Some(Suspension::Changed(session)) => session,
        other => panic!("it was live and otherwise: {other:?}"),
    }
}

/// Back and forth; nothing but standing and version changes, and each of them is a change.
pub async fn a_session_is_held_back_and_let_go(store: Arc<dyn SessionStore>) {
    let metadata = json!({"role": "admin", "text": "é\"'\n\u{0}"});
    let full = Session {
        remember_me: true,
        metadata: Metadata::new(metadata.as_object().expect("an object")).expect("metadata"),
        client: ClientDetails {
            ip_address: Some("2001:db8::1".parse().expect("an address")),
            user_agent: Some("Mozilla/5.0 \"q\"".into()),
            device_fingerprint: Some(Box::new(DeviceFingerprint {
                platform: Some("Linux".to_owned()),
                ..DeviceFingerprint::default()
            })),
        },
        upstream: Some(Box::new(UpstreamDetails {
            provider: Some("example".into()),
            scopes: vec!["openid".into()],
        })),
        ..idling(session("ada", start()), TimeDelta::minutes(30))
    };
    let neighbour = stored(&store, session("ada", start())).await;
    for given in [full, session("ada", start())] {
        let mut before = stored(&store, given).await;
        for n in 1..=4 {
            let suspended = n % 2 == 1;
            let after = changed(&store, before.id, suspended, minute(n)).await;
            let (standing, state) = if suspended {
                (Standing::Suspended, SessionState::Suspended)
            } else {
                (Standing::Open, SessionState::Active)
            };
            let expected = Session {
                standing,
                version: after.version,
                ..Session::clone(&before)
            };
            assert_eq!(*after, expected);
            assert!(after.version > before.version, "it is a change");
            assert_eq!(after.state(minute(n)), state);
            assert_eq!(found(&store, before.id).await, after, "it is found whole");
            before = after;
        }
    }
    assert_eq!(found(&store, neighbour.id).await, neighbour);
}

/// Whoever asks for what is so already is told so, and the version stays.
pub async fn what_is_so_already_is_not_written(store: Arc<dyn SessionStore>) {
    let open = stored(&store, session("ada", start())).await;
    let unchanged = suspend(&store, open.id, false, minute(1)).await;
    assert_eq!(unchanged, Some(Suspension::Unchanged(Arc::clone(&open))));
    assert_eq!(found(&store, open.id).await, open);
    let held = changed(&store, open.id, true, minute(1)).await;
    for n in 2..4 {
        let unchanged = suspend(&store, open.id, true, minute(n)).await;
        assert_eq!(unchanged, Some(Suspension::Unchanged(Arc::clone(&held))));
    }
    assert_eq!(found(&store, open.id).await, held);
}

/// Not what never was, has ended, or is past a deadline, to the millisecond; whether it was held back
/// before or not.
pub async fn what_is_not_live_is_neither_held_back_nor_let_go(store: Arc<dyn SessionStore>) {
    for suspended in [true, false] {
        let unknown = session("nobody", start()).id;
        assert_eq!(suspend(&store, unknown, suspended, start()).await, None);
        for was_suspended in [true, false] {
            let ended = stored(&store, session("ada", start())).await;
            let old = stored(&store, session("ada", start())).await;
            let five = TimeDelta::minutes(5);
            let idle = stored(&store, idling(session("ada", start()), five)).await;
            if was_suspended {
                for id in [ended.id, old.id, idle.id] {
                    changed(&store, id, true, start()).await;
                }
            }
            let end = store.end(ended.id, revoked(minute(1))).await;
            end.expect("the store ends it");
            for (session, now) in [
                (&ended, minute(1)),
                (&old, old.deadline()),
                (&idle, idle.deadline()),
            ] {
                let before = found(&store, session.id).await;
                let outcome = suspend(&store, session.id, suspended, now).await;
                assert_eq!(outcome, None, "{session:?}");
                assert_eq!(
                    found(&store, session.id).await,
                    before,
                    "nothing is written"
                );
            }
            for session in [old, idle] {
                let last = session.deadline() - TimeDelta::milliseconds(1);
                let outcome = suspend(&store, session.id, suspended, last).await;
                let after = match outcome {
                    Some(Suspension::Changed(after)) if suspended != was_suspended => after,
                    Some(Suspension::Unchanged(after)) if suspended == was_suspended => after,
                    other => panic!("it is live up to its deadline: {other:?}"),
                };
                assert_eq!(after.standing == Standing::Suspended, suspended);
            }
        }
    }
}

/// Being held back gives nobody more time, and neither does being let go.
pub async fn deadlines_go_on_meanwhile(store: Arc<dyn SessionStore>) {
    let five = TimeDelta::minutes(5);
    let held = stored(&store, idling(session("ada", start()), five)).await;
    let let_go = stored(&store, idling(session("ada", start()), five)).await;
    let absolute = stored(&store, session("ada", start() - TimeDelta::minutes(55))).await;
    for id in [held.id, let_go.id, absolute.id] {
        let after = changed(&store, id, true, minute(3)).await;
        assert_eq!(after.deadline(), minute(5));
    }
    let after = changed(&store, let_go.id, false, minute(4)).await;
    assert_eq!(after.deadline(), minute(5));
    let last = minute(5) - TimeDelta::milliseconds(1);
    for (now, live) in [(last, 3), (minute(5), 0)] {
        let page = store.list(&user("ada"), PageRequest::default(), now).await;
        assert_eq!(page.expect("the store answers").items.len(), live);
        let stats = store.stats(now).await.expect("the store answers");
        assert_eq!(
            (stats.active, stats.expired),
            (live as u64, 3 - live as u64)
        );
    }
    let swept = store.sweep(minute(5), start(), 10).await;
    assert_eq!(swept.expect("the store sweeps").expired.len(), 3);
    for id in [held.id, let_go.id, absolute.id] {
        let noted = found(&store, id).await;
        assert_eq!(noted.standing, Standing::Ended(Ending::expired(minute(5))));
    }
}

/// It is listed, counted, and takes one of the places that its user has.
pub async fn a_suspended_session_counts_as_live(store: Arc<dyn SessionStore>) {
    let held = stored(&store, session("ada", start())).await;
    let held = changed(&store, held.id, true, minute(1)).await;
    let open = stored(&store, session("ada", minute(2))).await;
    let page = store
        .list(&user("ada"), PageRequest::default(), minute(2))
        .await;
    let items = page.expect("the store answers").items;
    assert_eq!(items, [Arc::clone(&open), Arc::clone(&held)]);
    let stats = store.stats(minute(2)).await.expect("the store answers");
    assert_eq!((stats.active, stats.expired, stats.total), (2, 0, 2));
    assert_eq!(stats.busiest_users, [(user("ada"), 2)]);

    let refused = store.create(session("ada", minute(3)), REFUSE).await;
    assert_eq!(refused.expect("the store answers"), Created::LimitReached);
    let (_, evicted) = stored_with(&store, session("ada", minute(3)), TWO).await;
    assert_eq!(evicted, [held.id], "it is the oldest");
    let gone = found(&store, held.id).await;
    assert_eq!(gone.state(minute(3)), SessionState::Terminated);
    assert_eq!(suspend(&store, held.id, false, minute(3)).await, None);
}

/// Every way to end a session ends one that is held back.
pub async fn a_suspended_session_can_be_ended(store: Arc<dyn SessionStore>) {
    let alone = stored(&store, session("ada", start())).await;
    changed(&store, alone.id, true, minute(1)).await;
    let outcome = store.end(alone.id, revoked(minute(2))).await;
    let Some(EndOutcome::Ended(ended)) = outcome.expect("the store answers") else {
        panic!("it was live")
    };
    assert_eq!(ended.standing, Standing::Ended(revoked(minute(2))));
    assert_eq!(found(&store, alone.id).await, ended);

    let one_of_many = stored(&store, session("eve", start())).await;
    changed(&store, one_of_many.id, true, minute(1)).await;
    let batch = store
        .end_user_sessions(&user("eve"), None, revoked(minute(2)), 10)
        .await;
    let ended = batch.expect("the store answers").ended;
    assert_eq!(ended, [EndedSession::from(&*one_of_many)]);
    let record = found(&store, one_of_many.id).await;
    assert_eq!(record.standing, Standing::Ended(revoked(minute(2))));
    let stats = store.stats(minute(2)).await.expect("the store answers");
    assert_eq!(stats.active, 0);
}

/// Whatever else is written to it meanwhile does not let it go.
pub async fn other_writes_leave_it_suspended(store: Arc<dyn SessionStore>) {
    let id = stored(&store, session("ada", start())).await.id;
    let held = changed(&store, id, true, minute(1)).await;
    let activity = Activity { id, at: minute(2) };
    store.touch(&[activity]).await.expect("the store answers");
    let touched = found(&store, id).await;
    let expected = Session {
        last_activity: minute(2),
        ..Session::clone(&held)
    };
    assert_eq!(*touched, expected);
    let extension = Extension {
        by: TimeDelta::minutes(5),
        not_past: minute(100),
    };
    let extended = store.extend(id, extension, minute(2)).await;
    let extended = extended.expect("the store answers").expect("it is live");
    assert_eq!(extended.standing, Standing::Suspended);
    assert_eq!(extended.expires_at, minute(65));
    let outcome = store
        .update(id, extended.version, SessionChange::default(), minute(2))
        .await;
    let UpdateOutcome::Updated(updated) = outcome.expect("the store answers") else {
        panic!("it is live, and the version right")
    };
    assert_eq!(updated.standing, Standing::Suspended);
    assert_eq!(found(&store, id).await, updated);
    let stale = store
        .update(id, held.version, SessionChange::default(), minute(2))
        .await;
    assert_eq!(
        stale.expect("the store answers"),
        UpdateOutcome::VersionConflict
    );
}

/// Of 50 who hold it back at once, one did it; and so with letting it go.
pub async fn of_parallel_calls_one_counts(store: Arc<dyn SessionStore>) {
    let id = stored(&store, session("ada", start())).await.id;
    let mut versions = BTreeSet::from([found(&store, id).await.version]);
    for round in 0..10 {
        let suspended = round % 2 == 0;
        let outcomes = parallel::all((0..50).map(|_| {
            let store = Arc::clone(&store);
            async move { suspend(&store, id, suspended, minute(1)).await }
        }))
        .await;
        let record = found(&store, id).await;
        assert_eq!(record.standing == Standing::Suspended, suspended);
        assert!(versions.insert(record.version), "it is a change");
        let mut changes = 0;
        for outcome in outcomes {
            changes += usize::from(matches!(outcome, Some(Suspension::Changed(_))));
            let Some(Suspension::Changed(seen) | Suspension::Unchanged(seen)) = outcome else {
                panic!("it is live")
            };
            assert_eq!(seen, record, "all see the same");
        }
        assert_eq!(changes, 1);
    }
}

/// When some hold back what others let go, each change is told to the one who made it: held back and
/// let go take turns, and no version is given twice.
pub async fn changes_both_ways_take_turns(store: Arc<dyn SessionStore>) {
    let id = stored(&store, session("ada", start())).await.id;
    let outcomes = parallel::all((0..100).map(|n| {
        let store = Arc::clone(&store);
        async move { suspend(&store, id, n % 2 == 0, minute(1)).await }
    }))
    .await;
    let changes = outcomes.into_iter().filter_map(|outcome| match outcome {
        Some(Suspension::Changed(after)) => {
            Some((after.version, after.standing == Standing::Suspended))
        }
        _ => None,
    });
    let mut changes: Vec<_> = changes.collect();
    changes.sort_unstable();
    let mut was_suspended = false;
    for pair in changes.windows(2) {
        assert!(pair[0].0 < pair[1].0, "a version was given twice");
    }
    for (_, suspended) in &changes {
        assert_ne!(*suspended, was_suspended);
        was_suspended = *suspended;
    }
    let record = found(&store, id).await;
    assert_eq!(record.standing == Standing::Suspended, was_suspended);
    assert_eq!(
        changes.last().map(|(version, _)| *version),
        Some(record.version)
    );
}
