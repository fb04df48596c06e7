//! Requirement 41: each rule of OpenID Connect Back-Channel Logout 1.0 §2.6, by a token that breaks
//! it alone.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use session_core::LogoutClaims;
use session_core::ports::{AssertionError, LoginProvider as _};

use crate::sample::{Scene, token};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

async fn verify(
    scene: &Scene,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Result<LogoutClaims, AssertionError> {
    let mut claims = scene.provider.logout_claims(Some("ada"), Some("sid-1"));
    change(claims.as_object_mut().expect("an object"));
    let header = json!({ "alg": "ES256", "kid": scene.provider.key_id(), "typ": "logout+jwt" });
    let text = scene.provider.sign_as(&header, &claims);
    scene
        .client
        .verify_logout_token(&token(&text), scene.now())
        .await
}

#[tokio::test]
async fn it_names_a_user_a_session_or_both() {
    let scene = Scene::new();
    for (subject, session) in [
        (Some("ada"), Some("sid-1")),
        (Some("ada"), None),
        (None, Some("sid-1")),
    ] {
        let text = scene.provider.logout_token(subject, session);
        let said = scene
            .client
            .verify_logout_token(&token(&text), scene.now())
            .await;
        let said = said.expect("a good token");
        assert_eq!(
            said.subject.as_ref().map(|subject| &*subject.subject),
            subject
        );
        assert!(
            said.subject
                .is_none_or(|subject| *subject.issuer == *scene.provider.issuer())
        );
        assert_eq!(said.session.as_deref(), session);
        assert!(!said.id.is_empty());
    }
    let text = scene.provider.logout_token(None, None);
    let said = scene
        .client
        .verify_logout_token(&token(&text), scene.now())
        .await;
    assert!(said.is_err());
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_refused() {
    let scene = Scene::new();
    let now = scene.now().timestamp();
    for (name, value) in [
        ("iss", None),
        ("iss", Some(json!("https://evil.example"))),
        ("aud", None),
        ("aud", Some(json!("another"))),
        ("azp", Some(json!("another"))),
        ("exp", None),
        ("exp", Some(json!(now - 10))),
        ("iat", None),
        ("iat", Some(json!(now - 301))),
        ("iat", Some(json!(now + 11))),
        ("jti", None),
        ("jti", Some(json!(""))),
        ("jti", Some(json!(7))),
        ("events", None),
        ("events", Some(json!({}))),
        ("events", Some(json!([EVENT]))),
        ("events", Some(json!({ EVENT: true }))),
        ("events", Some(json!({ "another": {} }))),
        ("nonce", Some(json!("a-nonce"))),
        ("nonce", Some(json!(null))),
        ("sub", Some(json!(7))),
        ("sid", Some(json!(7))),
    ] {
        let refused = verify(&scene, |claims| {
            match value.clone() {
                Some(value) => claims.insert(name.to_owned(), value),
                None => claims.remove(name),
            };
        })
        .await;
        let refused = refused.expect_err(&format!("{name} {value:?}"));
        assert!(
            matches!(refused, AssertionError::Refused(_)),
            "{name} {value:?}: {refused}"
        );
    }
    assert!(verify(&scene, |_| {}).await.is_ok());
    let old = verify(&scene, |claims| {
        claims.insert("iat".to_owned(), json!(now - 300));
    });
    assert!(old.await.is_ok());
}

/// It may leave its kind out; but an ID token, or any token that says it is another kind, is none.
#[tokio::test]
async fn only_a_logout_token_ends_a_session() {
    let scene = Scene::new();
    let claims = scene.provider.logout_claims(Some("ada"), None);
    let kid = scene.provider.key_id();
    for (header, is_good) in [
        (
            json!({ "alg": "ES256", "kid": kid, "typ": "logout+jwt" }),
            true,
        ),
        (
            json!({ "alg": "ES256", "kid": kid, "typ": "LOGOUT+JWT" }),
            true,
        ),
        (json!({ "alg": "ES256", "kid": kid }), true),
        (json!({ "alg": "ES256", "kid": kid, "typ": "JWT" }), true),
        (
            json!({ "alg": "ES256", "kid": kid, "typ": "application/logout+jwt" }),
            true,
        ),
        (
            json!({ "alg": "ES256", "kid": kid, "typ": "at+jwt" }),
            false,
        ),
        (json!({ "alg": "ES256", "kid": kid, "typ": null }), false),
    ] {
        let text = scene.provider.sign_as(&header, &claims);
        let said = scene
            .client
            .verify_logout_token(&token(&text), scene.now())
            .await;
        assert_eq!(said.is_ok(), is_good, "{header}");
    }
    let text = scene.provider.issue("ada").id_token.expect("an ID token");
    let said = scene
        .client
        .verify_logout_token(&token(&text), scene.now())
        .await;
    assert!(said.is_err());
}

#[tokio::test]
async fn it_is_good_for_minutes() {
    let scene = Scene::new();
    let text = scene.provider.logout_token(Some("ada"), None);
    for (seconds, is_good) in [(0, true), (129, true), (130, false)] {
        let at = scene.now() + TimeDelta::seconds(seconds);
        let said = scene.client.verify_logout_token(&token(&text), at).await;
        assert_eq!(said.is_ok(), is_good, "{seconds}");
    }
}
