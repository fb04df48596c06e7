use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Forgotten, StoreError};
use crate::{Attempt, RateDecision, RateKey};

/// Where attempts are counted.
///
/// The decision itself is [`decide`](crate::decide); an adapter's part is that reading, deciding and
/// writing are one atomic step. The number of keys that it keeps is bounded: at the bound, those that
/// mean the least (that expire first) go, never those that are being counted. The suite in
/// `store-contract` checks all of this.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Decides an attempt and counts it, in one atomic step and one round trip.
    ///
    /// It counts against every key given, and only if all of them admit it. `jitter` is from −1.0 to
    /// 1.0.
    ///
    /// # Errors
    /// [`StoreError`]: then it is not known whether it was counted, and it is not admitted.
    async fn attempt(
        &self,
        attempts: &[Attempt],
        now: DateTime<Utc>,
        jitter: f64,
    ) -> Result<RateDecision, StoreError>;

    /// Forgets what is counted against keys: after a login that succeeded. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn reset(&self, keys: &[RateKey]) -> Result<(), StoreError>;

    /// Forgets at most `batch` keys that mean nothing any more at `now`. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget_counts(
        &self,
        now: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError>;
}
