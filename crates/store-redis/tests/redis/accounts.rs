//! Accounts as they are written down.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{
    AccountChange, Addition, ChangeOutcome, StoreErrorKind, UserDirectory as _,
};
use session_core::{Account, AccountId, Email, Metadata, PageRequest, PasswordHash};

use crate::raw::Raw;

fn at(minutes: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp_millis(1_750_000_000_000).expect("a time");
    start + TimeDelta::minutes(minutes)
}

fn email(text: &str) -> Email {
    text.parse().expect("an address")
}

fn account(n: u64, address: &str) -> Account {
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&n.to_be_bytes());
    Account {
        id: AccountId::at(at(0), tail),
        email: email(address),
        password_hash: PasswordHash::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"),
        metadata: Metadata::default(),
        is_disabled: false,
        version: 1,
        created_at: at(0),
        password_set_at: at(1),
    }
}

fn key_of(account: &Account) -> Vec<u8> {
    [b"account:", &account.id.as_bytes()[..]].concat()
}

const DISABLED: AccountChange = AccountChange {
    password: None,
    rehashed: None,
    metadata: None,
    is_disabled: Some(true),
};

/// Whatever is damaged is told, by every way to the account, and nothing is made up in its place.
#[tokio::test]
async fn a_damaged_account_is_told() {
    let fields = [
        ("form", "2"),
        ("form", ""),
        ("email", "Ada@x"),
        ("email", "eve@x"),
        ("email", "nothing"),
        ("metadata", "[]"),
        ("metadata", ""),
        ("disabled", "2"),
        ("version", "-1"),
        ("version", "1.0"),
        ("created", "soon"),
        ("created", "9223372036854775807"),
        ("set", ""),
    ];
    let missing = [
        "form", "email", "password", "metadata", "disabled", "version", "created", "set",
    ];
    let damages = fields
        .map(|(field, value)| (field, Some(value)))
        .into_iter();
    for (field, value) in damages.chain(missing.map(|field| (field, None))) {
        let raw = Raw::new().await;
        let store = raw.store().await;
        let given = account(1, "ada@x");
        store.add_account(given.clone()).await.expect("it is added");
        let _: i64 = match value {
            Some(value) => {
                let mut set = raw.about("HSET", &key_of(&given));
                raw.ask(set.arg(field).arg(value)).await
            }
            None => raw.ask(raw.about("HDEL", &key_of(&given)).arg(field)).await,
        };
        let by_address = store.find_account_by_email(&given.email).await;
        let error = by_address.expect_err(field);
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{field} {value:?}");
        // One that has another's address is whole by itself.
        if (field, value) != ("email", Some("eve@x")) {
            let error = store.find_account(given.id).await.expect_err(field);
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{field} {value:?}");
            let page = store.list_accounts(PageRequest::default()).await;
            let error = page.expect_err(field);
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{field} {value:?}");
        }
    }
}

/// A field that is no text at all.
#[tokio::test]
async fn bytes_that_are_no_text_are_told() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let given = account(1, "ada@x");
    store.add_account(given.clone()).await.expect("it is added");
    let mut set = raw.about("HSET", &key_of(&given));
    let _: i64 = raw.ask(set.arg("password").arg(b"\xff\xfe")).await;
    let error = store.find_account(given.id).await.expect_err("no text");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
}

/// What a newer version wrote is neither changed nor removed: it may mean anything.
#[tokio::test]
async fn an_account_of_an_unknown_form_is_left_alone() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let given = account(1, "ada@x");
    store.add_account(given.clone()).await.expect("it is added");
    let mut set = raw.about("HSET", &key_of(&given));
    let _: i64 = raw.ask(set.arg("form").arg("2")).await;
    let before: Vec<(String, String)> = raw.ask(&raw.about("HGETALL", &key_of(&given))).await;
    let changed = store.change_account(given.id, 1, DISABLED).await;
    assert_eq!(
        changed.expect_err("unknown").kind(),
        StoreErrorKind::Corrupt
    );
    let removed = store.remove_account(given.id).await;
    assert_eq!(
        removed.expect_err("unknown").kind(),
        StoreErrorKind::Corrupt
    );
    let after: Vec<(String, String)> = raw.ask(&raw.about("HGETALL", &key_of(&given))).await;
    assert_eq!(after, before);
    assert_eq!(raw.names().await.len(), 3);
}

/// An address, or a place in the list, whose account is gone.
#[tokio::test]
async fn what_leads_nowhere_is_told() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let given = account(1, "ada@x");
    store.add_account(given.clone()).await.expect("it is added");
    let _: i64 = raw.ask(&raw.about("DEL", &key_of(&given))).await;
    let found = store.find_account_by_email(&given.email).await;
    assert_eq!(found.expect_err("gone").kind(), StoreErrorKind::Corrupt);
    let page = store.list_accounts(PageRequest::default()).await;
    assert_eq!(page.expect_err("gone").kind(), StoreErrorKind::Corrupt);
    let _: () = raw
        .ask(raw.about("SET", b"address:ada@x").arg("short"))
        .await;
    let found = store.find_account_by_email(&given.email).await;
    assert_eq!(found.expect_err("no id").kind(), StoreErrorKind::Corrupt);
}

/// Whoever is removed takes along what leads to them, and nothing that leads to others.
#[tokio::test]
async fn removing_leaves_nothing_behind_and_others_alone() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let (ada, eve) = (account(1, "ada@x"), account(2, "eve@x"));
    for given in [&ada, &eve] {
        store.add_account(given.clone()).await.expect("it is added");
    }
    // The address went to another behind our back.
    let mut set = raw.about("SET", b"address:ada@x");
    let _: () = raw.ask(set.arg(eve.id.as_bytes())).await;
    assert!(store.remove_account(ada.id).await.expect("it is removed"));
    let mut expected = [
        b"accounts".to_vec(),
        key_of(&eve),
        b"address:ada@x".to_vec(),
        b"address:eve@x".to_vec(),
    ];
    expected.sort();
    assert_eq!(raw.names().await, expected);
    assert!(store.remove_account(eve.id).await.expect("it is removed"));
    assert_eq!(raw.names().await, [b"address:ada@x"]);
}

/// An account stays until it is removed: nothing of it has a time to live.
#[tokio::test]
async fn an_account_has_no_time_to_live() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let given = account(1, "ada@x");
    store.add_account(given.clone()).await.expect("it is added");
    let changed = store.change_account(given.id, 1, DISABLED).await;
    changed.expect("it is changed");
    let keys = raw.names().await;
    assert_eq!(keys.len(), 3);
    for key in keys {
        let left: i64 = raw.ask(&raw.about("PTTL", &key)).await;
        assert_eq!(left, -1, "{}", String::from_utf8_lossy(&key));
    }
}

/// To the last unit that there is, past what scripts can count.
#[tokio::test]
async fn versions_are_exact() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    for (n, version) in [(1 << 53) + 1, i64::MAX as u64, u64::MAX - 1]
        .into_iter()
        .enumerate()
    {
        let given = Account {
            version,
            ..account(n as u64, &format!("user{n}@x"))
        };
        store.add_account(given.clone()).await.expect("it is added");
        for wrong in [version - 1, version + 1] {
            let outcome = store.change_account(given.id, wrong, DISABLED).await;
            let outcome = outcome.expect("it answers");
            assert_eq!(outcome, ChangeOutcome::VersionConflict);
        }
        let outcome = store.change_account(given.id, version, DISABLED).await;
        let expected = Account {
            version: version + 1,
            is_disabled: true,
            ..given
        };
        assert_eq!(
            outcome.expect("it answers"),
            ChangeOutcome::Changed(Arc::new(expected))
        );
    }
}

/// One request each, and a long page one for each 128 accounts.
#[tokio::test]
async fn each_step_is_one_request() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    // Scripts are brought along once.
    for round in 0..2 {
        let given = account(round, "ada@x");
        let add = async {
            let added = store.add_account(given.clone()).await;
            assert!(matches!(added, Ok(Addition::Added(_))));
        };
        let added = raw.requests(add).await;
        let find = async {
            let found = store.find_account(given.id).await;
            assert!(found.expect("it answers").is_some());
        };
        let found = raw.requests(find).await;
        let find_by_email = async {
            let found = store.find_account_by_email(&given.email).await;
            assert!(found.expect("it answers").is_some());
        };
        let found_by_email = raw.requests(find_by_email).await;
        let change = async {
            let changed = store.change_account(given.id, 1, DISABLED).await;
            assert!(matches!(changed, Ok(ChangeOutcome::Changed(_))));
        };
        let changed = raw.requests(change).await;
        let list = async {
            let page = store.list_accounts(PageRequest::default()).await;
            assert_eq!(page.expect("it answers").items.len(), 1);
        };
        let listed = raw.requests(list).await;
        let remove = async {
            assert!(store.remove_account(given.id).await.expect("it answers"));
        };
        let removed = raw.requests(remove).await;
        if round == 1 {
            let all = [added, found, found_by_email, changed, listed, removed];
            assert_eq!(all, [1; 6]);
        }
    }
    let mut all: Vec<_> = (0..300).map(|n| account(n, &format!("u{n}@x"))).collect();
    for given in &all {
        store.add_account(given.clone()).await.expect("it is added");
    }
    all.reverse();
    for (limit, expected) in [(100, 1), (127, 1), (128, 2), (256, 3), (300, 3), (1000, 3)] {
        let list = async {
            let request = PageRequest::new(Some(limit), None).expect("a page request");
            let page = store.list_accounts(request).await.expect("it answers");
            let listed = page.items.iter().map(|account| &**account);
            assert!(listed.eq(&all[..limit.min(300)]), "{limit}");
            assert_eq!(page.next.is_some(), limit < 300, "{limit}");
        };
        assert_eq!(raw.requests(list).await, expected, "{limit}");
    }
}

/// Two nodes: one of them gets an address, and one of them a version.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_take_each_address_and_each_version_once() {
    let raw = Raw::new().await;
    let nodes = [raw.store().await, raw.store().await];
    for round in 0..50 {
        let address = format!("user{round}@x");
        let adds = nodes.iter().zip([0, 1]).map(|(node, n)| {
            let (node, given) = (Arc::clone(node), account(round * 2 + n, &address));
            tokio::spawn(async move { node.add_account(given).await.expect("it answers") })
        });
        let mut added = Vec::new();
        for add in adds.collect::<Vec<_>>() {
            if let Addition::Added(account) = add.await.expect("it ends") {
                added.push(account);
            }
        }
        assert_eq!(added.len(), 1);
        let id = added[0].id;
        let changes = nodes.iter().map(|node| {
            let node = Arc::clone(node);
            tokio::spawn(async move { node.change_account(id, 1, DISABLED).await })
        });
        let mut changed = 0;
        for change in changes.collect::<Vec<_>>() {
            let outcome = change.await.expect("it ends").expect("it answers");
            changed += i32::from(matches!(outcome, ChangeOutcome::Changed(_)));
        }
        assert_eq!(changed, 1);
    }
}
