use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::StoreError;
use crate::{
    Activity, DeviceFingerprint, Ending, Metadata, Page, PageRequest, Rotation, SecretHash,
    Session, SessionId, SessionStats, UserId,
};

/// Where sessions are kept.
///
/// Every write is one atomic step: the limit, final states and versions are checked inside of it,
/// never beforehand, so that no interleaving of callers or nodes gets past them. A write that
/// returned `Ok` survives a crash of the process (a durable store: of the machine), except for
/// activity, which may lag. Every write may be sent again after an error.
///
/// *Live* means: not ended, and before the [deadline](Session::deadline) at the `now` given. An
/// adapter goes by the deadline alone, never by a sweep having passed.
///
/// The suite in `store-contract` checks all of this on any adapter.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores a new session and keeps its user within the limit, in one step.
    ///
    /// Afterwards the user has at most `limit.max` live sessions, however many creates run at once.
    /// Live is judged at the session's `created_at`. One round trip.
    ///
    /// # Errors
    /// [`StoreError`]; an id that exists already is `Internal`.
    async fn create(&self, session: Session, limit: SessionLimit) -> Result<Created, StoreError>;

    /// The session's record, ended or not; `None` if there is none. One round trip.
    ///
    /// Sees every write that was answered before the call.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError>;

    /// Notes that sessions were used. One round trip for the batch.
    ///
    /// Moves `last_activity` forward only. Ended sessions and ones past their absolute deadline at
    /// the activity's own time are left as they are, unknown ones are passed over. The idle deadline
    /// is not judged here: the activity happened while the session was live, and a note that was
    /// held up must not cost anyone the session.
    ///
    /// # Errors
    /// [`StoreError`]; then none, some or all of the batch is noted.
    async fn touch(&self, activities: &[Activity]) -> Result<(), StoreError>;

    /// Moves the absolute deadline of a live session by `extension`. One round trip.
    ///
    /// Parallel extensions add up. The record afterwards; `None` if no live session has the id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn extend(
        &self,
        id: SessionId,
        extension: Extension,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Session>>, StoreError>;

    /// Replaces parts of a live session, if its version is still the expected one. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn update(
        &self,
        id: SessionId,
        expected_version: u64,
        change: SessionChange,
        now: DateTime<Utc>,
    ) -> Result<UpdateOutcome, StoreError>;

    /// Holds a live session back, or lets it go on. One round trip.
    ///
    /// Deadlines go on meanwhile. `None` if no live session has the id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn suspend(
        &self,
        id: SessionId,
        suspended: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Suspension>, StoreError>;

    /// Ends a session for good. One round trip.
    ///
    /// One that had passed its deadline at `ending.at` is noted as expired instead. `None` if there is no record of the id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn end(&self, id: SessionId, ending: Ending) -> Result<Option<EndOutcome>, StoreError>;

    /// Ends at most `batch` of a user's sessions, all but `except`. One round trip.
    ///
    /// Call it until [`EndedBatch::more`] is false. Sessions past their deadline are noted as expired
    /// on the way.
    ///
    /// # Errors
    /// [`StoreError`]; what earlier batches ended stays ended.
    async fn end_user_sessions(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
        ending: Ending,
        batch: usize,
    ) -> Result<EndedBatch, StoreError>;

    /// A page of a user's live sessions, newest first. One round trip.
    ///
    /// A session that is live from the first page to the last is on exactly one of them, whatever
    /// begins or ends in between.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list(
        &self,
        user_id: &UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Result<Page<Arc<Session>>, StoreError>;

    /// Counts, at a cost that does not grow with the number of sessions. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn stats(&self, now: DateTime<Utc>) -> Result<SessionStats, StoreError>;

    /// Notes as expired what has passed its deadline, and forgets what ended before
    /// `forget_before`; at most `batch` sessions of each. One round trip.
    ///
    /// Call it until [`Swept::more`] is false.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn sweep(
        &self,
        now: DateTime<Utc>,
        forget_before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Swept, StoreError>;

    /// Asks the store for a sign of life. One round trip.
    ///
    /// # Errors
    /// [`StoreError`] when it could not answer a read now.
    async fn check(&self) -> Result<(), StoreError>;

    /// Finishes what was begun and lets go of files and connections. Afterwards every call fails
    /// as [`Unavailable`](super::StoreErrorKind::Unavailable); closing twice is fine.
    async fn close(&self);
}

/// How many live sessions a user may have, and what happens at that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimit {
    /// Most live sessions of one user; at least 1.
    pub max: u32,
    /// What happens when one more is created.
    pub policy: LimitPolicy,
}

/// Five sessions, the oldest making room.
impl Default for SessionLimit {
    fn default() -> Self {
        Self {
            max: 5,
            policy: LimitPolicy::EvictOldest,
        }
    }
}

/// What happens when a user at the limit signs in once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitPolicy {
    /// The session least recently created is terminated with [`EndReason::SESSION_LIMIT`].
    ///
    /// [`EndReason::SESSION_LIMIT`]: crate::EndReason::SESSION_LIMIT
    EvictOldest,
    /// The new session is refused.
    Refuse,
}

/// What [`SessionStore::create`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// The session is stored.
    Stored {
        /// The record.
        session: Arc<Session>,
        /// The sessions that were terminated to make room, oldest first.
        evicted: Vec<SessionId>,
    },
    /// The user is at the limit and the policy is [`LimitPolicy::Refuse`]: nothing was written.
    LimitReached,
}

/// How far to move an absolute deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension {
    /// By how much; positive.
    pub by: TimeDelta,
    /// Never past this moment. A deadline that is later already stays where it is.
    pub not_past: DateTime<Utc>,
}

impl Extension {
    /// Where a deadline goes.
    #[must_use]
    pub fn of(&self, expires_at: DateTime<Utc>) -> DateTime<Utc> {
        let moved = expires_at
            .checked_add_signed(self.by)
            .unwrap_or(self.not_past);
        moved.min(self.not_past).max(expires_at)
    }
}

/// Parts of a session to replace; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionChange {
    /// The whole metadata.
    pub metadata: Option<Metadata>,
    /// The whole fingerprint.
    pub device_fingerprint: Option<DeviceFingerprint>,
    /// The secret that proves it from now on, and what is kept of the one before.
    pub secret: Option<(SecretHash, Box<Rotation>)>,
}

/// What [`SessionStore::update`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum UpdateOutcome {
    /// The change is stored; the record afterwards.
    Updated(Arc<Session>),
    /// Someone else wrote first: read again, and try again. Nothing was written.
    VersionConflict,
    /// No live session has the id. Nothing was written.
    NotLive,
}

/// What [`SessionStore::suspend`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum Suspension {
    /// The session is held back now, or goes on now; the record afterwards.
    Changed(Arc<Session>),
    /// It was so before; the record as it is. Nothing was written.
    Unchanged(Arc<Session>),
}

/// What [`SessionStore::end`] found.
#[derive(Debug, Clone, PartialEq)]
pub enum EndOutcome {
    /// It was live and is ended now; the record afterwards.
    Ended(Arc<Session>),
    /// It had passed its deadline, which is noted now; the record afterwards.
    Expired(Arc<Session>),
    /// It had ended before; the record as it is.
    EndedBefore(Arc<Session>),
}

/// One of many sessions that were ended together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSession {
    /// Its handle.
    pub id: SessionId,
    /// Whose it was.
    pub user_id: UserId,
    /// Its absolute deadline.
    pub expires_at: DateTime<Utc>,
}

impl From<&Session> for EndedSession {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id,
            user_id: session.user_id.clone(),
            expires_at: session.expires_at,
        }
    }
}

/// What one call of [`SessionStore::end_user_sessions`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndedBatch {
    /// The sessions that were live and are ended now.
    pub ended: Vec<EndedSession>,
    /// The sessions that had passed their deadline, which is noted now.
    pub expired: Vec<EndedSession>,
    /// Whether there may be more to end.
    pub more: bool,
}

/// What one call of [`SessionStore::sweep`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// The sessions that were noted as expired.
    pub expired: Vec<EndedSession>,
    /// How many records were forgotten.
    pub forgotten: u64,
    /// Whether there may be more to do.
    pub more: bool,
}
