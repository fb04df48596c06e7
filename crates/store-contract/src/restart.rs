//! For durable stores.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use session_core::ports::{
    Extension, LimitPolicy, SessionChange, SessionLimit, SessionStore, UpdateOutcome,
};
use session_core::{Activity, Metadata, PageRequest, SessionId};

use crate::samples::{
    found, idling, ids, minute, revoked, session, start, stored, stored_with, user,
};

/// What was answered before a store was closed is there after it was opened again.
///
/// `open` opens the same data each time.
pub async fn everything_survives_a_restart(open: impl AsyncFn() -> Arc<dyn SessionStore>) {
    let store = open().await;
    let live = stored(&store, session("ada", start())).await.id;
    let idle = stored(
        &store,
        idling(session("ada", start()), TimeDelta::minutes(5)),
    )
    .await
    .id;
    let ended = stored(&store, session("ada", start())).await.id;
    store
        .end(ended, revoked(minute(1)))
        .await
        .expect("the store ends it");
    let extension = Extension {
        by: TimeDelta::minutes(5),
        not_past: minute(100),
    };
    store
        .extend(live, extension, minute(1))
        .await
        .expect("it is extended");
    let metadata = json!({"role": "admin"});
    let metadata = Metadata::new(metadata.as_object().expect("an object")).expect("metadata");
    let change = SessionChange {
        metadata: Some(metadata),
        device_fingerprint: None,
    };
    let version = found(&store, live).await.version;
    store
        .update(live, version, change, minute(1))
        .await
        .expect("it is changed");
    store
        .touch(&[Activity {
            id: live,
            at: minute(2),
        }])
        .await
        .expect("it is noted");

    let mut before = Vec::new();
    for id in [live, idle, ended] {
        before.push(found(&store, id).await);
    }
    let listed = store
        .list(&user("ada"), PageRequest::default(), minute(2))
        .await;
    let listed = listed.expect("the store answers");
    let stats = store.stats(minute(2)).await.expect("the store answers");
    store.close().await;
    drop(store);

    let store = open().await;
    for session in before {
        assert_eq!(found(&store, session.id).await, session);
    }
    let again = store
        .list(&user("ada"), PageRequest::default(), minute(2))
        .await;
    assert_eq!(again.expect("the store answers"), listed);
    assert_eq!(
        store.stats(minute(2)).await.expect("the store answers"),
        stats
    );
    rules_still_hold(&store, live, idle, ended).await;
    store.close().await;
}

/// What the rules need to know came back as well: versions, deadlines, ends and who counts.
async fn rules_still_hold(
    store: &Arc<dyn SessionStore>,
    live: SessionId,
    idle: SessionId,
    ended: SessionId,
) {
    let gone = found(store, ended).await;
    let activity = Activity {
        id: ended,
        at: minute(3),
    };
    store.touch(&[activity]).await.expect("the store answers");
    assert_eq!(found(store, ended).await, gone, "final is final");
    let stale = store
        .update(live, 1, SessionChange::default(), minute(3))
        .await;
    assert_eq!(
        stale.expect("the store answers"),
        UpdateOutcome::VersionConflict
    );
    let two = SessionLimit {
        max: 2,
        policy: LimitPolicy::EvictOldest,
    };
    let (newcomer, evicted) = stored_with(store, session("ada", minute(3)), two).await;
    assert_eq!(evicted, [live], "the oldest of two makes room");
    let swept = store.sweep(minute(5), minute(2), 10).await;
    let swept = swept.expect("the store sweeps");
    assert_eq!((ids(swept.expired), swept.forgotten), (vec![idle], 1));
    assert!(found(store, newcomer.id).await.is_live(minute(5)));
}
