//! What becomes of tokens whose session ends, and of those whose session never was.

use std::sync::Arc;

use app::{Origin, SessionRef, TokenError};
use session_core::{EndReason, PageRequest, ProviderFailure, RefreshReason, SessionId, TokenKind};

use crate::harness::{Bed, MINUTE, pass};
use crate::provider::Step;

async fn sign_out(bed: &Bed, id: SessionId) {
    let which = SessionRef::Handle(id);
    let (reason, origin) = (EndReason::LOGOUT, Origin::system());
    let revoked = bed
        .services
        .revocations
        .revoke_session(&which, &[], reason, &origin);
    revoked.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_provider_is_told_of_an_end_and_the_tokens_are_forgotten() {
    let bed = Bed::new();
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    let other = bed.sign_in().await.session.id;
    sign_out(&bed, id).await;
    assert!(
        matches!(bed.ask(id).await, Err(TokenError::Session(_))),
        "at once"
    );
    pass(MINUTE / 60).await;
    assert_eq!(bed.provider.revoked(), ["refresh-1"]);
    assert!(bed.grant(id).await.is_none());
    assert_eq!(bed.token(other).await, "access-2");
    let listed = bed
        .services
        .revocations
        .history(None, Some(id), PageRequest::default());
    let listed = listed.await.unwrap().items;
    let session = listed
        .iter()
        .find(|entry| entry.token_type == TokenKind::Session)
        .unwrap();
    for kind in [TokenKind::Access, TokenKind::Refresh] {
        let token = listed
            .iter()
            .find(|entry| entry.token_type == kind)
            .unwrap();
        assert_eq!(token.cascaded_from, Some(session.id));
        assert_eq!(token.reason, EndReason::LOGOUT);
    }
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_expires_takes_its_tokens_along() {
    let bed = Bed::new();
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 60 * 24 + MINUTE * 10).await;
    assert!(bed.grant(id).await.is_none());
    let revoked = bed.provider.revoked();
    assert_eq!(revoked.len(), 1);
    assert!(revoked[0].starts_with("refresh-"));
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_nobody_saw_is_found_when_the_grant_is_due() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    sign_out(&bed, id).await;
    pass(MINUTE).await;
    assert!(
        bed.grant(id).await.is_some(),
        "nobody told, as after a crash"
    );
    let restarted = bed.another();
    let background = restarted.background();
    pass(MINUTE * 60).await;
    assert!(bed.grant(id).await.is_none());
    assert_eq!(bed.provider.revoked(), ["refresh-1"]);
    assert_eq!(
        bed.provider.calls(),
        0,
        "the tokens of an ended session are not renewed"
    );
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_away_is_told_again() {
    let bed = Bed::new();
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    bed.provider
        .next(Step::Fail(ProviderFailure::Unavailable("gone".into())));
    sign_out(&bed, id).await;
    pass(MINUTE).await;
    assert!(bed.provider.revoked().is_empty() && bed.grant(id).await.is_some());
    pass(MINUTE * 6).await;
    assert_eq!(bed.provider.revoked(), ["refresh-1"]);
    assert!(bed.grant(id).await.is_none());
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tokens_are_forgotten_though_the_provider_stays_away() {
    let bed = Bed::new();
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    (0..30).for_each(|_| {
        bed.provider
            .next(Step::Fail(ProviderFailure::Unavailable("gone".into())));
    });
    sign_out(&bed, id).await;
    pass(MINUTE * 75).await;
    assert!(bed.grant(id).await.is_none());
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_gives_after_the_end_is_given_back() {
    let bed = Arc::new(Bed::new());
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 2).await;
    bed.provider.next(Step::AnswerAfter(MINUTE / 12));
    let refreshing = {
        let bed = Arc::clone(&bed);
        tokio::spawn(async move { bed.refresh(id, RefreshReason::Forced).await })
    };
    pass(MINUTE / 60).await;
    assert_eq!(bed.provider.calls(), 1);
    sign_out(&bed, id).await;
    assert!(matches!(
        refreshing.await.unwrap(),
        Err(TokenError::NoTokens)
    ));
    pass(MINUTE / 60).await;
    assert_eq!(bed.provider.revoked(), ["refresh-1", "refresh-2"]);
    assert!(bed.grant(id).await.is_none());
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tokens_whose_session_never_was_are_let_go_of() {
    let bed = Bed::new();
    let stray = {
        let created = bed.sign_in().await;
        let grant = (*bed.grant(created.session.id).await.unwrap()).clone();
        let gone = SessionId::at(bed.now(), [9; 10]);
        session_core::Grant {
            session_id: gone,
            ..grant
        }
    };
    let id = stray.session_id;
    bed.stores.grants.add_grant(stray).await.unwrap();
    let background = bed.background();
    pass(MINUTE).await;
    assert!(
        bed.grant(id).await.is_some(),
        "its session may be being created"
    );
    pass(MINUTE * 60).await;
    assert!(bed.grant(id).await.is_none());
    background.stop().await;
}
