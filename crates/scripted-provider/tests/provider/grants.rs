use chrono::TimeDelta;
use scripted_provider::{Endpoint, ScriptedProvider, Settings};
use serde_json::json;

use crate::client::{member, post, post_as, refresh};

#[test]
fn a_refresh_replaces_both_tokens_and_the_old_access_token_stays_good() {
    let provider = ScriptedProvider::start();
    let first = provider.issue("ada");
    let old = first.refresh_token.as_deref().expect("a refresh token");
    let answer = refresh(&provider, old);
    let (access, new) = (
        member(&answer, "access_token"),
        member(&answer, "refresh_token"),
    );
    assert!(provider.takes_access_token(&access) && provider.takes_refresh_token(&new));
    assert!(provider.takes_access_token(&first.access_token));
    assert!(!provider.takes_refresh_token(old));
    assert_eq!(provider.refreshes(&new), 1);
    let calls = provider.refresh_calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].refresh_token(), Some(old));
    assert_eq!(calls[0].answered, Some(200));
}

#[test]
fn a_second_use_of_a_refresh_token_ends_the_grant() {
    let provider = ScriptedProvider::start();
    let first = provider.issue("ada");
    let other = provider.issue("ada");
    let old = first.refresh_token.as_deref().expect("a refresh token");
    let new = member(&refresh(&provider, old), "refresh_token");
    assert_eq!(
        refresh(&provider, old),
        Some((400, json!({ "error": "invalid_grant" })))
    );
    assert_eq!(
        refresh(&provider, &new),
        Some((400, json!({ "error": "invalid_grant" })))
    );
    assert!(!provider.is_alive(&new) && provider.was_reused(&new));
    assert!(!provider.takes_access_token(&first.access_token));
    assert!(
        provider.is_alive(&other.access_token),
        "another login of the same user"
    );
}

#[test]
fn without_rotation_the_refresh_token_stays() {
    let provider = ScriptedProvider::start_with(Settings {
        rotates: false,
        access_lifetime: None,
        ..Settings::default()
    });
    let first = provider.issue("ada");
    let token = first.refresh_token.as_deref().expect("a refresh token");
    for _ in 0..2 {
        let (_, body) = refresh(&provider, token).expect("an answer");
        assert_eq!(body.get("refresh_token"), None);
        assert_eq!(body.get("expires_in"), None);
    }
    assert!(provider.takes_refresh_token(token));
}

#[test]
fn tokens_are_told_of_while_they_are_good() {
    let provider = ScriptedProvider::start();
    let tokens = provider.issue("ada");
    let ask = |token: &str| {
        let answer = post(&provider, Endpoint::Introspection, &[("token", token)]);
        answer.expect("an answer").1
    };
    assert_eq!(ask(&tokens.access_token)["sub"], "ada");
    assert_eq!(
        ask(tokens.refresh_token.as_deref().expect("one"))["active"],
        true
    );
    let revoked = post(
        &provider,
        Endpoint::Revocation,
        &[("token", &tokens.access_token)],
    );
    assert_eq!(revoked.map(|(status, _)| status), Some(200));
    assert_eq!(ask(&tokens.access_token), json!({ "active": false }));
    assert!(!provider.is_alive(&tokens.access_token));
    let unknown = post(&provider, Endpoint::Revocation, &[("token", "nobody's")]);
    assert_eq!(unknown.map(|(status, _)| status), Some(200));

    provider.change(|settings| settings.access_lifetime = Some(TimeDelta::zero()));
    let short = provider.issue("ada");
    assert_eq!(ask(&short.access_token), json!({ "active": false }));
    assert!(
        provider.is_alive(&short.access_token),
        "a token's end is not the grant's"
    );
}

#[test]
fn a_client_that_it_does_not_know_gets_nothing() {
    let provider = ScriptedProvider::start();
    let tokens = provider.issue("ada");
    let token = tokens.refresh_token.as_deref().expect("a refresh token");
    let id = provider.client_id();
    for endpoint in [
        Endpoint::Token,
        Endpoint::Introspection,
        Endpoint::Revocation,
    ] {
        let wrong = [
            ("client_id", id.as_str()),
            ("client_secret", "wrong"),
            ("token", token),
        ];
        let answer = post_as(&provider.url(endpoint), &wrong);
        assert_eq!(
            answer,
            Some((401, json!({ "error": "invalid_client" }))),
            "{endpoint:?}"
        );
        let none = [("client_id", id.as_str()), ("token", token)];
        let answer = post_as(&provider.url(endpoint), &none);
        assert_eq!(answer.map(|(status, _)| status), Some(401), "{endpoint:?}");
    }
    assert!(provider.takes_refresh_token(token));
}

#[test]
fn every_secret_is_known() {
    let provider = ScriptedProvider::start();
    let tokens = provider.issue("ada");
    let token = tokens.refresh_token.clone().expect("a refresh token");
    let answer = refresh(&provider, &token);
    let _ = refresh(&provider, "made-up");
    let secrets = provider.secrets();
    for secret in [
        token,
        tokens.access_token,
        tokens.id_token.expect("an ID token"),
        member(&answer, "access_token"),
        member(&answer, "refresh_token"),
        member(&answer, "id_token"),
        provider.client_secret().expect("a secret"),
        "made-up".to_owned(),
    ] {
        assert!(secrets.contains(&secret));
    }
}
