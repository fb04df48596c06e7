use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::EndUser;
use crate::api::AppState;
use crate::json::Json;
use crate::operations::redis_health;
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct OwnStats {
    /// Live sessions of the user.
    active_sessions: u64,
    /// Sessions of the user that were begun, as far back as the audit log reaches: 90 days unless the
    /// deployment says otherwise.
    total_sessions_created: u64,
    /// Sessions and tokens of the user that are refused before they expire.
    blacklisted_tokens: u64,
    /// `healthy`, or `not_configured` where sessions are not in Redis.
    redis_health: &'static str,
    store_health: &'static str,
}

/// Counts over the user's own sessions.
#[utoipa::path(get, path = "/auth/sessions/stats", tag = "auth",
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = OwnStats),
        (status = 401, description = "No credential, or one that does not let in", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn stats(
    user: EndUser,
    State(state): State<AppState>,
) -> Result<Json<OwnStats>, Problem> {
    let user_id = &user.session.user_id;
    let counts = state.services.user_counts(user_id).await?;
    // Where the store is away there is no answer at all.
    let store_health = "healthy";
    Ok(Json(OwnStats {
        active_sessions: counts.active,
        total_sessions_created: counts.created,
        blacklisted_tokens: counts.revoked,
        redis_health: redis_health(&state, store_health),
        store_health,
    }))
}
