//! What is recorded, and how it is told.

use app::{AuditPolicy, Policies};
use http_api::ApiConfig;
use serde_json::{Value, json};

use crate::support::{Ask, Server, handle, secret};

async fn events(server: &Server, query: &str) -> Vec<Value> {
    let ask = Ask::admin("GET", &format!("/admin/audit?{query}"));
    let page = server.send(ask).await.ok();
    page["events"].as_array().unwrap().clone()
}

async fn actions(server: &Server, query: &str) -> Vec<String> {
    let events = events(server, query).await;
    let oldest_first = events.iter().rev();
    oldest_first
        .map(|event| event["action"].as_str().unwrap().to_owned())
        .collect()
}

/// Requirement 44: each security event leaves exactly one record: who, what, when, from where, outcome.
#[tokio::test]
async fn each_event_of_a_sessions_life_leaves_one_record() {
    let server = Server::new();
    let new = json!({"user_id": "ada", "ip_address": "192.0.2.7", "user_agent": "Test/1",
        "device_fingerprint": {"fingerprint_id": "fp-1"}, "timeout": 3600});
    let create = Ask::service("POST", "/sessions/create")
        .peer("198.51.100.1")
        .header("user-agent", "backend/2")
        .header("x-request-id", "req-1")
        .json(&new);
    let created = server.send(create).await.ok();
    let token = created["session_id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/{token}");
    let extend = Ask::service("POST", &format!("{path}/extend"));
    server
        .send(extend.json(&json!({"additional_seconds": 60})))
        .await
        .ok();
    let patch = Ask::service("PATCH", &path).json(&json!({"metadata": {"a": 1}}));
    server.send(patch).await.ok();
    for what in ["suspend", "suspend", "resume", "resume"] {
        let ask = Ask::admin(
            "POST",
            &format!("/admin/sessions/{}/{what}", handle(&token)),
        );
        server.send(ask).await.ok();
    }
    for _ in 0..2 {
        server.send(Ask::service("DELETE", &path)).await.ok();
    }
    let expected = [
        "session_created",
        "session_extended",
        "session_updated",
        "session_suspended",
        "session_resumed",
        "session_revoked",
    ];
    assert_eq!(actions(&server, "user_id=ada").await, expected);
    let by_session = format!("session_id={}", handle(&token));
    assert_eq!(actions(&server, &by_session).await, expected);

    let all = events(&server, "user_id=ada").await;
    let created = all.last().unwrap();
    let whole = json!({
        "sequence": created["sequence"], "hash": created["hash"], "id": created["id"],
        "timestamp": "2026-01-01T12:00:00.000Z",
        "action": "session_created",
        "actor": "service",
        "session_id": handle(&token),
        "user_id": "ada",
        "ip_address": "192.0.2.7",
        "user_agent": "Test/1",
        "fingerprint_id": "fp-1",
        "request_id": "req-1",
        "endpoint": "/sessions/create",
        "method": "POST",
        "success": true,
        "suspicious": false,
        "risk_score": 0.0,
    });
    assert_eq!(created, &whole);
    let revoked = &all[0];
    assert_eq!(revoked["details"], "ended_by_service");
    assert_eq!(
        revoked["endpoint"], "/sessions/{session_id}",
        "never the path as sent"
    );
    assert_eq!(all[2]["actor"], "admin");
    let everything = Value::from(all).to_string();
    assert!(!everything.contains(secret(&token)));
}

#[tokio::test]
async fn what_ends_by_itself_is_recorded_too() {
    let server = Server::new();
    for _ in 0..6 {
        server.token_of("ada").await;
    }
    let ended = events(&server, "action=session_terminated").await;
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0]["details"], "session_limit");
    server.pass(3600);
    for _ in 0..2 {
        server.send(Ask::admin("POST", "/admin/cleanup")).await.ok();
    }
    let expired = events(&server, "action=session_expired").await;
    assert_eq!(expired.len(), 5);
    assert_eq!(
        (&expired[0]["user_id"], &expired[0]["actor"]),
        (&json!("ada"), &json!("system"))
    );
}

#[tokio::test]
async fn reads_are_recorded_only_where_asked_for() {
    let audit = AuditPolicy {
        high_volume: true,
        ..AuditPolicy::default()
    };
    let policies = Policies {
        audit,
        ..Policies::default()
    };
    let loud = Server::with_policies(ApiConfig::default(), policies);
    for (server, expected) in [(Server::new(), [0, 0]), (loud, [2, 1])] {
        let token = server.token_of("ada").await;
        for _ in 0..2 {
            assert!(server.lets_in(&token).await);
        }
        server.session(&token).await;
        let validated = events(&server, "action=token_validated").await.len();
        let accessed = events(&server, "action=session_accessed").await.len();
        assert_eq!([validated, accessed], expected);
    }
}

#[tokio::test]
async fn who_may_not_is_recorded() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let ask = Ask::get("/admin/audit").header("x-session-id", &token);
    assert_eq!(server.send(ask).await.problem(403), "admin_only");
    let denied = events(&server, "action=access_denied").await;
    assert_eq!(denied.len(), 1);
    assert_eq!(
        (&denied[0]["actor"], &denied[0]["user_id"]),
        (&json!("user:ada"), &json!("ada"))
    );
    assert_eq!(
        (&denied[0]["success"], &denied[0]["error_code"]),
        (&json!(false), &json!("admin_only"))
    );
}

#[tokio::test]
async fn pages_and_filters_find_each_record_once() {
    let server = Server::new();
    for n in 0..25 {
        server
            .token_of(if n % 2 == 0 { "ada" } else { "grace" })
            .await;
        server.pass(1);
    }
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let query = format!("/admin/audit?user_id=ada&limit=4{cursor}");
        let page = server.send(Ask::admin("GET", &query)).await.ok();
        let events = page["events"].as_array().unwrap();
        found.extend(
            events
                .iter()
                .map(|event| event["sequence"].as_u64().unwrap()),
        );
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    let whole: Vec<_> = events(&server, "user_id=ada&limit=1000").await;
    let whole: Vec<_> = whole
        .iter()
        .map(|event| event["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(found, whole);
    assert!(found.len() > 13 && found.is_sorted_by(|a, b| a > b));
    let span = "action=session_created&since=2026-01-01T12:00:05Z&until=2026-01-01T12:00:09Z";
    assert_eq!(events(&server, span).await.len(), 4);
    let zone =
        "action=session_created&since=2026-01-01T13:00:05%2B01:00&until=2026-01-01T12:00:09Z";
    assert_eq!(events(&server, zone).await.len(), 4);
    for wrong in [
        "action=nothing",
        "since=yesterday",
        "until=2026-01-01",
        "cursor=x",
        "limit=0",
        "limit=1001",
        "session_id=x",
        "user_id=",
    ] {
        let ask = Ask::admin("GET", &format!("/admin/audit?{wrong}"));
        assert_eq!(
            server.send(ask).await.problem(400),
            "invalid_request",
            "{wrong}"
        );
    }
}

/// Requirement 45: whatever a client writes stays inside of one record.
#[tokio::test]
async fn no_text_breaks_out_of_its_record() {
    let server = Server::new();
    let nasty = "a\r\n{\"action\":\"login_success\"}\r\n\u{1b}[31m\"quoted\" \u{2028} \u{0} end";
    let email = "eve\"@example.org'; DROP TABLE audit;--";
    let new = json!({"user_id": email, "user_agent": nasty,
        "device_fingerprint": {"fingerprint_id": nasty}});
    server.create(new).await;
    let ask = Ask::service("POST", "/admin/cleanup")
        .header("user-agent", b"[31m \"agent\" \xff")
        .header("x-request-id", "not plain\t\"id\"");
    server.send(ask).await.problem(403);
    let ask = Ask::service("POST", "/admin/cleanup").header("user-agent", "tab\there \"agent\"");
    server.send(ask).await.problem(403);
    let export = Ask::admin("GET", "/admin/audit").header("accept", "application/x-ndjson");
    let export = server.send(export).await;
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    let text = export.text();
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(control));
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["user_agent"], nasty);
    assert_eq!(lines[0]["fingerprint_id"], nasty);
    assert_eq!(lines[0]["user_id"], email);
    assert_eq!(lines[2]["user_agent"], "tab\there \"agent\"");
    let by_user = "user_id=eve%22@example.org';%20DROP%20TABLE%20audit;--";
    assert_eq!(events(&server, by_user).await.len(), 1);
}

#[tokio::test]
async fn an_export_is_everything_in_order_whatever_its_length() {
    let server = Server::new();
    for n in 0..2300 {
        server.token_of(&format!("user {n}")).await;
    }
    let export = |query: &str| {
        Ask::admin("GET", &format!("/admin/audit?{query}"))
            .header("accept", "text/html, application/x-ndjson;q=0.9")
    };
    let text = server.send(export("")).await.text();
    let sequences: Vec<u64> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["sequence"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(sequences, (1..=2300).collect::<Vec<_>>());
    let one = server.send(export("user_id=user%207")).await.text();
    assert_eq!(one.lines().count(), 1);
    assert_eq!(server.send(export("user_id=nobody")).await.text(), "");
}

#[tokio::test]
async fn the_chain_is_verified_on_demand() {
    let server = Server::new();
    for _ in 0..3 {
        server.token_of("ada").await;
    }
    let verify = |query: &str| Ask::admin("GET", &format!("/admin/audit/verify{query}"));
    let verdict = server.send(verify("")).await.ok();
    assert_eq!(
        (&verdict["intact"], &verdict["records"]),
        (&json!(true), &json!(3))
    );
    let head = verdict["head"].as_str().unwrap().to_owned();
    server.token_of("ada").await;
    let verdict = server.send(verify(&format!("?noted={head}"))).await.ok();
    assert_eq!(
        (&verdict["intact"], &verdict["records"]),
        (&json!(true), &json!(4))
    );
    assert_eq!(verdict["holds_noted"], true);
    let rewritten = format!("?noted=3:{}", "0".repeat(64));
    let verdict = server.send(verify(&rewritten)).await.ok();
    assert_eq!(verdict["intact"], false);
    assert!(
        verdict["broken"]
            .as_str()
            .unwrap()
            .starts_with("record 3 (event ")
    );
    for wrong in ["3", "3:", "x:00", "3:zz"] {
        let ask = verify(&format!("?noted={wrong}"));
        assert_eq!(server.send(ask).await.problem(400), "invalid_request");
    }
    // After retention what is left is intact, and of what went nothing can be told.
    server.pass(91 * 86400);
    server.send(Ask::admin("POST", "/admin/cleanup")).await.ok();
    server.token_of("ada").await;
    let verdict = server.send(verify(&format!("?noted={head}"))).await.ok();
    assert_eq!(
        (&verdict["intact"], &verdict["holds_noted"]),
        (&json!(true), &json!(false))
    );
    let verdict = server.send(verify("")).await.ok();
    assert_eq!(verdict["holds_noted"], Value::Null);
}

/// Whoever notices first that a deadline passed, it is recorded, once, and as what it was.
#[tokio::test]
async fn a_deadline_that_an_end_notices_is_recorded() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    for _ in 0..2 {
        server.token_of("ada").await;
    }
    let other = server.token_of("grace").await;
    server.pass(3600);
    for _ in 0..2 {
        let end = Ask::service("DELETE", &format!("/sessions/{token}"));
        server.send(end).await.ok();
        let end = Ask::admin("DELETE", &format!("/admin/sessions/{}", handle(&other)));
        server.send(end).await.ok();
        let all = server.send(Ask::service("DELETE", "/sessions/user/ada"));
        assert_eq!(all.await.ok()["count"], 0);
        server.send(Ask::admin("POST", "/admin/cleanup")).await.ok();
    }
    let expired = events(&server, "action=session_expired").await;
    assert_eq!(expired.len(), 4);
    assert!(expired.iter().all(|event| event["actor"] == "system"));
    for other in ["session_revoked", "session_terminated", "forced_logout"] {
        let query = format!("action={other}");
        assert_eq!(events(&server, &query).await, Vec::<Value>::new());
    }
}
