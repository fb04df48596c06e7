use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Forgotten, StoreError};
use crate::{Page, PageRequest, Revocation, RevocationId, SessionId, TokenHash, UserId};

/// Where it is kept which tokens are refused before they expire.
///
/// The suite in `store-contract` checks all of this on any adapter.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RevocationList: Send + Sync {
    /// Notes revocations: all of them or none, in one round trip. Until it is answered, a look may see
    /// some of them and not yet others: each token is refused by itself.
    ///
    /// The first revocation of a token stands; later ones of the same token, and the same one sent
    /// again, change nothing but that it is known for the longest time that anyone asked for. Durable
    /// when it returns, as far as the store is.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn revoke(&self, revocations: &[Revocation]) -> Result<(), StoreError>;

    /// The revocation of a token that is in force at `now`; `None` if there is none. One round trip.
    ///
    /// Sees every revocation that was answered before the call.
    ///
    /// # Errors
    /// [`StoreError`]: then it is not known, and nobody gets in.
    async fn find_revocation(
        &self,
        token: TokenHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Revocation>>, StoreError>;

    /// A page of what was revoked of a user, of a session, or of both, newest first. With neither,
    /// everything. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn history(
        &self,
        user_id: Option<UserId>,
        session_id: Option<SessionId>,
        page: PageRequest<RevocationId>,
    ) -> Result<Page<Arc<Revocation>, RevocationId>, StoreError>;

    /// Forgets at most `batch` revocations that are no longer in force at `now`. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget_revocations(
        &self,
        now: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError>;
}
