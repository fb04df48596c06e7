use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use session_core::{InvalidInput, Page, PageRequest, Revocation, UserId};
use utoipa::{IntoParams, ToSchema};

use super::guard::Admin;
use crate::api::AppState;
use crate::json::{Json, Query};
use crate::problem::{Problem, ProblemBody};

#[derive(Deserialize, IntoParams)]
pub(crate) struct RevocationQuery {
    /// Of this user.
    user_id: Option<String>,
    /// Of this session, by its handle.
    session_id: Option<String>,
    /// Revocations of a page; 100 unless given, at most 1000.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RevocationPage {
    /// Newest first.
    #[schema(value_type = Vec<Object>)]
    revocations: Vec<Arc<Revocation>>,
    /// Where the next page begins; not on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What was revoked, when, why and by whom.
#[utoipa::path(get, path = "/admin/revocations", tag = "admin",
    params(RevocationQuery),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = RevocationPage),
        (status = 400, description = "Malformed or out of bounds", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn revocations(
    _: Admin,
    State(state): State<AppState>,
    Query(query): Query<RevocationQuery>,
) -> Result<Json<RevocationPage>, Problem> {
    let user_id = query.user_id.as_deref().map(UserId::new).transpose()?;
    let session_id = query.session_id.as_deref().map(str::parse).transpose();
    let session_id =
        session_id.map_err(|_| InvalidInput::new("session_id", "must be a session's handle"))?;
    let cursor = query.cursor.as_deref().map(str::parse).transpose()?;
    let Page { items, next } = state
        .services
        .revocations
        .history(user_id, session_id, PageRequest::new(query.limit, cursor)?)
        .await?;
    Ok(Json(RevocationPage {
        revocations: items,
        next_cursor: next.map(|cursor| cursor.0.to_string()),
    }))
}
