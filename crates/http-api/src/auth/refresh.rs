use app::{Actor, Refreshed};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use session_core::SessionToken;
use utoipa::ToSchema;

use super::cookie;
use crate::api::AppState;
use crate::credentials::{SentToken, is_by_cookie, session_token};
use crate::json::{Json, OptionalJson};
use crate::problem::{Problem, ProblemBody};
use crate::request_info::RequestInfo;
use crate::site;

#[derive(Deserialize, Default, ToSchema)]
pub(crate) struct RefreshRequest {
    /// The session token, where it is not in a header or a cookie.
    session_id: Option<String>,
    /// Whether to replace the session token too.
    #[serde(default)]
    rotate: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RefreshedJson {
    access_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// The session token from now on; in cookie mode the public handle.
    session_id: String,
    /// Seconds until the access token expires.
    expires_in: i64,
}

/// A new access token for a session that is live.
///
/// The session token is what counts: an access token that is sent along may have expired. With
/// `rotate` the session token is replaced too: the one before stays good for whoever has not heard of
/// it, until ten seconds after the new one is first used, and gives the same successor. One older than
/// that is taken for stolen, and ends the session.
#[utoipa::path(post, path = "/auth/sessions/refresh", tag = "auth", request_body = Option<RefreshRequest>,
    security(("session_token" = [])),
    responses(
        (status = 200, body = RefreshedJson),
        (status = 400, description = "Malformed, or two different tokens", body = ProblemBody<'_>),
        (status = 401, description = "No session token, or one that does not let in", body = ProblemBody<'_>),
        (status = 403, description = "In cookie mode: another site's page asks", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn refresh(
    State(state): State<AppState>,
    info: RequestInfo,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<RefreshRequest>,
) -> Result<Response, Problem> {
    let in_head = session_token(&headers, &state.config)?.if_given()?;
    // Where a cookie comes along by itself, what the body says is still the client's own word.
    let by_cookie = is_by_cookie(&headers, &state.config) && body.session_id.is_none();
    let token = the_one(in_head, body.session_id.as_deref())?;
    if by_cookie {
        site::check(&headers, &state.config)?;
    }
    let (seen, origin) = (info.client(), info.origin(Actor::Bearer));
    let rotate = body.rotate.unwrap_or(false);
    let logins = &state.services.logins;
    let refreshed = logins.refresh(&token, rotate, Some(&seen), &origin).await?;
    let Refreshed {
        session,
        access,
        token: replaced,
    } = refreshed;
    let present = replaced.as_ref().unwrap_or(&token);
    let body = RefreshedJson {
        access_token: access.token,
        token_type: "bearer",
        session_id: if by_cookie {
            session.id.to_string()
        } else {
            present.expose()
        },
        expires_in: access.expires_in,
    };
    let mut response = Json(body).into_response();
    if by_cookie && replaced.is_some() {
        let now = state.services.sessions.now();
        cookie::set(&mut response, present, &session, now, &state.config);
    }
    Ok(response)
}

/// The one session token of a request, by its head or by its body.
fn the_one(in_head: Option<SessionToken>, in_body: Option<&str>) -> Result<SessionToken, Problem> {
    let in_body = match in_body.map(str::parse) {
        None => SentToken::Missing,
        Some(Err(_)) => SentToken::Malformed,
        Some(Ok(token)) => SentToken::Token(token),
    };
    let Some(in_head) = in_head else {
        return in_body.required();
    };
    let in_body = in_body.if_given()?;
    if in_body.is_some_and(|in_body| in_body.expose() != in_head.expose()) {
        let detail = "The request carries two different session tokens.";
        return Err(Problem::malformed("conflicting_credentials", detail));
    }
    Ok(in_head)
}
