//! The rule in Lua is `decide`, step by step, and so is what it leaves behind.

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::RateLimiter as _;
use session_core::{Attempt, Backoff, RateRule};
use store_contract::samples::start;

use crate::place::Place;
use crate::rate_model::{Model, Numbers, assert_written};

pub(crate) const DAY: i64 = 24 * 3600 * 1000;
pub(crate) const YEAR: i64 = 365 * DAY;
/// When the sequences begin, and how far it is from there almost to the calendar's ends.
pub(crate) const START: i64 = 1_750_000_000_000;
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
