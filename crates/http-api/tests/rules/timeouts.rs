//! How long a session lives: what may be asked for, and that the clock alone decides.

use serde_json::{Value, json};

use crate::support::{Ask, Server};

const DAY: i64 = 86_400;

async fn code_of(server: &Server, body: Value) -> String {
    let ask = Ask::service("POST", "/sessions/create").json(&body);
    let answer = server.send(ask).await;
    if answer.status == 200 {
        "ok".to_owned()
    } else {
        answer.problem(400)
    }
}

/// Requirement 15: the bounds are the server's.
#[tokio::test]
async fn a_timeout_is_from_300_seconds_to_a_day() {
    let server = Server::new();
    for (timeout, code) in [
        (json!(299), "invalid_request"),
        (json!(300), "ok"),
        (json!(DAY), "ok"),
        (json!(DAY + 1), "invalid_request"),
        (json!(i64::MAX), "invalid_request"),
        (json!(i64::MIN), "invalid_request"),
        (json!(0), "invalid_request"),
        (json!(null), "ok"),
    ] {
        let body = json!({"user_id": "ada", "timeout": timeout});
        assert_eq!(code_of(&server, body).await, code, "{timeout}");
    }
}

#[tokio::test]
async fn without_a_timeout_it_is_an_hour_without_an_idle_limit() {
    let server = Server::new();
    let (_, created) = server.create(json!({"user_id": "ada"})).await;
    assert_eq!(created["expires_at"], "2026-01-01T13:00:00Z");
    assert_eq!(created["idle_expires_at"], Value::Null);
}

#[tokio::test]
async fn an_idle_timeout_is_from_one_second_to_the_lifetime() {
    let server = Server::new();
    for (idle_timeout, code) in [
        (0, "invalid_request"),
        (1, "ok"),
        (600, "ok"),
        (601, "invalid_request"),
    ] {
        let body = json!({"user_id": "ada", "timeout": 600, "idle_timeout": idle_timeout});
        assert_eq!(code_of(&server, body).await, code, "{idle_timeout}");
    }
    let body = json!({"user_id": "ada", "idle_timeout": 3601});
    assert_eq!(
        code_of(&server, body).await,
        "invalid_request",
        "the default lifetime counts"
    );
}

#[tokio::test]
async fn a_remembered_session_lives_30_days_and_may_ask_for_less() {
    let server = Server::new();
    let remembered =
        |timeout: Value| json!({"user_id": "a", "remember_me": true, "timeout": timeout});
    let (_, created) = server.create(remembered(json!(null))).await;
    assert_eq!(created["expires_at"], "2026-01-31T12:00:00Z");
    assert_eq!(created["remember_me"], true);
    for (timeout, code) in [
        (299, "invalid_request"),
        (300, "ok"),
        (DAY + 1, "ok"),
        (30 * DAY, "ok"),
        (30 * DAY + 1, "invalid_request"),
    ] {
        assert_eq!(
            code_of(&server, remembered(json!(timeout))).await,
            code,
            "{timeout}"
        );
    }
}

async fn extend(server: &Server, token: &str, seconds: i64) -> Value {
    let ask = Ask::service("POST", &format!("/sessions/{token}/extend"));
    let ask = ask.json(&json!({"additional_seconds": seconds}));
    server.send(ask).await.ok()
}

/// Requirement 15: however often it is extended, a day after its beginning it is over.
#[tokio::test]
async fn extending_stops_at_a_day_after_the_beginning() {
    let server = Server::new();
    let (token, _) = server
        .create(json!({"user_id": "ada", "timeout": DAY - 100}))
        .await;
    server.pass(1000);
    let expected = json!({
        "message": "Session extended by 60 seconds",
        "expires_at": "2026-01-02T11:59:20Z",
    });
    assert_eq!(extend(&server, &token, 60).await, expected);
    for by in [40, 0] {
        let expected = json!({
            "message": format!("Session extended by {by} seconds"),
            "expires_at": "2026-01-02T12:00:00Z",
        });
        assert_eq!(extend(&server, &token, DAY).await, expected);
    }
    server.pass(DAY - 1001);
    assert!(server.lets_in(&token).await);
    server.pass(1);
    assert!(!server.lets_in(&token).await);
}

/// A remembered session is renewed by use: 30 days from now, every time.
#[tokio::test]
async fn a_remembered_session_is_extended_to_30_days_from_now() {
    let server = Server::new();
    let (token, _) = server
        .create(json!({"user_id": "ada", "remember_me": true}))
        .await;
    server.pass(10 * DAY);
    let extended = extend(&server, &token, 30 * DAY).await;
    assert_eq!(extended["expires_at"], "2026-02-10T12:00:00Z");
    let ten_days = format!("Session extended by {} seconds", 10 * DAY);
    assert_eq!(extended["message"], ten_days);
}

#[tokio::test]
async fn extending_takes_from_one_second_on() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    for seconds in [0, -1, 30 * DAY + 1, i64::MAX, i64::MIN] {
        let ask = Ask::service("POST", &format!("/sessions/{token}/extend"));
        let answer = server
            .send(ask.json(&json!({"additional_seconds": seconds})))
            .await;
        assert_eq!(answer.problem(400), "invalid_request", "{seconds}");
    }
    assert_eq!(
        server.session(&token).await["expires_at"],
        "2026-01-01T13:00:00Z"
    );
    extend(&server, &token, 1).await;
}

/// Requirement 15: the absolute deadline holds to the millisecond, and no use moves it.
#[tokio::test]
async fn at_the_absolute_deadline_it_is_over_however_busy_it_was() {
    let server = Server::new();
    let new = json!({"user_id": "ada", "timeout": 300, "idle_timeout": 60});
    let (token, _) = server.create(new).await;
    for _ in 0..9 {
        server.pass(30);
        assert!(server.lets_in(&token).await);
    }
    server.pass_millis(29_999);
    assert!(server.lets_in(&token).await);
    server.pass_millis(1);
    assert!(!server.lets_in(&token).await);
}

/// Requirement 15: and so does the idle one.
#[tokio::test]
async fn at_the_idle_deadline_it_is_over() {
    let server = Server::new();
    let (token, _) = server
        .create(json!({"user_id": "ada", "idle_timeout": 60}))
        .await;
    assert_eq!(server.session(&token).await["state"], "active");
    server.pass(30);
    let idle = server.session(&token).await;
    assert_eq!(
        (&idle["state"], &idle["is_active"]),
        (&json!("idle"), &json!(true))
    );
    server.pass_millis(29_999);
    let ask = Ask::service("POST", &format!("/sessions/{token}/activity"));
    server.send(ask).await.ok();
    server.pass_millis(59_999);
    assert_eq!(
        server.session(&token).await["idle_expires_at"],
        "2026-01-01T12:01:59.999Z"
    );
    server.pass_millis(1);
    let ask = Ask::get("/sessions/validate").header("x-session-id", &token);
    assert_eq!(server.send(ask).await.problem(401), "session_expired");
    let ask = Ask::service("POST", &format!("/sessions/{token}/activity"));
    assert_eq!(
        server.send(ask).await.problem(404),
        "not_found",
        "nothing revives it"
    );
}

/// Looking is not using: a backend that shows a session does not keep it alive.
#[tokio::test]
async fn getting_listing_extending_and_patching_are_no_activity() {
    let server = Server::new();
    let (token, _) = server
        .create(json!({"user_id": "ada", "idle_timeout": 60}))
        .await;
    server.pass(59);
    server.session(&token).await;
    server
        .send(Ask::service("GET", "/sessions/user/ada/sessions"))
        .await
        .ok();
    extend(&server, &token, 600).await;
    let patch = Ask::service("PATCH", &format!("/sessions/{token}"));
    let patched = server
        .send(patch.json(&json!({"metadata": {"a": 1}})))
        .await
        .ok();
    assert_eq!(patched["last_activity"], "2026-01-01T12:00:00Z");
    server.pass(1);
    assert!(!server.lets_in(&token).await);
}

/// Requirement 56: a clock that jumps ahead and back revives what was noted as ended no more.
#[tokio::test]
async fn a_clock_that_is_set_back_revives_no_ended_session() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let end = Ask::service("DELETE", &format!("/sessions/{token}"));
    server.send(end).await.ok();
    server.pass(-600);
    assert!(!server.lets_in(&token).await);
}
