use axum::extract::State;
use serde::{Deserialize, Serialize};
use session_core::{EndReason, InvalidInput, UserId};
use utoipa::{IntoParams, ToSchema};

use crate::api::AppState;
use crate::credentials::Caller;
use crate::json::{Json, Path, Query};
use crate::problem::{Problem, ProblemBody};

#[derive(Deserialize, IntoParams)]
pub(crate) struct Except {
    /// The token of the session to spare.
    except: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EndedUserJson {
    #[schema(example = "Invalidated 3 sessions for user ada")]
    message: String,
    count: u64,
}

/// Ends all of a user's sessions, or all but one.
#[utoipa::path(delete, path = "/sessions/user/{user_id}", tag = "sessions",
    params(("user_id" = String, Path), Except),
    security(("service_key" = [])),
    responses(
        (status = 200, body = EndedUserJson),
        (status = 400, description = "`except` is no live session of the user", body = ProblemBody<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn end_user(
    caller: Caller,
    State(state): State<AppState>,
    Path(user_id): Path,
    Query(Except { except }): Query<Except>,
) -> Result<Json<EndedUserJson>, Problem> {
    let user_id = UserId::new(&user_id)?;
    let except = except
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| InvalidInput::new("except", "must be a session token"))?;
    let reason = EndReason::ENDED_BY_SERVICE;
    let revoked = state
        .services
        .revocations
        .revoke_user(&user_id, except, reason, &caller.origin())
        .await?;
    let count = revoked.len() as u64;
    let message = format!("Invalidated {count} sessions for user {user_id}");
    Ok(Json(EndedUserJson { message, count }))
}
