//! Changing accounts, and seeing what was changed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use session_core::ports::{AccountChange, Addition, ChangeOutcome, UserDirectory};
use session_core::{Account, AccountId, Metadata, PasswordHash};

use crate::accounts::{add, added, find, find_by, listed, remove};
use crate::parallel;
use crate::samples::{account, minute, start};

async fn change(
    directory: &Arc<dyn UserDirectory>,
    id: AccountId,
    expected_version: u64,
    change: AccountChange,
) -> ChangeOutcome {
    let outcome = directory.change_account(id, expected_version, change).await;
    outcome.expect("the directory answers")
}

fn metadata(value: &Value) -> AccountChange {
    let metadata = Metadata::new(value.as_object().expect("an object")).expect("metadata");
    AccountChange {
        metadata: Some(metadata),
        ..AccountChange::default()
    }
}

fn password(hash: &str, set_at: DateTime<Utc>) -> AccountChange {
    AccountChange {
        password: Some((PasswordHash::new(hash), set_at)),
        ..AccountChange::default()
    }
}

fn rehashed(hash: &str) -> AccountChange {
    AccountChange {
        rehashed: Some(PasswordHash::new(hash)),
        ..AccountChange::default()
    }
}

fn disabled(is_disabled: bool) -> AccountChange {
    AccountChange {
        is_disabled: Some(is_disabled),
        ..AccountChange::default()
    }
}

/// What is named is replaced whole, the rest stays; the version is raised by one. A hash that comes
/// beside another password is of the one before, and is dropped.
pub async fn parts_are_replaced(directory: Arc<dyn UserDirectory>) {
    let bystander = added(&directory, account("eve@example.org", start())).await;
    let given = Account {
        metadata: metadata(&json!({"role": "admin"})).metadata.expect("some"),
        ..account("ada@example.org", start())
    };
    let mut expected = Account::clone(&*added(&directory, given).await);
    let changes = [
        password("second", minute(1)),
        rehashed("second, anew"),
        metadata(&json!({"x": "é'\"\u{0}", "role": "auditor"})),
        disabled(true),
        AccountChange::default(),
        metadata(&json!({})),
        disabled(false),
        AccountChange {
            metadata: metadata(&json!({"all": 4})).metadata,
            is_disabled: Some(true),
            rehashed: rehashed("second, once more").rehashed,
            ..password("third", minute(2))
        },
        AccountChange {
            is_disabled: Some(false),
            ..rehashed("third, anew")
        },
    ];
    for parts in changes {
        let before = expected.version;
        let outcome = change(&directory, expected.id, before, parts.clone()).await;
        expected.version += 1;
        let AccountChange {
            password,
            rehashed,
            metadata,
            is_disabled,
        } = parts;
        expected.password_hash = rehashed.unwrap_or(expected.password_hash);
        if let Some((hash, set_at)) = password {
            expected.password_hash = hash;
            expected.password_set_at = set_at;
        }
        expected.metadata = metadata.unwrap_or(expected.metadata);
        expected.is_disabled = is_disabled.unwrap_or(expected.is_disabled);
        assert_eq!(outcome, ChangeOutcome::Changed(Arc::new(expected.clone())));
        let found = find(&directory, expected.id).await;
        assert_eq!(found.as_ref(), Some(&expected));
        assert_eq!(find_by(&directory, &expected.email).await, found);
        let all = [expected.clone(), Account::clone(&bystander)];
        assert_eq!(listed(&directory, 10).await, all);
    }
}

/// Whoever read before someone else wrote, writes nothing.
pub async fn an_outdated_version_changes_nothing(directory: Arc<dyn UserDirectory>) {
    let before = added(&directory, account("ada@example.org", start())).await;
    let first = change(&directory, before.id, before.version, disabled(true)).await;
    let ChangeOutcome::Changed(first) = first else {
        panic!("nobody else wrote")
    };
    let everything = AccountChange {
        metadata: metadata(&json!({"a": 1})).metadata,
        is_disabled: Some(false),
        ..password("another", minute(1))
    };
    for version in [before.version, first.version + 1, 0, u64::MAX] {
        let second = change(&directory, before.id, version, everything.clone()).await;
        assert_eq!(second, ChangeOutcome::VersionConflict);
        let found = find(&directory, before.id).await;
        assert_eq!(found.as_ref(), Some(&*first));
    }
}

/// Of 50 that were made on one version one is stored; whoever was told so is the one.
pub async fn of_parallel_changes_of_a_version_one_counts(directory: Arc<dyn UserDirectory>) {
    let mut given = Vec::new();
    for address in ["eve@example.org", "ada@example.org"] {
        given.push(added(&directory, account(address, start())).await);
    }
    // While a store is at work on the few changes of one account, those of the other gather.
    let account_of = |n| &given[usize::from(n >= 20)];
    let outcomes = parallel::all((0..70).map(|n| {
        let (directory, id) = (Arc::clone(&directory), account_of(n).id);
        async move { change(&directory, id, 1, password(&format!("{n}"), minute(n))).await }
    }))
    .await;
    let mut changed = Vec::new();
    for (n, outcome) in (0..).zip(outcomes) {
        match outcome {
            ChangeOutcome::Changed(after) => {
                let expected = Account {
                    password_hash: PasswordHash::new(&format!("{n}")),
                    password_set_at: minute(n),
                    version: 2,
                    ..Account::clone(account_of(n))
                };
                assert_eq!(*after, expected);
                changed.push(expected);
            }
            ChangeOutcome::VersionConflict => {}
            ChangeOutcome::NotFound => panic!("it is there"),
        }
    }
    assert_eq!(changed.len(), 2, "one of each");
    for (before, after) in given.iter().zip(changed) {
        assert_eq!(find(&directory, before.id).await, Some(after));
    }
}

/// Fifty writers, each of a member of its own, each trying again until it succeeds.
pub async fn parallel_changes_lose_nothing(directory: Arc<dyn UserDirectory>) {
    let id = added(&directory, account("ada@example.org", start()))
        .await
        .id;
    parallel::all((0..50).map(|n| {
        let directory = Arc::clone(&directory);
        async move {
            let member = json!({format!("m{n}"): n});
            let member = member.as_object().expect("an object");
            loop {
                let before = find(&directory, id).await.expect("it is there");
                let merged = AccountChange {
                    metadata: Some(before.metadata.merged(member).expect("small")),
                    ..AccountChange::default()
                };
                // A store that answers at once would let nobody in between.
                tokio::task::yield_now().await;
                match change(&directory, id, before.version, merged).await {
                    ChangeOutcome::Changed(_) => break,
                    ChangeOutcome::VersionConflict => {}
                    ChangeOutcome::NotFound => panic!("it is there"),
                }
            }
        }
    }))
    .await;
    let after = find(&directory, id).await.expect("it is there");
    let members: Value = serde_json::from_str(after.metadata.as_json()).expect("JSON");
    assert_eq!(members.as_object().expect("an object").len(), 50);
    assert_eq!(after.version, 51);
}

/// Many at once, of accounts that are there in the expected version, in another, and not: each is
/// told of its own, and none gets what was another's.
pub async fn each_change_reaches_its_account(directory: Arc<dyn UserDirectory>) {
    let mut given = Vec::new();
    for n in 0..60 {
        let one = account(&format!("user{n}@x"), start());
        if n % 3 < 2 {
            added(&directory, one.clone()).await;
        }
        given.push(one);
    }
    let outcomes = parallel::all((0..).zip(&given).map(|(n, account)| {
        let (directory, id) = (Arc::clone(&directory), account.id);
        let version = if n % 3 == 0 { 1 } else { 7 };
        let parts = AccountChange {
            metadata: metadata(&json!({"n": n})).metadata,
            ..password(&format!("{n}"), minute(n))
        };
        async move { change(&directory, id, version, parts).await }
    }))
    .await;
    for ((n, before), outcome) in (0..).zip(given).zip(outcomes) {
        let (expected, there) = match n % 3 {
            0 => {
                let after = Account {
                    password_hash: PasswordHash::new(&format!("{n}")),
                    password_set_at: minute(n),
                    metadata: metadata(&json!({"n": n})).metadata.expect("some"),
                    version: 2,
                    ..before.clone()
                };
                let outcome = ChangeOutcome::Changed(Arc::new(after.clone()));
                (outcome, Some(after))
            }
            1 => (ChangeOutcome::VersionConflict, Some(before.clone())),
            _ => (ChangeOutcome::NotFound, None),
        };
        assert_eq!(outcome, expected);
        assert_eq!(find(&directory, before.id).await, there);
        assert_eq!(find_by(&directory, &before.email).await, there);
    }
}

/// Changed and removed at once: changed first or not at all, and gone in the end.
pub async fn what_is_removed_is_not_changed_back(directory: Arc<dyn UserDirectory>) {
    let mut given = Vec::new();
    for n in 0..30 {
        given.push(added(&directory, account(&format!("user{n}@x"), start())).await);
    }
    parallel::all(
        (0..3)
            .flat_map(|part| given.iter().map(move |account| (part, account)))
            .map(|(part, account)| {
                let (directory, id) = (Arc::clone(&directory), account.id);
                async move {
                    if part == 1 {
                        assert!(remove(&directory, id).await);
                    } else {
                        // On the version that the account has, or that the other change leaves.
                        let outcome = change(&directory, id, 1 + part / 2, disabled(true)).await;
                        if let ChangeOutcome::Changed(after) = outcome {
                            assert_eq!(after.version, 2 + part / 2);
                        }
                    }
                }
            }),
    )
    .await;
    assert_eq!(listed(&directory, 100).await, []);
    for gone in given {
        assert_eq!(find(&directory, gone.id).await, None);
        let outcome = change(&directory, gone.id, 1, disabled(true)).await;
        assert_eq!(outcome, ChangeOutcome::NotFound);
        added(&directory, account(gone.email.as_str(), minute(1))).await;
    }
}

/// What was answered is seen by every look that comes after, on every thread and in every way.
pub async fn what_was_answered_is_seen(directory: Arc<dyn UserDirectory>) {
    parallel::all((0..100).map(|n| {
        let directory = Arc::clone(&directory);
        async move {
            let given = account(&format!("user{n}@x"), start());
            let (id, email) = (given.id, given.email.clone());
            let seen = async |expected: Option<&Account>| {
                let looks = parallel::all((0..4).map(|way| {
                    let (directory, email) = (Arc::clone(&directory), email.clone());
                    async move {
                        match way % 2 {
                            0 => find(&directory, id).await,
                            _ => find_by(&directory, &email).await,
                        }
                    }
                }))
                .await;
                assert!(looks.iter().all(|look| look.as_ref() == expected), "{n}");
            };
            seen(None).await;
            let Addition::Added(before) = add(&directory, given).await else {
                panic!("nobody has the address")
            };
            seen(Some(&before)).await;
            let outcome = change(&directory, id, 1, password("another", minute(n))).await;
            let ChangeOutcome::Changed(after) = outcome else {
                panic!("nobody else wrote")
            };
            assert_ne!(after, before);
            seen(Some(&after)).await;
            assert!(listed(&directory, 1000).await.contains(&after));
            assert!(remove(&directory, id).await);
            seen(None).await;
        }
    }))
    .await;
}
