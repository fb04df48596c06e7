use app::Actor;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use session_core::Password;
use utoipa::ToSchema;

use crate::api::AppState;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};
use crate::request_info::RequestInfo;

#[derive(Deserialize, ToSchema)]
pub(crate) struct RegisterRequest {
    #[schema(example = "ada@example.org")]
    email: String,
    /// At least 15 characters, unless the deployment says otherwise, and none that is tried first.
    password: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Registered {
    user_id: String,
    email: String,
}

/// Makes an account, where the deployment lets anyone do that (`SESSION_REGISTRATION`).
#[utoipa::path(post, path = "/auth/register", tag = "auth", request_body = RegisterRequest,
    responses(
        (status = 201, body = Registered),
        (status = 400, description = "Malformed, or the password is too short or too common", body = ProblemBody<'_>),
        (status = 404, description = "Registration is closed", body = ProblemBody<'_>),
        (status = 409, description = "The address has an account already", body = ProblemBody<'_>),
        (status = 429, description = "Too many registrations from this address", body = ProblemBody<'_>),
        (status = 503, description = "Too many at once, or the store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn register(
    _: Open,
    State(state): State<AppState>,
    info: RequestInfo,
    Json(body): Json<RegisterRequest>,
) -> Result<Response, Problem> {
    let (email, password) = (body.email.parse()?, Password::new(&body.password)?);
    let accounts = &state.services.accounts;
    let origin = info.origin(Actor::Bearer);
    let account = accounts.register(email, &password, &origin).await?;
    let body = Registered {
        user_id: account.id.to_string(),
        email: account.email.as_str().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Registration is open. Asked before the body is read: where it is closed, nothing is there.
pub(crate) struct Open;

impl FromRequestParts<AppState> for Open {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        if state.config.registration {
            Ok(Self)
        } else {
            Err(Problem::no_such_route())
        }
    }
}
