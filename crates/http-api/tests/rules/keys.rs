//! Who may use the service face, and what a bare handle is good for.

use crate::support::{
    ADMIN_KEY, Ask, SERVICE_KEY, Server, UNKNOWN_HANDLE, UNKNOWN_KEY, forged, handle,
};
use serde_json::json;

/// A request to each route that wants a key, without one.
fn keyed_routes(session: &str) -> Vec<Ask> {
    let path = format!("/sessions/{session}");
    vec![
        Ask::new("POST", "/sessions/create").json(&json!({"user_id": "ada"})),
        Ask::new("POST", &format!("/sessions/validate/{session}")),
        Ask::new("GET", &path),
        Ask::new("POST", &format!("{path}/activity")),
        Ask::new("POST", &format!("{path}/extend")).json(&json!({"additional_seconds": 60})),
        Ask::new("PATCH", &path).json(&json!({"metadata": {}})),
        Ask::new("GET", "/sessions/user/ada/sessions"),
        Ask::new("GET", "/sessions/stats"),
        Ask::new("DELETE", &path),
        Ask::new("DELETE", "/sessions/user/ada"),
    ]
}

/// Requirement 42: refused by default.
#[tokio::test]
async fn without_a_key_nothing_is_done() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    for ask in keyed_routes(&token) {
        let answer = server.send(ask).await;
        assert_eq!(answer.problem(401), "key_required");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    assert!(server.lets_in(&token).await);
}

#[tokio::test]
async fn an_unknown_key_does_nothing() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    for ask in keyed_routes(&token) {
        let answer = server.send(ask.bearer(UNKNOWN_KEY)).await;
        assert_eq!(answer.problem(401), "key_unknown");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    // A beginning of a key, a longer one, one of another case, a session's token: none of them.
    let mut longer = SERVICE_KEY.to_owned();
    longer.push('x');
    let (shorter, other_case) = (&SERVICE_KEY[..40], SERVICE_KEY.to_lowercase());
    for key in [&longer, shorter, &other_case, &token, ""] {
        let answer = server
            .send(Ask::get("/sessions/stats").header("x-api-key", key))
            .await;
        assert_eq!(answer.problem(401), "key_unknown");
    }
    assert!(server.lets_in(&token).await);
}

#[tokio::test]
async fn a_service_key_and_an_admin_key_do_in_either_header() {
    for key in [SERVICE_KEY, ADMIN_KEY] {
        let server = Server::new();
        let token = server.token_of("ada").await;
        for ask in keyed_routes(&token) {
            server.send(ask.bearer(key)).await.ok();
        }
        let token = server.token_of("ada").await;
        for ask in keyed_routes(&token) {
            server.send(ask.header("x-api-key", key)).await.ok();
        }
        let lower_case =
            Ask::get("/sessions/stats").header("authorization", format!("bearer {key}"));
        server.send(lower_case).await.ok();
    }
}

/// A session's own header is for end users, not for backends.
#[tokio::test]
async fn a_session_token_is_no_key() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    for ask in keyed_routes(&token) {
        let answer = server.send(ask.header("x-session-id", &token)).await;
        assert_eq!(answer.problem(401), "key_required");
    }
}

/// Requirement 20: conflicting credentials are refused, and the same one twice is one.
#[tokio::test]
async fn two_different_keys_are_refused() {
    let server = Server::new();
    let stats = || Ask::get("/sessions/stats");
    let conflicts = [
        stats().bearer(SERVICE_KEY).header("x-api-key", ADMIN_KEY),
        stats().bearer(SERVICE_KEY).header("x-api-key", UNKNOWN_KEY),
        stats().bearer(SERVICE_KEY).bearer(ADMIN_KEY),
        stats()
            .header("x-api-key", UNKNOWN_KEY)
            .header("x-api-key", SERVICE_KEY),
    ];
    for ask in conflicts {
        assert_eq!(
            server.send(ask).await.problem(400),
            "conflicting_credentials"
        );
    }
    let same = stats().bearer(SERVICE_KEY).header("x-api-key", SERVICE_KEY);
    server.send(same).await.ok();
}

/// Requirement 20: a URL carries no credential.
#[tokio::test]
async fn a_key_in_the_query_is_ignored() {
    let server = Server::new();
    for name in ["key", "api_key", "x-api-key", "access_token"] {
        let ask = Ask::get(&format!("/sessions/stats?{name}={SERVICE_KEY}"));
        assert_eq!(server.send(ask).await.problem(401), "key_required");
    }
}

/// What a service may not do by a bare handle.
fn asks_of_proof(session: &str) -> Vec<Ask> {
    let path = format!("/sessions/{session}");
    vec![
        Ask::new("GET", &path),
        Ask::new("POST", &format!("/sessions/validate/{session}")),
        Ask::new("POST", &format!("{path}/activity")),
        Ask::new("POST", &format!("{path}/extend")).json(&json!({"additional_seconds": 60})),
        Ask::new("PATCH", &path).json(&json!({"metadata": {"a": 1}})),
    ]
}

/// Requirement 17: a handle answers exactly as an unknown one, but for the request id.
#[tokio::test]
async fn to_a_service_a_bare_handle_is_as_good_as_unknown() {
    let server = Server::new();
    let (token, created) = server.create(json!({"user_id": "ada"})).await;
    let known = asks_of_proof(handle(&token));
    let unknown = asks_of_proof(UNKNOWN_HANDLE);
    for (known, unknown) in known.into_iter().zip(unknown) {
        let known = server.send(known.bearer(SERVICE_KEY)).await;
        let unknown = server.send(unknown.bearer(SERVICE_KEY)).await;
        assert_eq!(known.problem(404), "not_found");
        assert_eq!(known.without_request_id(), unknown.without_request_id());
    }
    let session = server.session(&token).await;
    assert_eq!(session["expires_at"], created["expires_at"]);
    assert_eq!(session["metadata"], json!({}));
}

/// Requirement 17: a wrong secret answers exactly as an unknown session.
#[tokio::test]
async fn a_wrong_secret_is_as_good_as_unknown() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let asks = |session: &str| {
        let end = Ask::new("DELETE", &format!("/sessions/{session}"));
        asks_of_proof(session).into_iter().chain([end])
    };
    for key in [SERVICE_KEY, ADMIN_KEY] {
        let (wrong, unknown) = (asks(&forged(handle(&token))), asks(&forged(UNKNOWN_HANDLE)));
        for (wrong, unknown) in wrong.zip(unknown) {
            let wrong = server.send(wrong.bearer(key)).await;
            let unknown = server.send(unknown.bearer(key)).await;
            assert_eq!(wrong.without_request_id(), unknown.without_request_id());
            // Validation answers 200 either way, and says no in the body.
            if wrong.status == 200 {
                assert_eq!(wrong.json(), json!({"valid": false, "reason": "unknown"}));
            } else {
                assert_eq!(wrong.problem(404), "not_found");
            }
        }
    }
    assert!(server.lets_in(&token).await);
}

/// A "your devices" page is built from the list, so a service may end by what it shows.
#[tokio::test]
async fn a_service_ends_a_session_by_its_handle() {
    let server = Server::new();
    let (token, other) = (server.token_of("ada").await, server.token_of("ada").await);
    let end = |name: &str| Ask::service("DELETE", &format!("/sessions/{name}"));
    server.send(end(handle(&token))).await.ok();
    assert!(!server.lets_in(&token).await);
    assert!(server.lets_in(&other).await);
    assert_eq!(
        server.send(end(UNKNOWN_HANDLE)).await.problem(404),
        "not_found"
    );
}

#[tokio::test]
async fn an_admin_acts_by_handle() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let path = format!("/sessions/{}", handle(&token));
    let asks = [
        Ask::admin("GET", &path),
        Ask::admin("POST", &format!("{path}/activity")),
        Ask::admin("POST", &format!("{path}/extend")).json(&json!({"additional_seconds": 60})),
        Ask::admin("PATCH", &path).json(&json!({"metadata": {"a": 1}})),
        Ask::admin("DELETE", &path),
    ];
    for ask in asks {
        server.send(ask).await.ok();
    }
    assert!(!server.lets_in(&token).await);
    let path = format!("/sessions/{UNKNOWN_HANDLE}");
    assert_eq!(
        server.send(Ask::admin("GET", &path)).await.problem(404),
        "not_found"
    );
}

/// A handle is a credential nowhere, whoever brings it.
#[tokio::test]
async fn a_handle_does_not_let_in() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    assert!(!server.lets_in(handle(&token)).await);
    let cookie = format!("__Host-session={}", handle(&token));
    let answer = server
        .send(Ask::get("/sessions/validate").header("cookie", cookie))
        .await;
    assert_eq!(answer.problem(401), "session_unknown");
    let path = format!("/sessions/validate/{}", handle(&token));
    for ask in [Ask::service("POST", &path), Ask::admin("POST", &path)] {
        assert_ne!(server.send(ask).await.json()["valid"], true);
    }
}
