use chrono::{DateTime, Utc};

use crate::uuid_v7::uuid_v7;
use crate::{SessionId, UserId};

uuid_v7! {
    /// Names an access token: its `jti` (RFC 7519 §4.1.7), by which it is revoked.
    AccessTokenId
}

/// What an access token says of its bearer (RFC 9068 §2.2).
///
/// Who issued it and for whom it is meant (`iss`, `aud`) is the signer's own matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub`: whose it is.
    pub user_id: UserId,
    /// `sid`: the session that must still be live.
    pub session_id: SessionId,
    /// `jti`.
    pub id: AccessTokenId,
    /// `iat`, in whole seconds.
    pub issued_at: DateTime<Utc>,
    /// `exp`, in whole seconds: refused from then on.
    pub expires_at: DateTime<Utc>,
    /// `role`, as it was when the token was issued.
    pub role: Box<str>,
    /// `permissions`, likewise.
    pub permissions: Vec<Box<str>>,
}
