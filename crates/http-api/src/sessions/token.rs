use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use session_core::ProviderToken;
use utoipa::ToSchema;

use super::session_path::ProvenSession;
use crate::api::AppState;
use crate::json::Json;
use crate::problem::{Problem, ProblemBody};

#[derive(Serialize, ToSchema)]
pub(crate) struct TokenJson {
    #[serde(serialize_with = "exposed")]
    #[schema(value_type = String)]
    access_token: ProviderToken,
    /// How it is to be used.
    #[schema(example = "Bearer", value_type = String)]
    token_type: Box<str>,
    /// When it expires; null where the provider did not tell.
    expires_at: Option<DateTime<Utc>>,
    /// What the user granted.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Box<str>>,
    /// Who issued it.
    provider: String,
}

/// The provider's access token of a session: live, and renewed first when it is due.
///
/// However many ask at once, the provider is asked once. While it is away, the token before is handed
/// out for as long as it is good. This is the one answer that shows a provider's token.
#[utoipa::path(get, path = "/sessions/{session_id}/token", tag = "provider tokens",
    params(("session_id" = String, Path, description = "A session token")),
    security(("service_key" = [])),
    responses(
        (status = 200, body = TokenJson),
        (status = 401, description = "No key, or an unknown one", body = ProblemBody<'_>),
        (status = 404, description = "No live session with this token, or one without tokens of a provider", body = ProblemBody<'_>),
        (status = 409, description = "The user must sign in with the provider again", body = ProblemBody<'_>),
        (status = 500, description = "What is stored was altered", body = ProblemBody<'_>),
        (status = 503, description = "No live token now: the provider or the store is away, or an operator has to mend something", body = ProblemBody<'_>, headers(
            ("Retry-After" = u64, description = "Seconds after which it is worth another try"),
        )),
    ))]
pub(crate) async fn token(
    ProvenSession(which, caller): ProvenSession,
    State(state): State<AppState>,
) -> Result<Json<TokenJson>, Problem> {
    let tokens = &state.services.tokens;
    let live = tokens.live_token(&which, &caller.origin()).await?;
    Ok(Json(TokenJson {
        access_token: live.access_token,
        token_type: live.token_type,
        expires_at: live.expires_at,
        scopes: live.scopes,
        provider: live.provider.to_string(),
    }))
}

fn exposed<S: serde::Serializer>(token: &ProviderToken, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose())
}
