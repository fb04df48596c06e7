//! Renewing a provider's tokens because somebody asks for it, and the history of it.

use std::sync::Arc;
use std::time::Duration;

use scripted_provider::Fault;
use serde_json::{Value, json};
use session_core::ProviderToken;

use crate::support::{Ask, ProviderBed, START, body, handle};

fn hash(token: &str) -> String {
    ProviderToken::new("token", token)
        .unwrap()
        .hash()
        .to_string()
}

#[tokio::test]
async fn tokens_that_are_not_due_are_left_alone() {
    let bed = ProviderBed::new();
    let (token, _) = bed.sign_in("ada").await;
    let path = format!("/sessions/{token}/refresh");
    let bodies = [json!({}), json!({"force": false}), json!({"force": null})];
    let mut asks = vec![Ask::service("POST", &path)];
    asks.extend(bodies.map(|body| Ask::service("POST", &path).json(&body)));
    for ask in asks {
        let refreshed = bed.server.send(ask).await.ok();
        let session = bed.server.session(&token).await;
        assert_eq!(
            refreshed,
            json!({"session": session, "refresh_record": null})
        );
    }
    assert_eq!(bed.provider.refresh_calls().len(), 0);
    assert_eq!(bed.history(&token).await, [] as [Value; 0]);
}

/// The record tells which tokens became which, and shows none of them.
#[tokio::test]
async fn tokens_that_are_due_are_renewed_and_the_record_says_how() {
    let bed = ProviderBed::new();
    let (token, issued) = bed.sign_in("ada").await;
    bed.server.pass(56 * 60);
    let refreshed = bed.ask_refresh(&token, json!({})).await.ok();
    let live = bed.ask_token(&token).await.ok();
    let access = live["access_token"].as_str().unwrap();
    assert!(bed.provider.takes_access_token(access));
    let record = &refreshed["refresh_record"];
    let calls = bed.provider.refresh_calls();
    assert_eq!(calls.len(), 1);
    let new_refresh = bed.current_refresh(&token).await;
    let expected = json!({
        "record_id": record["record_id"],
        "session_id": handle(&token),
        "user_id": "ada",
        "provider": "acme",
        "reason": "user_requested",
        "started_at": "2026-01-01T12:56:00Z",
        "finished_at": "2026-01-01T12:56:00Z",
        "outcome": "success",
        "tries": 1,
        "rotation_count": 1,
        "old_access_token_hash": hash(&issued.access_token),
        "old_refresh_token_hash": hash(&issued.refresh_token.unwrap()),
        "new_access_token_hash": hash(access),
        "new_refresh_token_hash": hash(&new_refresh),
        "old_expires_at": "2026-01-01T13:00:00Z",
        "new_expires_at": "2026-01-01T13:56:00Z",
        "grace_ends_at": "2026-01-01T13:00:00Z",
    });
    assert_eq!(*record, expected);
    assert_eq!(record["record_id"].as_str().unwrap().len(), 36);
    let session = &refreshed["session"];
    assert_eq!(session["access_token_expires_at"], "2026-01-01T13:56:00Z");
    assert_eq!(*session, bed.server.session(&token).await);
    assert_eq!(bed.history(&token).await, std::slice::from_ref(record));
}

#[tokio::test]
async fn force_renews_what_is_not_due() {
    let bed = ProviderBed::new();
    let (token, issued) = bed.sign_in("ada").await;
    let refreshed = bed.ask_refresh(&token, json!({"force": true})).await.ok();
    let record = &refreshed["refresh_record"];
    assert_eq!(record["reason"], "forced");
    assert_eq!(record["started_at"], START);
    assert_eq!(record["grace_ends_at"], "2026-01-01T12:05:00Z");
    let live = bed.ask_token(&token).await.ok();
    assert_ne!(live["access_token"], issued.access_token);
    assert_eq!(bed.provider.refresh_calls().len(), 1);
}

/// Several who force it at once have it done once: the one that did it has the record.
#[tokio::test]
async fn a_refresh_that_many_force_at_once_is_done_once() {
    let bed = Arc::new(ProviderBed::new());
    let (token, _) = bed.sign_in("ada").await;
    let held = bed.provider.hold_next(scripted_provider::Endpoint::Token);
    let asks: Vec<_> = (0..8)
        .map(|_| {
            let (bed, token) = (Arc::clone(&bed), token.clone());
            tokio::spawn(async move { bed.ask_refresh(&token, json!({"force": true})).await.ok() })
        })
        .collect();
    let arrived = tokio::time::timeout(Duration::from_secs(20), held.arrived());
    arrived.await.unwrap();
    held.release();
    for ask in asks {
        let refreshed = ask.await.unwrap();
        let end = &refreshed["session"]["access_token_expires_at"];
        assert_eq!(*end, "2026-01-01T13:00:00Z");
    }
    assert_eq!(bed.provider.refresh_calls().len(), 1);
    assert_eq!(bed.history(&token).await.len(), 1);
}

/// The rule `token_refresh`: ten in a minute, by user.
#[tokio::test]
async fn refreshes_of_a_user_are_limited() {
    let bed = ProviderBed::new();
    let (token, _) = bed.sign_in("ada").await;
    let (other, _) = bed.sign_in("ada").await;
    let (grace, _) = bed.sign_in("grace").await;
    for turn in 0..10 {
        let token = if turn % 2 == 0 { &token } else { &other };
        bed.ask_refresh(token, json!({})).await.ok();
    }
    let refused = bed.ask_refresh(&token, json!({})).await;
    assert_eq!(refused.problem(429), "rate_limited");
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((54..=66).contains(&wait), "{wait}");
    bed.ask_refresh(&grace, json!({})).await.ok();
    bed.ask_token(&token).await.ok();
    bed.server.pass(wait);
    bed.ask_refresh(&token, json!({})).await.ok();
}

#[tokio::test]
async fn a_body_that_is_no_order_is_refused() {
    let bed = ProviderBed::new();
    let (token, _) = bed.sign_in("ada").await;
    let path = format!("/sessions/{token}/refresh");
    for (text, code) in [
        (r#"{"force": "yes"}"#, "invalid_request"),
        (r#"{"force": 1}"#, "invalid_request"),
        (r#"{"force": true, "force": true}"#, "malformed_json"),
        ("[]", "malformed_json"),
        ("true", "malformed_json"),
    ] {
        let ask = Ask::service("POST", &path).json_text(text);
        assert_eq!(bed.server.send(ask).await.problem(400), code, "{text}");
    }
    let ask = Ask::service("POST", &path).bytes(b"force=true".to_vec());
    let answer = bed.server.send(ask).await;
    assert_eq!(answer.problem(415), "unsupported_media_type");
    assert_eq!(bed.provider.refresh_calls().len(), 0);
}

/// Each attempt is in the history, the failed ones too; other sessions' are not.
#[tokio::test]
async fn the_history_is_newest_first_and_comes_in_pages() {
    let bed = ProviderBed::new();
    let (token, _) = bed.sign_in("ada").await;
    let (other, _) = bed.sign_in("ada").await;
    bed.ask_refresh(&other, json!({"force": true})).await.ok();
    for turn in 0..5 {
        if turn == 2 {
            bed.provider.next_token_call(Fault::Instead(
                scripted_provider::Answer::status(429).with_header("retry-after", "60"),
            ));
        }
        bed.ask_refresh(&token, json!({"force": true})).await;
        // Past the provider's minute, and the part by which it is stretched.
        bed.server.pass(70);
    }
    let all = bed.history(&token).await;
    let outcomes: Vec<_> = all
        .iter()
        .map(|record| record["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(
        outcomes,
        ["success", "success", "throttled", "success", "success"]
    );
    let starts: Vec<_> = all
        .iter()
        .map(|record| record["started_at"].as_str().unwrap())
        .collect();
    assert!(
        starts.is_sorted_by(|later, earlier| later > earlier),
        "{starts:?}"
    );
    assert!(
        all.iter()
            .all(|record| record["session_id"] == handle(&token))
    );

    let (mut pages, mut next) = (Vec::new(), String::new());
    let path = format!("/sessions/{token}/refreshes?limit=2");
    for size in [2, 2, 1] {
        let ask = Ask::service("GET", &format!("{path}{next}"));
        let page = bed.server.send(ask).await;
        let records = page.ok().as_array().unwrap().clone();
        assert_eq!(records.len(), size);
        pages.extend(records);
        next = format!("&cursor={}", page.header("x-next-cursor"));
    }
    assert_eq!(next, "&cursor=", "the last page names no next one");
    assert_eq!(pages, all);
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "cursor=hunter2",
        "limit=-1",
    ] {
        let path = format!("/sessions/{token}/refreshes?{query}");
        let answer = bed.server.send(Ask::service("GET", &path)).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(!answer.text().contains("hunter2"));
    }
}

/// A provider that gives no new refresh token lets the old one stay.
#[tokio::test]
async fn without_a_new_refresh_token_the_old_one_is_used_again() {
    let bed = ProviderBed::new();
    bed.provider.change(|settings| settings.rotates = false);
    let issued = bed.provider.issue("ada");
    let (token, _) = bed.server.create(body("ada", &issued)).await;
    for _ in 0..2 {
        let refreshed = bed.ask_refresh(&token, json!({"force": true})).await.ok();
        assert_eq!(
            refreshed["refresh_record"]["new_refresh_token_hash"],
            Value::Null
        );
    }
    let calls = bed.provider.refresh_calls();
    let sent: Vec<_> = calls.iter().map(|call| call.refresh_token()).collect();
    assert_eq!(sent, [issued.refresh_token.as_deref(); 2]);
}
