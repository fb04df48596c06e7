//! The cookie that ties a login with a provider to the browser that it was begun in.
//!
//! Each login has one of its own, so that two tabs do not take each other's; its name is part of a hash
//! of the login's state.

use std::collections::HashSet;

use axum::http::HeaderMap;
use axum::response::Response;

use super::cookie::write;
use crate::api::ApiConfig;
use crate::credentials::all_cookies;

/// For how long it is kept, in seconds: as long as a login may take.
const MAX_AGE: i64 = 600;
/// Logins of one browser that may be under way at once.
const AT_ONCE: usize = 5;
/// Most that are taken away with one answer.
const TAKEN_AWAY: usize = 16;

/// Hands the cookie of a login out. Where there are too many, the oldest go: a browser sends those
/// first (RFC 6265 §5.4).
pub(super) fn set(
    response: &mut Response,
    tag: &str,
    binding: &str,
    headers: &HeaderMap,
    config: &ApiConfig,
) {
    let mut seen = HashSet::new();
    let prefix = config.login_cookies().as_bytes();
    let before: Vec<&[u8]> = all_cookies(headers)
        .filter_map(|(name, _)| name.strip_prefix(prefix))
        .filter(|tag| seen.insert(*tag))
        .collect();
    let surplus = (before.len() + 1).saturating_sub(AT_ONCE);
    for old in before.into_iter().take(surplus.min(TAKEN_AWAY)) {
        if let Ok(old) = std::str::from_utf8(old) {
            clear(response, old, config);
        }
    }
    write(response, &name(tag, config), binding, Some(MAX_AGE), config);
}

/// What the browser kept of the login with this tag; nothing where it says two things.
pub(super) fn read(headers: &HeaderMap, tag: &str, config: &ApiConfig) -> Option<String> {
    let name = name(tag, config);
    let mut values = all_cookies(headers)
        .filter(|(key, _)| *key == name.as_bytes())
        .map(|(_, value)| value);
    let first = values.next()?;
    if values.any(|other| other != first) {
        return None;
    }
    String::from_utf8(first.to_vec()).ok()
}

/// Takes the cookie of a login away.
pub(super) fn clear(response: &mut Response, tag: &str, config: &ApiConfig) {
    write(response, &name(tag, config), "", Some(0), config);
}

fn name(tag: &str, config: &ApiConfig) -> String {
    format!("{}{tag}", config.login_cookies())
}
