use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use session_core::RefreshReason;
use utoipa::ToSchema;

use super::refresh_json::RefreshJson;
use super::session_json::SessionJson;
use super::session_path::ProvenSession;
use crate::api::AppState;
use crate::json::{Json, OptionalJson};
use crate::problem::{Problem, ProblemBody};

#[derive(Deserialize, Default, ToSchema)]
pub(crate) struct RefreshTokens {
    /// Whether to renew them though they are not due.
    force: Option<bool>,
}

#[derive(Serialize, ToSchema)]
struct RefreshedTokensJson<'a> {
    session: SessionJson<'a>,
    /// Null where there was nothing to do, or somebody else did it at the same time.
    refresh_record: Option<RefreshJson<'a>>,
}

/// Renews the provider's tokens of a session: if they are due or, with `force`, in any case.
///
/// For a backend that wants to have it done; `/sessions/{session_id}/token` does it by itself. A user's
/// refreshes are held to the rule `token_refresh`.
#[utoipa::path(post, path = "/sessions/{session_id}/refresh", tag = "provider tokens",
    params(("session_id" = String, Path, description = "A session token")),
    request_body = Option<RefreshTokens>,
    security(("service_key" = [])),
    responses(
        (status = 200, body = RefreshedTokensJson<'_>),
        (status = 400, description = "Malformed", body = ProblemBody<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 404, description = "No live session with this token, or one without tokens of a provider", body = ProblemBody<'_>),
        (status = 409, description = "The user must sign in with the provider again", body = ProblemBody<'_>),
        (status = 429, description = "Too many refreshes of the user in a short time", body = ProblemBody<'_>, headers(
            ("Retry-After" = u64, description = "Seconds after which another is admitted"),
        )),
        (status = 500, description = "What is stored was altered", body = ProblemBody<'_>),
        (status = 503, description = "No new token now: the provider or the store is away, or an operator has to mend something", body = ProblemBody<'_>, headers(
            ("Retry-After" = u64, description = "Seconds after which it is worth another try"),
        )),
    ))]
pub(crate) async fn refresh(
    ProvenSession(which, caller): ProvenSession,
    State(state): State<AppState>,
    OptionalJson(RefreshTokens { force }): OptionalJson<RefreshTokens>,
) -> Result<Response, Problem> {
    let (services, origin) = (&state.services, caller.origin());
    let user = services
        .sessions
        .get(&which, &origin)
        .await?
        .user_id
        .clone();
    services
        .security
        .check_rate_limit("token_refresh", &[user.as_str()], Some(&user), &origin)
        .await?;
    let reason = if force.unwrap_or(false) {
        RefreshReason::Forced
    } else {
        RefreshReason::UserRequested
    };
    let refreshed = services.tokens.refresh(&which, reason, &origin).await?;
    let now = services.sessions.now();
    let body = RefreshedTokensJson {
        session: SessionJson::of(&refreshed.session, refreshed.access_expires_at, now),
        refresh_record: refreshed.record.as_deref().map(RefreshJson::from),
    };
    Ok(Json(body).into_response())
}
