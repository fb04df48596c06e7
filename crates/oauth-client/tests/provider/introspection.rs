use chrono::TimeDelta;
use scripted_provider::{Answer, Endpoint, Fault};
use session_core::ports::{Introspection, TokenProvider as _};
use session_core::{RefreshOutcome, TokenKind};

use crate::sample::{Scene, token};

#[tokio::test]
async fn a_good_token_is_told_of_and_a_bad_one_is_inactive_and_nothing_else() {
    let scene = Scene::new();
    let access = token(&scene.provider.issue("ada").access_token);
    let told = scene.client.introspect(&access, TokenKind::Access).await;
    let expected = Introspection {
        is_active: true,
        scopes: vec!["openid".into(), "offline_access".into()],
        client_id: Some("sessiond".into()),
        subject: Some("ada".into()),
        expires_at: Some(scene.now() + TimeDelta::hours(1)),
    };
    assert_eq!(told, Ok(Some(expected)));
    let call = &scene.provider.calls(Endpoint::Introspection)[0];
    assert_eq!(call.get("token_type_hint"), Some("access_token"));

    scene.clock.advance(TimeDelta::hours(1));
    let told = scene.client.introspect(&access, TokenKind::Access).await;
    assert_eq!(told, Ok(Some(Introspection::default())));

    let body = r#"{"active":false,"sub":"ada","scope":"openid"}"#;
    let fault = Fault::Instead(Answer::json(body));
    scene.provider.next(Endpoint::Introspection, fault);
    let told = scene.client.introspect(&access, TokenKind::Access).await;
    assert_eq!(
        told,
        Ok(Some(Introspection::default())),
        "whatever it says beside"
    );
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_is_none() {
    let scene = Scene::new();
    let access = token(&scene.provider.issue("ada").access_token);
    let fault = Fault::Instead(Answer::error(400, "unsupported_token_type"));
    scene.provider.next(Endpoint::Introspection, fault);
    assert_eq!(
        scene.client.introspect(&access, TokenKind::Access).await,
        Ok(None)
    );
    for kind in [TokenKind::Id, TokenKind::Session] {
        assert_eq!(scene.client.introspect(&access, kind).await, Ok(None));
    }
    assert_eq!(scene.provider.count(Endpoint::Introspection), 1);

    let scene = Scene::with(|settings| settings.introspects = false, |_| {});
    assert_eq!(
        scene.client.introspect(&access, TokenKind::Access).await,
        Ok(None)
    );
    assert_eq!(scene.provider.count(Endpoint::Introspection), 0);
}

#[tokio::test]
async fn what_cannot_be_read_is_no_answer() {
    for (fault, expected) in [
        (
            Fault::Instead(Answer::json("{}")),
            RefreshOutcome::Unavailable,
        ),
        (
            Fault::Instead(Answer::json(r#"{"active":"true"}"#)),
            RefreshOutcome::Unavailable,
        ),
        (
            Fault::Instead(Answer::json(r#"{"active":true,"exp":-1}"#)),
            RefreshOutcome::Unavailable,
        ),
        (
            Fault::Instead(Answer::json(r#"{"active":true,"exp":1e300}"#)),
            RefreshOutcome::Unavailable,
        ),
        (
            Fault::Instead(Answer::json(r#"{"active":true,"sub":7}"#)),
            RefreshOutcome::Unavailable,
        ),
        (
            Fault::Instead(Answer::json(r#"{"active":false,"active":true}"#)),
            RefreshOutcome::Unavailable,
        ),
        (
            Fault::Instead(Answer::status(204)),
            RefreshOutcome::RequestRefused,
        ),
        (Fault::DropBefore, RefreshOutcome::Unavailable),
        (Fault::Truncate, RefreshOutcome::Unavailable),
        (Fault::Status(500), RefreshOutcome::Unavailable),
        (Fault::Status(401), RefreshOutcome::ClientRefused),
        (
            Fault::Instead(Answer::error(400, "invalid_grant")),
            RefreshOutcome::RequestRefused,
        ),
    ] {
        let scene = Scene::new();
        let access = token(&scene.provider.issue("ada").access_token);
        scene.provider.next(Endpoint::Introspection, fault.clone());
        let failure = scene.client.introspect(&access, TokenKind::Access).await;
        let failure = failure.expect_err("no answer");
        assert_eq!(failure.outcome(), expected, "{fault:?}");
    }
}
