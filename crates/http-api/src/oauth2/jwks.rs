use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use session_core::ports::JsonWebKey;
use utoipa::ToSchema;

use crate::api::AppState;
use crate::json::Json;

#[derive(Serialize, ToSchema)]
pub(crate) struct KeySet {
    /// Newest first.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<JsonWebKey>,
}

/// The public keys of the access tokens (RFC 7517 §5), for whoever checks them without asking here.
///
/// Whoever does so does not learn that a session has ended before its access token expires.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "oauth2",
    responses((status = 200, body = KeySet)))]
pub(crate) async fn jwks(State(state): State<AppState>) -> Response {
    let keys = state.services.access_tokens.public_keys();
    let mut response = Json(KeySet { keys }).into_response();
    // Short, since a token may come that a new key signed.
    let cache = HeaderValue::from_static("public, max-age=60");
    response.headers_mut().insert(CACHE_CONTROL, cache);
    response
}
