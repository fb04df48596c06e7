use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Forgotten, StoreError};
use crate::{
    CipherKeyId, Grant, Page, PageRequest, ProviderName, RefreshId, RefreshRecord, SealedTokens,
    SessionId,
};

/// Where the tokens of outside providers are kept, sealed; and the records of their renewal.
///
/// Renewing takes two writes, with the call of the provider in between: [`begin_refresh`] takes the
/// lease of the grant and writes the intent down, [`finish_refresh`] stores the new tokens, completes
/// the record and gives the lease back. Each is one atomic step, so a crash at any moment leaves
/// either the old tokens or the new ones, and a record that tells which.
///
/// The suite in `store-contract` checks all of this on any adapter.
///
/// [`begin_refresh`]: Self::begin_refresh
/// [`finish_refresh`]: Self::finish_refresh
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait GrantStore: Send + Sync {
    /// Stores a new grant. One round trip. Durable when it returns, as far as the store is.
    ///
    /// # Errors
    /// [`StoreError`]; a session that has a grant already is `Internal`.
    async fn add_grant(&self, grant: Grant) -> Result<(), StoreError>;

    /// The grant of a session; `None` if it has none. One round trip.
    ///
    /// Sees every write that was answered before the call.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find_grant(&self, id: SessionId) -> Result<Option<Arc<Grant>>, StoreError>;

    /// The grants of several sessions, in no order; those without one are passed over. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find_grants(&self, ids: &[SessionId]) -> Result<Vec<Arc<Grant>>, StoreError>;

    /// Takes the right to renew a grant's tokens, unless somebody has it, and writes the intent down.
    /// One round trip.
    ///
    /// The version is raised by one: that is what [`finish_refresh`](Self::finish_refresh) must know.
    /// Whoever had the right before and let it run out has died: the record of it, if it is still
    /// [`Pending`](crate::RefreshOutcome::Pending), is completed as
    /// [`Interrupted`](crate::RefreshOutcome::Interrupted), at the new record's `started_at`.
    ///
    /// If it is sent again after an error, somebody may be renewing the tokens who is the caller: then
    /// the lease of the grant names the caller's record.
    ///
    /// # Errors
    /// [`StoreError`]; a record whose id there is already is `Internal`, if the begin would count.
    async fn begin_refresh(&self, begin: RefreshBegin) -> Result<RefreshBegun, StoreError>;

    /// Keeps the right to renew for longer; `false` if it is somebody else's by now or nobody's, or the
    /// grant is gone. One that has run out is kept too, as long as nobody has taken it. Never shortens
    /// it, and leaves the version as it is. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn keep_lease(
        &self,
        id: SessionId,
        version: u64,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Stores what came of a refresh, completes its record and gives the lease back. One round trip.
    ///
    /// Only while the grant's version and lease are still the ones that the begin made: the version
    /// alone may come again, where a session's grant was removed and another one added. Otherwise the
    /// grant, if there is one, stays as it is, and the record is completed as
    /// [`Superseded`](crate::RefreshOutcome::Superseded), with all else that `end.record` says. That it
    /// was taken for interrupted before, or forgotten, does not matter.
    ///
    /// May be sent again after an error: a second time changes nothing, and is answered as the first,
    /// with the grant as it is by then, or as `Gone` if it was removed since.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn finish_refresh(&self, end: RefreshEnd) -> Result<RefreshFinished, StoreError>;

    /// At most `batch` grants that are due at `now` and that nobody is renewing, longest due first.
    /// Their `due_at` is moved to `next`, so that nobody else gets them meanwhile, and the version
    /// stays; as they are afterwards. One that is damaged is moved too, and passed over. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn claim_due(
        &self,
        now: DateTime<Utc>,
        next: DateTime<Utc>,
        batch: usize,
    ) -> Result<Vec<Arc<Grant>>, StoreError>;

    /// Moves the time at which a grant is due, unless it was changed since; leaves the version as it
    /// is. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn postpone(
        &self,
        id: SessionId,
        version: u64,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Forgets a grant, whoever is renewing its tokens; what it was, or `None` if there was none, or
    /// none that could be read. Its records stay. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn remove_grant(&self, id: SessionId) -> Result<Option<Arc<Grant>>, StoreError>;

    /// The sessions of a user's presence at a provider (`sid`), in no order. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn sessions_at_provider(
        &self,
        provider: &ProviderName,
        provider_session: &str,
    ) -> Result<Vec<SessionId>, StoreError>;

    /// Replaces the tokens of a grant by the same ones, sealed anew, if its version is still the
    /// expected one; whether it was. Leaves the version as it is. One round trip.
    ///
    /// Somebody who renews them at the time is not disturbed, and writes over it.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn reseal(
        &self,
        id: SessionId,
        expected_version: u64,
        tokens: SealedTokens,
    ) -> Result<bool, StoreError>;

    /// A page of the grants that are sealed with another key than this one, by the session's id, lowest
    /// first. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn sealed_otherwise(
        &self,
        key: &CipherKeyId,
        page: PageRequest,
    ) -> Result<Page<Arc<Grant>>, StoreError>;

    /// How many grants are sealed with each key, by the key's name. One round trip; its cost may grow
    /// with the number of grants.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn count_by_key(&self) -> Result<Vec<(CipherKeyId, u64)>, StoreError>;

    /// A page of the records of a session's refreshes, newest first. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn refreshes(
        &self,
        id: SessionId,
        page: PageRequest<RefreshId>,
    ) -> Result<Page<Arc<RefreshRecord>, RefreshId>, StoreError>;

    /// Forgets at most `batch` records of refreshes that were begun before `before`. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget_refreshes(
        &self,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError>;
}

/// What a refresh begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct RefreshBegin {
    /// The version of the grant that the decision to renew was made on.
    pub expected_version: u64,
    /// Until when the right to renew is wanted.
    pub until: DateTime<Utc>,
    /// The intent: its session is the one meant, its `started_at` is the time to judge leases at.
    pub record: RefreshRecord,
}

/// What [`GrantStore::begin_refresh`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum RefreshBegun {
    /// The right is taken; the grant afterwards, with the version that the end must name.
    Begun(Arc<Grant>),
    /// Somebody else is renewing the tokens; the grant as it is. Nothing was written.
    Busy(Arc<Grant>),
    /// The grant was changed since; as it is now. Nothing was written.
    Changed(Arc<Grant>),
    /// The session has no grant. Nothing was written.
    NotFound,
}

/// What a refresh ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct RefreshEnd {
    /// The grant as it shall be. Its `version` is the one that the begin made; it is stored with the
    /// next one, and without a lease.
    pub grant: Grant,
    /// The record, completed: of the same session, begun at the same time, and with any outcome but
    /// `Pending`, `Interrupted` and `Superseded`, which are the store's to give.
    pub record: RefreshRecord,
}

/// What [`GrantStore::finish_refresh`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum RefreshFinished {
    /// It is stored; the grant afterwards.
    Stored(Arc<Grant>),
    /// Somebody else had taken over; the grant as it is. Only the record was written, as superseded.
    Superseded(Arc<Grant>),
    /// The session has no grant any more. Only the record was written, as superseded.
    Gone,
}
