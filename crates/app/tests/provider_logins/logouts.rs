//! A provider that says that a user signed out there (requirement 41).

use std::sync::Arc;

use app::{ProviderLogoutError, Stores};
use chrono::TimeDelta;
use session_core::ports::{MockGrantStore, StoreError, StoreErrorKind};
use session_core::{AuditAction, EndReason, Ending, ProviderFailure, SessionId, Standing};
use store_memory::MemoryStore;

use crate::harness::{Bed, ONE, TWO, answer, policies};
use crate::provider::{logout_token, presence};

async fn sign_in_at_two(bed: &Bed, subject: &str) -> SessionId {
    let start = bed.start("two").await;
    let back = bed.two.visit(&start.url, subject);
    let done = bed.finish(answer(&start, &back)).await.unwrap();
    done.signed_in.created.session.id
}

async fn sign_in(bed: &Bed, subject: &str) -> SessionId {
    bed.sign_in(subject).await.signed_in.created.session.id
}

#[tokio::test]
async fn a_presence_that_ended_ends_its_sessions_and_no_others() {
    let bed = Bed::new();
    let (ada, same) = (sign_in(&bed, "ada").await, sign_in(&bed, "ada").await);
    let (grace, elsewhere) = (
        sign_in(&bed, "grace").await,
        sign_in_at_two(&bed, "ada").await,
    );
    // A subject beside it does not widen it.
    let token = logout_token(ONE, "grace", &presence("ada"), "jti-1");
    assert_eq!(bed.log_out("one", &token).await.unwrap(), 2);
    assert!(!bed.is_live(ada).await && !bed.is_live(same).await);
    assert!(bed.is_live(grace).await, "another presence");
    assert!(
        bed.is_live(elsewhere).await,
        "the same name at another provider"
    );
    let session = bed.stores.sessions.find(ada).await.unwrap().unwrap();
    assert!(
        matches!(&session.standing, Standing::Ended(Ending { reason, .. })
            if *reason == EndReason::PROVIDER_LOGOUT)
    );
    let recorded = bed.recorded(AuditAction::SessionRevoked).await;
    assert_eq!(recorded.len(), 2);
    assert_eq!(&*recorded[0].details, "provider_logout");
    // Nobody there: nothing to end, and nothing wrong.
    let token = logout_token(ONE, "-", "unknown", "jti-2");
    assert_eq!(bed.log_out("one", &token).await.unwrap(), 0);
}

#[tokio::test]
async fn a_user_who_signed_out_everywhere_is_signed_out_here() {
    let bed = Bed::new();
    let (ada, same) = (sign_in(&bed, "ada").await, sign_in(&bed, "ada").await);
    let (grace, elsewhere) = (
        sign_in(&bed, "grace").await,
        sign_in_at_two(&bed, "ada").await,
    );
    let token = logout_token(ONE, "ada", "-", "jti-1");
    assert_eq!(bed.log_out("one", &token).await.unwrap(), 2);
    assert!(!bed.is_live(ada).await && !bed.is_live(same).await);
    assert!(bed.is_live(grace).await && bed.is_live(elsewhere).await);
    assert_eq!(bed.recorded(AuditAction::ForcedLogout).await.len(), 1);
}

/// Whoever kept a logout token cannot keep a user out with it.
#[tokio::test]
async fn a_logout_token_is_good_once() {
    let bed = Bed::new();
    sign_in(&bed, "ada").await;
    let token = logout_token(ONE, "ada", "-", "jti-1");
    bed.log_out("one", &token).await.unwrap();
    let again = sign_in(&bed, "ada").await;
    for bed in [&bed, &bed.another()] {
        let refused = bed.log_out("one", &token).await;
        assert!(matches!(
            refused,
            Err(ProviderLogoutError::Refused("replayed"))
        ));
    }
    bed.pass(TimeDelta::hours(7));
    bed.services.clean().await.unwrap();
    let refused = bed.log_out("one", &token).await;
    assert!(matches!(
        refused,
        Err(ProviderLogoutError::Refused("replayed"))
    ));
    let session = bed.stores.sessions.find(again).await.unwrap().unwrap();
    assert!(
        !matches!(&session.standing, Standing::Ended(Ending { reason, .. })
        if *reason == EndReason::PROVIDER_LOGOUT)
    );
    // The same name at another provider is another token's.
    let other = sign_in_at_two(&bed, "ada").await;
    let token = logout_token(TWO, "ada", "-", "jti-1");
    assert_eq!(bed.log_out("two", &token).await.unwrap(), 1);
    assert!(!bed.is_live(other).await);
}

#[tokio::test]
async fn what_is_not_the_providers_word_ends_nothing() {
    let bed = Bed::new();
    let ada = sign_in(&bed, "ada").await;
    let of_one = logout_token(ONE, "ada", "-", "jti-1");
    let refused = [
        ("two", of_one.clone()),
        ("one", logout_token(TWO, "ada", "-", "jti-1")),
        ("one", "nonsense".to_owned()),
        ("one", String::new()),
        ("one", "é".to_owned()),
        ("one", "a".repeat(20_000)),
    ];
    for (provider, token) in refused {
        let told = bed.log_out(provider, &token).await;
        assert!(
            matches!(told, Err(ProviderLogoutError::Refused(_))),
            "{told:?}"
        );
    }
    for name in ["three", "tokens-only"] {
        let told = bed.log_out(name, &of_one).await;
        assert!(
            matches!(told, Err(ProviderLogoutError::UnknownProvider)),
            "{told:?}"
        );
    }
    assert!(bed.is_live(ada).await);
    let recorded = bed.recorded(AuditAction::AccessDenied).await;
    assert_eq!(recorded.len(), 6);
    assert_eq!(
        recorded[0].error_code.as_deref(),
        Some("logout_token_refused")
    );
    assert_eq!(
        (&*recorded[0].details, &recorded[0].metadata["provider"]),
        ("issuer", &"two".into())
    );
    // None of them used the right one up.
    assert_eq!(bed.log_out("one", &of_one).await.unwrap(), 1);
}

/// Anybody can send any number: the log does not fill with them.
#[tokio::test]
async fn refused_logout_tokens_are_recorded_up_to_a_limit() {
    let bed = Bed::new();
    for _ in 0..60 {
        let told = bed.log_out("one", "nonsense").await;
        assert!(
            matches!(told, Err(ProviderLogoutError::Refused(_))),
            "{told:?}"
        );
    }
    assert_eq!(bed.recorded(AuditAction::AccessDenied).await.len(), 50);
}

/// A fault in the middle must not turn the provider's next try away.
#[tokio::test]
async fn a_logout_that_failed_can_be_sent_again() {
    let mut grants = MockGrantStore::new();
    let mut asked = 0;
    grants.expect_sessions_at_provider().returning(move |_, _| {
        asked += 1;
        match asked {
            1 => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "look",
                "told to",
            )),
            _ => Ok(Vec::new()),
        }
    });
    let stores = Stores {
        grants: Arc::new(grants),
        ..Stores::all_in(Arc::new(MemoryStore::new()))
    };
    let bed = Bed::over(stores, policies());
    let token = logout_token(ONE, "-", "presence", "jti-1");
    let failed = bed.log_out("one", &token).await;
    assert!(
        matches!(failed, Err(ProviderLogoutError::Session(_))),
        "{failed:?}"
    );
    assert_eq!(bed.log_out("one", &token).await.unwrap(), 0);
    let refused = bed.log_out("one", &token).await;
    assert!(matches!(
        refused,
        Err(ProviderLogoutError::Refused("replayed"))
    ));
}

#[tokio::test]
async fn a_logout_token_that_cannot_be_checked_may_come_again() {
    let bed = Bed::new();
    let ada = sign_in(&bed, "ada").await;
    let failure = ProviderFailure::Unavailable("no keys".into());
    bed.one.set(|state| state.keys = Some(failure));
    let token = logout_token(ONE, "ada", "-", "jti-1");
    let away = bed.log_out("one", &token).await;
    assert!(matches!(
        away,
        Err(ProviderLogoutError::ProviderAway { retry_after: 1, .. })
    ));
    assert!(bed.is_live(ada).await);
    bed.one.set(|state| state.keys = None);
    assert_eq!(bed.log_out("one", &token).await.unwrap(), 1);
}

/// A login that is just being finished has its grant and no session yet: without the grant it fails.
#[tokio::test]
async fn a_session_that_is_being_begun_loses_its_grant() {
    let unborn = SessionId::at(chrono::DateTime::UNIX_EPOCH, [1; 10]);
    let mut grants = MockGrantStore::new();
    grants
        .expect_sessions_at_provider()
        .returning(move |_, _| Ok(vec![unborn]));
    grants
        .expect_remove_grant()
        .withf(move |id| *id == unborn)
        .times(1)
        .returning(|_| Ok(None));
    let stores = Stores {
        grants: Arc::new(grants),
        ..Stores::all_in(Arc::new(MemoryStore::new()))
    };
    let bed = Bed::over(stores, policies());
    let token = logout_token(ONE, "-", "presence", "jti-1");
    assert_eq!(bed.log_out("one", &token).await.unwrap(), 0);
}
