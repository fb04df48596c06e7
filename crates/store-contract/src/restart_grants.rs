//! For durable stores, and for closing: grants, and what was used that is good once.

use std::sync::Arc;

use session_core::ports::{
    GrantStore, OneTimeMarks, RefreshBegin, RefreshEnd, RefreshFinished, StoreError,
};
use session_core::{Grant, Page, PageRequest, RefreshOutcome, RefreshRecord};

use crate::grant_refreshes::{begun, finish, finished, made_by, records, success};
use crate::grants::{added, at_provider, find, remove, unusual};
use crate::marks::{mark, mark_used};
use crate::restart::Stores;
use crate::samples::{attempt, cipher_key, grant, minute, provider, sealed, start};

/// Grants, who renews them and what came of it outlast a store that was closed.
///
/// `open` opens the same data each time.
pub async fn grants_survive_a_restart(open: impl AsyncFn() -> Stores) {
    let stores = open().await;
    let store = &stores.grants;
    let mut given = Vec::new();
    for grant in unusual() {
        given.push(added(store, grant).await);
    }
    let present = Grant {
        provider_session: Some("here".into()),
        ..grant("ada", start())
    };
    let present = added(store, present).await;
    let (held, record) = begun(store, &present, minute(1)).await;
    let end = success(&held, &record, minute(2));
    let renewed = finished(store, &end).await;
    let dying = added(store, grant("ada", start())).await;
    let (dying, dead) = begun(store, &dying, minute(1)).await;
    let gone = added(store, grant("ada", start())).await.session_id;
    assert!(remove(store, gone).await.is_some());
    let resealed = added(store, grant("ada", start())).await;
    let tokens = sealed("k9");
    let done = store.reseal(resealed.session_id, 1, tokens.clone()).await;
    assert!(done.expect("the store answers"));
    let resealed = Grant { tokens, ..resealed };
    given.extend([renewed.clone(), dying.clone(), resealed]);
    let counts = store.count_by_key().await.expect("the store answers");
    stores.sessions.close().await;
    drop(stores);

    let stores = open().await;
    let store = &stores.grants;
    for grant in &given {
        assert_eq!(find(store, grant.session_id).await.as_ref(), Some(grant));
    }
    assert_eq!(find(store, gone).await, None);
    let again = store.count_by_key().await.expect("the store answers");
    assert_eq!(again, counts);
    let here = at_provider(store, "corp", "here").await;
    assert_eq!(here, [renewed.session_id]);
    let of_renewed = records(store, renewed.session_id, 10).await;
    assert_eq!(of_renewed, std::slice::from_ref(&end.record));
    // What was sent again, and who died, is known to those who come after.
    let sent = finish(store, &end).await;
    assert_eq!(sent, RefreshFinished::Stored(Arc::new(renewed)));
    let (taken, other) = begun(store, &dying, minute(9)).await;
    let interrupted = RefreshRecord {
        outcome: RefreshOutcome::Interrupted,
        finished_at: Some(minute(9)),
        ..dead
    };
    let id = dying.session_id;
    assert_eq!(records(store, id, 10).await, [other.clone(), interrupted]);
    stores.sessions.close().await;
    drop(stores);

    // In the middle of a refresh.
    let stores = open().await;
    let store = &stores.grants;
    assert_eq!(find(store, id).await.as_ref(), Some(&taken));
    let end = success(&taken, &other, minute(10));
    assert_eq!(finished(store, &end).await, made_by(&end));
    stores.sessions.close().await;
}

/// What was used before a store was closed is known after it was opened again.
///
/// `open` opens the same data each time.
pub async fn marks_survive_a_restart(open: impl AsyncFn() -> Stores) {
    let stores = open().await;
    for (name, now) in [("over", start()), ("known", minute(30))] {
        assert!(mark_used(&stores.marks, name, now).await);
    }
    stores.sessions.close().await;
    drop(stores);

    let stores = open().await;
    let mut first = Vec::new();
    for name in ["over", "known", "new"] {
        first.push(mark_used(&stores.marks, name, minute(60)).await);
    }
    assert_eq!(first, [true, false, true]);
    stores.sessions.close().await;
}

/// What each call of these ports says, of a grant that there was before the store was closed.
pub(crate) async fn every_call(
    grants: &Arc<dyn GrantStore>,
    marks: &Arc<dyn OneTimeMarks>,
    grant: &Grant,
) -> Vec<Result<(), StoreError>> {
    let (id, now) = (grant.session_id, start());
    let record = attempt(grant, now);
    let begin = RefreshBegin {
        expected_version: 1,
        until: minute(5),
        record: record.clone(),
    };
    let end = RefreshEnd {
        grant: grant.clone(),
        record,
    };
    let key = cipher_key("k2");
    let otherwise = grants.sealed_otherwise(&key, PageRequest::default()).await;
    let otherwise = otherwise.map(|Page { items, .. }| drop(items));
    vec![
        grants.add_grant(grant.clone()).await,
        grants.find_grant(id).await.map(drop),
        grants.find_grants(&[id]).await.map(drop),
        grants.find_grants(&[]).await.map(drop),
        grants.begin_refresh(begin).await.map(drop),
        grants.keep_lease(id, 1, now).await.map(drop),
        grants.finish_refresh(end).await.map(drop),
        grants.claim_due(now, now, 10).await.map(drop),
        grants.postpone(id, 1, now).await,
        grants.remove_grant(id).await.map(drop),
        grants
            .sessions_at_provider(&provider("corp"), "here")
            .await
            .map(drop),
        grants.reseal(id, 1, sealed("k2")).await.map(drop),
        otherwise,
        grants.count_by_key().await.map(drop),
        grants.refreshes(id, PageRequest::default()).await.map(drop),
        grants.forget_refreshes(now, 10).await.map(drop),
        marks.mark_used(mark("a"), now, now).await.map(drop),
        marks.forget_marks(now, 10).await.map(drop),
    ]
}
