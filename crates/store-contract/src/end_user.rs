//! Ending a user's sessions.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use session_core::ports::{EndedBatch, EndedSession, Extension, SessionStore};
use session_core::{Ending, SessionState, Standing};

use crate::parallel;
use crate::samples::{found, idling, ids, minute, revoked, session, start, stored, user};

/// All but the one that is spared, and nobody else's; each named with its user and its deadline as it
/// was in the end.
pub async fn all_but_one_are_ended(store: Arc<dyn SessionStore>) {
    let other = stored(&store, session("other", start())).await;
    let mut mine = Vec::new();
    for n in 0..4 {
        mine.push(stored(&store, session("ada", minute(n))).await.id);
    }
    let spared = mine.remove(2);
    let extension = Extension {
        by: TimeDelta::minutes(5),
        not_past: minute(100),
    };
    let extended = store.extend(mine[0], extension, minute(4)).await;
    let extended = extended.expect("the store answers").expect("it is live");
    let ending = revoked(minute(5));
    let outcome = store
        .end_user_sessions(&user("ada"), Some(spared), ending.clone(), 100)
        .await;
    let EndedBatch { ended, more, .. } = outcome.expect("the store answers");
    let named: BTreeSet<_> = ids(&ended).into_iter().collect();
    assert_eq!((named.len(), ended.len()), (3, 3));
    assert_eq!(named, mine.iter().copied().collect());
    assert!(ended.contains(&EndedSession::from(&*extended)));
    for session in &ended {
        let record = found(&store, session.id).await;
        assert_eq!(*session, EndedSession::from(&*record));
    }
    assert!(!more);
    for id in mine {
        assert_eq!(
            found(&store, id).await.standing,
            Standing::Ended(ending.clone())
        );
    }
    assert!(found(&store, spared).await.is_live(minute(5)));
    assert!(found(&store, other.id).await.is_live(minute(5)));
    let again = store
        .end_user_sessions(&user("ada"), Some(spared), ending, 100)
        .await;
    assert_eq!(again.expect("the store answers"), EndedBatch::default());
}

/// A batch at a time, each session once.
pub async fn many_are_ended_in_batches(store: Arc<dyn SessionStore>) {
    for n in 0..25 {
        stored(&store, session("ada", minute(n))).await;
    }
    let mut ended = BTreeSet::new();
    let mut calls = 0;
    loop {
        let batch = store
            .end_user_sessions(&user("ada"), None, revoked(minute(30)), 10)
            .await;
        let batch = batch.expect("the store answers");
        assert!(batch.ended.len() <= 10);
        for id in ids(&batch.ended) {
            assert!(ended.insert(id), "{id} was ended twice");
        }
        calls += 1;
        if !batch.more {
            break;
        }
        assert!(calls < 10, "there is an end to it");
    }
    assert_eq!(ended.len(), 25);
    assert_eq!(
        store
            .stats(minute(30))
            .await
            .expect("the store answers")
            .active,
        0
    );
}

/// Whoever is spared stands in no batch's way, wherever it comes in the order.
pub async fn the_spared_one_is_spared_in_every_batch(store: Arc<dyn SessionStore>) {
    for spared in 0..5 {
        let name = format!("user {spared}");
        let mut mine = Vec::new();
        for n in 0..5 {
            mine.push(stored(&store, session(&name, minute(n))).await.id);
        }
        let spared = mine.remove(spared);
        let mut ended = BTreeSet::new();
        for calls in 1.. {
            let batch = store
                .end_user_sessions(&user(&name), Some(spared), revoked(minute(6)), 1)
                .await;
            let batch = batch.expect("the store answers");
            ended.extend(ids(&batch.ended));
            if !batch.more {
                break;
            }
            assert!(calls < 20, "there is an end to it");
        }
        assert_eq!(ended, mine.into_iter().collect());
        assert!(found(&store, spared).await.is_live(minute(6)));
    }
}

/// When two sign a user out everywhere at once, each session is named to one of them: whoever is
/// told of an end writes it into the audit log.
pub async fn parallel_calls_name_each_session_once(store: Arc<dyn SessionStore>) {
    for n in 0..60 {
        stored(&store, session("ada", start() + TimeDelta::seconds(n))).await;
    }
    let calls = (0..20).map(|_| {
        let store = Arc::clone(&store);
        async move {
            let batch = store
                .end_user_sessions(&user("ada"), None, revoked(minute(5)), 4)
                .await;
            ids(&batch.expect("the store answers").ended)
        }
    });
    let named = parallel::all(calls).await.concat();
    let each: BTreeSet<_> = named.iter().collect();
    assert_eq!((named.len(), each.len()), (60, 60));
}

/// What the clock ended is noted as that.
pub async fn what_had_expired_is_not_counted(store: Arc<dyn SessionStore>) {
    let idle = stored(
        &store,
        idling(session("ada", start()), TimeDelta::minutes(5)),
    )
    .await;
    let live = stored(&store, session("ada", start())).await;
    let outcome = store
        .end_user_sessions(&user("ada"), None, revoked(minute(5)), 10)
        .await;
    let batch = outcome.expect("the store answers");
    assert_eq!(batch.ended, [EndedSession::from(&*live)]);
    assert_eq!(batch.expired, [EndedSession::from(&*idle)]);
    let idle = found(&store, idle.id).await;
    assert_eq!(idle.standing, Standing::Ended(Ending::expired(minute(5))));
    assert_eq!(
        found(&store, live.id).await.state(minute(5)),
        SessionState::Revoked
    );
}
