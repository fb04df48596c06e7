//! What becomes of tokens whose session ends, and of those whose session never was.

use std::sync::Arc;

use app::{OpenTokens, Origin, SessionError, SessionRef, TokenError, TokenOwner};
use session_core::ports::{LimitPolicy, SessionLimit};
use session_core::{
    AuditAction, EndReason, PageRequest, ProviderFailure, RefreshReason, SessionId, TokenKind,
};

use crate::grants::moody_in;
use crate::harness::{Bed, MINUTE, World, name, pass};
use crate::provider::{Step, token};

pub(crate) async fn sign_out(bed: &Bed, id: SessionId) {
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
    let page = PageRequest::default();
    let listed = bed.services.revocations.history(None, Some(id), page);
    assert_eq!(listed.await.unwrap().items, [], "nobody revoked anything");
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
async fn a_provider_that_will_not_hear_of_it_is_not_told_again() {
    let bed = Bed::new();
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    let refusal = ProviderFailure::RequestRefused("status 400".into());
    bed.provider.next(Step::Fail(refusal));
    sign_out(&bed, id).await;
    pass(MINUTE / 60).await;
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
    // The one whose tokens are the same: its caller was told of an error, and tried again.
    bed.stores.grants.add_grant(stray).await.unwrap();
    let background = bed.background();
    pass(MINUTE).await;
    assert!(
        bed.grant(id).await.is_some(),
        "its session may be being created"
    );
    pass(MINUTE * 60).await;
    assert!(bed.grant(id).await.is_none());
    assert!(bed.provider.revoked().is_empty());
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_slow_does_not_hold_up_the_ends_at_another() {
    let bed = Bed::new();
    let background = bed.background();
    let mut ids = Vec::new();
    for _ in 0..300 {
        ids.push(bed.sign_in().await.session.id);
    }
    let other = bed.sign_in_at_second().await.session.id;
    bed.provider.hears_ends_after(MINUTE / 3);
    for id in &ids {
        sign_out(&bed, *id).await;
    }
    sign_out(&bed, other).await;
    pass(MINUTE / 60).await;
    assert_eq!(bed.second.revoked().len(), 1);
    assert!(bed.grant(other).await.is_none());
    pass(MINUTE * 4).await;
    for id in ids {
        assert!(bed.grant(id).await.is_none(), "they are told side by side");
    }
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_end_that_fails_does_not_keep_the_others() {
    let bed = Bed::new();
    let (instance, grants) = moody_in(&bed, bed.world());
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bed.sign_in().await.session.id);
    }
    // Whichever comes first.
    ids.sort_unstable();
    grants.keeps(ids[0]);
    let background = instance.background();
    let (user, origin) = (session_core::UserId::new("ada").unwrap(), Origin::system());
    let all =
        instance
            .services
            .revocations
            .revoke_user_but(&user, None, EndReason::LOGOUT, &origin);
    all.await.unwrap();
    pass(MINUTE / 60).await;
    assert!(bed.grant(ids[0]).await.is_some());
    for id in &ids[1..] {
        assert!(bed.grant(*id).await.is_none());
    }
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_renewed_while_their_end_is_told_are_told_of_too() {
    let bed = Arc::new(Bed::new());
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 2).await;
    bed.provider.next(Step::AnswerAfter(MINUTE / 30));
    bed.provider.hears_ends_after(MINUTE / 12);
    let refreshing = {
        let bed = Arc::clone(&bed);
        tokio::spawn(async move { bed.refresh(id, RefreshReason::Forced).await })
    };
    pass(MINUTE / 60).await;
    sign_out(&bed, id).await;
    refreshing.await.unwrap().unwrap();
    assert!(bed.grant(id).await.is_some(), "the end is being told");
    pass(MINUTE / 4).await;
    assert_eq!(bed.provider.revoked(), ["refresh-1", "refresh-2"]);
    assert!(bed.grant(id).await.is_none());
    let listed = bed
        .services
        .revocations
        .history(None, Some(id), PageRequest::default());
    let listed = listed.await.unwrap().items;
    assert_eq!(listed.len(), 5, "the session, and two tokens each");
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn telling_a_provider_again_is_no_new_revocation() {
    let bed = Bed::new();
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    (0..3).for_each(|_| {
        bed.provider
            .next(Step::Fail(ProviderFailure::Unavailable("gone".into())));
    });
    sign_out(&bed, id).await;
    pass(MINUTE * 30).await;
    assert!(bed.grant(id).await.is_none());
    bed.services.audit.flush().await;
    let user = session_core::UserId::new("ada").unwrap();
    let since = chrono::DateTime::UNIX_EPOCH;
    let events = bed
        .stores
        .audit
        .count(&user, AuditAction::TokenRevoked, since);
    assert_eq!(events.await.unwrap(), 2);
    background.stop().await;
}

/// Tokens whose session never was, `renewals` times renewed.
async fn stray(bed: &Bed, refresh: &str, renewals: u64) -> SessionId {
    let created = bed.sign_in().await;
    let grant = (*bed.grant(created.session.id).await.unwrap()).clone();
    let owner = TokenOwner {
        session_id: SessionId::at(bed.now(), [9; 10]),
        ..TokenOwner::of(&grant)
    };
    let tokens = OpenTokens {
        access: token("access-9"),
        refresh: Some(token(refresh)),
        id: None,
    };
    let stray = session_core::Grant {
        session_id: owner.session_id,
        rotation_count: renewals,
        tokens: bed.vault().seal(owner, &tokens).unwrap(),
        due_at: bed.now(),
        ..grant.clone()
    };
    let id = stray.session_id;
    bed.stores.grants.add_grant(stray).await.unwrap();
    id
}

#[tokio::test(start_paused = true)]
async fn who_tries_again_after_a_failed_begin_keeps_the_tokens() {
    let bed = Bed::new();
    // Whose caller was told of an error, and began another session with the same tokens.
    let id = stray(&bed, "refresh-1", 0).await;
    let background = bed.background();
    pass(MINUTE).await;
    assert!(
        bed.grant(id).await.is_some(),
        "its session may be on the way"
    );
    pass(MINUTE * 5).await;
    assert!(bed.grant(id).await.is_none());
    assert!(bed.provider.revoked().is_empty());
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tokens_that_were_renewed_for_nobody_are_taken_back() {
    let bed = Bed::new();
    let id = stray(&bed, "refresh-9", 1).await;
    let background = bed.background();
    pass(MINUTE * 60).await;
    assert!(bed.grant(id).await.is_none());
    assert_eq!(bed.provider.revoked(), ["refresh-9"]);
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_may_not_sign_in_is_told_so_though_the_tokens_stay() {
    let bed = Bed::new();
    let world = World {
        limit: SessionLimit {
            max: 1,
            policy: LimitPolicy::Refuse,
        },
        ..bed.world()
    };
    let (instance, grants) = moody_in(&bed, world);
    let first = instance.sign_in().await.session.id;
    grants.keeps_all();
    let refused = instance.begin(name(), instance.provider.issue()).await;
    let Err(TokenError::Session(error)) = refused else {
        panic!("{refused:?}");
    };
    assert!(matches!(*error, SessionError::LimitReached { max: 1 }));
    assert!(bed.grant(first).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn who_may_not_sign_in_leaves_no_tokens() {
    let bed = Bed::new();
    let world = World {
        limit: SessionLimit {
            max: 1,
            policy: LimitPolicy::Refuse,
        },
        ..bed.world()
    };
    let instance = bed.another_in(world);
    instance.sign_in().await;
    let refused = instance.begin(name(), instance.provider.issue()).await;
    assert!(refused.is_err());
    let kept: u64 = bed
        .stores
        .grants
        .count_by_key()
        .await
        .unwrap()
        .iter()
        .map(|(_, count)| count)
        .sum();
    assert_eq!(kept, 1);
    assert!(
        bed.provider.revoked().is_empty(),
        "the caller has them still"
    );
}
