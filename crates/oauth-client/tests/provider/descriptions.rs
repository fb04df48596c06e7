use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use oauth_client::OAuthClient;
use scripted_provider::{Answer, Endpoint, Fault, ScriptedProvider};
use serde_json::json;
use session_core::RefreshOutcome;
use session_core::ports::{Clock, LoginProvider as _, TokenProvider as _};

use crate::sample::{Scene, TestClock, of, token};

#[tokio::test]
async fn it_is_fetched_once_for_all_and_again_after_an_hour() {
    let scene = Scene::new();
    let calls = (0..20).map(|_| scene.client.names_itself());
    for names_itself in futures(calls).await {
        assert_eq!(names_itself, Ok(true));
    }
    assert_eq!(scene.provider.count(Endpoint::Discovery), 1);
    scene.clock.advance(TimeDelta::minutes(59));
    assert_eq!(scene.client.names_itself().await, Ok(true));
    assert_eq!(scene.provider.count(Endpoint::Discovery), 1);
    scene.clock.advance(TimeDelta::minutes(1));
    scene
        .provider
        .change(|settings| settings.names_itself = false);
    assert_eq!(scene.client.names_itself().await, Ok(false));
    assert_eq!(scene.provider.count(Endpoint::Discovery), 2);
}

/// All at once, on one thread.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, done) in waiting.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn where_there_is_none_for_openid_the_other_is_taken() {
    let scene = Scene::with(|settings| settings.has_openid_configuration = false, |_| {});
    let token = scene.refresh_token();
    assert!(scene.client.refresh(&token).await.is_ok());
    assert_eq!(scene.provider.count(Endpoint::Discovery), 2);

    let scene = Scene::with(
        |settings| {
            settings.has_openid_configuration = false;
            settings.has_oauth_configuration = false;
        },
        |_| {},
    );
    let token = scene.refresh_token();
    let failure = scene.client.refresh(&token).await.expect_err("none");
    assert_eq!(
        failure.outcome(),
        RefreshOutcome::RequestRefused,
        "{failure}"
    );
    assert_eq!(scene.provider.count(Endpoint::Token), 0);
}

#[tokio::test]
async fn an_outage_of_the_description_does_not_keep_tokens_from_being_refreshed() {
    let scene = Scene::new();
    let first = scene.refresh_token();
    scene.client.refresh(&first).await.expect("tokens");
    scene
        .provider
        .always(Endpoint::Discovery, Some(Fault::Status(500)));
    scene.clock.advance(TimeDelta::hours(23));
    let token = scene.refresh_token();
    assert!(scene.client.refresh(&token).await.is_ok());
    let asked = scene.provider.count(Endpoint::Discovery);
    let token = scene.refresh_token();
    assert!(scene.client.refresh(&token).await.is_ok());
    assert_eq!(
        scene.provider.count(Endpoint::Discovery),
        asked,
        "not with every call"
    );
    // Not for ever.
    scene.clock.advance(TimeDelta::hours(2));
    let token = scene.refresh_token();
    let failure = scene.client.refresh(&token).await.expect_err("too old");
    assert_eq!(failure.outcome(), RefreshOutcome::Unavailable);
}

/// A refresh that fails here has sent no token: it is never in doubt.
#[tokio::test]
async fn without_a_description_nothing_was_sent() {
    let issuer = |value: &str| Answer::json(json!({ "issuer": value }).to_string());
    for (fault, expected) in [
        (Fault::DropBefore, RefreshOutcome::Unavailable),
        (Fault::Truncate, RefreshOutcome::Unavailable),
        (Fault::Oversize(300_000), RefreshOutcome::Unavailable),
        (Fault::Status(500), RefreshOutcome::Unavailable),
        (Fault::Status(429), RefreshOutcome::Throttled),
        (
            Fault::Instead(Answer::json("[]")),
            RefreshOutcome::Unavailable,
        ),
        (
            Fault::Instead(Answer::json("{}")),
            RefreshOutcome::RequestRefused,
        ),
        (
            Fault::Instead(issuer("https://evil.example")),
            RefreshOutcome::RequestRefused,
        ),
        (Fault::Status(302), RefreshOutcome::RequestRefused),
    ] {
        let scene = Scene::new();
        let token = scene.refresh_token();
        scene.provider.next(Endpoint::Discovery, fault.clone());
        let failure = scene.client.refresh(&token).await.expect_err("none");
        assert_eq!(failure.outcome(), expected, "{fault:?}: {failure}");
        assert_eq!(scene.provider.count(Endpoint::Token), 0);
        assert!(scene.provider.takes_refresh_token(token.expose()));
    }
}

/// What is left of a call's time must be enough for the call itself: one that is broken off in the
/// middle is in doubt.
#[tokio::test]
async fn a_description_that_takes_more_than_half_of_the_time_ends_the_call() {
    let scene = Scene::with(
        |_| {},
        |settings| {
            settings.call_timeout = Duration::from_secs(2);
            settings.connect_timeout = settings.call_timeout;
        },
    );
    let token = scene.refresh_token();
    let late = Fault::AnswerLate(Duration::from_millis(1400));
    scene.provider.next(Endpoint::Discovery, late);
    let failure = scene.client.refresh(&token).await.expect_err("too late");
    assert_eq!(failure.outcome(), RefreshOutcome::Unavailable, "{failure}");
    assert_eq!(scene.provider.count(Endpoint::Token), 0);
}

/// Letter by letter: no slash more or less.
#[tokio::test]
async fn the_issuer_is_compared_letter_by_letter() {
    let clock = TestClock::new();
    let provider = ScriptedProvider::start();
    let mut settings = of(&provider);
    settings.issuer = Some(format!("{}/", provider.issuer()));
    let client = OAuthClient::new(settings, clock as Arc<dyn Clock>).expect("good settings");
    let failure = client
        .refresh(&token("t"))
        .await
        .expect_err("another issuer");
    assert_eq!(failure.outcome(), RefreshOutcome::RequestRefused);
}

#[tokio::test]
async fn an_endpoint_that_it_tells_must_be_one_to_go_to() {
    for (name, value) in [
        ("token_endpoint", json!("http://provider.example/token")),
        ("token_endpoint", json!("ftp://provider.example/token")),
        (
            "token_endpoint",
            json!("https://user@provider.example/token"),
        ),
        (
            "token_endpoint",
            json!("https://provider.example/token#part"),
        ),
        ("token_endpoint", json!("/token")),
        ("token_endpoint", json!(7)),
        ("jwks_uri", json!("file:///etc/passwd")),
        (
            "authorization_endpoint",
            json!("https://provider.example/?state=fixed"),
        ),
    ] {
        let scene = Scene::new();
        let mut description = scene.provider.description();
        description[name] = value.clone();
        let fault = Fault::Instead(Answer::json(description.to_string()));
        scene.provider.always(Endpoint::Discovery, Some(fault));
        let token = scene.refresh_token();
        let failure = scene.client.refresh(&token).await.expect_err("refused");
        assert_eq!(failure.outcome(), RefreshOutcome::RequestRefused, "{value}");
        assert!(failure.to_string().contains(name), "{failure}");
    }
}

#[tokio::test]
async fn endpoints_that_are_configured_win() {
    let scene = Scene::new();
    let other = ScriptedProvider::start();
    let mut settings = of(&scene.provider);
    settings.token_endpoint = Some(other.url(Endpoint::Token));
    let clock = Arc::clone(&scene.clock) as Arc<dyn Clock>;
    let client = OAuthClient::new(settings, clock).expect("good settings");
    let issued = other.issue("ada").refresh_token.expect("one");
    assert!(client.refresh(&token(&issued)).await.is_ok());
    assert_eq!(scene.provider.count(Endpoint::Discovery), 0, "not needed");
}

/// A provider that is known by its endpoints alone is never asked to describe itself.
#[tokio::test]
async fn where_all_is_configured_nothing_is_asked() {
    let provider = ScriptedProvider::start();
    let mut settings = of(&provider);
    settings.token_endpoint = Some(provider.url(Endpoint::Token));
    settings.authorization_endpoint = Some(provider.url(Endpoint::Authorization));
    settings.jwks_uri = Some(provider.url(Endpoint::Keys));
    let clock = TestClock::new() as Arc<dyn Clock>;
    let client = OAuthClient::new(settings.clone(), Arc::clone(&clock)).expect("good settings");
    assert_eq!(client.names_itself().await, Ok(false));
    settings.names_itself = true;
    let client = OAuthClient::new(settings, clock).expect("good settings");
    assert_eq!(client.names_itself().await, Ok(true));
    let access = token(&provider.issue("ada").access_token);
    let kind = session_core::TokenKind::Access;
    assert_eq!(client.introspect(&access, kind).await, Ok(None));
    assert_eq!(client.revoke(&access, kind).await, Ok(false));
    assert_eq!(provider.count(Endpoint::Discovery), 0);
}

/// While there is none, callers who waited for the same failure share it.
#[tokio::test]
async fn callers_share_a_failure() {
    let scene = Scene::new();
    scene
        .provider
        .always(Endpoint::Discovery, Some(Fault::Status(500)));
    let calls = (0..20).map(|_| scene.client.names_itself());
    for named in futures(calls).await {
        assert!(named.is_err());
    }
    assert_eq!(scene.provider.count(Endpoint::Discovery), 1);
    assert!(scene.client.names_itself().await.is_err());
    assert_eq!(
        scene.provider.count(Endpoint::Discovery),
        1,
        "within the second"
    );
    scene.provider.always(Endpoint::Discovery, None);
    scene.clock.advance(TimeDelta::seconds(1));
    assert_eq!(scene.client.names_itself().await, Ok(true));
}

/// A fetch that fails after a long time: whoever waited for it does not try next in line, each as long
/// again.
#[tokio::test]
async fn callers_who_waited_share_a_failure_however_long_it_took() {
    let scene = Arc::new(Scene::new());
    let held = scene.provider.hold_next(Endpoint::Discovery);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let scene = Arc::clone(&scene);
        tasks.spawn(async move { scene.client.names_itself().await });
    }
    held.arrived().await;
    scene.clock.advance(TimeDelta::seconds(20));
    scene.provider.go_away();
    scene.provider.come_back();
    for named in tasks.join_all().await {
        assert!(named.is_err());
    }
    assert_eq!(scene.provider.count(Endpoint::Discovery), 1);
}
