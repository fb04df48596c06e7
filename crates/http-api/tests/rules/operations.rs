//! The operations face.

use http_api::ApiConfig;
use serde_json::json;

use crate::support::{Ask, START, Server};

#[tokio::test]
async fn probes_need_no_key() {
    let server = Server::new();
    assert_eq!(
        server.send(Ask::get("/health")).await.ok(),
        json!({"status": "healthy"})
    );
    assert_eq!(
        server.send(Ask::get("/ready")).await.ok(),
        json!({"status": "ready"})
    );
}

#[tokio::test]
async fn the_health_of_sessions_names_the_store() {
    for (store_name, redis_connection) in [
        ("memory", "not_configured"),
        ("sqlite", "not_configured"),
        ("redis", "healthy"),
    ] {
        let server = Server::with(ApiConfig {
            store_name,
            ..ApiConfig::default()
        });
        let expected = json!({
            "redis_connection": redis_connection,
            "store": store_name,
            "store_connection": "healthy",
            "audit": {"written": 0, "dropped": 0, "failures": 0, "lost": 0},
            "timestamp": START,
        });
        assert_eq!(
            server.send(Ask::get("/health/sessions")).await.ok(),
            expected
        );
    }
}

/// Requirement 57: readiness fails first; everything else goes on.
#[tokio::test]
async fn a_server_that_is_about_to_stop_is_not_ready_and_serves_on() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    server.api.start_draining();
    let answer = server.send(Ask::get("/ready")).await;
    assert_eq!(answer.problem(503), "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    server.send(Ask::get("/health")).await.ok();
    assert!(server.lets_in(&token).await);
    server.token_of("ada").await;
}
