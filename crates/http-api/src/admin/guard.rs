//! Who is an operator: whoever holds an admin key, or a session whose role is `admin`.

use app::{Actor, Origin, Verdict};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use session_core::UserId;

use crate::api::AppState;
use crate::auth::EndUser;
use crate::credentials::{access_token, is_by_cookie, key_role, session_token};
use crate::keys::KeyRole;
use crate::problem::Problem;
use crate::request_info::RequestInfo;
use crate::sessions::refused;
use crate::site::{cross_site, denied, is_own_page};

const ADMIN_ROLE: &str = "admin";

/// An operator, and the request at hand.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    /// `None` for an admin key.
    user_id: Option<UserId>,
    info: RequestInfo,
}

impl Admin {
    pub(crate) fn origin(&self) -> Origin<'_> {
        let user = self.user_id.as_ref();
        let actor = user.map_or(Actor::Admin, |user| Actor::AdminUser(user.as_str()));
        self.info.origin(actor)
    }

    async fn of(parts: &Parts, state: &AppState) -> Result<Self, Problem> {
        let info = RequestInfo::of(parts, state);
        if access_token(&parts.headers)?.is_some() {
            return Self::by_access_token(parts, state, info).await;
        }
        if let Some(role) = key_role(&parts.headers, state)? {
            return match role {
                KeyRole::Admin => Ok(Self {
                    user_id: None,
                    info,
                }),
                KeyRole::Service => {
                    Err(not_an_operator(state, None, &info.origin(Actor::Service)).await)
                }
            };
        }
        if !state.config.admin_by_role {
            return Err(required());
        }
        let token = session_token(&parts.headers, &state.config)?.ok_or_else(required)?;
        let unknown = || refused(session_core::Refusal::Unknown);
        let token = token.ok_or_else(unknown)?;
        let (seen, origin) = (info.end_user(), info.origin(Actor::Bearer));
        let sessions = &state.services.sessions;
        let session = match sessions.validate(&token, seen.as_ref(), &origin).await? {
            Verdict::Valid(found) => found.session,
            Verdict::Refused(refusal) => return Err(refused(refusal)),
        };
        let user_id = session.user_id.clone();
        if session.metadata.role() != ADMIN_ROLE {
            let origin = info.origin(Actor::User(user_id.as_str()));
            return Err(not_an_operator(state, Some(user_id.clone()), &origin).await);
        }
        let by_cookie = is_by_cookie(&parts.headers, &state.config);
        if by_cookie && !info.is_safe() && !is_own_page(&parts.headers, &state.config) {
            let origin = info.origin(Actor::AdminUser(user_id.as_str()));
            return Err(cross_site(state, user_id.clone(), &origin).await);
        }
        Ok(Self {
            user_id: Some(user_id),
            info,
        })
    }

    /// An access token of a session whose role is `admin` now, whatever the token says.
    async fn by_access_token(
        parts: &Parts,
        state: &AppState,
        info: RequestInfo,
    ) -> Result<Self, Problem> {
        if !state.config.admin_by_role {
            return Err(required());
        }
        let user = EndUser::of(parts, state).await?;
        let user_id = user.session.user_id.clone();
        if user.session.metadata.role() != ADMIN_ROLE {
            return Err(not_an_operator(state, Some(user_id), &user.origin()).await);
        }
        Ok(Self {
            user_id: Some(user_id),
            info,
        })
    }
}

fn required() -> Problem {
    let detail = "An admin key or the session of an admin is needed.";
    Problem::unauthorized("admin_required", detail)
}

async fn not_an_operator(
    state: &AppState,
    user_id: Option<UserId>,
    origin: &Origin<'_>,
) -> Problem {
    let detail = "This is for operators only.";
    denied(state, user_id, "admin_only", detail, origin).await
}

/// Around every route of the face.
pub(crate) async fn require_admin(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    match Admin::of(&parts, &state).await {
        Ok(admin) => {
            parts.extensions.insert(admin);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A handler outside of the guard gets nobody in.
        let admin = parts.extensions.get().cloned();
        admin.ok_or_else(|| Problem::internal("an admin route stands outside of its guard"))
    }
}
