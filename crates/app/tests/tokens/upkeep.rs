//! Tokens are renewed before they expire, without anybody asking, and at the provider's pace.

use std::time::Duration;

use app::TokenPolicy;
use tokio::time::Instant;

use crate::harness::{Bed, MINUTE, pass, policy};
use crate::provider::Step;

/// The most calls in any second.
fn busiest_second(times: &[Instant]) -> usize {
    let within = |first: &Instant| {
        let second = Duration::from_secs(1);
        times
            .iter()
            .filter(|time| *time >= first && **time - *first < second)
            .count()
    };
    times.iter().map(within).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_tokens_that_end_together_are_renewed_in_time_and_at_the_rate() {
    let bed = Bed::with(TokenPolicy {
        rate: 20,
        ..policy()
    });
    let background = bed.background();
    let mut ids = Vec::new();
    for _ in 0..1000 {
        ids.push(bed.sign_in().await.session.id);
    }
    // Somebody looks every ten seconds, and never sees an expired token.
    for _ in 0..6 * 61 {
        pass(MINUTE / 6).await;
        for id in &ids {
            let grant = bed.grant(*id).await.unwrap();
            assert!(grant.is_live(bed.now()), "{:?}", bed.now());
        }
    }
    assert_eq!(bed.provider.calls(), 1000, "each once");
    let times = bed.provider.call_times();
    assert!(busiest_second(&times) <= 20, "{}", busiest_second(&times));
    let span = times[999] - times[0];
    assert!(span > MINUTE * 2, "spread over the time there is: {span:?}");
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn callers_all_at_once_keep_to_the_rate_too() {
    let bed = Bed::with(TokenPolicy {
        rate: 20,
        ..policy()
    });
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(bed.sign_in().await.session.id);
    }
    pass(MINUTE * 61).await;
    let bed = std::sync::Arc::new(bed);
    let callers: Vec<_> = ids
        .iter()
        .map(|id| {
            let (bed, id) = (std::sync::Arc::clone(&bed), *id);
            tokio::spawn(async move { bed.ask(id).await.unwrap().expires_at.unwrap() > bed.now() })
        })
        .collect();
    for caller in callers {
        assert!(caller.await.unwrap());
    }
    assert!(busiest_second(&bed.provider.call_times()) <= 20);
}

#[tokio::test(start_paused = true)]
async fn tries_again_keep_to_the_rate_too() {
    let bed = std::sync::Arc::new(Bed::with(TokenPolicy {
        rate: 20,
        ..policy()
    }));
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(bed.sign_in().await.session.id);
    }
    pass(MINUTE * 61).await;
    let outage = session_core::ProviderFailure::Unavailable("status 500".into());
    (0..100).for_each(|_| bed.provider.next(Step::Fail(outage.clone())));
    let callers: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let bed = std::sync::Arc::clone(&bed);
            tokio::spawn(async move { bed.ask(id).await.unwrap() })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let times = bed.provider.call_times();
    assert_eq!(times.len(), 200);
    assert!(busiest_second(&times) <= 20, "{}", busiest_second(&times));
}

#[tokio::test(start_paused = true)]
async fn a_restart_after_a_long_night_does_not_storm_the_provider() {
    let bed = Bed::with(TokenPolicy {
        rate: 20,
        ..policy()
    });
    let mut ids = Vec::new();
    for _ in 0..1000 {
        ids.push(bed.sign_in().await.session.id);
    }
    pass(MINUTE * 60 * 8).await;
    let restarted = bed.another();
    let background = restarted.background();
    pass(MINUTE * 2).await;
    let times = bed.provider.call_times();
    assert_eq!(times.len(), 1000);
    assert!(busiest_second(&times) <= 20, "{}", busiest_second(&times));
    for id in ids {
        assert!(bed.grant(id).await.unwrap().is_live(bed.now()));
    }
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn two_instances_share_the_work() {
    let bed = Bed::new();
    let other = bed.another();
    let backgrounds = [bed.background(), other.background()];
    for _ in 0..100 {
        bed.sign_in().await;
    }
    pass(MINUTE * 61).await;
    assert_eq!(bed.provider.calls(), 100);
    for background in backgrounds {
        background.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_it_is_stopped_nothing_goes_on_by_itself() {
    let bed = Bed::new();
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE).await;
    background.stop().await;
    pass(MINUTE * 120).await;
    assert_eq!(bed.provider.calls(), 0);
    assert_eq!(bed.token(id).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn records_are_forgotten_after_a_month() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 61).await;
    bed.token(id).await;
    bed.services.clean().await.unwrap();
    assert_eq!(bed.records(id).await.len(), 1);
    pass(MINUTE * 60 * 24 * 30 + MINUTE).await;
    bed.services.clean().await.unwrap();
    assert_eq!(bed.records(id).await.len(), 0);
}
