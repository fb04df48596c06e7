//! Revocations that cannot be read.

use session_core::ports::{RevocationList as _, StoreErrorKind};
use session_core::{PageRequest, Revocation};
use store_contract::samples::{minute, revocation, start};

use crate::place::Place;
use crate::revocations::{find, of, revoke};

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told() {
    let place = Place::new().await;
    let given = Revocation {
        cascaded_from: Some(revocation("", start()).id),
        ..of("ada", "a", start())
    };
    let token = given.token_hash;
    revoke(&place.store, std::slice::from_ref(&given)).await;
    let key = place.key("rv:", token.as_bytes());
    let whole: Vec<u8> = place.ask("GET", &key, &[]).await;
    let mut odd: Vec<Vec<u8>> = (0..whole.len())
        .map(|length| whole[..length].to_vec())
        .collect();
    for form in [0, 2, 255] {
        let mut other = whole.clone();
        other[0] = form;
        odd.push(other);
    }
    for value in odd {
        let () = place.ask("SET", &key, &[&value]).await;
        let page = PageRequest::default();
        let errors = [
            find(&place.store, token, start()).await.err(),
            place.store.history(None, None, page).await.err(),
            place
                .store
                .history(given.user_id.clone(), None, page)
                .await
                .err(),
            place
                .store
                .history(None, given.session_id, page)
                .await
                .err(),
        ];
        for error in errors {
            let error = error.expect("it cannot be read");
            assert_eq!(
                error.kind(),
                StoreErrorKind::Corrupt,
                "{value:?}: {error:?}"
            );
        }
        let after: Vec<u8> = place.ask("GET", &key, &[]).await;
        assert_eq!(after, value, "it is left as it is");
    }
    let newer = [&[2], &whole[1..]].concat();
    let () = place.ask("SET", &key, &[&newer]).await;
    let error = find(&place.store, token, start()).await.expect_err("newer");
    let source = std::error::Error::source(&error).expect("a cause");
    assert!(source.to_string().contains("newer version"), "{source}");
    // Any byte that is another: told, or taken for what it says, and never a panic.
    for place_in in 0..whole.len() {
        for bit in [1, 0x80] {
            let mut value = whole.clone();
            value[place_in] ^= bit;
            let () = place.ask("SET", &key, &[&value]).await;
            if let Err(error) = find(&place.store, token, start()).await {
                assert_eq!(error.kind(), StoreErrorKind::Corrupt);
            }
        }
    }
}

/// All of a call or none of it, when one of them is of a token whose record cannot be read.
#[tokio::test]
async fn with_a_damaged_record_none_is_noted() {
    let place = Place::new().await;
    let [first, damaged, last] = ["first", "damaged", "last"].map(|name| of("ada", name, start()));
    revoke(&place.store, std::slice::from_ref(&damaged)).await;
    let key = place.key("rv:", damaged.token_hash.as_bytes());
    let before = place.keys().await;
    let whole: Vec<u8> = place.ask("GET", &key, &[]).await;
    let newer = [&[2], &whole[1..]].concat();
    for value in [&newer[..], &[2], &[1, 0], b""] {
        let () = place.ask("SET", &key, &[value]).await;
        let calls = [
            place
                .store
                .revoke(&[first.clone(), damaged.clone(), last.clone()])
                .await
                .err(),
            place.store.forget_revocations(minute(60), 10).await.err(),
        ];
        for error in calls {
            assert_eq!(
                error.expect("damage").kind(),
                StoreErrorKind::Corrupt,
                "{value:?}"
            );
        }
        assert_eq!(place.keys().await, before);
        for token in [first.token_hash, last.token_hash] {
            let found = find(&place.store, token, start()).await;
            assert_eq!(found.expect("redis answers"), None);
        }
    }
    let () = place.ask("DEL", &key, &[]).await;
    let () = place.ask("SADD", &key, &[b"odd"]).await;
    let errors = [
        find(&place.store, damaged.token_hash, start()).await.err(),
        place.store.revoke(&[first, damaged, last]).await.err(),
    ];
    for error in errors {
        assert_eq!(error.expect("a set").kind(), StoreErrorKind::Corrupt);
    }
    assert_eq!(place.keys().await, before);
}
