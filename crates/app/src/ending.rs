//! How sessions end, and how they are held back.

use std::sync::Arc;

use session_core::ports::{EndOutcome, EndedBatch, EndedSession, Suspension};
use session_core::{
    AuditAction, EndKind, EndReason, Ending, InvalidInput, Session, SessionId, SessionToken, UserId,
};

use crate::terms::SessionRef;
use crate::{Origin, SessionError, SessionManager};

/// Sessions that one call of the store ends or sweeps at most: small enough for others to get their
/// turn in between.
const BATCH: usize = 1000;

impl SessionManager {
    /// Ends a session for good. Ending what has ended already is fine while its record is kept.
    ///
    /// # Errors
    /// [`SessionError::NotFound`] without a record, or with the wrong secret; `Store`.
    pub async fn end(
        &self,
        which: &SessionRef,
        kind: EndKind,
        reason: EndReason,
        origin: &Origin<'_>,
    ) -> Result<EndOutcome, SessionError> {
        let now = self.clock.now();
        if let SessionRef::Token(_) = which {
            self.record_of_proven(which, origin).await?;
        }
        // What is known of its use decides whether it is ended now or had expired before.
        self.write_activity_down(which.id()).await?;
        let ending = Ending {
            kind,
            reason,
            at: now,
        };
        let action = action_of(kind, &ending.reason);
        let outcome = self.store.end(which.id(), ending).await;
        self.has_ended(which.id());
        let outcome = outcome?.ok_or(SessionError::NotFound)?;
        match &outcome {
            EndOutcome::Ended(session) => self.record(action, session, origin).await,
            EndOutcome::Expired(session) => {
                let action = AuditAction::SessionExpired;
                self.record(action, session, &Origin::system()).await;
            }
            EndOutcome::EndedBefore(_) => {}
        }
        Ok(outcome)
    }

    /// A session's record as the store has it, ended or not.
    ///
    /// # Errors
    /// [`SessionError::NotFound`] without a record, or with the wrong secret; `Store`.
    pub(crate) async fn record_of_proven(
        &self,
        which: &SessionRef,
        origin: &Origin<'_>,
    ) -> Result<Arc<Session>, SessionError> {
        let session = self.store.find(which.id()).await?;
        let session = self.proven(which, session, origin).await?;
        session.ok_or(SessionError::NotFound)
    }

    /// A session's record by its handle, ended or not.
    ///
    /// # Errors
    /// [`SessionError::NotFound`] without a record; `Store`.
    pub async fn record_by_handle(&self, id: SessionId) -> Result<Arc<Session>, SessionError> {
        let session = self.store.find(id).await?;
        session.ok_or(SessionError::NotFound)
    }

    /// Ends some of a user's sessions, all but `except`; call it until
    /// [`more`](EndedBatch::more) is false.
    ///
    /// # Errors
    /// `Store`; what was ended so far stays ended.
    pub async fn end_some(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
        kind: EndKind,
        reason: EndReason,
        origin: &Origin<'_>,
    ) -> Result<EndedBatch, SessionError> {
        let ending = Ending {
            kind,
            reason: reason.clone(),
            at: self.clock.now(),
        };
        let outcome = self
            .store
            .end_user_sessions(user_id, except, ending, BATCH)
            .await;
        if outcome.is_err() {
            // What was ended before the failure cannot be named.
            self.forget_all();
        }
        let batch = outcome?;
        for EndedSession { id, .. } in batch.ended.iter().chain(&batch.expired) {
            self.has_ended(*id);
        }
        let action = action_of(kind, &reason);
        for EndedSession { id, user_id, .. } in &batch.ended {
            self.record_of(action, *id, user_id, Some(reason.as_str()), origin)
                .await;
        }
        self.record_expired(&batch.expired).await;
        Ok(batch)
    }

    /// Holds a live session back, or lets it go on; the record afterwards.
    ///
    /// # Errors
    /// [`SessionError::NotFound`] where there is no live session; `Store`.
    pub async fn suspend(
        &self,
        id: SessionId,
        suspended: bool,
        origin: &Origin<'_>,
    ) -> Result<Arc<Session>, SessionError> {
        // What is known of its use decides whether it is still live.
        self.write_activity_down(id).await?;
        let outcome = self.store.suspend(id, suspended, self.clock.now()).await;
        self.forget(id);
        match outcome?.ok_or(SessionError::NotFound)? {
            Suspension::Changed(session) => {
                let action = if suspended {
                    AuditAction::SessionSuspended
                } else {
                    AuditAction::SessionResumed
                };
                self.record(action, &session, origin).await;
                Ok(session)
            }
            Suspension::Unchanged(session) => Ok(session),
        }
    }

    /// Notes what has expired and forgets what ended long ago, one batch.
    ///
    /// # Errors
    /// `Store`.
    pub async fn sweep(&self) -> Result<Cleaned, SessionError> {
        let now = self.clock.now();
        let forget_before = now - self.policy.retention;
        let swept = self.store.sweep(now, forget_before, BATCH).await?;
        for EndedSession { id, .. } in &swept.expired {
            self.has_ended(*id);
        }
        self.record_expired(&swept.expired).await;
        Ok(Cleaned {
            removed: swept.expired.len() as u64 + swept.forgotten,
            more: swept.more,
        })
    }

    /// Whoever noticed it, a deadline passes by itself.
    async fn record_expired(&self, expired: &[EndedSession]) {
        let (action, reason) = (AuditAction::SessionExpired, EndReason::EXPIRED);
        for EndedSession { id, user_id, .. } in expired {
            self.record_of(
                action,
                *id,
                user_id,
                Some(reason.as_str()),
                &Origin::system(),
            )
            .await;
        }
    }

    /// The session to spare when all others of a user end.
    ///
    /// An unproven token spares nothing: else whoever plants a wrong one in a client could keep a
    /// session of their own alive through the user's "sign out everywhere else".
    pub(crate) async fn spared(
        &self,
        user_id: &UserId,
        token: SessionToken,
        origin: &Origin<'_>,
    ) -> Result<SessionId, SessionError> {
        let which = SessionRef::Token(token);
        match self.live(&which, self.clock.now(), origin).await {
            Ok(found) if found.session.user_id == *user_id => Ok(which.id()),
            Ok(_) | Err(SessionError::NotFound) => {
                let problem = "must be the token of a live session of this user";
                Err(InvalidInput::new("except", problem).into())
            }
            Err(error) => Err(error),
        }
    }
}

/// What one step of cleaning up did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Records that were noted as expired or forgotten.
    pub removed: u64,
    /// Whether there may be more to do.
    pub more: bool,
}

fn action_of(kind: EndKind, reason: &EndReason) -> AuditAction {
    match kind {
        EndKind::Revoked if *reason == EndReason::LOGOUT => AuditAction::Logout,
        EndKind::Expired => AuditAction::SessionExpired,
        EndKind::Revoked => AuditAction::SessionRevoked,
        EndKind::Terminated => AuditAction::SessionTerminated,
    }
}
