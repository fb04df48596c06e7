//! For durable stores.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use session_core::ports::{Extension, SessionChange, SessionStore};
use session_core::{Activity, Metadata, PageRequest};

use crate::samples::{found, idling, minute, revoked, session, start, stored, user};

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
    store.close().await;
}
