use app::{BearerVerdict, Verdict};
use axum::extract::State;
use serde::Serialize;
use session_core::{AccessClaims, Session, SessionToken};
use utoipa::ToSchema;

use super::token::TokenForm;
use crate::api::AppState;
use crate::credentials::Caller;
use crate::form::Form;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

/// What a token is good for (RFC 7662 §2.2). One that is good for nothing is told as exactly
/// `{"active": false}`.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct Introspection {
    active: bool,
    /// `access_token` or `session_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// The handle of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Vec<String>>,
}

/// Says whether a token is good, and what for.
#[utoipa::path(post, path = "/oauth2/introspect", tag = "oauth2",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    security(("service_key" = [])),
    responses(
        (status = 200, body = Introspection),
        (status = 400, description = "Malformed", body = ProblemBody<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn introspect(
    caller: Caller,
    State(state): State<AppState>,
    Form(form): Form<TokenForm>,
) -> Result<Json<Introspection>, Problem> {
    let services = &state.services;
    let origin = caller.origin();
    let about = match form.token.parse::<SessionToken>() {
        Ok(token) => match services.sessions.validate(&token, None, &origin).await? {
            Verdict::Valid(found) => of_session(&found.session),
            Verdict::Refused(_) => Introspection::default(),
        },
        Err(_) => {
            let tokens = &services.access_tokens;
            match tokens.validate(&form.token, None, &origin).await? {
                // To the second: who asks may be told a time that is over, and must not take it for a
                // time to come.
                BearerVerdict::Valid { claims, found }
                    if claims.expires_at > services.sessions.now() =>
                {
                    of_access(&claims, &found.session)
                }
                _ => Introspection::default(),
            }
        }
    };
    Ok(Json(about))
}

fn of_session(session: &Session) -> Introspection {
    let metadata = &session.metadata;
    Introspection {
        active: true,
        token_type: Some("session_token"),
        sub: Some(session.user_id.as_str().to_owned()),
        sid: Some(session.id.to_string()),
        jti: None,
        iat: Some(session.created_at.timestamp()),
        exp: Some(session.expires_at.timestamp()),
        role: Some(metadata.role().to_owned()),
        permissions: Some(owned(metadata.permissions())),
    }
}

/// The rights are those that the session has now, which may be others than when the token was issued.
fn of_access(claims: &AccessClaims, session: &Session) -> Introspection {
    Introspection {
        active: true,
        token_type: Some("access_token"),
        sub: Some(claims.user_id.as_str().to_owned()),
        sid: Some(claims.session_id.to_string()),
        jti: Some(claims.id.to_string()),
        iat: Some(claims.issued_at.timestamp()),
        exp: Some(claims.expires_at.timestamp()),
        role: Some(session.metadata.role().to_owned()),
        permissions: Some(owned(session.metadata.permissions())),
    }
}

fn owned(texts: &[Box<str>]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}
