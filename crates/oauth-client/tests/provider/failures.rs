//! The failure table of the upstream token lifecycle, over HTTP (requirement 38).

use std::time::Duration;

use chrono::TimeDelta;
use scripted_provider::{Answer, Endpoint, Fault};
use session_core::RefreshOutcome as Outcome;
use session_core::ports::TokenProvider as _;
use session_core::{ProviderFailure, TokenAnswer};

use crate::sample::Scene;

/// One refresh of somebody who has just signed in, under this fault; whether the provider did it.
async fn refresh(fault: Fault) -> (Result<TokenAnswer, ProviderFailure>, bool) {
    let scene = Scene::with(
        |_| {},
        |settings| {
            // Without a description to fetch, all of the time is the call's.
            let issuer = settings.issuer.take().expect("an issuer");
            settings.token_endpoint = Some(format!("{issuer}/token"));
            if is_slow(&fault) {
                settings.call_timeout = Duration::from_millis(800);
                settings.connect_timeout = settings.call_timeout;
            }
        },
    );
    let token = scene.refresh_token();
    scene.provider.next_token_call(fault);
    let answer = scene.client.refresh(&token).await;
    assert_eq!(
        scene.provider.count(Endpoint::Token),
        1,
        "one call, whatever comes"
    );
    (answer, !scene.provider.takes_refresh_token(token.expose()))
}

fn is_slow(fault: &Fault) -> bool {
    matches!(fault, Fault::Delay(_) | Fault::AnswerLate(_))
}

fn long(status: u16) -> Fault {
    Fault::Instead(Answer::error(status, "invalid_grant").with_body(vec![b' '; 70_000]))
}

#[tokio::test]
async fn each_failure_is_sorted_by_what_follows_from_it() {
    let error = |status, code| Fault::Instead(Answer::error(status, code));
    let wrong = |body: &str| Fault::Replace(Answer::json(body));
    let redirect = Answer::status(302).with_header("location", "http://127.0.0.1:1/token");
    let gone = Duration::from_secs(3);
    for (fault, expected) in [
        (error(400, "invalid_grant"), Outcome::ReauthRequired),
        (error(400, "invalid_client"), Outcome::ClientRefused),
        (error(401, "invalid_client"), Outcome::ClientRefused),
        (error(400, "unauthorized_client"), Outcome::ClientRefused),
        (error(400, "invalid_request"), Outcome::RequestRefused),
        (error(400, "invalid_scope"), Outcome::RequestRefused),
        (Fault::Status(403), Outcome::RequestRefused),
        (Fault::Status(404), Outcome::RequestRefused),
        (Fault::Instead(redirect), Outcome::RequestRefused),
        (Fault::Status(307), Outcome::RequestRefused),
        (Fault::Status(429), Outcome::Throttled),
        (Fault::Status(500), Outcome::Unavailable),
        (Fault::Status(502), Outcome::Unavailable),
        (Fault::Status(503), Outcome::Unavailable),
        (long(503), Outcome::Unavailable),
        (long(429), Outcome::Throttled),
        (long(400), Outcome::Ambiguous),
        (Fault::DropBefore, Outcome::Ambiguous),
        (Fault::DropAfter, Outcome::Ambiguous),
        (Fault::ResetAfter, Outcome::Ambiguous),
        (Fault::Truncate, Outcome::Ambiguous),
        (Fault::Oversize(70_000), Outcome::Ambiguous),
        (Fault::Delay(gone), Outcome::Ambiguous),
        (Fault::AnswerLate(gone), Outcome::Ambiguous),
        (wrong(""), Outcome::Ambiguous),
        (wrong("{}"), Outcome::Ambiguous),
        (wrong("[]"), Outcome::Ambiguous),
        (wrong("<html>"), Outcome::Ambiguous),
        (
            wrong(r#"{"access_token":"a","access_token":"b"}"#),
            Outcome::Ambiguous,
        ),
        (
            wrong(r#"{"access_token":"a","expires_in":-1}"#),
            Outcome::Ambiguous,
        ),
    ] {
        let (answer, _) = refresh(fault.clone()).await;
        let failure = answer.expect_err("a failure");
        assert_eq!(failure.outcome(), expected, "{fault:?}: {failure}");
    }
}

#[tokio::test]
async fn what_the_provider_did_and_did_not_answer_is_in_doubt() {
    for fault in [Fault::DropAfter, Fault::ResetAfter, Fault::Truncate] {
        let (_, is_done) = refresh(fault.clone()).await;
        assert!(is_done, "{fault:?}");
    }
}

#[tokio::test]
async fn new_tokens_come_as_the_provider_gave_them() {
    for rotates in [true, false] {
        let scene = Scene::with(|settings| settings.rotates = rotates, |_| {});
        let token = scene.refresh_token();
        let answer = scene.client.refresh(&token).await.expect("tokens");
        assert!(
            scene
                .provider
                .takes_access_token(answer.access_token.expose())
        );
        assert_eq!(answer.expires_in, Some(TimeDelta::hours(1)));
        assert_eq!(&*answer.token_type, "Bearer");
        assert_eq!(answer.refresh_token.is_some(), rotates);
        assert!(answer.id_token.is_some());
        assert!(scene.provider.is_alive(token.expose()));
    }
}

#[tokio::test]
async fn an_answer_that_is_just_short_enough_is_read() {
    let (answer, _) = refresh(Fault::Oversize(60_000)).await;
    assert!(answer.is_ok());
}

/// RFC 9110 §10.2.3: in either form, seen from the clock.
#[tokio::test]
async fn how_long_to_stay_away_is_told() {
    // The scene's clock stands at 15:06:40 of that Sunday.
    for (status, told, expected) in [
        (503, "7", Some(7)),
        (429, "7", Some(7)),
        (429, "Sun, 15 Jun 2025 15:07:00 GMT", Some(20)),
        (429, "Sun, 15 Jun 2025 15:00:00 GMT", Some(0)),
        (429, "soon", None),
        (429, "-5", None),
    ] {
        let answer = Answer::status(status).with_header("retry-after", told);
        let (answer, _) = refresh(Fault::Instead(answer)).await;
        let retry_after = expected.map(TimeDelta::seconds);
        let expected = Err(ProviderFailure::Throttled { retry_after });
        assert_eq!(answer, expected, "{status} {told}");
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unavailable() {
    let scene = Scene::new();
    let token = scene.refresh_token();
    scene.client.refresh(&token).await.expect("tokens");
    let token = scene.refresh_token();
    scene.provider.go_away();
    let failure = scene.client.refresh(&token).await.expect_err("nobody");
    assert_eq!(failure.outcome(), Outcome::Unavailable, "{failure}");
    assert!(scene.provider.takes_refresh_token(token.expose()));
    scene.provider.come_back();
    assert!(scene.client.refresh(&token).await.is_ok(), "by itself");
}

/// Requirements 7 and 8: nothing of a request is in what goes into logs.
#[tokio::test]
async fn no_failure_shows_a_secret() {
    let leak = |scene: &Scene, text: String| {
        for secret in scene.provider.secrets() {
            assert!(!text.contains(&secret), "{text}");
        }
    };
    for fault in [
        Fault::DropAfter,
        Fault::Truncate,
        Fault::Status(500),
        Fault::Oversize(70_000),
        Fault::Instead(Answer::error(400, "see http://evil.example/?a")),
        Fault::Instead(Answer::error(401, "Secret Word")),
    ] {
        let scene = Scene::new();
        let token = scene.refresh_token();
        scene.provider.next_token_call(fault);
        let failure = scene.client.refresh(&token).await.expect_err("a failure");
        leak(&scene, format!("{failure} {failure:?}"));
        let word = ["evil", "Secret", "http", "refresh_token"];
        let text = format!("{failure:?}");
        assert!(!word.iter().any(|word| text.contains(word)), "{text}");
        scene.provider.go_away();
        let failure = scene.client.refresh(&token).await.expect_err("a failure");
        leak(&scene, format!("{failure} {failure:?}"));
    }
}
