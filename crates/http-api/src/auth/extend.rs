use app::SessionRef;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::user::own_session;
use super::{EndUser, cookie};
use crate::api::AppState;
use crate::credentials::{SentToken, is_by_cookie, session_token};
use crate::json::{Json, Path};
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct OwnExtended {
    #[schema(example = "Session extended")]
    message: &'static str,
    expires_at: DateTime<Utc>,
}

/// Gives a session that is to be remembered its whole time again, from now on.
#[utoipa::path(post, path = "/auth/sessions/{session_id}/extend", tag = "auth",
    params(("session_id" = String, Path, description = "The handle")),
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = OwnExtended),
        (status = 400, description = "Not a session that is to be remembered", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or one that does not let in", body = ProblemBody<'_>),
        (status = 404, description = "No live session of the user", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn extend(
    user: EndUser,
    State(state): State<AppState>,
    headers: HeaderMap,
    Path(handle): Path,
) -> Result<Response, Problem> {
    let session = own_session(&user, &handle, &state).await?;
    if !session.remember_me {
        let detail = "Only a session that was begun with `remember_me` can be extended.";
        return Err(Problem::malformed("not_remembered", detail));
    }
    let sessions = &state.services.sessions;
    // As much as there is to have: the store cuts it to the remembered span from now on.
    let most = sessions.policy().timeouts.remember_me.num_seconds();
    let which = SessionRef::Handle(session.id);
    let extended = sessions.extend(&which, most, &user.origin()).await?;
    let body = OwnExtended {
        message: "Session extended",
        expires_at: extended.session.expires_at,
    };
    let mut response = Json(body).into_response();
    // The browser has to keep the cookie for as long as that.
    if is_by_cookie(&headers, &state.config)
        && let SentToken::Token(token) = session_token(&headers, &state.config)?
        && token.id == session.id
    {
        let now = sessions.now();
        cookie::set(&mut response, &token, &extended.session, now, &state.config);
    }
    Ok(response)
}
