//! Refresh tokens that rotate.

use std::time::Duration;

use real_provider::{Family, Options, RealProvider};

use crate::application::{Application, client, text};

#[tokio::test]
async fn a_refresh_rotates_and_leaves_the_access_token_before_alive() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let before = app.tokens(&provider).await;
    let (old_refresh, old_access) = (
        text(&before, "refresh_token"),
        text(&before, "access_token"),
    );
    let state = provider.token(old_refresh).await.expect("it is known");
    assert!(state.is_alive && !state.is_consumed);

    let (status, after) = app.refresh(old_refresh).await;
    assert_eq!(status, 200, "{after}");
    let (new_refresh, new_access) = (text(&after, "refresh_token"), text(&after, "access_token"));
    assert_ne!(new_refresh, old_refresh);
    assert_ne!(new_access, old_access);
    let old = provider.token(old_refresh).await.expect("it is known");
    assert!(!old.is_alive && old.is_consumed);
    assert_eq!(old.grant, state.grant);
    let new = provider.token(new_refresh).await.expect("it is known");
    assert!(new.is_alive && !new.is_consumed);
    assert_eq!(new.grant, state.grant);
    for access in [old_access, new_access] {
        assert_eq!(app.introspect(access).await["active"], true);
    }
    assert_eq!(family(&provider, &new.grant).await, (1, 2));
    let counts = provider.counts().await;
    assert_eq!((counts.refreshes, counts.refreshes_granted), (1, 1));
    assert_eq!(counts.introspections, 2);
}

#[tokio::test]
async fn a_second_use_kills_the_whole_family() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let first = app.tokens(&provider).await;
    let old = text(&first, "refresh_token");
    let grant = provider.token(old).await.expect("it is known").grant;
    let (_, second) = app.refresh(old).await;

    let (status, answer) = app.refresh(old).await;
    assert_eq!((status, text(&answer, "error")), (400, "invalid_grant"));
    assert_eq!(family(&provider, &grant).await, (0, 0));
    let (status, answer) = app.refresh(text(&second, "refresh_token")).await;
    assert_eq!((status, text(&answer, "error")), (400, "invalid_grant"));
    let access = app.introspect(text(&second, "access_token")).await;
    assert_eq!(access["active"], false, "access tokens too");
    let counts = provider.counts().await;
    assert_eq!((counts.refreshes, counts.refreshes_granted), (3, 1));
}

#[tokio::test]
async fn of_five_refreshes_at_once_one_is_granted_and_its_token_is_dead() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let tokens = app.tokens(&provider).await;
    let old = text(&tokens, "refresh_token").to_owned();
    let grant = provider.token(&old).await.expect("it is known").grant;
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let (app, old) = (app.clone(), old.clone());
            tokio::spawn(async move { app.refresh(&old).await.0 })
        })
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.expect("an answer"));
    }
    answers.sort_unstable();
    assert_eq!(answers, [200, 400, 400, 400, 400]);
    assert_eq!(family(&provider, &grant).await, (0, 0));
}

#[tokio::test]
async fn without_rotation_one_refresh_token_serves_again_and_again() {
    let options = Options {
        rotates_refresh_tokens: false,
        ..Options::with(client())
    };
    let Some(provider) = RealProvider::start(options).await else {
        return;
    };
    let app = Application::of(&provider);
    let tokens = app.tokens(&provider).await;
    let refresh_token = text(&tokens, "refresh_token");
    for _ in 0..2 {
        let (status, answer) = app.refresh(refresh_token).await;
        assert_eq!(
            (status, text(&answer, "refresh_token")),
            (200, refresh_token)
        );
    }
}

#[tokio::test]
async fn a_refresh_token_ends_with_its_time() {
    let options = Options {
        refresh_token_ttl: Duration::from_secs(1),
        ..Options::with(client())
    };
    let Some(provider) = RealProvider::start(options).await else {
        return;
    };
    let app = Application::of(&provider);
    let tokens = app.tokens(&provider).await;
    let refresh_token = text(&tokens, "refresh_token");
    // Another machine's clock, so to say: it can only be waited for.
    while provider
        .token(refresh_token)
        .await
        .is_some_and(|token| token.is_alive)
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (status, answer) = app.refresh(refresh_token).await;
    assert_eq!((status, text(&answer, "error")), (400, "invalid_grant"));
}

/// How many refresh tokens and access tokens are alive.
async fn family(provider: &RealProvider, grant: &real_provider::GrantId) -> (u64, u64) {
    let Family {
        refresh_tokens,
        access_tokens,
        ..
    } = provider.family(grant).await;
    (refresh_tokens, access_tokens)
}
