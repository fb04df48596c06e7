//! What both kinds of signed statement have in common.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// By how much a provider's clock may differ from ours, in milliseconds (requirement 32).
const LEEWAY_MILLIS: i64 = 10_000;
/// The end of the year 9999.
const LAST_SECOND: f64 = 253_402_300_799.0;
const MAX_SESSION_BYTES: usize = 255;

pub(crate) type Claims = Map<String, Value>;
/// Which rule is broken.
pub(crate) type Broken = &'static str;

/// `iss`, `aud` and `azp` (OpenID Connect Core §3.1.3.7, 2 to 5).
pub(crate) fn check_parties(claims: &Claims, issuer: &str, client: &str) -> Result<(), Broken> {
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err("`iss` is another issuer");
    }
    let is_us = |value: &Value| value.as_str() == Some(client);
    let several = match claims.get("aud") {
        Some(Value::Array(several)) if several.iter().all(Value::is_string) => {
            if !several.iter().any(is_us) {
                return Err("`aud` is another client");
            }
            several.len() > 1
        }
        Some(one) if is_us(one) => false,
        _ => return Err("`aud` is another client"),
    };
    match claims.get("azp") {
        Some(party) if is_us(party) => Ok(()),
        Some(_) => Err("`azp` is another client"),
        None if several => Err("`azp` is missing beside several in `aud`"),
        None => Ok(()),
    }
}

/// `exp`, `iat` and `nbf` (RFC 7519 §4.1); when it was issued, in milliseconds.
pub(crate) fn check_times(claims: &Claims, now: DateTime<Utc>) -> Result<i64, Broken> {
    let now = now.timestamp_millis();
    let end = claims.get("exp").and_then(millis);
    let end = end.ok_or("`exp` is missing or no time")?;
    if now >= end + LEEWAY_MILLIS {
        return Err("it has expired");
    }
    let issued = claims.get("iat").and_then(millis);
    let issued = issued.ok_or("`iat` is missing or no time")?;
    if issued > now + LEEWAY_MILLIS {
        return Err("it is issued in the future");
    }
    if let Some(begin) = claims.get("nbf") {
        let begin = millis(begin).ok_or("`nbf` is no time")?;
        if begin > now + LEEWAY_MILLIS {
            return Err("it is not good yet");
        }
    }
    Ok(issued)
}

/// A time in seconds since 1970, with fractions or without (RFC 7519 §2), in milliseconds.
pub(crate) fn millis(value: &Value) -> Option<i64> {
    let seconds = value.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "from 0 to the year 9999, in milliseconds"
    )]
    (0.0..=LAST_SECOND)
        .contains(&seconds)
        .then_some((seconds * 1000.0) as i64)
}

/// `sub` (OpenID Connect Core §2): at most 255 of ASCII.
pub(crate) fn subject(claims: &Claims) -> Result<Option<Box<str>>, Broken> {
    named(claims, "sub", "`sub` is no name of a user")
}

/// `sid` (OpenID Connect Back-Channel Logout 1.0 §2.1).
pub(crate) fn session(claims: &Claims) -> Result<Option<Box<str>>, Broken> {
    named(claims, "sid", "`sid` is no name of a session")
}

pub(crate) fn named(
    claims: &Claims,
    name: &str,
    problem: Broken,
) -> Result<Option<Box<str>>, Broken> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text))
            if (1..=MAX_SESSION_BYTES).contains(&text.len())
                && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) =>
        {
            Ok(Some(text.as_str().into()))
        }
        Some(_) => Err(problem),
    }
}
