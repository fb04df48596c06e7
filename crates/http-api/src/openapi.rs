//! The description of the API, and the page that shows it, both from this binary alone.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Info, OpenApi};
use utoipa_swagger_ui::Config;

use crate::api::AppState;
use crate::problem::Problem;

/// What the routes' own descriptions are added to.
pub(crate) fn description() -> OpenApi {
    let info = Info::builder()
        .title("sessiond")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "User sessions: create, validate, extend, list and end them; rate limits; what operators \
             need.",
        ))
        .build();
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A service key (`svc_…`) or an admin key (`adm_…`)."))
        .build();
    let admin_key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An admin key (`adm_…`)."))
        .build();
    let admin_token = ApiKeyValue::with_description(
        "X-Session-ID",
        "The token of a session whose role is `admin`.",
    );
    let token = ApiKeyValue::with_description("X-Session-ID", "A session token.");
    let access_token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token."))
        .build();
    let components = ComponentsBuilder::new()
        .security_scheme("access_token", SecurityScheme::Http(access_token))
        .security_scheme("service_key", SecurityScheme::Http(key))
        .security_scheme("admin_key", SecurityScheme::Http(admin_key))
        .security_scheme(
            "admin_session",
            SecurityScheme::ApiKey(ApiKey::Header(admin_token)),
        )
        .security_scheme(
            "session_token",
            SecurityScheme::ApiKey(ApiKey::Header(token)),
        )
        .build();
    OpenApi::builder()
        .info(info)
        .components(Some(components))
        .build()
}

/// `/openapi.json` and `/docs`.
pub(crate) fn routes(description: OpenApi) -> Router<AppState> {
    // Plain data: this cannot fail.
    let json: Arc<str> = serde_json::to_string(&description)
        .unwrap_or_default()
        .into();
    let config = Arc::new(Config::from("/openapi.json").validator_url("none"));
    Router::new()
        .route(
            "/openapi.json",
            get(async move || ([(CONTENT_TYPE, "application/json")], json.to_string())),
        )
        // The page names its parts relative to itself.
        .route("/docs", get(async || Redirect::to("/docs/index.html")))
        .route(
            "/docs/{file}",
            get(async move |Path(file): Path<String>| page(&file, config)),
        )
}

fn page(file: &str, config: Arc<Config<'static>>) -> Response {
    // Only the page itself is opened up, and only to what it brings along.
    const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' \
                          'unsafe-inline'; frame-ancestors 'none'";
    match utoipa_swagger_ui::serve(file, config) {
        Ok(Some(file)) => {
            let headers = [
                (CONTENT_TYPE, file.content_type.as_str()),
                (CONTENT_SECURITY_POLICY, POLICY),
                (CACHE_CONTROL, "max-age=3600"),
            ];
            (headers, Body::from(file.bytes.into_owned())).into_response()
        }
        Ok(None) => Problem::no_such_route().into_response(),
        Err(error) => Problem::internal(error.to_string()).into_response(),
    }
}
