//! Very many attempts, violations, and times: the rule holds there too.

use chrono::TimeDelta;
use serde_json::json;
use session_core::ports::RateLimiter as _;
use session_core::{Attempt, Backoff, RateDecision, RateRule};
use store_contract::samples::start;

use crate::place::Place;
use crate::rate_model::{Model, Numbers, assert_written, set};
use crate::rate_rule::{DAY, START, YEAR};

/// However often the limit was passed: backoffs are doubled thirty times at most, and the count of
/// violations has an end.
#[tokio::test]
async fn any_number_of_violations() {
    let place = Place::new().await;
    let max = TimeDelta::milliseconds(10_000 * YEAR);
    for violations in [
        0,
        1,
        28,
        29,
        30,
        31,
        32,
        33,
        64,
        5000,
        u32::MAX - 1,
        u32::MAX,
    ] {
        for window in [1, 1000, 31 * DAY] {
            let rule = RateRule::new("a", 1, TimeDelta::milliseconds(window)).expect("a rule");
            let rule = rule.backoff(Backoff::Exponential { max });
            let attempt = [Attempt::of(&rule, &format!("{violations} {window}"))];
            let mut model = Model::default();
            let state = json!({ "a": [START], "v": violations, "f": START + 100 });
            set(&place, &mut model, &attempt[0], state).await;
            for jitter in [0.3, -0.7] {
                let expected = model.attempt(&attempt, start(), jitter);
                let decision = place.store.attempt(&attempt, start(), jitter).await;
                assert_eq!(decision.expect("redis answers"), expected);
                assert_written(&place, &model, attempt[0].key, 0).await;
            }
        }
    }
}

/// A key of the most requests that a rule may have, all of them in the window: what a step writes is a
/// few bytes, and what means nothing any more goes after a while.
#[tokio::test]
async fn a_key_of_ten_thousand_requests() {
    let place = Place::new().await;
    let rule = RateRule::new("many", RateRule::MAX_REQUESTS, TimeDelta::minutes(10));
    let rule = rule.expect("a rule").backoff(Backoff::None);
    let attempt = [Attempt::of(&rule, "somebody")];
    let key = attempt[0].key;
    let times: Vec<i64> = (0..9900).map(|n| START + n * 60).collect();
    let mut model = Model::default();
    let state = json!({ "a": times });
    set(&place, &mut model, &attempt[0], state).await;
    assert_written(&place, &model, key, 0).await;

    let mut numbers = Numbers(4);
    let mut now = start() + TimeDelta::milliseconds(9900 * 60);
    let (mut admitted, mut refused, mut longest) = (0, 0, 0);
    for step in 0..3000 {
        now += TimeDelta::milliseconds(match step {
            // Faster than the rule allows, then as it allows, and then hardly any more.
            0..1000 => numbers.below(40),
            1000..2500 => numbers.below(120),
            _ => numbers.below(10_000),
        });
        let expected = model.attempt(&attempt, now, 0.5);
        let decision = place.store.attempt(&attempt, now, 0.5).await;
        assert_eq!(decision.expect("redis answers"), expected, "in step {step}");
        if expected.is_admitted() {
            admitted += 1;
        } else {
            refused += 1;
        }
        if step % 100 == 0 {
            assert_written(&place, &model, key, step).await;
        }
        let length: usize = place
            .ask("STRLEN", place.key("rl:", key.as_bytes()), &[])
            .await;
        longest = longest.max(length);
    }
    assert!(admitted > 1000 && refused > 200, "{admitted} {refused}");
    assert!(
        longest > 25 + 8 * 10_100,
        "what is gone is not cut off at once"
    );
    assert_written(&place, &model, key, 3000).await;
}

/// A clock that was far ahead left many times behind that cannot be: they are put right at once.
#[tokio::test]
async fn many_impossible_times_are_put_right() {
    let rule = RateRule::new("many", 1000, TimeDelta::minutes(10)).expect("a rule");
    let attempt = [Attempt::of(&rule, "somebody")];
    for possible in [0, 1, 200, 599, 600] {
        let place = Place::new().await;
        let mut model = Model::default();
        for n in 0..600 {
            let ahead = if n < possible { 0 } else { 1_000_000_000 };
            let now = start() + TimeDelta::milliseconds(n + ahead);
            // Everything stays in the window of a clock that is put back.
            let expected = model.attempt(&attempt, now, 0.0);
            let decision = place.store.attempt(&attempt, now, 0.0).await;
            assert_eq!(decision.expect("redis answers"), expected);
        }
        for back in [700, 701, 300_000, 0] {
            let now = start() + TimeDelta::milliseconds(back);
            let expected = model.attempt(&attempt, now, 0.0);
            let decision = place.store.attempt(&attempt, now, 0.0).await;
            assert_eq!(
                decision.expect("redis answers"),
                expected,
                "{possible} {back}"
            );
            assert_written(&place, &model, attempt[0].key, 0).await;
        }
    }
}

/// No rule and no time makes it fail; a backoff beyond ten thousand years is one of ten thousand.
#[tokio::test]
async fn absurd_backoffs_are_very_long_ones() {
    let place = Place::new().await;
    for (n, max) in [
        TimeDelta::MAX,
        TimeDelta::MIN,
        TimeDelta::milliseconds(10_001 * YEAR),
    ]
    .into_iter()
    .enumerate()
    {
        let rule = RateRule::new("odd", 1, RateRule::MAX_WINDOW).expect("a rule");
        let rule = rule.backoff(Backoff::Exponential { max });
        let attempt = [Attempt::of(&rule, &format!("{n}"))];
        let mut now = start();
        for round in 0..40 {
            let decision = place.store.attempt(&attempt, now, 1.0).await;
            assert!(
                decision.expect("redis answers").is_admitted(),
                "{max} {round}"
            );
            let decision = place.store.attempt(&attempt, now, 1.0).await;
            let decision = decision.expect("redis answers");
            let RateDecision::Refused { retry_after, .. } = decision else {
                panic!("it is at its limit")
            };
            assert!(retry_after >= RateRule::MAX_WINDOW);
            assert!(retry_after <= TimeDelta::milliseconds(10_000 * YEAR));
            let next = now + retry_after;
            if next.timestamp_millis() > 100_000 * YEAR {
                break;
            }
            now = next;
        }
    }
}
