use std::sync::Arc;
use std::sync::atomic::Ordering;

use app::{Freshness, Origin, SessionPolicy, SessionRef};
use chrono::TimeDelta;
use session_core::{EndKind, EndReason};

use crate::harness::{Counting, TestClock, begin, copy, is_valid, manager, user};

fn cached(bound: TimeDelta) -> SessionPolicy {
    let freshness = Freshness::Cached {
        entries: 1000,
        bound,
    };
    SessionPolicy {
        freshness,
        ..SessionPolicy::default()
    }
}

/// Requirement 12: two managers on one store stand for two nodes.
#[tokio::test]
async fn in_strict_mode_a_revocation_reaches_the_other_node_at_once() {
    let (store, clock) = (Counting::new(), TestClock::new());
    let here = manager(Arc::clone(&store) as _, &clock, SessionPolicy::default());
    let there = manager(Arc::clone(&store) as _, &clock, SessionPolicy::default());
    let token = begin(&here, None).await;
    assert!(is_valid(&there, &token).await);
    let which = SessionRef::Handle(token.id);
    here.end(
        &which,
        EndKind::Revoked,
        EndReason::LOGOUT,
        &Origin::system(),
    )
    .await
    .expect("it ends");
    assert!(!is_valid(&there, &token).await);
}

/// Requirement 12: never later than the bound, and on the same node at once.
#[tokio::test]
async fn in_cached_mode_a_revocation_reaches_the_other_node_within_the_bound() {
    let (store, clock) = (Counting::new(), TestClock::new());
    let bound = TimeDelta::seconds(1);
    let here = manager(Arc::clone(&store) as _, &clock, cached(bound));
    let there = manager(Arc::clone(&store) as _, &clock, cached(bound));
    let token = begin(&here, None).await;
    for node in [&here, &there] {
        assert!(is_valid(node, &token).await);
    }
    clock.pass(TimeDelta::milliseconds(500));
    assert!(
        is_valid(&there, &token).await,
        "using it does not make the entry fresher"
    );
    let which = SessionRef::Handle(token.id);
    here.end(
        &which,
        EndKind::Revoked,
        EndReason::LOGOUT,
        &Origin::system(),
    )
    .await
    .expect("it ends");
    assert!(!is_valid(&here, &token).await, "at once where it was ended");
    clock.pass(TimeDelta::milliseconds(500));
    assert!(!is_valid(&there, &token).await, "after the bound elsewhere");
}

#[tokio::test]
async fn in_cached_mode_the_store_is_asked_once_per_bound() {
    let (store, clock) = (Counting::new(), TestClock::new());
    let manager = manager(
        Arc::clone(&store) as _,
        &clock,
        cached(TimeDelta::seconds(1)),
    );
    let token = begin(&manager, None).await;
    for _ in 0..100 {
        assert!(is_valid(&manager, &token).await);
        clock.pass(TimeDelta::milliseconds(20));
    }
    assert_eq!(store.finds.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn in_cached_mode_ones_own_writes_are_seen_at_once() {
    let (store, clock) = (Counting::new(), TestClock::new());
    let manager = manager(Arc::clone(&store) as _, &clock, cached(TimeDelta::hours(9)));
    let which = |token| SessionRef::Token(copy(token));
    let spared = begin(&manager, None).await;
    let token = begin(&manager, None).await;
    for token in [&token, &spared] {
        assert!(is_valid(&manager, token).await);
    }
    let extended = manager
        .extend(&which(&token), 60, &Origin::system())
        .await
        .expect("it is live")
        .session;
    let seen = manager
        .get(&which(&token), &Origin::system())
        .await
        .expect("it is live");
    assert_eq!(seen.expires_at, extended.expires_at);
    let change = serde_json::json!({"role": "admin"});
    manager
        .update(&which(&token), change.as_object(), None, &Origin::system())
        .await
        .expect("it is live");
    let seen = manager
        .get(&which(&token), &Origin::system())
        .await
        .expect("it is live");
    assert!(seen.metadata.has_role("admin"));
    let (kind, reason) = (EndKind::Revoked, EndReason::LOGOUT);
    let ended = manager
        .end_some(&user(), Some(spared.id), kind, reason, &Origin::system())
        .await
        .expect("they end");
    assert_eq!(ended.ended.len(), 1);
    assert!(!is_valid(&manager, &token).await);
    // At the limit: whoever is displaced is refused at once.
    for _ in 0..5 {
        clock.pass(TimeDelta::milliseconds(1));
        begin(&manager, None).await;
    }
    assert!(!is_valid(&manager, &spared).await);
}

/// Many readers keep the entry busy while it is ended: no look that begins after the answer may see
/// it live, however the loads interleave. On SQLite, whose own copies stand behind.
#[tokio::test(flavor = "multi_thread")]
async fn no_look_after_the_answer_sees_an_ended_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = store_sqlite::Options::new(folder.path().join("sessions.db"));
    let store = Arc::new(
        store_sqlite::SqliteStore::open(options)
            .await
            .expect("it opens"),
    );
    let clock = TestClock::new();
    for policy in [SessionPolicy::default(), cached(TimeDelta::hours(9))] {
        let manager = Arc::new(manager(Arc::clone(&store) as _, &clock, policy));
        for _ in 0..100 {
            let token = Arc::new(begin(&manager, None).await);
            let readers: Vec<_> = (0..4)
                .map(|_| {
                    let (manager, token) = (Arc::clone(&manager), Arc::clone(&token));
                    tokio::spawn(async move {
                        while is_valid(&manager, &token).await {
                            // An answer from memory never waits, and would keep the thread.
                            tokio::task::yield_now().await;
                        }
                    })
                })
                .collect();
            let which = SessionRef::Handle(token.id);
            manager
                .end(
                    &which,
                    EndKind::Revoked,
                    EndReason::LOGOUT,
                    &Origin::system(),
                )
                .await
                .expect("it ends");
            assert!(!is_valid(&manager, &token).await);
            for reader in readers {
                reader.await.expect("each reader comes to an end");
            }
        }
    }
}
