//! Which other sites' pages may use the API from a browser (the Fetch standard, "CORS protocol").

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::api::ApiConfig;
use crate::front::REQUEST_ID;

/// How long a browser may remember what it was told.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Lets the origins of the list in, with credentials, and no other; `None` without any: then browsers
/// keep other sites' pages out by themselves.
pub(crate) fn layer(config: &ApiConfig) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = config
        .allowed_origins
        .iter()
        .filter_map(|origin| origin.parse().ok())
        .collect();
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, config.session_header.clone()])
        .expose_headers([REQUEST_ID, RETRY_AFTER])
        .max_age(REMEMBERED);
    Some(layer)
}
