//! `DELETE /sessions/user/{user_id}?except=<session token>`.

use serde_json::json;

use crate::support::{Ask, Server, UNKNOWN_HANDLE, forged, handle};

fn end_all_but(user: &str, except: &str) -> Ask {
    Ask::service("DELETE", &format!("/sessions/user/{user}?except={except}"))
}

#[tokio::test]
async fn without_an_exception_all_sessions_of_the_user_end_and_nobody_elses() {
    let server = Server::new();
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(server.token_of("ada").await);
    }
    let other = server.token_of("eve").await;
    let ask = || Ask::service("DELETE", "/sessions/user/ada");
    let message = "Invalidated 3 sessions for user ada";
    let expected = json!({"message": message, "count": 3});
    assert_eq!(server.send(ask()).await.ok(), expected);
    for token in &tokens {
        assert!(!server.lets_in(token).await);
    }
    assert!(server.lets_in(&other).await);
    assert_eq!(server.send(ask()).await.ok()["count"], 0);
}

#[tokio::test]
async fn the_exception_is_spared() {
    let server = Server::new();
    let kept = server.token_of("ada").await;
    let ended = [server.token_of("ada").await, server.token_of("ada").await];
    let answer = server.send(end_all_but("ada", &kept)).await.ok();
    let message = "Invalidated 2 sessions for user ada";
    assert_eq!(answer, json!({"message": message, "count": 2}));
    assert!(server.lets_in(&kept).await);
    for token in &ended {
        assert!(!server.lets_in(token).await);
    }
}

#[tokio::test]
async fn a_session_is_counted_only_if_it_was_live() {
    let server = Server::new();
    let (kept, _) = server
        .create(json!({"user_id": "ada", "timeout": 7200}))
        .await;
    server
        .create(json!({"user_id": "ada", "timeout": 300}))
        .await;
    server.token_of("ada").await;
    server.pass(300);
    assert_eq!(
        server.send(end_all_but("ada", &kept)).await.ok()["count"],
        1
    );
}

/// A mistake in the exception must not sign the very user out who asked to stay.
/// Requirement 17: which mistake it was cannot be told.
#[tokio::test]
async fn an_exception_that_proves_nothing_ends_nothing() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let other_users = server.token_of("eve").await;
    let ended = server.token_of("ada").await;
    let end = Ask::service("DELETE", &format!("/sessions/{ended}"));
    server.send(end).await.ok();
    let (expired, _) = server
        .create(json!({"user_id": "ada", "timeout": 300}))
        .await;
    server.pass(300);
    let wrong = [
        forged(handle(&token)),
        forged(UNKNOWN_HANDLE),
        other_users.clone(),
        handle(&token).to_owned(),
        ended,
        expired,
        String::new(),
        "x".to_owned(),
        "%00".to_owned(),
        format!("{token}x"),
        format!("{token}&except={token}"),
    ];
    for wrong in wrong {
        for key in ["svc", "adm"] {
            let path = format!("/sessions/user/ada?except={wrong}");
            let ask = match key {
                "svc" => Ask::service("DELETE", &path),
                _ => Ask::admin("DELETE", &path),
            };
            let answer = server.send(ask).await;
            let code = answer.problem(400);
            assert!(
                ["invalid_request", "malformed_query"].contains(&&*code),
                "{code}"
            );
        }
        assert!(server.lets_in(&token).await, "{wrong}");
        assert!(server.lets_in(&other_users).await, "{wrong}");
    }
}

/// Requirement 17: a wrong secret, no such session and someone else's answer alike.
#[tokio::test]
async fn wrong_exceptions_answer_alike() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let other_users = server.token_of("eve").await;
    let mut answers = Vec::new();
    for wrong in [forged(handle(&token)), forged(UNKNOWN_HANDLE), other_users] {
        let answer = server.send(end_all_but("ada", &wrong)).await;
        answers.push(answer.without_request_id());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}
