//! Going on: new access tokens, and session tokens that are replaced.

use std::collections::HashSet;

use app::{LoginPolicy, Policies};
use http_api::ApiConfig;
use serde_json::{Value, json};

use crate::support::{Ask, Server};

const REFRESH: &str = "/auth/sessions/refresh";

async fn hijacks(server: &Server) -> Vec<Value> {
    let ask = Ask::admin("GET", "/admin/audit?action=session_hijack_attempt");
    let page = server.send(ask).await.ok();
    page["events"].as_array().unwrap().clone()
}

/// The session token counts, an access token beside it does not: so a client recovers after expiry.
#[tokio::test]
async fn an_access_token_that_expired_is_no_obstacle() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    server.pass(899);
    assert!(server.is_let_in(ada.ask_by_access("GET", "/auth/me")).await);
    // The leeway of other clocks.
    server.pass(10);
    let refused = server.send(ada.ask_by_access("GET", "/auth/me")).await;
    assert_eq!(refused.problem(401), "access_token_expired");
    let both = ada.ask("GET", "/auth/me").bearer(&ada.access);
    assert_eq!(server.send(both).await.problem(401), "access_token_expired");
    let asks = [
        ada.ask("POST", REFRESH),
        ada.ask("POST", REFRESH).bearer(&ada.access),
        ada.ask("POST", REFRESH)
            .json(&json!({"session_id": ada.token})),
        Ask::new("POST", REFRESH).json(&json!({"session_id": ada.token})),
    ];
    for ask in asks {
        let body = server.send(ask).await.ok();
        assert_eq!(body["session_id"], ada.token);
        assert_eq!(
            (&body["token_type"], &body["expires_in"]),
            (&json!("bearer"), &json!(900))
        );
        let access = body["access_token"].as_str().unwrap();
        let me = Ask::get("/auth/me").bearer(access);
        assert!(server.is_let_in(me).await);
    }
}

#[tokio::test]
async fn what_has_ended_gets_no_access_token() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let end = Ask::service("DELETE", &format!("/sessions/{}", ada.token));
    server.send(end).await.ok();
    let refused = server.send(ada.ask("POST", REFRESH)).await;
    assert_eq!(refused.problem(401), "session_revoked");
    assert!(!server.is_let_in(ada.ask_by_access("GET", "/auth/me")).await);
    let idle = server.sign_in("ada@example.org").await;
    server.pass(1800);
    let refused = server.send(idle.ask("POST", REFRESH)).await;
    assert_eq!(refused.problem(401), "session_expired");
}

#[tokio::test]
async fn there_must_be_one_session_token() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let other = server.sign_in("ada@example.org").await;
    let none = server.send(Ask::new("POST", REFRESH)).await;
    assert_eq!(none.problem(401), "token_required");
    let access_alone = server.send(ada.ask_by_access("POST", REFRESH)).await;
    assert_eq!(access_alone.problem(401), "token_required");
    for wrong in [ada.handle(), "nonsense", "", &ada.token[1..]] {
        let ask = Ask::new("POST", REFRESH).json(&json!({"session_id": wrong}));
        assert_eq!(
            server.send(ask).await.problem(401),
            "session_unknown",
            "{wrong}"
        );
    }
    let two = ada
        .ask("POST", REFRESH)
        .json(&json!({"session_id": other.token}));
    assert_eq!(
        server.send(two).await.problem(400),
        "conflicting_credentials"
    );
    let in_query = format!("{REFRESH}?session_id={}", ada.token);
    let ask = server.send(Ask::new("POST", &in_query)).await;
    assert_eq!(ask.problem(401), "token_required", "no credential in a URL");
}

/// Domain, "Own refresh": one successor, however many ask at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_parallel_refreshes_give_one_successor() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let mut tasks = Vec::new();
    for _ in 0..50 {
        let ask = ada.ask("POST", REFRESH).json(&json!({"rotate": true}));
        let api = server.api.clone();
        tasks.push(tokio::spawn(async move {
            api.respond(ask.into_request()).await
        }));
    }
    let mut successors = HashSet::new();
    for task in tasks {
        let answer = task.await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = http_body_util::BodyExt::collect(answer.into_body())
            .await
            .unwrap();
        let body: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
        successors.insert(body["session_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(successors.len(), 1);
    let successor = successors.into_iter().next().unwrap();
    assert_ne!(successor, ada.token);
    assert!(server.lets_in(&successor).await && server.lets_in(&ada.token).await);
    assert_eq!(hijacks(&server).await, Vec::<Value>::new());
}

/// A token older than the one before is in two hands.
#[tokio::test]
async fn a_grandparent_ends_the_session() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let rotate = async |token: &str| {
        let ask = Ask::new("POST", REFRESH).json(&json!({"session_id": token, "rotate": true}));
        let body = server.send(ask).await.ok();
        body["session_id"].as_str().unwrap().to_owned()
    };
    let second = rotate(&ada.token).await;
    let third = rotate(&second).await;
    let grandparent = ada.ask("POST", REFRESH).peer("192.0.2.66");
    assert_eq!(
        server.send(grandparent).await.problem(401),
        "session_unknown"
    );
    for token in [&ada.token, &second, &third] {
        assert!(!server.lets_in(token).await);
    }
    assert!(!server.is_let_in(ada.ask_by_access("GET", "/auth/me")).await);
    let events = hijacks(&server).await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["risk_score"], &events[0]["suspicious"]),
        (&json!(1.0), &json!(true))
    );
    assert_eq!(events[0]["ip_address"], "192.0.2.66");
    assert_eq!(events[0]["session_id"], ada.handle());
}

/// Where the deployment says so, each refresh replaces the token.
#[tokio::test]
async fn the_deployment_may_ask_for_rotation() {
    let login = LoginPolicy {
        rotate: true,
        ..LoginPolicy::default()
    };
    let policies = Policies {
        login,
        ..Policies::default()
    };
    let server = Server::with_policies(ApiConfig::default(), policies);
    let ada = server.sign_in("ada@example.org").await;
    let body = server.send(ada.ask("POST", REFRESH)).await.ok();
    assert_ne!(body["session_id"], ada.token);
    server.pass(500);
    let again = server.send(ada.ask("POST", REFRESH)).await.ok();
    assert_eq!(
        again["session_id"], body["session_id"],
        "the same successor"
    );
    let successor = body["session_id"].as_str().unwrap();
    assert!(server.lets_in(successor).await);
    server.pass(40);
    server.send(ada.ask("POST", REFRESH)).await.problem(401);
    assert!(!server.lets_in(successor).await, "that was theft");
}
