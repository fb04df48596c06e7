use std::net::IpAddr;

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use session_core::{MAX_PAGE, PageRequest, Session, SessionId};
use utoipa::ToSchema;

use super::EndUser;
use crate::api::AppState;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct OwnSessions {
    sessions: Vec<OwnSession>,
    total_count: usize,
    /// Most sessions of a user.
    max_sessions: u32,
}

#[derive(Serialize, ToSchema)]
struct OwnSession {
    /// The public handle.
    #[schema(value_type = String)]
    session_id: SessionId,
    /// What the client called its device.
    device_fingerprint: Option<String>,
    device_type: Option<String>,
    os: Option<String>,
    browser: Option<String>,
    #[schema(value_type = Option<String>)]
    ip_address: Option<IpAddr>,
    user_agent: Option<String>,
    created_at: DateTime<Utc>,
    last_activity: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    remember_me: bool,
    /// Whether it is the one of this request.
    is_current: bool,
}

impl OwnSession {
    fn of(session: &Session, current: SessionId) -> Self {
        let client = &session.client;
        let device = client.device_fingerprint.as_deref();
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            session_id: session.id,
            device_fingerprint: text(device.and_then(|device| {
                let name = device.fingerprint_id.as_deref();
                name.or(device.device_id.as_deref())
            })),
            device_type: text(device.and_then(|device| device.device_type.as_deref())),
            os: text(device.and_then(|device| device.os.as_deref())),
            browser: text(device.and_then(|device| device.browser.as_deref())),
            ip_address: client.ip_address,
            user_agent: text(client.user_agent.as_deref()),
            created_at: session.created_at,
            last_activity: session.last_activity,
            expires_at: session.expires_at,
            remember_me: session.remember_me,
            is_current: session.id == current,
        }
    }
}

/// Where the user is signed in, newest first.
#[utoipa::path(get, path = "/auth/sessions", tag = "auth",
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = OwnSessions),
        (status = 401, description = "No credential, or one that does not let in", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn sessions(
    user: EndUser,
    State(state): State<AppState>,
) -> Result<Json<OwnSessions>, Problem> {
    let sessions = &state.services.sessions;
    let mut page = PageRequest::new(Some(MAX_PAGE), None)?;
    let mut all = Vec::new();
    loop {
        let found = sessions.list(&user.session.user_id, page).await?;
        let own = found.items.iter();
        all.extend(own.map(|session| OwnSession::of(session, user.session.id)));
        match found.next {
            Some(next) => page = page.following(next),
            None => break,
        }
    }
    Ok(Json(OwnSessions {
        total_count: all.len(),
        sessions: all,
        max_sessions: sessions.policy().limit.max,
    }))
}
