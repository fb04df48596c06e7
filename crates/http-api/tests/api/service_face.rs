//! The service face as its clients know it.

use crate::harness::{ADMIN_KEY, Answer, TestApi, handle};
use axum::body::Body;
use axum::http::Request;
use chrono::TimeDelta;
use serde_json::json;

#[tokio::test]
async fn a_session_goes_through_its_life() {
    let api = TestApi::new();
    let new = json!({"user_id": "user123", "timeout": 3600, "metadata": {"role": "admin",
        "permissions": ["read"], "theme": "dark"}, "ip_address": "::ffff:192.0.2.1",
        "user_agent": "Mozilla", "device_fingerprint": {"os": "Linux", "color_depth": 24},
        "provider": "example", "scopes": ["openid"], "unknown": 1});
    let created = api.call("POST", "/sessions/create", Some(new)).await;
    assert_eq!(created.status, 200, "{}", created.body);
    let token = created.text("session_id").to_owned();
    let handle = handle(&token);
    assert_eq!(created.body["evicted"], json!([]));
    assert_eq!(created.body["is_active"], true);

    let got = api.call("GET", &format!("/sessions/{token}"), None).await;
    assert_eq!(
        got.text("session_id"),
        handle,
        "only the creating answer hands out the token"
    );
    assert_eq!(got.body["metadata"]["theme"], "dark");
    assert_eq!(got.body["ip_address"], "192.0.2.1");
    assert_eq!(
        got.body["device_fingerprint"],
        json!({"os": "Linux", "color_depth": 24})
    );
    assert_eq!(
        (&got.body["provider"], &got.body["scopes"]),
        (&json!("example"), &json!(["openid"]))
    );

    let valid = api.validate(&token).await;
    assert_eq!(
        (valid.status, valid.header("x-session-user")),
        (200, "user123")
    );
    assert_eq!(valid.header("x-session-expires"), valid.text("expires_at"));
    assert_eq!(valid.body["valid"], true);
    assert_eq!(
        (valid.text("role"), &valid.body["permissions"]),
        ("admin", &json!(["read"]))
    );
    let by_path = api
        .call("POST", &format!("/sessions/validate/{token}"), None)
        .await;
    assert_eq!((by_path.status, &by_path.body), (200, &valid.body));

    api.pass(TimeDelta::seconds(10));
    let touched = api
        .call("POST", &format!("/sessions/{token}/activity"), None)
        .await;
    assert_eq!(touched.status, 200);
    assert!(touched.text("last_activity") > got.text("last_activity"));

    let more = json!({"additional_seconds": 1800});
    let extended = api
        .call("POST", &format!("/sessions/{token}/extend"), Some(more))
        .await;
    assert_eq!(extended.text("message"), "Session extended by 1800 seconds");
    assert!(extended.text("expires_at") > created.text("expires_at"));

    let change =
        json!({"metadata": {"theme": null, "new": 1}, "device_fingerprint": {"os": "Mac"}});
    let changed = api
        .call("PATCH", &format!("/sessions/{token}"), Some(change))
        .await;
    assert_eq!(
        changed.body["metadata"],
        json!({"role": "admin", "permissions": ["read"], "new": 1})
    );
    assert_eq!(changed.body["device_fingerprint"], json!({"os": "Mac"}));

    let list = api
        .call("GET", "/sessions/user/user123/sessions", None)
        .await;
    assert_eq!(list.body[0]["session_id"], handle);
    assert_eq!(list.body[0]["last_activity"], touched.body["last_activity"]);

    for _ in 0..2 {
        let ended = api
            .call("DELETE", &format!("/sessions/{token}"), None)
            .await;
        assert_eq!(ended.status, 200, "a second time too");
    }
    let refused = api.validate(&token).await;
    assert_eq!(
        (refused.status, refused.text("code")),
        (401, "session_revoked")
    );
    let by_path = api
        .call("POST", &format!("/sessions/validate/{token}"), None)
        .await;
    assert_eq!(by_path.body, json!({"valid": false, "reason": "revoked"}));
    assert_eq!(
        api.call("GET", &format!("/sessions/{token}"), None)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn literal_paths_are_not_taken_for_ids() {
    let api = TestApi::new();
    let token = api.create(json!({"user_id": "ada"})).await;
    let stats = api.call("GET", "/sessions/stats", None).await;
    assert_eq!(
        stats.body,
        json!({"active_sessions": 1, "expired_sessions": 0, "unique_users": 1,
        "sessions_per_user": {"ada": 1}, "total_sessions": 1})
    );
    assert_eq!(api.validate(&token).await.status, 200);
    for path in [
        "/sessions/stats/",
        "/health/",
        "/ready/",
        "/health/sessions/",
    ] {
        assert_eq!(api.call("GET", path, None).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn all_sessions_of_a_user_end_but_the_one_to_spare() {
    let api = TestApi::new();
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(api.create(json!({"user_id": "ada"})).await);
    }
    let other = api.create(json!({"user_id": "eve"})).await;
    // An unproven token spares nothing, and nothing is ended then.
    let forged = format!("{}.{}", handle(&tokens[0]), "A".repeat(43));
    for wrong in [
        forged.as_str(),
        other.as_str(),
        "nonsense",
        handle(&tokens[0]),
    ] {
        let answer = api
            .call(
                "DELETE",
                &format!("/sessions/user/ada?except={wrong}"),
                None,
            )
            .await;
        assert_eq!(answer.status, 400, "{}", answer.body);
    }
    for token in &tokens {
        assert_eq!(api.validate(token).await.status, 200);
    }
    let path = format!("/sessions/user/ada?except={}", tokens[1]);
    let answer = api.call("DELETE", &path, None).await;
    let expected = json!({"message": "Invalidated 2 sessions for user ada", "count": 2});
    assert_eq!(answer.body, expected);
    let mut left = Vec::new();
    for token in tokens.iter().chain([&other]) {
        left.push(api.validate(token).await.status);
    }
    assert_eq!(left, [401, 200, 401, 200]);
}

/// Requirement 17: a handle is no credential.
#[tokio::test]
async fn a_bare_handle_is_found_only_by_an_admin_or_to_end_it() {
    let api = TestApi::new();
    let token = api.create(json!({"user_id": "ada"})).await;
    let known = handle(&token);
    let unknown = "01976d3c-9c00-7000-8000-000000000000";
    let body = Some(json!({"additional_seconds": 60}));
    for (method, suffix) in [
        ("GET", ""),
        ("PATCH", ""),
        ("POST", "/activity"),
        ("POST", "/extend"),
    ] {
        let answer = |id: &str| {
            let (api, path, body) = (&api, format!("/sessions/{id}{suffix}"), body.clone());
            async move { api.call(method, &path, body).await }
        };
        let (mut known_answer, mut unknown_answer) = (answer(known).await, answer(unknown).await);
        assert_eq!(known_answer.status, 404, "{method} {suffix}");
        for answer in [&mut known_answer, &mut unknown_answer] {
            answer.headers.remove("x-request-id");
            answer.body["request_id"].take();
        }
        assert_eq!(known_answer.body, unknown_answer.body);
        assert_eq!(known_answer.headers, unknown_answer.headers);
        let path = format!("/sessions/{known}{suffix}");
        let by_admin = api.call_as(ADMIN_KEY, method, &path, body.clone()).await;
        assert_eq!(by_admin.status, 200, "{method} {suffix} {}", by_admin.body);
    }
    let path = format!("/sessions/validate/{known}");
    assert_eq!(api.call("POST", &path, None).await.status, 404);
    assert_eq!(api.validate(known).await.status, 401);
    assert_eq!(
        api.call("DELETE", &format!("/sessions/{known}"), None)
            .await
            .status,
        200
    );
    assert_eq!(api.validate(&token).await.status, 401);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let api = TestApi::new();
    let mut expected = Vec::new();
    for _ in 0..5 {
        let token = api.create(json!({"user_id": "a b/c"})).await;
        expected.insert(0, handle(&token).to_owned());
        api.pass(TimeDelta::seconds(1));
    }
    let mut seen = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let path = format!("/sessions/user/a%20b%2Fc/sessions{query}");
        let page = api.call("GET", &path, None).await;
        for session in page.body.as_array().expect("a list") {
            seen.push(session["session_id"].as_str().expect("a handle").to_owned());
        }
        match page.header("x-next-cursor") {
            "" => break,
            cursor => query = format!("?limit=2&cursor={cursor}"),
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_token_is_taken_from_header_or_cookie_and_from_nowhere_else() {
    let api = TestApi::new();
    let token = api.create(json!({"user_id": "ü b"})).await;
    let other = api.create(json!({"user_id": "eve"})).await;
    let forged = format!("{}.{}", handle(&token), "A".repeat(43));
    let check = async |headers: &[(&str, String)], query: &str| -> Answer {
        let mut request = Request::get(format!("/sessions/validate{query}"));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        api.send(request.body(Body::empty()).expect("a request"))
            .await
    };
    let cookie = |token: &str| ("cookie", format!("a=b; __Host-session={token}"));
    let header = |token: &str| ("x-session-id", token.to_owned());
    assert_eq!(
        check(&[cookie(&token)], "").await.header("x-session-user"),
        "%C3%BC%20b"
    );
    assert_eq!(
        check(&[header(&token), cookie(&token)], "").await.status,
        200
    );
    assert_eq!(
        check(&[("cookie", format!("session_id={token}"))], "")
            .await
            .status,
        401
    );
    assert_eq!(
        check(&[], &format!("?X-Session-ID={token}&session_id={token}"))
            .await
            .status,
        401
    );
    for pair in [
        [header(&token), cookie(&other)],
        [header(&token), header(&other)],
    ] {
        let conflict = check(&pair, "").await;
        assert_eq!(
            (conflict.status, conflict.text("code")),
            (400, "conflicting_credentials")
        );
    }
    for wrong in [
        &forged,
        "",
        "x",
        &"x".repeat(10_000),
        &token[..79],
        &format!("{token}A"),
    ] {
        let refused = check(&[header(wrong)], "").await;
        assert_eq!(
            (refused.status, refused.text("code")),
            (401, "session_unknown"),
            "{wrong}"
        );
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
    assert_eq!(check(&[], "").await.text("code"), "token_required");
}

/// Requirement 15: deadlines hold by the clock alone.
#[tokio::test]
async fn deadlines_hold_to_the_millisecond() {
    let api = TestApi::new();
    let absolute = api.create(json!({"user_id": "ada", "timeout": 300})).await;
    let idle = api
        .create(json!({"user_id": "ada", "idle_timeout": 30}))
        .await;
    let millisecond = TimeDelta::milliseconds(1);
    api.pass(TimeDelta::seconds(30) - millisecond);
    assert_eq!(api.validate(&idle).await.status, 200, "which is activity");
    api.pass(TimeDelta::seconds(30) - millisecond);
    assert_eq!(api.validate(&idle).await.status, 200);
    api.pass(TimeDelta::seconds(30));
    assert_eq!(api.validate(&idle).await.text("code"), "session_expired");
    api.pass(TimeDelta::seconds(210) + millisecond);
    assert_eq!(api.validate(&absolute).await.status, 200);
    api.pass(millisecond);
    assert_eq!(
        api.validate(&absolute).await.text("code"),
        "session_expired"
    );
}

#[tokio::test]
async fn extending_stops_at_the_longest_lifetime() {
    let api = TestApi::new();
    let token = api
        .create(json!({"user_id": "ada", "timeout": 86_000}))
        .await;
    let path = format!("/sessions/{token}/extend");
    let extended = api
        .call("POST", &path, Some(json!({"additional_seconds": 3600})))
        .await;
    assert_eq!(extended.text("message"), "Session extended by 400 seconds");
    let extended = api
        .call("POST", &path, Some(json!({"additional_seconds": 3600})))
        .await;
    assert_eq!(extended.text("message"), "Session extended by 0 seconds");
}

#[tokio::test]
async fn only_a_known_key_opens_the_service_face() {
    let api = TestApi::new();
    let routes = [
        ("POST", "/sessions/create"),
        ("GET", "/sessions/stats"),
        ("GET", "/sessions/x"),
        ("PATCH", "/sessions/x"),
        ("DELETE", "/sessions/x"),
        ("POST", "/sessions/x/activity"),
        ("POST", "/sessions/x/extend"),
        ("POST", "/sessions/validate/x"),
        ("DELETE", "/sessions/user/x"),
        ("GET", "/sessions/user/x/sessions"),
    ];
    let token = api.create(json!({"user_id": "ada"})).await;
    for (method, path) in routes {
        let bare = Request::builder()
            .method(method)
            .uri(path)
            .header("x-session-id", &token);
        let nobody = api.send(bare.body(Body::empty()).expect("a request")).await;
        assert_eq!(
            (nobody.status, nobody.text("code")),
            (401, "key_required"),
            "{method} {path}"
        );
        let unknown = "svc_0123456789abcdefghijklmnopqrstuvwxyzABCDEFX";
        let answer = api.call_as(unknown, method, path, None).await;
        assert_eq!(
            (answer.status, answer.text("code")),
            (401, "key_unknown"),
            "{method} {path}"
        );
        let two = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {ADMIN_KEY}"))
            .header("x-api-key", crate::harness::SERVICE_KEY);
        let answer = api.send(two.body(Body::empty()).expect("a request")).await;
        assert_eq!(
            answer.text("code"),
            "conflicting_credentials",
            "{method} {path}"
        );
    }
    let by_api_key =
        Request::get("/sessions/stats").header("x-api-key", crate::harness::SERVICE_KEY);
    assert_eq!(
        api.send(by_api_key.body(Body::empty()).expect("a request"))
            .await
            .status,
        200
    );
}
