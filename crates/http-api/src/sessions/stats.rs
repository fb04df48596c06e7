use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::AppState;
use crate::credentials::Caller;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct StatsJson {
    active_sessions: u64,
    /// Expired ones whose record is still kept.
    expired_sessions: u64,
    /// Users with an active session.
    unique_users: u64,
    /// Active sessions by user id, of the 100 users with the most.
    #[schema(value_type = Object)]
    sessions_per_user: Map<String, Value>,
    /// All whose record is kept.
    total_sessions: u64,
}

/// Counts over all sessions.
#[utoipa::path(get, path = "/sessions/stats", tag = "sessions",
    security(("service_key" = [])),
    responses(
        (status = 200, body = StatsJson),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn stats(
    _: Caller,
    State(state): State<AppState>,
) -> Result<Json<StatsJson>, Problem> {
    let stats = state.services.sessions.stats().await?;
    let per_user = stats.busiest_users.into_iter();
    Ok(Json(StatsJson {
        active_sessions: stats.active,
        expired_sessions: stats.expired,
        unique_users: stats.unique_users,
        sessions_per_user: per_user
            .map(|(user, n)| (user.to_string(), n.into()))
            .collect(),
        total_sessions: stats.total,
    }))
}
