use std::sync::atomic::Ordering;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::AppState;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    #[schema(example = "ready")]
    status: &'static str,
}

/// Whether requests should be sent here: the store answers and the server is not about to stop.
#[utoipa::path(get, path = "/ready", tag = "operations", responses(
    (status = 200, body = Ready),
    (status = 503, description = "The store is away, or the server is stopping", body = ProblemBody<'_>),
))]
pub(crate) async fn ready(State(state): State<AppState>) -> Result<Json<Ready>, Problem> {
    if state.draining.load(Ordering::Relaxed) {
        return Err(Problem::unavailable("the server is stopping"));
    }
    state.services.sessions.check().await?;
    Ok(Json(Ready { status: "ready" }))
}
