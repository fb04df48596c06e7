use scripted_provider::Endpoint;

use super::browser::{Bed, PUBLIC, callback, query};
use crate::support::Ask;

/// Requirements 23 and 35.
#[tokio::test]
async fn a_login_sends_the_browser_to_the_provider() {
    let bed = Bed::new();
    let answer = bed.browser().visit("/auth/login/one").await;
    assert_eq!(answer.status, 303);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    let url = answer.header("location");
    assert!(url.starts_with(&format!("{}?", bed.one.url(Endpoint::Authorization))));
    let sent = query(url);
    assert_eq!(sent["response_type"], "code");
    assert_eq!(sent["redirect_uri"], format!("{PUBLIC}/auth/callback"));
    assert_eq!(sent["code_challenge_method"], "S256");
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(sent[name].len(), 43, "{name}");
    }
}

#[tokio::test]
async fn who_signs_nobody_in_is_not_found() {
    let bed = Bed::new();
    let long = "a".repeat(65);
    for name in ["three", "ONE", "one%00", "%2e%2e", "one;x", &long] {
        let answer = bed
            .server
            .send(Ask::get(&format!("/auth/login/{name}")))
            .await;
        assert_eq!(answer.problem(404), "provider_not_found", "{name}");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}

/// Requirement 25: nothing is begun, and nobody is sent anywhere. `app` has the long list.
#[tokio::test]
async fn a_login_leads_only_where_it_may() {
    let bed = Bed::new();
    for wanted in [
        "",
        "/",
        "/app",
        "//evil.example",
        "/%09/evil.example",
        "/app/..%2f..//evil.example",
        "/app/%2e%2e/%2e%2e",
        "/app//evil.example",
        "/app/\\evil.example",
        "/app/\r\nSet-Cookie: a=b",
        "/app/\u{0}",
        "https://evil.example/app/",
        "https://app.example.org/in?x=1",
        "https://app.example.org/in@evil.example",
        "http://app.example.org/in",
        "javascript:alert(1)//app/",
    ] {
        let escaped = serde_urlencoded::to_string([("return_to", wanted)]).unwrap();
        let ask = Ask::get(&format!("/auth/login/one?{escaped}"));
        let answer = bed.server.send(ask).await;
        assert_eq!(answer.problem(400), "return_to_refused", "{wanted:?}");
        assert!(!answer.headers.contains_key("location"), "{wanted:?}");
        assert!(!answer.headers.contains_key("set-cookie"), "{wanted:?}");
    }
    let twice = "/auth/login/one?return_to=/app/a&return_to=//evil.example";
    let answer = bed.server.send(Ask::get(twice)).await;
    assert_eq!(answer.problem(400), "malformed_query");
    assert_eq!(
        bed.one.count(Endpoint::Discovery),
        0,
        "nobody was asked anything"
    );
}

/// Requirement 21: another site can send people here; it cannot load this as a part of its page, and
/// use up the user's logins with it.
#[tokio::test]
async fn only_people_who_go_there_begin_a_login() {
    let bed = Bed::new();
    let ask = |site: &str, mode: &str, to: &str| {
        Ask::get("/auth/login/one")
            .header("sec-fetch-site", site)
            .header("sec-fetch-mode", mode)
            .header("sec-fetch-dest", to)
    };
    for (site, mode, to) in [
        ("cross-site", "no-cors", "image"),
        ("cross-site", "navigate", "iframe"),
        ("cross-site", "cors", "empty"),
        ("same-site", "no-cors", "script"),
        ("cross-site", "no-cors", "document"),
    ] {
        let answer = bed.server.send(ask(site, mode, to)).await;
        assert_eq!(answer.problem(403), "cross_site", "{site} {mode} {to}");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    for (site, mode, to) in [
        ("cross-site", "navigate", "document"),
        ("same-site", "navigate", "document"),
        ("same-origin", "cors", "empty"),
        ("none", "navigate", "document"),
    ] {
        let answer = bed.server.send(ask(site, mode, to)).await;
        assert_eq!(answer.status, 303, "{site} {mode} {to}");
    }
    assert_eq!(
        bed.server.send(Ask::get("/auth/login/one")).await.status,
        303
    );
}

/// Requirements 11 and 21: the session that somebody has would end with the login, and a provider that
/// knows them asks nothing.
#[tokio::test]
async fn another_site_does_not_send_somebody_into_a_login_who_is_signed_in() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    bed.one.sign_in_as("ada");
    let url = browser.start("/auth/login/one?return_to=/app/a").await;
    assert_eq!(browser.visit(&callback(&bed.one, &url)).await.status, 303);
    let answer = browser.visit("/auth/login/one").await;
    assert_eq!(answer.problem(403), "signed_in");
    assert!(!answer.headers.contains_key("set-cookie"));
    browser.start("/auth/login/one").await;
    // A cookie of a session that is over keeps nobody out.
    bed.server.pass(9 * 3600);
    assert_eq!(browser.visit("/auth/login/one").await.status, 303);
}

/// Requirement 29.
#[tokio::test]
async fn logins_from_one_address_are_counted() {
    let bed = Bed::new();
    let ask = || Ask::get("/auth/login/one").peer("192.0.2.7");
    for _ in 0..50 {
        assert_eq!(bed.server.send(ask()).await.status, 303);
    }
    let answer = bed.server.send(ask()).await;
    assert_eq!(answer.problem(429), "rate_limited");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    let answer = bed
        .server
        .send(Ask::get("/auth/callback").peer("192.0.2.7"))
        .await;
    assert_eq!(answer.problem(429), "rate_limited");
    let elsewhere = Ask::get("/auth/login/one").peer("192.0.2.8");
    assert_eq!(bed.server.send(elsewhere).await.status, 303);
}
