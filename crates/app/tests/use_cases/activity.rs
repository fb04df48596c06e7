use std::sync::Arc;
use std::sync::atomic::Ordering;

use app::{Origin, SessionPolicy, SessionRef};
use chrono::TimeDelta;
use session_core::PageRequest;
use session_core::ports::{Clock as _, SessionStore as _};

use crate::harness::{Counting, TestClock, begin, copy, is_valid, manager, user};

#[tokio::test]
async fn activity_is_buffered_and_yet_seen_by_every_read() {
    let (store, clock) = (Counting::new(), TestClock::new());
    let manager = manager(Arc::clone(&store) as _, &clock, SessionPolicy::default());
    let token = begin(&manager, Some(TimeDelta::minutes(30))).await;
    for _ in 0..20 {
        clock.pass(TimeDelta::seconds(1));
        assert!(is_valid(&manager, &token).await);
    }
    assert_eq!(
        store.touches.load(Ordering::SeqCst),
        0,
        "nothing is written yet"
    );
    let got = manager
        .get(&SessionRef::Token(copy(&token)), &Origin::system())
        .await
        .expect("it is live");
    let listed = manager
        .list(&user(), PageRequest::default())
        .await
        .expect("the store answers");
    assert_eq!(got.last_activity, clock.now());
    assert_eq!(listed.items[0].last_activity, clock.now());
    manager.close().await.expect("it is written");
    assert_eq!(
        store.touches.load(Ordering::SeqCst),
        1,
        "once for all of it"
    );
}

/// Whoever goes by the store alone (the sweep, the limit, another node) never takes a session for
/// dead that is in use: what would let the stored deadline pass is written at once.
#[tokio::test]
async fn a_stored_deadline_never_passes_while_the_session_is_in_use() {
    let (store, clock) = (Counting::new(), TestClock::new());
    let manager = manager(Arc::clone(&store) as _, &clock, SessionPolicy::default());
    let token = begin(&manager, Some(TimeDelta::minutes(5))).await;
    for _ in 0..50 {
        clock.pass(TimeDelta::minutes(1));
        assert!(is_valid(&manager, &token).await);
        let stored = store
            .find(token.id)
            .await
            .expect("the store answers")
            .expect("it is there");
        assert!(stored.deadline() > clock.now() + TimeDelta::minutes(1));
        assert!(!manager.sweep().await.expect("the store sweeps").more);
    }
    let writes = store.touches.load(Ordering::SeqCst);
    assert!(
        (10..=25).contains(&writes),
        "far from one each time: {writes}"
    );
}

#[tokio::test]
async fn without_a_resolution_every_use_is_written() {
    let (store, clock) = (Counting::new(), TestClock::new());
    let policy = SessionPolicy {
        activity_resolution: TimeDelta::zero(),
        ..SessionPolicy::default()
    };
    let manager = manager(Arc::clone(&store) as _, &clock, policy);
    let token = begin(&manager, None).await;
    for _ in 0..3 {
        clock.pass(TimeDelta::seconds(1));
        assert!(is_valid(&manager, &token).await);
    }
    assert_eq!(store.touches.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn validating_is_no_activity_where_the_policy_says_so() {
    let (store, clock) = (Counting::new(), TestClock::new());
    let policy = SessionPolicy {
        validation_is_activity: false,
        ..SessionPolicy::default()
    };
    let manager = manager(Arc::clone(&store) as _, &clock, policy);
    let token = begin(&manager, Some(TimeDelta::minutes(10))).await;
    clock.pass(TimeDelta::minutes(9));
    assert!(is_valid(&manager, &token).await);
    manager
        .touch(&SessionRef::Token(copy(&token)), &Origin::system())
        .await
        .expect("it is live");
    clock.pass(TimeDelta::minutes(9));
    assert!(is_valid(&manager, &token).await, "by the explicit activity");
    clock.pass(TimeDelta::minutes(1));
    assert!(
        !is_valid(&manager, &token).await,
        "validating did not count"
    );
}

#[tokio::test]
async fn a_wrong_secret_is_no_activity_and_looks_like_no_session() {
    let (store, clock) = (Counting::new(), TestClock::new());
    let manager = manager(Arc::clone(&store) as _, &clock, SessionPolicy::default());
    let token = begin(&manager, Some(TimeDelta::minutes(10))).await;
    let forged = format!("{}.{}", token.id, "A".repeat(43))
        .parse()
        .expect("a token");
    clock.pass(TimeDelta::minutes(9));
    assert!(!is_valid(&manager, &forged).await);
    clock.pass(TimeDelta::minutes(1));
    assert!(
        !is_valid(&manager, &token).await,
        "the forged token did not keep it alive"
    );
}
