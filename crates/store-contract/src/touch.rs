//! Activity.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::SessionStore;
use session_core::{Activity, Session, SessionId};

use crate::parallel;
use crate::samples::{found, idling, minute, revoked, session, start, stored};

async fn touch(store: &Arc<dyn SessionStore>, id: SessionId, at: DateTime<Utc>) {
    store
        .touch(&[Activity { id, at }])
        .await
        .expect("the store notes activity");
}

/// The latest activity stands, in whatever order they come; the version is not raised.
pub async fn activity_moves_forward_only(store: Arc<dyn SessionStore>) {
    let before = stored(&store, session("ada", start())).await;
    for (at, expected) in [(5, 5), (3, 5), (7, 7), (7, 7), (0, 7)] {
        touch(&store, before.id, minute(at)).await;
        assert_eq!(
            found(&store, before.id).await.last_activity,
            minute(expected)
        );
    }
    // Within one call too.
    let both = [8, 6].map(|at| Activity {
        id: before.id,
        at: minute(at),
    });
    store.touch(&both).await.expect("the store notes activity");
    let after = found(&store, before.id).await;
    assert_eq!(
        (after.last_activity, after.version),
        (minute(8), before.version)
    );
}

/// Of notes that come at once, from several nodes say, the latest stands; nothing else changes.
pub async fn of_parallel_notes_the_latest_stands(store: Arc<dyn SessionStore>) {
    let before = stored(&store, session("ada", start())).await;
    let id = before.id;
    parallel::all((1..=50).map(|n| {
        let store = Arc::clone(&store);
        let at = start() + TimeDelta::seconds(n * 7 % 51);
        async move { touch(&store, id, at).await }
    }))
    .await;
    let expected = Session {
        last_activity: start() + TimeDelta::seconds(50),
        ..Session::clone(&before)
    };
    assert_eq!(*found(&store, id).await, expected);
}

/// Requirement 14: not what has ended, nor what is past its absolute deadline, nor what never was.
pub async fn activity_revives_nothing(store: Arc<dyn SessionStore>) {
    let ended = stored(&store, session("ada", start())).await;
    store
        .end(ended.id, revoked(minute(1)))
        .await
        .expect("the store ends it");
    let ended = found(&store, ended.id).await;
    let old = stored(&store, session("ada", start())).await;
    touch(&store, ended.id, minute(2)).await;
    touch(&store, old.id, old.expires_at).await;
    touch(&store, session("nobody", start()).id, minute(2)).await;
    assert_eq!(found(&store, ended.id).await, ended);
    assert_eq!(found(&store, old.id).await, old);
}

/// What was used in time stays alive, though the note of it comes after the idle deadline.
pub async fn activity_that_was_held_up_still_counts(store: Arc<dyn SessionStore>) {
    let new = idling(session("ada", start()), TimeDelta::minutes(10));
    let before = stored(&store, new).await;
    assert!(!found(&store, before.id).await.is_live(minute(15)));
    touch(&store, before.id, minute(9)).await;
    let after = found(&store, before.id).await;
    assert!(after.is_live(minute(15)));
    let swept = store
        .sweep(minute(15), start(), 10)
        .await
        .expect("the store sweeps");
    assert_eq!(swept.expired, []);
    touch(&store, before.id, minute(40)).await;
    assert!(
        found(&store, before.id).await.is_live(minute(45)),
        "noted after a long outage"
    );
}

/// A batch is as good as its parts, unknown ones among them.
pub async fn many_activities_at_once(store: Arc<dyn SessionStore>) {
    let mut activities = Vec::new();
    for n in 0..300 {
        let id = stored(&store, session(&format!("user {n}"), start()))
            .await
            .id;
        activities.push(Activity {
            id,
            at: minute(1) + TimeDelta::seconds(n),
        });
    }
    let unknown = (0..4700).map(|_| session("nobody", start()).id);
    let unknown = unknown.map(|id| Activity { id, at: minute(1) });
    let batch: Vec<_> = activities.iter().copied().chain(unknown).collect();
    store.touch(&batch).await.expect("the store notes activity");
    store.touch(&[]).await.expect("nothing is fine too");
    for Activity { id, at } in activities {
        assert_eq!(found(&store, id).await.last_activity, at);
    }
}
