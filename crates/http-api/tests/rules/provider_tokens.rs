//! Tokens of an outside provider: kept with a session, handed out live, renewed once whoever asks.

use std::sync::Arc;

use serde_json::{Value, json};
use session_core::ports::{LimitPolicy, SessionLimit};

use crate::support::{Ask, ProviderBed, START, Server, body, forged, handle};

const IN_AN_HOUR: &str = "2026-01-01T13:00:00Z";

/// The body of the quick start of the system that sessiond replaces: it names no provider.
#[tokio::test]
async fn a_session_is_begun_with_tokens_and_says_when_they_expire() {
    let bed = ProviderBed::new();
    let issued = bed.provider.issue("ada");
    let (token, created) = bed.server.create(body("ada", &issued)).await;
    assert_eq!(created["access_token_expires_at"], IN_AN_HOUR);
    assert_eq!(created["provider"], "acme", "the only one that there is");
    let mut shown = bed.server.session(&token).await;
    assert_eq!(shown["session_id"], handle(&token));
    shown["session_id"] = token.clone().into();
    shown["evicted"] = json!([]);
    assert_eq!(shown, created, "shown as it was begun");
}

/// The body of the same system's OAuth callback, with all that it has.
#[tokio::test]
async fn everything_that_a_callback_knows_is_kept() {
    let bed = ProviderBed::new();
    let server = bed.beside(&["openrouter", "other"]);
    let issued = bed.provider.issue("ada");
    let (token, created) = server
        .create(json!({
            "user_id": "ada",
            "access_token": issued.access_token,
            "refresh_token": issued.refresh_token,
            "id_token": issued.id_token,
            "expires_in": 3600,
            "scopes": ["openid", "offline_access"],
            "device_fingerprint": {"user_agent": "Test/1", "accept_language": "en"},
            "ip_address": "192.0.2.7",
            "user_agent": "Test/1",
            "provider": "openrouter",
        }))
        .await;
    assert_eq!(created["provider"], "openrouter");
    assert_eq!(created["scopes"], json!(["openid", "offline_access"]));
    assert_eq!(created["user_agent"], "Test/1");
    assert_eq!(created["access_token_expires_at"], IN_AN_HOUR);
    let ask = Ask::service("GET", &format!("/sessions/{token}/token"));
    let answer = server.send(ask).await;
    let expected = json!({
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_at": IN_AN_HOUR,
        "scopes": ["openid", "offline_access"],
        "provider": "openrouter",
    });
    assert_eq!(answer.ok(), expected);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(bed.provider.refresh_calls().len(), 0, "it was not due");
    let grant = server.stored_grant(&bed.stores, &token).await;
    assert!(grant.tokens.id.is_some(), "the ID token is kept");
}

/// What a client library's `response.get("refresh_token")` comes to.
#[tokio::test]
async fn members_that_are_null_are_members_that_are_left_out() {
    let bed = ProviderBed::new();
    let nothing = json!({"user_id": "ada", "access_token": null, "refresh_token": null,
        "id_token": null, "expires_in": null, "scopes": [], "provider": null});
    let (token, created) = bed.server.create(nothing).await;
    assert_eq!(
        (&created["provider"], &created["access_token_expires_at"]),
        (&Value::Null, &Value::Null)
    );
    let answer = bed.ask_token(&token).await;
    assert_eq!(answer.problem(404), "no_provider_tokens");

    let issued = bed.provider.issue("ada");
    let alone = json!({"user_id": "ada", "access_token": issued.access_token,
        "refresh_token": null, "id_token": null, "expires_in": null});
    let (token, created) = bed.server.create(alone).await;
    assert_eq!(created["access_token_expires_at"], Value::Null);
    bed.server.pass(3000);
    let answer = bed.ask_token(&token).await.ok();
    assert_eq!(answer["expires_at"], Value::Null);
    assert_eq!(answer["access_token"], issued.access_token);
}

/// A name and scopes without tokens are the backend's own note, as before.
#[tokio::test]
async fn without_tokens_a_provider_may_be_called_anything() {
    let bed = ProviderBed::new();
    let note = json!({"user_id": "ada", "provider": "Some Provider", "scopes": ["x y"]});
    let (token, created) = bed.server.create(note).await;
    assert_eq!(created["provider"], "Some Provider");
    assert_eq!(created["access_token_expires_at"], Value::Null);
    assert_eq!(
        bed.server.session(&token).await["provider"],
        "Some Provider"
    );
    let asks = [
        bed.ask_token(&token).await,
        bed.ask_refresh(&token, json!({"force": true})).await,
    ];
    for answer in asks {
        assert_eq!(answer.problem(404), "no_provider_tokens");
    }
    assert_eq!(bed.history(&token).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_list_shows_when_the_tokens_of_each_expire() {
    let bed = ProviderBed::new();
    let (token, issued) = bed.sign_in("ada").await;
    bed.server.pass(60);
    let without = bed.server.token_of("ada").await;
    bed.server.pass(60);
    let mut longer = body("ada", &issued);
    longer["expires_in"] = 7200.into();
    let (late, _) = bed.server.create(longer).await;
    let ask = Ask::service("GET", "/sessions/user/ada/sessions");
    let listed = bed.server.send(ask).await.ok();
    let shown: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|session| {
            (
                session["session_id"].as_str().unwrap(),
                session["access_token_expires_at"].as_str(),
            )
        })
        .collect();
    let expected = [
        (handle(&late), Some("2026-01-01T14:02:00Z")),
        (handle(&without), None),
        (handle(&token), Some(IN_AN_HOUR)),
    ];
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn patching_shows_when_the_tokens_expire() {
    let bed = ProviderBed::new();
    let (token, _) = bed.sign_in("ada").await;
    let ask = Ask::service("PATCH", &format!("/sessions/{token}"));
    let patched = bed
        .server
        .send(ask.json(&json!({"metadata": {"a": 1}})))
        .await
        .ok();
    assert_eq!(patched["access_token_expires_at"], IN_AN_HOUR);
    assert_eq!(patched, bed.server.session(&token).await);
}

/// At the limit nothing is begun, so nothing is kept either.
#[tokio::test]
async fn tokens_of_a_session_that_was_refused_are_not_kept() {
    let bed = ProviderBed::limited(SessionLimit {
        max: 1,
        policy: LimitPolicy::Refuse,
    });
    bed.sign_in("ada").await;
    let issued = bed.provider.issue("ada");
    let ask = Ask::service("POST", "/sessions/create").json(&body("ada", &issued));
    let answer = bed.server.send(ask).await;
    assert_eq!(answer.problem(409), "session_limit");
    let kept = bed.stores.grants.count_by_key().await.unwrap();
    assert_eq!(kept.iter().map(|(_, count)| count).sum::<u64>(), 1);
}

/// Many callers, one call of the provider, one live token for all of them.
#[tokio::test]
async fn fifty_who_ask_at_expiry_get_one_new_token() {
    let bed = Arc::new(ProviderBed::new());
    let (token, issued) = bed.sign_in("ada").await;
    bed.server.pass(3601);
    assert!(!bed.provider.takes_access_token(&issued.access_token));
    let asks = (0..50).map(|_| {
        let (bed, token) = (Arc::clone(&bed), token.clone());
        tokio::spawn(async move { bed.ask_token(&token).await.ok() })
    });
    let mut answers = Vec::new();
    for ask in asks.collect::<Vec<_>>() {
        answers.push(ask.await.unwrap());
    }
    assert_eq!(bed.provider.refresh_calls().len(), 1);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let live = answers[0]["access_token"].as_str().unwrap();
    assert!(bed.provider.takes_access_token(live));
    assert!(bed.provider.is_alive(live));
    assert_eq!(answers[0]["expires_at"], "2026-01-01T14:00:01Z");
    let history = bed.history(&token).await;
    assert_eq!(history.len(), 1);
    assert_eq!(history[0]["reason"], "expired");
}

/// Five minutes before its end a token is renewed, and not before.
#[tokio::test]
async fn a_token_that_is_about_to_expire_is_renewed_by_asking_for_it() {
    let bed = ProviderBed::new();
    let (token, issued) = bed.sign_in("ada").await;
    bed.server.pass(55 * 60 - 1);
    let before = bed.ask_token(&token).await.ok();
    assert_eq!(before["access_token"], issued.access_token);
    bed.server.pass(1);
    let after = bed.ask_token(&token).await.ok();
    assert_ne!(after["access_token"], issued.access_token);
    assert_eq!(after["expires_at"], "2026-01-01T13:55:00Z");
    assert_eq!(after["token_type"], "Bearer");
    assert_eq!(after["provider"], "acme");
    assert_eq!(bed.history(&token).await[0]["reason"], "proactive");
    let shown = bed.server.session(&token).await;
    assert_eq!(shown["access_token_expires_at"], "2026-01-01T13:55:00Z");
}

/// A handle proves nothing: with it a service gets no token, and learns nothing.
#[tokio::test]
async fn only_the_whole_session_token_opens_what_is_kept() {
    let bed = ProviderBed::new();
    let (token, issued) = bed.sign_in("ada").await;
    let name = handle(&token);
    let routes = [("GET", "token"), ("POST", "refresh"), ("GET", "refreshes")];
    for (method, route) in routes {
        for wrong in [name, &forged(name), "nonsense"] {
            let path = format!("/sessions/{wrong}/{route}");
            let answer = bed.server.send(Ask::service(method, &path)).await;
            assert_eq!(answer.problem(404), "not_found", "{method} {route}");
        }
        let path = format!("/sessions/{token}/{route}");
        let answer = bed.server.send(Ask::new(method, &path)).await;
        assert_eq!(answer.problem(401), "key_required", "{method} {route}");
        let bearer = Ask::new(method, &path).header("x-session-id", &token);
        let answer = bed.server.send(bearer).await;
        assert_eq!(answer.problem(401), "key_required", "{method} {route}");
        let path = format!("/sessions/{name}/{route}");
        bed.server.send(Ask::admin(method, &path)).await.ok();
    }
    let path = format!("/sessions/{name}/token");
    let seen = bed.server.send(Ask::admin("GET", &path)).await.ok();
    assert_eq!(seen["access_token"], issued.access_token);

    let end = Ask::service("DELETE", &format!("/sessions/{token}"));
    bed.server.send(end).await.ok();
    for (method, route) in routes {
        let path = format!("/sessions/{token}/{route}");
        let answer = bed.server.send(Ask::service(method, &path)).await;
        assert_eq!(
            answer.problem(404),
            "not_found",
            "{method} {route} of an ended one"
        );
    }
}

/// Which provider is meant must be clear.
#[tokio::test]
async fn tokens_need_a_provider_of_the_settings() {
    let bed = ProviderBed::new();
    let (none, several) = (bed.beside(&[]), bed.beside(&["acme", "other"]));
    let issued = bed.provider.issue("ada");
    let of = |provider: &str| {
        let mut body = body("ada", &issued);
        body["provider"] = provider.into();
        body
    };
    let long = "x".repeat(100);
    let cases: Vec<(&Server, Value, &str)> = vec![
        (
            &none,
            body("ada", &issued),
            "The settings of this server name no provider, so it keeps no tokens of one.",
        ),
        (
            &none,
            of("acme"),
            "The settings of this server name no provider, so it keeps no tokens of one.",
        ),
        (
            &several,
            body("ada", &issued),
            "`provider` must say which of `acme`, `other` issued the tokens.",
        ),
        (
            &several,
            of("hunter2"),
            "`provider` must be one of those in the settings: `acme`, `other`.",
        ),
        (
            &bed.server,
            of("hunter2"),
            "`provider` must be one of those in the settings: `acme`.",
        ),
        (
            &bed.server,
            of("ACME"),
            "`provider` must be one of those in the settings: `acme`.",
        ),
        (
            &bed.server,
            of(""),
            "`provider` must be one of those in the settings: `acme`.",
        ),
        (
            &bed.server,
            of(&long),
            "`provider` must be one of those in the settings: `acme`.",
        ),
    ];
    for (server, body, detail) in cases {
        let answer = server
            .send(Ask::service("POST", "/sessions/create").json(&body))
            .await;
        assert_eq!(answer.problem(400), "unknown_provider", "{detail}");
        assert_eq!(answer.json()["detail"], detail);
    }
    let (_, created) = several.create(of("other")).await;
    assert_eq!(created["provider"], "other");
    let kept = bed.stores.grants.count_by_key().await.unwrap();
    assert_eq!(kept.iter().map(|(_, count)| count).sum::<u64>(), 1);
}

#[tokio::test]
async fn a_token_may_be_given_as_expired_or_good_for_a_year() {
    let bed = ProviderBed::new();
    let issued = bed.provider.issue("ada");
    for (seconds, end) in [(0, START), (31_622_400, "2027-01-02T12:00:00Z")] {
        let mut body = body("ada", &issued);
        body["expires_in"] = seconds.into();
        let (_, created) = bed.server.create(body).await;
        assert_eq!(created["access_token_expires_at"], end);
    }
}
