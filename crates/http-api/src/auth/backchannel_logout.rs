use app::{Actor, ProviderLogoutError};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use session_core::ProviderName;
use utoipa::ToSchema;

use crate::api::AppState;
use crate::form::Form;
use crate::json::{Json, Path};
use crate::problem::{Problem, ProblemBody};
use crate::request_info::RequestInfo;

#[derive(Deserialize, ToSchema)]
pub(crate) struct LogoutForm {
    /// What the provider signed.
    logout_token: String,
}

/// Why a logout token is refused, as the standard has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogoutRefused {
    #[schema(example = "invalid_request")]
    error: &'static str,
}

/// A provider says that a user signed out there (OpenID Connect Back-Channel Logout 1.0).
///
/// A token that names a presence at the provider (`sid`) ends the sessions that came of it, any other
/// all of the user's. It is good once.
#[utoipa::path(post, path = "/auth/backchannel-logout/{provider}", tag = "auth",
    params(("provider" = String, Path, description = "Its name in the settings")),
    request_body(content = LogoutForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The sessions have ended, if there were any"),
        (status = 400, description = "Not the provider's word, or heard before", body = LogoutRefused),
        (status = 404, description = "Nobody signs in with a provider of this name", body = ProblemBody<'_>),
        (status = 503, description = "The provider's keys, or the store, are away: to be sent again", body = ProblemBody<'_>),
    ))]
pub(crate) async fn logout(
    State(state): State<AppState>,
    info: RequestInfo,
    Path(provider): Path,
    form: Result<Form<LogoutForm>, Problem>,
) -> Result<Response, Problem> {
    let provider = ProviderName::new(&provider).map_err(|_| Problem::no_such_provider())?;
    let Ok(Form(form)) = form else {
        return Ok(refused());
    };
    let (logins, origin) = (
        &state.services.provider_logins,
        info.origin(Actor::Provider(provider.as_str())),
    );
    let ended = logins
        .logout_by_provider(&provider, &form.logout_token, &origin)
        .await;
    match ended {
        Ok(_) => Ok(StatusCode::OK.into_response()),
        Err(ProviderLogoutError::Refused(rule)) => {
            // The audit log has it, as often as the rate limit allows; anybody can send any number.
            tracing::debug!(%provider, rule, "a logout token is refused");
            Ok(refused())
        }
        Err(ProviderLogoutError::UnknownProvider) => Err(Problem::no_such_provider()),
        Err(ProviderLogoutError::Session(error)) => Err(error.into()),
        Err(ProviderLogoutError::ProviderAway { retry_after, cause }) => {
            Err(Problem::provider_away(retry_after, cause.to_string()))
        }
    }
}

/// §2.8 of the standard.
fn refused() -> Response {
    let body = LogoutRefused {
        error: "invalid_request",
    };
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
