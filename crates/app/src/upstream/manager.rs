use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use session_core::ports::{Clock, Entropy, GrantStore, Introspection};
use session_core::{
    Grant, GrantStatus, Page, PageRequest, ProviderFailure, ProviderName, ProviderToken, RefreshId,
    RefreshReason, RefreshRecord, Session, SessionId, TokenField, TokenKind, TokenStanding,
};

use super::error::TokenError;
use super::flights::Flights;
use super::outcome::whole_seconds;
use super::policy::TokenPolicy;
use super::providers::{Provider, Providers};
use super::renewal::{RenewalResult, not_now};
use super::vault::TokenVault;
use crate::audit_trail::AuditTrail;
use crate::{Origin, RevocationService, SessionManager, SessionRef};

/// Keeps the tokens of outside providers with sessions, and hands out live ones.
///
/// Whoever asks gets a live token, and the provider is asked for one once: over all tasks of this
/// process by [waiting together](Self::live_token), over all nodes by a lease in the store.
pub struct TokenManager {
    pub(crate) sessions: Arc<SessionManager>,
    pub(crate) revocations: Arc<RevocationService>,
    pub(crate) grants: Arc<dyn GrantStore>,
    pub(crate) vault: TokenVault,
    pub(crate) providers: Providers,
    pub(crate) audit: Arc<AuditTrail>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) policy: TokenPolicy,
    pub(crate) flights: Flights<RenewalResult>,
}

/// An access token of a provider that is good now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveToken {
    /// The token.
    pub access_token: ProviderToken,
    /// How it is to be used: nearly always `Bearer`.
    pub token_type: Box<str>,
    /// When it expires, if the provider told.
    pub expires_at: Option<DateTime<Utc>>,
    /// What the user granted.
    pub scopes: Vec<Box<str>>,
    /// Who issued it.
    pub provider: ProviderName,
}

/// What came of a refresh that somebody asked for.
#[derive(Debug, Clone)]
pub struct RefreshedTokens {
    /// The session.
    pub session: Arc<Session>,
    /// When the access token expires, if the provider told.
    pub access_expires_at: Option<DateTime<Utc>>,
    /// The record of it; `None` where there was nothing to do, or somebody else did it.
    pub record: Option<Arc<RefreshRecord>>,
}

impl TokenManager {
    /// The provider's access token of a session: live, and renewed first when it is due.
    ///
    /// Any number of calls at once wait for one renewal. When there is none to be had, the token before
    /// is handed out for as long as it is good, unless the provider has ended the grant.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn live_token(
        self: &Arc<Self>,
        which: &SessionRef,
        origin: &Origin<'_>,
    ) -> Result<LiveToken, TokenError> {
        let now = self.clock.now();
        let session = self.sessions.live(which, now, origin).await?.session;
        let grant = self.grant_of(&session).await?;
        if grant.status == GrantStatus::ReauthRequired {
            return Err(TokenError::ReauthRequired);
        }
        let is_live = grant.is_live(now);
        if !grant.needs_refresh(&self.policy.refresh, now) || (is_live && !grant.can_refresh()) {
            return self.open(&grant);
        }
        let (reason, patience) = if is_live {
            (RefreshReason::Proactive, self.policy.short_patience)
        } else {
            (RefreshReason::Expired, self.policy.patience)
        };
        let renewed = self
            .renew_within(Arc::clone(&grant), reason, patience)
            .await;
        // The session may have ended while its token was waited for.
        let now = self.clock.now();
        self.sessions.live(which, now, origin).await?;
        match renewed {
            Ok(renewed) => self.open(&renewed.grant),
            Err(error @ (TokenError::ReauthRequired | TokenError::NoTokens)) => Err(error),
            Err(error) if grant.is_live(now) => {
                tracing::debug!(%error, "the token before is handed out");
                self.open(&grant)
            }
            Err(error) => Err(error),
        }
    }

    /// Renews the tokens of a session if they are due; with [`RefreshReason::Forced`], also if not.
    ///
    /// # Errors
    /// [`TokenError`]; the tokens before are kept, whatever it is.
    pub async fn refresh(
        self: &Arc<Self>,
        which: &SessionRef,
        reason: RefreshReason,
        origin: &Origin<'_>,
    ) -> Result<RefreshedTokens, TokenError> {
        let now = self.clock.now();
        let session = self.sessions.live(which, now, origin).await?.session;
        let grant = self.grant_of(&session).await?;
        let is_due = grant.needs_refresh(&self.policy.refresh, now);
        if !is_due && reason != RefreshReason::Forced {
            return Ok(RefreshedTokens {
                session,
                access_expires_at: grant.access_expires_at,
                record: None,
            });
        }
        let renewed = self
            .renew_within(grant, reason, self.policy.patience)
            .await?;
        Ok(RefreshedTokens {
            session,
            access_expires_at: renewed.grant.access_expires_at,
            record: renewed.record,
        })
    }

    async fn renew_within(
        self: &Arc<Self>,
        grant: Arc<Grant>,
        reason: RefreshReason,
        patience: Duration,
    ) -> RenewalResult {
        // Said at once what there is to say without waiting; the renewal would say the same.
        self.is_worth_asking(&grant)?;
        let queue = self.provider(&grant.provider)?.pace.queue();
        if queue > patience {
            let cause = "too many renewals wait for their turn";
            return Err(TokenError::Unavailable {
                retry_after: queue.as_secs().max(1),
                cause: ProviderFailure::Unavailable(cause.into()),
            });
        }
        match tokio::time::timeout(patience, self.renew(grant, reason)).await {
            Ok(result) => result,
            Err(_) => Err(not_now("the renewal takes too long")),
        }
    }

    /// The records of a session's refreshes, newest first.
    ///
    /// # Errors
    /// [`TokenError::Session`].
    pub async fn history(
        &self,
        which: &SessionRef,
        page: PageRequest<RefreshId>,
        origin: &Origin<'_>,
    ) -> Result<Page<Arc<RefreshRecord>, RefreshId>, TokenError> {
        let now = self.clock.now();
        let session = self.sessions.live(which, now, origin).await?.session;
        Ok(self.grants.refreshes(session.id, page).await?)
    }

    /// What an access token of a provider is to a session. Asks nobody but the store.
    ///
    /// # Errors
    /// [`TokenError::Session`], [`TokenError::NoTokens`].
    pub async fn validate_token(
        &self,
        which: &SessionRef,
        token: &ProviderToken,
        origin: &Origin<'_>,
    ) -> Result<TokenStanding, TokenError> {
        let now = self.clock.now();
        let session = self.sessions.live(which, now, origin).await?.session;
        Ok(self.grant_of(&session).await?.standing(token, now))
    }

    /// What the provider says of a session's access token (RFC 7662); `None` where it cannot be asked.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn introspect(
        &self,
        which: &SessionRef,
        origin: &Origin<'_>,
    ) -> Result<Option<Introspection>, TokenError> {
        let now = self.clock.now();
        let session = self.sessions.live(which, now, origin).await?.session;
        let grant = self.grant_of(&session).await?;
        let token = self.open(&grant)?.access_token;
        let provider = self.provider(&grant.provider)?;
        let said = provider.tokens.introspect(&token, TokenKind::Access).await;
        said.map_err(|cause| {
            let retry_after = match &cause {
                ProviderFailure::Throttled {
                    retry_after: Some(told),
                } => whole_seconds(*told),
                _ => 1,
            };
            TokenError::Unavailable { retry_after, cause }
        })
    }

    /// When the access tokens of some sessions expire; those are left out that hold no tokens, or none
    /// whose end is known.
    ///
    /// # Errors
    /// [`TokenError::Session`].
    pub async fn expiries(
        &self,
        ids: &[SessionId],
    ) -> Result<HashMap<SessionId, DateTime<Utc>>, TokenError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let grants = self.grants.find_grants(ids).await?;
        let known = grants.iter().filter_map(|grant| {
            let expires_at = grant.access_expires_at?;
            Some((grant.session_id, expires_at))
        });
        Ok(known.collect())
    }

    /// The providers that the settings name.
    #[must_use]
    pub const fn providers(&self) -> &Providers {
        &self.providers
    }

    /// The numbers it goes by.
    #[must_use]
    pub const fn policy(&self) -> &TokenPolicy {
        &self.policy
    }

    pub(crate) fn provider(&self, name: &ProviderName) -> Result<&Arc<Provider>, TokenError> {
        let provider = self.providers.get(name);
        provider.ok_or_else(|| TokenError::UnknownProvider(name.clone()))
    }

    async fn grant_of(&self, session: &Session) -> Result<Arc<Grant>, TokenError> {
        let grant = self.grants.find_grant(session.id).await?;
        grant.ok_or(TokenError::NoTokens)
    }

    fn open(&self, grant: &Grant) -> Result<LiveToken, TokenError> {
        let access_token = self.vault.open(grant, TokenField::Access)?;
        Ok(LiveToken {
            access_token: access_token.ok_or(TokenError::NoTokens)?,
            token_type: grant.token_type.clone(),
            expires_at: grant.access_expires_at,
            scopes: grant.scopes.clone(),
            provider: grant.provider.clone(),
        })
    }
}

impl fmt::Debug for TokenManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenManager")
            .field("providers", &self.providers)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
