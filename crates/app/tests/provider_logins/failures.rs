//! A provider, a store or a token that fails in the middle of a login.

use std::sync::Arc;

use app::{Policies, ProviderLoginError, SessionError, SessionPolicy, Stores, TokenError};
use chrono::TimeDelta;
use session_core::ports::{
    LimitPolicy, MockGrantStore, MockOneTimeMarks, SessionLimit, StoreError, StoreErrorKind,
};
use session_core::{AuditAction, EndReason, Ending, ProviderFailure, Standing};
use store_memory::MemoryStore;

use crate::harness::{Bed, answer, policies};
use crate::provider::id_token;

fn down() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "do it", "it was told to")
}

/// What the provider answers instead of tokens, what the caller is told, and what is recorded.
#[tokio::test]
async fn a_code_that_brings_no_tokens_lets_nobody_in() {
    let patience = Some(TimeDelta::seconds(7));
    let table = [
        (ProviderFailure::ReauthRequired, None, "code_refused"),
        (
            ProviderFailure::RequestRefused("status 400".into()),
            None,
            "exchange_refused",
        ),
        (
            ProviderFailure::ClientRefused("status 401, invalid_client".into()),
            Some(1),
            "client_refused",
        ),
        (
            ProviderFailure::Throttled {
                retry_after: patience,
            },
            Some(7),
            "provider_away",
        ),
        (
            ProviderFailure::Throttled { retry_after: None },
            Some(1),
            "provider_away",
        ),
        (
            ProviderFailure::Unavailable("refused".into()),
            Some(1),
            "provider_away",
        ),
        (
            ProviderFailure::Ambiguous("reset".into()),
            Some(1),
            "provider_away",
        ),
    ];
    for (failure, told, recorded) in table {
        let bed = Bed::new();
        bed.one.set(|state| state.exchange = Some(failure.clone()));
        let start = bed.start("one").await;
        let back = bed.one.visit(&start.url, "ada");
        let error = bed.finish(answer(&start, &back)).await.unwrap_err();
        match (&error, told) {
            (ProviderLoginError::Failed(why), None) => assert_eq!(*why, recorded),
            (ProviderLoginError::ProviderAway { retry_after, cause }, Some(told)) => {
                assert_eq!((*retry_after, cause), (told, &failure));
            }
            _ => panic!("{failure}: {error}"),
        }
        assert_eq!(bed.failure().await, recorded);
        assert_eq!(bed.live_sessions().await, 0);
        // The code is not sent twice, whatever became of it.
        assert_eq!(bed.why_not(answer(&start, &back)).await, "replayed");
        assert_eq!(bed.one.see(|state| state.exchanges), 1);
    }
}

/// A provider that does not know us is not asked again and again.
#[tokio::test]
async fn a_provider_that_refuses_this_client_is_left_alone() {
    let bed = Bed::new();
    let refused = ProviderFailure::ClientRefused("status 401, invalid_client".into());
    bed.one.set(|state| state.exchange = Some(refused));
    for _ in 0..3 {
        let start = bed.start("one").await;
        let back = bed.one.visit(&start.url, "ada");
        let error = bed.finish(answer(&start, &back)).await.unwrap_err();
        assert!(
            matches!(error, ProviderLoginError::ProviderAway { .. }),
            "{error}"
        );
    }
    assert_eq!(bed.one.see(|state| state.exchanges), 1);
    // The other one is not concerned.
    let start = bed.start("two").await;
    let back = bed.two.visit(&start.url, "ada");
    bed.finish(answer(&start, &back)).await.unwrap();
}

/// Some providers refuse a made-up code so, and anybody can send one: that must not keep everybody else
/// from the provider.
#[tokio::test]
async fn a_bare_401_is_blamed_on_the_code() {
    let bed = Bed::new();
    for _ in 0..3 {
        let refused = ProviderFailure::ClientRefused("status 401".into());
        bed.one.set(|state| state.exchange = Some(refused));
        let start = bed.start("one").await;
        let back = bed.one.visit(&start.url, "eve");
        let error = bed.finish(answer(&start, &back)).await.unwrap_err();
        assert!(matches!(error, ProviderLoginError::Failed(_)), "{error}");
    }
    assert_eq!(bed.one.see(|state| state.exchanges), 3);
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    bed.finish(answer(&start, &back)).await.unwrap();
}

/// Before the login is used up, an outage costs nothing: the same answer is taken afterwards.
#[tokio::test]
async fn an_outage_before_the_code_is_sent_leaves_the_login_as_it_was() {
    let bed = Bed::new();
    let start = bed.start("one").await;
    let mut back = bed.one.visit(&start.url, "ada");
    bed.one.set(|state| {
        state.is_silent = true;
        state.names_itself = Some(ProviderFailure::Unavailable("refused".into()));
    });
    back.iss = None;
    let error = bed.finish(answer(&start, &back)).await.unwrap_err();
    assert!(
        matches!(error, ProviderLoginError::ProviderAway { .. }),
        "{error}"
    );
    assert_eq!(bed.one.see(|state| state.exchanges), 0);
    bed.one.set(|state| state.names_itself = None);
    bed.finish(answer(&start, &back)).await.unwrap();
}

/// Requirements 35 and 36: what is not signed for this login is not believed, and its tokens are taken
/// back.
#[tokio::test]
async fn an_id_token_that_is_not_for_this_login_lets_nobody_in() {
    let bed = Bed::new();
    let other = bed.start("one").await;
    let nonce = &crate::provider::query(&other.url)["nonce"];
    let wrong = [
        (
            id_token(bed.one.issuer_name(), "ada", nonce),
            "id_token_refused",
        ),
        (
            id_token(bed.two.issuer_name(), "ada", nonce),
            "id_token_refused",
        ),
        ("nonsense".to_owned(), "id_token_refused"),
        (String::new(), "id_token_missing"),
    ];
    for (number, (token, why)) in wrong.into_iter().enumerate() {
        let start = bed.start("one").await;
        let back = bed.one.visit(&start.url, "ada");
        bed.one.set(|state| state.id_token = Some(token));
        assert_eq!(bed.why_not(answer(&start, &back)).await, why);
        let revoked = bed.one.see(|state| state.revoked.clone());
        assert_eq!(revoked.len(), number + 1);
        assert_eq!(revoked[number], format!("refresh-{}", number + 1));
    }
    assert_eq!(bed.live_sessions().await, 0);
    let recorded = bed.recorded(AuditAction::LoginFailure).await;
    assert_eq!(
        &*recorded[0].details, "nonce",
        "the operator learns which rule"
    );
}

#[tokio::test]
async fn an_id_token_that_cannot_be_checked_lets_nobody_in() {
    let bed = Bed::new();
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let failure = ProviderFailure::Unavailable("no keys".into());
    bed.one.set(|state| state.keys = Some(failure));
    let error = bed.finish(answer(&start, &back)).await.unwrap_err();
    assert!(
        matches!(error, ProviderLoginError::ProviderAway { .. }),
        "{error}"
    );
    assert_eq!(bed.one.see(|state| state.revoked.clone()), ["refresh-1"]);
    assert_eq!(bed.live_sessions().await, 0);
}

#[tokio::test]
async fn a_user_at_the_limit_is_told_and_the_tokens_are_taken_back() {
    let bed = Bed::with(Policies {
        session: SessionPolicy {
            limit: SessionLimit {
                max: 1,
                policy: LimitPolicy::Refuse,
            },
            ..SessionPolicy::default()
        },
        ..policies()
    });
    let first = bed.sign_in("ada").await.signed_in.created;
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let error = bed.finish(answer(&start, &back)).await.unwrap_err();
    let ProviderLoginError::Tokens(TokenError::Session(error)) = &error else {
        panic!("{error}");
    };
    assert!(matches!(**error, SessionError::LimitReached { max: 1 }));
    assert_eq!(bed.failure().await, "session_limit");
    assert_eq!(bed.one.see(|state| state.revoked.clone()), ["refresh-2"]);
    assert!(bed.is_live(first.session.id).await);
    // From the same browser it takes the place of the one before.
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let held = vec![first.token];
    bed.finish_holding(answer(&start, &back), held)
        .await
        .unwrap();
}

/// Requirement 50: while it is not known whether a login was used, it is not.
#[tokio::test]
async fn a_store_that_is_away_lets_nobody_in() {
    let mut marks = MockOneTimeMarks::new();
    marks.expect_mark_used().returning(|_, _, _| Err(down()));
    let stores = Stores {
        marks: Arc::new(marks),
        ..Stores::all_in(Arc::new(MemoryStore::new()))
    };
    let bed = Bed::over(stores, policies());
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let error = bed.finish(answer(&start, &back)).await.unwrap_err();
    assert!(matches!(error, ProviderLoginError::Account(_)), "{error}");
    assert_eq!(bed.failure().await, "unavailable");
    assert_eq!(bed.one.see(|state| state.exchanges), 0);
}

#[tokio::test]
async fn tokens_that_cannot_be_kept_are_taken_back() {
    let mut grants = MockGrantStore::new();
    grants.expect_add_grant().returning(|_| Err(down()));
    let stores = Stores {
        grants: Arc::new(grants),
        ..Stores::all_in(Arc::new(MemoryStore::new()))
    };
    let bed = Bed::over(stores, policies());
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let error = bed.finish(answer(&start, &back)).await.unwrap_err();
    assert!(matches!(error, ProviderLoginError::Tokens(_)), "{error}");
    assert_eq!(bed.failure().await, "unavailable");
    assert_eq!(bed.one.see(|state| state.revoked.clone()), ["refresh-1"]);
    assert_eq!(bed.live_sessions().await, 0);
}

/// The provider said in the meantime that the user signed out there: the grant is gone.
#[tokio::test]
async fn a_user_who_signs_out_there_during_the_login_is_not_signed_in_here() {
    for gone in [true, false] {
        let mut grants = MockGrantStore::new();
        grants.expect_add_grant().returning(|_| Ok(()));
        let found = move || if gone { Ok(None) } else { Err(down()) };
        grants.expect_find_grant().returning(move |_| found());
        let stores = Stores {
            grants: Arc::new(grants),
            ..Stores::all_in(Arc::new(MemoryStore::new()))
        };
        let bed = Bed::over(stores, policies());
        let start = bed.start("one").await;
        let back = bed.one.visit(&start.url, "ada");
        bed.finish(answer(&start, &back)).await.unwrap_err();
        let why = if gone {
            "signed_out_meanwhile"
        } else {
            "unavailable"
        };
        assert_eq!(bed.failure().await, why);
        assert_eq!(bed.one.see(|state| state.revoked.clone()), ["refresh-1"]);
        assert_eq!(bed.live_sessions().await, 0);
        let created = bed.recorded(AuditAction::SessionCreated).await;
        let id = created[0].session_id.unwrap();
        let session = bed.stores.sessions.find(id).await.unwrap().unwrap();
        assert!(
            matches!(&session.standing, Standing::Ended(Ending { reason, .. })
                if *reason == EndReason::PROVIDER_LOGOUT)
        );
    }
}
