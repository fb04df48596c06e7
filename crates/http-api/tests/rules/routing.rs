//! Which handler a path reaches, and what every answer carries, whatever it answers.

use crate::support::{Answer, Ask, Log, Server, UNKNOWN_HANDLE, handle};
use http_api::ApiConfig;
use serde_json::json;

/// `stats` and `validate` stand where a session's id stands, and are not taken for one.
#[tokio::test]
async fn stats_and_validate_are_reached_and_not_taken_for_an_id() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let stats = server
        .send(Ask::service("GET", "/sessions/stats"))
        .await
        .ok();
    let expected = json!({
        "active_sessions": 1,
        "expired_sessions": 0,
        "unique_users": 1,
        "sessions_per_user": {"ada": 1},
        "total_sessions": 1,
    });
    assert_eq!(stats, expected);

    let ask = Ask::get("/sessions/validate").header("x-session-id", &token);
    assert_eq!(server.send(ask).await.ok()["valid"], true);
    // With a key it is the same route still, and wants a token.
    let answer = server.send(Ask::service("GET", "/sessions/validate")).await;
    assert_eq!(answer.problem(401), "token_required");
}

#[tokio::test]
async fn a_trailing_slash_makes_no_difference() {
    let server = Server::new();
    let create = Ask::service("POST", "/sessions/create/").json(&json!({"user_id": "ada"}));
    let created = server.send(create).await.ok();
    let token = created["session_id"].as_str().unwrap();
    let extend = Ask::service("POST", &format!("/sessions/{token}/extend/"));
    let asks = [
        Ask::get("/sessions/validate/").header("x-session-id", token),
        Ask::service("POST", &format!("/sessions/validate/{token}/")),
        Ask::service("GET", "/sessions/stats/"),
        Ask::service("GET", &format!("/sessions/{token}/")),
        Ask::service("POST", &format!("/sessions/{token}/activity/")),
        extend.json(&json!({"additional_seconds": 60})),
        Ask::service("PATCH", &format!("/sessions/{token}/")).json(&json!({})),
        Ask::service("GET", "/sessions/user/ada/sessions/"),
        // The query is kept.
        Ask::service("DELETE", &format!("/sessions/user/ada/?except={token}")),
        Ask::service("DELETE", &format!("/sessions/{token}/")),
        Ask::service("DELETE", "/sessions/user/ada/"),
        Ask::get("/health/"),
        Ask::get("/ready/"),
        Ask::get("/health/sessions/"),
    ];
    for ask in asks {
        server.send(ask).await.ok();
    }
}

/// A path that lost its user id must not end anyone's sessions.
#[tokio::test]
async fn an_empty_user_id_in_the_path_reaches_no_user() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    for path in ["/sessions/user/", "/sessions/user", "/sessions/user//"] {
        let answer = server.send(Ask::service("DELETE", path)).await;
        assert_eq!(answer.problem(404), "not_found", "{path}");
    }
    assert!(server.lets_in(&token).await);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let server = Server::new();
    for path in [
        "/",
        "//",
        "/nope",
        "/sessions",
        "/sessions/a/b",
        "/sessions/create/x",
    ] {
        for method in ["GET", "POST"] {
            let answer = server.send(Ask::service(method, path)).await;
            assert_eq!(answer.problem(404), "no_such_route", "{method} {path}");
        }
    }
    let answer = server.send(Ask::get("/docs/nope")).await;
    assert_eq!(answer.problem(404), "no_such_route");
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_the_right_ones() {
    let server = Server::new();
    let session = format!("/sessions/{UNKNOWN_HANDLE}");
    let cases: [(&str, &str, &[&str]); 8] = [
        ("PUT", "/sessions/create", &["POST"]),
        ("DELETE", "/sessions/validate", &["GET", "HEAD"]),
        ("POST", "/sessions/stats", &["GET", "HEAD"]),
        ("PUT", &session, &["DELETE", "GET", "HEAD", "PATCH"]),
        ("OPTIONS", &session, &["DELETE", "GET", "HEAD", "PATCH"]),
        ("GET", "/sessions/validate/x", &["POST"]),
        ("PATCH", "/sessions/user/ada", &["DELETE"]),
        ("DELETE", "/health", &["GET", "HEAD"]),
    ];
    for (method, path, allowed) in cases {
        let answer = server.send(Ask::service(method, path)).await;
        assert_eq!(answer.problem(405), "method_not_allowed", "{method} {path}");
        let mut allow: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
        allow.sort_unstable();
        assert_eq!(allow, allowed, "{method} {path}");
    }
}

/// One of each kind of answer.
async fn every_kind_of_answer(server: &Server) -> Vec<Answer> {
    let token = server.token_of("ada").await;
    let asks = [
        Ask::get("/health"),
        Ask::get("/ready"),
        Ask::get("/openapi.json"),
        Ask::get("/docs"),
        Ask::get("/sessions/validate").header("x-session-id", &token),
        Ask::service("POST", "/sessions/create").json(&json!({"user_id": "ada"})),
        Ask::service("GET", &format!("/sessions/{token}")),
        Ask::service("POST", "/sessions/create").json_text("{"),
        Ask::get("/sessions/validate"),
        Ask::service("GET", "/sessions/nope"),
        Ask::get("/nope"),
        Ask::new("PUT", "/health"),
        Ask::service("POST", "/sessions/create").json_text(vec![b' '; 100_000]),
        Ask::get(&format!("/{}", "a".repeat(9000))),
        Ask::service("POST", "/sessions/create").bytes(b"{}".to_vec()),
        Ask::get("/health").header("x-long", "a".repeat(20_000)),
    ];
    let mut answers = Vec::new();
    for ask in asks {
        answers.push(server.send(ask).await);
    }
    answers
}

/// Requirement 23: security headers on every route.
#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let server = Server::new();
    let answers = every_kind_of_answer(&server).await;
    let mut statuses: Vec<_> = answers.iter().map(|a| a.status.as_u16()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [200, 303, 400, 401, 404, 405, 413, 414, 415, 431]);
    for answer in answers {
        let name = format!("{} {}", answer.status, answer.text());
        assert!(!answer.header("x-request-id").is_empty(), "{name}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{name}");
        assert_eq!(answer.header("cache-control"), "no-store", "{name}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{name}");
        let policy = answer.header("content-security-policy");
        assert_eq!(
            policy, "default-src 'none'; frame-ancestors 'none'",
            "{name}"
        );
    }
}

/// Requirement 23: the page for people is opened up to its own parts, and still framed by nobody.
#[tokio::test]
async fn the_documentation_page_has_a_policy_of_its_own() {
    let server = Server::new();
    let answer = server.send(Ask::get("/docs/index.html")).await;
    assert_eq!(answer.status, 200);
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'self'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(
        !policy.contains("unsafe-eval") && !policy.contains('*'),
        "{policy}"
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_plain_request_id_is_kept() {
    let server = Server::new();
    let longest = "a".repeat(64);
    for id in ["abc-DEF_0.9", "1", longest.as_str()] {
        for path in ["/health", "/nope"] {
            let answer = server.send(Ask::get(path).header("x-request-id", id)).await;
            assert_eq!(answer.header("x-request-id"), id);
        }
    }
}

/// Requirement 45: what could break out of a log line does not get into one.
#[tokio::test]
async fn any_other_request_id_is_replaced() {
    let server = Server::new();
    let long = "a".repeat(65);
    // A line's end or an escape sequence cannot be in a header at all.
    let odd = [
        "",
        "a b",
        "a\tb",
        "a\"b",
        "ä",
        "a,b",
        "{}",
        "[31m",
        long.as_str(),
    ];
    for id in odd {
        let answer = server
            .send(Ask::get("/nope").header("x-request-id", id))
            .await;
        let replaced = answer.header("x-request-id").to_owned();
        assert_ne!(replaced, id);
        assert!(!replaced.is_empty() && replaced.len() <= 64, "{replaced}");
        answer.problem(404);
    }
}

#[tokio::test]
async fn no_two_requests_get_the_same_id() {
    let server = Server::new();
    let mut ids = Vec::new();
    for _ in 0..100 {
        let answer = server.send(Ask::get("/health")).await;
        ids.push(answer.header("x-request-id").to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 100);
}

/// A line of the log names the route, never the path, which may hold a token.
#[tokio::test]
async fn the_log_names_the_route_and_not_the_path() {
    let server = Server::with(ApiConfig {
        log_requests: true,
        ..ApiConfig::default()
    });
    let token = server.token_of("ada").await;
    let (log, _guard) = Log::capture();
    server
        .send(Ask::service("GET", &format!("/sessions/{token}")))
        .await
        .ok();
    let line = log.take();
    assert!(line.contains("route=\"/sessions/{session_id}\""), "{line}");
    assert!(
        line.contains("method=GET") && line.contains("status=200"),
        "{line}"
    );
    assert!(!line.contains(handle(&token)), "{line}");
    server
        .send(Ask::get(&format!("/nope/{token}")))
        .await
        .problem(404);
    let line = log.take();
    assert!(
        line.contains("status=404") && !line.contains(handle(&token)),
        "{line}"
    );
}
