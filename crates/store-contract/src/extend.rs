//! Moving deadlines.

use std::sync::Arc;

use chrono::TimeDelta;
use session_core::Session;
use session_core::ports::{Extension, SessionStore};

use crate::parallel;
use crate::samples::{found, idling, minute, revoked, session, start, stored};

fn by(minutes: i64) -> Extension {
    Extension {
        by: TimeDelta::minutes(minutes),
        not_past: minute(120),
    }
}

/// By what is asked, never past the bound, never backwards; the version is raised.
pub async fn a_deadline_moves_as_far_as_allowed(store: Arc<dyn SessionStore>) {
    let before = stored(&store, session("ada", start())).await;
    for (minutes, expected) in [(10, 70), (100, 120), (10, 120)] {
        let outcome = store.extend(before.id, by(minutes), minute(1)).await;
        let after = outcome.expect("the store answers").expect("it is live");
        assert_eq!(after.expires_at, minute(expected));
        assert_eq!(found(&store, before.id).await, after);
    }
    let after = found(&store, before.id).await;
    assert!(after.version > before.version);
    assert_eq!(
        *after,
        Session {
            expires_at: minute(120),
            version: after.version,
            ..Session::clone(&before)
        }
    );
    // A deadline past the bound stays.
    let narrow = Extension {
        by: TimeDelta::minutes(10),
        not_past: minute(90),
    };
    let outcome = store
        .extend(before.id, narrow, minute(1))
        .await
        .expect("the store answers");
    assert_eq!(outcome.expect("it is live").expires_at, minute(120));
}

/// Requirement 14: ended, past either deadline, or unknown.
pub async fn what_is_not_live_is_not_extended(store: Arc<dyn SessionStore>) {
    let ended = stored(&store, session("ada", start())).await;
    store
        .end(ended.id, revoked(minute(1)))
        .await
        .expect("the store ends it");
    let old = stored(&store, session("ada", start())).await;
    let idle = stored(
        &store,
        idling(session("ada", start()), TimeDelta::minutes(5)),
    )
    .await;
    let unknown = session("nobody", start());
    for (id, now) in [
        (ended.id, minute(2)),
        (old.id, minute(60)),
        (idle.id, minute(5)),
        (unknown.id, start()),
    ] {
        let outcome = store
            .extend(id, by(10), now)
            .await
            .expect("the store answers");
        assert_eq!(outcome, None);
    }
    assert_eq!(found(&store, old.id).await, old);
    assert_eq!(found(&store, idle.id).await, idle);
}

/// None of 50 is lost.
pub async fn parallel_extensions_add_up(store: Arc<dyn SessionStore>) {
    let before = stored(&store, session("ada", start())).await;
    let id = before.id;
    parallel::all((0..50).map(|_| {
        let store = Arc::clone(&store);
        async move {
            let outcome = store.extend(id, by(1), minute(1)).await;
            outcome.expect("the store answers").expect("it is live");
        }
    }))
    .await;
    assert_eq!(found(&store, id).await.expires_at, minute(60 + 50));
}
