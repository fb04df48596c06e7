use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Admin;
use crate::api::AppState;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct CleanedJson {
    #[schema(example = "Cleaned up 3 records")]
    message: String,
    /// Sessions that were noted as expired, and records that were forgotten.
    removed: u64,
}

/// Notes what has expired and forgets what has had its time, now instead of with the next sweep.
#[utoipa::path(post, path = "/admin/cleanup", tag = "admin",
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = CleanedJson),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn cleanup(
    _: Admin,
    State(state): State<AppState>,
) -> Result<Json<CleanedJson>, Problem> {
    clean(&state).await
}

/// The same as `/admin/cleanup`, by another name.
#[utoipa::path(post, path = "/auth/sessions/cleanup", tag = "admin",
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = CleanedJson),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn cleanup_of_the_seeds(
    _: Admin,
    State(state): State<AppState>,
) -> Result<Json<CleanedJson>, Problem> {
    clean(&state).await
}

async fn clean(state: &AppState) -> Result<Json<CleanedJson>, Problem> {
    let removed = state.services.clean().await?;
    Ok(Json(CleanedJson {
        message: format!("Cleaned up {removed} records"),
        removed,
    }))
}
