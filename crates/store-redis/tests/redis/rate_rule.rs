//! The rule in Lua is `decide`, step by step, and so is what it leaves behind.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use session_core::ports::RateLimiter as _;
use session_core::{Attempt, Backoff, RateDecision, RateRule, RateState};
use store_contract::samples::start;

use crate::place::Place;
use crate::rate_model::{Model, Numbers, assert_written};

const DAY: i64 = 24 * 3600 * 1000;
const YEAR: i64 = 365 * DAY;
/// When the sequences begin, and how far it is from there almost to the calendar's ends.
const START: i64 = 1_750_000_000_000;
const TO_LAST: i64 = DateTime::<Utc>::MAX_UTC.timestamp_millis() - START - 50_000;
const TO_FIRST: i64 = DateTime::<Utc>::MIN_UTC.timestamp_millis() - START + 50_000;

/// One for each key.
const WINDOWS: [i64; 6] = [1, 999, 1000, 60_000, 60_001, 31 * DAY];

/// How a sequence of attempts is made.
struct Plan {
    seed: u64,
    steps: usize,
    windows: [i64; 6],
    /// How many requests rules admit.
    requests: std::ops::Range<i64>,
    /// How far clocks go on at most, mostly, in milliseconds.
    pace: i64,
    /// By how much they jump otherwise.
    jumps: &'static [i64],
    /// Of so many steps one is a jump; as rare is it that a rule gets another window.
    jumps_of: i64,
}

/// Rules, clocks and jitter at random, the odd among them.
async fn compare(plan: Plan) {
    let Plan {
        seed,
        steps,
        windows,
        requests: span,
        pace,
        jumps,
        jumps_of,
    } = plan;
    let place = Place::new().await;
    let mut model = Model::default();
    let mut numbers = Numbers(seed);
    let longest = [
        -5000,
        -1,
        0,
        1,
        1500,
        60_000,
        3_600_000,
        100 * YEAR,
        10_000 * YEAR,
    ];
    let (mut now, mut admitted, mut refused, mut several) = (start(), 0, 0, 0);
    for step in 0..steps {
        let count = 1 + numbers.below(4) as usize;
        let mut attempts: Vec<Attempt> = Vec::new();
        for _ in 0..count {
            // A key keeps its window mostly, and not always, as when somebody sets another.
            let name = numbers.below(6);
            let window = match numbers.below(jumps_of) {
                0 => numbers.of(&WINDOWS),
                _ => windows[name as usize],
            };
            let requests = (span.start + numbers.below(span.end - span.start)) as u32;
            let window =
                TimeDelta::milliseconds(window) + TimeDelta::nanoseconds(numbers.of(&[0, 999_999]));
            let window = window.min(RateRule::MAX_WINDOW);
            let rule = RateRule::new(&format!("rule_{name}"), requests, window).expect("a rule");
            let max = TimeDelta::milliseconds(numbers.of(&longest))
                + TimeDelta::nanoseconds(numbers.of(&[0, 5]));
            let backoff = match numbers.below(5) {
                0 => Backoff::None,
                _ => Backoff::Exponential { max },
            };
            let attempt = Attempt::of(&rule.backoff(backoff), "somebody");
            if attempts.iter().all(|other| other.key != attempt.key) {
                attempts.push(attempt);
            }
        }
        let jitter = match numbers.below(12) {
            0 => numbers.of(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 7.5, -1.5]),
            1 => numbers.of(&[-1.0, 1.0, 0.0, -0.0, f64::MIN_POSITIVE, 1e-17]),
            _ => numbers.next() as f64 / u64::MAX as f64 * 2.0 - 1.0,
        };
        let by = if numbers.below(jumps_of) == 0 {
            numbers.of(jumps)
        } else {
            numbers.of(&[0, 0, 20, -5, 100, 100]) * numbers.below(pace) / 100
        };
        now = now
            .checked_add_signed(TimeDelta::milliseconds(by))
            .unwrap_or(start());

        let expected = model.attempt(&attempts, now, jitter);
        let decision = place.store.attempt(&attempts, now, jitter).await;
        let decision = decision.expect("redis answers");
        assert_eq!(
            decision, expected,
            "in step {step}: {attempts:?} at {now} with {jitter}"
        );
        if decision.is_admitted() {
            admitted += 1;
        } else {
            refused += 1;
            several += usize::from(attempts.len() > 1);
        }
        for attempt in &attempts {
            assert_written(&place, &model, attempt.key, step).await;
        }
        if step % 50 == 0 {
            let states: u64 = place.ask("ZCARD", place.key("rl-over", b""), &[]).await;
            assert_eq!(states, model.0.len() as u64, "after step {step}");
        }
    }
    let enough = steps / 20;
    assert!(
        admitted > enough && refused > enough && several > enough,
        "{admitted} {refused} {several}"
    );
}

#[tokio::test]
async fn few_requests_by_clocks_that_jump() {
    let plan = Plan {
        seed: 1,
        steps: 4000,
        windows: WINDOWS,
        requests: 1..5,
        pace: 3000,
        jumps: &[
            60_001,
            -60_001,
            500_000,
            -500_000,
            3 * DAY,
            -3 * DAY,
            40 * DAY,
            YEAR,
        ],
        jumps_of: 8,
    };
    compare(plan).await;
}

/// States that are longer than what is read at once.
#[tokio::test]
async fn hundreds_of_requests_by_clocks_that_jump() {
    let plan = Plan {
        seed: 2,
        steps: 5000,
        windows: [60_000; 6],
        requests: 200..400,
        pace: 100,
        jumps: &[
            1500, -1500, 30_000, -30_000, 60_001, -60_001, -120_001, 120_001,
        ],
        jumps_of: 400,
    };
    compare(plan).await;
}

/// Up to the calendar's ends, whose milliseconds are whole numbers to Lua yet.
#[tokio::test]
async fn times_at_the_calendars_ends() {
    let plan = Plan {
        seed: 3,
        steps: 3000,
        windows: WINDOWS,
        requests: 1..5,
        pace: 3000,
        jumps: &[
            TO_LAST,
            -TO_LAST,
            TO_FIRST,
            -TO_FIRST,
            -START,
            START,
            1000 * YEAR,
        ],
        jumps_of: 8,
    };
    compare(plan).await;
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
    let mut value = [
        &[1, 0, 0, 0, 0][..],
        &i64::MIN.to_be_bytes(),
        &i64::MIN.to_be_bytes(),
        &[0; 4],
    ]
    .concat();
    value.extend(times.iter().flat_map(|time| time.to_be_bytes()));
    let () = place
        .ask("SET", place.key("rl:", key.as_bytes()), &[&value])
        .await;
    let state: RateState = serde_json::from_value(json!({ "a": times })).expect("a state");
    let end = state.expires_at(&rule);
    let end_score = end.timestamp_millis().to_string();
    let () = place
        .ask(
            "ZADD",
            place.key("rl-over", b""),
            &[end_score.as_bytes(), key.as_bytes()],
        )
        .await;
    let mut model = Model([(key, (state, end))].into());
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
