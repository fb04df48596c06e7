//! What people do with their own sessions, and with nobody else's.

use serde_json::{Value, json};

use crate::support::{Ask, Server, SignedIn, UNKNOWN_HANDLE};

async fn in_(server: &Server, who: &SignedIn) -> bool {
    server.lets_in(&who.token).await
}

#[tokio::test]
async fn a_user_sees_where_they_are_signed_in() {
    let server = Server::new();
    let first = server.sign_in("ada@example.org").await;
    server.pass(60);
    let second = server.sign_in("ada@example.org").await;
    server.sign_in("eve@example.org").await;
    for (who, current) in [(&first, 1), (&second, 0)] {
        for ask in [
            who.ask("GET", "/auth/sessions"),
            who.ask_by_access("GET", "/auth/sessions"),
        ] {
            let list = server.send(ask).await.ok();
            assert_eq!(
                (&list["total_count"], &list["max_sessions"]),
                (&json!(2), &json!(5))
            );
            let sessions = list["sessions"].as_array().unwrap();
            assert_eq!(sessions[0]["session_id"], second.handle(), "newest first");
            assert_eq!(sessions[1]["session_id"], first.handle());
            for (n, session) in sessions.iter().enumerate() {
                assert_eq!(session["is_current"], n == current);
                assert_eq!(session["remember_me"], false);
                assert!(session["created_at"].is_string() && session["last_activity"].is_string());
            }
            // A handle is no credential.
            assert!(!list.to_string().contains(&first.token));
        }
    }
}

#[tokio::test]
async fn a_user_ends_another_session_of_theirs() {
    let server = Server::new();
    let (here, there) = (
        server.sign_in("ada@example.org").await,
        server.sign_in("ada@example.org").await,
    );
    let own = format!("/auth/sessions/{}", here.handle());
    let answer = server.send(here.ask("DELETE", &own)).await;
    assert_eq!(answer.problem(400), "current_session");
    let other = format!("/auth/sessions/{}", there.handle());
    let answer = server.send(here.ask("DELETE", &other)).await.ok();
    assert_eq!(answer, json!({"message": "Session revoked successfully"}));
    assert!(in_(&server, &here).await && !in_(&server, &there).await);
    assert!(
        !server
            .is_let_in(there.ask_by_access("GET", "/auth/me"))
            .await
    );
    // A second time is fine, while the record is kept.
    server.send(here.ask("DELETE", &other)).await.ok();
    server.pass(86_400 + 3600);
    server.send(Ask::admin("POST", "/admin/cleanup")).await.ok();
    let here = server.sign_in("ada@example.org").await;
    let gone = server.send(here.ask("DELETE", &other)).await;
    assert_eq!(gone.problem(404), "not_found");
    // One that is held back is still theirs to end.
    let held = server.sign_in("ada@example.org").await;
    let path = format!("/admin/sessions/{}", held.handle());
    let suspend = Ask::admin("POST", &format!("{path}/suspend"));
    server.send(suspend).await.ok();
    let own = format!("/auth/sessions/{}", held.handle());
    server.send(here.ask("DELETE", &own)).await.ok();
    let resume = Ask::admin("POST", &format!("{path}/resume"));
    server.send(resume).await.problem(404);
}

#[tokio::test]
async fn all_others_or_all_end() {
    let server = Server::new();
    for (method, path, expected, spares) in [
        (
            "DELETE",
            "/auth/sessions",
            json!({"invalidated_count": 2, "message": "Invalidated 2 sessions"}),
            true,
        ),
        (
            "POST",
            "/auth/logout-all",
            json!({"status": "all_sessions_logged_out"}),
            true,
        ),
        (
            "DELETE",
            "/auth/sessions/all",
            json!({"invalidated_count": 3, "message": "Invalidated 3 sessions"}),
            false,
        ),
    ] {
        let here = server.sign_in("ada@example.org").await;
        let others = [
            server.sign_in("ada@example.org").await,
            server.sign_in("ada@example.org").await,
        ];
        let eve = server.sign_in("eve@example.org").await;
        let answer = server.send(here.ask(method, path)).await.ok();
        assert_eq!(answer, expected, "{path}");
        assert_eq!(in_(&server, &here).await, spares, "{path}");
        for other in &others {
            assert!(!in_(&server, other).await, "{path}");
        }
        assert!(in_(&server, &eve).await, "{path}");
        if spares {
            server.send(here.ask("POST", "/auth/logout")).await.ok();
        }
    }
}

/// Requirement 11: POST, and a second time is fine.
#[tokio::test]
async fn signing_out_ends_the_session_for_good() {
    let server = Server::new();
    for (path, expected) in [
        (
            "/auth/sessions/logout",
            json!({"message": "Logged out successfully"}),
        ),
        ("/auth/logout", json!({"status": "logged_out"})),
    ] {
        let ada = server.sign_in("ada@example.org").await;
        let eve = server.sign_in("eve@example.org").await;
        for _ in 0..2 {
            let answer = server.send(ada.ask("POST", path).bearer(&ada.access)).await;
            assert_eq!(answer.ok(), expected);
            assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
            assert!(answer.header("set-cookie").starts_with("__Host-session=; "));
            assert!(answer.header("set-cookie").ends_with("; Max-Age=0"));
        }
        assert!(!in_(&server, &ada).await);
        assert!(!server.is_let_in(ada.ask_by_access("GET", "/auth/me")).await);
        // By the access token alone, too.
        server.send(eve.ask_by_access("POST", path)).await.ok();
        assert!(!in_(&server, &eve).await);
        server.send(eve.ask_by_access("POST", path)).await.ok();
        let answer = server.send(Ask::new("POST", path).bearer("nonsense")).await;
        assert_eq!(answer.problem(401), "access_token_invalid");
        assert!(!answer.headers.contains_key("set-cookie"));
        assert_eq!(
            server.send(Ask::new("POST", path)).await.problem(401),
            "token_required"
        );
        assert_eq!(
            server.send(Ask::get(path)).await.problem(405),
            "method_not_allowed"
        );
    }
    let ask = Ask::admin("GET", "/admin/audit?action=logout");
    let page = server.send(ask).await.ok();
    assert_eq!(page["events"].as_array().unwrap().len(), 4, "one each");
}

/// Nobody is told that they are signed out who is not: whatever is sent along, everything that it names
/// ends.
#[tokio::test]
async fn signing_out_ends_everything_that_the_request_names() {
    let server = Server::new();
    let path = "/auth/sessions/logout";
    for stale in ["nonsense", "", "an ended one"] {
        let ended = server.sign_in("ada@example.org").await;
        server.send(ended.ask("POST", path)).await.ok();
        let stale = if stale == "an ended one" {
            &ended.token
        } else {
            stale
        };
        let by_header = server.sign_in("ada@example.org").await;
        let ask = by_header.ask_by_access("POST", path);
        server.send(ask.header("x-session-id", stale)).await.ok();
        let by_cookie = server.sign_in("ada@example.org").await;
        let ask = by_cookie.ask_by_access("POST", path);
        let cookie = format!("__Host-session={stale}");
        server.send(ask.header("cookie", cookie)).await.ok();
        for who in [&by_header, &by_cookie] {
            assert!(!in_(&server, who).await, "{stale}");
        }
    }
    let (one, other) = (
        server.sign_in("ada@example.org").await,
        server.sign_in("ada@example.org").await,
    );
    let ask = one.ask("POST", path).bearer(&other.access);
    server.send(ask).await.ok();
    assert!(!in_(&server, &one).await && !in_(&server, &other).await);
}

#[tokio::test]
async fn counts_are_true_and_the_users_own() {
    let server = Server::new();
    let mut ada = server.sign_in("ada@example.org").await;
    let stats = async |who: &SignedIn| {
        server
            .send(who.ask("GET", "/auth/sessions/stats"))
            .await
            .ok()
    };
    let expected = json!({"active_sessions": 1, "total_sessions_created": 1,
        "blacklisted_tokens": 0, "redis_health": "not_configured", "store_health": "healthy"});
    assert_eq!(stats(&ada).await, expected);
    for _ in 0..6 {
        server.pass(1);
        ada = server.sign_in("ada@example.org").await;
    }
    server.sign_in("eve@example.org").await;
    server.send(ada.ask("DELETE", "/auth/sessions")).await.ok();
    let now = stats(&ada).await;
    assert_eq!(now["active_sessions"], 1);
    assert_eq!(now["total_sessions_created"], 7);
    // Two made room at the limit by themselves: what was revoked is the rest.
    assert_eq!(now["blacklisted_tokens"], 4);
}

#[tokio::test]
async fn a_users_security_is_looked_at() {
    let server = Server::new();
    let mut ada = server.sign_in("ada@example.org").await;
    for _ in 0..4 {
        ada = server.sign_in("ada@example.org").await;
    }
    let path = format!("/auth/sessions/{}/security", ada.handle());
    let security = server.send(ada.ask("GET", &path)).await.ok();
    assert_eq!(security["session_id"], ada.handle());
    assert_eq!(security["risk_score"], 0.4);
    assert_eq!(
        security["suspicious_activity"],
        json!(["Rapid session creation"])
    );
    assert_eq!(
        security["recommendations"],
        json!(["Review recent login activity"])
    );
    assert_eq!(security["last_security_check"], "2026-01-01T12:00:00Z");
}

#[tokio::test]
async fn what_is_remembered_can_be_extended() {
    let server = Server::new();
    let plain = server.sign_in("ada@example.org").await;
    let remembered = server.sign_in_for_long("ada@example.org").await;
    server.pass(10 * 60);
    let path = |who: &SignedIn| format!("/auth/sessions/{}/extend", who.handle());
    let answer = server.send(plain.ask("POST", &path(&plain))).await;
    assert_eq!(answer.problem(400), "not_remembered");
    let answer = server
        .send(plain.ask("POST", &path(&remembered)))
        .await
        .ok();
    assert_eq!(answer["message"], "Session extended");
    assert_eq!(answer["expires_at"], "2026-01-31T12:10:00Z");
}

/// Requirement 17: what is somebody else's is answered, byte for byte, like what there is not.
#[tokio::test]
async fn anothers_handle_is_like_an_unknown_one() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let remembered = server.sign_in_for_long("ada@example.org").await;
    let bob = server.sign_in("bob@example.org").await;
    let routes = [
        ("DELETE", "/auth/sessions/{}"),
        ("GET", "/auth/sessions/{}/security"),
        ("POST", "/auth/sessions/{}/extend"),
    ];
    for (method, route) in routes {
        let unknown = route.replace("{}", UNKNOWN_HANDLE);
        let unknown = server.send(bob.ask(method, &unknown)).await;
        assert_eq!(unknown.problem(404), "not_found");
        for handle in [
            ada.handle(),
            remembered.handle(),
            &ada.token,
            "nonsense",
            "%00",
        ] {
            let path = route.replace("{}", handle);
            let answer = server.send(bob.ask(method, &path)).await;
            assert_eq!(
                answer.without_request_id(),
                unknown.without_request_id(),
                "{path}"
            );
            let answer = server.send(bob.ask_by_access(method, &path)).await;
            assert_eq!(
                answer.without_request_id(),
                unknown.without_request_id(),
                "{path}"
            );
        }
    }
    // On the service face a handle is no credential to anyone.
    for (method, route) in [
        ("GET", "/sessions/{}"),
        ("POST", "/sessions/{}/activity"),
        ("GET", "/admin/sessions/{}"),
    ] {
        let path = route.replace("{}", ada.handle());
        let one = server.send(bob.ask(method, &path)).await;
        let path = route.replace("{}", UNKNOWN_HANDLE);
        let other = server.send(bob.ask(method, &path)).await;
        assert_eq!(
            one.without_request_id(),
            other.without_request_id(),
            "{route}"
        );
    }
    for who in [&ada, &remembered, &bob] {
        assert!(in_(&server, who).await);
    }
}

/// Every route of the face, with nothing, with a bare handle, with another system's token.
#[tokio::test]
async fn without_a_good_credential_nobody_gets_in() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let own = format!("/auth/sessions/{}", ada.handle());
    let routes = [
        ("GET", "/auth/me".to_owned()),
        ("GET", "/auth/sessions".to_owned()),
        ("DELETE", "/auth/sessions".to_owned()),
        ("DELETE", "/auth/sessions/all".to_owned()),
        ("POST", "/auth/logout-all".to_owned()),
        ("GET", "/auth/sessions/stats".to_owned()),
        ("POST", "/auth/password".to_owned()),
        ("DELETE", own.clone()),
        ("GET", format!("{own}/security")),
        ("POST", format!("{own}/extend")),
    ];
    let other = server.sign_in("ada@example.org").await;
    for (method, path) in &routes {
        let ask = || Ask::new(method, path);
        assert_eq!(
            server.send(ask()).await.problem(401),
            "token_required",
            "{path}"
        );
        // A key of a backend is no user.
        let answer = server.send(ask().bearer(crate::support::SERVICE_KEY)).await;
        assert_eq!(answer.problem(401), "token_required", "{path}");
        for wrong in [ada.handle(), "nonsense", &ada.access] {
            let answer = server.send(ask().header("x-session-id", wrong)).await;
            assert_eq!(answer.problem(401), "session_unknown", "{path}");
        }
        for wrong in [ada.handle(), "nonsense", &ada.token] {
            let answer = server.send(ask().bearer(wrong)).await;
            assert_eq!(answer.problem(401), "access_token_invalid", "{path}");
        }
        let two = ada.ask(method, path).bearer(&other.access);
        assert_eq!(
            server.send(two).await.problem(400),
            "conflicting_credentials",
            "{path}"
        );
        // One that is good does not make up for one that is not.
        let answer = server.send(ada.ask(method, path).bearer("nonsense")).await;
        assert_eq!(answer.problem(401), "access_token_invalid", "{path}");
    }
    let list = server.send(ada.ask("GET", "/auth/sessions")).await.ok();
    assert_eq!(list["total_count"], 2, "nothing was done");
    assert_ne!(list["sessions"], Value::Null);
}
