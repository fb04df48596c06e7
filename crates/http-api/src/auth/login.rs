use app::{Actor, Credentials, SignedIn};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use session_core::Password;
use utoipa::ToSchema;

use super::{cookie, device};
use crate::api::AppState;
use crate::credentials::{has_cookie, held_tokens};
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};
use crate::request_info::RequestInfo;
use crate::site;

#[derive(Deserialize, ToSchema)]
pub(crate) struct LoginRequest {
    #[schema(example = "ada@example.org")]
    email: String,
    password: String,
    /// A session of 30 days instead of an hour.
    #[serde(default)]
    remember_me: Option<bool>,
    /// `device_type`, `os`, `browser`, `device_fingerprint`, and whatever else a fingerprint has.
    #[schema(value_type = Option<Object>)]
    device_info: Option<Map<String, Value>>,
    /// Whether the session token is to come as a cookie, out of reach of scripts, and not in the body.
    #[serde(default)]
    cookie: Option<bool>,
}

/// Somebody who is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedInJson {
    /// For calls of the API, as `Authorization: Bearer`.
    access_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// The session token, which the client keeps and sends as `X-Session-ID`; in cookie mode the
    /// public handle.
    session_id: String,
    /// Seconds until the access token expires.
    expires_in: i64,
    mfa_required: bool,
    mfa_verified: bool,
    user_id: String,
}

/// Signs in with an e-mail address and a password.
///
/// A session that the client has been using, and sends along, ends with it.
#[utoipa::path(post, path = "/auth/sessions/enhanced-login", tag = "auth", request_body = LoginRequest,
    responses(
        (status = 200, body = SignedInJson),
        (status = 400, description = "Malformed", body = ProblemBody<'_>),
        (status = 401, description = "Not with this address and this password", body = ProblemBody<'_>),
        (status = 403, description = "In cookie mode: another site's page asks", body = ProblemBody<'_>),
        (status = 409, description = "The user is at the limit of sessions", body = ProblemBody<'_>),
        (status = 429, description = "Too many logins from this address", body = ProblemBody<'_>),
        (status = 503, description = "Too many logins at once, or the store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn login(
    State(state): State<AppState>,
    info: RequestInfo,
    headers: HeaderMap,
    Json(body): Json<LoginRequest>,
) -> Result<Response, Problem> {
    let by_cookie = body.cookie.unwrap_or(false);
    // Else another site could sign its visitors in as somebody of its choice.
    if by_cookie {
        site::check(&headers, &state.config)?;
    }
    let credentials = Credentials {
        email: body.email.parse()?,
        password: Password::new(&body.password)?,
        remember_me: body.remember_me.unwrap_or(false),
        client: device::client(&info, body.device_info)?,
        held: held_tokens(&headers, &state.config),
    };
    let origin = info.origin(Actor::Bearer);
    let signed_in = state.services.logins.login(credentials, &origin).await?;
    let mut response = answer(signed_in, by_cookie, &state);
    // A cookie that is left behind would go on to contradict the token that the client sends now.
    if !by_cookie && has_cookie(&headers, &state.config) {
        cookie::clear(&mut response, &state.config);
    }
    Ok(response)
}

/// Hands the credentials out: the session token as a cookie or in the body, never both.
pub(crate) fn answer(signed_in: SignedIn, by_cookie: bool, state: &AppState) -> Response {
    let SignedIn { created, access } = signed_in;
    let session_id = if by_cookie {
        created.token.id.to_string()
    } else {
        created.token.expose()
    };
    let body = SignedInJson {
        access_token: access.token,
        token_type: "bearer",
        session_id,
        expires_in: access.expires_in,
        mfa_required: false,
        mfa_verified: false,
        user_id: created.session.user_id.as_str().to_owned(),
    };
    let mut response = Json(body).into_response();
    if by_cookie {
        let now = state.services.sessions.now();
        let (token, session) = (&created.token, &created.session);
        cookie::set(&mut response, token, session, now, &state.config);
    }
    response
}
