//! Rate limits: what is written, what is damaged, and the bound.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Forgotten, RateLimiter as _, SessionStore as _, StoreErrorKind};
use session_core::{Attempt, RateDecision, RateRule};
use store_contract::parallel;
use store_contract::samples::{minute, start};
use store_redis::RedisStore;

use crate::place::Place;

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

pub(crate) fn rule(name: &str, requests: u32) -> RateRule {
    RateRule::new(name, requests, TimeDelta::minutes(1)).expect("a rule")
}

pub(crate) async fn check(
    store: &RedisStore,
    attempts: &[Attempt],
    now: DateTime<Utc>,
) -> RateDecision {
    let decision = store.attempt(attempts, now, 0.0).await;
    decision.expect("redis answers")
}

pub(crate) async fn states(place: &Place) -> u64 {
    place.ask("ZCARD", place.key("rl-over", b""), &[]).await
}

/// The state of a key with these parts.
fn state(form: u8, violations: u32, gone: u32, times: &[i64]) -> Vec<u8> {
    let never = i64::MIN.to_be_bytes();
    let violations = violations.to_be_bytes();
    let head = [
        &[form][..],
        &violations,
        &never,
        &never,
        &gone.to_be_bytes(),
    ]
    .concat();
    let times = times.iter().flat_map(|time| time.to_be_bytes());
    head.into_iter().chain(times).collect()
}

#[tokio::test]
async fn a_state_is_a_short_text_with_an_end() {
    let keep = Duration::from_secs(600);
    let place = Place::with(|options| options.keep(keep)).await;
    let attempt = [Attempt::of(&rule("a", 3), "ada")];
    let key = place.key("rl:", attempt[0].key.as_bytes());
    let index = place.key("rl-over", b"");
    for n in 0..3 {
        check(&place.store, &attempt, start() + MILLISECOND * n).await;
    }
    let mut keys = vec![key.clone(), index.clone()];
    keys.sort_unstable();
    assert_eq!(place.keys().await, keys);
    let at = start().timestamp_millis();
    let value: Vec<u8> = place.ask("GET", &key, &[]).await;
    assert_eq!(value, state(1, 0, 0, &[at, at + 1, at + 2]));
    let end: f64 = place
        .ask("ZSCORE", &index, &[attempt[0].key.as_bytes()])
        .await;
    assert_eq!(end, (at + 2 + 60_001) as f64);
    // What is left by the clock of whoever asked, and the time to keep.
    let left = place.time_to_live(&key).await;
    assert!((655_000..=660_001).contains(&left), "{left}");
    assert_eq!(place.time_to_live(&index).await, -1);

    // Blocked for as long as the window, forgiven after that time again.
    check(&place.store, &attempt, start() + MILLISECOND * 2).await;
    let left = place.time_to_live(&key).await;
    assert!((715_000..=720_001).contains(&left), "{left}");
}

/// A state of very many attempts keeps its end too, though most of it is not written again.
#[tokio::test]
async fn a_long_state_has_an_end() {
    let keep = Duration::from_secs(600);
    let place = Place::with(|options| options.keep(keep)).await;
    let attempt = [Attempt::of(&rule("a", 300), "ada")];
    let key = place.key("rl:", attempt[0].key.as_bytes());
    for n in 0..250 {
        check(&place.store, &attempt, start() + MILLISECOND * n).await;
    }
    let () = place.ask("PERSIST", &key, &[]).await;
    check(&place.store, &attempt, start() + MILLISECOND * 250).await;
    let left = place.time_to_live(&key).await;
    assert!((655_000..=660_001).contains(&left), "{left}");
}

/// A clock that is far behind and a time to keep of a thousand years are no harm.
#[tokio::test]
async fn any_time_makes_an_end() {
    for (keep, now) in [
        (Duration::ZERO, DateTime::<Utc>::MIN_UTC),
        (Duration::ZERO, DateTime::<Utc>::MAX_UTC),
        (Duration::MAX, start()),
    ] {
        let place = Place::with(|options| options.keep(keep)).await;
        let attempt = [Attempt::of(&rule("a", 1), "ada")];
        assert!(check(&place.store, &attempt, now).await.is_admitted());
        assert!(!check(&place.store, &attempt, now).await.is_admitted());
        let left = place
            .time_to_live(&place.key("rl:", attempt[0].key.as_bytes()))
            .await;
        assert!((50_000..=31_536_000_000_000).contains(&left), "{left}");
    }
}

/// Refused while blocked, or by another key: nothing is written, so that a flood costs little.
#[tokio::test]
async fn who_is_refused_again_writes_nothing() {
    let place = Place::new().await;
    let few = Attempt::of(&rule("few", 1), "ada");
    let many = Attempt::of(&rule("many", 9), "ada");
    let stranger = Attempt::of(&rule("many", 9), "eve");
    for attempts in [&[few.clone(), many.clone()][..], std::slice::from_ref(&few)] {
        check(&place.store, attempts, start()).await;
    }
    for attempt in [&few, &many] {
        let key = place.key("rl:", attempt.key.as_bytes());
        let () = place.ask("PERSIST", key, &[]).await;
    }
    let all = [few.clone(), many.clone(), stranger];
    for now in [start(), start() - MILLISECOND, start() + MILLISECOND] {
        assert!(!check(&place.store, &all, now).await.is_admitted());
    }
    for attempt in [&few, &many] {
        let key = place.key("rl:", attempt.key.as_bytes());
        assert_eq!(
            place.time_to_live(&key).await,
            -1,
            "it is not written again"
        );
    }
    assert_eq!(
        states(&place).await,
        2,
        "a stranger is not known for nothing"
    );
}

/// Whom it is about is not written down.
#[tokio::test]
async fn no_subject_is_written_down() {
    let place = Place::new().await;
    let attempt = [Attempt::of(&rule("a", 1), "ada@example.org")];
    check(&place.store, &attempt, start()).await;
    for key in place.keys().await {
        let dump: Vec<u8> = place.ask("DUMP", &key, &[]).await;
        for bytes in [&key, &dump] {
            assert!(bytes.windows(3).all(|part| part != b"ada"));
        }
    }
}

#[tokio::test]
async fn damaged_states_are_told_and_nothing_is_counted() {
    let place = Place::new().await;
    let rule = rule("a", 1);
    let damaged = Attempt::of(&rule, "damaged");
    let key = place.key("rl:", damaged.key.as_bytes());
    let at = start().timestamp_millis();
    let whole = state(1, 0, 0, &[at]);
    let long = state(1, 0, 0, &[at; 200]);
    let odd = [
        state(2, 0, 0, &[at]),
        state(0, 0, 0, &[at]),
        state(1, 0, 2, &[at]),
        vec![2],
        b"1".to_vec(),
        long[..long.len() - 1].to_vec(),
        state(1, 0, 201, &[at; 200]),
        state(1, 0, u32::MAX, &[at; 200]),
    ];
    let cut = (1..whole.len()).filter(|length| *length != 25);
    let odd = odd
        .into_iter()
        .chain(cut.map(|length| whole[..length].to_vec()));
    for (n, value) in odd.enumerate() {
        let () = place.ask("SET", &key, &[&value]).await;
        let other = Attempt::of(&rule, &format!("other {n}"));
        let both = [other.clone(), damaged.clone()];
        let error = place.store.attempt(&both, start(), 0.0).await;
        let error = error.expect_err("it cannot be read");
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{value:?} {error:?}");
        let after: Vec<u8> = place.ask("GET", &key, &[]).await;
        assert_eq!(after, value, "it is left as it is");
        let other_key = place.key("rl:", other.key.as_bytes());
        assert_eq!(place.time_to_live(&other_key).await, -2);
    }
    let () = place.ask("DEL", &key, &[]).await;
    let () = place.ask("SADD", &key, &[b"odd"]).await;
    let error = place
        .store
        .attempt(std::slice::from_ref(&damaged), start(), 0.0)
        .await;
    assert_eq!(error.expect_err("a set").kind(), StoreErrorKind::Corrupt);
    // A reset puts it right.
    place
        .store
        .reset(&[damaged.key])
        .await
        .expect("redis answers");
    assert!(check(&place.store, &[damaged], start()).await.is_admitted());
}

#[tokio::test]
async fn no_step_forgets_more_than_its_share() {
    let place = Place::new().await;
    let all: Vec<_> = (0..300)
        .map(|n| Attempt::of(&rule("a", 1), &format!("{n}")))
        .collect();
    check(&place.store, &all, start()).await;
    for (count, more) in [(128, true), (128, true), (44, false), (0, false)] {
        let forgotten = place.store.forget_counts(minute(2), 1_000_000).await;
        assert_eq!(forgotten.expect("redis answers"), Forgotten { count, more });
    }
    assert!(place.keys().await.is_empty(), "nothing is left");
    let nothing = place.store.forget_counts(minute(2), 0).await;
    assert_eq!(
        nothing.expect("redis answers"),
        Forgotten {
            count: 0,
            more: true
        }
    );
}

#[tokio::test]
async fn any_number_of_keys_is_reset() {
    let place = Place::new().await;
    let all: Vec<_> = (0..300)
        .map(|n| Attempt::of(&rule("a", 1), &format!("{n}")))
        .collect();
    check(&place.store, &all, start()).await;
    let keys: Vec<_> = all.iter().map(|attempt| attempt.key).collect();
    place.store.reset(&keys[1..]).await.expect("redis answers");
    assert_eq!(place.keys().await.len(), 2, "one state and the index");
    assert_eq!(states(&place).await, 1);
}

/// A key that stands twice among the attempts is counted once, as in the other stores.
#[tokio::test]
async fn a_key_that_is_named_twice_counts_once() {
    let place = Place::new().await;
    for requests in [3, 300] {
        let ada = Attempt::of(&rule("a", requests), &format!("{requests}"));
        for remaining in (0..requests).rev() {
            let decision = check(&place.store, &[ada.clone(), ada.clone()], start()).await;
            assert_eq!(decision, RateDecision::Admitted { remaining });
        }
        let decision = check(&place.store, &[ada.clone(), ada], start()).await;
        let RateDecision::Refused { violations, .. } = decision else {
            panic!("it is at its limit")
        };
        assert_eq!(violations, 1);
    }
}

/// Several processes count together.
#[tokio::test(flavor = "multi_thread")]
async fn several_processes_admit_exactly_the_limit() {
    let place = Place::new().await;
    let stores = [place.another().await, place.another().await];
    let ada = Attempt::of(&rule("a", 50), "ada");
    let admitted = parallel::all((0..300).map(|n| {
        let (store, ada) = (stores[n % 2].clone(), ada.clone());
        async move { check(&store, &[ada], start()).await.is_admitted() }
    }))
    .await;
    assert_eq!(admitted.into_iter().filter(|is_in| *is_in).count(), 50);
}

#[tokio::test]
async fn without_keys_it_is_admitted_unless_the_store_is_closed() {
    let place = Place::new().await;
    let remaining = u32::MAX;
    let decision = check(&place.store, &[], start()).await;
    assert_eq!(decision, RateDecision::Admitted { remaining });
    place.store.close().await;
    let ada = Attempt::of(&rule("a", 50), "ada");
    let errors = [
        place.store.attempt(&[], start(), 0.0).await.err(),
        place.store.reset(&[]).await.err(),
        place.store.reset(&[ada.key]).await.err(),
        place.store.attempt(&[ada], start(), 0.0).await.err(),
        place.store.forget_counts(start(), 1).await.err(),
    ];
    for error in errors {
        assert_eq!(error.expect("an error").kind(), StoreErrorKind::Unavailable);
    }
}
