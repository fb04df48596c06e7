//! How tokens come to be kept with a session, and how they go with it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::{
    AuditAction, AuditEvent, EndKind, Ending, Grant, GrantStatus, ProviderName, ProviderToken,
    RefreshOutcome, RefreshRecord, Session, Standing, TokenHash, TokenKind, UpstreamDetails,
};

use super::error::TokenError;
use super::manager::TokenManager;
use super::outcome::later;
use super::vault::{OpenTokens, TokenOwner};
use crate::terms::{CreatedSession, NewSession};
use crate::{IssuedToken, Origin, SessionError};

/// A provider's tokens for a session that is to begin.
#[derive(Debug, Clone)]
pub struct NewTokens {
    /// Who issued them.
    pub provider: ProviderName,
    /// The tokens.
    pub tokens: OpenTokens,
    /// How the access token is to be used: nearly always `Bearer`.
    pub token_type: Box<str>,
    /// When the access token expires, if that is known.
    pub access_expires_at: Option<DateTime<Utc>>,
    /// What the user granted.
    pub scopes: Vec<Box<str>>,
    /// The provider's own name for the user's presence there (`sid`), if it told.
    pub provider_session: Option<Box<str>>,
}

/// What became of the session that a grant belongs to.
pub(crate) enum Owner {
    /// It is live.
    Live(Arc<Session>),
    /// It is being created.
    Unborn,
    /// It is over: how it ended, unless even its record is gone.
    Over(Option<Ending>),
}

/// How long a grant may be without its session: while the session is being created.
const UNTIL_SESSION: TimeDelta = TimeDelta::minutes(2);
/// How long a provider that is away is told again of the end of a session.
const TELL_AGAIN_FOR: TimeDelta = TimeDelta::hours(1);
const TELL_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(5);

impl TokenManager {
    /// Begins a session that holds tokens of a provider. Durable when it returns, as far as the store
    /// is.
    ///
    /// The tokens are stored first, so that no session is ever without the tokens it was begun with.
    /// Tokens whose session did not come to be are forgotten by and by; the provider is not told, since
    /// whoever brought them may try again with them.
    ///
    /// # Errors
    /// [`TokenError::UnknownProvider`], [`TokenError::Session`].
    pub async fn begin_session(
        &self,
        mut new: NewSession,
        tokens: NewTokens,
        origin: &Origin<'_>,
    ) -> Result<CreatedSession, TokenError> {
        self.provider(&tokens.provider)?;
        new.upstream = Some(UpstreamDetails {
            provider: Some(tokens.provider.as_str().into()),
            scopes: tokens.scopes.clone(),
        });
        let (session, token) = self.sessions.draft(new)?;
        let (id, grant) = (session.id, self.grant_for(&session, tokens)?);
        self.grants.add_grant(grant).await?;
        let created = self.sessions.begin(session, token, origin).await;
        if let Err(SessionError::LimitReached { .. }) = created {
            // Nothing was begun, and the caller still has the tokens.
            if let Err(error) = self.grants.remove_grant(id).await {
                tracing::warn!(%error, session = %id, "a grant without a session is kept for now");
            }
        }
        Ok(created?)
    }

    fn grant_for(&self, session: &Session, new: NewTokens) -> Result<Grant, TokenError> {
        let now = session.created_at;
        let owner = TokenOwner {
            session_id: session.id,
            user_id: &session.user_id,
            provider: &new.provider,
        };
        let mut grant = Grant {
            session_id: session.id,
            user_id: session.user_id.clone(),
            tokens: self.vault.seal(owner, &new.tokens)?,
            provider: new.provider,
            provider_session: new.provider_session,
            version: 1,
            status: GrantStatus::Usable,
            access_hash: new.tokens.access.hash(),
            token_type: new.token_type,
            scopes: new.scopes,
            obtained_at: now,
            access_expires_at: new.access_expires_at,
            superseded: None,
            rotation_count: 0,
            retry_at: None,
            due_at: now,
            lease: None,
        };
        grant.due_at = self.due(&grant, now).max(later(now, UNTIL_SESSION));
        Ok(grant)
    }

    /// Lets go of a grant's tokens if its session has ended: the provider is told, then they are
    /// forgotten.
    ///
    /// # Errors
    /// [`TokenError::Session`]; what is left is let go of when it is due.
    pub(crate) async fn let_go(&self, grant: &Grant) -> Result<(), TokenError> {
        match self.owner(grant).await? {
            Owner::Over(ending) => self.let_go_of(grant, ending.as_ref()).await,
            Owner::Live(_) | Owner::Unborn => Ok(()),
        }
    }

    /// What became of the session that a grant belongs to.
    pub(crate) async fn owner(&self, grant: &Grant) -> Result<Owner, TokenError> {
        let now = self.clock.now();
        match self.sessions.record_by_handle(grant.session_id).await {
            Ok(session) => Ok(match &session.standing {
                Standing::Ended(ending) => Owner::Over(Some(ending.clone())),
                // The store may not know of the latest use yet.
                _ if self.sessions.is_live(&session, now) => Owner::Live(session),
                _ => Owner::Over(Some(Ending::expired(session.deadline()))),
            }),
            Err(SessionError::NotFound) if now < later(grant.obtained_at, UNTIL_SESSION) => {
                Ok(Owner::Unborn)
            }
            Err(SessionError::NotFound) => Ok(Owner::Over(None)),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets go of the tokens of a session that ended so; of one whose record is gone, without an
    /// ending.
    pub(crate) async fn let_go_of(
        &self,
        grant: &Grant,
        ending: Option<&Ending>,
    ) -> Result<(), TokenError> {
        let now = self.clock.now();
        self.revoke_with_session(grant, ending).await?;
        // Of a session that never was, whoever brought the tokens may have begun another one with them.
        let are_brought = ending.is_none() && grant.rotation_count == 0;
        let may_tell_again = ending.is_some_and(|ending| now < later(ending.at, TELL_AGAIN_FOR));
        if !are_brought && !self.tell_provider(grant).await && may_tell_again {
            return self.postpone(grant, later(now, TELL_AGAIN_AFTER)).await;
        }
        let removed = self.grants.remove_grant(grant.session_id).await?;
        // Somebody may have renewed them in the meantime: the provider has been told of the old ones.
        if let Some(newer) = removed.filter(|found| found.rotation_count != grant.rotation_count) {
            self.tell_provider(&newer).await;
            self.revoke_with_session(&newer, ending).await?;
        }
        Ok(())
    }

    /// Whether the provider knows that the tokens are not wanted any more, or there is no point in
    /// telling it again.
    async fn tell_provider(&self, grant: &Grant) -> bool {
        let session = grant.session_id;
        let Ok(provider) = self.provider(&grant.provider) else {
            tracing::warn!(%session, provider = %grant.provider,
                "the settings do not know the provider any more, so it cannot be told of a revocation");
            return true;
        };
        match self.vault.open_all(grant) {
            Ok(tokens) => match self.take_back(&tokens, provider).await {
                Ok(_) => true,
                Err(failure) => !failure.is_passing(),
            },
            Err(error) => {
                tracing::error!(%session, %error, "a provider could not be told of a revocation");
                false
            }
        }
    }

    /// Puts the tokens of a session that was revoked on the list of revocations, once.
    async fn revoke_with_session(
        &self,
        grant: &Grant,
        ending: Option<&Ending>,
    ) -> Result<(), TokenError> {
        let Some(ending) = ending.filter(|ending| ending.kind == EndKind::Revoked) else {
            return Ok(());
        };
        let Ok(tokens) = self.vault.open_all(grant) else {
            return Ok(());
        };
        let access = TokenHash::of(TokenKind::Access, tokens.access.expose().as_bytes());
        if self.revocations.is_revoked(access).await?.is_some() {
            return Ok(());
        }
        let issued = |token: &ProviderToken, kind, expires_at| IssuedToken {
            hash: TokenHash::of(kind, token.expose().as_bytes()),
            kind,
            expires_at,
            session_id: Some(grant.session_id),
            user_id: Some(grant.user_id.clone()),
        };
        let mut all = vec![issued(
            &tokens.access,
            TokenKind::Access,
            grant.access_expires_at,
        )];
        let refresh = tokens.refresh.as_ref();
        all.extend(refresh.map(|token| issued(token, TokenKind::Refresh, None)));
        all.extend(
            tokens
                .id
                .as_ref()
                .map(|token| issued(token, TokenKind::Id, None)),
        );
        let done = self
            .revocations
            .revoke_with(
                grant.session_id,
                &all,
                ending.reason.clone(),
                &Origin::system(),
            )
            .await;
        Ok(done?)
    }

    pub(crate) async fn postpone(
        &self,
        grant: &Grant,
        due_at: DateTime<Utc>,
    ) -> Result<(), TokenError> {
        let (id, version) = (grant.session_id, grant.version);
        Ok(self.grants.postpone(id, version, due_at).await?)
    }

    /// Records what came of a renewal.
    pub(crate) async fn record_renewal(&self, record: &RefreshRecord) {
        let is_new = record.outcome == RefreshOutcome::Success;
        let mut event = AuditEvent {
            session_id: Some(record.session_id),
            user_id: Some(record.user_id.clone()),
            success: is_new,
            error_code: (!is_new).then(|| AuditEvent::field(record.outcome.as_str())),
            details: record.reason.as_str().into(),
            ..self
                .audit
                .event(AuditAction::TokenRefreshed, &Origin::system())
        };
        let about = [
            ("record_id", record.id.to_string().into()),
            ("provider", record.provider.as_str().into()),
            ("tries", record.tries.into()),
            ("rotated", record.new_refresh_token.is_some().into()),
        ];
        event
            .metadata
            .extend(about.map(|(name, value): (&str, serde_json::Value)| (name.to_owned(), value)));
        self.audit.record(event).await;
    }
}
