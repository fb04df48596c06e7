use app::{IssuedToken, SessionError, SessionRef};
use axum::extract::State;
use axum::http::StatusCode;
use session_core::{EndReason, SessionToken};

use super::token::TokenForm;
use crate::api::AppState;
use crate::credentials::Caller;
use crate::form::Form;
use crate::problem::{Problem, ProblemBody};

/// Takes a token back: a session token with its whole session, an access token alone.
///
/// One that is unknown, or no good any more, is as good as taken back (RFC 7009 §2.2).
#[utoipa::path(post, path = "/oauth2/revoke", tag = "oauth2",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    security(("service_key" = [])),
    responses(
        (status = 200, description = "It lets nobody in any more"),
        (status = 400, description = "Malformed", body = ProblemBody<'_>),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn revoke(
    caller: Caller,
    State(state): State<AppState>,
    Form(form): Form<TokenForm>,
) -> Result<StatusCode, Problem> {
    let revocations = &state.services.revocations;
    let (reason, origin) = (EndReason::ENDED_BY_SERVICE, caller.origin());
    if let Ok(token) = form.token.parse::<SessionToken>() {
        let which = SessionRef::Token(token);
        let ended = revocations
            .revoke_session(&which, &[], reason, &origin)
            .await;
        match ended {
            Ok(_) | Err(SessionError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    } else if let Ok(claims) = state.services.access_tokens.read(&form.token) {
        let token = IssuedToken::access(&claims);
        revocations
            .revoke_token(&token, &[], reason, &origin)
            .await?;
    }
    Ok(StatusCode::OK)
}
