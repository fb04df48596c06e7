use std::net::IpAddr;

use app::{SessionError, Verdict};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use session_core::{ClientDetails, DeviceFingerprint, InvalidInput, SessionId, SessionToken};
use utoipa::ToSchema;

use super::validate::ValidJson;
use crate::api::AppState;
use crate::credentials::Caller;
use crate::json::{Json, OptionalJson, Path, object};
use crate::problem::{Problem, ProblemBody};
use crate::request_info::MAX_USER_AGENT_BYTES;

/// Who sent the token to the backend: left out, nothing is compared.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct SeenClient {
    /// The user's address, as the backend saw it.
    #[schema(value_type = Option<String>)]
    ip_address: Option<IpAddr>,
    /// The user's `User-Agent`, as the backend saw it.
    user_agent: Option<String>,
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<Object>)]
    device_fingerprint: Option<Box<DeviceFingerprint>>,
}

impl SeenClient {
    fn checked(self) -> Result<Option<ClientDetails>, InvalidInput> {
        if let Some(fingerprint) = &self.device_fingerprint {
            fingerprint.check_size()?;
        }
        if self
            .user_agent
            .as_ref()
            .is_some_and(|agent| agent.len() > MAX_USER_AGENT_BYTES)
        {
            let problem = format_args!("must be at most {MAX_USER_AGENT_BYTES} bytes");
            return Err(InvalidInput::new("user_agent", problem));
        }
        let seen = ClientDetails {
            ip_address: self.ip_address.map(|address| address.to_canonical()),
            user_agent: self.user_agent.map(String::into_boxed_str),
            device_fingerprint: self.device_fingerprint,
        };
        Ok((seen != ClientDetails::default()).then_some(seen))
    }
}

/// A token that lets nobody in.
#[derive(Serialize, ToSchema)]
struct InvalidJson {
    /// Always false.
    valid: bool,
    /// `unknown`, `expired`, `revoked`, `terminated` or `suspended`.
    reason: &'static str,
}

/// Whether a session token lets its bearer in, for a backend.
///
/// A backend that tells who sent the token has them compared with who began the session.
/// A bare handle is not found here, whether it exists or not: it proves nothing.
#[utoipa::path(post, path = "/sessions/validate/{session_id}", tag = "sessions",
    params(("session_id" = String, Path, description = "A session token")),
    request_body = Option<SeenClient>,
    security(("service_key" = [])),
    responses(
        (status = 200, description = "Valid, or not and why", body = ValidJson<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 404, description = "A handle instead of a token", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn validate_path(
    caller: Caller,
    State(state): State<AppState>,
    Path(text): Path,
    OptionalJson(seen): OptionalJson<SeenClient>,
) -> Result<Response, Problem> {
    let reason = match text.parse() {
        Ok(token) => match validate(&state, &token, seen, &caller).await? {
            Verdict::Valid(found) => {
                return Ok(Json(ValidJson::of(&found)).into_response());
            }
            Verdict::Refused(refusal) => refusal.as_str(),
        },
        Err(_) if text.parse::<SessionId>().is_ok() => return Err(Problem::no_such_session()),
        Err(_) => session_core::Refusal::Unknown.as_str(),
    };
    Ok(Json(InvalidJson {
        valid: false,
        reason,
    })
    .into_response())
}

async fn validate(
    state: &AppState,
    token: &SessionToken,
    seen: SeenClient,
    caller: &Caller,
) -> Result<Verdict, SessionError> {
    let seen = seen.checked()?;
    let sessions = &state.services.sessions;
    sessions
        .validate(token, seen.as_ref(), &caller.origin())
        .await
}
