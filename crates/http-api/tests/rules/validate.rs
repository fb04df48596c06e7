//! `GET /sessions/validate`: the token alone, by header or cookie, and what a proxy passes on.

use axum::http::HeaderName;
use http_api::ApiConfig;
use serde_json::json;

use crate::support::{Ask, Server, UNKNOWN_HANDLE, forged, handle};

fn validate() -> Ask {
    Ask::get("/sessions/validate")
}

#[tokio::test]
async fn the_header_carries_the_token() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    server
        .send(validate().header("x-session-id", &token))
        .await
        .ok();
}

#[tokio::test]
async fn the_header_may_be_named_otherwise() {
    let session_header = HeaderName::from_static("x-my-session");
    let server = Server::with(ApiConfig {
        session_header,
        ..ApiConfig::default()
    });
    let token = server.token_of("ada").await;
    server
        .send(validate().header("x-my-session", &token))
        .await
        .ok();
    let answer = server.send(validate().header("x-session-id", &token)).await;
    assert_eq!(answer.problem(401), "token_required");
}

/// Requirement 18: where cookies are secure it is the `__Host-` one that counts.
#[tokio::test]
async fn the_cookie_carries_the_token() {
    for (secure_cookies, name, other) in [
        (true, "__Host-session", "session_id"),
        (false, "session_id", "__Host-session"),
    ] {
        let server = Server::with(ApiConfig {
            secure_cookies,
            ..ApiConfig::default()
        });
        let token = server.token_of("ada").await;
        for line in [
            format!("{name}={token}"),
            format!("a=b; {name}={token}; c=d=e"),
            format!("a=b;{name}={token}"),
        ] {
            server.send(validate().header("cookie", line)).await.ok();
        }
        let lines = validate()
            .header("cookie", "a=b")
            .header("cookie", format!("{name}={token}"));
        server.send(lines).await.ok();
        for line in [
            format!("{other}={token}"),
            format!("x{name}={token}"),
            format!("a={name}={token}"),
            format!("{}={token}", name.to_uppercase()),
        ] {
            let answer = server.send(validate().header("cookie", &line)).await;
            assert_eq!(answer.problem(401), "token_required", "{line}");
        }
    }
}

#[tokio::test]
async fn header_and_cookie_may_say_the_same() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let cookie = format!("__Host-session={token}");
    let ask = validate()
        .header("x-session-id", &token)
        .header("cookie", &cookie);
    server.send(ask).await.ok();
    let ask = validate()
        .header("x-session-id", &token)
        .header("x-session-id", &token);
    server.send(ask).await.ok();
}

/// Requirement 20: conflicting or duplicate credentials are refused.
#[tokio::test]
async fn two_different_tokens_are_refused_whether_good_or_not() {
    let server = Server::new();
    let (one, two) = (server.token_of("ada").await, server.token_of("eve").await);
    let wrong = forged(handle(&one));
    let cookie = |token: &str| format!("__Host-session={token}");
    for other in [two.as_str(), &wrong, "nonsense", ""] {
        let conflicts = [
            validate()
                .header("x-session-id", &one)
                .header("cookie", cookie(other)),
            validate()
                .header("x-session-id", other)
                .header("cookie", cookie(&one)),
            validate()
                .header("x-session-id", &one)
                .header("x-session-id", other),
            validate()
                .header("cookie", cookie(&one))
                .header("cookie", cookie(other)),
            validate().header("cookie", format!("{}; {}", cookie(&one), cookie(other))),
        ];
        for ask in conflicts {
            assert_eq!(
                server.send(ask).await.problem(400),
                "conflicting_credentials"
            );
        }
    }
}

/// Requirement 20: credentials in a URL are ignored.
#[tokio::test]
async fn a_token_in_the_query_is_ignored() {
    let server = Server::new();
    let (token, other) = (server.token_of("ada").await, server.token_of("eve").await);
    for name in ["session_id", "X-Session-ID", "token", "access_token"] {
        let path = format!("/sessions/validate?{name}={token}");
        let answer = server.send(Ask::get(&path)).await;
        assert_eq!(answer.problem(401), "token_required");
        // It conflicts with nothing either.
        let answer = server
            .send(Ask::get(&path).header("x-session-id", &other))
            .await;
        assert_eq!(answer.ok()["user_id"], "eve");
    }
}

#[tokio::test]
async fn what_does_not_let_in_is_401_with_a_challenge_and_the_cause() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let revoked = server.token_of("ada").await;
    let end = Ask::service("DELETE", &format!("/sessions/{revoked}"));
    server.send(end).await.ok();
    let (expired, _) = server
        .create(json!({"user_id": "ada", "timeout": 300}))
        .await;
    server.pass(300);
    let with_more = format!("{token}A");
    let upper_case = token.to_uppercase();
    let cases = [
        (forged(handle(&token)), "session_unknown"),
        (forged(UNKNOWN_HANDLE), "session_unknown"),
        // To one without the secret a dead session looks like none.
        (forged(handle(&revoked)), "session_unknown"),
        (forged(handle(&expired)), "session_unknown"),
        (with_more, "session_unknown"),
        (upper_case, "session_unknown"),
        ("null".to_owned(), "session_unknown"),
        (revoked, "session_revoked"),
        (expired, "session_expired"),
    ];
    for (wrong, code) in cases {
        let answer = server.send(validate().header("x-session-id", &wrong)).await;
        assert_eq!(answer.problem(401), code, "{wrong}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert_eq!(answer.header("x-session-user"), "");
        assert_eq!(
            answer.header("set-cookie"),
            "",
            "nobody is signed out by it"
        );
    }
    let answer = server.send(validate()).await;
    assert_eq!(answer.problem(401), "token_required");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert!(server.lets_in(&token).await);
}

#[tokio::test]
async fn by_path_the_cause_is_in_the_body() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let (expired, _) = server
        .create(json!({"user_id": "ada", "timeout": 300}))
        .await;
    server.pass(300);
    let wrong = forged(handle(&token));
    for (wrong, reason) in [
        (&*expired, "expired"),
        (&wrong, "unknown"),
        ("x", "unknown"),
    ] {
        let ask = Ask::service("POST", &format!("/sessions/validate/{wrong}"));
        let expected = json!({"valid": false, "reason": reason});
        assert_eq!(server.send(ask).await.ok(), expected);
    }
}

/// Requirement 45: a user id that is no header value stays inside of its header.
#[tokio::test]
async fn the_user_is_named_in_a_header_percent_encoded() {
    for (user_id, encoded) in [
        ("ada", "ada"),
        ("ada@example.org", "ada@example.org"),
        ("käthe", "k%C3%A4the"),
        ("名", "%E5%90%8D"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("%C3%A4", "%25C3%25A4"),
        ("a,\"b\";c=d", "a,\"b\";c=d"),
    ] {
        let server = Server::new();
        let token = server.token_of(user_id).await;
        let answer = server.send(validate().header("x-session-id", &token)).await;
        assert_eq!(answer.ok()["user_id"], user_id);
        assert_eq!(answer.header("x-session-user"), encoded);
    }
}

/// For proxies that ask with HEAD.
#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let head = || Ask::new("HEAD", "/sessions/validate");
    let answer = server.send(head().header("x-session-id", &token)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-session-user"), "ada");
    assert_eq!(answer.text(), "");
    assert_eq!(server.send(head()).await.status, 401);
}

#[tokio::test]
async fn validating_counts_as_activity() {
    let server = Server::new();
    let new = json!({"user_id": "ada", "idle_timeout": 60});
    let (token, _) = server.create(new).await;
    for _ in 0..3 {
        server.pass(59);
        assert!(server.lets_in(&token).await);
    }
    assert_eq!(
        server.session(&token).await["last_activity"],
        "2026-01-01T12:02:57Z"
    );
}
