use app::{Actor, ProviderAnswer, ProviderLoginError, ProviderSignedIn, SignedIn, login_tag};
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::provider_login::see_other;
use super::{cookie, login_cookie};
use crate::api::AppState;
use crate::credentials::{has_cookie, held_tokens};
use crate::json::{Json, Query};
use crate::problem::{Problem, ProblemBody};
use crate::request_info::RequestInfo;
use crate::site;

/// Where providers send users back to.
pub(crate) const CALLBACK: &str = "/auth/callback";

/// The answer of a provider, as it comes in an address (RFC 6749 §4.1.2, RFC 9207).
#[derive(Deserialize, IntoParams)]
pub(crate) struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    /// Who answers.
    iss: Option<String>,
    /// Why there is no code.
    error: Option<String>,
}

/// The same as a page passes it on.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CallbackRequest {
    code: String,
    state: String,
    /// Who answers.
    iss: Option<String>,
}

/// Somebody whom a provider vouched for.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderSignedInJson {
    /// The session token, which the client keeps and sends as `X-Session-ID`.
    session_id: String,
    user_id: String,
    /// An access token of this server, for calls of the API, as `Authorization: Bearer`. The provider's
    /// own are for backends alone.
    access_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// When the session expires.
    expires_at: DateTime<Utc>,
    provider: String,
}

/// Finishes a login with an outside provider, which sends the browser here.
///
/// Where the login was begun with `return_to`, the session token is set as a cookie and the browser is
/// sent there; else it is in the answer.
#[utoipa::path(get, path = CALLBACK, tag = "auth", params(CallbackQuery),
    responses(
        (status = 200, body = ProviderSignedInJson),
        (status = 303, description = "To where the login was to lead, with the session token as a cookie"),
        (status = 400, description = "Malformed, or the login failed: nobody is told why", body = ProblemBody<'_>),
        (status = 403, description = "The provider did not let the user in; or another site's page loads it as a part of itself", body = ProblemBody<'_>),
        (status = 409, description = "The user is at the limit of sessions", body = ProblemBody<'_>),
        (status = 429, description = "Too many logins from this address", body = ProblemBody<'_>),
        (status = 503, description = "The provider or the store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn visited(
    State(state): State<AppState>,
    method: Method,
    info: RequestInfo,
    headers: HeaderMap,
    Query(query): Query<CallbackQuery>,
) -> Result<Response, Problem> {
    // What a HEAD would begin, nobody would get.
    if method == Method::HEAD {
        return Err(Problem::method_not_allowed());
    }
    site::check_visit(&headers, &state.config)?;
    let answer = ProviderAnswer {
        binding: None,
        state: query.state,
        code: query.code,
        error: query.error,
        iss: query.iss,
    };
    Ok(finish(answer, &state, &info, &headers).await)
}

/// The same for a page that the provider sent the browser to, and that passes the answer on.
#[utoipa::path(post, path = CALLBACK, tag = "auth", request_body = CallbackRequest,
    responses(
        (status = 200, body = ProviderSignedInJson),
        (status = 303, description = "To where the login was to lead, with the session token as a cookie"),
        (status = 400, description = "Malformed, or the login failed: nobody is told why", body = ProblemBody<'_>),
        (status = 403, description = "Another site's page asks", body = ProblemBody<'_>),
        (status = 409, description = "The user is at the limit of sessions", body = ProblemBody<'_>),
        (status = 429, description = "Too many logins from this address", body = ProblemBody<'_>),
        (status = 503, description = "The provider or the store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn posted(
    State(state): State<AppState>,
    info: RequestInfo,
    headers: HeaderMap,
    Json(body): Json<CallbackRequest>,
) -> Result<Response, Problem> {
    // The cookie of the login speaks for the browser.
    site::check(&headers, &state.config)?;
    let answer = ProviderAnswer {
        binding: None,
        state: Some(body.state),
        code: Some(body.code),
        error: None,
        iss: body.iss,
    };
    Ok(finish(answer, &state, &info, &headers).await)
}

async fn finish(
    mut answer: ProviderAnswer,
    state: &AppState,
    info: &RequestInfo,
    headers: &HeaderMap,
) -> Response {
    let config = &state.config;
    let tag = answer.state.as_deref().map(login_tag);
    answer.binding = tag
        .as_deref()
        .and_then(|tag| login_cookie::read(headers, tag, config));
    let had_cookie = answer.binding.is_some();
    let held = held_tokens(headers, config);
    let logins = &state.services.provider_logins;
    let finished = logins
        .finish(answer, info.client(), held, &info.origin(Actor::Bearer))
        .await;
    // What may pass leaves the login as it was, for as much as is left of it.
    let is_over = matches!(
        finished,
        Ok(_) | Err(ProviderLoginError::Failed(_) | ProviderLoginError::Denied)
    );
    let mut response = match finished {
        Ok(signed_in) => signed_in_answer(signed_in, state, headers),
        Err(error) => Problem::from(error).into(),
    };
    if let Some(tag) = tag.filter(|_| had_cookie && is_over) {
        login_cookie::clear(&mut response, &tag, config);
    }
    response
}

/// Hands the credentials out: the session token as a cookie, or in the body, never both.
fn signed_in_answer(
    signed_in: ProviderSignedIn,
    state: &AppState,
    headers: &HeaderMap,
) -> Response {
    let ProviderSignedIn {
        signed_in: SignedIn { created, access },
        provider,
        return_to,
    } = signed_in;
    if let Some(return_to) = return_to {
        let mut response = match see_other(return_to.as_str()) {
            Ok(response) => response,
            Err(problem) => return problem.into(),
        };
        let now = state.services.sessions.now();
        let (token, session) = (&created.token, &created.session);
        cookie::set(&mut response, token, session, now, &state.config);
        return response;
    }
    let body = ProviderSignedInJson {
        session_id: created.token.expose(),
        user_id: created.session.user_id.as_str().to_owned(),
        access_token: access.token,
        token_type: "bearer",
        expires_in: access.expires_in,
        expires_at: created.session.expires_at,
        provider: provider.as_str().to_owned(),
    };
    let mut response = Json(body).into_response();
    // A cookie that is left behind would go on to contradict the token that the client sends now.
    if has_cookie(headers, &state.config) {
        cookie::clear(&mut response, &state.config);
    }
    response
}
