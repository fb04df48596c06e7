use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Forgotten, StoreError};
use crate::MarkHash;

/// Where it is noted that something was used that is good once.
///
/// The suite in `store-contract` checks all of this on any adapter.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait OneTimeMarks: Send + Sync {
    /// Notes the use of what has this hash; `true` for the first time, `false` for every time after.
    /// Of any number of calls at once, one is the first. One round trip.
    ///
    /// It is known until `until`; what has passed that at `now` counts as never used. A call that is
    /// sent again after an error may find its own mark, and be told `false`.
    ///
    /// # Errors
    /// [`StoreError`]: then it is not known, and it must not be used.
    async fn mark_used(
        &self,
        hash: MarkHash,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Forgets at most `batch` marks that have passed their time at `now`. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget_marks(&self, now: DateTime<Utc>, batch: usize)
    -> Result<Forgotten, StoreError>;
}
