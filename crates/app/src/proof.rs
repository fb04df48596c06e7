//! Whether a token's secret proves its session, and what happens when it once did.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::ports::{EndOutcome, SessionChange};
use session_core::{
    AuditAction, AuditEvent, EndKind, EndReason, Proof, RiskScore, Rotation, SecretHash, Session,
    SessionId, SessionToken,
};
use zeroize::Zeroizing;

use crate::session_manager::UPDATE_TRIES;
use crate::terms::{Rotated, SessionRef};
use crate::{Origin, SessionError, SessionManager};

impl SessionManager {
    /// Replaces the secret of a live session: the token to use from now on.
    ///
    /// The one before stays good for whoever has not heard of the new one: until a grace after the
    /// first use of the new one. Whoever asks with it gets the same new token, however many ask at
    /// once. A token older than that should be in nobody's hands: the session is revoked, since one of
    /// the two who have it stole it.
    ///
    /// # Errors
    /// [`SessionError::NotFound`] where there is no live session that the token proves; `Contended`,
    /// `Entropy`, `Store`.
    pub async fn rotate(
        &self,
        token: &SessionToken,
        origin: &Origin<'_>,
    ) -> Result<Rotated, SessionError> {
        for _ in 0..UPDATE_TRIES {
            let now = self.clock.now();
            let session = self.store.find(token.id).await?;
            let session = session.ok_or(SessionError::NotFound)?;
            let proof = session.proof(&token.secret, now, self.policy.rotation_grace);
            let last_activity = self.last_activity(&session);
            if proof == Proof::None || session.state_after(last_activity, now).admit().is_err() {
                return Err(SessionError::NotFound);
            }
            let (session, secret) = match proof {
                Proof::Current { .. } => {
                    let mut fresh = Zeroizing::new([0; Rotation::FRESH_BYTES]);
                    self.entropy.fill(&mut *fresh)?;
                    let (secret, rotation) = Rotation::of(session.id, &token.secret, &fresh);
                    let hash = secret.hash();
                    let Some(session) = self.replace(&session, hash, rotation, now).await? else {
                        continue;
                    };
                    self.record(AuditAction::TokenRotated, &session, origin)
                        .await;
                    (session, secret)
                }
                Proof::Predecessor => {
                    let rotation = session.rotation.as_ref().ok_or(SessionError::NotFound)?;
                    let secret = rotation.successor(session.id, &token.secret);
                    (session, secret)
                }
                Proof::Replayed => {
                    self.end_as_stolen(&session, origin).await?;
                    return Err(SessionError::NotFound);
                }
                Proof::Outdated | Proof::None => return Err(SessionError::NotFound),
            };
            let id = session.id;
            return Ok(Rotated {
                token: SessionToken { id, secret },
                session: session.with_activity(last_activity),
            });
        }
        Err(SessionError::Contended)
    }

    /// The session, unless it is named by a token whose secret does not prove it.
    pub(crate) async fn proven(
        &self,
        which: &SessionRef,
        session: Option<Arc<Session>>,
        origin: &Origin<'_>,
    ) -> Result<Option<Arc<Session>>, SessionError> {
        let Some(session) = session else {
            return Ok(None);
        };
        match which {
            SessionRef::Token(token) if !is_plainly_proven(&session, token) => {
                // Boxed, so that the common case does not carry the state of the rare one around.
                Box::pin(self.proven_otherwise(session, token, origin)).await
            }
            SessionRef::Token(_) | SessionRef::Handle(_) => Ok(Some(session)),
        }
    }

    /// The session of a token that does not plainly prove what is `known` of it, if it proves the
    /// session all the same.
    pub(crate) async fn proven_otherwise(
        &self,
        known: Arc<Session>,
        token: &SessionToken,
        origin: &Origin<'_>,
    ) -> Result<Option<Arc<Session>>, SessionError> {
        let mut session = Arc::clone(&known);
        for n in 0..UPDATE_TRIES {
            // What is known may be from before a change of the secret, made by another process.
            if n > 0 || self.is_cached() {
                match self.store.find(token.id).await? {
                    Some(found) => session = found,
                    None => return Ok(None),
                }
                if session.version != known.version {
                    self.forget(token.id);
                }
            }
            let now = self.clock.now();
            let proof = session.proof(&token.secret, now, self.policy.rotation_grace);
            let is_over = session
                .state_after(self.last_activity(&session), now)
                .is_final();
            match proof {
                Proof::None | Proof::Outdated => return Ok(None),
                // What has ended is told as what it is.
                _ if is_over => return Ok(Some(session)),
                Proof::Predecessor
                | Proof::Current {
                    is_first_use: false,
                } => return Ok(Some(session)),
                Proof::Current { is_first_use: true } => {
                    match self.note_first_use(&session, now).await {
                        Ok(Some(session)) => return Ok(Some(session)),
                        // Someone else wrote first, or ended it: look again.
                        Ok(None) | Err(SessionError::NotFound) => {}
                        Err(error) => return Err(error),
                    }
                }
                Proof::Replayed => {
                    self.end_as_stolen(&session, origin).await?;
                    return Ok(None);
                }
            }
        }
        Err(SessionError::Contended)
    }

    /// Writes down that a new secret is in use, before it is answered. `None` when someone else wrote
    /// first: look again.
    async fn note_first_use(
        &self,
        session: &Session,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Session>>, SessionError> {
        let Some(rotation) = &session.rotation else {
            return Ok(None);
        };
        let rotation = rotation.used(now);
        self.replace(session, session.secret_hash, rotation, now)
            .await
    }

    async fn replace(
        &self,
        session: &Session,
        hash: SecretHash,
        rotation: Rotation,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Session>>, SessionError> {
        if session.deadline() <= now {
            // The store judges by what is written down: see that it knows of the latest use.
            self.write_activity_down(session.id).await?;
        }
        let change = SessionChange {
            secret: Some((hash, Box::new(rotation))),
            ..SessionChange::default()
        };
        self.change(session, change, now).await
    }

    /// Two parties have had a secret that was replaced. Nobody can tell which of them is the user: the
    /// session ends for both.
    async fn end_as_stolen(
        &self,
        session: &Session,
        origin: &Origin<'_>,
    ) -> Result<(), SessionError> {
        let outcome = self.end_stolen(session.id, origin).await?;
        // Of parallel uses one ends the session, and that one leaves the record.
        if let (Some(audit), EndOutcome::Ended(session)) = (&self.audit, outcome) {
            let event = AuditEvent {
                session_id: Some(session.id),
                user_id: Some(session.user_id.clone()),
                details: "a session token was used that had been replaced".into(),
                success: false,
                suspicious: true,
                risk_score: RiskScore::MAX,
                ..audit.event(AuditAction::SessionHijackAttempt, origin)
            };
            audit.record(event).await;
        }
        Ok(())
    }

    async fn end_stolen(
        &self,
        id: SessionId,
        origin: &Origin<'_>,
    ) -> Result<EndOutcome, SessionError> {
        let which = SessionRef::Handle(id);
        // Boxed: an end asks for proof, and a lack of proof may be an end.
        Box::pin(self.end(&which, EndKind::Revoked, EndReason::TOKEN_REUSE, origin)).await
    }
}

/// Whether a token's secret is the present one of what is known of its session, and nothing has to be
/// written down for that.
pub(crate) fn is_plainly_proven(session: &Session, token: &SessionToken) -> bool {
    session.is_settled() && session.secret_hash.proves(&token.secret)
}
