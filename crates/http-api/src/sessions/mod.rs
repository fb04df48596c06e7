//! The service face: what a backend does with its users' sessions.

mod activity;
mod create;
mod end;
mod end_user;
mod extend;
mod get;
mod given_tokens;
mod list;
mod patch;
mod refresh;
mod refresh_json;
mod refreshes;
mod session_json;
mod session_path;
mod stats;
mod token;
mod validate;
mod validate_path;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create::create))
        .routes(routes!(validate::validate))
        .routes(routes!(validate_path::validate_path))
        .routes(routes!(stats::stats))
        .routes(routes!(get::get, patch::patch, end::end))
        .routes(routes!(activity::activity))
        .routes(routes!(extend::extend))
        .routes(routes!(token::token))
        .routes(routes!(refresh::refresh))
        .routes(routes!(refreshes::refreshes))
        .routes(routes!(end_user::end_user))
        .routes(routes!(list::list))
}
