//! Another password (requirement 13).

use serde_json::{Value, json};

use crate::support::{Answer, Ask, PASSWORD, Server, SignedIn};

const ANOTHER: &str = "quite another long sentence";

async fn change(server: &Server, who: &SignedIn, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    server
        .send(who.ask("POST", "/auth/password").json(&body))
        .await
}

#[tokio::test]
async fn a_new_password_ends_every_session_and_begins_one() {
    let server = Server::new();
    let here = server.sign_in("ada@example.org").await;
    let there = server.sign_in("ada@example.org").await;
    let eve = server.sign_in("eve@example.org").await;
    let now = SignedIn::from(&change(&server, &here, PASSWORD, ANOTHER).await.ok());
    for old in [&here, &there] {
        assert!(!server.lets_in(&old.token).await);
        assert!(!server.is_let_in(old.ask_by_access("GET", "/auth/me")).await);
    }
    assert!(server.lets_in(&now.token).await && server.lets_in(&eve.token).await);
    assert!(server.is_let_in(now.ask_by_access("GET", "/auth/me")).await);
    server
        .login("ada@example.org", PASSWORD, json!({}))
        .await
        .problem(401);
    server
        .login("ada@example.org", ANOTHER, json!({}))
        .await
        .ok();
    let ask = Ask::admin("GET", "/admin/audit?action=password_changed");
    let page = server.send(ask).await.ok();
    assert_eq!(page["events"].as_array().unwrap().len(), 1);
    assert_eq!(page["events"][0]["user_id"], now.user_id);
}

/// The access token of a new session, and its cookie.
async fn sign_in_by_cookie(server: &Server, password: &str) -> (String, String) {
    let ask = crate::support::login("ada@example.org", password, json!({"cookie": true}));
    let answer = server
        .send(ask.header("sec-fetch-site", "same-origin"))
        .await;
    let access = answer.ok()["access_token"].as_str().unwrap().to_owned();
    let cookie = answer.header("set-cookie").split(';').next().unwrap();
    (access, cookie.to_owned())
}

/// In cookie mode the new token is a cookie like the one before, whatever else is sent along.
#[tokio::test]
async fn in_cookie_mode_the_new_token_is_a_cookie() {
    let server = Server::new();
    server.account("ada@example.org").await;
    let (first, _) = sign_in_by_cookie(&server, PASSWORD).await;
    for (bearer, password, new) in [(false, PASSWORD, ANOTHER), (true, ANOTHER, PASSWORD)] {
        let (access, cookie) = sign_in_by_cookie(&server, password).await;
        let body = json!({"current_password": password, "new_password": new});
        let ask = Ask::new("POST", "/auth/password").header("sec-fetch-site", "same-origin");
        let mut ask = ask.header("cookie", cookie);
        if bearer {
            ask = ask.bearer(&access);
        }
        let answer = server.send(ask.json(&body)).await;
        let body = answer.ok();
        assert!(
            !body["session_id"].as_str().unwrap().contains('.'),
            "the handle"
        );
        assert!(answer.header("set-cookie").starts_with("__Host-session=0"));
    }
    let old = Ask::get("/auth/me").bearer(&first);
    assert!(!server.is_let_in(old).await);
}

#[tokio::test]
async fn the_present_password_must_be_known() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    for _ in 0..5 {
        let wrong = change(&server, &ada, "wrong", ANOTHER).await;
        assert_eq!(wrong.problem(401), "invalid_credentials");
    }
    // Whoever has the session cannot find it out by trying.
    let right = change(&server, &ada, PASSWORD, ANOTHER).await;
    assert_eq!(right.problem(401), "invalid_credentials");
    server.pass(331);
    assert!(server.lets_in(&ada.token).await, "nothing has changed");
    change(&server, &ada, PASSWORD, ANOTHER).await.ok();
}

#[tokio::test]
async fn the_new_password_must_be_a_good_one() {
    let server = Server::new();
    let ada = server.sign_in("ada@example.org").await;
    for bad in ["short", "passwordpassword", "ada@example.org12345"] {
        let answer = change(&server, &ada, PASSWORD, bad).await;
        assert_eq!(answer.problem(400), "invalid_request", "{bad}");
    }
    assert!(server.lets_in(&ada.token).await);
    // Users of other systems have none here.
    let token = server.token_of("somebody").await;
    let body = json!({"current_password": PASSWORD, "new_password": ANOTHER});
    let ask = Ask::new("POST", "/auth/password").header("x-session-id", &token);
    let answer = server.send(ask.json(&body)).await;
    assert_eq!(answer.problem(404), "account_not_found");
    let me = Ask::get("/auth/me").header("x-session-id", &token);
    assert_eq!(server.send(me).await.ok()["email"], Value::Null);
}
