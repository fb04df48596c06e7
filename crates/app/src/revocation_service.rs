use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Clock, EndOutcome, EndedBatch, EndedSession, Entropy, RevocationList};
use session_core::{
    AuditAction, AuditEvent, EndKind, EndReason, Revocation, RevocationId, Session, SessionId,
    SessionToken, TokenHash, TokenKind, UserId,
};

use crate::audit_trail::AuditTrail;
use crate::lag_cache::LagCache;
use crate::terms::SessionRef;
use crate::{Freshness, Origin, SessionError, SessionManager};

/// Takes trust back: of a token, of a session, of all that a user has.
///
/// A session's own end is what refuses its credentials, at once and in every store; the list of
/// revocations refuses single tokens before they expire, and remembers who took back what, and why.
pub struct RevocationService {
    sessions: Arc<SessionManager>,
    pub(crate) list: Arc<dyn RevocationList>,
    pub(crate) audit: Arc<AuditTrail>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) policy: RevocationPolicy,
    /// `None` in strict mode.
    pub(crate) cache: Option<LagCache<TokenHash, Option<Arc<Revocation>>>>,
}

/// The numbers that a [`RevocationService`] goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationPolicy {
    /// How long a revocation is known, unless its token lives longer.
    pub ttl: TimeDelta,
    /// Whether revoking a refresh token ends its session and revokes what else belongs to it.
    pub cascade: bool,
}

impl Default for RevocationPolicy {
    fn default() -> Self {
        Self {
            ttl: Revocation::DEFAULT_TTL,
            cascade: true,
        }
    }
}

/// A token that was issued, as far as revoking it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// Its hash.
    pub hash: TokenHash,
    /// What it is good for.
    pub kind: TokenKind,
    /// When it expires, if that is known.
    pub expires_at: Option<DateTime<Utc>>,
    /// The session that it belongs to, if it is known.
    pub session_id: Option<SessionId>,
    /// Whose it is, if that is known.
    pub user_id: Option<UserId>,
}

/// What was taken back with a session.
#[derive(Debug, Clone, PartialEq)]
pub struct RevokedSession {
    /// The record afterwards.
    pub session: Arc<Session>,
    /// Whether it was live until now.
    pub was_live: bool,
    /// What was put on the list for it: the session first, then its tokens.
    pub revocations: Vec<Revocation>,
}

impl RevocationService {
    /// A service over these ports, which shares `sessions` with the rest of the program.
    #[must_use]
    pub fn new(
        sessions: Arc<SessionManager>,
        list: Arc<dyn RevocationList>,
        audit: Arc<AuditTrail>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        policy: RevocationPolicy,
    ) -> Self {
        let cache = match (sessions.policy().freshness, sessions.vouching()) {
            (Freshness::Cached { entries, .. }, Some(vouching)) => {
                Some(LagCache::new(entries, Arc::clone(vouching)))
            }
            _ => None,
        };
        Self {
            sessions,
            list,
            audit,
            clock,
            entropy,
            policy,
            cache,
        }
    }

    /// Ends a session and revokes the `tokens` that belong to it. When it returns, no credential of
    /// the session is accepted by this process; nor by any other, in strict mode.
    ///
    /// A second time is fine while the record is kept.
    ///
    /// # Errors
    /// [`SessionError::NotFound`] without a record, or with the wrong secret; `Entropy`; `Store`, and
    /// then some of it may have happened: try again.
    pub async fn revoke_session(
        &self,
        which: &SessionRef,
        tokens: &[IssuedToken],
        reason: EndReason,
        origin: &Origin<'_>,
    ) -> Result<RevokedSession, SessionError> {
        self.end_session(which, tokens, reason, None, origin).await
    }

    async fn end_session(
        &self,
        which: &SessionRef,
        tokens: &[IssuedToken],
        reason: EndReason,
        parent: Option<RevocationId>,
        origin: &Origin<'_>,
    ) -> Result<RevokedSession, SessionError> {
        let session = self.sessions.record_of_proven(which, origin).await?;
        let ended = EndedSession::from(&*session);
        let first = self.of_session(&ended, &reason, parent, origin)?;
        // At the same time, so that a store that groups its writes does both in one. Either may fail
        // alone, and trying again completes it: the end is what refuses the credentials, and the list
        // refuses no session.
        let handle = SessionRef::Handle(session.id);
        let end = self
            .sessions
            .end(&handle, EndKind::Revoked, reason.clone(), origin);
        let (outcome, listed) = tokio::join!(end, self.put_on_list(std::slice::from_ref(&first)));
        let (session, was_live) = match outcome? {
            EndOutcome::Ended(session) => (session, true),
            EndOutcome::Expired(session) | EndOutcome::EndedBefore(session) => (session, false),
        };
        listed?;
        let first = if was_live && tokens.is_empty() {
            first
        } else {
            self.standing(first).await?
        };
        let followers = tokens
            .iter()
            .map(|token| self.of_token(token, &reason, Some(first.id), origin));
        let followers: Vec<_> = followers.collect::<Result<_, _>>()?;
        self.put_on_list(&followers).await?;
        self.record_tokens(&followers, origin).await;
        let mut revocations = vec![first];
        revocations.extend(followers);
        Ok(RevokedSession {
            session,
            was_live,
            revocations,
        })
    }

    /// Revokes one token; the revocation of it and of whatever followed from it.
    ///
    /// Revoking a refresh token revokes what descends from it, unless the policy says otherwise: its
    /// session ends, and the `tokens` of the session are revoked with it, each naming the revocation
    /// that it followed from. What is unknown is revoked all the same (RFC 7009 §2.2): it may be
    /// known to others.
    ///
    /// # Errors
    /// `Entropy`; `Store`, and then some of it may have happened: try again.
    pub async fn revoke_token(
        &self,
        token: &IssuedToken,
        tokens: &[IssuedToken],
        reason: EndReason,
        origin: &Origin<'_>,
    ) -> Result<Vec<Revocation>, SessionError> {
        let first = self.of_token(token, &reason, None, origin)?;
        self.put_on_list(std::slice::from_ref(&first)).await?;
        let own = first.id;
        let first = self.standing(first).await?;
        // Whoever revokes it again changes nothing.
        if first.id == own {
            self.record_tokens(std::slice::from_ref(&first), origin)
                .await;
        }
        let parent = first.id;
        let mut revocations = vec![first];
        if token.kind == TokenKind::Refresh
            && self.policy.cascade
            && let Some(session_id) = token.session_id
        {
            let which = SessionRef::Handle(session_id);
            let others: Vec<_> = tokens
                .iter()
                .filter(|other| other.hash != token.hash)
                .cloned()
                .collect();
            let cascade = self
                .end_session(&which, &others, reason, Some(parent), origin)
                .await;
            match cascade {
                Ok(revoked) => revocations.extend(revoked.revocations),
                // Its record may be gone already: then there is nothing left to refuse.
                Err(SessionError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(revocations)
    }

    /// Revokes tokens that belong to a session which was revoked: each names the session's revocation.
    ///
    /// # Errors
    /// `Entropy`; `Store`.
    pub(crate) async fn revoke_with(
        &self,
        session: SessionId,
        tokens: &[IssuedToken],
        reason: EndReason,
        origin: &Origin<'_>,
    ) -> Result<(), SessionError> {
        let (now, hash) = (self.clock.now(), TokenHash::of_session(session));
        let parent = self.list.find_revocation(hash, now).await?;
        let parent = parent.map(|parent| parent.id);
        let followers = tokens
            .iter()
            .map(|token| self.of_token(token, &reason, parent, origin));
        let followers: Vec<_> = followers.collect::<Result<_, _>>()?;
        self.put_on_list(&followers).await?;
        self.record_tokens(&followers, origin).await;
        Ok(())
    }

    /// Ends all of a user's sessions, or all but the one of `except`; which were live. When it
    /// returns, no credential that was good when it was called is accepted by this process; nor by
    /// any other, in strict mode.
    ///
    /// # Errors
    /// [`SessionError::Invalid`] for `except` unless it is the token of a live session of this user;
    /// `Entropy`; `Store`, and then what was ended so far stays ended.
    pub async fn revoke_user(
        &self,
        user_id: &UserId,
        except: Option<SessionToken>,
        reason: EndReason,
        origin: &Origin<'_>,
    ) -> Result<Vec<EndedSession>, SessionError> {
        let except = match except {
            Some(token) => Some(self.sessions.spared(user_id, token, origin).await?),
            None => None,
        };
        self.revoke_user_but(user_id, except, reason, origin).await
    }

    /// Ends all of a user's sessions but the one that is spared; as [`Self::revoke_user`], for callers
    /// who know by themselves which that is.
    ///
    /// # Errors
    /// `Entropy`; `Store`, and then what was ended so far stays ended.
    pub async fn revoke_user_but(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
        reason: EndReason,
        origin: &Origin<'_>,
    ) -> Result<Vec<EndedSession>, SessionError> {
        let mut all = Vec::new();
        let outcome = self
            .end_all(user_id, except, &reason, &mut all, origin)
            .await;
        // What was ended was ended, whatever came after it.
        if !all.is_empty() {
            let event = AuditEvent {
                user_id: Some(user_id.clone()),
                details: format!("{} sessions revoked: {reason}", all.len()).into(),
                ..self.audit.event(AuditAction::ForcedLogout, origin)
            };
            self.audit.record(event).await;
        }
        outcome.map(|()| all)
    }

    /// Ends batch after batch. The list comes second to the end: when it fails, the rest is ended all
    /// the same, and the failure is told afterwards.
    async fn end_all(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
        reason: &EndReason,
        all: &mut Vec<EndedSession>,
        origin: &Origin<'_>,
    ) -> Result<(), SessionError> {
        let mut listed = Ok(());
        loop {
            let EndedBatch { ended, more, .. } = self
                .sessions
                .end_some(user_id, except, EndKind::Revoked, reason.clone(), origin)
                .await?;
            let revocations: Result<Vec<_>, _> = ended
                .iter()
                .map(|session| self.of_session(session, reason, None, origin))
                .collect();
            all.extend(ended);
            let outcome = match revocations {
                Ok(revocations) => self.put_on_list(&revocations).await,
                Err(error) => Err(error),
            };
            listed = listed.and(outcome);
            if !more {
                return listed;
            }
        }
    }

    /// Ends several sessions by their handles; those whose record is gone are passed over.
    ///
    /// # Errors
    /// `Entropy`; `Store`, and then what was ended so far stays ended.
    pub async fn revoke_sessions(
        &self,
        ids: &[SessionId],
        reason: EndReason,
        origin: &Origin<'_>,
    ) -> Result<Vec<RevokedSession>, SessionError> {
        let mut revoked = Vec::with_capacity(ids.len());
        for id in ids {
            let which = SessionRef::Handle(*id);
            match self
                .revoke_session(&which, &[], reason.clone(), origin)
                .await
            {
                Ok(session) => revoked.push(session),
                Err(SessionError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(revoked)
    }
}

impl std::fmt::Debug for RevocationService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevocationService")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
