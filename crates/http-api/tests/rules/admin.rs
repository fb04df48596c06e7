//! The admin face: whom it lets in, and what it shows and does.

use std::collections::BTreeSet;

use http_api::ApiConfig;
use serde_json::{Value, json};

use crate::admin_users::{PASSWORD, add_user};
use crate::support::{
    ADMIN_KEY, Ask, SERVICE_KEY, START, Server, UNKNOWN_HANDLE, UNKNOWN_KEY, handle, secret,
};

/// A request to each route of the admin face, without a credential. The table must be whole: see
/// `every_admin_route_has_a_row`.
const ROWS: &[(&str, &str)] = &[
    ("GET", "/admin/audit"),
    ("GET", "/admin/audit/verify"),
    ("GET", "/admin/revocations"),
    ("GET", "/admin/security/{user_id}"),
    ("GET", "/admin/sessions/{id}"),
    ("GET", "/admin/encryption-keys"),
    ("POST", "/admin/reencrypt"),
    ("POST", "/admin/cleanup"),
    ("POST", "/admin/sessions/{id}/resume"),
    ("POST", "/admin/sessions/{id}/suspend"),
    ("POST", "/auth/sessions/cleanup"),
    ("GET", "/admin/users"),
    ("POST", "/admin/users"),
    ("GET", "/admin/users/{user_id}"),
    ("PATCH", "/admin/users/{user_id}"),
    ("DELETE", "/admin/users/{user_id}"),
    // Last, since nothing can be done with the session afterwards.
    ("DELETE", "/admin/sessions/{id}"),
];

fn rows(session: &str) -> impl Iterator<Item = Ask> {
    rows_of(session, UNKNOWN_HANDLE)
}

/// The same about an account that is there.
fn rows_of(session: &str, account: &str) -> impl Iterator<Item = Ask> {
    ROWS.iter().map(move |(method, path)| {
        let id = if *method == "GET" { "ada" } else { session };
        let is_account = path.starts_with("/admin/users");
        let user_id = if is_account { account } else { "ada" };
        let path = path.replace("{id}", id).replace("{user_id}", user_id);
        let ask = Ask::new(method, &path);
        match *method {
            "POST" if is_account => {
                let email = format!("{account}@example.org");
                ask.json(&json!({"email": email, "password": PASSWORD}))
            }
            "PATCH" => ask.json(&json!({"disabled": true})),
            _ => ask,
        }
    })
}

/// An account of its own for each call; its id.
async fn new_account(server: &Server) -> String {
    let email = format!("{}@example.net", handle(&server.token_of("other").await));
    add_user(server, json!({"email": email})).await["user_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The session of a user of this role.
async fn token_of_role(server: &Server, role: &str) -> String {
    let new = json!({"user_id": "ada", "metadata": {"role": role}});
    server.create(new).await.0
}

/// Requirement 42: new routes too. Whatever the description says is for operators, whatever it tags so,
/// and whatever stands under `/admin` must have a row above.
#[tokio::test]
async fn every_admin_route_has_a_row() {
    let server = Server::new();
    let description = server.send(Ask::get("/openapi.json")).await.ok();
    let mut routes = BTreeSet::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let security = operation["security"].to_string();
            let is_for_operators = path.starts_with("/admin")
                || operation["tags"][0] == "admin"
                || security.contains("admin_");
            if is_for_operators {
                routes.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    let rows = ROWS.iter().map(|(m, p)| ((*m).to_owned(), (*p).to_owned()));
    assert_eq!(routes, rows.collect());
}

/// Requirement 42: refused by default to everyone else.
#[tokio::test]
async fn only_operators_are_let_in() {
    let server = Server::new();
    let user = token_of_role(&server, "user").await;
    let plain = server.token_of("ada").await;
    // Roles that look like the one that counts.
    let shouting = token_of_role(&server, "Admin").await;
    let padded = token_of_role(&server, "admin ").await;
    let victim = handle(&plain);
    for ask in rows(victim) {
        assert_eq!(server.send(ask).await.problem(401), "admin_required");
    }
    for ask in rows(victim) {
        let answer = server.send(ask.bearer(UNKNOWN_KEY)).await;
        assert_eq!(answer.problem(401), "key_unknown");
    }
    for ask in rows(victim) {
        let answer = server.send(ask.bearer(SERVICE_KEY)).await;
        assert_eq!(answer.problem(403), "admin_only");
    }
    for ask in rows(victim) {
        let answer = server.send(ask.header("x-api-key", SERVICE_KEY)).await;
        assert_eq!(answer.problem(403), "admin_only");
    }
    for token in [&user, &plain, &shouting, &padded] {
        for ask in rows(victim) {
            let answer = server.send(ask.header("x-session-id", token)).await;
            assert_eq!(answer.problem(403), "admin_only");
        }
        for ask in rows(victim) {
            let cookie = format!("__Host-session={token}");
            let ask = ask.header("cookie", cookie);
            let answer = server
                .send(ask.header("sec-fetch-site", "same-origin"))
                .await;
            assert_eq!(answer.problem(403), "admin_only");
        }
        // A session token is neither a key nor an access token.
        for ask in rows(victim) {
            let answer = server.send(ask.bearer(token)).await;
            assert_eq!(answer.problem(401), "access_token_invalid");
        }
    }
    for ask in rows(victim) {
        let answer = server.send(ask.header("x-session-id", victim)).await;
        assert_eq!(answer.problem(401), "session_unknown", "a bare handle");
    }
    for token in [user, plain, shouting, padded] {
        assert!(server.lets_in(&token).await, "nothing was done");
    }
}

#[tokio::test]
async fn an_admin_key_and_an_admins_session_are_let_in() {
    let server = Server::new();
    let admin = token_of_role(&server, "admin").await;
    for (header, value) in [
        ("authorization", format!("Bearer {ADMIN_KEY}")),
        ("x-api-key", ADMIN_KEY.to_owned()),
        ("x-session-id", admin.clone()),
    ] {
        let (token, account) = (server.token_of("ada").await, new_account(&server).await);
        for ask in rows_of(handle(&token), &account) {
            let answer = server.send(ask.header(header, &value)).await;
            assert!(answer.status.is_success(), "{}", answer.text());
        }
    }
    // The role is the session's, so it ends with the session.
    let end = Ask::service("DELETE", &format!("/sessions/{admin}"));
    server.send(end).await.ok();
    for ask in rows(UNKNOWN_HANDLE) {
        let answer = server.send(ask.header("x-session-id", &admin)).await;
        assert_eq!(answer.problem(401), "session_revoked");
    }
}

/// Where service keys must not open the admin face by way of a role, admin keys alone do.
#[tokio::test]
async fn roles_can_be_kept_out() {
    let server = Server::with(ApiConfig {
        admin_by_role: false,
        ..ApiConfig::default()
    });
    let admin = token_of_role(&server, "admin").await;
    for ask in rows(handle(&admin)) {
        let answer = server.send(ask.header("x-session-id", &admin)).await;
        assert_eq!(answer.problem(401), "admin_required");
    }
    assert!(server.lets_in(&admin).await);
    let ask = Ask::admin("GET", "/admin/audit");
    server.send(ask).await.ok();
}

/// Requirement 21: a cookie is sent by the browser, whoever made it send the request.
#[tokio::test]
async fn a_cookie_alone_changes_nothing_from_another_site() {
    let server = Server::new();
    let admin = token_of_role(&server, "admin").await;
    let cookie = format!("__Host-session={admin}");
    let cleanup = || Ask::new("POST", "/admin/cleanup").header("cookie", &cookie);
    let foreign = [
        cleanup(),
        cleanup().header("sec-fetch-site", "cross-site"),
        cleanup().header("sec-fetch-site", "same-site"),
        cleanup().header("sec-fetch-site", "none"),
        cleanup()
            .header("origin", "https://evil.example")
            .header("host", "id.example"),
        cleanup()
            .header("origin", "http://id.example")
            .header("host", "id.example"),
        cleanup()
            .header("origin", "null")
            .header("host", "id.example"),
        cleanup()
            .header("sec-fetch-site", "cross-site")
            .header("origin", "https://id.example")
            .header("host", "id.example"),
    ];
    for ask in foreign {
        assert_eq!(server.send(ask).await.problem(403), "cross_site");
    }
    let denied = Ask::admin("GET", "/admin/audit?action=access_denied&user_id=ada");
    let denied = server.send(denied).await.ok();
    assert_eq!(denied["events"][0]["error_code"], "cross_site");
    assert_eq!(denied["events"].as_array().unwrap().len(), 8);
    let own = [
        cleanup().header("sec-fetch-site", "same-origin"),
        cleanup()
            .header("origin", "https://id.example:8443")
            .header("host", "id.example:8443"),
        // Reading does no harm: its answer is not for the other site to see.
        Ask::get("/admin/audit").header("cookie", &cookie),
        // A header is not sent by itself.
        Ask::new("POST", "/admin/cleanup").header("x-session-id", &admin),
    ];
    for ask in own {
        server.send(ask).await.ok();
    }
}

#[tokio::test]
async fn a_users_sessions_are_shown_by_handle() {
    let server = Server::new();
    let new = json!({"user_id": "ada", "ip_address": "192.0.2.7", "user_agent": "Test/1",
        "metadata": {"role": "editor"}, "provider": "github", "idle_timeout": 600});
    let (first, _) = server.create(new).await;
    server.pass(301);
    let second = server.token_of("ada").await;
    let shown = server
        .send(Ask::admin("GET", "/admin/sessions/ada"))
        .await
        .ok();
    assert_eq!(shown["user_id"], "ada");
    assert_eq!(shown["session_count"], 2);
    let expected = json!({
        "session_id": handle(&first),
        "state": "idle",
        "created_at": START,
        "last_accessed_at": START,
        "expires_at": "2026-01-01T13:00:00Z",
        "ip_address": "192.0.2.7",
        "user_agent": "Test/1",
        "provider": "github",
        "remember_me": false,
        "role": "editor",
    });
    assert_eq!(shown["sessions"][1], expected);
    assert_eq!(shown["sessions"][0]["session_id"], handle(&second));
    assert!(shown.get("next_cursor").is_none());
    let page = Ask::admin("GET", "/admin/sessions/ada?limit=1");
    let page = server.send(page).await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = Ask::admin(
        "GET",
        &format!("/admin/sessions/ada?limit=1&cursor={cursor}"),
    );
    let rest = server.send(rest).await.ok();
    assert_eq!(rest["sessions"][0], expected);
    let nobody = Ask::admin("GET", "/admin/sessions/nobody");
    assert_eq!(server.send(nobody).await.ok()["session_count"], 0);
}

#[tokio::test]
async fn terminating_ends_a_session_and_no_other() {
    let server = Server::new();
    let (token, other) = (server.token_of("ada").await, server.token_of("ada").await);
    let end = |id: &str| Ask::admin("DELETE", &format!("/admin/sessions/{id}"));
    let answer = server.send(end(handle(&token))).await.ok();
    assert_eq!(answer, json!({"status": "terminated"}));
    let ask = Ask::get("/sessions/validate").header("x-session-id", &token);
    assert_eq!(server.send(ask).await.problem(401), "session_terminated");
    assert!(server.lets_in(&other).await);
    server.send(end(handle(&token))).await.ok();
    for unknown in [UNKNOWN_HANDLE, "nonsense", &other] {
        assert_eq!(server.send(end(unknown)).await.problem(404), "not_found");
    }
    assert!(server.lets_in(&other).await, "a whole token is no handle");
}

#[tokio::test]
async fn a_suspended_session_is_refused_until_it_is_resumed() {
    let server = Server::new();
    let token = server.token_of("ada").await;
    let set = |what: &str, id: &str| Ask::admin("POST", &format!("/admin/sessions/{id}/{what}"));
    for _ in 0..2 {
        let answer = server.send(set("suspend", handle(&token))).await.ok();
        assert_eq!(answer, json!({"status": "suspended"}));
        let ask = Ask::get("/sessions/validate").header("x-session-id", &token);
        assert_eq!(server.send(ask).await.problem(401), "session_suspended");
        let ask = Ask::service("GET", &format!("/sessions/{token}"));
        assert_eq!(server.send(ask).await.problem(404), "not_found");
    }
    let shown = Ask::admin("GET", "/admin/sessions/ada");
    assert_eq!(
        server.send(shown).await.ok()["sessions"][0]["state"],
        "suspended"
    );
    for _ in 0..2 {
        let answer = server.send(set("resume", handle(&token))).await.ok();
        assert_eq!(answer, json!({"status": "resumed"}));
        assert!(server.lets_in(&token).await);
    }
    server.send(set("suspend", handle(&token))).await.ok();
    server.pass(3600);
    // Its deadline passed while it was held back: nothing brings it back.
    for what in ["suspend", "resume"] {
        for id in [handle(&token), UNKNOWN_HANDLE, "nonsense"] {
            assert_eq!(server.send(set(what, id)).await.problem(404), "not_found");
        }
    }
}

#[tokio::test]
async fn cleaning_up_tells_how_much_it_was() {
    let server = Server::new();
    for _ in 0..3 {
        server.token_of("ada").await;
    }
    server.token_of("grace").await;
    let cleanup = |path: &str| Ask::admin("POST", path);
    let answer = server.send(cleanup("/admin/cleanup")).await.ok();
    assert_eq!(
        answer,
        json!({"message": "Cleaned up 0 records", "removed": 0})
    );
    server.pass(3601);
    let answer = server.send(cleanup("/auth/sessions/cleanup")).await.ok();
    assert_eq!(answer["removed"], 4);
    let stats = server
        .send(Ask::service("GET", "/sessions/stats"))
        .await
        .ok();
    assert_eq!(stats["expired_sessions"], 4);
    // A day later their records go.
    server.pass(86_402);
    let answer = server.send(cleanup("/admin/cleanup")).await.ok();
    assert_eq!(answer["removed"], 4);
    let stats = server
        .send(Ask::service("GET", "/sessions/stats"))
        .await
        .ok();
    assert_eq!(stats["total_sessions"], 0);
}

/// Requirement 20: two credentials for two sessions are a riddle.
#[tokio::test]
async fn two_different_sessions_are_refused() {
    let server = Server::with(ApiConfig::default());
    let (one, two) = (
        token_of_role(&server, "admin").await,
        token_of_role(&server, "admin").await,
    );
    let ask = Ask::get("/admin/audit")
        .header("x-session-id", &one)
        .header("cookie", format!("__Host-session={two}"));
    assert_eq!(
        server.send(ask).await.problem(400),
        "conflicting_credentials"
    );
}

#[tokio::test]
async fn a_summary_counts_what_happened() {
    let server = Server::new();
    let summary = |path: &str| Ask::admin("GET", path);
    let empty = server.send(summary("/admin/security/ada")).await.ok();
    let expected = json!({
        "user_id": "ada", "period_hours": 24, "total_events": 0, "suspicious_events": 0,
        "failed_logins": 0, "successful_logins": 0, "unique_ips": 0, "average_risk_score": 0.0,
        "recent_events": [],
    });
    assert_eq!(empty, expected);
    for n in 0..12 {
        let new = json!({"user_id": "ada", "ip_address": format!("192.0.2.{}", n % 3)});
        server.create(new).await;
    }
    server.token_of("grace").await;
    let told = server
        .send(summary("/admin/security/ada?hours=1"))
        .await
        .ok();
    // Twelve begun, and seven of them displaced at the limit of five.
    assert_eq!(told["total_events"], 19);
    assert_eq!(told["period_hours"], 1);
    assert_eq!(told["unique_ips"], 3);
    let events = told["recent_events"].as_array().unwrap();
    assert_eq!(events.len(), 10);
    let newest = |event: &Value| event["sequence"].as_u64().unwrap();
    assert!(events.is_sorted_by_key(|event| std::cmp::Reverse(newest(event))));
    server.pass(3601);
    let later = server
        .send(summary("/admin/security/ada?hours=1"))
        .await
        .ok();
    assert_eq!(later["total_events"], 0);
    for hours in ["0", "-1", "8785", "99999999999", "x"] {
        let ask = summary(&format!("/admin/security/ada?hours={hours}"));
        assert_eq!(server.send(ask).await.status, 400, "{hours}");
    }
}

/// Requirement 43: what operators see is enough to act, and lets nobody in.
#[tokio::test]
async fn no_answer_holds_a_secret_or_its_hash() {
    use base64::Engine as _;
    use sha2::Digest as _;

    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let server = Server::new();
    let mut secrets = vec![SERVICE_KEY.to_owned(), ADMIN_KEY.to_owned()];
    for _ in 0..6 {
        let token = server.token_of("ada").await;
        let end = Ask::service("DELETE", &format!("/sessions/{token}"));
        server.send(end).await.ok();
        let live = server.token_of("ada").await;
        secrets.extend([token, live].map(|token| secret(&token).to_owned()));
    }
    let session = handle(&server.token_of("ada").await).to_owned();
    let account = new_account(&server).await;
    for ask in rows_of(&session, &account) {
        let answer = server.send(ask.bearer(ADMIN_KEY)).await;
        assert!(answer.status.is_success(), "{}", answer.text());
        let text = answer.text();
        assert!(!text.contains("argon2"), "the hash of a password: {text}");
        assert!(!text.contains(PASSWORD), "{text}");
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{text}");
            let bytes = engine
                .decode(secret)
                .unwrap_or_else(|_| secret.as_bytes().to_vec());
            let hash = sha2::Sha256::digest(bytes);
            let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!text.contains(&hex), "{text}");
        }
    }
}
