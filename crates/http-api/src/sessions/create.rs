use std::net::IpAddr;

use app::{NewSession, NewTokens};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use session_core::{
    ClientDetails, DeviceFingerprint, InvalidInput, Metadata, UpstreamDetails, UserId,
};
use utoipa::ToSchema;

use super::given_tokens::GivenTokens;
use super::session_json::SessionJson;
use crate::api::AppState;
use crate::credentials::Caller;
use crate::json::{Json, object};
use crate::problem::{Problem, ProblemBody};
use crate::request_info::MAX_USER_AGENT_BYTES;

/// Longest name of a provider and longest scope, in bytes.
const MAX_NAME_BYTES: usize = 128;
/// Most scopes.
const MAX_SCOPES: usize = 64;

#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateSession {
    /// The application's own name for the user; 1 to 255 bytes.
    user_id: String,
    /// Lifetime in seconds; 3600 unless said otherwise.
    timeout: Option<i64>,
    /// Seconds that it may go unused; no limit unless given.
    idle_timeout: Option<i64>,
    /// The application's own data, at most 4 KiB. `role` (string) and `permissions` (array of
    /// strings) are shown by validation.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// A lifetime of 30 days unless `timeout` says otherwise.
    #[serde(default)]
    remember_me: Option<bool>,
    /// The user's address, as the backend saw it.
    #[schema(value_type = Option<String>)]
    ip_address: Option<IpAddr>,
    /// The user's `User-Agent`, as the backend saw it.
    user_agent: Option<String>,
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<Object>)]
    device_fingerprint: Option<Box<DeviceFingerprint>>,
    /// Which outside provider vouched for the user.
    provider: Option<String>,
    /// What the user granted there.
    scopes: Option<Vec<String>>,
    /// The provider's access token, kept encrypted and renewed; then `provider` must be one of the
    /// settings, or is left out where there is only one.
    access_token: Option<String>,
    /// What the access token is renewed with.
    refresh_token: Option<String>,
    /// Kept as it is; it is not verified.
    id_token: Option<String>,
    /// For how many seconds the access token is good; at most 366 days. Left out, it is never
    /// renewed by itself.
    expires_in: Option<i64>,
}

/// Begins a session.
///
/// `session_id` of the answer is the session token: the credential that the client keeps and sends as
/// `X-Session-ID`. It is not to be had again.
///
/// With `access_token` the session holds tokens of an outside provider: see
/// `/sessions/{session_id}/token`. The server takes the caller's word for whose they are.
#[utoipa::path(post, path = "/sessions/create", tag = "sessions", request_body = CreateSession,
    security(("service_key" = [])),
    responses(
        (status = 200, body = SessionJson<'_>),
        (status = 400, description = "Malformed or out of bounds, or no such provider", body = ProblemBody<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 409, description = "The user is at the limit", body = ProblemBody<'_>),
        (status = 429, description = "Too many sessions of the user in a short time", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn create(
    caller: Caller,
    State(state): State<AppState>,
    Json(body): Json<CreateSession>,
) -> Result<Response, Problem> {
    let (new, tokens) = body.checked(&state)?;
    let origin = caller.origin();
    if state.config.limit_creates {
        let user = &new.user_id;
        let security = &state.services.security;
        security
            .check_rate_limit("session_create", &[user.as_str()], Some(user), &origin)
            .await?;
    }
    let access_expires_at = tokens.as_ref().and_then(|tokens| tokens.access_expires_at);
    let created = match tokens {
        Some(tokens) => {
            let manager = &state.services.tokens;
            manager.begin_session(new, tokens, &origin).await?
        }
        None => state.services.sessions.create(new, &origin).await?,
    };
    let session = SessionJson::of(
        &created.session,
        access_expires_at,
        created.session.created_at,
    );
    Ok(Json(session.just_begun(created.token.expose(), &created.evicted)).into_response())
}

impl CreateSession {
    fn checked(self, state: &AppState) -> Result<(NewSession, Option<NewTokens>), Problem> {
        let timeouts = &state.services.sessions.policy().timeouts;
        let remember_me = self.remember_me.unwrap_or(false);
        let bounded = |field, text: Option<String>, max: usize| match text {
            Some(text) if text.len() > max => Err(InvalidInput::new(
                field,
                format_args!("must be at most {max} bytes"),
            )),
            text => Ok(text.map(String::into_boxed_str)),
        };
        if let Some(fingerprint) = &self.device_fingerprint {
            fingerprint.check_size()?;
        }
        let provider = bounded("provider", self.provider, MAX_NAME_BYTES)?;
        let scopes = self.scopes.unwrap_or_default();
        if scopes.len() > MAX_SCOPES || scopes.iter().any(|scope| scope.len() > MAX_NAME_BYTES) {
            let problem =
                format_args!("must be at most {MAX_SCOPES} scopes of {MAX_NAME_BYTES} bytes");
            return Err(InvalidInput::new("scopes", problem).into());
        }
        let scopes: Vec<_> = scopes.into_iter().map(String::into_boxed_str).collect();
        let given = GivenTokens {
            access_token: self.access_token,
            refresh_token: self.refresh_token,
            id_token: self.id_token,
            expires_in: self.expires_in,
        };
        let (providers, now) = (
            state.services.tokens.providers(),
            state.services.sessions.now(),
        );
        let tokens = given.checked(provider.as_deref(), scopes.clone(), providers, now)?;
        let has_upstream = provider.is_some() || !scopes.is_empty();
        let new = NewSession {
            user_id: UserId::new(&self.user_id)?,
            lifetime: timeouts.lifetime(self.timeout, self.idle_timeout, remember_me)?,
            remember_me,
            metadata: self
                .metadata
                .as_ref()
                .map(Metadata::new)
                .transpose()?
                .unwrap_or_default(),
            client: ClientDetails {
                ip_address: self.ip_address.map(|address| address.to_canonical()),
                user_agent: bounded("user_agent", self.user_agent, MAX_USER_AGENT_BYTES)?,
                device_fingerprint: self.device_fingerprint,
            },
            upstream: has_upstream.then_some(UpstreamDetails { provider, scopes }),
        };
        Ok((new, tokens))
    }
}
