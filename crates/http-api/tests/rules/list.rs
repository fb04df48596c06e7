//! A user's sessions, and the counts over all.

use serde_json::{Value, json};

use crate::support::{Ask, Server, handle};

async fn handles(server: &Server, path: &str) -> (Vec<String>, String) {
    let answer = server.send(Ask::service("GET", path)).await;
    let sessions = answer.ok();
    let handle = |session: &Value| session["session_id"].as_str().unwrap().to_owned();
    let handles = sessions.as_array().unwrap().iter().map(handle).collect();
    (handles, answer.header("x-next-cursor").to_owned())
}

#[tokio::test]
async fn a_list_shows_handles_newest_first() {
    let server = Server::new();
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(server.token_of("ada").await);
        server.pass(1);
    }
    server.token_of("eve").await;
    let (listed, next) = handles(&server, "/sessions/user/ada/sessions").await;
    let newest_first: Vec<_> = tokens.iter().rev().map(|token| handle(token)).collect();
    assert_eq!(listed, newest_first);
    assert_eq!(next, "", "the last page names no next one");
}

#[tokio::test]
async fn a_listed_session_shows_what_getting_it_shows() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    server.pass(5);
    assert!(server.lets_in(&token).await);
    let list = Ask::service("GET", "/sessions/user/ada/sessions");
    assert_eq!(
        server.send(list).await.ok(),
        json!([server.session(&token).await])
    );
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let server = Server::new();
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.insert(0, handle(&server.token_of("ada").await).to_owned());
        server.pass(1);
    }
    let path = "/sessions/user/ada/sessions?limit=2";
    let (mut seen, mut next) = handles(&server, path).await;
    assert_eq!(seen.len(), 2);
    while !next.is_empty() {
        let (page, after) = handles(&server, &format!("{path}&cursor={next}")).await;
        seen.extend(page);
        next = after;
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn ended_and_expired_sessions_are_listed_and_counted_as_active_no_longer() {
    let server = Server::new();
    let (kept, _) = server
        .create(json!({"user_id": "ada", "timeout": 7200}))
        .await;
    server.token_of("ada").await;
    let ended = server.token_of("ada").await;
    let end = Ask::service("DELETE", &format!("/sessions/{ended}"));
    server.send(end).await.ok();
    server.pass(3600);
    let (listed, _) = handles(&server, "/sessions/user/ada/sessions").await;
    assert_eq!(listed, [handle(&kept)]);
    let expected = json!({
        "active_sessions": 1,
        "expired_sessions": 1,
        "unique_users": 1,
        "sessions_per_user": {"ada": 1},
        "total_sessions": 3,
    });
    let stats = server.send(Ask::service("GET", "/sessions/stats")).await;
    assert_eq!(stats.ok(), expected);
}

#[tokio::test]
async fn a_user_without_sessions_has_an_empty_list() {
    let server = Server::new();
    let (listed, next) = handles(&server, "/sessions/user/nobody/sessions").await;
    assert_eq!((listed.len(), &*next), (0, ""));
}

#[tokio::test]
async fn a_user_id_is_decoded_from_the_path() {
    let server = Server::new();
    server.token_of("käthe/#1? %2F").await;
    let path = "/sessions/user/k%C3%A4the%2F%231%3F%20%252F";
    let list = Ask::service("GET", &format!("{path}/sessions"));
    assert_eq!(server.send(list).await.ok()[0]["user_id"], "käthe/#1? %2F");
    let ended = server.send(Ask::service("DELETE", path)).await.ok();
    let message = "Invalidated 1 sessions for user käthe/#1? %2F";
    assert_eq!(ended, json!({"message": message, "count": 1}));
}

/// The statistics name the busiest users only, however many there are.
#[tokio::test]
async fn the_counts_by_user_are_those_of_the_hundred_busiest() {
    let server = Server::new();
    for user in 0..101 {
        server.token_of(&format!("user-{user}")).await;
    }
    server.token_of("user-7").await;
    let stats = server
        .send(Ask::service("GET", "/sessions/stats"))
        .await
        .ok();
    assert_eq!(stats["unique_users"], 101);
    assert_eq!(stats["active_sessions"], 102);
    assert_eq!(stats["sessions_per_user"].as_object().unwrap().len(), 100);
    assert_eq!(stats["sessions_per_user"]["user-7"], 2);
}
