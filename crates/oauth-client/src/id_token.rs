use chrono::{DateTime, Utc};
use serde_json::Value;
use session_core::{IdTokenClaims, ProviderSubject};
use subtle::ConstantTimeEq as _;

use crate::claims::{Broken, Claims, check_parties, check_times, session, subject};

const MAX_NAME_BYTES: usize = 255;

/// The rules of an ID token that its signature does not tell (OpenID Connect Core §3.1.3.7).
pub(crate) fn id_token_claims(
    claims: &Claims,
    issuer: &str,
    client: &str,
    nonce: &str,
    now: DateTime<Utc>,
) -> Result<IdTokenClaims, Broken> {
    check_parties(claims, issuer, client)?;
    check_times(claims, now)?;
    let shown = claims.get("nonce").and_then(Value::as_str);
    let shown = shown.ok_or("`nonce` is missing")?;
    if !bool::from(shown.as_bytes().ct_eq(nonce.as_bytes())) {
        return Err("`nonce` is another login's");
    }
    let is_verified = claims.get("email_verified") == Some(&Value::Bool(true));
    Ok(IdTokenClaims {
        subject: ProviderSubject {
            issuer: issuer.into(),
            subject: subject(claims)?.ok_or("`sub` is missing")?,
        },
        session: session(claims)?,
        email: shown_text(claims, "email").filter(|_| is_verified),
        name: shown_text(claims, "name"),
    })
}

/// A text for people, passed over where it is none: nothing hangs on it.
fn shown_text(claims: &Claims, name: &str) -> Option<Box<str>> {
    let text = claims.get(name)?.as_str()?.trim();
    let is_text = (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    is_text.then(|| text.into())
}
