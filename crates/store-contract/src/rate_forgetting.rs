//! Forgetting what was counted.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Forgotten, RateLimiter};
use session_core::{Attempt, RateDecision, RateKey, RateRule, RateState, decide};

use crate::rate_limits::{WINDOW, admitted, check, rule, wait};
use crate::samples::{minute, start};

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

pub(crate) async fn reset(limiter: &Arc<dyn RateLimiter>, keys: &[RateKey]) {
    limiter.reset(keys).await.expect("the limiter forgets");
}

pub(crate) async fn forget(
    limiter: &Arc<dyn RateLimiter>,
    now: DateTime<Utc>,
    batch: usize,
) -> Forgotten {
    let forgotten = limiter.forget_counts(now, batch).await;
    forgotten.expect("the limiter forgets")
}

/// After a reset a key is as new, its violations included; the others are as they were.
pub async fn a_reset_forgets_the_keys_named(limiter: Arc<dyn RateLimiter>) {
    let rule = rule("a", 2);
    let of = |name| Attempt::of(&rule, name);
    for name in ["ada", "eve", "bob"] {
        for is_in in [true, true, false] {
            let decision = check(&limiter, &[of(name)], start()).await;
            assert_eq!(decision.is_admitted(), is_in);
        }
    }
    reset(&limiter, &[]).await;
    reset(&limiter, &[of("ada").key, of("nobody").key, of("eve").key]).await;
    for name in ["ada", "eve"] {
        for remaining in [1, 0] {
            let decision = check(&limiter, &[of(name)], start()).await;
            assert_eq!(decision, admitted(remaining));
        }
        let RateDecision::Refused { violations, .. } = check(&limiter, &[of(name)], start()).await
        else {
            panic!("it is at its limit again")
        };
        assert_eq!(violations, 1, "earlier ones are forgotten");
    }
    let refused = check(&limiter, &[of("bob")], start()).await;
    assert_eq!(wait(refused), WINDOW + MILLISECOND);
}

/// A key is forgotten when it means nothing any more, to the millisecond, and not while it is in its
/// window, blocked, or known for a violation.
pub async fn only_what_means_nothing_is_forgotten(limiter: Arc<dyn RateLimiter>) {
    let rule = rule("a", 1);
    let none = Forgotten {
        count: 0,
        more: false,
    };
    let mut clock = start();
    for violations in 0..3 {
        let name = format!("user {violations}");
        let attempt = [Attempt::of(&rule, &name)];
        let mut state = RateState::default();
        let mut now = clock;
        let mut expected = |now| decide(&mut [(&rule, &mut state)], now, 0.0);
        assert_eq!(check(&limiter, &attempt, now).await, expected(now));
        for _ in 0..violations {
            let refused = check(&limiter, &attempt, now).await;
            assert_eq!(refused, expected(now));
            let until = now + wait(refused);
            assert_eq!(forget(&limiter, until - MILLISECOND, 10).await, none);
            now = until;
            assert_eq!(
                forget(&limiter, now, 10).await,
                none,
                "it is known for a while"
            );
            assert_eq!(check(&limiter, &attempt, now).await, expected(now));
        }
        let end = state.expires_at(&rule);
        assert_eq!(forget(&limiter, end - MILLISECOND, 10).await, none);
        assert_eq!(forget(&limiter, end, 10).await.count, 1, "{violations}");
        assert_eq!(forget(&limiter, end, 10).await, none);
        let anew = check(&limiter, &attempt, end).await;
        assert_eq!(anew, admitted(0));
        reset(&limiter, &[attempt[0].key]).await;
        clock = end;
    }
}

/// No call forgets more than it was asked to, and it says whether there may be more.
pub async fn forgetting_goes_in_batches(limiter: Arc<dyn RateLimiter>) {
    let rule = rule("a", 1);
    let of = |n| Attempt::of(&rule, &format!("user {n}"));
    for n in 0..25 {
        check(&limiter, &[of(n)], start() + TimeDelta::seconds(n)).await;
    }
    let kept = [of(100)];
    check(&limiter, &kept, start() + TimeDelta::seconds(59)).await;
    let now = start() + TimeDelta::seconds(90);
    let mut count = 0;
    for calls in 1.. {
        let forgotten = forget(&limiter, now, 10).await;
        assert!(forgotten.count <= 10);
        count += forgotten.count;
        if !forgotten.more {
            break;
        }
        assert!(calls < 10, "there is an end to it");
    }
    assert_eq!(count, 25);
    assert!(!check(&limiter, &kept, now).await.is_admitted());
    for n in 0..25 {
        assert!(check(&limiter, &[of(n)], now).await.is_admitted());
    }
}

/// Past `bound` keys those that expire first go, and no others.
///
/// Not among [`rate_limit_tests!`](crate::rate_limit_tests), since each store has a bound of its own:
/// `limiter` keeps at most `bound` keys.
pub async fn at_the_bound_what_means_least_goes(limiter: Arc<dyn RateLimiter>, bound: usize) {
    let (short, long) = (rule("short", 1), {
        RateRule::new("long", 1, TimeDelta::hours(1)).expect("a rule")
    });
    let least: Vec<_> = (0..100)
        .map(|n| Attempt::of(&short, &format!("{n}")))
        .collect();
    let of = |n: usize| Attempt::of(&long, &format!("{n}"));
    assert!(check(&limiter, &least, start()).await.is_admitted());
    let most: Vec<_> = (100..bound).map(of).collect();
    for part in most.chunks(1000) {
        assert!(check(&limiter, part, start()).await.is_admitted());
    }
    // All are there still, up to the bound.
    for attempt in [&least[0], &least[99], &most[0], &most[bound - 101]] {
        let refused = check(&limiter, std::slice::from_ref(attempt), start()).await;
        assert!(!refused.is_admitted());
    }
    // Who comes now is counted all the same, though nothing means less.
    let newcomer = [
        Attempt::of(&short, "newcomer"),
        Attempt::of(&short, "other"),
    ];
    let earlier = start() - TimeDelta::seconds(30);
    assert!(check(&limiter, &newcomer, earlier).await.is_admitted());
    for attempt in &newcomer {
        let refused = check(&limiter, std::slice::from_ref(attempt), earlier).await;
        assert!(!refused.is_admitted(), "it is counted");
    }
    reset(&limiter, &newcomer.map(|attempt| attempt.key)).await;
    let more: Vec<_> = (bound..bound + 50).map(of).collect();
    assert!(check(&limiter, &more, start()).await.is_admitted());
    // A look at one that went would put it back: what is left is counted by forgetting it.
    let left = forget(&limiter, minute(1) + MILLISECOND, bound).await.count;
    assert!(left <= 50, "{left} of the least are left");
    for attempts in [&most, &more] {
        for attempt in attempts.iter().step_by(997) {
            let refused = check(&limiter, std::slice::from_ref(attempt), start()).await;
            assert!(!refused.is_admitted(), "it is known for longer");
        }
    }
}
