use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use session_core::{Page, PageRequest, UserId};

use super::session_json::SessionJson;
use crate::api::AppState;
use crate::credentials::Caller;
use crate::json::{Json, Paging, Path, Query, with_next_cursor};
use crate::problem::{Problem, ProblemBody};

/// A user's live sessions, newest first, under their handles.
#[utoipa::path(get, path = "/sessions/user/{user_id}/sessions", tag = "sessions",
    params(("user_id" = String, Path), Paging),
    security(("service_key" = [])),
    responses(
        (status = 200, body = Vec<SessionJson<'_>>, headers(
            ("X-Next-Cursor" = String, description = "Where the next page begins; not on the last"),
        )),
        (status = 400, description = "Malformed or out of bounds", body = ProblemBody<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn list(
    _: Caller,
    State(state): State<AppState>,
    Path(user_id): Path,
    Query(Paging { limit, cursor }): Query<Paging>,
) -> Result<Response, Problem> {
    let user_id = UserId::new(&user_id)?;
    let cursor = cursor.map(|text| text.parse()).transpose()?;
    let Page { items, next } = state
        .services
        .sessions
        .list(&user_id, PageRequest::new(limit, cursor)?)
        .await?;
    let sessions = items.iter().map(|session| &**session);
    let sessions = SessionJson::all_shown(sessions, &state).await?;
    Ok(with_next_cursor(Json(sessions).into_response(), next))
}
