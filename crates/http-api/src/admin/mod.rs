//! The admin face: for operators. Whatever is added here is refused to everyone else by the guard
//! around all of it.

mod audit;
mod cleanup;
mod encryption;
mod guard;
mod revocations;
mod security;
mod sessions;
mod suspend;
mod terminate;
mod users;

use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::AppState;

pub(crate) fn routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(sessions::sessions, terminate::terminate))
        .routes(routes!(suspend::suspend))
        .routes(routes!(suspend::resume))
        .routes(routes!(security::security))
        .routes(routes!(audit::audit))
        .routes(routes!(audit::verify))
        .routes(routes!(revocations::revocations))
        .routes(routes!(users::users, users::create))
        .routes(routes!(users::user, users::change, users::delete))
        .routes(routes!(encryption::encryption_keys))
        .routes(routes!(encryption::reencrypt))
        .routes(routes!(cleanup::cleanup))
        .routes(routes!(cleanup::cleanup_of_the_seeds))
        .route_layer(from_fn_with_state(state.clone(), guard::require_admin))
}
