//! The end-user face: people who sign in, see where they are signed in, and sign out.

mod backchannel_logout;
mod callback;
mod cookie;
mod device;
mod extend;
mod login;
mod login_cookie;
mod logout;
mod me;
mod password;
mod provider_login;
mod refresh;
mod register;
mod revoke;
mod revoke_all;
mod security;
mod sessions;
mod stats;
mod user;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::AppState;

pub(crate) use callback::CALLBACK;
pub(crate) use user::EndUser;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(refresh::refresh))
        .routes(routes!(sessions::sessions, revoke_all::others))
        .routes(routes!(revoke_all::all))
        .routes(routes!(revoke_all::logout_all))
        .routes(routes!(logout::logout))
        .routes(routes!(logout::logout_of_the_seeds))
        .routes(routes!(stats::stats))
        .routes(routes!(revoke::revoke))
        .routes(routes!(security::security))
        .routes(routes!(extend::extend))
        .routes(routes!(me::me))
        .routes(routes!(password::password))
        .routes(routes!(provider_login::start))
        .routes(routes!(callback::visited, callback::posted))
        .routes(routes!(backchannel_logout::logout))
}
