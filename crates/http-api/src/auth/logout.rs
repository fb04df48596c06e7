use app::{Actor, BearerVerdict, SessionError, SessionRef};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use session_core::EndReason;
use utoipa::ToSchema;

use super::cookie;
use crate::api::AppState;
use crate::credentials::{access_token, is_by_cookie, session_token};
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
        (status = 400, description = "Two different tokens", body = ProblemBody<'_>),
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
        (status = 400, description = "Two different tokens", body = ProblemBody<'_>),
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

/// Ends the session that the request names by whatever it carries. The session token comes first: an
/// access token beside it may have expired by now.
async fn sign_out(
    state: &AppState,
    info: &RequestInfo,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let token = session_token(headers, &state.config)?;
    let bearer = access_token(headers)?;
    if bearer.is_none() && is_by_cookie(headers, &state.config) {
        site::check(headers, &state.config)?;
    }
    let origin = info.origin(Actor::Bearer);
    let which = match (token, bearer) {
        (Some(Some(token)), _) => SessionRef::Token(token),
        // Whatever it is, it lets nobody in.
        (Some(None), _) => return Ok(()),
        (None, Some(bearer)) => {
            let tokens = &state.services.access_tokens;
            match tokens.validate(bearer, None, &origin).await? {
                BearerVerdict::Valid { claims, .. } => SessionRef::Handle(claims.session_id),
                BearerVerdict::Expired | BearerVerdict::Invalid => {
                    let detail = "The access token is not valid: sign out with the session token.";
                    return Err(Problem::unauthorized("access_token_invalid", detail));
                }
            }
        }
        (None, None) => {
            let detail = "A session token or an access token is needed.";
            return Err(Problem::unauthorized("token_required", detail));
        }
    };
    let revocations = &state.services.revocations;
    let ended = revocations
        .revoke_session(&which, &[], EndReason::LOGOUT, &origin)
        .await;
    match ended {
        // What is not there any more is as good as ended.
        Ok(_) | Err(SessionError::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn signed_out(mut response: Response, state: &AppState) -> Response {
    cookie::clear(&mut response, &state.config);
    response
}
