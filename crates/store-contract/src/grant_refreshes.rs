//! How refreshes begin and end, one at a time and many at once. How they end otherwise is in
//! [`grant_ends`](crate::grant_ends).

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{
    GrantStore, RefreshBegin, RefreshBegun, RefreshEnd, RefreshFinished, StoreErrorKind,
};
use session_core::{
    Grant, Lease, Page, PageRequest, RefreshOutcome, RefreshRecord, SessionId, SupersededToken,
};

use crate::grants::{added, find};
use crate::parallel;
use crate::samples::{attempt, grant, minute, provider_token_hash, sealed, start};

pub(crate) async fn begin(
    store: &Arc<dyn GrantStore>,
    expected_version: u64,
    until: DateTime<Utc>,
    record: &RefreshRecord,
) -> RefreshBegun {
    let begin = RefreshBegin {
        expected_version,
        until,
        record: record.clone(),
    };
    let begun = store.begin_refresh(begin).await;
    begun.expect("the store answers")
}

/// Begins a refresh of a grant as it is, for five minutes; the grant afterwards, and the record.
pub(crate) async fn begun(
    store: &Arc<dyn GrantStore>,
    grant: &Grant,
    now: DateTime<Utc>,
) -> (Grant, RefreshRecord) {
    let record = attempt(grant, now);
    let until = now + TimeDelta::minutes(5);
    match begin(store, grant.version, until, &record).await {
        RefreshBegun::Begun(after) => (Grant::clone(&after), record),
        other => panic!("nobody else renews it: {other:?}"),
    }
}

/// The end of a refresh that brought new tokens.
pub(crate) fn success(grant: &Grant, record: &RefreshRecord, now: DateTime<Utc>) -> RefreshEnd {
    let after = Grant {
        tokens: sealed("k1"),
        access_hash: provider_token_hash(),
        superseded: Some(SupersededToken {
            hash: grant.access_hash,
            until: now + TimeDelta::minutes(5),
        }),
        obtained_at: now,
        access_expires_at: Some(now + TimeDelta::minutes(60)),
        rotation_count: grant.rotation_count + 1,
        due_at: now + TimeDelta::minutes(50),
        ..grant.clone()
    };
    let record = RefreshRecord {
        finished_at: Some(now),
        outcome: RefreshOutcome::Success,
        tries: 2,
        rotation_count: after.rotation_count,
        old_refresh_token: Some(provider_token_hash()),
        new_access_token: Some(after.access_hash),
        new_refresh_token: Some(provider_token_hash()),
        new_expires_at: after.access_expires_at,
        grace_ends_at: Some(now + TimeDelta::minutes(5)),
        ..record.clone()
    };
    RefreshEnd {
        grant: after,
        record,
    }
}

/// The grant that an end makes.
pub(crate) fn made_by(end: &RefreshEnd) -> Grant {
    Grant {
        version: end.grant.version + 1,
        lease: None,
        ..end.grant.clone()
    }
}

pub(crate) async fn finish(store: &Arc<dyn GrantStore>, end: &RefreshEnd) -> RefreshFinished {
    let finished = store.finish_refresh(end.clone()).await;
    finished.expect("the store answers")
}

/// Ends a refresh that nobody has taken over; the grant afterwards.
pub(crate) async fn finished(store: &Arc<dyn GrantStore>, end: &RefreshEnd) -> Grant {
    match finish(store, end).await {
        RefreshFinished::Stored(after) => Grant::clone(&after),
        other => panic!("nobody has taken over: {other:?}"),
    }
}

/// The records of a session, page after page; each page but the last is full, and the last says that it
/// is.
pub(crate) async fn records(
    store: &Arc<dyn GrantStore>,
    id: SessionId,
    limit: usize,
) -> Vec<RefreshRecord> {
    let mut request = PageRequest::new(Some(limit), None).expect("a page request");
    let mut listed: Vec<RefreshRecord> = Vec::new();
    loop {
        let page = store.refreshes(id, request).await;
        let Page { items, next } = page.expect("the store answers");
        assert!(items.len() <= limit);
        listed.extend(items.iter().map(|item| RefreshRecord::clone(item)));
        let Some(next) = next else { return listed };
        assert_eq!(
            (items.len(), Some(next.0)),
            (limit, items.last().map(|last| last.id))
        );
        request = request.following(next);
        assert!(listed.len() < 10_000, "there is an end to it");
    }
}

/// A record that was completed as superseded, with all else that its end says.
pub(crate) fn superseded(end: &RefreshEnd) -> RefreshRecord {
    RefreshRecord {
        outcome: RefreshOutcome::Superseded,
        ..end.record.clone()
    }
}

/// The begin raises the version, takes the lease and writes the intent down; the end stores what it was
/// given, raises the version again, gives the lease back and completes the record.
pub async fn a_refresh_begins_and_ends(store: Arc<dyn GrantStore>) {
    let bystander = added(&store, grant("eve", start())).await;
    let mut present = added(&store, grant("ada", start())).await;
    let id = present.session_id;
    let mut expected = Vec::new();
    for round in 1..=3 {
        let record = attempt(&present, minute(10 * round));
        let until = minute(10 * round + 1);
        let before = Grant {
            version: present.version + 1,
            lease: Some(Lease {
                until,
                record: record.id,
            }),
            ..present.clone()
        };
        let outcome = begin(&store, present.version, until, &record).await;
        assert_eq!(outcome, RefreshBegun::Begun(Arc::new(before.clone())));
        assert_eq!(find(&store, id).await.as_ref(), Some(&before));
        expected.insert(0, record.clone());
        assert_eq!(records(&store, id, 10).await, expected);

        let end = success(&before, &record, minute(10 * round) + TimeDelta::seconds(1));
        present = made_by(&end);
        assert_eq!(finished(&store, &end).await, present);
        assert_eq!(find(&store, id).await.as_ref(), Some(&present));
        expected[0] = end.record;
        assert_eq!(records(&store, id, 10).await, expected);
    }
    assert_eq!(present.version, 7);
    let found = find(&store, bystander.session_id).await;
    assert_eq!(found.as_ref(), Some(&bystander));
    assert_eq!(records(&store, bystander.session_id, 10).await, []);
}

/// An end that brought no tokens stores what it says all the same.
pub async fn a_failure_is_stored_like_a_success(store: Arc<dyn GrantStore>) {
    let mut present = added(&store, grant("ada", start())).await;
    let mut expected = Vec::new();
    let outcomes = RefreshOutcome::ALL.into_iter().filter(|outcome| {
        use RefreshOutcome::{Interrupted, Pending, Superseded};
        !matches!(outcome, Pending | Interrupted | Superseded)
    });
    for (n, outcome) in (1..).zip(outcomes) {
        let (before, record) = begun(&store, &present, minute(n)).await;
        let end = RefreshEnd {
            grant: Grant {
                retry_at: Some(minute(n + 1)),
                due_at: minute(n + 2),
                ..before
            },
            record: RefreshRecord {
                outcome,
                finished_at: Some(minute(n)),
                ..record
            },
        };
        present = finished(&store, &end).await;
        assert_eq!(present, made_by(&end));
        assert_eq!(
            find(&store, present.session_id).await.as_ref(),
            Some(&present)
        );
        expected.insert(0, end.record.clone());
        assert_eq!(records(&store, present.session_id, 3).await, expected);
        assert_eq!(finished(&store, &end).await, present, "sent again");
    }
}

/// Of 100 at once one begins. The others are told that it is busy, and leave no record.
pub async fn of_parallel_begins_one_counts(store: Arc<dyn GrantStore>) {
    let mut contested = Vec::new();
    for n in 0..3 {
        contested.push(added(&store, grant("ada", minute(n))).await);
    }
    for round in 0..3 {
        let contested = &contested;
        let now = minute(10 * round + 5);
        let outcomes = parallel::all((0..300).map(|n| {
            let store = Arc::clone(&store);
            let grant = contested[n % 3].clone();
            let record = attempt(&grant, now);
            let version = 1 + u64::try_from(round).expect("small");
            async move {
                let outcome = begin(&store, version, now + TimeDelta::minutes(5), &record).await;
                (record, outcome)
            }
        }))
        .await;
        for grant in contested {
            let found = find(&store, grant.session_id).await.expect("it is there");
            let mine = outcomes
                .iter()
                .filter(|(record, _)| record.session_id == grant.session_id);
            let mut winners = Vec::new();
            for (record, outcome) in mine {
                match outcome {
                    RefreshBegun::Begun(after) => {
                        assert_eq!(**after, found);
                        winners.push(record.clone());
                    }
                    RefreshBegun::Busy(as_it_is) => assert_eq!(**as_it_is, found),
                    other => panic!("it is busy: {other:?}"),
                }
            }
            assert_eq!(winners.len(), 1);
            assert_eq!(found.lease.map(|lease| lease.record), Some(winners[0].id));
            let records = records(&store, grant.session_id, 10).await;
            assert_eq!(records.len(), 1 + usize::try_from(round).expect("small"));
            assert_eq!(records[0], winners[0]);
        }
    }
}

/// What was decided on another version does not begin, and leaves nothing.
pub async fn an_outdated_version_begins_nothing(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let (before, record) = begun(&store, &first, minute(1)).await;
    let end = success(&before, &record, minute(2));
    let present = finished(&store, &end).await;
    for version in [0, 1, 2, 4, 1 << 40] {
        let record = attempt(&present, minute(3));
        let outcome = begin(&store, version, minute(9), &record).await;
        let changed = RefreshBegun::Changed(Arc::new(present.clone()));
        assert_eq!(outcome, changed, "{version}");
        let found = find(&store, present.session_id).await;
        assert_eq!(found.as_ref(), Some(&present));
    }
    assert_eq!(
        records(&store, present.session_id, 10).await,
        [end.record],
        "nothing was written"
    );
}

/// A second attempt of an id is a fault and changes nothing; what is begun beside it is none the worse
/// for it.
pub async fn an_attempt_is_begun_once(store: Arc<dyn GrantStore>) {
    let mut given = Vec::new();
    for n in 0..40 {
        given.push(added(&store, grant("ada", minute(n))).await);
    }
    let shared = attempt(&given[0], minute(100));
    let outcomes = parallel::all(given.iter().enumerate().map(|(n, grant)| {
        let (store, grant) = (Arc::clone(&store), grant.clone());
        let record = attempt(&grant, minute(100));
        let id = if n % 4 == 3 { shared.id } else { record.id };
        let record = RefreshRecord { id, ..record };
        async move {
            let begin = RefreshBegin {
                expected_version: 1,
                until: minute(105),
                record: record.clone(),
            };
            (record, store.begin_refresh(begin).await)
        }
    }))
    .await;
    let mut begun = BTreeSet::new();
    for (grant, (record, outcome)) in given.iter().zip(outcomes) {
        let found = find(&store, grant.session_id).await.expect("it is there");
        let records = records(&store, grant.session_id, 10).await;
        match outcome {
            Ok(RefreshBegun::Begun(after)) => {
                assert_eq!(*after, found);
                assert_eq!(records, std::slice::from_ref(&record));
                assert!(begun.insert(record.id));
            }
            Ok(other) => panic!("nobody else renews it: {other:?}"),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Internal);
                assert_eq!(record.id, shared.id);
                assert_eq!(
                    (&found, records),
                    (grant, Vec::new()),
                    "nothing was written"
                );
            }
        }
    }
    assert_eq!(begun.len(), 31);
    assert!(begun.contains(&shared.id));
}

/// Many at once, each over and over: nobody gets in another's way, and the versions count them all.
pub async fn parallel_refreshes_lose_nothing(store: Arc<dyn GrantStore>) {
    let outcomes = parallel::all((0..40).map(|n| {
        let store = Arc::clone(&store);
        async move {
            let mut present = added(&store, grant("ada", minute(n))).await;
            let mut expected = Vec::new();
            for round in 0..5 {
                let (before, record) = begun(&store, &present, minute(100 + round)).await;
                let end = success(&before, &record, minute(100 + round));
                present = finished(&store, &end).await;
                assert_eq!(present, made_by(&end));
                expected.insert(0, end.record);
            }
            (present, expected)
        }
    }))
    .await;
    for (present, expected) in outcomes {
        assert_eq!((present.version, present.rotation_count), (11, 5));
        let id = present.session_id;
        assert_eq!(find(&store, id).await, Some(present));
        assert_eq!(records(&store, id, 2).await, expected);
    }
}
