//! What is begun no more when the service stops, and what it is not held up by.

use std::sync::Arc;
use std::time::Duration;

use app::{TokenError, TokenPolicy};
use chrono::TimeDelta;
use session_core::ProviderFailure;
use tokio::time::Instant;

use crate::harness::{Bed, MINUTE, pass, policy};
use crate::provider::Step;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_renewal_that_waits_for_its_turn_is_not_begun_any_more() {
    let bed = Arc::new(Bed::with(TokenPolicy {
        rate: 1,
        ..policy()
    }));
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(bed.sign_in().await.session.id);
    }
    pass(MINUTE * 61).await;
    let callers: Vec<_> = ids
        .iter()
        .map(|id| {
            let (bed, id) = (Arc::clone(&bed), *id);
            tokio::spawn(async move { bed.ask(id).await })
        })
        .collect();
    pass(SECOND * 3 / 2).await;
    assert_eq!(bed.provider.calls(), 2);
    let begun = Instant::now();
    bed.services.tokens.settle(MINUTE).await;
    assert!(begun.elapsed() < SECOND / 2, "{:?}", begun.elapsed());
    let mut refused = 0;
    for caller in callers {
        match caller.await.unwrap() {
            Ok(_) => {}
            Err(TokenError::Unavailable { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((bed.provider.calls(), refused), (2, 4));
    assert!(bed.ask(ids[5]).await.is_err(), "nor is a new one");
    assert_eq!(bed.another().token(ids[5]).await, "access-9");
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_not_asked_again_any_more() {
    let bed = Arc::new(Bed::new());
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.provider.next(Step::Fail(ProviderFailure::Throttled {
        retry_after: Some(TimeDelta::seconds(15)),
    }));
    let waiting = {
        let bed = Arc::clone(&bed);
        tokio::spawn(async move { bed.ask(id).await })
    };
    pass(SECOND).await;
    let begun = Instant::now();
    bed.services.tokens.settle(MINUTE).await;
    assert!(begun.elapsed() < SECOND / 2, "{:?}", begun.elapsed());
    assert!(waiting.await.unwrap().is_err());
    let grant = bed.grant(id).await.unwrap();
    assert!(grant.lease.is_none() && grant.retry_at > Some(bed.now() + TimeDelta::seconds(13)));
    assert_eq!(bed.records(id).await[0].tries, 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_does_not_hold_up_a_stop() {
    let bed = Bed::new();
    let background = bed.background();
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(bed.sign_in().await.session.id);
    }
    bed.provider.hears_ends_after(SECOND * 20);
    for id in &ids {
        crate::ends::sign_out(&bed, *id).await;
    }
    pass(SECOND).await;
    let begun = Instant::now();
    background.stop().await;
    assert!(begun.elapsed() < SECOND * 5, "{:?}", begun.elapsed());
    assert!(
        bed.grant(ids[99]).await.is_some(),
        "it is found when it is due"
    );
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_being_told_has_a_moment_when_it_stops() {
    let bed = Bed::new();
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    bed.provider.hears_ends_after(SECOND * 2);
    crate::ends::sign_out(&bed, id).await;
    pass(SECOND).await;
    background.stop().await;
    assert!(bed.grant(id).await.is_none());
}
