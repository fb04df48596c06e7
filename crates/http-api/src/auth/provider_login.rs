use app::{Actor, SessionError, SessionRef};
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use session_core::ProviderName;
use utoipa::IntoParams;

use super::login_cookie;
use crate::api::AppState;
use crate::credentials::held_tokens;
use crate::json::{Path, Query};
use crate::problem::{Problem, ProblemBody};
use crate::request_info::RequestInfo;
use crate::site;

const SIGNED_IN: &str = "signed_in";
const SIGNED_IN_DETAIL: &str =
    "You are signed in already: sign out first, or begin the login on a page of this site.";

#[derive(Deserialize, IntoParams)]
pub(crate) struct StartQuery {
    /// Where to go once signed in: one of `SESSION_RETURN_PATHS`. Without it the login is answered with
    /// JSON.
    return_to: Option<String>,
}

/// Begins a login with an outside provider: sends the browser there.
///
/// Authorization code flow with PKCE (`S256`), state and nonce, each good once, for ten minutes, in this
/// browser.
#[utoipa::path(get, path = "/auth/login/{provider}", tag = "auth",
    params(("provider" = String, Path, description = "Its name in the settings"), StartQuery),
    responses(
        (status = 303, description = "To the provider, with a cookie that ties the login to the browser"),
        (status = 400, description = "Malformed, or a login does not lead there", body = ProblemBody<'_>),
        (status = 403, description = "Another site's page loads it as a part of itself, or sends somebody here who is signed in", body = ProblemBody<'_>),
        (status = 404, description = "Nobody signs in with a provider of this name", body = ProblemBody<'_>),
        (status = 429, description = "Too many logins from this address", body = ProblemBody<'_>),
        (status = 503, description = "The provider or the store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn start(
    State(state): State<AppState>,
    info: RequestInfo,
    headers: HeaderMap,
    Path(provider): Path,
    Query(query): Query<StartQuery>,
) -> Result<Response, Problem> {
    site::check_visit(&headers, &state.config)?;
    let provider = ProviderName::new(&provider).map_err(|_| Problem::no_such_provider())?;
    let (logins, origin) = (&state.services.provider_logins, info.origin(Actor::Bearer));
    if !site::is_own_visit(&headers, &state.config) {
        // The session that they have would end with the login, and a provider that knows them asks
        // nothing: a link would be enough to sign them out, or in as somebody else.
        for held in held_tokens(&headers, &state.config) {
            match state
                .services
                .sessions
                .get(&SessionRef::Token(held), &origin)
                .await
            {
                Ok(_) => return Err(Problem::forbidden(SIGNED_IN, SIGNED_IN_DETAIL)),
                Err(SessionError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    let start = logins
        .start(&provider, query.return_to.as_deref(), &origin)
        .await?;
    let mut response = see_other(&start.url)?;
    login_cookie::set(
        &mut response,
        &start.tag,
        &start.binding,
        &headers,
        &state.config,
    );
    Ok(response)
}

/// Sends a browser elsewhere, with GET whatever it came with (RFC 9110 §15.4.4).
pub(super) fn see_other(url: &str) -> Result<Response, Problem> {
    let mut location = HeaderValue::try_from(url)
        .map_err(|_| Problem::internal("an address to go to is no header's value"))?;
    location.set_sensitive(true);
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}
