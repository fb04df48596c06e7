//! What rate limits should be, and what they are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use session_core::{Attempt, RateDecision, RateKey, RateState, decide};

use crate::place::Place;

/// Numbers that look random and are the same in every run (Steele and Vigna's SplitMix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound.unsigned_abs()) as i64
    }

    pub(crate) fn of<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.below(some.len() as i64) as usize]
    }
}

/// What a store should hold: the states that were changed, and when each expires.
#[derive(Default)]
pub(crate) struct Model(pub(crate) BTreeMap<RateKey, (RateState, DateTime<Utc>)>);

impl Model {
    pub(crate) fn attempt(
        &mut self,
        attempts: &[Attempt],
        now: DateTime<Utc>,
        jitter: f64,
    ) -> RateDecision {
        let known = |attempt: &Attempt| self.0.get(&attempt.key).cloned().unwrap_or_default().0;
        let before: Vec<RateState> = attempts.iter().map(known).collect();
        let mut after = before.clone();
        let rules = attempts.iter().map(|attempt| &attempt.rule);
        let mut asked: Vec<_> = rules.zip(&mut after).collect();
        let decision = decide(&mut asked, now, jitter);
        if before != after {
            // Few enough to go at once.
            let is_asked = |key: &RateKey| attempts.iter().any(|attempt| attempt.key == *key);
            self.0.retain(|key, (_, end)| *end > now || is_asked(key));
        }
        for ((attempt, before), after) in attempts.iter().zip(before).zip(after) {
            if before != after {
                let end = after.expires_at(&attempt.rule);
                self.0.insert(attempt.key, (after, end));
            }
        }
        decision
    }
}

/// The state of a key as it was written, in the form of the model's JSON.
async fn written(place: &Place, key: RateKey) -> Option<(Value, i64)> {
    let value: Vec<u8> = place
        .ask("GET", place.key("rl:", key.as_bytes()), &[])
        .await;
    let end: Option<f64> = place
        .ask("ZSCORE", place.key("rl-over", b""), &[key.as_bytes()])
        .await;
    assert_eq!(
        end.is_some(),
        !value.is_empty(),
        "the index has what there is"
    );
    let (head, times) = value.split_first_chunk::<25>()?;
    let time = |bytes: &[u8]| i64::from_be_bytes(bytes.try_into().expect("8 bytes"));
    let gone = u32::from_be_bytes(head[21..].try_into().expect("4 bytes")) as usize;
    assert_eq!((head[0], times.len() % 8), (1, 0));
    let times: Vec<i64> = times.chunks(8).map(time).collect();
    assert!(gone <= times.len() / 2 + 1, "what is gone does not pile up");
    let mut state = json!({ "a": times[gone..] });
    let violations = u32::from_be_bytes(head[1..5].try_into().expect("4 bytes"));
    if violations > 0 {
        state["v"] = json!(violations);
    }
    for (name, bytes) in [("b", &head[5..13]), ("f", &head[13..21])] {
        if time(bytes) != i64::MIN {
            state[name] = json!(time(bytes));
        }
    }
    Some((state, end.unwrap_or_default() as i64))
}

pub(crate) async fn assert_written(place: &Place, model: &Model, key: RateKey, step: usize) {
    let expected = model.0.get(&key).map(|(state, end)| {
        let state = serde_json::to_value(state).expect("JSON");
        (state, end.timestamp_millis())
    });
    let last = DateTime::<Utc>::MAX_UTC.timestamp_millis();
    let found = written(place, key).await;
    let found = found.map(|(state, end)| (state, end.min(last)));
    assert_eq!(found, expected, "after step {step}");
}

/// Makes a state what it would be after many attempts.
pub(crate) async fn set(place: &Place, model: &mut Model, attempt: &Attempt, state: Value) {
    let number = |name: &str| state[name].as_i64();
    let violations = u32::try_from(number("v").unwrap_or(0)).expect("a number of violations");
    let mut value = vec![1];
    value.extend(violations.to_be_bytes());
    for name in ["b", "f"] {
        value.extend(number(name).unwrap_or(i64::MIN).to_be_bytes());
    }
    value.extend([0; 4]);
    for time in state["a"].as_array().expect("times") {
        value.extend(time.as_i64().expect("a time").to_be_bytes());
    }
    let key = attempt.key.as_bytes();
    let () = place.ask("SET", place.key("rl:", key), &[&value]).await;
    let state: RateState = serde_json::from_value(state).expect("a state");
    let end = state.expires_at(&attempt.rule);
    let score = end.timestamp_millis().to_string();
    let index = place.key("rl-over", b"");
    let () = place.ask("ZADD", index, &[score.as_bytes(), key]).await;
    model.0.insert(attempt.key, (state, end));
}
