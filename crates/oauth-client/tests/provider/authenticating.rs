use oauth_client::ClientAuthentication;
use scripted_provider::Endpoint;
use session_core::ports::TokenProvider as _;
use session_core::{RefreshOutcome, TokenKind};

use crate::sample::Scene;

/// The secret of the scene holds what must be encoded: the provider takes it only if it comes whole.
#[tokio::test]
async fn the_client_shows_who_it_is_in_each_way() {
    for (authentication, in_header, in_body) in [
        (ClientAuthentication::Basic, true, false),
        (ClientAuthentication::Post, false, true),
    ] {
        let scene = Scene::with(
            |_| {},
            |settings| settings.client_authentication = authentication,
        );
        let token = scene.refresh_token();
        scene.client.refresh(&token).await.expect("tokens");
        let access = scene.provider.issue("ada").access_token;
        let access = crate::sample::token(&access);
        let told = scene.client.introspect(&access, TokenKind::Access).await;
        assert!(told.expect("an answer").expect("told").is_active);
        assert!(
            scene
                .client
                .revoke(&access, TokenKind::Access)
                .await
                .expect("an answer")
        );
        for endpoint in [
            Endpoint::Token,
            Endpoint::Introspection,
            Endpoint::Revocation,
        ] {
            let call = &scene.provider.calls(endpoint)[0];
            assert_eq!(
                call.header("authorization").is_some(),
                in_header,
                "{endpoint:?}"
            );
            assert_eq!(call.get("client_secret").is_some(), in_body, "{endpoint:?}");
            assert_eq!(call.get("client_id").is_some(), in_body, "{endpoint:?}");
            assert_eq!(call.header("accept"), Some("application/json"));
            let kind = call.header("content-type");
            assert_eq!(kind, Some("application/x-www-form-urlencoded"));
        }
    }
}

#[tokio::test]
async fn a_public_client_says_its_name_and_no_more() {
    let scene = Scene::with(
        |settings| settings.client_secret = None,
        |settings| settings.client_authentication = ClientAuthentication::None,
    );
    let token = scene.refresh_token();
    scene.client.refresh(&token).await.expect("tokens");
    let call = &scene.provider.calls(Endpoint::Token)[0];
    assert_eq!(call.get("client_id"), Some("sessiond"));
    assert_eq!(call.get("client_secret"), None);
    assert_eq!(call.header("authorization"), None);
}

#[tokio::test]
async fn a_secret_that_was_changed_there_is_for_the_operator() {
    let scene = Scene::new();
    let token = scene.refresh_token();
    let change = |settings: &mut scripted_provider::Settings| {
        settings.client_secret = Some("another".to_owned());
    };
    scene.provider.change(change);
    let failure = scene.client.refresh(&token).await.expect_err("refused");
    assert_eq!(failure.outcome(), RefreshOutcome::ClientRefused);
    assert!(scene.provider.takes_refresh_token(token.expose()));
}
