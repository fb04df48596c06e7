//! For durable stores.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use session_core::ports::{
    AuditLog, Extension, LimitPolicy, RateLimiter, RevocationList, SessionChange, SessionLimit,
    SessionStore, UpdateOutcome,
};
use session_core::{
    Activity, Attempt, Metadata, PageRequest, RateDecision, RateRule, SessionId, Standing,
};

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

/// So are revocations, what was counted under rate limits, the audit log, and sessions held back.
///
/// `open` opens the same data each time.
pub async fn trust_survives_a_restart<S>(open: impl AsyncFn() -> Arc<S>)
where
    S: SessionStore + RevocationList + RateLimiter + AuditLog,
{
    let store = open().await;
    let held = session("ada", start());
    let id = held.id;
    store
        .create(held, crate::samples::NO_LIMIT)
        .await
        .expect("it is created");
    store
        .suspend(id, true, minute(1))
        .await
        .expect("it is held");
    let revocation = crate::revocations::revocation(0);
    let revocations = std::slice::from_ref(&revocation);
    store.revoke(revocations).await.expect("it is revoked");
    let rule = RateRule::new("login_attempt", 3, TimeDelta::minutes(5)).expect("a rule");
    let attempt = [Attempt::of(&rule, "ada")];
    let mut before = Vec::new();
    for _ in 0..4 {
        let decision = store.attempt(&attempt, start(), 0.0).await;
        before.push(decision.expect("the limiter answers"));
    }
    store
        .append(&crate::audit::events(20))
        .await
        .expect("the log takes events");
    store
        .forget_events(minute(5), 100)
        .await
        .expect("it forgets");
    let head = store.verify(None).await.expect("the log answers");
    store.close().await;
    drop(store);

    let store = open().await;
    let found = store.find(id).await;
    let found = found.expect("the store answers").expect("it is there");
    assert_eq!(found.standing, Standing::Suspended);
    let found = store
        .find_revocation(revocation.token_hash, minute(59))
        .await;
    let found = found.expect("the list answers");
    assert_eq!(found.as_deref(), Some(&revocation));
    let decision = store.attempt(&attempt, start(), 0.0).await;
    let decision = decision.expect("the limiter answers");
    assert!(!decision.is_admitted(), "a restart forgets nothing");
    let Some(&RateDecision::Refused { retry_after, .. }) = before.last() else {
        panic!("the fourth was over the limit")
    };
    let decision = store.attempt(&attempt, start() + retry_after, 0.0).await;
    assert!(decision.expect("the limiter answers").is_admitted());
    assert_eq!(store.verify(None).await.expect("the log answers"), head);
    store
        .append(&crate::audit::events(1))
        .await
        .expect("the log takes events");
    let verified = store.verify(None).await.expect("the log answers");
    assert_eq!(verified.expect("the chain is whole").head.sequence, 21);
    store.close().await;
}
