//! Back-channel logout (requirement 41).

use scripted_provider::{Algorithm, Endpoint, Fault, Key};
use serde_json::{Value, json};

use super::browser::{Bed, callback, query};
use crate::support::{Answer, Ask};

const FORM: &str = "application/x-www-form-urlencoded";

async fn send(bed: &Bed, provider: &str, token: &str) -> Answer {
    let body = serde_urlencoded::to_string([("logout_token", token)]).unwrap();
    post(bed, provider, FORM, &body).await
}

async fn post(bed: &Bed, provider: &str, media_type: &str, body: &str) -> Answer {
    let ask = Ask::new("POST", &format!("/auth/backchannel-logout/{provider}"))
        .header("content-type", media_type)
        .bytes(body.as_bytes().to_vec());
    bed.server.send(ask).await
}

/// §2.8 of the standard.
#[track_caller]
fn assert_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    assert_eq!(answer.json(), json!({"error": "invalid_request"}), "{what}");
}

/// The provider's name for a session's presence there.
async fn presence(bed: &Bed, session: &Value) -> String {
    let id = session["session_id"]
        .as_str()
        .unwrap()
        .parse::<session_core::SessionToken>();
    let grants = &bed.stores.grants;
    let grant = grants.find_grant(id.unwrap().id).await.unwrap().unwrap();
    grant.provider_session.as_deref().unwrap().to_owned()
}

#[tokio::test]
async fn a_presence_that_ended_ends_its_session_alone() {
    let bed = Bed::new();
    let (ada, again) = (bed.sign_in("ada").await, bed.sign_in("ada").await);
    let grace = bed.sign_in("grace").await;
    let token = bed
        .one
        .logout_token(Some("ada"), Some(&presence(&bed, &ada).await));
    let answer = send(&bed, "one", &token).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!bed.is_live(&ada).await);
    assert!(bed.is_live(&again).await && bed.is_live(&grace).await);
    let audit = bed
        .server
        .send(Ask::admin("GET", "/admin/audit?action=session_revoked"))
        .await
        .ok();
    assert_eq!(audit["events"][0]["actor"], "provider:one");
    assert_eq!(audit["events"][0]["details"], "provider_logout");
}

#[tokio::test]
async fn a_user_who_signed_out_there_is_signed_out_here() {
    let bed = Bed::new();
    let (ada, again) = (bed.sign_in("ada").await, bed.sign_in("ada").await);
    let grace = bed.sign_in("grace").await;
    let token = bed.one.logout_token(Some("ada"), None);
    assert_eq!(send(&bed, "one", &token).await.status, 200);
    assert!(!bed.is_live(&ada).await && !bed.is_live(&again).await);
    assert!(bed.is_live(&grace).await);
}

#[tokio::test]
async fn what_is_not_the_providers_word_ends_nothing() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one").await;
    let ada = browser.visit(&callback(&bed.one, &url)).await.ok();
    let right = bed.one.logout_claims(Some("ada"), None);
    let with = |changes: Value| {
        let mut claims = right.clone();
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        bed.one.sign_as(&header(&bed), &claims)
    };
    let foreign = Key::new("foreign", Algorithm::Es256);
    let id_token = bed
        .one
        .sign(&bed.one.id_claims("ada", &query(&url)["nonce"]));
    let unsigned = bed
        .one
        .sign_as(&json!({"alg": "none", "typ": "logout+jwt"}), &right);
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    let wrong = [
        ("audience", with(json!({"aud": "another-client"}))),
        ("issuer", with(json!({"iss": bed.two.issuer()}))),
        ("nonce", with(json!({"nonce": "a"}))),
        ("no events", with(json!({"events": null}))),
        (
            "other events",
            with(json!({"events": {"http://example.org/": {}}})),
        ),
        ("no jti", with(json!({"jti": null}))),
        ("nobody", with(json!({"sub": null, "sid": null}))),
        ("no iat", with(json!({"iat": null}))),
        (
            "expired",
            with(json!({"exp": 1_767_260_000, "iat": 1_767_259_000})),
        ),
        ("an ID token", id_token),
        ("unsigned", unsigned),
        (
            "foreign key",
            foreign.sign_as(
                &json!({"alg": "ES256", "kid": bed.one.key_id(), "typ": "logout+jwt"}),
                &right,
            ),
        ),
        (
            "another provider's",
            bed.two.logout_token(Some("ada"), None),
        ),
        ("nonsense", "nonsense".to_owned()),
        ("nothing", String::new()),
    ];
    for (what, token) in wrong {
        assert_refused(&send(&bed, "one", &token).await, what);
    }
    let good = bed.one.sign_as(&header(&bed), &right);
    assert_refused(
        &send(&bed, "two", &good).await,
        "to another provider's address",
    );
    let twice = format!("logout_token={good}&logout_token={good}");
    assert_refused(&post(&bed, "one", FORM, &twice).await, "twice");
    assert_refused(&post(&bed, "one", FORM, "x=y").await, "no token");
    let body = json!({"logout_token": good}).to_string();
    assert_refused(
        &post(&bed, "one", "application/json", &body).await,
        "no form",
    );
    let unknown = send(&bed, "three", &good).await;
    assert_eq!(unknown.problem(404), "provider_not_found");
    assert!(bed.is_live(&ada).await);
    // It was the right one all along.
    assert_eq!(send(&bed, "one", &good).await.status, 200);
    assert!(!bed.is_live(&ada).await);
}

fn header(bed: &Bed) -> Value {
    json!({"alg": "ES256", "kid": bed.one.key_id(), "typ": "logout+jwt"})
}

#[tokio::test]
async fn a_logout_token_is_good_once() {
    let bed = Bed::new();
    bed.sign_in("ada").await;
    let token = bed.one.logout_token(Some("ada"), None);
    assert_eq!(send(&bed, "one", &token).await.status, 200);
    let again = bed.sign_in("ada").await;
    assert_refused(&send(&bed, "one", &token).await, "a second time");
    assert!(bed.is_live(&again).await);
}

#[tokio::test]
async fn a_logout_token_that_cannot_be_checked_may_come_again() {
    let bed = Bed::new();
    let token = bed.one.logout_token(Some("ada"), None);
    bed.one.always(Endpoint::Keys, Some(Fault::Status(503)));
    let answer = send(&bed, "one", &token).await;
    assert_eq!(answer.problem(503), "provider_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    bed.one.always(Endpoint::Keys, None);
}
