use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use session_core::ports::AssertionError;
use session_core::{
    AuditAction, AuditEvent, EndReason, LogoutClaims, MarkHash, ProviderName, ProviderToken,
    SessionId,
};

use super::ProviderLogins;
use super::error::ProviderLogoutError;
use crate::terms::SessionRef;
use crate::{Origin, SessionError};

/// What the use of a logout token is noted as.
const MARK: &str = "provider logout";
/// For how long: longer than any logout token is good.
const KNOWN_FOR: TimeDelta = TimeDelta::days(1);

impl ProviderLogins {
    /// Ends the sessions that a provider says its user signed out of (OpenID Connect Back-Channel Logout
    /// 1.0 §2.7): those of one presence there where it names one (`sid`), else all of the user's; how
    /// many were live.
    ///
    /// # Errors
    /// [`ProviderLogoutError`].
    pub async fn logout_by_provider(
        &self,
        provider: &ProviderName,
        logout_token: &str,
        origin: &Origin<'_>,
    ) -> Result<usize, ProviderLogoutError> {
        let (_, login) = self
            .provider(provider)
            .ok_or(ProviderLogoutError::UnknownProvider)?;
        let now = self.clock.now();
        let claims = match ProviderToken::new("logout_token", logout_token) {
            Ok(token) => login.verify_logout_token(&token, now).await,
            Err(_) => Err(AssertionError::Refused("form")),
        };
        let claims = match claims {
            Ok(claims) => claims,
            Err(AssertionError::Provider(failure)) => {
                return Err(ProviderLogoutError::away(failure));
            }
            Err(AssertionError::Refused(rule)) => {
                return Err(self.refuse(provider, rule, origin).await?);
            }
        };
        let mark = MarkHash::of(MARK, provider.as_str(), &claims.id);
        // A note that is over at once asks and leaves nothing behind. The token is used up only when
        // what it asks for is done: else a fault in between would turn the provider's next try away.
        if !self.note(mark, now, now).await? {
            return Err(self.refuse(provider, "replayed", origin).await?);
        }
        let count = self.end_presence(provider, &claims, origin).await?;
        self.note(mark, now + KNOWN_FOR, now).await?;
        Ok(count)
    }

    async fn note(
        &self,
        mark: MarkHash,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, SessionError> {
        Ok(self.marks.mark_used(mark, until, now).await?)
    }

    async fn end_presence(
        &self,
        provider: &ProviderName,
        claims: &LogoutClaims,
        origin: &Origin<'_>,
    ) -> Result<usize, SessionError> {
        if let Some(presence) = &claims.session {
            let ids = self
                .tokens
                .grants
                .sessions_at_provider(provider, presence)
                .await?;
            let mut count = 0;
            for id in ids {
                count += usize::from(self.end_one(id, origin).await?);
            }
            return Ok(count);
        }
        let Some(subject) = &claims.subject else {
            return Ok(0);
        };
        let (user_id, reason) = (subject.user_id(), EndReason::PROVIDER_LOGOUT);
        let revocations = &self.logins.revocations;
        let ended = revocations
            .revoke_user_but(&user_id, None, reason, origin)
            .await?;
        Ok(ended.len())
    }

    /// Ends a session; whether it was live.
    async fn end_one(&self, id: SessionId, origin: &Origin<'_>) -> Result<bool, SessionError> {
        let (which, reason) = (SessionRef::Handle(id), EndReason::PROVIDER_LOGOUT);
        let revocations = &self.logins.revocations;
        match revocations
            .revoke_session(&which, &[], reason, origin)
            .await
        {
            Ok(revoked) => Ok(revoked.was_live),
            Err(SessionError::NotFound) => {
                // It is just being begun, perhaps: without its grant, that fails.
                self.tokens.grants.remove_grant(id).await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Leaves a record of what is no word of the provider; no more of them than logins are let through
    /// from one address, since anybody can send any number.
    async fn refuse(
        &self,
        provider: &ProviderName,
        rule: &'static str,
        origin: &Origin<'_>,
    ) -> Result<ProviderLogoutError, ProviderLogoutError> {
        match self.logins.admit_address(origin).await {
            Ok(()) => {
                let audit = &self.logins.audit;
                let mut event = AuditEvent {
                    success: false,
                    error_code: Some("logout_token_refused".into()),
                    details: rule.into(),
                    ..audit.event(AuditAction::AccessDenied, origin)
                };
                let name = json!(provider.as_str());
                event.metadata.insert("provider".into(), name);
                audit.record(event).await;
            }
            Err(SessionError::RateLimited { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(ProviderLogoutError::Refused(rule))
    }
}
