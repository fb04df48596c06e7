use app::{Actor, Found, Verdict};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use chrono::SecondsFormat;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use session_core::RiskScore;
use utoipa::ToSchema;

use crate::api::AppState;
use crate::credentials::session_token;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};
use crate::request_info::{RequestInfo, TakenHeaders};

const SESSION_USER: HeaderName = HeaderName::from_static("x-session-user");
const SESSION_EXPIRES: HeaderName = HeaderName::from_static("x-session-expires");

/// What a header value cannot hold, and `%`, so that the encoding can be undone.
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// A session that lets its bearer in.
#[derive(Serialize, ToSchema)]
pub(crate) struct ValidJson<'a> {
    /// Always true.
    valid: bool,
    session_id: String,
    user_id: &'a str,
    expires_at: String,
    role: &'a str,
    #[schema(value_type = Vec<String>)]
    permissions: &'a [Box<str>],
    /// What speaks for it that someone else uses the session: from 0.0, nothing, to 1.0.
    #[schema(value_type = f64)]
    risk_score: RiskScore,
}

impl<'a> ValidJson<'a> {
    pub(crate) fn of(found: &'a Found) -> Self {
        let session = &*found.session;
        Self {
            valid: true,
            session_id: session.id.to_string(),
            user_id: session.user_id.as_str(),
            expires_at: session
                .expires_at
                .to_rfc3339_opts(SecondsFormat::AutoSi, true),
            role: session.metadata.role(),
            permissions: session.metadata.permissions(),
            risk_score: found
                .risk
                .as_ref()
                .map_or(RiskScore::ZERO, |risk| risk.score),
        }
    }
}

/// Whether the session token of this request lets its bearer in.
///
/// For reverse proxies (nginx `auth_request`, Traefik ForwardAuth, Caddy `forward_auth`) and for
/// backends. Needs no service key: the token alone, as `X-Session-ID` or as the session cookie.
/// Behind a trusted proxy the client's address and user agent are compared with those that the session
/// was begun with.
#[utoipa::path(get, path = "/sessions/validate", tag = "sessions",
    security(("session_token" = [])),
    responses(
        (status = 200, body = ValidJson<'_>, headers(
            ("X-Session-User" = String, description = "The user id, percent-encoded where needed"),
            ("X-Session-Expires" = String, description = "The absolute deadline, RFC 3339"),
        )),
        (status = 400, description = "Two different tokens", body = ProblemBody<'_>),
        (status = 401, description = "No token, or one that does not let in", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn validate(
    State(state): State<AppState>,
    info: RequestInfo,
    TakenHeaders(headers): TakenHeaders,
) -> Result<Response, Problem> {
    let token = session_token(&headers, &state.config)?.required()?;
    let (seen, origin) = (info.end_user(), info.origin(Actor::Bearer));
    let sessions = &state.services.sessions;
    match sessions.validate(&token, seen.as_ref(), &origin).await? {
        Verdict::Valid(found) => Ok(admitted(&found)),
        Verdict::Refused(refusal) => Err(Problem::refused(refusal)),
    }
}

fn admitted(found: &Found) -> Response {
    let body = ValidJson::of(found);
    let expires = HeaderValue::from_str(&body.expires_at);
    let user: String = utf8_percent_encode(body.user_id, NOT_IN_HEADERS).collect();
    let mut response = Json(body).into_response();
    let headers = response.headers_mut();
    // Both are visible ASCII by construction.
    if let (Ok(user), Ok(expires)) = (HeaderValue::try_from(user), expires) {
        headers.insert(SESSION_USER, user);
        headers.insert(SESSION_EXPIRES, expires);
    }
    response
}
