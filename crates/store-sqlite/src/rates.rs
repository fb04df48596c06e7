//! Rate limits: everything is a write, and the writer does it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{Forgotten, RateLimiter, StoreError};
use session_core::{Attempt, RateDecision, RateKey};

use crate::store::SqliteStore;
use crate::write::{forget, rate, rate_reset};

#[async_trait]
impl RateLimiter for SqliteStore {
    async fn attempt(
        &self,
        attempts: &[Attempt],
        now: DateTime<Utc>,
        jitter: f64,
    ) -> Result<RateDecision, StoreError> {
        let attempts = attempts.to_vec();
        self.writer
            .submit(rate::Request {
                attempts,
                now,
                jitter,
            })
            .await
    }

    async fn reset(&self, keys: &[RateKey]) -> Result<(), StoreError> {
        let keys = keys.to_vec();
        self.writer.submit(rate_reset::Request { keys }).await
    }

    async fn forget_counts(
        &self,
        now: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        self.forget(forget::What::RateLimits, now, batch).await
    }
}
