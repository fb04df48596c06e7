//! Requirement 43: a provider's token is in the answer that is asked for it, and in no other.

use serde_json::{Value, json};

use crate::support::{Ask, Log, ProviderBed, handle, secrets_in};

/// Every route of the description, asked by everybody who could, about a session with tokens.
#[tokio::test]
async fn no_answer_but_the_one_and_no_log_shows_a_providers_token() {
    let (log, _guard) = Log::capture();
    let bed = ProviderBed::new();
    let (token, _) = bed.sign_in("ada").await;
    bed.ask_refresh(&token, json!({"force": true})).await.ok();
    let live = bed.ask_token(&token).await.ok()["access_token"].clone();
    let description = bed.server.send(Ask::get("/openapi.json")).await.ok();
    let mut routes = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), path.clone()));
        }
    }
    // What ends or stops a session comes last.
    let stops = |method: &str, path: &str| {
        method == "DELETE" || path.contains("logout") || path.contains("/suspend")
    };
    routes.sort_by_key(|(method, path)| (stops(method, path), path.clone()));
    assert!(routes.len() > 40, "{routes:?}");
    let (mut answers, mut shown) = (0, 0);
    for (method, path) in &routes {
        for name in [&token, handle(&token)] {
            let path = path
                .replace("{session_id}", name)
                .replace("{user_id}", "ada")
                .replace("{id}", if path.ends_with("{id}") { "ada" } else { name })
                .replace("{rule}", "token_refresh");
            for ask in asks(method, &path, &token) {
                let answer = bed.server.send(ask).await;
                answers += 1;
                let secrets = secrets_in(&answer, &bed.provider);
                if path.ends_with("/token") && answer.status == 200 {
                    assert_eq!(secrets, [live.as_str().unwrap()], "{method} {path}");
                    shown += 1;
                } else {
                    assert_eq!(secrets, [] as [&str; 0], "{method} {path}");
                }
            }
        }
    }
    assert!(
        answers > 200 && shown >= 3,
        "{answers} answers, {shown} with a token"
    );
    let log = log.take();
    assert!(
        log.contains("/sessions/{session_id}/token"),
        "the log was on"
    );
    for secret in bed.provider.secrets() {
        assert!(!log.contains(&secret), "a secret stands in the log");
    }
}

fn asks(method: &str, path: &str, token: &str) -> Vec<Ask> {
    let callers = [
        Ask::service(method, path),
        Ask::admin(method, path),
        Ask::new(method, path).header("x-session-id", token),
    ];
    callers
        .into_iter()
        .map(|ask| with_body(ask, method, path))
        .collect()
}

fn with_body(ask: Ask, method: &str, path: &str) -> Ask {
    if method == "GET" {
        return ask;
    }
    let body: Value = match path {
        _ if path.ends_with("/extend") => json!({"additional_seconds": 60}),
        _ if path.ends_with("/create") => json!({"user_id": "eve"}),
        _ if path.contains("/rate-limits/") => json!({"key": "eve"}),
        _ => json!({}),
    };
    ask.json(&body)
}

/// What a create with bad members repeats must not be the good ones beside them.
#[tokio::test]
async fn a_create_that_is_refused_repeats_no_token() {
    let (log, _guard) = Log::capture();
    let bed = ProviderBed::new();
    let issued = bed.provider.issue("ada");
    let (access, refresh) = (issued.access_token.as_str(), issued.refresh_token.unwrap());
    for (member, value) in [
        ("access_token", json!(7)),
        ("access_token", json!("")),
        ("access_token", json!("hunter2\u{7f}")),
        ("refresh_token", json!([access])),
        ("refresh_token", json!(format!("{refresh}\n"))),
        ("id_token", json!({"token": access})),
        ("id_token", json!("x".repeat(16 * 1024 + 1))),
        ("expires_in", json!(access)),
        ("provider", json!(access)),
        ("scopes", json!(access)),
        ("user_id", json!(null)),
    ] {
        let mut body = json!({"user_id": "ada", "access_token": access,
            "refresh_token": refresh, "expires_in": 3600});
        body[member] = value;
        let ask = Ask::service("POST", "/sessions/create").json(&body);
        let answer = bed.server.send(ask).await;
        assert_eq!(answer.status, 400, "{member}");
        assert_eq!(
            secrets_in(&answer, &bed.provider),
            [] as [&str; 0],
            "{member}"
        );
    }
    let log = log.take();
    assert!(log.contains("status=400"), "the log was on");
    for secret in bed.provider.secrets() {
        assert!(!log.contains(&secret), "a secret stands in the log");
    }
}
