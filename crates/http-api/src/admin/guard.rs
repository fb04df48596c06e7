//! Who is an operator: whoever holds an admin key, or a session whose role is `admin`.

use app::{Actor, Origin};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use session_core::UserId;

use crate::api::AppState;
use crate::auth::EndUser;
use crate::credentials::{access_token, key_role, session_token};
use crate::keys::KeyRole;
use crate::problem::Problem;
use crate::request_info::RequestInfo;
use crate::site::denied;

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
        let has_access_token = access_token(&parts.headers)?.is_some();
        if !has_access_token && let Some(role) = key_role(&parts.headers, state)? {
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
        let has_token = !session_token(&parts.headers, &state.config)?.is_missing();
        if !state.config.admin_by_role || !(has_access_token || has_token) {
            return Err(required());
        }
        let user = EndUser::of(parts, state).await?;
        let user_id = user.session.user_id.clone();
        // The role that the session has now, whatever an access token says.
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
