//! Counts.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::BUSIEST_USERS;
use session_core::ports::SessionStore;

use crate::parallel;
use crate::samples::{idling, minute, revoked, session, start, stored, user};

async fn counts(store: &Arc<dyn SessionStore>, now: DateTime<Utc>) -> (u64, u64, u64, u64) {
    let stats = store.stats(now).await.expect("the store answers");
    let named: u64 = stats.busiest_users.iter().map(|(_, count)| count).sum();
    assert_eq!(named, stats.active, "few users: all are named");
    assert_eq!(stats.busiest_users.len() as u64, stats.unique_users);
    (stats.active, stats.expired, stats.total, stats.unique_users)
}

/// Active, expired, total and users: as the clock says, whether a sweep has passed or not.
pub async fn counts_are_exact_at_every_step(store: Arc<dyn SessionStore>) {
    assert_eq!(counts(&store, start()).await, (0, 0, 0, 0));
    let ended = stored(&store, session("ada", start())).await;
    stored(&store, session("ada", start())).await;
    stored(
        &store,
        idling(session("eve", start()), TimeDelta::minutes(5)),
    )
    .await;
    assert_eq!(counts(&store, start()).await, (3, 0, 3, 2));
    store
        .end(ended.id, revoked(minute(1)))
        .await
        .expect("the store ends it");
    assert_eq!(counts(&store, minute(1)).await, (2, 0, 3, 2));
    assert_eq!(
        counts(&store, minute(5)).await,
        (1, 1, 3, 1),
        "not swept yet"
    );
    store
        .sweep(minute(5), start(), 100)
        .await
        .expect("the store sweeps");
    assert_eq!(counts(&store, minute(5)).await, (1, 1, 3, 1), "swept");
    assert_eq!(
        counts(&store, minute(60)).await,
        (0, 2, 3, 0),
        "the last one is due"
    );
    store
        .sweep(minute(60), minute(60), 100)
        .await
        .expect("the store sweeps");
    assert_eq!(
        counts(&store, minute(60)).await,
        (0, 1, 1, 0),
        "what ended earlier is forgotten"
    );
    store
        .sweep(minute(60), minute(61), 100)
        .await
        .expect("the store sweeps");
    assert_eq!(counts(&store, minute(60)).await, (0, 0, 0, 0));
}

/// The ones with most sessions, most first, then by name; no more than there is room for.
pub async fn the_busiest_users_are_named(store: Arc<dyn SessionStore>) {
    // Far more than are named: who stands on the last places is decided by name.
    for n in 0..3 * BUSIEST_USERS {
        stored(&store, session(&format!("user {n:03}"), start())).await;
    }
    for (name, count) in [("user 050", 2), ("zoe", 3), ("bob", 3)] {
        for _ in 0..count {
            stored(&store, session(name, start())).await;
        }
    }
    // One who was the busiest, but whose sessions are due.
    for _ in 0..9 {
        stored(
            &store,
            idling(session("old", start()), TimeDelta::minutes(5)),
        )
        .await;
    }
    let stats = store.stats(minute(10)).await.expect("the store answers");
    assert_eq!(stats.unique_users, 3 * BUSIEST_USERS as u64 + 2);
    let mut expected = vec![(user("bob"), 3), (user("user 050"), 3), (user("zoe"), 3)];
    let single = (0..)
        .filter(|n| *n != 50)
        .map(|n| (user(&format!("user {n:03}")), 1));
    expected.extend(single.take(BUSIEST_USERS - 3));
    assert_eq!(stats.busiest_users, expected);
}

/// Many users whose sessions are due, in whole or in part, hide nobody who is live.
///
/// Not among [`contract_tests!`](crate::contract_tests): a store that looks at a bounded number of
/// candidates keeps every contract there, but not this one.
pub async fn users_past_their_deadline_hide_nobody(store: Arc<dyn SessionStore>) {
    let five = TimeDelta::minutes(5);
    for n in 0..3 * BUSIEST_USERS {
        for _ in 0..2 {
            let due = idling(session(&format!("due {n:03}"), start()), five);
            stored(&store, due).await;
        }
    }
    // Most sessions of all, but one of them left.
    for _ in 0..9 {
        stored(&store, idling(session("bob", start()), five)).await;
    }
    for name in ["bob", "zoe", "zoe", "ada"] {
        stored(&store, session(name, start())).await;
    }
    let stats = store.stats(minute(10)).await.expect("the store answers");
    let expected = [(user("zoe"), 2), (user("ada"), 1), (user("bob"), 1)];
    assert_eq!(stats.busiest_users, expected);
    assert_eq!((stats.active, stats.unique_users), (4, 3));
    assert_eq!(stats.expired, 6 * BUSIEST_USERS as u64 + 9);
}

/// However creates and ends interleave, nothing is counted twice or not at all.
pub async fn counts_are_exact_after_parallel_work(store: Arc<dyn SessionStore>) {
    parallel::all((0..60).map(|n| {
        let store = Arc::clone(&store);
        async move {
            let id = stored(&store, session(&format!("user {}", n % 7), start()))
                .await
                .id;
            if n % 2 == 0 {
                store
                    .end(id, revoked(minute(1)))
                    .await
                    .expect("the store ends it");
                store
                    .end(id, revoked(minute(1)))
                    .await
                    .expect("the store ends it");
            }
            store
                .sweep(minute(2), start(), 10)
                .await
                .expect("the store sweeps");
        }
    }))
    .await;
    assert_eq!(counts(&store, minute(2)).await, (30, 0, 60, 7));
}
