//! The list of revocations: what is on it, and how it gets there.

use std::sync::Arc;

use session_core::ports::EndedSession;
use session_core::{
    AuditAction, AuditEvent, EndReason, MAX_PAGE, Page, PageRequest, Revocation, RevocationId,
    SessionId, TokenHash, TokenKind, UserId,
};

use crate::ending::Cleaned;
use crate::{IssuedToken, Origin, RevocationService, SessionError};

/// Revocations that one call of the store forgets at most.
const BATCH: usize = 1000;

impl RevocationService {
    /// The revocation of a token, if it is revoked.
    ///
    /// Exact in strict mode; in cached mode another process' revocation is seen within the bound.
    ///
    /// # Errors
    /// `Store` when it could not be found out: then nobody gets in.
    pub async fn is_revoked(
        &self,
        token: TokenHash,
    ) -> Result<Option<Arc<Revocation>>, SessionError> {
        let now = self.clock.now();
        let Some(cache) = &self.cache else {
            return Ok(self.list.find_revocation(token, now).await?);
        };
        if let Some(known) = cache.get(token, now) {
            return Ok(known.filter(|revocation| revocation.expires_at > now));
        }
        let load = async { self.list.find_revocation(token, now).await.map(Some) };
        Ok(cache.get_or_load(token, now, load).await?.flatten())
    }

    /// A page of what was revoked of a user, of a session, or of anybody; newest first.
    ///
    /// # Errors
    /// `Store`.
    pub async fn history(
        &self,
        user_id: Option<UserId>,
        session_id: Option<SessionId>,
        page: PageRequest<RevocationId>,
    ) -> Result<Page<Arc<Revocation>, RevocationId>, SessionError> {
        Ok(self.list.history(user_id, session_id, page).await?)
    }

    /// How many of a user's sessions and tokens are refused before they expire.
    ///
    /// # Errors
    /// `Store`.
    pub async fn count(&self, user_id: &UserId) -> Result<u64, SessionError> {
        let now = self.clock.now();
        let mut page = PageRequest::new(Some(MAX_PAGE), None)?;
        let mut count = 0;
        loop {
            let found = self.list.history(Some(user_id.clone()), None, page).await?;
            let in_force = found.items.iter().filter(|entry| entry.expires_at > now);
            count += in_force.count() as u64;
            match found.next {
                Some(next) => page = page.following(next),
                None => return Ok(count),
            }
        }
    }

    /// Forgets revocations whose time is over, one batch.
    ///
    /// # Errors
    /// `Store`.
    pub async fn forget_expired(&self) -> Result<Cleaned, SessionError> {
        let forgotten = self
            .list
            .forget_revocations(self.clock.now(), BATCH)
            .await?;
        Ok(Cleaned {
            removed: forgotten.count,
            more: forgotten.more,
        })
    }

    /// The revocation of the token of `given`, which was noted: an earlier one stands. What follows from
    /// it names the one that can be found.
    pub(crate) async fn standing(&self, given: Revocation) -> Result<Revocation, SessionError> {
        let now = self.clock.now();
        let found = self.list.find_revocation(given.token_hash, now).await?;
        Ok(found.map_or(given, |found| (*found).clone()))
    }

    /// What is known of a token is no longer so.
    pub(crate) fn forget(&self, token: TokenHash) {
        if let Some(cache) = &self.cache {
            cache.forget(token);
        }
    }

    pub(crate) fn forget_all(&self) {
        if let Some(cache) = &self.cache {
            cache.forget_all();
        }
    }

    pub(crate) async fn put_on_list(&self, revocations: &[Revocation]) -> Result<(), SessionError> {
        if revocations.is_empty() {
            return Ok(());
        }
        let outcome = self.list.revoke(revocations).await;
        // After an error too: the write may have happened.
        for revocation in revocations {
            self.forget(revocation.token_hash);
        }
        Ok(outcome?)
    }

    pub(crate) fn of_session(
        &self,
        session: &EndedSession,
        reason: &EndReason,
        cascaded_from: Option<RevocationId>,
        origin: &Origin<'_>,
    ) -> Result<Revocation, SessionError> {
        let token = IssuedToken {
            hash: TokenHash::of_session(session.id),
            kind: TokenKind::Session,
            expires_at: Some(session.expires_at),
            session_id: Some(session.id),
            user_id: Some(session.user_id.clone()),
        };
        self.of_token(&token, reason, cascaded_from, origin)
    }

    pub(crate) fn of_token(
        &self,
        token: &IssuedToken,
        reason: &EndReason,
        cascaded_from: Option<RevocationId>,
        origin: &Origin<'_>,
    ) -> Result<Revocation, SessionError> {
        let now = self.clock.now();
        let mut tail = [0; 10];
        self.entropy.fill(&mut tail)?;
        Ok(Revocation {
            id: RevocationId::at(now, tail),
            token_hash: token.hash,
            token_type: token.kind,
            session_id: token.session_id,
            user_id: token.user_id.clone(),
            revoked_at: now,
            expires_at: Revocation::until(now, self.policy.ttl, token.expires_at),
            reason: reason.clone(),
            revoked_by: AuditEvent::field(&origin.actor.to_string()),
            cascaded_from,
        })
    }

    pub(crate) async fn record_tokens(&self, revocations: &[Revocation], origin: &Origin<'_>) {
        for revocation in revocations {
            let mut event = AuditEvent {
                session_id: revocation.session_id,
                user_id: revocation.user_id.clone(),
                details: revocation.reason.as_str().into(),
                ..self.audit.event(AuditAction::TokenRevoked, origin)
            };
            let about = [
                ("revocation_id", revocation.id.to_string()),
                ("token_type", revocation.token_type.as_str().to_owned()),
            ];
            let about = about.map(|(name, value)| (name.to_owned(), value.into()));
            event.metadata.extend(about);
            self.audit.record(event).await;
        }
    }
}
