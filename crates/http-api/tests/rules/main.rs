//! The rules of the HTTP face, a file a subject: requests in, answers out, no sockets, no sleeping.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking, and so do the functions that they share"
)]

mod access_tokens;
mod admin;
mod admin_users;
mod audit;
mod bad_input;
mod cookie_mode;
mod docs;
mod encryption;
mod except;
mod hijacking;
mod https;
mod keys;
mod limits;
mod list;
mod login;
mod oauth2;
mod operations;
mod own_sessions;
mod password;
mod provider_failures;
mod provider_login;
mod provider_refreshes;
mod provider_secrets;
mod provider_tokens;
mod rate_limits;
mod refresh;
mod revocation;
mod routing;
mod store_down;
mod support;
mod timeouts;
mod tour;
mod validate;
