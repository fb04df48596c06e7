use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{Forgotten, RateLimiter, StoreError};
use session_core::{Attempt, RateDecision, RateKey, RateState, decide};

use crate::MemoryStore;

/// Most keys that are counted at once: some 200 MB at the worst. At the bound, those that mean the
/// least go.
const MAX_KEYS: usize = 500_000;
/// Keys that mean nothing any more and are dropped with each check: more than it can add, so that the
/// table is no larger than what is in use.
const DROPPED_AT_ONCE: usize = 8;

/// What is counted, by key, and when each means nothing any more.
#[derive(Default)]
pub(crate) struct Rates {
    states: HashMap<RateKey, (DateTime<Utc>, RateState)>,
    by_expiry: BTreeSet<(DateTime<Utc>, RateKey)>,
}

impl Rates {
    fn put(&mut self, key: RateKey, expires_at: DateTime<Utc>, state: RateState) {
        self.remove(key);
        self.by_expiry.insert((expires_at, key));
        self.states.insert(key, (expires_at, state));
    }

    fn remove(&mut self, key: RateKey) {
        if let Some((expires_at, _)) = self.states.remove(&key) {
            self.by_expiry.remove(&(expires_at, key));
        }
    }

    /// Drops those that mean the least until there is room for `added` more.
    fn make_room(&mut self, added: usize) {
        while self.states.len() + added > MAX_KEYS
            && let Some((_, least)) = self.by_expiry.pop_first()
        {
            self.states.remove(&least);
        }
    }

    fn drop_expired(&mut self, now: DateTime<Utc>, most: usize) -> usize {
        let mut dropped = 0;
        while dropped < most
            && let Some((expires_at, key)) = self.by_expiry.first().copied()
            && expires_at <= now
        {
            self.remove(key);
            dropped += 1;
        }
        dropped
    }
}

#[async_trait]
impl RateLimiter for MemoryStore {
    async fn attempt(
        &self,
        attempts: &[Attempt],
        now: DateTime<Utc>,
        jitter: f64,
    ) -> Result<RateDecision, StoreError> {
        let mut rates = self.rates.write("check a rate limit")?;
        rates.drop_expired(now, attempts.len() + DROPPED_AT_ONCE);
        let mut states: Vec<_> = attempts
            .iter()
            .map(|attempt| rates.states.get(&attempt.key).cloned())
            .map(|known| known.unwrap_or_default().1)
            .collect();
        let mut asked: Vec<_> = attempts
            .iter()
            .map(|attempt| &attempt.rule)
            .zip(&mut states)
            .collect();
        let decision = decide(&mut asked, now, jitter);
        // Taken out first, so that none of them goes to make room for another.
        for attempt in attempts {
            rates.remove(attempt.key);
        }
        rates.make_room(attempts.len());
        for (attempt, state) in attempts.iter().zip(states) {
            rates.put(attempt.key, state.expires_at(&attempt.rule), state);
        }
        Ok(decision)
    }

    async fn reset(&self, keys: &[RateKey]) -> Result<(), StoreError> {
        let mut rates = self.rates.write("reset a rate limit")?;
        keys.iter().for_each(|key| rates.remove(*key));
        Ok(())
    }

    async fn forget_counts(
        &self,
        now: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        let dropped = self
            .rates
            .write("forget rate limits")?
            .drop_expired(now, batch);
        Ok(Forgotten {
            count: dropped as u64,
            more: dropped == batch,
        })
    }
}
