//! How live sessions are given more time, and changed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use session_core::ports::{Extension, SessionChange, UpdateOutcome};
use session_core::{AuditAction, DeviceFingerprint, Session};

use crate::session_manager::UPDATE_TRIES;
use crate::terms::{Extended, SessionRef};
use crate::{Origin, SessionError, SessionManager};

impl SessionManager {
    /// Gives a live session more time, as far as the longest lifetime allows.
    ///
    /// # Errors
    /// [`SessionError::Invalid`] for `additional_seconds` out of bounds; `NotFound`, `Store`.
    pub async fn extend(
        &self,
        which: &SessionRef,
        additional_seconds: i64,
        origin: &Origin<'_>,
    ) -> Result<Extended, SessionError> {
        let by = self.policy.timeouts.extension(additional_seconds)?;
        let now = self.clock.now();
        let before = self.live_in_store(which, now, origin).await?;
        let not_past = self.policy.timeouts.latest_deadline(&before, now);
        let extended = self
            .store
            .extend(before.id, Extension { by, not_past }, now)
            .await;
        // After an error too: the write may have happened.
        self.forget(before.id);
        let session = extended?.ok_or(SessionError::NotFound)?;
        self.record(AuditAction::SessionExtended, &session, origin)
            .await;
        // Parallel extensions each see the deadline that they found, so the sum may be told too high
        // by one of them; the deadline itself is exact.
        let moved = session.expires_at - before.expires_at;
        Ok(Extended {
            session,
            by: moved.min(by),
        })
    }

    /// Changes a live session's metadata member by member (`null` removes), its fingerprint, or both.
    ///
    /// Parallel changes of different members all hold.
    ///
    /// # Errors
    /// [`SessionError::Invalid`] when the result would break a rule; `NotFound`, `Contended`, `Store`.
    pub async fn update(
        &self,
        which: &SessionRef,
        metadata: Option<&Map<String, Value>>,
        device_fingerprint: Option<DeviceFingerprint>,
        origin: &Origin<'_>,
    ) -> Result<Arc<Session>, SessionError> {
        for _ in 0..UPDATE_TRIES {
            let now = self.clock.now();
            let before = self.live_in_store(which, now, origin).await?;
            let change = SessionChange {
                metadata: metadata
                    .map(|changes| before.metadata.merged(changes))
                    .transpose()?,
                device_fingerprint: device_fingerprint.clone(),
                secret: None,
            };
            if let Some(session) = self.change(&before, change, now).await? {
                self.record(AuditAction::SessionUpdated, &session, origin)
                    .await;
                return Ok(session.with_activity(self.last_activity(&session)));
            }
        }
        Err(SessionError::Contended)
    }

    /// One try to change a session; `None` when someone else wrote first.
    pub(crate) async fn change(
        &self,
        session: &Session,
        change: SessionChange,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Session>>, SessionError> {
        let outcome = self
            .store
            .update(session.id, session.version, change, now)
            .await;
        // After an error too: the write may have happened.
        self.forget(session.id);
        match outcome? {
            UpdateOutcome::Updated(session) => Ok(Some(session)),
            UpdateOutcome::VersionConflict => Ok(None),
            UpdateOutcome::NotLive => Err(SessionError::NotFound),
        }
    }
}
