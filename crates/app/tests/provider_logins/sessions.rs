//! What a login begins, and what it ends.

use app::{Origin, ProviderAnswer, SessionRef};
use chrono::TimeDelta;
use serde_json::json;
use session_core::{AuditAction, EndReason, Ending, ProviderFailure, Standing};

use crate::harness::{Bed, ONE, TWO, answer};
use crate::provider::presence;

fn metadata(done: &app::ProviderSignedIn) -> serde_json::Value {
    let json = done.signed_in.created.session.metadata.as_json();
    serde_json::from_str(json).unwrap()
}

/// Requirement 36: the user is the pair of issuer and subject.
#[tokio::test]
async fn a_session_is_of_the_issuers_subject_and_holds_its_tokens() {
    let bed = Bed::new();
    bed.one.set(|state| {
        state.email = Some("ada@example.org".to_owned());
        state.name = Some("Ada".to_owned());
    });
    let done = bed.sign_in("ada").await;
    let session = &done.signed_in.created.session;
    assert_eq!(session.user_id, bed.one.subject("ada").user_id());
    assert_ne!(session.user_id, bed.two.subject("ada").user_id());
    let expected = json!({"iss": ONE, "sub": "ada", "email": "ada@example.org", "name": "Ada"});
    assert_eq!(metadata(&done), expected);
    assert_eq!(session.expires_at, session.created_at + TimeDelta::hours(8));
    assert_eq!(session.idle_timeout, Some(TimeDelta::minutes(30)));
    let upstream = session.upstream.as_ref().unwrap();
    assert_eq!(upstream.provider.as_deref(), Some("one"));
    assert_eq!(upstream.scopes, [Box::from("openid")]);
    let grant = bed
        .stores
        .grants
        .find_grant(session.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(grant.provider_session.as_deref(), Some(&*presence("ada")));
    assert_eq!(
        grant.access_expires_at,
        Some(bed.now() + TimeDelta::hours(1))
    );
    assert_eq!(&*grant.token_type, "Bearer");
    assert!(grant.tokens.refresh.is_some() && grant.tokens.id.is_some());
    let which = SessionRef::Handle(session.id);
    let token = bed
        .services
        .tokens
        .live_token(&which, &Origin::system())
        .await
        .unwrap();
    assert_eq!(token.access_token.expose(), "access-1");
    // The access token that goes out is ours.
    let claims = bed
        .services
        .access_tokens
        .read(&done.signed_in.access.token)
        .unwrap();
    assert_eq!((claims.session_id, &*claims.role), (session.id, "user"));
    let recorded = bed.recorded(AuditAction::LoginSuccess).await;
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].session_id, Some(session.id));
    assert_eq!(recorded[0].user_id.as_ref(), Some(&session.user_id));
    assert_eq!(recorded[0].metadata["provider"], "one");
    assert!(bed.recorded(AuditAction::LoginFailure).await.is_empty());
}

/// What a user calls themselves there makes them nothing here.
#[tokio::test]
async fn what_the_provider_says_gives_no_rights() {
    let bed = Bed::new();
    bed.one
        .set(|state| state.name = Some("\",\"role\":\"admin".to_owned()));
    let done = bed.sign_in("role=admin").await;
    let metadata = &done.signed_in.created.session.metadata;
    assert_eq!((metadata.role(), metadata.permissions().len()), ("user", 0));
}

#[tokio::test]
async fn a_name_is_cut_and_what_cannot_be_kept_is_refused() {
    let bed = Bed::new();
    bed.one.set(|state| state.name = Some("é".repeat(2000)));
    let done = bed.sign_in("ada").await;
    assert_eq!(metadata(&done)["name"], "é".repeat(128));
    bed.one.set(|state| state.name = Some(String::new()));
    let done = bed.sign_in("grace").await;
    assert_eq!(metadata(&done), json!({"iss": ONE, "sub": "grace"}));
    let (start, long) = (bed.start("one").await, "s".repeat(5000));
    let back = bed.one.visit(&start.url, &long);
    assert_eq!(bed.why_not(answer(&start, &back)).await, "claims_too_large");
    assert_eq!(bed.one.see(|state| state.revoked.clone()), ["refresh-3"]);
}

/// Requirement 9: whoever planted a session in the browser finds it ended, and the new one is another.
#[tokio::test]
async fn the_session_held_before_ends_with_the_login() {
    let bed = Bed::new();
    let before = bed.sign_in("mallory").await.signed_in.created;
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let id = before.session.id;
    // One that fails ends nothing.
    let wrong = ProviderAnswer {
        iss: Some(TWO.to_owned()),
        ..answer(&start, &back)
    };
    let held = || before.token.expose().parse().unwrap();
    bed.finish_holding(wrong, vec![held()]).await.unwrap_err();
    assert!(bed.is_live(id).await);
    let done = bed
        .finish_holding(answer(&start, &back), vec![held()])
        .await
        .unwrap();
    assert_ne!(done.signed_in.created.session.id, id);
    let ended = bed.stores.sessions.find(id).await.unwrap().unwrap();
    assert!(
        matches!(&ended.standing, Standing::Ended(Ending { reason, .. })
            if *reason == EndReason::NEW_LOGIN)
    );
    assert!(bed.is_live(done.signed_in.created.session.id).await);
}

/// Whoever waits for it has gone by then: the session that they have must not give way to one that
/// nobody gets.
#[tokio::test(start_paused = true)]
async fn a_provider_that_is_too_slow_costs_nobody_the_session() {
    let minute = std::time::Duration::from_secs(60);
    for is_slow_with_keys in [false, true] {
        let bed = Bed::new();
        let before = bed.sign_in("ada").await.signed_in.created;
        let start = bed.start("one").await;
        let back = bed.one.visit(&start.url, "ada");
        bed.one.set(|state| {
            if is_slow_with_keys {
                state.keys_take = minute;
            } else {
                state.exchange_takes = minute;
            }
        });
        let begun = tokio::time::Instant::now();
        let held = vec![before.token.expose().parse().unwrap()];
        let error = bed.finish_holding(answer(&start, &back), held).await;
        assert!(matches!(
            error,
            Err(app::ProviderLoginError::ProviderAway { .. })
        ));
        assert!(begun.elapsed() < minute / 2);
        assert!(bed.is_live(before.session.id).await);
        // What came is given back.
        let revoked = bed.one.see(|state| state.revoked.clone());
        let expected: &[&str] = if is_slow_with_keys {
            &["refresh-2"]
        } else {
            &[]
        };
        assert_eq!(revoked, expected);
    }
}

/// A secret that is wrong ends nothing.
#[tokio::test]
async fn a_session_that_is_only_named_is_not_ended() {
    let bed = Bed::new();
    let before = bed.sign_in("grace").await.signed_in.created;
    let forged = format!("{}.{}", before.session.id, "A".repeat(43));
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    let held = vec![forged.parse().unwrap()];
    bed.finish_holding(answer(&start, &back), held)
        .await
        .unwrap();
    assert!(bed.is_live(before.session.id).await);
}

/// Nobody signs in anew with a login that failed at the provider.
#[tokio::test]
async fn who_signs_in_again_is_the_same_user() {
    let bed = Bed::new();
    let first = bed.sign_in("ada").await.signed_in.created;
    let down = ProviderFailure::Unavailable("refused".into());
    bed.one.set(|state| state.exchange = Some(down));
    let start = bed.start("one").await;
    let back = bed.one.visit(&start.url, "ada");
    bed.finish(answer(&start, &back)).await.unwrap_err();
    let second = bed.another().sign_in("ada").await.signed_in.created;
    assert_eq!(first.session.user_id, second.session.user_id);
    assert_ne!(first.session.id, second.session.id);
    assert!(bed.is_live(first.session.id).await, "on another device");
}
