//! Taking trust back, as a backend does it and an operator sees it.

use serde_json::json;

use crate::support::{Ask, Server, handle};

#[tokio::test]
async fn what_was_revoked_is_remembered_with_why_and_by_whom() {
    let server = Server::new();
    let one = server.token_of("ada").await;
    server
        .send(Ask::service("DELETE", &format!("/sessions/{one}")))
        .await
        .ok();
    server.pass(1);
    let two = server.token_of("ada").await;
    let three = server.token_of("ada").await;
    let spare = Ask::admin("DELETE", &format!("/sessions/user/ada?except={three}"));
    assert_eq!(server.send(spare).await.ok()["count"], 1);
    let history = |query: &str| Ask::admin("GET", &format!("/admin/revocations?{query}"));
    let told = server.send(history("user_id=ada")).await.ok();
    let list = told["revocations"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    let newest = json!({
        "revocation_id": list[0]["revocation_id"],
        "token_hash": list[0]["token_hash"],
        "token_type": "session",
        "session_id": handle(&two),
        "user_id": "ada",
        "revoked_at": "2026-01-01T12:00:01Z",
        "expires_at": "2026-01-02T12:00:01Z",
        "reason": "ended_by_service",
        "revoked_by": "admin",
        "cascaded_from": null,
    });
    assert_eq!(list[0], newest);
    assert_eq!(list[1]["session_id"], handle(&one));
    assert_eq!(list[1]["revoked_by"], "service");
    let by_session = format!("session_id={}", handle(&one));
    let told = server.send(history(&by_session)).await.ok();
    assert_eq!(told["revocations"].as_array().unwrap().len(), 1);
    let page = server.send(history("limit=1")).await.ok();
    assert_eq!(page["revocations"][0], newest);
    let next = format!("limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    let page = server.send(history(&next)).await.ok();
    assert_eq!(page["revocations"][0], list[1]);
    assert!(page.get("next_cursor").is_none());
    // Ending what has ended adds nothing.
    server
        .send(Ask::service("DELETE", &format!("/sessions/{one}")))
        .await
        .ok();
    let told = server.send(history("")).await.ok();
    assert_eq!(told["revocations"].as_array().unwrap().len(), 2);
    for wrong in ["session_id=x", "cursor=1", "user_id=", "limit=0"] {
        let answer = server.send(history(wrong)).await;
        assert_eq!(answer.problem(400), "invalid_request", "{wrong}");
    }
}

/// A remember-me session lives for 30 days, and so does the memory of its revocation.
#[tokio::test]
async fn a_revocation_is_known_for_as_long_as_the_token_would_have_lived() {
    let server = Server::new();
    let new = json!({"user_id": "ada", "remember_me": true});
    let (token, created) = server.create(new).await;
    server
        .send(Ask::service("DELETE", &format!("/sessions/{token}")))
        .await
        .ok();
    let told = server
        .send(Ask::admin("GET", "/admin/revocations"))
        .await
        .ok();
    assert_eq!(told["revocations"][0]["expires_at"], created["expires_at"]);
    server.pass(29 * 86_400);
    server.send(Ask::admin("POST", "/admin/cleanup")).await.ok();
    let told = server
        .send(Ask::admin("GET", "/admin/revocations"))
        .await
        .ok();
    assert_eq!(told["revocations"].as_array().unwrap().len(), 1);
    server.pass(2 * 86_400);
    server.send(Ask::admin("POST", "/admin/cleanup")).await.ok();
    let told = server
        .send(Ask::admin("GET", "/admin/revocations"))
        .await
        .ok();
    assert_eq!(told["revocations"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn ending_all_of_a_users_sessions_is_one_event_more() {
    let server = Server::new();
    for _ in 0..3 {
        server.token_of("ada").await;
    }
    for _ in 0..2 {
        server
            .send(Ask::service("DELETE", "/sessions/user/ada"))
            .await
            .ok();
    }
    let count = async |action: &str| {
        let ask = Ask::admin("GET", &format!("/admin/audit?user_id=ada&action={action}"));
        let page = server.send(ask).await.ok();
        page["events"].as_array().unwrap().len()
    };
    assert_eq!(count("session_revoked").await, 3);
    assert_eq!(count("forced_logout").await, 1);
}
