//! Several nodes over one Redis, and one that comes back.

use std::collections::BTreeSet;
use std::sync::Arc;

use session_core::ports::{
    GrantStore, RefreshBegin, RefreshBegun, RefreshFinished, StoreErrorKind,
};
use session_core::{Grant, PageRequest, RefreshOutcome};
use store_contract::parallel;
use store_contract::restart::Stores;
use store_contract::restart_grants::grants_survive_a_restart;
use store_contract::samples::{attempt, grant, minute, start};
use store_memory::MemoryStore;

use crate::grant_keys::{begun, end};
use crate::raw::Raw;

async fn two_nodes() -> [Arc<dyn GrantStore>; 2] {
    let raw = Raw::new().await;
    [raw.store().await, raw.store().await]
}

/// Of many nodes at once one may renew, over and over, each time after the one before has died.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_one_takes_the_lease() {
    let nodes = two_nodes().await;
    let given = grant("ada", start());
    nodes[0]
        .add_grant(given.clone())
        .await
        .expect("it is added");
    for round in 0..10 {
        let now = minute(10 * i64::try_from(round).expect("small"));
        let outcomes = parallel::all((0..100).map(|n| {
            let (node, given) = (Arc::clone(&nodes[n % 2]), given.clone());
            let begin = RefreshBegin {
                expected_version: 1 + round,
                until: now + chrono::TimeDelta::minutes(10),
                record: attempt(&given, now),
            };
            async move { node.begin_refresh(begin).await.expect("it answers") }
        }))
        .await;
        let is_begun = |outcome: &&RefreshBegun| matches!(outcome, RefreshBegun::Begun(_));
        assert_eq!(outcomes.iter().filter(is_begun).count(), 1);
        let is_busy = |outcome: &&RefreshBegun| matches!(outcome, RefreshBegun::Busy(_));
        assert_eq!(outcomes.iter().filter(is_busy).count(), 99);
    }
    let page = PageRequest::new(Some(100), None).expect("a page request");
    let records = nodes[1].refreshes(given.session_id, page).await;
    let records = records.expect("it answers").items;
    let outcomes: Vec<_> = records.iter().map(|record| record.outcome).collect();
    let dead = vec![RefreshOutcome::Interrupted; 9];
    assert_eq!(outcomes, [vec![RefreshOutcome::Pending], dead].concat());
}

/// What one node brings after another has taken over is not stored, wherever it is sent to.
#[tokio::test]
async fn a_node_that_was_away_overwrites_nothing() {
    let nodes = two_nodes().await;
    let given = grant("ada", start());
    nodes[0]
        .add_grant(given.clone())
        .await
        .expect("it is added");
    let begin = |held: &Grant, now| RefreshBegin {
        expected_version: held.version,
        until: now,
        record: attempt(held, now),
    };
    let first = begin(&given, minute(1));
    let record = first.record.clone();
    let outcome = nodes[0].begin_refresh(first).await.expect("it answers");
    let RefreshBegun::Begun(held) = outcome else {
        panic!("nobody else renews it")
    };
    let taken = nodes[1].begin_refresh(begin(&held, minute(2))).await;
    let RefreshBegun::Begun(taken) = taken.expect("it answers") else {
        panic!("it has run out")
    };
    for node in &nodes {
        let kept = node.keep_lease(given.session_id, 2, minute(99)).await;
        assert!(!kept.expect("it answers"));
        let ended = node.finish_refresh(end(&held, &record)).await;
        let expected = RefreshFinished::Superseded(Arc::clone(&taken));
        assert_eq!(ended.expect("it answers"), expected);
    }
}

/// Each grant that is due goes to one node.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_goes_to_one_node() {
    let nodes = two_nodes().await;
    let mut there = BTreeSet::new();
    for n in 0..200 {
        let given = grant("ada", minute(n % 7));
        there.insert(given.session_id);
        nodes[0].add_grant(given).await.expect("it is added");
    }
    let claimed = parallel::all((0..40).map(|n| {
        let node = Arc::clone(&nodes[n % 2]);
        async move {
            let claimed = node.claim_due(minute(100), minute(200), 9).await;
            claimed.expect("it answers")
        }
    }))
    .await;
    let mut claimed: Vec<_> = claimed
        .iter()
        .flatten()
        .map(|grant| grant.session_id)
        .collect();
    claimed.sort_unstable();
    assert!(claimed.into_iter().eq(there));
}

/// A node that is restarted finds everything as it was left.
#[tokio::test]
async fn another_store_finds_everything() {
    let raw = Raw::new().await;
    let open = async || {
        let (store, others) = (raw.store().await, Arc::new(MemoryStore::new()));
        Stores {
            sessions: store.clone(),
            grants: store,
            ..Stores::of(others)
        }
    };
    grants_survive_a_restart(open).await;
}

/// A store that was closed says so on every call of this port.
#[tokio::test]
async fn a_closed_store_says_so() {
    use session_core::ports::SessionStore as _;

    let store = Raw::new().await.store().await;
    let given = grant("ada", start());
    store.add_grant(given.clone()).await.expect("it is added");
    let (id, now) = (given.session_id, start());
    store.close().await;
    let record = attempt(&given, now);
    let begin = RefreshBegin {
        expected_version: 1,
        until: minute(5),
        record: record.clone(),
    };
    let key = given.tokens.key.clone();
    let page = PageRequest::default();
    let otherwise = store.sealed_otherwise(&key, page).await;
    let answers = [
        store.add_grant(given.clone()).await,
        store.find_grant(id).await.map(drop),
        store.find_grants(&[id]).await.map(drop),
        store.find_grants(&[]).await.map(drop),
        store.begin_refresh(begin).await.map(drop),
        store.keep_lease(id, 1, now).await.map(drop),
        store.finish_refresh(end(&given, &record)).await.map(drop),
        store.claim_due(now, now, 10).await.map(drop),
        store.postpone(id, 1, now).await,
        store.remove_grant(id).await.map(drop),
        store
            .sessions_at_provider(&given.provider, "")
            .await
            .map(drop),
        store.reseal(id, 1, given.tokens.clone()).await.map(drop),
        otherwise.map(drop),
        store.count_by_key().await.map(drop),
        store.refreshes(id, PageRequest::default()).await.map(drop),
        store.forget_refreshes(now, 10).await.map(drop),
    ];
    for (n, answer) in answers.into_iter().enumerate() {
        let error = answer.expect_err("it is closed");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{n}");
    }
}

/// The lease outlives the node that began; another node sees whose it is.
#[tokio::test]
async fn another_node_sees_whose_lease_it_is() {
    let raw = Raw::new().await;
    let (one, other) = (raw.store().await, raw.store().await);
    let given = grant("ada", start());
    one.add_grant(given.clone()).await.expect("it is added");
    let (held, record) = begun(&one, &given, minute(1), minute(2)).await;
    drop(one);
    let found = other.find_grant(given.session_id).await;
    assert_eq!(found.expect("it answers").as_deref(), Some(&held));
    assert_eq!(held.lease.map(|lease| lease.record), Some(record.id));
}
