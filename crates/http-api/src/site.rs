//! Which pages may speak for the user of a browser: a cookie goes along with whatever asks.

use app::Origin;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};
use session_core::UserId;

use crate::api::{ApiConfig, AppState};
use crate::problem::Problem;

static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Whether a browser says that a page of this site asks, or one of the origins that are allowed: by
/// `Origin`; by `Sec-Fetch-Site`; or, where it does not send that, by an `Origin` of the very host that
/// was asked, over https where cookies are for that alone. Neither is a no.
pub(crate) fn is_own_page(headers: &HeaderMap, config: &ApiConfig) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN);
    if origin.is_some_and(|origin| config.allows_origin(origin)) {
        return true;
    }
    if let Some(site) = headers.get(&FETCH_SITE) {
        return site == "same-origin";
    }
    let (Some(origin), Some(host)) = (origin, text(HOST)) else {
        return false;
    };
    origin.split_once("://").is_some_and(|(scheme, authority)| {
        let is_fit = scheme.eq_ignore_ascii_case("https") || !config.secure_cookies;
        is_fit && authority.eq_ignore_ascii_case(host)
    })
}

const CODE: &str = "cross_site";
const DETAIL: &str = "A cookie is no proof of intent: the request does not come from this site.";

/// Refuses what a page of this site does not ask, where nobody is known yet.
pub(crate) fn check(headers: &HeaderMap, config: &ApiConfig) -> Result<(), Problem> {
    if is_own_page(headers, config) {
        Ok(())
    } else {
        Err(Problem::forbidden(CODE, DETAIL))
    }
}

/// Refuses what a page of another site asks by itself, where it is for people who go there: a browser
/// says of a link or a redirect that the whole window goes (Fetch metadata), of a picture or a frame
/// that it does not. Without such words it is no browser that another site could use.
pub(crate) fn check_visit(headers: &HeaderMap, config: &ApiConfig) -> Result<(), Problem> {
    let is = |name, known: &str| headers.get(name).is_none_or(|value| value == known);
    if is_own_visit(headers, config) || (is(&FETCH_MODE, "navigate") && is(&FETCH_DEST, "document"))
    {
        return Ok(());
    }
    let detail = "This is for people who go there, not for what another site's page loads.";
    Err(Problem::forbidden(CODE, detail))
}

/// Whether nobody but the user, or a page of this site, sent the browser here.
pub(crate) fn is_own_visit(headers: &HeaderMap, config: &ApiConfig) -> bool {
    let site = headers.get(&FETCH_SITE);
    site.is_none_or(|site| site == "none") || is_own_page(headers, config)
}

/// The same for somebody who is known, who leaves a record.
pub(crate) async fn cross_site(state: &AppState, user_id: UserId, origin: &Origin<'_>) -> Problem {
    denied(state, Some(user_id), CODE, DETAIL, origin).await
}

/// Refuses somebody who is known, and leaves a record.
pub(crate) async fn denied(
    state: &AppState,
    user_id: Option<UserId>,
    code: &'static str,
    detail: &'static str,
    origin: &Origin<'_>,
) -> Problem {
    let security = &state.services.security;
    security.log_denied(user_id, code, origin).await;
    Problem::forbidden(code, detail)
}
