//! What a login that went well is answered with.

use serde_json::json;
use session_core::ProviderSubject;

use super::browser::{Bed, callback, query};
use crate::support::{Ask, Log, handle};

fn profile(bed: &Bed, subject: &str, claims: serde_json::Value) {
    bed.one
        .set_profile(subject, claims.as_object().unwrap().clone());
}

#[tokio::test]
async fn a_user_of_a_provider_is_signed_in() {
    let bed = Bed::new();
    profile(
        &bed,
        "ada",
        json!({"email": "ada@example.org", "email_verified": true, "name": "Ada",
        "role": "admin", "permissions": ["everything"]}),
    );
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one").await;
    let answer = browser.visit(&callback(&bed.one, &url)).await;
    let body = answer.ok();
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    let token = body["session_id"].as_str().unwrap();
    let user_id = ProviderSubject {
        issuer: bed.one.issuer().into(),
        subject: "ada".into(),
    }
    .user_id();
    let expected = json!({
        "session_id": token,
        "user_id": user_id.as_str(),
        "access_token": body["access_token"],
        "token_type": "bearer",
        "expires_in": 900,
        "expires_at": "2026-01-01T20:00:00Z",
        "provider": "one",
    });
    assert_eq!(body, expected);
    // In header mode no session cookie is set, and the one of the login goes.
    assert_eq!(answer.header_values("set-cookie").len(), 1);
    assert!(browser.logins().is_empty() && browser.cookie("__Host-session").is_none());
    assert!(bed.server.lets_in(token).await);
    let access = body["access_token"].as_str().unwrap();
    let me = bed
        .server
        .send(Ask::get("/auth/me").bearer(access))
        .await
        .ok();
    let expected = json!({"user_id": user_id.as_str(), "email": "ada@example.org", "role": "user",
        "permissions": [], "session_id": handle(token)});
    assert_eq!(me, expected);
    let session = bed.server.session(token).await;
    assert_eq!(session["provider"], "one");
    assert_eq!(session["idle_expires_at"], "2026-01-01T12:30:00Z");
    let expected = json!({"iss": bed.one.issuer(), "sub": "ada", "email": "ada@example.org",
        "name": "Ada"});
    assert_eq!(session["metadata"], expected);
    for secret in bed.one.secrets() {
        assert!(
            !answer.text().contains(&secret),
            "the provider's own are not handed out"
        );
    }
}

/// An address that nobody verified is anybody's.
#[tokio::test]
async fn an_address_that_is_not_verified_is_not_shown() {
    let bed = Bed::new();
    for claims in [
        json!({"email": "ada@example.org", "email_verified": null}),
        json!({"email": "ada@example.org", "email_verified": false}),
        json!({"email": "ada@example.org", "email_verified": "true"}),
    ] {
        profile(&bed, "ada", claims);
        let body = bed.sign_in("ada").await;
        let ask = Ask::get("/auth/me").header("x-session-id", body["session_id"].as_str().unwrap());
        assert_eq!(bed.server.send(ask).await.ok()["email"], json!(null));
    }
}

/// Requirements 18, 19 and 25.
#[tokio::test]
async fn a_login_that_leads_somewhere_hands_the_token_out_as_a_cookie() {
    let bed = Bed::new();
    for place in ["/app/inbox?unread=1#top", "https://app.example.org/in"] {
        let mut browser = bed.browser();
        let wanted = serde_urlencoded::to_string([("return_to", place)]).unwrap();
        let url = browser.start(&format!("/auth/login/one?{wanted}")).await;
        let answer = browser.visit(&callback(&bed.one, &url)).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(answer.header("location"), place);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(answer.body.is_empty());
        let cookies = answer.header_values("set-cookie");
        assert_eq!(cookies.len(), 2);
        let token = browser.cookie("__Host-session").unwrap();
        let expected = format!("__Host-session={token}; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(cookies[0], expected);
        assert!(cookies[1].starts_with("__Host-login-") && cookies[1].ends_with("; Max-Age=0"));
        assert!(bed.server.lets_in(token).await);
        assert!(browser.logins().is_empty());
    }
}

/// The clients of the seeds have a page that posts what the provider sent.
#[tokio::test]
async fn a_page_of_this_site_may_pass_the_answer_on() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one").await;
    let back = callback(&bed.one, &url);
    let sent = query(&back);
    let body = json!({"code": sent["code"], "state": sent["state"], "iss": sent["iss"]});
    let post = || Ask::new("POST", "/auth/callback").json(&body);
    for foreign in [
        post(),
        post().header("sec-fetch-site", "cross-site"),
        post().header("sec-fetch-site", "same-site"),
        post()
            .header("origin", "https://evil.example")
            .header("host", "login.example.org"),
    ] {
        let answer = browser.send(foreign).await;
        assert_eq!(answer.problem(403), "cross_site");
    }
    let form = Ask::new("POST", "/auth/callback")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded")
        .bytes(back.split_once('?').unwrap().1.as_bytes().to_vec());
    assert_eq!(browser.send(form).await.status, 415);
    assert_eq!(Bed::exchanges(&bed.one), 0);
    let answer = browser.post_back(&back).await;
    let token = answer.ok()["session_id"].as_str().unwrap().to_owned();
    assert!(bed.server.lets_in(&token).await);
    assert_eq!(browser.post_back(&back).await.problem(400), "login_failed");
    // What the seeds' test client sends has no state: nothing ties it to a login.
    let bare = Ask::new("POST", "/auth/callback")
        .header("sec-fetch-site", "same-origin")
        .json(&json!({"code": "auth_code"}));
    assert_eq!(browser.send(bare).await.problem(400), "invalid_request");
}

/// Requirement 9: a session that somebody put into the browser ends, and the new one is another.
#[tokio::test]
async fn the_session_before_ends_with_the_login() {
    let bed = Bed::new();
    let planted = bed.server.token_of("mallory").await;
    let mut browser = bed.browser();
    browser.set_cookie("__Host-session", &planted);
    let url = browser.start("/auth/login/one?return_to=/app/").await;
    assert!(
        bed.server.lets_in(&planted).await,
        "beginning a login ends nothing"
    );
    browser.visit(&callback(&bed.one, &url)).await;
    let token = browser.cookie("__Host-session").unwrap().to_owned();
    assert_ne!(handle(&token), handle(&planted));
    assert!(!bed.server.lets_in(&planted).await && bed.server.lets_in(&token).await);
    // In header mode the cookie of the one before would go on to contradict the new token.
    let url = browser.start("/auth/login/one").await;
    let body = browser.visit(&callback(&bed.one, &url)).await.ok();
    assert!(browser.cookie("__Host-session").is_none());
    assert!(!bed.server.lets_in(&token).await && bed.is_live(&body).await);
}

/// What a HEAD would begin, nobody would get.
#[tokio::test]
async fn nothing_is_finished_without_an_answer_to_put_it_into() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one").await;
    let back = callback(&bed.one, &url);
    let answer = browser.send(Ask::new("HEAD", &back)).await;
    assert_eq!(answer.status, 405);
    assert_eq!(Bed::exchanges(&bed.one), 0);
    browser.visit(&back).await.ok();
}

/// Requirement 7: neither log nor record holds what ties a login together, or what came of it.
#[tokio::test]
async fn no_secret_of_a_login_is_logged() {
    let (log, _guard) = Log::capture();
    let bed = Bed::with(http_api::ApiConfig {
        log_requests: true,
        ..http_api::ApiConfig::default()
    });
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one").await;
    let name = browser.logins().remove(0);
    let binding = browser.cookie(&name).unwrap().to_owned();
    let back = callback(&bed.one, &url);
    let mut replayer = browser.clone();
    let body = browser.visit(&back).await.ok();
    assert_eq!(replayer.visit(&back).await.problem(400), "login_failed");
    let url = browser.start("/auth/login/one").await;
    bed.one
        .next_token_call(scripted_provider::Fault::Status(500));
    let failed = browser.visit(&callback(&bed.one, &url)).await;
    assert_eq!(failed.problem(503), "provider_unavailable");
    let audit = bed
        .server
        .send(Ask::admin("GET", "/admin/audit?limit=1000"))
        .await;
    let shown = format!("{}{}", log.take(), audit.text());
    assert!(shown.contains("/auth/callback") && shown.contains("login_success"));
    let sent = query(&url);
    let mut secrets = bed.one.secrets();
    secrets.extend(["state", "nonce"].map(|name| sent[name].clone()));
    secrets.push(query(&back)["state"].clone());
    secrets.push(binding);
    secrets.push(body["access_token"].as_str().unwrap().to_owned());
    let token = body["session_id"].as_str().unwrap();
    secrets.push(token.split_once('.').unwrap().1.to_owned());
    assert!(secrets.len() > 10);
    for secret in secrets {
        assert!(!shown.contains(&secret), "{secret}");
    }
}
