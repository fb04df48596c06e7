//! Requirement 36: each rule of OpenID Connect Core §3.1.3.7, by a token that breaks it alone.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use session_core::IdTokenClaims;
use session_core::ports::{AssertionError, LoginProvider as _};

use crate::sample::{Scene, token};

async fn verify(
    scene: &Scene,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Result<IdTokenClaims, AssertionError> {
    let mut claims = scene.provider.id_claims("ada", "a-nonce");
    change(claims.as_object_mut().expect("an object"));
    let text = scene.provider.sign(&claims);
    scene
        .client
        .verify_id_token(&token(&text), "a-nonce", scene.now())
        .await
}

fn set(name: &str, value: Value) -> impl FnOnce(&mut Map<String, Value>) {
    move |claims| {
        claims.insert(name.to_owned(), value);
    }
}

#[tokio::test]
async fn a_good_one_says_who_it_is() {
    let scene = Scene::new();
    let claims = verify(&scene, |_| {}).await.expect("a good token");
    assert_eq!(&*claims.subject.issuer, scene.provider.issuer());
    assert_eq!(&*claims.subject.subject, "ada");
    assert_eq!(claims.session.as_deref(), Some("sid-of-a-test"));
    assert_eq!(claims.email.as_deref(), Some("ada@example.com"));
    assert_eq!(claims.name.as_deref(), Some("ada"));
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_refused() {
    let scene = Scene::new();
    let issuer = scene.provider.issuer().to_owned();
    let now = scene.now().timestamp();
    for (name, value) in [
        ("iss", None),
        ("iss", Some(json!("https://evil.example"))),
        ("iss", Some(json!(format!("{issuer}/")))),
        ("iss", Some(json!([issuer]))),
        ("aud", None),
        ("aud", Some(json!("another"))),
        ("aud", Some(json!([]))),
        ("aud", Some(json!(["another"]))),
        ("aud", Some(json!(["sessiond", "another"]))),
        ("aud", Some(json!(["sessiond", 7]))),
        ("aud", Some(json!({ "sessiond": true }))),
        ("azp", Some(json!("another"))),
        ("azp", Some(json!(null))),
        ("exp", None),
        ("exp", Some(json!(now - 10))),
        ("exp", Some(json!((now + 60).to_string()))),
        ("exp", Some(json!(-1))),
        ("exp", Some(json!(1e300))),
        ("exp", Some(json!(null))),
        ("iat", None),
        ("iat", Some(json!(now + 11))),
        ("iat", Some(json!("now"))),
        ("nbf", Some(json!(now + 11))),
        ("nbf", Some(json!("now"))),
        ("nonce", None),
        ("nonce", Some(json!("another"))),
        ("nonce", Some(json!(""))),
        ("nonce", Some(json!("a-nonce-and-more"))),
        ("nonce", Some(json!(7))),
        ("sub", None),
        ("sub", Some(json!(""))),
        ("sub", Some(json!(7))),
        ("sub", Some(json!("ä"))),
        ("sub", Some(json!("a\nb"))),
        ("sub", Some(json!("a".repeat(256)))),
        ("sid", Some(json!(7))),
        ("sid", Some(json!(""))),
    ] {
        let refused = verify(&scene, |claims| {
            match value.clone() {
                Some(value) => claims.insert(name.to_owned(), value),
                None => claims.remove(name),
            };
        })
        .await;
        let refused = refused.expect_err(&format!("{name} {value:?}"));
        let AssertionError::Refused(why) = refused else {
            panic!("{name} {value:?}: {refused}");
        };
        assert!(
            why.contains(&format!("`{name}`"))
                || why.contains("expired")
                || why.contains("not good yet")
                || why.contains("future")
                || why.contains("azp"),
            "{name} {value:?}: {why}"
        );
    }
}

#[tokio::test]
async fn what_may_be_otherwise_is_taken() {
    let scene = Scene::new();
    let now = scene.now().timestamp();
    for (name, value) in [
        ("aud", json!(["sessiond"])),
        ("azp", json!("sessiond")),
        ("exp", json!(now - 9)),
        ("exp", json!(253_402_300_799_i64)),
        ("exp", json!(now as f64 + 0.5)),
        ("iat", json!(now + 10)),
        ("nbf", json!(now + 10)),
        ("sub", json!("a".repeat(255))),
        ("sub", json!("a|b c")),
        ("more", json!({ "of": ["anything"] })),
    ] {
        let taken = verify(&scene, set(name, value.clone())).await;
        assert!(taken.is_ok(), "{name} {value}: {taken:?}");
    }
    let several = verify(&scene, |claims| {
        claims.insert("aud".to_owned(), json!(["another", "sessiond"]));
        claims.insert("azp".to_owned(), json!("sessiond"));
    });
    assert!(several.await.is_ok());
}

/// The time is the argument, not the clock, and not the machine's.
#[tokio::test]
async fn it_expires_at_the_time_that_is_told() {
    let scene = Scene::new();
    let text = scene.provider.sign(&scene.provider.id_claims("ada", "n"));
    let end = scene.now() + TimeDelta::hours(1);
    for (seconds, is_good) in [(-1, true), (9, true), (10, false), (3600, false)] {
        let at = end + TimeDelta::seconds(seconds);
        let verified = scene.client.verify_id_token(&token(&text), "n", at).await;
        assert_eq!(verified.is_ok(), is_good, "{seconds}");
    }
    for (seconds, is_good) in [(-10, true), (-11, false)] {
        let at = scene.now() + TimeDelta::seconds(seconds);
        let verified = scene.client.verify_id_token(&token(&text), "n", at).await;
        assert_eq!(verified.is_ok(), is_good, "{seconds}");
    }
}

/// V10.5: an address that nobody has verified is nobody's.
#[tokio::test]
async fn an_address_counts_only_where_it_is_verified() {
    let scene = Scene::new();
    for verified in [json!(false), json!("true"), json!(1), json!(null)] {
        let claims = verify(&scene, set("email_verified", verified.clone())).await;
        assert_eq!(claims.expect("good").email, None, "{verified}");
    }
    let claims = verify(&scene, |claims| {
        claims.remove("email_verified");
    });
    assert_eq!(claims.await.expect("good").email, None);
}

/// Nothing hangs on these: they are shown to people.
#[tokio::test]
async fn a_name_or_an_address_that_is_none_is_passed_over() {
    let scene = Scene::new();
    for value in [
        json!(7),
        json!(""),
        json!(" "),
        json!("a\u{1b}[31m"),
        json!("a".repeat(256)),
    ] {
        for name in ["name", "email"] {
            let claims = verify(&scene, set(name, value.clone()))
                .await
                .expect("good");
            let shown = if name == "name" {
                claims.name
            } else {
                claims.email
            };
            assert_eq!(shown, None, "{name} {value}");
        }
    }
}

#[tokio::test]
async fn a_logout_token_or_any_other_kind_is_no_id_token() {
    let scene = Scene::new();
    let claims = scene.provider.id_claims("ada", "n");
    for (typ, is_good) in [
        (json!("JWT"), true),
        (json!("jwt"), true),
        (json!("logout+jwt"), false),
        (json!("at+jwt"), false),
        (json!(7), false),
    ] {
        let header = json!({ "alg": "ES256", "kid": scene.provider.key_id(), "typ": typ });
        let text = scene.provider.sign_as(&header, &claims);
        let verified = scene
            .client
            .verify_id_token(&token(&text), "n", scene.now())
            .await;
        assert_eq!(verified.is_ok(), is_good, "{typ}");
    }
    let text = scene.provider.logout_token(Some("ada"), None);
    let verified = scene
        .client
        .verify_id_token(&token(&text), "n", scene.now())
        .await;
    assert!(verified.is_err());
}
