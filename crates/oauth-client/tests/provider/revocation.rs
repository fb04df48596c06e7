use scripted_provider::{Answer, Endpoint, Fault};
use session_core::ports::TokenProvider as _;
use session_core::{RefreshOutcome, TokenKind};

use crate::sample::{Scene, token};

#[tokio::test]
async fn a_revoked_token_is_over_and_an_unknown_one_is_no_error() {
    let scene = Scene::new();
    let refresh = scene.refresh_token();
    let revoked = scene.client.revoke(&refresh, TokenKind::Refresh).await;
    assert_eq!(revoked, Ok(true));
    assert!(!scene.provider.is_alive(refresh.expose()));
    let unknown = scene
        .client
        .revoke(&token("nobody's"), TokenKind::Access)
        .await;
    assert_eq!(unknown, Ok(true));
    let calls = scene.provider.calls(Endpoint::Revocation);
    assert_eq!(calls[0].get("token_type_hint"), Some("refresh_token"));
    assert_eq!(calls[1].get("token_type_hint"), Some("access_token"));
}

#[tokio::test]
async fn a_provider_that_cannot_be_told_is_false() {
    let scene = Scene::with(|settings| settings.revokes = false, |_| {});
    let refresh = scene.refresh_token();
    assert_eq!(
        scene.client.revoke(&refresh, TokenKind::Refresh).await,
        Ok(false)
    );
    assert!(scene.provider.is_alive(refresh.expose()));

    let scene = Scene::new();
    let fault = Fault::Instead(Answer::error(400, "unsupported_token_type"));
    scene.provider.next(Endpoint::Revocation, fault);
    assert_eq!(
        scene.client.revoke(&refresh, TokenKind::Refresh).await,
        Ok(false)
    );
    assert_eq!(
        scene.client.revoke(&refresh, TokenKind::Id).await,
        Ok(false)
    );
}

#[tokio::test]
async fn what_goes_wrong_is_told() {
    for (fault, expected) in [
        (Fault::Status(500), RefreshOutcome::Unavailable),
        (Fault::Status(302), RefreshOutcome::RequestRefused),
        (Fault::Status(401), RefreshOutcome::ClientRefused),
        (Fault::DropAfter, RefreshOutcome::Ambiguous),
        (
            Fault::Instead(Answer::error(400, "invalid_grant")),
            RefreshOutcome::RequestRefused,
        ),
    ] {
        let scene = Scene::new();
        let refresh = scene.refresh_token();
        scene.provider.next(Endpoint::Revocation, fault.clone());
        let failure = scene.client.revoke(&refresh, TokenKind::Refresh).await;
        let failure = failure.expect_err("no answer");
        assert_eq!(failure.outcome(), expected, "{fault:?}");
    }
}
