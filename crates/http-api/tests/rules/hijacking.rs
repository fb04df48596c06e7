//! Sessions that are used by someone else than the one who began them.

use app::{Enforcement, Policies, SecurityPolicy};
use http_api::ApiConfig;
use serde_json::{Value, json};

use crate::support::{Ask, Server, handle};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0";
const NEWER: &str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/131.0.2";
const OTHER: &str = "curl/8.5.0";

async fn begin(server: &Server) -> String {
    let new = json!({"user_id": "ada", "ip_address": "192.0.2.7", "user_agent": BROWSER,
        "device_fingerprint": {"platform": "Linux", "timezone": "Europe/Berlin"}});
    server.create(new).await.0
}

/// What a backend is told when it says who sent the token.
async fn seen_by_backend(server: &Server, token: &str, seen: Value) -> Value {
    let ask = Ask::service("POST", &format!("/sessions/validate/{token}")).json(&seen);
    server.send(ask).await.ok()
}

async fn events(server: &Server, action: &str) -> Vec<Value> {
    let ask = Ask::admin("GET", &format!("/admin/audit?action={action}"));
    let page = server.send(ask).await.ok();
    page["events"].as_array().unwrap().clone()
}

/// The table of risks: a score up to 0.7 lets in and tells, above it ends the session.
#[tokio::test]
async fn what_a_backend_tells_is_compared() {
    let other_device = json!({"platform": "Windows"});
    let same_device = json!({"platform": "Linux"});
    let table = [
        (json!({}), Some(0.0)),
        (json!({"ip_address": "192.0.2.7"}), Some(0.0)),
        (
            json!({"ip_address": "192.0.2.200", "user_agent": NEWER}),
            Some(0.0),
        ),
        (json!({"ip_address": "::ffff:192.0.2.9"}), Some(0.0)),
        (json!({"device_fingerprint": same_device}), Some(0.0)),
        (json!({"ip_address": "198.51.100.1"}), Some(0.3)),
        (json!({"user_agent": OTHER}), Some(0.2)),
        (
            json!({"ip_address": "198.51.100.1", "user_agent": OTHER}),
            Some(0.5),
        ),
        (json!({"device_fingerprint": other_device}), Some(0.5)),
        (
            json!({"device_fingerprint": other_device, "user_agent": OTHER}),
            Some(0.7),
        ),
        (
            json!({"device_fingerprint": other_device, "ip_address": "198.51.100.1"}),
            None,
        ),
        (
            json!({"device_fingerprint": other_device, "ip_address": "198.51.100.1",
                "user_agent": OTHER}),
            None,
        ),
    ];
    for (seen, expected) in table {
        let server = Server::new();
        let token = begin(&server).await;
        let told = seen_by_backend(&server, &token, seen.clone()).await;
        let Some(score) = expected else {
            assert_eq!(
                told,
                json!({"valid": false, "reason": "terminated"}),
                "{seen}"
            );
            assert!(!server.lets_in(&token).await, "it stays ended");
            let attempts = events(&server, "session_hijack_attempt").await;
            assert_eq!(attempts.len(), 1);
            assert_eq!(attempts[0]["suspicious"], true);
            assert_eq!(attempts[0]["success"], false);
            assert_eq!(attempts[0]["ip_address"], "198.51.100.1");
            let ends = events(&server, "session_terminated").await;
            assert_eq!(ends[0]["details"], "suspected_hijacking");
            continue;
        };
        assert_eq!(
            (&told["valid"], &told["risk_score"]),
            (&json!(true), &json!(score)),
            "{seen}"
        );
        assert!(server.lets_in(&token).await);
    }
}

/// Of many uses by a thief at once, one ends the session and leaves the record; all are refused.
#[tokio::test(flavor = "multi_thread")]
async fn parallel_uses_by_a_thief_are_one_attempt() {
    for _ in 0..20 {
        let server = std::sync::Arc::new(Server::new());
        let token = begin(&server).await;
        let thief = json!({"ip_address": "198.51.100.1",
            "device_fingerprint": {"platform": "Windows"}});
        let uses: Vec<_> = (0..16)
            .map(|_| {
                let (server, token, thief) = (server.clone(), token.clone(), thief.clone());
                tokio::spawn(async move { seen_by_backend(&server, &token, thief).await })
            })
            .collect();
        for used in uses {
            assert_eq!(used.await.unwrap()["valid"], false);
        }
        assert_eq!(events(&server, "session_hijack_attempt").await.len(), 1);
        assert_eq!(events(&server, "session_terminated").await.len(), 1);
    }
}

/// From 0.3 on a record is left, once for each picture and not with each request.
#[tokio::test]
async fn what_is_suspicious_is_recorded_once() {
    let server = Server::new();
    let token = begin(&server).await;
    let moved = json!({"ip_address": "198.51.100.1"});
    for _ in 0..5 {
        seen_by_backend(&server, &token, moved.clone()).await;
    }
    let found = events(&server, "ip_change_detected").await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0]["details"],
        "IP address changed from 192.0.2.7 to 198.51.100.1"
    );
    assert_eq!(found[0]["risk_score"], 0.3);
    assert_eq!(found[0]["session_id"], handle(&token));
    assert_eq!(found[0]["success"], true);
    seen_by_backend(&server, &token, json!({"ip_address": "203.0.113.1"})).await;
    assert_eq!(events(&server, "ip_change_detected").await.len(), 2);
    let device = json!({"device_fingerprint": {"platform": "Windows"}});
    seen_by_backend(&server, &token, device).await;
    let found = events(&server, "invalid_device").await;
    assert_eq!(found[0]["metadata"]["differing"], json!(["platform"]));
    // Below 0.3 nothing is left.
    let agent = json!({"user_agent": OTHER});
    seen_by_backend(&server, &token, agent).await;
    assert_eq!(events(&server, "suspicious_activity").await.len(), 0);
}

fn shadowing(enforcement: Enforcement) -> Server {
    let security = SecurityPolicy {
        enforcement,
        ..SecurityPolicy::default()
    };
    let policies = Policies {
        security,
        ..Policies::default()
    };
    Server::with_policies(ApiConfig::default(), policies)
}

#[tokio::test]
async fn in_shadow_mode_all_is_recorded_and_nothing_done() {
    let server = shadowing(Enforcement::Shadow);
    let token = begin(&server).await;
    let thief = json!({"ip_address": "198.51.100.1", "user_agent": OTHER,
        "device_fingerprint": {"platform": "Windows"}});
    for _ in 0..3 {
        let told = seen_by_backend(&server, &token, thief.clone()).await;
        assert_eq!(
            (&told["valid"], &told["risk_score"]),
            (&json!(true), &json!(1.0))
        );
    }
    let attempts = events(&server, "session_hijack_attempt").await;
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0]["metadata"]["mode"], "shadow");
    assert!(server.lets_in(&token).await);
}

#[tokio::test]
async fn turned_off_nothing_is_compared() {
    let server = shadowing(Enforcement::Off);
    let token = begin(&server).await;
    let thief = json!({"ip_address": "198.51.100.1", "user_agent": OTHER});
    let told = seen_by_backend(&server, &token, thief).await;
    assert_eq!(told["risk_score"], 0.0);
    assert_eq!(events(&server, "suspicious_activity").await.len(), 0);
}

fn behind_proxy() -> Server {
    Server::with(ApiConfig {
        trusted_proxies: "10.0.0.0/8".parse().unwrap(),
        ..ApiConfig::default()
    })
}

fn validate(token: &str, peer: &str, agent: &str) -> Ask {
    let ask = Ask::get("/sessions/validate").peer(peer);
    ask.header("x-session-id", token)
        .header("user-agent", agent)
}

/// nginx, Traefik and Caddy pass on whom they ask for.
#[tokio::test]
async fn a_trusted_proxy_tells_who_uses_a_session() {
    let server = behind_proxy();
    let token = begin(&server).await;
    let same = validate(&token, "10.1.2.3", NEWER).header("x-forwarded-for", "192.0.2.99");
    assert_eq!(server.send(same).await.ok()["risk_score"], 0.0);
    let moved = validate(&token, "10.1.2.3", BROWSER).header("x-forwarded-for", "198.51.100.1");
    assert_eq!(server.send(moved).await.ok()["risk_score"], 0.3);
    let other = validate(&token, "10.1.2.3", OTHER).header("x-forwarded-for", "198.51.100.1");
    assert_eq!(server.send(other).await.ok()["risk_score"], 0.5);
    // What the client wrote itself stands left of what the proxy added.
    let lie = validate(&token, "10.1.2.3", BROWSER)
        .header("x-forwarded-for", "192.0.2.7, 198.51.100.1, 10.9.9.9");
    assert_eq!(server.send(lie).await.ok()["risk_score"], 0.3);
    // Other headers of the kind are the client's to write.
    let lie = validate(&token, "10.1.2.3", BROWSER)
        .header("x-forwarded-for", "198.51.100.1")
        .header("x-real-ip", "192.0.2.7")
        .header("forwarded", "for=192.0.2.7");
    assert_eq!(server.send(lie).await.ok()["risk_score"], 0.3);
}

/// A backend in the proxies' network has an address and a user agent of its own, and vouches for nobody.
#[tokio::test]
async fn a_trusted_peer_that_asks_for_nobody_is_not_taken_for_the_user() {
    let server = behind_proxy();
    let new = json!({"user_id": "ada", "ip_address": "192.0.2.7", "user_agent": BROWSER,
        "device_fingerprint": {"user_agent": BROWSER}});
    let (token, _) = server.create(new).await;
    let asks = [
        validate(&token, "10.1.2.3", OTHER),
        validate(&token, "10.1.2.3", OTHER).header("x-forwarded-for", "10.1.2.4, 10.1.2.5"),
        validate(&token, "10.1.2.3", OTHER).header("x-forwarded-for", "unknown"),
        validate(&token, "10.1.2.3", OTHER).header("x-forwarded-for", "198.51.100.1, unknown"),
        validate(&token, "10.1.2.3", OTHER).header("x-real-ip", "198.51.100.1"),
    ];
    for ask in asks {
        assert_eq!(server.send(ask).await.ok()["risk_score"], 0.0);
    }
}

/// A session whose fingerprint holds the user agent is ended for a thief behind a proxy too, since the
/// user agent is one of the critical fields.
#[tokio::test]
async fn behind_a_proxy_a_thief_ends_the_session() {
    let server = behind_proxy();
    let new = json!({"user_id": "ada", "ip_address": "192.0.2.7", "user_agent": BROWSER,
        "device_fingerprint": {"user_agent": BROWSER, "platform": "Linux"}});
    let (token, _) = server.create(new).await;
    let newer = validate(&token, "10.1.2.3", NEWER).header("x-forwarded-for", "192.0.2.8");
    assert_eq!(server.send(newer).await.ok()["risk_score"], 0.0);
    let thief = || validate(&token, "10.1.2.3", OTHER).header("x-forwarded-for", "198.51.100.1");
    assert_eq!(
        server.send(thief()).await.problem(401),
        "session_terminated"
    );
    let owner = validate(&token, "10.1.2.3", BROWSER).header("x-forwarded-for", "192.0.2.7");
    assert_eq!(server.send(owner).await.problem(401), "session_terminated");
    assert_eq!(events(&server, "session_hijack_attempt").await.len(), 1);
}

/// Requirement 24: whoever is no trusted proxy is believed nothing.
#[tokio::test]
async fn a_peer_that_is_no_proxy_changes_nothing_by_its_headers() {
    let new = json!({"user_id": "ada", "ip_address": "192.0.2.7", "user_agent": BROWSER,
        "device_fingerprint": {"user_agent": BROWSER}});
    for server in [Server::new(), behind_proxy()] {
        let (token, _) = server.create(new.clone()).await;
        for peer in ["198.51.100.1", "192.0.2.7", "::1", "127.0.0.1"] {
            for header in ["x-forwarded-for", "x-real-ip", "forwarded", "x-client-ip"] {
                for value in ["203.0.113.9", "192.0.2.7", "for=203.0.113.9;proto=https"] {
                    let ask = validate(&token, peer, OTHER).header(header, value);
                    let told = server.send(ask).await.ok();
                    assert_eq!(told["risk_score"], 0.0, "{peer} {header}: {value}");
                }
            }
        }
        for action in [
            "ip_change_detected",
            "suspicious_activity",
            "session_hijack_attempt",
        ] {
            assert_eq!(events(&server, action).await, Vec::<Value>::new());
        }
        // And what it is recorded with is its own address.
        let ask = Ask::admin("POST", "/admin/sessions/x/suspend").peer("198.51.100.1");
        server.send(ask).await.problem(404);
        let ask = Ask::service("POST", "/admin/cleanup")
            .peer("198.51.100.1")
            .header("x-forwarded-for", "203.0.113.9")
            .header("x-real-ip", "203.0.113.9")
            .header("forwarded", "for=203.0.113.9");
        assert_eq!(server.send(ask).await.problem(403), "admin_only");
        let denied = events(&server, "access_denied").await;
        assert_eq!(denied[0]["ip_address"], "198.51.100.1");
    }
}

/// Requirement 47: what cannot be read is refused before anything is compared.
#[tokio::test]
async fn malformed_clients_are_refused() {
    let server = Server::new();
    let token = begin(&server).await;
    let long = "x".repeat(1025);
    let wrong = [
        json!({"ip_address": "1.2.3"}),
        json!({"ip_address": 7}),
        json!({"user_agent": long}),
        json!({"user_agent": []}),
        json!({"device_fingerprint": "Linux"}),
        json!({"device_fingerprint": {"fonts": ["x".repeat(9000)]}}),
    ];
    for seen in wrong {
        let ask = Ask::service("POST", &format!("/sessions/validate/{token}")).json(&seen);
        assert_eq!(
            server.send(ask).await.problem(400),
            "invalid_request",
            "{seen}"
        );
    }
    assert!(server.lets_in(&token).await);
}
