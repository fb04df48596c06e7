//! Rate limits.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::RateLimiter;
use session_core::{Attempt, Backoff, RateDecision, RateKey, RateRule, RateState, decide};

use crate::parallel;
use crate::samples::{minute, start};

fn rule(name: &str, requests: u32, seconds: i64) -> RateRule {
    RateRule::new(name, requests, TimeDelta::seconds(seconds)).expect("a rule")
}

async fn check(
    limiter: &Arc<dyn RateLimiter>,
    attempts: &[Attempt],
    at: DateTime<Utc>,
) -> RateDecision {
    let decision = limiter.attempt(attempts, at, 0.0).await;
    decision.expect("the limiter answers")
}

async fn admits(limiter: &Arc<dyn RateLimiter>, attempt: &Attempt, at: DateTime<Utc>) -> bool {
    let attempts = std::slice::from_ref(attempt);
    check(limiter, attempts, at).await.is_admitted()
}

/// Requirement 29: of many at once exactly the rule's number get through.
pub async fn of_fifty_parallel_attempts_ten_are_admitted(limiter: Arc<dyn RateLimiter>) {
    let rule = rule("token_refresh", 10, 60);
    for round in 0..20 {
        let attempt = Attempt::of(&rule, &format!("user {round}"));
        let decisions = parallel::all((0..50).map(|_| {
            let (limiter, attempt) = (Arc::clone(&limiter), attempt.clone());
            async move { check(&limiter, &[attempt], start()).await }
        }))
        .await;
        let admitted = decisions.iter().filter(|decision| decision.is_admitted());
        assert_eq!(admitted.count(), 10);
        // One violation, and everyone else finds the key blocked.
        let is_new = |decision: &&RateDecision| {
            matches!(decision, RateDecision::Refused { is_new: true, .. })
        };
        assert_eq!(decisions.iter().filter(is_new).count(), 1);
    }
}

/// An attempt against several keys is counted in all of them or in none.
pub async fn an_attempt_counts_in_all_of_its_keys_or_in_none(limiter: Arc<dyn RateLimiter>) {
    let (wide, narrow) = (rule("account", 20, 60), rule("address", 7, 60));
    let (account, address) = (Attempt::of(&wide, "ada"), Attempt::of(&narrow, "192.0.2.7"));
    let both = [account.clone(), address.clone()];
    let decisions = parallel::all((0..50).map(|_| {
        let (limiter, both) = (Arc::clone(&limiter), both.clone());
        async move { check(&limiter, &both, start()).await }
    }))
    .await;
    let admitted = decisions.iter().filter(|decision| decision.is_admitted());
    assert_eq!(admitted.count(), 7);
    // Of the wider one 7 are used up, and not one more.
    for left in (0..13).rev() {
        let decision = check(&limiter, std::slice::from_ref(&account), start()).await;
        assert_eq!(decision, RateDecision::Admitted { remaining: left });
    }
    assert!(!admits(&limiter, &account, start()).await);
    let alone = check(&limiter, &[], start()).await;
    assert!(alone.is_admitted(), "nothing counts against nobody");
}

/// Whoever waits as long as told is admitted, and a millisecond earlier is not.
pub async fn who_waits_as_long_as_told_is_admitted(limiter: Arc<dyn RateLimiter>) {
    let attempt = Attempt::of(&rule("login_attempt", 3, 60), "ada");
    let mut at = start();
    for _ in 0..5 {
        while admits(&limiter, &attempt, at).await {
            at += TimeDelta::seconds(1);
        }
        let refused = check(&limiter, std::slice::from_ref(&attempt), at).await;
        let RateDecision::Refused { retry_after, .. } = refused else {
            panic!("it is blocked")
        };
        let early = at + retry_after - TimeDelta::milliseconds(1);
        assert!(!admits(&limiter, &attempt, early).await);
        at += retry_after;
        assert!(admits(&limiter, &attempt, at).await);
    }
}

/// Whatever is asked in whatever order, the store decides as the rule does.
pub async fn decisions_are_those_of_the_rule(limiter: Arc<dyn RateLimiter>) {
    let rules = [
        rule("a", 1, 10),
        rule("b", 5, 30),
        rule("c", 3, 7).backoff(Backoff::None),
    ];
    let mut states: HashMap<RateKey, RateState> = HashMap::new();
    let mut seed = 0x5eed_u64;
    // A linear congruential generator: the same sequence each time.
    let mut draw = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    let mut at = start();
    for _ in 0..2000 {
        at += TimeDelta::milliseconds(draw(3000) as i64);
        let attempts: Vec<_> = (0..1 + draw(3))
            .map(|n| Attempt::of(&rules[n as usize], ["ada", "grace"][draw(2) as usize]))
            .collect();
        let jitter = draw(2001) as f64 / 1000.0 - 1.0;
        let mut asked: Vec<RateState> = attempts
            .iter()
            .map(|attempt| states.get(&attempt.key).cloned().unwrap_or_default())
            .collect();
        let rules = attempts.iter().map(|attempt| &attempt.rule);
        let mut pairs: Vec<_> = rules.zip(&mut asked).collect();
        let expected = decide(&mut pairs, at, jitter);
        states.extend(attempts.iter().map(|attempt| attempt.key).zip(asked));
        let decision = limiter.attempt(&attempts, at, jitter).await;
        assert_eq!(decision.expect("the limiter answers"), expected);
    }
}

/// A reset forgets a key under its rule, and no other.
pub async fn a_reset_forgets_one_key(limiter: Arc<dyn RateLimiter>) {
    let (one, other) = (rule("one", 1, 60), rule("other", 1, 60));
    let attempts = [
        Attempt::of(&one, "ada"),
        Attempt::of(&one, "grace"),
        Attempt::of(&other, "ada"),
    ];
    for attempt in &attempts {
        assert!(admits(&limiter, attempt, start()).await);
        assert!(!admits(&limiter, attempt, start()).await);
    }
    let keys = [attempts[0].key, RateKey::of(&one, "nobody")];
    limiter.reset(&keys).await.expect("it forgets");
    assert!(admits(&limiter, &attempts[0], start()).await);
    assert!(!admits(&limiter, &attempts[1], start()).await);
    assert!(!admits(&limiter, &attempts[2], start()).await);
    limiter.reset(&[]).await.expect("nothing to forget");
}

/// Only what means nothing any more is forgotten, a batch at a time.
pub async fn what_means_nothing_any_more_is_forgotten(limiter: Arc<dyn RateLimiter>) {
    let short = rule("short", 1, 60).backoff(Backoff::None);
    let long = rule("long", 1, 3600).backoff(Backoff::None);
    for n in 0..25 {
        let attempt = Attempt::of(&short, &format!("user {n}"));
        assert!(admits(&limiter, &attempt, start()).await);
    }
    let kept = Attempt::of(&long, "ada");
    assert!(admits(&limiter, &kept, start()).await);
    let early = limiter
        .forget_counts(minute(1), 10)
        .await
        .expect("it forgets");
    assert_eq!(early.count, 0, "an attempt one window ago still counts");
    let mut counts = Vec::new();
    loop {
        let step = limiter
            .forget_counts(minute(2), 10)
            .await
            .expect("it forgets");
        counts.push(step.count);
        if !step.more {
            break;
        }
    }
    assert_eq!(counts, [10, 10, 5]);
    assert!(!admits(&limiter, &kept, minute(2)).await);
}
