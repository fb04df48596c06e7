//! Requirement 24: plain http is refused where https is wanted, never redirected.

use http_api::ApiConfig;

use crate::support::{Ask, Server};

#[tokio::test]
async fn only_what_a_trusted_proxy_says_is_https_is_served() {
    let server = Server::with(ApiConfig {
        trusted_proxies: "10.0.0.0/8".parse().unwrap(),
        require_https: true,
        ..ApiConfig::default()
    });
    let ask = || Ask::service("GET", "/sessions/stats");
    let plain = [
        ask(),
        ask().peer("10.1.1.1"),
        ask().peer("10.1.1.1").header("x-forwarded-proto", "http"),
        ask()
            .peer("10.1.1.1")
            .header("x-forwarded-proto", "https, http"),
        ask().header("x-forwarded-proto", "https"),
        ask().peer("192.0.2.1").header("x-forwarded-proto", "https"),
        ask().peer("192.0.2.1").header("forwarded", "proto=https"),
    ];
    for ask in plain {
        let answer = server.send(ask).await;
        assert_eq!(answer.problem(403), "https_required");
        assert_eq!(answer.header("location"), "");
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=31536000"
        );
    }
    for scheme in ["https", "HTTPS", "http, https"] {
        let ask = ask().peer("10.1.1.1").header("x-forwarded-proto", scheme);
        server.send(ask).await.ok();
    }
    // Probes ask this process directly.
    server
        .send(Ask::get("/health").peer("192.0.2.1"))
        .await
        .ok();
    server.send(Ask::get("/ready").peer("192.0.2.1")).await.ok();
    let open = Server::new();
    let answer = open.send(ask()).await;
    assert_eq!(answer.header("strict-transport-security"), "");
    answer.ok();
}
