//! Adding accounts, finding, listing and removing them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use serde_json::json;
use session_core::ports::{AccountChange, Addition, ChangeOutcome, StoreErrorKind, UserDirectory};
use session_core::{Account, AccountId, Cursor, Email, Metadata, Page, PageRequest, PasswordHash};

use crate::parallel;
use crate::samples::{account, email, minute, start};

/// Adds an account whose address nobody has; the record.
pub(crate) async fn added(directory: &Arc<dyn UserDirectory>, account: Account) -> Arc<Account> {
    match add(directory, account).await {
        Addition::Added(account) => account,
        Addition::EmailTaken => panic!("nobody has the address"),
    }
}

pub(crate) async fn add(directory: &Arc<dyn UserDirectory>, account: Account) -> Addition {
    let addition = directory.add_account(account).await;
    addition.expect("the directory takes accounts")
}

pub(crate) async fn find(directory: &Arc<dyn UserDirectory>, id: AccountId) -> Option<Account> {
    let found = directory.find_account(id).await;
    let found = found.expect("the directory answers");
    found.map(|found| Account::clone(&found))
}

pub(crate) async fn find_by(directory: &Arc<dyn UserDirectory>, email: &Email) -> Option<Account> {
    let found = directory.find_account_by_email(email).await;
    let found = found.expect("the directory answers");
    found.map(|found| Account::clone(&found))
}

pub(crate) async fn remove(directory: &Arc<dyn UserDirectory>, id: AccountId) -> bool {
    let removed = directory.remove_account(id).await;
    removed.expect("the directory removes accounts")
}

/// All accounts, page after page; each page but the last is full, and the last says that it is.
pub(crate) async fn listed(directory: &Arc<dyn UserDirectory>, limit: usize) -> Vec<Account> {
    let mut request = PageRequest::new(Some(limit), None).expect("a page request");
    let mut listed = Vec::new();
    loop {
        let page = directory.list_accounts(request).await;
        let Page { items, next } = page.expect("the directory answers");
        assert!(items.len() <= limit);
        listed.extend(items.iter().map(|item| Account::clone(item)));
        let Some(next) = next else { return listed };
        assert_eq!(
            (items.len(), Some(next.0)),
            (limit, items.last().map(|last| last.id))
        );
        request = request.following(next);
        assert!(listed.len() < 10_000, "there is an end to it");
    }
}

/// Every field comes back as it was given, by id, by address and in the list.
pub async fn what_was_added_is_found_whole(directory: Arc<dyn UserDirectory>) {
    let longest = format!("{}@{}", "é".repeat(64), "x".repeat(125));
    assert_eq!(longest.len(), Email::MAX_BYTES);
    let addresses = [
        "ada@example.org",
        "é\u{1F600}';--@xn--exmple-cua.xn--r8jz45g",
        "%_\\*@null",
        "a@b",
        &longest,
    ];
    let metadata = [
        json!({}),
        json!({"role": "admin", "permissions": ["a", "é"]}),
        json!({"x": "\"q\" 'a'\r\n\u{0}\u{1b}[31m é\u{1F600}", "f": 0.1, "n": null, "o": {"a": [1]}}),
        json!({"b": false}),
        json!({"x": "x".repeat(4000)}),
    ];
    // The last time that an id has room for.
    let last = DateTime::from_timestamp_millis((1 << 48) - 1).expect("a time");
    let times = [start(), minute(1), minute(40), minute(41), last];
    let mut given = Vec::new();
    for ((n, address), (metadata, created_at)) in
        (0..).zip(addresses).zip(metadata.into_iter().zip(times))
    {
        let members = metadata.as_object().expect("an object");
        given.push(Account {
            metadata: Metadata::new(members).expect("metadata"),
            password_hash: PasswordHash::new(&"$argon2id$é'\u{0}".repeat(n)),
            is_disabled: n % 2 == 1,
            version: [1, 2, 1 << 20, 1 << 32, (1 << 53) - 1][n],
            password_set_at: created_at - TimeDelta::milliseconds(n as i64),
            ..account(address, created_at)
        });
    }
    for given in &given {
        assert_eq!(*added(&directory, given.clone()).await, *given);
    }
    for given in &given {
        assert_eq!(find(&directory, given.id).await.as_ref(), Some(given));
        assert_eq!(
            find_by(&directory, &given.email).await.as_ref(),
            Some(given)
        );
    }
    given.reverse();
    assert_eq!(listed(&directory, 100).await, given);
}

/// Nobody is found, changed, removed or listed where nobody is.
pub async fn who_is_unknown_is_not_there(directory: Arc<dyn UserDirectory>) {
    let unknown = account("ada@example.org", start());
    for is_empty in [true, false] {
        assert_eq!(find(&directory, unknown.id).await, None);
        assert_eq!(find_by(&directory, &unknown.email).await, None);
        let change = AccountChange::default();
        let outcome = directory.change_account(unknown.id, 1, change).await;
        let outcome = outcome.expect("the directory answers");
        assert_eq!(outcome, ChangeOutcome::NotFound);
        assert!(!remove(&directory, unknown.id).await);
        assert_eq!(listed(&directory, 10).await.is_empty(), is_empty);
        if is_empty {
            added(&directory, account("eve@example.org", start())).await;
        }
    }
}

/// Two addresses are the same if every byte is, once they are written in one way.
pub async fn addresses_are_told_apart_to_the_byte(directory: Arc<dyn UserDirectory>) {
    let addresses = [
        "ada@x",
        "ad@x",
        "ada@xx",
        "a%@x",
        "a_a@x",
        "*@x",
        "ádá@x",
        "ada\u{301}@x",
        "ß@x",
        "ss@x",
        "1@2",
        "01@2",
        "null@x",
    ];
    for address in addresses {
        added(&directory, account(address, start())).await;
    }
    for address in addresses {
        let found = find_by(&directory, &email(address)).await;
        assert_eq!(found.map(|found| found.email), Some(email(address)));
    }
    // As it may be typed.
    for (typed, address) in [(" ADA@X", "ada@x"), ("A\u{301}DA\u{301}@x", "ádá@x")] {
        assert_eq!(email(typed), email(address));
        let again = add(&directory, account(typed, start())).await;
        assert_eq!(again, Addition::EmailTaken);
    }
    assert_eq!(listed(&directory, 100).await.len(), addresses.len());
}

/// Whoever comes second is told so and leaves nothing behind; once the first is gone, the address is
/// anyone's.
pub async fn an_address_is_taken_once(directory: Arc<dyn UserDirectory>) {
    let first = account("ada@example.org", start());
    let second = account("ada@example.org", minute(1));
    added(&directory, first.clone()).await;
    for _ in 0..2 {
        let taken = add(&directory, second.clone()).await;
        assert_eq!(taken, Addition::EmailTaken);
        assert_eq!(find(&directory, second.id).await, None);
        assert_eq!(
            find_by(&directory, &first.email).await.as_ref(),
            Some(&first)
        );
        assert_eq!(
            listed(&directory, 10).await,
            std::slice::from_ref(&first),
            "nothing was written"
        );
    }

    assert!(remove(&directory, first.id).await);
    assert_eq!(find_by(&directory, &first.email).await, None);
    added(&directory, second.clone()).await;
    assert_eq!(
        find_by(&directory, &first.email).await.as_ref(),
        Some(&second)
    );
    let taken = add(&directory, first.clone()).await;
    assert_eq!(taken, Addition::EmailTaken, "now it is the other's");
    assert!(!remove(&directory, first.id).await);
    assert_eq!(
        find_by(&directory, &first.email).await.as_ref(),
        Some(&second),
        "removing who is gone takes nobody's address"
    );
}

/// Of 50 at once one gets the address; those that ask for another beside them get theirs.
pub async fn of_parallel_additions_of_an_address_one_counts(directory: Arc<dyn UserDirectory>) {
    // The others begin: while a store is at work on them, those that contend gather.
    let addresses = (0..100).map(|n| match n % 2 {
        0 if n >= 20 => "ada@example.org".to_owned(),
        _ => format!("user{n}@example.org"),
    });
    let given: Vec<_> = addresses
        .map(|address| account(&address, start()))
        .collect();
    let additions = parallel::all(given.iter().cloned().map(|given| {
        let directory = Arc::clone(&directory);
        async move { add(&directory, given).await }
    }))
    .await;
    let contested = email("ada@example.org");
    let mut there = BTreeSet::new();
    for (given, addition) in given.iter().zip(additions) {
        match addition {
            Addition::Added(account) => {
                assert_eq!(*account, *given);
                there.insert(given.id);
                assert_eq!(
                    find_by(&directory, &given.email).await.as_ref(),
                    Some(given)
                );
            }
            Addition::EmailTaken => {
                assert_eq!(given.email, contested);
                assert_eq!(find(&directory, given.id).await, None);
            }
        }
    }
    assert_eq!(there.len(), 61);
    let listed = listed(&directory, 100).await;
    assert!(
        listed
            .iter()
            .map(|account| account.id)
            .eq(there.into_iter().rev())
    );
}

/// A second account of an id is a fault, whatever its address, and changes nothing; what is added
/// beside it is none the worse for it.
pub async fn an_id_is_taken_once(directory: Arc<dyn UserDirectory>) {
    let first = account("ada@example.org", start());
    added(&directory, first.clone()).await;
    for address in ["ada@example.org", "eve@example.org"] {
        let second = Account {
            is_disabled: true,
            email: email(address),
            ..first.clone()
        };
        let error = directory.add_account(second).await;
        let error = error.expect_err("the id is taken");
        assert_eq!(error.kind(), StoreErrorKind::Internal);
    }
    let shared = account("shared@x", start()).id;
    let outcomes = parallel::all((0..40).map(|n| {
        let directory = Arc::clone(&directory);
        let address = format!("user{n}@example.org");
        let given = account(&address, start());
        let id = if n % 2 == 0 { shared } else { given.id };
        async move { directory.add_account(Account { id, ..given }).await }
    }))
    .await;
    let mut there = Vec::new();
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let email = email(&format!("user{n}@example.org"));
        let found = find_by(&directory, &email).await;
        match outcome {
            Ok(Addition::Added(account)) => {
                assert_eq!(found.as_ref(), Some(&*account));
                there.push(account.id);
            }
            Ok(Addition::EmailTaken) => panic!("nobody has {email}"),
            Err(error) => {
                assert_eq!((n % 2, error.kind()), (0, StoreErrorKind::Internal));
                assert_eq!(found, None, "nothing was written");
                added(&directory, account(email.as_str(), minute(1))).await;
            }
        }
    }
    assert_eq!(there.len(), 21);
    assert_eq!(there.iter().filter(|id| **id == shared).count(), 1);
    let same = account("same@example.org", start());
    let outcomes = parallel::all((0..40).map(|n| {
        let directory = Arc::clone(&directory);
        let given = match n {
            // While a store is at work on these, those that contend gather.
            0..20 => account(&format!("before{n}@x"), start()),
            _ => same.clone(),
        };
        async move { directory.add_account(given).await }
    }))
    .await;
    let (added, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(
        (added.len(), refused.len()),
        (21, 19),
        "the address is its own"
    );
    for error in refused {
        let error = error.expect_err("the id is taken");
        assert_eq!(error.kind(), StoreErrorKind::Internal);
    }
    assert_eq!(find(&directory, first.id).await, Some(first));
    assert_eq!(find_by(&directory, &email("eve@example.org")).await, None);
}

/// Whoever was removed is found neither way, whatever else is going on; of 20 who remove one account,
/// one is told that it was there.
pub async fn a_removed_account_is_gone(directory: Arc<dyn UserDirectory>) {
    let mut given = Vec::new();
    for n in 0..20 {
        let address = format!("user{n}@example.org");
        given.push(added(&directory, account(&address, minute(n))).await);
    }
    let (kept, gone) = given.split_at(10);
    let removed = parallel::all((0..20).flat_map(|_| gone).map(|account| {
        let (directory, id) = (Arc::clone(&directory), account.id);
        async move {
            let removed = remove(&directory, id).await;
            (removed, find(&directory, id).await)
        }
    }))
    .await;
    assert_eq!(removed.iter().filter(|(removed, _)| *removed).count(), 10);
    assert!(removed.iter().all(|(_, found)| found.is_none()));
    for account in gone {
        assert_eq!(find_by(&directory, &account.email).await, None);
    }
    let listed = listed(&directory, 100).await;
    assert!(
        listed
            .iter()
            .eq(kept.iter().rev().map(|account| &**account))
    );
}

/// An address goes from hand to hand: whoever has it is the only one who does, until they let go of it.
pub async fn an_address_changes_hands(directory: Arc<dyn UserDirectory>) {
    let contested = email("ada@example.org");
    parallel::all((0..10).map(|n| {
        let (directory, contested) = (Arc::clone(&directory), contested.clone());
        async move {
            for round in 0..3 {
                let mine = account(contested.as_str(), minute(n * 3 + round));
                while add(&directory, mine.clone()).await == Addition::EmailTaken {
                    tokio::task::yield_now().await;
                }
                let found = find_by(&directory, &contested).await;
                assert_eq!(found.as_ref(), Some(&mine));
                assert!(remove(&directory, mine.id).await);
                let found = find_by(&directory, &contested).await;
                assert_ne!(found.as_ref(), Some(&mine));
            }
        }
    }))
    .await;
    assert_eq!(find_by(&directory, &contested).await, None);
    assert_eq!(listed(&directory, 10).await, []);
}

/// Newest first, whatever the order in which they were added and the size of the page.
pub async fn accounts_are_listed_newest_first(directory: Arc<dyn UserDirectory>) {
    let mut given: Vec<_> = (0..30)
        .map(|n| account(&format!("user{}@x", n * 7 % 30), minute(n)))
        .collect();
    for n in 0..30 {
        added(&directory, given[n * 11 % 30].clone()).await;
    }
    given.reverse();
    for limit in [1, 4, 29, 30, 31, 1000] {
        assert_eq!(listed(&directory, limit).await, given, "{limit}");
    }
}

/// What is there from the first page to the last is on exactly one of them, even if the one that a page
/// ended with goes before the next is asked for.
pub async fn pages_hold_each_once_while_others_come_and_go(directory: Arc<dyn UserDirectory>) {
    let (mut lasting, mut passing) = (BTreeSet::new(), BTreeSet::new());
    for n in 0..40 {
        let given = account(&format!("user{n}@x"), start() + TimeDelta::seconds(n));
        let given = added(&directory, given).await.id;
        let goes = n % 5 == 0 || n % 5 == 2;
        let _ = if goes { &mut passing } else { &mut lasting }.insert(given);
    }
    let mut seen: BTreeMap<AccountId, usize> = BTreeMap::new();
    let mut after: Option<Cursor<AccountId>> = None;
    let mut lost_cursors = 0;
    for n in 0.. {
        let request = PageRequest::new(Some(5), after).expect("a page request");
        let page = directory.list_accounts(request).await;
        let Page { items, next } = page.expect("the directory answers");
        for item in items {
            *seen.entry(item.id).or_default() += 1;
        }
        added(&directory, account(&format!("new{n}@x"), minute(n + 1))).await;
        if let Some(oldest) = passing.pop_first() {
            assert!(remove(&directory, oldest).await);
        }
        after = next;
        let Some(Cursor(last)) = after else { break };
        if passing.remove(&last) {
            assert!(remove(&directory, last).await);
            lost_cursors += 1;
        }
        assert!(n < 20, "there is an end to it");
    }
    assert!(lost_cursors > 0);
    for id in lasting {
        assert_eq!(seen.get(&id), Some(&1), "{id}");
    }
    assert!(seen.values().all(|times| *times == 1));
}
