//! Sessions whose records other hands were at: they do not stand in the way of the others.

use std::sync::Arc;

use session_core::ports::{SessionStore, StoreErrorKind};
use session_core::{Activity, EndKind, EndReason, Ending, Page, PageRequest, SessionId, UserId};
use store_contract::samples::{NO_LIMIT, minute, session, start};

use crate::cluster;
use crate::raw::Raw;

fn revoked() -> Ending {
    Ending {
        kind: EndKind::Revoked,
        reason: EndReason::LOGOUT,
        at: minute(1),
    }
}

/// Three sessions, the first of which cannot be read any more.
async fn three(raw: &Raw, store: &dyn SessionStore) -> [SessionId; 3] {
    let mut ids = [
        session("ada", start()),
        session("ada", start()),
        session("ada", start()),
    ]
    .map(|session| session.id);
    ids.sort_unstable();
    for id in ids {
        let mut new = session("ada", start());
        new.id = id;
        store.create(new, NO_LIMIT).await.expect("it is stored");
    }
    raw.on::<()>(
        "SETRANGE",
        &raw.key("s:", ids[0].as_bytes()),
        &[b"0", b"\x02"],
    )
    .await;
    ids
}

#[tokio::test]
async fn a_damaged_session_does_not_keep_the_users_others_alive() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let ids = three(&raw, &*store).await;
    let user = UserId::new("ada").expect("an id");
    let first = store.end_user_sessions(&user, None, revoked(), 100).await;
    let first = first.expect("what became of the others");
    assert_eq!(
        first.ended.iter().map(|ended| ended.id).collect::<Vec<_>>(),
        ids[1..]
    );
    assert!(!first.more);
    // What cannot be read ends all the same: nobody goes on with it, in whatever version.
    let found = store.find(ids[0]).await.expect("the store answers");
    assert_eq!(found, None);
}

#[tokio::test]
async fn a_damaged_session_does_not_stop_the_sweep() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    three(&raw, &*store).await;
    let late = minute(60 * 24 * 400);
    let swept = store.sweep(late, start(), 100).await.expect("it sweeps");
    assert_eq!((swept.expired.len(), swept.more), (2, false));
    let stats = store.stats(late).await.expect("it counts");
    assert_eq!(stats.total, 3);
    let swept = store.sweep(late, start(), 100).await.expect("it sweeps");
    assert!(swept.expired.is_empty());
}

/// What was written by a newer version is nobody's reason to lose what others did.
#[tokio::test]
async fn activity_is_noted_beside_a_session_that_cannot_be_read() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let ids = three(&raw, &*store).await;
    let at = minute(3);
    let all = ids.map(|id| Activity { id, at });
    store.touch(&all).await.expect("it is noted");
    let found = store.find(ids[2]).await.expect("it answers");
    assert_eq!(found.expect("it is there").last_activity, at);
}

/// No span of time has as many milliseconds.
#[tokio::test]
async fn an_idle_timeout_beyond_all_bounds_is_damage() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let ids = three(&raw, &*store).await;
    let key = raw.key("s:", ids[1].as_bytes());
    raw.on::<()>("SETRANGE", &key, &[b"2", b"\x02"]).await;
    raw.on::<()>("SETRANGE", &key, &[b"35", &i64::MIN.to_be_bytes()])
        .await;
    let found = store.find(ids[1]).await;
    assert_eq!(
        found.expect_err("it is damaged").kind(),
        StoreErrorKind::Corrupt
    );
}

/// In the cluster the steps are several, and others do theirs in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_is_passed_over_that_stands_behind_one_that_ends_meanwhile() {
    let store = cluster::store().await;
    for round in 0..200 {
        let user = UserId::new(&format!("user {round}")).expect("an id");
        let mut ids = Vec::new();
        for _ in 0..4 {
            let new = session(user.as_str(), start());
            ids.push(new.id);
            store.create(new, NO_LIMIT).await.expect("it is stored");
        }
        ids.sort_unstable();
        let (other, spared) = (Arc::clone(&store), ids[0]);
        let ends = tokio::spawn(async move { other.end(spared, revoked()).await });
        loop {
            let batch = store.end_user_sessions(&user, Some(spared), revoked(), 3);
            if !batch.await.expect("it answers").more {
                break;
            }
        }
        ends.await.expect("it runs").expect("it answers");
        let left = store.list(&user, PageRequest::default(), minute(2)).await;
        let Page { items, .. } = left.expect("it answers");
        assert!(items.is_empty(), "round {round}: {} are left", items.len());
    }
}
