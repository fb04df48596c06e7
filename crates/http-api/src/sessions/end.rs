use axum::extract::State;
use serde::Serialize;
use session_core::EndReason;
use utoipa::ToSchema;

use super::session_path::NamedSession;
use crate::api::AppState;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct EndedJson {
    message: &'static str,
}

/// Ends a session for good.
///
/// By its token, or by its handle as it stands in the user's list. Ending what has ended is fine while
/// its record is kept.
#[utoipa::path(delete, path = "/sessions/{session_id}", tag = "sessions",
    params(("session_id" = String, Path, description = "A session token or handle")),
    security(("service_key" = [])),
    responses(
        (status = 200, body = EndedJson),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 404, description = "No such session", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn end(
    NamedSession(which, caller): NamedSession,
    State(state): State<AppState>,
) -> Result<Json<EndedJson>, Problem> {
    state
        .services
        .revocations
        .revoke_session(&which, &[], EndReason::ENDED_BY_SERVICE, &caller.origin())
        .await?;
    Ok(Json(EndedJson {
        message: "Session invalidated successfully",
    }))
}
