use app::SessionRef;
use axum::extract::State;
use serde::Serialize;
use session_core::EndReason;
use utoipa::ToSchema;

use super::EndUser;
use super::user::own_record;
use crate::api::AppState;
use crate::json::{Json, Path};
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct RevokedJson {
    #[schema(example = "Session revoked successfully")]
    message: &'static str,
}

/// Ends another session of the user, by its handle. A second time is fine while its record is kept.
#[utoipa::path(delete, path = "/auth/sessions/{session_id}", tag = "auth",
    params(("session_id" = String, Path, description = "The handle")),
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = RevokedJson),
        (status = 400, description = "The session of this request: sign out instead", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or one that does not let in", body = ProblemBody<'_>),
        (status = 404, description = "No session of the user", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn revoke(
    user: EndUser,
    State(state): State<AppState>,
    Path(handle): Path,
) -> Result<Json<RevokedJson>, Problem> {
    let session = own_record(&user, &handle, &state).await?;
    if session.id == user.session.id {
        let detail = "This is the session of the request itself: sign out instead.";
        return Err(Problem::malformed("current_session", detail));
    }
    let which = SessionRef::Handle(session.id);
    let reason = EndReason::ENDED_BY_USER;
    let revocations = &state.services.revocations;
    revocations
        .revoke_session(&which, &[], reason, &user.origin())
        .await?;
    Ok(Json(RevokedJson {
        message: "Session revoked successfully",
    }))
}
