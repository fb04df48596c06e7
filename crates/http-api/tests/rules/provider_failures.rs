//! What a caller hears when a provider's token is not to be had; and that nobody is signed out by it.

use scripted_provider::{Answer, Endpoint, Fault};
use serde_json::json;
use session_core::{CipherKeyId, SealedTokens};

use crate::support::{Ask, ProviderBed, secrets_in};

/// How a provider fails, and what comes of it.
struct Row {
    fails: Fault,
    /// How often it is asked for one renewal.
    calls: usize,
    /// The answer where the token before has expired.
    status: u16,
    code: &'static str,
    /// The least and the most `Retry-After`.
    retry_after: Option<(u64, u64)>,
    /// What the history says.
    outcome: &'static str,
    /// Whether the token before is handed out while it is good.
    old_token: bool,
}

fn rows() -> Vec<Row> {
    let row = |fails, calls, outcome| Row {
        fails,
        calls,
        status: 503,
        code: "provider_unavailable",
        retry_after: Some((1, 2)),
        outcome,
        old_token: true,
    };
    let told =
        |status: u16| Fault::Instead(Answer::status(status).with_header("retry-after", "120"));
    let error = |status, code| Fault::Instead(Answer::error(status, code));
    vec![
        Row {
            status: 409,
            code: "reauth_required",
            retry_after: None,
            old_token: false,
            ..row(error(400, "invalid_grant"), 1, "reauth_required")
        },
        row(error(401, "invalid_client"), 1, "client_refused"),
        row(error(400, "unauthorized_client"), 1, "client_refused"),
        row(error(400, "invalid_scope"), 1, "request_refused"),
        Row {
            retry_after: Some((120, 133)),
            ..row(told(429), 1, "throttled")
        },
        Row {
            retry_after: Some((120, 133)),
            ..row(told(503), 1, "throttled")
        },
        row(Fault::Status(500), 3, "unavailable"),
        row(Fault::Status(503), 3, "unavailable"),
        row(Fault::DropBefore, 2, "ambiguous"),
        row(Fault::Instead(Answer::json("<html>")), 2, "ambiguous"),
        row(Fault::Instead(Answer::json("{}")), 2, "ambiguous"),
    ]
}

#[tokio::test]
async fn every_failure_after_the_token_expired() {
    for row in rows() {
        let name = format!("{:?}", row.fails);
        let bed = ProviderBed::new();
        let (token, _) = bed.sign_in("ada").await;
        bed.provider.always(Endpoint::Token, Some(row.fails));
        bed.server.pass(3600);
        let answer = bed.ask_token(&token).await;
        assert_eq!(answer.problem(row.status), row.code, "{name}");
        assert_eq!(secrets_in(&answer, &bed.provider), [] as [&str; 0]);
        let told = answer.header("retry-after").parse::<u64>().ok();
        match row.retry_after {
            None => assert_eq!(told, None, "{name}"),
            Some((least, most)) => {
                assert!(
                    told.is_some_and(|told| (least..=most).contains(&told)),
                    "{name}: {told:?}"
                );
            }
        }
        assert_eq!(bed.provider.refresh_calls().len(), row.calls, "{name}");
        let history = bed.history(&token).await;
        assert_eq!(history.len(), 1, "{name}");
        assert_eq!(history[0]["outcome"], row.outcome, "{name}");
        assert_eq!(history[0]["tries"], row.calls, "{name}");

        // Neither waits nor asks again, and says the same.
        let again = bed.ask_refresh(&token, json!({"force": true})).await;
        assert_eq!(again.problem(row.status), row.code, "{name}");
        assert_eq!(bed.provider.refresh_calls().len(), row.calls, "{name}");

        assert!(
            bed.server.lets_in(&token).await,
            "{name}: nobody is signed out"
        );
        bed.provider.always(Endpoint::Token, None);
        bed.server.pass(200);
        let later = bed.ask_token(&token).await;
        if row.outcome == "client_refused" {
            // The provider is left alone for a minute that no test waits for.
            assert_eq!(later.problem(503), "provider_unavailable");
        } else if row.old_token {
            let live = later.ok()["access_token"].as_str().unwrap().to_owned();
            assert!(
                bed.provider.takes_access_token(&live),
                "{name}: it was only passing"
            );
        } else {
            assert_eq!(later.problem(409), "reauth_required", "{name}");
        }
    }
}

/// A failing provider is no reason to withhold a token that is good.
#[tokio::test]
async fn every_failure_while_the_token_is_good() {
    for row in rows() {
        let name = format!("{:?}", row.fails);
        let bed = ProviderBed::new();
        let (token, issued) = bed.sign_in("ada").await;
        bed.provider.always(Endpoint::Token, Some(row.fails));
        bed.server.pass(3540);
        let answer = bed.ask_token(&token).await;
        if row.old_token {
            let body = answer.ok();
            assert_eq!(body["access_token"], issued.access_token, "{name}");
            assert_eq!(body["expires_at"], "2026-01-01T13:00:00Z", "{name}");
        } else {
            assert_eq!(answer.problem(row.status), row.code, "{name}");
        }
        assert_eq!(bed.provider.refresh_calls().len(), row.calls, "{name}");
    }
}

#[tokio::test]
async fn a_provider_that_is_gone_signs_nobody_out() {
    let bed = ProviderBed::new();
    let (token, _) = bed.sign_in("ada").await;
    bed.server.pass(3600);
    bed.provider.go_away();
    assert_eq!(
        bed.ask_token(&token).await.problem(503),
        "provider_unavailable"
    );
    assert!(bed.server.lets_in(&token).await);
    bed.provider.come_back();
    bed.server.pass(5);
    bed.ask_token(&token).await.ok();
}

/// Without a refresh token there is nothing to renew it with: the user must sign in again.
#[tokio::test]
async fn an_expired_token_that_cannot_be_renewed_wants_another_login() {
    let bed = ProviderBed::new();
    bed.provider
        .change(|settings| settings.issues_refresh_tokens = false);
    let (token, issued) = bed.sign_in("ada").await;
    assert_eq!(issued.refresh_token, None);
    bed.server.pass(3599);
    let live = bed.ask_token(&token).await.ok();
    assert_eq!(live["access_token"], issued.access_token);
    bed.server.pass(1);
    assert_eq!(bed.ask_token(&token).await.problem(409), "reauth_required");
    let forced = bed.ask_refresh(&token, json!({"force": true})).await;
    assert_eq!(forced.problem(409), "reauth_required");
    assert_eq!(bed.provider.refresh_calls().len(), 0);
}

#[tokio::test]
async fn a_provider_that_the_settings_lost_is_an_operators_business() {
    let bed = ProviderBed::new();
    let (token, issued) = bed.sign_in("ada").await;
    let without = bed.beside(&["other"]);
    let path = format!("/sessions/{token}/token");
    let ask = || Ask::service("GET", &path);
    let live = without.send(ask()).await.ok();
    assert_eq!(
        live["access_token"], issued.access_token,
        "it is good still"
    );
    without.pass(3600);
    let answer = without.send(ask()).await;
    assert_eq!(answer.problem(503), "provider_not_configured");
    assert_eq!(answer.header("retry-after"), "60");
    assert!(without.lets_in(&token).await);
    bed.ask_token(&token).await.ok();
}

/// Requirement 6: a missing key is a clear error and loses nothing.
#[tokio::test]
async fn a_key_that_is_missing_loses_no_tokens() {
    let bed = ProviderBed::new();
    let (token, issued) = bed.sign_in("ada").await;
    let good = bed
        .server
        .stored_grant(&bed.stores, &token)
        .await
        .tokens
        .clone();
    let key = CipherKeyId::new("some-other-key").unwrap();
    bed.reseal(
        &token,
        SealedTokens {
            key,
            ..good.clone()
        },
    )
    .await;
    for answer in [
        bed.ask_token(&token).await,
        bed.ask_refresh(&token, json!({"force": true})).await,
    ] {
        assert_eq!(answer.problem(503), "encryption_key_missing");
        assert_eq!(answer.header("retry-after"), "60");
        assert!(!answer.text().contains("some-other-key"));
    }
    assert!(bed.server.lets_in(&token).await);
    assert_eq!(bed.provider.refresh_calls().len(), 0);
    bed.reseal(&token, good).await;
    let live = bed.ask_token(&token).await.ok();
    assert_eq!(live["access_token"], issued.access_token);
}

/// Requirement 5: what was altered, or belongs to another session, fails closed.
#[tokio::test]
async fn tokens_that_were_altered_are_not_handed_out() {
    let bed = ProviderBed::new();
    let (token, issued) = bed.sign_in("ada").await;
    let (other, _) = bed.sign_in("ada").await;
    let good = bed
        .server
        .stored_grant(&bed.stores, &token)
        .await
        .tokens
        .clone();
    let foreign = bed
        .server
        .stored_grant(&bed.stores, &other)
        .await
        .tokens
        .clone();
    let mut flipped = good.clone();
    flipped.access[30] ^= 1;
    for altered in [flipped, foreign] {
        bed.reseal(&token, altered).await;
        for answer in [
            bed.ask_token(&token).await,
            bed.ask_refresh(&token, json!({"force": true})).await,
        ] {
            assert_eq!(answer.problem(500), "provider_tokens_altered");
            assert_eq!(secrets_in(&answer, &bed.provider), [] as [&str; 0]);
        }
        assert!(bed.server.lets_in(&token).await);
    }
    bed.reseal(&token, good).await;
    let live = bed.ask_token(&token).await.ok();
    assert_eq!(live["access_token"], issued.access_token);
}
