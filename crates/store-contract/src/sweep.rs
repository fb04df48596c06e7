//! The sweep.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use session_core::ports::{EndedSession, Extension, SessionStore};
use session_core::{Activity, Ending, Standing};

use crate::parallel;
use crate::samples::{found, idling, ids, minute, revoked, session, start, stored};

/// By the deadline as it is now: what was used or extended in time stays.
pub async fn only_what_is_due_expires(store: Arc<dyn SessionStore>) {
    let five = TimeDelta::minutes(5);
    let due = stored(&store, idling(session("ada", start()), five)).await;
    let used = stored(&store, idling(session("ada", start()), five)).await;
    let extended = stored(&store, session("ada", start() - TimeDelta::minutes(56))).await;
    let ended = stored(&store, idling(session("ada", start()), five)).await;
    store
        .touch(&[Activity {
            id: used.id,
            at: minute(3),
        }])
        .await
        .expect("it is noted");
    let extension = Extension {
        by: TimeDelta::minutes(10),
        not_past: minute(100),
    };
    store
        .extend(extended.id, extension, start())
        .await
        .expect("it is extended");
    store
        .end(ended.id, revoked(minute(1)))
        .await
        .expect("the store ends it");

    let early = store
        .sweep(due.deadline() - TimeDelta::milliseconds(1), start(), 100)
        .await;
    assert_eq!(early.expect("the store sweeps").expired, []);
    let swept = store
        .sweep(due.deadline(), start(), 100)
        .await
        .expect("the store sweeps");
    assert_eq!(swept.expired, [EndedSession::from(&*due)]);
    assert!(!swept.more);
    let noted = found(&store, due.id).await;
    assert!(noted.version > due.version, "an end is a change");
    assert_eq!(
        noted.standing,
        Standing::Ended(Ending::expired(due.deadline()))
    );
    assert!(found(&store, used.id).await.is_live(minute(7)));
    assert!(found(&store, extended.id).await.is_live(minute(7)));
    assert_eq!(
        found(&store, ended.id).await.standing,
        Standing::Ended(revoked(minute(1)))
    );
}

/// Records of ended sessions are kept for a while, those of live ones for as long as they live.
pub async fn what_ended_long_ago_is_forgotten(store: Arc<dyn SessionStore>) {
    let mut ended = Vec::new();
    for n in 0..4 {
        let id = stored(&store, session("ada", start())).await.id;
        store
            .end(id, revoked(minute(n)))
            .await
            .expect("the store ends it");
        ended.push(id);
    }
    let live = stored(&store, session("ada", start())).await.id;
    let swept = store
        .sweep(minute(10), minute(2), 100)
        .await
        .expect("the store sweeps");
    assert_eq!(swept.forgotten, 2);
    for (id, is_there) in ended.into_iter().zip([false, false, true, true]) {
        assert_eq!(
            store.find(id).await.expect("the store answers").is_some(),
            is_there
        );
    }
    assert!(found(&store, live).await.is_live(minute(10)));
}

/// No call does more than it was asked to, and it says whether there is more.
pub async fn a_sweep_goes_in_batches(store: Arc<dyn SessionStore>) {
    for n in 0..25 {
        stored(
            &store,
            idling(session("ada", minute(n)), TimeDelta::minutes(1)),
        )
        .await;
    }
    let mut expired = BTreeSet::new();
    let mut calls = 0;
    loop {
        let swept = store
            .sweep(minute(40), start(), 10)
            .await
            .expect("the store sweeps");
        assert!(swept.expired.len() <= 10 && swept.forgotten == 0);
        expired.extend(ids(&swept.expired));
        calls += 1;
        if !swept.more {
            break;
        }
        assert!(calls < 10, "there is an end to it");
    }
    assert_eq!(expired.len(), 25);
    let swept = store
        .sweep(minute(40), minute(41), 10)
        .await
        .expect("the store sweeps");
    assert_eq!((swept.forgotten, swept.more), (10, true));
    let mut forgotten = swept.forgotten;
    for calls in 1.. {
        let swept = store.sweep(minute(40), minute(41), 10).await;
        let swept = swept.expect("the store sweeps");
        forgotten += swept.forgotten;
        if !swept.more {
            break;
        }
        assert!(calls < 10, "there is an end to it");
    }
    assert_eq!(forgotten, 25);
}

/// Several sweepers share the work: each session is named to one of them.
pub async fn parallel_sweeps_name_each_session_once(store: Arc<dyn SessionStore>) {
    for n in 0..60 {
        let due = idling(
            session(&format!("user {n}"), start()),
            TimeDelta::minutes(1),
        );
        stored(&store, due).await;
    }
    let sweeps = (0..20).map(|_| {
        let store = Arc::clone(&store);
        async move {
            let swept = store.sweep(minute(2), start(), 4).await;
            ids(&swept.expect("the store sweeps").expired)
        }
    });
    let named = parallel::all(sweeps).await.concat();
    let each: BTreeSet<_> = named.iter().collect();
    assert_eq!((named.len(), each.len()), (60, 60));
}

/// Requirement 15: a sweep beside creates takes what is due and nothing else.
pub async fn a_sweep_while_creating_loses_nothing(store: Arc<dyn SessionStore>) {
    let work = (0..200).map(|n| {
        let store = Arc::clone(&store);
        async move {
            let name = format!("user {n}");
            let due = idling(session(&name, start()), TimeDelta::minutes(5));
            stored(&store, due).await;
            let live = stored(&store, session(&name, minute(6))).await;
            if n % 4 == 0 {
                store
                    .sweep(minute(6), start(), 7)
                    .await
                    .expect("the store sweeps");
            }
            live.id
        }
    });
    let live = parallel::all(work).await;
    while store
        .sweep(minute(6), start(), 50)
        .await
        .expect("the store sweeps")
        .more
    {}
    for id in live {
        assert!(found(&store, id).await.is_live(minute(6)));
    }
    let stats = store.stats(minute(6)).await.expect("the store answers");
    assert_eq!((stats.active, stats.expired), (200, 200));
}
