use std::net::IpAddr;

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use session_core::{Page, PageRequest, Session, SessionId, SessionState, UserId};
use utoipa::ToSchema;

use super::guard::Admin;
use crate::api::AppState;
use crate::json::{Json, Paging, Path, Query};
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct UserSessions {
    user_id: String,
    /// How many sessions this answer shows.
    session_count: usize,
    sessions: Vec<AdminSession>,
    /// Where the next page begins; not on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct AdminSession {
    /// The public handle.
    #[schema(value_type = String)]
    session_id: SessionId,
    /// `active`, `idle` or `suspended`.
    #[schema(value_type = String)]
    state: SessionState,
    created_at: DateTime<Utc>,
    last_accessed_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    #[schema(value_type = Option<String>)]
    ip_address: Option<IpAddr>,
    user_agent: Option<String>,
    provider: Option<String>,
    remember_me: bool,
    role: String,
}

impl AdminSession {
    fn of(session: &Session, now: DateTime<Utc>) -> Self {
        let upstream = session.upstream.as_deref();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            session_id: session.id,
            state: session.state(now),
            created_at: session.created_at,
            last_accessed_at: session.last_activity,
            expires_at: session.expires_at,
            ip_address: session.client.ip_address,
            user_agent: owned(session.client.user_agent.as_deref()),
            provider: owned(upstream.and_then(|upstream| upstream.provider.as_deref())),
            remember_me: session.remember_me,
            role: session.metadata.role().to_owned(),
        }
    }
}

/// A user's live sessions, newest first.
#[utoipa::path(get, path = "/admin/sessions/{id}", tag = "admin",
    params(("id" = String, Path, description = "A user id"), Paging),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = UserSessions),
        (status = 400, description = "Malformed or out of bounds", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn sessions(
    _: Admin,
    State(state): State<AppState>,
    Path(user_id): Path,
    Query(Paging { limit, cursor }): Query<Paging>,
) -> Result<Json<UserSessions>, Problem> {
    let user_id = UserId::new(&user_id)?;
    let cursor = cursor.map(|text| text.parse()).transpose()?;
    let sessions = &state.services.sessions;
    let Page { items, next } = sessions
        .list(&user_id, PageRequest::new(limit, cursor)?)
        .await?;
    let now = sessions.now();
    Ok(Json(UserSessions {
        user_id: user_id.as_str().to_owned(),
        session_count: items.len(),
        sessions: items
            .iter()
            .map(|session| AdminSession::of(session, now))
            .collect(),
        next_cursor: next.map(|cursor| cursor.0.to_string()),
    }))
}
