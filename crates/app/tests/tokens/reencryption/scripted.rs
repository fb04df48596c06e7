//! Grants that change between being read and being sealed anew.

use std::sync::Arc;

use app::{Reencrypted, reencrypt_some};
use session_core::ports::{GrantStore, MockGrantStore, StoreError, StoreErrorKind};
use session_core::{Grant, Page, PageRequest};

use super::sample::{grant, id, now, tokens, vault};

/// A store that lists a grant, whose first so many seals come too late, and where it looks then as
/// `changed` makes it.
fn too_late(
    times: u64,
    changed: impl Fn(u64) -> Option<Grant> + Send + 'static,
) -> Arc<dyn GrantStore> {
    let mut store = MockGrantStore::new();
    store.expect_sealed_otherwise().returning(|key, _| {
        assert_eq!(*key, id(2));
        let items = vec![Arc::new(grant(0, &vault(&[1])))];
        Ok(Page { items, next: None })
    });
    store.expect_reseal().returning(move |_, version, tokens| {
        assert_eq!(tokens.key, id(2));
        Ok(version > times)
    });
    let mut looks = 0;
    store.expect_find_grant().returning(move |_| {
        looks += 1;
        Ok(changed(looks + 1).map(Arc::new))
    });
    Arc::new(store)
}

async fn reencrypt(store: &Arc<dyn GrantStore>) -> Reencrypted {
    let page = PageRequest::default();
    let done = reencrypt_some(store, &vault(&[1, 2]), now(), page).await;
    done.unwrap()
}

fn at(version: u64, key: u8) -> Grant {
    Grant {
        version,
        ..grant(0, &vault(&[key]))
    }
}

#[tokio::test]
async fn one_that_was_changed_is_read_again() {
    let store = too_late(2, |version| Some(at(version, 1)));
    assert_eq!(reencrypt(&store).await.resealed, 1);
}

#[tokio::test]
async fn one_that_is_changed_all_the_time_is_for_another_round() {
    let store = too_late(u64::MAX, |version| Some(at(version, 1)));
    let done = reencrypt(&store).await;
    assert_eq!((done.resealed, done.busy), (0, 1));
}

#[tokio::test]
async fn one_that_somebody_else_sealed_or_forgot_is_nothing_to_do() {
    for changed in [Some(at(2, 2)), None] {
        let store = too_late(9, move |_| changed.clone());
        assert_eq!(reencrypt(&store).await, Reencrypted::default());
    }
}

#[tokio::test]
async fn what_is_sealed_is_what_was_read_last() {
    let mut store = MockGrantStore::new();
    store.expect_sealed_otherwise().returning(|_, _| {
        let items = vec![Arc::new(grant(0, &vault(&[1])))];
        Ok(Page { items, next: None })
    });
    // Renewed meanwhile, by a server that has not heard of the present key.
    let renewed = || {
        let vault = vault(&[1]);
        let owner = grant(0, &vault);
        let tokens = vault.seal(app::TokenOwner::of(&owner), &tokens(0, 1));
        Grant {
            version: 3,
            tokens: tokens.unwrap(),
            ..owner
        }
    };
    store
        .expect_find_grant()
        .returning(move |_| Ok(Some(Arc::new(renewed()))));
    store.expect_reseal().returning(|_, version, sealed| {
        if version == 1 {
            return Ok(false);
        }
        let opened = vault(&[2]).open_all(&Grant {
            tokens: sealed,
            ..grant(0, &vault(&[1]))
        });
        assert_eq!((version, opened), (3, Ok(tokens(0, 1))));
        Ok(true)
    });
    let store: Arc<dyn GrantStore> = Arc::new(store);
    assert_eq!(reencrypt(&store).await.resealed, 1);
}

#[tokio::test]
async fn a_store_that_is_away_is_an_error() {
    let mut store = MockGrantStore::new();
    store.expect_sealed_otherwise().returning(|_, _| {
        let items = vec![Arc::new(grant(0, &vault(&[1])))];
        Ok(Page { items, next: None })
    });
    store.expect_reseal().returning(|_, _, _| {
        Err(StoreError::new(
            StoreErrorKind::Unavailable,
            "reseal",
            "away",
        ))
    });
    let store: Arc<dyn GrantStore> = Arc::new(store);
    let done = reencrypt_some(&store, &vault(&[1, 2]), now(), PageRequest::default()).await;
    assert!(done.is_err());
}
