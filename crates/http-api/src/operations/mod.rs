//! The operations face: for probes and people who run the server.

mod health;
mod health_sessions;
mod ready;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::AppState;

pub(crate) use health_sessions::redis_health;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(ready::ready))
        .routes(routes!(health_sessions::health_sessions))
}
