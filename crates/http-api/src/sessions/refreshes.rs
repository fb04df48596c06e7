use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use session_core::{Page, PageRequest};

use super::refresh_json::RefreshJson;
use super::session_path::ProvenSession;
use crate::api::AppState;
use crate::json::{Json, Paging, Query, with_next_cursor};
use crate::problem::{Problem, ProblemBody};

/// What became of the attempts to renew a session's tokens, newest first.
#[utoipa::path(get, path = "/sessions/{session_id}/refreshes", tag = "provider tokens",
    params(("session_id" = String, Path, description = "A session token"), Paging),
    security(("service_key" = [])),
    responses(
        (status = 200, body = Vec<RefreshJson<'_>>, headers(
            ("X-Next-Cursor" = String, description = "Where the next page begins; not on the last"),
        )),
        (status = 400, description = "Malformed or out of bounds", body = ProblemBody<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 404, description = "No live session with this token", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn refreshes(
    ProvenSession(which, caller): ProvenSession,
    State(state): State<AppState>,
    Query(Paging { limit, cursor }): Query<Paging>,
) -> Result<Response, Problem> {
    let cursor = cursor.map(|text| text.parse()).transpose()?;
    let page = PageRequest::new(limit, cursor)?;
    let tokens = &state.services.tokens;
    let Page { items, next } = tokens.history(&which, page, &caller.origin()).await?;
    let records: Vec<_> = items
        .iter()
        .map(|record| RefreshJson::from(&**record))
        .collect();
    Ok(with_next_cursor(Json(records).into_response(), next))
}
