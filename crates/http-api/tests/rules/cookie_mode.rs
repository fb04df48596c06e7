//! Browsers: the token as a cookie, and which pages may use it (requirements 18 to 22).

use http_api::ApiConfig;
use serde_json::json;

use crate::support::{Answer, Ask, PASSWORD, Server, handle, login};

const APP: &str = "https://app.example.org";

fn server() -> Server {
    Server::with(ApiConfig {
        allowed_origins: vec![APP.to_owned()],
        ..ApiConfig::default()
    })
}

async fn signed_in(server: &Server, more: serde_json::Value) -> Answer {
    let ask = login("ada@example.org", PASSWORD, more);
    server
        .send(ask.header("sec-fetch-site", "same-origin"))
        .await
}

/// The value and the attributes.
fn parts(cookie: &str) -> (&str, Vec<&str>) {
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    let value = pair.strip_prefix("__Host-session=").unwrap();
    (value, attributes.split("; ").collect())
}

#[tokio::test]
async fn in_cookie_mode_the_token_is_in_the_cookie_alone() {
    let server = server();
    server.account("ada@example.org").await;
    let answer = signed_in(&server, json!({"cookie": true})).await;
    let body = answer.ok();
    let (token, attributes) = parts(answer.header("set-cookie"));
    assert_eq!(attributes, ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"]);
    assert!(answer.header("set-cookie").len() < 4096);
    assert_eq!(body["session_id"], handle(token));
    assert!(!answer.text().contains(token));
    assert!(server.lets_in(token).await);
    // To be remembered, the browser has to keep it.
    let answer = signed_in(&server, json!({"cookie": true, "remember_me": true})).await;
    let (_, attributes) = parts(answer.header("set-cookie"));
    assert_eq!(attributes.last(), Some(&"Max-Age=2592000"));
    // In header mode there is none.
    let answer = signed_in(&server, json!({})).await;
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn where_cookies_are_not_secure_the_name_promises_nothing() {
    let server = Server::with(ApiConfig {
        secure_cookies: false,
        ..ApiConfig::default()
    });
    server.account("ada@example.org").await;
    let answer = signed_in(&server, json!({"cookie": true})).await;
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("session_id=") && !cookie.contains("Secure"),
        "{cookie}"
    );
}

/// What a cookie alone speaks for must come from a page of this site, or of one that is allowed.
#[tokio::test]
async fn a_cookie_is_no_proof_of_intent() {
    let server = server();
    server.account("ada@example.org").await;
    let answer = signed_in(&server, json!({"cookie": true})).await;
    let (token, _) = parts(answer.header("set-cookie"));
    let cookie = format!("__Host-session={token}");
    let unsafe_routes = [
        ("POST", "/auth/sessions/refresh"),
        ("POST", "/auth/sessions/logout"),
        ("POST", "/auth/logout"),
        ("POST", "/auth/logout-all"),
        ("DELETE", "/auth/sessions"),
        ("DELETE", "/auth/sessions/all"),
        (
            "DELETE",
            "/auth/sessions/019a9c2e-7c00-7000-8000-000000000000",
        ),
        (
            "POST",
            "/auth/sessions/019a9c2e-7c00-7000-8000-000000000000/extend",
        ),
        ("POST", "/auth/password"),
    ];
    for (method, path) in unsafe_routes {
        let ask = || Ask::new(method, path).header("cookie", &cookie);
        let foreign = [
            ask(),
            ask().header("sec-fetch-site", "cross-site"),
            ask().header("sec-fetch-site", "same-site"),
            ask().header("sec-fetch-site", "none"),
            ask()
                .header("origin", "https://evil.example")
                .header("host", "api.example.org"),
            ask()
                .header("origin", "null")
                .header("host", "api.example.org"),
            ask()
                .header("origin", "http://api.example.org")
                .header("host", "api.example.org"),
            ask().header("origin", "https://app.example.org.evil.example"),
            ask()
                .header("sec-fetch-site", "cross-site")
                .header("origin", "https://evil.example"),
        ];
        for ask in foreign {
            let answer = server.send(ask).await;
            assert_eq!(answer.problem(403), "cross_site", "{path}");
            assert!(!answer.headers.contains_key("set-cookie"), "{path}");
        }
    }
    assert!(server.lets_in(token).await, "nothing was done");
    // Reading is for any page that the browser lets.
    let read = Ask::get("/auth/me").header("cookie", &cookie);
    server.send(read).await.ok();
    // Own pages, and those that are allowed.
    let refresh = || Ask::new("POST", "/auth/sessions/refresh").header("cookie", &cookie);
    let own = [
        refresh().header("sec-fetch-site", "same-origin"),
        refresh()
            .header("origin", APP)
            .header("sec-fetch-site", "same-site"),
        refresh().header("origin", APP),
        refresh()
            .header("origin", "https://api.example.org")
            .header("host", "api.example.org"),
    ];
    for ask in own {
        let answer = server.send(ask).await;
        let body = answer.ok();
        assert_eq!(body["session_id"], handle(token));
        assert!(
            !answer.headers.contains_key("set-cookie"),
            "the token is the same"
        );
    }
    // Rotated, the new one comes as a cookie too.
    let ask = refresh().header("sec-fetch-site", "same-origin");
    let answer = server.send(ask.json(&json!({"rotate": true}))).await;
    assert_eq!(answer.ok()["session_id"], handle(token));
    let (next, _) = parts(answer.header("set-cookie"));
    assert_ne!(next, token);
    assert!(!answer.text().contains(next));
    // And the way out takes it away.
    let ask = Ask::new("POST", "/auth/sessions/logout").header("sec-fetch-site", "same-origin");
    let answer = server
        .send(ask.header("cookie", format!("__Host-session={next}")))
        .await;
    answer.ok();
    let (gone, attributes) = parts(answer.header("set-cookie"));
    assert_eq!(gone, "");
    assert_eq!(
        attributes,
        ["Path=/", "HttpOnly", "SameSite=Lax", "Secure", "Max-Age=0"]
    );
    assert!(!server.lets_in(next).await);
}

/// A cookie that is left behind would contradict every token that the client sends from then on.
#[tokio::test]
async fn a_login_without_a_cookie_takes_the_one_before_away() {
    let server = server();
    server.account("ada@example.org").await;
    let answer = signed_in(&server, json!({"cookie": true})).await;
    let (before, _) = parts(answer.header("set-cookie"));
    let cookie = format!("__Host-session={before}");
    let ask = login("ada@example.org", PASSWORD, json!({}));
    let answer = server.send(ask.header("cookie", &cookie)).await;
    let token = answer.ok()["session_id"].as_str().unwrap().to_owned();
    assert!(answer.header("set-cookie").starts_with("__Host-session=; "));
    assert!(!server.lets_in(before).await && server.lets_in(&token).await);
    // Whatever comes along, a login is a way out of it.
    let ask = login("ada@example.org", PASSWORD, json!({}));
    let ask = ask.header("cookie", &cookie).header("x-session-id", &token);
    server.send(ask).await.ok();
    assert!(!server.lets_in(&token).await);
}

/// A session that lives longer is worth nothing to a browser that drops its cookie.
#[tokio::test]
async fn a_session_that_is_extended_keeps_its_cookie() {
    let server = server();
    server.account("ada@example.org").await;
    let answer = signed_in(&server, json!({"cookie": true, "remember_me": true})).await;
    let (token, _) = parts(answer.header("set-cookie"));
    server.pass(86_400);
    let extend = |cookie: &str| {
        let path = format!("/auth/sessions/{}/extend", handle(token));
        Ask::new("POST", &path)
            .header("sec-fetch-site", "same-origin")
            .header("cookie", format!("__Host-session={cookie}"))
    };
    let answer = server.send(extend(token)).await;
    answer.ok();
    let (same, attributes) = parts(answer.header("set-cookie"));
    assert_eq!(same, token);
    assert_eq!(attributes.last(), Some(&"Max-Age=2592000"));
    // Another session's cookie is not this one's.
    let other = signed_in(&server, json!({"cookie": true})).await;
    let (other, _) = parts(other.header("set-cookie"));
    let answer = server.send(extend(other)).await;
    answer.ok();
    assert!(!answer.headers.contains_key("set-cookie"));
}

/// Another site must not sign its visitors in as somebody of its choice.
#[tokio::test]
async fn a_cookie_is_set_for_own_pages_only() {
    let server = server();
    server.account("ada@example.org").await;
    for site in [None, Some("cross-site"), Some("none")] {
        let mut ask = login("ada@example.org", PASSWORD, json!({"cookie": true}));
        if let Some(site) = site {
            ask = ask.header("sec-fetch-site", site);
        }
        let answer = server.send(ask).await;
        assert_eq!(answer.problem(403), "cross_site");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}

/// Requirement 22: exactly those that are listed, and never everyone.
#[tokio::test]
async fn other_sites_read_answers_only_if_they_are_listed() {
    let server = server();
    let preflight = |origin: &str| {
        Ask::new("OPTIONS", "/auth/sessions/refresh")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "content-type,x-session-id",
            )
    };
    let answer = server.send(preflight(APP)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), APP);
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert!(
        answer
            .header("access-control-allow-headers")
            .contains("x-session-id")
    );
    for origin in [
        "https://evil.example",
        "null",
        "https://APP.example.org",
        "http://app.example.org",
    ] {
        let answer = server.send(preflight(origin)).await;
        assert!(
            !answer.headers.contains_key("access-control-allow-origin"),
            "{origin}"
        );
    }
    // Errors can be read as well, or a page could not tell why.
    let ask = Ask::get("/auth/me").header("origin", APP);
    let answer = server.send(ask).await;
    assert_eq!(answer.problem(401), "token_required");
    assert_eq!(answer.header("access-control-allow-origin"), APP);
    // Where none is listed, nothing is said.
    let closed = Server::new();
    let answer = closed.send(preflight(APP)).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}
