use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use session_core::{DeviceFingerprint, Session, SessionId, SessionState};
use utoipa::ToSchema;

use crate::api::AppState;
use crate::problem::Problem;

/// A session as the API shows it.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionJson<'a> {
    /// The public handle; in the answer that begins a session, the whole token.
    session_id: String,
    user_id: &'a str,
    created_at: DateTime<Utc>,
    last_activity: DateTime<Utc>,
    /// The absolute deadline.
    expires_at: DateTime<Utc>,
    /// Whether its token lets its bearer in.
    is_active: bool,
    /// The application's own data.
    #[schema(value_type = Object)]
    metadata: &'a RawValue,
    /// `active`, `idle`, `suspended`, `expired`, `revoked` or `terminated`.
    #[schema(value_type = String)]
    state: SessionState,
    /// The outside provider that vouched for the user.
    provider: Option<&'a str>,
    /// What the user granted at that provider.
    #[schema(value_type = Vec<String>)]
    scopes: &'a [Box<str>],
    #[schema(value_type = Option<String>)]
    ip_address: Option<IpAddr>,
    user_agent: Option<&'a str>,
    #[schema(value_type = Option<Object>)]
    device_fingerprint: Option<&'a DeviceFingerprint>,
    remember_me: bool,
    /// The deadline by lack of activity; null without an idle timeout.
    idle_expires_at: Option<DateTime<Utc>>,
    /// When the provider's access token expires; null where the session holds none, or its end is not
    /// known.
    access_token_expires_at: Option<DateTime<Utc>>,
    /// In the answer that begins a session: the user's sessions that were ended to make room, oldest
    /// first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    evicted: Option<&'a [SessionId]>,
}

impl<'a> SessionJson<'a> {
    /// The session as the API shows it, under its public handle.
    pub(crate) async fn shown(session: &'a Session, state: &AppState) -> Result<Self, Problem> {
        let shown = Self::all_shown([session], state).await?;
        shown
            .into_iter()
            .next()
            .ok_or_else(Problem::no_such_session)
    }

    /// The same of several, whose tokens are looked up together.
    pub(crate) async fn all_shown(
        sessions: impl IntoIterator<Item = &'a Session> + Clone,
        state: &AppState,
    ) -> Result<Vec<Self>, Problem> {
        let may_hold_tokens = |session: &&Session| session.upstream.is_some();
        let ids: Vec<_> = sessions
            .clone()
            .into_iter()
            .filter(may_hold_tokens)
            .map(|session| session.id)
            .collect();
        let ends = state.services.tokens.expiries(&ids).await?;
        let now = state.services.sessions.now();
        let shown = sessions
            .into_iter()
            .map(|session| Self::of(session, ends.get(&session.id).copied(), now));
        Ok(shown.collect())
    }

    /// What is known of a session, under its public handle.
    pub(crate) fn of(
        session: &'a Session,
        access_token_expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        let state = session.state(now);
        let upstream = session.upstream.as_deref();
        Self {
            session_id: session.id.to_string(),
            user_id: session.user_id.as_str(),
            created_at: session.created_at,
            last_activity: session.last_activity,
            expires_at: session.expires_at,
            is_active: state.admit().is_ok(),
            // Metadata is JSON by construction.
            metadata: serde_json::from_str(session.metadata.as_json()).unwrap_or(RawValue::NULL),
            state,
            provider: upstream.and_then(|upstream| upstream.provider.as_deref()),
            scopes: upstream.map_or(&[], |upstream| &upstream.scopes),
            ip_address: session.client.ip_address,
            user_agent: session.client.user_agent.as_deref(),
            device_fingerprint: session.client.device_fingerprint.as_deref(),
            remember_me: session.remember_me,
            idle_expires_at: session.idle_expires_at(),
            access_token_expires_at,
            evicted: None,
        }
    }

    /// The same for the answer that hands out the credential: with it in the place of the handle.
    pub(crate) fn just_begun(self, token: String, evicted: &'a [SessionId]) -> Self {
        Self {
            session_id: token,
            evicted: Some(evicted),
            ..self
        }
    }
}
