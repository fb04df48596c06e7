use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::session_path::ProvenSession;
use crate::api::AppState;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct ActivityJson {
    message: &'static str,
    last_activity: DateTime<Utc>,
}

/// Notes that a live session was used.
#[utoipa::path(post, path = "/sessions/{session_id}/activity", tag = "sessions",
    params(("session_id" = String, Path, description = "A session token")),
    security(("service_key" = [])),
    responses(
        (status = 200, body = ActivityJson),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 404, description = "No live session with this token", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn activity(
    ProvenSession(which, caller): ProvenSession,
    State(state): State<AppState>,
) -> Result<Json<ActivityJson>, Problem> {
    let sessions = &state.services.sessions;
    let last_activity = sessions.touch(&which, &caller.origin()).await?;
    Ok(Json(ActivityJson {
        message: "Session activity updated",
        last_activity,
    }))
}
