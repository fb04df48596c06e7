use app::{Actor, SessionError, SessionRef};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use session_core::EndReason;
use utoipa::ToSchema;

use super::cookie;
use crate::api::AppState;
use crate::credentials::{access_token, held_tokens, is_by_cookie, session_token};
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};
use crate::request_info::RequestInfo;
use crate::site;

#[derive(Serialize, ToSchema)]
pub(crate) struct LoggedOutJson {
    #[schema(example = "Logged out successfully")]
    message: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct LoggedOutStatus {
    #[schema(example = "logged_out")]
    status: &'static str,
}

/// Signs out: ends the session of this request. A second time is fine.
#[utoipa::path(post, path = "/auth/sessions/logout", tag = "auth",
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = LoggedOutJson),
        (status = 401, description = "No credential", body = ProblemBody<'_>),
        (status = 403, description = "In cookie mode: another site's page asks", body = ProblemBody<'_>),
        (status = 503, description = "The store is away: nobody is signed out", body = ProblemBody<'_>),
    ))]
pub(crate) async fn logout(
    State(state): State<AppState>,
    info: RequestInfo,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sign_out(&state, &info, &headers).await?;
    let body = LoggedOutJson {
        message: "Logged out successfully",
    };
    Ok(signed_out(Json(body).into_response(), &state))
}

/// The same as `/auth/sessions/logout`, by another name.
#[utoipa::path(post, path = "/auth/logout", tag = "auth",
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = LoggedOutStatus),
        (status = 401, description = "No credential", body = ProblemBody<'_>),
        (status = 403, description = "In cookie mode: another site's page asks", body = ProblemBody<'_>),
        (status = 503, description = "The store is away: nobody is signed out", body = ProblemBody<'_>),
    ))]
pub(crate) async fn logout_of_the_seeds(
    State(state): State<AppState>,
    info: RequestInfo,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sign_out(&state, &info, &headers).await?;
    let body = LoggedOutStatus {
        status: "logged_out",
    };
    Ok(signed_out(Json(body).into_response(), &state))
}

/// Ends every session that the request names, by whatever it carries: a cookie of a session before may
/// be beside the token of the one that is meant, and no script can take it away.
async fn sign_out(
    state: &AppState,
    info: &RequestInfo,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let bearer = access_token(headers)?;
    if bearer.is_none() && is_by_cookie(headers, &state.config) {
        site::check(headers, &state.config)?;
    }
    let tokens = held_tokens(headers, &state.config);
    let claims = bearer.map(|bearer| state.services.access_tokens.read(bearer));
    // What is no token of ours lets nobody in as it is; what has expired does not say whose it was.
    let nothing_else = tokens.is_empty();
    let by_bearer = match claims {
        Some(Ok(claims)) => Some(SessionRef::Handle(claims.session_id)),
        Some(Err(_)) if nothing_else => {
            let detail = "The access token is not valid: sign out with the session token.";
            return Err(Problem::unauthorized("access_token_invalid", detail));
        }
        None if nothing_else && session_token(headers, &state.config)?.is_missing() => {
            let detail = "A session token or an access token is needed.";
            return Err(Problem::unauthorized("token_required", detail));
        }
        _ => None,
    };
    let origin = info.origin(Actor::Bearer);
    let revocations = &state.services.revocations;
    for which in tokens.into_iter().map(SessionRef::Token).chain(by_bearer) {
        let ended = revocations
            .revoke_session(&which, &[], EndReason::LOGOUT, &origin)
            .await;
        match ended {
            // What is not there any more is as good as ended.
            Ok(_) | Err(SessionError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn signed_out(mut response: Response, state: &AppState) -> Response {
    cookie::clear_site(&mut response, &state.config);
    response
}
