//! More at once than one step does, and numbers that leave no room.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use session_core::ports::{
    GrantStore as _, RefreshBegin, RefreshBegun, RefreshFinished, StoreErrorKind,
};
use session_core::{Grant, Lease, PageRequest, RefreshId, SessionId};
use store_contract::samples::{attempt, cipher_key, grant, minute, provider, sealed, start};
use store_redis::RedisStore;

use crate::grant_keys::{begun, end};
use crate::raw::Raw;

async fn add(store: &RedisStore, count: i64, form: impl Fn(i64, Grant) -> Grant) -> Vec<Grant> {
    let mut added = Vec::new();
    for n in 0..count {
        let given = form(n, grant("ada", start()));
        store.add_grant(given.clone()).await.expect("it is added");
        added.push(given);
    }
    added
}

/// However many are asked for at once, each is found.
#[tokio::test]
async fn many_grants_are_found_at_once() {
    let store = Raw::new().await.store().await;
    let given = add(&store, 300, |_, grant| grant).await;
    let ids: Vec<_> = given.iter().map(|grant| grant.session_id).rev().collect();
    let found = store.find_grants(&ids).await.expect("it answers");
    assert!(found.iter().map(|found| &**found).eq(&given));
}

/// One claim takes so many at most, longest due first, and leaves the rest to the next.
#[tokio::test]
async fn a_large_claim_is_cut() {
    let store = Raw::new().await.store().await;
    let due = |n, grant| Grant {
        due_at: minute(n),
        ..grant
    };
    let given = add(&store, 300, due).await;
    let mut claimed = Vec::new();
    for expected in [256, 44, 0] {
        let some = store.claim_due(minute(300), minute(999), 10_000).await;
        let some = some.expect("it answers");
        assert_eq!(some.len(), expected);
        claimed.extend(some.iter().map(|grant| grant.session_id));
    }
    assert!(
        claimed
            .into_iter()
            .eq(given.iter().map(|grant| grant.session_id))
    );
}

/// However many are being renewed, what is due behind them is claimed; and moving what is due to where
/// it is due still does not go on for ever.
#[tokio::test]
async fn what_is_due_behind_many_leases_is_claimed() {
    let store = Raw::new().await.store().await;
    let form = |n, given: Grant| Grant {
        due_at: minute(n),
        lease: (n < 1100).then(|| Lease {
            until: minute(5000),
            record: RefreshId::at(start(), [7; 10]),
        }),
        ..given
    };
    let given = add(&store, 1110, form).await;
    let free: Vec<_> = given[1100..].iter().map(|grant| grant.session_id).collect();
    for next in [minute(2000), minute(3000)] {
        let claimed = store.claim_due(minute(2000), next, 100).await;
        let claimed = claimed.expect("it answers");
        assert!(
            claimed
                .iter()
                .map(|grant| grant.session_id)
                .eq(free.clone())
        );
    }
    let claimed = store.claim_due(minute(2000), minute(2000), 100).await;
    assert_eq!(claimed.expect("it answers"), []);
    let claimed = store.claim_due(minute(5000), minute(5000), 0).await;
    assert_eq!(claimed.expect("it answers"), []);
    let claimed = store.claim_due(minute(5000), minute(9000), 10).await;
    let claimed = claimed.expect("it answers");
    let longest = given[..10].iter().map(|grant| grant.session_id);
    assert!(claimed.iter().map(|grant| grant.session_id).eq(longest));
}

/// A page that is larger than what one step brings is full, and says whether there is another; however
/// few keys there are.
#[tokio::test]
async fn a_large_page_is_full() {
    for keys in [&["k2", "k1"][..], &["k2", "k1", "k3"]] {
        let store = Raw::new().await.store().await;
        let keyed = |n, grant| Grant {
            tokens: sealed(keys[usize::try_from(n).expect("small") % keys.len()]),
            ..grant
        };
        let given = add(&store, 600, keyed).await;
        let ids: BTreeSet<_> = given
            .iter()
            .filter(|grant| grant.tokens.key != cipher_key("k2"))
            .map(|grant| grant.session_id)
            .collect();
        for limit in [127, 128, 129, 250, 299, 300, 301, 399, 400, 401, 1000] {
            let listed = all_but(&store, "k2", limit).await;
            assert!(listed.iter().eq(&ids), "{keys:?} {limit}");
        }
    }
}

/// All that are sealed with another key; each page but the last is full.
async fn all_but(store: &RedisStore, key: &str, limit: usize) -> Vec<SessionId> {
    let mut request = PageRequest::new(Some(limit), None).expect("a page request");
    let mut listed = Vec::new();
    loop {
        let page = store.sealed_otherwise(&cipher_key(key), request).await;
        let page = page.expect("it answers");
        listed.extend(page.items.iter().map(|grant| grant.session_id));
        let Some(next) = page.next else { return listed };
        assert_eq!(page.items.len(), limit);
        request = request.following(next);
    }
}

/// Ids are put in the order of their bytes, wherever they differ and whatever letters those are.
#[tokio::test]
async fn pages_go_by_the_bytes_of_ids() {
    let store = Raw::new().await.store().await;
    let mut ids = BTreeSet::new();
    let bytes = [0, b' ', b'a', b'B', b'c', b'D', 0x7f, 0x80, 0xe4, 0xff];
    for place in 0..10 {
        for byte in bytes {
            let mut tail = [b'b'; 10];
            tail[place] = byte;
            tail[9 - place] = tail[9 - place].wrapping_sub(byte);
            ids.insert(SessionId::at(start(), tail));
        }
    }
    for (n, id) in ids.iter().enumerate() {
        let given = Grant {
            session_id: *id,
            tokens: sealed(["k1", "k2", "k3"][n % 3]),
            ..grant("ada", start())
        };
        store.add_grant(given).await.expect("it is added");
    }
    for limit in [1, 7, 1000] {
        let listed = all_but(&store, "k0", limit).await;
        assert!(listed.iter().eq(&ids), "{limit}");
    }
}

/// What is put off is claimed at its new time, be that later or earlier, and not before.
#[tokio::test]
async fn what_is_put_off_is_due_at_its_new_time() {
    let store = Raw::new().await.store().await;
    let given = grant("ada", start());
    store.add_grant(given.clone()).await.expect("it is added");
    for due_at in [60, 10] {
        let postponed = store.postpone(given.session_id, 1, minute(due_at)).await;
        postponed.expect("it is put off");
        let claimed = store.claim_due(minute(due_at - 1), minute(99), 9).await;
        assert_eq!(claimed.expect("it answers"), [], "{due_at}");
        let claimed = store.claim_due(minute(due_at), minute(99), 9).await;
        assert_eq!(claimed.expect("it answers").len(), 1, "{due_at}");
    }
}

/// One call forgets so many at most, and says that there are more.
#[tokio::test]
async fn forgetting_much_goes_in_parts() {
    let store = Raw::new().await.store().await;
    for given in add(&store, 150, |_, grant| grant).await {
        begun(&store, &given, minute(1), minute(2)).await;
    }
    for expected in [(128, true), (22, false)] {
        let forgotten = store.forget_refreshes(minute(2), 1000).await;
        let forgotten = forgotten.expect("it forgets");
        assert_eq!((forgotten.count, forgotten.more), expected);
    }
}

/// Versions are counted exactly as far as there are any, and the last is refused without a trace.
#[tokio::test]
async fn large_versions_are_exact() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    for version in [(1 << 53) - 1, (1 << 53) + 1, i64::MAX as u64, u64::MAX - 2] {
        let given = Grant {
            version,
            rotation_count: u64::MAX,
            ..grant("ada", start())
        };
        store.add_grant(given.clone()).await.expect("it is added");
        for other in [version - 1, version + 1] {
            let postponed = store.postpone(given.session_id, other, minute(9)).await;
            postponed.expect("it answers");
        }
        let (held, record) = begun(&store, &given, minute(1), minute(2)).await;
        assert_eq!(held.version, version + 1);
        let kept = store.keep_lease(given.session_id, version + 1, minute(3));
        assert!(kept.await.expect("it answers"));
        let ended = store.finish_refresh(end(&held, &record)).await;
        let RefreshFinished::Stored(after) = ended.expect("it ends") else {
            panic!("nobody has taken over")
        };
        assert_eq!((after.version, after.due_at), (version + 2, given.due_at));
    }
    let last = Grant {
        version: u64::MAX,
        ..grant("ada", start())
    };
    store.add_grant(last.clone()).await.expect("it is added");
    let before = raw.everything().await;
    let begin = RefreshBegin {
        expected_version: u64::MAX,
        until: minute(2),
        record: attempt(&last, minute(1)),
    };
    let error = store.begin_refresh(begin).await.expect_err("no room");
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    let ended = store.finish_refresh(end(&last, &attempt(&last, minute(1))));
    let error = ended.await.expect_err("no room");
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert_eq!(raw.everything().await, before);
}

/// The first and the last millisecond of the calendar are times like any other.
#[tokio::test]
async fn the_ends_of_the_calendar_are_times() {
    let store = Raw::new().await.store().await;
    let whole = |time: DateTime<Utc>| {
        DateTime::from_timestamp_millis(time.timestamp_millis()).expect("a time")
    };
    // The first is cut towards the later millisecond.
    let first = whole(DateTime::<Utc>::MIN_UTC);
    let last = whole(DateTime::<Utc>::MAX_UTC);
    let late = Grant {
        due_at: last,
        ..grant("ada", start())
    };
    let early = Grant {
        due_at: first,
        ..grant("ada", start())
    };
    for given in [&late, &early] {
        store.add_grant(given.clone()).await.expect("it is added");
    }
    let (held, _) = begun(&store, &late, first, last).await;
    let found = store.find_grant(late.session_id).await.expect("it answers");
    assert_eq!(found.as_deref(), Some(&held));
    let claimed = store.claim_due(first, last, 10).await.expect("it answers");
    let moved = Grant {
        due_at: last,
        ..early
    };
    assert!(claimed.iter().map(|grant| &**grant).eq([&moved]));
    let begin = RefreshBegin {
        expected_version: held.version,
        until: last,
        record: attempt(&held, last - chrono::TimeDelta::milliseconds(1)),
    };
    let outcome = store.begin_refresh(begin).await.expect("it answers");
    assert!(matches!(outcome, RefreshBegun::Busy(_)));
    let claimed = store.claim_due(last, first, 10).await.expect("it answers");
    assert_eq!(claimed.len(), 2, "the lease has run out at that moment");
}

/// Names of presences are any texts, and no two of them are one.
#[tokio::test]
async fn odd_presences_are_told_apart() {
    let store = Raw::new().await.store().await;
    let names = [
        "", ":", "corp:", "\u{0}", "a b", "\"'\\", "\r\n*1", "{x}", "é", "k1",
    ];
    let form = |n, grant| Grant {
        provider: provider(["corp", "corp2"][usize::try_from(n).expect("small") % 2]),
        provider_session: Some(names[usize::try_from(n).expect("small") / 2].into()),
        ..grant
    };
    let given = add(&store, 20, form).await;
    for grant in given {
        let name = grant.provider_session.as_deref().expect("a name");
        let there = store.sessions_at_provider(&grant.provider, name).await;
        assert_eq!(there.expect("it answers"), [grant.session_id], "{name:?}");
    }
}
