use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use super::session_json::SessionJson;
use super::session_path::ProvenSession;
use crate::api::AppState;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

/// A live session.
#[utoipa::path(get, path = "/sessions/{session_id}", tag = "sessions",
    params(("session_id" = String, Path, description = "A session token")),
    security(("service_key" = [])),
    responses(
        (status = 200, body = SessionJson<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 404, description = "No live session with this token", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn get(
    ProvenSession(which, caller): ProvenSession,
    State(state): State<AppState>,
) -> Result<Response, Problem> {
    let session = state
        .services
        .sessions
        .get(&which, &caller.origin())
        .await?;
    let session = SessionJson::shown(&session, &state).await?;
    Ok(Json(session).into_response())
}
