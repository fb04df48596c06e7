//! Who is renewing a grant's tokens, and when it is due.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{GrantStore, RefreshBegun, RefreshFinished};
use session_core::{Grant, Lease, RefreshOutcome, RefreshRecord, SessionId};

use crate::grant_refreshes::{begin, begun, finish, finished, made_by, records, success};
use crate::grants::{added, find};
use crate::parallel;
use crate::samples::{attempt, grant, minute, start};

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

async fn keep(
    store: &Arc<dyn GrantStore>,
    id: SessionId,
    version: u64,
    until: DateTime<Utc>,
) -> bool {
    let kept = store.keep_lease(id, version, until).await;
    kept.expect("the store answers")
}

async fn claim(
    store: &Arc<dyn GrantStore>,
    now: DateTime<Utc>,
    next: DateTime<Utc>,
    batch: usize,
) -> Vec<Grant> {
    let claimed = store.claim_due(now, next, batch).await;
    let claimed = claimed.expect("the store answers");
    claimed.iter().map(|grant| Grant::clone(grant)).collect()
}

async fn postpone(store: &Arc<dyn GrantStore>, id: SessionId, version: u64, due_at: DateTime<Utc>) {
    let postponed = store.postpone(id, version, due_at).await;
    postponed.expect("the store answers");
}

/// A grant is busy up to the end of its lease, to the millisecond, whatever version is named. Whoever
/// takes it then completes the record of who had it before.
pub async fn a_lease_is_in_force_up_to_its_end(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let id = first.session_id;
    let until = minute(5);
    let dead = attempt(&first, minute(1));
    let outcome = begin(&store, 1, until, &dead).await;
    let RefreshBegun::Begun(held) = outcome else {
        panic!("nobody else renews it: {outcome:?}")
    };
    for now in [minute(1), until - MILLISECOND] {
        for version in [0, 1, 2, 3] {
            let outcome = begin(&store, version, minute(99), &attempt(&held, now)).await;
            assert_eq!(outcome, RefreshBegun::Busy(Arc::clone(&held)));
            assert_eq!(find(&store, id).await.as_ref(), Some(&*held));
            assert_eq!(records(&store, id, 10).await, std::slice::from_ref(&dead));
        }
    }
    let outcome = begin(&store, 1, minute(99), &attempt(&held, until)).await;
    assert_eq!(outcome, RefreshBegun::Changed(Arc::clone(&held)));
    assert_eq!(
        records(&store, id, 10).await,
        std::slice::from_ref(&dead),
        "nobody came"
    );

    let (taken, record) = begun(&store, &held, until).await;
    let expected = Grant {
        version: 3,
        lease: Some(Lease {
            until: minute(10),
            record: record.id,
        }),
        ..first
    };
    assert_eq!(taken, expected);
    let interrupted = RefreshRecord {
        outcome: RefreshOutcome::Interrupted,
        finished_at: Some(until),
        ..dead
    };
    assert_eq!(records(&store, id, 10).await, [record, interrupted]);
}

/// Where each of a row of holders dies, each is noted by the next, and nobody else.
pub async fn each_death_is_noted_once(store: Arc<dyn GrantStore>) {
    let mut held = added(&store, grant("ada", start())).await;
    let other = added(&store, grant("ada", start())).await;
    let (_, alive) = begun(&store, &other, minute(1)).await;
    let mut expected: Vec<RefreshRecord> = Vec::new();
    for n in 0..5 {
        let now = minute(10 * n);
        let (taken, record) = begun(&store, &held, now).await;
        held = taken;
        if let Some(dead) = expected.first_mut() {
            dead.outcome = RefreshOutcome::Interrupted;
            dead.finished_at = Some(now);
        }
        expected.insert(0, record);
        assert_eq!(records(&store, held.session_id, 2).await, expected);
    }
    assert_eq!(records(&store, other.session_id, 2).await, [alive]);
}

/// What is known of an attempt is not taken for a death, though its lease was found.
pub async fn a_known_outcome_stays(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let id = first.session_id;
    let (held, record) = begun(&store, &first, minute(1)).await;
    let end = success(&held, &record, minute(2));
    finished(&store, &end).await;
    store.remove_grant(id).await.expect("it is removed");
    let restored = added(&store, held).await;
    let (_, other) = begun(&store, &restored, minute(9)).await;
    assert_eq!(records(&store, id, 10).await, [other, end.record]);
}

/// A lease is kept by who has it, as the version tells, and only made longer; nothing else changes.
pub async fn a_lease_is_kept_by_who_has_it(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let id = first.session_id;
    assert!(!keep(&store, id, 1, minute(20)).await, "nobody has it");
    assert_eq!(find(&store, id).await.as_ref(), Some(&first));

    let (mut held, record) = begun(&store, &first, minute(1)).await;
    for version in [0, 1, 3] {
        assert!(!keep(&store, id, version, minute(20)).await, "{version}");
        assert_eq!(find(&store, id).await.as_ref(), Some(&held));
    }
    // The second is sent late: it does not take back what was promised.
    for (until, expected) in [(10, 10), (9, 10), (12, 12)] {
        assert!(keep(&store, id, 2, minute(until)).await);
        held.lease = Some(Lease {
            until: minute(expected),
            record: record.id,
        });
        assert_eq!(find(&store, id).await.as_ref(), Some(&held));
    }
    let outcome = begin(
        &store,
        2,
        minute(99),
        &attempt(&held, minute(12) - MILLISECOND),
    )
    .await;
    assert_eq!(outcome, RefreshBegun::Busy(Arc::new(held.clone())));
    assert_eq!(records(&store, id, 10).await, std::slice::from_ref(&record));

    // Of those at once the longest is kept.
    let kept = parallel::all((0..20).map(|n| {
        let store = Arc::clone(&store);
        async move { keep(&store, id, 2, minute(20 + n * 7 % 20)).await }
    }))
    .await;
    assert_eq!(kept, [true; 20]);
    let lease = find(&store, id).await.and_then(|found| found.lease);
    assert_eq!(lease.map(|lease| lease.until), Some(minute(39)));

    // It has run out, and nobody has come; then somebody does.
    assert!(keep(&store, id, 2, minute(40)).await);
    let held = find(&store, id).await.expect("it is there");
    let (taken, _) = begun(&store, &held, minute(40)).await;
    assert!(!keep(&store, id, 2, minute(99)).await);
    assert_eq!(find(&store, id).await.as_ref(), Some(&taken));
    let end = success(&held, &record, minute(41));
    let outcome = finish(&store, &end).await;
    assert_eq!(outcome, RefreshFinished::Superseded(Arc::new(taken)));
}

/// Given back, it is nobody's to keep.
pub async fn a_lease_given_back_is_not_kept(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let (held, record) = begun(&store, &first, minute(1)).await;
    let end = success(&held, &record, minute(2));
    let present = finished(&store, &end).await;
    assert_eq!(present, made_by(&end));
    for version in [2, 3] {
        assert!(!keep(&store, first.session_id, version, minute(99)).await);
        assert_eq!(
            find(&store, first.session_id).await.as_ref(),
            Some(&present)
        );
    }
}

/// What is due goes out longest due first, so many at once, and then not again before its new time.
/// Nothing else of it changes.
pub async fn what_is_due_is_claimed_in_order(store: Arc<dyn GrantStore>) {
    let mut given = Vec::new();
    for n in 0..30 {
        let one = Grant {
            due_at: minute(n * 7 % 30),
            ..grant("ada", start())
        };
        given.push(added(&store, one).await);
    }
    given.sort_by_key(|grant| grant.due_at);
    // The one that is due at this very moment as well.
    let (due, later) = given.split_at(20);
    let (now, next) = (minute(19), minute(25));
    assert_eq!(claim(&store, start() - MILLISECOND, next, 100).await, []);
    assert_eq!(claim(&store, now, next, 0).await, []);
    let moved = |grant: &Grant| Grant {
        due_at: next,
        ..grant.clone()
    };
    for part in due.chunks(8) {
        let expected: Vec<_> = part.iter().map(moved).collect();
        assert_eq!(claim(&store, now, next, 8).await, expected);
        for grant in expected {
            assert_eq!(find(&store, grant.session_id).await, Some(grant));
        }
    }
    assert_eq!(claim(&store, now, next, 8).await, []);
    for grant in later {
        assert_eq!(find(&store, grant.session_id).await.as_ref(), Some(grant));
    }
    let again = claim(&store, next - MILLISECOND, minute(99), 100).await;
    assert_eq!(again.len(), 5, "those that were due later, up to now");
    let again = claim(&store, next, minute(99), 100).await;
    assert_eq!(again.len(), 21, "those that were moved, and one more");
}

/// What somebody is renewing is passed over as long as they are; what comes behind it is not.
pub async fn what_is_being_renewed_is_not_claimed(store: Arc<dyn GrantStore>) {
    let mut given = Vec::new();
    for n in 0..10 {
        let one = Grant {
            due_at: minute(n),
            ..grant("ada", start())
        };
        given.push(added(&store, one).await);
    }
    for grant in &mut given[..5] {
        *grant = begun(&store, grant, minute(10)).await.0;
    }
    let free: Vec<_> = given[5..].iter().map(|grant| grant.session_id).collect();
    let claimed = claim(&store, minute(15) - MILLISECOND, minute(99), 5).await;
    assert!(claimed.iter().map(|grant| grant.session_id).eq(free));
    let expected: Vec<_> = given[..5]
        .iter()
        .map(|grant| Grant {
            due_at: minute(99),
            ..grant.clone()
        })
        .collect();
    assert_eq!(
        claim(&store, minute(15), minute(99), 100).await,
        expected,
        "their leases have run out, and stay as they are"
    );
}

/// However many claim at once, each grant goes to one of them.
pub async fn parallel_claims_name_each_grant_once(store: Arc<dyn GrantStore>) {
    let mut there = BTreeSet::new();
    for n in 0..100 {
        let one = Grant {
            due_at: minute(n % 10),
            ..grant("ada", start())
        };
        there.insert(added(&store, one).await.session_id);
    }
    let claimed = parallel::all((0..20).map(|_| {
        let store = Arc::clone(&store);
        async move {
            let mut claimed = Vec::new();
            loop {
                let some = claim(&store, minute(20), minute(40), 7).await;
                assert!(some.len() <= 7);
                if some.is_empty() {
                    return claimed;
                }
                claimed.extend(some.iter().map(|grant| grant.session_id));
                assert!(claimed.len() < 200, "there is an end to it");
            }
        }
    }))
    .await;
    let mut claimed: Vec<_> = claimed.into_iter().flatten().collect();
    claimed.sort_unstable();
    assert!(claimed.into_iter().eq(there));
}

/// Its time is moved either way, unless it was changed since; nothing else changes, and whoever renews
/// it is not disturbed.
pub async fn a_grant_is_postponed_unless_it_was_changed(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let id = first.session_id;
    for version in [0, 2, 3] {
        postpone(&store, id, version, minute(1)).await;
        assert_eq!(find(&store, id).await.as_ref(), Some(&first));
    }
    for due_at in [minute(1), minute(70), minute(30)] {
        postpone(&store, id, 1, due_at).await;
        let expected = Grant {
            due_at,
            ..first.clone()
        };
        assert_eq!(find(&store, id).await, Some(expected));
    }
    assert_eq!(claim(&store, minute(29), minute(90), 10).await, []);
    let moved = find(&store, id).await.expect("it is there");
    let (held, record) = begun(&store, &moved, minute(2)).await;
    postpone(&store, id, 1, minute(3)).await;
    assert_eq!(find(&store, id).await.as_ref(), Some(&held));
    postpone(&store, id, 2, minute(3)).await;
    let expected = Grant {
        due_at: minute(3),
        ..held.clone()
    };
    assert_eq!(find(&store, id).await, Some(expected));
    let end = success(&held, &record, minute(3));
    assert_eq!(finished(&store, &end).await, made_by(&end));
}
