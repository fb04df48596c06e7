//! Adding grants, finding and removing them.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use session_core::ports::{
    GrantStore, RefreshBegin, RefreshBegun, RefreshEnd, RefreshFinished, StoreErrorKind,
};
use session_core::{
    Grant, GrantStatus, Lease, ProviderToken, RefreshId, SealedTokens, SessionId, SupersededToken,
};

use crate::grant_refreshes::records;
use crate::parallel;
use crate::samples::{
    attempt, cipher_key, grant, minute, names_that_differ, provider, provider_token_hash, sealed,
    start, user,
};

/// Adds a grant to a session that has none.
pub(crate) async fn added(store: &Arc<dyn GrantStore>, grant: Grant) -> Grant {
    let added = store.add_grant(grant.clone()).await;
    added.expect("the store takes grants");
    grant
}

pub(crate) async fn find(store: &Arc<dyn GrantStore>, id: SessionId) -> Option<Grant> {
    let found = store.find_grant(id).await;
    let found = found.expect("the store answers");
    found.map(|found| Grant::clone(&found))
}

pub(crate) async fn remove(store: &Arc<dyn GrantStore>, id: SessionId) -> Option<Grant> {
    let removed = store.remove_grant(id).await;
    let removed = removed.expect("the store removes grants");
    removed.map(|removed| Grant::clone(&removed))
}

/// The sessions of this presence, in their order.
pub(crate) async fn at_provider(
    store: &Arc<dyn GrantStore>,
    provider_name: &str,
    name: &str,
) -> Vec<SessionId> {
    let there = store
        .sessions_at_provider(&provider(provider_name), name)
        .await;
    let mut there = there.expect("the store answers");
    there.sort_unstable();
    there
}

/// Grants with a value at the edge in every field.
pub(crate) fn unusual() -> Vec<Grant> {
    let longest = vec![0xff; ProviderToken::MAX_BYTES + 64];
    // The last time that an id has room for.
    let last = DateTime::from_timestamp_millis((1 << 48) - 1).expect("a time");
    let largest = (1 << 53) - 1;
    let mut given = vec![
        Grant {
            access_expires_at: None,
            scopes: Vec::new(),
            tokens: SealedTokens {
                refresh: None,
                ..sealed("k1")
            },
            ..grant("ada", start())
        },
        Grant {
            user_id: user(&"é".repeat(64)),
            provider: provider(&"x".repeat(64)),
            provider_session: Some("\u{1F600}'; --\u{0}\"\\\r\n".into()),
            version: largest - 1,
            status: GrantStatus::ReauthRequired,
            tokens: SealedTokens {
                key: cipher_key(&"K".repeat(64)),
                access: longest.clone().into(),
                refresh: Some(longest.clone().into()),
                id: Some(longest.into()),
            },
            token_type: "é\"'\u{0}".into(),
            scopes: (0..64).map(|n| format!("{n:0128}").into()).collect(),
            obtained_at: last,
            access_expires_at: Some(last),
            superseded: Some(SupersededToken {
                hash: provider_token_hash(),
                until: last,
            }),
            rotation_count: largest,
            retry_at: Some(last),
            due_at: last,
            lease: Some(Lease {
                until: last,
                record: RefreshId::at(last, [0xff; 10]),
            }),
            ..grant("ada", last)
        },
        Grant {
            provider_session: Some("".into()),
            version: 0,
            tokens: SealedTokens {
                access: [].into(),
                refresh: Some([].into()),
                id: Some([0].into()),
                ..sealed("-_")
            },
            token_type: "".into(),
            scopes: vec!["".into(), "[\"é\\\"]".into(), "".into()],
            // Times that no id could have been made at.
            obtained_at: DateTime::UNIX_EPOCH - TimeDelta::milliseconds(1),
            due_at: DateTime::UNIX_EPOCH - TimeDelta::days(1),
            ..grant("ada", start())
        },
    ];
    for name in names_that_differ() {
        given.push(Grant {
            provider_session: Some(name.as_str().into()),
            ..grant(&name, start())
        });
    }
    given
}

/// Every field comes back as it was given, one by one and several at once.
pub async fn what_was_added_is_found_whole(store: Arc<dyn GrantStore>) {
    let given = unusual();
    for grant in &given {
        added(&store, grant.clone()).await;
    }
    for grant in &given {
        assert_eq!(find(&store, grant.session_id).await.as_ref(), Some(grant));
    }
    let mut ids: Vec<_> = given.iter().map(|grant| grant.session_id).collect();
    ids.push(grant("eve", start()).session_id);
    ids.push(ids[0]);
    let found = store.find_grants(&ids).await.expect("the store answers");
    let mut found: Vec<Grant> = found.iter().map(|found| Grant::clone(found)).collect();
    found.sort_unstable_by_key(|found| found.session_id);
    let mut expected = given;
    expected.sort_unstable_by_key(|grant| grant.session_id);
    assert_eq!(found, expected, "each once, and none for who has none");
    let none = store.find_grants(&[]).await;
    assert_eq!(none.expect("the store answers"), []);
}

/// Where there is no grant, none is found, changed, claimed, counted or removed.
pub async fn what_is_unknown_is_not_there(store: Arc<dyn GrantStore>) {
    let bystander = added(&store, grant("eve", start())).await;
    let unknown = grant("ada", start());
    let id = unknown.session_id;
    assert_eq!(find(&store, id).await, None);
    assert_eq!(remove(&store, id).await, None);
    let record = attempt(&unknown, minute(1));
    let begin = RefreshBegin {
        expected_version: 1,
        until: minute(2),
        record: record.clone(),
    };
    let begun = store.begin_refresh(begin).await;
    assert_eq!(begun.expect("the store answers"), RefreshBegun::NotFound);
    assert_eq!(records(&store, id, 10).await, [], "nothing was written");
    let kept = store.keep_lease(id, 1, minute(3)).await;
    assert!(!kept.expect("the store answers"));
    let postponed = store.postpone(id, 1, start()).await;
    postponed.expect("the store answers");
    let resealed = store.reseal(id, 1, sealed("k2")).await;
    assert!(!resealed.expect("the store answers"));
    let end = RefreshEnd {
        grant: unknown,
        record,
    };
    let finished = store.finish_refresh(end).await;
    assert_eq!(finished.expect("the store answers"), RefreshFinished::Gone);
    assert_eq!(find(&store, id).await, None);
    let claimed = store.claim_due(minute(1), minute(2), 10).await;
    assert_eq!(claimed.expect("the store answers"), []);
    let counts = store.count_by_key().await.expect("the store answers");
    assert_eq!(counts, [(cipher_key("k1"), 1)]);
    assert_eq!(
        find(&store, bystander.session_id).await.as_ref(),
        Some(&bystander)
    );
}

/// A second grant of a session is a fault, and changes nothing; what is added beside it is none the
/// worse for it.
pub async fn a_session_has_one_grant(store: Arc<dyn GrantStore>) {
    let first = added(&store, grant("ada", start())).await;
    let second = Grant {
        session_id: first.session_id,
        provider_session: Some("here".into()),
        tokens: sealed("k2"),
        ..grant("eve", start())
    };
    for _ in 0..2 {
        let error = store.add_grant(second.clone()).await;
        let error = error.expect_err("the session has one");
        assert_eq!(error.kind(), StoreErrorKind::Internal);
        assert_eq!(find(&store, first.session_id).await.as_ref(), Some(&first));
    }
    assert_eq!(at_provider(&store, "corp", "here").await, []);

    let shared = grant("ada", minute(1)).session_id;
    let outcomes = parallel::all((0..60).map(|n| {
        let store = Arc::clone(&store);
        let given = grant(&format!("user{n}"), minute(n));
        let session_id = match n % 3 {
            // While a store is at work on the others, those that contend gather.
            0 if n > 20 => shared,
            1 if n > 20 => first.session_id,
            _ => given.session_id,
        };
        let given = Grant {
            session_id,
            ..given
        };
        async move { (given.clone(), store.add_grant(given).await) }
    }))
    .await;
    let mut there = BTreeSet::new();
    for (given, outcome) in outcomes {
        let found = find(&store, given.session_id).await;
        match outcome {
            Ok(()) => {
                assert_eq!(found.as_ref(), Some(&given));
                assert!(there.insert(given.session_id));
            }
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Internal);
                assert!([shared, first.session_id].contains(&given.session_id));
                assert_ne!(found, Some(given));
            }
        }
    }
    assert_eq!(there.len(), 35, "the others, and one of those that contend");
    assert!(there.contains(&shared));
}

/// Whoever removes a grant is told what it was, and of 20 at once one is; afterwards it is not found by
/// its presence, its key or its time either, and the session may have another one.
pub async fn a_removed_grant_is_gone(store: Arc<dyn GrantStore>) {
    let mut given = Vec::new();
    for n in 0..20 {
        let one = Grant {
            provider_session: Some("here".into()),
            tokens: sealed(if n < 10 { "k1" } else { "k2" }),
            ..grant("ada", minute(n))
        };
        given.push(added(&store, one).await);
    }
    let (kept, gone) = given.split_at(10);
    let removed = parallel::all((0..20).flat_map(|_| gone).map(|grant| {
        let (store, id) = (Arc::clone(&store), grant.session_id);
        async move {
            let removed = remove(&store, id).await;
            assert_eq!(find(&store, id).await, None);
            removed
        }
    }))
    .await;
    let mut told: Vec<Grant> = removed.into_iter().flatten().collect();
    told.sort_unstable_by_key(|grant| grant.session_id);
    assert_eq!(told, gone);

    let kept_ids: Vec<_> = kept.iter().map(|grant| grant.session_id).collect();
    assert_eq!(at_provider(&store, "corp", "here").await, kept_ids);
    let counts = store.count_by_key().await.expect("the store answers");
    assert_eq!(counts, [(cipher_key("k1"), 10)]);
    let claimed = store.claim_due(minute(200), minute(300), 100).await;
    let claimed = claimed.expect("the store answers");
    assert!(claimed.iter().map(|grant| grant.session_id).eq(kept_ids));
    let again = Grant {
        tokens: sealed("k3"),
        ..gone[0].clone()
    };
    added(&store, again.clone()).await;
    assert_eq!(find(&store, again.session_id).await, Some(again));
}

/// The sessions of a presence are those of its provider and of its name, to the byte; nobody is found by
/// having no name.
pub async fn sessions_of_a_presence_are_found(store: Arc<dyn GrantStore>) {
    let names = names_that_differ();
    let mut expected = Vec::new();
    for name in &names {
        for provider_name in ["corp", "corp2"] {
            let mut ids = BTreeSet::new();
            for n in 0..3 {
                let one = Grant {
                    provider: provider(provider_name),
                    provider_session: Some(name.as_str().into()),
                    ..grant("ada", minute(n))
                };
                ids.insert(added(&store, one).await.session_id);
            }
            expected.push((provider_name, name, ids));
        }
    }
    added(&store, grant("ada", start())).await;
    for (provider_name, name, ids) in expected {
        let there = at_provider(&store, provider_name, name).await;
        assert!(there.into_iter().eq(ids), "{provider_name} {name:?}");
    }
    assert_eq!(at_provider(&store, "corp", "").await, []);
    assert_eq!(at_provider(&store, "corp3", "ada").await, []);
    // An empty name is a name.
    let nameless = Grant {
        provider_session: Some("".into()),
        ..grant("ada", start())
    };
    let nameless = added(&store, nameless).await.session_id;
    assert_eq!(at_provider(&store, "corp", "").await, [nameless]);
}

/// Whoever asks after a write was answered sees it, whatever else is going on.
pub async fn what_was_answered_is_seen(store: Arc<dyn GrantStore>) {
    parallel::all((0..20).map(|n| {
        let store = Arc::clone(&store);
        async move {
            let mut mine = added(&store, grant("ada", minute(n))).await;
            let id = mine.session_id;
            for round in 0..5 {
                assert_eq!(find(&store, id).await.as_ref(), Some(&mine));
                let due_at = minute(100 + round);
                let postponed = store.postpone(id, 1, due_at).await;
                postponed.expect("the store answers");
                mine.due_at = due_at;
                assert_eq!(find(&store, id).await.as_ref(), Some(&mine));
                let tokens = sealed("k2");
                let resealed = store.reseal(id, 1, tokens.clone()).await;
                assert!(resealed.expect("the store answers"));
                mine.tokens = tokens;
                let found = store.find_grants(&[id]).await.expect("the store answers");
                assert!(found.iter().map(|found| &**found).eq([&mine]));
            }
            assert_eq!(remove(&store, id).await, Some(mine));
            assert_eq!(find(&store, id).await, None);
        }
    }))
    .await;
}
