//! Requirement 14: whatever runs beside an end, ended is ended.

use std::future::Future;
use std::sync::Arc;

use chrono::TimeDelta;
use session_core::ports::{EndOutcome, Extension, SessionChange, SessionStore, UpdateOutcome};
use session_core::{Activity, DeviceFingerprint, Session, Standing};
use tokio::sync::Barrier;

use crate::parallel;
use crate::samples::{found, idling, ids, minute, revoked, session, start, stored, user};

const ROUNDS: usize = 200;

/// In each round an end and a few others start together; once the end has been answered, every look
/// shows the same ended record, and no other write that comes later changes it.
async fn rounds<F>(
    store: Arc<dyn SessionStore>,
    other: impl Fn(Arc<dyn SessionStore>, Arc<Session>) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    for _ in 0..ROUNDS {
        let before = stored(&store, session("ada", start())).await;
        let id = before.id;
        let gate = Arc::new(Barrier::new(4));
        let others = (0..3).map(|_| {
            let (store, before, gate, other) = (
                Arc::clone(&store),
                Arc::clone(&before),
                Arc::clone(&gate),
                other.clone(),
            );
            tokio::spawn(async move {
                gate.wait().await;
                other(store, before).await;
            })
        });
        let others: Vec<_> = others.collect();
        gate.wait().await;
        let outcome = store
            .end(id, revoked(minute(1)))
            .await
            .expect("the store answers");
        let Some(EndOutcome::Ended(ended)) = outcome else {
            panic!("nobody else ended it")
        };
        assert_eq!(found(&store, id).await, ended, "right after the answer");
        for other in others {
            other.await.expect("the others do not fail");
        }
        assert_eq!(found(&store, id).await, ended, "after all is done");
        other(Arc::clone(&store), before).await;
        let last = found(&store, id).await;
        assert_eq!(last, ended, "after one more try");
        assert_eq!(last.standing, Standing::Ended(revoked(minute(1))));
    }
}

/// Activity beside an end.
pub async fn end_against_touch(store: Arc<dyn SessionStore>) {
    rounds(store, |store, session| async move {
        let activity = Activity {
            id: session.id,
            at: minute(2),
        };
        store.touch(&[activity]).await.expect("the store answers");
    })
    .await;
}

/// Extending beside an end.
pub async fn end_against_extend(store: Arc<dyn SessionStore>) {
    rounds(store, |store, session| async move {
        let extension = Extension {
            by: TimeDelta::minutes(1),
            not_past: minute(1000),
        };
        store
            .extend(session.id, extension, minute(1))
            .await
            .expect("the store answers");
    })
    .await;
}

/// Changing beside an end.
pub async fn end_against_update(store: Arc<dyn SessionStore>) {
    rounds(store, |store, session| async move {
        let change = SessionChange {
            device_fingerprint: Some(DeviceFingerprint::default()),
            ..SessionChange::default()
        };
        let outcome = store
            .update(session.id, session.version, change, minute(1))
            .await;
        assert!(!matches!(
            (outcome.expect("the store answers"), &session.standing),
            (UpdateOutcome::Updated(_), Standing::Ended(_))
        ));
    })
    .await;
}

/// Holding back and letting go beside an end.
pub async fn end_against_suspend(store: Arc<dyn SessionStore>) {
    rounds(store, |store, session| async move {
        for suspended in [true, false, true] {
            let outcome = store.suspend(session.id, suspended, minute(1)).await;
            if outcome.expect("the store answers").is_none() {
                let record = found(&store, session.id).await;
                assert!(
                    !record.is_live(minute(1)),
                    "what is live is not passed over"
                );
            }
        }
    })
    .await;
}

/// Looking beside an end: a look that begins after the answer never sees a live session, however many
/// looks were under way.
pub async fn end_against_find(store: Arc<dyn SessionStore>) {
    rounds(store, |store, session| async move {
        for _ in 0..5 {
            found(&store, session.id).await;
        }
    })
    .await;
}

/// A note of activity beside a sweep that would take the session: whichever comes first, the sweep's
/// answer, the record and the counts tell the same story.
pub async fn sweep_against_touch(store: Arc<dyn SessionStore>) {
    for _ in 0..ROUNDS {
        let due = idling(session("ada", start()), TimeDelta::minutes(5));
        let id = stored(&store, due).await.id;
        let gate = Arc::new(Barrier::new(2));
        let toucher = {
            let (store, gate) = (Arc::clone(&store), Arc::clone(&gate));
            tokio::spawn(async move {
                gate.wait().await;
                let activity = Activity { id, at: minute(4) };
                store.touch(&[activity]).await.expect("the store answers");
            })
        };
        gate.wait().await;
        let swept = store.sweep(minute(6), start(), 10).await;
        let expired = ids(&swept.expect("the store sweeps").expired);
        toucher.await.expect("the other does not fail");
        let record = found(&store, id).await;
        let has_ended = matches!(record.standing, Standing::Ended(_));
        assert_eq!(has_ended, expired == [id]);
        assert_eq!(record.is_live(minute(6)), !has_ended);
        let active = store.stats(minute(6)).await.expect("it counts").active;
        assert_eq!(active, u64::from(!has_ended));
        // Out of the way of the next round.
        store.end(id, revoked(minute(6))).await.expect("it ends");
    }
}

/// Signing in while everything is ended: whoever was created before the last batch began and is not
/// named as ended must be live, and the counts agree with what is found.
pub async fn end_all_against_create(store: Arc<dyn SessionStore>) {
    for round in 0..20 {
        let name = format!("user {round}");
        let creates = (0..20).map(|n| {
            let (store, name) = (Arc::clone(&store), name.clone());
            async move { stored(&store, session(&name, start() + TimeDelta::milliseconds(n))).await }
        });
        let ender = {
            let (store, user) = (Arc::clone(&store), user(&name));
            tokio::spawn(async move {
                let mut ended = Vec::new();
                loop {
                    let batch = store
                        .end_user_sessions(&user, None, revoked(minute(1)), 4)
                        .await;
                    let batch = batch.expect("the store answers");
                    ended.extend(ids(&batch.ended));
                    if !batch.more {
                        return ended;
                    }
                }
            })
        };
        let created = parallel::all(creates).await;
        let ended = ender.await.expect("it ends");
        for session in created {
            let is_live = found(&store, session.id).await.is_live(minute(1));
            assert_eq!(is_live, !ended.contains(&session.id), "{}", session.id);
        }
    }
}
