//! Numbers at their ends, settings that lack something, and a store that only reads.

use std::time::Duration;

use app::{TokenError, TokenPolicy};
use chrono::TimeDelta;
use session_core::ports::OpenError;
use session_core::{ProviderFailure, RefreshReason};
use tokio::time::Instant;

use crate::grants::{Mood, moody_in};
use crate::harness::{Bed, MINUTE, World, pass, policy};
use crate::provider::Step;

#[tokio::test(start_paused = true)]
async fn a_life_of_nothing_is_an_end_that_nobody_knows() {
    let bed = Bed::new();
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    bed.provider.lives(TimeDelta::zero());
    pass(MINUTE * 61).await;
    assert_eq!(bed.ask(id).await.unwrap().expires_at, None);
    let record = &bed.records(id).await[0];
    assert_eq!(record.new_expires_at, None);
    pass(MINUTE * 60).await;
    assert_eq!(bed.token(id).await, "access-2");
    assert_eq!(bed.provider.calls(), 1);
    bed.refresh(id, RefreshReason::Forced).await.unwrap();
    assert_eq!(bed.token(id).await, "access-3");
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tokens_that_live_a_second_are_renewed_for_whoever_asks_and_seldom_by_themselves() {
    let bed = Bed::new();
    bed.provider.lives(TimeDelta::seconds(1));
    let background = bed.background();
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 10).await;
    // Every five seconds, and not every second.
    assert!(bed.provider.calls() <= 120, "{}", bed.provider.calls());
    let before = bed.provider.calls();
    assert!(bed.ask(id).await.unwrap().expires_at > Some(bed.now()));
    assert_eq!(bed.provider.calls(), before + 1);
    background.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_provider_ends_a_grant_by_asking_for_a_hundred_years() {
    for told in [TimeDelta::days(36_525), TimeDelta::MAX] {
        let bed = Bed::new();
        let id = bed.sign_in().await.session.id;
        pass(MINUTE * 61).await;
        bed.provider.next(Step::Fail(ProviderFailure::Throttled {
            retry_after: Some(told),
        }));
        let asked = bed.refresh(id, RefreshReason::Forced).await;
        let Err(TokenError::Unavailable { retry_after, .. }) = asked else {
            panic!("{asked:?}");
        };
        assert_eq!(retry_after, 24 * 3600);
        let grant = bed.grant(id).await.unwrap();
        let day = bed.now() + TimeDelta::days(1);
        assert_eq!(grant.retry_at, Some(day));
        assert!(grant.due_at <= day + TimeDelta::minutes(2));
        assert!(bed.ask(id).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_token_is_handed_out_though_nothing_can_be_written() {
    let bed = Bed::new();
    let (instance, grants) = moody_in(&bed, bed.world());
    let id = bed.sign_in().await.session.id;
    pass(MINUTE * 56).await;
    grants.is(Mood::Away);
    assert_eq!(instance.token(id).await, "access-1");
    assert_eq!(
        bed.provider.calls(),
        0,
        "what cannot be written down is not begun"
    );
    pass(MINUTE * 4).await;
    assert!(matches!(
        instance.ask(id).await,
        Err(TokenError::Session(_))
    ));
    grants.is(Mood::Well);
    assert_eq!(instance.token(id).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_the_settings_lack_takes_no_live_token_away() {
    let bed = Bed::new();
    let background_of_first = bed.background();
    let id = bed.sign_in().await.session.id;
    background_of_first.stop().await;
    let world = World {
        is_forgetful: true,
        ..bed.world()
    };
    let instance = bed.another_in(world);
    let background = instance.background();
    pass(MINUTE * 59).await;
    assert_eq!(instance.token(id).await, "access-1");
    pass(MINUTE * 2).await;
    assert!(matches!(
        instance.ask(id).await,
        Err(TokenError::UnknownProvider(_))
    ));
    background.stop().await;
    assert_eq!(
        bed.token(id).await,
        "access-2",
        "when it is back, all is well"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_opened_is_left_as_it_is() {
    let bed = Bed::new();
    let id = bed.sign_in().await.session.id;
    let world = World {
        key: 8,
        ..bed.world()
    };
    let keyless = bed.another_in(world);
    let background = keyless.background();
    for _ in 0..3 {
        let asked = keyless.ask(id).await;
        assert!(
            matches!(asked, Err(TokenError::Unreadable(OpenError::UnknownKey(_)))),
            "{asked:?}"
        );
        pass(MINUTE * 50).await;
    }
    background.stop().await;
    assert_eq!(bed.provider.calls(), 0);
    assert!(bed.records(id).await.is_empty());
    assert_eq!(bed.token(id).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_at_once_waits_for_no_turn() {
    let bed = Bed::with(TokenPolicy {
        rate: 1,
        ..policy()
    });
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(bed.sign_in().await.session.id);
    }
    pass(MINUTE * 61).await;
    bed.provider.next(Step::Fail(ProviderFailure::ClientRefused(
        "status 401".into(),
    )));
    assert!(bed.ask(ids[0]).await.is_err());
    pass(MINUTE / 30).await;
    let begun = Instant::now();
    for id in &ids {
        let asked = bed.ask(*id).await;
        assert!(matches!(
            asked,
            Err(TokenError::Unavailable {
                retry_after: 50..,
                ..
            })
        ));
    }
    assert!(begun.elapsed() < Duration::from_millis(100));
    assert_eq!(bed.provider.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_does_not_hold_up_the_tokens_of_another() {
    let bed = Bed::new();
    let background = bed.background();
    for _ in 0..600 {
        bed.sign_in().await;
    }
    bed.provider.works_for(MINUTE * 30);
    pass(MINUTE * 10).await;
    let other = bed.sign_in_at_second().await.session.id;
    for _ in 0..100 {
        pass(MINUTE).await;
        let grant = bed.grant(other).await.unwrap();
        assert!(grant.is_live(bed.now()));
    }
    assert_eq!(bed.second.calls(), 1);
    drop(background);
}
