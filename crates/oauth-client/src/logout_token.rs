use chrono::{DateTime, Utc};
use serde_json::Value;
use session_core::{LogoutClaims, ProviderSubject};

use crate::claims::{Broken, Claims, check_parties, check_times, named, session, subject};

/// How old a logout token may be, in milliseconds: it is sent at once, or not at all.
const MAX_AGE_MILLIS: i64 = 5 * 60_000;
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The rules of a logout token that its signature does not tell (OpenID Connect Back-Channel Logout
/// 1.0 §2.6).
pub(crate) fn logout_claims(
    claims: &Claims,
    issuer: &str,
    client: &str,
    now: DateTime<Utc>,
) -> Result<LogoutClaims, Broken> {
    check_parties(claims, issuer, client)?;
    let issued = check_times(claims, now)?;
    if now.timestamp_millis() - issued > MAX_AGE_MILLIS {
        return Err("it was issued too long ago");
    }
    if !claims
        .get("events")
        .and_then(|events| events.get(EVENT))
        .is_some_and(Value::is_object)
    {
        return Err("`events` tells of no logout");
    }
    // Or an ID token could be sent as one.
    if claims.contains_key("nonce") {
        return Err("it has a `nonce`");
    }
    let id = named(claims, "jti", "`jti` is no name of a token")?;
    let said = LogoutClaims {
        subject: subject(claims)?.map(|subject| ProviderSubject {
            issuer: issuer.into(),
            subject,
        }),
        session: session(claims)?,
        id: id.ok_or("`jti` is missing")?,
    };
    if said.subject.is_none() && said.session.is_none() {
        return Err("it names neither a user nor a session");
    }
    Ok(said)
}
