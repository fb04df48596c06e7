//! The chain of the audit log: that it is followed, noted, and shortened at its old end only.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{AuditLog, Forgotten};
use session_core::{
    Anchor, AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, BrokenRecord, ChainHash,
    Fault, Sequence, Verified,
};

use crate::audit::{append, walked, whole};
use crate::parallel;
use crate::samples::{event, minute, user};

/// Readers and writers are of different types.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

async fn verify(log: &Arc<dyn AuditLog>, noted: Option<Anchor>) -> Result<Verified, BrokenRecord> {
    log.verify(noted).await.expect("the log answers")
}

async fn verified(log: &Arc<dyn AuditLog>) -> Verified {
    verify(log, None).await.expect("the chain is whole")
}

async fn forget(log: &Arc<dyn AuditLog>, before: DateTime<Utc>, batch: usize) -> Forgotten {
    let forgotten = log.forget_events(before, batch).await;
    forgotten.expect("the log forgets")
}

/// An event for each of these minutes.
fn each_minute(minutes: impl IntoIterator<Item = i64>) -> Vec<AuditEvent> {
    let of = |n| event("ada", AuditAction::Logout, minute(n));
    minutes.into_iter().map(of).collect()
}

fn anchor_of(record: &AuditRecord) -> Anchor {
    Anchor {
        sequence: record.sequence,
        hash: record.hash,
    }
}

/// Follows the records by hand, independent of the store.
fn follow(base: Anchor, records: &[AuditRecord]) -> Anchor {
    records.iter().fold(base, |at, record| {
        let next = at.next(record.event.to_line().as_bytes());
        assert_eq!(anchor_of(record), next);
        next
    })
}

/// A log without records is whole, and ends where it begins.
pub async fn an_empty_log_is_whole(log: Arc<dyn AuditLog>) {
    let empty = Verified {
        records: 0,
        base: Anchor::START,
        head: Anchor::START,
    };
    assert_eq!(verified(&log).await, empty);
    assert_eq!(verify(&log, Some(Anchor::START)).await, Ok(empty));
    append(&log, &[]).await;
    assert_eq!(forget(&log, minute(100), 10).await.count, 0);
    assert_eq!(verified(&log).await, empty);
}

/// Each record's hash follows from its line and the hash before it; the last one is the head.
pub async fn records_are_chained(log: Arc<dyn AuditLog>) {
    let given = each_minute(0..20);
    for batch in given.chunks(3) {
        append(&log, batch).await;
        // What is passed over takes no place in the chain.
        append(&log, batch).await;
        let records = whole(&log).await;
        let expected = Verified {
            records: records.len() as u64,
            base: Anchor::START,
            head: follow(Anchor::START, &records),
        };
        assert_eq!(verified(&log).await, expected);
    }
    assert_eq!(verified(&log).await.head.sequence, 20);
}

/// A head that was noted earlier is found again, wherever it stands; another hash at its place, or a
/// place that the log does not reach, is not.
pub async fn a_noted_head_is_found_again(log: Arc<dyn AuditLog>) {
    let mut heads = vec![Anchor::START];
    for event in each_minute(0..12) {
        append(&log, &[event]).await;
        heads.push(verified(&log).await.head);
    }
    let passes = Ok(verified(&log).await);
    for noted in &heads {
        assert_eq!(verify(&log, Some(*noted)).await, passes, "{noted}");
        let mut hash = *noted.hash.as_bytes();
        hash[31] ^= 1;
        let other = Anchor {
            sequence: noted.sequence,
            hash: ChainHash::from_bytes(hash),
        };
        let broken = verify(&log, Some(other)).await.expect_err("another hash");
        let expected = (noted.sequence, Fault::Rewritten);
        assert_eq!((broken.sequence, broken.fault), expected);
    }
    for (ahead, hash) in [
        (1, heads[12].hash),
        (1, ChainHash::START),
        (1000, heads[3].hash),
    ] {
        let beyond = Anchor {
            sequence: 12 + ahead,
            hash,
        };
        let broken = verify(&log, Some(beyond))
            .await
            .expect_err("it is not there");
        assert_eq!((broken.sequence, broken.fault), (13, Fault::Missing));
    }
}

/// Also after the place was forgotten: it cannot be told any more, unless it is the very last of what
/// was forgotten.
pub async fn a_noted_head_may_be_forgotten(log: Arc<dyn AuditLog>) {
    append(&log, &each_minute(0..10)).await;
    let heads: Vec<_> = whole(&log).await.iter().map(anchor_of).collect();
    assert_eq!(forget(&log, minute(4), 10).await.count, 4);
    let passes = Ok(verified(&log).await);
    for noted in &heads {
        let verified = verify(&log, Some(*noted)).await;
        assert_eq!(verified, passes, "{noted}");
        let is_told = verified.is_ok_and(|verified| verified.reaches_back_to(noted));
        assert_eq!(is_told, noted.sequence >= 4, "{noted}");
    }
    for place in [3, 4, 9] {
        let other = Anchor {
            hash: ChainHash::START,
            ..heads[place]
        };
        let broken = verify(&log, Some(other)).await.expect_err("another hash");
        let expected = (heads[place].sequence, Fault::Rewritten);
        assert_eq!((broken.sequence, broken.fault), expected);
    }
}

/// From before that moment, to the millisecond, from the oldest on, up to the first that is not: what
/// stands behind it is kept whatever its time.
pub async fn only_the_oldest_are_forgotten(log: Arc<dyn AuditLog>) {
    let given = each_minute([0, 2, 1, 5, 3, 0, 6, 7]);
    append(&log, &given).await;
    let all = whole(&log).await;
    let steps = [
        (minute(0), 0),
        (minute(0) + MILLISECOND, 1),
        (minute(2), 1),
        (minute(2) + MILLISECOND, 3),
        (minute(4), 3),
        (minute(5), 3),
        (minute(5) + MILLISECOND, 6),
        (minute(7), 7),
        (minute(1), 7),
    ];
    let mut gone = 0;
    for (before, expected) in steps {
        let count = forget(&log, before, 100).await.count;
        gone += count as usize;
        assert_eq!(gone, expected, "before {before}");
        assert_eq!(whole(&log).await, all[gone..]);
    }
}

/// No call forgets more than it was asked to, and it says whether there may be more.
pub async fn forgetting_goes_in_batches(log: Arc<dyn AuditLog>) {
    append(&log, &each_minute(0..30)).await;
    let all = whole(&log).await;
    let mut gone = 0;
    for calls in 1.. {
        let forgotten = forget(&log, minute(25), 10).await;
        assert!(forgotten.count <= 10);
        gone += forgotten.count as usize;
        assert_eq!(whole(&log).await, all[gone..], "the oldest first");
        if !forgotten.more {
            break;
        }
        assert!(calls < 10, "there is an end to it");
    }
    assert_eq!(gone, 25);
}

/// What is left verifies from where it begins, keeps its places, and goes on where it was; what is gone
/// is neither listed nor counted.
pub async fn the_rest_still_verifies(log: Arc<dyn AuditLog>) {
    append(&log, &each_minute(0..10)).await;
    let before = whole(&log).await;
    let head = anchor_of(&before[9]);
    for gone in [1, 4, 9, 10] {
        forget(&log, minute(gone), 100).await;
        let gone = gone as usize;
        let expected = Verified {
            records: 10 - gone as u64,
            base: anchor_of(&before[gone - 1]),
            head,
        };
        assert_eq!(verified(&log).await, expected);
        let rest = whole(&log).await;
        assert_eq!(rest, before[gone..]);
        assert_eq!(follow(expected.base, &rest), head);
        let ada = AuditFilter::of_user(user("ada"));
        let mut found = walked(&log, &ada, AuditOrder::NewestFirst, 3).await;
        found.reverse();
        assert_eq!(found, rest);
        let summary = log.summarize(&user("ada"), minute(0)).await;
        let count = log
            .count(&user("ada"), AuditAction::Logout, minute(0))
            .await;
        let total = summary.expect("the log answers").total_events;
        assert_eq!(
            (total, count.expect("the log answers")),
            (expected.records, expected.records)
        );
    }
    // Nothing is left; the next record follows the last one that there was.
    let later = each_minute(20..23);
    append(&log, &later).await;
    let records = whole(&log).await;
    assert_eq!(records[0].sequence, 11);
    let expected = Verified {
        records: 3,
        base: head,
        head: follow(head, &records),
    };
    assert_eq!(verified(&log).await, expected);
}

/// Batches that come at once are put in some order: each of them whole and in its own, the chain
/// without a gap.
pub async fn parallel_appends_are_put_in_some_order(log: Arc<dyn AuditLog>) {
    let work = (0..20).map(|n| {
        let log = Arc::clone(&log);
        async move {
            let name = format!("user {n}");
            for batch in 0..5 {
                let of = |n: i64| event(&name, AuditAction::Logout, minute(batch * 7 + n));
                append(&log, &(0..7).map(of).collect::<Vec<_>>()).await;
            }
        }
    });
    parallel::all(work).await;
    let records = whole(&log).await;
    assert_eq!(records.len(), 20 * 5 * 7);
    let expected = Verified {
        records: 20 * 5 * 7,
        base: Anchor::START,
        head: follow(Anchor::START, &records),
    };
    assert_eq!(verified(&log).await, expected);
    let mut of_user: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in records {
        let times = of_user.entry(record.event.user_id).or_default();
        times.push(record.event.timestamp);
    }
    for (user, times) in of_user {
        assert_eq!(times, (0..35).map(minute).collect::<Vec<_>>(), "{user:?}");
    }
}

/// Whoever follows the chain while others append and forget sees it as of one moment: whole, and with
/// all of a batch or none of it.
pub async fn the_chain_is_followed_as_of_one_moment(log: Arc<dyn AuditLog>) {
    const BATCH: u64 = 5;
    append(&log, &each_minute(0..100)).await;
    let writers = (0..10).map(|_| {
        let log = Arc::clone(&log);
        Box::pin(async move {
            for _ in 0..10 {
                append(&log, &each_minute(200..200 + BATCH as i64)).await;
            }
        }) as Work
    });
    let forgetter = {
        let log = Arc::clone(&log);
        Box::pin(async move { while forget(&log, minute(100), 3).await.more {} }) as Work
    };
    let readers = (0..4).map(|_| {
        let log = Arc::clone(&log);
        Box::pin(async move {
            let mut noted = verified(&log).await;
            for _ in 0..20 {
                let now = verify(&log, Some(noted.head)).await;
                let now = now.expect("the chain is whole, and holds what was noted");
                assert_eq!(now.head.sequence % BATCH, 0, "a part of a batch");
                assert!(now.head.sequence >= noted.head.sequence);
                assert!(now.base.sequence >= noted.base.sequence);
                noted = now;
            }
        }) as Work
    });
    let work: Vec<_> = readers.chain(writers).chain([forgetter]).collect();
    parallel::all(work).await;
    let last = verified(&log).await;
    let expected: (Sequence, Sequence) = (100, 100 + 10 * 10 * BATCH);
    assert_eq!((last.base.sequence, last.head.sequence), expected);
}

/// Several who forget share the work.
pub async fn parallel_forgetting_counts_each_once(log: Arc<dyn AuditLog>) {
    append(&log, &each_minute(0..60)).await;
    let calls = (0..20).map(|_| {
        let log = Arc::clone(&log);
        async move { forget(&log, minute(50), 4).await.count }
    });
    let count: u64 = parallel::all(calls).await.into_iter().sum();
    assert_eq!(count, 50);
    assert_eq!(verified(&log).await.records, 10);
}
