//! Requirement 6: what is stored is encrypted with the present key while it is in use, and nothing is
//! lost, whatever cannot be opened.

mod in_use;
mod sample;
mod scripted;

use std::sync::Arc;

use app::{Reencrypted, TokenVault, reencrypt_some};
use chrono::TimeDelta;
use session_core::ports::{GrantStore, RefreshBegin, RefreshBegun, RefreshEnd};
use session_core::{Grant, PageRequest, RefreshOutcome, RefreshRecord};
use store_memory::MemoryStore;

use sample::{counted, grant, id, intent, now, session, tokens, vault};

/// A store with that many grants.
async fn store_of(count: u32, vault: &TokenVault) -> Arc<dyn GrantStore> {
    let store: Arc<dyn GrantStore> = Arc::new(MemoryStore::new());
    for number in 0..count {
        let added = store.add_grant(grant(number, vault)).await;
        added.unwrap();
    }
    store
}

async fn page_of(
    store: &Arc<dyn GrantStore>,
    vault: &TokenVault,
    page: PageRequest,
) -> Reencrypted {
    let done = reencrypt_some(store, vault, now(), page).await;
    done.unwrap()
}

async fn reencrypt(store: &Arc<dyn GrantStore>, vault: &TokenVault) -> Reencrypted {
    page_of(store, vault, PageRequest::default()).await
}

async fn found(store: &Arc<dyn GrantStore>, number: u32) -> Arc<Grant> {
    let found = store.find_grant(session(number)).await;
    found.unwrap().unwrap()
}

/// Begins to renew a grant; it as it is then.
async fn begin(store: &Arc<dyn GrantStore>, number: u32) -> Arc<Grant> {
    let seen = found(store, number).await;
    let begin = RefreshBegin {
        expected_version: seen.version,
        until: now() + TimeDelta::seconds(10),
        record: intent(&seen, u64::from(number)),
    };
    match store.begin_refresh(begin).await.unwrap() {
        RefreshBegun::Begun(grant) => grant,
        other => unreachable!("{other:?}"),
    }
}

/// Ends a renewal that failed: with the grant as it was at its begin.
async fn fail(store: &Arc<dyn GrantStore>, begun: &Grant) {
    let end = RefreshEnd {
        grant: Grant {
            lease: None,
            ..begun.clone()
        },
        record: RefreshRecord {
            finished_at: Some(now()),
            outcome: RefreshOutcome::Unavailable,
            ..intent(begun, u64::from_be_bytes([0; 8]))
        },
    };
    store.finish_refresh(end).await.unwrap();
}

#[tokio::test]
async fn everything_is_sealed_with_the_present_key_and_opens_without_the_others() {
    let store = store_of(7, &vault(&[1])).await;
    let more = store.add_grant(grant(7, &vault(&[2]))).await;
    more.unwrap();
    let before = found(&store, 3).await;
    let done = reencrypt(&store, &vault(&[1, 2, 3])).await;
    assert_eq!(
        done,
        Reencrypted {
            resealed: 8,
            ..Reencrypted::default()
        }
    );
    assert_eq!(counted(&store).await, [(id(3), 8)]);
    for number in 0..8 {
        let opened = vault(&[3]).open_all(&*found(&store, number).await);
        assert_eq!(opened, Ok(tokens(number, 0)));
    }
    // Nothing else of a grant was touched.
    let after = found(&store, 3).await;
    let restored = Grant {
        tokens: before.tokens.clone(),
        ..Grant::clone(&after)
    };
    assert_eq!(restored, *before);
    // And there is nothing left to do.
    assert_eq!(
        reencrypt(&store, &vault(&[1, 2, 3])).await,
        Reencrypted::default()
    );
    assert_eq!(*found(&store, 3).await, *after);
}

#[tokio::test]
async fn it_goes_page_by_page() {
    let store = store_of(10, &vault(&[1])).await;
    let vault = vault(&[1, 2]);
    let mut page = PageRequest::new(Some(4), None).unwrap();
    let mut resealed = Vec::new();
    loop {
        let done = page_of(&store, &vault, page).await;
        resealed.push(done.resealed);
        match done.next {
            Some(next) => page = page.following(next),
            None => break,
        }
    }
    assert_eq!(resealed, [4, 4, 2]);
    assert_eq!(counted(&store).await, [(id(2), 10)]);
}

#[tokio::test]
async fn what_cannot_be_opened_is_left_as_it_is_and_counted_with_its_key() {
    let store = store_of(3, &vault(&[1])).await;
    for number in 3..5 {
        let added = store.add_grant(grant(number, &vault(&[2]))).await;
        added.unwrap();
    }
    // Of one, the ID token alone was altered: none of its tokens is touched.
    let mut altered = grant(6, &vault(&[2]));
    let bytes = altered.tokens.id.as_mut().unwrap();
    bytes[30] ^= 1;
    store.add_grant(altered.clone()).await.unwrap();
    let missing = found(&store, 1).await;

    let done = reencrypt(&store, &vault(&[2, 3])).await;
    assert_eq!((done.resealed, done.busy, done.next), (2, 0, None));
    assert_eq!(done.unreadable, [(id(1), 3), (id(2), 1)].into());
    assert_eq!(*found(&store, 1).await, *missing);
    assert_eq!(*found(&store, 6).await, altered);
    let mut left = vec![(id(1), 3), (id(2), 1), (id(3), 2)];
    left.sort_unstable();
    assert_eq!(counted(&store).await, left);

    // The key is back.
    let done = reencrypt(&store, &vault(&[1, 2, 3])).await;
    assert_eq!(done.resealed, 3);
    let opened = vault(&[3]).open_all(&*found(&store, 1).await);
    assert_eq!(opened, Ok(tokens(1, 0)));
}

#[tokio::test]
async fn what_is_being_renewed_is_left_to_whoever_renews_it() {
    let store = store_of(2, &vault(&[1])).await;
    let vault = vault(&[1, 2]);
    let begun = begin(&store, 0).await;
    let done = reencrypt(&store, &vault).await;
    assert_eq!((done.resealed, done.busy), (1, 1));
    assert_eq!(*found(&store, 0).await, *begun);
    // It puts back what it began with, and is not done yet: so its key is still counted.
    fail(&store, &begun).await;
    let mut left = vec![(id(1), 1), (id(2), 1)];
    left.sort_unstable();
    assert_eq!(counted(&store).await, left);
    let done = reencrypt(&store, &vault).await;
    assert_eq!((done.resealed, done.busy), (1, 0));
    assert_eq!(counted(&store).await, [(id(2), 2)]);
}

#[tokio::test]
async fn a_renewal_that_fails_after_all_puts_nothing_back_that_was_sealed_before() {
    let store = store_of(1, &vault(&[1])).await;
    let vault = vault(&[1, 2]);
    assert_eq!(reencrypt(&store, &vault).await.resealed, 1);
    let begun = begin(&store, 0).await;
    fail(&store, &begun).await;
    assert_eq!(counted(&store).await, [(id(2), 1)]);
}

/// Whoever let its lease run out may only have been held up: by a store that did not take its tokens.
#[tokio::test]
async fn a_lease_that_ran_out_is_respected_for_a_quarter_of_an_hour() {
    let store = store_of(1, &vault(&[1])).await;
    let vault = vault(&[1, 2]);
    begin(&store, 0).await;
    let end = now() + TimeDelta::seconds(10) + TimeDelta::minutes(15);
    for (at, expected) in [(end - TimeDelta::milliseconds(1), (0, 1)), (end, (1, 0))] {
        let done = reencrypt_some(&store, &vault, at, PageRequest::default()).await;
        let done = done.unwrap();
        assert_eq!((done.resealed, done.busy), expected);
    }
    assert_eq!(counted(&store).await, [(id(2), 1)]);
}
