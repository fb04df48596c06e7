use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use session_core::EndReason;
use utoipa::ToSchema;

use super::{EndUser, cookie};
use crate::api::AppState;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct InvalidatedJson {
    invalidated_count: usize,
    #[schema(example = "Invalidated 3 sessions")]
    message: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct LoggedOutAll {
    #[schema(example = "all_sessions_logged_out")]
    status: &'static str,
}

/// Ends all other sessions of the user.
#[utoipa::path(delete, path = "/auth/sessions", tag = "auth",
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = InvalidatedJson),
        (status = 401, description = "No credential, or one that does not let in", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn others(
    user: EndUser,
    State(state): State<AppState>,
) -> Result<Json<InvalidatedJson>, Problem> {
    Ok(Json(told(end(&user, true, &state).await?)))
}

/// Ends all sessions of the user, the one of this request too.
#[utoipa::path(delete, path = "/auth/sessions/all", tag = "auth",
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = InvalidatedJson),
        (status = 401, description = "No credential, or one that does not let in", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn all(user: EndUser, State(state): State<AppState>) -> Result<Response, Problem> {
    let mut response = Json(told(end(&user, false, &state).await?)).into_response();
    cookie::clear_site(&mut response, &state.config);
    Ok(response)
}

/// Ends all other sessions of the user; by another name.
#[utoipa::path(post, path = "/auth/logout-all", tag = "auth",
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = LoggedOutAll),
        (status = 401, description = "No credential, or one that does not let in", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn logout_all(
    user: EndUser,
    State(state): State<AppState>,
) -> Result<Json<LoggedOutAll>, Problem> {
    end(&user, true, &state).await?;
    Ok(Json(LoggedOutAll {
        status: "all_sessions_logged_out",
    }))
}

async fn end(user: &EndUser, but_this: bool, state: &AppState) -> Result<usize, Problem> {
    let session = &user.session;
    let spared = but_this.then_some(session.id);
    let ended = state
        .services
        .revocations
        .revoke_user_but(
            &session.user_id,
            spared,
            EndReason::ENDED_BY_USER,
            &user.origin(),
        )
        .await?;
    Ok(ended.len())
}

fn told(invalidated_count: usize) -> InvalidatedJson {
    InvalidatedJson {
        invalidated_count,
        message: format!("Invalidated {invalidated_count} sessions"),
    }
}
