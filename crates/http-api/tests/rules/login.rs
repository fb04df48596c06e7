//! Signing in and registering.

use app::{AccountEdit, Policies, SecurityPolicy, SessionPolicy};
use chrono::TimeDelta;
use http_api::ApiConfig;
use serde_json::{Value, json};
use session_core::RateRule;
use session_core::ports::{LimitPolicy, SessionLimit};

use crate::support::{Answer, Ask, PASSWORD, Server, SignedIn, handle};

async fn events(server: &Server, action: &str) -> Vec<Value> {
    let ask = Ask::admin("GET", &format!("/admin/audit?action={action}"));
    let page = server.send(ask).await.ok();
    page["events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn whoever_has_the_password_gets_a_session_and_an_access_token() {
    let server = Server::open();
    let id = server.account("ada@example.org").await;
    let answer = server.login("Ada@Example.org", PASSWORD, json!({})).await;
    let body = answer.ok();
    let mut members: Vec<_> = body.as_object().unwrap().keys().collect();
    members.sort_unstable();
    let expected = [
        "access_token",
        "expires_in",
        "mfa_required",
        "mfa_verified",
        "session_id",
        "token_type",
        "user_id",
    ];
    assert_eq!(members, expected);
    assert_eq!(body["token_type"], "bearer");
    assert_eq!(body["expires_in"], 900);
    assert_eq!(
        (&body["mfa_required"], &body["mfa_verified"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(body["user_id"], id.to_string());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.headers.contains_key("set-cookie"));
    let ada = SignedIn::from(&body);
    for ask in [
        ada.ask("GET", "/auth/me"),
        ada.ask_by_access("GET", "/auth/me"),
    ] {
        let me = server.send(ask).await.ok();
        let expected = json!({"user_id": id.to_string(), "email": "ada@example.org",
            "role": "user", "permissions": [], "session_id": ada.handle()});
        assert_eq!(me, expected);
    }
    // A backend sees it like any other session.
    let session = server.session(&ada.token).await;
    assert_eq!(session["user_id"], id.to_string());
    let seconds = |name: &str| {
        let time: chrono::DateTime<chrono::Utc> = session[name].as_str().unwrap().parse().unwrap();
        (time
            - "2026-01-01T12:00:00Z"
                .parse::<chrono::DateTime<chrono::Utc>>()
                .unwrap())
        .num_seconds()
    };
    assert_eq!(
        (seconds("expires_at"), seconds("idle_expires_at")),
        (3600, 1800)
    );
    let success = events(&server, "login_success").await;
    assert_eq!(success.len(), 1);
    assert_eq!(success[0]["session_id"], ada.handle());
    assert_eq!(success[0]["user_id"], id.to_string());
}

#[tokio::test]
async fn a_session_that_is_remembered_lives_for_a_month_used_or_not() {
    let server = Server::new();
    server.account("ada@example.org").await;
    let more = json!({"remember_me": true});
    let body = server.login("ada@example.org", PASSWORD, more).await.ok();
    let ada = SignedIn::from(&body);
    assert_eq!(body["expires_in"], 900, "its access token does not");
    server.pass(29 * 86400);
    assert!(server.lets_in(&ada.token).await);
    server.pass(86400);
    assert!(!server.lets_in(&ada.token).await);
}

/// Requirement 28, but for the time: see the process tests.
#[tokio::test]
async fn nobody_learns_why_they_are_not_let_in() {
    let server = Server::new();
    server.account("ada@example.org").await;
    let disabled = server.account("eve@example.org").await;
    let edit = AccountEdit {
        is_disabled: Some(true),
        ..AccountEdit::default()
    };
    server.edit(disabled, edit).await;
    for _ in 0..5 {
        let tried = server.login("bob@example.org", "wrong", json!({})).await;
        assert_eq!(tried.problem(401), "invalid_credentials");
    }
    server.account("bob@example.org").await;
    let answers = [
        ("nobody@example.org", PASSWORD, "unknown_account"),
        ("ada@example.org", "wrong", "wrong_password"),
        ("eve@example.org", PASSWORD, "disabled"),
        ("bob@example.org", PASSWORD, "throttled"),
    ];
    let mut first = None;
    for (n, (email, password, why)) in answers.into_iter().enumerate() {
        let answer = server.login(email, password, json!({})).await;
        assert_eq!(answer.problem(401), "invalid_credentials", "{email}");
        let seen = answer.without_request_id();
        assert_eq!(*first.get_or_insert_with(|| seen.clone()), seen, "{email}");
        // The log tells them apart.
        let failures = events(&server, "login_failure").await;
        assert_eq!(failures.len(), 6 + n);
        assert_eq!(failures[0]["error_code"], why);
    }
    server.sign_in("ada@example.org").await;
}

/// Requirement 29: a wrong guess costs; the right password sets it back; no lock is for ever.
#[tokio::test]
async fn guessing_is_slowed_down_and_success_resets() {
    let server = Server::new();
    server.account("ada@example.org").await;
    for _ in 0..3 {
        for _ in 0..4 {
            let wrong = server.login("ada@example.org", "wrong", json!({})).await;
            wrong.problem(401);
        }
        server.sign_in("ada@example.org").await;
    }
    for _ in 0..6 {
        let wrong = server.login("ADA@example.org", "wrong", json!({})).await;
        wrong.problem(401);
    }
    let locked = server.login("ada@example.org", PASSWORD, json!({})).await;
    locked.problem(401);
    let passed = events(&server, "rate_limit_exceeded").await;
    assert_eq!(passed.len(), 1, "once, however often it is tried");
    server.pass(331);
    server.sign_in("ada@example.org").await;
}

/// What one address asks for is bounded whoever it asks as: and that is told, since it says nothing of
/// any account.
#[tokio::test]
async fn one_address_cannot_try_many_accounts() {
    let mut security = SecurityPolicy::default();
    let rule = RateRule::new("login_address", 3, TimeDelta::seconds(60)).unwrap();
    security.rules.set(rule);
    let policies = Policies {
        security,
        ..Policies::default()
    };
    let server = Server::with_policies(ApiConfig::default(), policies);
    server.account("ada@example.org").await;
    let from = |address: &str, n: usize| {
        let email = format!("user{n}@example.org");
        crate::support::login(&email, "wrong", json!({})).peer(address)
    };
    for n in 0..3 {
        server.send(from("192.0.2.1", n)).await.problem(401);
    }
    let answer = server.send(from("192.0.2.1", 3)).await;
    assert_eq!(answer.problem(429), "rate_limited");
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((54..=66).contains(&seconds), "{seconds}");
    server.send(from("192.0.2.2", 4)).await.problem(401);
    // One line of IPv6 is one address.
    for n in 0..3 {
        let address = format!("2001:db8::{n}");
        server.send(from(&address, n)).await.problem(401);
    }
    server.send(from("2001:db8::ffff", 9)).await.problem(429);
}

/// Requirement 9: the session held before a login ends with it.
#[tokio::test]
async fn the_session_before_a_login_ends() {
    let server = Server::new();
    let before = server.sign_in("ada@example.org").await;
    let ask = crate::support::login("ada@example.org", PASSWORD, json!({}));
    let after = server.send(ask.header("x-session-id", &before.token)).await;
    let after = SignedIn::from(&after.ok());
    assert_ne!(before.token, after.token);
    assert!(!server.lets_in(&before.token).await);
    assert!(server.lets_in(&after.token).await);
    // A failed login costs nothing, nor does one with a handle instead of a token.
    let ask = crate::support::login("ada@example.org", "wrong", json!({}));
    let ask = ask.header("x-session-id", &after.token);
    server.send(ask).await.problem(401);
    let ask = crate::support::login("ada@example.org", PASSWORD, json!({}));
    let ask = ask.header("x-session-id", after.handle());
    server.send(ask).await.ok();
    assert!(server.lets_in(&after.token).await);
}

/// A session that is replaced makes room at the limit, and nobody else's has to.
#[tokio::test]
async fn a_login_at_the_limit_takes_the_place_of_the_session_before() {
    for policy in [LimitPolicy::EvictOldest, LimitPolicy::Refuse] {
        let session = SessionPolicy {
            limit: SessionLimit { max: 2, policy },
            ..SessionPolicy::default()
        };
        let policies = Policies {
            session,
            ..Policies::default()
        };
        let server = Server::with_policies(ApiConfig::default(), policies);
        let other = server.sign_in("ada@example.org").await;
        server.pass(1);
        let before = server.sign_in("ada@example.org").await;
        let ask = crate::support::login("ada@example.org", PASSWORD, json!({}));
        let after = server.send(ask.header("x-session-id", &before.token)).await;
        let after = SignedIn::from(&after.ok());
        for (who, is_in) in [(&other, true), (&before, false), (&after, true)] {
            assert_eq!(server.lets_in(&who.token).await, is_in, "{policy:?}");
        }
        let third = server.login("ada@example.org", PASSWORD, json!({})).await;
        if policy == LimitPolicy::Refuse {
            // Whoever is told that has the password: that is on record.
            assert_eq!(third.problem(409), "session_limit");
            let failures = events(&server, "login_failure").await;
            assert_eq!(failures[0]["error_code"], "session_limit");
        } else {
            third.ok();
        }
    }
}

/// Strangers who guess from many addresses hold the owner up, and not for long; not at all where the
/// owner is signed in.
#[tokio::test]
async fn strangers_cannot_keep_an_owner_out() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    let guess = |n: usize| {
        let ask = crate::support::login("ada@example.org", "wrong", json!({}));
        ask.peer(&format!("2001:db8:{n:x}::1"))
    };
    for n in 0..19 {
        server.send(guess(n)).await.problem(401);
    }
    // Each from an address of its own: the owner's is another.
    let ask = crate::support::login("ada@example.org", PASSWORD, json!({}));
    server.send(ask.peer("192.0.2.1")).await.ok();
    for n in 0..40 {
        server.send(guess(n)).await.problem(401);
    }
    let body = json!({"current_password": PASSWORD, "new_password": "quite another sentence"});
    let change = ada.ask("POST", "/auth/password").json(&body);
    server.send(change).await.ok();
}

#[tokio::test]
async fn the_device_is_kept_as_it_is_told() {
    let server = Server::new();
    server.account("ada@example.org").await;
    let devices = [
        json!({"device_type": "desktop", "os": "Windows 10", "browser": "Chrome"}),
        json!({"device_type": "mobile", "os": "iOS", "browser": "App",
            "device_fingerprint": "9F1A-22"}),
        json!({"device_fingerprint": {"fingerprint_id": "fp-3", "platform": "Linux"}}),
    ];
    for device in devices {
        let more = json!({ "device_info": device });
        let ask = crate::support::login("ada@example.org", PASSWORD, more);
        let ask = ask.header("user-agent", "Test/1").peer("192.0.2.7");
        server.send(ask).await.ok();
        server.pass(1);
    }
    let plain = server.sign_in("ada@example.org").await;
    let list = server.send(plain.ask("GET", "/auth/sessions")).await.ok();
    let seen: Vec<_> = list["sessions"].as_array().unwrap().iter().rev().collect();
    assert_eq!(seen.len(), 4);
    assert_eq!(
        (&seen[0]["device_type"], &seen[0]["os"]),
        (&json!("desktop"), &json!("Windows 10"))
    );
    assert_eq!(seen[0]["device_fingerprint"], Value::Null);
    assert_eq!(seen[1]["device_fingerprint"], "9F1A-22");
    assert_eq!(seen[2]["device_fingerprint"], "fp-3");
    for session in &seen[..3] {
        assert_eq!(session["ip_address"], "192.0.2.7");
        assert_eq!(session["user_agent"], "Test/1");
    }
    for wrong in [
        json!({"os": 7}),
        json!({"device_fingerprint": 7}),
        json!({"os": "x".repeat(70_000)}),
    ] {
        let more = json!({ "device_info": wrong });
        let answer = server.login("ada@example.org", PASSWORD, more).await;
        assert!(
            [400, 413].contains(&answer.status.as_u16()),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn role_and_permissions_are_the_accounts() {
    let server = Server::new();
    let id = server.account("ada@example.org").await;
    let rights = json!({"role": "editor", "permissions": ["read", "write"]});
    let before = server.sign_in("ada@example.org").await;
    let edit = AccountEdit {
        metadata: rights.as_object().cloned(),
        ..AccountEdit::default()
    };
    server.edit(id, edit).await;
    // Requirement 10: rights that changed are no rights of old sessions.
    assert!(!server.lets_in(&before.token).await);
    assert!(
        !server
            .is_let_in(before.ask_by_access("GET", "/auth/me"))
            .await
    );
    let after = server.sign_in("ada@example.org").await;
    let me = server.send(after.ask("GET", "/auth/me")).await.ok();
    assert_eq!(
        (&me["role"], &me["permissions"]),
        (&json!("editor"), &rights["permissions"])
    );
    // The body of a login sets none of it.
    let more = json!({"role": "admin", "user_id": "eve", "metadata": {"role": "admin"}});
    let body = server.login("ada@example.org", PASSWORD, more).await.ok();
    assert_eq!(body["user_id"], id.to_string());
    let me = server
        .send(SignedIn::from(&body).ask("GET", "/auth/me"))
        .await;
    assert_eq!(me.ok()["role"], "editor");
}

#[tokio::test]
async fn registration_is_closed_unless_it_is_opened() {
    let server = Server::new();
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    let ask = || Ask::new("POST", "/auth/register").json(&body);
    assert_eq!(server.send(ask()).await.problem(404), "no_such_route");
    let server = Server::open();
    let answer = server.send(ask()).await;
    assert_eq!(answer.status, 201);
    let registered = answer.json();
    assert_eq!(registered["email"], "ada@example.org");
    let signed_in = server.sign_in("ada@example.org").await;
    assert_eq!(registered["user_id"], signed_in.user_id);
    assert_eq!(server.send(ask()).await.problem(409), "email_taken");
    let events = events(&server, "user_registered").await;
    assert_eq!(events.len(), 1);
    assert!(!events[0].to_string().contains(PASSWORD));
}

/// Requirement 27, as far as the face is concerned.
#[tokio::test]
async fn bad_addresses_and_passwords_are_refused_with_a_reason() {
    let server = Server::open();
    let register = async |email: &str, password: &str| -> Answer {
        let body = json!({"email": email, "password": password});
        server
            .send(Ask::new("POST", "/auth/register").json(&body))
            .await
    };
    for email in [
        "",
        "ada",
        "ada@",
        "@example.org",
        "a b@example.org",
        "a@b@c\r\n",
    ] {
        assert_eq!(
            register(email, PASSWORD).await.problem(400),
            "invalid_request"
        );
    }
    for password in [
        "",
        "short",
        "12345678901234567890",
        "passwordpassword",
        &"x".repeat(2000),
    ] {
        let answer = register("ada@example.org", password).await;
        assert_eq!(answer.problem(400), "invalid_request", "{password}");
        let told = answer.text();
        assert!(password.len() < 6 || !told.contains(password), "{told}");
    }
    for _ in 0..5 {
        // Bad ones did not count.
        register("ada@example.org", PASSWORD).await;
    }
    let sixth = register("eve@example.org", PASSWORD).await;
    assert_eq!(sixth.problem(429), "rate_limited");
}

/// No secret of a login is in the audit log.
#[tokio::test]
async fn the_log_holds_no_credential() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    server
        .login("ada@example.org", "a wrong guess of mine", json!({}))
        .await;
    let refresh = ada
        .ask("POST", "/auth/sessions/refresh")
        .json(&json!({"rotate": true}));
    let next = server.send(refresh).await.ok();
    let all = server
        .send(Ask::admin("GET", "/admin/audit?limit=1000"))
        .await
        .text();
    let secret = |token: &str| token.split_once('.').unwrap().1.to_owned();
    let next = next["session_id"].as_str().unwrap();
    let access = ada.access.rsplit_once('.').unwrap().1;
    for text in [
        PASSWORD,
        "a wrong guess",
        &secret(&ada.token),
        &secret(next),
        access,
    ] {
        assert!(!all.contains(text), "{text}");
    }
    assert!(all.contains(handle(&ada.token)));
}
