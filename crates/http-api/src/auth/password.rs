use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use session_core::Password;
use utoipa::ToSchema;

use super::EndUser;
use super::login::{SignedInJson, answer};
use crate::api::AppState;
use crate::credentials::is_by_cookie;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

#[derive(Deserialize, ToSchema)]
pub(crate) struct PasswordRequest {
    current_password: String,
    new_password: String,
}

/// Replaces the password. All of the user's sessions end; a new one begins in the place of this one, and
/// its credentials are the answer.
#[utoipa::path(post, path = "/auth/password", tag = "auth", request_body = PasswordRequest,
    security(("session_token" = []), ("access_token" = [])),
    responses(
        (status = 200, body = SignedInJson),
        (status = 400, description = "Malformed, or the new password is too short or too common", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or the current password is wrong", body = ProblemBody<'_>),
        (status = 404, description = "The user is not one with a password here", body = ProblemBody<'_>),
        (status = 409, description = "The account was changed at the same time", body = ProblemBody<'_>),
        (status = 503, description = "Too many at once, or the store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn password(
    user: EndUser,
    State(state): State<AppState>,
    headers: HeaderMap,
    Json(body): Json<PasswordRequest>,
) -> Result<Response, Problem> {
    let current = Password::new(&body.current_password)?;
    let new = Password::new(&body.new_password)?;
    let mut client = user.info().client();
    // The device has not changed.
    client.device_fingerprint = user.session.client.device_fingerprint.clone();
    let signed_in = state
        .services
        .accounts
        .change_password(&user.session, &current, &new, client, &user.origin())
        .await?;
    // The new token goes where the one before came from.
    let by_cookie = is_by_cookie(&headers, &state.config);
    Ok(answer(signed_in, by_cookie, &state))
}
