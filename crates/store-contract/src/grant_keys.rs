//! Sealing tokens anew, when the key changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use session_core::ports::GrantStore;
use session_core::{Grant, Page, PageRequest, SealedTokens, SessionId};

use crate::grant_refreshes::{begin, begun, finished, made_by, records, success};
use crate::grants::{added, find, remove, unusual};
use crate::parallel;
use crate::samples::{attempt, cipher_key, grant, minute, sealed, start};

async fn reseal(
    store: &Arc<dyn GrantStore>,
    id: SessionId,
    version: u64,
    tokens: &SealedTokens,
) -> bool {
    let resealed = store.reseal(id, version, tokens.clone()).await;
    resealed.expect("the store answers")
}

/// How many there are of each key, as words.
async fn counts(store: &Arc<dyn GrantStore>) -> Vec<(String, u64)> {
    let counts = store.count_by_key().await.expect("the store answers");
    let counts = counts.into_iter();
    counts
        .map(|(key, count)| (key.to_string(), count))
        .collect()
}

async fn otherwise(
    store: &Arc<dyn GrantStore>,
    key: &str,
    request: PageRequest,
) -> Page<Arc<Grant>> {
    let page = store.sealed_otherwise(&cipher_key(key), request).await;
    page.expect("the store answers")
}

/// All that are sealed otherwise, page after page; each page but the last is full.
async fn all_otherwise(store: &Arc<dyn GrantStore>, key: &str, limit: usize) -> Vec<Grant> {
    let mut request = PageRequest::new(Some(limit), None).expect("a page request");
    let mut listed: Vec<Grant> = Vec::new();
    loop {
        let Page { items, next } = otherwise(store, key, request).await;
        assert!(items.len() <= limit);
        listed.extend(items.iter().map(|item| Grant::clone(item)));
        let Some(next) = next else { return listed };
        assert_eq!(
            (items.len(), Some(next.0)),
            (limit, items.last().map(|last| last.session_id))
        );
        request = request.following(next);
        assert!(listed.len() < 10_000, "there is an end to it");
    }
}

/// Tokens are replaced if nothing was changed since; the version and all else stays.
pub async fn tokens_are_sealed_anew(store: Arc<dyn GrantStore>) {
    let bystander = added(&store, grant("eve", start())).await;
    let mut present = added(&store, grant("ada", start())).await;
    let id = present.session_id;
    for version in [0, 2, 1 << 40] {
        assert!(!reseal(&store, id, version, &sealed("k2")).await);
        assert_eq!(find(&store, id).await.as_ref(), Some(&present));
    }
    // Any to any, and back.
    let tokens = unusual().into_iter().map(|grant| grant.tokens);
    for tokens in tokens.chain([sealed("k1"), sealed("k2")]) {
        assert!(reseal(&store, id, 1, &tokens).await);
        present.tokens = tokens;
        assert_eq!(find(&store, id).await.as_ref(), Some(&present));
    }
    assert_eq!(counts(&store).await, [("k1".into(), 1), ("k2".into(), 1)]);
    let found = find(&store, bystander.session_id).await;
    assert_eq!(found.as_ref(), Some(&bystander));
    assert_eq!(records(&store, id, 10).await, []);
}

/// Whoever renews the tokens at the time is not disturbed: they keep the lease, and what they bring is
/// written over it. What was decided before they began is outdated.
pub async fn a_refresh_is_not_disturbed(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let id = first.session_id;
    let (held, record) = begun(&store, &first, minute(1)).await;
    assert!(!reseal(&store, id, 1, &sealed("k2")).await);
    assert_eq!(find(&store, id).await.as_ref(), Some(&held));

    let tokens = sealed("k2");
    assert!(reseal(&store, id, 2, &tokens).await);
    let resealed = Grant {
        tokens,
        ..held.clone()
    };
    assert_eq!(find(&store, id).await.as_ref(), Some(&resealed));
    let busy = begin(&store, 2, minute(99), &attempt(&first, minute(2))).await;
    assert_eq!(
        busy,
        session_core::ports::RefreshBegun::Busy(Arc::new(resealed))
    );
    let end = success(&held, &record, minute(3));
    assert_eq!(finished(&store, &end).await, made_by(&end));
    assert_eq!(find(&store, id).await, Some(made_by(&end)));
    assert_eq!(
        counts(&store).await,
        [("k1".into(), 1)],
        "with the key that they know"
    );
    assert_eq!(
        records(&store, id, 10).await,
        std::slice::from_ref(&end.record)
    );

    // A failure brings the tokens that it began with: which are the same.
    let (held, record) = begun(&store, &made_by(&end), minute(4)).await;
    assert!(reseal(&store, id, held.version, &sealed("k3")).await);
    let mut failure = success(&held, &record, minute(5));
    failure.grant = held;
    let after = finished(&store, &failure).await;
    assert_eq!(after, made_by(&failure));
    assert_eq!(find(&store, id).await, Some(after));
    assert_eq!(counts(&store).await, [("k1".into(), 1)]);
}

/// What is sealed with any other key is listed, by the session's id, whatever the size of the page.
pub async fn what_is_sealed_otherwise_is_listed(store: Arc<dyn GrantStore>) {
    let mut given = Vec::new();
    for n in 0..30_usize {
        let key = ["k1", "k2", "K2", "k10", "k"][n * 7 % 5];
        let time = minute(i64::try_from(n * 11 % 30).expect("small"));
        let one = Grant {
            tokens: sealed(key),
            ..grant("ada", time)
        };
        given.push(added(&store, one).await);
    }
    given.sort_unstable_by_key(|grant| grant.session_id);
    for key in ["k1", "k2", "K2", "k10", "k", "k3", "A", "zz"] {
        let expected: Vec<_> = given
            .iter()
            .filter(|grant| grant.tokens.key != cipher_key(key))
            .cloned()
            .collect();
        for limit in [1, 7, 24, 30, 1000] {
            let listed = all_otherwise(&store, key, limit).await;
            assert_eq!(listed, expected, "{key} {limit}");
        }
    }
}

/// Each that is there from the first page to the last is on exactly one, while what was listed is sealed
/// anew and others come and go.
pub async fn pages_hold_each_once_while_they_are_resealed(store: Arc<dyn GrantStore>) {
    let mut waiting = BTreeMap::new();
    for n in 0..40 {
        let key = if n % 3 == 0 { "k0" } else { "k1" };
        let one = Grant {
            tokens: sealed(key),
            ..grant("ada", minute(n))
        };
        let one = added(&store, one).await;
        waiting.insert(one.session_id, one);
    }
    let mut request = PageRequest::new(Some(6), None).expect("a page request");
    let mut pages = 0;
    loop {
        let Page { items, next } = otherwise(&store, "k2", request).await;
        for item in &items {
            let listed = waiting.remove(&item.session_id);
            assert_eq!(listed.as_ref(), Some(&**item), "once, and as it is");
            let new = sealed("k2");
            assert!(reseal(&store, item.session_id, item.version, &new).await);
        }
        // A new session has the new key; one goes that was not listed yet.
        let new = Grant {
            tokens: sealed("k2"),
            ..grant("eve", minute(50 + pages))
        };
        added(&store, new).await;
        if let Some((gone, _)) = waiting.pop_last() {
            assert!(remove(&store, gone).await.is_some());
        }
        let Some(next) = next else { break };
        request = request.following(next);
        pages += 1;
        assert!(pages < 40, "there is an end to it");
    }
    assert!(waiting.is_empty(), "{waiting:?}");
    assert_eq!(all_otherwise(&store, "k2", 10).await, []);
}

/// The counts are those of the grants, at every step, by the name of the key.
pub async fn grants_are_counted_by_key(store: Arc<dyn GrantStore>) {
    assert_eq!(counts(&store).await, []);
    let mut given = Vec::new();
    for key in ["k2", "k1", "k10", "K", "k2", "k2"] {
        let one = Grant {
            tokens: sealed(key),
            ..grant("ada", start())
        };
        given.push(added(&store, one).await);
    }
    let expected = [("K", 1), ("k1", 1), ("k10", 1), ("k2", 3)];
    let expected = expected.map(|(key, count)| (key.to_owned(), count));
    assert_eq!(counts(&store).await, expected);
    assert!(reseal(&store, given[0].session_id, 1, &sealed("k1")).await);
    assert!(remove(&store, given[2].session_id).await.is_some());
    let expected = [("K", 1), ("k1", 2), ("k2", 2)];
    let expected = expected.map(|(key, count)| (key.to_owned(), count));
    assert_eq!(counts(&store).await, expected);
}

/// While tokens are renewed over and over, sealing anew neither loses what was renewed nor brings back
/// what was before.
pub async fn resealing_against_refreshing(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let id = first.session_id;
    let renewing = async {
        let mut present = first.clone();
        for n in 0..30 {
            let (held, record) = begun(&store, &present, minute(n)).await;
            let end = success(&held, &record, minute(n));
            present = finished(&store, &end).await;
            assert_eq!(present, made_by(&end));
        }
        present.version
    };
    let resealing = parallel::all((0..4).map(|_| {
        let store = Arc::clone(&store);
        async move {
            let mut resealed = 0;
            for _ in 0..60 {
                let found = find(&store, id).await.expect("it is there");
                // The same tokens: their first bytes say which.
                let mut tokens = found.tokens.clone();
                tokens.key = cipher_key("k2");
                resealed += usize::from(reseal(&store, id, found.version, &tokens).await);
                let after = find(&store, id).await.expect("it is there");
                if after.version == found.version {
                    assert_eq!(after.tokens.access, tokens.access);
                }
            }
            resealed
        }
    }));
    let (version, _) = tokio::join!(renewing, resealing);
    let found = find(&store, id).await.expect("it is there");
    assert_eq!((found.version, version, found.rotation_count), (61, 61, 30));
}
