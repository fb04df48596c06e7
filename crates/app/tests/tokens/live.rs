//! Whoever asks gets a live token, and the provider is asked for one once.

use std::sync::Arc;
use std::time::Duration;

use app::{Origin, SessionRef, TokenError};
use session_core::{RefreshOutcome, RefreshReason, TokenStanding};

use crate::harness::{Bed, MINUTE, pass};
use crate::provider::{LIFE, Step, token};

#[tokio::test(start_paused = true)]
async fn a_token_is_handed_out_as_it_came_until_it_is_due() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    let begun = bed.now();
    assert_eq!(bed.token(id).await, "access-1");
    pass(MINUTE * 55 - Duration::from_millis(2)).await;
    let last = bed.ask(id).await.unwrap();
    assert_eq!(last.access_token.expose(), "access-1");
    assert_eq!(last.expires_at, Some(begun + LIFE));
    assert_eq!(bed.provider.calls(), 0);
    pass(Duration::from_millis(2)).await;
    let next = bed.ask(id).await.unwrap();
    assert_eq!(next.access_token.expose(), "access-2");
    assert_eq!(next.expires_at, Some(bed.now() + LIFE));
    assert_eq!(&*next.token_type, "Bearer");
    assert_eq!(next.scopes, [Box::from("openid")]);
    let record = &bed.records(id).await[0];
    assert_eq!(record.reason, RefreshReason::Proactive);
    assert_eq!(record.outcome, RefreshOutcome::Success);
    assert_eq!((record.tries, record.rotation_count), (1, 1));
    assert_eq!(record.old_access_token, token("access-1").hash());
    assert_eq!(record.old_refresh_token, Some(token("refresh-1").hash()));
    assert_eq!(record.new_access_token, Some(token("access-2").hash()));
    assert_eq!(record.new_refresh_token, Some(token("refresh-2").hash()));
    assert_eq!(record.old_expires_at, Some(begun + LIFE));
    assert_eq!(record.new_expires_at, next.expires_at);
}

#[tokio::test(start_paused = true)]
async fn three_hundred_callers_on_three_instances_are_one_call() {
    let bed = Bed::new();
    let instances = [bed.another(), bed.another(), bed.another()].map(Arc::new);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::After(MINUTE / 30));
    let callers: Vec<_> = (0..300)
        .map(|caller| {
            let instance = Arc::clone(&instances[caller % 3]);
            tokio::spawn(async move { instance.token(id).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "access-2");
    }
    assert_eq!(bed.provider.calls(), 1);
    assert!(bed.provider.is_alive(&token("refresh-2")));
    assert_eq!(bed.records(id).await.len(), 1);
    assert_eq!(bed.records(id).await[0].reason, RefreshReason::Expired);
}

#[tokio::test(start_paused = true)]
async fn a_token_lives_from_the_time_it_was_asked_for() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.works_for(MINUTE / 6);
    let asked_at = bed.now();
    assert_eq!(bed.ask(id).await.unwrap().expires_at, Some(asked_at + LIFE));
    assert_eq!(bed.grant(id).await.unwrap().obtained_at, asked_at);
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_does_not_replace_stays() {
    let bed = Bed::new();
    let mut tokens = bed.provider.issue();
    tokens.id_token = Some(token("id-1"));
    let id = bed.sign_in_with(tokens).await.session.id;
    pass(MINUTE * 58).await;
    bed.refresh(id, RefreshReason::Forced).await.unwrap();
    let grant = bed.grant(id).await.unwrap();
    let tokens = bed.vault().open_all(&grant).unwrap();
    assert_eq!(tokens.id, Some(token("id-1")));
    assert_eq!(grant.scopes, [Box::from("openid")]);
    // The token before is good for no longer than it says itself.
    let end = bed.now() + chrono::TimeDelta::minutes(2);
    assert_eq!(grant.superseded.unwrap().until, end);
    assert_eq!(bed.records(id).await[0].grace_ends_at, Some(end));
}

#[tokio::test(start_paused = true)]
async fn tokens_of_a_provider_that_nobody_knows_begin_no_session() {
    let bed = Bed::new();
    let unknown = session_core::ProviderName::new("unknown").unwrap();
    let refused = bed.begin(unknown, bed.provider.issue()).await;
    assert!(matches!(refused, Err(TokenError::UnknownProvider(_))));
    assert_eq!(bed.stores.grants.count_by_key().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_many_renewals_never_uses_a_token_twice() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    for turn in 2..20 {
        pass(MINUTE * 61).await;
        assert_eq!(bed.token(id).await, format!("access-{turn}"));
    }
    assert!(bed.provider.is_alive(&token("refresh-19")));
}

#[tokio::test(start_paused = true)]
async fn asked_for_is_done_when_it_is_due_and_forced_always() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    let idle = bed.refresh(id, RefreshReason::UserRequested).await.unwrap();
    assert!(idle.record.is_none());
    assert_eq!(bed.provider.calls(), 0);
    let forced = bed.refresh(id, RefreshReason::Forced).await.unwrap();
    assert_eq!(forced.record.unwrap().reason, RefreshReason::Forced);
    assert_eq!(bed.token(id).await, "access-2");
    pass(MINUTE * 56).await;
    let due = bed.refresh(id, RefreshReason::UserRequested).await.unwrap();
    assert_eq!(due.record.unwrap().reason, RefreshReason::UserRequested);
}

#[tokio::test(start_paused = true)]
async fn the_token_before_is_the_users_for_the_grace() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    let which = SessionRef::Handle(id);
    let standing = async |text: &str| {
        let (token, origin) = (token(text), Origin::system());
        let asked = bed.services.tokens.validate_token(&which, &token, &origin);
        asked.await.unwrap()
    };
    assert_eq!(standing("access-1").await, TokenStanding::Current);
    pass(MINUTE * 50).await;
    bed.refresh(id, RefreshReason::Forced).await.unwrap();
    assert_eq!(standing("access-1").await, TokenStanding::InGrace);
    assert_eq!(standing("access-2").await, TokenStanding::Current);
    assert_eq!(standing("access-3").await, TokenStanding::Unknown);
    pass(MINUTE * 5).await;
    assert_eq!(standing("access-1").await, TokenStanding::Superseded);
    pass(MINUTE * 55).await;
    assert_eq!(standing("access-2").await, TokenStanding::Expired);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_keeps_its_refresh_token_gets_it_again() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    for _ in 0..3 {
        pass(MINUTE * 61).await;
        bed.provider.next(Step::KeepRefresh(Duration::ZERO));
        bed.ask(id).await.unwrap();
    }
    assert!(bed.provider.is_alive(&token("refresh-1")));
    assert_eq!(bed.records(id).await[0].new_refresh_token, None);
}

#[tokio::test(start_paused = true)]
async fn without_a_refresh_token_a_token_is_good_until_its_end() {
    let bed = Bed::new();
    let mut tokens = bed.provider.issue();
    tokens.refresh_token = None;
    let id = bed.sign_in_with(tokens.clone()).await.session.id;
    pass(MINUTE * 59).await;
    assert_eq!(bed.token(id).await, "access-1");
    pass(MINUTE).await;
    assert!(matches!(bed.ask(id).await, Err(TokenError::ReauthRequired)));
    tokens.expires_in = None;
    let endless = bed.sign_in_with(tokens).await.session.id;
    pass(MINUTE * 600).await;
    assert_eq!(bed.token(endless).await, "access-1");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_lives_five_minutes_is_not_renewed_at_every_call() {
    let bed = Bed::new();
    let mut tokens = bed.provider.issue();
    tokens.expires_in = Some(LIFE / 12);
    let id = bed.sign_in_with(tokens).await.session.id;
    pass(MINUTE * 2).await;
    assert_eq!(bed.token(id).await, "access-1");
    pass(MINUTE).await;
    assert_eq!(bed.token(id).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_session_without_tokens_says_so() {
    let bed = Bed::new();
    let new = app::NewSession::of(session_core::UserId::new("ada").unwrap());
    let created = bed
        .services
        .sessions
        .create(new, &Origin::system())
        .await
        .unwrap();
    assert!(matches!(
        bed.ask(created.session.id).await,
        Err(TokenError::NoTokens)
    ));
}
