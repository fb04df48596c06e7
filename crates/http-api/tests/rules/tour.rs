//! A session's life as a backend sees it: paths, members and messages of the HTTP API.

use serde_json::{Value, json};

use crate::support::{Ask, START, Server, forged, handle, secret};

const SESSION_MEMBERS: [&str; 16] = [
    "access_token_expires_at",
    "created_at",
    "device_fingerprint",
    "expires_at",
    "idle_expires_at",
    "ip_address",
    "is_active",
    "last_activity",
    "metadata",
    "provider",
    "remember_me",
    "scopes",
    "session_id",
    "state",
    "user_agent",
    "user_id",
];

fn members(value: &Value) -> Vec<&str> {
    let members = value.as_object().unwrap().keys();
    let mut members: Vec<_> = members.map(String::as_str).collect();
    members.sort_unstable();
    members
}

#[tokio::test]
async fn creating_answers_the_session_with_its_token() {
    let server = Server::new();
    let metadata = json!({"role": "editor", "permissions": ["read"], "theme": {"dark": true}});
    let (token, created) = server
        .create(json!({
            "user_id": "ada",
            "timeout": 7200,
            "idle_timeout": 600,
            "metadata": metadata,
            "ip_address": "192.0.2.7",
            "user_agent": "Test/1",
            "device_fingerprint": {"platform": "Linux"},
            "provider": "github",
            "scopes": ["email", "profile"],
        }))
        .await;
    let expected = json!({
        "session_id": token,
        "user_id": "ada",
        "created_at": START,
        "last_activity": START,
        "expires_at": "2026-01-01T14:00:00Z",
        "is_active": true,
        "metadata": metadata,
        "state": "active",
        "provider": "github",
        "scopes": ["email", "profile"],
        "ip_address": "192.0.2.7",
        "user_agent": "Test/1",
        "device_fingerprint": {"platform": "Linux"},
        "remember_me": false,
        "idle_expires_at": "2026-01-01T12:10:00Z",
        "access_token_expires_at": null,
        "evicted": [],
    });
    assert_eq!(created, expected);
}

/// Requirement 1: 32 bytes of entropy in base64url, never the same twice.
#[tokio::test]
async fn a_token_is_a_handle_and_a_fresh_secret_of_32_bytes() {
    let server = Server::new();
    let (one, two) = (server.token_of("ada").await, server.token_of("ada").await);
    let base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    assert_eq!(one.len(), 36 + 1 + 43);
    assert!(secret(&one).bytes().all(base64url));
    assert_ne!(secret(&one), secret(&two));
    assert_ne!(handle(&one), handle(&two));
}

/// Requirement 2: an id that the server did not issue is never adopted.
/// Requirement 17: a body cannot set what is the server's to say.
#[tokio::test]
async fn a_body_sets_neither_the_id_nor_the_deadlines() {
    let server = Server::new();
    let wanted = forged("019a9c2e-7c00-7000-8000-000000000000");
    let far = "2036-01-01T00:00:00Z";
    let theirs = json!({"user_id": "ada", "session_id": wanted, "created_at": far,
        "last_activity": far, "expires_at": far, "state": "suspended", "is_active": false});
    let (token, created) = server.create(theirs).await;
    assert_ne!(handle(&token), handle(&wanted));
    assert!(!server.lets_in(&wanted).await);
    assert_eq!(created["created_at"], START);
    assert_eq!(created["last_activity"], START);
    assert_eq!(created["expires_at"], "2026-01-01T13:00:00Z");
    assert_eq!(created["state"], "active");

    let theirs = json!({"user_id": "eve", "session_id": wanted, "expires_at": far,
        "timeout": 86_400, "idle_timeout": 1});
    let ask = Ask::service("PATCH", &format!("/sessions/{token}")).json(&theirs);
    let patched = server.send(ask).await.ok();
    assert_eq!(patched["session_id"], handle(&token));
    assert_eq!(patched["user_id"], "ada");
    assert_eq!(patched["expires_at"], "2026-01-01T13:00:00Z");
    assert_eq!(patched["idle_expires_at"], Value::Null);
}

#[tokio::test]
async fn validating_names_the_user_and_what_they_may() {
    let server = Server::new();
    let metadata = json!({"role": "editor", "permissions": ["read", "write"]});
    let new = json!({"user_id": "ada", "metadata": metadata});
    let (token, _) = server.create(new).await;
    let expected = json!({
        "valid": true,
        "session_id": handle(&token),
        "user_id": "ada",
        "expires_at": "2026-01-01T13:00:00Z",
        "role": "editor",
        "permissions": ["read", "write"],
        "risk_score": 0.0,
    });
    let ask = Ask::get("/sessions/validate").header("x-session-id", &token);
    let answer = server.send(ask).await;
    assert_eq!(answer.ok(), expected);
    assert_eq!(answer.header("x-session-user"), "ada");
    assert_eq!(answer.header("x-session-expires"), "2026-01-01T13:00:00Z");

    let ask = Ask::service("POST", &format!("/sessions/validate/{token}"));
    assert_eq!(server.send(ask).await.ok(), expected);
}

#[tokio::test]
async fn a_role_that_the_metadata_does_not_name_is_user() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let ask = Ask::service("POST", &format!("/sessions/validate/{token}"));
    let valid = server.send(ask).await.ok();
    assert_eq!(valid["role"], "user");
    assert_eq!(valid["permissions"], json!([]));
}

/// Requirement 43: the secret is in the answer that begins the session, and in no other.
#[tokio::test]
async fn the_secret_is_told_once() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let path = format!("/sessions/{token}");
    let asks = [
        Ask::service("GET", &path),
        Ask::service("POST", &format!("/sessions/validate/{token}")),
        Ask::service("POST", &format!("{path}/activity")),
        Ask::service("POST", &format!("{path}/extend")).json(&json!({"additional_seconds": 60})),
        Ask::service("PATCH", &path).json(&json!({"metadata": {"a": 1}})),
        Ask::service("GET", "/sessions/user/ada/sessions"),
        Ask::service("GET", "/sessions/stats"),
        Ask::get("/sessions/validate").header("x-session-id", &token),
        Ask::service("DELETE", &path),
    ];
    for ask in asks {
        let answer = server.send(ask).await;
        answer.ok();
        let whole = format!("{:?} {}", answer.headers, answer.text());
        assert!(!whole.contains(secret(&token)), "{whole}");
    }
}

#[tokio::test]
async fn getting_shows_the_session_under_its_handle() {
    let server = Server::new();
    let (token, mut created) = server.create(json!({"user_id": "ada"})).await;
    let session = server.session(&token).await;
    assert_eq!(members(&session), SESSION_MEMBERS);
    created["session_id"] = handle(&token).into();
    created.as_object_mut().unwrap().remove("evicted");
    assert_eq!(session, created);
}

#[tokio::test]
async fn extending_moves_the_deadline_and_says_by_how_much() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let ask = Ask::service("POST", &format!("/sessions/{token}/extend"));
    let ask = ask.json(&json!({"additional_seconds": 1800}));
    let expected = json!({
        "message": "Session extended by 1800 seconds",
        "expires_at": "2026-01-01T13:30:00Z",
    });
    assert_eq!(server.send(ask).await.ok(), expected);
    assert_eq!(
        server.session(&token).await["expires_at"],
        "2026-01-01T13:30:00Z"
    );
}

#[tokio::test]
async fn patching_merges_metadata_and_replaces_the_fingerprint() {
    let server = Server::new();
    let new = json!({"user_id": "ada", "metadata": {"keep": 1, "change": {"x": 1}, "drop": 1},
        "device_fingerprint": {"os": "Linux"}});
    let (token, _) = server.create(new).await;
    let path = format!("/sessions/{token}");
    let change = json!({
        "metadata": {"change": {"y": 2}, "drop": null, "new": [1]},
        "device_fingerprint": {"platform": "Linux"},
    });
    let patched = server
        .send(Ask::service("PATCH", &path).json(&change))
        .await
        .ok();
    assert_eq!(members(&patched), SESSION_MEMBERS);
    assert_eq!(patched["session_id"], handle(&token));
    assert_eq!(
        patched["metadata"],
        json!({"keep": 1, "change": {"y": 2}, "new": [1]})
    );
    assert_eq!(patched["device_fingerprint"], json!({"platform": "Linux"}));
    assert_eq!(server.session(&token).await, patched);

    let nothing = Ask::service("PATCH", &path).json(&json!({}));
    assert_eq!(server.send(nothing).await.ok(), patched);
}

#[tokio::test]
async fn activity_is_noted_with_its_time() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    server.pass(90);
    let ask = Ask::service("POST", &format!("/sessions/{token}/activity"));
    let expected = json!({
        "message": "Session activity updated",
        "last_activity": "2026-01-01T12:01:30Z",
    });
    assert_eq!(server.send(ask).await.ok(), expected);
    assert_eq!(
        server.session(&token).await["last_activity"],
        "2026-01-01T12:01:30Z"
    );
}

/// Ending what has ended is 200 while the record is kept, by token and by handle.
/// Requirement 14: nothing revives it.
#[tokio::test]
async fn ending_is_final_and_may_be_repeated() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    for name in [&token, &token, handle(&token)] {
        let ask = Ask::service("DELETE", &format!("/sessions/{name}"));
        let ended = server.send(ask).await.ok();
        assert_eq!(
            ended,
            json!({"message": "Session invalidated successfully"})
        );
        assert!(!server.lets_in(&token).await);
    }
    let ask = Ask::service("POST", &format!("/sessions/validate/{token}"));
    let refused = json!({"valid": false, "reason": "revoked"});
    assert_eq!(server.send(ask).await.ok(), refused);
    let path = format!("/sessions/{token}");
    let asks = [
        Ask::service("GET", &path),
        Ask::service("POST", &format!("{path}/activity")),
        Ask::service("POST", &format!("{path}/extend")).json(&json!({"additional_seconds": 60})),
        Ask::service("PATCH", &path).json(&json!({"metadata": {}})),
    ];
    for ask in asks {
        assert_eq!(server.send(ask).await.problem(404), "not_found");
    }
    assert!(!server.lets_in(&token).await);
}
