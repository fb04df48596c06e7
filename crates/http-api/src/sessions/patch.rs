use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use session_core::DeviceFingerprint;
use utoipa::ToSchema;

use super::session_json::SessionJson;
use super::session_path::ProvenSession;
use crate::api::AppState;
use crate::json::{Json, object};
use crate::problem::{Problem, ProblemBody};

#[derive(Deserialize, ToSchema)]
pub(crate) struct ChangeSession {
    /// Merged member by member; `null` removes a member.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// Replaced whole.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<Object>)]
    device_fingerprint: Option<DeviceFingerprint>,
}

/// Changes a live session's metadata, its fingerprint, or both.
///
/// Changes of different members that come at the same time all hold.
#[utoipa::path(patch, path = "/sessions/{session_id}", tag = "sessions",
    params(("session_id" = String, Path, description = "A session token")),
    request_body = ChangeSession,
    security(("service_key" = [])),
    responses(
        (status = 200, body = SessionJson<'_>),
        (status = 400, description = "Malformed or out of bounds", body = ProblemBody<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 404, description = "No live session with this token", body = ProblemBody<'_>),
        (status = 409, description = "Too many others change the same session", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn patch(
    ProvenSession(which, caller): ProvenSession,
    State(state): State<AppState>,
    Json(change): Json<ChangeSession>,
) -> Result<Response, Problem> {
    let ChangeSession {
        metadata,
        device_fingerprint,
    } = change;
    if let Some(fingerprint) = &device_fingerprint {
        fingerprint.check_size()?;
    }
    let session = state
        .services
        .sessions
        .update(
            &which,
            metadata.as_ref(),
            device_fingerprint,
            &caller.origin(),
        )
        .await?;
    let session = SessionJson::shown(&session, &state).await?;
    Ok(Json(session).into_response())
}
