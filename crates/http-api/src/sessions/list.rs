use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use session_core::{Page, PageRequest, UserId};

use super::session_json::SessionJson;
use crate::api::AppState;
use crate::credentials::Caller;
use crate::json::{Json, Paging, Path, Query};
use crate::problem::{Problem, ProblemBody};

const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");

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
    let now = state.services.sessions.now();
    let sessions: Vec<_> = items
        .iter()
        .map(|session| SessionJson::of(session, now))
        .collect();
    let mut response = Json(sessions).into_response();
    if let Some(next) = next {
        // A UUID is visible ASCII.
        if let Ok(next) = HeaderValue::try_from(next.0.to_string()) {
            response.headers_mut().insert(NEXT_CURSOR, next);
        }
    }
    Ok(response)
}
