//! Ids, paths, queries, credentials, types and methods that do not fit.

use serde_json::json;

use super::{MARKER, create, loud_server, refuses};
use crate::support::{Ask, SERVICE_KEY, UNKNOWN_HANDLE, forged, handle};

/// Requirement 3: an id's form is checked; what was never issued is unknown and nothing else.
#[tokio::test]
async fn ids_of_any_form_are_unknown() {
    let (server, token) = loud_server().await;
    let long = format!("hunter2{}", "x".repeat(7000));
    let upper_case = token.to_uppercase();
    let braced = format!("%7B{}%7D", handle(&token));
    let version_4 = forged("7c9e6679-7425-40de-944b-e07fc1f90ae7");
    let wrong_secret = forged(handle(&token));
    let padded = format!("{token}%3D");
    let ids = [
        "'",
        "*",
        "%00",
        "hunter2%0D%0AX-Evil:%201",
        "%1B%5B31m",
        "%F0%9F%92%A9",
        "'%20OR%201=1--",
        "..%2F..%2Fhunter2",
        "-1",
        &long,
        &upper_case,
        &braced,
        &version_4,
        &wrong_secret,
        &padded,
        &forged(UNKNOWN_HANDLE),
        UNKNOWN_HANDLE,
    ];
    let mut cases = Vec::new();
    for id in ids {
        let path = format!("/sessions/{id}");
        let seconds = json!({"additional_seconds": 60});
        cases.extend([
            (Ask::service("GET", &path), 404, "not_found"),
            (Ask::service("DELETE", &path), 404, "not_found"),
            (
                Ask::service("POST", &format!("{path}/activity")),
                404,
                "not_found",
            ),
            (
                Ask::service("PATCH", &path).json(&json!({})),
                404,
                "not_found",
            ),
            (
                Ask::service("POST", &format!("{path}/extend")).json(&seconds),
                404,
                "not_found",
            ),
        ]);
    }
    refuses(&server, &token, cases).await;
}

#[tokio::test]
async fn paths_and_queries_that_cannot_be_read_are_refused() {
    let (server, token) = loud_server().await;
    let list = |query: &str| Ask::service("GET", &format!("/sessions/user/ada/sessions{query}"));
    let user = |user: &str| Ask::service("DELETE", &format!("/sessions/user/{user}"));
    let too_long = "x".repeat(256);
    let cases = vec![
        (
            Ask::service("GET", "/sessions/hunter2%FF"),
            400,
            "malformed_path",
        ),
        (user("hunter2%C3"), 400, "malformed_path"),
        (user("hunter2%00"), 400, "invalid_request"),
        (user("hunter2%0D%0A"), 400, "invalid_request"),
        (user("%20"), 400, "invalid_request"),
        (user(&too_long), 400, "invalid_request"),
        (list("?limit=0"), 400, "invalid_request"),
        (list("?limit=1001"), 400, "invalid_request"),
        (list("?limit=-1"), 400, "malformed_query"),
        (list("?limit=hunter2"), 400, "malformed_query"),
        (list("?limit=1&limit=hunter2"), 400, "malformed_query"),
        (list("?limit=18446744073709551616"), 400, "malformed_query"),
        (list("?cursor=hunter2"), 400, "invalid_request"),
        (list("?cursor="), 400, "invalid_request"),
        (user("ada?except=hunter2"), 400, "invalid_request"),
    ];
    refuses(&server, &token, cases).await;
}

/// Requirement 20: two credentials are refused, and neither is told.
/// Requirement 22: JSON routes take only `application/json`.
#[tokio::test]
async fn credentials_types_and_methods_that_do_not_fit_are_refused() {
    let (server, token) = loud_server().await;
    let stats = || Ask::get("/sessions/stats");
    let validate = || Ask::get("/sessions/validate");
    let conflict = "conflicting_credentials";
    let mut cases = vec![
        (
            stats().bearer(SERVICE_KEY).header("x-api-key", MARKER),
            400,
            conflict,
        ),
        (stats().bearer(MARKER), 401, "key_unknown"),
        (
            stats().header("x-api-key", b"hunter2 \xff"),
            401,
            "key_unknown",
        ),
        (
            stats().header("authorization", "Basic hunter2"),
            401,
            "key_required",
        ),
        (
            stats().header("authorization", "Bearer"),
            401,
            "key_required",
        ),
        (
            stats().header("authorization", "hunter2"),
            401,
            "key_required",
        ),
        (
            validate()
                .header("x-session-id", &token)
                .header("x-session-id", MARKER),
            400,
            conflict,
        ),
        (
            validate().header("x-session-id", MARKER),
            401,
            "session_unknown",
        ),
        (
            validate().header("x-session-id", b"\xff\xfe"),
            401,
            "session_unknown",
        ),
        (
            validate().header("cookie", "__Host-session=hunter2"),
            401,
            "session_unknown",
        ),
        (
            validate().header("cookie", b"\xff;=;;__Host-session"),
            401,
            "token_required",
        ),
        (
            Ask::service("HUNTER2", "/sessions/stats"),
            405,
            "method_not_allowed",
        ),
        (Ask::service("TRACE", "/health"), 405, "method_not_allowed"),
        (
            Ask::service("PUT", &format!("/sessions/{token}")),
            405,
            "method_not_allowed",
        ),
        (
            Ask::service("GET", &format!("/{token}")),
            404,
            "no_such_route",
        ),
        (
            Ask::service("GET", &format!("/hunter2?{token}")),
            404,
            "no_such_route",
        ),
    ];
    let body = br#"{"user_id": "hunter2"}"#;
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/hunter2",
    ]
    .into_iter()
    .chain([
        "",
        "json",
        "application/json, text/plain",
        "application/jsonx",
        "text/json",
    ]) {
        let ask = Ask::service("POST", "/sessions/create").header("content-type", media_type);
        cases.push((ask.bytes(body.to_vec()), 415, "unsupported_media_type"));
    }
    let twice = create("{}").header("content-type", "application/json");
    let none = Ask::service("POST", "/sessions/create").bytes(body.to_vec());
    cases.push((twice, 415, "unsupported_media_type"));
    cases.push((none, 415, "unsupported_media_type"));
    refuses(&server, &token, cases).await;
}
