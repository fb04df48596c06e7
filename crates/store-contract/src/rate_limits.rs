//! Counting attempts.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::RateLimiter;
use session_core::{Attempt, Backoff, RateDecision, RateKey, RateRule, RateState, decide};

use crate::parallel;
use crate::rate_forgetting::{forget, reset};
use crate::samples::{minute, start};

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

pub(crate) const WINDOW: TimeDelta = TimeDelta::minutes(1);

/// So many attempts a minute.
pub(crate) fn rule(name: &str, requests: u32) -> RateRule {
    RateRule::new(name, requests, WINDOW).expect("a rule")
}

pub(crate) async fn check(
    limiter: &Arc<dyn RateLimiter>,
    attempts: &[Attempt],
    now: DateTime<Utc>,
) -> RateDecision {
    let decision = limiter.attempt(attempts, now, 0.0).await;
    decision.expect("the limiter answers")
}

/// How long the refused have to wait.
pub(crate) fn wait(decision: RateDecision) -> TimeDelta {
    match decision {
        RateDecision::Refused { retry_after, .. } => retry_after,
        RateDecision::Admitted { .. } => panic!("it is refused"),
    }
}

pub(crate) const fn admitted(remaining: u32) -> RateDecision {
    RateDecision::Admitted { remaining }
}

/// So many and no more in any window of that length, both of its ends included.
pub async fn as_many_as_the_rule_says_are_admitted(limiter: Arc<dyn RateLimiter>) {
    let rule = rule("a", 10).backoff(Backoff::None);
    let ada = [Attempt::of(&rule, "ada")];
    let second = |n| start() + TimeDelta::seconds(n);
    for n in 0..10 {
        let decision = check(&limiter, &ada, second(n * 5)).await;
        assert_eq!(decision, admitted(9 - n as u32));
    }
    for now in [second(46), second(59), second(60)] {
        let decision = check(&limiter, &ada, now).await;
        assert_eq!(wait(decision), second(60) + MILLISECOND - now);
    }
    // One place after the other, as the attempts leave the window: nobody gets twice the number by
    // asking at the edge of one.
    for n in 12..22 {
        let now = second(n * 5);
        assert!(!check(&limiter, &ada, now).await.is_admitted());
        let decision = check(&limiter, &ada, now + MILLISECOND).await;
        assert_eq!(decision, admitted(0));
    }
}

/// The first attempt too many is a violation, those while blocked are not; each one blocks for longer,
/// within the jitter given.
pub async fn violations_are_counted(limiter: Arc<dyn RateLimiter>) {
    let rule = rule("a", 1);
    let ada = [Attempt::of(&rule, "ada")];
    let mut now = start();
    for (violation, jitter) in [(1, 0.0), (2, 1.0), (3, -1.0), (4, 0.5)] {
        assert_eq!(check(&limiter, &ada, now).await, admitted(0));
        let refused = limiter.attempt(&ada, now, jitter).await;
        // One attempt that is in the window leaves it a millisecond after the window's length.
        let backoff = rule
            .backoff_after(violation, jitter)
            .max(WINDOW + MILLISECOND);
        let expected = |passed, is_new| RateDecision::Refused {
            retry_after: backoff - passed,
            violations: violation,
            is_new,
        };
        let refused = refused.expect("the limiter answers");
        assert_eq!(refused, expected(TimeDelta::zero(), true));
        let second = TimeDelta::seconds(1);
        for passed in [TimeDelta::zero(), second, second * 2] {
            let refused = check(&limiter, &ada, now + passed).await;
            assert_eq!(refused, expected(passed, false));
        }
        now += backoff;
    }
}

/// Refused a millisecond before, admitted at the time told: under every backoff, after any number of
/// violations, for one key as for several.
pub async fn whoever_waits_as_told_is_admitted(limiter: Arc<dyn RateLimiter>) {
    let short = Backoff::Exponential {
        max: TimeDelta::seconds(90),
    };
    let rules = [
        rule("plain", 3),
        rule("patient", 3).backoff(Backoff::None),
        rule("short", 3).backoff(short),
        rule("many", 7),
    ];
    let mut sets: Vec<_> = rules
        .iter()
        .map(|rule| vec![Attempt::of(rule, "ada")])
        .collect();
    sets.push(rules.iter().map(|rule| Attempt::of(rule, "eve")).collect());
    for attempts in sets {
        let mut now = start();
        for round in 0..12 {
            while check(&limiter, &attempts, now).await.is_admitted() {
                now += TimeDelta::seconds(2);
            }
            let jitter = f64::from(round % 3 - 1);
            let decision = limiter.attempt(&attempts, now, jitter).await;
            let told = now + wait(decision.expect("the limiter answers"));
            let early = check(&limiter, &attempts, told - MILLISECOND).await;
            assert!(!early.is_admitted(), "{attempts:?} in round {round}");
            let in_time = check(&limiter, &attempts, told).await;
            assert!(in_time.is_admitted(), "{attempts:?} in round {round}");
            now = told;
        }
    }
}

/// A node whose clock is behind admits no more than the others, and what it tells the refused is true
/// by its own clock.
pub async fn a_clock_that_is_behind_gains_nothing(limiter: Arc<dyn RateLimiter>) {
    let rule = rule("a", 3);
    let ada = [Attempt::of(&rule, "ada")];
    for now in [minute(10), minute(9), minute(10)] {
        assert!(check(&limiter, &ada, now).await.is_admitted());
    }
    let behind = minute(9);
    for now in [behind, start(), minute(10)] {
        assert!(!check(&limiter, &ada, now).await.is_admitted());
    }
    let told = behind + wait(check(&limiter, &ada, behind).await);
    assert!(told > minute(11), "all three were within the last minute");
    let early = check(&limiter, &ada, told - MILLISECOND).await;
    assert!(!early.is_admitted());
    assert!(check(&limiter, &ada, told).await.is_admitted());
}

/// Of 50 at once exactly as many as the rule says, and one of the others is told of the violation;
/// whatever is forgotten beside them.
pub async fn parallel_checks_admit_exactly_the_limit(limiter: Arc<dyn RateLimiter>) {
    let rule = rule("a", 10);
    for round in 0..30 {
        let name = format!("user {round}");
        let now = minute(round);
        let decisions = parallel::all((0..50).map(|n| {
            let (limiter, attempt) = (Arc::clone(&limiter), Attempt::of(&rule, &name));
            async move {
                if n % 10 == 0 {
                    forget(&limiter, now, 5).await;
                }
                check(&limiter, &[attempt], now).await
            }
        }))
        .await;
        let mut remaining = Vec::new();
        let mut violations = 0;
        for decision in decisions {
            match decision {
                RateDecision::Admitted { remaining: left } => remaining.push(left),
                RateDecision::Refused {
                    retry_after,
                    is_new,
                    ..
                } => {
                    violations += usize::from(is_new);
                    assert_eq!(retry_after, WINDOW + MILLISECOND);
                }
            }
        }
        remaining.sort_unstable();
        assert_eq!(remaining, (0..10).collect::<Vec<_>>());
        assert_eq!(violations, 1);
    }
}

/// An attempt counts against all of its keys or against none: of the others, what one key refuses
/// takes nothing.
pub async fn an_attempt_counts_if_all_keys_admit_it(limiter: Arc<dyn RateLimiter>) {
    let (few, many) = (rule("few", 2), rule("many", 5));
    let attempts = |few_first: bool, subject| {
        let mut both = [Attempt::of(&few, subject), Attempt::of(&many, subject)];
        if !few_first {
            both.reverse();
        }
        both
    };
    for (few_first, name) in [(true, "ada"), (false, "eve")] {
        let both = attempts(few_first, name);
        for remaining in [1, 0] {
            assert_eq!(check(&limiter, &both, start()).await, admitted(remaining));
        }
        for violation in [true, false, false] {
            let RateDecision::Refused { is_new, .. } = check(&limiter, &both, start()).await else {
                panic!("one of them refuses")
            };
            assert_eq!(is_new, violation);
        }
        let alone = [Attempt::of(&many, name)];
        for remaining in [2, 1, 0] {
            assert_eq!(check(&limiter, &alone, start()).await, admitted(remaining));
        }
        assert!(!check(&limiter, &alone, start()).await.is_admitted());
    }
}

/// The same when they come at once, in whatever order each of them names its keys.
pub async fn parallel_checks_of_two_keys_admit_the_fewest(limiter: Arc<dyn RateLimiter>) {
    let (account, pair) = (rule("account", 7), rule("pair", 10));
    for round in 0..30 {
        let name = format!("user {round}");
        let decisions = parallel::all((0..50).map(|n| {
            let limiter = Arc::clone(&limiter);
            let mut both = [Attempt::of(&account, &name), Attempt::of(&pair, &name)];
            if n % 2 == 0 {
                both.reverse();
            }
            async move { check(&limiter, &both, start()).await.is_admitted() }
        }))
        .await;
        assert_eq!(decisions.into_iter().filter(|is_in| *is_in).count(), 7);
        let alone = [Attempt::of(&pair, &name)];
        for remaining in [2, 1, 0] {
            assert_eq!(check(&limiter, &alone, start()).await, admitted(remaining));
        }
        assert!(!check(&limiter, &alone, start()).await.is_admitted());
    }
}

/// What counts against one key counts against no other: of another subject, or of another rule.
pub async fn keys_are_apart(limiter: Arc<dyn RateLimiter>) {
    let rules = [rule("a", 1), rule("ab", 1), rule("b", 1)];
    let longest = "x".repeat(4096);
    let subjects = [
        "ada",
        "Ada",
        "ada ",
        "a",
        "b",
        "ba",
        "",
        "ada\0",
        "é",
        "e\u{301}",
        "192.0.2.1",
        "'; --",
        &longest,
        &longest[1..],
    ];
    for expected in [true, false] {
        for rule in &rules {
            for subject in subjects {
                let attempt = [Attempt::of(rule, subject)];
                let is_in = check(&limiter, &attempt, start()).await.is_admitted();
                assert_eq!(is_in, expected, "{rule:?} {subject:?}");
            }
        }
    }
}

/// Numbers that look random and are the same in every run (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The upper bits, since the lower ones have short periods.
        (self.0 >> 33) % bound
    }
}

/// Over thousands of steps the answers are those of [`decide`] over a map that nothing is dropped
/// from: one to three keys at a time, rules that are made stricter and looser, resets, and forgetting
/// in between.
pub async fn a_long_sequence_agrees_with_the_rule(limiter: Arc<dyn RateLimiter>) {
    let window = |seconds| TimeDelta::seconds(seconds);
    let make = |name, seconds, backoff| {
        move |requests| {
            let rule = RateRule::new(name, requests, window(seconds)).expect("a rule");
            rule.backoff(backoff)
        }
    };
    let max = |seconds| Backoff::Exponential {
        max: window(seconds),
    };
    let rules: [&dyn Fn(u32) -> RateRule; 3] = [
        &make("none", 10, Backoff::None),
        &make("short", 5, max(12)),
        &make("long", 30, max(3600)),
    ];
    let mut numbers = Numbers(42);
    let mut states: BTreeMap<RateKey, RateState> = BTreeMap::new();
    let mut now = start();
    let (mut admitted, mut refused) = (0, 0);
    for step in 0..5000 {
        now += match numbers.below(20) {
            0..8 => TimeDelta::zero(),
            8..19 => TimeDelta::milliseconds(numbers.below(3000) as i64),
            _ => TimeDelta::milliseconds(numbers.below(120_000) as i64),
        };
        let subject = format!("user {}", numbers.below(4));
        let first = numbers.below(3) as usize;
        let attempts: Vec<_> = (0..=numbers.below(3) as usize)
            .map(|n| rules[(first + n) % 3])
            .map(|rule| Attempt::of(&rule(2 + numbers.below(3) as u32), &subject))
            .collect();
        match numbers.below(40) {
            0 => {
                let keys: Vec<_> = attempts.iter().map(|attempt| attempt.key).collect();
                keys.iter().for_each(|key| drop(states.remove(key)));
                reset(&limiter, &keys).await;
            }
            1 => drop(forget(&limiter, now, 1 + numbers.below(3) as usize).await),
            _ => {
                let jitter = numbers.below(2001) as f64 / 1000.0 - 1.0;
                let mut known: Vec<_> = attempts
                    .iter()
                    .map(|attempt| states.remove(&attempt.key).unwrap_or_default())
                    .collect();
                let rules = attempts.iter().map(|attempt| &attempt.rule);
                let mut asked: Vec<_> = rules.zip(&mut known).collect();
                let expected = decide(&mut asked, now, jitter);
                let keys = attempts.iter().map(|attempt| attempt.key);
                states.extend(keys.zip(known));
                let decision = limiter.attempt(&attempts, now, jitter).await;
                let decision = decision.expect("the limiter answers");
                assert_eq!(decision, expected, "in step {step}");
                if decision.is_admitted() {
                    admitted += 1;
                } else {
                    refused += 1;
                }
            }
        }
    }
    assert!(admitted > 500 && refused > 500, "{admitted} {refused}");
}
