//! Requirement 48: limits on bodies, headers, targets, metadata and time.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use app::SessionPolicy;
use axum::body::Body;
use futures_util::{StreamExt as _, stream};
use http_api::{ApiConfig, MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_URI_BYTES, REQUEST_TIMEOUT};
use serde_json::{Value, json};
use session_core::ports::{LimitPolicy, SessionLimit};
use store_memory::MemoryStore;

use crate::support::{Ask, SERVICE_KEY, Server, handle};

fn create() -> Ask {
    Ask::service("POST", "/sessions/create")
}

/// A body of this many bytes that is fine but for its length.
fn body_of(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"user_id": "ada"}"#.to_vec();
    body.resize(bytes, b' ');
    body
}

/// Requirement 48: the numbers.
#[test]
fn the_limits_are_those_of_the_requirement() {
    assert_eq!(MAX_BODY_BYTES, 64 * 1024);
    assert_eq!(MAX_HEADER_BYTES, 16 * 1024);
    assert_eq!(REQUEST_TIMEOUT.as_secs(), 30);
}

#[tokio::test]
async fn a_body_of_64_kib_is_taken_and_one_byte_more_is_not() {
    let server = Server::new();
    server
        .send(create().json_text(body_of(MAX_BODY_BYTES)))
        .await
        .ok();
    let answer = server
        .send(create().json_text(body_of(MAX_BODY_BYTES + 1)))
        .await;
    assert_eq!(answer.problem(413), "body_too_large");
}

/// By what is announced: nothing of the body is waited for.
#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_unread() {
    let server = Server::new();
    for length in ["65537", "1048576", "18446744073709551615"] {
        let unread = Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>());
        let ask = create().header("content-type", "application/json");
        let answer = server
            .send(ask.header("content-length", length).body(unread))
            .await;
        assert_eq!(answer.problem(413), "body_too_large", "{length}");
    }
}

/// Without a length it is cut off where the limit is, however much there were to come.
#[tokio::test]
async fn a_body_without_a_length_is_read_up_to_the_limit() {
    let server = Server::new();
    let parts = |bytes: usize| {
        body_of(bytes)
            .chunks(1000)
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>()
    };
    server
        .send(create().stream(parts(MAX_BODY_BYTES)))
        .await
        .ok();
    let answer = server
        .send(create().stream(parts(MAX_BODY_BYTES + 1)))
        .await;
    assert_eq!(answer.problem(413), "body_too_large");
    let endless = std::iter::repeat_with(|| vec![b' '; 1000]);
    let answer = server.send(create().stream(endless)).await;
    assert_eq!(answer.problem(413), "body_too_large");
    // And if the length was a lie.
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(vec![b' '; 1000]));
    let lie = create()
        .header("content-type", "application/json")
        .header("content-length", "10");
    let answer = server.send(lie.body(Body::from_stream(endless))).await;
    assert_eq!(answer.problem(413), "body_too_large");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let server = Server::new();
    let broken = stream::iter([Ok(body_of(100)), Err(std::io::Error::other("hung up"))]);
    let ask = create().header("content-type", "application/json");
    let answer = server.send(ask.body(Body::from_stream(broken))).await;
    assert_eq!(answer.problem(400), "incomplete_body");
}

#[tokio::test]
async fn a_target_of_8_kib_is_taken_and_one_byte_more_is_not() {
    let server = Server::new();
    let path = "/sessions/stats";
    let at_most = "x".repeat(MAX_URI_BYTES - path.len());
    server
        .send(Ask::service("GET", &format!("{path}?{at_most}")))
        .await
        .ok();
    let too_long = [format!("{path}?{at_most}x"), format!("{path}{at_most}x")];
    for path in too_long {
        let answer = server.send(Ask::service("GET", &path)).await;
        assert_eq!(answer.problem(414), "uri_too_long");
    }
    let long_id = format!("/sessions/{}", "x".repeat(10 * 1024));
    let answer = server.send(Ask::service("GET", &long_id)).await;
    assert_eq!(answer.problem(414), "uri_too_long");
}

#[tokio::test]
async fn headers_of_16_kib_are_taken_and_one_byte_more_is_not() {
    let server = Server::new();
    let mine = "authorization".len() + "Bearer ".len() + SERVICE_KEY.len() + "x-a".len();
    let at_most = "x".repeat(MAX_HEADER_BYTES - mine);
    let stats = || Ask::service("GET", "/sessions/stats");
    server.send(stats().header("x-a", &at_most)).await.ok();
    let answer = server
        .send(stats().header("x-a", format!("{at_most}x")))
        .await;
    assert_eq!(answer.problem(431), "headers_too_large");
    let mut many = stats();
    for number in 0..1000 {
        many = many.header(&format!("x-header-{number}"), "some value");
    }
    assert_eq!(server.send(many).await.problem(431), "headers_too_large");
}

/// Metadata that is this many bytes as compact JSON.
fn metadata_of(bytes: usize) -> Value {
    let value = json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
    assert_eq!(value.to_string().len(), bytes);
    value
}

#[tokio::test]
async fn metadata_of_4_kib_is_taken_and_one_byte_more_is_not() {
    let server = Server::new();
    let new = |bytes| json!({"user_id": "ada", "metadata": metadata_of(bytes)});
    let (token, created) = server.create(new(4096)).await;
    assert_eq!(created["metadata"], metadata_of(4096));
    let answer = server.send(create().json(&new(4097))).await;
    assert_eq!(answer.problem(400), "invalid_request");

    // What counts is the result of a change.
    let path = format!("/sessions/{token}");
    let patch = |metadata: Value| Ask::service("PATCH", &path).json(&json!({"metadata": metadata}));
    let answer = server.send(patch(json!({"b": 1}))).await;
    assert_eq!(answer.problem(400), "invalid_request");
    assert_eq!(server.session(&token).await["metadata"], metadata_of(4096));
    let swapped = server.send(patch(json!({"a": null, "b": 1}))).await.ok();
    assert_eq!(swapped["metadata"], json!({"b": 1}));
    // Not the white space that it came with.
    let spaced = format!(
        r#"{{"user_id": "a", "metadata": {{{}"a": 1}}}}"#,
        " ".repeat(5000)
    );
    server.send(create().json_text(spaced)).await.ok();
}

/// Requirement 16: the limit holds, and the newest session is the one that stays.
#[tokio::test]
async fn the_oldest_session_makes_room_and_is_named() {
    let server = Server::new();
    let mut tokens = Vec::new();
    for _ in 0..5 {
        tokens.push(server.token_of("ada").await);
        server.pass(1);
    }
    let (newest, created) = server.create(json!({"user_id": "ada"})).await;
    assert_eq!(created["evicted"], json!([handle(&tokens[0])]));
    assert!(server.lets_in(&newest).await);
    let ask = Ask::get("/sessions/validate").header("x-session-id", &tokens[0]);
    assert_eq!(server.send(ask).await.problem(401), "session_terminated");
    assert!(server.lets_in(&tokens[1]).await);
}

#[tokio::test]
async fn a_user_at_the_limit_is_refused_where_that_is_the_policy() {
    let limit = SessionLimit {
        max: 1,
        policy: LimitPolicy::Refuse,
    };
    let policy = SessionPolicy {
        limit,
        ..SessionPolicy::default()
    };
    let server = Server::over(Arc::new(MemoryStore::new()), ApiConfig::default(), policy);
    let token = server.token_of("ada").await;
    let answer = server.send(create().json(&json!({"user_id": "ada"}))).await;
    assert_eq!(answer.problem(409), "session_limit");
    assert!(server.lets_in(&token).await);
}

/// Requirement 48: 30 s for a request. Time is tokio's here, and stands still but for the waiting.
#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up_after_30_seconds() {
    let server = Server::new();
    let began = tokio::time::Instant::now();
    let first = stream::iter([Ok::<_, Infallible>(b"{".to_vec())]);
    let stuck = Body::from_stream(first.chain(stream::once(pending())));
    let ask = create()
        .header("content-type", "application/json")
        .body(stuck);
    let answer = server.send(ask).await;
    assert_eq!(answer.problem(503), "unavailable");
    assert_eq!(began.elapsed().as_secs(), 30);
}
