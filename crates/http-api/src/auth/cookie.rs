//! The session token as a cookie: for browsers, out of reach of scripts.

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use chrono::{DateTime, Utc};
use session_core::{Session, SessionToken};

use crate::api::ApiConfig;

static CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Hands a session token out as a cookie (RFC 6265bis §4.1): for this host alone, not for scripts, not
/// along with what other sites ask. It goes with the browser's session, unless the user asked to be
/// remembered.
pub(crate) fn set(
    response: &mut Response,
    token: &SessionToken,
    session: &Session,
    now: DateTime<Utc>,
    config: &ApiConfig,
) {
    let lifetime = session
        .remember_me
        .then(|| (session.expires_at - now).num_seconds().max(0));
    let name = config.session_cookie();
    write(response, name, &token.expose(), lifetime, config);
}

/// Takes the cookie away.
pub(crate) fn clear(response: &mut Response, config: &ApiConfig) {
    write(response, config.session_cookie(), "", Some(0), config);
}

/// Takes the cookie away, and what the browser keeps of this site.
///
/// `"cookies"` is left out of `Clear-Site-Data`: it would take those of all other hosts of the domain
/// along, and with them what has nothing to do with this server.
pub(crate) fn clear_site(response: &mut Response, config: &ApiConfig) {
    clear(response, config);
    let what = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert(&CLEAR_SITE_DATA, what);
}

/// Hands a cookie out; for `max_age` seconds, or as long as the browser's session.
pub(super) fn write(
    response: &mut Response,
    name: &str,
    value: &str,
    max_age: Option<i64>,
    config: &ApiConfig,
) {
    let mut cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax");
    if config.secure_cookies {
        cookie.push_str("; Secure");
    }
    if let Some(seconds) = max_age {
        cookie.push_str(&format!("; Max-Age={seconds}"));
    }
    // A token is visible ASCII without any sign that means something in a cookie.
    if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
