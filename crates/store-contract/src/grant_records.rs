//! The records of refreshes.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Forgotten, GrantStore, RefreshEnd};
use session_core::{PageRequest, RefreshOutcome, RefreshReason, RefreshRecord, SessionId};

use crate::grant_refreshes::{begin, begun, finished, made_by, records, success, superseded};
use crate::grants::{added, find, remove};
use crate::parallel;
use crate::samples::{
    attempt, grant, minute, names_that_differ, provider, provider_token_hash, start, user,
};

async fn forget(store: &Arc<dyn GrantStore>, before: DateTime<Utc>, batch: usize) -> Forgotten {
    let forgotten = store.forget_refreshes(before, batch).await;
    forgotten.expect("the store forgets")
}

/// Adds a grant with so many records, a minute apart, each of a refresh that succeeded; newest first.
async fn with_records(
    store: &Arc<dyn GrantStore>,
    first: DateTime<Utc>,
    count: i32,
) -> (SessionId, Vec<RefreshRecord>) {
    let mut present = added(store, grant("ada", first)).await;
    let mut listed = Vec::new();
    for n in 0..count {
        let now = first + TimeDelta::minutes(1) * n;
        let (held, record) = begun(store, &present, now).await;
        let end = success(&held, &record, now);
        present = finished(store, &end).await;
        listed.insert(0, end.record);
    }
    (present.session_id, listed)
}

/// Every field comes back as it was given, at the begin and at the end.
pub async fn a_record_is_found_whole(store: Arc<dyn GrantStore>) {
    let last = DateTime::from_timestamp_millis((1 << 48) - 1).expect("a time");
    let hash = || Some(provider_token_hash());
    let names = names_that_differ();
    let reasons = RefreshReason::ALL.into_iter().cycle();
    let mut counts = [0, 1, 1 << 32, (1 << 53) - 1].into_iter().cycle();
    for (n, (name, reason)) in (0..).zip(names.iter().zip(reasons)) {
        let given = added(&store, grant(name, minute(n))).await;
        let rotation_count = counts.next().expect("without end");
        let plain = RefreshRecord {
            reason,
            rotation_count,
            old_expires_at: None,
            ..attempt(&given, minute(n))
        };
        let full = RefreshRecord {
            user_id: user(name),
            provider: provider("x-_9"),
            finished_at: Some(last),
            outcome: RefreshOutcome::ALL[usize::try_from(n).expect("small") % 11],
            tries: u32::MAX,
            old_refresh_token: hash(),
            new_access_token: hash(),
            new_refresh_token: hash(),
            old_expires_at: Some(last),
            new_expires_at: Some(DateTime::UNIX_EPOCH - TimeDelta::days(1)),
            grace_ends_at: Some(start()),
            ..plain.clone()
        };
        let given_first = if n % 2 == 0 { &plain } else { &full };
        begin(&store, 1, minute(n + 5), given_first).await;
        let id = given.session_id;
        assert_eq!(
            records(&store, id, 10).await,
            std::slice::from_ref(given_first)
        );
        if n % 2 == 0 {
            let held = find(&store, id).await.expect("it is there");
            let end = RefreshEnd {
                grant: held,
                record: RefreshRecord {
                    outcome: RefreshOutcome::Success,
                    ..full
                },
            };
            finished(&store, &end).await;
            assert_eq!(records(&store, id, 10).await, [end.record]);
        }
    }
}

/// Newest first and of one session, whatever the size of the page; they stay when the grant goes.
pub async fn records_are_listed_newest_first(store: Arc<dyn GrantStore>) {
    let (id, listed) = with_records(&store, start(), 20).await;
    let (other, of_other) = with_records(&store, start(), 3).await;
    for _ in 0..2 {
        for limit in [1, 6, 19, 20, 21, 1000] {
            assert_eq!(records(&store, id, limit).await, listed, "{limit}");
        }
        assert_eq!(records(&store, other, 10).await, of_other);
        remove(&store, id).await;
    }
}

/// Each that is there from the first page to the last is on exactly one, while new ones come and old ones
/// go.
pub async fn pages_hold_each_once_while_others_come_and_go(store: Arc<dyn GrantStore>) {
    let (id, listed) = with_records(&store, start(), 30).await;
    let mut request = PageRequest::new(Some(4), None).expect("a page request");
    let mut seen = Vec::new();
    for n in 0.. {
        let page = store.refreshes(id, request).await;
        let page = page.expect("the store answers");
        seen.extend(page.items.iter().map(|item| item.id));
        let present = find(&store, id).await.expect("it is there");
        begun(&store, &present, minute(100 + 10 * n)).await;
        assert_eq!(forget(&store, minute(n + 1), 10).await.count, 1);
        let Some(next) = page.next else { break };
        request = request.following(next);
        assert!(n < 20, "there is an end to it");
    }
    let unique: BTreeSet<_> = seen.iter().collect();
    assert_eq!(unique.len(), seen.len());
    let gone = 30 - seen.len();
    assert!((1..10).contains(&gone), "{gone}");
    let lasting = listed[..30 - gone].iter().map(|record| record.id);
    assert!(seen.into_iter().eq(lasting));
}

/// What was begun before goes, to the millisecond, whatever came of it and whosever it is; the grants
/// stay.
pub async fn only_what_is_old_is_forgotten(store: Arc<dyn GrantStore>) {
    let none = Forgotten {
        count: 0,
        more: false,
    };
    assert_eq!(forget(&store, minute(100), 10).await, none);
    let (id, listed) = with_records(&store, start(), 5).await;
    let (gone, _) = with_records(&store, minute(1), 1).await;
    remove(&store, gone).await;
    let pending = added(&store, grant("eve", start())).await;
    let (held, record) = begun(&store, &pending, minute(2)).await;

    assert_eq!(forget(&store, start(), 10).await, none);
    for (minutes, count) in [(1, 1), (2, 2), (3, 2), (3, 0)] {
        let forgotten = forget(&store, minute(minutes), 10).await;
        assert_eq!(forgotten, Forgotten { count, ..none }, "{minutes}");
    }
    assert_eq!(records(&store, id, 10).await, listed[..2]);
    assert_eq!(records(&store, gone, 10).await, []);
    assert_eq!(records(&store, held.session_id, 10).await, []);
    let found = find(&store, held.session_id).await;
    assert_eq!(found.as_ref(), Some(&held));

    // What comes of it is recorded all the same, and once.
    let end = success(&held, &record, minute(3));
    for _ in 0..2 {
        assert_eq!(finished(&store, &end).await, made_by(&end));
        let listed = records(&store, held.session_id, 10).await;
        assert_eq!(listed, std::slice::from_ref(&end.record));
    }
    assert_eq!(forget(&store, minute(100), 10).await.count, 3);
}

/// A holder whose record was forgotten dies like any other; what it brings late is recorded.
pub async fn a_forgotten_attempt_is_superseded(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let (held, record) = begun(&store, &first, minute(1)).await;
    assert_eq!(forget(&store, minute(2), 10).await.count, 1);
    let (taken, other) = begun(&store, &held, minute(6)).await;
    let id = first.session_id;
    assert_eq!(records(&store, id, 10).await, std::slice::from_ref(&other));
    let late = success(&held, &record, minute(7));
    let outcome = store.finish_refresh(late.clone()).await;
    let expected = session_core::ports::RefreshFinished::Superseded(Arc::new(taken));
    assert_eq!(outcome.expect("the store answers"), expected);
    assert_eq!(records(&store, id, 10).await, [other, superseded(&late)]);
}

/// No call forgets more than it was asked to, oldest first, and it says whether there may be more.
pub async fn forgetting_goes_in_batches(store: Arc<dyn GrantStore>) {
    let (id, listed) = with_records(&store, start(), 25).await;
    let mut left = listed;
    let nothing = Forgotten {
        count: 0,
        more: true,
    };
    assert_eq!(forget(&store, minute(20), 0).await, nothing);
    for calls in 1.. {
        let forgotten = forget(&store, minute(20), 8).await;
        assert!(forgotten.count <= 8);
        left.truncate(left.len() - usize::try_from(forgotten.count).expect("small"));
        assert_eq!(records(&store, id, 100).await, left);
        if !forgotten.more {
            break;
        }
        assert!(calls < 10, "there is an end to it");
    }
    assert_eq!(left.len(), 5);
}

/// However many forget at once, each record is counted once.
pub async fn parallel_forgetting_counts_each_once(store: Arc<dyn GrantStore>) {
    with_records(&store, start(), 40).await;
    let counts = parallel::all((0..10).map(|_| {
        let store = Arc::clone(&store);
        async move { forget(&store, minute(100), 7).await.count }
    }))
    .await;
    assert_eq!(counts.iter().sum::<u64>(), 40);
}
