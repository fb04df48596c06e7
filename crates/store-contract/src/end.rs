//! Ending one session.

use std::sync::Arc;

use chrono::TimeDelta;
use session_core::ports::{EndOutcome, SessionStore};
use session_core::{EndKind, EndReason, Ending, Session, Standing};

use crate::parallel;
use crate::samples::{found, idling, minute, revoked, session, start, stored};

/// Ended once, and for good: a later end changes neither kind nor reason nor time.
pub async fn the_first_end_stands(store: Arc<dyn SessionStore>) {
    let before = stored(&store, session("ada", start())).await;
    let first = revoked(minute(1));
    let outcome = store
        .end(before.id, first.clone())
        .await
        .expect("the store answers");
    let Some(EndOutcome::Ended(ended)) = outcome else {
        panic!("it was live")
    };
    assert_eq!(ended.standing, Standing::Ended(first));
    assert_eq!(
        *ended,
        Session {
            standing: ended.standing.clone(),
            version: ended.version,
            ..Session::clone(&before)
        }
    );
    assert!(ended.version > before.version, "an end is a change");
    assert_eq!(found(&store, before.id).await, ended);
    let reason = EndReason::new("admin").expect("a reason");
    let second = Ending {
        kind: EndKind::Terminated,
        reason,
        at: minute(2),
    };
    let outcome = store
        .end(before.id, second)
        .await
        .expect("the store answers");
    assert_eq!(outcome, Some(EndOutcome::EndedBefore(Arc::clone(&ended))));
    assert_eq!(found(&store, before.id).await, ended);
}

/// What the clock ended before anyone did is written down as that: from then on no clock that is set
/// back revives it.
pub async fn an_expired_session_is_noted_as_expired(store: Arc<dyn SessionStore>) {
    let old = stored(&store, session("ada", start())).await;
    let idle = stored(
        &store,
        idling(session("ada", start()), TimeDelta::minutes(5)),
    )
    .await;
    for (id, at) in [(old.id, minute(60)), (idle.id, minute(5))] {
        let outcome = store.end(id, revoked(at)).await.expect("the store answers");
        let Some(EndOutcome::Expired(ended)) = outcome else {
            panic!("it had expired")
        };
        assert_eq!(ended.standing, Standing::Ended(Ending::expired(at)));
        assert_eq!(found(&store, id).await, ended);
        // Told once.
        let again = store.end(id, revoked(at)).await.expect("the store answers");
        assert_eq!(again, Some(EndOutcome::EndedBefore(ended)));
    }
    let stats = store.stats(start()).await.expect("the store answers");
    assert_eq!((stats.active, stats.expired, stats.total), (0, 2, 2));
}

/// Of 50 ends at once, one did it.
pub async fn of_parallel_ends_one_counts(store: Arc<dyn SessionStore>) {
    let id = stored(&store, session("ada", start())).await.id;
    let outcomes = parallel::all((0..50).map(|n| {
        let store = Arc::clone(&store);
        async move {
            store
                .end(id, revoked(minute(n % 5)))
                .await
                .expect("the store answers")
        }
    }))
    .await;
    let ended = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Some(EndOutcome::Ended(_))));
    assert_eq!(ended.count(), 1);
    let record = found(&store, id).await;
    for outcome in outcomes.into_iter().flatten() {
        let (EndOutcome::Ended(seen) | EndOutcome::Expired(seen) | EndOutcome::EndedBefore(seen)) =
            outcome;
        assert_eq!(seen, record, "all see the same end");
    }
}
