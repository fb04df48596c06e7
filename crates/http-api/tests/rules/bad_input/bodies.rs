//! Bodies that are no strict JSON, of a wrong type or out of bounds.

use serde_json::{Value, json};

use super::{MARKER, create, create_with, loud_server, refuses};
use crate::support::{Ask, Server};

/// Requirement 47: malformed JSON, UTF-8, numbers, nesting and duplicate keys are 400.
#[tokio::test]
async fn what_is_no_strict_json_object_is_refused() {
    let (server, token) = loud_server().await;
    let deep = format!(
        r#""metadata": {}1{}"#,
        r#"{"a":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    let wide = format!(
        r#""metadata": {}{}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let mut latin1 = br#"{"user_id": ""#.to_vec();
    latin1.extend(b"hunter2 \xe4\"}");
    let utf16: Vec<u8> = r#"{"user_id": "a"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let malformed = [
        create(""),
        create(" "),
        create("{"),
        create(r#"{"user_id": "hunter2"#),
        create(r#"{"user_id": "hunter2",}"#),
        create(r#"{"user_id": "hunter2"} {}"#),
        create(r#"{'user_id': 'hunter2'}"#),
        create(r#"{user_id: "hunter2"}"#),
        create("null"),
        create("[]"),
        create(r#""hunter2""#),
        create("7"),
        create("\u{feff}{\"user_id\": \"hunter2\"}"),
        create(r#"{"user_id": "\ud800 hunter2"}"#),
        create(r#"{"user_id": "\udc00\ud800"}"#),
        create(r#"{"\ud83d hunter2": 1, "user_id": "a"}"#),
        create("{\"user_id\": \"hunter2\u{0}\"}"),
        create("{\"user_id\": \"hunter2\r\n\"}"),
        create(latin1),
        create(utf16),
        create(r#"{"user_id": "a", "user_id": "hunter2"}"#),
        create_with(r#""hunter2": 1, "hunter2": 2"#),
        create_with(r#""metadata": {"x": {"hunter2": 1, "hunter2": 1}}"#),
        create_with(r#""metadata": {"x": [{"hunter2": 1, "hunte\u00722": 1}]}"#),
        create_with(r#""timeout": 1e400"#),
        create_with(r#""timeout": -1e400"#),
        create_with(r#""timeout": NaN"#),
        create_with(r#""timeout": Infinity"#),
        create_with(r#""timeout": 0600"#),
        create_with(&deep),
        create_with(&wide),
    ];
    let cases = malformed.map(|ask| (ask, 400, "malformed_json"));
    refuses(&server, &token, cases.into()).await;
}

/// Requirement 47: a TTL of −1, 0 or 2^63 is 400, never "no expiry".
#[tokio::test]
async fn members_of_a_wrong_type_or_out_of_bounds_are_refused() {
    let (server, token) = loud_server().await;
    let long = "x".repeat(5000);
    let mut invalid = vec![
        create("{}"),
        create(r#"{"userid": "hunter2"}"#),
        create(r#"{"user_id": null}"#),
        create(r#"{"user_id": ""}"#),
        create(r#"{"user_id": " \t "}"#),
        create(r#"{"user_id": ["hunter2"]}"#),
        create(r#"{"user_id": 7}"#),
        create(r#"{"user_id": "hunter2\u0000"}"#),
        create(r#"{"user_id": "hunter2\r\nX-Session-User: eve"}"#),
        create(r#"{"user_id": "hunter2\u001b[31m"}"#),
        create(format!(r#"{{"user_id": "hunter2{long}"}}"#)),
    ];
    let seconds = [
        "0",
        "-1",
        "9223372036854775807",
        "9223372036854775808",
        "1e18",
        "\"hunter2\"",
    ];
    for seconds in seconds
        .into_iter()
        .chain(["3600.5", "\"3600\"", "true", "[]", "{}"])
    {
        invalid.push(create_with(&format!(r#""timeout": {seconds}"#)));
        invalid.push(create_with(&format!(r#""idle_timeout": {seconds}"#)));
        let extend = Ask::service("POST", &format!("/sessions/{token}/extend"));
        invalid.push(extend.json_text(format!(r#"{{"additional_seconds": {seconds}}}"#)));
    }
    invalid.extend([
        create_with(&format!(r#""metadata": {{"hunter2": "{long}"}}"#)),
        create_with(r#""metadata": "hunter2""#),
        create_with(r#""metadata": ["hunter2"]"#),
        create_with(r#""metadata": 7"#),
        create_with(r#""metadata": {"role": ["hunter2"]}"#),
        create_with(r#""metadata": {"permissions": "hunter2"}"#),
        create_with(r#""metadata": {"permissions": ["read", {"hunter2": 1}]}"#),
        create_with(r#""ip_address": "hunter2""#),
        create_with(r#""ip_address": "192.0.2.7:80""#),
        create_with(&format!(r#""user_agent": "hunter2{long}""#)),
        create_with(&format!(r#""provider": "hunter2{long}""#)),
        create_with(r#""scopes": "hunter2""#),
        create_with(&format!(r#""scopes": ["hunter2{long}"]"#)),
        create_with(&format!(r#""scopes": [{}"x"]"#, "\"x\",".repeat(64))),
        create_with(r#""remember_me": "hunter2""#),
        create_with(r#""device_fingerprint": "hunter2""#),
        create_with(r#""device_fingerprint": {"platform": ["hunter2"]}"#),
        create_with(&format!(
            r#""device_fingerprint": {{"platform": "hunter2{long}{long}"}}"#
        )),
    ]);
    let patch = || Ask::service("PATCH", &format!("/sessions/{token}"));
    invalid.extend([
        patch().json_text(format!(r#"{{"metadata": {{"hunter2": "{long}"}}}}"#)),
        patch().json_text(r#"{"metadata": "hunter2"}"#),
        patch().json_text(r#"{"metadata": {"role": {"hunter2": 1}}}"#),
        patch().json_text(r#"{"device_fingerprint": ["hunter2"]}"#),
        Ask::service("POST", &format!("/sessions/{token}/extend")).json_text("{}"),
    ]);
    let cases = invalid.into_iter().map(|ask| (ask, 400, "invalid_request"));
    refuses(&server, &token, cases.collect()).await;
}

/// Requirement 47: so are the tokens of a provider, and what is said of them.
#[tokio::test]
async fn provider_tokens_of_a_wrong_type_or_out_of_bounds_are_refused() {
    let (server, token) = loud_server().await;
    let mut invalid = Vec::new();
    let seconds = [
        "-1",
        "31622401",
        "9223372036854775807",
        "9223372036854775808",
        "1e3",
        "3600.0",
        "3600.5",
        "\"3600\"",
        "\"hunter2\"",
        "true",
        "[]",
    ];
    for seconds in seconds {
        let members = format!(r#""access_token": "hunter2", "expires_in": {seconds}"#);
        invalid.push(create_with(&members));
    }
    for member in ["access_token", "refresh_token", "id_token"] {
        let long = "x".repeat(16 * 1024);
        for text in [
            String::new(),
            r"hunter2\n".to_owned(),
            r"hunter2\u0000".to_owned(),
            "hunter2ä".to_owned(),
            format!("hunter2{long}"),
        ] {
            let beside = match member {
                "access_token" => "",
                _ => r#""access_token": "hunter2", "#,
            };
            invalid.push(create_with(&format!(r#"{beside}"{member}": "{text}""#)));
        }
        for value in ["7", "true", r#"["hunter2"]"#, r#"{"hunter2": 1}"#] {
            invalid.push(create_with(&format!(r#""{member}": {value}"#)));
        }
    }
    // Nothing to renew for.
    for alone in [
        r#""refresh_token": "hunter2""#,
        r#""id_token": "hunter2""#,
        r#""expires_in": 3600"#,
        r#""access_token": null, "refresh_token": "hunter2", "expires_in": 3600"#,
    ] {
        invalid.push(create_with(alone));
    }
    let cases = invalid.into_iter().map(|ask| (ask, 400, "invalid_request"));
    let mut cases: Vec<_> = cases.collect();
    for text in ["NaN", "Infinity", "+1", "0x10"] {
        let members = format!(r#""access_token": "hunter2", "expires_in": {text}"#);
        cases.push((create_with(&members), 400, "malformed_json"));
    }
    let unknown = create_with(r#""access_token": "hunter2", "provider": "hunter2""#);
    cases.push((unknown, 400, "unknown_provider"));
    refuses(&server, &token, cases).await;
}

/// serde_json gives one name a meaning of its own: the text that it holds is parsed as JSON, past the
/// check for duplicate names and past the limit of nesting, so that what is stored cannot be read back.
#[tokio::test]
async fn a_member_name_that_the_json_library_keeps_for_itself_is_refused() {
    let (server, token) = loud_server().await;
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let texts = [
        &deep,
        r#"{"x": 1, "x": "hunter2"}"#,
        r#"["admin"]"#,
        "hunter2",
    ];
    let mut cases = Vec::new();
    for value in texts.map(Value::from).into_iter().chain([json!(7)]) {
        let magic = json!({"$serde_json::private::RawValue": value});
        for metadata in [
            json!({"hunter2": magic}),
            json!({"permissions": magic}),
            json!({"a": [{"b": magic}]}),
            magic.clone(),
        ] {
            let body = json!({"user_id": "ada", "metadata": metadata});
            let patch = Ask::service("PATCH", &format!("/sessions/{token}"));
            cases.push((create(body.to_string()), 400, "malformed_json"));
            cases.push((patch.json(&body), 400, "malformed_json"));
        }
    }
    refuses(&server, &token, cases).await;
}

#[tokio::test]
async fn json_may_name_its_character_set_and_unknown_members_are_passed_over() {
    let server = Server::new();
    for media_type in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json ;x",
    ] {
        let ask = Ask::service("POST", "/sessions/create").header("content-type", media_type);
        let body = json!({"user_id": "ada", "hunter2": {"hunter2": []}});
        let answer = server.send(ask.bytes(body.to_string().into())).await;
        answer.ok();
        assert!(!answer.text().contains(MARKER));
    }
}
