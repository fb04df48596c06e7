//! How many keys rate limits count at once.

use chrono::TimeDelta;
use session_core::{Attempt, RateRule};
use store_contract::samples::{minute, start};

use crate::place::Place;
use crate::rates::{check, rule, states};

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

#[tokio::test]
async fn at_the_bound_what_means_least_goes() {
    let place = Place::with(|options| options.max_rate_keys(1500)).await;
    store_contract::rate_forgetting::at_the_bound_what_means_least_goes(place.store.clone(), 1500)
        .await;
}

/// Those that are being counted stay, though they expire first and nothing of them changes.
#[tokio::test]
async fn at_the_bound_those_that_are_counted_stay() {
    let place = Place::with(|options| options.max_rate_keys(4)).await;
    let short = RateRule::new("short", 2, MILLISECOND).expect("a rule");
    let [least, other] = ["least", "other"].map(|name| Attempt::of(&short, name));
    check(&place.store, std::slice::from_ref(&least), start()).await;
    check(
        &place.store,
        std::slice::from_ref(&other),
        start() + MILLISECOND,
    )
    .await;
    let long = |n: i32| Attempt::of(&rule("long", 1), &format!("{n}"));
    for n in 0..2 {
        assert!(check(&place.store, &[long(n)], start()).await.is_admitted());
    }
    // The violation of one adds nothing; the other is asked, and stays as it is.
    assert!(
        !check(&place.store, &[least.clone(), long(0)], start())
            .await
            .is_admitted()
    );
    assert_eq!(states(&place).await, 4);
    // One that is new takes the place of the one that means least of those not asked.
    let strict = Attempt::of(&rule("strict", 1), "ada");
    assert!(
        check(&place.store, &[least.clone(), strict.clone()], start())
            .await
            .is_admitted()
    );
    assert_eq!(states(&place).await, 4);
    let gone = place.key("rl:", other.key.as_bytes());
    assert_eq!(place.time_to_live(&gone).await, -2);
    for attempt in [&least, &strict, &long(0), &long(1)] {
        let key = place.key("rl:", attempt.key.as_bytes());
        assert_ne!(place.time_to_live(&key).await, -2);
    }
}

/// More keys at once than there is room for are all counted.
#[tokio::test]
async fn more_at_once_than_the_bound_are_counted() {
    let place = Place::with(|options| options.max_rate_keys(2)).await;
    let of = |n: i32| Attempt::of(&rule("a", 1), &format!("{n}"));
    let all: Vec<_> = (0..5).map(of).collect();
    assert!(check(&place.store, &all, start()).await.is_admitted());
    assert_eq!(states(&place).await, 5);
    assert!(!check(&place.store, &all, start()).await.is_admitted());
    assert_eq!(states(&place).await, 5);
}

/// A bound that was lowered is reached after a while, rather than in one step that holds all others up.
#[tokio::test]
async fn a_lowered_bound_is_reached_in_steps() {
    let place = Place::new().await;
    let of = |n: usize| Attempt::of(&rule("a", 1), &format!("{n}"));
    let many: Vec<_> = (0..400).map(of).collect();
    check(&place.store, &many, start()).await;
    let stricter = place
        .another_with(|options| options.max_rate_keys(50))
        .await;
    for (n, left) in [(400, 272), (401, 144), (402, 50), (403, 50)] {
        check(&stricter, &[of(n)], start()).await;
        assert_eq!(states(&place).await, left, "after {n}");
    }
}

/// With what comes, more goes that means nothing any more; what is asked for stays.
#[tokio::test]
async fn what_expired_goes_with_what_comes() {
    let place = Place::new().await;
    let of = |n: i64| Attempt::of(&rule("a", 1), &format!("{n}"));
    for n in 0..30 {
        check(&place.store, &[of(n)], start() + MILLISECOND * n as i32).await;
    }
    let end = start() + TimeDelta::milliseconds(60_001);
    check(&place.store, &[of(100)], end - MILLISECOND).await;
    assert_eq!(states(&place).await, 31, "a millisecond too early");
    check(&place.store, &[of(101)], end).await;
    assert_eq!(states(&place).await, 31, "one went, one came");
    // Nine for one that is new, and eight for one that is known.
    check(&place.store, &[of(102)], minute(2)).await;
    assert_eq!(states(&place).await, 31 + 1 - 9);
    check(&place.store, &[of(102)], minute(2)).await;
    assert_eq!(states(&place).await, 23 - 8);
    let keys = place.keys().await.len() as u64;
    assert_eq!(
        keys,
        15 + 1,
        "what goes is gone from the index and by itself"
    );
}
