//! Nodes that die, nodes that are thought dead, and stores that are away at the wrong time.

use std::sync::Arc;
use std::time::Duration;

use session_core::{AuditAction, AuditFilter, AuditOrder, PageRequest, RefreshOutcome};
use tokio::time::Instant;

use crate::grants::{Mood, MoodyGrants, moody_in};
use crate::harness::{Bed, MINUTE, pass};
use crate::provider::{Step, token};

fn moody(bed: &Bed) -> (Arc<Bed>, Arc<MoodyGrants>) {
    let (instance, grants) = moody_in(bed, bed.world());
    (Arc::new(instance), grants)
}

#[tokio::test(start_paused = true)]
async fn who_dies_in_the_middle_of_a_call_is_followed_within_the_lease() {
    let bed = Bed::new();
    let (dying, grants) = moody(&bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider
        .next(Step::Fail(session_core::ProviderFailure::Unavailable(
            "x".into(),
        )));
    bed.provider.next(Step::After(Duration::from_secs(15)));
    let lost = tokio::spawn(async move { dying.ask(id).await });
    pass(Duration::from_secs(4)).await;
    assert_eq!(bed.provider.calls(), 2, "it is at it");
    grants.is(Mood::Frozen);
    let begun = Instant::now();
    assert_eq!(bed.token(id).await, "access-2");
    let lease = Duration::from_secs(10);
    assert!(
        begun.elapsed() <= lease + Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert!(begun.elapsed() >= lease / 3, "{:?}", begun.elapsed());
    let outcomes = async || {
        let records = bed.records(id).await;
        records
            .iter()
            .map(|record| record.outcome)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        outcomes().await,
        [RefreshOutcome::Success, RefreshOutcome::Interrupted]
    );
    // It was not dead after all: its answer comes late, and overwrites nothing.
    pass(MINUTE / 2).await;
    let before = bed.grant(id).await;
    grants.is(Mood::Well);
    let _ = lost.await;
    pass(MINUTE / 2).await;
    assert_eq!(bed.grant(id).await, before);
    assert_eq!(
        outcomes().await,
        [RefreshOutcome::Success, RefreshOutcome::Superseded]
    );
    assert_eq!(bed.token(id).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_does_not_overwrite() {
    // The provider keeps its refresh token, so that both answers are good: the later one stands.
    let bed = Bed::new();
    let (slow, grants) = moody(&bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::KeepRefresh(Duration::from_secs(2)));
    bed.provider.next(Step::KeepRefresh(Duration::ZERO));
    let late = {
        let slow = Arc::clone(&slow);
        tokio::spawn(async move { slow.token(id).await })
    };
    pass(Duration::from_secs(1)).await;
    grants.is(Mood::Frozen);
    assert_eq!(bed.token(id).await, "access-3");
    grants.is(Mood::Well);
    assert_eq!(
        late.await.unwrap(),
        "access-3",
        "the late one is told of the token that stands"
    );
    assert_eq!(bed.token(id).await, "access-3");
    let records = bed.records(id).await;
    assert_eq!(records[0].outcome, RefreshOutcome::Success);
    assert_eq!(records[1].outcome, RefreshOutcome::Superseded);
    assert_eq!(records[1].new_access_token, Some(token("access-2").hash()));
    for instance in [&bed, &*slow] {
        instance.services.audit.flush().await;
    }
    let filter = AuditFilter {
        action: Some(AuditAction::TokenRefreshed),
        ..AuditFilter::default()
    };
    let (order, page) = (AuditOrder::OldestFirst, PageRequest::default());
    let events = bed.stores.audit.page(&filter, order, page).await.unwrap();
    let told: Vec<_> = events
        .items
        .iter()
        .map(|record| (record.event.success, record.event.error_code.as_deref()))
        .collect();
    assert_eq!(told, [(true, None), (false, Some("superseded"))]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_long_keeps_its_lease() {
    let bed = Bed::new();
    let other = Arc::new(bed.another());
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::After(Duration::from_secs(19)));
    let waiting = {
        let other = Arc::clone(&other);
        tokio::spawn(async move { other.token(id).await })
    };
    pass(Duration::from_millis(10)).await;
    assert_eq!(bed.token(id).await, "access-2");
    assert_eq!(waiting.await.unwrap(), "access-2");
    assert_eq!(bed.provider.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn new_tokens_are_held_on_to_while_the_store_is_away() {
    let bed = Bed::new();
    let (instance, grants) = moody(&bed);
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::After(Duration::from_secs(2)));
    let asking = {
        let instance = Arc::clone(&instance);
        tokio::spawn(async move { instance.ask(id).await })
    };
    pass(Duration::from_secs(1)).await;
    grants.is(Mood::Away);
    assert!(asking.await.unwrap().is_err(), "not before it is stored");
    pass(MINUTE * 5).await;
    grants.is(Mood::Well);
    pass(MINUTE / 6).await;
    assert_eq!(bed.token(id).await, "access-2");
    assert_eq!(bed.provider.calls(), 1);
    assert!(bed.provider.is_alive(&token("refresh-2")));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_what_a_provider_was_asked_for() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::AnswerAfter(Duration::from_secs(5)));
    let instance = Arc::new(bed.another());
    let asking = {
        let instance = Arc::clone(&instance);
        tokio::spawn(async move { instance.ask(id).await })
    };
    pass(Duration::from_secs(1)).await;
    instance
        .services
        .tokens
        .settle(Duration::from_secs(8))
        .await;
    assert_eq!(bed.token(id).await, "access-2");
    assert_eq!(bed.provider.calls(), 1);
    asking.await.unwrap().unwrap();
}
