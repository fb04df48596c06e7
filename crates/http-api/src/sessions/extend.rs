use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::session_path::ProvenSession;
use crate::api::AppState;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

#[derive(Deserialize, ToSchema)]
pub(crate) struct ExtendSession {
    /// How much later the session is to expire.
    additional_seconds: i64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ExtendedJson {
    #[schema(example = "Session extended by 1800 seconds")]
    message: String,
    expires_at: DateTime<Utc>,
}

/// Moves a live session's absolute deadline.
///
/// Never past the longest lifetime, counted from the session's beginning: the message says by how much
/// it moved.
#[utoipa::path(post, path = "/sessions/{session_id}/extend", tag = "sessions",
    params(("session_id" = String, Path, description = "A session token")),
    request_body = ExtendSession,
    security(("service_key" = [])),
    responses(
        (status = 200, body = ExtendedJson),
        (status = 400, description = "Malformed or out of bounds", body = ProblemBody<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 404, description = "No live session with this token", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn extend(
    ProvenSession(which, caller): ProvenSession,
    State(state): State<AppState>,
    Json(ExtendSession { additional_seconds }): Json<ExtendSession>,
) -> Result<Json<ExtendedJson>, Problem> {
    let extended = state
        .services
        .sessions
        .extend(&which, additional_seconds, &caller.origin())
        .await?;
    let message = format!("Session extended by {} seconds", extended.by.num_seconds());
    Ok(Json(ExtendedJson {
        message,
        expires_at: extended.session.expires_at,
    }))
}
