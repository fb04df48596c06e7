//! What is tried against a login: each is told alike, and none begins a session.

use std::collections::HashMap;
use std::sync::Arc;

use scripted_provider::{Algorithm, Answer, Endpoint, Fault, Key, ScriptedProvider};
use serde_json::{Value, json};

use super::browser::{Bed, callback, callback_with, query};
use crate::support::Ask;

/// The members of a callback, some of them changed.
fn changed(back: &str, changes: &[(&str, Option<&str>)]) -> String {
    let mut members: HashMap<String, String> = query(back);
    for (name, value) in changes {
        match value {
            Some(value) => members.insert((*name).to_owned(), (*value).to_owned()),
            None => members.remove(*name),
        };
    }
    callback_with(&members)
}

/// Requirement 35: whoever is at the other end learns nothing of which check it was.
#[tokio::test]
async fn an_answer_that_is_not_to_this_login_is_refused_and_not_told_why() {
    let bed = Bed::new();
    let (mut victim, mut attacker) = (bed.browser(), bed.browser());
    let url = victim.start("/auth/login/one").await;
    let back = callback(&bed.one, &url);
    let of_two = attacker.start("/auth/login/two").await;
    let back_of_two = callback(&bed.two, &of_two);
    let planted = attacker.start("/auth/login/one").await;
    bed.one.sign_in_as("mallory");
    let planted = callback(&bed.one, &planted);
    let (state, code) = (query(&back)["state"].clone(), query(&back)["code"].clone());
    let cut = &state[..42];
    let tries = [
        // Somebody else's browser, with and without a login of its own.
        (bed.browser(), back.clone()),
        (attacker.clone(), back.clone()),
        // Login CSRF: the attacker's answer in the victim's browser (RFC 6749 §10.12).
        (victim.clone(), planted.clone()),
        // Mix-up (RFC 9207): another provider's answer, whole or in parts.
        (victim.clone(), back_of_two.clone()),
        (
            victim.clone(),
            changed(&back_of_two, &[("state", Some(&state))]),
        ),
        (
            victim.clone(),
            changed(&back, &[("iss", Some(bed.two.issuer()))]),
        ),
        (victim.clone(), changed(&back, &[("iss", None)])),
        (
            attacker.clone(),
            changed(
                &back_of_two,
                &[("code", Some(&code)), ("iss", Some(bed.one.issuer()))],
            ),
        ),
        // No state, and ones that are nearly right.
        (victim.clone(), changed(&back, &[("state", None)])),
        (victim.clone(), changed(&back, &[("state", Some(""))])),
        (victim.clone(), changed(&back, &[("state", Some(cut))])),
        (victim.clone(), "/auth/callback".to_owned()),
    ];
    let mut told = Vec::new();
    for (mut browser, path) in tries {
        let answer = browser.visit(&path).await;
        assert_eq!(answer.problem(400), "login_failed", "{path}");
        assert!(browser.cookie("__Host-session").is_none());
        let (status, mut headers, text) = answer.without_request_id();
        headers.remove("set-cookie");
        told.push((status, headers, text));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "all are told alike");
    let asked = (Bed::exchanges(&bed.one), Bed::exchanges(&bed.two));
    assert_eq!(asked, (0, 0), "no code was sent anywhere");
    assert_eq!(bed.sessions().await, 0);
    victim.visit(&back).await.ok();
}

/// A stolen code under a login of one's own: it belongs to another challenge (RFC 7636 §1).
#[tokio::test]
async fn a_code_is_good_in_its_own_login_alone() {
    let bed = Bed::new();
    let (mut victim, mut attacker) = (bed.browser(), bed.browser());
    let stolen = victim.start("/auth/login/one").await;
    let stolen = query(&callback(&bed.one, &stolen))["code"].clone();
    let own = attacker.start("/auth/login/one").await;
    let own = callback(&bed.one, &own);
    let answer = attacker
        .visit(&changed(&own, &[("code", Some(&stolen))]))
        .await;
    assert_eq!(answer.problem(400), "login_failed");
    assert_eq!(Bed::exchanges(&bed.one), 1);
    assert_eq!(bed.sessions().await, 0);
}

#[tokio::test]
async fn an_answer_is_good_once() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one").await;
    let back = callback(&bed.one, &url);
    // Somebody who copied the cookies too.
    let mut copy = browser.clone();
    browser.visit(&back).await.ok();
    assert_eq!(browser.visit(&back).await.problem(400), "login_failed");
    assert_eq!(copy.visit(&back).await.problem(400), "login_failed");
    assert!(copy.logins().is_empty(), "the cookie of what is over goes");
    assert_eq!(Bed::exchanges(&bed.one), 1);
    assert_eq!(bed.sessions().await, 1);
}

#[tokio::test]
async fn of_twenty_answers_at_once_one_is_sent_on() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one").await;
    let back = Arc::new(callback(&bed.one, &url));
    let held = bed.one.hold_next(Endpoint::Token);
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let (mut browser, back) = (browser.clone(), Arc::clone(&back));
            tokio::spawn(async move { browser.visit(&back).await.status })
        })
        .collect();
    held.arrived().await;
    held.release();
    let mut answers = HashMap::new();
    for one in tries {
        *answers.entry(one.await.unwrap().as_u16()).or_insert(0) += 1;
    }
    assert_eq!(answers, HashMap::from([(200, 1), (400, 19)]));
    assert_eq!(Bed::exchanges(&bed.one), 1);
    assert_eq!(bed.sessions().await, 1);
}

#[tokio::test]
async fn a_login_is_open_for_ten_minutes() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one").await;
    let back = callback(&bed.one, &url);
    bed.server.pass(600);
    let answer = browser.visit(&back).await;
    assert_eq!(answer.problem(400), "login_failed");
    assert_eq!(Bed::exchanges(&bed.one), 0);
}

/// The answer of a token endpoint with this ID token.
fn tokens_with(provider: &ScriptedProvider, id_token: Option<&str>) -> Answer {
    let issued = provider.issue("mallory");
    let mut body = json!({
        "access_token": issued.access_token,
        "refresh_token": issued.refresh_token,
        "token_type": "Bearer",
        "expires_in": 3600,
    });
    if let Some(token) = id_token {
        body["id_token"] = token.into();
    }
    Answer::json(body.to_string())
}

/// Claims of an ID token, some of them changed; `null` removes one.
fn claims(provider: &ScriptedProvider, nonce: &str, changes: Value) -> Value {
    let mut claims = provider.id_claims("mallory", nonce);
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// Requirement 36.
#[tokio::test]
async fn an_id_token_that_is_not_for_this_login_lets_nobody_in() {
    let bed = Bed::new();
    let good = json!({});
    let wrong = [
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"aud": "another-client"}),
        json!({"aud": null}),
        json!({"iss": bed.two.issuer()}),
        json!({"iss": null}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"exp": 1_767_268_000}),
        json!({"exp": null}),
    ];
    let mut refused = 0;
    for changes in [good].into_iter().chain(wrong) {
        let is_good = changes == json!({});
        let mut browser = bed.browser();
        let url = browser.start("/auth/login/one").await;
        let back = callback(&bed.one, &url);
        let token = bed
            .one
            .sign(&claims(&bed.one, &query(&url)["nonce"], changes.clone()));
        let answer = tokens_with(&bed.one, Some(&token));
        bed.one.next_token_call(Fault::Replace(answer));
        let answer = browser.visit(&back).await;
        if is_good {
            answer.ok();
        } else {
            assert_eq!(answer.problem(400), "login_failed", "{changes}");
            refused += 1;
            // Their tokens are nobody's.
            assert_eq!(bed.one.count(Endpoint::Revocation), refused, "{changes}");
        }
    }
    assert_eq!(bed.sessions().await, 1);
}

#[tokio::test]
async fn an_id_token_that_the_provider_did_not_sign_lets_nobody_in() {
    let bed = Bed::new();
    let foreign = Key::new("foreign", Algorithm::Es256);
    for kind in ["none", "foreign", "missing", "other provider", "cut"] {
        let mut browser = bed.browser();
        let url = browser.start("/auth/login/one").await;
        let back = callback(&bed.one, &url);
        let said = claims(&bed.one, &query(&url)["nonce"], json!({}));
        let right = bed.one.sign(&said);
        let token = match kind {
            "none" => {
                let header = json!({"alg": "none", "typ": "JWT"});
                let signed = bed.one.sign_as(&header, &said);
                let (unsigned, _) = signed.rsplit_once('.').unwrap();
                Some(format!("{unsigned}."))
            }
            "foreign" => Some(foreign.sign(&said)),
            "other provider" => Some(bed.two.sign(&said)),
            "cut" => Some(right[..right.len() - 2].to_owned()),
            _ => None,
        };
        let answer = tokens_with(&bed.one, token.as_deref());
        bed.one.next_token_call(Fault::Replace(answer));
        let answer = browser.visit(&back).await;
        assert_eq!(answer.problem(400), "login_failed", "{kind}");
    }
    assert_eq!(bed.sessions().await, 0);
}

/// Another site cannot finish a login by loading the callback as a part of its page.
#[tokio::test]
async fn only_people_who_go_there_finish_a_login() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one").await;
    let back = callback(&bed.one, &url);
    for (mode, to) in [
        ("no-cors", "image"),
        ("navigate", "iframe"),
        ("cors", "empty"),
    ] {
        let ask = Ask::get(&back)
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", mode)
            .header("sec-fetch-dest", to);
        assert_eq!(browser.send(ask).await.problem(403), "cross_site");
    }
    assert_eq!(Bed::exchanges(&bed.one), 0);
    browser.visit(&back).await.ok();
}
