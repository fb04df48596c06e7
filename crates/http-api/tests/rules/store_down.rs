//! Requirement 50: the store is down: nobody gets in, nobody is signed out.

use std::sync::Arc;

use app::{Freshness, SessionPolicy};
use chrono::TimeDelta;
use http_api::ApiConfig;
use serde_json::json;
use session_core::ports::{MockSessionStore, SessionStore as _, StoreError, StoreErrorKind};
use store_memory::MemoryStore;

use crate::support::{Answer, Ask, Log, Server, UNKNOWN_HANDLE, forged};

/// What a database might say, which is for the log alone.
const CAUSE: &str = "near \"SELECT\": disk I/O error in /srv/sessions.db";

/// A store of which every call fails this way.
fn failing(kind: StoreErrorKind) -> MockSessionStore {
    let mut store = MockSessionStore::new();
    macro_rules! fails {
        ($($method:ident($($argument:pat_param),*)),+) => {
            $(store.$method().returning(move |$($argument),*| {
                Err(StoreError::new(kind, "do it", CAUSE))
            });)+
        };
    }
    fails!(
        expect_create(_, _),
        expect_find(_),
        expect_touch(_),
        expect_extend(_, _, _)
    );
    fails!(
        expect_update(_, _, _, _),
        expect_end(_, _),
        expect_suspend(_, _, _),
        expect_end_user_sessions(_, _, _, _)
    );
    fails!(
        expect_list(_, _, _),
        expect_stats(_),
        expect_sweep(_, _, _),
        expect_check()
    );
    store
}

fn over(store: MockSessionStore) -> Server {
    let config = ApiConfig {
        log_requests: true,
        ..ApiConfig::default()
    };
    Server::over(Arc::new(store), config, SessionPolicy::default())
}

/// Every route that asks the store.
fn asks(token: &str) -> Vec<Ask> {
    let path = format!("/sessions/{token}");
    let cookie = format!("__Host-session={token}");
    vec![
        Ask::get("/sessions/validate").header("x-session-id", token),
        Ask::get("/sessions/validate").header("cookie", cookie),
        Ask::service("POST", &format!("/sessions/validate/{token}")),
        Ask::service("POST", "/sessions/create").json(&json!({"user_id": "ada"})),
        Ask::service("GET", &path),
        Ask::service("POST", &format!("{path}/activity")),
        Ask::service("POST", &format!("{path}/extend")).json(&json!({"additional_seconds": 60})),
        Ask::service("PATCH", &path).json(&json!({"metadata": {}})),
        Ask::service("GET", &format!("{path}/token")),
        Ask::service("POST", &format!("{path}/refresh")),
        Ask::service("GET", &format!("{path}/refreshes")),
        Ask::service("DELETE", &path),
        Ask::service("DELETE", "/sessions/user/ada"),
        Ask::service("DELETE", &format!("/sessions/user/ada?except={token}")),
        Ask::service("GET", "/sessions/user/ada/sessions"),
        Ask::service("GET", "/sessions/stats"),
        Ask::admin("GET", &format!("/sessions/{UNKNOWN_HANDLE}")),
        Ask::service("DELETE", &format!("/sessions/{UNKNOWN_HANDLE}")),
        Ask::get("/ready"),
    ]
}

#[track_caller]
fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.problem(503), "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("www-authenticate"), "");
    assert_eq!(answer.header("set-cookie"), "");
}

/// Requirement 7: what the store says of itself is in the log and not in the answer.
#[tokio::test]
async fn every_route_answers_503_with_retry_after() {
    let server = over(failing(StoreErrorKind::Unavailable));
    let (log, _guard) = Log::capture();
    for ask in asks(&forged(UNKNOWN_HANDLE)) {
        let answer = server.send(ask).await;
        assert_unavailable(&answer);
        assert!(!answer.text().contains("SELECT"), "{}", answer.text());
        let log = log.take();
        assert!(log.contains("SELECT"), "the cause is in the log: {log}");
        assert!(log.contains(answer.header("x-request-id")), "{log}");
        assert!(!log.contains(&"A".repeat(43)), "{log}");
    }
}

/// Data that cannot be read is nobody's fault outside, and nothing of it is told.
#[tokio::test]
async fn damaged_data_and_faults_of_ours_are_500_and_nobody_gets_in() {
    for kind in [StoreErrorKind::Corrupt, StoreErrorKind::Internal] {
        let server = over(failing(kind));
        for ask in asks(&forged(UNKNOWN_HANDLE)) {
            let answer = server.send(ask).await;
            assert_eq!(answer.problem(500), "internal");
            assert!(!answer.text().contains("SELECT"), "{}", answer.text());
        }
    }
}

/// A panic takes neither the server nor another's answer with it.
#[tokio::test]
async fn a_panic_is_a_500_like_any_other() {
    // A mock without expectations panics when it is called.
    let server = over(MockSessionStore::new());
    let answer = server.send(Ask::service("GET", "/sessions/stats")).await;
    assert_eq!(answer.problem(500), "internal");
    assert!(!answer.text().contains("Mock"), "{}", answer.text());
    server.send(Ask::get("/health")).await.ok();
}

/// Requirement 3: what is not of the right form does not even reach the store.
#[tokio::test]
async fn the_form_of_an_id_is_checked_before_any_call_of_the_store() {
    let server = over(MockSessionStore::new());
    for id in [
        "x",
        "'",
        "%00",
        "019A9C2E-7C00-7000-8000-000000000000",
        &"x".repeat(80),
    ] {
        let ask = Ask::get("/sessions/validate").header("x-session-id", id);
        assert_eq!(server.send(ask).await.problem(401), "session_unknown");
        let ask = Ask::service("POST", &format!("/sessions/validate/{id}"));
        assert_eq!(server.send(ask).await.ok()["valid"], false);
        for method in ["GET", "DELETE"] {
            let ask = Ask::admin(method, &format!("/sessions/{id}"));
            assert_eq!(server.send(ask).await.problem(404), "not_found");
        }
        let ask = Ask::service("DELETE", &format!("/sessions/user/ada?except={id}"));
        assert_eq!(server.send(ask).await.problem(400), "invalid_request");
    }
    // To a service a handle is of a wrong form as well.
    let ask = Ask::service("GET", &format!("/sessions/{UNKNOWN_HANDLE}"));
    assert_eq!(server.send(ask).await.problem(404), "not_found");
}

/// Who may not ask is told so, store or no store.
#[tokio::test]
async fn without_a_key_the_store_is_not_asked() {
    let server = over(MockSessionStore::new());
    for path in ["/sessions/stats", "/sessions/user/ada/sessions"] {
        assert_eq!(
            server.send(Ask::get(path)).await.problem(401),
            "key_required"
        );
    }
    assert_eq!(
        server
            .send(Ask::get("/sessions/validate"))
            .await
            .problem(401),
        "token_required"
    );
}

#[tokio::test]
async fn health_answers_without_the_store_and_says_how_it_is() {
    let server = over(failing(StoreErrorKind::Unavailable));
    assert_eq!(
        server.send(Ask::get("/health")).await.ok(),
        json!({"status": "healthy"})
    );
    let expected = json!({
        "redis_connection": "not_configured",
        "store": "memory",
        "store_connection": "unhealthy",
        "audit": {"written": 0, "dropped": 0, "failures": 0, "lost": 0},
        "timestamp": "2026-01-01T12:00:00Z",
    });
    assert_eq!(
        server.send(Ask::get("/health/sessions")).await.ok(),
        expected
    );
}

/// Cached mode stays within its bound: a known session is let in for as long, and no longer.
#[tokio::test]
async fn a_store_that_went_away_does_not_sign_anyone_out() {
    let bound = TimeDelta::seconds(5);
    for freshness in [Freshness::Strict, Freshness::Cached { entries: 10, bound }] {
        let store = Arc::new(MemoryStore::new());
        let policy = SessionPolicy {
            freshness,
            ..SessionPolicy::default()
        };
        let server = Server::over(Arc::clone(&store) as _, ApiConfig::default(), policy);
        let token = server.token_of("ada").await;
        assert!(server.lets_in(&token).await);
        store.close().await;
        let validate = || Ask::get("/sessions/validate").header("x-session-id", &token);
        if freshness != Freshness::Strict {
            server.pass(4);
            server.send(validate()).await.ok();
            server.pass(1);
        }
        assert_unavailable(&server.send(validate()).await);
        for ask in asks(&token) {
            let answer = server.send(ask).await;
            assert_unavailable(&answer);
        }
    }
}
