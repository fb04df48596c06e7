use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Forgotten, StoreError};
use crate::{
    Anchor, AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, AuditSummary,
    BrokenRecord, Page, PageRequest, Sequence, UserId, Verified,
};

/// Where it is recorded what happened.
///
/// Records are chained ([`ChainHash`](crate::ChainHash)) in the order in which they were appended.
/// The suite in `store-contract` checks all of this on any adapter.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Appends events in the order given: all of them or none, in one round trip. Parallel appends
    /// are put in some order.
    ///
    /// An event whose id is in the log already is passed over, so an append of unknown outcome may be
    /// sent again. Durable when it returns, as far as the store is.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn append(&self, events: &[AuditEvent]) -> Result<(), StoreError>;

    /// A page of records. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn page(
        &self,
        filter: &AuditFilter,
        order: AuditOrder,
        page: PageRequest<Sequence>,
    ) -> Result<Page<AuditRecord, Sequence>, StoreError>;

    /// Counts a user's events from `since` on. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn summarize(
        &self,
        user_id: &UserId,
        since: DateTime<Utc>,
    ) -> Result<AuditSummary, StoreError>;

    /// How many events of one kind are about a user from `since` on. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn count(
        &self,
        user_id: &UserId,
        action: AuditAction,
        since: DateTime<Utc>,
    ) -> Result<u64, StoreError>;

    /// Follows the whole chain, as of one moment, and tells the first record that does not fit.
    /// `noted` is a head that was noted elsewhere at an earlier time.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be read.
    async fn verify(
        &self,
        noted: Option<Anchor>,
    ) -> Result<Result<Verified, BrokenRecord>, StoreError>;

    /// Forgets at most `batch` of the oldest records, as far as they are from before `before`. The
    /// rest still verifies: where it begins is kept. What does not fit into the chain, and what follows
    /// it, stays: it tells of a tampering. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget_events(
        &self,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError>;
}
