use app::Verdict;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use session_core::SessionId;
use utoipa::ToSchema;

use super::validate::ValidJson;
use crate::api::AppState;
use crate::credentials::Caller;
use crate::json::{Json, Path};
use crate::problem::{Problem, ProblemBody};

/// A token that lets nobody in.
#[derive(Serialize, ToSchema)]
struct InvalidJson {
    /// Always false.
    valid: bool,
    /// `unknown`, `expired`, `revoked`, `terminated` or `suspended`.
    reason: &'static str,
}

/// Whether a session token lets its bearer in, for a backend.
///
/// A bare handle is not found here, whether it exists or not: it proves nothing.
#[utoipa::path(post, path = "/sessions/validate/{session_id}", tag = "sessions",
    params(("session_id" = String, Path, description = "A session token")),
    security(("service_key" = [])),
    responses(
        (status = 200, description = "Valid, or not and why", body = ValidJson<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 404, description = "A handle instead of a token", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn validate_path(
    _: Caller,
    State(state): State<AppState>,
    Path(text): Path,
) -> Result<Response, Problem> {
    let reason = match text.parse() {
        Ok(token) => match state.manager.validate(&token).await? {
            Verdict::Valid(found) => {
                return Ok(Json(ValidJson::of(&found.session)).into_response());
            }
            Verdict::Refused(refusal) => refusal.as_str(),
        },
        Err(_) if text.parse::<SessionId>().is_ok() => return Err(Problem::no_such_session()),
        Err(_) => session_core::Refusal::Unknown.as_str(),
    };
    Ok(Json(InvalidJson {
        valid: false,
        reason,
    })
    .into_response())
}
