//! Rate limits, as a backend asks about them and as they guard the API itself.

use std::sync::Arc;

use app::{Enforcement, Policies, SecurityPolicy};
use chrono::TimeDelta;
use http_api::ApiConfig;
use serde_json::json;
use session_core::{RateRule, RateRules};

use crate::support::{Ask, Server};

fn attempt(rule: &str, key: &str) -> Ask {
    Ask::service("POST", &format!("/security/rate-limits/{rule}")).json(&json!({"key": key}))
}

/// Requirement 29, through the whole of the API: exactly the number of the rule.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_parallel_attempts_the_rule_admits_ten() {
    let server = Arc::new(Server::new());
    let asks: Vec<_> = (0..50)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.send(attempt("token_refresh", "ada")).await })
        })
        .collect();
    let mut admitted = 0;
    for ask in asks {
        let answer = ask.await.unwrap();
        match answer.status.as_u16() {
            200 => admitted += 1,
            429 => assert_eq!(answer.problem(429), "rate_limited"),
            other => panic!("{other}"),
        }
    }
    assert_eq!(admitted, 10);
}

#[tokio::test]
async fn who_waits_as_long_as_told_is_admitted() {
    let server = Server::new();
    for left in (0..10).rev() {
        let told = server.send(attempt("token_refresh", "ada")).await.ok();
        assert_eq!(told, json!({"allowed": true, "remaining": left}));
    }
    // Each violation is held against the key twice as long as the one before, ± 10 %.
    for nominal in [60.0, 120.0, 240.0] {
        let refused = server.send(attempt("token_refresh", "ada")).await;
        assert_eq!(refused.problem(429), "rate_limited");
        let wait: i64 = refused.header("retry-after").parse().unwrap();
        assert!(
            (nominal * 0.9..=nominal * 1.1 + 1.0).contains(&(wait as f64)),
            "{wait}"
        );
        // Others are not concerned, nor is another rule.
        server.send(attempt("token_refresh", "grace")).await.ok();
        server.send(attempt("login_attempt", "ada")).await.ok();
        server.pass(wait - 2);
        assert_eq!(
            server.send(attempt("token_refresh", "ada")).await.status,
            429
        );
        server.pass(2);
        for _ in 0..10 {
            server.send(attempt("token_refresh", "ada")).await.ok();
        }
        let ask = Ask::service("POST", "/security/rate-limits/login_attempt/reset");
        server.send(ask.json(&json!({"key": "ada"}))).await.ok();
    }
}

#[tokio::test]
async fn a_reset_forgets_what_was_counted() {
    let server = Server::new();
    for _ in 0..5 {
        server.send(attempt("login_attempt", "ada")).await.ok();
    }
    assert_eq!(
        server.send(attempt("login_attempt", "ada")).await.status,
        429
    );
    let reset = Ask::service("POST", "/security/rate-limits/login_attempt/reset");
    let told = server.send(reset.json(&json!({"key": "ada"}))).await.ok();
    assert_eq!(told, json!({"message": "Rate limit reset"}));
    server.send(attempt("login_attempt", "ada")).await.ok();
}

#[tokio::test]
async fn an_unknown_rule_is_an_error_and_no_permission() {
    let server = Server::new();
    for rule in ["unknown", "TOKEN_REFRESH", "token_refresh%20", "%00"] {
        let answer = server.send(attempt(rule, "ada")).await;
        assert_eq!(answer.problem(400), "invalid_request", "{rule}");
    }
    for key in ["", &"x".repeat(256)] {
        let answer = server.send(attempt("token_refresh", key)).await;
        assert_eq!(answer.problem(400), "invalid_request");
    }
    let ask = Ask::new("POST", "/security/rate-limits/token_refresh").json(&json!({"key": "ada"}));
    assert_eq!(server.send(ask).await.problem(401), "key_required");
}

fn with(enforcement: Enforcement, rule: Option<RateRule>, config: ApiConfig) -> Server {
    let mut rules = RateRules::default();
    if let Some(rule) = rule {
        rules.set(rule);
    }
    let security = SecurityPolicy {
        enforcement,
        rules,
        ..SecurityPolicy::default()
    };
    let policies = Policies {
        security,
        ..Policies::default()
    };
    Server::with_policies(config, policies)
}

#[tokio::test]
async fn a_rule_of_ones_own_is_kept_too() {
    let rule = RateRule::new("export", 2, TimeDelta::hours(1)).unwrap();
    let server = with(Enforcement::Enforce, Some(rule), ApiConfig::default());
    for _ in 0..2 {
        server.send(attempt("export", "ada")).await.ok();
    }
    let refused = server.send(attempt("export", "ada")).await;
    assert_eq!(refused.problem(429), "rate_limited");
}

#[tokio::test]
async fn in_shadow_mode_a_violation_is_recorded_and_admitted() {
    let server = with(Enforcement::Shadow, None, ApiConfig::default());
    for _ in 0..8 {
        server.send(attempt("login_attempt", "ada")).await.ok();
    }
    let found = Ask::admin("GET", "/admin/audit?action=rate_limit_exceeded");
    let found = server.send(found).await.ok();
    let events = found["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "once, though three were over");
    assert_eq!(events[0]["metadata"]["mode"], "shadow");
    let off = with(Enforcement::Off, None, ApiConfig::default());
    for _ in 0..20 {
        off.send(attempt("login_attempt", "ada")).await.ok();
    }
}

#[tokio::test]
async fn a_violation_leaves_one_record() {
    let server = Server::new();
    for _ in 0..20 {
        server.send(attempt("login_attempt", "hopper")).await;
    }
    let found = Ask::admin("GET", "/admin/audit?action=rate_limit_exceeded");
    let found = server.send(found).await.ok();
    let events = found["events"].as_array().unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["details"], "login_attempt");
    // Who was counted is a secret of the backend's, for all that is known here.
    assert!(!events[0].to_string().contains("hopper"), "{}", events[0]);
    assert_eq!(events[0]["metadata"]["keys"][0].as_str().unwrap().len(), 64);
    assert_eq!(events[0]["success"], false);
    assert_eq!(events[0]["error_code"], "rate_limited");
    assert_eq!(events[0]["actor"], "service");
    assert_eq!(events[0]["endpoint"], "/security/rate-limits/{rule}");
}

/// Off unless the deployment says so: a backend with a key knows when its users sign in.
#[tokio::test]
async fn creates_are_limited_where_the_deployment_says_so() {
    let limited = ApiConfig {
        limit_creates: true,
        ..ApiConfig::default()
    };
    let server = Server::with(limited);
    for _ in 0..5 {
        server.token_of("ada").await;
    }
    let create = Ask::service("POST", "/sessions/create").json(&json!({"user_id": "ada"}));
    let refused = server.send(create).await;
    assert_eq!(refused.problem(429), "rate_limited");
    assert_ne!(refused.header("retry-after"), "");
    let found = Ask::admin("GET", "/admin/audit?action=rate_limit_exceeded&user_id=ada");
    let found = server.send(found).await.ok();
    assert_eq!(found["events"].as_array().unwrap().len(), 1);
    server.token_of("grace").await;
    let open = Server::new();
    for _ in 0..20 {
        open.token_of("ada").await;
    }
}
