//! What a backend may ask of the guards: its own rate limits.

mod rate_limit;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(rate_limit::check))
        .routes(routes!(rate_limit::reset))
}
