//! What OAuth has standards for: who asks about tokens, takes them back, or checks them.

mod introspect;
mod jwks;
mod revoke;
mod token;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(introspect::introspect))
        .routes(routes!(revoke::revoke))
        .routes(routes!(jwks::jwks))
}
