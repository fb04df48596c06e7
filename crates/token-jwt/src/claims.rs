use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use session_core::ports::TokenRefusal;
use session_core::{AccessClaims, AccessTokenId, SessionId, UserId, parse_strict_json};

/// How many seconds the clocks of two nodes may be apart: some leeway is allowed (RFC 7519 §4.1.4).
pub const LEEWAY_SECONDS: i64 = 5;

/// Whose tokens they are and whom they are for, compared letter by letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenParties {
    /// `iss`: our own name, usually an `https` URL (RFC 8414 §2).
    pub issuer: Box<str>,
    /// `aud`: who accepts the tokens (RFC 8707 §2).
    pub audience: Box<str>,
}

/// The payload (RFC 9068 §2.2). What else a later version may write is skipped.
#[derive(Serialize, Deserialize)]
struct Payload<'a> {
    iss: Cow<'a, str>,
    /// Not the array that RFC 7519 §4.1.3 allows as well: we never write one, and a token for many
    /// is good wherever one of them is broken into.
    aud: Cow<'a, str>,
    sub: Cow<'a, str>,
    sid: SessionId,
    jti: AccessTokenId,
    iat: i64,
    exp: i64,
    /// Never written, and honoured all the same.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    nbf: Option<i64>,
    role: Cow<'a, str>,
    permissions: Cow<'a, [Box<str>]>,
}

/// The payload of a token with these claims.
pub(crate) fn write(
    claims: &AccessClaims,
    parties: &TokenParties,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Payload {
        iss: (&*parties.issuer).into(),
        aud: (&*parties.audience).into(),
        sub: claims.user_id.as_str().into(),
        sid: claims.session_id,
        jti: claims.id,
        iat: claims.issued_at.timestamp(),
        exp: claims.expires_at.timestamp(),
        nbf: None,
        role: (&*claims.role).into(),
        permissions: (&*claims.permissions).into(),
    })
}

/// What a payload says, which is only asked once its signature is known to be ours.
pub(crate) fn read(
    payload: &[u8],
    parties: &TokenParties,
    now: DateTime<Utc>,
) -> Result<AccessClaims, TokenRefusal> {
    let payload = Payload::parse(payload).ok_or(TokenRefusal::Invalid)?;
    let now = now.timestamp();
    let is_ours = payload.iss == *parties.issuer && payload.aud == *parties.audience;
    // Seconds from outside may be any: sums of them stop at the end of the range.
    let soon = now.saturating_add(LEEWAY_SECONDS);
    let has_begun = payload.iat <= soon && payload.nbf.is_none_or(|nbf| nbf <= soon);
    if !is_ours || !has_begun {
        return Err(TokenRefusal::Invalid);
    }
    let expired = payload.exp.saturating_add(LEEWAY_SECONDS) <= now;
    let claims = payload.claims().ok_or(TokenRefusal::Invalid)?;
    // Last, so that "expired" is only said of a token that was good.
    if expired {
        return Err(TokenRefusal::Expired);
    }
    Ok(claims)
}

impl Payload<'static> {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let value = parse_strict_json(bytes).ok()?;
        // serde would take an array of the values too.
        let object = value.is_object().then_some(value)?;
        serde_json::from_value(object).ok()
    }

    fn claims(self) -> Option<AccessClaims> {
        Some(AccessClaims {
            user_id: UserId::new(&self.sub).ok()?,
            session_id: self.sid,
            id: self.jti,
            issued_at: DateTime::from_timestamp(self.iat, 0)?,
            expires_at: DateTime::from_timestamp(self.exp, 0)?,
            role: self.role.into(),
            permissions: self.permissions.into_owned(),
        })
    }
}

/// A member that may be left out, but not be `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}
