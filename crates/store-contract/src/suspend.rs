//! Holding sessions back.

use std::sync::Arc;

use chrono::TimeDelta;
use session_core::ports::{EndOutcome, SessionStore, Suspension};
use session_core::{PageRequest, Standing};

use crate::parallel;
use crate::samples::{found, idling, minute, revoked, session, start, stored, user};

/// Held back and let go on, each a write of its own; what is so already is not written again.
pub async fn a_session_is_held_back_and_goes_on(store: Arc<dyn SessionStore>) {
    let before = stored(&store, session("ada", start())).await;
    for (n, suspended) in [(1, true), (2, false), (3, true)] {
        let outcome = store.suspend(before.id, suspended, minute(n)).await;
        let Some(Suspension::Changed(changed)) = outcome.expect("the store answers") else {
            panic!("it was not so before")
        };
        let expected = if suspended {
            Standing::Suspended
        } else {
            Standing::Open
        };
        assert_eq!(changed.standing, expected);
        assert_eq!(changed.version, before.version + n.unsigned_abs());
        assert_eq!(found(&store, before.id).await, changed);
        let again = store.suspend(before.id, suspended, minute(n)).await;
        assert_eq!(
            again.expect("the store answers"),
            Some(Suspension::Unchanged(Arc::clone(&changed)))
        );
        assert_eq!(
            found(&store, before.id).await,
            changed,
            "nothing was written"
        );
    }
}

/// What is unknown, has ended or is past its deadline is not live.
pub async fn what_is_not_live_is_not_suspended(store: Arc<dyn SessionStore>) {
    let unknown = session("ada", start()).id;
    let ended = stored(&store, session("ada", start())).await.id;
    let outcome = store.end(ended, revoked(minute(1))).await;
    outcome.expect("it ends");
    let idle = idling(session("ada", start()), TimeDelta::minutes(5));
    let idle = stored(&store, idle).await.id;
    for suspended in [true, false] {
        for (id, at) in [(unknown, 1), (ended, 1), (idle, 5), (idle, 70)] {
            let outcome = store.suspend(id, suspended, minute(at)).await;
            assert_eq!(outcome.expect("the store answers"), None);
        }
    }
}

/// A suspended session counts as live, and its deadlines go on.
pub async fn a_suspended_session_is_live_until_its_deadline(store: Arc<dyn SessionStore>) {
    let id = stored(&store, session("ada", start())).await.id;
    let outcome = store.suspend(id, true, minute(1)).await;
    outcome.expect("the store answers");
    let page = PageRequest::default();
    let list = store.list(&user("ada"), page, minute(2)).await;
    assert_eq!(list.expect("it lists").items.len(), 1);
    let stats = store.stats(minute(2)).await.expect("it counts");
    assert_eq!((stats.active, stats.unique_users), (1, 1));
    let swept = store.sweep(minute(60), start(), 10).await;
    assert_eq!(swept.expect("it sweeps").expired.len(), 1);
    let standing = found(&store, id).await.standing.clone();
    assert!(matches!(standing, Standing::Ended(_)));
}

/// Requirement 14: letting a session go on beside its end does not bring it back.
pub async fn end_against_suspend_and_resume(store: Arc<dyn SessionStore>) {
    for _ in 0..200 {
        let id = stored(&store, session("ada", start())).await.id;
        let others = [true, false, true, false].map(|suspended| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let outcome = store.suspend(id, suspended, minute(1)).await;
                outcome.expect("the store answers");
            })
        });
        let outcome = store.end(id, revoked(minute(1))).await;
        let Some(EndOutcome::Ended(ended)) = outcome.expect("the store answers") else {
            panic!("nobody else ended it")
        };
        assert_eq!(found(&store, id).await, ended);
        for other in others {
            other.await.expect("the others do not fail");
        }
        assert_eq!(found(&store, id).await, ended);
    }
}

/// Of parallel requests for the same, one changes it.
pub async fn of_parallel_suspensions_one_counts(store: Arc<dyn SessionStore>) {
    let id = stored(&store, session("ada", start())).await.id;
    let outcomes = parallel::all((0..20).map(|_| {
        let store = Arc::clone(&store);
        async move { store.suspend(id, true, minute(1)).await }
    }))
    .await;
    let changed = outcomes.into_iter().filter(|outcome| {
        let outcome = outcome.as_ref().expect("the store answers");
        matches!(outcome, Some(Suspension::Changed(_)))
    });
    assert_eq!(changed.count(), 1);
}
