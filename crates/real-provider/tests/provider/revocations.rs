//! Tokens that are given back, and grants that are taken back.

use real_provider::{Client, Options, RealProvider};

use crate::application::{Application, REDIRECT_URI, client, text};

#[tokio::test]
async fn revoking_either_token_ends_both() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    for kind in ["refresh_token", "access_token"] {
        let tokens = app.tokens(&provider).await;
        let (status, _) = app.revoke(text(&tokens, kind)).await;
        assert_eq!(status, 200);
        for kind in ["refresh_token", "access_token"] {
            let token = text(&tokens, kind);
            assert_eq!(provider.token(token).await, None, "{kind}");
            assert_eq!(app.introspect(token).await["active"], false, "{kind}");
        }
    }
    assert_eq!(provider.counts().await.revocations, 2);
}

#[tokio::test]
async fn an_unknown_token_is_revoked_and_that_of_another_client_is_not() {
    let options = Options {
        clients: vec![
            client(),
            Client::basic("other", "secret").redirects_to(REDIRECT_URI),
        ],
        ..Options::default()
    };
    let Some(provider) = RealProvider::start(options).await else {
        return;
    };
    let app = Application::of(&provider);
    let (status, body) = app.revoke("unknown").await;
    assert_eq!((status, body.as_str()), (200, Some("")));

    let tokens = app.tokens(&provider).await;
    let refresh_token = text(&tokens, "refresh_token");
    let other = Application::named(&provider, "other", "secret");
    let (status, _) = other.revoke(refresh_token).await;
    assert_eq!(status, 400);
    let state = provider.token(refresh_token).await.expect("it is known");
    assert!(state.is_alive);
}

#[tokio::test]
async fn a_person_can_take_a_grant_back() {
    let Some(provider) = RealProvider::start(Options::with(client())).await else {
        return;
    };
    let app = Application::of(&provider);
    let tokens = app.tokens(&provider).await;
    let bystander = app.tokens(&provider).await;
    let refresh_token = text(&tokens, "refresh_token");
    let state = provider.token(refresh_token).await.expect("it is known");
    provider.revoke(&state.grant).await;
    let (status, answer) = app.refresh(refresh_token).await;
    assert_eq!((status, text(&answer, "error")), (400, "invalid_grant"));
    let (status, _) = app.refresh(text(&bystander, "refresh_token")).await;
    assert_eq!(status, 200, "the other grant of the same person lives");
    assert_eq!(provider.counts().await.revocations, 0, "nobody called");
}
